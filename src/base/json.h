/* JSON files by Jansson, under limits: configs of untrusted folders. */
#ifndef THX_BASE_JSON_H
#define THX_BASE_JSON_H

#include "base/error.h"

#include <jansson.h>

/* Reads a JSON object. The caller decrefs *out.
 * THORAX_IO: no such file; THORAX_LIMIT: larger than max_bytes; THORAX_FORMAT: not JSON, not an object,
 * nested deeper than Jansson allows, a key twice; the text names file, line and reason. */
thorax_status thx_json_read(json_t **out, const char *path, size_t max_bytes, thorax_error *err);

/* ---- Members of a config: a missing key (or null) takes the default, a wrong kind or range is an error ----
 * `where` names the file in messages. THORAX_FORMAT. */
thorax_status thx_json_size(size_t *out, const json_t *object, const char *key, size_t fallback, size_t min, size_t max,
                            const char *where, thorax_error *err);
thorax_status thx_json_real(double *out, const json_t *object, const char *key, double fallback, double min, double max,
                            const char *where, thorax_error *err);
thorax_status thx_json_flag(bool *out, const json_t *object, const char *key, bool fallback, const char *where, thorax_error *err);
/* Borrowed from the object; fallback may be NULL. */
thorax_status thx_json_text(const char **out, const json_t *object, const char *key, const char *fallback,
                            const char *where, thorax_error *err);

/* A file's path as JSON text, whatever bytes it holds: those beyond ASCII become "?" where it is not UTF-8.
 * NULL when memory runs out. */
json_t *thx_json_path(const char *path);

#endif
