/* Grouped matrices in a safetensors file; see grouped.h. */
#include "weights/grouped.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/string.h"

enum { SHA256_DIGITS = 64 };

/* ---- One line: "Q8 [3584, 18944] sha256 9f86d0..." ---- */

static bool take_word(const char **at, const char *word)
{
    const size_t n = strlen(word);

    if (strncmp(*at, word, n)) return false;
    *at += n;
    return true;
}

static bool is_sum(const char *text)
{
    return text && strlen(text) == SHA256_DIGITS && strspn(text, "0123456789abcdef") == SHA256_DIGITS;
}

/* A size of at least 1. */
static bool take_size(uint64_t *out, const char **at)
{
    const char *c = *at;

    *out = 0;
    for (; *c >= '0' && *c <= '9'; c++)
        if (__builtin_mul_overflow(*out, (uint64_t)10, out) ||
            __builtin_add_overflow(*out, (uint64_t)(*c - '0'), out))
            return false;
    const bool some = c > *at && *out;
    *at = c;
    return some;
}

static bool take_line(thx_entry *told, const char *line)
{
    thx_view *v = &told->view;

    if (take_word(&line, "Q8 [")) v->type = THX_Q8;
    else if (take_word(&line, "Q4 [")) v->type = THX_Q4;
    else return false;
    v->rank = 2;
    if (!take_size(&v->shape[0], &line) || !take_word(&line, ", ") || !take_size(&v->shape[1], &line) ||
        !take_word(&line, "] sha256 ") || __builtin_mul_overflow(v->shape[0], v->shape[1], &v->count))
        return false;
    told->sha256 = line;
    return is_sum(line);
}

/* ---- Tensors and lines ---- */

static thorax_status apply(thx_entry *e, thx_arena *arena, const char *line, const char *path, thorax_error *err)
{
    thx_entry told = *e;
    size_t    bytes;

    if (!line || !take_line(&told, line))
        return thx_fail(err, THORAX_FORMAT, 0, "%s: tensor %.120s: cannot read how it is grouped: \"%.60s\"", path,
                        e->view.name, line ? line : "(not a string)");
    if (e->view.type != THX_U8 || e->view.rank != 1)
        return thx_fail(err, THORAX_FORMAT, 0, "%s: tensor %.120s is grouped; expected a row of U8, found %s, rank %u",
                        path, e->view.name, e->dtype, (unsigned)e->view.rank);
    if (!thx_stored_bytes(&bytes, told.view.type, 2, told.view.shape) || bytes != e->view.count)
        return thx_fail(err, THORAX_FORMAT, e->begin,
                        "%s: tensor %.120s: %" PRIu64 " x %" PRIu64 " values of %s do not take %" PRIu64 " bytes",
                        path, e->view.name, told.view.shape[0], told.view.shape[1], thx_type_name(told.view.type),
                        e->view.count);
    told.dtype = thx_type_name(told.view.type);
    told.sha256 = thx_arena_strdup(arena, told.sha256);
    if (!told.sha256) return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for the tensor table", path);
    *e = told;
    return THORAX_OK;
}

/* How many lines there are, and whether their version is known. */
static thorax_status count_lines(size_t *lines, const json_t *metadata, const json_t *header, const char *path,
                                 thorax_error *err)
{
    const char   *key, *version = json_string_value(json_object_get(metadata, THX_GROUPED_VERSION));
    const json_t *value;
    const size_t  prefix = strlen(THX_GROUPED_PREFIX);

    *lines = 0;
    json_object_foreach((json_t *)(uintptr_t)metadata, key, value) {
        if (strncmp(key, THX_GROUPED_PREFIX, prefix)) continue;
        if (!json_object_get(header, key + prefix))
            return thx_fail(err, THORAX_FORMAT, 0, "%s: the metadata tells of tensor %.120s, which is not there",
                            path, key + prefix);
        ++*lines;
    }
    if (*lines && (!version || strcmp(version, THX_GROUPED_LAYOUT)))
        return thx_fail(err, THORAX_FORMAT, 0, "%s: grouped tensors of layout %.20s; this program knows layout %s",
                        path, version ? version : "(not given)", THX_GROUPED_LAYOUT);
    return THORAX_OK;
}

/* What the metadata hold under `prefix` and the name of a tensor; NULL where there is nothing. */
static const json_t *line_of(thx_string *key, const json_t *metadata, const char *prefix, const thx_entry *e)
{
    key->size = 0;
    thx_string_puts(key, prefix);
    thx_string_puts(key, e->view.name);
    return key->failed ? NULL : json_object_get(metadata, key->data);
}

static thorax_status read_sum(thx_entry *e, thx_arena *arena, const json_t *line, const char *path, thorax_error *err)
{
    const char *text = json_string_value(line);

    if (!is_sum(text))
        return thx_fail(err, THORAX_FORMAT, 0, "%s: tensor %.120s: its hash is no row of 64 digits", path,
                        e->view.name);
    e->sha256 = thx_arena_strdup(arena, text);
    return e->sha256 ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for the tensor table", path);
}

thorax_status thx_grouped_read(thx_entry *entries, size_t count, thx_arena *arena, const json_t *header,
                               const char *path, thorax_error *err)
{
    const json_t *metadata = json_object_get(header, THX_METADATA);
    thx_string    key = { 0 };
    size_t        lines;

    thorax_status st = count_lines(&lines, metadata, header, path, err);
    for (size_t i = 0; !st && metadata && i < count; i++) {
        const json_t *sum = line_of(&key, metadata, THX_SUM_PREFIX, &entries[i]);
        const json_t *line = lines ? line_of(&key, metadata, THX_GROUPED_PREFIX, &entries[i]) : NULL;

        if (key.failed) st = thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for the tensor table", path);
        else if (line) st = apply(&entries[i], arena, json_string_value(line), path, err);
        else if (sum) st = read_sum(&entries[i], arena, sum, path, err);
    }
    thx_string_deinit(&key);
    return st;
}
