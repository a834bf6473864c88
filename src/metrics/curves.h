/* Scores against truths: ROC and precision-recall curves, their areas, calibration.
 *
 * A curve sorts the scores once; areas are then one pass, also for a resample given as how often each item counts.
 * Ties are one point of the curve, as in scikit-learn (roc_auc_score by trapezoids, average_precision_score by steps).
 * Items whose truth is unknown (negative) or whose score is NaN are left out and counted. Where only one class is
 * left an area is undefined: NaN, left out of the mean over labels and counted there. */
#ifndef THX_METRICS_CURVES_H
#define THX_METRICS_CURVES_H

#include "base/error.h"

/* ---- One label ---- */

typedef struct thx_curve thx_curve;

/* scores [n], any finite or infinite value, greater means more likely; truth [n] 1, 0 or negative for unknown. Both are
 * copied. Item i lies at scores[i * stride], truth[i * stride], so that one column of a table can be taken.
 * THORAX_NOMEM. */
thorax_status thx_curve_open(thx_curve **out, const double *scores, const signed char *truth, size_t n, size_t stride,
                             thorax_error *err);
void          thx_curve_close(thx_curve *c);

size_t thx_curve_positives(const thx_curve *c);
size_t thx_curve_negatives(const thx_curve *c);

/* Areas; `times` [n] says how often each item counts (a resample), NULL for once each. auroc is NaN unless there
 * are positives and negatives; auprc (average precision) is NaN unless there are positives. */
double thx_curve_auroc(const thx_curve *c, const uint32_t *times);
double thx_curve_auprc(const thx_curve *c, const uint32_t *times);

/* The points, from the highest threshold down: items with score >= threshold are called positive. */
typedef struct thx_curve_point { double threshold; size_t tp, fp; } thx_curve_point;
const thx_curve_point *thx_curve_points(const thx_curve *c, size_t *n); /* owned by c */

/* What the axes are: rates of a point; 0/0 is NaN. */
double thx_curve_recall(const thx_curve *c, thx_curve_point p);    /* = true positive rate */
double thx_curve_fall_out(const thx_curve *c, thx_curve_point p);  /* = false positive rate */
double thx_curve_precision(thx_curve_point p);

/* In one call; see above. THORAX_NOMEM. */
thorax_status thx_auroc(double *out, const double *scores, const signed char *truth, size_t n, thorax_error *err);
thorax_status thx_auprc(double *out, const double *scores, const signed char *truth, size_t n, thorax_error *err);

/* ---- Several labels ---- */

typedef struct thx_curve_means {
    double macro_auroc, macro_auprc; /* over the labels where defined; NaN without any */
    double micro_auroc, micro_auprc; /* all items of all labels in one curve           */
    size_t undefined_auroc, undefined_auprc;
    size_t left_out;                 /* items of unknown truth or score                */
} thx_curve_means;

/* scores, truth [n, n_labels]; auroc, auprc [n_labels] receive each label's (either may be NULL). THORAX_NOMEM. */
thorax_status thx_curve_table(thx_curve_means *out, double *auroc, double *auprc, const double *scores,
                              const signed char *truth, size_t n, size_t n_labels, thorax_error *err);

/* ---- Calibration ---- */

enum { THX_CALIBRATION_BINS_MAX = 100 };

typedef struct thx_calibration_bin {
    size_t n;
    double confidence; /* mean score; NaN in an empty bin */
    double rate;       /* share of positives; NaN          */
} thx_calibration_bin;

typedef struct thx_calibration {
    size_t n, left_out;
    double brier;      /* mean of (score - truth)²; NaN without items         */
    double ece, mce;   /* mean and greatest |rate - confidence| over the bins */
    size_t n_bins;
    thx_calibration_bin bin[THX_CALIBRATION_BINS_MAX]; /* bin k: ]k/n_bins, (k+1)/n_bins], 0 in the first */
} thx_calibration;

/* scores are probabilities. n_bins equal widths, 1..100 (10 and 15 are usual). THORAX_USAGE: bins;
 * THORAX_FORMAT: a score outside 0..1. */
thorax_status thx_calibration_of(thx_calibration *out, const double *scores, const signed char *truth, size_t n,
                                 size_t stride, size_t n_bins, thorax_error *err);

#endif
