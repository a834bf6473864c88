/* Films and texts to vectors; see clip.h. */
#include "model/clip.h"

#include "text/clean.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows of one pass: enough for full speed, few enough to keep activations small. */
enum { PASS_ROWS = 1458 };

/* out [n, d] = rows of t at unit length, as torch's normalize: a length under 1e-12 counts as that. */
static void normalise(float *out, thx_tensor t)
{
    for (size_t i = 0; i < t.rows; i++) {
        const float *row = t.data + i * t.stride;
        double       sum = 0;
        for (size_t k = 0; k < t.cols; k++) sum += (double)row[k] * row[k];
        const double length = fmax(sqrt(sum), 1e-12);
        for (size_t k = 0; k < t.cols; k++) out[i * t.cols + k] = (float)(row[k] / length);
    }
}

/* ---- Films ---- */

size_t thx_clip_tiles_at_once(const thx_clip *c)
{
    const size_t rows = thx_vit_rows(&c->model->vit.config);

    return rows >= PASS_ROWS ? 1 : PASS_ROWS / rows;
}

thorax_status thx_clip_embed_tiles(const thx_clip *c, float *out, const float *tiles, size_t n,
                                   thorax_error *err)
{
    thx_ctx             *ctx = c->model->ctx;
    const thx_vit       *vit = &c->model->vit;
    const size_t         R = thx_vit_rows(&vit->config), Dv = vit->config.D;
    const thx_arena_mark mark = thx_arena_get_mark(ctx->arena);
    const thx_tensor rows = thx_tensor_alloc(ctx, n * R, Dv), tokens = thx_tensor_alloc(ctx, n, Dv);
    const thx_tensor vectors = thx_tensor_alloc(ctx, n, c->d);
    thorax_status    st = THORAX_OK;

    if (!rows.data || !tokens.data || !vectors.data)
        st = thx_fail(err, THORAX_NOMEM, 0, "no memory for the features of %zu films", n);
    if (!st) st = thx_vit_forward(ctx, vit, rows, tiles, n, err);
    for (size_t i = 0; i < n && !st; i++)
        ctx->ops->copy_rows(ctx, thx_tensor_rows(tokens, i, 1), thx_tensor_rows(rows, i * R, 1));
    if (!st && c->head) st = ctx->ops->linear(ctx, vectors, tokens, c->head, NULL, THX_PROMPT, err);
    if (!st) normalise(out, c->head ? vectors : tokens);
    thx_arena_release(ctx->arena, mark);
    return st;
}

/* ---- Texts ---- */

thorax_status thx_clip_tokenize(const thx_clip *c, thx_ids *ids, const char *text, size_t size,
                                thorax_error *err)
{
    thx_string    clean = { 0 };
    thorax_status st = THORAX_OK;

    if (!c->texts)
        return thx_fail(err, THORAX_MODEL, 0, "%s: no text tower: this model embeds films only",
                        c->model->folder);
    if (!c->model->tokenizer)
        return thx_fail(err, THORAX_MODEL, 0, "%s: texts need vocab.txt, which is not there",
                        c->model->folder);
    const size_t first = ids->size;
    thx_ids_add(ids, c->first);
    thx_text_clean(&clean, text, size);
    if (clean.failed)
        st = thx_fail(err, THORAX_NOMEM, 0, "no memory for a text of %zu bytes", size);
    if (!st && clean.size)
        st = thx_tokenizer_encode(c->model->tokenizer, clean.data, clean.size, false, ids, err);
    thx_string_deinit(&clean);
    if (st) return st;
    if (ids->size - first > c->context - 1) ids->size = first + c->context - 1;
    thx_ids_add(ids, c->last);
    return ids->failed ? thx_fail(err, THORAX_NOMEM, 0, "no memory for the ids of a text")
                       : THORAX_OK;
}

/* rows [n, d] = the projections of [CLS] rows x [n, D] */
static thorax_status project(const thx_clip *c, thx_tensor out, thx_tensor x, thorax_error *err)
{
    thx_ctx *ctx = c->model->ctx;

    if (!c->project_2) return ctx->ops->linear(ctx, out, x, c->project_1, NULL, THX_PROMPT, err);
    const thx_tensor h = thx_tensor_alloc(ctx, x.rows, c->hidden);
    if (!h.data)
        return thx_fail(err, THORAX_NOMEM, 0, "no memory for the projection of %zu texts", x.rows);
    thorax_status st = ctx->ops->linear(ctx, h, x, c->project_1, NULL, THX_PROMPT, err);
    if (st) return st;
    ctx->ops->activate(ctx, h, h, THX_GELU_ERF);
    return ctx->ops->linear(ctx, out, h, c->project_2, NULL, THX_PROMPT, err);
}

/* Where the vectors of a call go. */
typedef struct place {
    const thx_clip *clip;
    float          *out;
} place;

/* The [CLS] rows of a pass become vectors. */
static thorax_status take_pass(void *data, const thx_encoder_pass *pass, thorax_error *err)
{
    const place         *p = data;
    const thx_clip      *c = p->clip;
    thx_ctx             *ctx = c->model->ctx;
    const thx_arena_mark mark = thx_arena_get_mark(ctx->arena);
    const thx_tensor     tokens = thx_tensor_alloc(ctx, pass->n, c->encoder.config.D),
                     vectors = thx_tensor_alloc(ctx, pass->n, c->d);
    thorax_status        st = THORAX_OK;

    if (!tokens.data || !vectors.data) st = thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu texts", pass->n);
    if (!st) {
        thx_encoder_first_rows(ctx, tokens, pass);
        st = project(c, vectors, tokens, err);
    }
    for (size_t i = 0; i < pass->n && !st; i++)
        normalise(p->out + pass->texts[i] * c->d, thx_tensor_rows(vectors, i, 1));
    thx_arena_release(ctx->arena, mark);
    return st;
}

thorax_status thx_clip_embed_ids(const thx_clip *c, float *out, const thx_ids *ids, const size_t *ends, size_t n,
                                 thorax_error *err)
{
    if (!c->texts)
        return thx_fail(err, THORAX_MODEL, 0, "%s: no text tower: this model embeds films only", c->model->folder);
    for (size_t i = 0; i < n; i++) {
        const size_t length = ends[i] - (i ? ends[i - 1] : 0);
        if (!length || length > c->context)
            return thx_fail(err, THORAX_USAGE, 0, "a text of %zu ids: expected 1 to %zu", length, c->context);
    }
    return thx_encoder_run(c->model->ctx, &c->encoder, ids->data, ends, n, c->encoder.config.layers, false, take_pass,
                           &(place){ c, out }, err);
}

thorax_status thx_clip_embed_texts(const thx_clip *c, float *out, const char *const *texts,
                                   size_t n, thorax_error *err)
{
    thx_ids       ids = { 0 };
    size_t       *ends = calloc(n + 1, sizeof *ends);
    thorax_status st =
        ends ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu texts", n);

    for (size_t i = 0; i < n && !st; i++) {
        st = thx_clip_tokenize(c, &ids, texts[i], strlen(texts[i]), err);
        ends[i] = ids.size;
    }
    if (!st) st = thx_clip_embed_ids(c, out, &ids, ends, n, err);
    thx_ids_deinit(&ids);
    free(ends);
    return st;
}
