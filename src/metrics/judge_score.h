/* The reply of a judge of conversations, as RadVLM's evaluation reads it. */
#ifndef THX_METRICS_JUDGE_SCORE_H
#define THX_METRICS_JUDGE_SCORE_H

#include "base/error.h"

#include <stddef.h>

/* The scores in a reply [size] of any bytes: behind each "overall score" (whatever its case, with or without white
 * space between) the next run of digits and points that "/10" follows directly, however far off. A run that is no
 * number, or more than 10, is left out; a minus sign is not seen. Writes at most `room` of them and returns how many
 * there are. The published figure is the mean over all scores of all replies. O(size). Method: RadVLM
 * evaluate_conversations.py (commit 69fe946). */
size_t thx_judge_scores(double *scores, size_t room, const char *reply, size_t size);

#endif
