/* Operations that work row by row, spread over the threads: a row is always the work of one
 * kernel call, so its bits do not depend on the threads. */
#include "ops/cpu/cpu_ops.h"

#include <math.h>

void thx_layer_norm_cpu(thx_ctx *ctx, thx_tensor y, thx_tensor x, const thx_weight *w, const thx_weight *b,
                        float eps)
{
    const thx_kernels *k = thx_kernels_of(ctx);

#pragma omp parallel for schedule(static) num_threads(thx_cpu_threads(ctx, x.rows * x.cols))
    for (size_t t = 0; t < x.rows; t++)
        k->layer_norm(y.data + t * y.stride, x.data + t * x.stride, w->vector, b ? b->vector : NULL, x.cols,
                      eps);
}

void thx_rms_norm_cpu(thx_ctx *ctx, thx_tensor y, thx_tensor x, const thx_weight *w, float eps)
{
    const thx_kernels *k = thx_kernels_of(ctx);

#pragma omp parallel for schedule(static) num_threads(thx_cpu_threads(ctx, x.rows * x.cols))
    for (size_t t = 0; t < x.rows; t++)
        k->rms_norm(y.data + t * y.stride, x.data + t * x.stride, w->vector, x.cols, eps);
}

/* Sines and cosines are computed once a row for all its heads, in pieces of 64 pairs. */
static void rope_row(const thx_kernels *k, float *x, size_t heads, size_t E, size_t position,
                     const float *inv_freq, size_t n_freq)
{
    enum { PIECE = 64 };
    float cosines[PIECE], sines[PIECE], pair[2 * PIECE];

    for (size_t i = 0; i < n_freq; i += PIECE) {
        const size_t n = n_freq - i < PIECE ? n_freq - i : PIECE;

        for (size_t j = 0; j < n; j++) {
            const double angle = (double)((float)position * inv_freq[i + j]); /* rounded to f32 first */
            cosines[j] = (float)cos(angle);
            sines[j] = (float)sin(angle);
        }
        for (size_t h = 0; h < heads; h++) {
            float *low = x + h * E + i, *high = low + n_freq;

            if (n == n_freq) {
                k->rotate(low, cosines, sines, n);
                continue;
            }
            memcpy(pair, low, n * sizeof *pair);
            memcpy(pair + n, high, n * sizeof *pair);
            k->rotate(pair, cosines, sines, n);
            memcpy(low, pair, n * sizeof *pair);
            memcpy(high, pair + n, n * sizeof *pair);
        }
    }
}

void thx_rope_cpu(thx_ctx *ctx, thx_tensor x, size_t heads, size_t E, size_t first, const float *inv_freq,
                  size_t n_freq)
{
    const thx_kernels *k = thx_kernels_of(ctx);

#pragma omp parallel for schedule(static) num_threads(thx_cpu_threads(ctx, x.rows * heads * E))
    for (size_t t = 0; t < x.rows; t++)
        rope_row(k, x.data + t * x.stride, heads, E, first + t, inv_freq, n_freq);
}

/* Rows are cut into pieces, so that one long row serves all threads. */
static void activate(thx_ctx *ctx, thx_tensor y, thx_tensor x, const thx_tensor *up, thx_act act)
{
    enum { PIECE = 2048 };
    const thx_kernels *k = thx_kernels_of(ctx);
    const size_t       pieces = (x.cols + PIECE - 1) / PIECE;

#pragma omp parallel for schedule(static) num_threads(thx_cpu_threads(ctx, 4 * x.rows * x.cols))
    for (size_t i = 0; i < x.rows * pieces; i++) {
        const size_t t = i / pieces, d = i % pieces * PIECE;

        k->activate(y.data + t * y.stride + d, x.data + t * x.stride + d,
                    up ? up->data + t * up->stride + d : NULL, x.cols - d < PIECE ? x.cols - d : PIECE, act);
    }
}

void thx_activate_cpu(thx_ctx *ctx, thx_tensor y, thx_tensor x, thx_act act)
{
    activate(ctx, y, x, NULL, act);
}

void thx_activate_gated_cpu(thx_ctx *ctx, thx_tensor y, thx_tensor x, thx_tensor up, thx_act act)
{
    activate(ctx, y, x, &up, act);
}

void thx_add_cpu(thx_ctx *ctx, thx_tensor x, thx_tensor y, const thx_weight *scale)
{
    const thx_kernels *k = thx_kernels_of(ctx);

#pragma omp parallel for schedule(static) num_threads(thx_cpu_threads(ctx, x.rows * x.cols))
    for (size_t t = 0; t < x.rows; t++)
        k->add(x.data + t * x.stride, y.data + t * y.stride, scale ? scale->vector : NULL, x.cols);
}

/* Values first .. first+n-1 of a stored row; grouped ones by their definition: they are few. */
static void widen(const thx_kernels *k, float *to, const thx_weight *w, size_t row, size_t first, size_t n)
{
    if (thx_type_grouped(w->type)) thx_dequantize(to, w->data, w->type, w->K, row, first, n);
    else k->widen(to, thx_weight_row(w, row) + first * thx_type_bytes(w->type), w->type, n);
}

