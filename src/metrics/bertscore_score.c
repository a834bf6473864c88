/* The whole of BERTScore: texts to ids, each different one to rows, rows to values; see bertscore.h.
 *
 * Pairs go in windows of whole batches: the rows of a window's texts are kept, those of all texts would take
 * 3 KB a token. */
#include "metrics/bertscore.h"

#include "metrics/distinct.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH = 64, OUTSIDE = -1, PASS_IDS = 16384 /* between two reports of progress */ };

static const size_t MEMORY = (size_t)1 << 30;

typedef struct scorer {
    thx_text_encoder             *e;
    const thx_bertscore_settings *s;
    const thx_pairs              *t;
    const thx_progress           *progress;
    size_t         pairs, batch, D, most; /* references; pairs a batch; width; ids of a window */
    size_t        *hyp_of;                /* [pairs] */
    thx_ids        ids;                   /* the references, then the hypotheses */
    size_t        *ends;                  /* [pairs + n] */
    thx_distinct   distinct;
    size_t         encoded;               /* texts so far, some of them in several windows */
    thx_idf        idf;
    thx_bertscore *values;                /* [pairs] */
    ptrdiff_t     *row;                   /* [distinct] of its first token in the window, or OUTSIDE */
    thx_bertscore_rows *hyps, *refs;      /* [batch] */
} scorer;

/* Distinct texts whose rows lie in memory together. */
typedef struct window {
    size_t   first, last; /* pairs first .. last-1 */
    thx_ids  ids;
    size_t  *ends, count; /* of its texts */
    float   *vectors, *weights; /* [ids, D], [ids] */
} window;

/* ---- Before the first window ---- */

/* Each text has its references one behind the other. */
static void pair_up(scorer *c)
{
    size_t k = 0;

    for (size_t i = 0; i < c->t->n; i++)
        for (size_t left = c->t->counts ? c->t->counts[i] : 1; left; left--) c->hyp_of[k++] = i;
}

static thorax_status read_texts(scorer *c, thorax_error *err)
{
    const size_t n = c->pairs + c->t->n;

    for (size_t i = 0; i < n; i++) {
        const char         *text = i < c->pairs ? c->t->references[i] : c->t->hypotheses[i - c->pairs];
        const thorax_status st = thx_bertscore_ids(c->e, c->s, text ? text : "", &c->ids, err);
        if (st) return st;
        c->ends[i] = c->ids.size;
    }
    return thx_distinct_init(&c->distinct, c->ids.data, c->ends, n, err);
}

static void scorer_deinit(scorer *c)
{
    free(c->hyp_of);
    free(c->ends);
    free(c->values);
    free(c->row);
    free(c->hyps);
    free(c->refs);
    thx_ids_deinit(&c->ids);
    thx_distinct_deinit(&c->distinct);
    thx_idf_deinit(&c->idf);
}

static thorax_status scorer_init(scorer *c, thorax_error *err)
{
    const size_t memory = c->s->memory_bytes ? c->s->memory_bytes : MEMORY, n = c->t->n;
    thorax_status st = thx_pairs_check(c->t, &c->pairs, err);

    if (st) return st;
    c->batch = c->s->batch_size ? c->s->batch_size : BATCH;
    if (c->batch > c->pairs) c->batch = c->pairs;
    c->D = thx_text_encoder_width(c->e);
    c->most = memory / ((c->D + 1) * sizeof(float));
    c->hyp_of = calloc(c->pairs + 1, sizeof *c->hyp_of);
    c->ends = calloc(c->pairs + n + 1, sizeof *c->ends);
    c->values = calloc(c->pairs + 1, sizeof *c->values);
    c->hyps = calloc(c->batch + 1, sizeof *c->hyps);
    c->refs = calloc(c->batch + 1, sizeof *c->refs);
    if (!c->hyp_of || !c->ends || !c->values || !c->hyps || !c->refs)
        return thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu pairs of texts", c->pairs);
    pair_up(c);
    st = read_texts(c, err);
    if (!st && c->s->idf) st = thx_idf_init(&c->idf, c->ids.data, c->ends, c->pairs, err);
    if (st) return st;
    c->row = malloc((c->distinct.count + 1) * sizeof *c->row);
    for (size_t i = 0; c->row && i < c->distinct.count; i++) c->row[i] = OUTSIDE;
    return c->row ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu texts", c->distinct.count);
}

