/* The Porter stemmer; see porter.h. Rules are tables, a table a step: the first rule whose suffix matches decides,
 * whether or not its condition holds. A word is bytes [n]; steps shorten it and return its new size. No step makes a
 * word longer than it came: what is put on is never more than what was taken off before. */
#include "metrics/porter.h"

#include <stdbool.h>
#include <string.h>

/* ---- What conditions ask ---- */

/* y is a consonant at the beginning and behind a vowel; digits are consonants. Runs of y alternate, so its kind is
 * counted from where they begin. */
static bool is_consonant(const char *w, size_t i)
{
    if (w[i] != 'y') return !memchr("aeiou", w[i], 5);
    size_t begin = i;
    while (begin && w[begin - 1] == 'y') begin--;
    const bool first = begin == 0 || memchr("aeiou", w[begin - 1], 5) != NULL; /* the first y is a consonant */
    return first == ((i - begin) % 2 == 0);
}

/* How often a vowel is directly followed by a consonant, up to 2. */
static unsigned measure(const char *w, size_t n)
{
    unsigned m = 0;
    bool     before = true; /* the letter before is a consonant */

    for (size_t i = 0; i < n && m < 2; i++) {
        const bool consonant = w[i] == 'y' ? i == 0 || !before : !memchr("aeiou", w[i], 5);
        m += consonant && !before;
        before = consonant;
    }
    return m;
}

static bool has_vowel(const char *w, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (w[i] == 'y' ? i > 0 && is_consonant(w, i - 1) : memchr("aeiou", w[i], 5) != NULL) return true;
    return false;
}

static bool ends_double(const char *w, size_t n) { return n >= 2 && w[n - 1] == w[n - 2] && is_consonant(w, n - 1); }

/* Consonant, vowel, consonant other than w, x, y; or a word of a vowel and a consonant. */
static bool ends_cvc(const char *w, size_t n)
{
    if (n == 2) return !is_consonant(w, 0) && is_consonant(w, 1);
    return n >= 3 && is_consonant(w, n - 3) && !is_consonant(w, n - 2) && is_consonant(w, n - 1) &&
           !memchr("wxy", w[n - 1], 3);
}

static bool ends_in(const char *w, size_t n, const char *suffix)
{
    const size_t k = strlen(suffix);

    return n >= k && !memcmp(w + n - k, suffix, k);
}

/* ---- Rules ---- */

typedef struct rule {
    const char *suffix, *with;
    size_t      left;  /* letters of the suffix that count to the rest when it is measured */
} rule;

/* The rule that matches, or NULL: then *rest is the size without the suffix. */
static const rule *find_rule(const rule *rules, const char *w, size_t n, size_t *rest)
{
    for (const rule *r = rules; r->suffix; r++) {
        if (!ends_in(w, n, r->suffix)) continue;
        *rest = n - strlen(r->suffix);
        return r;
    }
    return NULL;
}

static size_t put(char *w, size_t rest, const char *with)
{
    const size_t k = strlen(with);

    memcpy(w + rest, with, k);
    return rest + k;
}

/* Applies a list whose rules all ask for a measure above `above`. */
static size_t apply(const rule *rules, char *w, size_t n, unsigned above)
{
    size_t      rest;
    const rule *r = find_rule(rules, w, n, &rest);

    return r && measure(w, rest + r->left) > above ? put(w, rest, r->with) : n;
}

/* ---- Steps ---- */

static size_t step_1a(char *w, size_t n)
{
    static const rule rules[] = { { "sses", "ss", 0 }, { "ies", "i", 0 }, { "ss", "ss", 0 }, { "s", "", 0 }, { 0 } };
    size_t            rest;

    if (n == 4 && ends_in(w, n, "ies")) return n - 1;
    const rule *r = find_rule(rules, w, n, &rest);
    return r ? put(w, rest, r->with) : n;
}

/* What follows the loss of "ed" or "ing". */
static size_t mend(char *w, size_t n)
{
    static const rule rules[] = { { "at", "ate", 0 }, { "bl", "ble", 0 }, { "iz", "ize", 0 }, { 0 } };
    size_t            rest;
    const rule       *r = find_rule(rules, w, n, &rest);

    if (r) return put(w, rest, r->with);
    if (ends_double(w, n)) return memchr("lsz", w[n - 1], 3) ? n : n - 1;
    return measure(w, n) == 1 && ends_cvc(w, n) ? put(w, n, "e") : n;
}

