/* BERTScore on given rows; see bertscore.h. */
#include "metrics/bertscore.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Room for one pair at a time: rows at unit length, their similarities, the best of each. */
typedef struct matcher {
    thx_ctx   *ctx;
    thx_tensor hyp, ref, similar; /* [longest, D], [longest, D], [longest, longest] */
    float     *best;              /* [longest of either side]                       */
    size_t     hyp_most, ref_most; /* tokens of the batch's longest texts           */
    size_t     D;
} matcher;

static size_t longest(const thx_bertscore_rows *texts, size_t n)
{
    size_t most = 0;

    for (size_t i = 0; i < n; i++)
        if (texts[i].n > most) most = texts[i].n;
    return most;
}

/* Divides each row by its length. A row of zeros has no direction: it becomes NaN, as in the original. */
static void normalise(float *out, const float *in, size_t n, size_t D)
{
    for (size_t i = 0; i < n; i++, in += D, out += D) {
        double sum = 0;
        for (size_t d = 0; d < D; d++) sum += (double)in[d] * in[d];
        const float length = (float)sqrt(sum);
        for (size_t d = 0; d < D; d++) out[d] = in[d] / length;
    }
}

/* similar [h, r] = the pair's cosines */
static thorax_status compare(const matcher *m, thx_tensor similar, const thx_bertscore_rows *h,
                             const thx_bertscore_rows *r, thorax_error *err)
{
    const thx_view view = { .name = "reference", .data = m->ref.data, .type = THX_F32, .rank = 2,
                            .shape = { r->n, m->D }, .count = (uint64_t)r->n * m->D };
    thx_weight    *w;

    normalise(m->hyp.data, h->vectors, h->n, m->D);
    normalise(m->ref.data, r->vectors, r->n, m->D);
    thorax_status st = m->ctx->ops->weight_open(m->ctx, &w, &view, THX_USE_LINEAR, err);
    if (st) return st;
    st = m->ctx->ops->linear(m->ctx, similar, thx_tensor_rows(m->hyp, 0, h->n), w, NULL, THX_PROMPT, err);
    thx_weight_close(w);
    return st;
}

/* The larger of two, NaN if either is. */
static inline float larger(float a, float b) { return b > a || isnan(b) ? b : a; }

/* The weighted mean of the best similarities of a side. */
static float weigh(const float *best, const thx_bertscore_rows *text)
{
    double sum = 0, total = 0;

    for (size_t i = 0; i < text->n; i++) total += text->weights[i];
    for (size_t i = 0; i < text->n; i++) sum += (double)(best[i] * (text->weights[i] / (float)total));
    return (float)sum;
}

static float hyp_side(const matcher *m, thx_tensor similar, const thx_bertscore_rows *h, size_t refs)
{
    const float least = refs < m->ref_most ? 0 : -INFINITY; /* filling */

    for (size_t i = 0; i < h->n; i++) {
        const float *row = similar.data + i * similar.stride;
        m->best[i] = least;
        for (size_t j = 0; j < refs; j++) m->best[i] = larger(m->best[i], row[j]);
    }
    return weigh(m->best, h);
}

static float ref_side(const matcher *m, thx_tensor similar, const thx_bertscore_rows *r, size_t hyps)
{
    const float least = hyps < m->hyp_most ? 0 : -INFINITY;

    for (size_t j = 0; j < r->n; j++) m->best[j] = least;
    for (size_t i = 0; i < hyps; i++) {
        const float *row = similar.data + i * similar.stride;
        for (size_t j = 0; j < r->n; j++) m->best[j] = larger(m->best[j], row[j]);
    }
    return weigh(m->best, r);
}

static inline float or_zero(float x) { return isnan(x) ? 0 : x; }

static thorax_status match_pair(const matcher *m, thx_bertscore *out, const thx_bertscore_rows *h,
                                const thx_bertscore_rows *r, thorax_error *err)
{
    const thx_tensor similar = { m->similar.data, h->n, r->n, r->n };

    *out = (thx_bertscore){ 0 };
    if (!h->n || !r->n || h->n == 2 || r->n == 2) return THORAX_OK;
    const thorax_status st = compare(m, similar, h, r, err);
    if (st) return st;
    const float p = hyp_side(m, similar, h, r->n), q = ref_side(m, similar, r, h->n);
    *out = (thx_bertscore){ or_zero(p), or_zero(q), or_zero(2 * p * q / (p + q)) };
    return THORAX_OK;
}

