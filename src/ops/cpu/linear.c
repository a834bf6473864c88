/* linear on the CPU: y [T, N] = x [T, K] · Wᵀ + b, W [N, K] where it is mapped.
 *
 * Generated rows read W once, in its stored type, with f32 products. Prompt rows are dense
 * products: W goes through a cache-sized panel (f32, or bf16 where the precision and the
 * processor allow it) that every row uses before the next panel is packed. Sums run over pieces of
 * K of fixed length, so the bits of a row depend on that row and W alone. */
#include "ops/cpu/slices.h"

enum {
    FEW = 32,                    /* rows of W one task of generated rows takes     */
    LEAST_ROWS = 96,             /* rows that repay the packing of a slice         */
    ROUNDED_BYTES = 32 << 20,    /* of rows rounded at a time                      */
};

void thx_bias_add(thx_tensor y, const thx_weight *b, size_t first, size_t cols)
{
    if (!b) return;
    for (size_t t = 0; t < y.rows; t++) {
        float *yt = y.data + t * y.stride + first;
        for (size_t i = 0; i < cols; i++) yt[i] += b->vector[first + i];
    }
}

static void few_rows(thx_ctx *ctx, thx_tensor y, thx_tensor x, const thx_weight *w, const thx_weight *b)
{
    const thx_kernels *k = thx_kernels_of(ctx);
    const size_t       tasks = (w->N + FEW - 1) / FEW, pitch = w->K * thx_type_bytes(w->type);

#pragma omp parallel for schedule(static) num_threads(thx_cpu_threads(ctx, w->N * w->K))
    for (size_t task = 0; task < tasks; task++) {
        const size_t first = task * FEW, n = w->N - first < FEW ? w->N - first : FEW;

        k->dot(y.data + first, y.stride, x.data, x.stride, x.rows, thx_weight_row(w, first), w->type, pitch,
               n, w->K);
        thx_bias_add(y, b, first, n);
    }
}

/* One dense product, as its tasks see it. */
typedef struct dense {
    const thx_gemm   *gemm;
    const thx_weight *w, *b;
    thx_left          a; /* [T, K] of the gemm's type; rows r .. of a strip lie at r / mr strips */
    size_t            strip; /* elements from one strip of mr rows to the next */
    thx_tensor        y;
    bool              keep; /* multiply what bf16 leaves over of f16 values too */
} dense;

/* Element (t, k) of A, k a multiple of 32 where it lies in strips, t of mr. */
static thx_left left_at(const dense *d, size_t t, size_t k)
{
    thx_left     a = d->a;
    const size_t to = d->gemm->strips ? t / d->gemm->mr * d->strip + k / 32 * a.step : t * a.row + k;

    a.at = (const unsigned char *)a.at + to * thx_type_bytes(d->gemm->type);
    return a;
}

/* Rows first_row .. of one packed slice: c (+)= a · panels, and behind the last piece the bias. */
static void slice_rows(const dense *d, const void *panels, size_t panel_bytes, size_t first_row, size_t rows,
                       size_t first_col, size_t cols, size_t k, size_t piece, bool add, bool last)
{
    const thx_gemm      *g = d->gemm;
    const unsigned char *panel = panels;

    for (size_t r = 0; r < rows; r += g->mr) {
        const size_t   m = rows - r < g->mr ? rows - r : g->mr, t = first_row + r;
        const thx_left a = left_at(d, t, k);
        float         *c = d->y.data + t * d->y.stride + first_col;

        for (size_t i = 0; i < cols; i += g->nr)
            g->block(c + i, d->y.stride, a, panel + i / g->nr * panel_bytes, m, cols - i < g->nr ? cols - i : g->nr, piece,
                     add, NULL);
        if (last) thx_bias_add(thx_tensor_rows(d->y, t, m), d->b, first_col, cols); /* while they are in the cache */
    }
}

