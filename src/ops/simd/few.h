/* Few rows against a matrix that is read once: the products of generated rows, and one query
 * row against the cache. Included after "vec.h" and rows.h.
 *
 * Every sum runs in one vector over k (lane l takes k = l, l + LANES, ...) and is folded
 * at the end, whatever the number of rows in flight; so a result never depends on its
 * neighbours. Eight sums at a time hide the latency of the additions. */
#ifndef THX_OPS_SIMD_FEW_H
#define THX_OPS_SIMD_FEW_H

#include "ops/simd/rows.h"

enum { AHEAD = 1024 }; /* bytes fetched ahead of a row of weights */

/* R rows of w against X rows of x, R and X constants. */
static inline __attribute__((always_inline)) void dot_block(float *y, size_t ldy, const float *x, size_t ldx,
                                                            const unsigned char *w, thx_type type, size_t pitch,
                                                            size_t K, const int R, const int X)
{
    const size_t size = type == THX_F32 ? 4 : 2;
    vec          s[8];

    for (int i = 0; i < R * X; i++) s[i] = v_set(0.0f);
    FOR_VECTORS(k, n, K, {
        vec wk[8];
        for (int r = 0; r < R; r++) {
            _mm_prefetch((const char *)w + (size_t)r * pitch + k * size + AHEAD, _MM_HINT_T0);
            wk[r] = v_load_as(w + (size_t)r * pitch + k * size, type, n);
        }
        for (int j = 0; j < X; j++) {
            const vec xk = v_get(x + (size_t)j * ldx + k, n);
            for (int r = 0; r < R; r++) s[j * R + r] = v_fma(wk[r], xk, s[j * R + r]);
        }
    });
    for (int j = 0; j < X; j++)
        for (int r = 0; r < R; r++) y[(size_t)j * ldy + (size_t)r] = v_sum(s[j * R + r]);
}

/* All T rows of x against R rows of w, which stay in the cache for those after the first. */
static inline __attribute__((always_inline)) void dot_rows(float *y, size_t ldy, const float *x, size_t ldx, size_t T,
                                                           const unsigned char *w, thx_type type, size_t pitch,
                                                           size_t K, const int R)
{
    size_t t = 0;

    if (R <= 4)
        for (; t + 2 <= T; t += 2) dot_block(y + t * ldy, ldy, x + t * ldx, ldx, w, type, pitch, K, R, 2);
    for (; t < T; t++) dot_block(y + t * ldy, ldy, x + t * ldx, ldx, w, type, pitch, K, R, 1);
}

static inline __attribute__((always_inline)) void dot_as(float *y, size_t ldy, const float *x, size_t ldx, size_t T,
                                                         const unsigned char *w, thx_type type, size_t pitch,
                                                         size_t n, size_t K)
{
    size_t i = 0;

    if (T == 1)
        for (; i + 8 <= n; i += 8) dot_rows(y + i, ldy, x, ldx, T, w + i * pitch, type, pitch, K, 8);
    for (; i + 4 <= n; i += 4) dot_rows(y + i, ldy, x, ldx, T, w + i * pitch, type, pitch, K, 4);
    for (; i < n; i++) dot_rows(y + i, ldy, x, ldx, T, w + i * pitch, type, pitch, K, 1);
}

static void dot(float *y, size_t ldy, const float *x, size_t ldx, size_t T, const void *w, thx_type type,
                size_t pitch, size_t n, size_t K)
{
    if (type == THX_F16) dot_as(y, ldy, x, ldx, T, w, THX_F16, pitch, n, K);
    else if (type == THX_BF16) dot_as(y, ldy, x, ldx, T, w, THX_BF16, pitch, n, K);
    else dot_as(y, ldy, x, ldx, T, w, THX_F32, pitch, n, K);
}

/* X rows of y, one vector of columns. */
static inline __attribute__((always_inline)) void mix_block(float *y, size_t ldy, const float *p, size_t ldp,
                                                            const unsigned char *v, thx_type type, size_t pitch,
                                                            size_t n, size_t width, const int X)
{
    vec s[8];

    for (int j = 0; j < X; j++) s[j] = v_get(y + (size_t)j * ldy, width);
    for (size_t i = 0; i < n; i++) {
        const vec vi = v_load_as(v + i * pitch, type, width);
        for (int j = 0; j < X; j++) s[j] = v_fma(v_set(p[(size_t)j * ldp + i]), vi, s[j]);
    }
    for (int j = 0; j < X; j++) v_put(y + (size_t)j * ldy, s[j], width);
}

static inline __attribute__((always_inline)) void mix_as(float *y, size_t ldy, const float *p, size_t ldp, size_t T,
                                                         const unsigned char *v, thx_type type, size_t pitch, size_t n,
                                                         size_t D)
{
    const size_t size = type == THX_F32 ? 4 : 2;

    FOR_VECTORS(d, width, D, {
        size_t t = 0;
        for (; t + 8 <= T; t += 8)
            mix_block(y + t * ldy + d, ldy, p + t * ldp, ldp, v + d * size, type, pitch, n, width, 8);
        for (; t + 4 <= T; t += 4)
            mix_block(y + t * ldy + d, ldy, p + t * ldp, ldp, v + d * size, type, pitch, n, width, 4);
        for (; t < T; t++)
            mix_block(y + t * ldy + d, ldy, p + t * ldp, ldp, v + d * size, type, pitch, n, width, 1);
    });
}

static void mix(float *y, size_t ldy, const float *p, size_t ldp, size_t T, const void *v, thx_type type,
                size_t pitch, size_t n, size_t D)
{
    if (type == THX_F16) mix_as(y, ldy, p, ldp, T, v, THX_F16, pitch, n, D);
    else if (type == THX_BF16) mix_as(y, ldy, p, ldp, T, v, THX_BF16, pitch, n, D);
    else mix_as(y, ldy, p, ldp, T, v, THX_F32, pitch, n, D);
}

#endif
