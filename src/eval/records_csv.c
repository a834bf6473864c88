/* Records as CSV: columns by name, quoted as RFC 4180 says; a tab parts the fields of a .tsv file. See records.h.
 *
 * Columns: id, task, image, question, phrase, prediction, reference, boxes and predicted_boxes (texts with
 * "[x1, y1, x2, y2]"), labels (names parted by ; or |), the 14 findings by their names (1, 0, -1, empty), and
 * "score NAME" or "score:NAME" for their scores. Other columns are passed over. */
#include "eval/records_internal.h"

#include "text/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { COLUMNS_MAX = 4096 };

typedef enum column_kind {
    NOTHING, ID, TASK, IMAGE, QUESTION, PHRASE, PREDICTION, REFERENCE, BOXES, PREDICTED_BOXES, LABELS, FINDING, SCORE
} column_kind;

typedef struct column { column_kind kind; int finding; } column;

typedef struct table {
    eval_reader *r;
    char         separator;
    const char  *at, *end;
    size_t       line;              /* of `at` */
    column       columns[COLUMNS_MAX];
    size_t       n_columns;
    const char  *fields[COLUMNS_MAX];
    size_t       n_fields;
    bool         broken;            /* the row: a quote that does not end, too many fields, text that is not UTF-8 */
} table;

/* ---- Rows ---- */

/* A field in quotes; two quotes stand for one. Its text goes to `out`. */
static void quoted_field(table *t, char *out, size_t *n)
{
    for (t->at++;; t->at++) {
        if (t->at == t->end) {
            t->broken = true;
            return;
        }
        if (*t->at == '"' && (t->at + 1 == t->end || t->at[1] != '"')) break;
        if (*t->at == '"') t->at++;
        t->line += *t->at == '\n';
        out[(*n)++] = *t->at;
    }
    t->at++;
}

static bool ends_field(const table *t)
{
    return t->at == t->end || *t->at == t->separator || *t->at == '\n' ||
           (*t->at == '\r' && (t->at + 1 == t->end || t->at[1] == '\n'));
}

/* The room a field can take at most: a quoted one ends at the last quote of the file at worst, so it is measured. */
static size_t field_room(const table *t)
{
    const char *p = t->at;

    if (p < t->end && *p == '"')
        for (p++; p < t->end && !(*p == '"' && (p + 1 == t->end || p[1] != '"')); p++) p += *p == '"';
    while (p < t->end && *p != t->separator && *p != '\n') p++;
    return (size_t)((p < t->end ? p : t->end) - t->at) + 1;
}

static thorax_status read_field(table *t, thorax_error *err)
{
    size_t n = 0;
    char *out = thx_arena_alloc(t->r->arena, field_room(t), 1);

    if (!out) return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for a field", t->r->path);
    if (t->at < t->end && *t->at == '"') quoted_field(t, out, &n);
    while (!t->broken && !ends_field(t)) out[n++] = *t->at++; /* behind a closing quote too, as Python reads it */
    out[n] = 0;
    if (memchr(out, 0, n) || !thx_utf8_valid(out, n)) t->broken = true;
    if (t->n_fields == COLUMNS_MAX) t->broken = true;
    else t->fields[t->n_fields++] = out;
    return THORAX_OK;
}

/* Passes over the rest of a line that is broken. */
static void skip_line(table *t)
{
    while (t->at < t->end && *t->at != '\n') t->at++;
}

static thorax_status read_row(table *t, thorax_error *err)
{
    thorax_status st = THORAX_OK;

    t->n_fields = 0;
    t->broken = false;
    for (;;) {
        st = read_field(t, err);
        if (st || t->broken || t->at == t->end || *t->at != t->separator) break;
        t->at++;
    }
    if (t->broken) skip_line(t);
    if (t->at < t->end && *t->at == '\r') t->at++;
    if (t->at < t->end) t->at++, t->line++;
    return st;
}

/* ---- Columns ---- */

