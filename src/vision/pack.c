/* Packing; see pack.h. */
#include "vision/pack.h"

size_t thx_pack_rows(const thx_pack *p)
{
    return p->side * p->side + p->final_h * (p->final_w + 1);
}

/* Copies grid row y (after the crop) into out [kept_w, D]: one run of patches from each tile it crosses. */
static void copy_grid_row(thx_ctx *ctx, const thx_pack *p, thx_tensor out, thx_tensor tiles,
                          size_t y)
{
    const size_t Y = p->crop_y + y, side = p->side;

    for (size_t x = 0; x < p->kept_w;) {
        const size_t X = p->crop_x + x, tile = 1 + Y / side * p->grid_w + X / side;
        const size_t left = side - X % side, run = left < p->kept_w - x ? left : p->kept_w - x;
        const size_t from = tile * side * side + Y % side * side + X % side;
        ctx->ops->copy_rows(ctx, thx_tensor_rows(out, x, run), thx_tensor_rows(tiles, from, run));
        x += run;
    }
}

thorax_status thx_pack_forward(thx_ctx *ctx, const thx_pack *p, thx_tensor out, thx_tensor tiles,
                               const thx_weight *newline, thorax_error *err)
{
    const thx_arena_mark mark = thx_arena_get_mark(ctx->arena);
    const size_t         base = p->side * p->side, w = p->final_w;
    const bool           scale = p->final_h != p->kept_h || p->final_w != p->kept_w;
    thx_tensor           scaled = { 0 };

    ctx->ops->copy_rows(ctx, thx_tensor_rows(out, 0, base), thx_tensor_rows(tiles, 0, base));
    if (scale) {
        const thx_tensor grid = thx_tensor_alloc(ctx, p->kept_h * p->kept_w, out.cols);
        scaled = thx_tensor_alloc(ctx, p->final_h * w, out.cols);
        if (!grid.data || !scaled.data) {
            thx_arena_release(ctx->arena, mark);
            return thx_fail(err, THORAX_NOMEM, 0, "no memory to scale the feature grid");
        }
        for (size_t y = 0; y < p->kept_h; y++)
            copy_grid_row(ctx, p, thx_tensor_rows(grid, y * p->kept_w, p->kept_w), tiles, y);
        ctx->ops->bilinear(ctx, scaled, p->final_h, w, grid, p->kept_h, p->kept_w);
    }
    for (size_t y = 0; y < p->final_h; y++) {
        const thx_tensor row = thx_tensor_rows(out, base + y * (w + 1), w);
        if (scale)
            ctx->ops->copy_rows(ctx, row, thx_tensor_rows(scaled, y * w, w));
        else
            copy_grid_row(ctx, p, row, tiles, y);
        ctx->ops->fill_rows(ctx, thx_tensor_rows(out, base + y * (w + 1) + w, 1), newline);
    }
    thx_arena_release(ctx->arena, mark);
    return THORAX_OK;
}
