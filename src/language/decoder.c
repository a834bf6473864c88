/* The decoder; see decoder.h. */
#include "language/decoder.h"

static size_t inner_cols(const thx_decoder_config *c)
{
    const size_t attention = c->H * c->E + 2 * c->G * c->E, mlp = c->gated ? 2 * c->F : c->F;
    return attention > mlp ? attention : mlp;
}

/* Widest adapter of the layers; they may differ. */
static size_t adapter_rank(const thx_decoder *d)
{
    size_t R = 0;

    for (size_t i = 0; i < d->config.layers; i++) {
        const thx_decoder_layer *l = &d->layers[i];
        const thx_dense *const   all[] = { &l->q, &l->k, &l->v, &l->o, &l->gate, &l->up, &l->down };
        for (size_t j = 0; j < sizeof all / sizeof all[0]; j++)
            if (all[j]->down && all[j]->R > R) R = all[j]->R;
    }
    return R;
}

size_t thx_decoder_scratch_bytes(const thx_decoder *d, size_t T)
{
    const thx_decoder_config *c = &d->config;
    const size_t              wide = c->H * c->E > c->D ? c->H * c->E : c->D, R = adapter_rank(d);
    const size_t              adapter = R ? R + (c->F > wide ? c->F : wide) : 0;

    return T * (c->D + wide + inner_cols(c) + adapter) * sizeof(float);
}

/* y [T, N] of x [T, K]. */
static thorax_status dense(thx_ctx *ctx, thx_tensor y, thx_tensor x, const thx_dense *l, thx_role role, thorax_error *err)
{
    thorax_status st = ctx->ops->linear(ctx, y, x, l->w, l->b, role, err);

    if (st || !l->down) return st;
    const thx_arena_mark mark = thx_arena_get_mark(ctx->arena);
    const thx_tensor     low = thx_tensor_alloc(ctx, x.rows, l->R), more = thx_tensor_alloc(ctx, x.rows, y.cols);

    if (!low.data || !more.data) st = thx_fail(err, THORAX_NOMEM, 0, "no memory for the adapter of %zu rows", x.rows);
    if (!st) st = ctx->ops->linear(ctx, low, x, l->down, NULL, role, err);
    if (!st) st = ctx->ops->linear(ctx, more, low, l->up, NULL, role, err);
    if (!st) ctx->ops->add(ctx, y, more, l->scale);
    thx_arena_release(ctx->arena, mark);
    return st;
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

static void norm(thx_ctx *ctx, const thx_decoder_config *c, thx_tensor y, thx_tensor x, const thx_weight *w,
                 const thx_weight *b)
{
    if (c->layer_norm) ctx->ops->layer_norm(ctx, y, x, w, b, c->norm_eps);
    else ctx->ops->rms_norm(ctx, y, x, w, c->norm_eps);
}

/* x += Wo · Attn(h), every span by itself; h is overwritten */
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

    if ((st = dense(ctx, q, s->h, &l->q, role, err))) return st;
    if ((st = dense(ctx, k, s->h, &l->k, role, err))) return st;
    if ((st = dense(ctx, v, s->h, &l->v, role, err))) return st;
    for (size_t i = 0, at = 0; i < n; at += spans[i++].rows)
        if ((st = attend_span(ctx, d, l, s, at, &spans[i], layer, role, err))) return st;
    if ((st = dense(ctx, s->h, thx_tensor_cols(s->o, 0, Q), &l->o, role, err))) return st;
    ctx->ops->add(ctx, x, s->h, NULL);
    return THORAX_OK;
}

/* x += down(act(gate(h)) ⊙ up(h)), or without a gate down(act(up(h))); h stays as it is */
static thorax_status feed_forward(thx_ctx *ctx, const thx_decoder *d, const thx_decoder_layer *l,
                                  thx_tensor x, const scratch *s, thx_role role, thorax_error *err)
{
    const thx_decoder_config *c = &d->config;
    const thx_tensor          y = thx_tensor_cols(s->o, 0, c->D), gate = thx_tensor_cols(s->inner, 0, c->F),
                     up = thx_tensor_cols(s->inner, c->F, c->F);
    thorax_status st;

    if ((st = dense(ctx, gate, s->h, c->gated ? &l->gate : &l->up, role, err))) return st;
    if (c->gated && (st = dense(ctx, up, s->h, &l->up, role, err))) return st;
    if (c->gated) ctx->ops->activate_gated(ctx, gate, gate, up, c->act);
    else ctx->ops->activate(ctx, gate, gate, c->act);
    if ((st = dense(ctx, y, gate, &l->down, role, err))) return st;
    ctx->ops->add(ctx, x, y, NULL);
    return THORAX_OK;
}

static thorax_status layer_forward(thx_ctx *ctx, const thx_decoder *d, size_t i, thx_tensor x, const scratch *s,
                                   const thx_span *spans, size_t n, thx_role role, thorax_error *err)
{
    const thx_decoder_config *c = &d->config;
    const thx_decoder_layer  *l = &d->layers[i];
    thorax_status             st = THORAX_OK;

    norm(ctx, c, s->h, x, l->norm_attention, l->norm_attention_bias);
    if (c->parallel) st = feed_forward(ctx, d, l, x, s, role, err); /* first: attention overwrites h */
    if (!st) st = attention(ctx, d, i, x, s, spans, n, role, err);
    if (st || c->parallel) return st;
    norm(ctx, c, s->h, x, l->norm_feed_forward, l->norm_feed_forward_bias);
    return feed_forward(ctx, d, l, x, s, role, err);
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
        st = layer_forward(ctx, d, i, x, &s, spans, n, role, err);
        if (!st && !thx_ctx_step(ctx)) st = thx_fail(err, THORAX_CANCELLED, 0, "stopped");
    }
    thx_arena_release(ctx->arena, mark);
    return st;
}

thorax_status thx_decoder_logits(thx_ctx *ctx, const thx_decoder *d, thx_tensor logits,
                                 thx_tensor x, thx_role role, thorax_error *err)
{
    norm(ctx, &d->config, x, x, d->norm, d->norm_bias);
    return ctx->ops->linear(ctx, logits, x, d->head, d->head_bias, role, err);
}
