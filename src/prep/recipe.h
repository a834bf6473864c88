/* The recipe of a model folder: how its image processor was set up. */
#ifndef THX_PREP_RECIPE_H
#define THX_PREP_RECIPE_H

#include "prep/prep.h"

#include <jansson.h>

/* What the model's own config.json says about tiles; 0 where it is silent. The processor must
 * agree. */
typedef struct thx_recipe_hints {
    uint32_t tile_px, patch_px;               /* of the tower; 0 = 384, 14                   */
    uint32_t n_pinpoints;                     /* 0 = the class default, 1 to 6 tiles of 384  */
    uint32_t pinpoints[THX_PINPOINTS_MAX][2]; /* height, width                               */
    uint32_t max_patches;                     /* N of anyres_max_N; 0 = 9                    */
} thx_recipe_hints;

/* Reads preprocessor_config.json, or `image_processor` in processor_config.json, or neither
 * (folders of the original LLaVA-NeXT code have no such file: mean and deviation 0.5, as SigLIP
 * wants them). A key that is missing in a file takes the default of transformers'
 * LlavaOnevisionImageProcessor, which for mean and deviation are CLIP's. `hints` may be NULL.
 * compat is THX_COMPAT_CURRENT.
 *
 * THORAX_MODEL: no valid JSON, another processor, a value that is not implemented (named), or one
 * that contradicts config.json; THORAX_IO; THORAX_NOMEM. */
thorax_status thx_recipe_read(thx_recipe *out, const char *folder, const thx_recipe_hints *hints,
                              thorax_error *err);

/* The recipe of an open_clip model: one crop of tile_px, in patches of patch_px. `settings` is the `preprocess_cfg`
 * of its config, NULL or JSON null where that has none (open_clip's defaults); `path` stands in messages. The size
 * there is not looked at: open_clip takes the tower's.
 * THORAX_MODEL: a value that is not implemented (named). */
thorax_status thx_recipe_open_clip(thx_recipe *out, const json_t *settings, const char *path, uint32_t tile_px,
                                   uint32_t patch_px, thorax_error *err);

#endif
