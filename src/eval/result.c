/* Results as JSON and as a table; see result.h. */
#include "eval/result.h"

#include "base/file.h"
#include "base/hash.h"
#include "output/output.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- JSON ---- */

static json_t *number(double value) { return isfinite(value) ? json_real(value) : json_null(); }
static json_t *count(size_t n) { return json_integer((json_int_t)n); }

static json_t *interval_json(const thx_eval_figure *f)
{
    if (!f->has_interval) return json_null();
    return json_pack("{s:o, s:o, s:f, s:o, s:I}", "low", number(f->low), "high", number(f->high), "confidence",
                     f->confidence, "resamples", count(f->resamples), "seed", (json_int_t)f->seed);
}

static json_t *figure_json(const thx_eval_figure *f)
{
    json_t *json = json_pack("{s:s, s:s, s:s, s:s?, s:o, s:o, s:o, s:o, s:s}", "task", f->task, "metric", f->metric,
                             "name", f->name, "label", f->label, "value", number(f->value), "n", count(f->n), "failed",
                             count(f->failed), "interval", interval_json(f), "signature", f->signature);

    if (f->is_median) {
        json_object_set_new(json, "kind", json_string("median of resamples"));
        json_object_set_new(json, "point", number(f->point));
    }
    if (f->lower_is_better) json_object_set_new(json, "lower_is_better", json_true());
    return json;
}

/* Values of the items, where the figure is their mean: what a reader needs to test on. */
static json_t *items_json(const thx_eval_scores *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->n; i++) {
        const thx_eval_figure *f = &s->figures[i];
        if (!f->values) continue;
        json_t *ids = json_array(), *values = json_array();
        for (size_t k = 0; k < f->n; k++) {
            json_array_append_new(ids, thx_json_path(s->set->items[f->items[k]].id));
            json_array_append_new(values, number(f->values[k]));
        }
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o, s:o}", "task", f->task, "metric", f->metric, "name",
                                              f->name, "ids", ids, "values", values));
    }
    return list;
}

static json_t *curves_json(const thx_eval_scores *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->n_curves; i++) {
        const thx_eval_curve *c = &s->curves[i];
        json_t *scores = json_array(), *truth = json_array();
        for (size_t k = 0; k < c->n; k++) {
            json_array_append_new(scores, number(c->scores[k]));
            json_array_append_new(truth, json_integer(c->truth[k]));
        }
        json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:o}", "task", c->task, "label", c->label, "scores",
                                              scores, "truth", truth));
    }
    return list;
}

static json_t *problems_json(const thx_eval_problems *p, const thx_eval_scores *s)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "unreadable_lines", count(p->lines), "unknown_labels",
                     count(p->labels), "broken_boxes", count(p->boxes), "absent_values", count(p->values),
                     "repeated_ids", count(p->twice), "unequal_lines", count(p->unequal), "unmatched",
                     count(p->unmatched), "without_prediction", count(s->failed));
}

/* Empty texts are scored as they are; how many there were stands in the result. */
static size_t empty_texts(const thx_eval_set *set, bool references)
{
    size_t n = 0;

    for (size_t i = 0; i < set->n; i++) {
        const char *text = references ? set->items[i].reference : set->items[i].prediction;
        n += text && !text[strspn(text, " \t\r\n")];
    }
    return n;
}

static size_t without_reference(const thx_eval_set *set)
{
    size_t n = 0;

    for (size_t i = 0; i < set->n; i++) {
        const thx_eval_item *item = &set->items[i];
        n += !item->reference && !item->has_labels && !item->has_boxes;
    }
    return n;
}

static json_t *files_json(const thx_eval_source *source)
{
    json_t *list = json_array();

    for (size_t i = 0; i < source->n_files; i++) {
        thx_map map;
        char hex[65] = "";
        if (!thx_map_open(&map, source->files[i], NULL)) {
            thx_sha256_of(map.data ? map.data : (const unsigned char *)"", map.size, hex);
            thx_map_close(&map);
        }
        json_array_append_new(list, json_pack("{s:o, s:s}", "path", thx_json_path(source->files[i]), "sha256", hex));
    }
    return list;
}

json_t *thx_eval_result_json(const thx_eval_scores *s, const thx_eval_options *o, const thx_eval_source *source)
{
    json_t *figures = json_array(), *notes = json_array();

    for (size_t i = 0; i < s->n; i++) json_array_append_new(figures, figure_json(&s->figures[i]));
    for (const char *p = s->notes.data; p && *p;) {
        const size_t n = strcspn(p, "\n");
        json_array_append_new(notes, json_stringn(p, n));
        p += n + (p[n] == '\n');
    }
    json_t *problems = problems_json(&s->set->problems, s);
    json_object_set_new(problems, "odd_boxes", count(s->set->problems.odd_boxes));
    json_object_set_new(problems, "empty_predictions", count(empty_texts(s->set, false)));
    json_object_set_new(problems, "empty_references", count(empty_texts(s->set, true)));
    json_object_set_new(problems, "without_reference", count(without_reference(s->set)));
    json_t *json =
        json_pack("{s:i, s:s, s:o, s:o, s:s?, s:o, s:o, s:o, s:o, s:o, s:o}", "schema", 1, "program",
                  "thorax " THX_VERSION, "name", source->name ? thx_json_path(source->name) : json_null(), "files",
                  files_json(source), "preset", o->preset, "items", count(s->set->n), "problems", problems, "notes",
                  notes, "figures", figures, "values", items_json(s), "curves", curves_json(s));
    if (json) json_object_set_new(json, "notice", json_string(thx_notice));
    if (json && s->judges) json_object_set(json, "judges", s->judges);
    if (json && source->settings) json_object_set(json, "run", (json_t *)(uintptr_t)source->settings);
    return json;
}

