/* The kernels for AVX-512 (F, BW, VL, DQ): vectors of 16 floats. */
#include "ops/kernels.h"

#include "ops/avx512/ivec.h"
#include "ops/simd/codes.h"
#include "ops/simd/few.h"
#include "ops/simd/rows.h"
#include "ops/simd/softmax.h"
#include "ops/simd/dense.h"
#include "ops/simd/peak.h"

const thx_gemm thx_gemm_f32_avx512 = {
    .type = THX_F32,
    .mr = MR,
    .nr = NR,
    .lanes = LANES,
    .depth = 1,
    .piece_bytes = 1536,
    .pack_rows = f32_pack_rows,
    .pack_cols = f32_pack_cols,
    .pack_groups = f32_pack_groups,
    .block = f32_run,
    .softmax = f32_softmax,
};

#define COMMON                                                                                              \
    .widen = widen, .narrow = narrow, .layer_norm = layer_norm, .rms_norm = rms_norm, .rotate = rotate,     \
    .activate = activate, .add = add, .blend = blend, .dot = dot, .mix = mix, .dot_codes = dot_codes, \
    .spin_f32 = spin_f32, .sweep = sweep, .f32 = &thx_gemm_f32_avx512

const thx_kernels thx_kernels_avx512 = { .name = "avx512", COMMON, .quant = &thx_quant_avx512 };
const thx_kernels thx_kernels_avx512_vnni = { .name = "avx512", COMMON, .quant = &thx_quant_avx512_vnni };
const thx_kernels thx_kernels_avx512_bf16 = {
    .name = "avx512-bf16", COMMON, .spin_bf16 = thx_spin_bf16_avx512, .bf16 = &thx_gemm_bf16_avx512,
    .quant = &thx_quant_avx512_vnni,
};
const thx_kernels thx_kernels_amx = {
    .name = "amx", COMMON, .spin_bf16 = thx_spin_bf16_amx, .bf16 = &thx_gemm_bf16_amx, .quant = &thx_quant_amx,
};
