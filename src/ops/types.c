/* Element types: their sizes and names, and the exact steps between f32 and the two
 * 16-bit formats. Everything here is plain integer and f32 arithmetic, so that it gives
 * the same bits on every processor. */
#include "ops/quant.h"

#include <math.h>
#include <string.h>

static const struct { const char *name; size_t bytes; } types[THX_TYPES] = {
    [THX_F32] = { "F32", 4 }, [THX_F16] = { "F16", 2 }, [THX_BF16] = { "BF16", 2 }, [THX_F64] = { "F64", 8 },
    [THX_I64] = { "I64", 8 }, [THX_I32] = { "I32", 4 }, [THX_I16] = { "I16", 2 },   [THX_I8] = { "I8", 1 },
    [THX_U8] = { "U8", 1 },   [THX_BOOL] = { "BOOL", 1 }, [THX_Q8] = { "Q8", 0 },   [THX_Q4] = { "Q4", 0 },
};

size_t thx_type_bytes(thx_type type) { return (unsigned)type < THX_TYPES ? types[type].bytes : 0; }
const char *thx_type_name(thx_type type) { return (unsigned)type < THX_TYPES ? types[type].name : "?"; }

bool thx_stored_bytes(size_t *out, thx_type type, uint32_t rank, const uint64_t *shape)
{
    if (thx_type_grouped(type)) return rank == 2 && thx_q_bytes(out, type, shape[0], shape[1]);
    *out = thx_type_bytes(type);
    for (uint32_t i = 0; i < rank; i++)
        if (__builtin_mul_overflow(*out, shape[i], out)) return false;
    return true;
}

static float float_of(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static uint32_t bits_of(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

float thx_f32_from_bf16(uint16_t h) { return float_of((uint32_t)h << 16); }

uint16_t thx_bf16_from_f32(float f)
{
    const uint32_t bits = bits_of(f);

    if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(bits >> 16 | 0x40u); /* quiet NaN */
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

float thx_f32_from_f16(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000u) << 16;
    const uint32_t exponent = h >> 10 & 31u, fraction = h & 0x3ffu;

    if (exponent == 31) return float_of(sign | 0x7f800000u | fraction << 13 | (fraction ? 0x400000u : 0));
    if (exponent) return float_of(sign | (exponent + 112) << 23 | fraction << 13);
    const float small = (float)fraction * 0x1p-24f; /* zero or subnormal, exact */
    return sign ? -small : small;
}

uint16_t thx_f16_from_f32(float f)
{
    const uint32_t bits = bits_of(f), sign = bits >> 16 & 0x8000u;
    const uint32_t a = bits & 0x7fffffffu;

    if (a > 0x7f800000u) return (uint16_t)(sign | 0x7e00u | (a >> 13 & 0x1ffu));
    if (a >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u); /* 65520 and more round to infinity */
    if (a < 0x38800000u) { /* below 2^-14: let f32 addition round at 2^-24 */
        const float shifted = float_of(a) + 0.5f;
        return (uint16_t)(sign | (bits_of(shifted) - 0x3f000000u));
    }
    return (uint16_t)(sign | ((a - 0x38000000u + 0xfffu + (a >> 13 & 1u)) >> 13));
}
