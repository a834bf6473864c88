/* UTF-8 and form C; see utf8.h. Tables of the Unicode database come from utf8proc; its own
 * reordering of marks is quadratic in their number, so that step is done here by counting. */
#include "text/utf8.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

int thx_utf8_next(const unsigned char *s, size_t n, uint32_t *c)
{
    const unsigned first = s[0];
    unsigned low = 0x80, high = 0xbf; /* what the second byte may be */
    size_t length;

    if (first < 0x80) {
        *c = first;
        return 1;
    }
    if (first >= 0xc2 && first <= 0xdf) length = 2;
    else if (first >= 0xe0 && first <= 0xef) length = 3;
    else if (first >= 0xf0 && first <= 0xf4) length = 4;
    else return -1;
    if (first == 0xe0) low = 0xa0; /* no overlong forms, no surrogates, nothing above U+10FFFF */
    if (first == 0xed) high = 0x9f;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;

    uint32_t value = first & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if (i == n) return 0;
        if (s[i] < low || s[i] > high) return -(int)i;
        value = value << 6 | (s[i] & 0x3fu);
        low = 0x80;
        high = 0xbf;
    }
    *c = value;
    return (int)length;
}

size_t thx_utf8_put(char out[4], uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    const size_t length = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--, c >>= 6) out[i] = (char)(0x80 | (c & 0x3f));
    static const unsigned char lead[5] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    out[0] = (char)(lead[length] | c);
    return length;
}

bool thx_utf8_valid(const char *text, size_t size)
{
    const unsigned char *s = (const unsigned char *)text;
    uint32_t c;

    for (size_t i = 0; i < size;) {
        const int n = thx_utf8_next(s + i, size - i, &c);
        if (n <= 0) return false;
        i += (size_t)n;
    }
    return true;
}

void thx_utf8_repair(thx_string *out, const char *text, size_t size)
{
    const unsigned char *s = (const unsigned char *)text;
    uint32_t c;

    for (size_t i = 0; i < size;) {
        const int n = thx_utf8_next(s + i, size - i, &c);
        if (n > 0) thx_string_add(out, text + i, (size_t)n);
        else thx_string_puts(out, REPLACEMENT);
        i += n > 0 ? (size_t)n : n < 0 ? (size_t)-n : size - i;
    }
}

static bool is_white(uint32_t c)
{
    return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool thx_char_is_space(uint32_t c) { return is_white(c) || (c >= 0x1c && c <= 0x1f); }

static size_t bytes_before(const char *text, size_t size, bool (*is)(uint32_t c))
{
    size_t at = 0;
    uint32_t c;

    while (at < size) {
        const int n = thx_utf8_next((const unsigned char *)text + at, size - at, &c);
        if (n <= 0 || !is(c)) break;
        at += (size_t)n;
    }
    return at;
}

static size_t bytes_behind(const char *text, size_t size, bool (*is)(uint32_t c))
{
    size_t end = size;
    uint32_t c;

    while (end) {
        size_t at = end - 1;
        while (at && ((unsigned char)text[at] & 0xc0) == 0x80) at--;
        if (thx_utf8_next((const unsigned char *)text + at, end - at, &c) <= 0 || !is(c)) break;
        end = at;
    }
    return size - end;
}

size_t thx_blanks_before(const char *text, size_t size) { return bytes_before(text, size, thx_char_is_space); }
size_t thx_blanks_behind(const char *text, size_t size) { return bytes_behind(text, size, thx_char_is_space); }
size_t thx_spaces_before(const char *text, size_t size) { return bytes_before(text, size, is_white); }
size_t thx_spaces_behind(const char *text, size_t size) { return bytes_behind(text, size, is_white); }

/* Code points below U+0300 are in form C and compose with nothing before them. */
bool thx_nfc_is_plain(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] >= 0xcc) return false; /* 0xcc 0x80 is U+0300 */
    return true;
}

/* Marks that came to Unicode after the tables of the tokenizers library (found by comparing all
 * code points with release 0.21.4): there they are plain characters, which no mark passes. */
