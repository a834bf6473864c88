/* Few rows against a matrix that is read once: the products of generated rows, and one query
 * row against the cache. Included after "vec.h".
 *
 * Every sum runs in one vector over k (lane l takes k = l, l + LANES, ...) and its lanes are
 * added in one fixed order, whatever the number of sums in flight; so a result never depends on its
 * neighbours. Eight or more sums at a time hide the latency of the additions. */
#ifndef THX_OPS_SIMD_FEW_H
#define THX_OPS_SIMD_FEW_H

#include "ops/simd/load.h"

/* How far ahead memory is fetched, at least: rows that come next begin on pages the processor does not foresee. */
enum { AHEAD = 2048, AHEAD_ROWS = 8 };

/* R rows of w against X rows of x, both constants, R * X <= LANES. */
FORCE_INLINE void dot_block(float *y, size_t ldy, const float *x, size_t ldx,
                            const unsigned char *w, thx_type type, size_t pitch,
                            size_t K, const int R, const int X)
{
    const size_t size = type == THX_F32 ? 4 : 2, run = (size_t)R * pitch,
                 ahead = run > AHEAD ? run : AHEAD; /* the same place of the rows that come next */
    vec          s[LANES];
    float        sums[LANES];

    for (int i = 0; i < LANES; i++) s[i] = v_set(0.0f);
    FOR_VECTORS(k, n, K, {
        vec wk[8];
        for (int r = 0; r < R; r++) {
            const unsigned char *at = w + (size_t)r * pitch + k * size;
            _mm_prefetch((const char *)at + ahead, _MM_HINT_T1);
            wk[r] = v_load_as(at, type, n);
        }
        for (int j = 0; j < X; j++) {
            const vec xk = v_get(x + (size_t)j * ldx + k, n);
            for (int r = 0; r < R; r++) s[j * R + r] = v_fma(wk[r], xk, s[j * R + r]);
        }
    });
    v_store(sums, v_sums(s));
    for (int j = 0; j < X; j++)
        for (int r = 0; r < R; r++) y[(size_t)j * ldy + (size_t)r] = sums[j * R + r];
}

/* n rows of w against X rows of x, R at a time. */
FORCE_INLINE void dot_rows(float *y, size_t ldy, const float *x, size_t ldx,
                           const unsigned char *w, thx_type type, size_t pitch,
                           size_t n, size_t K, const int R, const int X)
{
    size_t i = 0;

    for (; i + (size_t)R <= n; i += (size_t)R)
        dot_block(y + i, ldy, x, ldx, w + i * pitch, type, pitch, K, R, X);
    for (; i < n; i++) dot_block(y + i, ldy, x, ldx, w + i * pitch, type, pitch, K, 1, X);
}

/* At most 4 rows of x at a time, and as many of w as the registers hold sums for. More rows of x would meet more
 * loads than sums: 8 at a time are slower than 4 and 4, which find w in the second cache. */
FORCE_INLINE void dot_as(float *y, size_t ldy, const float *x, size_t ldx, size_t T,
                         const unsigned char *w, thx_type type, size_t pitch,
                         size_t n, size_t K)
{
    enum { PAIR = LANES / 2 < 8 ? LANES / 2 : 8, QUARTER = LANES / 4 }; /* rows of w beside 2 and 4 rows of x */

    for (size_t t = 0; t < T; t += 4) {
        float       *to = y + t * ldy;
        const float *from = x + t * ldx;

        switch (T - t) {
        case 1: dot_rows(to, ldy, from, ldx, w, type, pitch, n, K, 8, 1); break;
        case 2: dot_rows(to, ldy, from, ldx, w, type, pitch, n, K, PAIR, 2); break;
        case 3: dot_rows(to, ldy, from, ldx, w, type, pitch, n, K, QUARTER, 3); break;
        default: dot_rows(to, ldy, from, ldx, w, type, pitch, n, K, QUARTER, 4); break;
        }
    }
}

static void dot(float *y, size_t ldy, const float *x, size_t ldx, size_t T, const void *w, thx_type type,
                size_t pitch, size_t n, size_t K)
{
    if (type == THX_F16) dot_as(y, ldy, x, ldx, T, w, THX_F16, pitch, n, K);
    else if (type == THX_BF16) dot_as(y, ldy, x, ldx, T, w, THX_BF16, pitch, n, K);
    else dot_as(y, ldy, x, ldx, T, w, THX_F32, pitch, n, K);
}

