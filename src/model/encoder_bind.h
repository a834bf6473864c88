/* Tensors of the encoders of BERT's kin, by their published names. */
#ifndef THX_MODEL_ENCODER_BIND_H
#define THX_MODEL_ENCODER_BIND_H

#include "encoder/encoder.h"
#include "model/bind.h"

/* What one kind calls its tensors: whole names behind the encoder's prefix, names in a layer, NULL where it has
 * none. */
typedef struct thx_encoder_names {
    const char *words, *position, *type, *norm, *distance, *distance_norm, *last_norm;
    const char *layer; /* "encoder.layer." before the number */
    const char *q, *k, *v, *o, *pos_k, *pos_q, *norm1, *fc1, *fc2, *norm2; /* k NULL: q holds all three */
} thx_encoder_names;

extern const thx_encoder_names thx_names_bert; /* and RoBERTa's */

/* How a folder differs from all there is. */
typedef struct thx_encoder_layout {
    const thx_encoder_names *names;
    size_t                   types;         /* rows of the token types' table; 0 = none  */
    bool                     positions;     /* is there a table of positions?            */
    size_t                   distances;     /* rows of the table of distances            */
    bool                     distance_norm;
    bool                     norm_bias, attention_bias, fc_bias;
    bool                     norm1_behind_first; /* layer 0 has no norm before attention */
} thx_encoder_layout;

/* Binds config.layers layers and what stands before and behind them; e->layers comes from the model's arena.
 * THORAX_MODEL: a tensor is missing or of another shape (named); THORAX_NOMEM. */
thorax_status thx_encoder_bind(thx_binder *b, thx_encoder *e, const thx_encoder_layout *layout, const char *prefix,
                               thorax_error *err);

#endif
