/* Rows rounded for dense products, and the ways that do not go through our own panels. */
#ifndef THX_OPS_CPU_ROUNDED_H
#define THX_OPS_CPU_ROUNDED_H

#include "ops/cpu/cpu_ops.h"

/* Elements between rounded rows of K: whole lines of the cache, and not a multiple of 4 KiB, which would
 * let rows share few lines of it. */
static inline size_t thx_bf16_stride(size_t K)
{
    const size_t lda = (K + 31) / 32 * 32;
    return lda % 2048 ? lda : lda + 32;
}

/* How many of T rows are rounded at a time, a multiple of `step` or all: 32 MiB of them, at least one step.
 */
static inline size_t thx_bf16_rows(size_t lda, size_t T, size_t step)
{
    const size_t fit = ((size_t)32 << 20) / (2 * lda) / step * step, rows = fit ? fit : step;
    return rows < T ? rows : T;
}

/* The rows of x, then zeros up to `rows`; what lies behind K in a row is zero as well. */
void thx_bf16_round(thx_ctx *ctx, uint16_t *to, size_t lda, thx_tensor x, size_t rows);

/* linear of prompt rows and 16-bit weights through oneDNN; *done is false where it has no usable
 * primitive for the shape, and y is then untouched. THORAX_NOMEM. */
thorax_status thx_linear_dnnl(thx_ctx *ctx, thx_tensor y, thx_tensor x, const thx_weight *w,
                              const thx_weight *b, bool *done, thorax_error *err);

/* linear of grouped weights on whole numbers: generated rows in 16 bits, prompt rows in 8. THORAX_NOMEM. */
thorax_status thx_linear_grouped(thx_ctx *ctx, thx_tensor y, thx_tensor x, const thx_weight *w, const thx_weight *b,
                                 thx_role role, thorax_error *err);

#endif
