/* From tiles to image rows: tower and projector a few tiles at a time, then packing. See model.h. */
#include "model/model.h"

/* Rows of features worth one pass: enough for full speed, few enough to keep activations small. */
enum { PASS_ROWS = 1458 };

static size_t tiles_at_once(const thx_model *m)
{
    const size_t P = thx_vit_rows(&m->vit.config);
    return P >= PASS_ROWS ? 1 : PASS_ROWS / P;
}

static size_t tile_floats(const thx_vit_config *c) { return c->channels * c->tile_px * c->tile_px; }

size_t thx_model_encode_scratch_bytes(const thx_model *m, const thx_geometry *g)
{
    const thx_vit_config *c = &m->vit.config;
    const size_t          P = thx_vit_patches(c), D = m->projector.D;
    const size_t          n = tiles_at_once(m) < g->tiles ? tiles_at_once(m) : g->tiles;
    const size_t          pass =
        n * (tile_floats(c) + thx_vit_rows(c) * (c->D + D)) * sizeof(float) + thx_vit_scratch_bytes(c, n);
    const bool   scaled = g->final[0] != g->unpadded[0] || g->final[1] != g->unpadded[1];
    const size_t pack =
        scaled ? ((size_t)g->unpadded[0] * g->unpadded[1] + (size_t)g->final[0] * g->final[1]) * D *
                     sizeof(float)
               : 0;

    return (size_t)g->tiles * P * D * sizeof(float) + (pass > pack ? pass : pack);
}

size_t thx_model_encode_steps(const thx_model *m, const thx_geometry *g)
{
    return (g->tiles + tiles_at_once(m) - 1) / tiles_at_once(m) * m->vit.config.layers;
}

/* The patches of one tile, a class token left out, into out [P, D]. */
static thorax_status project_tile(thx_model *m, thx_tensor out, thx_tensor features, size_t tile, const thx_stage_sink *sink,
                                  thorax_error *err)
{
    const thx_vit_config *c = &m->vit.config;
    const size_t          P = thx_vit_patches(c), R = thx_vit_rows(c);
    thx_tensor            x = thx_tensor_rows(features, tile * R + (R - P), P), y = thx_tensor_rows(out, tile * P, P);
    thorax_status         st = sink && sink->tower ? sink->tower(sink->data, x, err) : THORAX_OK;

    if (!st) st = thx_projector_forward(m->ctx, &m->projector, y, x, err);
    if (!st && sink && sink->projector) st = sink->projector(sink->data, y, err);
    return st;
}

/* Tiles first .. first+n-1 through tower and projector into out [n*P, D]. */
static thorax_status encode_pass(thx_model *m, thx_tensor out, const thx_tiles *tiles, size_t first,
                                 size_t n, const thx_stage_sink *sink, thorax_error *err)
{
    thx_ctx             *ctx = m->ctx;
    const thx_arena_mark mark = thx_arena_get_mark(ctx->arena);
    const size_t         area = tile_floats(&m->vit.config);
    float               *pixels = thx_arena_alloc(ctx->arena, n * area, sizeof *pixels);
    const thx_tensor     features = thx_tensor_alloc(ctx, n * thx_vit_rows(&m->vit.config), m->vit.config.D);
    thorax_status        st = THORAX_OK;

    if (!pixels || !features.data)
        st = thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu tiles", n);
    for (size_t i = 0; i < n && !st; i++)
        thx_tiles_get(tiles, (uint32_t)(first + i), pixels + i * area);
    if (!st) st = thx_vit_forward(ctx, &m->vit, features, pixels, n, err);
    for (size_t i = 0; i < n && !st; i++) st = project_tile(m, out, features, i, sink, err);
    thx_arena_release(ctx->arena, mark);
    return st;
}

thorax_status thx_model_encode(thx_model *m, thx_tensor rows, const thx_tiles *tiles,
                               const thx_stage_sink *sink, thorax_error *err)
{
    const thx_geometry  *g = thx_tiles_geometry(tiles);
    const thx_pack       pack = { .side = m->vit.config.tile_px / m->vit.config.patch_px,
                                  .grid_h = g->grid[0],
                                  .grid_w = g->grid[1],
                                  .crop_y = g->crop[0],
                                  .crop_x = g->crop[1],
                                  .kept_h = g->unpadded[0],
                                  .kept_w = g->unpadded[1],
                                  .final_h = g->final[0],
                                  .final_w = g->final[1] };
    const thx_arena_mark mark = thx_arena_get_mark(m->ctx->arena);
    const size_t         P = thx_vit_patches(&m->vit.config), at_once = tiles_at_once(m);
    const bool           packed = m->recipe.kind == THX_RECIPE_ANYRES; /* a crop's rows are those of its one tile */
    const thx_tensor     all = packed ? thx_tensor_alloc(m->ctx, (size_t)g->tiles * P, m->projector.D) : rows;
    thorax_status        st = THORAX_OK;

    if (!all.data)
        st = thx_fail(err, THORAX_NOMEM, 0, "no memory for the features of %u tiles", g->tiles);
    for (size_t i = 0; i < g->tiles && !st; i += at_once) {
        const size_t n = at_once < g->tiles - i ? at_once : g->tiles - i;
        st = encode_pass(m, thx_tensor_rows(all, i * P, n * P), tiles, i, n, sink, err);
    }
    if (!st && packed) st = thx_pack_forward(m->ctx, &pack, rows, all, m->newline, err);
    thx_arena_release(m->ctx->arena, mark);
    return st;
}
