/* Resampling; see bootstrap.h. */
#include "metrics/bootstrap.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

thx_resampling thx_resampling_default(void)
{
    return (thx_resampling){ .resamples = 500, .confidence = 0.95, .seed = 3 };
}

static thorax_status check(size_t n, size_t resamples, double confidence, thorax_error *err)
{
    if (!n || !resamples)
        return thx_fail(err, THORAX_USAGE, 0, "resampling needs records and resamples, found %zu and %zu", n,
                        resamples);
    if (!(confidence > 0 && confidence < 1))
        return thx_fail(err, THORAX_USAGE, 0, "expected a confidence between 0 and 1, found %g", confidence);
    if (n > UINT32_MAX || resamples > UINT32_MAX)
        return thx_fail(err, THORAX_LIMIT, 0, "more than 2^32 - 1 records or resamples");
    return THORAX_OK;
}

static void *take(size_t count, size_t size, thorax_error *err)
{
    void *p = calloc(count, size);

    if (!p) thx_fail(err, THORAX_NOMEM, 0, "no memory to resample %zu values", count);
    return p;
}

/* Percentiles, median and mean of values [resamples], which are sorted; those without a value go. */
static void describe(thx_interval *out, double *values, size_t resamples, double confidence)
{
    const double tail = (1 - confidence) / 2;
    size_t       n = 0;

    for (size_t i = 0; i < resamples; i++)
        if (!isnan(values[i])) values[n++] = values[i];
    out->mean = thx_mean(values, n);
    thx_sort(values, n);
    out->median = thx_median(values, n);
    out->low = thx_percentile(values, n, 100 * tail);
    out->high = thx_percentile(values, n, 100 * (1 - tail));
    out->resamples = n;
}

/* ---- Any figure ---- */

/* Figures of the same records. */
typedef struct figures {
    size_t                n;
    thx_statistic *const *statistic; /* [n] */
    void *const          *user;      /* [n] */
} figures;

/* values [figures][resamples] and rows [n] are room to work in. */
static void draw(thx_interval *out, const figures *f, size_t n, const thx_resampling *how, double *values,
                 uint32_t *rows)
{
    thx_mt19937 g;

    for (size_t i = 0; i < n; i++) rows[i] = (uint32_t)i;
    for (size_t i = 0; i < f->n; i++) out[i].point = f->statistic[i](f->user[i], rows, n);
    thx_mt19937_seed(&g, how->seed);
    for (size_t k = 0; k < how->resamples; k++) {
        if (n > 1) thx_mt19937_rows(&g, rows, n, (uint32_t)n);
        for (size_t i = 0; i < f->n; i++)
            values[i * how->resamples + k] = n > 1 ? f->statistic[i](f->user[i], rows, n) : out[i].point;
    }
}

static void conclude(thx_interval *out, size_t n, const thx_resampling *how, double *values)
{
    describe(out, values, how->resamples, how->confidence);
    if (n == 1) out->resamples = 0;
    if (!out->resamples) out->median = out->mean = out->low = out->high = out->point;
}

/* samples [figures][resamples] or NULL. */
static thorax_status resample(thx_interval *out, const figures *f, size_t n, const thx_resampling *how,
                              double *samples, thorax_error *err)
{
    thorax_status st = check(n, how->resamples, how->confidence, err);
    size_t        size;

    for (size_t i = 0; i < f->n; i++) out[i] = (thx_interval){ 0 };
    if (!st && !thx_mul_size(&size, f->n, how->resamples)) st = thx_fail(err, THORAX_LIMIT, 0, "too many resamples");
    if (st) return st;
    double   *values = take(size, sizeof *values, err);
    uint32_t *rows = values ? take(n, sizeof *rows, err) : NULL;
    if (rows) {
        draw(out, f, n, how, values, rows);
        if (samples) memcpy(samples, values, size * sizeof *samples);
        for (size_t i = 0; i < f->n; i++) conclude(&out[i], n, how, values + i * how->resamples);
    }
    st = rows ? THORAX_OK : THORAX_NOMEM;
    free(values);
    free(rows);
    return st;
}

