/* Reading of records: which kind a file is, what its items have in common, notes; see records.h. */
#include "eval/records_internal.h"

#include "base/file.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- Notes ---- */

void thx_eval_note(thx_eval_problems *p, size_t *count, const char *path, size_t line, const char *format, ...)
{
    char text[256];
    va_list args;

    ++*count;
    if (p->noted >= THX_EVAL_NOTES) return;
    p->noted++;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    thx_string_printf(&p->notes, "%s: line %zu: %s\n", path, line, text);
}

size_t thx_eval_problems_all(const thx_eval_problems *p)
{
    return p->lines + p->labels + p->boxes + p->twice + p->unequal + p->unmatched; /* absent values are no failure */
}

void thx_eval_problems_deinit(thx_eval_problems *p)
{
    thx_string_deinit(&p->notes);
    *p = (thx_eval_problems){ 0 };
}

/* ---- What items have in common ---- */

int thx_eval_finding(const char *name)
{
    for (int i = 0; i < THX_FINDINGS; i++)
        if (!strcasecmp(name, thx_finding_names[i])) return i;
    return -1;
}

void eval_labels_clear(signed char labels[THX_FINDINGS])
{
    for (int i = 0; i < THX_FINDINGS; i++) labels[i] = THX_EVAL_BLANK;
}

void eval_set_label(eval_reader *r, signed char labels[THX_FINDINGS], const char *name, thx_eval_mention value,
                    size_t line)
{
    const int i = thx_eval_finding(name);

    if (i < 0)
        thx_eval_note(r->problems, &r->problems->labels, r->path, line, "a label that is not one of the 14 findings");
    else labels[i] = (signed char)value;
}

thx_eval_mention eval_mention_of(double value)
{
    if (isnan(value)) return THX_EVAL_BLANK;
    return value == 0 ? THX_EVAL_NO : value < 0 ? THX_EVAL_UNCERTAIN : THX_EVAL_YES;
}

bool thx_eval_box_is_odd(double x1, double y1, double x2, double y2)
{
    return !(x1 >= 0 && y1 >= 0 && x1 < x2 && y1 < y2 && x2 <= 1 && y2 <= 1);
}

void eval_check_box(eval_reader *r, const thx_eval_box *b, size_t line)
{
    if (thx_eval_box_is_odd(b->x1, b->y1, b->x2, b->y2))
        thx_eval_note(r->problems, &r->problems->odd_boxes, r->path, line,
                      "a box outside the film or reversed, used as it is");
}

thorax_status eval_boxes_of_text(eval_reader *r, const char *text, size_t line, const thx_eval_box **out, size_t *n,
                                 thorax_error *err)
{
    const size_t found = thx_boxes_parse(NULL, 0, text, true);

    *n = 0;
    *out = NULL;
    if (found == SIZE_MAX) {
        thx_eval_note(r->problems, &r->problems->boxes, r->path, line, "a box with a number that is none");
        return THORAX_OK;
    }
    if (!found) return THORAX_OK;
    thx_box *boxes = thx_arena_alloc(r->arena, found, sizeof *boxes);
    thx_eval_box *list = thx_arena_alloc(r->arena, found, sizeof *list);
    if (!boxes || !list) return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for boxes", r->path);
    const size_t all = thx_boxes_parse(boxes, found, text, true);
    for (size_t i = 0; i < all; i++) {
        if (!isfinite(boxes[i].x1 + boxes[i].y1 + boxes[i].x2 + boxes[i].y2)) { /* more digits than a double holds */
            thx_eval_note(r->problems, &r->problems->boxes, r->path, line, "a box that is not four numbers");
            continue;
        }
        list[*n] = (thx_eval_box){ boxes[i].x1, boxes[i].y1, boxes[i].x2, boxes[i].y2, NAN, "" };
        eval_check_box(r, &list[(*n)++], line);
    }
    *out = list;
    return THORAX_OK;
}

