/* The Jinja reader; see jinja.h. Rules: jinja2 3.1, lexer.py. */
#include "text/jinja.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_SOURCE = 256 << 10 };

typedef struct lexer {
    const char   *p;            /* the rest of the source                       */
    thx_jinja    *out;
    bool          line_start;   /* what was read last ended a line              */
    bool          open;         /* the last item is not closed by its 0 byte    */
    thorax_error *err;
} lexer;

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Appends to the last item if it is of this kind and still open, else begins one. */
static void put(lexer *l, thx_jinja_kind kind, const char *text, size_t size)
{
    thx_jinja *j = l->out;

    if (l->open && j->items[j->n - 1].kind != kind) {
        thx_string_add(&j->pool, "", 1);
        l->open = false;
    }
    if (!l->open) {
        j->items[j->n++] = (thx_jinja_item){ kind, j->pool.size, 0 };
        l->open = true;
    }
    thx_string_add(&j->pool, text, size);
    j->items[j->n - 1].size += size;
}

static void close_item(lexer *l)
{
    if (l->open) thx_string_add(&l->out->pool, "", 1);
    l->open = false;
}

/* Printed text; empty text is nothing, and neighbours become one. */
static void put_text(lexer *l, const char *text, size_t size)
{
    if (size) put(l, THX_JINJA_TEXT, text, size);
}

/* A quoted string, decoded into out. Escapes that are not known stay as they are. */
static thorax_status read_string(lexer *l, thx_string *out)
{
    static const char names[] = "nrt\\'\"", values[] = "\n\r\t\\'\"";
    const char quote = *l->p++;

    for (; *l->p && *l->p != quote; l->p++) {
        const char *known = *l->p == '\\' && l->p[1] ? strchr(names, l->p[1]) : NULL;
        thx_string_add(out, known ? values + (known - names) : l->p, 1);
        if (known) l->p++;
    }
    if (!*l->p) return thx_fail(l->err, THORAX_FORMAT, 0, "chat template: a string has no end");
    l->p++;
    return THORAX_OK;
}

/* One expression or statement up to `stop`: its spelling, and whether it is just a string. */
typedef struct tokens { thx_string text, value; size_t n; bool is_string; } tokens;

static void add_token(tokens *t, const char *text, size_t size)
{
    const bool word = is_word(text[0]) && t->text.size && is_word(t->text.data[t->text.size - 1]);

    if (word) thx_string_puts(&t->text, " ");
    thx_string_add(&t->text, text, size);
    t->n++;
    t->is_string = false;
}

static thorax_status add_string(lexer *l, tokens *t)
{
    t->value.size = 0;
    const thorax_status st = read_string(l, &t->value);
    thx_string_add(&t->value, "", 0);
    add_token(t, "'", 1);
    if (t->value.size) thx_string_add(&t->text, t->value.data, t->value.size);
    thx_string_puts(&t->text, "'");
    t->is_string = t->n == 1;
    return st;
}

/* x.y is x['y'] */
static bool add_attribute(lexer *l, tokens *t)
{
    size_t size = 0;
    const char last = t->text.size ? t->text.data[t->text.size - 1] : 0;

    if (*l->p != '.' || !(is_word(last) || last == ']' || last == ')')) return false;
    while (is_word(l->p[1 + size])) size++;
    if (!size) return false;
    add_token(t, "['", 2);
    thx_string_add(&t->text, l->p + 1, size);
    thx_string_puts(&t->text, "']");
    l->p += 1 + size;
    return true;
}

static thorax_status add_any(lexer *l, tokens *t)
{
    size_t size = 1;

    if (*l->p == '\'' || *l->p == '"') return add_string(l, t);
    if (add_attribute(l, t)) return THORAX_OK;
    if (is_word(*l->p)) while (is_word(l->p[size])) size++;
    add_token(t, l->p, size);
    l->p += size;
    return THORAX_OK;
}

/* Is this the end of the tag, "%}" or "-%}"? */
static bool at_stop(const char *p, const char *stop)
{
    if (*p == '-' || *p == '+') p++;
    return !strncmp(p, stop, 2);
}

/* Steps over the end of a tag and the blanks that it takes with it. */
static void skip_stop(lexer *l, bool trims_newline)
{
    const bool strip = *l->p == '-', keep = *l->p == '+';

    l->p += 2 + (strip || keep);
    l->line_start = false;
    if (strip) {
        while (is_blank(*l->p)) l->line_start = *l->p++ == '\n';
    } else if (trims_newline && !keep && *l->p == '\n') {
        l->p++;
        l->line_start = true;
    }
}

