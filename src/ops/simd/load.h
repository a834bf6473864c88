/* Loads, stores and loops that every kernel file uses, on top of "vec.h". A loop runs over whole
 * vectors, then once over the rest, loaded with zeros behind it. */
#ifndef THX_OPS_SIMD_LOAD_H
#define THX_OPS_SIMD_LOAD_H

#include "ops/types.h"

/* Kernels are written for any size of block or type and become loops of their own for each constant. */
#define FORCE_INLINE static inline __attribute__((always_inline))

/* The vector of n <= LANES stored values at p. */
FORCE_INLINE vec v_load_as(const void *p, thx_type type, size_t n)
{
    if (type == THX_F16) return n == LANES ? v_load_f16(p) : v_load_f16_n(p, n);
    if (type == THX_BF16) return n == LANES ? v_load_bf16(p) : v_load_bf16_n(p, n);
    return n == LANES ? v_load(p) : v_load_n(p, n);
}
FORCE_INLINE void v_store_as(void *p, vec v, thx_type type, size_t n)
{
    if (type == THX_F16) {
        if (n == LANES) v_store_f16(p, v);
        else v_store_f16_n(p, v, n);
    } else if (type == THX_BF16) {
        if (n == LANES) v_store_bf16(p, v);
        else v_store_bf16_n(p, v, n);
    } else {
        if (n == LANES) v_store(p, v);
        else v_store_n(p, v, n);
    }
}

/* Runs `body` for i = 0, LANES, .. with n values each: whole vectors first, so that n is
 * a constant to the compiler there. */
#define FOR_VECTORS(i, n, count, ...)                                             \
    do {                                                                          \
        size_t i = 0;                                                             \
        for (; i + LANES <= (count); i += LANES) { enum { n = LANES }; __VA_ARGS__ } \
        if (i < (count)) { const size_t n = (count) - i; __VA_ARGS__ }            \
    } while (0)

static inline vec v_get(const float *p, size_t n) { return n == LANES ? v_load(p) : v_load_n(p, n); }
static inline void v_put(float *p, vec v, size_t n)
{
    if (n == LANES) v_store(p, v);
    else v_store_n(p, v, n);
}

#endif
