/* Characters by Python's rules; see words.h. utf8proc's tables may be of a later Unicode than Python 3.11's
 * (14.0): what came later is listed here and counts as not assigned. */
#include "metrics/words.h"

#include <utf8proc.h>

typedef struct range { uint32_t first, last; } range;

static bool is_in(const range *ranges, size_t n, uint32_t c)
{
    size_t low = 0, high = n;

    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (c > ranges[middle].last) low = middle + 1;
        else high = middle;
    }
    return low < n && c >= ranges[low].first;
}

/* Letters, numbers and marks of Unicode 15.0 that 14.0 does not have. */
static const range young[] = {
    { 0xece, 0xece },     { 0x10efd, 0x10eff }, { 0x1123f, 0x11241 }, { 0x11f00, 0x11f02 }, { 0x11f04, 0x11f10 },
    { 0x11f12, 0x11f33 }, { 0x11f36, 0x11f3a }, { 0x11f40, 0x11f40 }, { 0x11f42, 0x11f42 }, { 0x11f50, 0x11f59 },
    { 0x1342f, 0x1342f }, { 0x13439, 0x13455 }, { 0x1b132, 0x1b132 }, { 0x1b155, 0x1b155 }, { 0x1d2c0, 0x1d2d3 },
    { 0x1df25, 0x1df2a }, { 0x1e030, 0x1e06d }, { 0x1e08f, 0x1e08f }, { 0x1e4d0, 0x1e4f9 }, { 0x2b739, 0x2b739 },
    { 0x31350, 0x323af },
};

static utf8proc_category_t category(uint32_t c)
{
    if (c >= young[0].first && is_in(young, sizeof young / sizeof *young, c)) return UTF8PROC_CATEGORY_CN;
    return utf8proc_category((utf8proc_int32_t)c);
}

bool thx_char_is_word(uint32_t c)
{
    if (c < 0x80) return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
    const utf8proc_category_t k = category(c);
    return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO) ||
           (k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO);
}

bool thx_char_is_digit(uint32_t c)
{
    return c < 0x80 ? c >= '0' && c <= '9' : category(c) == UTF8PROC_CATEGORY_ND;
}

size_t thx_char_next(const char *text, size_t size, uint32_t *c)
{
    const int n = thx_utf8_next((const unsigned char *)text, size, c);

    if (n > 0) return (size_t)n;
    *c = 0xfffd;
    return n ? (size_t)-n : size;
}

/* thx_char_is_space of ASCII, without a call. */
static inline bool is_ascii_space(char c) { return c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x1f); }

bool thx_next_word(const char **text, size_t *size, const char **word, size_t *word_size)
{
    const char *const end = *text + *size, *p = *text, *begin = NULL;
    uint32_t          c;

    while (p < end) {
        const bool   ascii = (unsigned char)*p < 0x80;
        const size_t n = ascii ? 1 : thx_char_next(p, (size_t)(end - p), &c);
        const bool   blank = ascii ? is_ascii_space(*p) : thx_char_is_space(c);
        if (blank && begin) break;
        if (!blank && !begin) begin = p;
        p += n;
    }
    *word = begin;
    *word_size = begin ? (size_t)(p - begin) : 0;
    *text = p;
    *size = (size_t)(end - p);
    return begin != NULL;
}

/* ---- Lower case ---- */

/* Letters by case, of those that are not ignorable. */
static bool is_cased(uint32_t c)
{
    static const range more[] = { { 0xaa, 0xaa },       { 0xba, 0xba },       { 0x2160, 0x217f },  { 0x24b6, 0x24e9 },
                                  { 0x1f130, 0x1f149 }, { 0x1f150, 0x1f169 }, { 0x1f170, 0x1f189 } };
    const utf8proc_category_t k = category(c);

    return k == UTF8PROC_CATEGORY_LU || k == UTF8PROC_CATEGORY_LL || k == UTF8PROC_CATEGORY_LT ||
           is_in(more, sizeof more / sizeof *more, c);
}

/* What the rule of the final sigma looks past: marks, formats, modifiers, points and apostrophes. */
static bool is_ignorable(uint32_t c)
{
    static const range more[] = { { 0x27, 0x27 },     { 0x2e, 0x2e },     { 0x3a, 0x3a },     { 0xb7, 0xb7 },
                                  { 0x387, 0x387 },   { 0x55f, 0x55f },   { 0x5f4, 0x5f4 },   { 0x2018, 0x2019 },
                                  { 0x2024, 0x2024 }, { 0x2027, 0x2027 }, { 0xfe13, 0xfe13 }, { 0xfe52, 0xfe52 },
                                  { 0xfe55, 0xfe55 }, { 0xff07, 0xff07 }, { 0xff0e, 0xff0e }, { 0xff1a, 0xff1a } };
    const utf8proc_category_t k = category(c);

    return k == UTF8PROC_CATEGORY_MN || k == UTF8PROC_CATEGORY_ME || k == UTF8PROC_CATEGORY_CF ||
           k == UTF8PROC_CATEGORY_LM || k == UTF8PROC_CATEGORY_SK || is_in(more, sizeof more / sizeof *more, c);
}

/* Does a letter begin text [size], ignorable characters left aside? */
static bool letter_follows(const char *text, size_t size)
{
    uint32_t c;

    for (size_t i = 0; i < size;) {
        i += thx_char_next(text + i, size - i, &c);
        if (!is_ignorable(c)) return is_cased(c);
    }
    return false;
}

/* c, which is not ASCII, in lower case; `after` says whether a letter is before it, text [size] is what follows it. */
static uint32_t lower_of(uint32_t c, bool after, const char *text, size_t size)
{
    if (c == 0x130) return 'i';
    if (c == 0x3a3) return after && !letter_follows(text, size) ? 0x3c2 : 0x3c3;
    return category(c) == UTF8PROC_CATEGORY_CN ? c : (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
}

/* Appends the ASCII characters text begins with; returns how many there are. */
static size_t lower_ascii(thx_string *out, const char *text, size_t size)
{
    size_t n = 0;

    while (n < size && (unsigned char)text[n] < 0x80) n++;
    if (!thx_string_reserve(out, n)) return n;
    for (size_t i = 0; i < n; i++) {
        const char c = text[i];
        out->data[out->size + i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    out->size += n;
    out->data[out->size] = 0;
    return n;
}

void thx_text_lower(thx_string *out, const char *text, size_t size)
{
    bool     after = false; /* the last character that is not ignorable is a letter */
    uint32_t c;
    char     utf8[4];

    for (size_t i = 0; i < size;) {
        const size_t n = lower_ascii(out, text + i, size - i);
        for (size_t k = n; k > 0; k--) {
            if (is_ignorable((unsigned char)text[i + k - 1])) continue;
            after = is_cased((unsigned char)text[i + k - 1]);
            break;
        }
        if ((i += n) == size) break;
        i += thx_char_next(text + i, size - i, &c);
        thx_string_add(out, utf8, thx_utf8_put(utf8, lower_of(c, after, text + i, size - i)));
        if (c == 0x130) thx_string_puts(out, "\xcc\x87"); /* the dot above */
        if (!is_ignorable(c)) after = is_cased(c);
    }
}
