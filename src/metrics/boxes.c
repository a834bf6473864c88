/* IoU, and RadVLM's figures of boxes, which know neither scores nor classes. */
#include "metrics/boxes.h"

#include <math.h>
#include <stdlib.h>

/* ---- Intersection over union ---- */

/* Python's max and min: the first of the two unless the second is strictly beyond it. */
static double larger(double a, double b) { return b > a ? b : a; }
static double smaller(double a, double b) { return b < a ? b : a; }

static double area(thx_box b) { return (b.x2 - b.x1) * (b.y2 - b.y1); }

static double shared(thx_box a, thx_box b)
{
    const double w = smaller(a.x2, b.x2) - larger(a.x1, b.x1), h = smaller(a.y2, b.y2) - larger(a.y1, b.y1);

    return larger(0.0, w) * larger(0.0, h);
}

static double joined(thx_box a, thx_box b) { return area(a) + area(b) - shared(a, b); }

double thx_iou_radvlm(thx_box a, thx_box b) { return shared(a, b) / joined(a, b); }

bool thx_iou_defined(thx_box a, thx_box b) { return joined(a, b) != 0.0; }

double thx_iou_xywh(thx_rect d, thx_rect r)
{
    const double w = fmin(d.w + d.x, r.w + r.x) - fmax(d.x, r.x);
    const double h = fmin(d.h + d.y, r.h + r.y) - fmax(d.y, r.y);

    return w > 0.0 && h > 0.0 ? w * h / (d.w * d.h + r.w * r.h - w * h) : 0.0;
}

thx_rect thx_rect_of(thx_box b) { return (thx_rect){ b.x1, b.y1, b.x2 - b.x1, b.y2 - b.y1 }; }

double thx_iou_coco(thx_box detection, thx_box reference)
{
    return thx_iou_xywh(thx_rect_of(detection), thx_rect_of(reference));
}

/* ---- One answer ---- */

/* The reference that a prediction points at: the first of greatest IoU; a NaN is greater than all, as NumPy has it. */
static thorax_status point_at(size_t *best, double *iou, thx_boxes_sample *s, thx_box prediction,
                              const thx_box *references, size_t m, bool numpy_numbers, thorax_error *err)
{
    *best = 0;
    *iou = -INFINITY;
    for (size_t k = 0; k < m; k++) {
        if (!numpy_numbers && !thx_iou_defined(prediction, references[k]))
            return thx_fail(err, THORAX_FORMAT, 0, "boxes without a common area: IoU is 0 over 0 (ZeroDivisionError)");
        const double x = thx_iou_radvlm(prediction, references[k]);
        s->iou_sum += x;
        if (k == 0 || x > *iou || (isnan(x) && !isnan(*iou))) {
            *best = k;
            *iou = x;
        }
    }
    return THORAX_OK;
}

/* Precision made non-increasing from the right, times the steps of recall, which are where hits are. */
static double average_precision(const unsigned char *hit, size_t n, size_t hits, size_t m)
{
    double highest = 0, ap = 0;

    for (size_t i = n, tp = hits; i--;) {
        highest = larger(highest, (double)tp / (double)(i + 1));
        if (!hit[i]) continue;
        ap += ((double)tp / (double)m - (double)(tp - 1) / (double)m) * highest;
        tp--;
    }
    return ap;
}

thorax_status thx_boxes_radvlm_sample(thx_boxes_sample *out, const thx_box *predictions, size_t n,
                                      const thx_box *references, size_t m, const thx_boxes_rules *rules,
                                      thorax_error *err)
{
    const thx_boxes_rules r = rules ? *rules : (thx_boxes_rules){ false, false };
    thorax_status         st = THORAX_OK;

    *out = (thx_boxes_sample){ .predictions = n, .references = m };
    if (!n && !m) out->ap = r.empty_is_right ? 1.0 : 0.0;
    if (!n || !m) return THORAX_OK;
    unsigned char *hit = calloc(n, 1), *taken = calloc(m, 1);
    if (!hit || !taken) st = thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu boxes", n + m);
    for (size_t i = 0; i < n && !st; i++) {
        size_t best;
        double iou;
        st = point_at(&best, &iou, out, predictions[i], references, m, r.numpy_numbers, err);
        if (st || !(iou >= 0.5) || taken[best]) continue;
        hit[i] = taken[best] = 1;
        out->hits++;
    }
    if (!st) {
        out->pairs = n * m;
        out->ap = average_precision(hit, n, out->hits, m);
    }
    free(hit);
    free(taken);
    return st;
}

void thx_boxes_radvlm_map(thx_boxes_figures *out, const thx_boxes_sample *samples, const size_t *pick, size_t n)
{
    double ap = 0, iou = 0;

    *out = (thx_boxes_figures){ .n = n };
    for (size_t i = 0; i < n; i++) {
        const thx_boxes_sample *s = &samples[pick ? pick[i] : i];
        ap += s->ap;
        iou += s->iou_sum;
        out->pairs += s->pairs;
        out->empty += !s->predictions && !s->references;
        out->missed += !s->predictions && s->references;
        out->invented += s->predictions && !s->references;
    }
    out->map = n ? ap / (double)n : 0.0;
    out->avg_iou = out->pairs ? iou / (double)out->pairs : NAN;
}
