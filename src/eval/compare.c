/* Two systems on the same items; see compare.h. */
#include "eval/compare.h"
#include "eval/scores_internal.h"

#include "metrics/bootstrap.h"
#include "metrics/stats.h"
#include "output/output.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- The same items in the same order ---- */

/* Keeps of both sets what both have, in the order of a. An item of b has one partner at most: without a task it could
 * be found for several of a. */
static thorax_status keep_common(thx_eval_comparison *out, thx_eval_set *a, thx_eval_set *b, thorax_error *err)
{
    thx_eval_item *items = malloc((a->n + 1) * sizeof *items);
    const char **files = malloc((a->n + 1) * sizeof *files);
    bool *taken = calloc(b->n + 1, sizeof *taken);
    size_t n = 0;

    if (!items || !files || !taken) {
        free(items);
        free(files);
        free(taken);
        return thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu items", a->n);
    }
    for (size_t i = 0; i < a->n; i++) {
        const thx_eval_item *other = thx_eval_set_find(b, a->items[i].task, a->items[i].id);
        if (!other || taken[other - b->items]) continue;
        taken[other - b->items] = true;
        items[n] = *other;
        files[n] = b->files[other - b->items];
        a->files[n] = a->files[i];
        a->items[n++] = a->items[i];
    }
    free(taken);
    out->common = n;
    out->only_a = a->n - n;
    out->only_b = b->n - n;
    free(b->items);
    free(b->files);
    b->items = items;
    b->files = files;
    b->room = a->n + 1;
    a->n = b->n = n;
    const thorax_status st = thx_eval_set_index(a, err);
    return st ? st : thx_eval_set_index(b, err);
}

/* ---- One figure ---- */

/* Rows that both figures have: row rows_a[i] of one belongs to row rows_b[i] of the other. */
typedef struct pairing {
    const thx_eval_figure *a, *b;
    uint32_t *rows_a, *rows_b;    /* [n] */
    uint32_t *pick_a, *pick_b;    /* [n] of a resample */
    size_t    n;
} pairing;

static void pairing_deinit(pairing *p)
{
    free(p->rows_a);
    free(p->rows_b);
    free(p->pick_a);
    free(p->pick_b);
}

/* Items of both rise, since both sets are in one order. */
static thorax_status pairing_init(pairing *p, const thx_eval_figure *a, const thx_eval_figure *b, thorax_error *err)
{
    const size_t most = (a->n < b->n ? a->n : b->n) + 1;

    *p = (pairing){ a,
                    b,
                    malloc(most * sizeof(uint32_t)),
                    malloc(most * sizeof(uint32_t)),
                    malloc(most * sizeof(uint32_t)),
                    malloc(most * sizeof(uint32_t)),
                    0 };
    if (!p->rows_a || !p->rows_b || !p->pick_a || !p->pick_b) {
        pairing_deinit(p);
        return thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu rows", most);
    }
    for (size_t i = 0, k = 0; i < a->n && k < b->n;) {
        if (a->items[i] < b->items[k]) i++;
        else if (a->items[i] > b->items[k]) k++;
        else {
            p->rows_a[p->n] = (uint32_t)i++;
            p->rows_b[p->n++] = (uint32_t)k++;
        }
    }
    return THORAX_OK;
}

static double difference_of(void *user, const uint32_t *rows, size_t n)
{
    const pairing *p = user;

    for (size_t i = 0; i < n; i++) {
        p->pick_a[i] = p->rows_a[rows[i]];
        p->pick_b[i] = p->rows_b[rows[i]];
    }
    return eval_value_of(p->a, p->pick_a, n) - eval_value_of(p->b, p->pick_b, n);
}

/* ---- Exchanging the systems ---- */

/* Both systems' rows in one table, those of a first. */
static thorax_status join_tables(thx_eval_table *out, const pairing *p, thorax_error *err)
{
    const size_t size = p->a->table->row_bytes;
    char *rows = malloc(2 * p->n * size + 1);

    if (!rows) return thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu rows", 2 * p->n);
    for (size_t i = 0; i < p->n; i++) {
        memcpy(rows + i * size, (const char *)p->a->table->rows + p->rows_a[i] * size, size);
        memcpy(rows + (p->n + i) * size, (const char *)p->b->table->rows + p->rows_b[i] * size, size);
    }
    *out = *p->a->table;
    out->rows = rows;
    return THORAX_OK;
}

