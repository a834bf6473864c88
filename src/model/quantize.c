/* Rounding a folder's weights; see quantize.h. The files around them: quantize_folder.c. */
#include "model/quantize.h"

#include <errno.h>
#include <inttypes.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "model/quantize_folder.h"
#include "ops/quant.h"

enum {
    PIECE_BYTES = 16 << 20, /* of a tensor made or copied between two looks at Ctrl-C */
    ALIGN = 64,             /* of the tensors in a file: codes lie in whole lines     */
    HEX = 65
};

/* ---- Which type ---------------------------------------------------------------------- */

thx_type thx_quantized_type(const thx_model *m, const thx_view *view)
{
    if (!thx_type_grouped(m->type) || view->rank != 2 || !view->shape[0] || !view->shape[1] ||
        (view->type != THX_F32 && view->type != THX_F16 && view->type != THX_BF16))
        return view->type;
    switch (m->family->role(view->name)) {
    case THX_ROLE_KEPT:      return view->type;
    case THX_ROLE_EMBEDDING:
    case THX_ROLE_HEAD:
    case THX_ROLE_KEYS:      return THX_Q8;
    case THX_ROLE_MATRIX:    return m->type;
    }
    return view->type;
}

/* ---- A file of weights ------------------------------------------------------------------ */

/* A tensor of the coming file. */
typedef struct planned {
    const thx_view *view;
    thx_type        type;
    uint64_t        bytes;
    char            sha256[HEX]; /* known once it is written; digits of 0 before */
} planned;

typedef struct writer {
    const thx_model    *m;
    const thx_progress *progress;
    thorax_error       *err;
    thx_folder_maker   *folder;
    planned            *tensors; /* of the file being written */
    size_t              n;
    unsigned char      *piece;
    size_t              piece_bytes;
    uint64_t            done, total; /* bytes read, of all files */
    uint64_t            written;     /* bytes of tensors, of all files */
    int                 threads;
} writer;

static thorax_status no_memory(const writer *w) { return thx_fail(w->err, THORAX_NOMEM, 0, "%s: out of memory", w->m->folder); }

/* Grouped tensors first, which keeps them aligned; else in the order of the source. */
static thorax_status plan_file(writer *w, const char *file)
{
    w->n = 0;
    for (int grouped = 1; grouped >= 0; grouped--)
        for (size_t i = 0; i < thx_weights_count(w->m->weights); i++) {
            const thx_view *v = thx_weights_at(w->m->weights, i);
            planned         p = { .view = v, .type = thx_quantized_type(w->m, v) };
            size_t          bytes = thx_view_bytes(v);

            if (thx_weights_file(w->m->weights, i) != file || thx_type_grouped(p.type) != grouped) continue;
            if (grouped && !thx_q_bytes(&bytes, p.type, v->shape[0], v->shape[1])) return no_memory(w);
            p.bytes = bytes;
            memset(p.sha256, '0', HEX - 1);
            w->tensors[w->n++] = p;
        }
    return THORAX_OK;
}

static void add_json(thx_string *s, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;

    if (text) thx_string_puts(s, text);
    else s->failed = true;
    free(text);
    json_decref(value);
}

