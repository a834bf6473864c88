/* Four BLEUs; see bleu.h. Counting is the same for all: words, clipped matches and a reference length a record. What
 * differs is the words, which length counts, and the formula over the sums. */
#include "metrics/bleu.h"
#include "metrics/grams.h"
#include "metrics/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void thx_bleu_counts_add(thx_bleu_counts *sum, const thx_bleu_counts *c)
{
    sum->length += c->length;
    sum->reference += c->reference;
    for (size_t k = 0; k < THX_BLEU_ORDERS; k++) {
        sum->correct[k] += c->correct[k];
        sum->total[k] += c->total[k];
    }
}

/* ---- Counting ---- */

typedef struct span {
    const uint32_t *ids;
    size_t          n;
} span;

static span text_of(const thx_words *w, size_t t)
{
    return (span){ w->ids + w->first[t], w->first[t + 1] - w->first[t] };
}

static size_t distance(size_t a, size_t b) { return a > b ? a - b : b - a; }

/* Of two reference lengths: the shortest, or the one closest to n and of such the shorter. */
static size_t better_length(size_t a, size_t b, size_t n, bool shortest)
{
    if (!shortest && distance(a, n) != distance(b, n)) return distance(a, n) < distance(b, n) ? a : b;
    return a < b ? a : b;
}

/* One record: answer i and the texts from `first` on. */
static thorax_status count_record(thx_bleu_counts *c, thx_grams *g, const thx_words *w, size_t i, size_t first,
                                  size_t references, size_t order, bool shortest, thorax_error *err)
{
    const span    h = text_of(w, i);
    thorax_status st = thx_grams_begin(g, h.ids, h.n, order, err);

    if (st) return st;
    *c = (thx_bleu_counts){ .length = h.n, .reference = text_of(w, first).n };
    for (size_t r = 0; r < references; r++) {
        const span s = text_of(w, first + r);
        thx_grams_reference(g, s.ids, s.n, r == 0);
        c->reference = better_length(c->reference, s.n, h.n, shortest);
    }
    thx_grams_matches(g, c->correct);
    for (size_t k = 0; k < order; k++) c->total[k] = h.n > k ? h.n - k : 0;
    return THORAX_OK;
}

/* counts [n], the caller's to free; NULL after a failure. */
static thorax_status count_all(thx_bleu_counts **out, const thx_pairs *pairs, thx_words_kind kind, size_t order,
                               bool shortest, thorax_error *err)
{
    thx_words        w;
    thx_grams        g = { 0 };
    size_t           first = pairs->n;
    thorax_status    st = thx_words_of_pairs(&w, pairs, kind, err);
    thx_bleu_counts *counts = st ? NULL : calloc(pairs->n, sizeof *counts);

    if (!st && !counts) st = thx_fail(err, THORAX_NOMEM, 0, "no memory for counts of %zu texts", pairs->n);
    for (size_t i = 0; i < pairs->n && !st; i++) {
        const size_t references = pairs->counts ? pairs->counts[i] : 1;
        st = count_record(&counts[i], &g, &w, i, first, references, order, shortest, err);
        first += references;
    }
    thx_grams_deinit(&g);
    thx_words_deinit(&w);
    if (st) free(counts);
    *out = st ? NULL : counts;
    return st;
}

static thx_bleu_counts sum_of(const thx_bleu_counts *counts, size_t n)
{
    thx_bleu_counts sum = { 0 };

    for (size_t i = 0; i < n; i++) thx_bleu_counts_add(&sum, &counts[i]);
    return sum;
}

static thorax_status check_order(size_t order, thorax_error *err)
{
    if (order >= 1 && order <= THX_BLEU_ORDERS) return THORAX_OK;
    return thx_fail(err, THORAX_USAGE, 0, "expected a BLEU of order 1 to %d, found %zu", THX_BLEU_ORDERS, order);
}

/* ---- COCO ---- */

