/* Dense products through oneDNN, which takes W [N, K] in bf16 as it is mapped. F16 weights, and bf16 ones
 * at an odd address, go through a panel of a few columns a thread; f16 values that bf16 cannot hold are
 * multiplied in two parts. Each block of rows and columns is one call by one thread. */
#include "ops/cpu/rounded.h"

#include <math.h>
#include <omp.h>

enum {
    COLS = 256,             /* of a block at most                       */
    PANEL_BYTES = 2 << 20,  /* of converted weights a thread, at most   */
};

void thx_bf16_round(thx_ctx *ctx, uint16_t *to, size_t lda, thx_tensor x, size_t rows)
{
    const thx_kernels *k = thx_kernels_of(ctx);

#pragma omp parallel for schedule(static) num_threads(thx_cpu_threads(ctx, rows * lda))
    for (size_t t = 0; t < rows; t++) {
        const size_t n = t < x.rows ? x.cols : 0;

        if (n) k->narrow(to + t * lda, x.data + t * x.stride, THX_BF16, n);
        memset(to + t * lda + n, 0, (lda - n) * sizeof *to);
    }
}

/* n stored values as bf16, or with `low` what bf16 leaves over of them. False where that is nothing. */
static bool to_bf16(const thx_kernels *k, uint16_t *to, const unsigned char *from, thx_type type, size_t n,
                    bool low)
{
    enum { PIECE = 512 };
    float wide[PIECE], high[PIECE];
    bool  some = false;

    if (type == THX_BF16) {
        memcpy(to, from, n * sizeof *to);
        return true;
    }
    for (size_t i = 0; i < n; i += PIECE) {
        const size_t m = n - i < PIECE ? n - i : PIECE;

        k->widen(wide, from + 2 * i, type, m);
        k->narrow(to + i, wide, THX_BF16, m);
        if (!low) continue;
        k->widen(high, to + i, THX_BF16, m);
        for (size_t j = 0; j < m; j++) {
            const float rest = wide[j] - high[j];
            wide[j] = isfinite(rest) ? rest : 0.0f; /* infinity leaves nothing */
            some = some || wide[j] != 0.0f;
        }
        k->narrow(to + i, wide, THX_BF16, m);
    }
    return some || !low;
}

typedef struct blocks {
    thx_ctx              *ctx;
    const thx_dnnl_shape *whole, *rest; /* of `cols` columns, and of the last ones */
    const thx_weight     *w, *b;
    const uint16_t       *a;
    size_t                lda, cols;
    thx_tensor            y;
    bool                  direct, keep;
} blocks;

/* A multiple of a cache line, so that every thread's room is aligned. */
static size_t room_bytes(const blocks *s)
{
    const size_t bytes =
        thx_dnnl_heights[0] * s->cols * sizeof(float) + (s->direct ? 0 : s->cols * s->w->K * 2);

    return (bytes + 63) & ~(size_t)63;
}

/* y rows first .. (+)= c + b */
static void block_out(const blocks *s, const float *c, size_t first, size_t rows, size_t col, size_t cols,
                      bool add)
{
    for (size_t t = 0; t < rows; t++) {
        float       *yt = s->y.data + (first + t) * s->y.stride + col;
        const float *ct = c + t * cols;

        for (size_t i = 0; i < cols; i++)
            yt[i] = add ? yt[i] + ct[i] : s->b ? ct[i] + s->b->vector[col + i] : ct[i];
    }
}

/* All rows against columns col .. of W, given as bf16. */
static bool columns_run(const blocks *s, const uint16_t *w, float *c, size_t col, size_t cols, bool add)
{
    thx_dnnl             *dnnl = thx_cpu_of(s->ctx)->dnnl;
    const thx_dnnl_shape *shape = cols == s->cols ? s->whole : s->rest;
    const size_t          T = s->y.rows;

    for (size_t t = 0; t < T;) {
        int which = 0;
        while (which + 1 < THX_DNNL_HEIGHTS && T - t < thx_dnnl_heights[which]) which++;
        const size_t rows = T - t < thx_dnnl_heights[which] ? T - t : thx_dnnl_heights[which];

        if (!thx_dnnl_run(dnnl, shape, which, omp_get_thread_num(), c, s->a + t * s->lda, w)) return false;
        block_out(s, c, t, rows, col, cols, add);
        t += rows;
    }
    return true;
}

