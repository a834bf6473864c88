/* The vision transformer; see vit.h. Rows of all tiles of a call lie below each other,
 * [n*R, ...]; attention keeps them apart by `segment`. */
#include "vision/vit.h"

size_t thx_vit_patches(const thx_vit_config *c)
{
    const size_t side = c->tile_px / c->patch_px;
    return side * side;
}

size_t thx_vit_rows(const thx_vit_config *c) { return thx_vit_patches(c) + c->class_token; }

size_t thx_vit_scratch_bytes(const thx_vit_config *c, size_t n)
{
    const size_t rows = n * thx_vit_rows(c), inner = c->F > 3 * c->D ? c->F : 3 * c->D;
    return rows * (2 * c->D + inner) * sizeof(float);
}

/* out [n*R, D] = patches·Wᵀ + b, behind the class token of each tile if there is one */
static thorax_status embed_patches(thx_ctx *ctx, const thx_vit *vit, thx_tensor out,
                                   thx_tensor patches, size_t n, thorax_error *err)
{
    const size_t  P = thx_vit_patches(&vit->config);
    thorax_status st = THORAX_OK;

    if (!vit->config.class_token)
        return ctx->ops->linear(ctx, out, patches, vit->patch_w, vit->patch_b, THX_PROMPT, err);
    for (size_t i = 0; i < n && !st; i++) {
        const thx_tensor tile = thx_tensor_rows(out, i * (P + 1), P + 1);
        ctx->ops->fill_rows(ctx, thx_tensor_rows(tile, 0, 1), vit->class_row);
        st = ctx->ops->linear(ctx, thx_tensor_rows(tile, 1, P), thx_tensor_rows(patches, i * P, P),
                              vit->patch_w, vit->patch_b, THX_PROMPT, err);
    }
    return st;
}

/* out [n*R, D] = embedded tiles + position */
static thorax_status embed(thx_ctx *ctx, const thx_vit *vit, thx_tensor out, const float *tiles,
                           size_t n, thorax_error *err)
{
    const thx_vit_config *c = &vit->config;
    const size_t          P = thx_vit_patches(c), area = c->tile_px * c->tile_px * c->channels;
    const thx_tensor      patches =
        thx_tensor_alloc(ctx, n * P, c->channels * c->patch_px * c->patch_px);

    if (!patches.data)
        return thx_fail(err, THORAX_NOMEM, 0, "no memory for the patches of %zu tiles", n);
    for (size_t i = 0; i < n; i++)
        ctx->ops->patches(ctx, thx_tensor_rows(patches, i * P, P), tiles + i * area, c->channels,
                          c->tile_px, c->tile_px, c->patch_px);
    const thorax_status st = embed_patches(ctx, vit, out, patches, n, err);
    if (st) return st;
    ctx->ops->add_rows(ctx, out, vit->position, thx_vit_rows(c));
    return THORAX_OK;
}

/* inner [n*R, 0..3D] = queries, keys and values of h */
static thorax_status project(thx_ctx *ctx, const thx_vit_layer *l, thx_tensor inner, thx_tensor h,
                             thorax_error *err)
{
    const size_t     D = h.cols;
    const thx_tensor q = thx_tensor_cols(inner, 0, D), k = thx_tensor_cols(inner, D, D),
                     v = thx_tensor_cols(inner, 2 * D, D);
    thorax_status st;

    if (l->qkv_w)
        return ctx->ops->linear(ctx, thx_tensor_cols(inner, 0, 3 * D), h, l->qkv_w, l->qkv_b,
                                THX_PROMPT, err);
    if ((st = ctx->ops->linear(ctx, q, h, l->q_w, l->q_b, THX_PROMPT, err))) return st;
    if ((st = ctx->ops->linear(ctx, k, h, l->k_w, l->k_b, THX_PROMPT, err))) return st;
    return ctx->ops->linear(ctx, v, h, l->v_w, l->v_b, THX_PROMPT, err);
}

