/* Products with grouped matrices (quant.h) on whole numbers: a row of x is rounded, group by group, to 8
 * bits or to two times 8, and multiplied four bytes a step; a group's sum is exact, then it is
 * scaled and added to those before it in f32. Included after "vec.h" and "ivec.h".
 *
 * The lanes of a vector are rows of W, so no sum crosses lanes; and every sum takes its groups in order, so
 * its bits depend on the row of x and the row of W alone. */
#ifndef THX_OPS_SIMD_QUANT_H
#define THX_OPS_SIMD_QUANT_H

#include "ops/kernels.h"
#include "ops/simd/groups.h"

#include <math.h>

/* ---- Rounding rows ------------------------------------------------------------------ */
static inline vec within(vec v, float limit) { return v_min(v_max(v, v_set(-limit)), v_set(limit)); }

/* Sum of squared errors of a group, in values, when it is multiplied by `by` and rounded. */
static inline float rounding_error(const float *x, size_t n, float by, float most)
{
    vec sum = v_set(0.0f);

    FOR_VECTORS(i, m, n, {
        const vec v = v_mul(v_get(x + i, m), v_set(by)), e = v_sub(within(v_round(v), most), v);
        sum = v_fma(e, e, sum);
    });
    return v_sum(sum) / (by * by);
}

/* Rounds a group of n values to whole numbers of at most `most`; returns the scale. What is not finite makes the scale
 * so too. With 8 bits a few scales are tried: their roundings fall out by chance, and the best loses a sixth less. */
static inline float round_group(float *to, const float *x, size_t n, float most, bool search)
{
    enum { TRIES = 4 };
    vec high = v_set(0.0f), odd = v_set(0.0f);

    FOR_VECTORS(i, m, n, {
        const vec v = v_get(x + i, m);
        high = v_max(high, v_abs(v));
        odd = v_add(odd, v_mul(v, v_set(0.0f)));
    });
    const float top = v_top(high), least = top > 0.0f ? most / top : 0.0f;
    float       by = least, error = INFINITY;
    for (int i = 0; search && i < TRIES; i++) {
        const float other = least * (1.0f - 0.008f * (float)i), lost = rounding_error(x, n, other, most);
        if (lost < error) by = other, error = lost;
    }
    FOR_VECTORS(i, m, n, v_put(to + i, within(v_round(v_mul(v_get(x + i, m), v_set(by))), most), m););
    return (by > 0.0f ? 1.0f / by : top) + v_sum(odd);
}

static void q_round(thx_rounded *to, size_t row, const float *x, size_t K, bool fine)
{
    const size_t G = thx_q_groups(K);
    int8_t      *codes = to->codes + row * to->pitch;
    float        f[THX_Q_GROUP] = { 0 };

    for (size_t g = 0; g < G; g++, codes += fine ? 2 * THX_Q_GROUP : THX_Q_GROUP) {
        const size_t n = K - g * THX_Q_GROUP < THX_Q_GROUP ? K - g * THX_Q_GROUP : THX_Q_GROUP;
        const float  limit = fine ? 32512.0f : 127.0f; /* 127 * 256: both bytes have room */
        int32_t      sum = 0;

        for (size_t i = n; i < THX_Q_GROUP; i++) f[i] = 0.0f;
        const float scale = round_group(f, x + g * THX_Q_GROUP, n, limit, !fine);
        for (size_t i = 0; i < THX_Q_GROUP; i++) sum += (int32_t)f[i];
        for (size_t i = 0; i < THX_Q_GROUP; i++) {
            const int32_t v = (int32_t)f[i], high = (v + 128) >> 8;
            if (fine) codes[i] = (int8_t)high;
            codes[fine ? THX_Q_GROUP + i : i] = (int8_t)(fine ? v - high * 256 : v);
        }
        to->scales[row * G + g] = scale;
        to->sums[row * G + g] = sum;
    }
}

/* ---- Generated rows: every byte of W is read once for up to 8 rows of x --------------- */
enum { Q_AHEAD = 8192 }; /* bytes of codes fetched ahead of their use */