thorax_status thx_bootstrap(thx_interval *out, size_t n, thx_statistic *statistic, void *user,
                            const thx_resampling *how, double *samples, thorax_error *err)
{
    const figures one = { 1, &statistic, &user };

    return resample(out, &one, n, how, samples, err);
}

thorax_status thx_bootstrap_several(thx_interval *out, size_t count, size_t n, thx_statistic *const *statistics,
                                    void *const *users, const thx_resampling *how, thorax_error *err)
{
    const figures all = { count, statistics, users };

    return count ? resample(out, &all, n, how, NULL, err) : THORAX_OK;
}

/* The share of resampled differences as far from the point as that is from 0, each count plus one; what rounding may do
 * to a sum counts for nothing. */
static double p_of(const thx_interval *i, const double *samples, size_t n)
{
    const double least = fabs(i->point) - 1e-12 * (1 + fabs(i->point));
    size_t       far = 1, counted = 1;

    for (size_t k = 0; k < n; k++) {
        if (isnan(samples[k])) continue;
        far += fabs(samples[k] - i->point) >= least;
        counted++;
    }
    return i->resamples ? (double)far / (double)counted : 1;
}

thorax_status thx_paired_bootstrap_of(thx_paired *out, size_t n, thx_statistic *difference, void *user,
                                      const thx_resampling *how, thorax_error *err)
{
    thx_interval  interval;
    thorax_status st = check(n, how->resamples, how->confidence, err);
    double       *samples = st ? NULL : take(how->resamples, sizeof *samples, err);

    if (!st && !samples) st = THORAX_NOMEM;
    if (!st) st = thx_bootstrap(&interval, n, difference, user, how, samples, err);
    if (!st) {
        *out = (thx_paired){ interval.point, interval.low, interval.high, 0 };
        out->p = p_of(&interval, samples, how->resamples);
    }
    free(samples);
    return st;
}

/* ---- Means ---- */

double thx_mean_of_rows(void *user, const uint32_t *rows, size_t n)
{
    const double *values = user;
    double        sum = 0;

    for (size_t i = 0; i < n; i++) sum += values[rows[i]];
    return sum / (double)n;
}

thorax_status thx_bootstrap_mean(thx_interval *out, const double *values, size_t n, const thx_resampling *how,
                                 double *samples, thorax_error *err)
{
    return thx_bootstrap(out, n, thx_mean_of_rows, (void *)values, how, samples, err);
}

/* ---- F1 of tables ---- */

/* What a record adds to 2 tp and to 2 tp + fp + fn of each class: hits [n][classes], and marks likewise. */
typedef struct f1_table {
    size_t    classes;
    bool      macro;
    uint8_t  *counts; /* [n][2 classes]: first the hits, then the marks of both tables */
    uint64_t *sums;   /* [2 classes] */
} f1_table;

static double f1_of(uint64_t hits, uint64_t marks) { return marks ? 2 * (double)hits / (double)marks : 0; }

static double f1_of_rows(void *user, const uint32_t *rows, size_t n)
{
    const f1_table *t = user;
    const size_t    width = 2 * t->classes;
    uint64_t        hits = 0, marks = 0;
    double          sum = 0;

    memset(t->sums, 0, width * sizeof *t->sums);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *row = t->counts + rows[i] * width;
        for (size_t k = 0; k < width; k++) t->sums[k] += row[k];
    }
    for (size_t k = 0; k < t->classes; k++) {
        sum += f1_of(t->sums[k], t->sums[t->classes + k]);
        hits += t->sums[k];
        marks += t->sums[t->classes + k];
    }
    return t->macro ? sum / (double)t->classes : f1_of(hits, marks);
}

