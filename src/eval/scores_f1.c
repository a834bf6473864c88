/* Precision, recall and F1 over masks of labels, each a figure of rows that can be resampled; see scores.h. */
#include "eval/scores_internal.h"

static const char *const figure_names[] = { "micro_precision", "micro_recall", "micro_f1",
                                            "macro_precision", "macro_recall", "macro_f1",
                                            "macro_f1_seen",   "weighted_f1",  "samples_f1",
                                            "exact",           "f1",           "precision",
                                            "recall" };

typedef struct label_settings { eval_label_figure figure; int label; size_t n_labels; } label_settings;

/* Mean F1 over the labels that either side has somewhere. */
static double macro_seen(const thx_label_counts *counts, size_t n_labels)
{
    double sum = 0;
    int seen = 0;

    for (size_t i = 0; i < n_labels; i++) {
        if (!counts[i].tp && !counts[i].fp && !counts[i].fn) continue;
        sum += thx_f1_of(counts[i]).f1;
        seen++;
    }
    return seen ? sum / seen : 0;
}

static double weighted(const thx_label_counts *counts, size_t n_labels)
{
    double sum = 0, support = 0;

    for (size_t i = 0; i < n_labels; i++) {
        const double n = (double)(counts[i].tp + counts[i].fn);
        sum += n * thx_f1_of(counts[i]).f1;
        support += n;
    }
    return support > 0 ? sum / support : 0;
}

/* Means over reports, which counts do not tell. */
static double over_reports(const thx_label_row *rows, bool exact, const uint32_t *pick, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) sum += exact ? thx_labels_exact(rows[pick[i]]) : thx_labels_sample(rows[pick[i]]).f1;
    return sum / (double)n;
}

static double label_value(const void *data, const void *settings, const uint32_t *pick, size_t n)
{
    const thx_label_row *rows = data;
    const label_settings *s = settings;
    const size_t n_labels = s->n_labels;
    thx_label_counts counts[THX_LABELS_MAX] = { { 0 } };

    if (s->figure == EVAL_SAMPLES_F1 || s->figure == EVAL_ACCURACY)
        return over_reports(rows, s->figure == EVAL_ACCURACY, pick, n);
    for (size_t i = 0; i < n; i++) thx_labels_add(counts, n_labels, rows[pick[i]], 1);
    switch (s->figure) {
    case EVAL_MICRO_P: return thx_labels_micro(counts, n_labels).precision;
    case EVAL_MICRO_R: return thx_labels_micro(counts, n_labels).recall;
    case EVAL_MICRO_F1: return thx_labels_micro(counts, n_labels).f1;
    case EVAL_MACRO_P: return thx_labels_macro(counts, n_labels).precision;
    case EVAL_MACRO_R: return thx_labels_macro(counts, n_labels).recall;
    case EVAL_MACRO_F1: return thx_labels_macro(counts, n_labels).f1;
    case EVAL_MACRO_F1_SEEN: return macro_seen(counts, n_labels);
    case EVAL_WEIGHTED_F1: return weighted(counts, n_labels);
    case EVAL_LABEL_P: return thx_f1_of(counts[s->label]).precision;
    case EVAL_LABEL_R: return thx_f1_of(counts[s->label]).recall;
    default: return thx_f1_of(counts[s->label]).f1;
    }
}

thorax_status eval_add_label_figure(const eval_job *job, const eval_labelled *l, const char *name,
                                    eval_label_figure figure, int label, const char *settings, const char *weights,
                                    thorax_error *err)
{
    label_settings *s = eval_alloc(job, 1, sizeof *s);
    const thx_eval_table table = { l->rows, sizeof *l->rows, s, label_value };

    if (!s) return eval_nomem(job, err);
    *s = (label_settings){ figure, label, l->n_labels };
    return eval_add_table(job, name ? name : figure_names[figure], figure >= EVAL_LABEL_F1 ? l->names[label] : NULL,
                          settings, weights, &table, l->items, l->n, l->failed, err);
}

/* Labels that neither side has anywhere would only add zeros. */
static uint64_t seen_labels(const eval_labelled *l)
{
    uint64_t seen = 0;

    for (size_t i = 0; i < l->n; i++) seen |= l->rows[i].truth | l->rows[i].guess;
    return seen;
}

thorax_status eval_add_labelled(const eval_job *job, const eval_labelled *l, const char *settings, thorax_error *err)
{
    const uint64_t seen = seen_labels(l);
    thorax_status st = THORAX_OK;

    for (int f = EVAL_MICRO_P; !st && f <= EVAL_ACCURACY; f++)
        st = eval_add_label_figure(job, l, NULL, (eval_label_figure)f, 0, settings, NULL, err);
    for (size_t i = 0; !st && i < l->n_labels; i++)
        for (int f = EVAL_LABEL_F1; !st && (seen >> i & 1) && f <= EVAL_LABEL_R; f++)
            st = eval_add_label_figure(job, l, NULL, (eval_label_figure)f, (int)i, settings, NULL, err);
    return st;
}
