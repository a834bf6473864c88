/* Findings that answers state, and scores of findings, against labels; see scores.h. */
#include "eval/scores_internal.h"

#include "metrics/curves.h"
#include "metrics/mentions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COUNTED = THX_MENTIONS }; /* all but No Finding, which the published evaluation does not score */

/* ---- Masks ---- */

static bool is_there(signed char mention, bool doubt_absent)
{
    return mention == THX_EVAL_YES || (mention == THX_EVAL_UNCERTAIN && !doubt_absent);
}

uint64_t eval_truth_mask(const thx_eval_item *item, bool doubt_absent)
{
    uint64_t mask = 0;

    for (int i = 0; i < COUNTED; i++)
        if (is_there(item->labels[i], doubt_absent)) mask |= (uint64_t)1 << i;
    return mask;
}

uint64_t eval_guess_mask(const thx_eval_item *item, bool substring)
{
    uint64_t mask = 0;

    if (substring) return thx_mentions_predicted(item->prediction, thx_mention_names, COUNTED);
    if (!item->has_findings) return thx_mentions_understood(item->prediction);
    for (int i = 0; i < COUNTED; i++)
        if (is_there(item->findings[i], false)) mask |= (uint64_t)1 << i;
    return mask;
}

/* The items that have labels and a prediction. */
static thorax_status labelled_of(eval_labelled *out, const eval_job *job, bool substring, thorax_error *err)
{
    *out = (eval_labelled){ .n_labels = COUNTED,
                            .names = thx_finding_names,
                            .rows = eval_alloc(job, job->n, sizeof *out->rows),
                            .items = eval_alloc(job, job->n, sizeof *out->items) };
    if (!out->rows || !out->items) return eval_nomem(job, err);
    for (size_t i = 0; i < job->n; i++) {
        const thx_eval_item *item = &job->set->items[job->items[i]];
        if (!item->has_labels) continue;
        if (!item->prediction && !(item->has_findings && !substring)) {
            out->failed++;
            continue;
        }
        out->rows[out->n] =
            (thx_label_row){ eval_truth_mask(item, job->options->doubt_absent), eval_guess_mask(item, substring) };
        out->items[out->n++] = job->items[i];
    }
    return THORAX_OK;
}

thorax_status eval_findings(const eval_job *job, thorax_error *err)
{
    const thx_eval_options *o = job->options;
    eval_labelled l;
    const thorax_status st = labelled_of(&l, job, o->substring, err);

    if (st || !l.n) return st;
    return eval_add_labelled(job, &l,
                             o->substring      ? o->doubt_absent ? "13 labels,substring,doubt absent"
                                                                 : "13 labels,substring,doubt present"
                             : o->doubt_absent ? "13 labels,negation-aware,doubt absent"
                                               : "13 labels,negation-aware,doubt present",
                             err);
}

thorax_status eval_mentions(const eval_job *job, thorax_error *err)
{
    eval_labelled l;
    const thorax_status st = labelled_of(&l, job, true, err);

    if (st || !l.n) return st;
    return eval_add_labelled(
        job, &l, job->options->doubt_absent ? "13 labels,substring,doubt absent" : "13 labels,substring,doubt present",
        err);
}

/* ---- Scores ---- */

/* Curves of all labels over n items. */
typedef struct scored {
    size_t       n;
    thx_curve   *curves[COUNTED];  /* NULL: no score of that label */
    const double *scores;          /* [n, COUNTED] */
    const signed char *truth;
} scored;

typedef enum score_figure { AUROC, AUPRC, BRIER, ECE } score_figure;
static const char *const score_names[] = { "auroc", "auprc", "brier", "ece" };

/* Of one figure, which has room of its own for a resample; label -1: mean over labels. */
typedef struct score_settings { const scored *of; score_figure figure; int label; uint32_t *times; } score_settings;

static void close_scored(void *object)
{
    scored *s = object;
    for (int i = 0; i < COUNTED; i++) thx_curve_close(s->curves[i]);
}

static double area(const scored *s, const uint32_t *times, score_figure figure, int label)
{
    if (!s->curves[label]) return NAN;
    return figure == AUROC ? thx_curve_auroc(s->curves[label], times) : thx_curve_auprc(s->curves[label], times);
}

/* Over the labels where it is defined. */
static double macro_area(const scored *s, const uint32_t *times, score_figure figure)
{
    double sum = 0;
    int n = 0;

    for (int i = 0; i < COUNTED; i++) {
        const double a = area(s, times, figure, i);
        if (isnan(a)) continue;
        sum += a;
        n++;
    }
    return n ? sum / n : NAN;
}

enum { BINS = 10 };

/* Brier score and expected calibration error over all labels and items. */
static double calibration(const scored *s, const uint32_t *how_often, bool ece)
{
    double sum[BINS] = { 0 }, right[BINS] = { 0 }, total = 0, brier = 0, error = 0;

    for (size_t i = 0; i < s->n * COUNTED; i++) {
        const double score = s->scores[i], times = how_often[i / COUNTED], truth = s->truth[i];
        if (isnan(score) || truth < 0) continue;
        const double b = ceil(score * BINS) - 1;
        const int bin = b < 0 ? 0 : b >= BINS ? BINS - 1 : (int)b;
        sum[bin] += times * score;
        right[bin] += times * truth;
        total += times;
        brier += times * (score - truth) * (score - truth);
    }
    for (int b = 0; b < BINS; b++) error += fabs(sum[b] - right[b]);
    return total > 0 ? (ece ? error : brier) / total : NAN;
}

