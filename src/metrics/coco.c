/* COCO's average precision (pycocotools, cocoeval): detections are matched once, figures counted from the matches.
 *
 * References and detections are sorted by class and image, so that each class of an image is a stretch of both. A
 * class keeps its detections by score over all images. */
#include "metrics/boxes.h"

#include <math.h>
#include <stdlib.h>

enum { RECALLS = 101 };

static const double area_max = 1e10; /* of the range "all"; beyond it, and below 0, references are ignored */

typedef struct entry {
    int64_t  label;
    size_t   image, index; /* in the caller's array; of kept detections the place before the sort by score */
    thx_rect box;
    double   score;
    bool     outside;      /* of the range of areas                                   */
    uint32_t hit, ignored; /* a bit each threshold                                    */
} entry;

/* What figures are made from: of a kept detection, by score. An image counts up to 2^32 - 1 times. */
typedef struct mark {
    size_t   image;
    uint32_t hit, ignored;
} mark;

typedef struct stretch { int64_t label; size_t first, n, first_ref, n_refs; } stretch;

struct thx_coco {
    thx_coco_options options;
    entry           *detections, *references;
    mark            *marks; /* where the detections are */
    stretch         *classes;
    size_t           n_classes;
    double           recall[RECALLS];
};

thx_coco_options thx_coco_options_at_half(void)
{
    return (thx_coco_options){ .n_thresholds = 1, .threshold = { 0.5 }, .max_detections = 100 };
}

thx_coco_options thx_coco_options_general(void)
{
    thx_coco_options o = { .n_thresholds = 10, .max_detections = 100 };

    for (size_t t = 0; t < 9; t++) o.threshold[t] = (double)t * ((0.95 - 0.5) / 9.0) + 0.5;
    o.threshold[9] = 0.95;
    return o;
}

/* NumPy's linear space from 0 to 1. torchmetrics takes PyTorch's in f32, whose kernel goes eight at a time from both
 * ends; a recall that is a multiple of 0.01 then lies above or below its threshold. */
static void make_recalls(double *recall, bool torch)
{
    const float step = 1.0f / 100.0f;

    for (int k = 0; k < RECALLS; k++) {
        const int   base = k < 96 ? k / 8 * 8 : k;
        const float from_end = (float)(100 - base) * step, lane = (float)(k - base) * step;
        const float start = base < 50 ? (float)base * step : 1.0f - from_end;
        recall[k] = torch ? (double)(start + lane) : k == RECALLS - 1 ? 1.0 : (double)k * 0.01;
    }
}

/* ---- Order ---- */

static int place(const entry *x, const entry *y)
{
    if (x->label != y->label) return x->label < y->label ? -1 : 1;
    return x->image < y->image ? -1 : x->image > y->image;
}

static int by_index(const entry *x, const entry *y) { return x->index < y->index ? -1 : x->index > y->index; }

/* Ignored references come last. */
static int reference_order(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    const int    p = place(x, y);

    return p ? p : x->outside != y->outside ? (x->outside ? 1 : -1) : by_index(x, y);
}

static int score_order(const void *a, const void *b)
{
    const entry *x = a, *y = b;

    return x->score != y->score ? (x->score < y->score ? 1 : -1) : by_index(x, y);
}

static int detection_order(const void *a, const void *b)
{
    const int p = place(a, b);

    return p ? p : score_order(a, b);
}

/* ---- Matching ---- */

/* One detection at one threshold: of the free references that reach it the one of greatest IoU, the last of equals; an
 * ignored one only where no other does. */
static void match_at(entry *d, entry *refs, size_t m, uint32_t bit, double threshold)
{
    double best = fmin(threshold, 1.0 - 1e-10);
    size_t found = m;

    for (size_t k = 0; k < m; k++) {
        if (refs[k].hit & bit) continue;
        if (found < m && !refs[found].outside && refs[k].outside) break;
        const double iou = thx_iou_xywh(d->box, refs[k].box);
        if (iou < best) continue;
        best = iou;
        found = k;
    }
    if (found < m) {
        refs[found].hit |= bit;
        *(refs[found].outside ? &d->ignored : &d->hit) |= bit;
    } else if (d->outside) {
        d->ignored |= bit;
    }
}

/* The detections of one class in one image. */
static void match_image(const thx_coco_options *o, entry *detections, size_t n, entry *refs, size_t m)
{
    for (size_t t = 0; t < o->n_thresholds; t++)
        for (size_t i = 0; i < n; i++) match_at(&detections[i], refs, m, 1u << t, o->threshold[t]);
}

/* How many entries from `first` on share its class and, unless `all`, its image. */
static size_t run_of(const entry *e, size_t first, size_t n, bool all)
{
    size_t k = first;

    while (k < n && (all ? e[k].label == e[first].label : !place(&e[k], &e[first]))) k++;
    return k - first;
}

