/* The kernels for AVX2, FMA and F16C: vectors of 8 floats. */
#include "ops/kernels.h"

#include "ops/avx2/ivec.h"
#include "ops/simd/codes.h"
#include "ops/simd/few.h"
#include "ops/simd/rows.h"
#include "ops/simd/softmax.h"
#include "ops/simd/dense.h"
#include "ops/simd/peak.h"

static const thx_gemm gemm_f32 = {
    .type = THX_F32, .mr = MR, .nr = NR, .lanes = LANES, .depth = 1, .piece_bytes = 1536,
    .pack_rows = f32_pack_rows, .pack_cols = f32_pack_cols, .pack_groups = f32_pack_groups, .block = f32_run,
    .softmax = f32_softmax,
};

const thx_kernels thx_kernels_avx2 = {
    .name = "avx2", .widen = widen, .narrow = narrow, .layer_norm = layer_norm, .rms_norm = rms_norm,
    .rotate = rotate, .activate = activate, .add = add, .blend = blend, .dot = dot, .mix = mix, .dot_codes = dot_codes,
    .spin_f32 = spin_f32, .sweep = sweep, .f32 = &gemm_f32, .quant = &thx_quant_avx2,
};
