/* The tables of the CPU device. */
#include "ops/cpu/cpu_ops.h"

#define OPERATIONS                                                                                         \
    .weight_open = thx_cpu_weight_open, .weight_quantize = thx_cpu_weight_quantize,                        \
    .weight_merge = thx_cpu_weight_merge,                                                                  \
    .linear = thx_linear_cpu, .gather = thx_gather_cpu,                                                    \
    .layer_norm = thx_layer_norm_cpu, .rms_norm = thx_rms_norm_cpu, .rope = thx_rope_cpu,                  \
    .kv_append = thx_kv_append_cpu, .attend = thx_attend_cpu, .match = thx_match_cpu, .activate = thx_activate_cpu, \
    .activate_gated = thx_activate_gated_cpu, .add = thx_add_cpu, .add_rows = thx_add_rows_cpu,            \
    .fill_rows = thx_fill_rows_cpu, .copy_rows = thx_copy_rows_cpu, .patches = thx_patches_cpu,            \
    .bilinear = thx_bilinear_cpu, .dot_codes = thx_dot_codes_cpu

const thx_ops thx_ops_avx2 = { .name = "avx2", OPERATIONS };
const thx_ops thx_ops_avx512 = { .name = "avx512", OPERATIONS };
const thx_ops thx_ops_avx512_bf16 = { .name = "avx512-bf16", OPERATIONS };
const thx_ops thx_ops_amx = { .name = "amx", OPERATIONS };