/* Packs the panels of one slice; false when they do not hold all of the values. */
static bool slice_pack(const dense *d, unsigned char *panels, size_t first_col, size_t cols, size_t k, size_t piece,
                       bool low)
{
    const thx_gemm *g = d->gemm;
    const size_t    panel_bytes = g->nr * g->piece_bytes, size = thx_type_bytes(d->w->type), K = d->w->K;

    bool whole = true;

    for (size_t i = 0; i < cols; i += g->nr) {
        const size_t n = cols - i < g->nr ? cols - i : g->nr;
        void        *panel = panels + i / g->nr * panel_bytes;

        if (thx_type_grouped(d->w->type))
            g->pack_groups(panel, thx_weight_block(d->w, (first_col + i) / THX_Q_ROWS), d->w->type, K, n,
                           k / THX_Q_GROUP, piece);
        else if (!g->pack_rows(panel, thx_weight_row(d->w, first_col + i) + k * size, d->w->type, K * size, n, piece, low))
            whole = false;
    }
    return whole;
}

/* Columns first_col .. of y for rows first_row ..; `room` is the thread's own. */
static void slice_run(const void *dense_product, unsigned char *room, size_t first_row, size_t rows,
                      size_t first_col, size_t cols)
{
    const dense    *d = dense_product;
    const thx_gemm *g = d->gemm;
    const size_t    step = g->piece_bytes / thx_type_bytes(g->type), K = d->w->K;

    if (g->enter) g->enter();
    for (size_t k = 0; k < K; k += step) {
        const size_t piece = K - k < step ? K - k : step;
        bool         more = d->keep;

        for (int low = 0; low <= (more ? 1 : 0); low++) {
            if (slice_pack(d, room, first_col, cols, k, piece, low)) more = false;
            slice_rows(d, room, g->nr * g->piece_bytes, first_row, rows, first_col, cols, k, piece, k || low,
                       k + piece == K && (low || !more));
        }
    }
    if (g->leave) g->leave();
}

static size_t panels_bytes(const thx_gemm *g) { return (THX_SLICE + g->nr - 1) / g->nr * g->nr * g->piece_bytes; }

/* Threads work on slices far from each other: with neighbours, what one core fetches ahead is what the other one
 * writes (two threads, bf16: 78 % of the peak, 89 % apart). */
void thx_slices_run(thx_ctx *ctx, thx_slice_fn *run, const void *product, size_t T, size_t N, size_t mr,
                    unsigned char *rooms, size_t room_bytes)
{
    const size_t slices = (N + THX_SLICE - 1) / THX_SLICE;
    const size_t wanted = (4 * (size_t)ctx->threads + slices - 1) / slices, most = T / LEAST_ROWS;
    const size_t cuts = ctx->threads == 1 || most < 1 ? 1 : wanted < most ? wanted : most;
    const size_t rows = ((T + cuts - 1) / cuts + mr - 1) / mr * mr, used = (T + rows - 1) / rows;

    const size_t n = (size_t)ctx->threads, apart = (slices + n - 1) / n;

#pragma omp parallel for schedule(dynamic) num_threads(ctx->threads)
    for (size_t task = 0; task < apart * n * used; task++) {
        const size_t i = task / used, slice = i % n * apart + i / n, row = task % used * rows, col = slice * THX_SLICE;

        if (slice >= slices) continue;

        run(product, rooms + (size_t)omp_get_thread_num() * room_bytes, row, T - row < rows ? T - row : rows, col,
            N - col < THX_SLICE ? N - col : THX_SLICE);
    }
}

static void dense_run(thx_ctx *ctx, const dense *d, unsigned char *rooms)
{
    thx_slices_run(ctx, slice_run, d, d->y.rows, d->w->N, d->gemm->mr, rooms, panels_bytes(d->gemm));
}

static thorax_status dense_f32(thx_ctx *ctx, dense *d, thx_tensor x, thorax_error *err)
{
    unsigned char *room = thx_cpu_scratch(ctx, (size_t)ctx->threads * panels_bytes(d->gemm));

    if (!room) return thx_fail(err, THORAX_NOMEM, 0, "linear: scratch of %d threads", ctx->threads);
    d->a = (thx_left){ x.data, x.stride, 32 };
    dense_run(ctx, d, room);
    return THORAX_OK;
}

/* Elements between rounded rows of K: whole lines of the cache and, where rows lie apart, not a multiple of 4 KiB, which
 * would let them share few lines of it. */
