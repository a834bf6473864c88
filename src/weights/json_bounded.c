/* Bounded JSON reading; see json_bounded.h. */
#include "weights/json_bounded.h"

/* Walks over the text once, counting what the parser would have to hold. Broken text passes:
 * finding that is the parser's business. */
static thorax_status check_bounds(const char *text, size_t size, const char *file, const char *what,
                                  uint64_t at, thorax_error *err)
{
    size_t depth = 0, values = 0;
    bool in_string = false;

    for (size_t i = 0; i < size; i++) {
        const char c = text[i];

        if (in_string) {
            if (c == '\\') i++;
            else if (c == '"') in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == ',') {
            values++;
        } else if ((c == '{' || c == '[') && ++depth > THX_JSON_MAX_DEPTH) {
            return thx_fail(err, THORAX_FORMAT, at + i, "%s: JSON of the %s is nested more than %d deep",
                            file, what, THX_JSON_MAX_DEPTH);
        } else if ((c == '}' || c == ']') && depth) {
            depth--;
        }
    }
    if (values > THX_JSON_MAX_VALUES)
        return thx_fail(err, THORAX_LIMIT, at, "%s: JSON of the %s has %zu values, the limit is %d",
                        file, what, values, THX_JSON_MAX_VALUES);
    return THORAX_OK;
}

thorax_status thx_json_bounded(json_t **out, const char *text, size_t size, const char *file,
                            const char *what, uint64_t at, thorax_error *err)
{
    json_error_t why;

    *out = NULL;
    if (size > THX_JSON_MAX_BYTES)
        return thx_fail(err, THORAX_LIMIT, at, "%s: %s of %zu bytes, the limit is %d", file, what, size,
                        THX_JSON_MAX_BYTES);
    const thorax_status st = check_bounds(text, size, file, what, at, err);
    if (st) return st;

    *out = json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
    if (!*out && json_error_code(&why) == json_error_out_of_memory)
        return thx_fail(err, THORAX_NOMEM, at, "%s: no memory for the %s", file, what);
    if (!*out)
        return thx_fail(err, THORAX_FORMAT, at + (why.position > 0 ? (uint64_t)why.position : 0),
                        "%s: JSON of the %s is broken: %s", file, what, why.text);
    if (!json_is_object(*out)) {
        json_decref(*out);
        *out = NULL;
        return thx_fail(err, THORAX_FORMAT, at, "%s: expected a JSON object as %s", file, what);
    }
    return THORAX_OK;
}
