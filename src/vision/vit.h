/* A vision transformer: tiles in, one feature row a patch out, with a class token one row more.
 *
 * One configurable core for the towers we know (SigLIP; ViT and DINOv2 as timm has them): patch
 * embedding, class token in front, position embedding, pre-norm layers
 * { x += s1 * Wo·Attn(LN1(x)); x += s2 * fc2(act(fc1(LN2(x)))) }, then a norm where one is given. Projectors
 * read the raw hidden state of some layer: `layers` counts those that run, so it is the index of
 * that state (0: the embeddings). Whoever wants patches alone leaves row 0 of a tile out.
 * Method: transformers modeling_siglip.py (SiglipEncoderLayer); timm vision_transformer.py. */
#ifndef THX_VISION_VIT_H
#define THX_VISION_VIT_H

#include "ops/ops.h"

typedef struct thx_vit_config {
    size_t  D, F, H, layers;       /* width, feed-forward width, heads, layers that run */
    size_t  channels;              /* of a tile: 3                                      */
    size_t  tile_px, patch_px;     /* patches a side = tile_px / patch_px, rounded down */
    bool    class_token;           /* row 0 of every tile                               */
    thx_act act;
    float   norm_eps;
} thx_vit_config;

typedef struct thx_vit_layer {
    thx_weight *ln1_w, *ln1_b;     /* [D]                                            */
    thx_weight *q_w, *q_b;         /* [D, D], [D]                                    */
    thx_weight *k_w, *k_b;
    thx_weight *v_w, *v_b;
    thx_weight *qkv_w, *qkv_b;     /* [3D, D], [3D]: in place of the six above, or NULL */
    thx_weight *o_w, *o_b;
    thx_weight *scale1;            /* [D] (LayerScale), or NULL                      */
    thx_weight *ln2_w, *ln2_b;
    thx_weight *fc1_w, *fc1_b;     /* [F, D], [F]                                    */
    thx_weight *fc2_w, *fc2_b;     /* [D, F], [D]                                    */
    thx_weight *scale2;            /* as scale1                                      */
} thx_vit_layer;

typedef struct thx_vit {
    thx_vit_config config;
    thx_weight    *patch_w;        /* [D, C*p*p]                                      */
    thx_weight    *patch_b;        /* [D]                                             */
    thx_weight    *class_row;      /* [D], with config.class_token                    */
    thx_weight    *position;       /* [R, D], R = thx_vit_rows                        */
    thx_vit_layer *layers;         /* config.layers                                   */
    thx_weight    *norm_w, *norm_b; /* [D], after the last layer; NULL: none          */
} thx_vit;

/* Patches of one tile; rows of one tile: its patches, and the class token. */
size_t thx_vit_patches(const thx_vit_config *c);
size_t thx_vit_rows(const thx_vit_config *c);

/* Bytes of activations a forward of n tiles takes from the context's arena. */
size_t thx_vit_scratch_bytes(const thx_vit_config *c, size_t n);

/* tiles: n × f32 [C, tile_px, tile_px]; out [n*R, D], R = thx_vit_rows. Tiles do not see each other, so the result
 * of one does not depend on the others. THORAX_NOMEM; THORAX_CANCELLED (ctx->step). */
thorax_status thx_vit_forward(thx_ctx *ctx, const thx_vit *vit, thx_tensor out, const float *tiles, size_t n, thorax_error *err);

#endif
