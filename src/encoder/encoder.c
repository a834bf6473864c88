/* The layers of the text encoder; see encoder.h. Rows of all texts of a call lie below each other, [T, ...]; attention
 * keeps them apart by their ends. */
#include "encoder/encoder.h"
#include "encoder/encoder_internal.h"

#include <math.h>

size_t thx_encoder_tokens(const thx_encoder_config *c)
{
    if (!c->positions) return SIZE_MAX;
    return c->positions > c->first_position ? c->positions - c->first_position : 0;
}

/* ---- Embeddings ---- */

/* Rows of the position embedding: counted from first_position in every text. */
static void place(const thx_encoder_config *c, int32_t *rows, const int32_t *ids, const size_t *ends, size_t n)
{
    for (size_t i = 0, t = 0; i < n; i++)
        for (size_t position = c->first_position; t < ends[i]; t++) {
            const bool skip = c->skip_pad && ids[t] == c->pad;
            rows[t] = (int32_t)(skip ? c->first_position - 1 : position);
            position += !skip;
        }
}

static void add_table(thx_ctx *ctx, thx_tensor out, thx_tensor h, const thx_weight *table, const int32_t *rows)
{
    ctx->ops->gather(ctx, h, table, rows, out.rows);
    ctx->ops->add(ctx, out, h, NULL);
}

/* out [T, D] = LN(words + type + position) */
static thorax_status embed(thx_run *r, thx_tensor out, const int32_t *ids, thorax_error *err)
{
    thx_ctx           *ctx = r->ctx;
    const thx_encoder *e = r->e;
    int32_t           *rows = thx_arena_zalloc(ctx->arena, out.rows, sizeof *rows);

    if (!rows) return thx_fail(err, THORAX_NOMEM, 0, "no memory for the positions of %zu tokens", out.rows);
    ctx->ops->gather(ctx, out, e->words, ids, out.rows);
    if (e->type) add_table(ctx, out, r->h, e->type, rows);
    place(&e->config, rows, ids, r->ends, r->n);
    if (e->position) add_table(ctx, out, r->h, e->position, rows);
    ctx->ops->layer_norm(ctx, out, out, e->norm_w, e->norm_b, e->config.norm_eps);
    return THORAX_OK;
}

/* ---- Layers ---- */

/* Does layer i see a neighbourhood only? */
static bool is_near(const thx_encoder_config *c, size_t i) { return c->every && i % c->every; }

/* Rotates the heads of every text from position 0 on. */
static void rotate(thx_run *r, thx_tensor x, const float *inv_freq)
{
    const size_t E = r->e->config.D / r->e->config.H;

    for (size_t i = 0, from = 0; i < r->n; from = r->ends[i], i++)
        r->ctx->ops->rope(r->ctx, thx_tensor_rows(x, from, r->ends[i] - from), r->e->config.H, E, 0, inv_freq, E / 2);
}

/* q, k, v [T, D] = projections of x */
static thorax_status project(thx_run *r, const thx_encoder_layer *l, thx_tensor x, thx_tensor qkv, thorax_error *err)
{
    const thx_ops *ops = r->ctx->ops;
    const size_t   D = r->e->config.D;
    thorax_status  st;

    if (!l->k_w) return ops->linear(r->ctx, qkv, x, l->q_w, l->q_b, THX_PROMPT, err);
    if ((st = ops->linear(r->ctx, thx_tensor_cols(qkv, 0, D), x, l->q_w, l->q_b, THX_PROMPT, err))) return st;
    if ((st = ops->linear(r->ctx, thx_tensor_cols(qkv, D, D), x, l->k_w, l->k_b, THX_PROMPT, err))) return st;
    return ops->linear(r->ctx, thx_tensor_cols(qkv, 2 * D, D), x, l->v_w, l->v_b, THX_PROMPT, err);
}

/* h = Attn(x), not yet projected; inner [T, >= 3*D] is scratch */
static thorax_status attend(thx_run *r, const thx_encoder_layer *l, size_t i, thx_tensor x, thorax_error *err)
{
    const thx_encoder_config *c = &r->e->config;
    const size_t              D = c->D, E = D / c->H;
    const bool                near = is_near(c, i);
    const thx_tensor          q = thx_tensor_cols(r->inner, 0, D), k = thx_tensor_cols(r->inner, D, D);
    thx_attend                a = { .out = r->h,
                                    .q = q,
                                    .k = k,
                                    .v = thx_tensor_cols(r->inner, 2 * D, D),
                                    .H = c->H,
                                    .G = c->H,
                                    .E = E,
                                    .ends = r->ends,
                                    .n_ends = r->n,
                                    .around = near ? c->around : 0,
                                    .role = THX_PROMPT };
    thorax_status st = project(r, l, x, thx_tensor_cols(r->inner, 0, 3 * D), err);

    if (st) return st;
    if (c->theta > 0) {
        rotate(r, q, r->inv_freq[near]);
        rotate(r, k, r->inv_freq[near]);
    }
    a.scale = (float)(1.0 / sqrt((double)(E * (size_t)(1 + c->c2p + c->p2c))));
    st = thx_encoder_distances(r, l, &a, err);
    return st ? st : r->ctx->ops->attend(r->ctx, &a, err);
}

