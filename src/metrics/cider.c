/* CIDEr-D; see cider.h. Every n-gram of the corpus has one number; a text is its n-grams by place and order, and sums
 * run in the order of first occurrence, orders 1 to 4, as the original's do. */
#include "metrics/cider.h"
#include "metrics/grams.h"
#include "base/memory.h"
#include "metrics/stats.h"

#include <math.h>
#include <stdlib.h>

enum { ORDERS = 4, AHEAD = 8 };
static const double sigma = 6.0;

/* An n-gram: its weight, how many records' references have it, and what the texts at hand hold of it. */
typedef struct gram {
    double   weight;
    uint32_t records, last;         /* last: 1 + the last record it was counted for */
    uint32_t hypothesis, reference; /* counts of the pair at hand; 0 between pairs   */
} gram;

typedef struct corpus {
    thx_words      words;
    thx_gram_table table;
    uint32_t (*ids)[ORDERS]; /* [words]: n-grams that begin there; 0 behind the end of the text */
    gram *grams;             /* by number */
} corpus;

/* A text: its n-grams by place. */
typedef struct text {
    uint32_t (*ids)[ORDERS];
    size_t n;
} text;

static text text_of(const corpus *c, size_t t)
{
    return (text){ c->ids + c->words.first[t], c->words.first[t + 1] - c->words.first[t] };
}

/* ---- Weights ---- */

/* Numbers the n-grams of a text, order by order; slots are asked for some places ahead, for the table is larger than
 * what the processor holds near. */
static void number_text(corpus *c, size_t begin, size_t end)
{
    const uint32_t *words = c->words.ids;

    for (size_t k = 0; k < ORDERS; k++) {
        for (size_t i = begin; i + k < end; i++) {
            const size_t ahead = i + AHEAD;
            if (ahead + k < end) thx_gram_prefetch(&c->table, k ? c->ids[ahead][k - 1] : 0, words[ahead + k]);
            c->ids[i][k] = thx_gram_add(&c->table, k ? c->ids[i][k - 1] : 0, words[i + k]);
        }
    }
}

/* Numbers the n-grams of all texts. */
static thorax_status number_grams(corpus *c, thorax_error *err)
{
    const size_t  total = c->words.first[c->words.texts];
    thorax_status st = THORAX_OK;

    c->ids = calloc(total + 1, sizeof *c->ids);
    if (!c->ids) return thx_fail(err, THORAX_NOMEM, 0, "no memory for n-grams of %zu words", total);
    for (size_t t = 0; t < c->words.texts && !st; t++) {
        const size_t begin = c->words.first[t], end = c->words.first[t + 1];
        size_t       need;
        if (!thx_mul_size(&need, end - begin, ORDERS)) need = SIZE_MAX;
        st = thx_gram_table_reserve(&c->table, need, err);
        if (!st) number_text(c, begin, end);
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
        c->grams[g].weight = c->grams[g].records > 1 ? top - log((double)c->grams[g].records) : top;
}

/* ---- A pair ---- */

/* The different n-grams of a text in the order they come, one list an order. */
typedef struct bag {
    uint32_t *list[ORDERS]; /* [room] */
    size_t    n[ORDERS];
    double    norm[ORDERS]; /* the length of the text's vector */
} bag;

/* Where the count of a side stands in an n-gram. */
static inline uint32_t *count_of(gram *g, bool reference) { return reference ? &g->reference : &g->hypothesis; }

/* Counts a text's n-grams, which had counts of 0, into a bag. */
static void bag_fill(const corpus *c, bag *b, text t, bool reference)
{
    for (size_t k = 0; k < ORDERS; k++) {
        double sum = 0;
        b->n[k] = 0;
        for (size_t i = 0; i + k < t.n; i++) {
            if (i + AHEAD < t.n) __builtin_prefetch(&c->grams[t.ids[i + AHEAD][k]]);
            if (!(*count_of(&c->grams[t.ids[i][k]], reference))++) b->list[k][b->n[k]++] = t.ids[i][k];
        }
        for (size_t i = 0; i < b->n[k]; i++) {
            gram        *g = &c->grams[b->list[k][i]];
            const double w = g->weight * *count_of(g, reference);
            sum += w * w;
        }
        b->norm[k] = sqrt(sum);
    }
}

static void bag_empty(const corpus *c, const bag *b, bool reference)
{
    for (size_t k = 0; k < ORDERS; k++)
        for (size_t i = 0; i < b->n[k]; i++) *count_of(&c->grams[b->list[k][i]], reference) = 0;
}

/* The sum over the answer's n-grams of one order. */
static double product_of(const corpus *c, const bag *h, size_t k)
{
    double sum = 0;

    for (size_t i = 0; i < h->n[k]; i++) {
        const gram  *g = &c->grams[h->list[k][i]];
        const double a = g->weight * g->hypothesis, b = g->weight * g->reference;
        sum += (a < b ? a : b) * b;
    }
    return sum;
}

/* Similarity of texts of n and m words: the mean over the orders. Both bags are filled. */
static double similarity(const corpus *c, const bag *h, const bag *r, size_t n, size_t m)
{
    const double apart = (double)(n ? n - 1 : 0) - (double)(m ? m - 1 : 0); /* in bigrams */
    const double nearness = exp(-(apart * apart) / (2 * sigma * sigma));
    double       sum = 0;

    for (size_t k = 0; k < ORDERS; k++) {
        double value = product_of(c, h, k);
        if (h->norm[k] != 0 && r->norm[k] != 0) value /= h->norm[k] * r->norm[k];
        sum += value * nearness;
    }
    return sum / ORDERS;
}

/* bags: the answer's and a reference's. */
static double score_record(const corpus *c, bag bags[2], size_t i, size_t first, size_t references)
{
    const text h = text_of(c, i);
    double     sum = 0;

    bag_fill(c, &bags[0], h, false);
    for (size_t k = 0; k < references; k++) {
        const text r = text_of(c, first + k);
        bag_fill(c, &bags[1], r, true);
        sum += similarity(c, &bags[0], &bags[1], h.n, r.n);
        bag_empty(c, &bags[1], true);
    }
    bag_empty(c, &bags[0], false);
    return sum / (double)references * 10;
}

/* ---- The corpus ---- */

static thorax_status score_all(thx_cider *out, const corpus *c, const thx_pairs *pairs, thorax_error *err)
{
    size_t    longest = 1, first = pairs->n;
    bag       bags[2];
    uint32_t *room;

    for (size_t t = 0; t < c->words.texts; t++) longest = text_of(c, t).n > longest ? text_of(c, t).n : longest;
    out->scores = calloc(pairs->n, sizeof *out->scores);
    room = out->scores ? calloc(longest, 2 * ORDERS * sizeof *room) : NULL;
    if (!room) return thx_fail(err, THORAX_NOMEM, 0, "no memory for scores of %zu texts", pairs->n);
    for (size_t k = 0; k < 2 * ORDERS; k++) bags[k / ORDERS].list[k % ORDERS] = room + k * longest;
    for (size_t i = 0; i < pairs->n; i++) {
        out->scores[i] = score_record(c, bags, i, first, references_of(pairs, i));
        first += references_of(pairs, i);
    }
    out->corpus = thx_mean(out->scores, out->n);
    free(room);
    return THORAX_OK;
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
        set_weights(&c, pairs->n);
        st = score_all(out, &c, pairs, err);
    }
    if (st) thx_cider_deinit(out);
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
