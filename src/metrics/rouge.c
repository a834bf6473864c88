/* ROUGE; see rouge.h. Texts are read line by line, so that one list of words serves ROUGE-Lsum, which compares
 * lines, and the others: a text's words are those of its lines one behind another. */
#include "metrics/rouge.h"
#include "metrics/grams.h"
#include "metrics/lcs.h"

#include <stdlib.h>
#include <string.h>

typedef struct scorer {
    unsigned  kinds;
    size_t    order; /* the largest n asked for; 0: none                        */
    thx_words words; /* of lines                                                */
    size_t   *lines; /* [texts + 1]: text t has lines lines[t] .. lines[t + 1]) */
    size_t    texts;
    thx_grams grams;
    thx_lcs   lcs;
    uint32_t *left[2]; /* [vocabulary]: words of the reference, of the answer that are not used up */
    bool     *marks;   /* [words of the longest line] */
} scorer;

/* The words of some lines. */
typedef struct span {
    const uint32_t *ids;
    size_t          n;
} span;

static span line_of(const scorer *s, size_t line)
{
    const size_t *first = s->words.first + line;

    return (span){ s->words.ids + first[0], first[1] - first[0] };
}

static span text_of(const scorer *s, size_t t)
{
    const size_t *first = s->words.first;

    return (span){ s->words.ids + first[s->lines[t]], first[s->lines[t + 1]] - first[s->lines[t]] };
}

static thx_prf prf_of(size_t hits, size_t hypothesis, size_t reference)
{
    thx_prf s = { (double)hits / (double)(hypothesis ? hypothesis : 1),
                  (double)hits / (double)(reference ? reference : 1), 0 };

    if (s.p + s.r > 0) s.f = 2 * s.p * s.r / (s.p + s.r);
    return s;
}

/* ---- ROUGE-Lsum ---- */

static void count_words(uint32_t *left, span words)
{
    for (size_t i = 0; i < words.n; i++) left[words.ids[i]]++;
}

static void forget_words(uint32_t *left, span words)
{
    for (size_t i = 0; i < words.n; i++) left[words.ids[i]] = 0;
}

/* Words of a reference line that lie on a common subsequence with some line of the answer and are not used up. */
static thorax_status line_hits(scorer *s, size_t *hits, span line, size_t hypothesis, thorax_error *err)
{
    thorax_status st = THORAX_OK;

    if (line.n) memset(s->marks, 0, line.n * sizeof *s->marks);
    for (size_t k = s->lines[hypothesis]; k < s->lines[hypothesis + 1] && !st; k++) {
        const span other = line_of(s, k);
        st = thx_lcs_mark(&s->lcs, s->marks, line.ids, line.n, other.ids, other.n, err);
    }
    for (size_t i = 0; i < line.n && !st; i++) {
        uint32_t *reference = &s->left[0][line.ids[i]], *answer = &s->left[1][line.ids[i]];
        if (!s->marks[i] || !*reference || !*answer) continue;
        --*reference;
        --*answer;
        ++*hits;
    }
    return st;
}

static thorax_status score_lsum(scorer *s, thx_prf *score, size_t hypothesis, size_t reference, thorax_error *err)
{
    const span    h = text_of(s, hypothesis), r = text_of(s, reference);
    size_t        hits = 0;
    thorax_status st = THORAX_OK;

    count_words(s->left[0], r);
    count_words(s->left[1], h);
    for (size_t k = s->lines[reference]; k < s->lines[reference + 1] && !st; k++)
        st = line_hits(s, &hits, line_of(s, k), hypothesis, err);
    forget_words(s->left[0], r);
    forget_words(s->left[1], h);
    *score = prf_of(hits, h.n, r.n);
    return st;
}

/* ---- A pair ---- */

static size_t grams_of(size_t words, size_t n) { return words >= n ? words - n + 1 : 0; }

/* scores [THX_ROUGE_KINDS] of an answer, whose n-grams are counted, against one reference. */
static thorax_status score_pair(scorer *s, thx_prf *scores, size_t hypothesis, size_t reference, thorax_error *err)
{
    const span    h = text_of(s, hypothesis), r = text_of(s, reference);
    size_t        matches[THX_GRAM_ORDERS], length;
    thorax_status st = THORAX_OK;

    if (s->order) {
        thx_grams_reference(&s->grams, r.ids, r.n, true);
        thx_grams_matches(&s->grams, matches);
    }
    for (size_t n = 1; n <= s->order; n++) scores[n] = prf_of(matches[n - 1], grams_of(h.n, n), grams_of(r.n, n));
    if (s->kinds & THX_ROUGE_BIT(THX_ROUGE_L)) {
        st = thx_lcs_length(&s->lcs, &length, h.ids, h.n, r.ids, r.n, err);
        if (!st) scores[THX_ROUGE_L] = prf_of(length, h.n, r.n);
    }
    if (!st && s->kinds & THX_ROUGE_BIT(THX_ROUGE_LSUM))
        st = score_lsum(s, &scores[THX_ROUGE_LSUM], hypothesis, reference, err);
    return st;
}

