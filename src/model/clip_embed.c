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
    if (!st) thx_encoder_first_rows(ctx, tokens, rows, R);
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

/* Of one text: as many as the context allows, all of the vocabulary. */
static thorax_status check_ids(const thx_clip *c, const int32_t *ids, size_t n, thorax_error *err)
{
    if (!n || n > c->context)
        return thx_fail(err, THORAX_USAGE, 0, "a text of %zu ids: expected 1 to %zu", n,
                        c->context);
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= c->encoder.config.V)
            return thx_fail(err, THORAX_USAGE, 0, "id %d: expected less than %zu", ids[i],
                            c->encoder.config.V);
    return THORAX_OK;
}

/* A text among others: where its ids lie and which vector it becomes. */
typedef struct place {
    size_t at, length, index;
} place;

static int by_length(const void *a, const void *b)
{
    const place *x = a, *y = b;

    if (x->length != y->length) return x->length < y->length ? -1 : 1;
    return x->index < y->index ? -1 : 1;
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

/* n texts of the same length S, one behind the other in ids, into vectors [n, d] of unit length. */
static thorax_status embed_equal(const thx_clip *c, float *out, const int32_t *ids, size_t n,
                                 size_t S, thorax_error *err)
{
    thx_ctx             *ctx = c->model->ctx;
    const size_t         D = c->encoder.config.D;
    const thx_arena_mark mark = thx_arena_get_mark(ctx->arena);
    const thx_tensor rows = thx_tensor_alloc(ctx, n * S, D), tokens = thx_tensor_alloc(ctx, n, D);
    const thx_tensor vectors = thx_tensor_alloc(ctx, n, c->d);
    thorax_status    st = THORAX_OK;

    if (!rows.data || !tokens.data || !vectors.data)
        st = thx_fail(err, THORAX_NOMEM, 0, "no memory for the activations of %zu texts", n);
    if (!st) st = thx_encoder_forward(ctx, &c->encoder, rows, ids, n, S, err);
    if (!st) {
        thx_encoder_first_rows(ctx, tokens, rows, S);
        st = project(c, vectors, tokens, err);
    }
    if (!st) normalise(out, vectors);
    thx_arena_release(ctx->arena, mark);
    return st;
}

/* Texts places[0..n) of one length: a pass at a time, their vectors put where they belong. */
static thorax_status embed_group(const thx_clip *c, float *out, const thx_ids *ids,
                                 const place *places, size_t n, thorax_error *err)
{
    const size_t S = places[0].length, most = S >= PASS_ROWS ? 1 : PASS_ROWS / S,
                 at_once = n < most ? n : most;
    int32_t      *block = malloc(at_once * S * sizeof *block);
    float        *vectors = malloc(at_once * c->d * sizeof *vectors);
    thorax_status st = block && vectors
                           ? THORAX_OK
                           : thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu texts", at_once);

    for (size_t i = 0; i < n && !st; i += at_once) {
        const size_t now = at_once < n - i ? at_once : n - i;
        for (size_t k = 0; k < now; k++)
            memcpy(block + k * S, ids->data + places[i + k].at, S * sizeof *block);
        st = embed_equal(c, vectors, block, now, S, err);
        for (size_t k = 0; k < now && !st; k++)
            memcpy(out + places[i + k].index * c->d, vectors + k * c->d, c->d * sizeof *vectors);
    }
    free(block);
    free(vectors);
    return st;
}

thorax_status thx_clip_embed_ids(const thx_clip *c, float *out, const thx_ids *ids,
                                 const size_t *ends, size_t n, thorax_error *err)
{
    place        *places = calloc(n + 1, sizeof *places);
    thorax_status st =
        places ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu texts", n);

    if (!st && !c->texts)
        st = thx_fail(err, THORAX_MODEL, 0, "%s: no text tower: this model embeds films only",
                      c->model->folder);
    for (size_t i = 0; i < n && !st; i++) {
        const size_t at = i ? ends[i - 1] : 0;
        places[i] = (place){ .at = at, .length = ends[i] - at, .index = i };
        st = check_ids(c, ids->data + at, places[i].length, err);
    }
    if (!st && n) qsort(places, n, sizeof *places, by_length);
    for (size_t i = 0, end; i < n && !st; i = end) {
        for (end = i; end < n && places[end].length == places[i].length;) end++;
        st = embed_group(c, out, ids, places + i, end - i, err);
    }
    free(places);
    return st;
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
