/* Findings in text. A report is read sentence by sentence, a sentence clause by clause:
 *
 *   words      lower case, hyphens and slashes separate; commas and colons are kept as tokens
 *   sentence   ends at . ; ! ? and at line breaks before a list mark or an empty line
 *   clause     ends at "but" and its like, and at a comma or "and" behind which a clause of its
 *              own begins (another verb after a verb, or after a negation)
 *   cues       negate what follows or precedes them in their clause
 *   rules      name findings; one that is said to be there anywhere is present
 *
 * The words and patterns are data: findings_rules.c. Nothing is allocated. */
#include "text/findings_rules.h"

#include <string.h>

enum { MAX_TOKENS = 256 }; /* of a sentence; a longer one is cut */

typedef struct token { const char *p; size_t n; } token; /* a word, "," or ":" */

typedef struct sentence {
    token  t[MAX_TOKENS];
    size_t n;
    size_t clause[MAX_TOKENS + 1];        /* index of the first token of each clause; then n */
    size_t n_clauses;
    unsigned char cue[MAX_TOKENS];        /* thx_cue_kind that begins here … */
    size_t cue_end[MAX_TOKENS];           /* … and ends before this        */
    bool   asks;                          /* it ends with a question mark  */
} sentence;

/* ---- Tokens ---- */

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c)
{
    return (lower(c) >= 'a' && lower(c) <= 'z') || is_digit(c) || (unsigned char)c >= 0x80;
}

/* The length of an apostrophe, straight or curly; 0. A no-break blank is a blank. */
static size_t apostrophe(const char *p)
{
    return *p == '\'' ? 1 : !strncmp(p, "\xe2\x80\x99", 3) ? 3 : 0;
}
static bool is_nbsp(const char *p) { return p[0] == '\xc2' && p[1] == '\xa0'; }

/* Does a line break at p end a sentence: before an empty line, a list mark or a number with a
 * point? */
static bool ends_line(const char *p)
{
    p++;
    while (*p == ' ' || *p == '\t' || *p == '\r') p++;
    if (*p == '\n' || *p == '-' || *p == '*' || *p == '#' || !strncmp(p, "\xe2\x80\xa2", 3))
        return true;
    if (!is_digit(*p)) return false;
    while (is_digit(*p)) p++;
    return *p == '.' || *p == ')';
}

static bool ends_sentence(const char *p, const char *begin)
{
    if (*p == ';' || *p == '!' || *p == '?') return true;
    if (*p == '.') return !(p > begin && is_digit(p[-1]) && is_digit(p[1]));
    return *p == '\n' && ends_line(p);
}

/* A dash between blanks and brackets part a sentence as commas do. */
static bool is_comma(const char *p, const char *begin)
{
    if (*p == ',' || *p == '(' || *p == ')') return true;
    if (!strncmp(p, "\xe2\x80\x93", 3) || !strncmp(p, "\xe2\x80\x94", 3)) return true;
    return *p == '-' && p > begin && p[-1] == ' ' && p[1] == ' ';
}

static size_t word_size(const char *p)
{
    size_t n = 0;

    while (is_letter(p[n]) || apostrophe(p + n)) {
        if (is_nbsp(p + n) || !strncmp(p + n, "\xe2\x80\x93", 3) ||
            !strncmp(p + n, "\xe2\x80\x94", 3))
            break;
        n += is_letter(p[n]) ? 1 : apostrophe(p + n);
    }
    return n;
}

/* Reads one sentence; returns where the next one begins. */
static const char *read_sentence(sentence *s, const char *p, const char *begin)
{
    s->n = 0;
    s->asks = false;
    while (*p && s->n < MAX_TOKENS) {
        const size_t n = word_size(p);
        if (is_comma(p, begin) || *p == ':') {
            s->t[s->n++] = (token){ *p == ':' ? ":" : ",", 1 };
            p += (unsigned char)*p >= 0x80 ? 3 : 1;
        } else if (n) {
            s->t[s->n++] = (token){ p, n };
            p += n;
        } else if (is_nbsp(p)) {
            p += 2;
        } else if (ends_sentence(p++, begin)) {
            s->asks = p[-1] == '?';
            break;
        }
    }
    return p;
}