static size_t step_1b(char *w, size_t n)
{
    if (ends_in(w, n, "ied")) return n == 4 ? n - 1 : n - 2;
    if (ends_in(w, n, "eed")) return measure(w, n - 3) > 0 ? n - 1 : n;
    if (ends_in(w, n, "ed") && has_vowel(w, n - 2)) return mend(w, n - 2);
    if (ends_in(w, n, "ing") && has_vowel(w, n - 3)) return mend(w, n - 3);
    return n;
}

static size_t step_1c(char *w, size_t n)
{
    if (n > 2 && w[n - 1] == 'y' && is_consonant(w, n - 2)) w[n - 1] = 'i';
    return n;
}

static size_t step_2(char *w, size_t n)
{
    static const rule rules[] = {
        { "ational", "ate", 0 }, { "tional", "tion", 0 }, { "enci", "ence", 0 },  { "anci", "ance", 0 },
        { "izer", "ize", 0 },    { "bli", "ble", 0 },     { "alli", "al", 0 },    { "entli", "ent", 0 },
        { "eli", "e", 0 },       { "ousli", "ous", 0 },   { "ization", "ize", 0 }, { "ation", "ate", 0 },
        { "ator", "ate", 0 },    { "alism", "al", 0 },    { "iveness", "ive", 0 }, { "fulness", "ful", 0 },
        { "ousness", "ous", 0 }, { "aliti", "al", 0 },    { "iviti", "ive", 0 },  { "biliti", "ble", 0 },
        { "fulli", "ful", 0 },   { "logi", "log", 1 },    { 0 },
    };

    if (ends_in(w, n, "alli") && measure(w, n - 4) > 0) n -= 2; /* and again: what is left ends in "al" */
    return apply(rules, w, n, 0);
}

static size_t step_3(char *w, size_t n)
{
    static const rule rules[] = { { "icate", "ic", 0 }, { "ative", "", 0 }, { "alize", "al", 0 }, { "iciti", "ic", 0 },
                                  { "ical", "ic", 0 },  { "ful", "", 0 },   { "ness", "", 0 },    { 0 } };

    return apply(rules, w, n, 0);
}

static size_t step_4(char *w, size_t n)
{
    static const rule rules[] = {
        { "al", "", 0 },   { "ance", "", 0 },  { "ence", "", 0 }, { "er", "", 0 },  { "ic", "", 0 },  { "able", "", 0 },
        { "ible", "", 0 }, { "ant", "", 0 },   { "ement", "", 0 }, { "ment", "", 0 },
        { "ent", "", 0 },  { "ion", "", 0 },
        { "ou", "", 0 },   { "ism", "", 0 },   { "ate", "", 0 },  { "iti", "", 0 }, { "ous", "", 0 }, { "ive", "", 0 },
        { "ize", "", 0 },  { 0 },
    };

    if (ends_in(w, n, "ion") && (n < 4 || !memchr("st", w[n - 4], 2))) return n;
    return apply(rules, w, n, 1);
}

static size_t step_5(char *w, size_t n)
{
    if (w[n - 1] == 'e') {
        const unsigned m = measure(w, n - 1);
        if (m > 1 || (m == 1 && !ends_cvc(w, n - 1))) n--;
    }
    return ends_in(w, n, "ll") && measure(w, n - 1) > 1 ? n - 1 : n;
}

/* Words with a stem of their own. */
static size_t irregular(char *w, size_t n)
{
    static const char *const words[][2] = {
        { "sky", "sky" },         { "skies", "sky" },       { "dying", "die" },       { "lying", "lie" },
        { "tying", "tie" },       { "news", "news" },       { "inning", "inning" },   { "innings", "inning" },
        { "outing", "outing" },   { "outings", "outing" },  { "canning", "canning" }, { "cannings", "canning" },
        { "howe", "howe" },       { "proceed", "proceed" }, { "exceed", "exceed" },   { "succeed", "succeed" },
    };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i][0]) == n && !memcmp(words[i][0], w, n)) return put(w, 0, words[i][1]);
    return 0;
}

size_t thx_porter_stem(char *word, size_t size)
{
    static size_t (*const steps[])(char *, size_t) = { step_1a, step_1b, step_1c, step_2, step_3, step_4, step_5 };
    const size_t known = irregular(word, size);

    if (known || size <= 2) return known ? known : size;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && size; i++) size = steps[i](word, size);
    return size;
}
