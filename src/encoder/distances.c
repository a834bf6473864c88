/* What attention knows of the distance of two tokens: MPNet's biases, DeBERTa's embeddings.
 *
 * Both depend on the offset (key minus query) alone, so rows of the table are looked up once a pass, an offset a row;
 * what a query or a key makes of them is a matrix with a column an offset, which attention reads on the slant. */
#include "encoder/encoder_internal.h"

#include <math.h>
#include <stdlib.h>

enum { BIAS_BUCKETS = 16 /* a side */, BIAS_FARTHEST = 128 };

/* Half of the buckets of a side hold one distance each, the others grow with its logarithm. The products are those
 * of the original, in f32. */
size_t thx_bucket_of_bias(ptrdiff_t offset)
{
    const size_t side = offset > 0 ? BIAS_BUCKETS : 0, n = (size_t)labs((long)offset), exact = BIAS_BUCKETS / 2;

    if (n < exact) return side + n;
    const float  share = logf((float)n / (float)exact) / (float)log((double)BIAS_FARTHEST / (double)exact);
    const size_t far = exact + (size_t)(share * (float)(BIAS_BUCKETS - exact));
    return side + (far < BIAS_BUCKETS - 1 ? far : BIAS_BUCKETS - 1);
}

/* Of query minus key: -span .. span, the first half of a side exact. */
static long bucket_of(const thx_encoder_config *c, long distance)
{
    const long  middle = (long)c->buckets / 2, n = labs(distance);
    const float reach = logf((float)((double)(c->farthest - 1) / (double)middle));

    if (!c->buckets || n <= middle) return distance;
    const long far = (long)ceilf(logf((float)n / (float)middle) / reach * (float)(middle - 1)) + middle;
    return distance < 0 ? -far : far;
}

size_t thx_bucket_of_vectors(const thx_encoder_config *c, ptrdiff_t offset)
{
    const long span = (long)(c->buckets ? c->buckets : c->farthest), at = bucket_of(c, -(long)offset) + span;

    return at < 0 ? 0 : at > 2 * span - 1 ? (size_t)(2 * span - 1) : (size_t)at;
}

static thorax_status fail_memory(const thx_run *r, thorax_error *err)
{
    return thx_fail(err, THORAX_NOMEM, 0, "no memory for the distances in texts of %zu tokens", r->longest);
}

thorax_status thx_encoder_distances_begin(thx_run *r, thorax_error *err)
{
    thx_ctx                  *ctx = r->ctx;
    const thx_encoder_config *c = &r->e->config;
    const bool                vectors = c->distance == THX_DISTANCE_VECTORS;
    const size_t              R = 2 * r->longest - 1, T = r->h.rows, D = vectors ? c->D : c->H;

    if (!c->distance || !T) return THORAX_OK;
    int32_t *rows = thx_arena_alloc(ctx->arena, R, sizeof *rows);
    r->offsets = thx_tensor_alloc(ctx, R, D);
    if (!rows || !r->offsets.data) return fail_memory(r, err);
    for (size_t o = 0; o < R; o++) {
        const ptrdiff_t offset = (ptrdiff_t)o - (ptrdiff_t)(r->longest - 1);
        rows[o] = (int32_t)(vectors ? thx_bucket_of_vectors(c, offset) : thx_bucket_of_bias(offset));
    }
    ctx->ops->gather(ctx, r->offsets, r->e->distance, rows, R);
    if (!vectors) return THORAX_OK;
    if (r->e->distance_norm_w)
        ctx->ops->layer_norm(ctx, r->offsets, r->offsets, r->e->distance_norm_w, r->e->distance_norm_b, c->norm_eps);
    r->projected = thx_tensor_alloc(ctx, R, D);
    if (c->c2p) r->c2p = thx_tensor_alloc(ctx, c->H * T, R);
    if (c->p2c) r->p2c = thx_tensor_alloc(ctx, c->H * T, R);
    return r->projected.data && (!c->c2p || r->c2p.data) && (!c->p2c || r->p2c.data) ? THORAX_OK : fail_memory(r, err);
}

/* x against the offsets' projections by w, into y [H*T, R]. */
static thorax_status match(thx_run *r, thx_tensor y, thx_tensor x, const thx_weight *w, const thx_weight *b,
                           thorax_error *err)
{
    const thx_encoder_config *c = &r->e->config;
    const thorax_status       st = r->ctx->ops->linear(r->ctx, r->projected, r->offsets, w, b, THX_PROMPT, err);

    return st ? st : r->ctx->ops->match(r->ctx, y, x, r->projected, c->H, c->D / c->H, err);
}

thorax_status thx_encoder_distances(thx_run *r, const thx_encoder_layer *l, thx_attend *a, thorax_error *err)
{
    const thx_encoder_config *c = &r->e->config;
    const ptrdiff_t           middle = (ptrdiff_t)r->longest - 1, T = (ptrdiff_t)r->h.rows;
    const ptrdiff_t           line = (ptrdiff_t)r->offsets.stride;
    thorax_status             st = THORAX_OK;

    if (c->distance == THX_DISTANCE_BIAS)
        a->bias[0] = (thx_bias){ r->offsets.data + middle * line, 1, -line, line, 1.0f / a->scale };
    if (c->distance != THX_DISTANCE_VECTORS) return THORAX_OK;
    if (c->c2p) {
        const bool own = l->pos_k_w;
        const ptrdiff_t s = (ptrdiff_t)r->c2p.stride;
        st = match(r, r->c2p, a->q, own ? l->pos_k_w : l->k_w, own ? l->pos_k_b : l->k_b, err);
        a->bias[0] = (thx_bias){ r->c2p.data + middle, T * s, s - 1, 1, 1.0f };
    }
    if (c->p2c && !st) {
        const bool own = l->pos_q_w;
        const ptrdiff_t s = (ptrdiff_t)r->p2c.stride;
        st = match(r, r->p2c, a->k, own ? l->pos_q_w : l->q_w, own ? l->pos_q_b : l->q_b, err);
        a->bias[1] = (thx_bias){ r->p2c.data + middle, T * s, -1, s + 1, 1.0f };
    }
    return st;
}
