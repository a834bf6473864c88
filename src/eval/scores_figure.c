/* Figures: adding them, what they are computed from, intervals; see scores.h. */
#include "eval/scores_internal.h"

#include "base/json.h"
#include "metrics/bootstrap.h"
#include "metrics/stats.h"

#include <math.h>
#include <omp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- What lives with the scores ---- */

typedef struct thx_eval_owned { void *object; void (*close)(void *); struct thx_eval_owned *next; } thx_eval_owned;

void *eval_alloc(const eval_job *job, size_t count, size_t size)
{
    return thx_arena_zalloc(job->scores->arena, count ? count : 1, size);
}

thorax_status eval_nomem(const eval_job *job, thorax_error *err)
{
    return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for %zu items", job->metric->name, job->n);
}

thorax_status eval_own(const eval_job *job, void *object, void (*close)(void *), thorax_error *err)
{
    thx_eval_owned *o = eval_alloc(job, 1, sizeof *o);

    if (!o) {
        close(object);
        return eval_nomem(job, err);
    }
    *o = (thx_eval_owned){ object, close, job->scores->owned };
    job->scores->owned = o;
    return THORAX_OK;
}

void thx_eval_scores_deinit(thx_eval_scores *s)
{
    for (thx_eval_owned *o = s->owned; o; o = o->next) o->close(o->object);
    free(s->figures);
    free(s->curves);
    thx_string_deinit(&s->notes);
    json_decref(s->judges);
    thx_arena_close(s->arena);
    *s = (thx_eval_scores){ 0 };
}

void eval_remark(const eval_job *job, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    thx_string_printf(&job->scores->notes, "%s%s%s%s: %s\n", job->metric->name, *job->task ? " (" : "", job->task,
                      *job->task ? ")" : "", text);
}

/* ---- Figures ---- */

thx_eval_figure *eval_add(const eval_job *job, const char *name, const char *settings, const char *weights)
{
    thx_eval_scores *s = job->scores;
    char signature[420];

    if (s->n == s->room) {
        const size_t room = s->room ? 2 * s->room : 64;
        thx_eval_figure *figures = realloc(s->figures, room * sizeof *figures);
        if (!figures) return NULL;
        s->figures = figures;
        s->room = room;
    }
    snprintf(signature, sizeof signature, "%s|%s|%s|%.12s", name, job->metric->version, settings,
             weights ? weights : "-");
    thx_eval_figure *f = &s->figures[s->n];
    *f = (thx_eval_figure){ .metric = job->metric->name, .name = thx_arena_strdup(s->arena, name), .task = job->task,
                            .value = NAN, .low = NAN, .high = NAN, .point = NAN,
                            .signature = thx_arena_strdup(s->arena, signature) };
    if (!f->name || !f->signature) return NULL;
    s->n++;
    return f;
}

static const void *copy(const eval_job *job, const void *data, size_t count, size_t size)
{
    void *to = eval_alloc(job, count, size);

    if (to && count) memcpy(to, data, count * size);
    return to;
}

thorax_status eval_add_mean(const eval_job *job, const char *name, const char *settings, const char *weights,
                            const double *values, const size_t *items, size_t n, size_t failed, thorax_error *err)
{
    thx_eval_figure *f = eval_add(job, name, settings, weights);

    if (!f || !(f->values = copy(job, values, n, sizeof *values)) || !(f->items = copy(job, items, n, sizeof *items)))
        return eval_nomem(job, err);
    f->n = n;
    f->failed = failed;
    f->value = f->point = thx_mean(values, n);
    return THORAX_OK;
}

thorax_status eval_add_table(const eval_job *job, const char *name, const char *label, const char *settings,
                             const char *weights, const thx_eval_table *table, const size_t *items, size_t n,
                             size_t failed, thorax_error *err)
{
    thx_eval_figure *f = eval_add(job, name, settings, weights);
    uint32_t *all = eval_alloc(job, n, sizeof *all);

    if (!f || !all || !(f->table = copy(job, table, 1, sizeof *table)) ||
        !(f->items = copy(job, items, n, sizeof *items)))
        return eval_nomem(job, err);
    if (label && !(f->label = thx_arena_strdup(job->scores->arena, label))) return eval_nomem(job, err);
    for (size_t i = 0; i < n; i++) all[i] = (uint32_t)i;
    f->n = n;
    f->failed = failed;
    f->value = f->point = table->statistic(table->rows, table->settings, all, n);
    return THORAX_OK;
}

double eval_value_of(const thx_eval_figure *f, const uint32_t *pick, size_t n)
{
    double sum = 0;

    if (f->table) return f->table->statistic(f->table->rows, f->table->settings, pick, n);
    if (!f->values) return f->statistic ? f->statistic(f->user, pick, n) : NAN;
    for (size_t i = 0; i < n; i++) sum += f->values[pick[i]];
    return sum / (double)n;
}

