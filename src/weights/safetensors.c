/* Reading one safetensors file; see safetensors.h.
 *
 * The rules are those of the format's own library: spans follow each other without gap or overlap
 * from the first data byte to the last byte of the file, and each is as long as its shape says. */
#include "weights/safetensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "weights/grouped.h"
#include "weights/json_bounded.h"

enum { PREFIX = 8, MAX_RANK = 8 };

static const struct { const char *name; unsigned bits; thx_type type; } dtypes[] = {
    { "F32", 32, THX_F32 },       { "F16", 16, THX_F16 },      { "BF16", 16, THX_BF16 },
    { "F64", 64, THX_F64 },       { "I64", 64, THX_I64 },      { "I32", 32, THX_I32 },
    { "I16", 16, THX_I16 },       { "I8", 8, THX_I8 },         { "U8", 8, THX_U8 },
    { "BOOL", 8, THX_BOOL },      { "U16", 16, THX_TYPES },    { "U32", 32, THX_TYPES },
    { "U64", 64, THX_TYPES },     { "C64", 64, THX_TYPES },    { "F8_E4M3", 8, THX_TYPES },
    { "F8_E5M2", 8, THX_TYPES },  { "F8_E8M0", 8, THX_TYPES }, { "F8_E4M3FNUZ", 8, THX_TYPES },
    { "F8_E5M2FNUZ", 8, THX_TYPES }, { "F6_E2M3", 6, THX_TYPES }, { "F6_E3M2", 6, THX_TYPES },
    { "F4", 4, THX_TYPES },
};

/* The number before the header. */
static uint64_t header_size(thx_map bytes)
{
    uint64_t size = 0;

    for (int i = PREFIX - 1; i >= 0; i--) size = size << 8 | bytes.data[i];
    return size;
}

bool thx_is_safetensors(thx_map bytes)
{
    return bytes.size > PREFIX && bytes.data[PREFIX] == '{' && header_size(bytes) <= bytes.size - PREFIX;
}

thorax_status thx_foreign_check(thx_map bytes, const char *path, thorax_error *err)
{
    static const struct { const char *start; size_t size; const char *what; } kinds[] = {
#define KIND(start, what) { start, sizeof start - 1, what }
        KIND("version https://git-lfs.github.com/spec/",
             "a git-LFS pointer, not the file itself; fetch it with `git lfs pull`"),
        KIND("PK\x03\x04", "a zip archive"),
        KIND("\x80\x02", "a Python pickle, but not one that PyTorch writes"),
        KIND("\x80\x03", "a Python pickle, but not one that PyTorch writes"),
        KIND("\x80\x04", "a Python pickle, but not one that PyTorch writes"),
        KIND("\x80\x05", "a Python pickle, but not one that PyTorch writes"),
        KIND("GGUF", "a GGUF file"),
        KIND("\x89HDF", "an HDF5 file"),
        KIND("\x93NUMPY", "a NumPy array"),
        KIND("\x1f\x8b", "gzip-compressed; unpack it first"),
        KIND("<!DOCTYPE", "a web page (a download that needed a login?)"),
        KIND("<!doctype", "a web page (a download that needed a login?)"),
        KIND("<html", "a web page (a download that needed a login?)"),
#undef KIND
    };

    if (!bytes.size) return thx_fail(err, THORAX_FORMAT, 0, "%s: the file is empty", path);
    if (thx_is_safetensors(bytes)) return THORAX_OK;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (bytes.size >= kinds[i].size && !memcmp(bytes.data, kinds[i].start, kinds[i].size))
            return thx_fail(err, THORAX_FORMAT, 0, "%s: this is %s", path, kinds[i].what);
    return THORAX_OK;
}

