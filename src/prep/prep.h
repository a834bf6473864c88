/* From picture to tiles, by the recipe of a model folder.
 *
 * RadVLM's "anyres" recipe: the picture is resized into the best of a list of resolutions, padded
 * with black, cut into square tiles; tile 0 is the whole picture squashed to one tile. The feature
 * grid is later cropped to what the picture covers and scaled down (geometry below), so the number
 * of image rows depends on width and height alone. Method: transformers
 * image_processing_llava_onevision.py and modeling_llava_onevision.py.
 *
 * open_clip's recipe (LLaVA-Rad, BiomedCLIP): the shorter side of the picture becomes the tile's, and
 * the one tile is its middle; the ends of the longer side are lost. Method: open_clip transform.py,
 * torchvision functional.py (resize, center_crop, to_tensor, normalize). */
#ifndef THX_PREP_PREP_H
#define THX_PREP_PREP_H

#include "film/film.h"

enum { THX_PINPOINTS_MAX = 256, THX_TILES_A_SIDE_MAX = 64 };

/* What the reference does differently from release to release (spec: REF-PIL and REF-446). */
typedef enum thx_compat { THX_COMPAT_CURRENT, THX_COMPAT_446 } thx_compat;

typedef enum thx_recipe_kind { THX_RECIPE_ANYRES, THX_RECIPE_CROP, THX_RECIPE_NONE /* takes no films */ } thx_recipe_kind;

typedef struct thx_recipe {
    thx_recipe_kind kind;
    uint32_t tile_px;                           /* side of a tile                       */
    uint32_t patch_px;                          /* patches a side = tile_px / patch_px  */
    double   mean[3], std[3];
    /* of ANYRES alone */
    uint32_t n_pinpoints;
    uint32_t pinpoints[THX_PINPOINTS_MAX][2];   /* height, width                        */
    uint32_t max_patches;                       /* 9 of anyres_max_9                    */
    double   rescale;                           /* CROP divides by 255                  */
    thx_compat compat;
} thx_recipe;

typedef struct thx_geometry { /* pairs are height, width */
    uint32_t width, height;
    uint32_t best[2], resized[2], grid[2];
    uint32_t pad[4];                            /* top, bottom, left, right, in pixels      */
    uint32_t cut[2];                            /* pixels of `resized` above, left of the tile (CROP) */
    uint32_t patches[2];                        /* feature grid of all tiles but the base   */
    uint32_t crop[2];                           /* first row, column kept of it             */
    uint32_t unpadded[2], final[2];
    uint32_t tiles;                             /* with the base tile; CROP: 1              */
    uint32_t image_tokens;                      /* base + final h*w + final h; CROP: h*w    */
} thx_geometry;

/* A side of `unpadded` and `final` may be 0: a film far thinner than a patch keeps its base tile
 * only, as in the reference. A cropped tile keeps all its patches. THORAX_FILM when the size is 0 or beyond 2^24,
 * a side vanishes where the grid is scaled down (there the reference fails too), or the longer side would be
 * resized to more than 2^16 pixels; THORAX_MODEL when the recipe is not usable, or the model
 * takes no films. */
thorax_status thx_geometry_plan(thx_geometry *out, const thx_recipe *recipe, uint32_t width,
                                uint32_t height, thorax_error *err);

/* The tiles of one picture: bytes are kept, floats are made tile by tile. As thx_geometry_plan;
 * THORAX_USAGE (channels); THORAX_NOMEM. The picture may go once they are open. */
typedef struct thx_tiles thx_tiles;
thorax_status thx_tiles_open(thx_tiles **out, const thx_picture *picture, const thx_recipe *recipe,
                             thorax_error *err);
const thx_geometry *thx_tiles_geometry(const thx_tiles *t);
/* Tile i as f32 [3, tile_px, tile_px], normalised. Thread-safe. */
void thx_tiles_get(const thx_tiles *t, uint32_t i, float *out);
void thx_tiles_close(thx_tiles *t);

#endif
