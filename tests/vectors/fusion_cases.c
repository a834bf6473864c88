/* Cases of box fusion; see fusion_cases.h. */
#include "fusion_cases.h"

#include "metrics/fusion.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const double limit = 1e-9; /* absolute; sums in f32 as the original has them */

static double number(const json_t *x)
{
    const char *text = json_string_value(x); /* what is not finite stands as a text */

    return text ? strtod(text, NULL) : json_number_value(x);
}

static double at(const json_t *list, size_t i) { return number(json_array_get(list, i)); }

static thx_box box_of(const json_t *b) { return (thx_box){ at(b, 0), at(b, 1), at(b, 2), at(b, 3) }; }

static bool near(double got, double want, double absolute)
{
    return isnan(want) ? isnan(got) : fabs(got - want) <= absolute;
}

static bool same_box(const thx_box *got, const json_t *want, double absolute)
{
    return json_array_size(want) == 4 && near(got->x1, at(want, 0), absolute) && near(got->y1, at(want, 1), absolute)
           && near(got->x2, at(want, 2), absolute) && near(got->y2, at(want, 3), absolute);
}

static bool differs(char *reason, const char *what, size_t i, double got, double want)
{
    snprintf(reason, FUSION_REASON, "%s %zu: %.17g, wanted %.17g", what, i, got, want);
    return false;
}

/* All models' boxes in a row; to be freed. */
static thx_wbf_box *read_boxes(const json_t *input, size_t *n)
{
    const json_t *lists = json_object_get(input, "boxes_list");
    thx_wbf_box  *out;
    size_t        k = 0;

    *n = 0;
    for (size_t t = 0; t < json_array_size(lists); t++) *n += json_array_size(json_array_get(lists, t));
    if (!(out = calloc(*n + 1, sizeof *out))) abort();
    for (size_t t = 0; t < json_array_size(lists); t++) {
        const json_t *list = json_array_get(lists, t);
        const json_t *scores = json_array_get(json_object_get(input, "scores_list"), t);
        const json_t *labels = json_array_get(json_object_get(input, "labels_list"), t);
        for (size_t i = 0; i < json_array_size(list); i++)
            out[k++] = (thx_wbf_box){ box_of(json_array_get(list, i)), at(scores, i), (int64_t)at(labels, i), t };
    }
    return out;
}

static bool compare(const thx_wbf_fused *got, size_t n, const json_t *want, char *reason)
{
    const json_t *boxes = json_object_get(want, "boxes"), *scores = json_object_get(want, "scores");
    const json_t *labels = json_object_get(want, "labels");

    if (json_array_size(boxes) != n) return differs(reason, "boxes", n, (double)n, (double)json_array_size(boxes));
    for (size_t i = 0; i < n; i++) {
        const json_t *b = json_array_get(boxes, i);
        if (!same_box(&got[i].box, b, limit)) return differs(reason, "box", i, got[i].box.x1, at(b, 0));
        if (!near(got[i].score, at(scores, i), limit)) return differs(reason, "score", i, got[i].score, at(scores, i));
        if ((double)got[i].label != at(labels, i))
            return differs(reason, "label", i, (double)got[i].label, at(labels, i));
    }
    return true;
}

bool fusion_generic(const json_t *input, const json_t *expected, char reason[FUSION_REASON])
{
    const json_t   *w = json_object_get(input, "weights");
    thx_wbf_options o = thx_wbf_options_default(json_array_size(json_object_get(input, "boxes_list")));
    double         *weights = calloc(json_array_size(w) + 1, sizeof *weights);
    size_t          n, m = 0;
    thx_wbf_box    *in = read_boxes(input, &n);
    thx_wbf_fused  *out = calloc(n + 1, sizeof *out);
    thorax_error    err = { 0 };

    if (!weights || !out) abort();
    for (size_t t = 0; t < json_array_size(w); t++) weights[t] = at(w, t);
    o.weights = json_is_array(w) ? weights : NULL;
    o.n_weights = json_array_size(w);
    o.iou = number(json_object_get(input, "iou_thr"));
    o.skip = number(json_object_get(input, "skip_box_thr"));
    o.overflow = json_is_true(json_object_get(input, "allows_overflow"));
    const char   *how = json_string_value(json_object_get(input, "conf_type"));
    thorax_status st = thx_wbf_confidence_of(&o.confidence, how ? how : "", &err);
    if (!st) st = thx_wbf(out, &m, in, n, &o, &err);
    if (st) snprintf(reason, FUSION_REASON, "%.200s", err.text);
    const bool good = !st && compare(out, m, expected, reason);
    free(weights);
    free(in);
    free(out);
    return good;
}

bool fusion_radvlm(const json_t *input, const json_t *boxes, bool stable, char reason[FUSION_REASON])
{
    const json_t *list = json_object_get(input, "boxes_pixels_xyxy");
    const json_t *size = json_object_get(input, "resolution_rows_cols");
    const size_t  n = json_array_size(list);
    thx_box      *in = calloc(n + 1, sizeof *in), *out = calloc(n + 1, sizeof *out);
    size_t        m;
    thorax_error  err = { 0 };

    if (!in || !out) abort();
    for (size_t i = 0; i < n; i++) in[i] = box_of(json_array_get(list, i));
    const thorax_status st = thx_wbf_radvlm(out, &m, in, n, at(size, 0), at(size, 1),
                                            number(json_object_get(input, "iou_thr")), stable, &err);
    bool good = !st;
    if (st) snprintf(reason, FUSION_REASON, "%.200s", err.text);
    else if (json_array_size(boxes) != m) good = differs(reason, "boxes", m, (double)m, (double)json_array_size(boxes));
    for (size_t i = 0; i < m && good; i++)
        if (!same_box(&out[i], json_array_get(boxes, i), 0))
            good = differs(reason, "box", i, out[i].x1, at(json_array_get(boxes, i), 0));
    free(in);
    free(out);
    return good;
}
