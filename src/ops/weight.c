/* Weights made ready on the CPU: the mapped view is used where it lies; vectors (norms,
 * biases) become small f32 copies, so that row kernels need not know stored types. A matrix that is to be
 * rounded is copied into the layout of quant.h. */
#include "ops/cpu.h"

#include <stdlib.h>
#include <sys/mman.h>

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

/* Can a view be used at all, and as what? */
static thorax_status check_view(thx_weight *w, const thx_view *view, thx_weight_use use, thorax_error *err)
{
    const bool grouped = thx_type_grouped(view->type);

    if (view->type != THX_F32 && view->type != THX_F16 && view->type != THX_BF16 && !grouped)
        return thx_fail(err, THORAX_SHAPE, 0, "%s: type %s found; F32, F16, BF16, Q8 or Q4 wanted", view->name,
                        thx_type_name(view->type));
    if (!fold_shape(w, view, use) || (grouped && (use == THX_USE_VECTOR || view->rank != 2)))
        return thx_fail(err, THORAX_SHAPE, 0, "%s: rank %u with %llu elements of %s cannot be used as %s",
                        view->name, (unsigned)view->rank, (unsigned long long)view->count,
                        thx_type_name(view->type), use == THX_USE_VECTOR ? "a vector" : "a matrix");
    return THORAX_OK;
}

static thorax_status keep(thx_weight **out, thx_weight *w, const char *name, thorax_error *err)
{
    *out = malloc(sizeof **out);
    if (!*out) {
        free(w->vector);
        free(w->owned);
        return thx_fail(err, THORAX_NOMEM, 0, "%s: weight", name);
    }
    **out = *w;
    return THORAX_OK;
}

thorax_status thx_cpu_weight_open(thx_ctx *ctx, thx_weight **out, const thx_view *view, thx_weight_use use,
                                  thorax_error *err)
{
    thx_weight w = { .type = view->type, .data = view->data };

    (void)ctx;
    *out = NULL;
    const thorax_status st = check_view(&w, view, use, err);
    if (st) return st;
    if (use == THX_USE_VECTOR) {
        w.vector = malloc(w.K * sizeof *w.vector);
        if (!w.vector) return thx_fail(err, THORAX_NOMEM, 0, "%s: %zu floats", view->name, w.K);
        for (size_t i = 0; i < w.K; i++) w.vector[i] = thx_element(w.data, w.type, i);
    }
    return keep(out, &w, view->name, err);
}

/* Room for a matrix, its whole large pages as such where the system has them: reading it then waits less for
 * page tables. */
unsigned char *thx_cpu_matrix_alloc(size_t bytes)
{
    const size_t large = (size_t)2 << 20, align = bytes < large ? 64 : large;

    if (bytes > SIZE_MAX - align) return NULL;
    unsigned char *p = aligned_alloc(align, (bytes + align - 1) / align * align);
#ifdef MADV_HUGEPAGE
    if (p && align == large) (void)madvise(p, bytes / large * large, MADV_HUGEPAGE);
#endif
    return p;
}

thorax_status thx_cpu_weight_quantize(thx_ctx *ctx, thx_weight **out, const thx_view *view, thx_type type,
                                      thorax_error *err)
{
    thx_weight w = { .type = type };

    *out = NULL;
    if (thx_type_grouped(view->type) || !thx_type_grouped(type))
        return thx_fail(err, THORAX_SHAPE, 0, "%s: %s cannot be rounded to %s", view->name,
                        thx_type_name(view->type), thx_type_name(type));
    const thorax_status st = check_view(&w, view, THX_USE_LINEAR, err);
    if (st) return st;
    if (!thx_q_bytes(&w.owned_bytes, type, w.N, w.K) || !(w.owned = thx_cpu_matrix_alloc(w.owned_bytes)))
        return thx_fail(err, THORAX_NOMEM, 0, "%s: %zu rows of %zu as %s", view->name, w.N, w.K, thx_type_name(type));
    w.data = w.owned;
    if (!thx_quantize(w.owned, type, view, 0, thx_q_blocks(w.N), ctx->threads)) {
        free(w.owned);
        return thx_fail(err, THORAX_FORMAT, 0, "%s: a value is not finite; it cannot be rounded", view->name);
    }
    return keep(out, &w, view->name, err);
}

thorax_status thx_cpu_weight_own(thx_weight **out, const thx_view *view, unsigned char *data, size_t bytes, thorax_error *err)
{
    thx_weight          w = { .type = view->type, .data = data, .owned = data, .owned_bytes = bytes };
    const thorax_status st = check_view(&w, view, THX_USE_LINEAR, err);

    *out = NULL;
    if (st) free(data);
    return st ? st : keep(out, &w, view->name, err);
}

size_t thx_weight_bytes(const thx_weight *w)
{
    return (w->vector ? w->K * sizeof *w->vector : 0) + w->owned_bytes;
}

void thx_weight_close(thx_weight *w)
{
    if (!w) return;
    free(w->vector);
    free(w->owned);
    free(w);
}
