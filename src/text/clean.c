/* Cleaning of texts; see clean.h. Methods: Python's html.unescape, ftfy's fix_text (uncurl_quotes,
 * fix_latin_ligatures, fix_character_width). */
#include "text/clean.h"

#include "text/utf8.h"

#include <ctype.h>
#include <string.h>

/* Names of characters, by strcmp; `bare`: the final semicolon may be missing. */
static const struct { const char *name; uint32_t c; bool bare; } names[] = {
    { "AElig", 0xc6, true }, { "AMP", 0x26, true }, { "Aacute", 0xc1, true }, { "Acirc", 0xc2, true },
    { "Agrave", 0xc0, true }, { "Aring", 0xc5, true }, { "Atilde", 0xc3, true }, { "Auml", 0xc4, true },
    { "COPY", 0xa9, true }, { "Ccedil", 0xc7, true }, { "ETH", 0xd0, true }, { "Eacute", 0xc9, true },
    { "Ecirc", 0xca, true }, { "Egrave", 0xc8, true }, { "Euml", 0xcb, true }, { "GT", 0x3e, true },
    { "Iacute", 0xcd, true }, { "Icirc", 0xce, true }, { "Igrave", 0xcc, true }, { "Iuml", 0xcf, true },
    { "LT", 0x3c, true }, { "NewLine", 0xa, false }, { "Ntilde", 0xd1, true }, { "Oacute", 0xd3, true },
    { "Ocirc", 0xd4, true }, { "Ograve", 0xd2, true }, { "Oslash", 0xd8, true }, { "Otilde", 0xd5, true },
    { "Ouml", 0xd6, true }, { "Prime", 0x2033, false }, { "QUOT", 0x22, true }, { "REG", 0xae, true },
    { "THORN", 0xde, true }, { "Tab", 0x9, false }, { "Uacute", 0xda, true }, { "Ucirc", 0xdb, true },
    { "Ugrave", 0xd9, true }, { "Uuml", 0xdc, true }, { "Yacute", 0xdd, true }, { "aacute", 0xe1, true },
    { "acirc", 0xe2, true }, { "acute", 0xb4, true }, { "aelig", 0xe6, true }, { "agrave", 0xe0, true },
    { "alpha", 0x3b1, false }, { "amp", 0x26, true }, { "apos", 0x27, false }, { "aring", 0xe5, true },
    { "asymp", 0x2248, false }, { "atilde", 0xe3, true }, { "auml", 0xe4, true }, { "bdquo", 0x201e, false },
    { "beta", 0x3b2, false }, { "brvbar", 0xa6, true }, { "bull", 0x2022, false }, { "ccedil", 0xe7, true },
    { "cedil", 0xb8, true }, { "cent", 0xa2, true }, { "copy", 0xa9, true }, { "curren", 0xa4, true },
    { "deg", 0xb0, true }, { "delta", 0x3b4, false }, { "divide", 0xf7, true }, { "eacute", 0xe9, true },
    { "ecirc", 0xea, true }, { "egrave", 0xe8, true }, { "emsp", 0x2003, false }, { "ensp", 0x2002, false },
    { "eth", 0xf0, true }, { "euml", 0xeb, true }, { "euro", 0x20ac, false }, { "frac12", 0xbd, true },
    { "frac14", 0xbc, true }, { "frac34", 0xbe, true }, { "gamma", 0x3b3, false }, { "ge", 0x2265, false },
    { "gt", 0x3e, true }, { "hellip", 0x2026, false }, { "iacute", 0xed, true }, { "icirc", 0xee, true },
    { "iexcl", 0xa1, true }, { "igrave", 0xec, true }, { "iquest", 0xbf, true }, { "iuml", 0xef, true },
    { "laquo", 0xab, true }, { "ldquo", 0x201c, false }, { "le", 0x2264, false }, { "lsquo", 0x2018, false },
    { "lt", 0x3c, true }, { "macr", 0xaf, true }, { "mdash", 0x2014, false }, { "micro", 0xb5, true },
    { "middot", 0xb7, true }, { "minus", 0x2212, false }, { "mu", 0x3bc, false }, { "nbsp", 0xa0, true },
    { "ndash", 0x2013, false }, { "ne", 0x2260, false }, { "not", 0xac, true }, { "ntilde", 0xf1, true },
    { "oacute", 0xf3, true }, { "ocirc", 0xf4, true }, { "ograve", 0xf2, true }, { "ordf", 0xaa, true },
    { "ordm", 0xba, true }, { "oslash", 0xf8, true }, { "otilde", 0xf5, true }, { "ouml", 0xf6, true },
    { "para", 0xb6, true }, { "plusmn", 0xb1, true }, { "pound", 0xa3, true }, { "prime", 0x2032, false },
    { "quot", 0x22, true }, { "raquo", 0xbb, true }, { "rdquo", 0x201d, false }, { "reg", 0xae, true },
    { "rsquo", 0x2019, false }, { "sbquo", 0x201a, false }, { "sect", 0xa7, true }, { "shy", 0xad, true },
    { "sup1", 0xb9, true }, { "sup2", 0xb2, true }, { "sup3", 0xb3, true }, { "szlig", 0xdf, true },
    { "thinsp", 0x2009, false }, { "thorn", 0xfe, true }, { "times", 0xd7, true }, { "trade", 0x2122, false },
    { "uacute", 0xfa, true }, { "ucirc", 0xfb, true }, { "ugrave", 0xf9, true }, { "uml", 0xa8, true },
    { "uuml", 0xfc, true }, { "yacute", 0xfd, true }, { "yen", 0xa5, true }, { "yuml", 0xff, true },
};

