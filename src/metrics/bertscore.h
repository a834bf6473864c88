/* BERTScore (bert_score 0.3.13): how well the rows of one text's tokens are met by those of another.
 *
 * First the arithmetic on rows that are given, as the original has it in f32; then the whole metric over the folder
 * of an encoder. P counts the hypothesis' tokens, R the reference's; F = 2PR / (P+R).
 * Method: bert_score utils.py (greedy_cos_idf, get_idf_dict), scorer.py. */
#ifndef THX_METRICS_BERTSCORE_H
#define THX_METRICS_BERTSCORE_H

#include "base/progress.h"
#include "metrics/words.h"
#include "model/text_encoder.h"

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

/* ---- Texts to values ---- */

typedef struct thx_bertscore_settings {
    const char  *name;            /* of a preset; NULL                                                        */
    const char  *model;           /* published name of the encoder                                            */
    size_t       layer;           /* blocks that run; what ModernBERT ends with stands behind any of them     */
    bool         idf;             /* weights by the references at hand; else 1 a token                        */
    const float *baseline;        /* [3], of P, R and F; NULL: values as they are                             */
    size_t       batch_size;      /* pairs that are matched as one batch; 0 = 64, as the package does         */
    bool         collapse_blanks; /* runs of U+0020 become one first                                          */
    size_t       memory_bytes;    /* of hidden rows kept at a time, but at least one batch; 0 = 1 GiB         */
} thx_bertscore_settings;

/* "radvlm" (distilbert-base-uncased), "english" (the package's default, roberta-large), "radcliq" (distilroberta-base)
 * and its form with idf, "radcliq-idf", which is RadEval's too; NULL beyond them. thx_bertscore_presets lists them,
 * ended by NULL. The wrappers of RadCliQ give their scorer 256 texts at a time, but its pairs stay 64 a batch. */
const thx_bertscore_settings *thx_bertscore_preset(const char *name);
extern const char *const thx_bertscore_presets[];

typedef struct thx_bertscore_total {
    thx_bertscore mean;  /* f32 mean over the texts                                              */
    size_t        empty; /* pairs of which a side has no token of its own: 0 before rescaling    */
} thx_bertscore_total;

/* The ids a text is read as: blanks at both ends taken off, special tokens around, cut to the encoder's limit. RoBERTa
 * reads a blank before it. ModernBERT's tokenizer gives no ids at all for an empty text. Appends. THORAX_NOMEM. */
thorax_status thx_bertscore_ids(const thx_text_encoder *e, const thx_bertscore_settings *s, const char *text,
                                thx_ids *ids, thorax_error *err);

/* Values of n texts: out [n], and *total (may be NULL). With several references each of p, r and f is the largest
 * over them, taken before rescaling. The encoder must have s->layer blocks at least; its context computes as the
 * original where it is THX_EXACT. Every different text is encoded once (once a window of memory_bytes).
 * THORAX_USAGE: no texts, one without references, a layer that is not there; THORAX_NOMEM; THORAX_CANCELLED (the
 * context's step, or progress: "texts"). */
thorax_status thx_bertscore_score(thx_text_encoder *e, const thx_bertscore_settings *s, const thx_pairs *pairs,
                                  thx_bertscore *out, thx_bertscore_total *total, const thx_progress *progress,
                                  thorax_error *err);

#endif
