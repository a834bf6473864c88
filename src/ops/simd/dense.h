/* Dense products in f32, one multiply-add a step. Included after "vec.h" and "ivec.h". */
#ifndef THX_OPS_SIMD_DENSE_H
#define THX_OPS_SIMD_DENSE_H

#include "ops/simd/block.h"
#include "ops/simd/groups.h"

/* R rows by C vectors, both constants. */
FORCE_INLINE void f32_block(float *c, size_t ldc, thx_left left, const float *panel, size_t cols, size_t K, bool add,
                            const float *carry, const int R, const int C)
{
    const float *a = left.at;
    vec s[MR][PANEL];

    for (int r = 0; r < R; r++)
        for (int j = 0; j < C; j++) s[r][j] = v_set(0.0f);
    for (size_t k = 0; k < K; k++, panel += NR) {
        vec b[PANEL];
        for (int j = 0; j < C; j++) b[j] = v_load(panel + j * LANES);
        for (int r = 0; r < R; r++) {
            const vec ar = v_set(a[(size_t)r * left.row + k]);
            for (int j = 0; j < C; j++) s[r][j] = v_fma(ar, b[j], s[r][j]);
        }
    }
    put_block(c, ldc, s, cols, add, carry, R, C);
}

static void f32_run(float *c, size_t ldc, thx_left a, const void *panel, size_t rows, size_t cols, size_t K, bool add,
                    const float *carry)
{
    PICK_BLOCK(f32_block, c, ldc, a, panel, cols, K, add, carry)
}

/* LANES rows by LANES columns at a time, turned round in registers. */
FORCE_INLINE void f32_pack_rows_as(float *panel, const unsigned char *src, thx_type type, size_t pitch,
                                   size_t n, size_t K)
{
    const size_t size = type == THX_F32 ? 4 : 2;

    for (size_t i = 0; i < NR; i += LANES)
        FOR_VECTORS(k, m, K, {
            vec turn[LANES];
            for (size_t l = 0; l < LANES; l++)
                turn[l] = i + l < n ? v_load_as(src + (i + l) * pitch + k * size, type, m) : v_set(0.0f);
            v_transpose(turn);
            for (size_t l = 0; l < m; l++) v_store(panel + (k + l) * NR + i, turn[l]);
        });
}

static bool f32_pack_rows(void *panel, const void *src, thx_type type, size_t pitch, size_t n, size_t K,
                          bool low)
{
    (void)low;
    if (type == THX_F16) f32_pack_rows_as(panel, src, THX_F16, pitch, n, K);
    else if (type == THX_BF16) f32_pack_rows_as(panel, src, THX_BF16, pitch, n, K);
    else f32_pack_rows_as(panel, src, THX_F32, pitch, n, K);
    return true;
}

/* One vector of columns; nothing there: zeros. */
FORCE_INLINE void f32_pack_group_cols(float *panel, const unsigned char *block, thx_type type, size_t K, int part,
                                      size_t group, size_t k)
{
    const vec factor = q_factors(block, type, part);

    for (size_t done = 0; done < k; done += THX_Q_GROUP, group++) {
        const unsigned char *scales = block + thx_q_scales_at() + group * THX_Q_SCALES;
        const unsigned char *codes = block + thx_q_codes_at(K) + group * thx_q_code_bytes(type);
        const vec            scale = v_mul(factor, q_scales(scales, type, part));
        const vec            zeros = type == THX_Q4 ? i_float(q_zeros(scales, part)) : v_set(128.0f);

        for (int step = 0; step < STEPS; step++) {
            const ivec u = q_step(codes, type, step, part);
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++, panel += NR) v_store(panel, q_values(u, i, scale, zeros));
        }
    }
}

static void f32_pack_groups(void *panel, const void *blocks, thx_type type, size_t K, size_t n, size_t group, size_t k)
{
    for (size_t i = 0; i < NR; i += LANES) {
        float               *to = (float *)panel + i;
        const unsigned char *block = (const unsigned char *)blocks + i / THX_Q_ROWS * thx_q_block_bytes(type, K);
        const int            part = (int)(i % THX_Q_ROWS / LANES);

        if (i >= n)
            for (size_t j = 0; j < k; j++) v_store(to + j * NR, v_set(0.0f));
        else if (type == THX_Q8) f32_pack_group_cols(to, block, THX_Q8, K, part, group, k);
        else f32_pack_group_cols(to, block, THX_Q4, K, part, group, k);
    }
}

static void f32_pack_cols(void *panel, const void *src, thx_type type, size_t pitch, size_t n, size_t K)
{
    float *to = panel;

    for (size_t k = 0; k < K; k++, to += NR) {
        const unsigned char *from = (const unsigned char *)src + k * pitch;
        FOR_VECTORS(i, m, n, v_put(to + i, v_load_as(from + i * (type == THX_F32 ? 4 : 2), type, m), m););
        for (size_t i = n; i < NR; i++) to[i] = 0.0f;
    }
}

#endif
