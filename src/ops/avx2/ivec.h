/* 8 whole numbers of 32 bits, or 8 times 4 bytes, for simd/quant.h. Needs "vec.h". */
#ifndef THX_OPS_AVX2_IVEC_H
#define THX_OPS_AVX2_IVEC_H

#include "ops/avx2/vec.h"

typedef __m256i ivec;

static inline ivec i_set(int32_t v) { return _mm256_set1_epi32(v); }
static inline ivec i_load(const void *p) { return _mm256_loadu_si256(p); }
static inline ivec i_four(const int8_t *p) /* 4 bytes to every lane */
{
    int32_t v;
    memcpy(&v, p, sizeof v);
    return _mm256_set1_epi32(v);
}
static inline ivec i_add(ivec a, ivec b) { return _mm256_add_epi32(a, b); }
static inline ivec i_and(ivec a, ivec b) { return _mm256_and_si256(a, b); }
#define i_left(v, n) _mm256_slli_epi32(v, n)
#define i_right(v, n) _mm256_srli_epi32(v, n)
static inline vec  i_float(ivec v) { return _mm256_cvtepi32_ps(v); }
static inline ivec i_bytes(const unsigned char *p) { return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)p)); }
static inline vec  i_as_floats(ivec v) { return _mm256_castsi256_ps(v); }

/* 16 bytes with a sign as 16 bits each; the sum of all lanes */
static inline ivec i_shorts(const int8_t *p) { return _mm256_cvtepi8_epi16(_mm_loadu_si128((const void *)p)); }
static inline int32_t i_total(ivec v)
{
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

/* the products of the low 16 bits, signed, plus those of the high ones */
static inline ivec i_dot2(ivec a, ivec b) { return _mm256_madd_epi16(a, b); }

/* makes the compiler work v out */
static inline void i_use(ivec v) { __asm__ volatile("" : : "x"(v)); }

/* s + the products of four bytes a lane, u without and x with a sign. The instruction for pairs stops at 16
 * bits: without their high bit all products fit, and so do those of the high bits alone. */
static inline ivec i_dot4(ivec s, ivec u, ivec x)
{
    const __m256i high = _mm256_set1_epi8((char)0x80), ones = _mm256_set1_epi16(1);
    const __m256i a = _mm256_maddubs_epi16(_mm256_andnot_si256(high, u), x);
    const __m256i b = _mm256_maddubs_epi16(_mm256_and_si256(high, u), x);
    return i_add(s, i_add(_mm256_madd_epi16(a, ones), _mm256_madd_epi16(b, ones)));
}

#endif
