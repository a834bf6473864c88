/* Texts of one phantom: the turns that fit it, as a list both users of texts walk over. */
#ifndef THX_SYNTH_PHANTOM_TEXT_H
#define THX_SYNTH_PHANTOM_TEXT_H

#include "base/string.h"
#include "synth/phantom.h"

typedef enum phantom_task { PHANTOM_REPORT, PHANTOM_CLASSIFY, PHANTOM_REGION, PHANTOM_ABNORMALITY, PHANTOM_PHRASE, PHANTOM_CHECK } phantom_task;

typedef struct phantom_turn {
    phantom_task           task;
    const char            *name;     /* what is asked for: a region's or a label's name; NULL for report, classify */
    thx_string             question, answer;
    unsigned               n_boxes;  /* what the answer points at */
    const thx_phantom_box *boxes;
} phantom_turn;

enum { PHANTOM_TURNS_MAX = 2 + THX_PHANTOM_REGIONS + 3 * THX_PHANTOM_LABELS };
typedef struct phantom_turns { size_t n; phantom_turn turns[PHANTOM_TURNS_MAX]; } phantom_turns;

/* Every turn that fits the film, in the order report, classification, regions, labels, phrases, checks.
 * `draw` picks the wording. The boxes are views into `film`. False when memory runs out. */
bool phantom_turns_init(phantom_turns *t, const thx_phantom *film, uint64_t draw);
void phantom_turns_deinit(phantom_turns *t);

#endif
