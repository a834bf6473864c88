/* Where sentences of a report may begin and end; see rate_clues.c. */
#ifndef THX_METRICS_RATE_CLUES_H
#define THX_METRICS_RATE_CLUES_H

#include "base/error.h"

/* Characters, and behind them as many zeros as the rules look at. */
enum { THX_CLUE_MARGIN = 64 };
typedef struct thx_clue_text { const uint32_t *c; size_t n; } thx_clue_text;

/* Characters first .. end - 1 that say so: of an end, the first is the sentence's last character. Those before `reach`
 * let no other clue in. */
typedef struct thx_clue { size_t first, end, reach; bool denied; } thx_clue;
typedef struct thx_clues { thx_clue *at; size_t n, room; bool failed; } thx_clues;

void thx_clue_begins(thx_clues *out, const thx_clue_text *t);
void thx_clue_ends(thx_clues *out, const thx_clue_text *t);
void thx_clues_deinit(thx_clues *c);

#endif