/* The length of the JSON header, which must fit into the file. */
static thorax_status read_prefix(uint64_t *header, thx_map bytes, const char *path, thorax_error *err)
{
    thorax_status st = thx_foreign_check(bytes, path, err);
    if (st) return st;
    if (bytes.size < PREFIX)
        return thx_fail(err, THORAX_FORMAT, 0, "%s: %zu bytes are too few for a safetensors file", path,
                        bytes.size);
    *header = header_size(bytes);
    const size_t rest = bytes.size - PREFIX;
    if (*header > rest && (bytes.size < 2 * PREFIX || bytes.data[PREFIX] != '{'))
        return thx_fail(err, THORAX_FORMAT, 0, "%s: not a safetensors file (its first bytes give no header)",
                        path);
    if (*header > rest)
        return thx_fail(err, THORAX_FORMAT, 0,
                        "%s: header of %" PRIu64 " bytes, but only %zu follow; cut short?", path, *header,
                        rest);
    if (*header > THX_JSON_MAX_BYTES)
        return thx_fail(err, THORAX_LIMIT, 0, "%s: header of %" PRIu64 " bytes, the limit is %d", path,
                        *header, THX_JSON_MAX_BYTES);
    return THORAX_OK;
}

/* A non-negative integer of the header. */
static bool get_size(uint64_t *out, const json_t *value)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0) return false;
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static thorax_status read_dtype(thx_entry *e, unsigned *bits, const json_t *value, const char *path,
                                thorax_error *err)
{
    const char *name = json_string_value(value);

    for (size_t i = 0; name && i < sizeof dtypes / sizeof dtypes[0]; i++) {
        if (strcmp(name, dtypes[i].name)) continue;
        e->dtype = dtypes[i].name;
        e->view.type = dtypes[i].type;
        *bits = dtypes[i].bits;
        return THORAX_OK;
    }
    return thx_fail(err, THORAX_FORMAT, 0, "%s: tensor %.120s has the unknown dtype %.40s", path,
                    e->view.name, name ? name : "(not a string)");
}

static thorax_status read_shape(thx_view *v, const json_t *value, const char *path, thorax_error *err)
{
    const size_t rank = json_array_size(value); /* 0 for what is no array */

    if (!json_is_array(value))
        return thx_fail(err, THORAX_FORMAT, 0, "%s: tensor %.120s has no shape", path, v->name);
    if (rank > MAX_RANK)
        return thx_fail(err, THORAX_FORMAT, 0, "%s: tensor %.120s has %zu dimensions, at most %d are read",
                        path, v->name, rank, MAX_RANK);
    v->rank = (uint32_t)rank;
    v->count = 1;
    for (size_t i = 0; i < rank; i++)
        if (!get_size(&v->shape[i], json_array_get(value, i)) ||
            __builtin_mul_overflow(v->count, v->shape[i], &v->count))
            return thx_fail(err, THORAX_FORMAT, 0,
                            "%s: shape of tensor %.120s: dimension %zu is no size, or too large", path,
                            v->name, i);
    return THORAX_OK;
}

/* data_offsets against the file and against shape x type. */
static thorax_status read_span(thx_entry *e, unsigned bits, const json_t *value, uint64_t data_bytes,
                               const char *path, thorax_error *err)
{
    uint64_t want_bits;

    if (json_array_size(value) != 2 || !get_size(&e->begin, json_array_get(value, 0)) ||
        !get_size(&e->end, json_array_get(value, 1)))
        return thx_fail(err, THORAX_FORMAT, 0, "%s: tensor %.120s has no pair of data_offsets", path,
                        e->view.name);
    if (e->begin > e->end || e->end > data_bytes)
        return thx_fail(err, THORAX_FORMAT, e->begin,
                        "%s: tensor %.120s spans bytes %" PRIu64 " to %" PRIu64 ", but the file has %" PRIu64
                        " bytes of data; cut short?", path, e->view.name, e->begin, e->end, data_bytes);
    if (__builtin_mul_overflow(e->view.count, (uint64_t)bits, &want_bits) || want_bits % 8 ||
        want_bits / 8 != e->end - e->begin)
        return thx_fail(err, THORAX_FORMAT, e->begin,
                        "%s: tensor %.120s holds %" PRIu64 " %s values, but spans %" PRIu64 " bytes", path,
                        e->view.name, e->view.count, e->dtype, e->end - e->begin);
    return THORAX_OK;
}

