/* WordPiece; see wordpiece.h. Rules: transformers tokenization_bert.py (BasicTokenizer,
 * WordpieceTokenizer). Small letters are taken character by character, as its fast form does: a sigma
 * at the end of a word is none of its own. */
#include "text/wordpiece.h"
#include "text/utf8.h"

#include <string.h>

#include <utf8proc.h>

typedef struct splitter {
    const thx_bpe       *vocabulary;
    const thx_wordpiece *w;
    thx_string           word;    /* that is being read                     */
    size_t               n_word;  /* its characters                         */
    thx_ids             *ids;
    thx_string          *folded;  /* NULL; else the text goes there instead */
} splitter;

/* ---- Words into pieces ---- */

/* Bytes of text [size] that the longest token takes; 0 when there is none. `later`: not the first
 * piece of its word. */
static size_t longest_piece(const splitter *s, const char *text, size_t size, bool later, int32_t *id)
{
    char piece[2 + 4 * THX_WORDPIECE_MAX_WORD] = "##";
    const size_t lead = later ? 2 : 0;

    if (size + lead > s->w->longest) size = s->w->longest > lead ? s->w->longest - lead : 0;
    memcpy(piece + lead, text, size);
    for (; size; size--) {
        if (((unsigned char)text[size] & 0xc0) == 0x80) continue; /* inside a character */
        *id = thx_bpe_find(s->vocabulary, piece, lead + size);
        if (*id >= 0) return size;
    }
    return 0;
}

static void end_word(splitter *s)
{
    const size_t size = s->word.size;
    bool known = s->n_word <= THX_WORDPIECE_MAX_WORD;

    if (s->folded) thx_string_puts(s->folded, " ");
    if (!size) return;
    const size_t first = s->ids->size;
    for (size_t at = 0; known && at < size;) {
        int32_t id = -1;
        const size_t n = longest_piece(s, s->word.data + at, size - at, at > 0, &id);
        known = n > 0;
        if (known) thx_ids_add(s->ids, id);
        at += n;
    }
    if (!known) {
        s->ids->size = first;
        thx_ids_add(s->ids, s->w->unknown);
    }
    s->word.size = s->n_word = 0;
}

/* ---- Text into words ---- */

/* Control and format characters, and what no character is, vanish. */
static bool is_dropped(uint32_t c, utf8proc_category_t k)
{
    if (c == '\t' || c == '\n' || c == '\r') return false;
    return c == 0xfffd || k == UTF8PROC_CATEGORY_CC || k == UTF8PROC_CATEGORY_CF ||
           k == UTF8PROC_CATEGORY_CS || k == UTF8PROC_CATEGORY_CO || k == UTF8PROC_CATEGORY_CN;
}

static bool is_blank(uint32_t c, utf8proc_category_t k)
{
    return c == '\t' || c == '\n' || c == '\r' || k == UTF8PROC_CATEGORY_ZS || k == UTF8PROC_CATEGORY_ZL ||
           k == UTF8PROC_CATEGORY_ZP;
}

static bool is_sign(uint32_t c)
{
    const utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);

    if (c < 0x80) return (c > 0x20 && c < '0') || (c > '9' && c < 'A') || (c > 'Z' && c < 'a') || (c > 'z' && c < 0x7f);
    return k >= UTF8PROC_CATEGORY_PC && k <= UTF8PROC_CATEGORY_PO;
}

static bool is_chinese(uint32_t c)
{
    static const uint32_t ranges[][2] = { { 0x4e00, 0x9fff },   { 0x3400, 0x4dbf },   { 0x20000, 0x2a6df },
                                          { 0x2a700, 0x2b73f }, { 0x2b740, 0x2b81f }, { 0x2b820, 0x2ceaf },
                                          { 0xf900, 0xfaff },   { 0x2f800, 0x2fa1f } };

    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i][0] && c <= ranges[i][1]) return true;
    return false;
}

/* A character that is folded already: a sign stands alone. */
static void put_character(splitter *s, uint32_t c)
{
    char utf8[4];
    const bool sign = !s->folded && is_sign(c);

    if (sign) end_word(s);
    thx_string_add(s->folded ? s->folded : &s->word, utf8, thx_utf8_put(utf8, c));
    if (s->folded) return;
    s->n_word++;
    if (sign) end_word(s);
}

