/* Splitting by PCRE2; see split.h. */
#include "text/split.h"
#include "base/string.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PATTERN = 4096, MATCH_LIMIT = 10000000, HEAP_LIMIT_KIB = 65536 };

/* Unicode White_Space as Oniguruma has it. PCRE2's own \s holds U+180E too, which lost the
 * property in Unicode 6.3: with it a Mongolian vowel separator would end a word. */
#define SPACES                                                                                     \
    "\\x{9}-\\x{D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}"    \
    "\\x{205F}\\x{3000}"

const char *const thx_split_qwen2 = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
                                    "\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
                                    "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

const char *const thx_split_gpt2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

struct thx_split { pcre2_code *code; };

/* ---- From Oniguruma's notation to PCRE2's ---- */

typedef struct reader { const char *p; bool in_class; thx_string *out; thorax_error *err; } reader;

static thorax_status refuse(const reader *r, const char *what)
{
    return thx_fail(r->err, THORAX_FORMAT, 0, "split pattern: %s is not supported", what);
}

/* Copies a backslash and what belongs to it. */
static thorax_status escape(reader *r)
{
    const char c = r->p[1], text[3] = { '\\', c, 0 };

    if (c == 's') {
        thx_string_puts(r->out, r->in_class ? SPACES : "[" SPACES "]");
    } else if (c == 'S' && !r->in_class) {
        thx_string_puts(r->out, "[^" SPACES "]");
    } else if (c && (strchr("rntfdD", c) || (strchr("pP", c) && r->p[2] == '{') ||
                     strchr("\\|()[]{}.*+?^$-/'\"&#~@%!,:;<=>` ", c))) {
        thx_string_puts(r->out, text);
    } else {
        return refuse(r, c ? text : "a backslash at the end");
    }
    r->p += 2;
    return THORAX_OK;
}

/* Copies any other character; inside a class Oniguruma has nested classes and intersections. */
static thorax_status plain(reader *r)
{
    const char c = r->p[0];

    if (r->in_class) {
        if (c == '[') return refuse(r, "a class inside a class");
        if (c == '&' && r->p[1] == '&') return refuse(r, "&& inside a class");
        if (c == ']') r->in_class = false;
    } else if (c == '[') {
        r->in_class = true;
        if (r->p[1] == '^') {
            thx_string_puts(r->out, "[");
            r->p++;
        }
        if (r->p[1] == ']') return refuse(r, "an empty class");
    } else if (c == '^' || c == '$' || c == '.') {
        const char text[2] = { c, 0 };
        return refuse(r, text);
    }
    thx_string_add(r->out, r->p, 1);
    r->p++;
    return THORAX_OK;
}

static thorax_status translate(thx_string *out, const char *pattern, thorax_error *err)
{
    reader r = { pattern, false, out, err };
    thorax_status st = THORAX_OK;

    if (strlen(pattern) > MAX_PATTERN) return refuse(&r, "a pattern of more than 4096 bytes");
    while (!st && *r.p) st = *r.p == '\\' ? escape(&r) : plain(&r);
    if (!st && out->failed) st = thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    return st;
}

thorax_status thx_split_open(thx_split **out, const char *pattern, thorax_error *err)
{
    thx_string text = { 0 };
    int code = 0;
    size_t at = 0;
    thx_split *s = calloc(1, sizeof *s);
    thorax_status st =
        s ? translate(&text, pattern, err) : thx_fail(err, THORAX_NOMEM, 0, "out of memory");

    *out = NULL;
    if (!st && !text.size) st = thx_fail(err, THORAX_FORMAT, 0, "split pattern: empty");
    if (!st) {
        s->code = pcre2_compile((PCRE2_SPTR)text.data, text.size,
                                PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
        if (!s->code) {
            char message[120];
            pcre2_get_error_message(code, (PCRE2_UCHAR *)message, sizeof message);
            st = thx_fail(err, THORAX_FORMAT, 0, "split pattern: %s", message);
        }
    }
    thx_string_deinit(&text);
    if (st) {
        thx_split_close(s);
        return st;
    }
    pcre2_jit_compile(
        s->code, PCRE2_JIT_COMPLETE); /* where it cannot be had, the interpreter does the same */
    *out = s;
    return THORAX_OK;
}

void thx_split_close(thx_split *s)
{
    if (!s) return;
    pcre2_code_free(s->code);
    free(s);
}

/* ---- Matching ---- */

typedef struct matcher { pcre2_match_data *data; pcre2_match_context *context; } matcher;

static void matcher_deinit(matcher *m)
{
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->context);
}

static bool matcher_init(matcher *m, const thx_split *s)
{
    m->data = pcre2_match_data_create_from_pattern(s->code, NULL);
    m->context = pcre2_match_context_create(NULL);
    if (!m->data || !m->context) {
        matcher_deinit(m);
        return false;
    }
    pcre2_set_match_limit(m->context, MATCH_LIMIT);
    pcre2_set_heap_limit(m->context, HEAP_LIMIT_KIB);
    return true;
}

/* The next match from byte `at`: *begin and *end, both `size` when there is none. */
static thorax_status match(const thx_split *s, const matcher *m, const char *text, size_t size,
                           size_t at, size_t *begin, size_t *end, thorax_error *err)
{
    int n =
        pcre2_match(s->code, (PCRE2_SPTR)text, size, at, PCRE2_NO_UTF_CHECK, m->data, m->context);

    if (n == PCRE2_ERROR_JIT_STACKLIMIT) /* the interpreter keeps its frames on the heap, under the
                                            limit */
        n = pcre2_match(s->code, (PCRE2_SPTR)text, size, at, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                        m->data, m->context);
    *begin = *end = size;
    if (n == PCRE2_ERROR_NOMATCH) return THORAX_OK;
    if (n == PCRE2_ERROR_NOMEMORY)
        return thx_fail(err, THORAX_NOMEM, at, "out of memory while splitting text");
    if (n < 0)
        return thx_fail(
            err, THORAX_LIMIT, at,
            "the tokenizer's split pattern takes too long on this text (PCRE2 error %d)", n);
    const size_t *ends = pcre2_get_ovector_pointer(m->data);
    if (ends[0] > ends[1])
        return thx_fail(err, THORAX_FORMAT, at, "the tokenizer's split pattern matches backwards");
    *begin = ends[0];
    *end = ends[1];
    return THORAX_OK;
}

thorax_status thx_split_run(const thx_split *s, const char *text, size_t size, thx_split_word *word,
                            void *data, thorax_error *err)
{
    matcher m;
    size_t done = 0, at = 0, begin, end; /* done: bytes handed on; at: where to look next */
    thorax_status st = THORAX_OK;

    if (!matcher_init(&m, s)) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    while (!st && done < size) {
        st = match(s, &m, text, size, at, &begin, &end, err);
        if (!st && begin > done) st = word(data, text + done, begin - done, err);
        if (!st && end > begin) st = word(data, text + begin, end - begin, err);
        done = at = end;
        if (end == begin) /* an empty match: look on from the next character */
            do at++;
            while (at < size && ((unsigned char)text[at] & 0xc0) == 0x80);
        if (at > size) at = size;
        if (end == begin && at == size && !st && done < size) {
            st = word(data, text + done, size - done, err);
            done = size;
        }
    }
    matcher_deinit(&m);
    return st;
}
