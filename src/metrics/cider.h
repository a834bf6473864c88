/* CIDEr-D (n = 4, sigma = 6) as pycocoevalcap and RadVLM compute it, on words split at white space, 0..10.
 *
 * Weights come from the references of the very corpus that is scored: the value of a record depends on the
 * other records, and a corpus of one record scores 0. Lengths are counted in bigrams, as in the original. */
#ifndef THX_METRICS_CIDER_H
#define THX_METRICS_CIDER_H

#include "metrics/words.h"

typedef struct thx_cider {
    size_t  n;
    double *scores;  /* [n] */
    double  corpus;  /* their mean */
} thx_cider;

/* THORAX_USAGE: no records, a record without reference, no word in any reference; THORAX_LIMIT: more than 2^32 - 2
 * different n-grams; THORAX_NOMEM. After a failure there is nothing to free. */
thorax_status thx_cider_d(thx_cider *out, const thx_pairs *pairs, thorax_error *err);
void          thx_cider_deinit(thx_cider *c);

#endif
