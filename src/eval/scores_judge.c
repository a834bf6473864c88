/* Figures that a language model judges: GREEN, CheXprompt, conversations; the judges are in judge.h. See scores.h. */
#include "eval/scores_internal.h"

#include "base/json.h"
#include "eval/judge.h"
#include "metrics/stats.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- A run of a judge ---- */

/* Is the metric one that was named, by itself or by a preset? A service is not asked about reports unbidden. */
static bool was_named(const eval_job *job) { return job->options->metrics || job->options->preset; }

/* Who answers: the service or folder of the options; for GREEN its own folder first. False: nobody. */
static bool who_answers(thx_judge_options *o, const eval_job *job, const char *judge, const char *folder)
{
    *o = job->options->judge ? *job->options->judge : thx_judge_options_default();
    o->judge = judge;
    if (folder) {
        o->folder = folder;
        o->chat.url = NULL;
    }
    o->threads = job->options->threads;
    return o->folder || (o->chat.url && was_named(job));
}

/* What names the weights: our own engine's model; NULL of a service. */
static const char *weights_of(const thx_judge_signature *s)
{
    return strcmp(s->endpoint, "engine") ? NULL : s->model;
}

/* What became of each record; `at` are the items' places in the set. */
static json_t *records_json(const eval_job *job, const thx_judge_result *r, const size_t *at)
{
    json_t *list = json_array();

    for (size_t i = 0; i < r->n; i++) {
        json_t *record = thx_judge_record_json(r, i);
        if (record) json_object_set_new(record, "id", thx_json_path(job->set->items[at[i]].id));
        json_array_append_new(list, record);
    }
    return list;
}

static thorax_status keep_summary(const eval_job *job, const thx_judge_result *r, const size_t *at, thorax_error *err)
{
    thx_eval_scores *s = job->scores;
    json_t *summary = thx_judge_summary_json(r);

    if (!s->judges) s->judges = json_array();
    if (summary) json_object_set_new(summary, "task", json_string(job->task));
    if (summary) json_object_set_new(summary, "records", records_json(job, r, at));
    return summary && !json_array_append_new(s->judges, summary) ? THORAX_OK : eval_nomem(job, err);
}

/* What a figure is called by: judge, model, prompt, settings. */
static void describe(char out[300], const thx_judge_signature *s)
{
    snprintf(out, 300, "model %.60s,%.100s,prompt %.12s,at %.80s", s->model, s->settings, s->prompt_sha256,
             s->endpoint);
}

/* Judges the items, whose places in the set are `at`, [n], and keeps what it cost. After a stop what was rated is not a
 * figure. */
static thorax_status run_judge(thx_judge_result *r, const eval_job *job, const thx_judge_options *o,
                               const thx_judge_item *items, const size_t *at, size_t n, thorax_error *err)
{
    *r = (thx_judge_result){ 0 };
    thorax_status st = thx_judge_run(r, o, items, n, job->options->progress, err);

    if (!st) st = keep_summary(job, r, at, err);
    if (!st && r->rated < n) {
        size_t first = 0;
        while (first < n && r->records[first].rated) first++;
        eval_remark(job, "%zu of %zu were not rated; the first: %.150s", n - r->rated, n, r->records[first].why);
        job->scores->unrated += n - r->rated;
    }
    return st;
}

/* ---- Reports ---- */

static thx_judge_item *report_items(const eval_job *job, const eval_texts *t)
{
    thx_judge_item *items = eval_alloc(job, t->n, sizeof *items);

    for (size_t i = 0; items && i < t->n; i++)
        items[i] = (thx_judge_item){ .reference = t->references[i], .candidate = t->hypotheses[i] };
    return items;
}

/* A value of each record that was rated. */
typedef double record_value(const thx_judge_record *r);

static double score_of(const thx_judge_record *r) { return r->score; }

static double significant_of(const thx_judge_record *r)
{
    double n = 0;

    for (int k = 0; k < THX_JUDGE_KINDS; k++) n += (double)r->significant[k];
    return n;
}

static thorax_status add_values(const eval_job *job, const eval_texts *t, const thx_judge_result *r, const char *name,
                                record_value *value, bool lower, thorax_error *err)
{
    double *values = eval_alloc(job, t->n, sizeof *values);
    size_t *items = eval_alloc(job, t->n, sizeof *items), n = 0;
    char settings[300];

    if (!values || !items) return eval_nomem(job, err);
    for (size_t i = 0; i < t->n; i++)
        if (r->records[i].rated) {
            values[n] = value(&r->records[i]);
            items[n++] = t->items[i];
        }
    if (!n) return THORAX_OK;
    describe(settings, &r->signature);
    const thorax_status st =
        eval_add_mean(job, name, settings, weights_of(&r->signature), values, items, n, t->failed + t->n - n, err);
    if (!st) job->scores->figures[job->scores->n - 1].lower_is_better = lower;
    return st;
}

/* GREEN prints the population deviation beside the mean. */
static thorax_status add_deviation(const eval_job *job, const thx_judge_signature *s, thorax_error *err)
{
    const thx_eval_figure mean = job->scores->figures[job->scores->n - 1];
    char settings[320];

    snprintf(settings, sizeof settings, "population,");
    describe(settings + strlen(settings), s);
    thx_eval_figure *f = eval_add(job, "green_deviation", settings, weights_of(s));

    if (!f) return eval_nomem(job, err);
    f->n = mean.n;
    f->failed = mean.failed;
    f->items = mean.items;
    f->value = f->point = thx_std_population(mean.values, mean.n);
    return THORAX_OK;
}