thorax_status eval_item_init(eval_reader *r, thx_eval_item *item, size_t line, thorax_error *err)
{
    char id[32];

    *item = (thx_eval_item){ .task = "", .line = line };
    eval_labels_clear(item->labels);
    eval_labels_clear(item->findings);
    for (int i = 0; i < THX_FINDINGS; i++) item->scores[i] = NAN;
    snprintf(id, sizeof id, "#%zu", ++r->items);
    item->id = thx_arena_strdup(r->arena, id);
    return item->id ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for an item", r->path);
}

thorax_status eval_item_give(eval_reader *r, const thx_eval_item *item, thorax_error *err)
{
    r->read++;
    return r->take(r->data, item, err);
}

/* ---- Which kind ---- */

static bool ends_with(const char *name, const char *ending)
{
    const size_t n = strlen(name), m = strlen(ending);
    return n >= m && !strcasecmp(name + n - m, ending);
}

static thx_eval_format format_of(const char *name, const char *text, size_t size, const thx_eval_reading *reading)
{
    size_t at = 0;

    if (reading->format != THX_EVAL_AUTO) return reading->format;
    if (ends_with(name, ".csv") || ends_with(name, ".tsv")) return THX_EVAL_CSV;
    if (reading->references || ends_with(name, ".txt")) return THX_EVAL_LINES;
    while (at < size && strchr(" \t\r\n", text[at]) && text[at]) at++;
    return at < size && text[at] == '[' ? THX_EVAL_ARRAY : THX_EVAL_JSONL;
}

/* ---- Reading ---- */

static thorax_status read_lines(eval_reader *r, thorax_error *err)
{
    thx_map references = { 0 };
    thorax_status st = THORAX_OK;

    if (!r->reading->references) return eval_read_lines(r, NULL, 0, err);
    st = thx_map_open(&references, r->reading->references, err);
    if (!st) st = eval_read_lines(r, references.data ? (const char *)references.data : "", references.size, err);
    thx_map_close(&references);
    return st;
}

static thorax_status read_as(eval_reader *r, thx_eval_format format, thorax_error *err)
{
    switch (format) {
    case THX_EVAL_ARRAY: return eval_read_array(r, err);
    case THX_EVAL_CSV: return eval_read_csv(r, ends_with(r->path, ".tsv") ? '\t' : ',', err);
    case THX_EVAL_LINES: return read_lines(r, err);
    default: return eval_read_jsonl(r, err);
    }
}

thorax_status thx_eval_read_text(const char *text, size_t size, const char *name, const thx_eval_reading *reading,
                                 thx_eval_take *take, void *data, thx_eval_problems *problems, thorax_error *err)
{
    static const thx_eval_reading defaults = { 0 };
    eval_reader r = { .path = name, .text = text, .size = size, .reading = reading ? reading : &defaults,
                      .take = take, .data = data, .problems = problems };

    if (r.size >= 3 && !memcmp(r.text, "\xEF\xBB\xBF", 3)) { /* a byte order mark */
        r.text += 3;
        r.size -= 3;
    }
    thorax_status st = thx_arena_open(&r.arena, 0, err);
    if (!st) st = read_as(&r, format_of(name, r.text, r.size, r.reading), err);
    thx_arena_close(r.arena);
    if (!st && !r.read && r.items)
        st = thx_fail(err, THORAX_FORMAT, 0,
                      "%s: none of its %zu lines is a record (JSON lines, a JSON array, CSV or text lines)", name,
                      r.items);
    return st;
}

thorax_status thx_eval_read(const char *path, const thx_eval_reading *reading, thx_eval_take *take, void *data,
                            thx_eval_problems *problems, thorax_error *err)
{
    thx_map map;
    thorax_status st = thx_map_open(&map, path, err);

    if (st) return st;
    st = thx_eval_read_text(map.data ? (const char *)map.data : "", map.size, path, reading, take, data, problems, err);
    thx_map_close(&map);
    return st;
}
