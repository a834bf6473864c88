/* Products with grouped matrices for AVX-512 VNNI: four products of bytes an instruction. */
#include "ops/avx512/vec.h"
#include "ops/avx512/ivec.h"
#include "ops/simd/quant.h"
#include "ops/simd/round.h"

const thx_quant thx_quant_avx512_vnni = {
    .make = q_make, .round = q_round, .few = q_few, .dense = q_dense, .spin = spin_int8,
};
/* Matrix units multiply bf16 faster than the scales of groups of bytes are worked in. */
const thx_quant thx_quant_amx = { .make = q_make, .round = q_round, .few = q_few, .spin = thx_spin_int8_amx };