thorax_status thx_bootstrap_f1(thx_interval *out, const uint8_t *reference, const uint8_t *prediction, size_t n,
                               size_t classes, bool macro, const thx_resampling *how, double *samples,
                               thorax_error *err)
{
    f1_table      t = { .classes = classes, .macro = macro };
    size_t        size;
    thorax_status st = check(n, how->resamples, how->confidence, err);

    *out = (thx_interval){ 0 };
    if (!st && !classes) st = thx_fail(err, THORAX_USAGE, 0, "F1 needs a class at least");
    if (st) return st;
    if (!thx_mul_size(&size, n, classes) || size > SIZE_MAX / 2)
        return thx_fail(err, THORAX_LIMIT, 0, "a table too large");
    t.counts = take(2 * size, 1, err);
    t.sums = t.counts ? take(2 * classes, sizeof *t.sums, err) : NULL;
    for (size_t i = 0; t.sums && i < size; i++) {
        uint8_t   *row = t.counts + i / classes * 2 * classes + i % classes;
        const bool r = reference[i] != 0, p = prediction[i] != 0;
        row[0] = r && p;
        row[classes] = (uint8_t)(r + p);
    }
    st = t.sums ? thx_bootstrap(out, n, f1_of_rows, &t, how, samples, err) : THORAX_NOMEM;
    free(t.counts);
    free(t.sums);
    return st;
}

/* ---- BLEU ---- */

static thx_bleu_counts counts_of_rows(const thx_bleu_counts *counts, const uint32_t *rows, size_t n)
{
    thx_bleu_counts sum = { 0 };

    for (size_t i = 0; i < n; i++) thx_bleu_counts_add(&sum, &counts[rows[i]]);
    return sum;
}

typedef struct coco_order {
    const thx_bleu_coco *b;
    size_t               k;
} coco_order;

static double coco_of_rows(void *user, const uint32_t *rows, size_t n)
{
    const coco_order     *o = user;
    const thx_bleu_counts sum = counts_of_rows(o->b->counts, rows, n);
    double                bleu[THX_BLEU_ORDERS];

    thx_bleu_coco_of(bleu, &sum);
    return bleu[o->k - 1];
}

thorax_status thx_bootstrap_bleu_coco(thx_interval *out, const thx_bleu_coco *b, size_t k,
                                      const thx_resampling *how, double *samples, thorax_error *err)
{
    coco_order o = { b, k };

    if (k < 1 || k > THX_BLEU_ORDERS)
        return thx_fail(err, THORAX_USAGE, 0, "expected BLEU-1 to BLEU-4, found BLEU-%zu", k);
    return thx_bootstrap(out, b->n, coco_of_rows, &o, how, samples, err);
}

static double hf_of_rows(void *user, const uint32_t *rows, size_t n)
{
    const thx_bleu_hf    *b = user;
    const thx_bleu_counts sum = counts_of_rows(b->counts, rows, n);
    thx_bleu_value        v;

    return thx_bleu_hf_of(&v, &sum, b->order, b->smooth) ? v.score : NAN;
}

thorax_status thx_bootstrap_bleu_hf(thx_interval *out, const thx_bleu_hf *b, const thx_resampling *how,
                                    double *samples, thorax_error *err)
{
    return thx_bootstrap(out, b->n, hf_of_rows, (void *)b, how, samples, err);
}

/* ---- rouge_score ---- */

/* values [3][resamples]: means of P, R and F. */
static void resample_rouge(double *values, const thx_prf *scores, size_t n, size_t resamples, thx_mt19937 *stream)
{
    for (size_t k = 0; k < resamples; k++) {
        thx_prf sum = { 0 };
        for (size_t i = 0; i < n; i++) {
            const thx_prf *s = &scores[thx_mt19937_below(stream, (uint32_t)n)];
            sum.p += s->p;
            sum.r += s->r;
            sum.f += s->f;
        }
        values[k] = sum.p / (double)n;
        values[resamples + k] = sum.r / (double)n;
        values[2 * resamples + k] = sum.f / (double)n;
    }
}

