/* The projector: feature rows [T, Dv] become rows the language model can read [T, D].
 * linear_1 → activation → linear_2 (LlavaOnevisionMultiModalProjector; LLaVA's mlp2x_gelu). */
#ifndef THX_VISION_PROJECTOR_H
#define THX_VISION_PROJECTOR_H

#include "ops/ops.h"

typedef struct thx_projector {
    size_t      Dv, D;
    thx_act     act;
    thx_weight *linear_1_w, *linear_1_b; /* [D, Dv], [D] or NULL */
    thx_weight *linear_2_w, *linear_2_b; /* [D, D],  [D] or NULL */
} thx_projector;

/* out [T, D] from x [T, Dv]. THORAX_NOMEM. */
thorax_status thx_projector_forward(thx_ctx *ctx, const thx_projector *p, thx_tensor out, thx_tensor x, thorax_error *err);

#endif
