/* The decoder; see decoder.h. */
#include "language/decoder.h"

static size_t inner_cols(const thx_decoder_config *c)
{
    const size_t attention = c->H * c->E + 2 * c->G * c->E, mlp = 2 * c->F;
    return attention > mlp ? attention : mlp;
}

size_t thx_decoder_scratch_bytes(const thx_decoder_config *c, size_t T)
{
    const size_t wide = c->H * c->E > c->D ? c->H * c->E : c->D;
    return T * (c->D + wide + inner_cols(c)) * sizeof(float);
}

/* Scratch of one forward: h [T, D], o [T, max(H*E, D)], inner [T, max(q+k+v, 2F)]. */
typedef struct scratch {
    thx_tensor h, o, inner;
} scratch;

/* o = Attn(RoPE(q), RoPE(k), v) of the rows of one span, which begin at row `at`. */
static thorax_status attend_span(thx_ctx *ctx, const thx_decoder *d, const thx_decoder_layer *l,
                                 const scratch *s, size_t at, const thx_span *span, size_t layer,
                                 thx_role role, thorax_error *err)
{
    const thx_decoder_config *c = &d->config;
    const size_t              Q = c->H * c->E, K = c->G * c->E;
    const thx_tensor          rows = thx_tensor_rows(s->inner, at, span->rows),
                     q = thx_tensor_cols(rows, 0, Q), k = thx_tensor_cols(rows, Q, K),
                     v = thx_tensor_cols(rows, Q + K, K);

    ctx->ops->rope(ctx, q, c->H, c->E, span->first, d->inv_freq, c->n_freq);
    ctx->ops->rope(ctx, k, c->G, c->E, span->first, d->inv_freq, c->n_freq);
    ctx->ops->kv_append(ctx, &span->kv[layer], k, v, span->first);
    const thx_attend a = { .out = thx_tensor_cols(thx_tensor_rows(s->o, at, span->rows), 0, Q),
                           .q = q,
                           .kv = &span->kv[layer],
                           .H = c->H,
                           .G = c->G,
                           .E = c->E,
                           .first = span->first,
                           .window = l->window,
                           .scale = (float)(1.0 / __builtin_sqrt((double)c->E)),
                           .role = role };
    return ctx->ops->attend(ctx, &a, err);
}

/* x += Wo · Attn of RMS(x), every span by itself */
static thorax_status attention(thx_ctx *ctx, const thx_decoder *d, size_t layer, thx_tensor x,
                               const scratch *s, const thx_span *spans, size_t n, thx_role role,
                               thorax_error *err)
{
    const thx_decoder_config *c = &d->config;
    const thx_decoder_layer  *l = &d->layers[layer];
    const size_t              Q = c->H * c->E, K = c->G * c->E;
    const thx_tensor q = thx_tensor_cols(s->inner, 0, Q), k = thx_tensor_cols(s->inner, Q, K),
                     v = thx_tensor_cols(s->inner, Q + K, K);
    thorax_status    st;

    ctx->ops->rms_norm(ctx, s->h, x, l->norm_attention, c->norm_eps);
    if ((st = ctx->ops->linear(ctx, q, s->h, l->q_w, l->q_b, role, err))) return st;
    if ((st = ctx->ops->linear(ctx, k, s->h, l->k_w, l->k_b, role, err))) return st;
    if ((st = ctx->ops->linear(ctx, v, s->h, l->v_w, l->v_b, role, err))) return st;
    for (size_t i = 0, at = 0; i < n; at += spans[i++].rows)
        if ((st = attend_span(ctx, d, l, s, at, &spans[i], layer, role, err))) return st;
    if ((st = ctx->ops->linear(ctx, s->h, thx_tensor_cols(s->o, 0, Q), l->o_w, l->o_b, role, err)))
        return st;
    ctx->ops->add(ctx, x, s->h, NULL);
    return THORAX_OK;
}

/* x += down(act(gate(RMS(x))) ⊙ up(RMS(x))) */
static thorax_status feed_forward(thx_ctx *ctx, const thx_decoder *d, const thx_decoder_layer *l,
                                  thx_tensor x, const scratch *s, thx_role role, thorax_error *err)
{
    const thx_decoder_config *c = &d->config;
    const thx_tensor          gate = thx_tensor_cols(s->inner, 0, c->F),
                     up = thx_tensor_cols(s->inner, c->F, c->F);
    thorax_status st;

    ctx->ops->rms_norm(ctx, s->h, x, l->norm_feed_forward, c->norm_eps);
    if ((st = ctx->ops->linear(ctx, gate, s->h, l->gate_w, NULL, role, err))) return st;
    if ((st = ctx->ops->linear(ctx, up, s->h, l->up_w, NULL, role, err))) return st;
    ctx->ops->activate_gated(ctx, gate, gate, up, c->act);
    if ((st = ctx->ops->linear(ctx, s->h, gate, l->down_w, NULL, role, err))) return st;
    ctx->ops->add(ctx, x, s->h, NULL);
    return THORAX_OK;
}

thorax_status thx_decoder_forward(thx_ctx *ctx, const thx_decoder *d, thx_tensor x,
                                  const thx_span *spans, size_t n, thx_role role, thorax_error *err)
{
    const thx_decoder_config *c = &d->config;
    const thx_arena_mark      mark = thx_arena_get_mark(ctx->arena);
    const scratch             s = { .h = thx_tensor_alloc(ctx, x.rows, c->D),
                                    .o = thx_tensor_alloc(ctx, x.rows, c->H * c->E > c->D ? c->H * c->E : c->D),
                                    .inner = thx_tensor_alloc(ctx, x.rows, inner_cols(c)) };
    thorax_status             st = THORAX_OK;

    if (!s.h.data || !s.o.data || !s.inner.data)
        st = thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu rows of activations", x.rows);
    for (size_t i = 0; i < c->layers && !st; i++) {
        st = attention(ctx, d, i, x, &s, spans, n, role, err);
        if (!st) st = feed_forward(ctx, d, &d->layers[i], x, &s, role, err);
        if (!st && !thx_ctx_step(ctx)) st = thx_fail(err, THORAX_CANCELLED, 0, "stopped");
    }
    thx_arena_release(ctx->arena, mark);
    return st;
}

thorax_status thx_decoder_logits(thx_ctx *ctx, const thx_decoder *d, thx_tensor logits,
                                 thx_tensor x, thx_role role, thorax_error *err)
{
    ctx->ops->rms_norm(ctx, x, x, d->norm, d->config.norm_eps);
    return ctx->ops->linear(ctx, logits, x, d->head, NULL, role, err);
}
