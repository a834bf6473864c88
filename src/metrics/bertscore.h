/* BERTScore (bert_score 0.3.13): how well the rows of one text's tokens are met by those of another.
 *
 * First the arithmetic on rows that are given, as the original has it in f32; then the whole metric over the folder
 * of an encoder. P counts the hypothesis' tokens, R the reference's; F = 2PR / (P+R).
 * Method: bert_score utils.py (greedy_cos_idf, get_idf_dict), scorer.py. */
#ifndef THX_METRICS_BERTSCORE_H
#define THX_METRICS_BERTSCORE_H

#include "base/progress.h"
#include "ops/ops.h"

/* ---- Rows to values ---- */

/* Hidden rows of one text, its special tokens among them. Borrowed. */
typedef struct thx_bertscore_rows {
    const float *vectors; /* [n, D], of any length  */
    const float *weights; /* [n], none below 0      */
    size_t       n;
} thx_bertscore_rows;

typedef struct thx_bertscore { float p, r, f; } thx_bertscore;

/* Values of n pairs that are one batch of the original: out [n].
 *   hyps, refs   [n] texts of width D
 * Each token meets the best of the other side's, special tokens among them. Texts shorter than the longest of their
 * side in the batch are filled up there, and similarities with filling are 0: it beats a negative cosine. A text
 * without tokens, or with its two special ones alone, gives 0; what is not a number counts as 0.
 * THORAX_NOMEM. */
thorax_status thx_bertscore_match(thx_ctx *ctx, thx_bertscore *out, const thx_bertscore_rows *hyps,
                                  const thx_bertscore_rows *refs, size_t n, size_t D, thorax_error *err);

/* The largest of each of p, r and f over n >= 1 values: of several references. */
thx_bertscore thx_bertscore_best(const thx_bertscore *values, size_t n);

/* The f32 mean of each; all 0 for none. */
thx_bertscore thx_bertscore_mean(const thx_bertscore *values, size_t n);

/* (x - b) / (1 - b) for each of p, r and f by a baseline of its own. F is not computed anew. */
void thx_bertscore_rescale(thx_bertscore *values, size_t n, const float baseline[3]);

/* The package's English baseline of a published model at a layer; NULL: not known here. */
const float *thx_bertscore_baseline(const char *model, size_t layer);

/* Row `layer` of a table of baselines, counted from 0 behind the line of headings, whatever its first column says:
 * LAYER,P,R,F. `where` is for error texts. THORAX_IO; THORAX_LIMIT: more than 1 MiB; THORAX_FORMAT: no such row, or
 * not four finite numbers in it (a baseline of 1 among them). THORAX_NOMEM. */
thorax_status thx_bertscore_baseline_read(float baseline[3], const char *path, size_t layer, thorax_error *err);
thorax_status thx_bertscore_baseline_parse(float baseline[3], const char *text, size_t size, size_t layer,
                                           const char *where, thorax_error *err);

/* ---- Rare tokens count more ---- */

/* ln((N+1) / (df+1)) by id, over N documents of which df have the id. */
typedef struct thx_idf {
    double *weights; /* [n] by id; owned */
    size_t  n;
    double  unseen;  /* ln(N+1): of an id in no document */
} thx_idf;

/* Of N documents one behind the other, document i ends at ends[i]. THORAX_USAGE: an id below 0; THORAX_NOMEM. */
thorax_status thx_idf_init(thx_idf *out, const int32_t *ids, const size_t *ends, size_t N, thorax_error *err);
void          thx_idf_deinit(thx_idf *idf);
double        thx_idf_weight(const thx_idf *idf, int32_t id);

#endif
