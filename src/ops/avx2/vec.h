/* Vectors of 8 floats for the files of simd/. */
#ifndef THX_OPS_AVX2_VEC_H
#define THX_OPS_AVX2_VEC_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { LANES = 8, PANEL = 2 /* vectors in a packed panel: 6 x 2 sums, 2 operands, 1 factor in 16 registers */ };
typedef __m256 vec;

static inline vec v_set(float f) { return _mm256_set1_ps(f); }
static inline vec v_load(const float *p) { return _mm256_loadu_ps(p); }
static inline void v_store(float *p, vec v) { _mm256_storeu_ps(p, v); }
static inline __m256i v_first(size_t n) /* all bits set in the first n lanes */
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
/* n < LANES values, the rest zero or untouched */
static inline vec v_load_n(const float *p, size_t n) { return _mm256_maskload_ps(p, v_first(n)); }
static inline void v_store_n(float *p, vec v, size_t n) { _mm256_maskstore_ps(p, v_first(n), v); }

static inline vec v_add(vec a, vec b) { return _mm256_add_ps(a, b); }
static inline vec v_sub(vec a, vec b) { return _mm256_sub_ps(a, b); }
static inline vec v_mul(vec a, vec b) { return _mm256_mul_ps(a, b); }
static inline vec v_div(vec a, vec b) { return _mm256_div_ps(a, b); }
static inline vec v_fma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }   /* a*b + c */
static inline vec v_fnma(vec a, vec b, vec c) { return _mm256_fnmadd_ps(a, b, c); } /* c - a*b */
static inline vec v_fms(vec a, vec b, vec c) { return _mm256_fmsub_ps(a, b, c); }   /* a*b - c */
static inline vec v_max(vec a, vec b) { return _mm256_max_ps(a, b); } /* b where either is NaN */
static inline vec v_min(vec a, vec b) { return _mm256_min_ps(a, b); }
static inline vec v_abs(vec a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
static inline vec v_round(vec a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
/* a * 2^n, n whole, in two steps of half the way, so that -252 <= n <= 254 is right */
static inline vec v_scale(vec a, vec n)
{
    const __m256i bias = _mm256_set1_epi32(127);
    const __m256i whole = _mm256_cvtps_epi32(v_max(v_set(-252.0f), v_min(v_set(254.0f), n)));
    const __m256i half = _mm256_srai_epi32(whole, 1), rest = _mm256_sub_epi32(whole, half);
    const vec     first = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, bias), 23));
    const vec     second = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23));
    return v_mul(v_mul(a, first), second);
}
/* x < 0 ? a : b */
static inline vec v_if_negative(vec x, vec a, vec b)
{
    return _mm256_blendv_ps(b, a, _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_LT_OQ));
}
/* lanes first .. first+LANES-1 that are in from .. to-1 keep v, the others get `other` */
static inline vec v_keep_range(vec v, size_t first, size_t from, size_t to, vec other)
{
    const size_t  a = from > first ? from - first : 0, b = to > first ? to - first : 0;
    const __m256i low = v_first(a < LANES ? a : LANES), high = v_first(b < LANES ? b : LANES);
    return _mm256_blendv_ps(other, v, _mm256_castsi256_ps(_mm256_andnot_si256(low, high)));
}

/* makes the compiler work v out */
static inline void v_use(vec v) { __asm__ volatile("" : : "x"(v)); }