/* Fetches what is used some groups after group g of a block: of it, or of the next one, which lies behind it. Into the
 * second cache: the first one waits for few lines at a time (4 KiB pages: Q8, 4 rows, 34 against 26 GB/s). */
FORCE_INLINE void fetch_ahead(const unsigned char *block, thx_type type, size_t K, size_t g)
{
    const size_t         G = thx_q_groups(K), ahead = g + Q_AHEAD / thx_q_code_bytes(type);
    const unsigned char *from = ahead < G ? block : block + thx_q_block_bytes(type, K);
    const size_t         at = ahead < G ? ahead : ahead - G;
    const char          *codes = (const char *)from + thx_q_codes_at(K) + at * thx_q_code_bytes(type);

    for (size_t i = 0; i < thx_q_code_bytes(type); i += 64) _mm_prefetch(codes + i, _MM_HINT_T1);
    _mm_prefetch((const char *)from + thx_q_scales_at() + at * THX_Q_SCALES, _MM_HINT_T1);
}

/* One group for X rows: their sums gain its part. */
FORCE_INLINE void few_group(vec acc[8], const thx_rounded *x, size_t row, size_t g, size_t G,
                            const unsigned char *scales, const unsigned char *codes, thx_type type, int part,
                            const int X)
{
    const vec  scale = q_scales(scales, type, part);
    const ivec zeros = type == THX_Q4 ? q_zeros(scales, part) : i_set(0);
    ivec       u[STEPS];

    for (int k = 0; k < STEPS; k++) u[k] = q_step(codes, type, k, part);
    for (int j = 0; j < X; j++) {
        const int8_t *q = x->codes + (row + (size_t)j) * x->pitch + g * 2 * THX_Q_GROUP;
        const size_t  at = (row + (size_t)j) * G + g;
        const int32_t sum = x->sums[at], sum_high = (sum + 128) >> 8; /* two parts of 16 bits */
        ivec          high = i_set(0), low = i_set(-128 * sum);

        if (type == THX_Q4) {
            high = i_dot2(zeros, i_set(-sum_high & 0xffff));
            low = i_dot2(zeros, i_set(-(sum - sum_high * 256) & 0xffff));
        }

        for (int k = 0; k < STEPS; k++) {
            high = i_dot4(high, u[k], i_four(q + 4 * k));
            low = i_dot4(low, u[k], i_four(q + THX_Q_GROUP + 4 * k));
        }
        acc[j] = v_fma(i_float(i_add(i_left(high, 8), low)), v_mul(scale, v_set(x->scales[at])), acc[j]);
    }
}

FORCE_INLINE void few_block(float *y, size_t ldy, const thx_rounded *x, size_t row, const unsigned char *block,
                            thx_type type, size_t K, size_t n, const int X)
{
    const size_t G = thx_q_groups(K);

    for (int part = 0; part < PARTS; part++) {
        const unsigned char *scales = block + thx_q_scales_at(), *codes = block + thx_q_codes_at(K);
        const size_t         first = (size_t)part * LANES;
        vec                  acc[8];

        for (int j = 0; j < X; j++) acc[j] = v_set(0.0f);
        _mm_prefetch((const char *)block, _MM_HINT_T0); /* the factors, used last */
        for (size_t g = 0; g < G; g++, scales += THX_Q_SCALES, codes += thx_q_code_bytes(type)) {
            fetch_ahead(block, type, K, g);
            few_group(acc, x, row, g, G, scales, codes, type, part, X);
        }
        if (first >= n) break;
        const vec factor = q_factors(block, type, part);
        for (int j = 0; j < X; j++)
            v_put(y + (size_t)j * ldy + first, v_mul(acc[j], factor), n - first < LANES ? n - first : LANES);
    }
}