/* x += Wo · Attn(x), with a norm before or behind */
static thorax_status attention(thx_run *r, const thx_encoder_layer *l, size_t i, thx_tensor x, thorax_error *err)
{
    thx_ctx                  *ctx = r->ctx;
    const thx_encoder_config *c = &r->e->config;
    const bool                before = c->pre_norm && l->norm1_w;
    const thx_tensor          y = thx_tensor_cols(r->inner, 0, c->D);
    thorax_status             st;

    if (before) ctx->ops->layer_norm(ctx, r->h, x, l->norm1_w, l->norm1_b, c->norm_eps);
    if ((st = attend(r, l, i, before ? r->h : x, err))) return st;
    if ((st = ctx->ops->linear(ctx, y, r->h, l->o_w, l->o_b, THX_PROMPT, err))) return st;
    ctx->ops->add(ctx, x, y, NULL);
    if (!c->pre_norm) ctx->ops->layer_norm(ctx, x, x, l->norm1_w, l->norm1_b, c->norm_eps);
    return THORAX_OK;
}

/* x += fc2(act(fc1(x))), with a norm before or behind */
static thorax_status feed_forward(thx_run *r, const thx_encoder_layer *l, thx_tensor x, thorax_error *err)
{
    thx_ctx                  *ctx = r->ctx;
    const thx_encoder_config *c = &r->e->config;
    const thx_tensor f = thx_tensor_cols(r->inner, 0, c->F), up = thx_tensor_cols(r->inner, c->gated ? c->F : 0, c->F);
    const thx_tensor          wide = thx_tensor_cols(r->inner, 0, c->gated ? 2 * c->F : c->F);
    thorax_status             st;

    if (c->pre_norm) ctx->ops->layer_norm(ctx, r->h, x, l->norm2_w, l->norm2_b, c->norm_eps);
    if ((st = ctx->ops->linear(ctx, wide, c->pre_norm ? r->h : x, l->fc1_w, l->fc1_b, THX_PROMPT, err))) return st;
    if (c->gated) ctx->ops->activate_gated(ctx, f, f, up, c->act);
    else ctx->ops->activate(ctx, f, f, c->act);
    if ((st = ctx->ops->linear(ctx, r->h, f, l->fc2_w, l->fc2_b, THX_PROMPT, err))) return st;
    ctx->ops->add(ctx, x, r->h, NULL);
    if (!c->pre_norm) ctx->ops->layer_norm(ctx, x, x, l->norm2_w, l->norm2_b, c->norm_eps);
    return THORAX_OK;
}

/* ---- The whole ---- */

/* Angles of one position, E/2 of them. */
static float *frequencies(thx_ctx *ctx, size_t E, float theta)
{
    float *f = thx_arena_alloc(ctx->arena, E / 2 + 1, sizeof *f);

    for (size_t i = 0; f && i < E / 2; i++)
        f[i] = 1.0f / (float)pow((double)theta, (double)((float)(2 * i) / (float)E));
    return f;
}

static thorax_status prepare(thx_run *r, size_t T, thorax_error *err)
{
    const thx_encoder_config *c = &r->e->config;
    const size_t              F = c->gated ? 2 * c->F : c->F, wide = F > 3 * c->D ? F : 3 * c->D;

    for (size_t i = 0; i < r->n; i++) {
        const size_t length = r->ends[i] - (i ? r->ends[i - 1] : 0);
        r->longest = length > r->longest ? length : r->longest;
    }
    r->h = thx_tensor_alloc(r->ctx, T, c->D);
    r->inner = thx_tensor_alloc(r->ctx, T, wide);
    bool there = r->h.data && r->inner.data;
    for (int near = 0; near < 2 && c->theta > 0; near++) {
        r->inv_freq[near] = frequencies(r->ctx, c->D / c->H, near ? c->theta_near : c->theta);
        there &= r->inv_freq[near] != NULL;
    }
    return there ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "no memory for the activations of %zu tokens", T);
}

thorax_status thx_encoder_forward(thx_ctx *ctx, const thx_encoder *e, thx_tensor out, const int32_t *ids,
                                  const size_t *ends, size_t n, size_t layers, thx_encoder_sink *sink, void *data,
                                  thorax_error *err)
{
    const thx_arena_mark mark = thx_arena_get_mark(ctx->arena);
    thx_run              r = { .ctx = ctx, .e = e, .ends = ends, .n = n };
    thorax_status        st = prepare(&r, out.rows, err);

    if (!st) st = embed(&r, out, ids, err);
    if (!st) st = thx_encoder_distances_begin(&r, err);
    if (!st && sink) st = sink(data, 0, out, err);
    for (size_t i = 0; i < layers && !st; i++) {
        st = attention(&r, &e->layers[i], i, out, err);
        if (!st) st = feed_forward(&r, &e->layers[i], out, err);
        if (!st && !thx_ctx_step(ctx)) st = thx_fail(err, THORAX_CANCELLED, 0, "stopped");
        if (!st && sink) st = sink(data, i + 1, out, err);
    }
    thx_arena_release(ctx->arena, mark);
    return st;
}

void thx_encoder_last_norm(thx_ctx *ctx, const thx_encoder *e, thx_tensor y, thx_tensor x)
{
    ctx->ops->layer_norm(ctx, y, x, e->last_norm_w, e->last_norm_b, e->config.norm_eps);
}