static const int32_t young_marks[][2] = {
    { 0x7fd, 0x7fd },     { 0x898, 0x89f },     { 0x8ca, 0x8d3 },     { 0x9fe, 0x9fe },
    { 0xc3c, 0xc3c },     { 0xd3b, 0xd3c },     { 0xeba, 0xeba },     { 0x1715, 0x1715 },
    { 0x1abf, 0x1ace },   { 0x1df6, 0x1dfa },   { 0xa82c, 0xa82c },   { 0x10d24, 0x10d27 },
    { 0x10eab, 0x10eac }, { 0x10efd, 0x10eff }, { 0x10f46, 0x10f50 }, { 0x10f82, 0x10f85 },
    { 0x11070, 0x11070 }, { 0x1133b, 0x1133b }, { 0x1145e, 0x1145e }, { 0x11839, 0x1183a },
    { 0x1193d, 0x1193e }, { 0x11943, 0x11943 }, { 0x119e0, 0x119e0 }, { 0x11a34, 0x11a34 },
    { 0x11a47, 0x11a47 }, { 0x11a99, 0x11a99 }, { 0x11d42, 0x11d42 }, { 0x11d44, 0x11d45 },
    { 0x11d97, 0x11d97 }, { 0x11f41, 0x11f42 }, { 0x16ff0, 0x16ff1 }, { 0x1e08f, 0x1e08f },
    { 0x1e130, 0x1e136 }, { 0x1e2ae, 0x1e2ae }, { 0x1e2ec, 0x1e2ef }, { 0x1e4ec, 0x1e4ef },
};

static bool is_young(int32_t c)
{
    size_t low = 0, high = sizeof young_marks / sizeof *young_marks;

    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (c > young_marks[middle][1]) low = middle + 1;
        else high = middle;
    }
    return low < sizeof young_marks / sizeof *young_marks && c >= young_marks[low][0];
}

static utf8proc_uint8_t mark_class(int32_t c)
{
    const utf8proc_property_t *p = utf8proc_get_property(c);
    return p->combining_class && !is_young(c) ? (utf8proc_uint8_t)p->combining_class : 0;
}

/* Sorts a run of marks by class, keeping the order inside a class. spare [n]. */
static void sort_marks(int32_t *c, int32_t *spare, size_t n)
{
    size_t at[257] = { 0 };

    for (size_t i = 0; i < n; i++) at[mark_class(c[i]) + 1]++;
    for (size_t k = 0; k < 256; k++) at[k + 1] += at[k];
    for (size_t i = 0; i < n; i++) spare[at[mark_class(c[i])]++] = c[i];
    memcpy(c, spare, n * sizeof *c);
}

static void order_marks(int32_t *c, int32_t *spare, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t end = i;
        bool sorted = true;
        for (utf8proc_uint8_t before = 0; end < n; end++) {
            const utf8proc_uint8_t k = mark_class(c[end]);
            if (!k) break;
            sorted &= k >= before;
            before = k;
        }
        if (!sorted) sort_marks(c + i, spare, end - i);
        i = end + 1;
    }
}

/* Decomposes text into c [room]; returns how many code points that takes. */
static size_t decompose(int32_t *c, size_t room, const char *text, size_t size)
{
    size_t n = 0;
    uint32_t u;
    int last = 0;

    for (size_t i = 0; i < size;) {
        const int length = thx_utf8_next((const unsigned char *)text + i, size - i, &u);
        if (length <= 0) break; /* not reached: text is valid */
        const size_t left = n < room ? room - n : 0;
        const utf8proc_ssize_t k = utf8proc_decompose_char(
            (utf8proc_int32_t)u, left ? c + n : NULL, (utf8proc_ssize_t)left,
            UTF8PROC_STABLE | UTF8PROC_COMPOSE, &last);
        n += k > 0 ? (size_t)k : 0;
        i += (size_t)length;
    }
    return n;
}

/* Composes c [n] in place and appends it. */
static void compose(thx_string *out, int32_t *c, size_t n)
{
    const utf8proc_ssize_t m =
        utf8proc_normalize_utf32(c, (utf8proc_ssize_t)n, UTF8PROC_STABLE | UTF8PROC_COMPOSE);

    for (utf8proc_ssize_t i = 0; i < m; i++) {
        char utf8[4];
        thx_string_add(out, utf8, thx_utf8_put(utf8, (uint32_t)c[i]));
    }
}

thorax_status thx_nfc(thx_string *out, const char *text, size_t size, thorax_error *err)
{
    const size_t n = decompose(NULL, 0, text, size);
    size_t bytes;
    int32_t *c = n && thx_mul_size(&bytes, n, 2 * sizeof *c) ? malloc(bytes) : NULL;

    if (!n) return THORAX_OK;
    if (!c) return thx_fail(err, THORAX_NOMEM, 0, "no memory to normalise %zu bytes of text", size);
    decompose(c, n, text, size);
    order_marks(c, c + n, n);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && !is_young(c[end]); end++) {}
        compose(out, c + i, end - i);
    }
    free(c);
    if (out->failed)
        return thx_fail(err, THORAX_NOMEM, 0, "no memory to normalise %zu bytes of text", size);
    return THORAX_OK;
}