/* The difference when each item's rows are exchanged by chance. */
static double exchanged(const thx_eval_table *t, const pairing *p, thx_mt19937 *stream)
{
    const uint32_t n = (uint32_t)p->n;

    for (uint32_t i = 0; i < n; i++) {
        const bool swap = thx_mt19937_next(stream) & 1;
        p->pick_a[i] = swap ? n + i : i;
        p->pick_b[i] = swap ? i : n + i;
    }
    return t->statistic(t->rows, t->settings, p->pick_a, n) - t->statistic(t->rows, t->settings, p->pick_b, n);
}

static thorax_status randomise_tables(thx_eval_difference *d, const pairing *p, const thx_eval_options *o,
                                      thorax_error *err)
{
    const double far = fabs(d->difference) * (1 - 1e-12);
    thx_mt19937 stream;
    thx_eval_table joined = { 0 };
    size_t as_far = 1;
    const thorax_status st = join_tables(&joined, p, err);

    if (st) return st;
    thx_mt19937_seed(&stream, o->seed);
    for (size_t i = 0; i < o->resamples; i++) as_far += fabs(exchanged(&joined, p, &stream)) >= far;
    d->p_randomisation = (double)as_far / (double)(o->resamples + 1);
    free((void *)(uintptr_t)joined.rows);
    return THORAX_OK;
}

static thorax_status randomise_means(thx_eval_difference *d, const pairing *p, const thx_eval_options *o,
                                     thorax_error *err)
{
    double *a = malloc(p->n * sizeof *a), *b = malloc(p->n * sizeof *b);
    thx_paired r;
    thorax_status st = a && b ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu rows", p->n);

    for (size_t i = 0; !st && i < p->n; i++) {
        a[i] = p->a->values[p->rows_a[i]];
        b[i] = p->b->values[p->rows_b[i]];
    }
    if (!st) st = thx_paired_randomisation(&r, a, b, p->n, o->resamples, o->seed, err);
    if (!st) d->p_randomisation = r.p;
    free(a);
    free(b);
    return st;
}

/* ---- One difference ---- */

static thorax_status test(thx_eval_difference *d, pairing *p, const thx_eval_options *o, thorax_error *err)
{
    const thx_resampling how = { o->resamples, o->confidence, o->seed };
    thx_paired r;

    if (!o->resamples || isnan(d->difference)) return THORAX_OK;
    thorax_status st = thx_paired_bootstrap_of(&r, p->n, difference_of, p, &how, err);
    if (st) return st;
    d->low = r.low;
    d->high = r.high;
    d->p_bootstrap = r.p;
    if (p->a->values && p->b->values) return randomise_means(d, p, o, err);
    return p->a->table && p->b->table ? randomise_tables(d, p, o, err) : THORAX_OK;
}

static thorax_status compare_figures(thx_eval_difference *d, const thx_eval_figure *a, const thx_eval_figure *b,
                                     const thx_eval_options *o, thorax_error *err)
{
    pairing p;

    *d = (thx_eval_difference){ .a = a,
                                .b = b,
                                .value_a = NAN,
                                .value_b = NAN,
                                .difference = NAN,
                                .low = NAN,
                                .high = NAN,
                                .p_bootstrap = NAN,
                                .p_randomisation = NAN };
    thorax_status st = pairing_init(&p, a, b, err);
    if (st) return st;
    d->n = p.n;
    if (p.n) {
        d->value_a = eval_value_of(a, p.rows_a, p.n);
        d->value_b = eval_value_of(b, p.rows_b, p.n);
        d->difference = d->value_a - d->value_b;
        st = test(d, &p, o, err);
    }
    pairing_deinit(&p);
    return st;
}

/* ---- All of them ---- */

/* Figures compare where they were computed alike; one without rows (a deviation) does not. */
static bool comparable(const thx_eval_figure *a, const thx_eval_figure *b)
{
    return b && !strcmp(a->signature, b->signature) && a->items && b->items && (a->values || a->table || a->statistic);
}

static thorax_status compare_all(thx_eval_comparison *c, const thx_eval_options *o, thorax_error *err)
{
    thorax_status st = THORAX_OK;

    c->list = calloc(c->scores_a.n + 1, sizeof *c->list);
    if (!c->list) return thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu figures", c->scores_a.n);
    for (size_t i = 0; !st && i < c->scores_a.n; i++) {
        const thx_eval_figure *a = &c->scores_a.figures[i];
        const thx_eval_figure *b = thx_eval_find_figure(&c->scores_b, a->metric, a->name, a->task, a->label);
        if (!thx_progress_step(o->progress, "tests", i, c->scores_a.n))
            return thx_fail(err, THORAX_CANCELLED, 0, "stopped while comparing");
        if (comparable(a, b)) st = compare_figures(&c->list[c->n++], a, b, o, err);
        else c->unmatched++;
    }
    if (c->scores_b.n > c->n) c->unmatched += c->scores_b.n - c->n;
    return st;
}

