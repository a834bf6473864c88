/* Sentences of reports; see ratescore_model.h. Method: PyRuSH RuSH.py (begins and ends to spans, gaps) and RaTEScore
 * utils.py (what of them is kept), with clues of our own. */
#include "metrics/rate_clues.h"
#include "metrics/ratescore_model.h"
#include "metrics/words.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { GAP_CHARACTERS = 5, SENTENCE_CHARACTERS = 3 }; /* a gap is a sentence of its own beyond; one is kept from */

typedef struct span { size_t first, end; } span; /* characters */

/* A report on its way. */
typedef struct splitter {
    thx_clue_text t;
    uint32_t     *room;    /* the characters and the zeros around them */
    size_t       *bytes;   /* where each begins, and the end           */
    thx_clues     begins, ends;
    span         *spans;
    size_t        n;
} splitter;

/* ---- Gaps ---- */

static bool closes(uint32_t c)
{
    return (thx_char_is_word(c) && c != '_') || (c && c < 0x80 && strchr(".!?)]\"", (int)c));
}

/* What of the characters first .. end - 1 is a sentence's; false for nothing, or one character alone. */
static bool trim(const splitter *s, size_t first, size_t end, span *out)
{
    while (first < end && thx_char_is_space(s->t.c[first])) first++;
    while (end > first + 1 && !closes(s->t.c[end - 1])) end--;
    *out = (span){ first, end };
    return end > first + 1;
}

static void fill_gap(splitter *s, size_t first, size_t end)
{
    span gap;

    if (first >= end || !trim(s, first, end, &gap)) return;
    if (gap.end - gap.first > GAP_CHARACTERS) s->spans[s->n++] = gap;
    else if (s->n) s->spans[s->n - 1].end = gap.end;
}

/* ---- Clues to spans ---- */

/* A sentence's end behind clue k, without white space. */
static size_t end_of(const splitter *s, size_t k)
{
    size_t end = s->ends.at[k].first + 1;

    while (end && thx_char_is_space(s->t.c[end - 1])) end--;
    return end;
}

/* What a walk over the clues knows. */
typedef struct walk { size_t first, end, k; bool open; } walk;

/* Ends for the sentence that is open, which begin clue i is behind or at. */
static void close_sentence(splitter *s, walk *w, size_t i)
{
    const bool      more = i + 1 < s->begins.n;
    const thx_clue *next = more ? &s->begins.at[i + 1] : NULL;

    for (size_t k = w->k; k < s->ends.n; k++) {
        const bool last = k + 1 == s->ends.n;
        if (more && !last && next->first < s->ends.at[k].first + 1) break;
        w->end = end_of(s, k);
        w->k = k;
        if (w->end < w->first) continue;
        if (!w->open) {
            s->spans[s->n - 1] = (span){ w->first, w->end };
            continue;
        }
        s->spans[s->n++] = (span){ w->first, w->end };
        w->open = false;
        if (more && (last || next->first <= s->ends.at[k + 1].end)) break;
    }
}

static void join_clues(splitter *s)
{
    walk w = { 0 };

    for (size_t i = 0; i < s->begins.n; i++) {
        const size_t first = s->begins.at[i].first;
        if (first < w.end) {
            if (!w.open) w.first = first;
            continue;
        }
        if (!w.open) w.first = first;
        w.open = true;
        fill_gap(s, s->n ? s->spans[s->n - 1].end : 0, w.first);
        close_sentence(s, &w, i);
    }
}

/* What stands before the first span: a part of it, or where a clue of an end lies between, one of its own. */
static void open_front(splitter *s, span gap)
{
    if (!s->ends.n || s->spans[0].first <= s->ends.at[0].first) {
        s->spans[0].first = gap.first;
        return;
    }
    memmove(s->spans + 1, s->spans, s->n++ * sizeof *s->spans);
    s->spans[0] = gap;
}

