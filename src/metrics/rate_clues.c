/* Clues of sentences in radiology reports: rules of our own, found by comparing with what PyRuSH 1.0.13 does under
 * medspaCy's English rules. Of clues that overlap the widest counts, the earliest of equals; one that denies ("Dr.")
 * is dropped after it took the place of another. (Of the first clue of all the last character does not count there.) */
#include "metrics/rate_clues.h"
#include "metrics/words.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

/* ---- Characters ---- */

static bool is_small(uint32_t c) { return utf8proc_islower((utf8proc_int32_t)c); }
static bool is_large(uint32_t c) { return utf8proc_isupper((utf8proc_int32_t)c); }
static bool is_digit(uint32_t c) { return c >= '0' && c <= '9'; }
static bool is_blank(uint32_t c) { return c == ' ' || c == '\t' || c == 0xa0; }
static bool is_line(uint32_t c) { return c == '\n' || c == '\r'; }
static bool is_loose(uint32_t c) { return c > '~' || thx_char_is_space(c); } /* white space, or beyond ASCII */
static bool is_ink(uint32_t c) { return c && !thx_char_is_space(c); }

/* The k-th character before p; 0 where there is none. */
static uint32_t back(const uint32_t *c, size_t p, size_t k) { return p >= k ? c[p - k] : 0; }

/* Behind the characters of a kind from `at` on. */
static size_t over(const uint32_t *c, size_t at, bool (*is)(uint32_t))
{
    while (c[at] && is(c[at])) at++;
    return at;
}

static bool stands(const uint32_t *c, size_t at, const char *text)
{
    while (*text && c[at] == (unsigned char)*text) at++, text++;
    return !*text;
}

/* One of a list of texts, ended by NULL. */
static bool one_of(const uint32_t *c, size_t at, const char *const *texts)
{
    for (; *texts; texts++)
        if (stands(c, at, *texts)) return true;
    return false;
}

/* ---- Lists of clues ---- */

static void add(thx_clues *out, size_t first, size_t end, bool denied)
{
    for (size_t i = out->n; i-- > 0 && out->n - i <= 4;) { /* overlapping ones are among the last */
        thx_clue *old = &out->at[i];
        if ((first >= old->reach && first != old->first) || old->first >= end) continue;
        if (end - first > old->end - old->first) *old = (thx_clue){ first, end, end, denied };
        return;
    }
    if (out->n == out->room) {
        const size_t room = out->room ? 2 * out->room : 64;
        thx_clue    *at = out->failed ? NULL : realloc(out->at, room * sizeof *at);
        if (!at) {
            out->failed = true;
            return;
        }
        out->at = at;
        out->room = room;
    }
    out->at[out->n] = (thx_clue){ first, end, out->n ? end : end - 1, denied };
    out->n++;
}

static void drop_denied(thx_clues *c)
{
    size_t n = 0;

    for (size_t i = 0; i < c->n; i++)
        if (!c->at[i].denied) c->at[n++] = c->at[i];
    c->n = n;
}

void thx_clues_deinit(thx_clues *c)
{
    free(c->at);
    *c = (thx_clues){ 0 };
}

/* ---- Begins ---- */

/* Number, full stop, capital ("2. No" or "2.No") at p: where it ends; 0 for none. */
static size_t item_at(const uint32_t *c, size_t p, bool glued)
{
    const size_t stop = p + 1, next = over(c, stop + 1, is_blank);

    if (!is_digit(c[p]) || c[stop] != '.' || !is_large(c[next])) return 0;
    return next > stop + 1 || glued ? next + 1 : 0;
}

/* A word that begins sentences whatever stands before the full stop: its length; 0 for none. */
static size_t opener_at(const uint32_t *c, size_t p)
{
    static const char *const words[] = { "He ",   "His ",   "Her ", "She ", "We ",        "Our ", "The",   "The ",
                                         "They ", "Their ", "I ",   "My ",  "But ",       "Now ", "This ", "That ",
                                         "this ", "that ",  "he ",  "she ", "we ",        "our ", "his ",  "her ",
                                         "they ", "their ", "my ",  "but ", "Discharge ", "\"",   NULL };
    size_t                   longest = 0;

    for (const char *const *w = words; *w; w++)
        if (strlen(*w) > longest && stands(c, p, *w)) longest = strlen(*w);
    return longest;
}

