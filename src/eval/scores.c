/* The table of metrics, presets, groups by task; see scores.h. */
#include "eval/scores_internal.h"

#include "metrics/radcliq.h"

#include <stdlib.h>
#include <string.h>

/* ---- The table ---- */

/* What each one is, for people: docs/evaluation.md. */
static const eval_metric metrics[] = {
    { "rouge-stem", "rouge_score-0.1.2", "texts", TASK_UNSAID | TASK_REPORT, ROUGE_STEM, eval_rouge, true },
    { "rouge", "rouge_score-0.1.2", "texts", TASK_UNSAID | TASK_REPORT, ROUGE_PLAIN, eval_rouge, false },
    { "rouge-median", "rouge_score-0.1.2", "texts", TASK_UNSAID | TASK_REPORT, ROUGE_MEDIAN, eval_rouge, false },
    { "rouge-hf", "evaluate-a7dd338", "texts", TASK_UNSAID | TASK_REPORT, ROUGE_HF, eval_rouge, false },
    { "bleu-coco", "pycocoevalcap-ad63453", "texts", TASK_UNSAID | TASK_REPORT, BLEU_COCO, eval_bleu, true },
    { "bleu", "sacrebleu-2.6.0", "texts", TASK_UNSAID | TASK_REPORT, BLEU_SACRE, eval_bleu, true },
    { "bleu-hf", "evaluate-a7dd338", "texts", TASK_UNSAID | TASK_REPORT, BLEU_HF, eval_bleu, false },
    { "cider", "pycocoevalcap-ad63453", "texts", TASK_UNSAID | TASK_REPORT, 0, eval_cider, true },
    { "bertscore", "bert_score-0.3.13", "texts and --bertscore DIR", TASK_UNSAID | TASK_REPORT, 0, eval_bertscore,
      true },
    { "chexbert", "f1chexbert-0.0.2", "texts and --chexbert DIR", TASK_UNSAID | TASK_REPORT, CHEXBERT_RADVLM,
      eval_chexbert, true },
    { "chexbert-llavarad", "LLaVA-Rad-1fc4409", "texts and --chexbert DIR", TASK_UNSAID | TASK_REPORT,
      CHEXBERT_MEDIAN, eval_chexbert, false },
    { "chexbert-llavarad-point", "LLaVA-Rad-1fc4409", "texts and --chexbert DIR", TASK_UNSAID | TASK_REPORT,
      CHEXBERT_POINT, eval_chexbert, false },
    { "radgraph", "radgraph-0.1.14", "texts and --radgraph DIR", TASK_UNSAID | TASK_REPORT, RADGRAPH_ALL,
      eval_radgraph, true },
    { "radgraph-2026", "radgraph-87f11a1", "texts and --radgraph DIR", TASK_UNSAID | TASK_REPORT, RADGRAPH_SMALL,
      eval_radgraph, false },
    { "radgraph-llavarad", "radgraph-0.0.9", "texts and --radgraph DIR", TASK_UNSAID | TASK_REPORT, RADGRAPH_MEDIAN,
      eval_radgraph, false },
    { "radgraph-llavarad-point", "radgraph-0.0.9", "texts and --radgraph DIR", TASK_UNSAID | TASK_REPORT,
      RADGRAPH_POINT, eval_radgraph, false },
    { "radcliq-v0", "CXR-Report-Metric-9c9ecad", "texts, --radgraph, --chexbert and --radcliq DIR",
      TASK_UNSAID | TASK_REPORT, THX_RADCLIQ_V0, eval_radcliq, false },
    { "radcliq-v1", "CXR-Report-Metric-9c9ecad", "texts, --radgraph, --chexbert and --radcliq DIR",
      TASK_UNSAID | TASK_REPORT, THX_RADCLIQ_V1, eval_radcliq, true },
    { "ratescore", "RaTEScore-a970406", "texts and --ratescore DIR", TASK_UNSAID | TASK_REPORT, 0, eval_ratescore,
      true },
    { "green", "green_score-0.0.12", "texts, and --green DIR or --endpoint URL", TASK_UNSAID | TASK_REPORT, 0,
      eval_green, true },
    { "chexprompt", "CheXprompt-8cfddec", "texts, and --endpoint URL or --judge DIR", TASK_UNSAID | TASK_REPORT, 0,
      eval_chexprompt, false },
    { "conversation", "RadVLM-69fe946", "conversations with answers, and --endpoint URL or --judge DIR",
      TASK_UNSAID | TASK_TALK, 0, eval_conversation, true },
    { "findings", "thorax", "labels", TASK_UNSAID | TASK_REPORT | TASK_CLASSIFY, 0, eval_findings, true },
    { "mentions", "RadVLM-69fe946", "labels", TASK_UNSAID | TASK_CLASSIFY, 0, eval_mentions, true },
    { "auroc", "scikit-learn-1.2", "labels, scores", TASK_UNSAID | TASK_REPORT | TASK_CLASSIFY, 0, eval_auroc, true },
    { "exact", "thorax", "texts", TASK_TALK, 0, eval_exact, true },
    { "boxes", "RadVLM-69fe946", "boxes", TASK_UNSAID | TASK_BOXES | TASK_OTHER, 0, eval_boxes, true },
    { "coco", "cocoapi-8c9bcc3", "boxes", TASK_UNSAID | TASK_BOXES | TASK_OTHER, 0, eval_coco, true },
};
enum { METRICS = sizeof metrics / sizeof metrics[0] };