/* What stands before the first span and behind the last one. */
static void close_edges(splitter *s)
{
    span gap;

    if (!s->n) {
        if (trim(s, 0, s->t.n, &gap) && gap.end - gap.first > GAP_CHARACTERS) s->spans[s->n++] = gap;
        return;
    }
    if (trim(s, 0, s->spans[0].first, &gap)) open_front(s, gap);
    if (!trim(s, s->spans[s->n - 1].end, s->t.n, &gap)) return;
    if (gap.end - gap.first > GAP_CHARACTERS) s->spans[s->n++] = gap;
    else s->spans[s->n - 1].end = gap.end;
}

/* ---- Spans to sentences ---- */

static thorax_status decode(splitter *s, const char *text, size_t size, thorax_error *err)
{
    s->room = calloc(size + THX_CLUE_MARGIN, sizeof *s->room);
    s->bytes = calloc(size + 1, sizeof *s->bytes);
    if (!s->room || !s->bytes) return thx_fail(err, THORAX_NOMEM, 0, "no memory for the sentences of a report");
    uint32_t *c = s->room;
    for (size_t at = 0; at < size; s->t.n++) {
        s->bytes[s->t.n] = at;
        at += (size_t)thx_utf8_next((const unsigned char *)text + at, size - at, &c[s->t.n]);
    }
    s->bytes[s->t.n] = size;
    s->t.c = c;
    return THORAX_OK;
}

/* Characters first .. end - 1 without white space around them, where they are enough. */
static void put_sentence(const splitter *s, const char *text, size_t first, size_t end, thx_string *out, size_t *n)
{
    while (first < end && thx_char_is_space(s->t.c[first])) first++;
    while (end > first && thx_char_is_space(s->t.c[end - 1])) end--;
    if (end - first < SENTENCE_CHARACTERS) return;
    thx_string_add(out, text + s->bytes[first], s->bytes[end] - s->bytes[first]);
    thx_string_add(out, "", 1);
    ++*n;
}

/* The text is cut where spans begin and end. */
static void put_sentences(const splitter *s, const char *text, thx_string *out, size_t *n)
{
    size_t at = 0;

    for (size_t i = 0; i < s->n; i++) {
        span p = s->spans[i];
        if (s->t.c[p.end - 1] == ')' && s->t.c[p.end] == ':') p.end++; /* one token of spaCy's, a face */
        if (p.first > at) put_sentence(s, text, at, p.first, out, n);
        if (p.first > at) at = p.first;
        if (p.end > at) put_sentence(s, text, at, p.end, out, n);
        if (p.end > at) at = p.end;
    }
    if (at < s->t.n) put_sentence(s, text, at, s->t.n, out, n);
}

static thorax_status split(splitter *s, const char *text, size_t size, thx_string *out, size_t *n, thorax_error *err)
{
    thorax_status st = decode(s, text, size, err);

    if (st) return st;
    thx_clue_begins(&s->begins, &s->t);
    thx_clue_ends(&s->ends, &s->t);
    s->spans = calloc(2 * (s->begins.n + s->ends.n) + 4, sizeof *s->spans);
    if (!s->spans || s->begins.failed || s->ends.failed)
        return thx_fail(err, THORAX_NOMEM, 0, "no memory for the sentences of a report");
    join_clues(s);
    close_edges(s);
    put_sentences(s, text, out, n);
    return THORAX_OK;
}

thorax_status thx_rate_sentences(thx_report_words *out, const char *report, thorax_error *err)
{
    splitter      s = { 0 };
    thx_string    text = { 0 }, sentences = { 0 };
    size_t        n = 0;
    thorax_status st;

    *out = (thx_report_words){ 0 };
    thx_utf8_repair(&text, report, strlen(report));
    st = text.failed ? thx_fail(err, THORAX_NOMEM, 0, "no memory for the sentences of a report") : THORAX_OK;
    if (!st) st = split(&s, text.size ? text.data : "", text.size, &sentences, &n, err);
    if (!st) st = thx_report_words_take(out, &sentences, n, err);
    else thx_string_deinit(&sentences);
    thx_string_deinit(&text);
    thx_clues_deinit(&s.begins);
    thx_clues_deinit(&s.ends);
    free(s.room);
    free(s.bytes);
    free(s.spans);
    return st;
}
