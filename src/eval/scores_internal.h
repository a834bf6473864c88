/* What the files of the scores share; see scores.h. */
#ifndef THX_EVAL_SCORES_INTERNAL_H
#define THX_EVAL_SCORES_INTERNAL_H

#include "eval/scores.h"
#include "metrics/labels.h"

/* ---- Tasks by kind ---- */
enum { TASK_UNSAID = 1, TASK_REPORT = 2, TASK_CLASSIFY = 4, TASK_BOXES = 8, TASK_TALK = 16, TASK_OTHER = 32 };
unsigned eval_task_kind(const char *task);

/* ---- One metric on one group of items ---- */
typedef struct eval_metric eval_metric;
typedef struct eval_job {
    thx_eval_scores        *scores;
    const thx_eval_set     *set;
    const size_t           *items;  /* [n] of the group */
    size_t                  n;
    const char             *task;
    const thx_eval_options *options;
    const eval_metric      *metric;
} eval_job;

/* Adds figures; adds none where the group has nothing to score. */
typedef thorax_status eval_compute(const eval_job *job, thorax_error *err);

struct eval_metric {
    const char   *name, *version;
    const char   *needs;          /* for people                                   */
    unsigned      tasks;          /* kinds of tasks it fits                       */
    int           variant;        /* what `compute` does with it is its own affair */
    eval_compute *compute;
    bool          automatic;      /* computed where nothing else is asked for      */
};

eval_compute eval_rouge, eval_bleu, eval_cider, eval_exact, eval_findings, eval_mentions, eval_auroc, eval_boxes,
    eval_coco, eval_bertscore, eval_chexbert, eval_radgraph, eval_radcliq, eval_ratescore, eval_green, eval_chexprompt,
    eval_conversation;

enum { ROUGE_PLAIN, ROUGE_STEM, ROUGE_MEDIAN, ROUGE_HF };
enum { CHEXBERT_RADVLM, CHEXBERT_MEDIAN, CHEXBERT_POINT };
enum { RADGRAPH_ALL, RADGRAPH_SMALL, RADGRAPH_MEDIAN, RADGRAPH_POINT };
enum { BLEU_SACRE, BLEU_SACRE_POINT, BLEU_COCO, BLEU_HF };

/* ---- Texts ---- */

/* The pairs of a group that have both texts. Lives in the arena of the scores. */
typedef struct eval_texts { const char **hypotheses, **references; size_t *items; size_t n, failed; } eval_texts;
thorax_status eval_texts_of(eval_texts *out, const eval_job *job, thorax_error *err);

/* LLaVA-Rad strips an answer, takes its stop string off and strips again. THORAX_NOMEM. */
thorax_status eval_strip_answers(const eval_job *job, eval_texts *t, thorax_error *err);

/* The pairs of a group, where the folders a metric needs are given; else none, and where a preset names it a remark. */
thorax_status eval_begin(eval_texts *t, const eval_job *job, bool folders, thorax_error *err);

/* A context of the options' kernels and threads, in f32, which asks their progress whether to go on. */
struct thx_ctx;
thorax_status eval_open_ctx(struct thx_ctx **ctx, const eval_job *job, thorax_error *err);

/* ---- Adding figures ---- */

/* A new figure with value NaN; `name` and `settings` are copied. NULL when memory runs out. */
thx_eval_figure *eval_add(const eval_job *job, const char *name, const char *settings, const char *weights);
/* One that is the mean of values [n]; all are copied into the arena. */
thorax_status eval_add_mean(const eval_job *job, const char *name, const char *settings, const char *weights,
                            const double *values, const size_t *items, size_t n, size_t failed, thorax_error *err);
/* One of rows: `rows` and `settings_data` are borrowed and live with the scores; label may be NULL. */
thorax_status eval_add_table(const eval_job *job, const char *name, const char *label, const char *settings,
                             const char *weights, const thx_eval_table *table, const size_t *items, size_t n,
                             size_t failed, thorax_error *err);
void *eval_alloc(const eval_job *job, size_t count, size_t size); /* of the arena; NULL */
thorax_status eval_nomem(const eval_job *job, thorax_error *err);

/* Keeps something until the scores end: close(object) is called then. On failure it is closed at once. */
thorax_status eval_own(const eval_job *job, void *object, void (*close)(void *), thorax_error *err);

/* "metric (task): text" among the notes. */
void eval_remark(const eval_job *job, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The intervals of all figures that have none, several at a time. THORAX_CANCELLED; THORAX_NOMEM. */
thorax_status eval_intervals(thx_eval_scores *s, const thx_eval_options *o, thorax_error *err);
/* The figure of rows picks [n] of its items (all kinds but those without a statistic). */
double eval_value_of(const thx_eval_figure *f, const uint32_t *pick, size_t n);

/* ---- Labels ---- */

typedef enum eval_label_figure {
    EVAL_MICRO_P,
    EVAL_MICRO_R,
    EVAL_MICRO_F1,
    EVAL_MACRO_P,
    EVAL_MACRO_R,
    EVAL_MACRO_F1,
    EVAL_MACRO_F1_SEEN,
    EVAL_WEIGHTED_F1,
    EVAL_SAMPLES_F1,
    EVAL_ACCURACY,
    EVAL_LABEL_F1,
    EVAL_LABEL_P,
    EVAL_LABEL_R
} eval_label_figure;

/* Masks of items; all of it lives in the arena of the scores. */
typedef struct eval_labelled {
    size_t             n_labels;
    const char *const *names;   /* [n_labels] */
    thx_label_row     *rows;    /* [n]        */
    size_t            *items;
    size_t             n, failed;
} eval_labelled;

/* One figure; `name` NULL: its usual one. The last three are of one label. */
thorax_status eval_add_label_figure(const eval_job *job, const eval_labelled *l, const char *name,
                                    eval_label_figure figure, int label, const char *settings, const char *weights,
                                    thorax_error *err);
/* All figures, of labels too. */
thorax_status eval_add_labelled(const eval_job *job, const eval_labelled *l, const char *settings, thorax_error *err);

/* ---- Findings ---- */

/* Bits of the first 13 findings that the item's labels say are there, and those its prediction says. */
uint64_t eval_truth_mask(const thx_eval_item *item, bool doubt_absent);
uint64_t eval_guess_mask(const thx_eval_item *item, bool substring);

/* The boxes of a prediction: those beside its text, else those in the text by the published pattern. false: a number in
 * it that is none. *boxes is malloc'd. */
thorax_status eval_predicted_boxes(thx_box **boxes, size_t *n, bool *broken, const thx_eval_item *item,
                                   thorax_error *err);

#endif
