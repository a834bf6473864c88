/* How a film of a given size is cut and what it costs: numbers only, no pixels.
 *
 * The reference computes all of this in Python, with floating-point steps whose last bit decides
 * about whole rows of features. Each formula below keeps the order of its operations; none may be
 * simplified. Methods: transformers image_processing_utils.py (select_best_resolution),
 * image_transforms.py, image_processing_llava_onevision.py, modeling_llava_onevision.py
 * (unpad_image, pack_image_features).
 *
 * Sides may vanish on the way: a film far thinner than a patch keeps no feature row at all, and the
 * reference then works with the base tile alone. So do we. */
#include "prep/prep.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SIDE_MAX = 1 << 24,      /* so that areas and their products stay exact in 53 bits */
    CROP_SIDE_MAX = 1 << 16, /* so that a hair of a film does not fill the memory      */
};

static thorax_status check_recipe(const thx_recipe *r, thorax_error *err)
{
    if (r->kind == THX_RECIPE_NONE)
        return thx_fail(err, THORAX_MODEL, 0, "this is a language model without a vision tower: it takes no films");
    bool good = r->tile_px > 1 && r->tile_px <= CROP_SIDE_MAX && r->patch_px && r->patch_px <= r->tile_px;

    if (r->kind == THX_RECIPE_ANYRES)
        good = good && r->max_patches && r->n_pinpoints && r->n_pinpoints <= THX_PINPOINTS_MAX;
    for (uint32_t i = 0; r->kind == THX_RECIPE_ANYRES && good && i < r->n_pinpoints; i++)
        for (int k = 0; k < 2; k++) {
            const uint32_t side = r->pinpoints[i][k];
            good = good && side && !(side % r->tile_px) &&
                   side / r->tile_px <= THX_TILES_A_SIDE_MAX;
        }
    return good ? THORAX_OK
                : thx_fail(err, THORAX_MODEL, 0, "the preprocessing recipe is not usable");
}

/* The pinpoint that keeps most of the picture, then wastes least; the first on a tie. */
static void choose_best(thx_geometry *g, const thx_recipe *r)
{
    const int64_t width = g->width, height = g->height;
    int64_t       best_kept = 0, best_waste = INT64_MAX;

    for (uint32_t i = 0; i < r->n_pinpoints; i++) {
        const uint32_t *p = r->pinpoints[i];
        const double    sx = (double)p[1] / (double)width, sy = (double)p[0] / (double)height;
        const double    scale = sy < sx ? sy : sx;
        const int64_t   w = (int64_t)((double)width * scale), h = (int64_t)((double)height * scale);
        const int64_t   kept = w * h < width * height ? w * h : width * height;
        const int64_t   waste = (int64_t)p[0] * p[1] - kept;
        if (kept < best_kept || (kept == best_kept && waste >= best_waste)) continue;
        best_kept = kept;
        best_waste = waste;
        memcpy(g->best, p, sizeof g->best);
    }
}

/* ceil(side * scale), at most `limit`. The product may lie a hair above an integer; that counts. */
static uint32_t ceil_side(uint32_t side, double scale, uint32_t limit)
{
    const double v = ceil(side * scale);

    return v < limit ? (uint32_t)v : limit;
}

static void fit_inside(thx_geometry *g)
{
    const double sx = (double)g->best[1] / g->width, sy = (double)g->best[0] / g->height;

    memcpy(g->resized, g->best, sizeof g->resized);
    if (sx < sy) g->resized[0] = ceil_side(g->height, sx, g->best[0]);
    else g->resized[1] = ceil_side(g->width, sy, g->best[1]);
}

/* Black around the resized picture. The odd pixel goes below or to the right; release 4.46 forgot
 * it, so that its canvas is one pixel short on that axis. */
static void pad_to_best(thx_geometry *g, thx_compat compat)
{
    for (int axis = 0; axis < 2; axis++) {
        const uint32_t missing = g->best[axis] - g->resized[axis], half = missing / 2;
        g->pad[2 * axis] = half;
        g->pad[2 * axis + 1] = compat == THX_COMPAT_446 ? half : missing - half;
    }
}

/* int(round(v, 7)) of Python, which rounds the exact decimal value of v; 4.46 has int(v). */
static uint32_t integer_of(double v, thx_compat compat)
{
    char text[64];

    if (compat == THX_COMPAT_446) return (uint32_t)v;
    snprintf(text, sizeof text, "%.7f", v);
    return (uint32_t)strtoul(text, NULL, 10);
}

