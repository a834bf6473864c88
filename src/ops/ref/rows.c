/* Operations that work row by row: norms, rotation, activations, sums, copies, and the two
 * that move pictures: patches and bilinear. */
#include "ops/ref/ref.h"

#include <math.h>

void thx_layer_norm_ref(thx_ctx *ctx, thx_tensor y, thx_tensor x, const thx_weight *w, const thx_weight *b,
                        float eps)
{
    const size_t D = x.cols;

    (void)ctx;
    for (size_t t = 0; t < x.rows; t++) {
        const float *xt = x.data + t * x.stride;
        float       *yt = y.data + t * y.stride;
        double       sum = 0.0, squares = 0.0;

        for (size_t d = 0; d < D; d++) sum += xt[d];
        const double mean = sum / (double)D;
        for (size_t d = 0; d < D; d++) squares += (xt[d] - mean) * (xt[d] - mean);
        const double r = 1.0 / sqrt(squares / (double)D + eps);
        for (size_t d = 0; d < D; d++)
            yt[d] = (float)((xt[d] - mean) * r * w->vector[d] + (b ? (double)b->vector[d] : 0.0));
    }
}

void thx_rms_norm_ref(thx_ctx *ctx, thx_tensor y, thx_tensor x, const thx_weight *w, float eps)
{
    const size_t D = x.cols;

    (void)ctx;
    for (size_t t = 0; t < x.rows; t++) {
        const float *xt = x.data + t * x.stride;
        float       *yt = y.data + t * y.stride;
        double       squares = 0.0;

        for (size_t d = 0; d < D; d++) squares += (double)xt[d] * xt[d];
        const double r = 1.0 / sqrt(squares / (double)D + eps);
        for (size_t d = 0; d < D; d++) yt[d] = (float)(xt[d] * r * w->vector[d]);
    }
}

/* The angle is a product in f32, as the reference computes it: at position 7,000 its
 * rounding is worth 2e-4 radians, so doing it "better" would move the scores. */
void thx_rope_ref(thx_ctx *ctx, thx_tensor x, size_t heads, size_t E, size_t first, const float *inv_freq,
                  size_t n_freq)
{
    (void)ctx;
    for (size_t t = 0; t < x.rows; t++)
        for (size_t i = 0; i < n_freq; i++) {
            const float  angle = (float)(first + t) * inv_freq[i];
            const double c = (float)cos((double)angle), s = (float)sin((double)angle);

            for (size_t h = 0; h < heads; h++) {
                float       *xh = x.data + t * x.stride + h * E;
                const double a = xh[i], b = xh[i + n_freq];

                xh[i] = (float)(a * c - b * s);
                xh[i + n_freq] = (float)(b * c + a * s);
            }
        }
}

/* Both forms of gelu are written so that nothing cancels for negative x: 1 + tanh(u) is
 * 2 / (1 + e^-2u), and 1 + erf(u) is erfc(-u). */
double thx_act_ref(double x, thx_act act)
{
    switch (act) {
    case THX_GELU_TANH: return x / (1.0 + exp(-1.59576912160573071176 * (x + 0.044715 * x * x * x)));
    case THX_GELU_ERF: return 0.5 * x * erfc(-x * 0.70710678118654752440);
    case THX_SILU: return x / (1.0 + exp(-x));
    case THX_TANH: return tanh(x);
    case THX_RELU: return x > 0.0 ? x : 0.0;
    case THX_QUICK_GELU: return x / (1.0 + exp(-1.702 * x));
    }
    return x;
}

void thx_activate_ref(thx_ctx *ctx, thx_tensor y, thx_tensor x, thx_act act)
{
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (size_t t = 0; t < x.rows; t++)
        for (size_t d = 0; d < x.cols; d++)
            y.data[t * y.stride + d] = (float)thx_act_ref(x.data[t * x.stride + d], act);
}

