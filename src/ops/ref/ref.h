/* The yardsticks: every operation in plain C, with sums in double. They are what the fast
 * variants are judged by, and what runs where no instruction set is known. */
#ifndef THX_OPS_REF_REF_H
#define THX_OPS_REF_REF_H

#include "ops/cpu.h"

thorax_status thx_linear_ref(thx_ctx *ctx, thx_tensor y, thx_tensor x, const thx_weight *w, const thx_weight *b,
                             thx_role role, thorax_error *err);
thorax_status thx_attend_ref(thx_ctx *ctx, const thx_attend *a, thorax_error *err);
thorax_status thx_match_ref(thx_ctx *ctx, thx_tensor y, thx_tensor x, thx_tensor w, size_t H, size_t E,
                            thorax_error *err);
void thx_kv_append_ref(thx_ctx *ctx, const thx_kv *kv, thx_tensor k, thx_tensor v, size_t first);
void thx_gather_ref(thx_ctx *ctx, thx_tensor y, const thx_weight *w, const int32_t *ids, size_t n);
void thx_layer_norm_ref(thx_ctx *ctx, thx_tensor y, thx_tensor x, const thx_weight *w, const thx_weight *b,
                        float eps);
void thx_rms_norm_ref(thx_ctx *ctx, thx_tensor y, thx_tensor x, const thx_weight *w, float eps);
void thx_rope_ref(thx_ctx *ctx, thx_tensor x, size_t heads, size_t E, size_t first, const float *inv_freq,
                  size_t n_freq);
void thx_activate_ref(thx_ctx *ctx, thx_tensor y, thx_tensor x, thx_act act);
void thx_activate_gated_ref(thx_ctx *ctx, thx_tensor y, thx_tensor x, thx_tensor up, thx_act act);
void thx_add_ref(thx_ctx *ctx, thx_tensor x, thx_tensor y, const thx_weight *scale);
void thx_add_rows_ref(thx_ctx *ctx, thx_tensor x, const thx_weight *w, size_t rows_w);
void thx_fill_rows_ref(thx_ctx *ctx, thx_tensor y, const thx_weight *w);
void thx_copy_rows_ref(thx_ctx *ctx, thx_tensor y, thx_tensor x);
void thx_patches_ref(thx_ctx *ctx, thx_tensor out, const float *image, size_t C, size_t Y, size_t X, size_t p);
void thx_bilinear_ref(thx_ctx *ctx, thx_tensor out, size_t out_h, size_t out_w, thx_tensor in, size_t in_h,
                      size_t in_w);
void thx_dot_codes_ref(thx_ctx *ctx, int32_t *y, const int8_t *codes, const int16_t *q, size_t n, size_t d);

/* One value of an activation, in double. */
double thx_act_ref(double x, thx_act act);

#endif
