/* Tables of results; see table.h. */
#include "eval/table.h"

#include "eval/published.h"
#include "output/output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RESULT_BYTES = 1 << 30 };

thorax_status thx_eval_result_read(json_t **out, const char *path, thorax_error *err)
{
    thorax_status st = thx_json_read(out, path, RESULT_BYTES, err);
    const json_t *figures = st ? NULL : json_object_get(*out, "figures");
    size_t i;
    json_t *f;

    if (st) return st;
    bool good = json_integer_value(json_object_get(*out, "schema")) == 1 && json_is_array(figures);
    json_array_foreach(figures, i, f)
        good &= json_is_string(json_object_get(f, "metric")) && json_is_string(json_object_get(f, "name")) &&
                json_is_string(json_object_get(f, "task")) && json_is_string(json_object_get(f, "signature"));
    if (good) return THORAX_OK;
    json_decref(*out);
    *out = NULL;
    return thx_fail(err, THORAX_FORMAT, 0, "%s: expected the result of thorax eval, schema 1", path);
}

/* ---- Figures of results ---- */

static const char *text_of(const json_t *f, const char *key)
{
    const char *text = json_string_value(json_object_get(f, key));
    return text ? text : "";
}

static const char *name_of(const json_t *result)
{
    const char *name = json_string_value(json_object_get(result, "name"));
    const json_t *file = json_array_get(json_object_get(result, "files"), 0);

    return name ? name : json_is_object(file) ? text_of(file, "path") : "ours";
}

static double number_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static const json_t *figure_for(const json_t *result, const thx_published_column *c)
{
    size_t i;
    json_t *f;

    json_array_foreach(json_object_get(result, "figures"), i, f)
        if (thx_list_has(c->metric, ' ', text_of(f, "metric")) && !strcmp(c->name, text_of(f, "name")) &&
            !json_is_string(json_object_get(f, "label")) &&
            (!c->tasks || thx_list_has(c->tasks, ' ', text_of(f, "task"))))
            return f;
    return NULL;
}

/* ---- Cells ---- */

typedef struct cell { double value, low, high; const json_t *figure; } cell; /* scaled; NaN: nothing */

static cell cell_of(const json_t *figure, double scale)
{
    const json_t *interval = json_object_get(figure, "interval");

    return (cell){ number_of(figure, "value") * scale, number_of(interval, "low") * scale,
                   number_of(interval, "high") * scale, figure };
}

static void print_cell(char *out, size_t room, cell c, int decimals)
{
    if (isnan(c.value)) snprintf(out, room, "-");
    else if (isnan(c.low)) snprintf(out, room, "%.*f", decimals, c.value);
    else snprintf(out, room, "%.*f (%.*f to %.*f)", decimals, c.value, decimals, c.low, decimals, c.high);
}

/* ---- A table as rows of texts ---- */

enum { CELL = 176, COLUMNS = 64 };

typedef struct writer { thx_string *out; thx_table_format format; size_t n_columns; size_t width[COLUMNS]; } writer;

static void add_latex(thx_string *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("&%$#_{}", *text)) thx_string_puts(out, "\\");
        if (*text == '\\' || *text == '~' || *text == '^') thx_string_puts(out, " ");
        else thx_string_add(out, text, 1);
    }
}

static void add_markdown(thx_string *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|') thx_string_puts(out, "\\");
        thx_string_add(out, text, 1);
    }
}

static void print_padded(writer *w, const char *text, size_t column)
{
    const size_t n = strlen(text), pad = w->width[column] > n ? w->width[column] - n : 0;

    if (!column) thx_string_printf(w->out, "%s%*s", text, (int)pad, "");
    else thx_string_printf(w->out, "  %*s%s", (int)pad, "", text);
}

