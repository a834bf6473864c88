/* Scores in the reply of a judge; see judge_score.h. */
#include "metrics/judge_score.h"
#include "metrics/digits.h"
#include "metrics/words.h"

#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX = 64 }; /* characters of a number that are looked at */

/* Text of a reply that is still to be read. */
typedef struct rest {
    const char *p, *end;
} rest;

/* Steps over `word` (small ASCII letters), whatever its case; U+017F is a small s to Python's re. */
static bool eat_word(rest *r, const char *word)
{
    const char *p = r->p;

    for (; *word; word++) {
        const size_t left = (size_t)(r->end - p);
        if (*word == 's' && left >= 2 && !memcmp(p, "\xc5\xbf", 2))
            p += 2;
        else if (left && ((unsigned char)*p | 0x20) == (unsigned char)*word)
            p++;
        else
            return false;
    }
    r->p = p;
    return true;
}

static void eat_space(rest *r)
{
    uint32_t c;

    while (r->p < r->end) {
        const size_t n = thx_char_next(r->p, (size_t)(r->end - r->p), &c);
        if (!thx_char_is_space(c)) return;
        r->p += n;
    }
}

/* Steps behind the next "overall score". */
static bool find_label(rest *r)
{
    for (; r->p < r->end; r->p++) {
        rest try = *r;
        if (!eat_word(&try, "overall")) continue;
        eat_space(&try);
        if (!eat_word(&try, "score")) continue;
        *r = try;
        return true;
    }
    return false;
}

/* A number being read: its digits in ASCII, zeros in front left out; what does not fit lies far behind the point, or
 * makes the number too large anyway. */
typedef struct number {
    char   text[NUMBER_MAX];
    size_t n, digits, points;
} number;

static void put_character(number *x, uint32_t c)
{
    const bool point = c == '.';
    const char digit = point ? '.' : (char)('0' + thx_digit_value(c));

    x->digits += !point;
    x->points += point;
    if ((x->n || digit != '0') && x->n < NUMBER_MAX - 1) x->text[x->n++] = digit;
}

/* Takes the next run of digits and points with "/10" behind it; false: there is none. */
static bool next_run(rest *r, number *x)
{
    uint32_t c;

    *x = (number){ .n = 0 };
    while (r->p < r->end) {
        const size_t n = thx_char_next(r->p, (size_t)(r->end - r->p), &c);
        const bool   run = c == '.' || thx_char_is_digit(c);
        if (run)
            put_character(x, c);
        else if (x->digits + x->points && r->end - r->p >= 3 && !memcmp(r->p, "/10", 3)) {
            r->p += 3;
            return true;
        }
        if (!run) *x = (number){ .n = 0 };
        r->p += n;
    }
    return false;
}

static bool is_score(double *out, number *x)
{
    x->text[x->n] = 0;
    *out = strtod(x->text, NULL); /* "" is 0: zeros alone */
    return x->digits && x->points < 2 && *out <= 10.0;
}

size_t thx_judge_scores(double *scores, size_t room, const char *reply, size_t size)
{
    rest   r = { reply, reply + size };
    size_t n = 0;
    number x;
    double score;

    while (find_label(&r) && next_run(&r, &x)) {
        if (!is_score(&score, &x)) continue;
        if (n < room) scores[n] = score;
        n++;
    }
    return n;
}
