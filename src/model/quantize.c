/* Rounding a folder's weights; see quantize.h. The files around them: quantize_folder.c. */
#include "model/quantize.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "model/lora.h"
#include "model/tensor_file.h"
#include "ops/quant.h"

/* ---- Which type ---------------------------------------------------------------------- */

thx_type thx_quantized_type(const thx_model *m, const thx_view *view)
{
    if (!thx_type_grouped(m->options.type) || view->rank != 2 || !view->shape[0] || !view->shape[1] ||
        (view->type != THX_F32 && view->type != THX_F16 && view->type != THX_BF16))
        return view->type;
    switch (m->family->role(view->name)) {
    case THX_ROLE_KEPT:      return view->type;
    case THX_ROLE_EMBEDDING:
    case THX_ROLE_HEAD:
    case THX_ROLE_KEYS:      return THX_Q8;
    case THX_ROLE_MATRIX:    return m->options.type;
    }
    return view->type;
}

/* ---- A file of weights ------------------------------------------------------------------ */

typedef struct writer {
    thx_model       *m;
    thx_tensor_file  file;
    thx_planned     *tensors; /* of the file being written */
    size_t           n;
    unsigned char   *piece;
    size_t           piece_bytes;
    uint64_t         written; /* bytes of tensors, of all files */
    int              threads;
    thx_ctx         *ctx;     /* adapters are merged on        */
    thx_lora         lora;
    char            *text;    /* folder of the tokenizer, where it is another one */
} writer;

static thorax_status no_memory(const writer *w)
{
    return thx_fail(w->file.err, THORAX_NOMEM, 0, "%s: out of memory", w->m->folder);
}

/* Halves of an adapter go into matrices; a copy trains no further. */
static bool left_out(const char *name)
{
    return thx_lora_is_part(name) || !strncmp(name, "optimizer.", 10) || !strncmp(name, "scaler.", 7);
}

/* The model's own files: those that an index lists. */
static bool is_main(const char *name) { return !strncmp(name, "model", 5); }

/* Grouped tensors first, which keeps them aligned; else in the order of the source. */
static thorax_status plan_file(writer *w, const char *file)
{
    w->n = 0;
    for (int grouped = 1; grouped >= 0; grouped--)
        for (size_t i = 0; i < thx_weights_count(w->m->weights); i++) {
            const thx_view *v = thx_weights_at(w->m->weights, i);
            const thx_type  type = thx_quantized_type(w->m, v);
            size_t          bytes = thx_view_bytes(v);

            if (thx_weights_file(w->m->weights, i) != file || thx_type_grouped(type) != grouped || left_out(v->name)) continue;
            if (grouped && !thx_q_bytes(&bytes, type, v->shape[0], v->shape[1])) return no_memory(w);
            w->tensors[w->n++] = thx_planned_init(v, type, bytes);
        }
    return THORAX_OK;
}

static thorax_status round_tensor(writer *w, thx_planned *p, uint64_t at)
{
    const thx_view *v = p->view;
    const size_t    block = thx_q_block_bytes(p->type, v->shape[1]), blocks = thx_q_blocks(v->shape[0]);
    const size_t    step = THX_PIECE_BYTES / block ? THX_PIECE_BYTES / block : 1;
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
            return thx_fail(w->file.err, THORAX_FORMAT, 0, "%s: a value is not finite; it cannot be rounded", v->name);
        st = thx_tensor_file_piece(&w->file, &hash, at + b * block, w->piece, n * block,
                                   source * (b + n) / blocks - source * b / blocks);
    }
    thx_sha256_end(&hash, p->sha256);
    return st;
}

/* A tensor as it is written: with its adapter in it, made in memory of the writer's. */
static thorax_status write_tensor(writer *w, thx_planned *p, uint64_t at)
{
    const thx_view *stored = p->view, *a, *b;
    thx_view        merged = *stored;
    thorax_status   st = THORAX_OK;
    void           *data = NULL;

    if (thx_lora_pair(w->m->weights, stored, &a, &b)) {
        data = malloc(thx_view_bytes(stored) + 1);
        st = data ? thx_merge(w->ctx, data, stored, a, b, (float)w->lora.scale, w->file.err) : no_memory(w);
        merged.data = data;
        p->view = &merged;
    }
    if (!st) st = thx_type_grouped(p->type) ? round_tensor(w, p, at) : thx_tensor_file_copy(&w->file, p, at);
    p->view = stored;
    free(data);
    return st;
}

