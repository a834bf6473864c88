/* Retrieval: at which rank each query finds what it looks for, and figures of the ranks.
 *
 * Ranks begin with 1. Of equal scores the earlier row comes first, as in the index (index/index.h); a NaN ranks
 * last. */
#ifndef THX_METRICS_RANKING_H
#define THX_METRICS_RANKING_H

#include "base/error.h"

/* The rank of scores[target * stride] among n scores that lie `stride` apart. */
size_t thx_rank_of(const float *scores, size_t n, size_t stride, size_t target);

/* The best rank of the rows that are right; right [n] not 0 for those. 0 where there is none. */
size_t thx_rank_best(const float *scores, size_t n, size_t stride, const unsigned char *right);

/* similarity [n, n], row i and column i belong together: ranks [n] of the columns for each row, and, where not NULL,
 * back [n] of the rows for each column (the other direction). */
void thx_rank_pairs(size_t *ranks, size_t *back, const float *similarity, size_t n);

enum { THX_RANK_CUTS = 3 };
extern const size_t thx_rank_cuts[THX_RANK_CUTS]; /* 1, 5, 10 */

typedef struct thx_ranking {
    size_t n;                       /* queries with a rank               */
    size_t without;                 /* queries whose rank is 0: none was there to be found; in no figure */
    double recall[THX_RANK_CUTS];   /* R@1, R@5, R@10, 0..1              */
    double mean, median;            /* rank; of an even number of ranks the mean of the middle two */
    double mrr;                     /* mean of 1/rank                    */
} thx_ranking;

/* Share of ranks [n] that are 1..k; those of 0 are left out. NaN without any. */
double thx_recall_at(const size_t *ranks, size_t n, size_t k);

/* The figures; all NaN without ranks. THORAX_NOMEM. */
thorax_status thx_ranking_of(thx_ranking *out, const size_t *ranks, size_t n, thorax_error *err);

#endif
