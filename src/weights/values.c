/* Counting what is odd among stored values; see thx_view_count_values in weights.h.
 *
 * `verify` runs this over every weight of a model, so each pass is one loop without branches over
 * the raw bit patterns that any compiler turns into vector code, over blocks that threads share.
 * Stored bytes may lie at any address. */
#include <math.h>
#include <string.h>

#include "ops/quant.h"
#include "weights/weights.h"

enum { BLOCK = 1 << 15 }; /* values; a count within one fits 16 bits, as vector code wants it */

typedef struct tally { uint16_t inf, nan, not_bf16; } tally;

typedef uint16_t any_u16 __attribute__((aligned(1), may_alias));
typedef uint32_t any_u32 __attribute__((aligned(1), may_alias));

/* A half has 11 significant bits, bf16 has 8: the lowest 3 must be 0. A half below 2^-14 is
 * m * 2^-24 with m < 1024: only what m has beyond 8 bits must be 0. */
static tally count_f16(const any_u16 *x, size_t n)
{
    uint16_t inf = 0, nan = 0, lossy = 0;

#pragma omp simd reduction(+ : inf, nan, lossy)
    for (size_t i = 0; i < n; i++) {
        const uint16_t magnitude = x[i] & 0x7fff;
        const uint16_t beyond_tiny = magnitude >= 512 ? 3 : magnitude >= 256 ? 1 : 0;
        const uint16_t beyond = magnitude >= 0x7c00 ? 0 : magnitude >= 0x0400 ? 7 : beyond_tiny;

        inf = (uint16_t)(inf + (magnitude == 0x7c00));
        nan = (uint16_t)(nan + (magnitude > 0x7c00));
        lossy = (uint16_t)(lossy + ((magnitude & beyond) != 0));
    }
    return (tally){ inf, nan, lossy };
}

static tally count_bf16(const any_u16 *x, size_t n)
{
    uint16_t inf = 0, nan = 0;

#pragma omp simd reduction(+ : inf, nan)
    for (size_t i = 0; i < n; i++) {
        const uint16_t magnitude = x[i] & 0x7fff;

        inf = (uint16_t)(inf + (magnitude == 0x7f80));
        nan = (uint16_t)(nan + (magnitude > 0x7f80));
    }
    return (tally){ inf, nan, 0 };
}

static tally count_f32(const any_u32 *x, size_t n)
{
    uint32_t inf = 0, nan = 0, lossy = 0;

#pragma omp simd reduction(+ : inf, nan, lossy)
    for (size_t i = 0; i < n; i++) {
        const uint32_t magnitude = x[i] & 0x7fffffff;

        inf += magnitude == 0x7f800000;
        nan += magnitude > 0x7f800000;
        lossy += (magnitude < 0x7f800000) & ((x[i] & 0xffff) != 0);
    }
    return (tally){ (uint16_t)inf, (uint16_t)nan, (uint16_t)lossy };
}

static tally count_f64(const unsigned char *bytes, size_t n)
{
    tally t = { 0 };

    for (size_t i = 0; i < n; i++) {
        double   x;
        uint32_t bits;

        memcpy(&x, bytes + i * sizeof x, sizeof x);
        const float narrow = (float)x;
        memcpy(&bits, &narrow, sizeof bits);
        t.inf = (uint16_t)(t.inf + (isinf(x) != 0));
        t.nan = (uint16_t)(t.nan + (isnan(x) != 0));
        t.not_bf16 = (uint16_t)(t.not_bf16 + (isfinite(x) && ((double)narrow != x || bits & 0xffff)));
    }
    return t;
}

/* One block of a view, of a type with a floating point. */
static tally count_block(thx_type type, const unsigned char *bytes, size_t n)
{
    switch (type) {
    case THX_F16:  return count_f16((const any_u16 *)bytes, n);
    case THX_BF16: return count_bf16((const any_u16 *)bytes, n);
    case THX_F32:  return count_f32((const any_u32 *)bytes, n);
    default:       return count_f64(bytes, n);
    }
}

static size_t float_bytes(thx_type type)
{
    switch (type) {
    case THX_F16:
    case THX_BF16: return 2;
    case THX_F32:  return 4;
    case THX_F64:  return 8;
    default:       return 0;
    }
}

/* One block of 16 rows of a grouped matrix: groups whose scale is not finite. */
static thx_value_count count_grouped_block(const thx_view *view, size_t block)
{
    const size_t N = (size_t)view->shape[0], K = (size_t)view->shape[1], first = block * THX_Q_ROWS;
    const unsigned char *at = (const unsigned char *)view->data + block * thx_q_block_bytes(view->type, K);
    thx_value_count c = { 0 };

    for (size_t l = 0; l < THX_Q_ROWS && first + l < N; l++) {
        float factor;
        memcpy(&factor, at + l * sizeof factor, sizeof factor);
        for (size_t g = 0; g < thx_q_groups(K); g++) {
            const uint64_t n = K - g * THX_Q_GROUP < THX_Q_GROUP ? K - g * THX_Q_GROUP : THX_Q_GROUP;
            float s = factor;
            if (view->type == THX_Q8) {
                uint16_t h;
                memcpy(&h, at + thx_q_scales_at() + g * THX_Q_SCALES + 2 * l, sizeof h);
                s *= thx_f32_from_f16(h);
            }
            if (isnan(s)) c.nan += n;
            else if (isinf(s)) c.inf += n;
        }
    }
    return c;
}

static thx_value_count count_grouped(const thx_view *view)
{
    const size_t blocks = thx_q_blocks((size_t)view->shape[0]);
    uint64_t     inf = 0, nan = 0;

#pragma omp parallel for reduction(+ : inf, nan) schedule(dynamic, 32) if (blocks >= 64)
    for (size_t b = 0; b < blocks; b++) {
        const thx_value_count c = count_grouped_block(view, b);
        inf += c.inf;
        nan += c.nan;
    }
    return (thx_value_count){ inf, nan, 0 };
}

thx_value_count thx_view_count_values(const thx_view *view)
{
    if (thx_type_grouped(view->type)) return count_grouped(view);
    const size_t size = float_bytes(view->type);
    const size_t blocks = size ? (size_t)((view->count + BLOCK - 1) / BLOCK) : 0;
    uint64_t     inf = 0, nan = 0, lossy = 0;

#pragma omp parallel for reduction(+ : inf, nan, lossy) schedule(dynamic, 32) if (blocks >= 64)
    for (size_t b = 0; b < blocks; b++) {
        const size_t from = b * BLOCK, left = (size_t)view->count - from;
        const tally  t = count_block(view->type, (const unsigned char *)view->data + from * size,
                                     left < BLOCK ? left : BLOCK);
        inf += t.inf;
        nan += t.nan;
        lossy += t.not_bf16;
    }
    return (thx_value_count){ inf, nan, lossy };
}
