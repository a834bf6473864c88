/* ROUGE as the package rouge_score 0.1.2 computes it: ROUGE-1 … ROUGE-9, ROUGE-L and ROUGE-Lsum.
 *
 * Of several references the one with the largest F counts, for each kind by itself. The corpus value is the
 * plain mean; the resampled median that Hugging Face evaluate and LLaVA-Rad report is in bootstrap.h. */
#ifndef THX_METRICS_ROUGE_H
#define THX_METRICS_ROUGE_H

#include "metrics/words.h"

typedef struct thx_prf { double p, r, f; } thx_prf; /* precision, recall, F */

/* Kinds: 1 … 9 are ROUGE-1 … ROUGE-9. */
enum { THX_ROUGE_1 = 1, THX_ROUGE_2 = 2, THX_ROUGE_9 = 9, THX_ROUGE_L = 10, THX_ROUGE_LSUM = 11, THX_ROUGE_KINDS = 12 };
#define THX_ROUGE_BIT(kind) (1u << (kind))

typedef struct thx_rouge {
    size_t   n;
    thx_prf *scores[THX_ROUGE_KINDS]; /* [n] each; NULL for a kind that was not asked for */
    thx_prf  mean[THX_ROUGE_KINDS];
} thx_rouge;

/* Scores of n answers; `kinds` is made of THX_ROUGE_BIT(). Deinit frees; after a failure there is nothing to free.
 * THORAX_USAGE: no records, a record without reference, no kind; THORAX_LIMIT: a line of ROUGE-Lsum so long that
 * its table would exceed 512 MiB; THORAX_NOMEM. */
thorax_status thx_rouge_score(thx_rouge *out, const thx_pairs *pairs, unsigned kinds, bool stem, thorax_error *err);
void          thx_rouge_deinit(thx_rouge *r);

#endif
