/* JSON files of a model folder, read whole. */
#ifndef THX_TEXT_CONFIG_H
#define THX_TEXT_CONFIG_H

#include "base/error.h"

#include <jansson.h>

/* An object from folder/name; NULL with THORAX_OK where the file is absent. Whole numbers become
 * reals: every published tokenizer_config.json has a model_max_length of 10^30, which no integer
 * holds. THORAX_IO, THORAX_LIMIT (over 16 MB), THORAX_FORMAT, THORAX_NOMEM. */
thorax_status thx_text_config(json_t **out, const char *folder, const char *name,
                              thorax_error *err);

/* A truth value of an object, which may be NULL; `otherwise` where there is none. */
bool thx_text_flag(const json_t *config, const char *key, bool otherwise);

#endif
