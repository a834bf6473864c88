/* The operations of the CPU device: each spreads kernels over rows and threads. */
#ifndef THX_OPS_CPU_CPU_OPS_H
#define THX_OPS_CPU_CPU_OPS_H

#include "ops/cpu.h"

static inline const thx_kernels *thx_kernels_of(const thx_ctx *ctx) { return thx_cpu_of(ctx)->kernels; }

/* Threads worth starting for `values` values of light work: one where starting costs more. */
static inline int thx_cpu_threads(const thx_ctx *ctx, size_t values)
{
    return values < 16384 ? 1 : ctx->threads;
}

thorax_status thx_linear_cpu(thx_ctx *ctx, thx_tensor y, thx_tensor x, const thx_weight *w,
                             const thx_weight *b, thx_role role, thorax_error *err);
/* linear of grouped weights on whole numbers: generated rows in 16 bits, prompt rows in 8. THORAX_NOMEM. */
thorax_status thx_linear_grouped(thx_ctx *ctx, thx_tensor y, thx_tensor x, const thx_weight *w, const thx_weight *b,
                                 thx_role role, thorax_error *err);
thorax_status thx_attend_cpu(thx_ctx *ctx, const thx_attend *a, thorax_error *err);
thorax_status thx_match_cpu(thx_ctx *ctx, thx_tensor y, thx_tensor x, thx_tensor w, size_t H, size_t E,
                            thorax_error *err);
void thx_kv_append_cpu(thx_ctx *ctx, const thx_kv *kv, thx_tensor k, thx_tensor v, size_t first);
void thx_gather_cpu(thx_ctx *ctx, thx_tensor y, const thx_weight *w, const int32_t *ids, size_t n);
void thx_layer_norm_cpu(thx_ctx *ctx, thx_tensor y, thx_tensor x, const thx_weight *w, const thx_weight *b,
                        float eps);
void thx_rms_norm_cpu(thx_ctx *ctx, thx_tensor y, thx_tensor x, const thx_weight *w, float eps);
void thx_rope_cpu(thx_ctx *ctx, thx_tensor x, size_t heads, size_t E, size_t first, const float *inv_freq,
                  size_t n_freq);
void thx_activate_cpu(thx_ctx *ctx, thx_tensor y, thx_tensor x, thx_act act);
void thx_activate_gated_cpu(thx_ctx *ctx, thx_tensor y, thx_tensor x, thx_tensor up, thx_act act);
void thx_add_cpu(thx_ctx *ctx, thx_tensor x, thx_tensor y, const thx_weight *scale);
void thx_add_rows_cpu(thx_ctx *ctx, thx_tensor x, const thx_weight *w, size_t rows_w);
void thx_fill_rows_cpu(thx_ctx *ctx, thx_tensor y, const thx_weight *w);
void thx_copy_rows_cpu(thx_ctx *ctx, thx_tensor y, thx_tensor x);
void thx_patches_cpu(thx_ctx *ctx, thx_tensor out, const float *image, size_t C, size_t Y, size_t X,
                     size_t p);
void thx_bilinear_cpu(thx_ctx *ctx, thx_tensor out, size_t out_h, size_t out_w, thx_tensor in, size_t in_h,
                      size_t in_w);
void thx_dot_codes_cpu(thx_ctx *ctx, int32_t *y, const int8_t *codes, const int16_t *q, size_t n, size_t d);

#endif