/* ---- Patterns ---- */

/* Compares a word with one alternative [n]; apostrophes in the word count for nothing. */
static bool is_alternative(const token *t, const char *want, size_t n)
{
    size_t i = 0, k = 0;

    while (i < t->n && k < n && want[k] != '*') {
        const size_t skip = apostrophe(t->p + i);
        if (skip) {
            i += skip;
            continue;
        }
        if (lower(t->p[i++]) != want[k++]) return false;
    }
    while (i < t->n && apostrophe(t->p + i)) i += apostrophe(t->p + i);
    return k < n ? want[k] == '*' : i >= t->n;
}

/* Is the word one of "a|b*|c" [n]? */
static bool is_one_of_n(const token *t, const char *list, size_t n)
{
    for (size_t i = 0; i <= n;) {
        const char *bar = memchr(list + i, '|', n - i);
        const size_t size = bar ? (size_t)(bar - list) - i : n - i;
        if (is_alternative(t, list + i, size)) return true;
        i += size + 1;
    }
    return false;
}

static bool is_one_of(const token *t, const char *list)
{
    return is_one_of_n(t, list, strlen(list));
}

static size_t element_size(const char *p) { return strcspn(p, " "); }

/* Matches pattern at token `at`, not beyond `end`; the token after the match, or 0. Gaps are as
 * short as can be. */
static size_t match(const sentence *s, const char *pattern, size_t at, size_t end)
{
    size_t gap = 0;
    bool commas = false, filler = false;

    while (*pattern) {
        const size_t n = element_size(pattern);
        const char *next = pattern + n + (pattern[n] == ' ');
        if (*pattern == '~' || *pattern == '%') {
            gap = (size_t)(pattern[1] - '0');
            commas = *pattern == '%';
        } else if (*pattern == '+') {
            gap = MAX_TOKENS;
            filler = true;
        } else {
            while (at < end && !is_one_of_n(&s->t[at], pattern, n)) {
                if (!gap || (!commas && s->t[at].p[0] == ',') ||
                    (filler && !is_one_of(&s->t[at], thx_filler_words)))
                    return 0;
                if (!commas && !filler && is_one_of(&s->t[at], thx_barrier_words)) return 0;
                gap--;
                at++;
            }
            if (at++ >= end) return 0;
            gap = 0;
            commas = filler = false;
        }
        pattern = next;
    }
    return at;
}

/* ---- Clauses ---- */

/* The next comma or "and" from `at`, or the end. */
static size_t part_end(const sentence *s, size_t at)
{
    while (at < s->n && s->t[at].p[0] != ',' && !is_one_of(&s->t[at], "and")) at++;
    return at;
}

static bool has_any(const sentence *s, size_t from, size_t to, const char *list)
{
    for (size_t i = from; i < to; i++)
        if (is_one_of(&s->t[i], list)) return true;
    return false;
}

/* Has the stretch a verb that says more than "is seen"? */
static bool has_telling_verb(const sentence *s, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        if (!is_one_of(&s->t[i], thx_verb_words)) continue;
        if (is_one_of(&s->t[i], "there") ||
            !has_any(s, i + 1, i + 5 < to ? i + 5 : to, thx_existence_words))
            return true;
    }
    return false;
}

#define NEGATION "no|not|without|neither|never"

/* Does a clause of its own begin behind the comma or "and" at `at`, the last one having begun at
 * `from`? */
