/* The tiles of one picture: bytes kept [tiles, Y, X, C], floats made tile by tile.
 *
 * Tile 0 is the whole picture squashed to one tile; then come the tiles of the resized and padded
 * picture, row by row. A recipe that crops has one tile. A grey picture keeps one channel; the three of a float tile
 * then differ by mean and deviation only. */
#include "prep/prep.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

struct thx_tiles {
    thx_geometry   geometry;
    uint32_t       tile_px, channels;
    unsigned char *bytes;           /* [tiles, tile_px, tile_px, channels]     */
    float          value[3][256];   /* what a byte becomes, channel by channel */
};

/* In the types of the references: a product in double and rounded to float, or a quotient in float; the rest in
 * float. */
static void fill_values(thx_tiles *t, const thx_recipe *r)
{
    for (int c = 0; c < 3; c++)
        for (int v = 0; v < 256; v++) {
            const float share = r->kind == THX_RECIPE_CROP ? (float)v / 255.0f : (float)(v * r->rescale);
            t->value[c][v] = (share - (float)r->mean[c]) / (float)r->std[c];
        }
}

static size_t tile_bytes(const thx_tiles *t)
{
    return (size_t)t->tile_px * t->tile_px * t->channels;
}

/* Puts a picture of any size into tile i, resized to it. */
static thorax_status put_resized(thx_tiles *t, uint32_t i, const thx_picture *p, thorax_error *err)
{
    thx_picture         tile;
    const thorax_status st = thx_picture_resize(&tile, p, t->tile_px, t->tile_px, THX_BICUBIC, err);

    if (!st) memcpy(t->bytes + i * tile_bytes(t), tile.data, tile_bytes(t));
    thx_picture_deinit(&tile);
    return st;
}

/* A window of the canvas: the resized picture with black (0) around it.
 *   out [height, width, channels] */
static void cut(unsigned char *out, const thx_picture *resized, const uint32_t pad[4], int64_t top,
                int64_t left, uint32_t height, uint32_t width)
{
    const size_t  C = resized->channels;
    const int64_t x0 = left - pad[2], first = x0 < 0 ? -x0 : 0; /* first column with picture */
    const int64_t end = resized->width - x0 < width ? resized->width - x0 : width;

    memset(out, 0, (size_t)height * width * C);
    if (first >= end) return;
    for (uint32_t y = 0; y < height; y++) {
        const int64_t from = top + y - pad[0];
        if (from < 0 || from >= resized->height) continue;
        memcpy(out + ((size_t)y * width + (size_t)first) * C,
               resized->data + ((size_t)from * resized->width + (size_t)(x0 + first)) * C,
               (size_t)(end - first) * C);
    }
}

/* Tile (row, column) of the grid. On a canvas that is a pixel short the last tiles are too, and are
 * stretched to the full size. */
static thorax_status put_tile(thx_tiles *t, uint32_t row, uint32_t column,
                              const thx_picture *resized, thorax_error *err)
{
    const thx_geometry *g = &t->geometry;
    const uint32_t px = t->tile_px, top = row * px, left = column * px;
    const uint32_t i = 1 + row * g->grid[1] + column;
    const uint32_t down = g->pad[0] + g->resized[0] + g->pad[1] - top;
    const uint32_t across = g->pad[2] + g->resized[1] + g->pad[3] - left;
    thx_picture short_tile = { .width = across < px ? across : px, .height = down < px ? down : px,
                               .channels = t->channels };

    if (short_tile.width == px && short_tile.height == px) {
        cut(t->bytes + i * tile_bytes(t), resized, g->pad, top, left, px, px);
        return THORAX_OK;
    }
    short_tile.data = malloc(tile_bytes(t));
    if (!short_tile.data) return thx_fail(err, THORAX_NOMEM, 0, "no memory for a tile");
    cut(short_tile.data, resized, g->pad, top, left, short_tile.height, short_tile.width);
    const thorax_status st = put_resized(t, i, &short_tile, err);
    free(short_tile.data);
    return st;
}

static thorax_status put_grid(thx_tiles *t, const thx_picture *picture, thorax_error *err)
{
    const thx_geometry *g = &t->geometry;
    thx_picture         resized;
    thorax_status st =
        thx_picture_resize(&resized, picture, g->resized[1], g->resized[0], THX_BICUBIC, err);

    for (uint32_t row = 0; !st && row < g->grid[0]; row++)
        for (uint32_t column = 0; !st && column < g->grid[1]; column++)
            st = put_tile(t, row, column, &resized, err);
    thx_picture_deinit(&resized);
    return st;
}

/* The one tile of a recipe that crops: the middle of the resized picture. */
static thorax_status put_middle(thx_tiles *t, const thx_picture *picture, thorax_error *err)
{
    const thx_geometry *g = &t->geometry;
    thx_picture         resized;
    const thorax_status st =
        thx_picture_resize(&resized, picture, g->resized[1], g->resized[0], THX_BICUBIC, err);

    if (!st) cut(t->bytes, &resized, g->pad, g->cut[0], g->cut[1], t->tile_px, t->tile_px);
    thx_picture_deinit(&resized);
    return st;
}

static thorax_status put_all(thx_tiles *t, const thx_picture *picture, const thx_recipe *recipe, thorax_error *err)
{
    if (recipe->kind == THX_RECIPE_CROP) return put_middle(t, picture, err);
    const thorax_status st = put_resized(t, 0, picture, err);
    return st ? st : put_grid(t, picture, err);
}

thorax_status thx_tiles_open(thx_tiles **out, const thx_picture *picture, const thx_recipe *recipe,
                             thorax_error *err)
{
    thx_geometry  g;
    size_t        bytes;
    thorax_status st = thx_geometry_plan(&g, recipe, picture->width, picture->height, err);

    *out = NULL;
    if (st) return st;
    if (picture->channels != 1 && picture->channels != 3)
        return thx_fail(err, THORAX_USAGE, 0, "a picture of %u channels: expected 1 or 3",
                        picture->channels);
    thx_tiles *t = calloc(1, sizeof *t);
    if (!t) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    *t = (thx_tiles){ .geometry = g, .tile_px = recipe->tile_px, .channels = picture->channels };
    fill_values(t, recipe);
    if (thx_mul_size(&bytes, g.tiles, tile_bytes(t))) t->bytes = malloc(bytes);
    st = t->bytes ? put_all(t, picture, recipe, err)
                  : thx_fail(err, THORAX_NOMEM, 0, "no memory for %u tiles", g.tiles);
    if (st) {
        thx_tiles_close(t);
        return st;
    }
    *out = t;
    return THORAX_OK;
}

const thx_geometry *thx_tiles_geometry(const thx_tiles *t) { return &t->geometry; }

void thx_tiles_get(const thx_tiles *t, uint32_t i, float *out)
{
    const size_t         pixels = (size_t)t->tile_px * t->tile_px, C = t->channels;
    const unsigned char *tile = t->bytes + i * tile_bytes(t);

    for (size_t c = 0; c < 3; c++) {
        const unsigned char *in = tile + (C == 1 ? 0 : c);
        const float         *value = t->value[c];
        for (size_t p = 0; p < pixels; p++) out[c * pixels + p] = value[in[p * C]];
    }
}

void thx_tiles_close(thx_tiles *t)
{
    if (!t) return;
    free(t->bytes);
    free(t);
}
