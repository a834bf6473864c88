/* Vectors of boxes: IoU, average precision, fusion. */
#include "vectors.h"
#include "fusion_cases.h"

#include "metrics/boxes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double limit = 1e-12; /* absolute */

static void *take(size_t n, size_t size)
{
    void *p = calloc(n + 1, size);

    if (!p) abort();
    return p;
}

static thx_box box_of(const json_t *b)
{
    return (thx_box){ vec_value(json_array_get(b, 0)), vec_value(json_array_get(b, 1)), vec_value(json_array_get(b, 2)),
                      vec_value(json_array_get(b, 3)) };
}

/* The boxes of a list; to be freed. */
static thx_box *boxes_of(const json_t *list, size_t *n)
{
    *n = json_array_size(list);
    thx_box *boxes = take(*n, sizeof *boxes);

    for (size_t i = 0; i < *n; i++) boxes[i] = box_of(json_array_get(list, i));
    return boxes;
}

static void check_boxes(vec *v, const char *what, const thx_box *got, size_t n, const json_t *want, double absolute)
{
    if (json_array_size(want) != n) vec_fail(v, "%s: %zu boxes, wanted %zu", what, n, json_array_size(want));
    for (size_t i = 0; i < n && i < json_array_size(want); i++)
        vec_numbers(v, what, (const double[]){ got[i].x1, got[i].y1, got[i].x2, got[i].y2 }, 4,
                    json_array_get(want, i), absolute, 0);
}

/* ---- iou ---- */

static void check_iou(vec *v, const json_t *input, const json_t *expected)
{
    const thx_box a = box_of(json_object_get(input, "box1_xyxy")), b = box_of(json_object_get(input, "box2_xyxy"));
    const json_t *radvlm = json_object_get(expected, "radvlm");

    if (json_is_string(radvlm) && strstr(json_string_value(radvlm), "Error")) {
        if (thx_iou_defined(a, b)) vec_fail(v, "radvlm: %.17g, an error wanted", thx_iou_radvlm(a, b));
    } else {
        vec_number(v, "radvlm", thx_iou_radvlm(a, b), radvlm, limit, 0);
    }
    vec_number(v, "coco", thx_iou_coco(a, b), json_object_get(expected, "coco"), limit, 0);
}

/* ---- radvlm_boxes ---- */

/* IoU of each pair where both sides have boxes. */
static void check_ious(vec *v, const thx_box *p, size_t n, const thx_box *r, size_t m, const json_t *want)
{
    if (n && m && json_array_size(want) != n) vec_fail(v, "ious: %zu rows, wanted %zu", n, json_array_size(want));
    for (size_t i = 0; i < n && m; i++) {
        double *row = take(m, sizeof *row);
        for (size_t k = 0; k < m; k++) row[k] = thx_iou_radvlm(p[i], r[k]);
        vec_numbers(v, "ious", row, m, json_array_get(want, i), limit, 0);
        free(row);
    }
}

/* One answer; SIZE_MAX from the parser is the original's ValueError. */
static thorax_status check_answer(vec *v, thx_boxes_sample *out, const json_t *s, const json_t *parsed,
                                  const json_t *ious, thorax_error *err)
{
    const char   *text = vec_member_text(s, "output");
    size_t        m;
    const size_t  n = thx_boxes_parse(NULL, 0, text, true);
    thorax_status st;

    if (n == SIZE_MAX) return thx_fail(err, THORAX_FORMAT, 0, "a number that is none");
    thx_box *p = take(n, sizeof *p), *r = boxes_of(json_object_get(s, "boxes"), &m);
    (void)thx_boxes_parse(p, n, text, true);
    if (parsed) check_boxes(v, "parsed", p, n, parsed, 0);
    st = thx_boxes_radvlm_sample(out, p, n, r, m, NULL, err);
    if (!st && ious) check_ious(v, p, n, r, m, ious);
    free(p);
    free(r);
    return st;
}

static void check_radvlm_boxes(vec *v, const json_t *input, const json_t *expected)
{
    const json_t     *samples = json_object_get(input, "samples"), *result = json_object_get(expected, "result");
    const json_t     *parsed = json_object_get(expected, "parsed"), *ious = json_object_get(expected, "ious");
    const size_t      n = json_array_size(samples);
    thx_boxes_sample *s = take(n, sizeof *s);
    thx_boxes_figures f;
    thorax_status     st = THORAX_OK;
    thorax_error      err = { 0 };

    for (size_t i = 0; i < n && !st; i++)
        st = check_answer(v, &s[i], json_array_get(samples, i), json_array_get(parsed, i), json_array_get(ious, i),
                          &err);
    if (json_object_get(expected, "error")) {
        if (!st) vec_fail(v, "no error, %s wanted", vec_member_text(expected, "error"));
    } else if (vec_ok(v, st, &err)) {
        if (json_array_size(parsed) != n) vec_fail(v, "parsed: %zu answers, wanted %zu", n, json_array_size(parsed));
        thx_boxes_radvlm_map(&f, s, NULL, n);
        vec_number(v, "mAP_0.5", f.map, json_object_get(result, "mAP_0.5"), limit, 0);
        if (json_object_get(result, "avg_iou"))
            vec_number(v, "avg_iou", f.avg_iou, json_object_get(result, "avg_iou"), limit, 0);
        else if (!isnan(f.avg_iou)) vec_fail(v, "avg_iou: %.17g, none wanted", f.avg_iou);
    }
    free(s);
}