/* {dtype, shape, data_offsets} of a tensor that begins at byte `at`. */
static json_t *entry_json(const planned *p, uint64_t at)
{
    const bool grouped = thx_type_grouped(p->type);
    json_t    *shape = json_array();

    if (grouped) json_array_append_new(shape, json_integer((json_int_t)p->bytes));
    for (uint32_t i = 0; !grouped && i < p->view->rank; i++)
        json_array_append_new(shape, json_integer((json_int_t)p->view->shape[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", grouped ? "U8" : thx_type_name(p->type), "shape", shape,
                     "data_offsets", (json_int_t)at, (json_int_t)(at + p->bytes));
}

/* The whole head of the file; its size does not depend on the hashes. */
static void put_head(thx_string *s, const writer *w)
{
    json_t  *header = json_object(), *metadata = json_pack("{s:s, s:s}", "format", "pt", "thorax.grouped", "1");
    uint64_t at = 0;

    for (size_t i = 0; i < w->n; i++) {
        const planned *p = &w->tensors[i];
        thx_string     key = { 0 };

        if (thx_type_grouped(p->type)) {
            thx_string_printf(&key, "thorax:%s", p->view->name);
            json_object_set_new(metadata, key.data ? key.data : "",
                                json_sprintf("%s [%" PRIu64 ", %" PRIu64 "] sha256 %s", thx_type_name(p->type),
                                             p->view->shape[0], p->view->shape[1], p->sha256));
        }
        s->failed = s->failed || key.failed;
        thx_string_deinit(&key);
        json_object_set_new(header, p->view->name, entry_json(p, at));
        at += p->bytes;
    }
    json_object_set_new(header, "__metadata__", metadata);
    thx_string_add(s, "00000000", 8);
    add_json(s, header);
    while (s->size % ALIGN && !s->failed) thx_string_add(s, " ", 1);
    for (int i = 0; i < 8 && !s->failed; i++) s->data[i] = (char)((uint64_t)(s->size - 8) >> 8 * i);
}

static thorax_status write_head(writer *w, int fd, uint64_t *data_at, const char *name)
{
    thx_string    s = { 0 };
    thorax_status st;

    put_head(&s, w);
    st = s.failed ? no_memory(w) : thx_folder_write_at(w->folder, fd, name, s.data, s.size, 0, w->err);
    *data_at = s.size;
    thx_string_deinit(&s);
    return st;
}

/* One piece of a tensor is ready: into the file and the hash. `read` bytes of the source went into it. */
static thorax_status put_piece(writer *w, thx_sha256 *hash, int fd, const char *name, uint64_t at, const void *data,
                               size_t bytes, uint64_t read)
{
    if (hash) thx_sha256_add(hash, data, bytes);
    const thorax_status st = thx_folder_write_at(w->folder, fd, name, data, bytes, at, w->err);
    if (st) return st;
    w->done += read;
    if (!thx_progress_step(w->progress, "weights", (size_t)w->done, (size_t)w->total))
        return thx_fail(w->err, THORAX_CANCELLED, 0, "%s: stopped", w->m->folder);
    return THORAX_OK;
}

static thorax_status copy_tensor(writer *w, const planned *p, int fd, const char *name, uint64_t at)
{
    thorax_status st = THORAX_OK;

    for (uint64_t from = 0; !st && from < p->bytes; from += PIECE_BYTES) {
        const size_t n = p->bytes - from < PIECE_BYTES ? (size_t)(p->bytes - from) : PIECE_BYTES;
        st = put_piece(w, NULL, fd, name, at + from, (const unsigned char *)p->view->data + from, n, n);
    }
    return st;
}

static thorax_status round_tensor(writer *w, planned *p, int fd, const char *name, uint64_t at)
{
    const thx_view *v = p->view;
    const size_t    block = thx_q_block_bytes(p->type, v->shape[1]), blocks = thx_q_blocks(v->shape[0]);
    const size_t    step = PIECE_BYTES / block ? PIECE_BYTES / block : 1;
    const uint64_t  source = thx_view_bytes(v);
    thx_sha256      hash;
    thorax_status   st = THORAX_OK;

    if (step * block > w->piece_bytes) {
        free(w->piece);
        w->piece_bytes = step * block;
        if (!(w->piece = malloc(w->piece_bytes))) {
            w->piece_bytes = 0;
            return no_memory(w);
        }
    }
    thx_sha256_init(&hash);
    for (size_t b = 0; !st && b < blocks; b += step) {
        const size_t n = blocks - b < step ? blocks - b : step;

        if (!thx_quantize(w->piece, p->type, v, b, n, w->threads))
            return thx_fail(w->err, THORAX_FORMAT, 0, "%s: a value is not finite; it cannot be rounded", v->name);
        st = put_piece(w, &hash, fd, name, at + b * block, w->piece, n * block,
                       source * (b + n) / blocks - source * b / blocks);
    }
    thx_sha256_end(&hash, p->sha256);
    return st;
}

static thorax_status write_file(writer *w, const char *file)
{
    const char *name = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
    uint64_t    at = 0;
    int         fd = -1;

    thorax_status st = plan_file(w, file);
    if (!st) st = thx_folder_create(w->folder, &fd, name, w->err);
    if (!st) st = write_head(w, fd, &at, name);
    for (size_t i = 0; !st && i < w->n; i++) {
        planned *p = &w->tensors[i];

        st = thx_type_grouped(p->type) ? round_tensor(w, p, fd, name, at) : copy_tensor(w, p, fd, name, at);
        at += p->bytes;
        w->written += p->bytes;
    }
    if (!st) st = write_head(w, fd, &at, name);
    if (fd >= 0 && close(fd) && !st)
        st = thx_fail(w->err, THORAX_IO, 0, "%s: cannot write: %s", name, strerror(errno));
    return st;
}

/* Each file once; tensors come by file. */
static thorax_status write_files(writer *w)
{
    const char   *last = NULL;
    thorax_status st = THORAX_OK;

    for (size_t i = 0; !st && i < thx_weights_count(w->m->weights); i++) {
        const char *file = thx_weights_file(w->m->weights, i);
        if (file != last) st = write_file(w, file);
        last = file;
    }
    return st;
}

/* The index, where the source has shards: the same tensors in the same files. */
static thorax_status write_index(writer *w)
{
    json_t    *map = json_object();
    thx_string s = { 0 };
    bool       several = false;

    for (size_t i = 0; i < thx_weights_count(w->m->weights); i++) {
        const char *file = thx_weights_file(w->m->weights, i), *slash = strrchr(file, '/');

        json_object_set_new(map, thx_weights_at(w->m->weights, i)->name, json_string(slash ? slash + 1 : file));
        several = several || strcmp(slash ? slash + 1 : file, "model.safetensors") != 0;
    }
    add_json(&s, json_pack("{s:{s:I}, s:o}", "metadata", "total_size", (json_int_t)w->written, "weight_map", map));
    thorax_status st = THORAX_OK;
    if (several && s.failed) st = no_memory(w);
    else if (several) st = thx_folder_put(w->folder, "model.safetensors.index.json", s.data, s.size, w->err);
    thx_string_deinit(&s);
    return st;
}

/* ---- The folder -------------------------------------------------------------------------- */

/* A folder whose tensors are rounded already, or that lacks some, is refused. */
static thorax_status check_source(const thx_model *m, const thx_account *a, thorax_error *err)
{
    for (size_t i = 0; i < thx_weights_count(m->weights); i++) {
        const thx_view *v = thx_weights_at(m->weights, i);
        if (thx_type_grouped(v->type))
            return thx_fail(err, THORAX_MODEL, 0, "%s: tensor '%s' is rounded to %s already", m->folder, v->name,
                            thx_type_name(v->type));
        if (v->count && !thx_view_bytes(v)) /* a type that is known by its name alone */
            return thx_fail(err, THORAX_MODEL, 0, "%s: tensor '%s' is of a type that is not copied", m->folder, v->name);
    }
    if (a->count[THX_TENSOR_MISSING] || a->count[THX_TENSOR_SHAPE] || a->count[THX_TENSOR_TYPE] ||
        a->count[THX_TENSOR_TWICE])
        return thx_fail(err, THORAX_MODEL, 0, "%s: cannot run; `thorax verify` says why", m->folder);
    return THORAX_OK;
}

static uint64_t bytes_needed(const thx_model *m)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < thx_weights_count(m->weights); i++) {
        const thx_view *v = thx_weights_at(m->weights, i);
        const thx_type  type = thx_quantized_type(m, v);
        size_t          bytes = thx_view_bytes(v);

        if (thx_type_grouped(type) && !thx_q_bytes(&bytes, type, v->shape[0], v->shape[1])) continue;
        sum += bytes;
    }
    return sum;
}