static const struct { const char *name, *metrics; } presets[] = {
    { "radvlm", "bleu-coco,bertscore,cider,rouge-stem,radgraph,chexbert,green,mentions,boxes,conversation" },
    { "llavarad", "rouge-median,bleu,radgraph-llavarad,chexbert-llavarad" },
    { "llavarad-point", "rouge-hf,bleu-hf,radgraph-llavarad-point,chexbert-llavarad-point" },
    { "radcliq-v0", "radcliq-v0" },
    { "radcliq-v1", "radcliq-v1" },
    { "green", "green" },
    { "ratescore", "ratescore" },
    { "coco", "coco" },
};
enum { PRESETS = sizeof presets / sizeof presets[0] };

thx_eval_options thx_eval_options_default(void)
{
    return (thx_eval_options){ .resamples = 1000, .confidence = 0.95, .seed = 3 };
}

/* ---- Choosing ---- */

static bool known(const char *name, size_t size)
{
    for (size_t i = 0; i < METRICS; i++)
        if (strlen(metrics[i].name) == size && !memcmp(metrics[i].name, name, size)) return true;
    return false;
}

/* The names of the metrics wanted; NULL: all that run by themselves. */
static thorax_status wanted_list(const char **list, const thx_eval_options *o, thorax_error *err)
{
    *list = NULL;
    if (o->preset)
        for (size_t i = 0; i < PRESETS; i++)
            if (!strcmp(presets[i].name, o->preset)) *list = presets[i].metrics;
    if (o->preset && !*list) return thx_fail(err, THORAX_USAGE, 0, "no preset is called %.60s", o->preset);
    if (o->metrics) *list = o->metrics;
    for (const char *p = o->metrics; p && *p;) {
        const size_t n = strcspn(p, ",");
        if (!known(p, n)) return thx_fail(err, THORAX_USAGE, 0, "no metric is called %.*s", (int)(n < 60 ? n : 60), p);
        p += n + (p[n] == ',');
    }
    return THORAX_OK;
}

/* ---- Groups ---- */

unsigned eval_task_kind(const char *task)
{
    static const struct { const char *name; unsigned kind;
    } kinds[] = {
        { "", TASK_UNSAID },
        { "report", TASK_REPORT },
        { "report_generation", TASK_REPORT },
        { "classify", TASK_CLASSIFY },
        { "abnormality_classification", TASK_CLASSIFY },
        { "ground", TASK_BOXES },
        { "phrase", TASK_BOXES },
        { "region_grounding", TASK_BOXES },
        { "abnormality_grounding", TASK_BOXES },
        { "phrase_grounding", TASK_BOXES },
        { "object_grounding", TASK_BOXES },
        { "abnormality_detection", TASK_BOXES },
        { "detect", TASK_BOXES },
        { "ask", TASK_TALK },
        { "vqa", TASK_TALK },
        { "conversation", TASK_TALK },
    };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (!strcmp(kinds[i].name, task)) return kinds[i].kind;
    return TASK_OTHER;
}

