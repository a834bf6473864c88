/* One group of 32 columns of a block of a grouped matrix (quant.h), in vectors: LANES of the 16 rows at
 * a time, `part` says which. Included after "vec.h" and "ivec.h". */
#ifndef THX_OPS_SIMD_GROUPS_H
#define THX_OPS_SIMD_GROUPS_H

#include "ops/quant.h"
#include "ops/simd/load.h"

enum { PARTS = THX_Q_ROWS / LANES, STEPS = THX_Q_GROUP / 4 };

/* The bytes of one step of 4 columns: codes u, without a sign. */
FORCE_INLINE ivec q_step(const unsigned char *codes, thx_type type, int step, int part)
{
    if (type == THX_Q8) return i_load(codes + step * 64 + part * LANES * 4);
    const ivec both = i_load(codes + step % (STEPS / 2) * 64 + part * LANES * 4);
    return i_and(step < STEPS / 2 ? both : i_right(both, 4), i_set(0x0f0f0f0f));
}

/* Scales without the rows' factors. */
FORCE_INLINE vec q_scales(const unsigned char *scales, thx_type type, int part)
{
    if (type == THX_Q8) return v_load_f16(scales + 2 * LANES * part);
    return i_as_floats(i_add(i_left(i_bytes(scales + LANES * part), 19), i_set(112 << 23)));
}

/* Q4: places of zero, in sixteenths. */
FORCE_INLINE vec q_zeros(const unsigned char *scales, int part)
{
    return i_float(i_bytes(scales + THX_Q_ROWS + LANES * part));
}

/* The values of column 4 * step + i of the group; `scale` is q_scales times the factors. */
FORCE_INLINE vec q_values(ivec step, thx_type type, int i, vec scale, vec zeros)
{
    const vec u = i_float(i_and(i_right(step, 8 * i), i_set(255)));

    if (type == THX_Q8) return v_mul(v_sub(u, v_set(128.0f)), scale);
    return v_mul(v_mul(v_sub(v_mul(u, v_set(16.0f)), zeros), v_set(1.0f / 16)), scale);
}

#endif