/* Matches a class image by image; the detections that are kept move to the front. Returns their number. */
static size_t match_class(const thx_coco_options *o, entry *d, size_t n, entry *refs, size_t m)
{
    size_t kept = 0, r = 0;

    for (size_t i = 0, run; i < n; i += run) {
        const size_t image = d[i].image;
        run = run_of(d, i, n, false);
        const size_t count = run < o->max_detections ? run : o->max_detections;
        while (r < m && refs[r].image < image) r++;
        const size_t with = r < m && refs[r].image == image ? run_of(refs, r, m, false) : 0;
        match_image(o, d + i, count, refs + r, with);
        for (size_t k = 0; k < count; k++, kept++) {
            d[kept] = d[i + k];
            d[kept].index = kept;
        }
    }
    qsort(d, kept, sizeof *d, score_order);
    return kept;
}

/* ---- Opening ---- */

/* In f32, the difference rounded once. */
static thx_rect rect_f32(thx_box b)
{
    const float x1 = (float)b.x1, y1 = (float)b.y1, x2 = (float)b.x2, y2 = (float)b.y2;

    return (thx_rect){ x1, y1, x2 - x1, y2 - y1 };
}

static thorax_status take(entry *out, const thx_coco_box *b, size_t index, size_t images, const thx_coco_options *o,
                          const char *side, thorax_error *err)
{
    const thx_box *x = &b->box;

    if (b->image >= images)
        return thx_fail(err, THORAX_USAGE, index, "%s %zu: image %zu of %zu", side, index, b->image, images);
    if (!isfinite(x->x1) || !isfinite(x->y1) || !isfinite(x->x2) || !isfinite(x->y2) || !isfinite(b->score))
        return thx_fail(err, THORAX_FORMAT, index, "%s %zu: finite numbers wanted", side, index);
    *out = (entry){ .label = o->one_class ? 0 : b->label, .image = b->image, .index = index };
    out->box = o->torchmetrics ? rect_f32(*x) : thx_rect_of(*x);
    out->score = o->torchmetrics ? (double)(float)b->score : b->score;
    out->outside = out->box.w * out->box.h < 0.0 || out->box.w * out->box.h > area_max;
    return THORAX_OK;
}

/* Classes of both sides, and the matches of each. `refs` [m], `d` [n] in order. */
static void match_all(thx_coco *c, size_t n, size_t m)
{
    entry *d = c->detections, *refs = c->references;

    for (size_t i = 0, r = 0; i < n || r < m;) {
        const int64_t label = r == m || (i < n && d[i].label < refs[r].label) ? d[i].label : refs[r].label;
        stretch      *s = &c->classes[c->n_classes++];
        const size_t  run = i < n && d[i].label == label ? run_of(d, i, n, true) : 0;
        const size_t  with = r < m && refs[r].label == label ? run_of(refs, r, m, true) : 0;
        *s = (stretch){ .label = label, .first = i, .first_ref = r, .n_refs = with };
        s->n = match_class(&c->options, d + i, run, refs + r, with);
        for (size_t k = i; k < i + s->n; k++) c->marks[k] = (mark){ d[k].image, d[k].hit, d[k].ignored };
        i += run;
        r += with;
    }
}

thorax_status thx_coco_open(thx_coco **out, const thx_coco_box *detections, size_t n, const thx_coco_box *references,
                            size_t m, size_t images, const thx_coco_options *options, thorax_error *err)
{
    thx_coco     *c = calloc(1, sizeof *c);
    thorax_status st = THORAX_OK;

    *out = NULL;
    if (c) {
        c->options = *options;
        c->detections = calloc(n + 1, sizeof *c->detections);
        c->references = calloc(m + 1, sizeof *c->references);
        c->marks = calloc(n + 1, sizeof *c->marks);
        c->classes = calloc(n + m + 1, sizeof *c->classes);
    }
    if (!c || !c->detections || !c->references || !c->marks || !c->classes)
        st = thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu boxes", n + m);
    else if (!options->n_thresholds || options->n_thresholds > THX_COCO_THRESHOLDS_MAX)
        st = thx_fail(err, THORAX_USAGE, 0, "IoU thresholds: 1 to %d wanted, %zu found", THX_COCO_THRESHOLDS_MAX,
                      options->n_thresholds);
    for (size_t i = 0; i < n && !st; i++)
        st = take(&c->detections[i], &detections[i], i, images, options, "detection", err);
    for (size_t i = 0; i < m && !st; i++)
        st = take(&c->references[i], &references[i], i, images, options, "reference", err);
    if (st) {
        thx_coco_close(c);
        return st;
    }
    make_recalls(c->recall, options->torchmetrics);
    qsort(c->detections, n, sizeof *c->detections, detection_order);
    qsort(c->references, m, sizeof *c->references, reference_order);
    match_all(c, n, m);
    *out = c;
    return THORAX_OK;
}

void thx_coco_close(thx_coco *c)
{
    if (!c) return;
    free(c->detections);
    free(c->references);
    free(c->marks);
    free(c->classes);
    free(c);
}

/* ---- Figures ---- */

