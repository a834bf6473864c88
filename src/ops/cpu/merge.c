/* A matrix with a low-rank adapter merged into it: W + scale * B·A, the product in f32, the sum rounded once to the type
 * of W (peft tuners/lora.py, Linear.merge); for a grouped type it is then rounded as any other matrix. */
#include "ops/cpu/cpu_ops.h"

#include <omp.h>
#include <stdlib.h>

enum { CHUNK_FLOATS = 4 << 20 /* of the product at a time */ };

/* What one merge works on. */
typedef struct merge {
    thx_ctx        *ctx;
    const thx_view *w;
    size_t          N, K, R;
    float          *a, *b; /* Aᵀ [K, R], B [N, R]          */
    float          *more;  /* [chunk, K]: rows of B·A      */
    float          *rows;  /* [threads, K]                 */
    size_t          chunk;
    unsigned char  *to;    /* [N, K] of the type of W      */
} merge;

static void widen_row(const thx_ctx *ctx, float *to, const unsigned char *from, thx_type type, size_t n)
{
    const thx_kernels *k = thx_kernels_of(ctx);

    if (k) k->widen(to, from, type, n);
    else
        for (size_t i = 0; i < n; i++) to[i] = thx_element(from, type, i);
}

static void narrow_row(const thx_ctx *ctx, unsigned char *to, const float *from, thx_type type, size_t n)
{
    const thx_kernels *k = thx_kernels_of(ctx);

    if (k) k->narrow(to, from, type, n);
    else if (type == THX_F32) memcpy(to, from, n * sizeof *from);
    else
        for (size_t i = 0; i < n; i++) {
            const uint16_t h = type == THX_F16 ? thx_f16_from_f32(from[i]) : thx_bf16_from_f32(from[i]);
            memcpy(to + 2 * i, &h, sizeof h);
        }
}

static void merge_deinit(merge *m)
{
    free(m->a);
    free(m->b);
    free(m->more);
    free(m->rows);
}

static bool merge_init(merge *m, const thx_view *a, const thx_view *b)
{
    m->chunk = CHUNK_FLOATS / m->K < m->N ? CHUNK_FLOATS / m->K : m->N;
    if (!m->chunk) m->chunk = 1;
    m->a = malloc(m->K * m->R * sizeof *m->a);
    m->b = malloc(m->N * m->R * sizeof *m->b);
    m->more = malloc(m->chunk * m->K * sizeof *m->more);
    m->rows = malloc((size_t)m->ctx->threads * m->K * sizeof *m->rows);
    if (!m->a || !m->b || !m->more || !m->rows) return false;
    for (size_t r = 0; r < m->R; r++)
        for (size_t k = 0; k < m->K; k++) m->a[k * m->R + r] = thx_element(a->data, a->type, r * m->K + k);
    widen_row(m->ctx, m->b, b->data, b->type, m->N * m->R);
    return true;
}

/* Rows first .. of the sum, which `more` holds the product of. */
static void add_rows(const merge *m, float scale, size_t first, size_t rows)
{
    const size_t pitch = m->K * thx_type_bytes(m->w->type);

#pragma omp parallel for schedule(static) num_threads(m->ctx->threads)
    for (size_t i = 0; i < rows; i++) {
        float *row = m->rows + (size_t)omp_get_thread_num() * m->K;

        widen_row(m->ctx, row, (const unsigned char *)m->w->data + (first + i) * pitch, m->w->type, m->K);
        for (size_t k = 0; k < m->K; k++) {
            const float product = m->more[i * m->K + k] * scale; /* rounded by itself, as the original does */
            row[k] += product;
        }
        narrow_row(m->ctx, m->to + (first + i) * pitch, row, m->w->type, m->K);
    }
}

static thorax_status merge_run(merge *m, float scale, thorax_error *err)
{
    thx_ctx            *ctx = m->ctx;
    const thx_precision precision = ctx->precision;
    const thx_view      a = { .name = m->w->name, .data = m->a, .type = THX_F32, .rank = 2, .shape = { m->K, m->R },
                              .count = m->K * m->R };
    thx_weight         *weight;
    thorax_status       st = ctx->ops->weight_open(ctx, &weight, &a, THX_USE_LINEAR, err);

    ctx->precision = THX_EXACT;
    for (size_t first = 0; first < m->N && !st; first += m->chunk) {
        const size_t     rows = m->N - first < m->chunk ? m->N - first : m->chunk;
        const thx_tensor x = { m->b + first * m->R, rows, m->R, m->R }, y = { m->more, rows, m->K, m->K };

        st = ctx->ops->linear(ctx, y, x, weight, NULL, THX_PROMPT, err);
        if (!st) add_rows(m, scale, first, rows);
    }
    ctx->precision = precision;
    thx_weight_close(weight);
    return st;
}

static bool is_matrix(const thx_view *v)
{
    return v->rank == 2 && v->shape[0] && v->shape[1] && (v->type == THX_F32 || v->type == THX_F16 || v->type == THX_BF16);
}

thorax_status thx_merge(thx_ctx *ctx, void *to, const thx_view *w, const thx_view *a, const thx_view *b, float scale,
                        thorax_error *err)
{
    if (!is_matrix(w) || !is_matrix(a) || !is_matrix(b) || a->shape[0] != b->shape[1] || a->shape[1] != w->shape[1] ||
        b->shape[0] != w->shape[0])
        return thx_fail(err, THORAX_SHAPE, 0, "%s: an adapter of other shapes or types", w->name);
    merge         m = { .ctx = ctx, .w = w, .N = w->shape[0], .K = w->shape[1], .R = a->shape[0], .to = to };
    thorax_status st = merge_init(&m, a, b) ? merge_run(&m, scale, err)
                                            : thx_fail(err, THORAX_NOMEM, 0, "%s: no memory to merge it", w->name);

    merge_deinit(&m);
    return st;
}

thorax_status thx_cpu_weight_merge(thx_ctx *ctx, thx_weight **out, const thx_view *w, const thx_view *a, const thx_view *b,
                                   float scale, thx_type type, thorax_error *err)
{
    thx_view       sum = *w;
    const size_t   bytes = thx_view_bytes(w);
    unsigned char *to = thx_cpu_matrix_alloc(bytes);
    thorax_status  st = to ? thx_merge(ctx, to, w, a, b, scale, err)
                           : thx_fail(err, THORAX_NOMEM, 0, "%s: no memory to merge %zu bytes", w->name, bytes);

    *out = NULL;
    sum.data = to;
    if (!st && type == w->type) return thx_cpu_weight_own(out, &sum, to, bytes, err);
    if (!st) st = ctx->ops->weight_quantize(ctx, out, &sum, type, err);
    free(to);
    return st;
}