/* The part of the feature grid that the picture covers. */
static void unpad(thx_geometry *g, thx_compat compat)
{
    const double   rows = g->patches[0], columns = g->patches[1];
    const bool     wide = (double)g->width / g->height > columns / rows;
    const int      axis = wide ? 0 : 1; /* the one that was padded */
    const double   scale = wide ? columns / g->width : rows / g->height;
    const uint32_t all = g->patches[axis],
                   n = integer_of((wide ? g->height : g->width) * scale, compat);

    memcpy(g->unpadded, g->patches, sizeof g->unpadded);
    if (n >= all) return;
    g->crop[axis] = (all - n) / 2;
    g->unpadded[axis] = all - 2 * g->crop[axis]; /* may be n + 1 */
}

/* a // b of Python for positive doubles: by fmod, which is not floor(a / b). */
static double floor_divide(double a, double b)
{
    const double quotient = (a - fmod(a, b)) / b, whole = floor(quotient);

    return quotient - whole > 0.5 ? whole + 1.0 : whole;
}

/* Scales the grid down where it holds clearly more than max_patches tiles would. */
static thorax_status shrink(thx_geometry *g, const thx_recipe *r, thorax_error *err)
{
    const double side = r->tile_px / r->patch_px, rows = g->unpadded[0], columns = g->unpadded[1];
    const double ratio = sqrt(rows * columns / (r->max_patches * (side * side)));

    memcpy(g->final, g->unpadded, sizeof g->final);
    if (!(ratio > 1.1)) return THORAX_OK;
    g->final[0] = (uint32_t)floor_divide(rows, ratio);
    g->final[1] = (uint32_t)floor_divide(columns, ratio);
    if (g->final[0] && g->final[1]) return THORAX_OK;
    return thx_fail(err, THORAX_FILM, 0,
                    "a film of %ux%u pixels is too thin: its features shrink to %ux%u", g->width,
                    g->height, g->final[1], g->final[0]);
}

static thorax_status plan_anyres(thx_geometry *g, const thx_recipe *recipe, thorax_error *err)
{
    const uint32_t side = recipe->tile_px / recipe->patch_px;

    choose_best(g, recipe);
    fit_inside(g);
    pad_to_best(g, recipe->compat);
    for (int axis = 0; axis < 2; axis++) {
        g->grid[axis] = g->best[axis] / recipe->tile_px;
        g->patches[axis] = g->grid[axis] * side;
    }
    unpad(g, recipe->compat);
    const thorax_status st = shrink(g, recipe, err);
    if (st) return st;
    g->tiles = 1 + g->grid[0] * g->grid[1];
    g->image_tokens = side * side + g->final[0] * (g->final[1] + 1); /* a newline ends each row */
    return THORAX_OK;
}

/* The shorter side becomes the tile's, the longer int(px * long / short); the tile begins at
 * round((side - px) / 2), where Python rounds halves to the even number. */
static thorax_status plan_crop(thx_geometry *g, const thx_recipe *recipe, thorax_error *err)
{
    const uint32_t size[2] = { g->height, g->width }, px = recipe->tile_px, side = px / recipe->patch_px;
    const uint32_t least = size[0] < size[1] ? size[0] : size[1];

    for (int axis = 0; axis < 2; axis++) {
        const double resized = (double)((uint64_t)px * size[axis]) / least;
        if (resized > CROP_SIDE_MAX)
            return thx_fail(err, THORAX_FILM, 0,
                            "a film of %ux%u pixels is too thin: with a shorter side of %u its longer one "
                            "has more than %d",
                            g->width, g->height, px, CROP_SIDE_MAX);
        g->best[axis] = px;
        g->resized[axis] = (uint32_t)resized;
        const uint32_t lost = g->resized[axis] - px;
        g->cut[axis] = lost / 2 + (lost % 2 && lost / 2 % 2);
        g->grid[axis] = 1;
        g->patches[axis] = g->unpadded[axis] = g->final[axis] = side;
    }
    g->tiles = 1;
    g->image_tokens = side * side;
    return THORAX_OK;
}

thorax_status thx_geometry_plan(thx_geometry *out, const thx_recipe *recipe, uint32_t width,
                                uint32_t height, thorax_error *err)
{
    thx_geometry  g = { .width = width, .height = height };
    thorax_status st = check_recipe(recipe, err);

    *out = (thx_geometry){ 0 };
    if (st) return st;
    if (!width || !height || width > SIDE_MAX || height > SIDE_MAX)
        return thx_fail(err, THORAX_FILM, 0, "a film of %ux%u pixels: expected 1 to %d a side",
                        width, height, SIDE_MAX);
    st = recipe->kind == THX_RECIPE_CROP ? plan_crop(&g, recipe, err) : plan_anyres(&g, recipe, err);
    if (!st) *out = g;
    return st;
}