static thorax_status read_entry(thx_entries *list, thx_arena *arena, const char *name, const json_t *value,
                                uint64_t data_bytes, const char *path, thorax_error *err)
{
    thx_entry    *e = thx_entry_add(list);
    unsigned      bits = 0;
    thorax_status st;

    if (!e || !(e->view.name = thx_arena_strdup(arena, name)))
        return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for the tensor table", path);
    if (!json_is_object(value))
        return thx_fail(err, THORAX_FORMAT, 0, "%s: entry %.120s of the header is no object", path, name);
    st = read_dtype(e, &bits, json_object_get(value, "dtype"), path, err);
    if (!st) st = read_shape(&e->view, json_object_get(value, "shape"), path, err);
    if (!st) st = read_span(e, bits, json_object_get(value, "data_offsets"), data_bytes, path, err);
    return st;
}

/* Spans sorted by offset must touch each other and fill the data. */
static thorax_status check_cover(const thx_entry *e, size_t count, uint64_t data_bytes, const char *path,
                                 thorax_error *err)
{
    uint64_t end = 0;

    for (size_t i = 0; i < count; i++) {
        if (e[i].begin < end)
            return thx_fail(err, THORAX_FORMAT, e[i].begin, "%s: tensors %.120s and %.120s overlap", path,
                            e[i - 1].view.name, e[i].view.name);
        if (e[i].begin > end)
            return thx_fail(err, THORAX_FORMAT, end,
                            "%s: %" PRIu64 " bytes before tensor %.120s belong to none", path,
                            e[i].begin - end, e[i].view.name);
        end = e[i].end;
    }
    if (end != data_bytes)
        return thx_fail(err, THORAX_FORMAT, end, "%s: the last %" PRIu64 " bytes belong to no tensor", path,
                        data_bytes - end);
    return THORAX_OK;
}

static thorax_status read_entries(thx_entries *list, thx_arena *arena, json_t *header, uint64_t data_bytes,
                                  const char *path, thorax_error *err)
{
    const size_t first = list->count;
    const char  *name;
    json_t      *value;

    json_object_foreach(header, name, value) {
        if (!strcmp(name, THX_METADATA)) continue;
        const thorax_status st = read_entry(list, arena, name, value, data_bytes, path, err);
        if (st) return st;
    }
    return thx_grouped_read(list->count > first ? list->at + first : NULL, list->count - first, arena, header, path,
                            err);
}

thorax_status thx_safetensors_read(thx_entries *list, thx_arena *arena, thx_map bytes, const char *path,
                                   uint32_t file, thorax_error *err)
{
    const size_t first = list->count;
    uint64_t     header_bytes = 0;
    json_t      *header;

    thorax_status st = read_prefix(&header_bytes, bytes, path, err);
    if (st) return st;
    st = thx_json_bounded(&header, (const char *)bytes.data + PREFIX, (size_t)header_bytes, path, "header",
                          PREFIX, err);
    if (st) return st;

    const uint64_t data_bytes = bytes.size - PREFIX - header_bytes;
    st = read_entries(list, arena, header, data_bytes, path, err);
    json_decref(header);
    if (st) return st;

    const size_t count = list->count - first;
    thx_entry   *e = count ? list->at + first : NULL;
    thx_entries_sort(e, count);
    st = check_cover(e, count, data_bytes, path, err);
    for (size_t i = 0; !st && i < count; i++) {
        e[i].view.data = bytes.data + PREFIX + header_bytes + e[i].begin;
        e[i].file = file;
    }
    return st;
}
