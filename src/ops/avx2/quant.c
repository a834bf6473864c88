/* Products with grouped matrices for AVX2: vectors of 8 whole numbers. */
#include "ops/avx2/vec.h"
#include "ops/avx2/ivec.h"
#include "ops/simd/quant.h"
#include "ops/simd/round.h"

const thx_quant thx_quant_avx2 = {
    .make = q_make, .round = q_round, .few = q_few, .dense = q_dense, .spin = spin_int8,
};
