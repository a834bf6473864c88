/* Weighted Boxes Fusion as ensemble_boxes 1.0.9 computes it, and RadVLM's use of it.
 *
 * Boxes of several models (or readers) that overlap are averaged, weighted by score. Sums are kept in f32 as the
 * original keeps them under NumPy 1.x, so results agree to the last bit. Records of equal score are taken in the
 * reverse of their order; beyond 16 records NumPy 1.x's sort (scalar code) puts equal keys in an order of its own,
 * which is followed unless told otherwise. */
#ifndef THX_METRICS_FUSION_H
#define THX_METRICS_FUSION_H

#include "text/text.h"

typedef enum thx_wbf_confidence {
    THX_WBF_AVG, THX_WBF_MAX, THX_WBF_BOX_AND_MODEL_AVG, THX_WBF_ABSENT_MODEL_AWARE_AVG
} thx_wbf_confidence;

/* The value of a name as the original spells it ("avg", "max", …). THORAX_USAGE: none of them. */
thorax_status thx_wbf_confidence_of(thx_wbf_confidence *out, const char *name, thorax_error *err);

typedef struct thx_wbf_box {
    thx_box box;            /* shares of width and height; inverted ones are turned, all clipped to 0..1 */
    double  score;
    int64_t label;
    size_t  model;          /* 0 .. models-1                                                             */
} thx_wbf_box;

typedef struct thx_wbf_options {
    size_t             models;      /* those without boxes count too                                     */
    const double      *weights;     /* [n_weights] of the models; a wrong number of them is 1 each       */
    size_t             n_weights;
    double             iou;         /* joined where greater; 0.55                                        */
    double             skip;        /* scores below are left out; 0                                      */
    thx_wbf_confidence confidence;
    bool               overflow;    /* "avg": more boxes than models may raise the confidence            */
    bool               stable;      /* equal scores always in reverse order, also beyond 16              */
} thx_wbf_options;

thx_wbf_options thx_wbf_options_default(size_t models);

typedef struct thx_wbf_fused { thx_box box; double score; int64_t label; } thx_wbf_fused;

/* boxes [n], models in ascending order (within a model in the order of its list); out [n] receives *n_out of them, by
 * confidence, descending. Labels must not exceed 2^53. Weighted scores that sum up to 0 give NaN.
 * THORAX_USAGE: models not ascending or too great, no models; THORAX_FORMAT: a value that is not finite;
 * THORAX_NOMEM. */
thorax_status thx_wbf(thx_wbf_fused *out, size_t *n_out, const thx_wbf_box *boxes, size_t n,
                      const thx_wbf_options *options, thorax_error *err);

enum { THX_WBF_RADVLM_ROWS = 1024, THX_WBF_RADVLM_COLUMNS = 1024 };

/* RadVLM's apply_wbf: readers' boxes [n] in pixels of a film of that many rows and columns, all of one image and class,
 * as one model with scores of 1. out [n] receives *n_out boxes in shares, rounded to 3 decimals. Its callers pass an
 * IoU of 0.1. `stable` as above. THORAX_USAGE: no rows or columns; THORAX_FORMAT; THORAX_NOMEM. */
thorax_status thx_wbf_radvlm(thx_box *out, size_t *n_out, const thx_box *boxes, size_t n, double rows, double columns,
                             double iou, bool stable, thorax_error *err);

#endif