/* "1) X" at p. */
static bool is_number(const uint32_t *c, size_t p)
{
    return is_digit(c[p]) && c[p + 1] == ')' && is_blank(c[p + 2]) && is_large(c[over(c, p + 2, is_blank)]);
}

/* Is a capital at p behind a full stop that stands alone a begin? */
static bool begins_behind(const uint32_t *c, size_t stop, size_t p)
{
    while (stop && is_blank(c[stop - 1])) stop--;
    return is_digit(back(c, stop, 1)) || (is_small(back(c, stop, 1)) && is_small(c[p + 1]));
}

/* Behind a full stop at `stop` and blanks in one line. */
static void begin_behind_stop(thx_clues *out, const uint32_t *c, size_t stop, size_t p)
{
    const uint32_t a = back(c, stop, 1);
    const bool     letters3 = is_large(a) && is_large(back(c, stop, 2)) && is_large(back(c, stop, 3));

    if (item_at(c, p, true)) add(out, p, item_at(c, p, true), false);
    else if (opener_at(c, p)) add(out, p, p + opener_at(c, p), false);
    else if (is_large(c[p]) && (is_small(a) || is_digit(a) || a == ')' || (letters3 && is_small(c[p + 1]))))
        add(out, p, p + 1, false);
    else if (is_small(c[p]) && is_small(a) && is_small(back(c, stop, 2))) add(out, p, over(c, p, is_small), false);
    else if (is_large(c[p]) && is_blank(a) && begins_behind(c, stop, p)) add(out, p, p + 1, false);
    else if (is_number(c, p) && is_small(a) && is_small(back(c, stop, 2))) add(out, p, p + 1, false);
    else if (c[p] == '-' && is_small(a) && is_blank(c[p + 1]) && is_large(c[over(c, p + 1, is_blank)]))
        add(out, p, p + 1, false);
}

/* p stands behind blanks in one line, `last` is the character before them. */
static void begin_in_line(thx_clues *out, const uint32_t *c, size_t last, size_t p)
{
    const uint32_t a = c[last];

    if (a == '.') begin_behind_stop(out, c, last, p);
    else if ((a == '?' || a == '!') && ((is_large(c[p]) && is_small(c[p + 1])) || is_digit(c[p])))
        add(out, p, p + 1, false);
    else if (a == '"' && back(c, last, 1) == '.' && is_small(back(c, last, 2)) && is_large(c[p]))
        add(out, p, p + 1, false);
    else if (is_digit(c[p]) && c[p + 1] == ')' && is_large(c[over(c, p + 2, is_blank)]) &&
             (is_small(a) || (p - last > 2 && is_number(c, p)))) add(out, p, p + 1, false);
    else if (is_small(a) && c[p] == '-' && is_blank(c[p + 1]) && is_large(c[over(c, p + 1, is_blank)])) {
        size_t word = last;
        while (word && is_small(c[word])) word--;
        add(out, p, p + 1, is_large(c[word]) && is_small(c[over(c, p + 1, is_blank) + 1]));
    }
}

/* A mark of a list at p: "- x", "* X", "1. X", "1) x": how many of its characters say so; 0 for none. */
static size_t mark_at(const uint32_t *c, size_t p, bool glued)
{
    const size_t behind = over(c, p, is_digit);

    if (behind > p) {
        const size_t next = over(c, behind + 1, is_blank);
        const bool   letter = is_large(c[next]) || is_small(c[next]);
        if (c[behind] == ')') return behind - p <= 2 && letter ? behind - p : 0;
        if (c[behind] != '.' || !letter || (is_small(c[next]) && next == behind + 1)) return 0;
        return is_large(c[next]) && behind - p <= (glued ? 1 : 2) ? next + 1 - p : behind - p;
    }
    if (c[p] == '-' && is_large(c[p + 1])) return 2;
    if (!c[p] || c[p] > '~' || !strchr("-#*?", (int)c[p]) || c[p + 1] != ' ') return 0;
    return is_large(c[p + 2]) || is_small(c[p + 2]) ? 3 : 0;
}

