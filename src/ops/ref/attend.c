/* Attention by its definition: per row and head, the largest score, then the weighted sum.
 * Scores are computed twice instead of being stored. */
#include "ops/ref/ref.h"

#include <math.h>
#include <omp.h>

/* Where the keys and values of one group lie: in the cache, or in rows of a tensor. */
typedef struct source {
    const thx_attend *a;
    size_t            g;
} source;

static float kept_at(const unsigned char *row, thx_type type, size_t e)
{
    float  scale;
    int8_t code;

    if (type != THX_I8) return thx_element(row, type, e);
    memcpy(&scale, row, sizeof scale);
    memcpy(&code, row + sizeof scale + e, 1);
    return scale * (float)code;
}

static float key_at(source s, size_t position, size_t e)
{
    const thx_attend *a = s.a;
    if (a->kv) return kept_at(thx_kv_key(a->kv, s.g, position), a->kv->type, e);
    return a->k.data[position * a->k.stride + s.g * a->E + e];
}

static float value_at(source s, size_t position, size_t e)
{
    const thx_attend *a = s.a;
    if (a->kv) return kept_at(thx_kv_value(a->kv, s.g, position), a->kv->type, e);
    return a->v.data[position * a->v.stride + s.g * a->E + e];
}

/* The positions row t sees: from .. to-1. */
static void visible(const thx_attend *a, size_t t, size_t *from, size_t *to)
{
    if (a->kv) {
        *to = a->first + t + 1;
        *from = a->window && *to > a->window ? *to - a->window : 0;
        return;
    }
    thx_segment_of(a, t, from, to);
    if (a->around && t - *from > a->around) *from = t - a->around;
    if (a->around && *to - t > a->around + 1) *to = t + a->around + 1;
}

static double bias_at(const thx_bias *b, size_t h, size_t t, size_t position)
{
    return b->at ? (double)b->factor *
                       b->at[(ptrdiff_t)h * b->head + (ptrdiff_t)t * b->row + (ptrdiff_t)position * b->key]
                 : 0.0;
}

static double score(source s, const float *q, size_t h, size_t t, size_t position)
{
    double sum = bias_at(&s.a->bias[0], h, t, position) + bias_at(&s.a->bias[1], h, t, position);
    for (size_t e = 0; e < s.a->E; e++) sum += (double)q[e] * key_at(s, position, e);
    return sum * s.a->scale;
}

static void attend_row(const thx_attend *a, size_t t, size_t h, double *acc)
{
    const source s = { a, h / (a->H / a->G) };
    const float *q = a->q.data + t * a->q.stride + h * a->E;
    float       *out = a->out.data + t * a->out.stride + h * a->E;
    double       top = -INFINITY, total = 0.0;
    size_t       from, to;

    visible(a, t, &from, &to);
    for (size_t p = from; p < to; p++) top = fmax(top, score(s, q, h, t, p));
    for (size_t e = 0; e < a->E; e++) acc[e] = 0.0;
    for (size_t p = from; p < to; p++) {
        const double weight = exp(score(s, q, h, t, p) - top);
        total += weight;
        for (size_t e = 0; e < a->E; e++) acc[e] += weight * value_at(s, p, e);
    }
    for (size_t e = 0; e < a->E; e++) out[e] = total > 0.0 ? (float)(acc[e] / total) : 0.0f;
}

thorax_status thx_attend_ref(thx_ctx *ctx, const thx_attend *a, thorax_error *err)
{
    const size_t T = a->q.rows;
    double      *acc = thx_cpu_scratch(ctx, (size_t)ctx->threads * a->E * sizeof *acc);

    if (!acc) return thx_fail(err, THORAX_NOMEM, 0, "attention: scratch for heads of %zu", a->E);
#pragma omp parallel for schedule(dynamic) num_threads(ctx->threads)
    for (size_t i = 0; i < T * a->H; i++)
        attend_row(a, i / a->H, i % a->H, acc + (size_t)omp_get_thread_num() * a->E);
    return THORAX_OK;
}

static void store(unsigned char *to, thx_type type, const float *from, size_t n)
{
    if (type == THX_I8) {
        thx_kv_row_round(to, from, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const uint16_t h = type == THX_F16 ? thx_f16_from_f32(from[i]) : thx_bf16_from_f32(from[i]);
        if (type == THX_F32) memcpy(to + 4 * i, from + i, 4);
        else memcpy(to + 2 * i, &h, 2);
    }
}

/*   k, v [T, G*E] go to positions first .. first+T-1 */
void thx_kv_append_ref(thx_ctx *ctx, const thx_kv *kv, thx_tensor k, thx_tensor v, size_t first)
{
    (void)ctx;
    for (size_t t = 0; t < k.rows; t++)
        for (size_t g = 0; g < kv->G; g++) {
            store(thx_kv_key(kv, g, first + t), kv->type, k.data + t * k.stride + g * kv->E, kv->E);
            store(thx_kv_value(kv, g, first + t), kv->type, v.data + t * v.stride + g * kv->E, kv->E);
        }
}

thorax_status thx_match_ref(thx_ctx *ctx, thx_tensor y, thx_tensor x, thx_tensor w, size_t H, size_t E,
                            thorax_error *err)
{
    (void)err;
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (size_t i = 0; i < H * x.rows; i++) {
        const float *a = x.data + i % x.rows * x.stride + i / x.rows * E;

        for (size_t r = 0; r < w.rows; r++) {
            const float *b = w.data + r * w.stride + i / x.rows * E;
            double       sum = 0.0;
            for (size_t e = 0; e < E; e++) sum += (double)a[e] * b[e];
            y.data[i * y.stride + r] = (float)sum;
        }
    }
    return THORAX_OK;
}
