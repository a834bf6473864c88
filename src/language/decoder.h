/* A decoder-only language model: embeddings in, hidden rows or logits out.
 *
 * One configurable core: rotary positions, grouped keys and values; RMS norms and a gated feed-forward behind the
 * attention (Qwen2: biases on q, k and v; Llama, Mistral: none), or layer norms and a plain feed-forward beside it, with
 * biases everywhere and rotary positions in a part of each head (Phi). A product may carry a low-rank adapter.
 * The caller hands in rows of embeddings, of one sequence or of several; keys and values go to the caches it lends.
 * Method: transformers modeling_qwen2.py, modeling_llama.py, modeling_phi.py; peft tuners/lora (Linear.forward). */
#ifndef THX_LANGUAGE_DECODER_H
#define THX_LANGUAGE_DECODER_H

#include "ops/ops.h"

typedef struct thx_decoder_config {
    size_t  D, F, H, G, E, V, layers;  /* width, feed-forward, heads, KV heads, head width, vocabulary rows, layers */
    size_t  n_freq;                    /* rotated pairs a head                     */
    thx_act act;
    float   norm_eps;
    bool    layer_norm;                /* norms have a bias, and take the mean off; else RMS */
    bool    parallel;                  /* attention and feed-forward of the same norm, both added to the row */
    bool    gated;                     /* down(act(gate) * up); else down(act(up)) */
    size_t  max_positions;
} thx_decoder_config;

/* y = W·x + b, and with an adapter + up·(down·x) * scale. */
typedef struct thx_dense {
    thx_weight *w, *b;                 /* [N, K], [N] or NULL      */
    thx_weight *down, *up, *scale;     /* [R, K], [N, R], [N] all alike; NULL without an adapter */
    size_t      R;
} thx_dense;

typedef struct thx_decoder_layer {
    thx_weight *norm_attention, *norm_attention_bias;       /* [D]; no bias where norms are RMS     */
    thx_dense   q, k, v;               /* [H*E, D], [G*E, D] twice */
    thx_dense   o;                     /* [D, H*E]                */
    thx_weight *norm_feed_forward, *norm_feed_forward_bias; /* likewise; none where parallel        */
    thx_dense   gate, up;              /* [F, D]; no gate where not gated */
    thx_dense   down;                  /* [D, F]                  */
    size_t      window;                /* sliding window, 0 = all */
} thx_decoder_layer;

typedef struct thx_decoder {
    thx_decoder_config config;
    thx_weight        *embedding;      /* [V, D]                                  */
    thx_weight        *head;           /* [V, D]; the embedding itself when tied  */
    thx_weight        *head_bias;      /* [V] or NULL                             */
    thx_weight        *norm, *norm_bias; /* [D]; no bias where norms are RMS      */
    float             *inv_freq;       /* [n_freq]                                */
    thx_decoder_layer *layers;
} thx_decoder;

/* Rows of one sequence within a forward: they stand at positions first .. first+rows-1 of its cache,
 * whose earlier positions must be filled. */
typedef struct thx_span {
    const thx_kv *kv;                  /* one view a layer, with room for these positions */
    size_t        first, rows;
} thx_span;

/* Bytes of activations a forward of T rows takes from the context's arena. */
size_t thx_decoder_scratch_bytes(const thx_decoder *d, size_t T);

/* Runs x [T, D] (embeddings; overwritten by the last hidden state): the rows of the spans, one after the
 * other. Every weight is read once for all of them; a row sees its own sequence alone.
 * THORAX_NOMEM; THORAX_CANCELLED (ctx->step): rows from `first` on are then undefined. */
thorax_status thx_decoder_forward(thx_ctx *ctx, const thx_decoder *d, thx_tensor x, const thx_span *spans, size_t n, thx_role role, thorax_error *err);

/* logits [T, V] of hidden rows x [T, D] (final norm included; x is overwritten). THORAX_NOMEM. */
thorax_status thx_decoder_logits(thx_ctx *ctx, const thx_decoder *d, thx_tensor logits, thx_tensor x, thx_role role, thorax_error *err);

#endif
