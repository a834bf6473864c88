/* RaTEScore: entities of two reports, each matched with the nearest of the other report.
 *
 * Pure functions: what comes behind the networks (ratescore_model.h). Nothing is kept; any thread may call them.
 * Method: RaTEScore 0.6.0 (utils.py, scorer.py). */
#ifndef THX_METRICS_RATESCORE_H
#define THX_METRICS_RATESCORE_H

#include "base/error.h"

/* Sorted by name, as the tables are. */
typedef enum thx_rate_type {
    THX_RATE_ABNORMALITY,
    THX_RATE_ANATOMY,
    THX_RATE_DISEASE,
    THX_RATE_NON_ABNORMALITY,
    THX_RATE_NON_DISEASE,
    THX_RATE_TYPES
} thx_rate_type;

const char   *thx_rate_type_name(thx_rate_type type); /* NULL beyond them                   */
thx_rate_type thx_rate_type_of(const char *name);     /* THX_RATE_TYPES where it is no type */

/* ---- Scores ---- */

/* Which weights: those fitted to long reports (the default) or to short ones. */
typedef enum thx_rate_weights { THX_RATE_LONG, THX_RATE_SHORT } thx_rate_weights;

/* Entities of a report: vectors [n, D] row after row, and their types [n]. */
typedef struct thx_rate_side { const float *vectors; const thx_rate_type *types; size_t n; } thx_rate_side;

/* The two directions (NaN where a side has no entity) and their harmonic mean (then 0.5). */
typedef struct thx_rate_score { double reference_to_hypothesis, hypothesis_to_reference, score; } thx_rate_score;

thx_rate_score thx_ratescore(const thx_rate_side *reference, const thx_rate_side *hypothesis, size_t D,
                             thx_rate_weights weights);

/* ---- Labels to entities ---- */

/* Tokens first .. last, both counted; `type` is borrowed from the label: what stands behind its "B-" or "I-". */
typedef struct thx_rate_entity { size_t first, last; const char *type; } thx_rate_entity;

/* Entities of n tokens with a label each ("O", "B-DISEASE", "I-DISEASE", …), as the original reads them: neither the
 * last label nor those of [CLS] and [SEP] count. Writes at most n + 1; returns how many there are. */
size_t thx_rate_entities(thx_rate_entity *out, const char *const *tokens, const char *const *labels, size_t n);

#endif