static void emit(lexer *l, tokens *t, thx_jinja_kind kind)
{
    thx_string_add(&t->text, "", 0);
    if (t->text.failed || t->value.failed) return; /* read_tag says so */
    if (kind == THX_JINJA_EXPRESSION && t->is_string) {
        put_text(l, t->value.data, t->value.size);
    } else if (kind != THX_JINJA_STATEMENT ||
               (strcmp(t->text.data, "generation") && strcmp(t->text.data, "endgeneration"))) {
        close_item(l);
        put(l, kind, t->text.data, t->text.size);
        close_item(l);
    }
    t->text.size = t->n = 0;
    t->is_string = false;
}

/* The inside of {{ }} or {% %}; a sum that is printed is its parts printed one after the other. */
static thorax_status read_tag(lexer *l, const char *stop, thx_jinja_kind kind)
{
    tokens t = { 0 };
    size_t depth = 0;
    thorax_status st = THORAX_OK;

    while (!st && (*l->p && (depth || !at_stop(l->p, stop)))) {
        if (is_blank(*l->p)) {
            l->p++;
        } else if (kind == THX_JINJA_EXPRESSION && !depth && (*l->p == '+' || *l->p == '~') &&
                   t.n) {
            emit(l, &t, kind);
            l->p++;
        } else {
            if (strchr("([{", *l->p)) depth++;
            else if (strchr(")]}", *l->p) && depth) depth--;
            st = add_any(l, &t);
        }
    }
    if (!st && !*l->p) st = thx_fail(l->err, THORAX_FORMAT, 0, "chat template: a tag has no end");
    if (!st) emit(l, &t, kind);
    if (!st && (t.text.failed || t.value.failed))
        st = thx_fail(l->err, THORAX_NOMEM, 0, "out of memory");
    thx_string_deinit(&t.text);
    thx_string_deinit(&t.value);
    if (!st) skip_stop(l, kind == THX_JINJA_STATEMENT);
    return st;
}

static thorax_status skip_comment(lexer *l)
{
    const char *end = strstr(l->p, "#}");

    if (!end) return thx_fail(l->err, THORAX_FORMAT, 0, "chat template: a comment has no end");
    l->p = end > l->p && (end[-1] == '-' || end[-1] == '+') ? end - 1 : end;
    skip_stop(l, true);
    return THORAX_OK;
}

/* The text before the next tag, without the blanks that the tag takes away. */
static void read_text(lexer *l)
{
    const char *from = l->p, *end;

    while (*l->p && !(l->p[0] == '{' && l->p[1] && strchr("{%#", l->p[1]))) l->p++;
    end = l->p;
    if (*l->p && l->p[2] == '-') {
        while (end > from && is_blank(end[-1])) end--;
    } else if (*l->p && l->p[1] != '{' && l->p[2] != '+') {
        const char *line = end;
        while (line > from && is_blank(line[-1]) && line[-1] != '\n') line--;
        if (line > from ? line[-1] == '\n' : l->line_start) end = line;
    }
    put_text(l, from, (size_t)(end - from));
}

static thorax_status read_items(lexer *l)
{
    thorax_status st = THORAX_OK;

    while (!st && *l->p) {
        read_text(l);
        if (!*l->p) break;
        const char kind = l->p[1];
        l->p += 2;
        if (kind != '#' && (*l->p == '-' || *l->p == '+')) l->p++;
        if (kind == '#') st = skip_comment(l);
        else
            st = kind == '{' ? read_tag(l, "}}", THX_JINJA_EXPRESSION)
                             : read_tag(l, "%}", THX_JINJA_STATEMENT);
    }
    close_item(l);
    l->out->items[l->out->n] = (thx_jinja_item){ THX_JINJA_END, l->out->pool.size, 0 };
    thx_string_add(&l->out->pool, "", 1);
    return st;
}

/* Line ends become "\n"; one at the very end is dropped. */
static char *plain_lines(const char *source, size_t size)
{
    char *copy = malloc(size + 1), *q = copy;

    if (!copy) return NULL;
    for (const char *p = source; *p; p++) {
        if (*p == '\r' && p[1] == '\n') continue;
        *q++ = *p == '\r' ? '\n' : *p;
    }
    if (q > copy && q[-1] == '\n') q--;
    *q = 0;
    return copy;
}

thorax_status thx_jinja_read(thx_jinja *out, const char *source, thorax_error *err)
{
    const size_t size = strlen(source);

    *out = (thx_jinja){ 0 };
    if (size > MAX_SOURCE)
        return thx_fail(err, THORAX_FORMAT, 0, "chat template: %zu bytes, at most %d are taken",
                        size, MAX_SOURCE);
    char *copy = plain_lines(source, size);
    out->items = malloc((size + 2) *
                        sizeof *out->items); /* every item takes at least a byte of the source */
    lexer l = { copy, out, true, false, err };
    thorax_status st =
        copy && out->items ? read_items(&l) : thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    if (!st && out->pool.failed) st = thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    free(copy);
    if (st) thx_jinja_deinit(out);
    return st;
}

void thx_jinja_deinit(thx_jinja *j)
{
    free(j->items);
    thx_string_deinit(&j->pool);
    *j = (thx_jinja){ 0 };
}
