/* linear of grouped weights (quant.h) on whole numbers: y [T, N] = x [T, K] · Wᵀ + b.
 *
 * The rows of x are rounded group by group, to 16 bits (generated) or 8 (prompt, FAST_INT8), as many at a
 * time as the scratch holds. Generated rows: each block of W is read once for all of them. Prompt rows:
 * slices of columns as in linear.c, but W is used as it lies, without packing. */
#include "ops/cpu/slices.h"

enum {
    STRIP = 128,                      /* columns that all rows go through before the next  */
    PIECE_GROUPS = 56,                /* of their groups at a time: 240 KiB of Q8           */
    CHUNK_ROWS = 480,                 /* so that the strips of a slice find them in a cache */
    ROUNDED_BYTES = 32 << 20,         /* of rounded rows at a time                          */
    ROWS_STEP = 96,                   /* they are a multiple of this                        */
    LINE = 64,
};

/* ---- Rounded rows --------------------------------------------------------------------- */

/* Bytes between rows of codes: not a multiple of 4 KiB, which would let rows share few lines of the cache. */
static size_t codes_pitch(size_t G, bool fine)
{
    const size_t bytes = G * THX_Q_GROUP * (fine ? 2 : 1), pitch = (bytes + LINE - 1) / LINE * LINE;
    return pitch % 4096 ? pitch : pitch + LINE;
}

static size_t row_bytes(size_t G, bool fine) { return codes_pitch(G, fine) + G * (sizeof(float) + sizeof(int32_t)); }

static thx_rounded rounded_at(void *room, size_t rows, size_t G, bool fine)
{
    thx_rounded r = { .codes = room, .pitch = codes_pitch(G, fine) };

    r.scales = (float *)(void *)(r.codes + rows * r.pitch);
    r.sums = (int32_t *)(void *)(r.scales + rows * G);
    return r;
}

static void round_rows(thx_ctx *ctx, thx_rounded *to, thx_tensor x, size_t rows, bool fine)
{
    const thx_quant *q = thx_kernels_of(ctx)->quant;

#pragma omp parallel for schedule(static) num_threads(rows > 1 ? thx_cpu_threads(ctx, rows * x.cols) : 1)
    for (size_t t = 0; t < rows; t++) q->round(to, t, x.data + t * x.stride, x.cols, fine);
}

/* ---- Generated rows -------------------------------------------------------------------- */
static void generated(thx_ctx *ctx, thx_tensor y, const thx_rounded *x, const thx_weight *w, const thx_weight *b)
{
    const thx_quant *q = thx_kernels_of(ctx)->quant;
    const size_t     blocks = thx_q_blocks(w->N);

#pragma omp parallel for schedule(static) num_threads(thx_cpu_threads(ctx, w->N * w->K))
    for (size_t i = 0; i < blocks; i++) {
        const size_t first = i * THX_Q_ROWS, n = w->N - first < THX_Q_ROWS ? w->N - first : THX_Q_ROWS;

        q->few(y.data + first, y.stride, x, y.rows, thx_weight_block(w, i), w->type, w->K, n);
        thx_bias_add(y, b, first, n);
    }
}

/* ---- Prompt rows ------------------------------------------------------------------------ */
typedef struct product {
    const thx_quant   *quant;
    const thx_weight  *w, *b;
    const thx_rounded *x;
    thx_tensor         y;
} product;

/* A strip of columns: a piece of its groups stays in the cache while all rows use it. Pieces are equally long. */
static void strip_run(const product *p, size_t first_row, size_t rows, size_t first_col, size_t cols)
{
    const size_t G = thx_q_groups(p->w->K), pieces = (G + PIECE_GROUPS - 1) / PIECE_GROUPS;
    const size_t step = (G + pieces - 1) / pieces;

    for (size_t g = 0; g < G; g += step)
        p->quant->dense(p->y.data + first_row * p->y.stride + first_col, p->y.stride, p->x, first_row, rows,
                        thx_weight_block(p->w, first_col / THX_Q_ROWS), p->w->type, p->w->K, g,
                        G - g < step ? G - g : step, cols);
}

static void slice_run(const void *data, unsigned char *room, size_t first_row, size_t rows, size_t first_col, size_t cols)
{
    const product *p = data;

    (void)room;
    for (size_t r = 0; r < rows; r += CHUNK_ROWS)
        for (size_t i = 0; i < cols; i += STRIP)
            strip_run(p, first_row + r, rows - r < CHUNK_ROWS ? rows - r : CHUNK_ROWS, first_col + i,
                      cols - i < STRIP ? cols - i : STRIP);
    thx_bias_add(thx_tensor_rows(p->y, first_row, rows), p->b, first_col, cols);
}

/* `rows` rows from `first` on. */
static thx_tensor some_rows(thx_tensor t, size_t first, size_t rows)
{
    thx_tensor part = thx_tensor_rows(t, first, rows);

    part.rows = rows;
    return part;
}

thorax_status thx_linear_grouped(thx_ctx *ctx, thx_tensor y, thx_tensor x, const thx_weight *w, const thx_weight *b,
                                 thx_role role, thorax_error *err)
{
    const bool   fine = role == THX_GENERATED;
    const size_t G = thx_q_groups(w->K), T = x.rows, fit = ROUNDED_BYTES / row_bytes(G, fine) / ROWS_STEP * ROWS_STEP;
    const size_t most = fit ? fit : ROWS_STEP, chunk = T < most ? T : most;
    void        *room = thx_cpu_scratch(ctx, chunk * row_bytes(G, fine));

    if (!room) return thx_fail(err, THORAX_NOMEM, 0, "linear: scratch for %zu rows of %zu", chunk, w->K);
    thx_rounded rounded = rounded_at(room, chunk, G, fine);
    for (size_t first = 0; first < T; first += chunk) {
        const size_t  rows = T - first < chunk ? T - first : chunk;
        const product p = { .quant = thx_kernels_of(ctx)->quant, .w = w, .b = b, .x = &rounded,
                            .y = some_rows(y, first, rows) };

        round_rows(ctx, &rounded, some_rows(x, first, rows), rows, fine);
        if (fine) generated(ctx, p.y, &rounded, w, b);
        else thx_slices_run(ctx, slice_run, &p, rows, w->N, 6, room, 0);
    }
    return THORAX_OK;
}