static size_t rounded_stride(const thx_gemm *g, size_t K)
{
    const size_t lda = (K + 31) / 32 * 32;
    return lda % 2048 || g->strips ? lda : lda + 32;
}

/* Rows of x in bf16 where A has them; what lies behind K becomes zero. */
static void round_rows(thx_ctx *ctx, const dense *d, uint16_t *to, thx_tensor x)
{
    const thx_kernels *k = thx_kernels_of(ctx);
    const thx_gemm    *g = d->gemm;
    const size_t       K = x.cols, run = g->strips ? 32 : K;

#pragma omp parallel for schedule(static) num_threads(thx_cpu_threads(ctx, x.rows * K))
    for (size_t t = 0; t < x.rows; t++) {
        uint16_t *row = to + t / g->mr * d->strip + t % g->mr * d->a.row;

        for (size_t i = 0; i < K; i += run, row += d->a.step) {
            const size_t n = K - i < run ? K - i : run;

            k->narrow(row, x.data + t * x.stride + i, THX_BF16, n);
            if (i + run >= K) memset(row + n, 0, ((n + 31) / 32 * 32 - n) * sizeof *row);
        }
    }
}

/* As many rows at a time as the scratch holds. */
static thorax_status dense_bf16(thx_ctx *ctx, dense *d, thx_tensor x, thorax_error *err)
{
    const thx_gemm *g = d->gemm;
    const size_t    K = d->w->K, lda = rounded_stride(g, K), panels = (size_t)ctx->threads * panels_bytes(g);
    const size_t    fit = ROUNDED_BYTES / (2 * lda) / g->mr, all = (x.rows + g->mr - 1) / g->mr;
    const size_t    strips = all < fit ? all : fit ? fit : 1, chunk = strips * g->mr;
    unsigned char  *room = thx_cpu_scratch(ctx, panels + chunk * lda * 2);

    if (!room) return thx_fail(err, THORAX_NOMEM, 0, "linear: scratch for %zu rows of %zu", chunk, K);
    uint16_t  *rounded = (uint16_t *)(void *)(room + panels);
    thx_tensor y = d->y;
    d->a = g->strips ? (thx_left){ rounded, 32, 32 * g->mr } : (thx_left){ rounded, lda, 32 };
    d->strip = g->mr * lda;
    for (size_t first = 0; first < x.rows; first += chunk) {
        d->y = thx_tensor_rows(y, first, x.rows - first < chunk ? x.rows - first : chunk);
        round_rows(ctx, d, rounded, thx_tensor_rows(x, first, d->y.rows));
        dense_run(ctx, d, room);
    }
    return THORAX_OK;
}

thorax_status thx_linear_cpu(thx_ctx *ctx, thx_tensor y, thx_tensor x, const thx_weight *w,
                             const thx_weight *b, thx_role role, thorax_error *err)
{
    const thx_kernels *k = thx_kernels_of(ctx);
    dense              d = { .w = w, .b = b, .y = y };

    d.y.rows = x.rows;
    if (!x.rows) return THORAX_OK;
    const bool grouped = thx_type_grouped(w->type);
    if (role == THX_GENERATED && !grouped) {
        few_rows(ctx, d.y, x, w, b);
        return THORAX_OK;
    }
    if (grouped && ctx->precision != THX_EXACT &&
        (role == THX_GENERATED || (ctx->precision == THX_FAST_INT8 && k->quant->dense)))
        return thx_linear_grouped(ctx, d.y, x, w, b, role, err);
    /* f32 weights stay f32 unless LOSSY: two bf16 parts would lose bits, three would be no faster */
    const bool wide = w->type == THX_F32 && ctx->precision != THX_FAST_LOSSY;
    if (ctx->precision == THX_EXACT || wide || !k->bf16) {
        d.gemm = k->f32;
        return dense_f32(ctx, &d, x, err);
    }
    d.gemm = k->bf16;
    d.keep = w->type == THX_F16 && ctx->precision != THX_FAST_LOSSY;
    return dense_bf16(ctx, &d, x, err);
}