static void print_row(writer *w, const char (*cells)[CELL])
{
    for (size_t i = 0; i < w->n_columns; i++) {
        if (w->format == THX_TABLE_TEXT) print_padded(w, cells[i], i);
        else if (w->format == THX_TABLE_MARKDOWN) {
            thx_string_puts(w->out, i ? " | " : "| ");
            add_markdown(w->out, cells[i]);
        } else {
            thx_string_puts(w->out, i ? " & " : "");
            add_latex(w->out, cells[i]);
        }
    }
    thx_string_puts(w->out, w->format == THX_TABLE_TEXT ? "\n" : w->format == THX_TABLE_MARKDOWN ? " |\n" : " \\\\\n");
}

static void begin_table(writer *w, const char *title, const char (*headings)[CELL])
{
    if (w->format == THX_TABLE_TEXT) thx_string_printf(w->out, "%s\n", title);
    if (w->format == THX_TABLE_MARKDOWN) thx_string_printf(w->out, "**%s**\n\n", title);
    if (w->format == THX_TABLE_LATEX) {
        thx_string_puts(w->out, "\\begin{table}\n\\caption{");
        add_latex(w->out, title);
        thx_string_puts(w->out, "}\n\\begin{tabular}{l");
        for (size_t i = 1; i < w->n_columns; i++) thx_string_puts(w->out, "r");
        thx_string_puts(w->out, "}\n\\hline\n");
    }
    print_row(w, headings);
    if (w->format == THX_TABLE_MARKDOWN) {
        thx_string_puts(w->out, "|---");
        for (size_t i = 1; i < w->n_columns; i++) thx_string_puts(w->out, "|---:");
        thx_string_puts(w->out, "|\n");
    }
    if (w->format == THX_TABLE_LATEX) thx_string_puts(w->out, "\\hline\n");
}

static void end_table(writer *w)
{
    thx_string_puts(w->out, w->format == THX_TABLE_LATEX ? "\\hline\n\\end{tabular}\n\\end{table}\n" : "");
}

static void add_remark(writer *w, const char *mark, const char *text)
{
    if (w->format == THX_TABLE_LATEX) {
        thx_string_printf(w->out, "%% %s%s\n", mark, text);
        return;
    }
    thx_string_printf(w->out, "%s%s%s\n", mark, text, w->format == THX_TABLE_MARKDOWN ? "  " : "");
}

/* ---- The papers' tables ---- */

static size_t column_count(const thx_published_table *t)
{
    size_t n = 0;

    while (t->columns[n].heading) n++;
    return n;
}

static bool has_any(const thx_published_table *t, const json_t *const *results, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (const thx_published_column *c = t->columns; c->heading; c++)
            if (figure_for(results[i], c)) return true;
    return false;
}

/* Row r: 0 the headings, then the published ones, then ours. False behind the last. */
static bool paper_row(char (*cells)[CELL], const thx_published_table *t, const json_t *const *results, size_t n,
                      size_t r)
{
    const size_t columns = column_count(t);
    size_t published = 0;

    while (t->rows[published].system) published++;
    if (r > published + n) return false;
    const json_t *result = r > published ? results[r - published - 1] : NULL;
    if (!r) snprintf(cells[0], CELL, "system");
    else if (result) snprintf(cells[0], CELL, "%.60s", name_of(result));
    else snprintf(cells[0], CELL, "%.40s [%d]", t->rows[r - 1].system, t->rows[r - 1].source + 1);
    for (size_t i = 0; i < columns; i++) {
        const thx_published_column *c = &t->columns[i];
        if (!r) snprintf(cells[i + 1], CELL, "%s%s", c->heading, c->lower_is_better ? " (lower)" : "");
        else if (result) print_cell(cells[i + 1], CELL, cell_of(figure_for(result, c), c->scale), c->decimals);
        else print_cell(cells[i + 1], CELL, (cell){ t->rows[r - 1].values[i], NAN, NAN, NULL }, c->decimals);
    }
    return true;
}

