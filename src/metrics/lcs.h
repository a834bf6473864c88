/* Longest common subsequences of word lists, 64 rows at a time in the bits of a word (Hyyrö's recurrence). */
#ifndef THX_METRICS_LCS_H
#define THX_METRICS_LCS_H

#include "base/error.h"

typedef struct thx_lcs {
    uint64_t *masks;    /* [vocabulary] rows of a block that hold a word; 0 between calls */
    size_t    vocabulary;
    uint8_t  *carries;  /* [columns]           */
    uint64_t *table;    /* [blocks][columns + 1] */
    size_t    carries_room, table_room;
} thx_lcs;

/* Words are numbers below `vocabulary`. THORAX_NOMEM. Deinit also after a failure. */
thorax_status thx_lcs_init(thx_lcs *l, size_t vocabulary, thorax_error *err);
void          thx_lcs_deinit(thx_lcs *l);

/* *length of the longest common subsequence of a [n] and b [m], in time n·m/64. THORAX_NOMEM. */
thorax_status thx_lcs_length(thx_lcs *l, size_t *length, const uint32_t *a, size_t n, const uint32_t *b, size_t m,
                             thorax_error *err);

/* Sets marks [n] at the places of a that belong to the one subsequence rouge_score finds: back from the end, aslant
 * where words are equal, else along b only where that keeps strictly more, else along a. Marks that are set stay.
 * THORAX_LIMIT: the table would exceed 512 MiB; THORAX_NOMEM. */
thorax_status thx_lcs_mark(thx_lcs *l, bool *marks, const uint32_t *a, size_t n, const uint32_t *b, size_t m,
                           thorax_error *err);

#endif