/* p stands in a new line. `last` is the last character before white space, `line` the first of the line. */
static void begin_of_line(thx_clues *out, const uint32_t *c, size_t last, size_t line, size_t p)
{
    const uint32_t a = c[last];
    const bool     empty = is_line(back(c, line, 1)) && is_line(back(c, line, 2)), glued = p == line;

    if (a == '.' && opener_at(c, p)) add(out, p, p + opener_at(c, p), false);
    if (mark_at(c, p, glued)) add(out, p, p + mark_at(c, p, glued), false);
    else if (is_large(c[p]) && p - line == 1 && c[line] == ' ') add(out, line, p + 1, false);
    else if (is_large(c[p]) && (glued || empty || p - line <= 4)) add(out, p, p + 1, false);
    else if (a == ':' && glued) add(out, p, p + 1, false);
    else if (a == '.' && is_small(c[p]) && is_small(back(c, last, 1)) && is_small(back(c, last, 2)))
        add(out, p, over(c, p, is_small), false);
    else if (is_digit(c[p]) && glued && a == '.' && is_small(back(c, last, 1)) && is_small(back(c, last, 2)))
        add(out, p, p + 1, false);
    else if (is_digit(c[p]) && (empty || (a == '.' && is_small(back(c, last, 1)))) && is_blank(c[over(c, p, is_digit)]))
        add(out, p, p + 1, false);
}

void thx_clue_begins(thx_clues *out, const thx_clue_text *t)
{
    const uint32_t *c = t->c;

    for (size_t p = 0, last = SIZE_MAX, line = 0; p < t->n; p++) {
        if (thx_char_is_space(c[p])) {
            if (is_line(c[p])) line = p + 1;
            continue;
        }
        const size_t before = last;
        last = p;
        if (before == SIZE_MAX) { /* nothing but white space before */
            if (is_large(c[p]) || is_digit(c[p])) add(out, p, p + 1, false);
        } else if (p - before == 1) {
            if (stands(c, p, "FINDINGS:")) add(out, p, p + 1, false);
        } else if (line > before) begin_of_line(out, c, before, line, p);
        else if (stands(c, p, "FINDINGS:") || stands(c, p, "REASON FOR")) add(out, p, p + 1, false);
        else begin_in_line(out, c, before, p);
    }
    drop_denied(out);
}

/* ---- Ends ---- */

/* A title before the full stop at p: no end. */
static bool is_title(const uint32_t *c, size_t p)
{
    static const char *const titles[] = {
        "Dr", "dr", "Mr", "mr", "Ms", "ms", "Mrs", "mrs", "Miss", "phd", "pulm", NULL
    };

    for (const char *const *t = titles; *t; t++) {
        const size_t n = strlen(*t);
        if (p >= n && stands(c, p - n, *t) &&
            (p == n ? strchr("M", **t) != NULL : is_blank(c[p - n - 1]) || **t == 'M'))
            return true;
    }
    return false;
}

/* Behind a full stop at p that stands alone: does the word at `next` make it an end? */
static bool ends_before(const uint32_t *c, size_t p, size_t next)
{
    static const char *const words[] = { "He ", "His ",  "Her ",   "She ", "We ", "Our ",
                                         "The", "They ", "Their ", "I ",   "My ", NULL };
    size_t                   last = p;

    while (last && is_blank(c[last - 1])) last--;
    return one_of(c, next, words) || (is_small(back(c, last, 1)) && is_large(c[next]) && is_small(c[next + 1]));
}

/* A full stop at p that ends something. */
static void end_at_stop(thx_clues *out, const uint32_t *c, size_t p)
{
    const size_t   next = over(c, p + 1, is_blank);
    const uint32_t a = p ? c[p - 1] : 0;

    if (is_blank(a) && next > p + 1 && item_at(c, next, false)) add(out, p, item_at(c, next, false), false);
    else if (is_blank(a) && next > p + 1 && ends_before(c, p, next)) add(out, p, p + 1, false);
    if (!is_ink(a)) return;
    if (next > p + 1 && is_title(c, p)) add(out, p, p + 1, true);
    else if (next > p + 1 && item_at(c, next, false)) add(out, p, item_at(c, next, false), false);
    else if (c[p + 1] == ' ' || is_line(c[next])) {
        size_t number = p;
        while (number && is_digit(c[number - 1])) number--;
        const bool item = number < p && number && is_line(c[number - 1]) && is_large(c[next]) && next > p + 1;
        add(out, p, p + 1, item);
    }
}

/* A heading that ends what stands before it without a full stop. */
static bool is_heading(const uint32_t *c, size_t p)
{
    static const char *const headings[] = {
        "REASON FOR", "Reason For", "REASON:", "Reason:", "INDICATION:", "Indication:", "FINDINGS:", "Findings:",
        "ADMITTING DIAGNOSIS:", "Admitting Diagnosis:", "DISCHARGE DIAGNOSIS:", "Discharge Diagnosis:",
        "Chief Complaint:", "Past Medical History:", "History of Past Illness:", "HISTORY OF PRESENT ILLNESS:",
        "History of Present Illness:", "History of present illness:", NULL
    };
    return one_of(c, p, headings);
}

