/* The trunk of a vision tower as timm stores it (ViT, DINOv2): LLaVA-Rad and CLIP-type models have one. */
#ifndef THX_MODEL_TRUNK_H
#define THX_MODEL_TRUNK_H

#include "model/bind.h"

/* Layers below a canonical prefix, counted by two tensors that each of them has: where one is missing, binding says
 * so. */
size_t thx_trunk_layers(const thx_binder *b, const char *prefix);

/* Makes the tensors below `prefix` ready, for the sizes and layers in vit->config, without the norm behind the last
 * layer. LayerScale where the tower has it. THORAX_MODEL; THORAX_NOMEM. */
thorax_status thx_trunk_bind(thx_binder *b, thx_vit *vit, const char *prefix, thorax_error *err);

/* Where LLaVA-Rad's folder keeps its tower, as paths that the caller frees: the file that config.json (`llava`) names,
 * its folders aside, or the usual name, or the first by name that fits: a JSON file with vision_cfg; a .pt or .pth file,
 * or one of weights with "clip" in its name. NULL: none, or no memory. */
char *thx_trunk_config(const char *folder, const json_t *llava);
char *thx_trunk_checkpoint(const char *folder, const json_t *llava);

#endif
