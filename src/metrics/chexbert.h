/* CheXbert: a report's 14 classes, and its vector.
 *
 * An encoder of BERT's build with 14 linear heads over the last hidden row of [CLS] (no pooler): 13 findings with four
 * classes each (blank, positive, negative, uncertain) and No Finding with two. Which classes count as positive and what
 * follows for the figures is in labels.h.
 * Method: f1chexbert 0.0.2; LLaVA-Rad's chexbert.py and CheXbert's own src/ run the same network. */
#ifndef THX_METRICS_CHEXBERT_H
#define THX_METRICS_CHEXBERT_H

#include "base/progress.h"
#include "metrics/chexbert_text.h"
#include "metrics/labels.h"
#include "model/text_encoder.h"

enum { THX_CHEXBERT_LOGITS = 54 }; /* 13 heads of 4 and one of 2, one behind the other */

typedef struct thx_chexbert thx_chexbert;

/* Opens a folder with config.json and vocab.txt of bert-base-uncased and chexbert.pth (or chexbert.safetensors);
 * `checkpoint` is a file of weights to be read instead of that, or NULL. The context must outlive it; it computes as
 * the original where it is THX_EXACT. THORAX_MODEL: what is wrong with the folder or the tensors; THORAX_NOMEM. */
thorax_status thx_chexbert_open(thx_chexbert **out, thx_ctx *ctx, const char *folder, const char *checkpoint,
                                thorax_error *err);
void          thx_chexbert_close(thx_chexbert *c);

size_t            thx_chexbert_width(const thx_chexbert *c);   /* D of a vector                           */
thx_text_encoder *thx_chexbert_encoder(const thx_chexbert *c); /* borrowed: folder, identity, its context */

/* The ids a report is read as, cleaned by `form`; beyond 512 the last one kept is [SEP]. Appends. THORAX_NOMEM. */
thorax_status thx_chexbert_ids(const thx_chexbert *c, const char *report, thx_chexbert_form form, thx_ids *ids,
                               thorax_error *err);

/* What is wanted of n reports; NULL: not wanted. */
typedef struct thx_chexbert_results {
    float         *logits;  /* [n, 54]                                          */
    float         *vectors; /* [n, D], of [CLS]                                 */
    unsigned char *classes; /* [n, 14], the greatest logit, the first of equals */
} thx_chexbert_results;

/* Each different report is computed once, and as if it stood alone; NULL is an empty one. THORAX_NOMEM;
 * THORAX_CANCELLED (the context's step, or progress: "reports"). */
thorax_status thx_chexbert_run(thx_chexbert *c, const char *const *reports, size_t n, thx_chexbert_form form,
                               const thx_chexbert_results *results, const thx_progress *progress, thorax_error *err);

/* Cosine of two vectors [D]: the semantic similarity of RadCliQ. NaN where one is all zero. */
double thx_chexbert_similarity(const float *a, const float *b, size_t D);

#endif