size_t thx_coco_classes(const thx_coco *c) { return c->n_classes; }

static size_t times_of(const uint32_t *times, size_t image) { return times ? times[image] : 1; }

/* One threshold: hits, and detections that do not count, as whole numbers that a division takes as they are, and where
 * it stands among the recall thresholds on the way back. */
typedef struct way {
    double tp, ignored;
    double highest, sum;
    int    recall;
} way;

/* The smallest number of hits at which each recall threshold is reached. */
static void hits_wanted(const thx_coco *c, double *wanted, double refs)
{
    for (int k = 0; k < RECALLS; k++) {
        double hits = floor(c->recall[k] * refs);
        while (hits > 0 && c->recall[k] <= (hits - 1) / refs) hits--;
        while (c->recall[k] > hits / refs) hits++;
        wanted[k] = hits;
    }
}

/* Counts all detections, of which there are so many. */
static double count_marks(way *w, const mark *m, size_t n, const uint32_t *times)
{
    double all = 0;

    for (size_t i = 0; i < n; i++) {
        const double count = (double)(uint32_t)times_of(times, m[i].image);
        if (count == 0) continue;
        all += count;
        for (uint32_t bits = m[i].hit; bits; bits &= bits - 1) w[__builtin_ctz(bits)].tp += count;
        for (uint32_t bits = m[i].ignored; bits; bits &= bits - 1) w[__builtin_ctz(bits)].ignored += count;
    }
    return all;
}

/* A detection that hit, `count` times over, the last of `all`. The first of its hits to be met has the greatest
 * precision. The lowest threshold, 0, lies before the first detection. */
static void take_hit(way *w, double count, double all, const double *wanted)
{
    const double precision = w->tp / (all - w->ignored + 0x1p-52);

    if (precision > w->highest) w->highest = precision;
    w->tp -= count;
    for (; w->recall > 0 && w->tp < wanted[w->recall]; w->recall--) w->sum += w->highest;
}

/* From the last detection back: `highest` is the greatest precision from here on, which each hit gives to the recall
 * thresholds between the recall before it and its own. A miss never has more than the hit before it. */
static void go_back(way *w, const mark *m, size_t n, const uint32_t *times, double all, const double *wanted)
{
    for (size_t i = n; i--;) {
        const double count = (double)(uint32_t)times_of(times, m[i].image);
        if (count == 0) continue;
        for (uint32_t bits = m[i].hit; bits; bits &= bits - 1)
            take_hit(&w[__builtin_ctz(bits)], count, all, wanted);
        for (uint32_t bits = m[i].ignored; bits; bits &= bits - 1) w[__builtin_ctz(bits)].ignored -= count;
        all -= count;
    }
}

void thx_coco_class_ap(const thx_coco *c, size_t k, const uint32_t *times, thx_coco_class *out)
{
    const stretch *s = &c->classes[k];
    const size_t   thresholds = c->options.n_thresholds;
    const mark    *m = c->marks + s->first;
    const entry   *refs = c->references + s->first_ref;
    way            w[THX_COCO_THRESHOLDS_MAX] = { 0 };
    double         wanted[RECALLS];

    *out = (thx_coco_class){ .label = s->label, .mean_ap = -1, .mean_recall = -1 };
    for (size_t i = 0; i < s->n; i++) out->detections += times_of(times, m[i].image);
    for (size_t i = 0; i < s->n_refs; i++) out->references += refs[i].outside ? 0 : times_of(times, refs[i].image);
    for (size_t t = 0; t < thresholds; t++) out->ap[t] = out->recall[t] = -1;
    if (!out->references) return;
    const double all = count_marks(w, m, s->n, times);
    hits_wanted(c, wanted, (double)out->references);
    for (size_t t = 0; t < thresholds; t++) {
        out->recall[t] = w[t].tp / (double)out->references;
        for (w[t].recall = RECALLS - 1; w[t].recall > 0 && w[t].tp < wanted[w[t].recall];) w[t].recall--;
    }
    go_back(w, m, s->n, times, all, wanted);
    out->mean_ap = out->mean_recall = 0;
    for (size_t t = 0; t < thresholds; t++) {
        out->ap[t] = (w[t].sum + w[t].highest) / RECALLS;
        out->mean_ap += out->ap[t] / (double)thresholds;
        out->mean_recall += out->recall[t] / (double)thresholds;
    }
}

void thx_coco_ap(const thx_coco *c, const uint32_t *times, thx_coco_class *classes, double *map, double *mar)
{
    double ap = 0, recall = 0;
    size_t n = 0;

    for (size_t k = 0; k < c->n_classes; k++) {
        thx_coco_class_ap(c, k, times, &classes[k]);
        if (!classes[k].references) continue;
        ap += classes[k].mean_ap;
        recall += classes[k].mean_recall;
        n++;
    }
    if (map) *map = n ? ap / (double)n : -1.0;
    if (mar) *mar = n ? recall / (double)n : -1.0;
}
