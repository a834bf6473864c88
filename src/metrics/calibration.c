/* Calibration of probabilities: Brier score and bins of equal width. */
#include "metrics/curves.h"

#include <math.h>

/* The bin whose upper edge is the first not below p; the edges are those of NumPy's linspace. */
static size_t bin_of(double p, size_t n_bins)
{
    const double width = 1.0 / (double)n_bins;
    size_t       k = (size_t)(p * (double)n_bins);

    if (k > 0) k--;
    while (k + 1 < n_bins && (double)(k + 1) * width < p) k++;
    return k;
}

static void finish(thx_calibration *out)
{
    double ece = 0, mce = 0;

    for (size_t k = 0; k < out->n_bins; k++) {
        thx_calibration_bin *b = &out->bin[k];
        b->confidence = b->n ? b->confidence / (double)b->n : NAN;
        b->rate = b->n ? b->rate / (double)b->n : NAN;
        if (!b->n) continue;
        const double gap = fabs(b->rate - b->confidence);
        ece += (double)b->n * gap;
        if (gap > mce) mce = gap;
    }
    out->brier = out->n ? out->brier / (double)out->n : NAN;
    out->ece = out->n ? ece / (double)out->n : NAN;
    out->mce = out->n ? mce : NAN;
}

thorax_status thx_calibration_of(thx_calibration *out, const double *scores, const signed char *truth, size_t n,
                                 size_t stride, size_t n_bins, thorax_error *err)
{
    *out = (thx_calibration){ .n_bins = n_bins };
    if (!n_bins || n_bins > THX_CALIBRATION_BINS_MAX)
        return thx_fail(err, THORAX_USAGE, 0, "bins: 1 to %d wanted, %zu found", THX_CALIBRATION_BINS_MAX, n_bins);
    for (size_t i = 0; i < n; i++) {
        const double      p = scores[i * stride];
        const signed char t = truth[i * stride];
        if (isnan(p) || t < 0) {
            out->left_out++;
            continue;
        }
        if (!(p >= 0.0 && p <= 1.0))
            return thx_fail(err, THORAX_FORMAT, i, "score %zu: a probability wanted, %g found", i, p);
        thx_calibration_bin *b = &out->bin[bin_of(p, n_bins)];
        const double y = t > 0 ? 1.0 : 0.0;
        out->brier += (p - y) * (p - y);
        b->confidence += p;
        b->rate += y;
        b->n++;
        out->n++;
    }
    finish(out);
    return THORAX_OK;
}