FORCE_INLINE void few_as(float *y, size_t ldy, const thx_rounded *x, size_t T, const unsigned char *block,
                         thx_type type, size_t K, size_t n)
{
    for (size_t t = 0; t < T; t += 8, y += 8 * ldy)
        switch (T - t) {
        case 1: few_block(y, ldy, x, t, block, type, K, n, 1); break;
        case 2: few_block(y, ldy, x, t, block, type, K, n, 2); break;
        case 3: few_block(y, ldy, x, t, block, type, K, n, 3); break;
        case 4: few_block(y, ldy, x, t, block, type, K, n, 4); break;
        case 5: few_block(y, ldy, x, t, block, type, K, n, 5); break;
        case 6: few_block(y, ldy, x, t, block, type, K, n, 6); break;
        case 7: few_block(y, ldy, x, t, block, type, K, n, 7); break;
        default: few_block(y, ldy, x, t, block, type, K, n, 8); break;
        }
}

static void q_few(float *y, size_t ldy, const thx_rounded *x, size_t T, const void *block, thx_type type, size_t K,
                  size_t n)
{
    if (type == THX_Q8) few_as(y, ldy, x, T, block, THX_Q8, K, n);
    else few_as(y, ldy, x, T, block, THX_Q4, K, n);
}

/* ---- Prompt rows in 8 bits: Q_MR rows of x by Q_COLS vectors of W ---------------------- */
enum { Q_COLS = 2, Q_MR = LANES > 8 ? 6 : 2 }; /* 12 sums, 12 of them in f32, 2 operands in 32 registers */

typedef struct q_tile {
    const unsigned char *scales[Q_COLS], *codes[Q_COLS]; /* of the group, each vector's */
    int                  part[Q_COLS];
} q_tile;

FORCE_INLINE void dense_group(vec acc[Q_MR][Q_COLS], const thx_rounded *x, size_t row, size_t g, size_t G,
                              const q_tile *w, thx_type type, const int R, const int C)
{
    ivec s[Q_MR][Q_COLS], zeros[Q_COLS];

    for (int j = 0; j < C && type == THX_Q4; j++) zeros[j] = q_zeros(w->scales[j], w->part[j]);
    for (int r = 0; r < R; r++) {
        const int32_t sum = x->sums[(row + (size_t)r) * G + g];
        const ivec    begin = i_set(type == THX_Q8 ? -128 * sum : -sum & 0xffff);
        for (int j = 0; j < C; j++) s[r][j] = type == THX_Q8 ? begin : i_dot2(zeros[j], begin);
    }
    for (int k = 0; k < STEPS; k++) {
        ivec u[Q_COLS];
        for (int j = 0; j < C; j++) u[j] = q_step(w->codes[j], type, k, w->part[j]);
        for (int r = 0; r < R; r++) {
            const ivec q = i_four(x->codes + (row + (size_t)r) * x->pitch + g * THX_Q_GROUP + 4 * (size_t)k);
            for (int j = 0; j < C; j++) s[r][j] = i_dot4(s[r][j], u[j], q);
        }
    }
    vec scale[Q_COLS];
    for (int j = 0; j < C; j++) scale[j] = q_scales(w->scales[j], type, w->part[j]);
    for (int r = 0; r < R; r++) {
        const vec by = v_set(x->scales[(row + (size_t)r) * G + g]);
        for (int j = 0; j < C; j++) acc[r][j] = v_fma(i_float(s[r][j]), v_mul(scale[j], by), acc[r][j]);
    }
}

