/* 16 whole numbers of 32 bits, or 16 times 4 bytes, for simd/quant.h. Needs "vec.h". */
#ifndef THX_OPS_AVX512_IVEC_H
#define THX_OPS_AVX512_IVEC_H

#include "ops/avx512/vec.h"

#include <stdint.h>
#include <string.h>

typedef __m512i ivec;

static inline ivec i_set(int32_t v) { return _mm512_set1_epi32(v); }
static inline ivec i_load(const void *p) { return _mm512_loadu_si512(p); }
static inline ivec i_four(const int8_t *p) /* 4 bytes to every lane */
{
    int32_t v;
    memcpy(&v, p, sizeof v);
    return _mm512_set1_epi32(v);
}
static inline ivec i_add(ivec a, ivec b) { return _mm512_add_epi32(a, b); }
static inline ivec i_and(ivec a, ivec b) { return _mm512_and_si512(a, b); }
#define i_left(v, n) _mm512_slli_epi32(v, n)
#define i_right(v, n) _mm512_srli_epi32(v, n)
static inline vec  i_float(ivec v) { return _mm512_cvtepi32_ps(v); }
static inline ivec i_bytes(const unsigned char *p) { return _mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)p)); }
static inline vec  i_as_floats(ivec v) { return _mm512_castsi512_ps(v); }

/* 32 bytes with a sign as 16 bits each; the sum of all lanes */
static inline ivec i_shorts(const int8_t *p) { return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const void *)p)); }
static inline int32_t i_total(ivec v) { return _mm512_reduce_add_epi32(v); }

/* the products of the low 16 bits, signed, plus those of the high ones */
static inline ivec i_dot2(ivec a, ivec b) { return _mm512_madd_epi16(a, b); }

/* makes the compiler work v out */
static inline void i_use(ivec v) { __asm__ volatile("" : : "v"(v)); }

/* s + the products of four bytes a lane, u without and x with a sign */
static inline ivec i_dot4(ivec s, ivec u, ivec x)
{
#if defined(__AVX512VNNI__)
    return _mm512_dpbusd_epi32(s, u, x);
#else
    /* The instruction for pairs stops at 16 bits: without their high bit all products fit, and so do those of
     * the high bits alone. */
    const __m512i high = _mm512_set1_epi8((char)0x80), ones = _mm512_set1_epi16(1);
    const __m512i a = _mm512_maddubs_epi16(_mm512_andnot_si512(high, u), x);
    const __m512i b = _mm512_maddubs_epi16(_mm512_and_si512(high, u), x);
    return i_add(s, i_add(_mm512_madd_epi16(a, ones), _mm512_madd_epi16(b, ones)));
#endif
}

#endif
