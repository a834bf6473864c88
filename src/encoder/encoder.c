/* The text encoder; see encoder.h. Rows of all texts of a call lie below each other, [n*S, ...];
 * attention keeps them apart by `segment`. */
#include "encoder/encoder.h"

size_t thx_encoder_tokens(const thx_encoder_config *c)
{
    return c->positions > c->first_position ? c->positions - c->first_position : 0;
}

/* out += rows of `table`, one a token; row(t) = first + t % S * step. `h` is scratch. */
static void add_table(thx_ctx *ctx, thx_tensor out, thx_tensor h, const thx_weight *table,
                      int32_t *ids, size_t S, size_t first, size_t step)
{
    for (size_t t = 0; t < out.rows; t++) ids[t] = (int32_t)(first + t % S * step);
    ctx->ops->gather(ctx, h, table, ids, out.rows);
    ctx->ops->add(ctx, out, h, NULL);
}

/* out [n*S, D] = LN(words + type + position) */
static thorax_status embed(thx_ctx *ctx, const thx_encoder *e, thx_tensor out, thx_tensor h,
                           const int32_t *ids, size_t S, thorax_error *err)
{
    const thx_encoder_config *c = &e->config;
    int32_t                  *rows = thx_arena_alloc(ctx->arena, out.rows, sizeof *rows);

    if (!rows)
        return thx_fail(err, THORAX_NOMEM, 0, "no memory for the positions of %zu tokens",
                        out.rows);
    ctx->ops->gather(ctx, out, e->words, ids, out.rows);
    if (e->type) add_table(ctx, out, h, e->type, rows, S, 0, 0);
    add_table(ctx, out, h, e->position, rows, S, c->first_position, 1);
    ctx->ops->layer_norm(ctx, out, out, e->norm_w, e->norm_b, c->norm_eps);
    return THORAX_OK;
}

/* x = LN(x + Wo · Attn(x)); h [n*S, D] and inner [n*S, >= 3*D] are scratch. */
static thorax_status attention(thx_ctx *ctx, const thx_encoder *e, const thx_encoder_layer *l,
                               thx_tensor x, thx_tensor h, thx_tensor inner, size_t S,
                               thorax_error *err)
{
    const thx_encoder_config *c = &e->config;
    const size_t              E = c->D / c->H;
    const thx_tensor q = thx_tensor_cols(inner, 0, c->D), k = thx_tensor_cols(inner, c->D, c->D),
                     v = thx_tensor_cols(inner, 2 * c->D, c->D);
    const thx_attend a = { .out = h,
                           .q = q,
                           .k = k,
                           .v = v,
                           .H = c->H,
                           .G = c->H,
                           .E = E,
                           .segment = S,
                           .scale = (float)(1.0 / __builtin_sqrt((double)E)),
                           .role = THX_PROMPT };
    thorax_status    st;

    if ((st = ctx->ops->linear(ctx, q, x, l->q_w, l->q_b, THX_PROMPT, err))) return st;
    if ((st = ctx->ops->linear(ctx, k, x, l->k_w, l->k_b, THX_PROMPT, err))) return st;
    if ((st = ctx->ops->linear(ctx, v, x, l->v_w, l->v_b, THX_PROMPT, err))) return st;
    if ((st = ctx->ops->attend(ctx, &a, err))) return st;
    if ((st = ctx->ops->linear(ctx, q, h, l->o_w, l->o_b, THX_PROMPT, err))) return st;
    ctx->ops->add(ctx, x, q, NULL);
    ctx->ops->layer_norm(ctx, x, x, l->norm1_w, l->norm1_b, c->norm_eps);
    return THORAX_OK;
}

/* x = LN(x + fc2(act(fc1(x)))) */
static thorax_status feed_forward(thx_ctx *ctx, const thx_encoder *e, const thx_encoder_layer *l,
                                  thx_tensor x, thx_tensor h, thx_tensor inner, thorax_error *err)
{
    const thx_encoder_config *c = &e->config;
    const thx_tensor          f = thx_tensor_cols(inner, 0, c->F);
    thorax_status             st;

    if ((st = ctx->ops->linear(ctx, f, x, l->fc1_w, l->fc1_b, THX_PROMPT, err))) return st;
    ctx->ops->activate(ctx, f, f, c->act);
    if ((st = ctx->ops->linear(ctx, h, f, l->fc2_w, l->fc2_b, THX_PROMPT, err))) return st;
    ctx->ops->add(ctx, x, h, NULL);
    ctx->ops->layer_norm(ctx, x, x, l->norm2_w, l->norm2_b, c->norm_eps);
    return THORAX_OK;
}

thorax_status thx_encoder_forward(thx_ctx *ctx, const thx_encoder *e, thx_tensor out,
                                  const int32_t *ids, size_t n, size_t S, thorax_error *err)
{
    const thx_encoder_config *c = &e->config;
    const size_t              rows = n * S;
    const thx_arena_mark      mark = thx_arena_get_mark(ctx->arena);
    const thx_tensor          h = thx_tensor_alloc(ctx, rows, c->D);
    const thx_tensor inner = thx_tensor_alloc(ctx, rows, c->F > 3 * c->D ? c->F : 3 * c->D);
    thorax_status    st = THORAX_OK;

    if (!h.data || !inner.data)
        st = thx_fail(err, THORAX_NOMEM, 0, "no memory for the activations of %zu tokens", rows);
    if (!st) st = embed(ctx, e, out, h, ids, S, err);
    for (size_t i = 0; i < c->layers && !st; i++) {
        st = attention(ctx, e, &e->layers[i], out, h, inner, S, err);
        if (!st) st = feed_forward(ctx, e, &e->layers[i], out, h, inner, err);
        if (!st && !thx_ctx_step(ctx)) st = thx_fail(err, THORAX_CANCELLED, 0, "stopped");
    }
    thx_arena_release(ctx->arena, mark);
    return st;
}

void thx_encoder_first_rows(thx_ctx *ctx, thx_tensor out, thx_tensor rows, size_t S)
{
    for (size_t i = 0; i < out.rows; i++)
        ctx->ops->copy_rows(ctx, thx_tensor_rows(out, i, 1), thx_tensor_rows(rows, i * S, 1));
}
