/* The projector; see projector.h. */
#include "vision/projector.h"

thorax_status thx_projector_forward(thx_ctx *ctx, const thx_projector *p, thx_tensor out,
                                    thx_tensor x, thorax_error *err)
{
    const thx_arena_mark mark = thx_arena_get_mark(ctx->arena);
    const thx_tensor     h = thx_tensor_alloc(ctx, x.rows, p->D);
    thorax_status        st;

    if (!h.data) return thx_fail(err, THORAX_NOMEM, 0, "no memory for the projector");
    st = ctx->ops->linear(ctx, h, x, p->linear_1_w, p->linear_1_b, THX_PROMPT, err);
    if (!st) {
        ctx->ops->activate(ctx, h, h, p->act);
        st = ctx->ops->linear(ctx, out, h, p->linear_2_w, p->linear_2_b, THX_PROMPT, err);
    }
    thx_arena_release(ctx->arena, mark);
    return st;
}