/* ---- Windows ---- */

/* The distinct text on one side of pair k. */
static size_t ref_text(const scorer *c, size_t k) { return c->distinct.of[k]; }
static size_t hyp_text(const scorer *c, size_t k) { return c->distinct.of[c->pairs + c->hyp_of[k]]; }

static void window_deinit(scorer *c, window *w)
{
    for (size_t k = w->first; k < w->last; k++) c->row[ref_text(c, k)] = c->row[hyp_text(c, k)] = OUTSIDE;
    thx_ids_deinit(&w->ids);
    free(w->ends);
    free(w->vectors);
    free(w->weights);
}

/* Puts a distinct text into the window, if it is not there yet. */
static void window_add(scorer *c, window *w, size_t text)
{
    const size_t i = c->distinct.first[text];

    if (c->row[text] != OUTSIDE) return;
    c->row[text] = (ptrdiff_t)w->ids.size;
    for (size_t k = thx_text_begin(c->ends, i); k < c->ends[i]; k++) thx_ids_add(&w->ids, c->ids.data[k]);
    if (thx_text_length(c->ends, i)) w->ends[w->count++] = w->ids.size;
}

/* Ids that the next batch would bring into the window; a text that comes twice in it counts twice. */
static size_t batch_ids(const scorer *c, size_t first, size_t last)
{
    size_t n = 0;

    for (size_t k = first; k < last; k++) {
        const size_t texts[2] = { ref_text(c, k), hyp_text(c, k) };
        for (size_t i = 0; i < 2; i++)
            if (c->row[texts[i]] == OUTSIDE) n += thx_text_length(c->ends, c->distinct.first[texts[i]]);
    }
    return n;
}

/* Takes whole batches from pair `first` on, at least one. */
static thorax_status window_fill(scorer *c, window *w, size_t first, thorax_error *err)
{
    w->first = w->last = first;
    w->ends = calloc(c->distinct.count + 1, sizeof *w->ends);
    while (w->ends && !w->ids.failed && w->last < c->pairs) {
        const size_t last = c->pairs - w->last < c->batch ? c->pairs : w->last + c->batch;
        if (w->last > first && w->ids.size + batch_ids(c, w->last, last) > c->most) break;
        for (; w->last < last; w->last++) {
            window_add(c, w, ref_text(c, w->last));
            window_add(c, w, hyp_text(c, w->last));
        }
    }
    if (w->ends && !w->ids.failed) return THORAX_OK;
    return thx_fail(err, THORAX_NOMEM, 0, "no memory for the ids of %zu texts", c->distinct.count);
}

static float weight_of(const scorer *c, int32_t id)
{
    if (c->s->idf) return (float)thx_idf_weight(&c->idf, id);
    return id == thx_text_encoder_first(c->e) || id == thx_text_encoder_last(c->e) ? 0 : 1;
}

static thorax_status window_make_room(const scorer *c, window *w, thorax_error *err)
{
    const size_t T = w->ids.size;
    size_t       floats;

    if (thx_mul_size(&floats, T + 1, c->D)) w->vectors = malloc(floats * sizeof *w->vectors);
    w->weights = malloc((T + 1) * sizeof *w->weights);
    if (!w->vectors || !w->weights)
        return thx_fail(err, THORAX_NOMEM, 0, "no memory for the rows of %zu tokens", T);
    for (size_t i = 0; i < T; i++) w->weights[i] = weight_of(c, w->ids.data[i]);
    return THORAX_OK;
}