thorax_status thx_bertscore_match(thx_ctx *ctx, thx_bertscore *out, const thx_bertscore_rows *hyps,
                                  const thx_bertscore_rows *refs, size_t n, size_t D, thorax_error *err)
{
    const thx_arena_mark mark = thx_arena_get_mark(ctx->arena);
    matcher       m = { .ctx = ctx, .hyp_most = longest(hyps, n), .ref_most = longest(refs, n), .D = D };
    const size_t  h = m.hyp_most + 1, r = m.ref_most + 1; /* + 1: never empty */
    thorax_status st = THORAX_OK;

    m.hyp = thx_tensor_alloc(ctx, h, D);
    m.ref = thx_tensor_alloc(ctx, r, D);
    m.similar = thx_tensor_alloc(ctx, h, r);
    m.best = thx_arena_alloc(ctx->arena, h > r ? h : r, sizeof *m.best);
    if (!m.hyp.data || !m.ref.data || !m.similar.data || !m.best)
        st = thx_fail(err, THORAX_NOMEM, 0, "no memory to match texts of %zu and %zu tokens", h, r);
    for (size_t i = 0; i < n && !st; i++) st = match_pair(&m, &out[i], &hyps[i], &refs[i], err);
    thx_arena_release(ctx->arena, mark);
    return st;
}

thx_bertscore thx_bertscore_best(const thx_bertscore *values, size_t n)
{
    thx_bertscore best = values[0];

    for (size_t i = 1; i < n; i++) {
        best.p = larger(best.p, values[i].p);
        best.r = larger(best.r, values[i].r);
        best.f = larger(best.f, values[i].f);
    }
    return best;
}

thx_bertscore thx_bertscore_mean(const thx_bertscore *values, size_t n)
{
    double p = 0, r = 0, f = 0;

    for (size_t i = 0; i < n; i++) {
        p += values[i].p;
        r += values[i].r;
        f += values[i].f;
    }
    const double count = n ? (double)n : 1;
    return (thx_bertscore){ (float)(p / count), (float)(r / count), (float)(f / count) };
}

/* ---- Rare tokens ---- */

/* Documents that hold each id: weights[id] counts them first. */
static void count_documents(thx_idf *idf, size_t *last, const int32_t *ids, const size_t *ends, size_t N)
{
    for (size_t i = 0, k = 0; i < N; i++)
        for (; k < ends[i]; k++) {
            if (last[ids[k]] == i + 1) continue;
            last[ids[k]] = i + 1;
            idf->weights[ids[k]] += 1;
        }
}

thorax_status thx_idf_init(thx_idf *out, const int32_t *ids, const size_t *ends, size_t N, thorax_error *err)
{
    const size_t count = N ? ends[N - 1] : 0;
    size_t       n = 0;

    *out = (thx_idf){ .unseen = log((double)N + 1) };
    for (size_t i = 0; i < count; i++) {
        if (ids[i] < 0) return thx_fail(err, THORAX_USAGE, 0, "id %d: expected 0 or more", ids[i]);
        if ((size_t)ids[i] >= n) n = (size_t)ids[i] + 1;
    }
    size_t *last = calloc(n + 1, sizeof *last); /* document it was seen in last, from 1 */
    out->weights = calloc(n + 1, sizeof *out->weights);
    if (!last || !out->weights) {
        free(last);
        thx_idf_deinit(out);
        return thx_fail(err, THORAX_NOMEM, 0, "no memory for the weights of %zu ids", n);
    }
    out->n = n;
    count_documents(out, last, ids, ends, N);
    for (size_t id = 0; id < n; id++) out->weights[id] = log(((double)N + 1) / (out->weights[id] + 1));
    free(last);
    return THORAX_OK;
}

void thx_idf_deinit(thx_idf *idf)
{
    free(idf->weights);
    idf->weights = NULL;
    idf->n = 0;
}

double thx_idf_weight(const thx_idf *idf, int32_t id)
{
    return id >= 0 && (size_t)id < idf->n ? idf->weights[id] : idf->unseen;
}