void thx_activate_gated_ref(thx_ctx *ctx, thx_tensor y, thx_tensor x, thx_tensor up, thx_act act)
{
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (size_t t = 0; t < x.rows; t++)
        for (size_t d = 0; d < x.cols; d++)
            y.data[t * y.stride + d] =
                (float)(thx_act_ref(x.data[t * x.stride + d], act) * up.data[t * up.stride + d]);
}

void thx_add_ref(thx_ctx *ctx, thx_tensor x, thx_tensor y, const thx_weight *scale)
{
    (void)ctx;
    for (size_t t = 0; t < x.rows; t++)
        for (size_t d = 0; d < x.cols; d++) {
            float       *xt = x.data + t * x.stride + d;
            const double by = scale ? (double)scale->vector[d] : 1.0;
            *xt = (float)(*xt + by * y.data[t * y.stride + d]);
        }
}

void thx_fill_rows_ref(thx_ctx *ctx, thx_tensor y, const thx_weight *w)
{
    (void)ctx;
    for (size_t t = 0; t < y.rows; t++) memcpy(y.data + t * y.stride, w->vector, y.cols * sizeof(float));
}

void thx_copy_rows_ref(thx_ctx *ctx, thx_tensor y, thx_tensor x)
{
    (void)ctx;
    for (size_t t = 0; t < y.rows; t++)
        memcpy(y.data + t * y.stride, x.data + t * x.stride, y.cols * sizeof(float));
}

void thx_patches_ref(thx_ctx *ctx, thx_tensor out, const float *image, size_t C, size_t Y, size_t X, size_t p)
{
    const size_t across = X / p, P = Y / p * across;

    (void)ctx;
    for (size_t i = 0; i < P; i++)
        for (size_t c = 0; c < C; c++)
            for (size_t ky = 0; ky < p; ky++)
                memcpy(out.data + i * out.stride + (c * p + ky) * p,
                       image + (c * Y + i / across * p + ky) * X + i % across * p, p * sizeof(float));
}

/* One axis of torch's bilinear: the lower neighbour and the share of the upper one. */
static void sample(size_t i, size_t in, size_t out, size_t *low, size_t *high, float *share)
{
    const float ratio = (float)in / (float)out;
    const float at = ((float)i + 0.5f) * ratio - 0.5f;
    const float from = at > 0.0f ? at : 0.0f;

    *low = (size_t)from < in - 1 ? (size_t)from : in - 1;
    *high = *low + 1 < in ? *low + 1 : in - 1;
    *share = from - (float)*low;
}

void thx_bilinear_ref(thx_ctx *ctx, thx_tensor out, size_t out_h, size_t out_w, thx_tensor in, size_t in_h,
                      size_t in_w)
{
    (void)ctx;
    for (size_t i = 0; i < out_h * out_w; i++) {
        size_t y0, y1, x0, x1;
        float  ty, tx;

        sample(i / out_w, in_h, out_h, &y0, &y1, &ty);
        sample(i % out_w, in_w, out_w, &x0, &x1, &tx);
        const float *v00 = in.data + (y0 * in_w + x0) * in.stride,
                    *v01 = in.data + (y0 * in_w + x1) * in.stride;
        const float *v10 = in.data + (y1 * in_w + x0) * in.stride,
                    *v11 = in.data + (y1 * in_w + x1) * in.stride;
        for (size_t d = 0; d < out.cols; d++)
            out.data[i * out.stride + d] = (1.0f - ty) * ((1.0f - tx) * v00[d] + tx * v01[d]) +
                                           ty * ((1.0f - tx) * v10[d] + tx * v11[d]);
    }
}

void thx_dot_codes_ref(thx_ctx *ctx, int32_t *y, const int8_t *codes, const int16_t *q, size_t n, size_t d)
{
    (void)ctx;
    for (size_t i = 0; i < n; i++) {
        y[i] = 0;
        for (size_t k = 0; k < d; k++) y[i] += codes[i * d + k] * q[k];
    }
}