static thorax_status make_folder(writer *w, const char *out)
{
    thorax_status st = thx_folder_open(&w->folder, out, bytes_needed(w->m), w->err);

    if (!st) st = thx_folder_copy_around(w->folder, w->m->folder, w->err);
    if (!st) st = thx_folder_readme(w->folder, w->m->type, w->err);
    if (!st) st = write_files(w);
    if (!st) st = write_index(w);
    if (!st) st = thx_folder_commit(w->folder, w->err);
    thx_folder_close(w->folder);
    return st;
}

thorax_status thx_model_quantize(const char *folder, const char *out, thx_type type, int threads,
                                 const thx_progress *progress, thorax_error *err)
{
    thx_account account;
    thx_model  *m;
    writer      w = { .progress = progress, .err = err, .threads = threads > 0 ? threads : omp_get_num_procs() };

    if (!thx_type_grouped(type))
        return thx_fail(err, THORAX_USAGE, 0, "%s is no type to round to", thx_type_name(type));
    thorax_status st = thx_model_verify(&account, &m, folder, err);
    if (!st) st = check_source(m, &account, err);
    if (!st) {
        m->type = type;
        w.m = m;
        w.total = thx_weights_bytes(m->weights);
        w.tensors = calloc(thx_weights_count(m->weights) + 1, sizeof *w.tensors);
        st = w.tensors ? make_folder(&w, out) : no_memory(&w);
    }
    free(w.tensors);
    free(w.piece);
    thx_account_deinit(&account);
    thx_model_close(m);
    return st;
}
