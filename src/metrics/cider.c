/* CIDEr-D; see cider.h. Every n-gram of the corpus has one number; a text is its n-grams by place and order, and sums run in the
 * order of first occurrence, orders 1 to 4, as the original's do. */
#include "metrics/cider.h"
#include "metrics/grams.h"
#include "base/memory.h"
#include "metrics/stats.h"

#include <math.h>
#include <stdlib.h>

enum { ORDERS = 4 };
static const double sigma = 6.0;

/* An n-gram: its weight, how many records' references have it, and what the texts at hand hold of it. */
typedef struct gram {
    double   weight;
    uint32_t records, last;           /* last: 1 + the last record it was counted for */
    uint32_t hypothesis, reference;
} gram;

typedef struct corpus {
    thx_words      words;
    thx_gram_table table;
    uint32_t     (*ids)[ORDERS]; /* [words]: n-grams that begin there; 0 behind the end of the text */
    gram          *grams;        /* by number */
} corpus;

/* A text: its n-grams by place. */
typedef struct text { uint32_t (*ids)[ORDERS]; size_t n; } text;

static text text_of(const corpus *c, size_t t)
{
    return (text){ c->ids + c->words.first[t], c->words.first[t + 1] - c->words.first[t] };
}

/* ---- Weights ---- */

/* Numbers the n-grams of all texts. */
static thorax_status number_grams(corpus *c, thorax_error *err)
{
    const size_t  total = c->words.first[c->words.texts];
    thorax_status st = THORAX_OK;

    c->ids = calloc(total + 1, sizeof *c->ids);
    if (!c->ids) return thx_fail(err, THORAX_NOMEM, 0, "no memory for n-grams of %zu words", total);
    for (size_t t = 0; t < c->words.texts && !st; t++) {
        const size_t end = c->words.first[t + 1];
        size_t       need;
        if (!thx_mul_size(&need, end - c->words.first[t], ORDERS)) need = SIZE_MAX;
        st = thx_gram_table_reserve(&c->table, need, err);
        for (size_t i = c->words.first[t]; i < end && !st; i++)
            for (size_t k = 0; k < ORDERS && i + k < end; k++)
                c->ids[i][k] = thx_gram_add(&c->table, k ? c->ids[i][k - 1] : 0, c->words.ids[i + k]);
    }
    if (st) return st;
    c->grams = calloc((size_t)c->table.n + 1, sizeof *c->grams);
    return c->grams ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "no memory for %u n-grams", c->table.n);
}

static size_t references_of(const thx_pairs *pairs, size_t i) { return pairs->counts ? pairs->counts[i] : 1; }

/* In how many records' references each n-gram occurs; false: the references hold no word. */
static bool count_records(corpus *c, const thx_pairs *pairs)
{
    bool any = false;

    for (size_t i = 0, r = pairs->n; i < pairs->n; i++) {
        for (const size_t end = r + references_of(pairs, i); r < end; r++) {
            const text t = text_of(c, r);
            any |= t.n > 0;
            for (size_t j = 0; j < t.n; j++) {
                for (size_t k = 0; k < ORDERS && t.ids[j][k]; k++) {
                    gram *g = &c->grams[t.ids[j][k]];
                    g->records += g->last != i + 1;
                    g->last = (uint32_t)(i + 1);
                }
            }
        }
    }
    return any;
}

static void set_weights(corpus *c, size_t n)
{
    const double top = log((double)n);

    for (size_t g = 1; g <= c->table.n; g++)
        c->grams[g].weight = top - log(c->grams[g].records > 1 ? (double)c->grams[g].records : 1);
}

/* ---- A pair ---- */

/* The length of a text's vector of one order; the counts are those of that text. `reference` says which they are. */
static double norm_of(const corpus *c, text t, size_t k, bool reference)
{
    double sum = 0;

    for (size_t i = 0; i + k < t.n; i++) {
        gram          *g = &c->grams[t.ids[i][k]];
        const uint32_t count = reference ? g->reference : g->hypothesis;
        const double   w = g->weight * count;
        if (g->last == 0) sum += w * w; /* the first time it occurs */
        g->last = 1;
    }
    for (size_t i = 0; i + k < t.n; i++) c->grams[t.ids[i][k]].last = 0;
    return sqrt(sum);
}