/* "(two words)" at p: where it ends; 0 for none. */
static size_t two_words(const uint32_t *c, size_t p)
{
    if (c[p] != '(') return 0;
    const size_t first = over(c, p + 1, is_ink), second = over(c, first, is_loose);
    const size_t end = over(c, second, is_ink);

    for (size_t i = end; i > second + 1; i--)
        if (c[i - 1] == ')') return first > p + 1 && second > first ? i : 0;
    return 0;
}

/* The last character p before white space, in one line. */
static void end_before_blanks(thx_clues *out, const uint32_t *c, size_t p)
{
    const size_t next = over(c, p + 1, is_loose), number = over(c, next, is_digit);

    if (c[p] == '?' && p && (is_small(c[p - 1]) || is_large(c[p - 1]) || is_digit(c[p - 1]))) add(out, p, p + 1, false);
    else if (is_heading(c, next)) add(out, p, p + 1, false);
    else if (number > next && number - next <= 2 && c[number] == ')') {
        const bool counts =
            is_small(c[p]) || is_digit(c[p]) || c[p] == '%' || (is_large(c[p]) && p && is_large(c[p - 1]));
        const bool closed = c[number + 1] == ',' || c[number + 1] == '.';
        if (counts && closed && (is_small(back(c, p, 1)) || is_large(c[p]))) add(out, p - 1, p + 1, true);
        if (counts) add(out, p, p + 1, false);
    } else if (is_small(c[p]) && c[next] == '-' && is_blank(c[next + 1])) {
        const size_t then = over(c, next + 1, is_blank);
        size_t       word = p;
        while (word && is_small(c[word])) word--;
        if (is_large(c[then])) add(out, p, then + 1, is_large(c[word]) && is_small(c[then + 1]));
    }
}

/* Words that a line does not end behind. */
static bool is_open(const uint32_t *c, size_t p)
{
    static const char *const words[] = { " the", " The", " in", " In", " for", " or", " as", " and", NULL };

    for (const char *const *w = words; *w; w++) {
        const size_t n = strlen(*w);
        if (p + 1 >= n && stands(c, p + 1 - n, *w)) return true;
    }
    return false;
}

/* The last character p before the end of a line. */
static void end_of_line(thx_clues *out, const uint32_t *c, size_t p)
{
    const size_t blank = over(c, p + 1, is_blank), line = over(c, blank, is_line), next = over(c, line, is_blank);
    const bool   letter = is_small(c[p]) || is_large(c[p]) || is_digit(c[p]);

    if (is_small(c[p]) && is_small(c[next])) add(out, p, next + 1, true);
    else if (c[p] == ':') add(out, p, p + 1, false);
    else if (line - blank >= 2) add(out, p, line, false);
    else if (c[p] != '.' && next == line && mark_at(c, next, true)) add(out, p, p + 1, false);
    else if (c[p] == '?') add(out, p, p + 1, false);
    else if (is_small(c[p]) && is_large(c[next])) add(out, p, p + 1, blank == p + 1 && is_open(c, p));
    else if (letter && is_large(c[next]) && is_large(c[next + 1]) && is_digit(c[p])) add(out, p, p + 1, false);
    else if (is_large(c[next])) {
        const size_t word = over(c, next + 1, is_small), caps = over(c, next + 1, is_large);
        if ((word > next + 1 && c[word] == ':') || (caps > next + 1 && c[caps] == ':')) add(out, p, p + 1, false);
    }
}

void thx_clue_ends(thx_clues *out, const thx_clue_text *t)
{
    const uint32_t *c = t->c;

    for (size_t p = 0; p < t->n; p++) {
        if (thx_char_is_space(c[p])) continue;
        if (two_words(c, p)) add(out, p, two_words(c, p), true);
        if (c[p] == '.') end_at_stop(out, c, p);
        if (p + 1 == t->n || !thx_char_is_space(c[p + 1])) continue;
        if (is_line(c[over(c, p + 1, is_blank)])) end_of_line(out, c, p);
        else end_before_blanks(out, c, p);
    }
    drop_denied(out);
}
