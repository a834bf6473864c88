/* JSON configs; see json.h. */
#include "base/json.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>

thorax_status thx_json_read(json_t **out, const char *path, size_t max_bytes, thorax_error *err)
{
    char *data;
    size_t size;
    json_error_t why;

    *out = NULL;
    thorax_status st = thx_file_read(&data, &size, path, max_bytes, err);
    if (st) return st;
    json_t *json = json_loadb(data, size, JSON_REJECT_DUPLICATES, &why);
    free(data);
    if (!json) return thx_fail(err, THORAX_FORMAT, (uint64_t)why.position, "%s: expected JSON: %s (line %d)", path, why.text, why.line);
    if (!json_is_object(json)) {
        json_decref(json);
        return thx_fail(err, THORAX_FORMAT, 0, "%s: expected a JSON object", path);
    }
    *out = json;
    return THORAX_OK;
}

static const json_t *member(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    return json_is_null(v) ? NULL : v;
}

thorax_status thx_json_size(size_t *out, const json_t *object, const char *key, size_t fallback, size_t min, size_t max,
                            const char *where, thorax_error *err)
{
    const json_t *v = member(object, key);

    *out = fallback;
    if (!v) return THORAX_OK;
    const json_int_t n = json_integer_value(v);
    if (!json_is_integer(v) || n < 0 || (uint64_t)n < min || (uint64_t)n > max)
        return thx_fail(err, THORAX_FORMAT, 0, "%s: %s: expected an integer from %zu to %zu", where, key, min, max);
    *out = (size_t)n;
    return THORAX_OK;
}

thorax_status thx_json_real(double *out, const json_t *object, const char *key, double fallback, double min, double max,
                            const char *where, thorax_error *err)
{
    const json_t *v = member(object, key);

    *out = fallback;
    if (!v) return THORAX_OK;
    const double x = json_number_value(v);
    if (!json_is_number(v) || !(x >= min && x <= max))
        return thx_fail(err, THORAX_FORMAT, 0, "%s: %s: expected a number from %g to %g", where, key, min, max);
    *out = x;
    return THORAX_OK;
}

thorax_status thx_json_flag(bool *out, const json_t *object, const char *key, bool fallback, const char *where, thorax_error *err)
{
    const json_t *v = member(object, key);

    *out = fallback;
    if (!v) return THORAX_OK;
    if (!json_is_boolean(v)) return thx_fail(err, THORAX_FORMAT, 0, "%s: %s: expected true or false", where, key);
    *out = json_is_true(v);
    return THORAX_OK;
}

thorax_status thx_json_text(const char **out, const json_t *object, const char *key, const char *fallback,
                            const char *where, thorax_error *err)
{
    const json_t *v = member(object, key);

    *out = fallback;
    if (!v) return THORAX_OK;
    if (!json_is_string(v)) return thx_fail(err, THORAX_FORMAT, 0, "%s: %s: expected a string", where, key);
    *out = json_string_value(v);
    return THORAX_OK;
}

json_t *thx_json_path(const char *path)
{
    json_t *json = json_string(path); /* NULL where it is not UTF-8 */

    if (json) return json;
    char *plain = strdup(path);
    if (!plain) return NULL;
    for (char *c = plain; *c; c++)
        if ((unsigned char)*c > 0x7f) *c = '?';
    json = json_string(plain);
    free(plain);
    return json;
}