/* The items of `set` from `first` on that have its task, into items; taken ones are marked. */
static size_t group(size_t *items, bool *taken, const thx_eval_set *set, size_t first)
{
    size_t n = 0;

    for (size_t i = first; i < set->n; i++)
        if (!taken[i] && !strcmp(set->items[i].task, set->items[first].task)) {
            taken[i] = true;
            items[n++] = i;
        }
    return n;
}

static thorax_status run_group(eval_job *job, const char *list, size_t added[METRICS], thorax_error *err)
{
    thorax_status st = THORAX_OK;

    for (size_t i = 0; !st && i < METRICS; i++) {
        const eval_metric *m = &metrics[i];
        const size_t before = job->scores->n + job->scores->unrated;

        const bool wanted = list ? thx_list_has(list, ',', m->name) : m->automatic;
        if (!wanted || !(m->tasks & eval_task_kind(job->task))) continue;
        if (!thx_progress_step(job->options->progress, m->name, i, METRICS))
            return thx_fail(err, THORAX_CANCELLED, 0, "stopped while scoring");
        job->metric = m;
        st = m->compute(job, err);
        added[i] += job->scores->n + job->scores->unrated - before; /* there are texts, though a judge rated none */
    }
    return st;
}

/* A metric that was asked for by its name must have found something to score. */
static thorax_status check_wanted(const thx_eval_options *o, const size_t added[METRICS], thorax_error *err)
{
    for (size_t i = 0; o->metrics && i < METRICS; i++)
        if (thx_list_has(o->metrics, ',', metrics[i].name) && !added[i])
            return thx_fail(err, THORAX_USAGE, 0, "%s needs %s, which are not there", metrics[i].name,
                            metrics[i].needs);
    return THORAX_OK;
}

/* Neither a text nor answers, findings, boxes or scores beside one. */
static size_t without_prediction(const thx_eval_set *set)
{
    size_t n = 0;

    for (size_t i = 0; i < set->n; i++) {
        const thx_eval_item *item = &set->items[i];
        n += !item->prediction && !item->n_answers && !item->has_findings && !item->has_found && !item->has_scores;
    }
    return n;
}

static thorax_status run_groups(thx_eval_scores *s, const thx_eval_options *o, const char *list, thorax_error *err)
{
    const thx_eval_set *set = s->set;
    bool *taken = calloc(set->n + 1, sizeof *taken);
    size_t *items = thx_arena_alloc(s->arena, set->n + 1, sizeof *items), added[METRICS] = { 0 };
    thorax_status st = taken && items ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu items", set->n);

    for (size_t i = 0; !st && i < set->n; i++) {
        if (taken[i]) continue;
        eval_job job = { .scores = s, .set = set, .items = items, .task = set->items[i].task, .options = o };
        job.n = group(items, taken, set, i);
        st = run_group(&job, list, added, err);
    }
    if (!st) st = check_wanted(o, added, err);
    free(taken);
    return st;
}

thorax_status thx_eval_score(thx_eval_scores *out, const thx_eval_set *set, const thx_eval_options *options,
                             thorax_error *err)
{
    const char *list;

    *out = (thx_eval_scores){ .set = set };
    thorax_status st = thx_arena_open(&out->arena, 0, err);
    if (!st) st = wanted_list(&list, options, err);
    if (!st) st = run_groups(out, options, list, err);
    out->failed = without_prediction(set);
    return st ? st : eval_intervals(out, options, err);
}

const thx_eval_figure *thx_eval_find_figure(const thx_eval_scores *s, const char *metric, const char *name,
                                            const char *task, const char *label)
{
    for (size_t i = 0; i < s->n; i++) {
        const thx_eval_figure *f = &s->figures[i];
        if (!strcmp(f->metric, metric) && !strcmp(f->name, name) && !strcmp(f->task, task) &&
            !strcmp(f->label ? f->label : "", label ? label : ""))
            return f;
    }
    return NULL;
}
