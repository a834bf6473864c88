/* Texts into words, a function a kind; see words.h and split.h. */
#include "metrics/split.h"

#include <string.h>

static bool split_at_space(const char *text, size_t size, thx_word_taker *take, void *user)
{
    const char *word;
    size_t      n;

    while (thx_next_word(&text, &size, &word, &n))
        if (!take(user, word, n)) return false;
    return true;
}

/* ---- ROUGE: runs of a-z0-9 in lower case ---- */

/* The next letter or digit as ROUGE sees it, 0 for what separates, and its bytes. Two characters beyond ASCII
 * become ASCII letters in lower case: I with a dot (and the dot separates), and the Kelvin sign. */
static char rouge_letter(const char *p, size_t left, size_t *bytes)
{
    const unsigned char c = (unsigned char)*p;

    *bytes = 1;
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) return (char)c;
    if (c >= 'A' && c <= 'Z') return (char)(c + 32);
    if (c == 0xe2 && left > 2 && !memcmp(p, "\xe2\x84\xaa", 3)) {
        *bytes = 3;
        return 'k';
    }
    return c == 0xc4 && left > 1 && (unsigned char)p[1] == 0xb0 ? 'i' : 0;
}

static bool take_rouge(thx_string *word, thx_word_taker *take, void *user)
{
    const size_t n = word->size;

    word->size = 0;
    return n == 0 || take(user, word->data, n);
}

static bool split_rouge(const char *text, size_t size, thx_string *word, thx_word_taker *take, void *user)
{
    word->size = 0;
    if (!thx_string_reserve(word, size)) return false;
    for (size_t i = 0, n; i < size; i += n) {
        const char c = rouge_letter(text + i, size - i, &n);
        if (c)
            word->data[word->size++] = c;
        else if (!take_rouge(word, take, user))
            return false;
    }
    return take_rouge(word, take, user);
}

/* ---- mteval 13a ---- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_point(char c) { return c == '.' || c == ','; }

/* ASCII punctuation but apostrophe, comma, hyphen and point; the blank is in it. */
static bool is_13a_mark(char c)
{
    const unsigned char u = (unsigned char)c;

    return u >= 0x20 && u < 0x7f && u != '\'' && !(u >= ',' && u <= '.') && !is_digit(c) &&
           !((u | 0x20) >= 'a' && (u | 0x20) <= 'z');
}

/* Appends text without every `what`, which becomes `with`. */
static void replace(thx_string *out, const char *text, size_t size, const char *what, const char *with)
{
    const size_t n = strlen(what);

    for (const char *end = text + size, *hit; text < end; text = hit + n) {
        hit = text;
        while ((hit = memchr(hit, *what, (size_t)(end - hit))) != NULL &&
               ((size_t)(end - hit) < n || memcmp(hit, what, n)))
            hit++;
        thx_string_add(out, text, (size_t)((hit ? hit : end) - text));
        if (!hit) break;
        thx_string_puts(out, with);
    }
}

/* One of the replacements, from *from to *to, which change places. */
static void replace_all(thx_string **from, thx_string **to, const char *what, const char *with)
{
    thx_string *t = *to;

    t->size = 0;
    if ((*from)->size) replace(t, (*from)->data, (*from)->size, what, with);
    *to = *from;
    *from = t;
}

/* Marks of old: what stands for other characters, and words parted at a line's end. A blank at both ends. */
static void unescape_13a(thx_string **from, thx_string **to)
{
    static const char *const entities[][2] = {
        { "&quot;", "\"" }, { "&amp;", "&" }, { "&lt;", "<" }, { "&gt;", ">" }
    };

    replace_all(from, to, "<skipped>", "");
    replace_all(from, to, "-\n", "");
    replace_all(from, to, "\n", " ");
    if ((*from)->size && memchr((*from)->data, '&', (*from)->size))
        for (size_t i = 0; i < 4; i++) replace_all(from, to, entities[i][0], entities[i][1]);
    (*to)->size = 0;
    thx_string_puts(*to, " ");
    thx_string_add(*to, (*from)->data, (*from)->size);
    thx_string_puts(*to, " ");
    thx_string *t = *to;
    *to = *from;
    *from = t;
}

