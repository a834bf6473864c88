/* Weighted Boxes Fusion (ensemble_boxes 1.0.9 under NumPy 1.x).
 *
 * Records of one label are taken by weighted score. Each joins the fused box it overlaps most, or begins one. A fused
 * box of two and more is held in f32: the products are made in double, every sum is rounded, the divisor too. */
#include "metrics/fusion.h"
#include "metrics/fusion_order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct record {
    int64_t label;
    double  score, weight; /* score times weight of its model; that weight */
    size_t  model;
    double  b[4];
} record;

typedef struct cluster {
    double  b[4], score;   /* the fused box                                      */
    float   sum[4];        /* of score × coordinate, rounded after every member  */
    double  scores, greatest, weights;
    size_t  n, first, last; /* members, chained by `next`                        */
    int64_t label;
} cluster;

typedef struct fusion {
    const thx_wbf_options *options;
    record  *records;      /* [n] what the filter leaves, label by label         */
    size_t   n;
    size_t  *order, *next; /* [n] records as they are taken; the next member     */
    double  *keys, *scratch;
    cluster *clusters;     /* [n]                                                */
    size_t   n_clusters;
    bool    *present;      /* [models]                                           */
} fusion;

thx_wbf_options thx_wbf_options_default(size_t models) { return (thx_wbf_options){ .models = models, .iou = 0.55 }; }

thorax_status thx_wbf_confidence_of(thx_wbf_confidence *out, const char *name, thorax_error *err)
{
    static const char *const names[] = { "avg", "max", "box_and_model_avg", "absent_model_aware_avg" };

    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
        if (!strcmp(name, names[k])) {
            *out = (thx_wbf_confidence)k;
            return THORAX_OK;
        }
    return thx_fail(err, THORAX_USAGE, 0, "confidence: avg, max, box_and_model_avg or absent_model_aware_avg wanted, "
                    "'%.40s' found", name);
}

static double model_weight(const thx_wbf_options *o, size_t model)
{
    return o->weights && o->n_weights == o->models ? o->weights[model] : 1.0;
}

/* ---- Records ---- */

static double clip(double x) { return x < 0.0 ? 0.0 : x > 1.0 ? 1.0 : x; }

/* False for a box that is left out. */
static bool make_record(record *r, const thx_wbf_box *b, const thx_wbf_options *o)
{
    const double w = model_weight(o, b->model);
    const thx_box *x = &b->box;
    const bool   turn_x = x->x2 < x->x1, turn_y = x->y2 < x->y1;

    *r = (record){ .label = b->label, .score = b->score * w, .weight = w, .model = b->model,
                   .b = { clip(turn_x ? x->x2 : x->x1), clip(turn_y ? x->y2 : x->y1),
                          clip(turn_x ? x->x1 : x->x2), clip(turn_y ? x->y1 : x->y2) } };
    return !(b->score < o->skip) && (r->b[2] - r->b[0]) * (r->b[3] - r->b[1]) != 0.0;
}

static thorax_status check(const thx_wbf_box *boxes, size_t n, const thx_wbf_options *o, thorax_error *err)
{
    for (size_t i = 0; i < n; i++) {
        const thx_box *x = &boxes[i].box;
        if (boxes[i].model >= o->models || (i && boxes[i].model < boxes[i - 1].model))
            return thx_fail(err, THORAX_USAGE, i, "box %zu: models from 0 to %zu in ascending order wanted, %zu found",
                            i, o->models, boxes[i].model);
        if (!isfinite(x->x1) || !isfinite(x->y1) || !isfinite(x->x2) || !isfinite(x->y2) || !isfinite(boxes[i].score))
            return thx_fail(err, THORAX_FORMAT, i, "box %zu: finite numbers wanted", i);
    }
    return THORAX_OK;
}

/* Filters; the labels in the order in which they first appear. */
static void make_records(fusion *f, const thx_wbf_box *boxes, size_t n, record *all)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) kept += make_record(&all[kept], &boxes[i], f->options);
    for (size_t i = 0; i < kept; i++) {
        bool seen = false;
        for (size_t k = 0; k < f->n && !seen; k++) seen = f->records[k].label == all[i].label;
        for (size_t k = i; k < kept && !seen; k++)
            if (all[k].label == all[i].label) f->records[f->n++] = all[k];
    }
}

