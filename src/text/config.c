/* JSON files of a model folder; see config.h. */
#include "text/config.h"
#include "base/file.h"

#include <stdlib.h>

enum { MAX_JSON = 16 << 20 };

static thorax_status load(json_t **out, const char *path, thorax_error *err)
{
    char *text;
    size_t size;
    json_error_t e;
    thorax_status st = thx_file_read(&text, &size, path, MAX_JSON, err);

    if (st) return st;
    *out = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &e);
    free(text);
    if (!*out)
        return thx_fail(err, THORAX_FORMAT, (uint64_t)e.position, "%s: %s at byte %d", path, e.text,
                        e.position);
    if (json_is_object(*out)) return THORAX_OK;
    json_decref(*out);
    *out = NULL;
    return thx_fail(err, THORAX_FORMAT, 0, "%s: expected a JSON object", path);
}

thorax_status thx_text_config(json_t **out, const char *folder, const char *name, thorax_error *err)
{
    char *path = thx_path_join(folder, name);
    thorax_status st = THORAX_OK;

    *out = NULL;
    if (!path) return thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", folder);
    if (thx_file_exists(path)) st = load(out, path, err);
    free(path);
    return st;
}

bool thx_text_flag(const json_t *config, const char *key, bool otherwise)
{
    const json_t *value = json_object_get(config, key);
    return json_is_boolean(value) ? json_is_true(value) : otherwise;
}