/* ---- coco_map50 ---- */

/* The boxes of one side of all images; to be freed. */
static thx_coco_box *coco_side(const json_t *images, const char *boxes, const char *scores, const char *labels,
                               size_t *n)
{
    thx_coco_box *out;
    size_t        k = 0;

    *n = 0;
    for (size_t i = 0; i < json_array_size(images); i++)
        *n += json_array_size(json_object_get(json_array_get(images, i), boxes));
    out = take(*n, sizeof *out);
    for (size_t i = 0; i < json_array_size(images); i++) {
        const json_t *image = json_array_get(images, i), *list = json_object_get(image, boxes);
        for (size_t b = 0; b < json_array_size(list); b++)
            out[k++] = (thx_coco_box){ i, json_integer_value(json_array_get(json_object_get(image, labels), b)),
                                       box_of(json_array_get(list, b)),
                                       vec_value(json_array_get(json_object_get(image, scores), b)) };
    }
    return out;
}

/* One value a class, keyed by its number. */
static void check_classes(vec *v, const char *what, const thx_coco_class *c, size_t n, bool recall, const json_t *want)
{
    if (json_object_size(want) != n) vec_fail(v, "%s: %zu classes, wanted %zu", what, n, json_object_size(want));
    for (size_t k = 0; k < n; k++) {
        char key[24];
        snprintf(key, sizeof key, "%lld", (long long)c[k].label);
        vec_number(v, what, recall ? c[k].recall[0] : c[k].ap[0], json_object_get(want, key), limit, 0);
    }
}

static void check_coco_with(vec *v, const json_t *images, const json_t *expected, bool torchmetrics)
{
    size_t           n, m;
    thx_coco_box    *d = coco_side(images, "dt_boxes", "dt_scores", "dt_labels", &n);
    thx_coco_box    *r = coco_side(images, "gt_boxes", "", "gt_labels", &m);
    thx_coco_options o = thx_coco_options_at_half();
    thx_coco        *c = NULL;
    thorax_error     err = { 0 };
    double           map, mar;

    o.torchmetrics = torchmetrics;
    if (vec_ok(v, thx_coco_open(&c, d, n, r, m, json_array_size(images), &o, &err), &err)) {
        thx_coco_class *classes = take(thx_coco_classes(c), sizeof *classes);
        thx_coco_ap(c, NULL, classes, &map, &mar);
        vec_number(v, torchmetrics ? "torchmetrics map" : "map", map,
                   json_object_get(expected, torchmetrics ? "torchmetrics_1_4_map_50" : "map_50"), limit, 0);
        check_classes(v, torchmetrics ? "torchmetrics ap" : "ap", classes, thx_coco_classes(c), false,
                      json_object_get(expected, torchmetrics ? "torchmetrics_1_4_per_class_ap50" : "per_class_ap50"));
        if (!torchmetrics) {
            check_classes(v, "recall", classes, thx_coco_classes(c), true,
                          json_object_get(expected, "per_class_max_recall"));
            vec_number(v, "mar", mar, json_object_get(expected, "mar_100_at_50"), limit, 0);
        }
        free(classes);
    }
    thx_coco_close(c);
    free(d);
    free(r);
}

static void check_coco(vec *v, const json_t *input, const json_t *expected)
{
    check_coco_with(v, json_object_get(input, "images"), expected, false);
    check_coco_with(v, json_object_get(input, "images"), expected, true);
}

/* ---- wbf, wbf_radvlm ---- */

static void check_wbf(vec *v, const json_t *input, const json_t *expected)
{
    char reason[FUSION_REASON];

    if (!fusion_generic(input, expected, reason)) vec_fail(v, "%s", reason);
}

static void check_wbf_radvlm(vec *v, const json_t *input, const json_t *expected)
{
    char reason[FUSION_REASON];

    if (!fusion_radvlm(input, json_object_get(expected, "boxes"), false, reason)) vec_fail(v, "%s", reason);
}

const vec_kind vec_box_kinds[] = {
    { "iou", check_iou },
    { "radvlm_boxes", check_radvlm_boxes },
    { "coco_map50", check_coco },
    { "wbf", check_wbf },
    { "wbf_radvlm", check_wbf_radvlm },
    { 0 },
};
