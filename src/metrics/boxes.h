/* Boxes against boxes: IoU, RadVLM's mAP at 0.5, COCO's average precision.
 *
 * Boxes are corners x1, y1, x2, y2 (text/text.h, whose thx_boxes_parse reads them from answers). RadVLM's figures know
 * neither scores nor classes and are means over answers; COCO's are made per class over all images from scored boxes.
 * The two do not compare. */
#ifndef THX_METRICS_BOXES_H
#define THX_METRICS_BOXES_H

#include "text/text.h"

/* ---- Intersection over union ---- */

/* RadVLM's: no clamp, no pixel added; an inverted box has the area that the products give. Union 0: NaN or infinite,
 * as NumPy's numbers give it (Python's raise an error; see thx_iou_defined). */
double thx_iou_radvlm(thx_box a, thx_box b);
bool   thx_iou_defined(thx_box a, thx_box b); /* the union is not 0 */

/* COCO's bbIou: 0 unless both overlaps are > 0. Corners become width and height by subtraction. */
typedef struct thx_rect { double x, y, w, h; } thx_rect;
thx_rect thx_rect_of(thx_box b);
double   thx_iou_xywh(thx_rect detection, thx_rect reference);
double   thx_iou_coco(thx_box detection, thx_box reference);

/* ---- RadVLM: one answer against its reference boxes ---- */

typedef struct thx_boxes_rules {
    bool numpy_numbers;  /* union 0 is NaN and never matches, as where references are NumPy's numbers (VinDr);
                          * otherwise an error                                                             */
    bool empty_is_right; /* no box on both sides counts 1 instead of the published 0                       */
} thx_boxes_rules;

typedef struct thx_boxes_sample {
    double ap;              /* at IoU 0.5                                                        */
    double iou_sum;         /* over all pairs prediction × reference                             */
    size_t pairs;
    size_t predictions, references;
    size_t hits;            /* predictions that took a reference with IoU >= 0.5                 */
} thx_boxes_sample;

/* predictions [n] in the order of the text, references [m]. Each prediction takes the reference of greatest IoU, first
 * on ties, whether free or not; a taken one is a miss. THORAX_FORMAT: union 0 (the original's ZeroDivisionError),
 * unless rules say otherwise; THORAX_NOMEM. rules may be NULL: as published. */
thorax_status thx_boxes_radvlm_sample(thx_boxes_sample *out, const thx_box *predictions, size_t n,
                                      const thx_box *references, size_t m, const thx_boxes_rules *rules,
                                      thorax_error *err);

typedef struct thx_boxes_figures {
    double map;             /* mean AP over answers; 0 without any                               */
    double avg_iou;         /* over all pairs of all answers; NaN where there is none            */
    size_t n, pairs;
    size_t empty;           /* answers without a box on either side                              */
    size_t missed, invented; /* answers with references only, with predictions only              */
} thx_boxes_figures;

/* pick [n] (indices into samples) or NULL for all n in order. */
void thx_boxes_radvlm_map(thx_boxes_figures *out, const thx_boxes_sample *samples, const size_t *pick, size_t n);

/* ---- COCO ---- */

typedef struct thx_coco_box {
    size_t  image;          /* 0 .. images-1; images count in this order                         */
    int64_t label;
    thx_box box;
    double  score;          /* of detections; references have none                               */
} thx_coco_box;

enum { THX_COCO_THRESHOLDS_MAX = 10 };

typedef struct thx_coco_options {
    size_t n_thresholds;    /* of IoU                                                            */
    double threshold[THX_COCO_THRESHOLDS_MAX];
    size_t max_detections;  /* kept per image and class; 100                                     */
    bool   torchmetrics;    /* boxes, scores and recall thresholds as torchmetrics 1.4 makes them */
    bool   one_class;       /* labels do not count ("micro")                                     */
} thx_coco_options;

thx_coco_options thx_coco_options_at_half(void);  /* IoU 0.5 alone */
thx_coco_options thx_coco_options_general(void);  /* 0.5, 0.55 … 0.95 */

/* Detections matched with references once; figures are then made for all images or for a resample of them. */
typedef struct thx_coco thx_coco;

/* Detections of equal score keep their order, within an image and over images: where no scores are known and all are
 * set to 1, the result depends on that order. Area range "all": a reference of negative area (one axis inverted) is
 * ignored as COCO ignores it. THORAX_USAGE: thresholds; an image >= images. THORAX_FORMAT: a coordinate or score that
 * is not finite. THORAX_NOMEM. */
thorax_status thx_coco_open(thx_coco **out, const thx_coco_box *detections, size_t n, const thx_coco_box *references,
                            size_t m, size_t images, const thx_coco_options *options, thorax_error *err);
void          thx_coco_close(thx_coco *c);

typedef struct thx_coco_class {
    int64_t label;
    size_t  references, detections;
    double  ap[THX_COCO_THRESHOLDS_MAX];      /* -1 for a class without reference  */
    double  recall[THX_COCO_THRESHOLDS_MAX];  /* greatest reached; -1              */
    double  mean_ap, mean_recall;             /* over the thresholds; -1           */
} thx_coco_class;

/* Classes of either side, by label, ascending. */
size_t thx_coco_classes(const thx_coco *c);

/* times [images]: how often each image counts, NULL for once. classes [thx_coco_classes] receives each class; *map and
 * *mar their means over those with references, -1 without any (may be NULL). */
void thx_coco_ap(const thx_coco *c, const uint32_t *times, thx_coco_class *classes, double *map, double *mar);
/* Class k, counted from 0, alone. */
void thx_coco_class_ap(const thx_coco *c, size_t k, const uint32_t *times, thx_coco_class *out);

#endif
