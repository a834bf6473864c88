/* Products of rows with a stored matrix, and rows taken from one. */
#include "ops/ref/ref.h"

#include <omp.h>

static void widen_row(float *to, const thx_weight *w, size_t n) { thx_weight_values(to, w, n, 0, w->K); }

/*   x [T, K]   w [N, K]   b [N] or NULL   y [T, N]
 * The products are of the stored values, whatever the precision asked for. */
thorax_status thx_linear_ref(thx_ctx *ctx, thx_tensor y, thx_tensor x, const thx_weight *w,
                             const thx_weight *b, thx_role role, thorax_error *err)
{
    const size_t N = w->N, K = w->K;
    float       *wide = thx_cpu_scratch(ctx, (size_t)ctx->threads * K * sizeof *wide);

    (void)role;
    if (!wide) return thx_fail(err, THORAX_NOMEM, 0, "linear: scratch for rows of %zu", K);
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (size_t n = 0; n < N; n++) {
        float *wn = wide + (size_t)omp_get_thread_num() * K; /* w[n, :] */

        widen_row(wn, w, n);
        for (size_t t = 0; t < x.rows; t++) {
            const float *xt = x.data + t * x.stride;
            double       sum = b ? (double)b->vector[n] : 0.0;

            for (size_t k = 0; k < K; k++) sum += (double)xt[k] * wn[k];
            y.data[t * y.stride + n] = (float)sum;
        }
    }
    return THORAX_OK;
}

void thx_gather_ref(thx_ctx *ctx, thx_tensor y, const thx_weight *w, const int32_t *ids, size_t n)
{
    (void)ctx;
    for (size_t i = 0; i < n; i++) widen_row(y.data + i * y.stride, w, (size_t)ids[i]);
}

/* Row t gets row t % rows_w of w added. */
void thx_add_rows_ref(thx_ctx *ctx, thx_tensor x, const thx_weight *w, size_t rows_w)
{
    (void)ctx;
    for (size_t t = 0; t < x.rows; t++) {
        float *xt = x.data + t * x.stride, wide;

        for (size_t d = 0; d < x.cols; d++) {
            thx_weight_values(&wide, w, t % rows_w, d, 1);
            xt[d] += wide;
        }
    }
}
