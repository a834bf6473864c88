/* Two files of texts, one a line: the n-th line of one belongs to the n-th of the other. An empty line is an
 * empty text. Lines without a partner are counted and handed over without one. See records.h. */
#include "eval/records_internal.h"

#include "text/utf8.h"

#include <string.h>

typedef struct lines { const char *at, *end; } lines;

/* The next line, without its end; false behind the last one. */
static bool next_line(lines *l, const char **text, size_t *size)
{
    if (l->at == l->end) return false;
    const char *stop = memchr(l->at, '\n', (size_t)(l->end - l->at));
    const char *next = stop ? stop + 1 : l->end;

    *text = l->at;
    *size = (size_t)((stop ? stop : l->end) - l->at);
    if (*size && l->at[*size - 1] == '\r') --*size;
    l->at = next;
    return true;
}

/* A copy that ends with 0; broken UTF-8 and 0 bytes are counted and give NULL in *out. */
static thorax_status copy_line(eval_reader *r, const char **out, const char *text, size_t size, size_t line,
                               thorax_error *err)
{
    *out = NULL;
    if (memchr(text, 0, size) || !thx_utf8_valid(text, size)) {
        thx_eval_note(r->problems, &r->problems->lines, r->path, line, "not UTF-8 text");
        return THORAX_OK;
    }
    char *copy = thx_arena_alloc(r->arena, size + 1, 1);
    if (!copy) return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for line %zu", r->path, line);
    memcpy(copy, text, size);
    copy[size] = 0;
    *out = copy;
    return THORAX_OK;
}

thorax_status eval_read_lines(eval_reader *r, const char *references, size_t size, thorax_error *err)
{
    const thx_arena_mark mark = thx_arena_get_mark(r->arena);
    lines a = { r->text, r->text + r->size }, b = { references, references ? references + size : NULL };
    thorax_status st = THORAX_OK;

    for (size_t line = 1; !st; line++, thx_arena_release(r->arena, mark)) {
        const char *mine, *other;
        size_t n_mine, n_other;
        const bool has_mine = next_line(&a, &mine, &n_mine), has_other = references && next_line(&b, &other, &n_other);
        thx_eval_item item;

        if (!has_mine && !has_other) break;
        st = eval_item_init(r, &item, line, err);
        if (!st && has_mine) st = copy_line(r, &item.prediction, mine, n_mine, line, err);
        if (!st && has_other) st = copy_line(r, &item.reference, other, n_other, line, err);
        if (references && has_mine != has_other)
            thx_eval_note(r->problems, &r->problems->unequal, r->path, line, "has no partner in the other file");
        if (!st) st = eval_item_give(r, &item, err);
    }
    return st;
}
