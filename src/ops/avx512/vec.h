/* Vectors of 16 floats for the files of simd/. */
#ifndef THX_OPS_AVX512_VEC_H
#define THX_OPS_AVX512_VEC_H

#include <immintrin.h>
#include <stddef.h>

enum { LANES = 16, PANEL = 4 /* vectors in a packed panel: 6 x 4 sums, 4 operands, 1 factor in 32 registers */ };
typedef __m512 vec;

static inline vec v_set(float f) { return _mm512_set1_ps(f); }
static inline vec v_load(const float *p) { return _mm512_loadu_ps(p); }
static inline void v_store(float *p, vec v) { _mm512_storeu_ps(p, v); }
static inline __mmask16 v_first(size_t n) { return (__mmask16)((1u << n) - 1u); }
/* n < LANES values, the rest zero or untouched */
static inline vec v_load_n(const float *p, size_t n) { return _mm512_maskz_loadu_ps(v_first(n), p); }
static inline void v_store_n(float *p, vec v, size_t n) { _mm512_mask_storeu_ps(p, v_first(n), v); }

static inline vec v_add(vec a, vec b) { return _mm512_add_ps(a, b); }
static inline vec v_sub(vec a, vec b) { return _mm512_sub_ps(a, b); }
static inline vec v_mul(vec a, vec b) { return _mm512_mul_ps(a, b); }
static inline vec v_div(vec a, vec b) { return _mm512_div_ps(a, b); }
static inline vec v_fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }   /* a*b + c */
static inline vec v_fnma(vec a, vec b, vec c) { return _mm512_fnmadd_ps(a, b, c); } /* c - a*b */
static inline vec v_fms(vec a, vec b, vec c) { return _mm512_fmsub_ps(a, b, c); }   /* a*b - c */
static inline vec v_max(vec a, vec b) { return _mm512_max_ps(a, b); } /* b where either is NaN */
static inline vec v_min(vec a, vec b) { return _mm512_min_ps(a, b); }
static inline vec v_abs(vec a) { return _mm512_abs_ps(a); }
static inline vec v_round(vec a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
/* a * 2^n, n whole */
static inline vec v_scale(vec a, vec n) { return _mm512_scalef_ps(a, n); }
/* x < 0 ? a : b */
static inline vec v_if_negative(vec x, vec a, vec b)
{
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ), b, a);
}
/* lanes first .. first+LANES-1 that are in from .. to-1 keep v, the others get `other` */
static inline vec v_keep_range(vec v, size_t first, size_t from, size_t to, vec other)
{
    const size_t a = from > first ? from - first : 0, b = to > first ? to - first : 0;
    const unsigned low = a < LANES ? (1u << a) - 1u : 0xffffu, high = b < LANES ? (1u << b) - 1u : 0xffffu;
    return _mm512_mask_blend_ps((__mmask16)(high & ~low), other, v);
}

/* makes the compiler work v out */
static inline void v_use(vec v) { __asm__ volatile("" : : "v"(v)); }

/* The sum of the lanes: of lanes two apart, then one, then eight, then four. */
static inline float v_sum(vec v)
{
    v = _mm512_add_ps(v, _mm512_permute_ps(v, 0x4e));
    v = _mm512_add_ps(v, _mm512_permute_ps(v, 0xb1));
    v = _mm512_add_ps(v, _mm512_shuffle_f32x4(v, v, 0x4e));
    return _mm512_cvtss_f32(_mm512_add_ps(v, _mm512_shuffle_f32x4(v, v, 0xb1)));
}
static inline vec v_sums_two(vec a, vec b) /* a b a b per quarter, lanes two apart added */
{
    return _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
}
static inline vec v_sums_four(const vec *s) /* one sum a lane, per quarter */
{
    const __m512d a = _mm512_castps_pd(v_sums_two(s[0], s[1])), b = _mm512_castps_pd(v_sums_two(s[2], s[3]));
    return _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(a, b)), _mm512_castpd_ps(_mm512_unpackhi_pd(a, b)));
}
/* The sums of the lanes of LANES vectors, each in the order of v_sum. */
static inline vec v_sums(const vec s[LANES])
{
    const vec a = v_sums_four(s), b = v_sums_four(s + 4), c = v_sums_four(s + 8), d = v_sums_four(s + 12);
    const vec ab = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
    const vec cd = _mm512_add_ps(_mm512_shuffle_f32x4(c, d, 0x44), _mm512_shuffle_f32x4(c, d, 0xee));
    return _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xdd));
}
static inline float v_top(vec v) { return _mm512_reduce_max_ps(v); }