thorax_status thx_eval_compare(thx_eval_comparison *out, thx_eval_set *a, thx_eval_set *b,
                               const thx_eval_options *options, thorax_error *err)
{
    thx_eval_options plain = *options; /* figures alone: their intervals are not asked for here */

    *out = (thx_eval_comparison){ .n = 0 };
    plain.resamples = 0;
    thorax_status st = keep_common(out, a, b, err);
    if (!st && !out->common) st = thx_fail(err, THORAX_USAGE, 0, "no item is in both: ids and tasks differ");
    if (!st) st = thx_eval_score(&out->scores_a, a, &plain, err);
    if (!st) st = thx_eval_score(&out->scores_b, b, &plain, err);
    return st ? st : compare_all(out, options, err);
}

void thx_eval_comparison_deinit(thx_eval_comparison *c)
{
    free(c->list);
    thx_eval_scores_deinit(&c->scores_a);
    thx_eval_scores_deinit(&c->scores_b);
    *c = (thx_eval_comparison){ .n = 0 };
}

/* ---- Printing ---- */

static void print_p(thx_string *out, double p)
{
    if (isnan(p)) thx_string_puts(out, "       -");
    else thx_string_printf(out, "  %6.4f", p);
}

void thx_eval_comparison_print(thx_string *out, const thx_eval_comparison *c, const thx_eval_options *o)
{
    const char *task = NULL;

    for (size_t i = 0; i < c->n; i++) {
        const thx_eval_difference *d = &c->list[i];
        char name[120], interval[40] = "";
        if (!task || strcmp(task, d->a->task))
            thx_string_printf(out, "%s%s\n  %-16s %-30s %10s %10s %10s  %-20s %7s %7s %6s\n", task ? "\n" : "",
                              *d->a->task ? d->a->task : "all items", "metric", "figure", "A", "B", "A - B", "interval",
                              "p boot", "p rand", "n");
        task = d->a->task;
        snprintf(name, sizeof name, "%s%s%s%s", d->a->name, d->a->label ? " [" : "", d->a->label ? d->a->label : "",
                 d->a->label ? "]" : "");
        if (!isnan(d->low)) snprintf(interval, sizeof interval, "%.4f .. %.4f", d->low, d->high);
        thx_string_printf(out, "  %-16s %-30s %10.4f %10.4f %10.4f  %-20s", d->a->metric, name, d->value_a, d->value_b,
                          d->difference, interval);
        print_p(out, d->p_bootstrap);
        print_p(out, d->p_randomisation);
        thx_string_printf(out, " %6zu\n", d->n);
    }
    thx_string_printf(out, "\n%zu items in both, %zu only in A, %zu only in B; %zu resamples, seed %u, %g %%\n",
                      c->common, c->only_a, c->only_b, o->resamples, (unsigned)o->seed, 100 * o->confidence);
    if (c->unmatched) thx_string_printf(out, "%zu figures are not in both, or have other signatures\n", c->unmatched);
    thx_string_printf(out, "(%s)\n", thx_notice);
}

static json_t *number(double x) { return isfinite(x) ? json_real(x) : json_null(); }

json_t *thx_eval_comparison_json(const thx_eval_comparison *c, const thx_eval_options *o)
{
    json_t *list = json_array();

    for (size_t i = 0; i < c->n; i++) {
        const thx_eval_difference *d = &c->list[i];
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:s, s:s?, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "task", d->a->task,
                            "metric", d->a->metric, "name", d->a->name, "label", d->a->label, "n", (json_int_t)d->n,
                            "a", number(d->value_a), "b", number(d->value_b), "difference", number(d->difference),
                            "low", number(d->low), "high", number(d->high), "p_bootstrap", number(d->p_bootstrap),
                            "p_randomisation", number(d->p_randomisation), "signature", d->a->signature));
    }
    return json_pack("{s:i, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:o}", "schema", 1, "notice", thx_notice,
                     "program",
                     "thorax " THX_VERSION, "common", (json_int_t)c->common, "only_a", (json_int_t)c->only_a, "only_b",
                     (json_int_t)c->only_b, "unmatched_figures", (json_int_t)c->unmatched, "resamples",
                     (json_int_t)o->resamples, "seed", (json_int_t)o->seed, "confidence", o->confidence, "differences",
                     list);
}