/* Small letters first, then what carries them without the marks (Mn) that it falls apart into. */
static void fold_character(splitter *s, uint32_t c)
{
    utf8proc_int32_t parts[32], small = (utf8proc_int32_t)c;
    int last = 0;

    if (s->w->lower) small = c == 0x130 ? 'i' : utf8proc_tolower(small);
    if (!s->w->strip) {
        put_character(s, (uint32_t)small);
        if (c == 0x130 && s->w->lower) put_character(s, 0x307); /* the one that becomes two */
        return;
    }
    const utf8proc_ssize_t n =
        utf8proc_decompose_char(small, parts, 32, UTF8PROC_DECOMPOSE | UTF8PROC_STABLE, &last);
    for (utf8proc_ssize_t i = 0; i < n && i < 32; i++)
        if (utf8proc_category(parts[i]) != UTF8PROC_CATEGORY_MN) put_character(s, (uint32_t)parts[i]);
}

static void take_character(splitter *s, uint32_t c)
{
    const utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);
    const bool chinese = s->w->cjk && is_chinese(c);

    if (is_dropped(c, k)) return;
    if (chinese || is_blank(c, k)) end_word(s);
    if (!is_blank(c, k)) fold_character(s, c);
    if (chinese) end_word(s);
}

static void take_text(splitter *s, const char *text, size_t size)
{
    uint32_t c;

    for (size_t at = 0; at < size;) {
        const int n = thx_utf8_next((const unsigned char *)text + at, size - at, &c);
        if (n <= 0) break; /* not reached: text is valid */
        take_character(s, c);
        at += (size_t)n;
    }
}

void thx_wordpiece_fold(const thx_wordpiece *w, const char *text, size_t size, thx_string *out)
{
    take_text(&(splitter){ .w = w, .folded = out }, text, size);
}

thorax_status thx_wordpiece_encode(const thx_bpe *vocabulary, const thx_wordpiece *w, const char *text,
                                   size_t size, thx_ids *ids, thorax_error *err)
{
    splitter s = { .vocabulary = vocabulary, .w = w, .ids = ids };

    take_text(&s, text, size);
    end_word(&s);
    const bool failed = s.word.failed;
    thx_string_deinit(&s.word);
    return failed ? thx_fail(err, THORAX_NOMEM, 0, "no memory for a text of %zu bytes", size) : THORAX_OK;
}

/* ---- Decoding ---- */

void thx_wordpiece_put(const thx_bpe *vocabulary, int32_t id, bool *begun, thx_string *out)
{
    size_t size;
    const char *piece = thx_bpe_bytes(vocabulary, id, &size);

    if (!piece) return;
    const bool joins = size > 2 && !memcmp(piece, "##", 2);
    if (*begun && !joins) thx_string_puts(out, " ");
    if (*begun && joins) thx_string_add(out, piece + 2, size - 2);
    else thx_string_add(out, piece, size);
    *begun = true;
}

/* Replaces every `old` by `new`, which is not longer. */
static void replace(thx_string *text, size_t at, const char *old, const char *new)
{
    const size_t n_old = strlen(old), n_new = strlen(new);
    size_t to = at;

    for (size_t from = at; from < text->size;) {
        if (text->size - from >= n_old && !memcmp(text->data + from, old, n_old)) {
            memcpy(text->data + to, new, n_new);
            to += n_new;
            from += n_old;
        } else {
            text->data[to++] = text->data[from++];
        }
    }
    text->size = to;
    if (text->data) text->data[to] = 0;
}

void thx_wordpiece_clean(thx_string *text, size_t at)
{
    static const char *const rules[][2] = { { " .", "." },     { " ?", "?" },   { " !", "!" },     { " ,", "," },
                                            { " ' ", "'" },    { " n't", "n't" }, { " 'm", "'m" }, { " 's", "'s" },
                                            { " 've", "'ve" }, { " 're", "'re" } };

    if (text->failed) return;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) replace(text, at, rules[i][0], rules[i][1]);
}
