/* Dense products in bf16 (AVX512_BF16): each step multiplies pairs of bf16 values and adds
 * both products to an f32 sum. The instruction takes values below 2^-126 as zero and its sums round to
 * nearest even; both are the same in every block, so a sum has the same bits in each. */
#include "ops/kernels.h"

#include "ops/avx512/ivec.h"
#include "ops/simd/block.h"
#include "ops/simd/groups.h"

#include <math.h>
#include <string.h>

static inline __m512bh pairs(vec v) { return (__m512bh)v; }

/* R rows by C vectors; a step takes two k. */
FORCE_INLINE void bf16_block(float *c, size_t ldc, thx_left left, const uint16_t *panel, size_t cols, size_t K, bool add,
                             const float *carry, const int R, const int C)
{
    const uint16_t *a = left.at;
    vec s[MR][PANEL];

    for (int r = 0; r < R; r++)
        for (int j = 0; j < C; j++) s[r][j] = v_set(0.0f);
    for (size_t k = 0; k < K; k += 2, panel += 2 * NR) {
        vec b[PANEL];
        for (int j = 0; j < C; j++) b[j] = v_load((const float *)(const void *)(panel + 2 * j * LANES));
        for (int r = 0; r < R; r++) {
            int two;
            memcpy(&two, a + (size_t)r * left.row + k, sizeof two);
            const vec ar = _mm512_castsi512_ps(_mm512_set1_epi32(two));
            for (int j = 0; j < C; j++) s[r][j] = _mm512_dpbf16_ps(s[r][j], pairs(ar), pairs(b[j]));
        }
    }
    put_block(c, ldc, s, cols, add, carry, R, C);
}

static void run(float *c, size_t ldc, thx_left a, const void *panel, size_t rows, size_t cols, size_t K, bool add,
                const float *carry)
{
    PICK_BLOCK(bf16_block, c, ldc, a, panel, cols, K, add, carry)
}

/* Two vectors to nearest even. The instruction takes values below 2^-126 as zero, which the products would
 * do anyway; f16 has none. */
static inline vec both_rounded(vec low, vec high) { return (vec)_mm512_cvtne2ps_pbh(high, low); }

/* What bf16 leaves over of f16 values: at most three bits, so bf16 holds it exactly. */
static inline vec left_over(vec v)
{
    const vec       rest = v_sub(v, v_bf16((__m256i)_mm512_cvtneps_pbh(v)));
    const __mmask16 finite = _mm512_cmp_ps_mask(rest, rest, _CMP_ORD_Q); /* infinity leaves nothing */
    return _mm512_maskz_mov_ps(finite, rest);
}

/* 32 values (m of them there, the others zero) as bf16. Of f16 ones, the bits that get lost are gathered in *lost: an
 * f16 value in f32 fits bf16 when its lower half is zero. */
FORCE_INLINE vec load_pairs(const unsigned char *p, thx_type type, size_t m, bool low, __m512i *lost)
{
    if (type == THX_BF16) {
        const __mmask32 there = m < 32 ? (1u << m) - 1u : 0xffffffffu;
        return _mm512_castsi512_ps(_mm512_maskz_loadu_epi16(there, p));
    }
    const size_t size = type == THX_F32 ? 4 : 2;
    vec          a = v_load_as(p, type, m < LANES ? m : LANES);
    vec          b = m > LANES ? v_load_as(p + LANES * size, type, m - LANES) : v_set(0.0f);

    if (low) {
        a = left_over(a);
        b = left_over(b);
    } else if (type == THX_F16) {
        *lost = _mm512_ternarylogic_epi32(*lost, _mm512_castps_si512(a), _mm512_castps_si512(b), 0xfe); /* or */
    }
    return both_rounded(a, b);
}