/* The sum over the answer's n-grams of one order. */
static double product_of(const corpus *c, text t, size_t k)
{
    double sum = 0;

    for (size_t i = 0; i + k < t.n; i++) {
        gram        *g = &c->grams[t.ids[i][k]];
        const double h = g->weight * g->hypothesis, r = g->weight * g->reference;
        if (g->last == 0) sum += (h < r ? h : r) * r;
        g->last = 1;
    }
    for (size_t i = 0; i + k < t.n; i++) c->grams[t.ids[i][k]].last = 0;
    return sum;
}

/* Adds to the counts of a text's n-grams, or takes them away again. */
static void count_text(const corpus *c, text t, bool reference, uint32_t by)
{
    for (size_t i = 0; i < t.n; i++) {
        for (size_t k = 0; k < ORDERS && t.ids[i][k]; k++) {
            gram *g = &c->grams[t.ids[i][k]];
            *(reference ? &g->reference : &g->hypothesis) += by;
        }
    }
}

/* Similarity with one reference: the mean over the orders. The answer's counts and norms are set. */
static double similarity(const corpus *c, text h, const double norms[ORDERS], text r)
{
    const double bigrams = (double)(h.n ? h.n - 1 : 0) - (double)(r.n ? r.n - 1 : 0);
    const double nearness = exp(-(bigrams * bigrams) / (2 * sigma * sigma));
    double       sum = 0;

    count_text(c, r, true, 1);
    for (size_t k = 0; k < ORDERS; k++) {
        const double norm = norm_of(c, r, k, true);
        double       value = product_of(c, h, k);
        if (norms[k] != 0 && norm != 0) value /= norms[k] * norm;
        sum += value * nearness;
    }
    count_text(c, r, true, UINT32_MAX); /* less one */
    return sum / ORDERS;
}

static double score_record(const corpus *c, size_t i, size_t first, size_t references)
{
    const text h = text_of(c, i);
    double     norms[ORDERS], sum = 0;

    count_text(c, h, false, 1);
    for (size_t k = 0; k < ORDERS; k++) norms[k] = norm_of(c, h, k, false);
    for (size_t r = 0; r < references; r++) sum += similarity(c, h, norms, text_of(c, first + r));
    count_text(c, h, false, UINT32_MAX);
    return sum / (double)references * 10;
}

/* ---- The corpus ---- */

static void score_all(thx_cider *out, corpus *c, const thx_pairs *pairs)
{
    size_t first = pairs->n;

    set_weights(c, pairs->n);
    for (size_t g = 0; g <= c->table.n; g++) c->grams[g].last = 0;
    for (size_t i = 0; i < pairs->n; i++) {
        out->scores[i] = score_record(c, i, first, references_of(pairs, i));
        first += references_of(pairs, i);
    }
    out->corpus = thx_mean(out->scores, out->n);
}

thorax_status thx_cider_d(thx_cider *out, const thx_pairs *pairs, thorax_error *err)
{
    corpus        c = { 0 };
    thorax_status st = pairs->n < UINT32_MAX ? thx_words_of_pairs(&c.words, pairs, THX_WORDS_SPACE, err)
                                             : thx_fail(err, THORAX_LIMIT, 0, "more than 2^32 texts");

    *out = (thx_cider){ .n = pairs->n };
    if (!st) st = number_grams(&c, err);
    if (!st && !count_records(&c, pairs)) st = thx_fail(err, THORAX_USAGE, 0, "CIDEr-D: no reference holds a word");
    if (!st) {
        out->scores = calloc(pairs->n, sizeof *out->scores);
        if (!out->scores) st = thx_fail(err, THORAX_NOMEM, 0, "no memory for scores of %zu texts", pairs->n);
    }
    if (!st) score_all(out, &c, pairs);
    else thx_cider_deinit(out);
    thx_words_deinit(&c.words);
    thx_gram_table_deinit(&c.table);
    free(c.ids);
    free(c.grams);
    return st;
}

void thx_cider_deinit(thx_cider *c)
{
    free(c->scores);
    *c = (thx_cider){ 0 };
}