enum { NAMES = sizeof names / sizeof names[0], NAME_BYTES_MAX = 8 };

static void put(thx_string *out, uint32_t c)
{
    char         bytes[4];
    const size_t n = thx_utf8_put(bytes, c);

    thx_string_add(out, bytes, n);
}

/* The place of name[0..n) in the table, or NAMES. */
static size_t find(const char *name, size_t n)
{
    size_t low = 0, high = NAMES;

    while (low < high) {
        const size_t mid = (low + high) / 2;
        const int    order = strncmp(names[mid].name, name, n);
        if (order < 0) low = mid + 1;
        else high = mid;
    }
    return low < NAMES && strlen(names[low].name) == n && !memcmp(names[low].name, name, n) ? low : NAMES;
}

/* What a number stands for: codes 80 to 9F are meant as Windows-1252, controls as nothing. */
static void put_number(thx_string *out, uint32_t c)
{
    static const uint16_t windows[32] = {
        0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d,
              0x17d, 0x8f,
        0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0x9d,
              0x17e, 0x178,
    };

    if (c >= 0x80 && c < 0xa0) put(out, windows[c - 0x80]);
    else if (!c || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff) put(out, 0xfffd);
    else if ((c >= 0x20 && c != 0x7f) || c == '\t' || c == '\n' || c == '\r') put(out, c);
}

/* "#65;" or "#x41;" behind an &: appends it and returns its length, 0 when it is none. */
static size_t number(thx_string *out, const char *s, size_t n)
{
    const bool   hex = n > 1 && (s[1] == 'x' || s[1] == 'X');
    const size_t first = hex ? 2 : 1;
    size_t       i = first;
    uint32_t     c = 0;

    for (; i < n && (hex ? isxdigit((unsigned char)s[i]) : isdigit((unsigned char)s[i])); i++) {
        const int digit = isdigit((unsigned char)s[i]) ? s[i] - '0' : tolower((unsigned char)s[i]) - 'a' + 10;
        if (c <= 0x10ffff) c = c * (hex ? 16 : 10) + (uint32_t)digit;
    }
    if (i == first) return 0;
    put_number(out, c);
    return i + (i < n && s[i] == ';');
}

/* "amp;" behind an &, or the longest beginning that needs no semicolon; as number(). */
static size_t named(thx_string *out, const char *s, size_t n)
{
    size_t run = 0, at;

    while (run < n && run < NAME_BYTES_MAX && isalnum((unsigned char)s[run])) run++;
    if (run < n && s[run] == ';' && (at = find(s, run)) < NAMES) {
        put(out, names[at].c);
        return run + 1;
    }
    for (; run > 1; run--)
        if ((at = find(s, run)) < NAMES && names[at].bare) {
            put(out, names[at].c);
            return run;
        }
    return 0;
}

static void unescape(thx_string *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        const char  *mark = memchr(s + i, '&', n - i);
        const size_t end = mark ? (size_t)(mark - s) : n;
        thx_string_add(out, s + i, end - i);
        if (!mark) return;
        const size_t left = n - end - 1;
        const size_t used = left && s[end + 1] == '#' ? number(out, s + end + 1, left) : named(out, s + end + 1, left);
        if (!used) thx_string_add(out, "&", 1);
        i = end + 1 + used;
    }
}

/* What a character is written as; NULL for itself. */
static const char *plain(uint32_t c, char ascii[2])
{
    static const char *const ligatures[] = { "ff", "fi", "fl", "ffi", "ffl", "\xc5\xbft", "st" };

    if (c == 0x2bc || (c >= 0x2018 && c <= 0x201b)) return "'";
    if (c >= 0x201c && c <= 0x201f) return "\"";
    if (c >= 0xfb00 && c <= 0xfb06) return ligatures[c - 0xfb00];
    if (c == 0x3000) return " ";
    if (c < 0xff01 || c > 0xff5e) return NULL;
    ascii[0] = (char)(c - 0xff01 + '!');
    ascii[1] = 0;
    return ascii;
}

static void fold(thx_string *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint32_t    c = 0;
        char        ascii[2];
        const int   length = thx_utf8_next((const unsigned char *)s + i, n - i, &c);
        const char *as = length > 1 ? plain(c, ascii) : NULL;
        const size_t bytes = length > 0 ? (size_t)length : length < 0 ? (size_t)-length : n - i;
        if (as) thx_string_puts(out, as);
        else thx_string_add(out, s + i, bytes);
        i += bytes;
    }
}

void thx_text_clean(thx_string *out, const char *text, size_t size)
{
    thx_string once = { 0 }, twice = { 0 };

    unescape(&once, text, size);
    if (once.size) unescape(&twice, once.data, once.size);
    if (twice.size) fold(out, twice.data, twice.size);
    out->failed |= once.failed || twice.failed;
    thx_string_deinit(&once);
    thx_string_deinit(&twice);
}