static thorax_status judge_reports(const eval_job *job, const char *judge, const char *folder, thorax_error *err)
{
    const bool green = !strcmp(judge, "green");
    thx_judge_result r = { 0 };
    thx_judge_options o;
    eval_texts t;

    thorax_status st = eval_begin(&t, job, who_answers(&o, job, judge, folder), err);
    if (st || !t.n) return st;
    const size_t before = job->scores->n;
    thx_judge_item *items = report_items(job, &t);
    st = items ? run_judge(&r, job, &o, items, t.items, t.n, err) : eval_nomem(job, err);
    if (!st) st = add_values(job, &t, &r, r.signature.metric, score_of, !green, err);
    if (!st && green && job->scores->n > before) st = add_deviation(job, &r.signature, err);
    if (!st)
        st = add_values(job, &t, &r, green ? "green_significant_errors" : "chexprompt_significant_errors",
                        significant_of, true, err);
    thx_judge_result_deinit(&r);
    return st;
}

thorax_status eval_green(const eval_job *job, thorax_error *err)
{
    return judge_reports(job, "green", job->options->green, err);
}
thorax_status eval_chexprompt(const eval_job *job, thorax_error *err)
{
    return judge_reports(job, "chexprompt", NULL, err);
}

/* ---- Conversations ---- */

/* Rounds of a question, what was expected and what was answered; an answer that is missing is NULL. */
static size_t rounds_of(thx_judge_round *rounds, const thx_eval_item *item)
{
    size_t n = 0;

    for (size_t i = 0; i + 1 < item->n_turns; i++) {
        if (strcmp(item->turns[i].role, "user") || strcmp(item->turns[i + 1].role, "assistant")) continue;
        rounds[n] = (thx_judge_round){ item->turns[i].content, item->turns[i + 1].content,
                                       n < item->n_answers ? item->answers[n] : NULL };
        n++;
    }
    return n;
}

/* "Edema, Pleural Effusion"; "" for none. */
static const char *labels_of(const eval_job *job, const thx_eval_item *item)
{
    char text[400];
    size_t n = 0;

    if (!item->has_labels) return NULL;
    *text = 0;
    for (int i = 0; i < THX_FINDINGS; i++)
        if (item->labels[i] == THX_EVAL_YES)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? ", " : "", thx_finding_names[i]);
    return thx_arena_strdup(job->scores->arena, text);
}

typedef struct talks { thx_judge_item *items; size_t *at; size_t n, failed; } talks;

static thorax_status talks_of(talks *out, const eval_job *job, thorax_error *err)
{
    *out =
        (talks){ .items = eval_alloc(job, job->n, sizeof *out->items), .at = eval_alloc(job, job->n, sizeof *out->at) };
    if (!out->items || !out->at) return eval_nomem(job, err);
    for (size_t i = 0; i < job->n; i++) {
        const thx_eval_item *item = &job->set->items[job->items[i]];
        if (!item->n_turns) continue;
        if (!item->n_answers) {
            out->failed++;
            continue;
        }
        thx_judge_round *rounds = eval_alloc(job, item->n_turns, sizeof *rounds);
        if (!rounds) return eval_nomem(job, err);
        out->items[out->n] = (thx_judge_item){ .reference = item->reference,
                                               .labels = labels_of(job, item),
                                               .rounds = rounds,
                                               .n_rounds = rounds_of(rounds, item) };
        out->at[out->n++] = job->items[i];
    }
    return THORAX_OK;
}

/* The published mean is over all accepted scores, of which a reply may hold several. */
typedef struct talk_row { double sum, n; } talk_row;

static double talk_value(const void *data, const void *settings, const uint32_t *pick, size_t n)
{
    const talk_row *rows = data;
    talk_row all = { 0, 0 };

    (void)settings;
    for (size_t i = 0; i < n; i++) {
        all.sum += rows[pick[i]].sum;
        all.n += rows[pick[i]].n;
    }
    return all.n > 0 ? all.sum / all.n : NAN;
}

static thorax_status add_talks(const eval_job *job, const talks *t, const thx_judge_result *r, thorax_error *err)
{
    talk_row *rows = eval_alloc(job, t->n, sizeof *rows);
    size_t *items = eval_alloc(job, t->n, sizeof *items), n = 0;
    char settings[300];

    if (!rows || !items) return eval_nomem(job, err);
    for (size_t i = 0; i < t->n; i++)
        if (r->records[i].rated) {
            rows[n] = (talk_row){ r->records[i].score_sum, r->records[i].n_scores };
            items[n++] = t->at[i];
        }
    if (!n) return THORAX_OK;
    const thx_eval_table table = { rows, sizeof *rows, NULL, talk_value };
    describe(settings, &r->signature);
    return eval_add_table(job, "conversation_score", NULL, settings, weights_of(&r->signature), &table, items, n,
                          t->failed + t->n - n, err);
}

thorax_status eval_conversation(const eval_job *job, thorax_error *err)
{
    thx_judge_result r = { 0 };
    thx_judge_options o;
    talks t;

    const bool answered = who_answers(&o, job, "radvlm", NULL);
    thorax_status st = talks_of(&t, job, err);
    if (st || !t.n) return st;
    if (!answered) {
        if (job->options->preset) eval_remark(job, "not computed, it needs %s", job->metric->needs);
        return THORAX_OK;
    }
    st = run_judge(&r, job, &o, t.items, t.at, t.n, err);
    if (!st) st = add_talks(job, &t, &r, err);
    thx_judge_result_deinit(&r);
    return st;
}
