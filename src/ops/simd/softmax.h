/* One row's part of an online softmax (thx_gemm.softmax), in f32. Included after "vec.h". */
#ifndef THX_OPS_SIMD_SOFTMAX_H
#define THX_OPS_SIMD_SOFTMAX_H

#include "ops/simd/load.h"
#include "ops/simd/math.h"

/* A row that counts nothing here keeps its state. */
static void f32_softmax(void *weights, float *scores, size_t n, size_t from, size_t to, float scale,
                        float *top, float *total, float *carry)
{
    const vec none = v_set(-INFINITY);
    vec       high = none, sum = v_set(0.0f);
    float     past[LANES];

    for (size_t i = 0; i < n; i += LANES) {
        vec s = v_mul(v_load(scores + i), v_set(scale));
        if (from > i || to < i + LANES) s = v_keep_range(s, i, from, to, none);
        v_store(scores + i, s);
        high = v_max(high, s);
    }
    const float found = v_top(high), now = found > *top ? found : *top;
    const vec   shift = v_set(now > -INFINITY ? now : 0.0f);
    for (size_t i = 0; i < n; i += LANES) {
        const vec p = v_exp(v_sub(v_load(scores + i), shift));
        sum = v_add(sum, p);
        v_store((float *)weights + i, p);
    }
    v_store(past, v_exp(v_sub(v_set(*top), shift)));
    *carry = past[0];
    *total = *total * past[0] + v_sum(sum);
    *top = now;
}

#endif