static inline vec v_load_f16(const void *p) { return _mm512_cvtph_ps(_mm256_loadu_si256(p)); }
static inline vec v_load_f16_n(const void *p, size_t n)
{
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(v_first(n), p));
}
static inline vec v_bf16(__m256i h) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16)); }
static inline vec v_load_bf16(const void *p) { return v_bf16(_mm256_loadu_si256(p)); }
static inline vec v_load_bf16_n(const void *p, size_t n) { return v_bf16(_mm256_maskz_loadu_epi16(v_first(n), p)); }

static inline __m256i v_to_f16(vec v) { return _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
/* to nearest even in integer arithmetic: the instruction for it would flush small values to zero */
static inline __m256i v_to_bf16(vec v)
{
    const __m512i   bits = _mm512_castps_si512(v);
    const __m512i   odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i   up = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    const __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
    const __m512i   quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(_mm512_mask_blend_epi32(nan, up, quiet), 16));
}
static inline void v_store_f16(void *p, vec v) { _mm256_storeu_si256(p, v_to_f16(v)); }
static inline void v_store_bf16(void *p, vec v) { _mm256_storeu_si256(p, v_to_bf16(v)); }
static inline void v_store_f16_n(void *p, vec v, size_t n) { _mm256_mask_storeu_epi16(p, v_first(n), v_to_f16(v)); }
static inline void v_store_bf16_n(void *p, vec v, size_t n) { _mm256_mask_storeu_epi16(p, v_first(n), v_to_bf16(v)); }

/* m[i] lane j <-> m[j] lane i: pairs of rows, pairs of pairs, then quarters. */
static inline void v_transpose(vec m[LANES])
{
    vec a[LANES];

    for (int i = 0; i < 16; i += 2) {
        a[i] = _mm512_unpacklo_ps(m[i], m[i + 1]);
        a[i + 1] = _mm512_unpackhi_ps(m[i], m[i + 1]);
    }
    for (int i = 0; i < 16; i += 4)
        for (int j = 0; j < 2; j++) {
            const __m512d low = _mm512_castps_pd(a[i + j]), high = _mm512_castps_pd(a[i + j + 2]);
            m[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
            m[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
        }
    for (int i = 0; i < 4; i++) {
        a[i] = _mm512_shuffle_f32x4(m[i], m[i + 4], 0x88);
        a[i + 4] = _mm512_shuffle_f32x4(m[i], m[i + 4], 0xdd);
        a[i + 8] = _mm512_shuffle_f32x4(m[i + 8], m[i + 12], 0x88);
        a[i + 12] = _mm512_shuffle_f32x4(m[i + 8], m[i + 12], 0xdd);
    }
    for (int i = 0; i < 4; i++) {
        m[i] = _mm512_shuffle_f32x4(a[i], a[i + 8], 0x88);
        m[i + 8] = _mm512_shuffle_f32x4(a[i], a[i + 8], 0xdd);
        m[i + 4] = _mm512_shuffle_f32x4(a[i + 4], a[i + 12], 0x88);
        m[i + 12] = _mm512_shuffle_f32x4(a[i + 4], a[i + 12], 0xdd);
    }
}

#endif
