/* Ranks and their figures. */
#include "metrics/ranking.h"

#include <math.h>
#include <stdlib.h>

const size_t thx_rank_cuts[THX_RANK_CUTS] = { 1, 5, 10 };

size_t thx_rank_of(const float *scores, size_t n, size_t stride, size_t target)
{
    const float x = scores[target * stride];
    size_t      rank = 1;

    for (size_t i = 0; i < n; i++) {
        const float y = scores[i * stride];
        rank += isnan(x) ? !isnan(y) || i < target : y > x || (y == x && i < target);
    }
    return rank;
}

size_t thx_rank_best(const float *scores, size_t n, size_t stride, const unsigned char *right)
{
    size_t best = n;

    for (size_t i = 0; i < n; i++) {
        const float x = scores[i * stride], y = best < n ? scores[best * stride] : 0.0f;
        if (right[i] && (best == n || x > y || (isnan(y) && !isnan(x)))) best = i;
    }
    return best < n ? thx_rank_of(scores, n, stride, best) : 0;
}

void thx_rank_pairs(size_t *ranks, size_t *back, const float *similarity, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ranks[i] = thx_rank_of(similarity + i * n, n, 1, i);
        if (back) back[i] = thx_rank_of(similarity + i, n, n, i);
    }
}

double thx_recall_at(const size_t *ranks, size_t n, size_t k)
{
    size_t found = 0, all = 0;

    for (size_t i = 0; i < n; i++) {
        all += ranks[i] > 0;
        found += ranks[i] > 0 && ranks[i] <= k;
    }
    return all ? (double)found / (double)all : NAN;
}

static int ascending(const void *a, const void *b)
{
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;

    return x < y ? -1 : x > y;
}

thorax_status thx_ranking_of(thx_ranking *out, const size_t *ranks, size_t n, thorax_error *err)
{
    size_t *sorted = malloc((n + 1) * sizeof *sorted);
    double  sum = 0, inverse = 0;

    *out = (thx_ranking){ .mean = NAN, .median = NAN, .mrr = NAN };
    if (!sorted) return thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu ranks", n);
    for (size_t i = 0; i < n; i++) {
        if (!ranks[i]) continue;
        sum += (double)ranks[i];
        inverse += 1.0 / (double)ranks[i];
        sorted[out->n++] = ranks[i];
    }
    const size_t m = out->n;
    out->without = n - m;
    for (size_t k = 0; k < THX_RANK_CUTS; k++) out->recall[k] = thx_recall_at(ranks, n, thx_rank_cuts[k]);
    qsort(sorted, m, sizeof *sorted, ascending);
    if (m) {
        out->mean = sum / (double)m;
        out->mrr = inverse / (double)m;
        out->median = ((double)sorted[(m - 1) / 2] + (double)sorted[m / 2]) / 2.0;
    }
    free(sorted);
    return THORAX_OK;
}
