/* JSON from files that nobody vouches for: size, depth and number of values are bounded before
 * the parser sees them, names may not repeat, and the outermost value is an object. */
#ifndef THX_WEIGHTS_JSON_BOUNDED_H
#define THX_WEIGHTS_JSON_BOUNDED_H

#include <jansson.h>

#include "base/error.h"

enum {
    THX_JSON_MAX_BYTES  = 100000000, /* the limit the safetensors library itself sets on a header */
    THX_JSON_MAX_DEPTH  = 16,        /* headers and indexes need 3                                */
    THX_JSON_MAX_VALUES = 4000000    /* commas; some 300 MB once parsed                           */
};

/* `what` says in an error which part of `file` this is ("header", "index"); `at` is where it
 * begins in the file. The caller drops *out with json_decref.
 *
 * THORAX_FORMAT, THORAX_LIMIT (bytes, values), THORAX_NOMEM. */
thorax_status thx_json_bounded(json_t **out, const char *text, size_t size, const char *file,
                            const char *what, uint64_t at, thorax_error *err);

#endif