static void print_paper(thx_string *out, const thx_published_table *t, const json_t *const *results, size_t n,
                        thx_table_format format)
{
    writer w = { .out = out, .format = format, .n_columns = column_count(t) + 1 };
    char cells[THX_PUBLISHED_COLUMNS + 1][CELL], mark[16];

    for (size_t r = 0; paper_row(cells, t, results, n, r); r++)
        for (size_t i = 0; i < w.n_columns; i++)
            if (strlen(cells[i]) > w.width[i]) w.width[i] = strlen(cells[i]);
    paper_row(cells, t, results, n, 0);
    begin_table(&w, t->title, (const char (*)[CELL])cells);
    for (size_t r = 1; paper_row(cells, t, results, n, r); r++) print_row(&w, (const char (*)[CELL])cells);
    end_table(&w);
    if (format == THX_TABLE_MARKDOWN) thx_string_puts(out, "\n");
    for (int i = 0; t->rows->system && t->sources[i]; i++) {
        snprintf(mark, sizeof mark, "[%d] ", i + 1);
        add_remark(&w, mark, t->sources[i]);
    }
    if (t->note) add_remark(&w, "", t->note);
    thx_string_puts(out, "\n");
}

/* ---- All figures ---- */

/* The same figure of another result; NULL. */
static const json_t *same_figure(const json_t *result, const json_t *like)
{
    static const char *const keys[] = { "task", "metric", "name", "label", "signature" };
    size_t i;
    json_t *f;

    json_array_foreach(json_object_get(result, "figures"), i, f) {
        size_t k = 0;
        while (k < 5 && !strcmp(text_of(f, keys[k]), text_of(like, keys[k]))) k++;
        if (k == 5) return f;
    }
    return NULL;
}

/* Is it the first result that has this figure? */
static bool is_first(const json_t *const *results, size_t at, const json_t *figure)
{
    for (size_t i = 0; i < at; i++)
        if (same_figure(results[i], figure)) return false;
    return true;
}

static void figure_row(char (*cells)[CELL], const json_t *const *results, size_t n, const json_t *figure)
{
    const char *label = text_of(figure, "label"), *task = text_of(figure, "task");

    snprintf(cells[0], CELL, "%.40s%s%.30s %.40s%s%.40s", task, *task ? ": " : "", text_of(figure, "metric"),
             text_of(figure, "name"), *label ? " " : "", label);
    for (size_t i = 0; i < n; i++) {
        const json_t *f = same_figure(results[i], figure);
        print_cell(cells[i + 1], CELL, cell_of(f, 1), 4);
    }
}

typedef void row_taker(void *data, const char (*cells)[CELL]);

static void each_figure(const json_t *const *results, size_t n, row_taker *take, void *data)
{
    char cells[COLUMNS][CELL];
    size_t k;
    json_t *f;

    for (size_t i = 0; i < n; i++)
        json_array_foreach(json_object_get(results[i], "figures"), k, f)
            if (is_first(results, i, f)) {
                figure_row(cells, results, n, f);
                take(data, (const char (*)[CELL])cells);
            }
}

static void measure(void *data, const char (*cells)[CELL])
{
    writer *w = data;

    for (size_t i = 0; i < w->n_columns; i++)
        if (strlen(cells[i]) > w->width[i]) w->width[i] = strlen(cells[i]);
}

static void print_taken(void *data, const char (*cells)[CELL]) { print_row(data, cells); }

static void print_all(thx_string *out, const json_t *const *results, size_t n, thx_table_format format)
{
    writer w = { .out = out, .format = format, .n_columns = n + 1 };
    char headings[COLUMNS][CELL] = { "figure" };

    for (size_t i = 0; i < n; i++) snprintf(headings[i + 1], CELL, "%.60s", name_of(results[i]));
    measure(&w, (const char (*)[CELL])headings);
    each_figure(results, n, measure, &w);
    begin_table(&w, "All figures, with intervals", (const char (*)[CELL])headings);
    each_figure(results, n, print_taken, &w);
    end_table(&w);
    add_remark(&w, "", thx_notice);
}