/* ` a ` at out; where it ends. */
static char *put_apart(char *out, char a)
{
    out[0] = ' ';
    out[1] = a;
    out[2] = ' ';
    return out + 3;
}

/* Each pass writes text [n] to out [3 n] and returns where it ends. Blanks around every mark. */
static char *part_marks(char *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (is_13a_mark(s[i]))
            out = put_apart(out, s[i]);
        else
            *out++ = s[i];
    }
    return out;
}

/* Blanks around a point or comma behind what is no digit. A match takes both characters. */
static char *part_points_behind(char *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        *out++ = s[i];
        if (i + 1 < n && !is_digit(s[i]) && is_point(s[i + 1])) out = put_apart(out, s[++i]);
    }
    return out;
}

/* Blanks around a point or comma in front of what is no digit. */
static char *part_points_before(char *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i + 1 < n && is_point(s[i]) && !is_digit(s[i + 1])) out = put_apart(out, s[i++]);
        *out++ = s[i];
    }
    return out;
}

/* Blanks around a hyphen behind a digit. */
static char *part_hyphens(char *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        *out++ = s[i];
        if (i + 1 < n && is_digit(s[i]) && s[i + 1] == '-') out = put_apart(out, s[++i]);
    }
    return out;
}

/* The passes look at bytes: every class they know is one of ASCII characters, and what is kept beside a point may as
 * well be the last byte of a character. */
static bool split_13a(const char *text, size_t size, thx_string *spare, thx_word_taker *take, void *user)
{
    static char *(*const passes[])(char *, const char *, size_t) = { part_marks, part_points_behind,
                                                                     part_points_before, part_hyphens };
    thx_string *from = &spare[0], *to = &spare[1];

    from->size = 0;
    thx_string_add(from, text, size);
    unescape_13a(&from, &to);
    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++) {
        to->size = 0;
        if (from->failed || from->size > SIZE_MAX / 3 || !thx_string_reserve(to, 3 * from->size)) return false;
        to->size = (size_t)(passes[i](to->data, from->data, from->size) - to->data);
        thx_string *t = to;
        to = from;
        from = t;
    }
    return split_at_space(from->data, from->size, take, user);
}

/* ---- RadCliQ's BLEU-2 ---- */

static bool split_radcliq(const char *text, size_t size, thx_string *lower, thx_word_taker *take, void *user)
{
    size_t begin = 0;

    lower->size = 0;
    thx_text_lower(lower, text, size);
    if (lower->failed) return false;
    for (size_t i = 0; i <= lower->size; i++) {
        const char c = i < lower->size ? lower->data[i] : ' ';
        if (c != ' ' && c != '.') continue;
        if (i > begin && !take(user, lower->data + begin, i - begin)) return false;
        begin = c == ' ' ? i + 1 : i; /* a point begins a word */
    }
    return true;
}

/* ---- One text ---- */

static bool is_ascii(const char *text, size_t size)
{
    unsigned char any = 0;

    for (size_t i = 0; i < size; i++) any |= (unsigned char)text[i];
    return any < 0x80;
}

bool thx_split(thx_words_kind kind, thx_string *spare, const char *text, size_t size, thx_word_taker *take,
               void *user)
{
    if (!is_ascii(text, size) && !thx_utf8_valid(text, size)) {
        thx_string *repaired = &spare[2];
        repaired->size = 0;
        thx_utf8_repair(repaired, text, size);
        if (repaired->failed) return false;
        text = repaired->data;
        size = repaired->size;
    }
    switch (kind) {
    case THX_WORDS_SPACE:
        return split_at_space(text, size, take, user);
    case THX_WORDS_ROUGE:
    case THX_WORDS_ROUGE_STEM:
        return split_rouge(text, size, spare, take, user);
    case THX_WORDS_13A:
        return split_13a(text, size, spare, take, user);
    case THX_WORDS_13A_STRIPPED:
        return split_13a(text, size - thx_blanks_behind(text, size), spare, take, user);
    case THX_WORDS_RADCLIQ:
        return split_radcliq(text, size, spare, take, user);
    }
    return false;
}
