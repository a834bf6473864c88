/* Four BLEUs that must not be mixed. Each keeps what it counted, so that resampling sums and reads no text again.
 *
 *               words             zero counts             scale
 *   coco        white space       +1e-15 / +1e-9          0..1     pycocoevalcap, RadVLM's "blue"
 *   sacrebleu   13a               exponential smoothing   0..100   sacrebleu 2.6.0, LLaVA-Rad
 *   hf          13a               score 0, or smoothed    0..1     Hugging Face evaluate
 *   bleu2       blanks, " ."      0.1 in order 2          0..1     fast-bleu as RadCliQ calls it
 *
 * All take several references; counts are clipped at the largest count in any one of them. */
#ifndef THX_METRICS_BLEU_H
#define THX_METRICS_BLEU_H

#include "metrics/words.h"

enum { THX_BLEU_ORDERS = 4 };

/* What one text, or a sum of texts, has: counts of n-grams by order - 1. */
typedef struct thx_bleu_counts {
    size_t length, reference;                                 /* words; the reference is the closest (hf: shortest) */
    size_t correct[THX_BLEU_ORDERS], total[THX_BLEU_ORDERS];  /* clipped matches, n-grams of the answer             */
} thx_bleu_counts;

void thx_bleu_counts_add(thx_bleu_counts *sum, const thx_bleu_counts *c);

/* ---- COCO ---- */

typedef struct thx_bleu_coco {
    size_t           n;
    thx_bleu_counts *counts;                         /* [n] */
    double         (*sentences)[THX_BLEU_ORDERS];    /* [n] BLEU-1 … BLEU-4 of each record */
    double           corpus[THX_BLEU_ORDERS];
} thx_bleu_coco;

/* THORAX_USAGE: no records, a record without reference; THORAX_NOMEM. After a failure there is nothing to free. */
thorax_status thx_bleu_coco_score(thx_bleu_coco *out, const thx_pairs *pairs, thorax_error *err);
void          thx_bleu_coco_deinit(thx_bleu_coco *b);
void          thx_bleu_coco_of(double bleu[THX_BLEU_ORDERS], const thx_bleu_counts *c); /* the formula */

/* ---- sacrebleu ---- */

typedef struct thx_bleu_value {
    double          score, bp, ratio;             /* ratio: length over reference length (0 without reference) */
    double          precisions[THX_BLEU_ORDERS];  /* of sacrebleu 0..100 */
    thx_bleu_counts counts;
} thx_bleu_value;

typedef struct thx_bleu_sacrebleu {
    size_t           n, order;
    thx_bleu_counts *counts;     /* [n] */
    double          *sentences;  /* [n] the corpus formula on each record alone; sacrebleu's sentence_bleu is another */
    thx_bleu_value   corpus;
} thx_bleu_sacrebleu;

/* order 1 … 4: 4 and 1 are LLaVA-Rad's BLEU-4 and BLEU-1. Statuses as above, THORAX_USAGE also for another order.
 * Counts of order 4 serve a lower one: thx_bleu_sacrebleu_of(&v, &b.corpus.counts, 1). */
thorax_status thx_bleu_sacrebleu_score(thx_bleu_sacrebleu *out, const thx_pairs *pairs, size_t order,
                                       thorax_error *err);
void          thx_bleu_sacrebleu_deinit(thx_bleu_sacrebleu *b);
void          thx_bleu_sacrebleu_of(thx_bleu_value *out, const thx_bleu_counts *c, size_t order);

/* ---- Hugging Face evaluate ---- */

typedef struct thx_bleu_hf {
    size_t           n, order;
    bool             smooth;
    thx_bleu_counts *counts;     /* [n] */
    double          *sentences;  /* [n] the formula on each record alone; 0 where it would divide by zero */
    thx_bleu_value   corpus;
} thx_bleu_hf;

/* THORAX_USAGE also where all answers or all references are without words: the original divides by zero there. */
thorax_status thx_bleu_hf_score(thx_bleu_hf *out, const thx_pairs *pairs, size_t order, bool smooth, thorax_error *err);
void          thx_bleu_hf_deinit(thx_bleu_hf *b);
/* False: a side is without words; then the score is 0. */
bool          thx_bleu_hf_of(thx_bleu_value *out, const thx_bleu_counts *c, size_t order, bool smooth);

/* ---- BLEU-2 of RadCliQ ---- */

/* scores [n] are the result, one a record; their mean goes to *mean where it is not NULL. Of several references the
 * closest length and the largest counts are taken. Statuses as above. */
thorax_status thx_bleu2_radcliq(double *scores, double *mean, const thx_pairs *pairs, thorax_error *err);

#endif
