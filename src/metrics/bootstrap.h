/* Resampling: intervals of every figure, and the exact ones of LLaVA-Rad, rouge_score and sacrebleu.
 *
 * A resample is n record numbers drawn with replacement; a figure is computed from what each record
 * contributes, never from the texts again. Rows of a table (resamples, n) are drawn one after another,
 * so a table is never held. n is at most 2^32 - 1 (THORAX_LIMIT). */
#ifndef THX_METRICS_BOOTSTRAP_H
#define THX_METRICS_BOOTSTRAP_H

#include "metrics/bleu.h"
#include "metrics/random.h"
#include "metrics/rouge.h"
#include "metrics/stats.h"

typedef struct thx_resampling {
    size_t   resamples;   /* 500           */
    double   confidence;  /* 0.95          */
    uint32_t seed;        /* 3; of MT19937 */
} thx_resampling;

thx_resampling thx_resampling_default(void);

typedef struct thx_interval {
    double point;         /* of all records                                        */
    double median, mean;  /* of the resampled values                               */
    double low, high;     /* percentiles of the resampled values                   */
    size_t resamples;     /* with a value; 0: too few records, the others are the point value */
} thx_interval;

/* A figure of the records rows [n], which may repeat; NaN where it has no value (such resamples are left out). */
typedef double thx_statistic(void *user, const uint32_t *rows, size_t n);

thx_statistic thx_mean_of_rows; /* of user, which is const double [records] */

/* SciPy's percentile bootstrap (scipy.stats.bootstrap with random_state = seed) of any figure of n records.
 * samples [resamples] receives the resampled values in their order (NULL: not wanted). One record alone
 * is no sample: then resamples is 0. The statistic runs in the caller's thread.
 * THORAX_USAGE: n is 0, no resamples, a confidence outside 0..1; THORAX_LIMIT; THORAX_NOMEM. */
thorax_status thx_bootstrap(thx_interval *out, size_t n, thx_statistic *statistic, void *user,
                            const thx_resampling *how, double *samples, thorax_error *err);

/* The same for several figures of the same records, out, statistics and users [count]: every resample is drawn once for
 * all of them, and each has the interval that it has alone. */
thorax_status thx_bootstrap_several(thx_interval *out, size_t count, size_t n, thx_statistic *const *statistics,
                                    void *const *users, const thx_resampling *how, thorax_error *err);

/* The same for a difference of two systems: its interval, and p as thx_paired_bootstrap() has it. */
thorax_status thx_paired_bootstrap_of(thx_paired *out, size_t n, thx_statistic *difference, void *user,
                                      const thx_resampling *how, thorax_error *err);

/* Of the mean of values [n]: LLaVA-Rad's RadGraph, and every figure that is a mean of records. */
thorax_status thx_bootstrap_mean(thx_interval *out, const double *values, size_t n, const thx_resampling *how,
                                 double *samples, thorax_error *err);

/* Of micro or macro F1 over tables of 0 and 1 [n][classes]; a class without positives counts 0. */
thorax_status thx_bootstrap_f1(thx_interval *out, const uint8_t *reference, const uint8_t *prediction, size_t n,
                               size_t classes, bool macro, const thx_resampling *how, double *samples,
                               thorax_error *err);

/* Of corpus BLEU-k (k = 1 … 4) of COCO, in the manner of the above. */
thorax_status thx_bootstrap_bleu_coco(thx_interval *out, const thx_bleu_coco *b, size_t k, const thx_resampling *how,
                                      double *samples, thorax_error *err);
/* Of corpus BLEU of Hugging Face evaluate; resamples with a side without words have no value. */
thorax_status thx_bootstrap_bleu_hf(thx_interval *out, const thx_bleu_hf *b, const thx_resampling *how,
                                    double *samples, thorax_error *err);

/* rouge_score's aggregator for one kind: `resamples` (LLaVA-Rad 500, the library 1,000) means of rows, from a stream
 * that goes on from kind to kind (NumPy's global one). out[0..2]: P, R, F; the reported figure is out[2].median.
 * THORAX_USAGE: the kind was not scored. */
thorax_status thx_bootstrap_rouge(thx_interval out[3], const thx_rouge *r, unsigned kind, size_t resamples,
                                  double confidence, thx_mt19937 *stream, thorax_error *err);

/* sacrebleu's bootstrap: sums in float32 of the records' counts, always seed 12345. half_width is half of the span
 * between the sorted value resamples/40 and its mirror, low and high are the mean less and plus that: the interval is
 * not centred on the point. */
typedef struct thx_interval_sacrebleu {
    double point, mean, half_width, low, high;
    size_t resamples;
} thx_interval_sacrebleu;

thorax_status thx_bootstrap_sacrebleu(thx_interval_sacrebleu *out, const thx_bleu_sacrebleu *b, size_t resamples,
                                      thorax_error *err);

#endif
