/* A text encoder: ids in, one hidden row a token out, every token seeing all of its own text.
 *
 * One configurable core for encoders of BERT's build: word, position and token-type embeddings under
 * a LayerNorm, then post-norm layers { x = LN(x + Wo·Attn(x)); x = LN(x + fc2(act(fc1(x)))) }. Texts
 * of one call have the same length, so that none is padded: a text's rows are what they would be
 * alone. Ids come from text/, tensors from model/; what rows are pooled to is the caller's business,
 * but for the first row of each text.
 * Method: transformers modeling_bert.py. */
#ifndef THX_ENCODER_ENCODER_H
#define THX_ENCODER_ENCODER_H

#include "ops/ops.h"

typedef struct thx_encoder_config {
    size_t  D, F, H, layers; /* width, feed-forward width, heads, layers that run  */
    size_t  V;               /* ids                                                */
    size_t  positions;       /* rows of the position embedding                     */
    size_t  first_position;  /* of a text's first token: 0 for BERT                */
    thx_act act;
    float   norm_eps;
} thx_encoder_config;

typedef struct thx_encoder_layer {
    thx_weight *q_w, *q_b;            /* [D, D], [D] */
    thx_weight *k_w, *k_b;
    thx_weight *v_w, *v_b;
    thx_weight *o_w, *o_b;
    thx_weight *norm1_w, *norm1_b;    /* [D], after attention    */
    thx_weight *fc1_w, *fc1_b;        /* [F, D], [F] */
    thx_weight *fc2_w, *fc2_b;        /* [D, F], [D] */
    thx_weight *norm2_w, *norm2_b;    /* [D], after feed-forward */
} thx_encoder_layer;

typedef struct thx_encoder {
    thx_encoder_config config;
    thx_weight        *words;          /* [V, D], as rows                                */
    thx_weight        *position;       /* [positions, D], as rows                        */
    thx_weight        *type;           /* [types, D], as rows: row 0 for every token; or NULL */
    thx_weight        *norm_w, *norm_b; /* [D]                                           */
    thx_encoder_layer *layers;         /* config.layers                                  */
} thx_encoder;

/* Tokens a text may have: positions behind the first. */
size_t thx_encoder_tokens(const thx_encoder_config *c);

/* Hidden rows of n texts of S tokens each.
 *   ids   [n, S], each 0 .. V-1 (checked by the caller); S from 1 to thx_encoder_tokens
 *   out   [n*S, D], text after text
 * Texts do not see each other. THORAX_NOMEM; THORAX_CANCELLED (ctx->step, once a layer). */
thorax_status thx_encoder_forward(thx_ctx *ctx, const thx_encoder *e, thx_tensor out, const int32_t *ids, size_t n,
                                  size_t S, thorax_error *err);

/* out [n, D] = the first of every S rows: the [CLS] tokens. */
void thx_encoder_first_rows(thx_ctx *ctx, thx_tensor out, thx_tensor rows, size_t S);

#endif
