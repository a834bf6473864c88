/* A text encoder: ids in, one hidden row a token out, every token seeing all of its own text.
 *
 * One configurable core for the encoders of BERT's kin. Each has embeddings under a LayerNorm and layers of
 * attention and feed-forward; what differs is data:
 *   BERT, RoBERTa, DistilBERT   norms behind the sums, learned positions (of RoBERTa: from behind the pad id on)
 *   MPNet                       and a bias of attention by the distance of two tokens
 *   DeBERTa-v2                  and products of queries and keys with embeddings of distances, instead of positions
 *   ModernBERT                  norms before, rotated queries and keys, most layers see a neighbourhood only, gated
 *                               feed-forward, a last norm
 * Texts of a call lie below each other and need not have the same length; none is padded, and a text's rows are what
 * they would be alone, bit for bit. Ids come from text/, tensors from model/; what rows are pooled to is the
 * caller's business, but for the first row of each text.
 * Methods: transformers 4.53 modeling_bert.py, modeling_roberta.py, modeling_distilbert.py, modeling_mpnet.py,
 * modeling_deberta_v2.py, modeling_modernbert.py. */
#ifndef THX_ENCODER_ENCODER_H
#define THX_ENCODER_ENCODER_H

#include "ops/ops.h"

/* What attention knows of the distance of two tokens. */
typedef enum thx_distance {
    THX_DISTANCE_NONE,
    THX_DISTANCE_BIAS,   /* a value a head for each bucket of distances                       */
    THX_DISTANCE_VECTORS /* an embedding for each bucket, multiplied with queries and keys    */
} thx_distance;

typedef struct thx_encoder_config {
    size_t  D, F, H, layers; /* width, feed-forward width, heads, layers that run  */
    size_t  V;               /* ids                                                */
    size_t  positions;       /* rows of the position embedding, or what there are at most; 0 = no limit */
    size_t  first_position;  /* of a text's first token: 0 for BERT                */
    bool    skip_pad;        /* the pad id inside a text stands at position first_position - 1 and is not counted */
    int32_t pad;
    thx_act act;
    float   norm_eps;
    bool    pre_norm;        /* norms stand before attention and feed-forward, not behind the sums */
    bool    gated;           /* fc1 gives [2F]: act of the first half times the second             */
    float   theta, theta_near; /* of rotation, in layers that see all and near ones; 0 = none       */
    size_t  every, around;   /* every so many layers, from the first on, one sees all; the others only tokens
                                this near; 0 = all see all                                          */
    thx_distance distance;
    size_t  buckets, farthest; /* VECTORS: buckets a side, and the distance of the last one; 0 buckets: each
                                  distance below `farthest` has its own                             */
    bool    c2p, p2c;        /* VECTORS: content to position, position to content  */
} thx_encoder_config;

typedef struct thx_encoder_layer {
    thx_weight *q_w, *q_b;            /* [D, D], [D]; where k_w is NULL: [3D, D], [3D], of all three */
    thx_weight *k_w, *k_b;
    thx_weight *v_w, *v_b;
    thx_weight *o_w, *o_b;
    thx_weight *pos_k_w, *pos_k_b;    /* VECTORS: matrices of the distances' embeddings; NULL: those of the content */
    thx_weight *pos_q_w, *pos_q_b;
    thx_weight *norm1_w, *norm1_b;    /* [D], after attention, or before it; NULL: none there  */
    thx_weight *fc1_w, *fc1_b;        /* [F, D], [F]; gated [2F, D], [2F] */
    thx_weight *fc2_w, *fc2_b;        /* [D, F], [D] */
    thx_weight *norm2_w, *norm2_b;    /* [D], after feed-forward, or before it */
} thx_encoder_layer;

/* Biases may be NULL. */
typedef struct thx_encoder {
    thx_encoder_config config;
    thx_weight        *words;          /* [V, D], as rows                                */
    thx_weight        *position;       /* [positions, D], as rows; or NULL               */
    thx_weight        *type;           /* [types, D], as rows: row 0 for every token; or NULL */
    thx_weight        *norm_w, *norm_b; /* [D]                                           */
    thx_weight        *distance;       /* BIAS [buckets, H], VECTORS [2 * buckets, D], as rows */
    thx_weight        *distance_norm_w, *distance_norm_b; /* VECTORS: [D]; or NULL       */
    thx_weight        *last_norm_w, *last_norm_b; /* [D], behind the last layer; or NULL */
    thx_encoder_layer *layers;         /* config.layers                                  */
} thx_encoder;

/* Tokens a text may have: positions behind the first; SIZE_MAX without a limit. */
size_t thx_encoder_tokens(const thx_encoder_config *c);

/* Called with the rows [T, D] behind `layer` layers (0: the embeddings under their norm), which it may not change. */
typedef thorax_status thx_encoder_sink(void *data, size_t layer, thx_tensor rows, thorax_error *err);

/* Hidden rows of n texts that lie one behind the other; text i ends before id ends[i] and is not empty.
 *   ids   [T], each 0 .. V-1, no text longer than thx_encoder_tokens (checked by the caller)
 *   out   [T, D]: behind `layers` layers, at most config.layers; without last_norm (thx_encoder_last_norm)
 *   sink  called from 0 to `layers`; may be NULL
 * Texts do not see each other. THORAX_NOMEM; THORAX_CANCELLED (ctx->step, once a layer); what sink returns. */
thorax_status thx_encoder_forward(thx_ctx *ctx, const thx_encoder *e, thx_tensor out, const int32_t *ids,
                                  const size_t *ends, size_t n, size_t layers, thx_encoder_sink *sink, void *data,
                                  thorax_error *err);

/* y = the last norm of x; y may be x. Only where there is one. */
void thx_encoder_last_norm(thx_ctx *ctx, const thx_encoder *e, thx_tensor y, thx_tensor x);

/* ---- Many texts ----
 * Any number of texts are run in passes of a size that keeps activations small; texts of a pass have about the same
 * length. After each pass `take` gets its rows: text texts[i] of the call ends before row ends[i]. */
typedef struct thx_encoder_pass {
    thx_tensor    rows; /* [ends[n-1], D] */
    const size_t *texts, *ends;
    size_t        n;
    size_t        layer;
} thx_encoder_pass;
typedef thorax_status thx_encoder_take(void *data, const thx_encoder_pass *pass, thorax_error *err);

/* `take` is called behind `layers` layers, or with `all` behind each, from the embeddings on. THORAX_USAGE: a text
 * that is empty or too long, an unknown id. THORAX_NOMEM; THORAX_CANCELLED; what take returns. */
thorax_status thx_encoder_run(thx_ctx *ctx, const thx_encoder *e, const int32_t *ids, const size_t *ends, size_t n,
                              size_t layers, bool all, thx_encoder_take *take, void *data, thorax_error *err);

/* out [n, D] = the first row of each text of a pass: the [CLS] tokens. */
void thx_encoder_first_rows(thx_ctx *ctx, thx_tensor out, const thx_encoder_pass *pass);

#endif