/* X rows of y, C vectors of columns (the last of `width` values), both constants. */
FORCE_INLINE void mix_block(float *y, size_t ldy, const float *p, size_t ldp,
                            const unsigned char *v, thx_type type, size_t pitch,
                            size_t n, size_t width, const int X, const int C)
{
    const size_t size = type == THX_F32 ? 4 : 2;
    vec          s[8][2];

    for (int j = 0; j < X; j++)
        for (int c = 0; c < C; c++) s[j][c] = v_get(y + (size_t)j * ldy + (size_t)c * LANES, width);
    for (size_t i = 0; i < n; i++) {
        vec vi[2];
        _mm_prefetch((const char *)v + (i + AHEAD_ROWS) * pitch, _MM_HINT_T0);
        for (int c = 0; c < C; c++) vi[c] = v_load_as(v + i * pitch + (size_t)c * LANES * size, type, width);
        for (int j = 0; j < X; j++) {
            const vec pj = v_set(p[(size_t)j * ldp + i]);
            for (int c = 0; c < C; c++) s[j][c] = v_fma(pj, vi[c], s[j][c]);
        }
    }
    for (int j = 0; j < X; j++)
        for (int c = 0; c < C; c++) v_put(y + (size_t)j * ldy + (size_t)c * LANES, s[j][c], width);
}

/* X rows of y, all D columns: two vectors at a time where the registers hold the sums. */
FORCE_INLINE void mix_rows(float *y, size_t ldy, const float *p, size_t ldp,
                           const unsigned char *v, thx_type type, size_t pitch,
                           size_t n, size_t D, const int X)
{
    enum { WIDE = LANES > 8 ? 2 : 1 };
    const size_t size = type == THX_F32 ? 4 : 2;

    for (size_t i = 0; i < n; i += AHEAD_ROWS, p += AHEAD_ROWS, v += AHEAD_ROWS * pitch) {
        const size_t m =
            n - i < AHEAD_ROWS ? n - i : AHEAD_ROWS; /* few rows at a time: memory is read in order */
        size_t       d = 0;

        for (; d + WIDE * LANES <= D; d += WIDE * LANES)
            mix_block(y + d, ldy, p, ldp, v + d * size, type, pitch, m, LANES, X, WIDE);
        for (; d + LANES <= D; d += LANES)
            mix_block(y + d, ldy, p, ldp, v + d * size, type, pitch, m, LANES, X, 1);
        if (d < D) mix_block(y + d, ldy, p, ldp, v + d * size, type, pitch, m, D - d, X, 1);
    }
}

FORCE_INLINE void mix_as(float *y, size_t ldy, const float *p, size_t ldp, size_t T,
                         const unsigned char *v, thx_type type, size_t pitch, size_t n,
                         size_t D)
{
    for (size_t t = 0; t < T; t += 8) {
        float       *to = y + t * ldy;
        const float *by = p + t * ldp;

        switch (T - t) {
        case 1: mix_rows(to, ldy, by, ldp, v, type, pitch, n, D, 1); break;
        case 2: mix_rows(to, ldy, by, ldp, v, type, pitch, n, D, 2); break;
        case 3: mix_rows(to, ldy, by, ldp, v, type, pitch, n, D, 3); break;
        case 4: mix_rows(to, ldy, by, ldp, v, type, pitch, n, D, 4); break;
        case 5: mix_rows(to, ldy, by, ldp, v, type, pitch, n, D, 5); break;
        case 6: mix_rows(to, ldy, by, ldp, v, type, pitch, n, D, 6); break;
        case 7: mix_rows(to, ldy, by, ldp, v, type, pitch, n, D, 7); break;
        default: mix_rows(to, ldy, by, ldp, v, type, pitch, n, D, 8); break;
        }
    }
}

static void mix(float *y, size_t ldy, const float *p, size_t ldp, size_t T, const void *v, thx_type type,
                size_t pitch, size_t n, size_t D)
{
    if (type == THX_F16) mix_as(y, ldy, p, ldp, T, v, THX_F16, pitch, n, D);
    else if (type == THX_BF16) mix_as(y, ldy, p, ldp, T, v, THX_BF16, pitch, n, D);
    else mix_as(y, ldy, p, ldp, T, v, THX_F32, pitch, n, D);
}

#endif
