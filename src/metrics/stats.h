/* Plain statistics, and tests of two systems on the same records.
 *
 * Sums carry what rounding loses, so that a mean is right to the last digit whatever n. */
#ifndef THX_METRICS_STATS_H
#define THX_METRICS_STATS_H

#include "base/error.h"

double thx_mean(const double *x, size_t n);              /* NaN for n = 0 */
double thx_std_population(const double *x, size_t n);    /* NumPy's std; NaN for n = 0 */
void   thx_sort(double *x, size_t n);                    /* rising; no NaN */
double thx_percentile(const double *sorted, size_t n, double q); /* NumPy's linear, q in 0..100; NaN for n = 0 */
double thx_median(const double *sorted, size_t n);

/* ---- Two systems a [n] and b [n] on the same records; the difference is mean(a) - mean(b) ---- */

typedef struct thx_paired {
    double difference;
    double low, high;   /* interval of the difference; bootstrap alone */
    double p;           /* two-sided                                   */
} thx_paired;

/* Resamples records; p is the share of resampled differences that lie as far from the difference as that lies from 0,
 * each count plus one; of one record alone 1. Figures that are no means: thx_paired_bootstrap_of() of bootstrap.h.
 * THORAX_USAGE: n is 0, a value is NaN, no resamples, a confidence outside 0..1; THORAX_LIMIT: n beyond 2^32 - 1;
 * THORAX_NOMEM. */
thorax_status thx_paired_bootstrap(thx_paired *out, const double *a, const double *b, size_t n, size_t resamples,
                                   double confidence, uint32_t seed, thorax_error *err);

/* Approximate randomisation: flips the sign of each record's difference by chance; p is the share of sums at least as
 * far from 0, each count plus one. low and high are NaN. Statuses as above. */
thorax_status thx_paired_randomisation(thx_paired *out, const double *a, const double *b, size_t n, size_t trials,
                                       uint32_t seed, thorax_error *err);

/* Wilcoxon's signed ranks: equal pairs are left out, ties share their rank, normal approximation with the
 * correction for ties, none for continuity (scipy.stats.wilcoxon, method "approx"). All pairs equal: p is 1.
 * Ties are by value as the doubles are: differences of decimals that look equal often are not. */
typedef struct thx_wilcoxon { size_t used; double plus, minus, statistic, z, p; } thx_wilcoxon;

/* THORAX_USAGE: n is 0, a value is NaN; THORAX_NOMEM. */
thorax_status thx_wilcoxon_test(thx_wilcoxon *out, const double *a, const double *b, size_t n, thorax_error *err);

/* McNemar's test of two yes-or-no outcomes: exact binomial, and the chi square with Edwards's correction.
 * THORAX_USAGE: n is 0. */
typedef struct thx_mcnemar { size_t only_a, only_b; double p_exact, chi2, p_chi2; } thx_mcnemar;
thorax_status thx_mcnemar_test(thx_mcnemar *out, const bool *a, const bool *b, size_t n, thorax_error *err);

#endif