/* ---- Clusters ---- */

static double overlap(const double a[4], const double b[4])
{
    const double w = fmin(a[2], b[2]) - fmax(a[0], b[0]), h = fmin(a[3], b[3]) - fmax(a[1], b[1]);
    const double inter = (w > 0.0 ? w : 0.0) * (h > 0.0 ? h : 0.0);

    /* NumPy's minimum and maximum keep a NaN, C's do not; a fused box is NaN as a whole */
    return isnan(a[0]) ? NAN : inter / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter);
}

/* The cluster from `from` on that a box joins: the first of greatest IoU, where that is above the threshold. A NaN is
 * greater than all and not below any threshold. f->n_clusters: none. */
static size_t match(const fusion *f, size_t from, const double b[4])
{
    size_t best = f->n_clusters;
    double iou = -1.0;

    for (size_t k = from; k < f->n_clusters; k++) {
        const double x = overlap(f->clusters[k].b, b);
        if (best == f->n_clusters || x > iou) best = k, iou = x;
        if (isnan(x)) return k;
    }
    return best < f->n_clusters && iou > f->options->iou ? best : f->n_clusters;
}

static void add_member(fusion *f, cluster *c, size_t i)
{
    const record *r = &f->records[i];

    if (c->n) f->next[c->last] = i;
    else c->first = i;
    f->next[i] = SIZE_MAX;
    c->last = i;
    c->n++;
    c->scores += r->score;
    c->weights += r->weight;
    if (c->n == 1 || r->score > c->greatest) c->greatest = r->score;
    for (size_t k = 0; k < 4; k++) c->sum[k] = (float)((double)c->sum[k] + r->score * r->b[k]);
}

static void open_cluster(fusion *f, size_t i)
{
    cluster      *c = &f->clusters[f->n_clusters++];
    const record *r = &f->records[i];

    *c = (cluster){ .label = r->label, .score = r->score };
    memcpy(c->b, r->b, sizeof c->b);
    add_member(f, c, i);
}

static void join_cluster(fusion *f, cluster *c, size_t i)
{
    add_member(f, c, i);
    for (size_t k = 0; k < 4; k++) c->b[k] = c->sum[k] / (float)c->scores;
    c->score = (float)(f->options->confidence == THX_WBF_MAX ? c->greatest : c->scores / (double)c->n);
}

/* The records of one label, f->records[from] … [to - 1]. */
static void fuse_label(fusion *f, size_t from, size_t to)
{
    const size_t n = to - from, first_cluster = f->n_clusters;

    for (size_t i = 0; i < n; i++) f->keys[i] = f->records[from + i].score;
    thx_order_descending(f->order, f->keys, n, f->options->stable, f->scratch);
    for (size_t i = 0; i < n; i++) {
        const size_t r = from + f->order[i], k = match(f, first_cluster, f->records[r].b);
        if (k < f->n_clusters) join_cluster(f, &f->clusters[k], r);
        else open_cluster(f, r);
    }
}

/* ---- Confidence ---- */

/* Weights of the models that a cluster has members of, or of those it has none of. */
static double model_weights(fusion *f, const cluster *c, bool present)
{
    double sum = 0;

    memset(f->present, 0, f->options->models * sizeof *f->present);
    for (size_t i = c->first; i != SIZE_MAX; i = f->next[i]) f->present[f->records[i].model] = true;
    for (size_t t = 0; t < f->options->models; t++)
        if (f->present[t] == present) sum += model_weight(f->options, t);
    return sum;
}

