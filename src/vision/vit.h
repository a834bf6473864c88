/* A vision transformer: tiles in, one feature row a patch out.
 *
 * One configurable core for the towers we know (SigLIP now): patch embedding, position
 * embedding, pre-norm layers { x += Wo·Attn(LN1(x)); x += fc2(act(fc1(LN2(x)))) }. No norm after
 * the last layer: the projector reads the raw hidden state.
 * Method: transformers modeling_siglip.py (SiglipEncoderLayer). */
#ifndef THX_VISION_VIT_H
#define THX_VISION_VIT_H

#include "ops/ops.h"

typedef struct thx_vit_config {
    size_t  D, F, H, layers;       /* width, feed-forward width, heads, layers that run */
    size_t  channels;              /* of a tile: 3                                      */
    size_t  tile_px, patch_px;     /* patches a side = tile_px / patch_px, rounded down */
    thx_act act;
    float   norm_eps;
} thx_vit_config;

typedef struct thx_vit_layer {
    thx_weight *ln1_w, *ln1_b;     /* [D]            */
    thx_weight *q_w, *q_b;         /* [D, D], [D]    */
    thx_weight *k_w, *k_b;
    thx_weight *v_w, *v_b;
    thx_weight *o_w, *o_b;
    thx_weight *ln2_w, *ln2_b;
    thx_weight *fc1_w, *fc1_b;     /* [F, D], [F]    */
    thx_weight *fc2_w, *fc2_b;     /* [D, F], [D]    */
} thx_vit_layer;

typedef struct thx_vit {
    thx_vit_config config;
    thx_weight    *patch_w;        /* [D, C*p*p]     */
    thx_weight    *patch_b;        /* [D]            */
    thx_weight    *position;       /* [P, D]         */
    thx_vit_layer *layers;         /* config.layers  */
} thx_vit;

/* Patches of one tile. */
size_t thx_vit_patches(const thx_vit_config *c);

/* Bytes of activations a forward of n tiles takes from the context's arena. */
size_t thx_vit_scratch_bytes(const thx_vit_config *c, size_t n);

/* tiles: n × f32 [C, tile_px, tile_px]; out [n*P, D]. Tiles do not see each other, so the result
 * of one does not depend on the others. THORAX_NOMEM; THORAX_CANCELLED (ctx->step). */
thorax_status thx_vit_forward(thx_ctx *ctx, const thx_vit *vit, thx_tensor out, const float *tiles, size_t n, thorax_error *err);

#endif