FORCE_INLINE bool pack_rows_as(uint16_t *panel, const unsigned char *src,
                               thx_type type, size_t pitch, size_t n, size_t K,
                               bool low)
{
    const size_t size = type == THX_F32 ? 4 : 2;
    __m512i      lost = _mm512_setzero_si512();

    for (size_t i = 0; i < NR; i += LANES)
        for (size_t k = 0; k < K; k += 2 * LANES) {
            const size_t m = K - k < 2 * LANES ? K - k : 2 * LANES;
            vec          turn[LANES];

            for (size_t l = 0; l < LANES; l++)
                turn[l] =
                    i + l < n ? load_pairs(src + (i + l) * pitch + k * size, type, m, low, &lost) : v_set(0.0f);
            v_transpose(turn);
            for (size_t l = 0; l < (m + 1) / 2; l++)
                v_store((float *)(void *)(panel + (k / 2 + l) * 2 * NR + 2 * i), turn[l]);
        }
    return !_mm512_test_epi32_mask(lost, _mm512_set1_epi32(0xffff));
}

static bool pack_rows(void *panel, const void *src, thx_type type, size_t pitch, size_t n, size_t K, bool low)
{
    if (type == THX_F16)
        return low ? pack_rows_as(panel, src, THX_F16, pitch, n, K, true)
                   : pack_rows_as(panel, src, THX_F16, pitch, n, K, false);
    return type == THX_BF16 ? pack_rows_as(panel, src, THX_BF16, pitch, n, K, false)
                            : pack_rows_as(panel, src, THX_F32, pitch, n, K, false);
}

FORCE_INLINE void pack_group_cols(uint16_t *panel, const unsigned char *block, thx_type type, size_t K, size_t group,
                                  size_t k)
{
    const __m512i pairwise = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                              21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    const vec     factor = q_factors(block, type, 0);

    for (size_t done = 0; done < k; done += THX_Q_GROUP, group++) {
        const unsigned char *scales = block + thx_q_scales_at() + group * THX_Q_SCALES;
        const unsigned char *codes = block + thx_q_codes_at(K) + group * thx_q_code_bytes(type);
        const vec            scale = v_mul(factor, q_scales(scales, type, 0));
        const vec            zeros = type == THX_Q4 ? i_float(q_zeros(scales, 0)) : v_set(128.0f);

        for (int step = 0; step < STEPS; step++) {
            const ivec u = q_step(codes, type, step, 0);
#pragma GCC unroll 2
            for (int i = 0; i < 4; i += 2, panel += 2 * NR) {
                const vec both = both_rounded(q_values(u, i, scale, zeros), q_values(u, i + 1, scale, zeros));
                _mm512_storeu_si512(panel, _mm512_permutexvar_epi16(pairwise, _mm512_castps_si512(both)));
            }
        }
    }
}

static void pack_groups(void *panel, const void *blocks, thx_type type, size_t K, size_t n, size_t group, size_t k)
{
    for (size_t i = 0; i < NR; i += LANES) {
        uint16_t            *to = (uint16_t *)panel + 2 * i;
        const unsigned char *block = (const unsigned char *)blocks + i / THX_Q_ROWS * thx_q_block_bytes(type, K);

        if (i >= n)
            for (size_t j = 0; j < k; j += 2) _mm512_storeu_si512(to + j * NR, _mm512_setzero_si512());
        else if (type == THX_Q8) pack_group_cols(to, block, THX_Q8, K, group, k);
        else pack_group_cols(to, block, THX_Q4, K, group, k);
    }
}

FORCE_INLINE void pack_cols_as(uint16_t *panel, const unsigned char *src,
                               thx_type type, size_t pitch, size_t n, size_t K)
{
    const size_t size = type == THX_F32 ? 4 : 2;

    for (size_t k = 0; k < K; k += 2, panel += 2 * NR)
        for (size_t i = 0; i < NR; i += LANES) {
            const size_t m = i >= n ? 0 : n - i < LANES ? n - i : LANES;
            __m512i      both = _mm512_setzero_si512();

            for (size_t odd = 0; m && odd < 2 && k + odd < K; odd++) {
                const vec     v = v_load_as(src + (k + odd) * pitch + i * size, type, m);
                const __m512i wide = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(v));
                both = _mm512_or_si512(both, odd ? _mm512_slli_epi32(wide, 16) : wide);
            }
            _mm512_storeu_si512(panel + 2 * i, both);
        }
}

