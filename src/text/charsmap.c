/* SentencePiece's table of characters; see charsmap.h. Format: darts-clone's double array; use: tokenizers 0.21
 * normalizers/precompiled.rs and spm_precompiled, down to the replacing of whole graphemes by their first part. */
#include "text/charsmap.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

enum { MAX_BYTES = 16 << 20 };

void thx_charsmap_close(thx_charsmap *m)
{
    free(m->units);
    free(m->text);
    *m = (thx_charsmap){ 0 };
}

static uint32_t number_at(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Four bytes of length, the array, the replacements. */
thorax_status thx_charsmap_open(thx_charsmap *m, const void *data, size_t size, thorax_error *err)
{
    const unsigned char *p = data;
    const size_t         bytes = size >= 4 ? number_at(p) : 0;

    *m = (thx_charsmap){ 0 };
    if (size > MAX_BYTES)
        return thx_fail(err, THORAX_FORMAT, 0, "table of characters: %zu bytes, at most %d are taken", size, MAX_BYTES);
    if (size < 4 || bytes % 4 || !bytes || bytes > size - 4)
        return thx_fail(err, THORAX_FORMAT, 0, "table of characters: an array of %zu bytes in %zu", bytes, size);
    m->n_units = bytes / 4;
    m->n_text = size - 4 - bytes;
    if (!thx_utf8_valid((const char *)p + 4 + bytes, m->n_text))
        return thx_fail(err, THORAX_FORMAT, 0, "table of characters: expected replacements in UTF-8");
    m->units = malloc(bytes);
    m->text = malloc(m->n_text + 1);
    if (!m->units || !m->text) {
        thx_charsmap_close(m);
        return thx_fail(err, THORAX_NOMEM, 0, "no memory for a table of characters");
    }
    for (size_t i = 0; i < m->n_units; i++) m->units[i] = number_at(p + 4 + 4 * i);
    memcpy(m->text, p + 4 + bytes, m->n_text);
    m->text[m->n_text] = 0;
    return THORAX_OK;
}

/* Parts of a unit. */
static size_t offset_of(uint32_t unit) { return (size_t)(unit >> 10) << ((unit & 1u << 9) >> 6); }
static bool   has_leaf(uint32_t unit) { return unit >> 8 & 1; }

/* What stands for the shortest beginning of text [size] that is in the table; NULL for none. */
static const char *find(const thx_charsmap *m, const char *text, size_t size)
{
    size_t at = m->n_units ? offset_of(m->units[0]) : 0;

    for (size_t i = 0; i < size && text[i]; i++) {
        at ^= (unsigned char)text[i];
        if (at >= m->n_units || (m->units[at] & (1u << 31 | 0xff)) != (unsigned char)text[i]) return NULL;
        const uint32_t unit = m->units[at];
        at ^= offset_of(unit);
        if (!has_leaf(unit)) continue;
        const size_t to = at < m->n_units ? m->units[at] & 0x7fffffff : m->n_text;
        const bool   inside = to < m->n_text && ((unsigned char)m->text[to] & 0xc0) == 0x80; /* of a character */
        return to < m->n_text && !inside ? m->text + to : NULL;
    }
    return NULL;
}

static void put_grapheme(const thx_charsmap *m, const char *text, size_t size, thx_string *out)
{
    const char *to = size < 6 ? find(m, text, size) : NULL;
    uint32_t    c;

    if (to) {
        thx_string_puts(out, to);
        return;
    }
    for (size_t at = 0; at < size;) {
        const int n = thx_utf8_next((const unsigned char *)text + at, size - at, &c);
        if (n <= 0) return; /* not reached: text is valid */
        to = find(m, text + at, (size_t)n);
        if (to) thx_string_puts(out, to);
        else thx_string_add(out, text + at, (size_t)n);
        at += (size_t)n;
    }
}

void thx_charsmap_put(const thx_charsmap *m, const char *text, size_t size, thx_string *out)
{
    utf8proc_int32_t state = 0;
    uint32_t         c, before = 0;
    size_t           from = 0;

    for (size_t at = 0; at < size;) {
        const int n = thx_utf8_next((const unsigned char *)text + at, size - at, &c);
        if (n <= 0) return; /* not reached: text is valid */
        if (at && utf8proc_grapheme_break_stateful((utf8proc_int32_t)before, (utf8proc_int32_t)c, &state)) {
            put_grapheme(m, text + from, at - from, out);
            from = at;
        }
        before = c;
        at += (size_t)n;
    }
    put_grapheme(m, text + from, size - from, out);
}
