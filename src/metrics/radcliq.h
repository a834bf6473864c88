/* RadCliQ: how many errors a radiologist would count, guessed from four figures of a pair. Lower is better.
 * Method: CXR-Report-Metric (the parameters of its three pickled files). Pure functions. */
#ifndef THX_METRICS_RADCLIQ_H
#define THX_METRICS_RADCLIQ_H

#include <stddef.h>

/* radgraph: thx_radgraph_combined's mean; bertscore: F; semb: cosine of the CheXbert vectors; bleu: BLEU-2. */
typedef struct thx_radcliq_features { double radgraph, bertscore, semb, bleu; } thx_radcliq_features;

typedef enum thx_radcliq_version { THX_RADCLIQ_V0, THX_RADCLIQ_V1 } thx_radcliq_version;

double thx_radcliq(const thx_radcliq_features *x, thx_radcliq_version version);

/* What RadEval calls RadCliQ-v1: the inverse of the mean of n scores (its features: BERTScore with idf, BLEU-2 of
 * COCO). NaN for n = 0. */
double thx_radcliq_inverse(const double *scores, size_t n);

#endif
