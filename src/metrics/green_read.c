/* What a judge of GREEN wrote, and the figures of it; see green.h. */
#include "metrics/green.h"
#include "metrics/digits.h"
#include "metrics/find.h"
#include "metrics/words.h"

#include <math.h>
#include <string.h>

#define TURN        "<|assistant|>"
#define EXPLANATION "[Explanation]:"

typedef struct span {
    const char *data;
    size_t      size;
} span;

/* ---- From decoded text to completion ---- */

static const char *find(span s, const char *what) { return thx_find(s.data, s.size, what); }

static span behind(span s, const char *at) { return (span){ at, s.size - (size_t)(at - s.data) }; }

/* What follows the last `mark`; all of s where there is none. */
static span after_last(span s, const char *mark)
{
    for (const char *at; (at = find(s, mark));) s = behind(s, at + strlen(mark));
    return s;
}

/* What stands between the first `mark` and the second, or the end. */
static span between(span s, const char *mark)
{
    const char *at = find(s, mark);

    if (!at) return s;
    s = behind(s, at + strlen(mark));
    at = find(s, mark);
    return at ? (span){ s.data, (size_t)(at - s.data) } : s;
}

/* s without every `what`. */
static void put_without(thx_string *out, span s, const char *what)
{
    for (const char *at; (at = find(s, what)); s = behind(s, at + strlen(what)))
        thx_string_add(out, s.data, (size_t)(at - s.data));
    thx_string_add(out, s.data, s.size);
}

/* The prompt's own form of an answer, read before the turn was cut off, has the explanation in a line of its own. The
 * original names a second pattern that it never looks for. */
void thx_green_completion(thx_string *out, const char *decoded, size_t size)
{
    span       s = { decoded, size };
    thx_string once = { 0 };

    if (find(s, EXPLANATION)) {
        s = after_last(s, TURN);
        s = find(s, EXPLANATION "\n    <Explanation>\n") ? between(s, EXPLANATION) : after_last(s, EXPLANATION);
    }
    put_without(&once, after_last(s, TURN), "</s>");
    if (once.size) put_without(out, (span){ once.data, once.size }, "<unk>");
    thx_string_add(out, "", 0);
    out->failed |= once.failed;
    thx_string_deinit(&once);
}

/* ---- Counts ---- */

static size_t skip_space(span s, size_t at)
{
    uint32_t c;

    while (at < s.size) {
        const size_t n = thx_char_next(s.data + at, s.size - at, &c);
        if (!thx_char_is_space(c)) break;
        at += n;
    }
    return at;
}

/* Is there a line of white space alone behind the line end at `at`? */
static bool blank_line(span s, size_t at)
{
    const size_t end = skip_space(s, at + 1);

    return end > at + 1 && memchr(s.data + at + 1, '\n', end - at - 1);
}

/* The text of a section: from the first mark on, white space left out (so that an empty section reads the next one),
 * up to a blank line. */
static bool section(span *out, span s, const char *mark)
{
    const char *at = find(s, mark);

    if (!at) return false;
    s = behind(s, at + strlen(mark));
    s = behind(s, s.data + skip_space(s, 0));
    *out = s;
    for (size_t at_line = 0; at_line < s.size; at_line++) {
        const char *line = memchr(s.data + at_line, '\n', s.size - at_line);
        if (!line) break;
        at_line = (size_t)(line - s.data);
        if (!blank_line(s, at_line)) continue;
        out->size = at_line;
        break;
    }
    return true;
}

static bool begins(span s, const char *with) { return s.size >= strlen(with) && !memcmp(s.data, with, strlen(with)); }

/* A number at the beginning of s with a point directly behind it. */
static bool read_count(uint64_t *out, span s)
{
    static const uint64_t most = 1000000000000000;
    uint64_t              value = 0;
    size_t                at = 0, n;
    uint32_t              c = 0;

    for (; at < s.size; at += n) {
        n = thx_char_next(s.data + at, s.size - at, &c);
        if (!thx_char_is_digit(c)) break;
        value = value < most ? value * 10 + thx_digit_value(c) : most;
    }
    if (!at || at == s.size || c != '.') return false;
    *out = value < most ? value : most;
    return true;
}

/* The first number of a line that ": " stands before and a point behind. */
static bool line_count(uint64_t *out, span line)
{
    for (const char *at; (at = find(line, ": "));) {
        line = behind(line, at + 2);
        if (read_count(out, line)) return true;
    }
    return false;
}

/* Takes the next "(x) …" with x from first on off `rest`, up to the end of its line; false: there is none. */
static bool next_line(span *line, span *rest, char first)
{
    for (const char *at; rest->size && (at = memchr(rest->data, '(', rest->size)); *rest = behind(*rest, at + 1)) {
        const span s = behind(*rest, at);
        if (s.size < 4 || s.data[1] < first || s.data[1] >= first + THX_GREEN_KINDS || s.data[2] != ')' ||
            s.data[3] != ' ')
            continue;
        const char *end = memchr(at, '\n', s.size);
        *line = end ? (span){ at, (size_t)(end - at) } : s;
        *rest = behind(*rest, at + line->size);
        return true;
    }
    return false;
}

static bool is_after(span a, span b)
{
    const size_t both = a.size < b.size ? a.size : b.size;
    const int    order = memcmp(a.data, b.data, both);

    return order ? order > 0 : a.size > b.size;
}

/* The counts of lines with these letters; false: no line has one. Of several lines of a letter that have a count the
 * one that is last in the order of code points holds, which is the order of UTF-8's bytes. */
static bool read_lines(uint64_t counts[THX_GREEN_KINDS], span text, char first)
{
    span last[THX_GREEN_KINDS] = { { 0 } }, line;
    bool any = false;

    for (; next_line(&line, &text, first); any = true) {
        const size_t kind = (size_t)(line.data[1] - first);
        uint64_t     count;

        if (!line_count(&count, line) || (last[kind].data && !is_after(line, last[kind]))) continue;
        last[kind] = line;
        counts[kind] = count;
    }
    return any;
}

static void read_errors(uint64_t counts[THX_GREEN_KINDS], span completion, const char *mark)
{
    span text;

    if (!section(&text, completion, mark) || begins(text, "No")) return;
    if (!read_lines(counts, text, 'a')) read_lines(counts, text, '1');
}

thx_green_counts thx_green_parse(const char *completion, size_t size)
{
    const span       s = { completion, size };
    thx_green_counts c = { .matched = 0 };
    span             text;

    read_errors(c.significant, s, "[Clinically Significant Errors]:");
    read_errors(c.insignificant, s, "[Clinically Insignificant Errors]:");
    if (section(&text, s, "[Matched Findings]:") && !begins(text, "No")) read_count(&c.matched, text);
    return c;
}

/* ---- Figures ---- */

double thx_green_figure(const thx_green_counts *c)
{
    uint64_t errors = 0;

    for (size_t i = 0; i < THX_GREEN_KINDS; i++) errors += c->significant[i];
    return c->matched ? (double)c->matched / (double)(c->matched + errors) : 0.0;
}

thx_green_summary thx_green_mean(const double *figures, size_t n)
{
    double sum = 0.0, squares = 0.0;

    for (size_t i = 0; i < n; i++) sum += figures[i];
    const double mean = n ? sum / (double)n : NAN;
    for (size_t i = 0; i < n; i++) squares += (figures[i] - mean) * (figures[i] - mean);
    return (thx_green_summary){ mean, n ? sqrt(squares / (double)n) : NAN };
}