void thx_bleu_coco_of(double bleu[THX_BLEU_ORDERS], const thx_bleu_counts *c)
{
    const double tiny = 1e-15, small = 1e-9;
    const double ratio = ((double)c->length + tiny) / ((double)c->reference + small);
    double       product = 1;

    for (size_t k = 0; k < THX_BLEU_ORDERS; k++) {
        product *= ((double)c->correct[k] + tiny) / ((double)c->total[k] + small);
        bleu[k] = pow(product, 1.0 / (double)(k + 1));
        if (ratio < 1) bleu[k] *= exp(1 - 1 / ratio);
    }
}

thorax_status thx_bleu_coco_score(thx_bleu_coco *out, const thx_pairs *pairs, thorax_error *err)
{
    *out = (thx_bleu_coco){ .n = pairs->n };
    thorax_status st = count_all(&out->counts, pairs, THX_WORDS_SPACE, THX_BLEU_ORDERS, false, err);
    if (st) return st;
    out->sentences = calloc(pairs->n, sizeof *out->sentences);
    if (!out->sentences) {
        thx_bleu_coco_deinit(out);
        return thx_fail(err, THORAX_NOMEM, 0, "no memory for scores of %zu texts", pairs->n);
    }
    for (size_t i = 0; i < pairs->n; i++) thx_bleu_coco_of(out->sentences[i], &out->counts[i]);
    const thx_bleu_counts sum = sum_of(out->counts, out->n);
    thx_bleu_coco_of(out->corpus, &sum);
    return THORAX_OK;
}

void thx_bleu_coco_deinit(thx_bleu_coco *b)
{
    free(b->counts);
    free(b->sentences);
    *b = (thx_bleu_coco){ 0 };
}

/* ---- sacrebleu ---- */

static bool any_match(const thx_bleu_counts *c, size_t order)
{
    for (size_t k = 0; k < order; k++)
        if (c->correct[k]) return true;
    return false;
}

void thx_bleu_sacrebleu_of(thx_bleu_value *out, const thx_bleu_counts *c, size_t order)
{
    const double n = (double)c->length, r = (double)c->reference;
    double       logs = 0, smooth = 1;

    *out = (thx_bleu_value){ .bp = c->length >= c->reference ? 1
                                   : c->length               ? exp(1 - r / n)
                                                             : 0,
                             .ratio = c->reference ? n / r : 0,
                             .counts = *c };
    if (!any_match(c, order)) return;
    for (size_t k = 0; k < order && c->total[k]; k++) {
        if (!c->correct[k]) smooth *= 2;
        out->precisions[k] = c->correct[k] ? 100.0 * (double)c->correct[k] / (double)c->total[k]
                                           : 100.0 / (smooth * (double)c->total[k]);
    }
    for (size_t k = 0; k < order; k++) logs += out->precisions[k] > 0 ? log(out->precisions[k]) : -9999999999.0;
    out->score = out->bp * exp(logs / (double)order);
}

thorax_status thx_bleu_sacrebleu_score(thx_bleu_sacrebleu *out, const thx_pairs *pairs, size_t order,
                                       thorax_error *err)
{
    *out = (thx_bleu_sacrebleu){ .n = pairs->n, .order = order };
    thorax_status st = check_order(order, err);
    if (!st) st = count_all(&out->counts, pairs, THX_WORDS_13A_STRIPPED, order, false, err);
    if (st) return st;
    out->sentences = calloc(pairs->n, sizeof *out->sentences);
    if (!out->sentences) {
        thx_bleu_sacrebleu_deinit(out);
        return thx_fail(err, THORAX_NOMEM, 0, "no memory for scores of %zu texts", pairs->n);
    }
    for (size_t i = 0; i < pairs->n; i++) {
        thx_bleu_value v;
        thx_bleu_sacrebleu_of(&v, &out->counts[i], order);
        out->sentences[i] = v.score;
    }
    const thx_bleu_counts sum = sum_of(out->counts, out->n);
    thx_bleu_sacrebleu_of(&out->corpus, &sum, order);
    return THORAX_OK;
}