static bool columns_at(const blocks *s, unsigned char *room, size_t col)
{
    const size_t       cols = s->w->N - col < s->cols ? s->w->N - col : s->cols, K = s->w->K;
    const thx_kernels *k = thx_kernels_of(s->ctx);
    float             *c = (float *)(void *)room;
    uint16_t          *panel = (uint16_t *)(void *)(room + thx_dnnl_heights[0] * s->cols * sizeof *c);

    if (s->direct)
        return columns_run(s, (const uint16_t *)(const void *)thx_weight_row(s->w, col), c, col, cols, false);
    for (int low = 0; low <= (s->keep ? 1 : 0); low++) {
        bool some = false;

        for (size_t i = 0; i < cols; i++)
            some = to_bf16(k, panel + i * K, thx_weight_row(s->w, col + i), s->w->type, K, low) || some;
        if (some && !columns_run(s, panel, c, col, cols, low)) return false;
    }
    return true;
}

static bool blocks_run(const blocks *s, unsigned char *rooms)
{
    const size_t tasks = (s->w->N + s->cols - 1) / s->cols, bytes = room_bytes(s);
    bool         fine = true;

#pragma omp parallel for schedule(dynamic) num_threads(s->ctx->threads) reduction(&& : fine)
    for (size_t task = 0; task < tasks; task++)
        fine = columns_at(s, rooms + (size_t)omp_get_thread_num() * bytes, task * s->cols) && fine;
    return fine;
}

thorax_status thx_linear_dnnl(thx_ctx *ctx, thx_tensor y, thx_tensor x, const thx_weight *w,
                              const thx_weight *b, bool *done, thorax_error *err)
{
    thx_dnnl    *dnnl = thx_cpu_of(ctx)->dnnl;
    const size_t N = w->N, K = w->K, least = thx_dnnl_heights[THX_DNNL_HEIGHTS - 1];
    blocks       s = { .ctx = ctx, .w = w, .b = b, .lda = thx_bf16_stride(K), .cols = COLS };

    *done = false;
    s.direct = w->type == THX_BF16 && (uintptr_t)w->data % sizeof(uint16_t) == 0;
    s.keep = w->type == THX_F16 && ctx->precision != THX_FAST_LOSSY;
    if (!s.direct && COLS * K * 2 > PANEL_BYTES) s.cols = PANEL_BYTES / (2 * K) / 32 * 32;
    if (s.cols < 32) s.cols = 32;
    if (s.cols > N) s.cols = N;
    s.whole = thx_dnnl_shape_get(dnnl, s.cols, K, s.lda);
    s.rest = N % s.cols ? thx_dnnl_shape_get(dnnl, N % s.cols, K, s.lda) : s.whole;
    if (!s.whole || !s.rest) return THORAX_OK;

    const size_t   chunk = thx_bf16_rows(s.lda, (x.rows + least - 1) / least * least, thx_dnnl_heights[0]);
    const size_t   rooms = (size_t)ctx->threads * room_bytes(&s);
    unsigned char *room = thx_cpu_scratch(ctx, rooms + chunk * s.lda * 2);
    if (!room) return thx_fail(err, THORAX_NOMEM, 0, "linear: scratch for %zu rows of %zu", chunk, K);
    uint16_t *rounded = (uint16_t *)(void *)(room + rooms);
    s.a = rounded;
    for (size_t first = 0; first < x.rows; first += chunk) {
        const size_t n = x.rows - first < chunk ? x.rows - first : chunk;
        thx_tensor   part = thx_tensor_rows(x, first, n);

        part.rows = n;
        s.y = thx_tensor_rows(y, first, n);
        thx_bf16_round(ctx, rounded, s.lda, part, (n + least - 1) / least * least);
        if (!blocks_run(&s, room))
            return thx_fail(err, THORAX_NOMEM, 0, "linear: oneDNN could not run a product");
    }
    *done = true;
    return THORAX_OK;
}
