/* The walking JSON reader; see scan.h. */
#include "text/scan.h"
#include "text/utf8.h"

#include <string.h>

enum { MAX_DEPTH = 128 };

thorax_status thx_scan_fail(const thx_scan *s, const char *expected, thorax_error *err)
{
    return thx_fail(err, THORAX_FORMAT, s->at, "%s: expected %s at byte %zu%s", s->path, expected,
                    s->at, s->at >= s->size ? ", found the end of the file" : "");
}

char thx_scan_peek(thx_scan *s)
{
    for (; s->at < s->size; s->at++) {
        const char c = s->data[s->at];
        if (c != ' ' && c != '\n' && c != '\t' && c != '\r') return c;
    }
    return 0;
}

thorax_status thx_scan_take(thx_scan *s, char c, thorax_error *err)
{
    const char expected[4] = { '"', c, '"', 0 };

    if (thx_scan_peek(s) != c) return thx_scan_fail(s, expected, err);
    s->at++;
    return THORAX_OK;
}

thorax_status thx_scan_more(thx_scan *s, char close, bool *first, bool *more, thorax_error *err)
{
    const char c = thx_scan_peek(s);

    *more = c != close;
    if (!*more) s->at++;
    else if (!*first) return thx_scan_take(s, ',', err);
    *first = false;
    return THORAX_OK;
}

/* Four hexadecimal digits; -1 when there are none. */
static int32_t hex4(const thx_scan *s)
{
    int32_t value = 0;

    if (s->size - s->at < 4) return -1;
    for (size_t i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
        const char c = s->data[s->at + i];
        const char *p = c ? strchr(digits, c) : NULL;
        if (!p) return -1;
        value = value << 4 | (int32_t)((p - digits) & 15);
    }
    return value;
}

/* What stands after "\u": one code unit or a pair of surrogates. */
static thorax_status unicode_escape(thx_scan *s, thx_string *out, thorax_error *err)
{
    int32_t c = hex4(s);
    char utf8[4];

    if (c < 0) return thx_scan_fail(s, "four hexadecimal digits", err);
    s->at += 4;
    if (c >= 0xd800 && c < 0xe000) {
        int32_t low = -1;
        if (c < 0xdc00 && s->size - s->at >= 6 && s->data[s->at] == '\\' &&
            s->data[s->at + 1] == 'u') {
            s->at += 2;
            low = hex4(s);
        }
        if (low < 0xdc00 || low >= 0xe000)
            return thx_scan_fail(s, "the second half of a surrogate pair", err);
        s->at += 4;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    thx_string_add(out, utf8, thx_utf8_put(utf8, (uint32_t)c));
    return THORAX_OK;
}

static thorax_status escape(thx_scan *s, thx_string *out, thorax_error *err)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char c = s->at < s->size ? s->data[s->at] : 0;
    const char *p = c ? strchr(names, c) : NULL;

    if (p) {
        thx_string_add(out, values + (p - names), 1);
        s->at++;
        return THORAX_OK;
    }
    if (c != 'u') return thx_scan_fail(s, "a known escape", err);
    s->at++;
    return unicode_escape(s, out, err);
}

thorax_status thx_scan_string(thx_scan *s, thx_string *out, thorax_error *err)
{
    thorax_status st = thx_scan_take(s, '"', err);

    out->size = 0;
    thx_string_add(out, "", 0);
    while (!st) {
        const size_t from = s->at;
        while (s->at < s->size && s->data[s->at] != '"' && s->data[s->at] != '\\' &&
               (unsigned char)s->data[s->at] >= 0x20)
            s->at++;
        if (!thx_utf8_valid(s->data + from, s->at - from)) {
            s->at = from;
            return thx_scan_fail(s, "UTF-8", err);
        }
        thx_string_add(out, s->data + from, s->at - from);
        if (s->at == s->size || (unsigned char)s->data[s->at] < 0x20)
            return thx_scan_fail(s, "the end of a string", err);
        if (s->data[s->at++] == '"') break;
        st = escape(s, out, err);
    }
    if (!st && out->failed) return thx_fail(err, THORAX_NOMEM, s->at, "%s: out of memory", s->path);
    return st;
}

thorax_status thx_scan_int(thx_scan *s, int32_t *out, thorax_error *err)
{
    int64_t value = 0;
    size_t digits = 0;

    thx_scan_peek(s);
    for (; s->at + digits < s->size && digits < 11; digits++) {
        const char c = s->data[s->at + digits];
        if (c < '0' || c > '9') break;
        value = 10 * value + (c - '0');
    }
    if (!digits || value > INT32_MAX || (digits > 1 && s->data[s->at] == '0'))
        return thx_scan_fail(s, "a whole number below 2147483648", err);
    s->at += digits;
    if (s->at < s->size && s->data[s->at] && strchr(".eE", s->data[s->at]))
        return thx_scan_fail(s, "a whole number", err);
    *out = (int32_t)value;
    return THORAX_OK;
}

/* A string that nobody needs: its end is found, its escapes are not judged. */
static thorax_status skip_string(thx_scan *s, thorax_error *err)
{
    for (s->at++; s->at < s->size && s->data[s->at] != '"'; s->at++)
        if (s->data[s->at] == '\\') s->at++;
    if (s->at >= s->size) {
        s->at = s->size;
        return thx_scan_fail(s, "the end of a string", err);
    }
    s->at++;
    return THORAX_OK;
}

/* A number, true, false or null. */
static thorax_status skip_word(thx_scan *s, thorax_error *err)
{
    const size_t from = s->at;

    while (s->at < s->size && s->data[s->at] &&
           strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", s->data[s->at]))
        s->at++;
    return s->at > from ? THORAX_OK : thx_scan_fail(s, "a value", err);
}

/* Walks brackets with a stack of what closes them; the small values inside are stepped over. */
thorax_status thx_scan_skip(thx_scan *s, thorax_error *err)
{
    char close[MAX_DEPTH];
    size_t depth = 0;
    bool want_value = true; /* false: after a value, a comma or a closing bracket may come */
    thorax_status st = THORAX_OK;

    while (!st && (want_value || depth)) {
        const char c = thx_scan_peek(s);
        if (!want_value) {
            if (c == close[depth - 1]) depth--;
            else if (c != ',' && (c != ':' || close[depth - 1] != '}'))
                return thx_scan_fail(s, "a comma or a bracket", err);
            else want_value = true;
            s->at++;
        } else if (c == '{' || c == '[') {
            if (depth == MAX_DEPTH) return thx_scan_fail(s, "at most 128 levels", err);
            close[depth++] = c == '{' ? '}' : ']';
            s->at++;
            if (thx_scan_peek(s) == close[depth - 1]) want_value = false;
        } else {
            st = c == '"' ? skip_string(s, err) : skip_word(s, err);
            want_value = false;
        }
    }
    return st;
}

thorax_status thx_scan_end(thx_scan *s, thorax_error *err)
{
    if (thx_scan_peek(s) || s->at < s->size) return thx_scan_fail(s, "nothing more", err);
    return THORAX_OK;
}