/* ---- Text ---- */

static void print_figure(thx_string *out, const thx_eval_figure *f)
{
    char name[120], interval[40] = "";

    snprintf(name, sizeof name, "%s%s%s%s", f->name, f->label ? " [" : "", f->label ? f->label : "",
             f->label ? "]" : "");
    if (f->has_interval) snprintf(interval, sizeof interval, "%.4f .. %.4f", f->low, f->high);
    if (isnan(f->value))
        thx_string_printf(out, "  %-16s %-34s %10s  %-20s %6zu", f->metric, name, "undefined", interval, f->n);
    else thx_string_printf(out, "  %-16s %-34s %10.4f  %-20s %6zu", f->metric, name, f->value, interval, f->n);
    if (f->failed) thx_string_printf(out, "  (%zu not scored)", f->failed);
    if (f->is_median) thx_string_puts(out, "  median");
    if (f->lower_is_better) thx_string_puts(out, "  lower is better");
    thx_string_puts(out, "\n");
}

/* Figures of one label stand in a row: what they are, values, and their intervals. Returns how many there were. */
static size_t print_label(thx_string *out, const thx_eval_figure *f, size_t left)
{
    size_t n = 0;

    thx_string_printf(out, "  %-16s %-34s", f->metric, f->label);
    for (; n < left && f[n].label && !strcmp(f[n].label, f->label) && f[n].metric == f->metric && f[n].task == f->task;
         n++) {
        if (isnan(f[n].value)) thx_string_printf(out, "  %s undefined", f[n].name);
        else thx_string_printf(out, "  %s %.4f", f[n].name, f[n].value);
        if (f[n].has_interval) thx_string_printf(out, " (%.4f .. %.4f)", f[n].low, f[n].high);
    }
    thx_string_puts(out, "\n");
    return n;
}

static void print_problem(thx_string *out, size_t n, const char *what)
{
    if (n) thx_string_printf(out, "  %zu %s\n", n, what);
}

void thx_eval_problems_print(thx_string *out, const thx_eval_problems *p)
{
    print_problem(out, p->lines, "lines that could not be read");
    print_problem(out, p->labels, "labels that are not among the 14 findings, or have no value");
    print_problem(out, p->boxes, "boxes that are not four numbers");
    print_problem(out, p->odd_boxes, "boxes outside the film or reversed (used as they are)");
    print_problem(out, p->values, "values that were NaN or infinite (taken as absent)");
    print_problem(out, p->twice, "items whose id came before (left out)");
    print_problem(out, p->unequal, "lines without a partner in the other file");
    print_problem(out, p->unmatched, "predictions without a record, or records without a prediction");
    if (p->notes.size) thx_string_puts(out, p->notes.data);
}

void thx_eval_result_print(thx_string *out, const thx_eval_scores *s, const thx_eval_options *o)
{
    const char *task = NULL;
    const size_t empty = empty_texts(s->set, false), blank = empty_texts(s->set, true);

    for (size_t i = 0; i < s->n;) {
        const thx_eval_figure *f = &s->figures[i];
        if (!task || strcmp(task, f->task)) {
            thx_string_printf(out, "%s%s\n", task ? "\n" : "", *f->task ? f->task : "all items");
            thx_string_printf(out, "  %-16s %-34s %10s  %-20s %6s\n", "metric", "figure", "value", "interval", "n");
        }
        task = f->task;
        if (f->label) i += print_label(out, f, s->n - i);
        else print_figure(out, f), i++;
    }
    if (!s->n && !s->unrated)
        thx_string_puts(out, "nothing to score: no item has a prediction and a reference\n");
    thx_string_printf(out, "\n%zu items; intervals: %g %% of %zu resamples, seed %u", s->set->n, 100 * o->confidence,
                      o->resamples, (unsigned)o->seed);
    thx_string_puts(out, " (medians: 500, seed 3)\n");
    print_problem(out, s->failed, "items without a prediction");
    print_problem(out, without_reference(s->set), "items without a reference");
    print_problem(out, empty, "empty predictions (scored as they are)");
    print_problem(out, blank, "empty references (scored as they are)");
    thx_eval_problems_print(out, &s->set->problems);
    if (s->notes.size) thx_string_puts(out, s->notes.data);
    thx_string_printf(out, "(%s)\n", thx_notice);
}
