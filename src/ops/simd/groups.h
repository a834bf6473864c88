/* One group of 32 columns of a block of a grouped matrix (quant.h), in vectors: LANES of the 16 rows at
 * a time, `part` says which. Included after "vec.h" and "ivec.h". */
#ifndef THX_OPS_SIMD_GROUPS_H
#define THX_OPS_SIMD_GROUPS_H

#include "ops/quant.h"
#include "ops/simd/load.h"

enum { PARTS = THX_Q_ROWS / LANES, STEPS = THX_Q_GROUP / 4 };

/* The bytes of one step of 4 columns, without a sign: codes u, of Q4 16 u. */
FORCE_INLINE ivec q_step(const unsigned char *codes, thx_type type, int step, int part)
{
    if (type == THX_Q8) return i_load(codes + step * 64 + part * LANES * 4);
    const ivec both = i_load(codes + step % (STEPS / 2) * 64 + part * LANES * 4);
    return i_and(step < STEPS / 2 ? i_left(both, 4) : both, i_set((int32_t)0xf0f0f0f0u));
}

/* Factors of the rows, for whole numbers u - 128 (Q8) or 16 u - m (Q4). */
FORCE_INLINE vec q_factors(const unsigned char *block, thx_type type, int part)
{
    const vec factor = v_load((const float *)(const void *)block + (size_t)part * LANES);
    return type == THX_Q8 ? factor : v_mul(factor, v_set(1.0f / 16));
}

/* Scales without the rows' factors. */
FORCE_INLINE vec q_scales(const unsigned char *scales, thx_type type, int part)
{
    if (type == THX_Q8) return v_load_f16(scales + 2 * LANES * part);
    return i_as_floats(i_add(i_left(i_bytes(scales + LANES * part), 19), i_set(112 << 23)));
}

/* Q4: places of zero m, in sixteenths. */
FORCE_INLINE ivec q_zeros(const unsigned char *scales, int part) { return i_bytes(scales + THX_Q_ROWS + LANES * part); }

/* The values of column 4 * step + i of the group; `scale` is q_scales times q_factors, zeros are 128 or q_zeros. */
FORCE_INLINE vec q_values(ivec step, int i, vec scale, vec zeros)
{
    return v_mul(v_sub(i_float(i_and(i_right(step, 8 * i), i_set(255))), zeros), scale);
}

#endif