/* ---- One line or object a cell ---- */

static void csv_text(thx_string *out, const char *text)
{
    thx_string_puts(out, "\"");
    for (; *text; text++) thx_string_add(out, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    thx_string_puts(out, "\"");
}

static void csv_number(thx_string *out, double x)
{
    thx_string_puts(out, ",");
    if (isfinite(x)) thx_string_printf(out, "%.10g", x);
}

static json_t *real_or_null(double x) { return isfinite(x) ? json_real(x) : json_null(); }

typedef struct flat { thx_string *csv; json_t *json; } flat;

static void add_flat(flat *o, const char *table, const char *system, const char *source, const char *column, cell c)
{
    const char *signature = c.figure ? text_of(c.figure, "signature") : "";

    if (isnan(c.value)) return;
    if (o->json) {
        json_array_append_new(o->json,
                              json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:s}", "table", table, "system", system,
                                        "source", source, "column", column, "value", real_or_null(c.value), "low",
                                        real_or_null(c.low), "high", real_or_null(c.high), "signature", signature));
        return;
    }
    const char *const texts[] = { table, system, source, column };
    for (size_t i = 0; i < 4; i++) {
        if (i) thx_string_puts(o->csv, ",");
        csv_text(o->csv, texts[i]);
    }
    csv_number(o->csv, c.value);
    csv_number(o->csv, c.low);
    csv_number(o->csv, c.high);
    thx_string_puts(o->csv, ",");
    csv_text(o->csv, signature);
    thx_string_puts(o->csv, "\n");
}

static void flat_paper(flat *o, const thx_published_table *t, const json_t *const *results, size_t n)
{
    for (const thx_published_column *c = t->columns; c->heading; c++) {
        for (const thx_published_row *r = t->rows; r->system; r++)
            add_flat(o, t->id, r->system, t->sources[r->source], c->heading,
                     (cell){ r->values[c - t->columns], NAN, NAN, NULL });
        for (size_t i = 0; i < n; i++)
            add_flat(o, t->id, name_of(results[i]), "this evaluation", c->heading,
                     cell_of(figure_for(results[i], c), c->scale));
    }
}

static void flat_all(flat *o, const json_t *const *results, size_t n)
{
    size_t k;
    json_t *f;

    for (size_t i = 0; i < n; i++)
        json_array_foreach(json_object_get(results[i], "figures"), k, f) {
            char name[200];
            snprintf(name, sizeof name, "%.40s/%.40s/%.40s/%.60s", text_of(f, "task"), text_of(f, "metric"),
                     text_of(f, "name"), text_of(f, "label"));
            add_flat(o, "all", name_of(results[i]), "this evaluation", name, cell_of(f, 1));
        }
}

static void print_flat(thx_string *out, const json_t *const *results, size_t n, bool json)
{
    flat o = { .csv = out, .json = json ? json_array() : NULL };

    if (!json) thx_string_puts(out, "table,system,source,column,value,low,high,signature\n");
    for (const thx_published_table *t = thx_published_tables; t->id; t++)
        if (has_any(t, results, n)) flat_paper(&o, t, results, n);
    flat_all(&o, results, n);
    if (!json) return;
    char *text = json_dumps(o.json, JSON_COMPACT | JSON_REAL_PRECISION(15));
    if (text) thx_string_printf(out, "%s\n", text);
    else out->failed = true;
    free(text);
    json_decref(o.json);
}

void thx_eval_tables(thx_string *out, const json_t *const *results, size_t n, thx_table_format format)
{
    if (n >= COLUMNS) n = COLUMNS - 1;
    if (format == THX_TABLE_CSV || format == THX_TABLE_JSON) {
        print_flat(out, results, n, format == THX_TABLE_JSON);
        return;
    }
    for (const thx_published_table *t = thx_published_tables; t->id; t++)
        if (has_any(t, results, n)) print_paper(out, t, results, n, format);
    print_all(out, results, n, format);
}