/* The best of `count` references, of each kind by itself. */
static thorax_status score_record(scorer *s, thx_rouge *out, size_t i, size_t reference, size_t count,
                                  thorax_error *err)
{
    const span    h = text_of(s, i);
    thorax_status st = s->order ? thx_grams_begin(&s->grams, h.ids, h.n, s->order, err) : THORAX_OK;

    for (size_t r = 0; r < count && !st; r++) {
        thx_prf scores[THX_ROUGE_KINDS];
        st = score_pair(s, scores, i, reference + r, err);
        for (size_t k = 0; k < THX_ROUGE_KINDS && !st; k++)
            if (out->scores[k] && (!r || scores[k].f > out->scores[k][i].f)) out->scores[k][i] = scores[k];
    }
    return st;
}

/* ---- All records ---- */

/* One more text, line by line; first come the answers, then the references. */
static thorax_status add_text(scorer *s, const char *text, thorax_error *err)
{
    thorax_status st = THORAX_OK;

    for (const char *p = text ? text : "", *end; p && !st; p = end ? end + 1 : NULL) {
        end = strchr(p, '\n');
        st = thx_words_add(&s->words, p, end ? (size_t)(end - p) : strlen(p), err);
    }
    s->lines[++s->texts] = s->words.texts;
    return st;
}

static size_t longest_line(const scorer *s)
{
    size_t most = 0;

    for (size_t k = 0; k < s->words.texts; k++) most = line_of(s, k).n > most ? line_of(s, k).n : most;
    return most;
}

static thorax_status scorer_init(scorer *s, const thx_pairs *pairs, size_t references, unsigned kinds, bool stem,
                                 thorax_error *err)
{
    *s = (scorer){ .kinds = kinds, .lines = calloc(pairs->n + references + 1, sizeof *s->lines) };
    for (size_t n = THX_ROUGE_1; n <= THX_ROUGE_9; n++)
        if (kinds & THX_ROUGE_BIT(n)) s->order = n;
    thorax_status st = s->lines ? thx_words_init(&s->words, stem ? THX_WORDS_ROUGE_STEM : THX_WORDS_ROUGE, err)
                                : thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu texts", pairs->n + references);
    for (size_t i = 0; i < pairs->n && !st; i++) st = add_text(s, pairs->hypotheses[i], err);
    for (size_t i = 0; i < references && !st; i++) st = add_text(s, pairs->references[i], err);
    if (st) return st;
    const size_t n = thx_words_vocabulary(&s->words);
    st = thx_lcs_init(&s->lcs, n, err);
    if (st || !(kinds & THX_ROUGE_BIT(THX_ROUGE_LSUM))) return st;
    s->left[0] = calloc(n + 1, sizeof *s->left[0]);
    s->left[1] = calloc(n + 1, sizeof *s->left[1]);
    s->marks = calloc(longest_line(s) + 1, sizeof *s->marks);
    return s->left[0] && s->left[1] && s->marks ? THORAX_OK
                                                : thx_fail(err, THORAX_NOMEM, 0, "no memory for ROUGE-Lsum");
}

static void scorer_deinit(scorer *s)
{
    thx_words_deinit(&s->words);
    thx_grams_deinit(&s->grams);
    thx_lcs_deinit(&s->lcs);
    free(s->lines);
    free(s->left[0]);
    free(s->left[1]);
    free(s->marks);
}

static void set_means(thx_rouge *out)
{
    for (size_t k = 0; k < THX_ROUGE_KINDS; k++) {
        thx_prf sum = { 0 };
        for (size_t i = 0; out->scores[k] && i < out->n; i++) {
            sum.p += out->scores[k][i].p;
            sum.r += out->scores[k][i].r;
            sum.f += out->scores[k][i].f;
        }
        const double n = (double)out->n;
        out->mean[k] = (thx_prf){ sum.p / n, sum.r / n, sum.f / n };
    }
}

thorax_status thx_rouge_score(thx_rouge *out, const thx_pairs *pairs, unsigned kinds, bool stem, thorax_error *err)
{
    scorer        s = { 0 };
    size_t        references, at = 0;
    thorax_status st = thx_pairs_check(pairs, &references, err);

    *out = (thx_rouge){ .n = pairs->n };
    if (!st && (!(kinds >> THX_ROUGE_1) || kinds & 1 || kinds >> THX_ROUGE_KINDS))
        st = thx_fail(err, THORAX_USAGE, 0, "ROUGE has the kinds 1 to 9, L and Lsum");
    if (!st) st = scorer_init(&s, pairs, references, kinds, stem, err);
    for (size_t k = THX_ROUGE_1; k < THX_ROUGE_KINDS && !st; k++) {
        if (!(kinds & THX_ROUGE_BIT(k))) continue;
        out->scores[k] = calloc(pairs->n, sizeof *out->scores[k]);
        if (!out->scores[k]) st = thx_fail(err, THORAX_NOMEM, 0, "no memory for scores of %zu texts", pairs->n);
    }
    for (size_t i = 0; i < pairs->n && !st; i++) {
        const size_t count = pairs->counts ? pairs->counts[i] : 1;
        st = score_record(&s, out, i, pairs->n + at, count, err);
        at += count;
    }
    scorer_deinit(&s);
    if (st)
        thx_rouge_deinit(out);
    else
        set_means(out);
    return st;
}

void thx_rouge_deinit(thx_rouge *r)
{
    for (size_t k = 0; k < THX_ROUGE_KINDS; k++) free(r->scores[k]);
    *r = (thx_rouge){ 0 };
}