/* Texts i .. i+n-1 of the window, whose ends are counted from the first of them for the call. */
static thorax_status encode_texts(const scorer *c, const window *w, size_t i, size_t n, thorax_error *err)
{
    const size_t  at = thx_text_begin(w->ends, i);
    size_t       *ends = malloc(n * sizeof *ends);
    thorax_status st = ends ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu texts", n);

    for (size_t k = 0; k < n && !st; k++) ends[k] = w->ends[i + k] - at;
    if (!st)
        st = thx_text_encoder_hidden(c->e, w->ids.data + at, ends, n, c->s->layer, true, w->vectors + at * c->D, err);
    free(ends);
    return st;
}

/* Rows of the window's texts, a good number of them at a time. */
static thorax_status window_encode(scorer *c, window *w, thorax_error *err)
{
    thorax_status st = window_make_room(c, w, err);

    for (size_t i = 0, n; i < w->count && !st; i += n) {
        const size_t at = thx_text_begin(w->ends, i);
        for (n = 1; i + n < w->count && w->ends[i + n] - at <= PASS_IDS; n++) continue;
        st = encode_texts(c, w, i, n, err);
        c->encoded += n;
        const size_t done = c->encoded < c->distinct.count ? c->encoded : c->distinct.count;
        if (!st && !thx_progress_step(c->progress, "texts", done, c->distinct.count))
            st = thx_fail(err, THORAX_CANCELLED, 0, "stopped");
    }
    return st;
}

static thx_bertscore_rows rows_of(const scorer *c, const window *w, size_t text)
{
    const size_t at = (size_t)c->row[text];

    return (thx_bertscore_rows){ w->vectors + at * c->D, w->weights + at,
                                 thx_text_length(c->ends, c->distinct.first[text]) };
}

/* The window's pairs, batch by batch. */
static thorax_status window_match(scorer *c, const window *w, thorax_error *err)
{
    thorax_status st = THORAX_OK;

    for (size_t first = w->first, n; first < w->last && !st; first += n) {
        n = w->last - first < c->batch ? w->last - first : c->batch;
        for (size_t i = 0; i < n; i++) {
            c->hyps[i] = rows_of(c, w, hyp_text(c, first + i));
            c->refs[i] = rows_of(c, w, ref_text(c, first + i));
        }
        st = thx_bertscore_match(thx_text_encoder_ctx(c->e), c->values + first, c->hyps, c->refs, n, c->D, err);
    }
    return st;
}

/* ---- All of it ---- */

/* A text without a token beside its special ones. */
static bool is_empty(const scorer *c, size_t text)
{
    const size_t n = thx_text_length(c->ends, c->distinct.first[text]);

    return n == 0 || n == 2;
}

static void finish(const scorer *c, thx_bertscore *out, thx_bertscore_total *total)
{
    const size_t n = c->t->n;
    size_t       empty = 0;

    for (size_t k = 0; k < c->pairs; k++) empty += is_empty(c, ref_text(c, k)) || is_empty(c, hyp_text(c, k));
    for (size_t i = 0, k = 0, several; i < n; i++, k += several) {
        several = c->t->counts ? c->t->counts[i] : 1;
        out[i] = thx_bertscore_best(c->values + k, several);
    }
    if (c->s->baseline) thx_bertscore_rescale(out, n, c->s->baseline);
    if (total) *total = (thx_bertscore_total){ thx_bertscore_mean(out, n), empty };
}

thorax_status thx_bertscore_score(thx_text_encoder *e, const thx_bertscore_settings *s, const thx_pairs *pairs,
                                  thx_bertscore *out, thx_bertscore_total *total, const thx_progress *progress,
                                  thorax_error *err)
{
    scorer        c = { .e = e, .s = s, .t = pairs, .progress = progress };
    thorax_status st = scorer_init(&c, err);

    for (size_t at = 0; at < c.pairs && !st;) {
        window w = { 0 };
        st = window_fill(&c, &w, at, err);
        if (!st) st = window_encode(&c, &w, err);
        if (!st) st = window_match(&c, &w, err);
        at = w.last;
        window_deinit(&c, &w);
    }
    if (!st) finish(&c, out, total);
    scorer_deinit(&c);
    return st;
}
