/* Statistics and paired tests; see stats.h. */
#include "metrics/stats.h"
#include "metrics/bootstrap.h"

#include <math.h>
#include <stdlib.h>

/* ---- One list ---- */

/* Neumaier's sum. */
static double sum_of(const double *x, size_t n)
{
    double sum = 0, plain = 0, lost = 0;

    for (size_t i = 0; i < n; i++) {
        const double t = sum + x[i];
        lost += fabs(sum) >= fabs(x[i]) ? sum - t + x[i] : x[i] - t + sum;
        sum = t;
        plain += x[i];
    }
    return isfinite(sum + lost) ? sum + lost : plain;
}

double thx_mean(const double *x, size_t n) { return n ? sum_of(x, n) / (double)n : NAN; }

double thx_std_population(const double *x, size_t n)
{
    const double mean = thx_mean(x, n);
    double       sum = 0;

    for (size_t i = 0; i < n; i++) sum += (x[i] - mean) * (x[i] - mean);
    return n ? sqrt(sum / (double)n) : NAN;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

void thx_sort(double *x, size_t n)
{
    if (n) qsort(x, n, sizeof *x, by_value);
}

double thx_percentile(const double *sorted, size_t n, double q)
{
    if (!n) return NAN;
    const double v = q / 100 * (double)(n - 1);
    const size_t i = v > 0 ? (size_t)v : 0;
    if (i + 1 >= n) return sorted[n - 1];
    const double g = v - (double)i, a = sorted[i], b = sorted[i + 1];
    return g < 0.5 ? a + (b - a) * g : b - (b - a) * (1 - g);
}

double thx_median(const double *sorted, size_t n)
{
    if (!n) return NAN;
    return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

/* ---- Differences ---- */

/* a - b, the caller's to free. */
static thorax_status differences(double **out, const double *a, const double *b, size_t n, size_t trials,
                                 thorax_error *err)
{
    *out = NULL;
    if (!n || !trials)
        return thx_fail(err, THORAX_USAGE, 0, "a test needs records and trials, found %zu and %zu", n, trials);
    *out = calloc(n, sizeof **out);
    if (!*out) return thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu differences", n);
    for (size_t i = 0; i < n; i++) {
        (*out)[i] = a[i] - b[i];
        if (!isnan((*out)[i])) continue;
        free(*out);
        *out = NULL;
        return thx_fail(err, THORAX_USAGE, i, "record %zu has no value in one of the systems", i + 1);
    }
    return THORAX_OK;
}

/* What a sum of these differences may be off by when its order changes. */
static double slack_of(const double *d, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) sum += fabs(d[i]);
    return 1e-12 * sum / (double)n;
}

thorax_status thx_paired_bootstrap(thx_paired *out, const double *a, const double *b, size_t n, size_t resamples,
                                   double confidence, uint32_t seed, thorax_error *err)
{
    const thx_resampling how = { resamples, confidence, seed };
    double              *d;
    thorax_status        st = differences(&d, a, b, n, resamples, err);

    if (!st) st = thx_paired_bootstrap_of(out, n, thx_mean_of_rows, d, &how, err);
    free(d);
    return st;
}

/* The mean of d with signs by chance, a bit each. */
static double flipped_mean(const double *d, size_t n, thx_mt19937 *g)
{
    uint32_t bits = 0;
    double   sum = 0;

    for (size_t i = 0; i < n; i++) {
        bits = i % 32 ? bits >> 1 : thx_mt19937_next(g);
        sum += bits & 1 ? d[i] : -d[i];
    }
    return sum / (double)n;
}

thorax_status thx_paired_randomisation(thx_paired *out, const double *a, const double *b, size_t n, size_t trials,
                                       uint32_t seed, thorax_error *err)
{
    thx_mt19937         g;
    double             *d;
    size_t              far = 0;
    const thorax_status st = differences(&d, a, b, n, trials, err);

    if (st) return st;
    const double point = thx_mean(d, n), least = fabs(point) - slack_of(d, n);
    thx_mt19937_seed(&g, seed);
    for (size_t i = 0; i < trials; i++) far += fabs(flipped_mean(d, n, &g)) >= least;
    *out = (thx_paired){ point, NAN, NAN, (double)(far + 1) / ((double)trials + 1) };
    free(d);
    return THORAX_OK;
}

/* ---- Wilcoxon ---- */

static int by_size(const void *a, const void *b)
{
    const double x = fabs(*(const double *)a), y = fabs(*(const double *)b);

    return (x > y) - (x < y);
}

/* Ranks of d [n], sorted by size: sums by sign, and the sum of t^3 - t over ties. */
static double rank_sums(thx_wilcoxon *out, const double *d, size_t n)
{
    double ties = 0;

    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && fabs(d[end]) == fabs(d[i]); end++) {
        }
        const double rank = ((double)i + 1 + (double)end) / 2, t = (double)(end - i);
        for (size_t k = i; k < end; k++) *(d[k] > 0 ? &out->plus : &out->minus) += rank;
        ties += t * t * t - t;
    }
    return ties;
}

thorax_status thx_wilcoxon_test(thx_wilcoxon *out, const double *a, const double *b, size_t n, thorax_error *err)
{
    double             *d;
    size_t              used = 0;
    const thorax_status st = differences(&d, a, b, n, 1, err);

    if (st) return st;
    for (size_t i = 0; i < n; i++)
        if (d[i] != 0) d[used++] = d[i];
    if (used) qsort(d, used, sizeof *d, by_size);
    *out = (thx_wilcoxon){ .used = used, .p = 1 };
    const double m = (double)used, ties = rank_sums(out, d, used);
    const double spread = sqrt(m * (m + 1) * (2 * m + 1) / 24 - ties / 48);
    out->statistic = out->plus < out->minus ? out->plus : out->minus;
    if (spread > 0) {
        out->z = (out->plus - m * (m + 1) / 4) / spread;
        out->p = erfc(fabs(out->z) / sqrt(2));
    }
    free(d);
    return THORAX_OK;
}

/* ---- McNemar ---- */

/* Twice the chance of at most k heads among n throws, at most 1. */
static double binomial_two_sided(size_t k, size_t n)
{
    const double m = (double)n;
    int          sign;
    double       sum = 0;

    for (size_t i = k + 1; i-- > 0;) {
        const double j = (double)i;
        const double term =
            exp(lgamma_r(m + 1, &sign) - lgamma_r(j + 1, &sign) - lgamma_r(m - j + 1, &sign) - m * log(2));
        sum += term;
        if (term < 1e-18 * sum) break;
    }
    return 2 * sum < 1 ? 2 * sum : 1;
}

thorax_status thx_mcnemar_test(thx_mcnemar *out, const bool *a, const bool *b, size_t n, thorax_error *err)
{
    *out = (thx_mcnemar){ .p_exact = 1, .p_chi2 = 1 };
    if (!n) return thx_fail(err, THORAX_USAGE, 0, "a test needs records, found none");
    for (size_t i = 0; i < n; i++) {
        out->only_a += a[i] && !b[i];
        out->only_b += b[i] && !a[i];
    }
    const size_t unequal = out->only_a + out->only_b, less = out->only_a < out->only_b ? out->only_a : out->only_b;
    const size_t apart = unequal - 2 * less;
    if (!unequal) return THORAX_OK;
    out->p_exact = binomial_two_sided(less, unequal);
    if (apart > 1) out->chi2 = (double)(apart - 1) * (double)(apart - 1) / (double)unequal;
    out->p_chi2 = erfc(sqrt(out->chi2 / 2));
    return THORAX_OK;
}
