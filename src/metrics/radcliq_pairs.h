/* RadCliQ from reports: its four parts, each with its own network, run on pairs of reports.
 *
 * Method: CXR-Report-Metric (run_eval.py); RadEval's form of v1 takes BERTScore with idf and COCO's BLEU-2,
 * and leaves runs of blanks as they are. */
#ifndef THX_METRICS_RADCLIQ_PAIRS_H
#define THX_METRICS_RADCLIQ_PAIRS_H

#include "metrics/bertscore.h"
#include "metrics/chexbert.h"
#include "metrics/radcliq.h"
#include "metrics/radgraph_model.h"

/* Borrowed. */
typedef struct thx_radcliq_parts {
    thx_text_encoder  *encoder;  /* distilroberta-base, five layers of it at least */
    thx_chexbert      *chexbert;
    thx_radgraph_model *radgraph; /* the first model                                */
} thx_radcliq_parts;

typedef struct thx_radcliq_settings {
    bool idf;  /* BERTScore weighs tokens by the references at hand            */
    bool coco; /* RadEval's: BLEU-2 of COCO, runs of blanks stay for BERTScore */
} thx_radcliq_settings;

typedef struct thx_radcliq_score {
    thx_radgraph_f1      radgraph; /* of which features.radgraph is the mean */
    thx_radcliq_features features;
    double               v0, v1;
} thx_radcliq_score;

/* Scores [n] of pairs with one reference each. v1 of RadEval as one figure: thx_radcliq_inverse of v1.
 * THORAX_USAGE: no pairs, several references; THORAX_NOMEM; THORAX_LIMIT; THORAX_CANCELLED (the parts' contexts, or
 * progress: "reports", "texts"). */
thorax_status thx_radcliq_pairs(const thx_radcliq_parts *parts, const thx_radcliq_settings *s, const thx_pairs *pairs,
                                thx_radcliq_score *scores, const thx_progress *progress, thorax_error *err);

#endif