static const struct { const char *name; column_kind kind; } names[] = {
    { "id", ID }, { "study_id", ID }, { "idx", ID }, { "task", TASK }, { "image", IMAGE }, { "img_path", IMAGE },
    { "question", QUESTION }, { "phrase", PHRASE },
    { "prediction", PREDICTION }, { "generated", PREDICTION }, { "hypothesis", PREDICTION }, { "output", PREDICTION },
    { "reference", REFERENCE }, { "report", REFERENCE }, { "txt", REFERENCE }, { "answer", REFERENCE },
    { "boxes", BOXES }, { "predicted_boxes", PREDICTED_BOXES }, { "labels", LABELS },
};

static column column_of(const char *name)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcasecmp(name, names[i].name)) return (column){ names[i].kind, 0 };
    if (thx_eval_finding(name) >= 0) return (column){ FINDING, thx_eval_finding(name) };
    if (!strncasecmp(name, "score", 5) && (name[5] == ' ' || name[5] == ':' || name[5] == '_')) {
        const int finding = thx_eval_finding(name + 6);
        if (finding >= 0) return (column){ SCORE, finding };
    }
    return (column){ NOTHING, 0 };
}

/* "prediction=Column A,reference=Column B": the kind that the column with this name is given; NOTHING: none. */
static column_kind chosen_kind(const char *list, const char *name)
{
    const size_t size = strlen(name);

    for (const char *p = list; p && *p;) {
        const char *equal = strchr(p, '='), *end = strchr(p, ',');
        const size_t rest = end ? (size_t)(end - p) : strlen(p);

        if (equal && (size_t)(equal - p) < rest && rest - (size_t)(equal - p) - 1 == size &&
            !memcmp(equal + 1, name, size))
            for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
                if (strlen(names[i].name) == (size_t)(equal - p) && !memcmp(names[i].name, p, (size_t)(equal - p)))
                    return names[i].kind;
        p = end ? end + 1 : NULL;
    }
    return NOTHING;
}

/* A column that was chosen goes before those with usual names, and these in the order of the table. */
static void choose_columns(table *t)
{
    const thx_eval_reading *o = t->r->reading;
    bool chosen[SCORE + 1] = { false };

    for (size_t i = 0; i < t->n_fields; i++) {
        const column_kind kind = o->predictions && !strcmp(o->predictions, t->fields[i])
                                     ? PREDICTION
                                     : chosen_kind(o->columns, t->fields[i]);
        t->columns[i] = kind ? (column){ kind, 0 } : column_of(t->fields[i]);
        chosen[kind] |= kind != NOTHING;
    }
    t->n_columns = t->n_fields;
    for (size_t i = 0; i < t->n_columns; i++) {
        const column_kind kind = t->columns[i].kind;
        const bool        mine =
            (o->predictions && !strcmp(o->predictions, t->fields[i])) || chosen_kind(o->columns, t->fields[i]);
        if (chosen[kind] && !mine) t->columns[i] = (column){ NOTHING, 0 };
    }
    bool seen[FINDING] = { false };
    for (size_t i = 0; i < t->n_columns; i++) { /* of two columns for one thing the first counts */
        const column_kind kind = t->columns[i].kind;
        if (kind >= FINDING) continue;
        if (seen[kind]) t->columns[i].kind = NOTHING;
        seen[kind] = kind != NOTHING;
    }
}

/* ---- Items ---- */

/* NaN where there is none; a text that is neither blank nor a number is counted. */
static double number_of(table *t, const char *text, size_t line)
{
    char *end;
    const double value = strtod(text, &end);

    while (*end == ' ') end++;
    if (*end)
        thx_eval_note(t->r->problems, &t->r->problems->labels, t->r->path, line,
                      "a value of a finding that is no number");
    return end == text || *end || isinf(value) ? NAN : value;
}