/* Stored rows are widened in pieces on the stack. */
void thx_add_rows_cpu(thx_ctx *ctx, thx_tensor x, const thx_weight *w, size_t rows_w)
{
    enum { PIECE = 1024 };
    const thx_kernels *k = thx_kernels_of(ctx);

#pragma omp parallel for schedule(static) num_threads(thx_cpu_threads(ctx, x.rows * x.cols))
    for (size_t t = 0; t < x.rows; t++) {
        float wide[PIECE];

        for (size_t d = 0; d < x.cols; d += PIECE) {
            const size_t n = x.cols - d < PIECE ? x.cols - d : PIECE;

            widen(k, wide, w, t % rows_w, d, n);
            k->add(x.data + t * x.stride + d, wide, NULL, n);
        }
    }
}

void thx_gather_cpu(thx_ctx *ctx, thx_tensor y, const thx_weight *w, const int32_t *ids, size_t n)
{
    const thx_kernels *k = thx_kernels_of(ctx);

#pragma omp parallel for schedule(static) num_threads(thx_cpu_threads(ctx, n * w->K))
    for (size_t i = 0; i < n; i++)
        widen(k, y.data + i * y.stride, w, (size_t)ids[i], 0, w->K);
}

void thx_fill_rows_cpu(thx_ctx *ctx, thx_tensor y, const thx_weight *w)
{
    (void)ctx;
    for (size_t t = 0; t < y.rows; t++) memcpy(y.data + t * y.stride, w->vector, y.cols * sizeof(float));
}

void thx_copy_rows_cpu(thx_ctx *ctx, thx_tensor y, thx_tensor x)
{
#pragma omp parallel for schedule(static) num_threads(thx_cpu_threads(ctx, y.rows * y.cols / 4))
    for (size_t t = 0; t < y.rows; t++)
        memcpy(y.data + t * y.stride, x.data + t * x.stride, y.cols * sizeof(float));
}

void thx_kv_append_cpu(thx_ctx *ctx, const thx_kv *kv, thx_tensor k, thx_tensor v, size_t first)
{
    const thx_kernels *kernels = thx_kernels_of(ctx);
    const size_t       G = kv->G, E = kv->E;

#pragma omp parallel for schedule(static) num_threads(thx_cpu_threads(ctx, k.rows * G * E))
    for (size_t i = 0; i < k.rows * G; i++) {
        const size_t t = i / G, g = i % G;

        const float *from_k = k.data + t * k.stride + g * E, *from_v = v.data + t * v.stride + g * E;

        if (kv->type == THX_I8) {
            thx_kv_row_round(thx_kv_key(kv, g, first + t), from_k, E);
            thx_kv_row_round(thx_kv_value(kv, g, first + t), from_v, E);
        } else {
            kernels->narrow(thx_kv_key(kv, g, first + t), from_k, kv->type, E);
            kernels->narrow(thx_kv_value(kv, g, first + t), from_v, kv->type, E);
        }
    }
}

void thx_patches_cpu(thx_ctx *ctx, thx_tensor out, const float *image, size_t C, size_t Y, size_t X, size_t p)
{
    const size_t across = X / p, P = Y / p * across;

#pragma omp parallel for schedule(static) num_threads(thx_cpu_threads(ctx, P * C * p * p))
    for (size_t i = 0; i < P; i++)
        for (size_t c = 0; c < C; c++)
            for (size_t ky = 0; ky < p; ky++)
                memcpy(out.data + i * out.stride + (c * p + ky) * p,
                       image + (c * Y + i / across * p + ky) * X + i % across * p, p * sizeof(float));
}

/* One axis of torch's bilinear (align_corners=False, no antialias): the lower and the upper
 * neighbour and the share of the upper one, all in f32 as there. */
typedef struct sample { size_t low, high; float share; } sample;

static sample sample_at(size_t i, size_t in, size_t out)
{
    const float ratio = (float)in / (float)out;
    const float at = ((float)i + 0.5f) * ratio - 0.5f;
    const float from = at > 0.0f ? at : 0.0f;
    sample      s;

    s.low = (size_t)from < in - 1 ? (size_t)from : in - 1;
    s.high = s.low + 1 < in ? s.low + 1 : in - 1;
    s.share = from - (float)s.low;
    return s;
}

void thx_bilinear_cpu(thx_ctx *ctx, thx_tensor out, size_t out_h, size_t out_w, thx_tensor in, size_t in_h,
                      size_t in_w)
{
    const thx_kernels *k = thx_kernels_of(ctx);

#pragma omp parallel for schedule(static) num_threads(thx_cpu_threads(ctx, out_h * out_w * out.cols))
    for (size_t i = 0; i < out_h * out_w; i++) {
        const sample       y = sample_at(i / out_w, in_h, out_h), x = sample_at(i % out_w, in_w, out_w);
        const float *const above = in.data + y.low * in_w * in.stride, *const below = in.data + y.high *
                                                                                                    in_w *
                                                                                                    in.stride;
        const float *const corner[4] = { above + x.low * in.stride, above + x.high * in.stride,
                                         below + x.low * in.stride, below + x.high * in.stride };

        k->blend(out.data + i * out.stride, corner, y.share, x.share, out.cols);
    }
}

void thx_dot_codes_cpu(thx_ctx *ctx, int32_t *y, const int8_t *codes, const int16_t *q, size_t n, size_t d)
{
    enum { PIECE = 2048 }; /* rows, handed out as threads ask: on a busy machine one waits longer than others */
    const thx_kernels *k = thx_kernels_of(ctx);

#pragma omp parallel for schedule(dynamic) num_threads(thx_cpu_threads(ctx, n * d / 4))
    for (size_t i = 0; i < n; i += PIECE)
        k->dot_codes(y + i, codes + i * d, q, n - i < PIECE ? n - i : PIECE, d);
}