static double confidence(fusion *f, const cluster *c)
{
    const thx_wbf_options *o = f->options;
    const double           n = (double)c->n, models = (double)o->models;
    const double           weight = c->n > 1 ? (double)(float)c->weights : c->weights;
    double                 all = 0, greatest = -INFINITY;

    for (size_t t = 0; t < o->models; t++) {
        all += model_weight(o, t);
        greatest = fmax(greatest, model_weight(o, t));
    }
    switch (o->confidence) {
    case THX_WBF_MAX: return c->score / greatest;
    case THX_WBF_BOX_AND_MODEL_AVG: return c->score * n / weight * model_weights(f, c, true) / all;
    case THX_WBF_ABSENT_MODEL_AWARE_AVG: return c->score * n / (weight + model_weights(f, c, false));
    case THX_WBF_AVG: break;
    }
    return c->score * (o->overflow ? n : fmin(models, n)) / all;
}

/* ---- The whole ---- */

static void fuse(fusion *f, thx_wbf_fused *out, size_t *n_out)
{
    for (size_t i = 0, k; i < f->n; i = k) {
        for (k = i + 1; k < f->n && f->records[k].label == f->records[i].label; k++) {}
        fuse_label(f, i, k);
    }
    for (size_t k = 0; k < f->n_clusters; k++) f->keys[k] = f->clusters[k].score = confidence(f, &f->clusters[k]);
    thx_order_descending(f->order, f->keys, f->n_clusters, f->options->stable, f->scratch);
    for (size_t k = 0; k < f->n_clusters; k++) {
        const cluster *c = &f->clusters[f->order[k]];
        out[k] = (thx_wbf_fused){ { c->b[0], c->b[1], c->b[2], c->b[3] }, c->score, c->label };
    }
    *n_out = f->n_clusters;
}

thorax_status thx_wbf(thx_wbf_fused *out, size_t *n_out, const thx_wbf_box *boxes, size_t n,
                      const thx_wbf_options *options, thorax_error *err)
{
    fusion        f = { .options = options };
    thorax_status st = check(boxes, n, options, err);

    *n_out = 0;
    if (st || !n) return st;
    record *all = calloc(n, sizeof *all);
    f.records = calloc(n, sizeof *f.records);
    f.order = calloc(n, sizeof *f.order);
    f.next = calloc(n, sizeof *f.next);
    f.keys = calloc(n, sizeof *f.keys);
    f.scratch = calloc(n, sizeof *f.scratch);
    f.clusters = calloc(n, sizeof *f.clusters);
    f.present = calloc(options->models, sizeof *f.present);
    if (all && f.records && f.order && f.next && f.keys && f.scratch && f.clusters && f.present) {
        make_records(&f, boxes, n, all);
        fuse(&f, out, n_out);
    } else {
        st = thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu boxes", n);
    }
    free(all);
    free(f.records);
    free(f.order);
    free(f.next);
    free(f.keys);
    free(f.scratch);
    free(f.clusters);
    free(f.present);
    return st;
}

/* ---- RadVLM ---- */

static double rounded(double x) { return rint(x * 1000.0) / 1000.0; }

thorax_status thx_wbf_radvlm(thx_box *out, size_t *n_out, const thx_box *boxes, size_t n, double rows, double columns,
                             double iou, bool stable, thorax_error *err)
{
    thx_wbf_options options = thx_wbf_options_default(1);
    thorax_status   st;

    *n_out = 0;
    if (!(rows > 0.0 && columns > 0.0))
        return thx_fail(err, THORAX_USAGE, 0, "a film of rows and columns wanted, %g by %g found", rows, columns);
    options.iou = iou;
    options.stable = stable;
    thx_wbf_box   *in = calloc(n + 1, sizeof *in);
    thx_wbf_fused *fused = calloc(n + 1, sizeof *fused);
    if (!in || !fused) {
        st = thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu boxes", n);
    } else {
        for (size_t i = 0; i < n; i++) {
            const thx_box *b = &boxes[i];
            in[i] = (thx_wbf_box){ { b->x1 / columns, b->y1 / rows, b->x2 / columns, b->y2 / rows }, 1.0, 0, 0 };
        }
        st = thx_wbf(fused, n_out, in, n, &options, err);
    }
    for (size_t i = 0; i < *n_out; i++) {
        const thx_box *b = &fused[i].box;
        out[i] = (thx_box){ rounded(b->x1), rounded(b->y1), rounded(b->x2), rounded(b->y2) };
    }
    free(in);
    free(fused);
    return st;
}
