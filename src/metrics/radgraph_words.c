/* Reports into words; see radgraph.h. Rules: radgraph utils.py (preprocess_reports), NLTK wordpunct_tokenize. */
#include "metrics/radgraph.h"
#include "metrics/words.h"
#include "text/utf8.h"

#include <string.h>

/* Words, 0 bytes between them. */
typedef struct cutter { thx_string text; size_t n; bool open; } cutter;

static void put(cutter *c, const char *bytes, size_t size)
{
    c->n += !c->open;
    c->open = true;
    thx_string_add(&c->text, bytes, size);
}

static void end_word(cutter *c)
{
    if (c->open) thx_string_add(&c->text, "", 1);
    c->open = false;
}

/* ---- The first model ---- */

static void cut_v1(cutter *out, const char *text, size_t size)
{
    uint32_t c;

    for (size_t at = 0; at < size;) {
        const size_t n = (size_t)thx_utf8_next((const unsigned char *)text + at, size - at, &c);
        const bool   alone = c < 0x80 && strchr("/,:.!?()", (int)c);
        if (alone || thx_char_is_space(c)) end_word(out);
        if (!thx_char_is_space(c)) put(out, text + at, n);
        if (alone) end_word(out);
        at += n;
    }
    end_word(out);
}

/* ---- radgraph-xl ---- */

/* Escapes that were left in the text: bytes they take at s [n], 0 for none; *quote: this one is two grave accents,
 * any other is white space. */
static size_t escape(const char *s, size_t n, bool *quote)
{
    *quote = n >= 2 && !memcmp(s, "\\\"", 2);
    if (n >= 6 && !memcmp(s, "\\u2122", 6)) return 6;
    return *quote || (n >= 2 && (!memcmp(s, "\\n", 2) || !memcmp(s, "\\f", 2))) ? 2 : 0;
}

/* Is a blank put between these two signs? */
static bool parted(char before, char c)
{
    return (c == '.' && (before == ')' || before == '%')) || (before == '.' && c == '\'') ||
           (before == '%' && (c == ',' || c == ')'));
}

typedef enum run_kind { RUN_NONE, RUN_WORD, RUN_SIGNS } run_kind;

/* A piece of one kind: a change of kind ends the word before it. */
static void put_run(cutter *out, run_kind *last, run_kind kind, const char *bytes, size_t n)
{
    if (kind != *last || (out->text.size && parted(out->text.data[out->text.size - 1], *bytes))) end_word(out);
    put(out, bytes, n);
    *last = kind;
}

static void cut_xl(cutter *out, const char *text, size_t size)
{
    run_kind last = RUN_NONE;
    uint32_t c;
    bool     quote;

    for (size_t at = 0; at < size;) {
        const size_t skip = text[at] == '\\' ? escape(text + at, size - at, &quote) : 0;
        const size_t n = skip ? skip : (size_t)thx_utf8_next((const unsigned char *)text + at, size - at, &c);
        if (skip && quote) {
            put_run(out, &last, RUN_SIGNS, "``", 2);
        } else if (skip || thx_char_is_space(c)) {
            end_word(out);
            last = RUN_NONE;
        } else {
            put_run(out, &last, thx_char_is_word(c) ? RUN_WORD : RUN_SIGNS, text + at, n);
        }
        at += n;
    }
    end_word(out);
}

thorax_status thx_radgraph_words(thx_report_words *out, const char *report, thx_radgraph_style style, thorax_error *err)
{
    cutter     c = { 0 };
    thx_string text = { 0 };

    thx_utf8_repair(&text, report, strlen(report));
    if (text.size && !text.failed) (style == THX_RADGRAPH_V1 ? cut_v1 : cut_xl)(&c, text.data, text.size);
    c.text.failed |= text.failed;
    thx_string_deinit(&text);
    return thx_report_words_take(out, &c.text, c.n, err);
}