static void pack_cols(void *panel, const void *src, thx_type type, size_t pitch, size_t n, size_t K)
{
    if (type == THX_F16) pack_cols_as(panel, src, THX_F16, pitch, n, K);
    else if (type == THX_BF16) pack_cols_as(panel, src, THX_BF16, pitch, n, K);
    else pack_cols_as(panel, src, THX_F32, pitch, n, K);
}

/* 2^x for x <= 0, to the bits that bf16 weights keep: relative error 3e-6. */
static inline vec exp2_negative(vec x)
{
    const vec within = v_max(v_set(-200.0f), x), n = v_round(within), r = v_sub(within, n);
    vec       p = v_set(1.33335581e-3f); /* (ln 2)^k / k! */

    p = v_fma(p, r, v_set(9.61812911e-3f));
    p = v_fma(p, r, v_set(5.55041087e-2f));
    p = v_fma(p, r, v_set(0.240226507f));
    p = v_fma(p, r, v_set(0.693147181f));
    p = v_fma(p, r, v_set(1.0f));
    return v_scale(p, n);
}

static inline vec score_at(const float *scores, size_t i, size_t from, size_t to)
{
    const vec s = v_load(scores + i);
    return from > i || to < i + LANES ? v_keep_range(s, i, from, to, v_set(-INFINITY)) : s;
}

/* Works in powers of two: *top is a maximum of scores times scale / ln 2. The sum counts the
 * weights before they are rounded. */
static void softmax(void *weights, float *scores, size_t n, size_t from, size_t to, float scale, float *top,
                    float *total, float *carry)
{
    const vec by = v_set(scale * 1.44269504f);
    vec       high = v_set(-INFINITY), sum = v_set(0.0f);
    float     past[LANES];

    for (size_t i = 0; i < n; i += LANES) high = v_max(high, v_mul(score_at(scores, i, from, to), by));
    const float found = v_top(high), now = found > *top ? found : *top;
    const vec   shift = v_set(now > -INFINITY ? now : 0.0f);
    for (size_t i = 0; i < n; i += 2 * LANES) {
        const vec a = exp2_negative(v_fms(score_at(scores, i, from, to), by, shift));
        const vec b = exp2_negative(v_fms(score_at(scores, i + LANES, from, to), by, shift));

        sum = v_add(sum, v_add(a, b));
        v_store((float *)(void *)((uint16_t *)weights + i), both_rounded(a, b));
    }
    v_store(past, exp2_negative(v_sub(v_set(*top), shift)));
    *carry = past[0];
    *total = *total * past[0] + v_sum(sum);
    *top = now;
}

const thx_gemm thx_gemm_bf16_avx512 = {
    .type = THX_BF16,
    .mr = MR,
    .nr = NR,
    .lanes = LANES,
    .depth = 2,
    .piece_bytes = 1536,
    .pack_rows = pack_rows,
    .pack_cols = pack_cols,
    .pack_groups = pack_groups,
    .block = run,
    .softmax = softmax,
};

double thx_spin_bf16_avx512(size_t rounds)
{
    enum { SUMS = 12 };
    const vec half = _mm512_castsi512_ps(_mm512_set1_epi32(0x3f003f00));
    vec       s[SUMS];

    for (int i = 0; i < SUMS; i++) s[i] = v_set((float)i);
    for (size_t r = 0; r < rounds; r++)
#pragma GCC unroll 12
        for (int i = 0; i < SUMS; i++) s[i] = _mm512_dpbf16_ps(s[i], pairs(half), pairs(half));
    for (int i = 0; i < SUMS; i++) v_use(s[i]);
    return (double)rounds * SUMS * LANES * 4.0;
}
