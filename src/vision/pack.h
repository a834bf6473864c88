/* Packing: the projected rows of all tiles become the rows of one image.
 *
 * Base tile first, as it is. The other tiles are laid side by side into one grid, cropped to
 * what the film covers, scaled down if they are many, and a newline row closes every grid row.
 * Method: LlavaOnevisionModel.pack_image_features (modeling_llava_onevision.py). */
#ifndef THX_VISION_PACK_H
#define THX_VISION_PACK_H

#include "ops/ops.h"

typedef struct thx_pack {
    size_t side;                  /* patches a side of a tile                       */
    size_t grid_h, grid_w;        /* tiles                                          */
    size_t crop_y, crop_x;        /* first grid row and column that is kept         */
    size_t kept_h, kept_w;        /* rows and columns kept (unpadded)               */
    size_t final_h, final_w;      /* after scaling down; equal to kept_* without it */
} thx_pack;

/* Rows of the image: side² + final_h * (final_w + 1). */
size_t thx_pack_rows(const thx_pack *p);

/* out [thx_pack_rows, D] from tiles [(1 + grid_h*grid_w) * side², D], newline [D]. THORAX_NOMEM. */
thorax_status thx_pack_forward(thx_ctx *ctx, const thx_pack *p, thx_tensor out, thx_tensor tiles, const thx_weight *newline, thorax_error *err);

#endif