static thorax_status add_labels(table *t, thx_eval_item *item, const char *text, thorax_error *err)
{
    char *copy = thx_arena_strdup(t->r->arena, text), *rest = copy, *name;

    if (!copy) return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for labels", t->r->path);
    item->has_labels = true;
    while ((name = strsep(&rest, ";|"))) {
        size_t n;
        name += strspn(name, " ");
        for (n = strlen(name); n && name[n - 1] == ' ';) name[--n] = 0;
        if (n) eval_set_label(t->r, item->labels, name, THX_EVAL_YES, item->line);
    }
    return THORAX_OK;
}

static thorax_status set_field(table *t, thx_eval_item *item, column c, const char *text, thorax_error *err)
{
    switch (c.kind) {
    case ID: if (*text) item->id = text; break;
    case TASK: item->task = text; break;
    case IMAGE: item->image = text; break;
    case QUESTION: item->question = text; break;
    case PHRASE: item->phrase = text; break;
    case PREDICTION: item->prediction = text; break;
    case REFERENCE: item->reference = text; break;
    case LABELS: return add_labels(t, item, text, err);
    case BOXES:
        item->has_boxes = true;
        return eval_boxes_of_text(t->r, text, item->line, &item->boxes, &item->n_boxes, err);
    case PREDICTED_BOXES:
        item->has_found = true;
        return eval_boxes_of_text(t->r, text, item->line, &item->found, &item->n_found, err);
    case FINDING:
        item->has_labels = true;
        item->labels[c.finding] = (signed char)eval_mention_of(number_of(t, text, item->line));
        break;
    case SCORE:
        item->scores[c.finding] = number_of(t, text, item->line);
        item->has_scores |= !isnan(item->scores[c.finding]);
        break;
    case NOTHING: break;
    }
    return THORAX_OK;
}

static thorax_status give_row(table *t, size_t line, thorax_error *err)
{
    thx_eval_item item;
    thorax_status st = eval_item_init(t->r, &item, line, err);

    if (st) return st;
    if (t->broken) thx_eval_note(t->r->problems, &t->r->problems->lines, t->r->path, line, "not CSV in UTF-8");
    else if (t->n_fields != t->n_columns)
        thx_eval_note(t->r->problems, &t->r->problems->lines, t->r->path, line, "%zu fields, the first line has %zu",
                      t->n_fields, t->n_columns);
    if (t->broken || t->n_fields != t->n_columns) return THORAX_OK;
    for (size_t i = 0; !st && i < t->n_fields; i++) st = set_field(t, &item, t->columns[i], t->fields[i], err);
    return st ? st : eval_item_give(t->r, &item, err);
}

static bool has_column(const table *t, column_kind kind)
{
    for (size_t i = 0; i < t->n_columns; i++)
        if (t->columns[i].kind == kind) return true;
    return false;
}

static thorax_status read_rows(table *t, thorax_error *err)
{
    thorax_status st = read_row(t, err);

    if (st) return st;
    if (!t->broken) choose_columns(t);
    if (!has_column(t, PREDICTION) && !has_column(t, REFERENCE) && !has_column(t, FINDING) && !has_column(t, LABELS))
        return thx_fail(err, THORAX_FORMAT, 0,
                        "%s: line 1: no column prediction, reference, labels or of a finding (--columns "
                        "prediction=NAME,reference=NAME says which)",
                        t->r->path);
    const thx_arena_mark mark = thx_arena_get_mark(t->r->arena);
    while (!st && t->at < t->end) {
        const size_t line = t->line;
        st = read_row(t, err);
        const bool empty = t->n_fields == 1 && !*t->fields[0] && t->n_columns != 1;
        if (!st && !empty) st = give_row(t, line, err);
        thx_arena_release(t->r->arena, mark);
    }
    return st;
}

thorax_status eval_read_csv(eval_reader *r, char separator, thorax_error *err)
{
    table *t = thx_arena_zalloc(r->arena, 1, sizeof *t);

    if (!t) return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory", r->path);
    t->r = r;
    t->separator = separator;
    t->at = r->text;
    t->end = r->text + r->size;
    t->line = 1;
    return read_rows(t, err);
}