/* R rows by C vectors, both constants; the vectors begin at column `col` of the block. */
FORCE_INLINE void dense_block(float *c, size_t ldc, const thx_rounded *x, size_t row, const unsigned char *block,
                              size_t col, thx_type type, size_t K, size_t first, size_t groups, size_t cols,
                              const int R, const int C)
{
    const size_t G = thx_q_groups(K);
    const bool   ends = first + groups == G;
    vec          acc[Q_MR][Q_COLS], factor[Q_COLS];
    size_t       n[Q_COLS];
    q_tile       w;

    for (int j = 0; j < C; j++) {
        const size_t         at = col + (size_t)j * LANES;
        const unsigned char *b = block + at / THX_Q_ROWS * thx_q_block_bytes(type, K);

        w.part[j] = (int)(at % THX_Q_ROWS / LANES);
        w.scales[j] = b + thx_q_scales_at() + first * THX_Q_SCALES;
        w.codes[j] = b + thx_q_codes_at(K) + first * thx_q_code_bytes(type);
        factor[j] = q_factors(b, type, w.part[j]);
        n[j] = cols - (size_t)j * LANES < LANES ? cols - (size_t)j * LANES : LANES;
    }
    for (int r = 0; r < R; r++)
        for (int j = 0; j < C; j++)
            acc[r][j] = first ? v_get(c + (size_t)r * ldc + (size_t)j * LANES, n[j]) : v_set(0.0f);
    for (size_t g = first; g < first + groups; g++) {
        dense_group(acc, x, row, g, G, &w, type, R, C);
        for (int j = 0; j < C; j++) {
            w.scales[j] += THX_Q_SCALES;
            w.codes[j] += thx_q_code_bytes(type);
        }
    }
    for (int r = 0; r < R; r++)
        for (int j = 0; j < C; j++)
            v_put(c + (size_t)r * ldc + (size_t)j * LANES, ends ? v_mul(acc[r][j], factor[j]) : acc[r][j], n[j]);
}

#define Q_PICK_COLS(R)                                                                                       \
    if (cols > LANES) dense_block(c, ldc, x, row, block, col, type, K, first, groups, cols, R, 2);            \
    else dense_block(c, ldc, x, row, block, col, type, K, first, groups, cols, R, 1);
#define Q_PICK_ROWS(r, R)                                                                                    \
    case r: Q_PICK_COLS(R) break;

FORCE_INLINE void dense_rows(float *c, size_t ldc, const thx_rounded *x, size_t row, size_t rows,
                             const unsigned char *block, size_t col, thx_type type, size_t K, size_t first,
                             size_t groups, size_t cols)
{
    switch (rows) {
    Q_PICK_ROWS(1, 1)
    Q_PICK_ROWS(2, Q_MR < 2 ? Q_MR : 2)
    Q_PICK_ROWS(3, Q_MR < 3 ? Q_MR : 3)
    Q_PICK_ROWS(4, Q_MR < 4 ? Q_MR : 4)
    Q_PICK_ROWS(5, Q_MR < 5 ? Q_MR : 5)
    default: Q_PICK_COLS(Q_MR) break;
    }
}

FORCE_INLINE void dense_as(float *c, size_t ldc, const thx_rounded *x, size_t row, size_t rows,
                           const unsigned char *blocks, thx_type type, size_t K, size_t first, size_t groups,
                           size_t cols)
{
    for (size_t r = 0; r < rows; r += Q_MR)
        for (size_t i = 0; i < cols; i += Q_COLS * LANES)
            dense_rows(c + r * ldc + i, ldc, x, row + r, rows - r < Q_MR ? rows - r : Q_MR, blocks, i, type, K, first,
                       groups, cols - i < Q_COLS * LANES ? cols - i : Q_COLS * LANES);
}

static void q_dense(float *c, size_t ldc, const thx_rounded *x, size_t row, size_t rows, const void *blocks,
                    thx_type type, size_t K, size_t first, size_t groups, size_t cols)
{
    if (type == THX_Q8) dense_as(c, ldc, x, row, rows, blocks, THX_Q8, K, first, groups, cols);
    else dense_as(c, ldc, x, row, rows, blocks, THX_Q4, K, first, groups, cols);
}

/* ---- At best ------------------------------------------------------------------------- */
static double spin_int8(size_t rounds)
{
    enum { SUMS = 12 };
    const ivec u = i_set(0x01020304);
    ivec       s[SUMS];

    for (int i = 0; i < SUMS; i++) s[i] = i_set(i);
    for (size_t r = 0; r < rounds; r++) {
#pragma GCC unroll 12
        for (int i = 0; i < SUMS; i++) s[i] = i_dot4(s[i], u, u);
        for (int i = 0; i < SUMS; i++) i_use(s[i]); /* so that the steps are not added up beforehand */
    }
    return (double)rounds * SUMS * LANES * 8.0;
}

#endif
