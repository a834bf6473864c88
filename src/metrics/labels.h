/* Labels: which of a list of labels a report has, by truth and by guess, and what follows.
 *
 * A report is two masks, one bit a label (at most 64). Everything else is counted from them, over all
 * reports or over some picked with repetition, so that a resampled figure costs one pass over masks and no
 * memory. The averages are those of scikit-learn's classification_report. Functions without a status cannot
 * fail and take nothing; all are thread-safe. */
#ifndef THX_METRICS_LABELS_H
#define THX_METRICS_LABELS_H

#include "base/error.h"

enum { THX_LABELS_MAX = 64, THX_CHEXBERT = 14, THX_CHEXBERT_FIVE = 5 };

/* ---- Counting ---- */

typedef struct thx_label_row { uint64_t truth, guess; } thx_label_row; /* bit c: the report has label c */
typedef struct thx_label_counts { size_t tp, fp, fn; } thx_label_counts;

/* Adds one report `times` times to counts [n_labels]. */
void thx_labels_add(thx_label_counts *counts, size_t n_labels, thx_label_row row, size_t times);

/* counts [n_labels] of n rows; pick [n] (indices into rows, repetition allowed) or NULL for all in order. */
void thx_labels_count(thx_label_counts *counts, size_t n_labels, const thx_label_row *rows, const size_t *pick,
                      size_t n);

/* The row of fewer labels: bit k of the result is bit labels[k] of the row. */
thx_label_row thx_labels_select(thx_label_row row, const unsigned char *labels, size_t n_labels);

/* ---- Figures ---- */

typedef struct thx_f1 { double precision, recall, f1; } thx_f1;

/* P = tp/(tp+fp), R = tp/(tp+fn), F = 2PR/(P+R); every 0/0 is 0. */
thx_f1 thx_f1_of(thx_label_counts c);

/* Pooled, and the plain mean over all labels, those without any positive included (they give 0).
 * No labels: NaN for macro. */
thx_f1 thx_labels_micro(const thx_label_counts *counts, size_t n_labels);
thx_f1 thx_labels_macro(const thx_label_counts *counts, size_t n_labels);

typedef struct thx_labels_report {
    size_t           n, n_labels;
    thx_label_counts counts[THX_LABELS_MAX];
    thx_f1           label[THX_LABELS_MAX];
    size_t           support[THX_LABELS_MAX]; /* reports whose truth has the label                        */
    size_t           total_support;
    size_t           silent;          /* labels that neither side ever has: their F1 is 0 by agreement    */
    thx_f1           micro, macro;
    thx_f1           weighted;        /* by support; 0 without any                                        */
    thx_f1           samples;         /* per report, then the mean; a report without any label counts 0   */
    double           accuracy;        /* share of reports with all labels right                           */
} thx_labels_report;

/* The whole report of n rows. n = 0: samples, macro and accuracy are NaN, the rest 0. n_labels is at most
 * THX_LABELS_MAX. */
void thx_labels_report_of(thx_labels_report *out, const thx_label_row *rows, size_t n, size_t n_labels);

/* One report: F1 over its labels, and whether all are right. */
thx_f1 thx_labels_sample(thx_label_row row);
bool   thx_labels_exact(thx_label_row row);

/* ---- CheXbert's classes ---- */

/* Names in the order of CheXbert's heads; the last is No Finding. */
extern const char *const thx_chexbert_names[THX_CHEXBERT];
/* Cardiomegaly, Edema, Consolidation, Atelectasis, Pleural Effusion: indices of heads. */
extern const unsigned char thx_chexbert_five[THX_CHEXBERT_FIVE];

typedef enum thx_chexbert_class {
    THX_CHEXBERT_BLANK, THX_CHEXBERT_POSITIVE, THX_CHEXBERT_NEGATIVE, THX_CHEXBERT_UNCERTAIN
} thx_chexbert_class; /* head 13 knows 0 no and 1 yes */

/* What counts as positive. The same name "rrg" stands for opposite readings of doubt in the originals. */
typedef enum thx_chexbert_mapping {
    THX_CHEXBERT_DOUBT_IS_POSITIVE, /* "rrg" of f1chexbert (RadVLM), "rrg+" of LLaVA-Rad: 1 and 3 */
    THX_CHEXBERT_DOUBT_IS_NEGATIVE  /* "rrg" of LLaVA-Rad: 1 only                                  */
} thx_chexbert_mapping;

/* Head classes [14] of one report as a mask. Classes above 3 count as blank. */
uint64_t thx_chexbert_mask(const unsigned char classes[THX_CHEXBERT], thx_chexbert_mapping mapping);

/* The coding of labelled tables ("classification" of f1chexbert): blank NaN, 1, 0 and -1 for doubt. */
double thx_chexbert_code(unsigned class_of_head);

/* ---- CheXbert's own metrics (utils.py of its repository) ----
 * Per condition on head classes: F1 of mention (1, 2, 3 against 0), blank (0 against the rest), positive,
 * negation, uncertain, each against all others; Cohen's kappa of the classes (NaN where both sides hold one and
 * the same class only). Negation and doubt of No Finding are 0. */
typedef struct thx_chexbert_own {
    double mention[THX_CHEXBERT], blank[THX_CHEXBERT], positive[THX_CHEXBERT], negation[THX_CHEXBERT],
        uncertain[THX_CHEXBERT], kappa[THX_CHEXBERT];
    double weighted[THX_CHEXBERT]; /* by `weights`, see below                                             */
    double mean_mention, mean_blank, mean_positive, mean_kappa, mean_weighted;
    double mean_negation;          /* without No Finding                                                  */
    double mean_uncertain;         /* without the last two                                                */
    size_t undefined_kappa;        /* conditions whose kappa is NaN; mean_kappa is then NaN as well       */
} thx_chexbert_own;

/* truth, guess [n, 14] head classes, 0..3. weights [14, 3]: shares of negation, doubt and presence among the experts'
 * mentions, which the original weights F1 with; its table is not published, so NULL takes the shares of the truth. */
void thx_chexbert_own_metrics(thx_chexbert_own *out, const unsigned char *truth, const unsigned char *guess, size_t n,
                              const double *weights);

#endif
