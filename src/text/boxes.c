/* Boxes in text: "[x1, y1, x2, y2]", read and printed.
 *
 * One reader serves both forms. The strict one is the published evaluation's regular expression
 * followed by Python's float(): any decimal digit of Unicode counts, nothing may stand between a
 * number and what follows it, blanks only after a comma. Numbers are made without the C locale. */
#include "text/text.h"
#include "text/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

enum { MAX_DIGITS = 320 };

typedef struct cursor { const unsigned char *p; size_t left; } cursor;

/* The next character and its length; length 0 at the end, U+FFFD for what is not UTF-8. */
static size_t look(const cursor *c, uint32_t *u)
{
    if (!c->left) return 0;
    const int n = thx_utf8_next(c->p, c->left, u);
    if (n > 0) return (size_t)n;
    *u = 0xfffd;
    return 1;
}

static void step(cursor *c, size_t n)
{
    c->p += n;
    c->left -= n;
}

/* What Python's str.isspace holds for blanks. */
static bool is_blank(uint32_t u)
{
    return (u >= 9 && u <= 13) || (u >= 0x1c && u <= 0x20) || u == 0x85 || u == 0xa0 ||
           u == 0x1680 || (u >= 0x2000 && u <= 0x200a) || u == 0x2028 || u == 0x2029 ||
           u == 0x202f || u == 0x205f || u == 0x3000;
}

static void skip_blanks(cursor *c)
{
    uint32_t u;
    for (size_t n = look(c, &u); n && is_blank(u); n = look(c, &u)) step(c, n);
}

static bool is_digit(uint32_t u)
{
    return u < 0x80 ? u >= '0' && u <= '9' : utf8proc_category((int32_t)u) == UTF8PROC_CATEGORY_ND;
}

/* Decimal digits of all scripts come in rows of ten, zero first. */
static int digit_value(uint32_t u)
{
    uint32_t zero = u;

    if (u < 0x80) return (int)(u - '0');
    while (is_digit(zero - 1)) zero--;
    return (int)(u - zero) % 10;
}

/* Digits and points as they come: kept as digits [n] times ten to the power `exponent`. */
typedef struct number {
    char digits[MAX_DIGITS + 16];
    size_t n;
    int exponent;
    size_t points, seen;
} number;

static bool read_number(cursor *c, number *x)
{
    uint32_t u;

    *x = (number){ .n = 0 };
    for (size_t n = look(c, &u); n; n = look(c, &u)) {
        if (u == '.') {
            x->points++;
        } else if (is_digit(u)) {
            const int d = digit_value(u);
            x->seen++;
            if (x->n == MAX_DIGITS) { /* further digits only move the point */
                x->exponent += x->exponent < 10000 && !x->points;
            } else {
                if (x->n || d) x->digits[x->n++] = (char)('0' + d);
                x->exponent -= x->exponent > -10000 && x->points;
            }
        } else {
            break;
        }
        step(c, n);
    }
    return x->points + x->seen > 0;
}

static bool number_value(const number *x, double *out)
{
    char text[MAX_DIGITS + 16];

    if (!x->seen || x->points > 1) return false;
    memcpy(text, x->digits, x->n);
    if (!x->n) text[0] = '0';
    size_t n = x->n ? x->n : 1;
    int e = x->exponent < 0 ? -x->exponent : x->exponent;
    text[n++] = 'e';
    text[n++] = x->exponent < 0 ? '-' : '+';
    for (int k = 10000; k; k /= 10) text[n++] = (char)('0' + e / k % 10);
    text[n] = 0;
    *out = strtod(text, NULL);
    return true;
}

typedef enum found { NOTHING, BOX, MALFORMED } found;

static bool take(cursor *c, unsigned char byte)
{
    if (!c->left || *c->p != byte) return false;
    step(c, 1);
    return true;
}

/* One box from its bracket on; the cursor moves behind it only if there is one. */
static found read_box(cursor *from, thx_box *box, bool strict)
{
    cursor c = *from;
    double v[4];
    bool good = true;

    if (!take(&c, '[')) return NOTHING;
    for (size_t i = 0; i < 4; i++) {
        number x;
        bool minus = false;
        if (i || !strict) skip_blanks(&c);
        if (!strict && !(minus = take(&c, '-'))) take(&c, '+');
        if (!read_number(&c, &x)) return NOTHING;
        if (!strict) skip_blanks(&c);
        if (!take(&c, i < 3 ? ',' : ']')) return NOTHING;
        v[i] = 0.0;
        good &= number_value(&x, &v[i]);
        if (minus) v[i] = -v[i];
    }
    *from = c;
    *box = (thx_box){ v[0], v[1], v[2], v[3] };
    return good ? BOX : MALFORMED;
}

static double clamp(double x) { return x <= 0.0 ? 0.0 : x > 1.0 ? 1.0 : x; }

size_t thx_boxes_parse(thx_box *out, size_t room, const char *text, bool strict)
{
    cursor c = { (const unsigned char *)text, strlen(text) };
    size_t n = 0;

    while (c.left) {
        thx_box box;
        const found f = read_box(&c, &box, strict);
        if (f == MALFORMED && strict) return SIZE_MAX;
        if (f == BOX && !strict)
            box = (thx_box){ clamp(box.x1), clamp(box.y1), clamp(box.x2), clamp(box.y2) };
        if (f == BOX && (strict || (box.x2 > box.x1 && box.y2 > box.y1))) {
            if (n < room) out[n] = box;
            n++;
        }
        if (f == NOTHING) step(&c, 1);
    }
    return n;
}

/* Rounded to hundredths, half to even after the product, as NumPy does; at least one decimal. */
static void print_number(thx_string *out, double x)
{
    if (!isfinite(x)) {
        thx_string_puts(out, isnan(x) ? "nan" : x < 0 ? "-inf" : "inf");
        return;
    }
    const double scaled = rint(fabs(x) * 100.0);
    const long long k = scaled < 1e17 ? (long long)scaled : 100000000000000000;
    const int cents = (int)(k % 100);
    thx_string_printf(out, "%s%lld.%d", signbit(x) ? "-" : "", k / 100, cents / 10);
    if (cents % 10) thx_string_printf(out, "%d", cents % 10);
}

void thx_boxes_print(thx_string *out, const thx_box *boxes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const double v[4] = { boxes[i].x1, boxes[i].y1, boxes[i].x2, boxes[i].y2 };
        if (i) thx_string_puts(out, i + 1 < n ? ", " : " and ");
        thx_string_puts(out, "[");
        for (size_t k = 0; k < 4; k++) {
            if (k) thx_string_puts(out, ", ");
            print_number(out, v[k]);
        }
        thx_string_puts(out, "]");
    }
}
