/* What the processor could do at best: loops that do nothing but multiply and add, or read.
 * Included after "vec.h". */
#ifndef THX_OPS_SIMD_PEAK_H
#define THX_OPS_SIMD_PEAK_H

#include <stdint.h>

enum { SUMS = 12 }; /* independent sums: more than latency times units */

/* rounds * SUMS multiply-adds of a vector; returns the operations done. */
static double spin_f32(size_t rounds)
{
    const vec a = v_set(0.5f), b = v_set(0.25f);
    vec       s[SUMS];

    for (int i = 0; i < SUMS; i++) s[i] = v_set((float)i);
    for (size_t r = 0; r < rounds; r++)
#pragma GCC unroll 12
        for (int i = 0; i < SUMS; i++) s[i] = v_fma(s[i], a, b);
    for (int i = 0; i < SUMS; i++) v_use(s[i]);
    return (double)rounds * SUMS * LANES * 2.0;
}

/* Reads `bytes` (a multiple of 4 vectors) in order and folds them. */
static float sweep(const float *p, size_t bytes)
{
    vec s[4] = { v_set(0.0f), v_set(0.0f), v_set(0.0f), v_set(0.0f) };

    for (size_t i = 0; i + 4 * LANES <= bytes / sizeof(float); i += 4 * LANES)
        for (size_t j = 0; j < 4; j++) {
            _mm_prefetch((const char *)(p + i + j * LANES) + 2048, _MM_HINT_T0);
            s[j] = v_add(s[j], v_load(p + i + j * LANES));
        }
    return v_sum(v_add(v_add(s[0], s[1]), v_add(s[2], s[3])));
}

#endif
