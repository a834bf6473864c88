/* Two systems on the same items: differences of figures, and how likely they are chance. */
#ifndef THX_EVAL_COMPARE_H
#define THX_EVAL_COMPARE_H

#include "base/json.h"
#include "eval/scores.h"

typedef struct thx_eval_difference {
    const thx_eval_figure *a, *b;  /* of the items that both have */
    size_t n;                      /* rows that both could score  */
    double value_a, value_b;       /* over these                  */
    double difference;             /* a - b                       */
    double low, high;              /* its interval                */
    double p_bootstrap; /* two-sided; share of resamples as far from the difference as that lies from 0           */
    double
        p_randomisation; /* two-sided, by exchanging the systems item by item; NaN where a figure needs whole curves */
} thx_eval_difference;

typedef struct thx_eval_comparison {
    thx_eval_difference *list;
    size_t               n;
    size_t               common, only_a, only_b; /* items                     */
    size_t               unmatched;              /* figures that only one has */
    thx_eval_scores      scores_a, scores_b;
} thx_eval_comparison;

/* Both sets indexed; their items are put into the same order and those that only one has are dropped. Figures are
 * those of the options; resamples and seed too (randomisation makes as many trials). Deinit also after a failure.
 * THORAX_USAGE: no item in common; statuses of thx_eval_score. */
thorax_status thx_eval_compare(thx_eval_comparison *out, thx_eval_set *a, thx_eval_set *b,
                               const thx_eval_options *options, thorax_error *err);
void          thx_eval_comparison_deinit(thx_eval_comparison *c);

void    thx_eval_comparison_print(thx_string *out, const thx_eval_comparison *c, const thx_eval_options *o);
json_t *thx_eval_comparison_json(const thx_eval_comparison *c,
                                 const thx_eval_options    *o); /* NULL when memory runs out */

#endif