/* ---- Intervals ---- */

static double table_statistic(void *user, const uint32_t *rows, size_t n)
{
    const thx_eval_table *t = user;
    return t->statistic(t->rows, t->settings, rows, n);
}

enum { MEDIAN_RESAMPLES = 500, TOGETHER_MAX = 4 }; /* LLaVA-Rad's; figures that share their draws */

/* Figures of as many items, resampled alike. */
typedef struct bundle {
    thx_eval_figure *figures[TOGETHER_MAX];
    size_t           n;
} bundle;

static thx_resampling resampling_of(const thx_eval_figure *f, const thx_eval_options *o)
{
    return f->is_median ? (thx_resampling){ MEDIAN_RESAMPLES, 0.95, 3 }
                        : (thx_resampling){ o->resamples, o->confidence, o->seed };
}

static bool wants_interval(const thx_eval_figure *f, const thx_eval_options *o)
{
    return !f->has_interval && f->n && resampling_of(f, o).resamples && !isnan(f->point) &&
           (f->values || f->table || f->statistic);
}

/* The last come first: those of curves and boxes take longest. bundles [figures]. */
static size_t make_bundles(bundle *bundles, thx_eval_scores *s, const thx_eval_options *o)
{
    size_t n = 0;

    for (size_t i = s->n; i--;) {
        thx_eval_figure *f = &s->figures[i];
        if (!wants_interval(f, o)) continue;
        const thx_eval_figure *first = n ? bundles[n - 1].figures[0] : NULL;
        if (!n || bundles[n - 1].n == TOGETHER_MAX || first->n != f->n || first->is_median != f->is_median)
            bundles[n++] = (bundle){ .n = 0 };
        bundles[n - 1].figures[bundles[n - 1].n++] = f;
    }
    return n;
}

static void set_interval(thx_eval_figure *f, const thx_interval *i, const thx_resampling *how)
{
    if (!i->resamples) return;
    f->has_interval = true;
    f->low = i->low;
    f->high = i->high;
    f->resamples = i->resamples;
    f->confidence = how->confidence;
    f->seed = how->seed;
    if (f->is_median) f->value = i->median;
}

static thorax_status resample_bundle(bundle *b, const thx_eval_options *o, thorax_error *err)
{
    const thx_resampling how = resampling_of(b->figures[0], o);
    thx_statistic *statistics[TOGETHER_MAX];
    thx_interval intervals[TOGETHER_MAX];
    void *users[TOGETHER_MAX];

    for (size_t i = 0; i < b->n; i++) {
        thx_eval_figure *f = b->figures[i];
        statistics[i] = f->values ? thx_mean_of_rows : f->table ? table_statistic : f->statistic;
        users[i] = f->values  ? (void *)(uintptr_t)f->values
                   : f->table ? (void *)(uintptr_t)f->table
                              : f->user;
    }
    const thorax_status st =
        thx_bootstrap_several(intervals, b->n, b->figures[0]->n, statistics, users, &how, err);
    for (size_t i = 0; !st && i < b->n; i++) set_interval(b->figures[i], &intervals[i], &how);
    return st;
}

/* Bundles share nothing that a resample writes to, so they go side by side; which thread takes one changes no bit. */
static thorax_status resample_all(bundle *bundles, size_t n, const thx_eval_options *o, thorax_error *err)
{
    thorax_status st = THORAX_OK;
    size_t done = 0;

    if (!n) return st; /* without starting threads */
#pragma omp parallel for schedule(dynamic, 1) num_threads(o->threads > 0 ? o->threads : omp_get_max_threads())
    for (size_t i = 0; i < n; i++) {
        thorax_status mine, stopped;
        thorax_error why = { 0 };
#pragma omp atomic read
        stopped = st;
        if (stopped) continue;
        mine = resample_bundle(&bundles[i], o, &why);
#pragma omp critical
        {
            if (!mine && !thx_progress_step(o->progress, "intervals", ++done, n))
                mine = thx_fail(&why, THORAX_CANCELLED, 0, "stopped while resampling");
            if (mine && !st) *err = why;
        }
        if (mine) {
#pragma omp atomic write
            st = mine;
        }
    }
    return st;
}

thorax_status eval_intervals(thx_eval_scores *s, const thx_eval_options *o, thorax_error *err)
{
    bundle *bundles = calloc(s->n + 1, sizeof *bundles);

    if (!bundles) return thx_fail(err, THORAX_NOMEM, 0, "no memory for intervals of %zu figures", s->n);
    const thorax_status st = resample_all(bundles, make_bundles(bundles, s, o), o, err);
    free(bundles);
    return st;
}
