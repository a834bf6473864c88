/* Scores: figures of a set of predictions, each with what it was computed from and how sure it is.
 *
 * A metric is one line of a table: name, version of the original it equals, what it needs, a function. Items are
 * grouped by their task, and each metric runs on the groups it fits. Every figure carries
 *   value, n      over n items; items that could not be scored are counted in `failed`
 *   signature     "name|version|settings|weights": two figures compare where their signatures are the same; the
 *                 weights are the first 12 digits of the SHA-256 that names them, "-" where there are none
 *   interval      percentiles of resampled values (MT19937, NumPy's indices), with the seed */
#ifndef THX_EVAL_SCORES_H
#define THX_EVAL_SCORES_H

#include "base/progress.h"
#include "eval/set.h"

/* ---- What is wanted ---- */
typedef struct thx_eval_options {
    const char *metrics;       /* names parted by commas; NULL: by preset, else all that data and folders allow */
    const char *preset;        /* "radvlm", "llavarad", …; NULL                                                 */
    size_t      resamples;     /* 1000; 0: no intervals but those that a preset defines                        */
    double      confidence;    /* 0.95 */
    uint32_t    seed;          /* 3    */
    bool        doubt_absent;  /* uncertain labels of the reference count as absent instead of present         */
    bool        substring;     /* findings by the published substring rule                                     */
    size_t      bertscore_layer;    /* 0: that of the encoder's kind                                           */
    bool        bertscore_idf;
    const char *bertscore_baseline; /* file of baselines to rescale with; NULL: that of the encoder's kind     */
    const char *bertscore, *chexbert, *radgraph, *radgraph_encoder, *radcliq, *ratescore, *green; /* folders    */
    const char *cpu;           /* kernels at most of this level; NULL */
    int         threads;       /* 0: the cores this process may use  */
    const struct thx_judge_options *judge; /* of judge.h, who answers; NULL: none */
    const thx_progress *progress;
} thx_eval_options;

thx_eval_options thx_eval_options_default(void);

/* ---- What comes out ---- */

/* A figure of the items picked; NaN where it has no value (thx_statistic of metrics/bootstrap.h). */
typedef double thx_eval_statistic(void *user, const uint32_t *rows, size_t n);

/* Rows of equal size, one an item, and the figure of some of them (which may repeat): what resampling and mixing of two
 * systems work on. */
typedef double thx_eval_row_statistic(const void *rows, const void *settings, const uint32_t *pick, size_t n);
typedef struct thx_eval_table {
    const void             *rows;
    size_t                  row_bytes;
    const void             *settings;  /* lives with the scores */
    thx_eval_row_statistic *statistic;
} thx_eval_table;

typedef struct thx_eval_figure {
    const char *metric, *name, *task;
    const char *label;           /* of a figure of one finding or class; NULL                                   */
    double      value;           /* NaN: undefined                                                              */
    size_t      n, failed;
    const size_t *items;         /* [n] of each row                                                             */
    const double *values;        /* [n] where the figure is their mean; else NULL                               */
    const thx_eval_table *table; /* where it is one of rows; else NULL                                          */
    thx_eval_statistic *statistic; /* of any other kind; NULL: there is no interval                               */
    void       *user;
    bool        is_median;       /* the value is the median of the resampled ones, as the preset has it         */
    bool        lower_is_better;
    bool        has_interval;
    double      low, high;
    double      point;           /* of all items; where is_median, else the value                               */
    size_t      resamples;
    double      confidence;      /* of the interval, and the seed of its resamples                              */
    uint32_t    seed;
    const char *signature;
} thx_eval_figure;

/* Curves of a label, for drawing. */
typedef struct thx_eval_curve {
    const char              *task, *label;
    size_t                   n;
    const double            *scores;  /* [n] */
    const signed char       *truth;   /* [n] */
} thx_eval_curve;

typedef struct thx_eval_scores {
    thx_arena            *arena;
    const thx_eval_set   *set;
    thx_eval_figure      *figures;
    size_t                n, room;
    thx_eval_curve       *curves;
    size_t                n_curves, room_curves;
    size_t                failed;    /* items without a prediction  */
    size_t                unrated;   /* that a judge was asked about in vain */
    struct thx_eval_owned *owned;    /* what is closed with the scores */
    struct json_t        *judges;    /* what each judge counted and cost, a list; NULL where none was asked      */
    thx_string            notes;     /* "metric: what was left out and why", one a line */
} thx_eval_scores;

/* Computes all figures and their intervals. `set` is borrowed and indexed.
 * THORAX_USAGE: a metric or preset that is not known, or one asked for that lacks what it needs (the text says what);
 * THORAX_CANCELLED; statuses of the metrics. Deinit also after a failure. */
thorax_status thx_eval_score(thx_eval_scores *out, const thx_eval_set *set, const thx_eval_options *options,
                             thorax_error *err);
void          thx_eval_scores_deinit(thx_eval_scores *s);

/* The figure with these names; NULL. */
const thx_eval_figure *thx_eval_find_figure(const thx_eval_scores *s, const char *metric, const char *name,
                                            const char *task, const char *label);

#endif