void thx_bleu_sacrebleu_deinit(thx_bleu_sacrebleu *b)
{
    free(b->counts);
    free(b->sentences);
    *b = (thx_bleu_sacrebleu){ 0 };
}

/* ---- Hugging Face evaluate ---- */

static double precision_hf(size_t correct, size_t total, bool smooth)
{
    if (smooth) return ((double)correct + 1) / ((double)total + 1);
    return total ? (double)correct / (double)total : 0;
}

bool thx_bleu_hf_of(thx_bleu_value *out, const thx_bleu_counts *c, size_t order, bool smooth)
{
    double logs = 0;
    bool   zero = false;

    *out = (thx_bleu_value){ .counts = *c };
    for (size_t k = 0; k < order; k++) {
        const double p = precision_hf(c->correct[k], c->total[k], smooth);
        out->precisions[k] = p;
        zero |= !(p > 0);
        if (p > 0) logs += 1.0 / (double)order * log(p);
    }
    if (!c->length || !c->reference) return false;
    out->ratio = (double)c->length / (double)c->reference;
    out->bp = out->ratio > 1 ? 1 : exp(1 - 1 / out->ratio);
    out->score = zero ? 0 : exp(logs) * out->bp;
    return true;
}

static thorax_status score_hf(thx_bleu_hf *out, thorax_error *err)
{
    const thx_bleu_counts sum = sum_of(out->counts, out->n);

    out->sentences = calloc(out->n, sizeof *out->sentences);
    if (!out->sentences) return thx_fail(err, THORAX_NOMEM, 0, "no memory for scores of %zu texts", out->n);
    for (size_t i = 0; i < out->n; i++) {
        thx_bleu_value v;
        thx_bleu_hf_of(&v, &out->counts[i], out->order, out->smooth);
        out->sentences[i] = v.score;
    }
    if (thx_bleu_hf_of(&out->corpus, &sum, out->order, out->smooth)) return THORAX_OK;
    return thx_fail(err, THORAX_USAGE, 0, "BLEU of Hugging Face evaluate: the %s hold no word at all",
                    sum.reference ? "answers" : "references");
}

thorax_status thx_bleu_hf_score(thx_bleu_hf *out, const thx_pairs *pairs, size_t order, bool smooth,
                                thorax_error *err)
{
    *out = (thx_bleu_hf){ .n = pairs->n, .order = order, .smooth = smooth };
    thorax_status st = check_order(order, err);
    if (!st) st = count_all(&out->counts, pairs, THX_WORDS_13A, order, true, err);
    if (!st) st = score_hf(out, err);
    if (st) thx_bleu_hf_deinit(out);
    return st;
}

void thx_bleu_hf_deinit(thx_bleu_hf *b)
{
    free(b->counts);
    free(b->sentences);
    *b = (thx_bleu_hf){ 0 };
}

/* ---- BLEU-2 of RadCliQ ---- */

static double bleu2_of(const thx_bleu_counts *c)
{
    const double n = (double)c->length, r = (double)c->reference;
    double       logs = 0;

    if (!c->correct[0]) return 0; /* nor is there any where the answer is empty */
    for (size_t k = 0; k < 2; k++) {
        const double hits = c->correct[k] ? (double)c->correct[k] : 0.1;
        logs += 0.5 * log(hits / (c->total[k] ? (double)c->total[k] : 1));
    }
    return (c->length > c->reference ? 1 : exp(1 - r / n)) * exp(logs);
}

thorax_status thx_bleu2_radcliq(double *scores, double *mean, const thx_pairs *pairs, thorax_error *err)
{
    thx_bleu_counts    *counts;
    const thorax_status st = count_all(&counts, pairs, THX_WORDS_RADCLIQ, 2, false, err);

    for (size_t i = 0; i < pairs->n && !st; i++) scores[i] = bleu2_of(&counts[i]);
    if (mean && !st) *mean = thx_mean(scores, pairs->n);
    free(counts);
    return st;
}