static double score_value(void *user, const uint32_t *rows, size_t n)
{
    const score_settings *q = user;
    const scored *s = q->of;

    memset(q->times, 0, s->n * sizeof *q->times);
    for (size_t i = 0; i < n; i++) q->times[rows[i]]++;
    if (q->figure == BRIER || q->figure == ECE) return calibration(s, q->times, q->figure == ECE);
    return q->label < 0 ? macro_area(s, q->times, q->figure) : area(s, q->times, q->figure, q->label);
}

static thorax_status add_score_figure(const eval_job *job, const scored *s, score_figure figure, int label,
                                      const size_t *items, size_t failed, thorax_error *err)
{
    static const char *const kinds[] = { "trapezoids,ties as one", "average precision", "all labels",
                                         "all labels,10 bins" };
    char name[24] = "";

    if (label < 0 && figure <= AUPRC) strcat(name, "macro_");
    strcat(name, score_names[figure]);
    thx_eval_figure *f = eval_add(job, name, kinds[figure], NULL);
    score_settings *q = eval_alloc(job, 1, sizeof *q);
    uint32_t *all = eval_alloc(job, s->n, sizeof *all);
    uint32_t *times = eval_alloc(job, s->n, sizeof *times);
    if (!f || !q || !all || !times) return eval_nomem(job, err);
    *q = (score_settings){ s, figure, label, times };
    for (size_t i = 0; i < s->n; i++) all[i] = (uint32_t)i;
    f->n = s->n;
    f->failed = failed;
    f->items = items;
    f->label = label < 0 ? NULL : thx_finding_names[label];
    f->statistic = score_value;
    f->user = q;
    f->lower_is_better = figure >= BRIER;
    f->value = f->point = score_value(q, all, s->n);
    return THORAX_OK;
}

/* Of one label, for drawing. */
static thorax_status add_curve(const eval_job *job, const scored *s, int label, thorax_error *err)
{
    thx_eval_scores *out = job->scores;
    double *scores = eval_alloc(job, s->n, sizeof *scores);
    signed char *truth = eval_alloc(job, s->n, sizeof *truth);

    if (out->n_curves == out->room_curves) {
        const size_t room = out->room_curves ? 2 * out->room_curves : 16;
        thx_eval_curve *curves = realloc(out->curves, room * sizeof *curves);
        if (!curves) return eval_nomem(job, err);
        out->curves = curves;
        out->room_curves = room;
    }
    if (!scores || !truth) return eval_nomem(job, err);
    for (size_t i = 0; i < s->n; i++) {
        scores[i] = s->scores[i * COUNTED + (size_t)label];
        truth[i] = s->truth[i * COUNTED + (size_t)label];
    }
    out->curves[out->n_curves++] = (thx_eval_curve){ job->task, thx_finding_names[label], s->n, scores, truth };
    return THORAX_OK;
}

static thorax_status open_curves(const eval_job *job, scored *s, thorax_error *err)
{
    thorax_status st = THORAX_OK;

    for (int i = 0; !st && i < COUNTED; i++) {
        bool any = false;
        for (size_t k = 0; k < s->n; k++) any |= !isnan(s->scores[k * COUNTED + (size_t)i]);
        if (any) st = thx_curve_open(&s->curves[i], s->scores + i, s->truth + i, s->n, COUNTED, err);
        if (any && !st) st = add_curve(job, s, i, err);
    }
    return st;
}

/* The scores and truths of the items that have both. */
static thorax_status fill_scored(const eval_job *job, scored *s, size_t *items, size_t *failed, thorax_error *err)
{
    double *scores = eval_alloc(job, job->n * COUNTED, sizeof *scores);
    signed char *truth = eval_alloc(job, job->n * COUNTED, 1);

    if (!scores || !truth) return eval_nomem(job, err);
    s->scores = scores;
    s->truth = truth;
    for (size_t i = 0; i < job->n; i++) {
        const thx_eval_item *item = &job->set->items[job->items[i]];
        if (!item->has_labels) continue;
        if (!item->has_scores) {
            ++*failed;
            continue;
        }
        for (size_t k = 0; k < COUNTED; k++) {
            scores[s->n * COUNTED + k] = item->scores[k];
            truth[s->n * COUNTED + k] = is_there(item->labels[k], job->options->doubt_absent);
        }
        items[s->n++] = job->items[i];
    }
    return THORAX_OK;
}

/* Brier score and calibration want probabilities. */
static bool are_probabilities(const scored *s)
{
    for (size_t i = 0; i < s->n * COUNTED; i++)
        if (s->scores[i] < 0 || s->scores[i] > 1) return false;
    return true;
}

thorax_status eval_auroc(const eval_job *job, thorax_error *err)
{
    scored *s = eval_alloc(job, 1, sizeof *s);
    size_t *items = eval_alloc(job, job->n, sizeof *items), failed = 0;

    if (!s || !items) return eval_nomem(job, err);
    thorax_status st = fill_scored(job, s, items, &failed, err);
    if (st || !s->n) return st;
    if ((st = eval_own(job, s, close_scored, err))) return st;
    st = open_curves(job, s, err);
    const bool probabilities = are_probabilities(s);
    if (!probabilities) eval_remark(job, "scores outside 0..1: no Brier score, no calibration");
    for (int f = AUROC; !st && f <= (probabilities ? ECE : AUPRC); f++)
        st = add_score_figure(job, s, (score_figure)f, -1, items, failed, err);
    for (int i = 0; !st && i < COUNTED; i++)
        for (int f = AUROC; !st && s->curves[i] && f <= AUPRC; f++)
            st = add_score_figure(job, s, (score_figure)f, i, items, failed, err);
    return st;
}