/* The sum of the lanes: of lanes two apart, then one, then four. */
static inline float v_sum(vec v)
{
    v = _mm256_add_ps(v, _mm256_permute_ps(v, 0x4e));
    v = _mm256_add_ps(v, _mm256_permute_ps(v, 0xb1));
    return _mm_cvtss_f32(_mm_add_ss(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1)));
}
static inline vec v_sums_two(vec a, vec b) /* a b a b per half, lanes two apart added */
{
    return _mm256_add_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
}
static inline vec v_sums_four(const vec *s) /* one sum a lane, per half */
{
    const __m256d a = _mm256_castps_pd(v_sums_two(s[0], s[1])), b = _mm256_castps_pd(v_sums_two(s[2], s[3]));
    return _mm256_add_ps(_mm256_castpd_ps(_mm256_unpacklo_pd(a, b)), _mm256_castpd_ps(_mm256_unpackhi_pd(a, b)));
}
/* The sums of the lanes of LANES vectors, each in the order of v_sum. */
static inline vec v_sums(const vec s[LANES])
{
    const vec a = v_sums_four(s), b = v_sums_four(s + 4);
    return _mm256_add_ps(_mm256_permute2f128_ps(a, b, 0x20), _mm256_permute2f128_ps(a, b, 0x31));
}
static inline float v_top(vec v)
{
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

static inline __m128i v_halves_n(const void *p, size_t n)
{
    uint16_t h[LANES] = { 0 };
    memcpy(h, p, 2 * n);
    return _mm_loadu_si128((const __m128i *)(const void *)h);
}
static inline void v_put_halves_n(void *p, __m128i v, size_t n)
{
    uint16_t h[LANES];
    _mm_storeu_si128((__m128i *)(void *)h, v);
    memcpy(p, h, 2 * n);
}
static inline vec v_bf16(__m128i h) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16)); }
static inline vec v_load_f16(const void *p) { return _mm256_cvtph_ps(_mm_loadu_si128(p)); }
static inline vec v_load_f16_n(const void *p, size_t n) { return _mm256_cvtph_ps(v_halves_n(p, n)); }
static inline vec v_load_bf16(const void *p) { return v_bf16(_mm_loadu_si128(p)); }
static inline vec v_load_bf16_n(const void *p, size_t n) { return v_bf16(v_halves_n(p, n)); }

static inline __m128i v_to_f16(vec v) { return _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
static inline __m128i v_to_bf16(vec v)
{
    const __m256i bits = _mm256_castps_si256(v);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i up = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    const __m256i h = _mm256_srli_epi32(_mm256_blendv_epi8(up, quiet, nan), 16);
    return _mm_packus_epi32(_mm256_castsi256_si128(h), _mm256_extracti128_si256(h, 1));
}
static inline void v_store_f16(void *p, vec v) { _mm_storeu_si128(p, v_to_f16(v)); }
static inline void v_store_bf16(void *p, vec v) { _mm_storeu_si128(p, v_to_bf16(v)); }
static inline void v_store_f16_n(void *p, vec v, size_t n) { v_put_halves_n(p, v_to_f16(v), n); }
static inline void v_store_bf16_n(void *p, vec v, size_t n) { v_put_halves_n(p, v_to_bf16(v), n); }

/* m[i] lane j <-> m[j] lane i: pairs of rows, pairs of pairs, then halves. */
static inline void v_transpose(vec m[LANES])
{
    vec a[LANES];

    for (int i = 0; i < 8; i += 2) {
        a[i] = _mm256_unpacklo_ps(m[i], m[i + 1]);
        a[i + 1] = _mm256_unpackhi_ps(m[i], m[i + 1]);
    }
    for (int i = 0; i < 8; i += 4)
        for (int j = 0; j < 2; j++) {
            const __m256d low = _mm256_castps_pd(a[i + j]), high = _mm256_castps_pd(a[i + j + 2]);
            m[i + 2 * j] = _mm256_castpd_ps(_mm256_unpacklo_pd(low, high));
            m[i + 2 * j + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(low, high));
        }
    for (int i = 0; i < 4; i++) {
        a[i] = _mm256_permute2f128_ps(m[i], m[i + 4], 0x20);
        a[i + 4] = _mm256_permute2f128_ps(m[i], m[i + 4], 0x31);
    }
    for (int i = 0; i < 8; i++) m[i] = a[i];
}

#endif
