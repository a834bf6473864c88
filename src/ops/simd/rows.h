/* Kernels that take one row: conversions, norms, rotation, activations, sums. Included once by
 * each instruction set, after its "vec.h"; everything is local to that file. */
#ifndef THX_OPS_SIMD_ROWS_H
#define THX_OPS_SIMD_ROWS_H

#include "ops/simd/load.h"
#include "ops/simd/math.h"

FORCE_INLINE void widen_as(float *to, const void *from, thx_type type, size_t count)
{
    const unsigned char *p = from;
    const size_t         size = type == THX_F32 ? 4 : 2;

    FOR_VECTORS(i, n, count, v_put(to + i, v_load_as(p + i * size, type, n), n););
}
static void widen(float *to, const void *from, thx_type type, size_t count)
{
    if (type == THX_F16) widen_as(to, from, THX_F16, count);
    else if (type == THX_BF16) widen_as(to, from, THX_BF16, count);
    else widen_as(to, from, THX_F32, count);
}

FORCE_INLINE void narrow_as(void *to, const float *from, thx_type type, size_t count)
{
    unsigned char *p = to;
    const size_t   size = type == THX_F32 ? 4 : 2;

    FOR_VECTORS(i, n, count, v_store_as(p + i * size, v_get(from + i, n), type, n););
}
static void narrow(void *to, const float *from, thx_type type, size_t count)
{
    if (type == THX_F16) narrow_as(to, from, THX_F16, count);
    else if (type == THX_BF16) narrow_as(to, from, THX_BF16, count);
    else narrow_as(to, from, THX_F32, count);
}

/* Sum of (x - mean)^power over a row, power 1 or 2, in four running sums. */
FORCE_INLINE float row_sum(const float *x, size_t D, float mean, int power)
{
    vec       s[4] = { v_set(0.0f), v_set(0.0f), v_set(0.0f), v_set(0.0f) };
    const vec m = v_set(mean);
    size_t    i = 0, j = 0;

    for (; i + LANES <= D; i += LANES, j = (j + 1) % 4) {
        const vec v = v_sub(v_load(x + i), m);
        s[j] = power == 2 ? v_fma(v, v, s[j]) : v_add(s[j], v);
    }
    float rest = 0.0f;
    for (; i < D; i++) {
        const float f = x[i] - mean;
        rest += power == 2 ? f * f : f;
    }
    return v_sum(v_add(v_add(s[0], s[1]), v_add(s[2], s[3]))) + rest;
}

static void layer_norm(float *y, const float *x, const float *w, const float *b, size_t D, float eps)
{
    const float mean = row_sum(x, D, 0.0f, 1) / (float)D;
    const vec   m = v_set(mean), r = v_set(1.0f / sqrtf(row_sum(x, D, mean, 2) / (float)D + eps));

    FOR_VECTORS(i, n, D, {
        const vec normal = v_mul(v_sub(v_get(x + i, n), m), r);
        v_put(y + i, b ? v_fma(normal, v_get(w + i, n), v_get(b + i, n)) : v_mul(normal, v_get(w + i, n)), n);
    });
}

static void rms_norm(float *y, const float *x, const float *w, size_t D, float eps)
{
    const vec r = v_set(1.0f / sqrtf(row_sum(x, D, 0.0f, 2) / (float)D + eps));

    FOR_VECTORS(i, n, D, v_put(y + i, v_mul(v_mul(v_get(x + i, n), r), v_get(w + i, n)), n););
}

static void rotate(float *x, const float *cosines, const float *sines, size_t count)
{
    FOR_VECTORS(i, n, count, {
        const vec a = v_get(x + i, n), b = v_get(x + count + i, n);
        const vec c = v_get(cosines + i, n), s = v_get(sines + i, n);
        v_put(x + i, v_fnma(b, s, v_mul(a, c)), n);
        v_put(x + count + i, v_fma(a, s, v_mul(b, c)), n);
    });
}

FORCE_INLINE void activate_as(float *y, const float *x, const float *up, size_t count,
                              thx_act act)
{
    FOR_VECTORS(i, n, count, {
        const vec v = v_act(v_get(x + i, n), act);
        v_put(y + i, up ? v_mul(v, v_get(up + i, n)) : v, n);
    });
}
static void activate(float *y, const float *x, const float *up, size_t n, thx_act act)
{
    switch (act) {
    case THX_GELU_TANH: activate_as(y, x, up, n, THX_GELU_TANH); break;
    case THX_GELU_ERF: activate_as(y, x, up, n, THX_GELU_ERF); break;
    case THX_SILU: activate_as(y, x, up, n, THX_SILU); break;
    case THX_TANH: activate_as(y, x, up, n, THX_TANH); break;
    case THX_RELU: activate_as(y, x, up, n, THX_RELU); break;
    case THX_QUICK_GELU: activate_as(y, x, up, n, THX_QUICK_GELU); break;
    }
}

static void add(float *x, const float *y, const float *scale, size_t count)
{
    FOR_VECTORS(i, n, count, {
        const vec a = v_get(x + i, n), b = v_get(y + i, n);
        v_put(x + i, scale ? v_fma(b, v_get(scale + i, n), a) : v_add(a, b), n);
    });
}

/* Between four rows: corner[0] and [1] above, [2] and [3] below. */
static void blend(float *y, const float *const corner[4], float ty, float tx, size_t count)
{
    const vec up = v_set(1.0f - ty), down = v_set(ty), left = v_set(1.0f - tx), right = v_set(tx);

    FOR_VECTORS(i, n, count, {
        const vec a = v_add(v_mul(left, v_get(corner[0] + i, n)), v_mul(right, v_get(corner[1] + i, n)));
        const vec b = v_add(v_mul(left, v_get(corner[2] + i, n)), v_mul(right, v_get(corner[3] + i, n)));
        v_put(y + i, v_add(v_mul(up, a), v_mul(down, b)), n);
    });
}

#endif
