/* The table of yardsticks. */
#include "ops/ref/ref.h"

const thx_ops thx_ops_ref = {
    .name = "ref",
    .weight_open = thx_cpu_weight_open,
    .weight_quantize = thx_cpu_weight_quantize, .weight_merge = thx_cpu_weight_merge,
    .linear = thx_linear_ref,
    .gather = thx_gather_ref,
    .layer_norm = thx_layer_norm_ref,
    .rms_norm = thx_rms_norm_ref,
    .rope = thx_rope_ref,
    .kv_append = thx_kv_append_ref,
    .attend = thx_attend_ref,
    .match = thx_match_ref,
    .activate = thx_activate_ref,
    .activate_gated = thx_activate_gated_ref,
    .add = thx_add_ref,
    .add_rows = thx_add_rows_ref,
    .fill_rows = thx_fill_rows_ref,
    .copy_rows = thx_copy_rows_ref,
    .patches = thx_patches_ref,
    .bilinear = thx_bilinear_ref,
    .dot_codes = thx_dot_codes_ref,
};