static thorax_status write_file(writer *w, const char *file)
{
    uint64_t at = 0;
    char     name[THX_WEIGHTS_NAME];

    thx_safetensors_name(name, file);
    w->file.name = name;
    thorax_status st = plan_file(w, file);
    if (st || !w->n) return st;
    st = thx_folder_create(w->file.folder, &w->file.fd, w->file.name, w->file.err);
    if (!st) st = thx_tensor_file_head(&w->file, w->tensors, w->n, &at);
    for (size_t i = 0; !st && i < w->n; i++) {
        thx_planned *p = &w->tensors[i];

        st = write_tensor(w, p, at);
        at += p->bytes;
        w->written += p->bytes;
    }
    if (!st) st = thx_tensor_file_head(&w->file, w->tensors, w->n, &at);
    return thx_tensor_file_close(&w->file, st);
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
    json_t *map = json_object();
    bool    several = false;
    char    name[THX_WEIGHTS_NAME];

    for (size_t i = 0; i < thx_weights_count(w->m->weights); i++) {
        thx_safetensors_name(name, thx_weights_file(w->m->weights, i));
        if (!is_main(name)) continue;
        json_object_set_new(map, thx_weights_at(w->m->weights, i)->name, json_string(name));
        several = several || strcmp(name, THX_SINGLE) != 0;
    }
    if (several) return thx_tensor_index_put(w->file.folder, map, w->written, w->file.err);
    json_decref(map);
    return THORAX_OK;
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
    thorax_status st = thx_folder_open(&w->file.folder, out, bytes_needed(w->m), w->file.err);

    if (!st) st = thx_folder_copy_around(w->file.folder, w->m->folder, w->ctx ? THX_ADAPTER_CONFIG : NULL, w->file.err);
    if (!st && w->text) st = thx_folder_copy_around(w->file.folder, w->text, NULL, w->file.err);
    if (!st) st = thx_folder_readme(w->file.folder, w->m->options.type, w->file.err);
    if (!st) st = write_files(w);
    if (!st) st = write_index(w);
    if (!st) st = thx_folder_commit(w->file.folder, w->file.err);
    thx_folder_close(w->file.folder);
    return st;
}

/* What a folder with an adapter needs besides: its scale, something to compute on, and where the tokenizer is. */
static thorax_status prepare(writer *w, const char *base, bool adapted)
{
    thx_model    *m = w->m;
    thorax_status st = THORAX_OK;

    m->options.base = base;
    if (m->family->text_folder) st = m->family->text_folder(&w->text, m, w->file.err);
    if (!st && w->text && !strcmp(w->text, m->folder)) {
        free(w->text);
        w->text = NULL;
    }
    if (!st && adapted) st = thx_lora_read(&w->lora, m->folder, w->file.err);
    if (!st && adapted) st = thx_cpu_open(&w->ctx, thx_cpu_level(), THX_EXACT, w->threads, w->file.err);
    return st;
}

thorax_status thx_model_quantize(const char *folder, const char *base, const char *out, thx_type type, int threads,
                                 const thx_progress *progress, thorax_error *err)
{
    thx_account account;
    writer      w = { .file = { .progress = progress, .err = err, .source = folder, .fd = -1 },
                      .threads = threads > 0 ? threads : omp_get_num_procs() };

    if (!thx_type_grouped(type))
        return thx_fail(err, THORAX_USAGE, 0, "%s is no type to round to", thx_type_name(type));
    thorax_status st = thx_model_verify(&account, &w.m, folder, &(thx_model_options){ .base = base }, err);
    if (!st) st = check_source(w.m, &account, err);
    if (!st) st = prepare(&w, base, account.count[THX_TENSOR_MERGED]);
    if (!st) {
        w.m->options.type = type;
        w.file.total = thx_weights_bytes(w.m->weights);
        w.tensors = calloc(thx_weights_count(w.m->weights) + 1, sizeof *w.tensors);
        st = w.tensors ? make_folder(&w, out) : no_memory(&w);
    }
    free(w.tensors);
    free(w.piece);
    free(w.text);
    thx_cpu_close(w.ctx);
    thx_account_deinit(&account);
    thx_model_close(w.m);
    return st;
}
