/* Products with grouped matrices for AVX-512 without VNNI: products of bytes in pairs. */
#include "ops/avx512/vec.h"
#include "ops/avx512/ivec.h"
#include "ops/simd/quant.h"
#include "ops/simd/round.h"

const thx_quant thx_quant_avx512 = {
    .make = q_make, .round = q_round, .few = q_few, .dense = q_dense, .spin = spin_int8,
};
