/* What the files of this room share: one forward pass. */
#ifndef THX_ENCODER_ENCODER_INTERNAL_H
#define THX_ENCODER_ENCODER_INTERNAL_H

#include "encoder/encoder.h"

typedef struct thx_run {
    thx_ctx           *ctx;
    const thx_encoder *e;
    const size_t      *ends; /* [n] */
    size_t             n, longest;
    thx_tensor         h, inner;      /* scratch: [T, D], [T, widest]                            */
    const float       *inv_freq[2];   /* of layers that see all, and of near ones                */
    thx_tensor         offsets;       /* rows of the table of distances, a row an offset (key minus query) from
                                         1 - longest to longest - 1                               */
    thx_tensor         c2p, p2c;      /* [H*T, offsets.rows]                                      */
    thx_tensor         projected;     /* [offsets.rows, D]: the offsets' rows as keys or queries  */
} thx_run;

/* Looks up the distances of a pass; and sets the biases of one layer's attention, whose q and k are there. Both do
 * nothing where the encoder knows no distances. THORAX_NOMEM. */
thorax_status thx_encoder_distances_begin(thx_run *r, thorax_error *err);
thorax_status thx_encoder_distances(thx_run *r, const thx_encoder_layer *l, thx_attend *a, thorax_error *err);

/* Buckets of the offset key - query: MPNet's of 32 (T5's), DeBERTa's by its config. */
size_t thx_bucket_of_bias(ptrdiff_t offset);
size_t thx_bucket_of_vectors(const thx_encoder_config *c, ptrdiff_t offset);

#endif
