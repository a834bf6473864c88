/* What an answer reaches that does not look at the film, or hardly: the measure of how easy
 * phantoms are, and the floor under every figure of a model.
 *
 * constant   the training films' best fixed answer: every label present, one box for each
 *            region and label, the one with the largest mean overlap
 * thumbnail  the truth of the training film whose 32x32 thumbnail is nearest; as a score, the
 *            share of the label among the 20 nearest */
#ifndef THX_SYNTH_PHANTOM_BASELINE_H
#define THX_SYNTH_PHANTOM_BASELINE_H

#include "synth/phantom.h"

typedef struct thx_phantom_figures {
    double macro_f1, f1[THX_PHANTOM_LABELS]; /* mean over the labels, and each                                  */
    double iou_anatomy, iou_findings;        /* mean over the true boxes; for findings, of what the film shows  */
} thx_phantom_figures;

/* Figures gathered film by film: `present` and boxes are an answer about `truth`. */
typedef struct thx_phantom_score {
    size_t hit[THX_PHANTOM_LABELS], said[THX_PHANTOM_LABELS], true_[THX_PHANTOM_LABELS];
    double anatomy, findings;
    size_t n_anatomy, n_findings;
} thx_phantom_score;
void thx_phantom_score_labels(thx_phantom_score *s, const thx_phantom *truth, const bool present[THX_PHANTOM_LABELS]);
void thx_phantom_score_region(thx_phantom_score *s, const thx_phantom *truth, thx_phantom_region region,
                              const thx_phantom_box *boxes, size_t n);
/* Nothing is counted where the film does not show the label. */
void thx_phantom_score_finding(thx_phantom_score *s, const thx_phantom *truth, thx_phantom_label label,
                               const thx_phantom_box *boxes, size_t n);
thx_phantom_figures thx_phantom_score_end(const thx_phantom_score *s);

/* Scores gathered film by film, for the area under the ROC curve. Start from all zeros. */
typedef struct thx_phantom_ranks {
    struct thx_phantom_rank { float score[THX_PHANTOM_LABELS]; bool is[THX_PHANTOM_LABELS]; } *films;
    size_t n, room;
} thx_phantom_ranks;
/* THORAX_NOMEM. */
thorax_status thx_phantom_ranks_add(thx_phantom_ranks *r, const thx_phantom *truth, const float score[THX_PHANTOM_LABELS], thorax_error *err);
/* The area for one label: the chance that a film with it scores higher than one without, ties counting half. NaN where one of
 * the two kinds is missing. */
double thx_phantom_ranks_auroc(const thx_phantom_ranks *r, thx_phantom_label label);
void   thx_phantom_ranks_deinit(thx_phantom_ranks *r);

double thx_phantom_iou(thx_phantom_box a, thx_phantom_box b);

/* Both baselines (and the scores of the second) on films 0 .. count-1 of `seed`, from films 0 .. train_count-1 of `train_seed`.
 * THORAX_NOMEM, THORAX_CANCELLED; THORAX_USAGE for a count of 0. */
thorax_status thx_phantom_baselines(thx_phantom_figures *constant, thx_phantom_figures *thumbnail, thx_phantom_ranks *ranks, uint64_t train_seed, size_t train_count,
                                    uint64_t seed, size_t count, const thx_progress *progress, thorax_error *err);

#endif
