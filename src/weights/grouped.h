/* What the metadata of a safetensors file says about grouped matrices; see safetensors.h. */
#ifndef THX_WEIGHTS_GROUPED_H
#define THX_WEIGHTS_GROUPED_H

#include "weights/safetensors.h"

#include <jansson.h>

#define THX_METADATA        "__metadata__"
#define THX_GROUPED_VERSION "thorax.grouped" /* the key; its value: */
#define THX_GROUPED_LAYOUT  "1"
#define THX_GROUPED_PREFIX  "thorax:"        /* and the tensor's name: the key of its line */
#define THX_SUM_PREFIX      "thorax.sha256:" /* and the name of a tensor that is not grouped: the key of its hash */

/* Gives the tensors of a file that are told there their grouped type, their shape and their hash.
 * THORAX_FORMAT: another version, a line that is not as it should be, a tensor that is not there, is no row of
 * bytes, or has another number of them. THORAX_NOMEM. */
thorax_status thx_grouped_read(thx_entry *entries, size_t count, thx_arena *arena, const json_t *header,
                               const char *path, thorax_error *err);

#endif
