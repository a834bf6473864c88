/* ROC and precision-recall curves: sorted once, then counted. */
#include "metrics/curves.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

typedef struct item {
    double score;
    size_t index; /* in the caller's arrays */
    bool   truth;
} item;

struct thx_curve {
    item            *items; /* by score, descending; the known ones          */
    size_t           n;
    thx_curve_point *points; /* one a distinct score                         */
    size_t           n_points, positives, negatives, left_out;
};

static int by_score(const void *a, const void *b)
{
    const item *x = a, *y = b;

    return x->score != y->score ? (x->score < y->score ? 1 : -1) : x->index < y->index ? -1 : x->index > y->index;
}

static void make_points(thx_curve *c)
{
    thx_curve_point p = { 0, 0, 0 };

    for (size_t i = 0; i < c->n; i++) {
        p.threshold = c->items[i].score;
        *(c->items[i].truth ? &p.tp : &p.fp) += 1;
        if (i + 1 == c->n || c->items[i + 1].score != p.threshold) c->points[c->n_points++] = p;
    }
    c->positives = p.tp;
    c->negatives = p.fp;
}

thorax_status thx_curve_open(thx_curve **out, const double *scores, const signed char *truth, size_t n, size_t stride,
                             thorax_error *err)
{
    thx_curve *c = calloc(1, sizeof *c);

    *out = NULL;
    if (c) {
        c->items = calloc(n + 1, sizeof *c->items);
        c->points = calloc(n + 1, sizeof *c->points);
    }
    if (!c || !c->items || !c->points) {
        thx_curve_close(c);
        return thx_fail(err, THORAX_NOMEM, 0, "no memory for a curve of %zu scores", n);
    }
    for (size_t i = 0; i < n; i++) {
        const double score = scores[i * stride];
        const signed char t = truth[i * stride];
        if (isnan(score) || t < 0) c->left_out++;
        else c->items[c->n++] = (item){ score, i, t > 0 };
    }
    qsort(c->items, c->n, sizeof *c->items, by_score);
    make_points(c);
    *out = c;
    return THORAX_OK;
}

void thx_curve_close(thx_curve *c)
{
    if (!c) return;
    free(c->items);
    free(c->points);
    free(c);
}

size_t thx_curve_positives(const thx_curve *c) { return c->positives; }
size_t thx_curve_negatives(const thx_curve *c) { return c->negatives; }

const thx_curve_point *thx_curve_points(const thx_curve *c, size_t *n)
{
    *n = c->n_points;
    return c->points;
}

static double rate(size_t part, size_t whole) { return whole ? (double)part / (double)whole : NAN; }

double thx_curve_recall(const thx_curve *c, thx_curve_point p) { return rate(p.tp, c->positives); }
double thx_curve_fall_out(const thx_curve *c, thx_curve_point p) { return rate(p.fp, c->negatives); }
double thx_curve_precision(thx_curve_point p) { return rate(p.tp, p.tp + p.fp); }

/* ---- Areas ---- */

/* Goes down to the end of the items that share the score of item *i; false at the end. */
static bool next_point(const thx_curve *c, const uint32_t *times, size_t *i, size_t *tp, size_t *fp)
{
    if (*i == c->n) return false;
    const double score = c->items[*i].score;

    for (; *i < c->n && c->items[*i].score == score; ++*i) {
        const item *x = &c->items[*i];
        *(x->truth ? tp : fp) += times ? times[x->index] : 1;
    }
    return true;
}

double thx_curve_auroc(const thx_curve *c, const uint32_t *times)
{
    size_t tp = 0, fp = 0, tp0 = 0, fp0 = 0;
    double area = 0; /* twice, in counts: whole numbers, exact as far as doubles hold them */

    for (size_t i = 0; next_point(c, times, &i, &tp, &fp); tp0 = tp, fp0 = fp)
        area += (double)(fp - fp0) * (double)(tp + tp0);
    return tp && fp ? area / (2.0 * (double)tp * (double)fp) : NAN;
}

double thx_curve_auprc(const thx_curve *c, const uint32_t *times)
{
    size_t tp = 0, fp = 0, tp0 = 0;
    double area = 0;

    for (size_t i = 0; next_point(c, times, &i, &tp, &fp); tp0 = tp)
        if (tp > tp0) area += (double)(tp - tp0) * (double)tp / (double)(tp + fp);
    return tp ? area / (double)tp : NAN;
}

static thorax_status area_of(double *out, double (*area)(const thx_curve *, const uint32_t *), const double *scores,
                             const signed char *truth, size_t n, thorax_error *err)
{
    thx_curve          *c;
    const thorax_status st = thx_curve_open(&c, scores, truth, n, 1, err);

    *out = st ? NAN : area(c, NULL);
    thx_curve_close(c);
    return st;
}

thorax_status thx_auroc(double *out, const double *scores, const signed char *truth, size_t n, thorax_error *err)
{
    return area_of(out, thx_curve_auroc, scores, truth, n, err);
}

thorax_status thx_auprc(double *out, const double *scores, const signed char *truth, size_t n, thorax_error *err)
{
    return area_of(out, thx_curve_auprc, scores, truth, n, err);
}

/* ---- Several labels ---- */

static void add_area(double area, double *sum, size_t *undefined, double *each)
{
    if (each) *each = area;
    if (isnan(area)) ++*undefined;
    else *sum += area;
}

thorax_status thx_curve_table(thx_curve_means *out, double *auroc, double *auprc, const double *scores,
                              const signed char *truth, size_t n, size_t n_labels, thorax_error *err)
{
    double     roc = 0, prc = 0;
    size_t     all;
    thx_curve *c;

    *out = (thx_curve_means){ 0 };
    if (!thx_mul_size(&all, n, n_labels)) return thx_fail(err, THORAX_NOMEM, 0, "too many scores");
    thorax_status st = thx_curve_open(&c, scores, truth, all, 1, err);
    if (st) return st;
    out->micro_auroc = thx_curve_auroc(c, NULL);
    out->micro_auprc = thx_curve_auprc(c, NULL);
    out->left_out = c->left_out;
    thx_curve_close(c);
    for (size_t k = 0; k < n_labels; k++) {
        if ((st = thx_curve_open(&c, scores + k, truth + k, n, n_labels, err))) return st;
        add_area(thx_curve_auroc(c, NULL), &roc, &out->undefined_auroc, auroc ? auroc + k : NULL);
        add_area(thx_curve_auprc(c, NULL), &prc, &out->undefined_auprc, auprc ? auprc + k : NULL);
        thx_curve_close(c);
    }
    out->macro_auroc = n_labels > out->undefined_auroc ? roc / (double)(n_labels - out->undefined_auroc) : NAN;
    out->macro_auprc = n_labels > out->undefined_auprc ? prc / (double)(n_labels - out->undefined_auprc) : NAN;
    return THORAX_OK;
}