/* x += s1 * Wo · Attn(LN1(x)); h [n*R, D] and inner [n*R, >= 3*D] are scratch. */
static thorax_status attention(thx_ctx *ctx, const thx_vit *vit, const thx_vit_layer *l,
                               thx_tensor x, thx_tensor h, thx_tensor inner, thorax_error *err)
{
    const thx_vit_config *c = &vit->config;
    const thx_tensor q = thx_tensor_cols(inner, 0, c->D), k = thx_tensor_cols(inner, c->D, c->D),
                     v = thx_tensor_cols(inner, 2 * c->D, c->D);
    thorax_status st;

    ctx->ops->layer_norm(ctx, h, x, l->ln1_w, l->ln1_b, c->norm_eps);
    if ((st = project(ctx, l, inner, h, err))) return st;
    const size_t     E = c->D / c->H;
    const thx_attend a = { .out = h,
                           .q = q,
                           .k = k,
                           .v = v,
                           .H = c->H,
                           .G = c->H,
                           .E = E,
                           .segment = thx_vit_rows(c),
                           .scale = (float)(1.0 / __builtin_sqrt((double)E)),
                           .role = THX_PROMPT };
    if ((st = ctx->ops->attend(ctx, &a, err))) return st;
    if ((st = ctx->ops->linear(ctx, q, h, l->o_w, l->o_b, THX_PROMPT, err))) return st;
    ctx->ops->add(ctx, x, q, l->scale1);
    return THORAX_OK;
}

/* x += s2 * fc2(act(fc1(LN2(x)))) */
static thorax_status feed_forward(thx_ctx *ctx, const thx_vit *vit, const thx_vit_layer *l,
                                  thx_tensor x, thx_tensor h, thx_tensor inner, thorax_error *err)
{
    const thx_vit_config *c = &vit->config;
    const thx_tensor      f = thx_tensor_cols(inner, 0, c->F);
    thorax_status         st;

    ctx->ops->layer_norm(ctx, h, x, l->ln2_w, l->ln2_b, c->norm_eps);
    if ((st = ctx->ops->linear(ctx, f, h, l->fc1_w, l->fc1_b, THX_PROMPT, err))) return st;
    ctx->ops->activate(ctx, f, f, c->act);
    if ((st = ctx->ops->linear(ctx, h, f, l->fc2_w, l->fc2_b, THX_PROMPT, err))) return st;
    ctx->ops->add(ctx, x, h, l->scale2);
    return THORAX_OK;
}

thorax_status thx_vit_forward(thx_ctx *ctx, const thx_vit *vit, thx_tensor out, const float *tiles,
                              size_t n, thorax_error *err)
{
    const thx_vit_config *c = &vit->config;
    const size_t          rows = n * thx_vit_rows(c);
    const thx_arena_mark  mark = thx_arena_get_mark(ctx->arena);
    thorax_status         st = embed(ctx, vit, out, tiles, n, err);

    thx_arena_release(ctx->arena, mark);
    if (st) return st;
    const thx_tensor h = thx_tensor_alloc(ctx, rows, c->D);
    const thx_tensor inner = thx_tensor_alloc(ctx, rows, c->F > 3 * c->D ? c->F : 3 * c->D);
    if (!h.data || !inner.data)
        st = thx_fail(err, THORAX_NOMEM, 0, "no memory for the activations of %zu tiles", n);
    for (size_t i = 0; i < c->layers && !st; i++) {
        st = attention(ctx, vit, &vit->layers[i], out, h, inner, err);
        if (!st) st = feed_forward(ctx, vit, &vit->layers[i], out, h, inner, err);
        if (!st && !thx_ctx_step(ctx)) st = thx_fail(err, THORAX_CANCELLED, 0, "stopped");
    }
    if (!st && vit->norm_w) ctx->ops->layer_norm(ctx, out, out, vit->norm_w, vit->norm_b, c->norm_eps);
    thx_arena_release(ctx->arena, mark);
    return st;
}
