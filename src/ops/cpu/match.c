/* Products of activations head by head: the right side is packed once a head and used by a piece of rows.
 * Every sum runs over the E columns of a head in order, so a value's bits depend on its two rows alone. */
#include "ops/cpu/cpu_ops.h"

#include <omp.h>

enum { ROWS = 192 /* of one task: they repay the packing */ };

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* Rows first .. first+n-1 of head h against all of w; `panel` holds one panel [E][nr]. */
static void match_rows(const thx_gemm *g, float *panel, thx_tensor y, thx_tensor x, thx_tensor w, size_t h, size_t E,
                       size_t first, size_t n)
{
    for (size_t r = 0; r < w.rows; r += g->nr) {
        const size_t cols = least(g->nr, w.rows - r);

        g->pack_rows(panel, w.data + r * w.stride + h * E, THX_F32, w.stride * sizeof(float), cols, E, false);
        for (size_t t = first; t < first + n; t += g->mr) {
            const thx_left a = { x.data + t * x.stride + h * E, x.stride, 32 };
            g->block(y.data + (h * x.rows + t) * y.stride + r, y.stride, a, panel, least(g->mr, first + n - t), cols, E,
                     false, NULL);
        }
    }
}

thorax_status thx_match_cpu(thx_ctx *ctx, thx_tensor y, thx_tensor x, thx_tensor w, size_t H, size_t E,
                            thorax_error *err)
{
    const thx_gemm *g = thx_kernels_of(ctx)->f32;
    const size_t    panel = (g->nr * E + 15) / 16 * 16, pieces = (x.rows + ROWS - 1) / ROWS;
    float          *rooms = thx_cpu_scratch(ctx, (size_t)ctx->threads * panel * sizeof *rooms);

    if (!rooms) return thx_fail(err, THORAX_NOMEM, 0, "products of heads: scratch of %d threads", ctx->threads);
#pragma omp parallel for schedule(dynamic) num_threads(ctx->threads)
    for (size_t task = 0; task < H * pieces; task++) {
        const size_t first = task % pieces * ROWS;

        match_rows(g, rooms + (size_t)omp_get_thread_num() * panel, y, x, w, task / pieces, E, first,
                   least(ROWS, x.rows - first));
    }
    return THORAX_OK;
}
