/* Weights made ready on the CPU: the mapped view is used where it lies; vectors (norms,
 * biases) become small f32 copies, so that row kernels need not know stored types. */
#include "ops/cpu.h"

#include <stdlib.h>

/* Splits a shape into rows and columns: LINEAR folds all but the first, ROWS all but the last. */
static bool fold_shape(thx_weight *w, const thx_view *view, thx_weight_use use)
{
    const uint32_t rank = view->rank;

    w->N = w->K = 1;
    if (rank > 8 || (use != THX_USE_VECTOR && rank < 2)) return false;
    for (uint32_t i = 0; i < rank; i++) {
        const bool row = use == THX_USE_LINEAR ? i == 0 : use == THX_USE_ROWS && i + 1 < rank;
        size_t    *side = row ? &w->N : &w->K;
        if (!view->shape[i] || !thx_mul_size(side, *side, view->shape[i])) return false;
    }
    size_t count, bytes;
    return thx_mul_size(&count, w->N, w->K) && count == view->count && thx_mul_size(&bytes, count, 4);
}

thorax_status thx_cpu_weight_open(thx_ctx *ctx, thx_weight **out, const thx_view *view, thx_weight_use use,
                                  thorax_error *err)
{
    thx_weight w = { .type = view->type, .data = view->data };

    (void)ctx;
    *out = NULL;
    if (view->type != THX_F32 && view->type != THX_F16 && view->type != THX_BF16)
        return thx_fail(err, THORAX_SHAPE, 0, "%s: type %s found; F32, F16 or BF16 wanted", view->name,
                        thx_type_name(view->type));
    if (!fold_shape(&w, view, use))
        return thx_fail(err, THORAX_SHAPE, 0, "%s: rank %u with %llu elements cannot be used as %s",
                        view->name, (unsigned)view->rank, (unsigned long long)view->count,
                        use == THX_USE_VECTOR ? "a vector" : "a matrix");
    if (use == THX_USE_VECTOR) {
        w.vector = malloc(w.K * sizeof *w.vector);
        if (!w.vector) return thx_fail(err, THORAX_NOMEM, 0, "%s: %zu floats", view->name, w.K);
        for (size_t i = 0; i < w.K; i++) w.vector[i] = thx_element(w.data, w.type, i);
    }
    *out = malloc(sizeof **out);
    if (!*out) {
        free(w.vector);
        return thx_fail(err, THORAX_NOMEM, 0, "%s: weight", view->name);
    }
    **out = w;
    return THORAX_OK;
}

size_t thx_weight_bytes(const thx_weight *w) { return w->vector ? w->K * sizeof *w->vector : 0; }

void thx_weight_close(thx_weight *w)
{
    if (!w) return;
    free(w->vector);
    free(w);
}