thorax_status thx_bootstrap_rouge(thx_interval out[3], const thx_rouge *r, unsigned kind, size_t resamples,
                                  double confidence, thx_mt19937 *stream, thorax_error *err)
{
    const thx_prf *scores = kind < THX_ROUGE_KINDS ? r->scores[kind] : NULL;
    thorax_status  st = check(r->n, resamples, confidence, err);

    if (!st && !scores) st = thx_fail(err, THORAX_USAGE, 0, "this kind of ROUGE was not scored");
    double *values = st ? NULL : take(3 * resamples, sizeof *values, err);
    if (!st && !values) st = THORAX_NOMEM;
    if (!st) {
        const double points[3] = { r->mean[kind].p, r->mean[kind].r, r->mean[kind].f };
        resample_rouge(values, scores, r->n, resamples, stream);
        for (size_t k = 0; k < 3; k++) {
            out[k] = (thx_interval){ .point = points[k] };
            describe(&out[k], values + k * resamples, resamples, confidence);
        }
    }
    free(values);
    return st;
}

/* ---- sacrebleu ---- */

enum { SACREBLEU_WIDTH = 2 + 2 * THX_BLEU_ORDERS };

static void to_floats(float *row, const thx_bleu_counts *c)
{
    row[0] = (float)c->length;
    row[1] = (float)c->reference;
    for (size_t k = 0; k < THX_BLEU_ORDERS; k++) {
        row[2 + k] = (float)c->correct[k];
        row[2 + THX_BLEU_ORDERS + k] = (float)c->total[k];
    }
}

static thx_bleu_counts from_floats(const float *row)
{
    thx_bleu_counts c = { .length = (size_t)row[0], .reference = (size_t)row[1] };

    for (size_t k = 0; k < THX_BLEU_ORDERS; k++) {
        c.correct[k] = (size_t)row[2 + k];
        c.total[k] = (size_t)row[2 + THX_BLEU_ORDERS + k];
    }
    return c;
}

/* A score from the sum of n rows by chance, added one after another in float32 as NumPy does. */
static double draw_score(const float (*counts)[SACREBLEU_WIDTH], size_t n, size_t order, thx_pcg64 *g)
{
    float          sum[SACREBLEU_WIDTH] = { 0 };
    thx_bleu_value v;

    for (size_t i = 0; i < n; i++) {
        const float *row = counts[thx_pcg64_below(g, (uint32_t)n)];
        for (size_t k = 0; k < SACREBLEU_WIDTH; k++) sum[k] += row[k];
    }
    const thx_bleu_counts c = from_floats(sum);
    thx_bleu_sacrebleu_of(&v, &c, order);
    return v.score;
}

thorax_status thx_bootstrap_sacrebleu(thx_interval_sacrebleu *out, const thx_bleu_sacrebleu *b, size_t resamples,
                                      thorax_error *err)
{
    thx_pcg64     g;
    thorax_status st = check(b->n, resamples, 0.95, err);

    *out = (thx_interval_sacrebleu){ .point = b->corpus.score, .resamples = resamples };
    if (st) return st;
    float(*counts)[SACREBLEU_WIDTH] = take(b->n, sizeof *counts, err);
    double *values = counts ? take(resamples, sizeof *values, err) : NULL;
    for (size_t i = 0; values && i < b->n; i++) to_floats(counts[i], &b->counts[i]);
    thx_pcg64_init(&g);
    for (size_t k = 0; values && k < resamples; k++)
        values[k] = draw_score((const float(*)[SACREBLEU_WIDTH])counts, b->n, b->order, &g);
    if (values) {
        const size_t low = resamples / 40, high = resamples - low - 1;
        out->mean = thx_mean(values, resamples);
        thx_sort(values, resamples);
        out->half_width = (values[high] - values[low]) / 2;
        out->low = out->mean - out->half_width;
        out->high = out->mean + out->half_width;
    }
    st = values ? THORAX_OK : THORAX_NOMEM;
    free(counts);
    free(values);
    return st;
}