static bool begins_clause(const sentence *s, size_t from, size_t at)
{
    const bool comma = s->t[at].p[0] == ',';
    const size_t right = at + 1, end = part_end(s, right);

    if (right >= s->n || is_one_of(&s->t[right], "or|nor|which")) return false;
    if (is_one_of(&s->t[right], thx_verb_words) && !is_one_of(&s->t[right], "there"))
        return false; /* "and has resolved": the same subject goes on */
    if (comma && is_one_of(&s->t[right], "with")) return has_any(s, from, at, NEGATION);
    if (!comma && is_one_of(&s->t[right], "with")) return true;
    const bool left_verb = has_any(s, from, at, thx_verb_words),
               left_no = has_any(s, from, at, NEGATION);
    if (has_any(s, right, end, thx_verb_words) &&
        (left_verb || (left_no && has_telling_verb(s, right, end))))
        return true;
    if (!comma || !left_no || has_any(s, right, s->n, "or|nor")) return false;
    return has_any(s, right, end, thx_verb_words) || is_one_of(&s->t[right], thx_size_words);
}

static void find_clauses(sentence *s)
{
    s->n_clauses = 1;
    s->clause[0] = 0;
    for (size_t i = 0; i < s->n; i++) {
        const size_t from = s->clause[s->n_clauses - 1];
        const bool hard = is_one_of(&s->t[i], thx_boundary_words);
        const bool soft =
            (s->t[i].p[0] == ',' || is_one_of(&s->t[i], "and")) && begins_clause(s, from, i);
        if ((hard || soft) && i > from) s->clause[s->n_clauses++] = i;
    }
    s->clause[s->n_clauses] = s->n;
}

/* ---- Cues ---- */

static void find_cues(sentence *s, size_t from, size_t to)
{
    for (size_t i = from; i < to;) {
        size_t end = 0;
        const thx_cue *c = thx_cues;
        for (; c->pattern && !end; c++) end = match(s, c->pattern, i, to);
        s->cue[i] = end ? (unsigned char)c[-1].kind : THX_CUE_NONE;
        s->cue_end[i] = end;
        for (size_t k = i + 1; k < end; k++) s->cue[k] = THX_CUE_NONE;
        i = end ? end : i + 1;
    }
    /* "effusion: no" */
    if (to - from >= 2 && s->t[to - 2].p[0] == ':' && is_one_of(&s->t[to - 1], "no|not"))
        s->cue[to - 1] = THX_CUE_AFTER;
}

typedef enum stance { SAID, DENIED, SILENT } stance;

/* How the clause [from, to) takes a mention [a, b). The nearest cue before its last word counts,
 * then those after it. */
static stance stance_of(const sentence *s, size_t from, size_t to, size_t a, size_t b)
{
    stance st = SAID;

    for (size_t i = from; i + 1 < b; i++) {
        /* "heart … not increased" */
        const bool inside = s->cue[i] == THX_CUE_VOID && i > a && s->cue_end[i] == b;
        if (s->cue[i] == THX_CUE_BEFORE || s->cue[i] == THX_CUE_AROUND || inside) st = DENIED;
        else if (s->cue[i] == THX_CUE_SILENT && st == SAID) st = SILENT;
        else if (s->cue[i] == THX_CUE_STOP && i < a) st = SAID;
    }
    for (size_t i = a + 1; i < to && s->cue[i] != THX_CUE_STOP; i++)
        if (s->cue[i] == THX_CUE_AFTER || s->cue[i] == THX_CUE_AROUND) return DENIED;
    return st;
}

/* ---- Rules ---- */

/* Words that look like a finding and are none: what precedes or follows decides. */
static bool is_other_thing(const sentence *s, unsigned mask, size_t a, size_t b)
{
    const token *before = a ? &s->t[a - 1] : NULL, *after = b < s->n ? &s->t[b] : NULL;

    if (mask & 1u << THX_F_LESION && before && is_one_of(before, "body|soft|muscle|bone"))
        return true;
    if (mask & 1u << THX_F_LESION && after && is_one_of(after, "effect")) return true;
    if (mask & 1u << THX_F_EFFUSION && before && is_one_of(before, "pericardial|joint"))
        return true;
    if (mask & 1u << THX_F_CARDIOMEGALY && after && is_one_of(after, "failure")) return true;
    if (mask & 1u << THX_F_NONE && after && is_one_of(after, "of|tube")) return true;
    return false;
}

static void note(thx_presence out[THX_FINDINGS], unsigned mask, thx_presence p)
{
    for (size_t f = 0; f < THX_FINDINGS; f++)
        if (mask & 1u << f && p > out[f]) out[f] = p;
}

