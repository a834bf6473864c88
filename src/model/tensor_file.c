/* See tensor_file.h. */
#include "model/tensor_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/string.h"

enum { ALIGN = 64 /* of the tensors in a file: codes lie in whole lines */ };

thx_planned thx_planned_init(const thx_view *view, thx_type type, uint64_t bytes)
{
    thx_planned p = { .view = view, .type = type, .bytes = bytes };

    memset(p.sha256, '0', THX_HEX - 1);
    return p;
}

/* ---- The head ---- */

static void add_json(thx_string *s, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;

    if (text) thx_string_puts(s, text);
    else s->failed = true;
    free(text);
    json_decref(value);
}

/* {dtype, shape, data_offsets} of a tensor that begins at byte `at`. */
static json_t *entry_json(const thx_planned *p, uint64_t at)
{
    const bool grouped = thx_type_grouped(p->type);
    json_t    *shape = json_array();

    if (grouped) json_array_append_new(shape, json_integer((json_int_t)p->bytes));
    for (uint32_t i = 0; !grouped && i < p->view->rank; i++)
        json_array_append_new(shape, json_integer((json_int_t)p->view->shape[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", grouped ? "U8" : thx_type_name(p->type), "shape", shape,
                     "data_offsets", (json_int_t)at, (json_int_t)(at + p->bytes));
}

/* What the metadata tell of a tensor: "thorax:NAME" of a grouped one, "thorax.sha256:NAME" of any other. */
static bool add_metadata(json_t *metadata, const thx_planned *p)
{
    const bool grouped = thx_type_grouped(p->type);
    thx_string key = { 0 };

    if (!grouped && !p->summed) return true;
    thx_string_printf(&key, "%s:%s", grouped ? "thorax" : "thorax.sha256", p->view->name);
    const bool well =
        !key.failed &&
        !json_object_set_new(metadata, key.data,
                             grouped ? json_sprintf("%s [%" PRIu64 ", %" PRIu64 "] sha256 %s", thx_type_name(p->type),
                                                    p->view->shape[0], p->view->shape[1], p->sha256)
                                     : json_string(p->sha256));
    thx_string_deinit(&key);
    return well;
}

static void put_head(thx_string *s, const thx_planned *tensors, size_t n)
{
    json_t  *header = json_object(), *metadata = json_pack("{s:s}", "format", "pt");
    uint64_t at = 0;
    bool     grouped = false;

    for (size_t i = 0; i < n; i++) grouped = grouped || thx_type_grouped(tensors[i].type);
    if (grouped && json_object_set_new(metadata, "thorax.grouped", json_string("1"))) s->failed = true;
    for (size_t i = 0; i < n; i++) {
        const thx_planned *p = &tensors[i];

        if (!add_metadata(metadata, p)) s->failed = true;
        if (json_object_set_new(header, p->view->name, entry_json(p, at))) s->failed = true;
        at += p->bytes;
    }
    if (json_object_set_new(header, "__metadata__", metadata)) s->failed = true;
    thx_string_add(s, "00000000", 8);
    add_json(s, header);
    while (s->size % ALIGN && !s->failed) thx_string_add(s, " ", 1);
    for (int i = 0; i < 8 && !s->failed; i++) s->data[i] = (char)((uint64_t)(s->size - 8) >> 8 * i);
}

thorax_status thx_tensor_file_head(thx_tensor_file *f, const thx_planned *tensors, size_t n, uint64_t *data_at)
{
    thx_string s = { 0 };

    put_head(&s, tensors, n);
    const thorax_status st = s.failed ? thx_fail(f->err, THORAX_NOMEM, 0, "%s: out of memory", f->source)
                                      : thx_folder_write_at(f->folder, f->fd, f->name, s.data, s.size, 0, f->err);
    *data_at = s.size;
    thx_string_deinit(&s);
    return st;
}

/* ---- Tensors ---- */

thorax_status thx_tensor_file_piece(thx_tensor_file *f, thx_sha256 *hash, uint64_t at, const void *data, size_t bytes,
                                    uint64_t read)
{
    if (hash) thx_sha256_add(hash, data, bytes);
    const thorax_status st = thx_folder_write_at(f->folder, f->fd, f->name, data, bytes, at, f->err);
    if (st) return st;
    f->done += read;
    if (!thx_progress_step(f->progress, "weights", (size_t)f->done, (size_t)f->total))
        return thx_fail(f->err, THORAX_CANCELLED, 0, "%s: stopped", f->source);
    return THORAX_OK;
}

thorax_status thx_tensor_file_copy(thx_tensor_file *f, thx_planned *p, uint64_t at)
{
    thorax_status st = THORAX_OK;
    thx_sha256    hash;

    thx_sha256_init(&hash);
    for (uint64_t from = 0; !st && from < p->bytes; from += THX_PIECE_BYTES) {
        const size_t n = p->bytes - from < THX_PIECE_BYTES ? (size_t)(p->bytes - from) : THX_PIECE_BYTES;
        st = thx_tensor_file_piece(f, p->summed ? &hash : NULL, at + from,
                                   (const unsigned char *)p->view->data + from, n, n);
    }
    if (p->summed) thx_sha256_end(&hash, p->sha256);
    return st;
}

thorax_status thx_tensor_file_write(thx_tensor_file *f, const char *name, thx_planned *tensors, size_t n)
{
    uint64_t at = 0;

    f->name = name;
    thorax_status st = thx_folder_create(f->folder, &f->fd, name, f->err);
    if (!st) st = thx_tensor_file_head(f, tensors, n, &at);
    for (size_t i = 0; !st && i < n; i++) {
        st = thx_tensor_file_copy(f, &tensors[i], at);
        at += tensors[i].bytes;
    }
    if (!st) st = thx_tensor_file_head(f, tensors, n, &at);
    return thx_tensor_file_close(f, st);
}

thorax_status thx_tensor_file_close(thx_tensor_file *f, thorax_status st)
{
    if (f->fd >= 0 && close(f->fd) && !st)
        st = thx_fail(f->err, THORAX_IO, 0, "%s: cannot write: %s", f->name, strerror(errno));
    f->fd = -1;
    return st;
}

/* ---- The index ---- */

thorax_status thx_tensor_index_put(thx_folder_maker *f, json_t *map, uint64_t total_bytes, thorax_error *err)
{
    thx_string s = { 0 };

    add_json(&s, json_pack("{s:{s:I}, s:o}", "metadata", "total_size", (json_int_t)total_bytes, "weight_map", map));
    const thorax_status st = s.failed ? thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", THX_SINGLE)
                                      : thx_folder_put(f, THX_SINGLE ".index.json", s.data, s.size, err);
    thx_string_deinit(&s);
    return st;
}