static void apply(thx_presence out[THX_FINDINGS], const sentence *s, size_t from, size_t to,
                  const thx_finding_rule *r)
{
    const bool none = r->mask == 1u << THX_F_NONE;

    for (size_t a = from; a < to; a++) {
        const size_t b = match(s, r->pattern, a, to);
        if (!b || is_other_thing(s, r->mask, a, b)) continue;
        if (none) { /* the negation is in the pattern; "no abnormality other than" is not none */
            bool whole = true;
            for (size_t i = from; i < to; i++) whole &= s->cue[i] != THX_CUE_STOP;
            if (whole && !has_any(s, from, a, NEGATION)) note(out, r->mask, THX_PRESENT);
            continue;
        }
        const stance st = stance_of(s, from, to, a, b);
        if (st == SILENT) continue;
        if (r->absent && st == SAID && has_any(s, 0, s->n, "except|otherwise|apart|aside|besides"))
            continue;
        note(out, r->mask, (st == DENIED) != r->absent ? THX_ABSENT : THX_PRESENT);
    }
}

/* "Normal." or "None." by itself. */
static bool is_bare_normal(const sentence *s)
{
    return s->n == 1 && is_one_of(&s->t[0], "normal|unremarkable|none");
}

/* Every finding and "No Finding" in accord: what is there rules it out; where it holds, nothing
 * else is there. */
static void settle(thx_presence out[THX_FINDINGS])
{
    bool any = false;

    for (size_t f = 0; f < THX_FINDINGS; f++)
        any |= f != THX_F_NONE && f != THX_F_DEVICES && out[f] == THX_PRESENT;
    if (any) out[THX_F_NONE] = THX_ABSENT;
    if (out[THX_F_NONE] != THX_PRESENT) return;
    for (size_t f = 0; f < THX_FINDINGS; f++)
        if (f != THX_F_DEVICES && out[f] == THX_UNSAID) out[f] = THX_ABSENT;
}

void thx_findings_parse(thx_presence out[THX_FINDINGS], const char *text)
{
    sentence s;

    for (size_t f = 0; f < THX_FINDINGS; f++) out[f] = THX_UNSAID;
    for (const char *p = text; *p;) {
        p = read_sentence(&s, p, text);
        if (s.asks) continue; /* a question says nothing */
        find_clauses(&s);
        if (is_bare_normal(&s)) note(out, 1u << THX_F_NONE, THX_PRESENT);
        for (size_t k = 0; k < s.n_clauses; k++) {
            find_cues(&s, s.clause[k], s.clause[k + 1]);
            for (const thx_finding_rule *r = thx_finding_rules; r->pattern; r++)
                apply(out, &s, s.clause[k], s.clause[k + 1], r);
        }
    }
    settle(out);
}

/* ---- The published rule ---- */

bool thx_finding_named(const char *text, const char *name)
{
    for (; *text; text++) {
        size_t i = 0;
        while (name[i] && lower(text[i]) == lower(name[i])) i++;
        if (!name[i]) return true;
    }
    return false;
}

void thx_findings_substring(thx_presence out[THX_FINDINGS], const char *text)
{
    for (size_t f = 0; f < THX_FINDINGS; f++)
        out[f] = f != THX_F_NONE && thx_finding_named(text, thx_finding_names[f]) ? THX_PRESENT : THX_ABSENT;
}

void thx_findings_print(thx_string *out, const thx_presence present[THX_FINDINGS])
{
    size_t n = 0, done = 0;

    for (size_t f = 0; f < THX_F_NONE; f++) n += present[f] == THX_PRESENT;
    for (size_t f = 0; f < THX_F_NONE; f++) {
        if (present[f] != THX_PRESENT) continue;
        if (done) thx_string_puts(out, done + 1 < n ? ", " : " and ");
        for (const char *p = thx_finding_names[f]; *p; p++)
            thx_string_add(out, (const char[]){ lower(*p) }, 1);
        done++;
    }
}
