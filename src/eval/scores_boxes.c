/* Boxes against boxes: RadVLM's rule, which knows neither scores nor classes, and COCO's; see scores.h. */
#include "eval/scores_internal.h"

#include "metrics/boxes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Boxes of answers ---- */

thorax_status eval_predicted_boxes(thx_box **boxes, size_t *n, bool *broken, const thx_eval_item *item,
                                   thorax_error *err)
{
    const size_t found = item->has_found ? item->n_found : thx_boxes_parse(NULL, 0, item->prediction, true);

    *n = 0;
    *broken = found == SIZE_MAX;
    *boxes = malloc(((*broken ? 0 : found) + 1) * sizeof **boxes);
    if (!*boxes) return thx_fail(err, THORAX_NOMEM, 0, "no memory for boxes");
    if (*broken) return THORAX_OK;
    *n = found;
    if (!item->has_found) thx_boxes_parse(*boxes, found, item->prediction, true);
    else
        for (size_t i = 0; i < found; i++)
            (*boxes)[i] = (thx_box){ item->found[i].x1, item->found[i].y1, item->found[i].x2, item->found[i].y2 };
    return THORAX_OK;
}

/* The items that have reference boxes and a prediction. */
static thorax_status boxed_items(const eval_job *job, size_t **items, size_t *n, size_t *failed, thorax_error *err)
{
    *n = *failed = 0;
    *items = eval_alloc(job, job->n, sizeof **items);
    if (!*items) return eval_nomem(job, err);
    for (size_t i = 0; i < job->n; i++) {
        const thx_eval_item *item = &job->set->items[job->items[i]];
        if (!item->has_boxes) continue;
        if (item->prediction || item->has_found) (*items)[(*n)++] = job->items[i];
        else ++*failed;
    }
    return THORAX_OK;
}

/* ---- RadVLM ---- */

typedef enum box_figure { MAP, MAP_EMPTY_RIGHT, MAP_WITH_REFERENCE, AVG_IOU } box_figure;

static double box_value(const void *data, const void *settings, const uint32_t *pick, size_t n)
{
    const thx_boxes_sample *rows = data;
    const box_figure figure = *(const box_figure *)settings;
    double sum = 0, of = 0;

    for (size_t i = 0; i < n; i++) {
        const thx_boxes_sample *s = &rows[pick[i]];
        const bool empty = !s->predictions && !s->references;
        if (figure == MAP_WITH_REFERENCE && !s->references) continue;
        sum += figure == AVG_IOU ? s->iou_sum : figure == MAP_EMPTY_RIGHT && empty ? 1.0 : s->ap;
        of += figure == AVG_IOU ? (double)s->pairs : 1.0;
    }
    return of > 0 ? sum / of : NAN;
}

/* What is remarked below the table: answers with a number that is none, boxes that are odd, unions that are 0. */
typedef struct box_oddities { size_t broken, odd, undefined; } box_oddities;

static void look_at(box_oddities *o, const thx_box *boxes, size_t n, const thx_box *references, size_t m)
{
    bool undefined = false;

    for (size_t i = 0; i < n; i++) {
        o->odd += thx_eval_box_is_odd(boxes[i].x1, boxes[i].y1, boxes[i].x2, boxes[i].y2);
        for (size_t k = 0; k < m; k++) undefined |= !thx_iou_defined(boxes[i], references[k]);
    }
    o->undefined += undefined;
}

static thorax_status sample_of(thx_boxes_sample *out, box_oddities *oddities, const thx_eval_item *item,
                               thorax_error *err)
{
    static const thx_boxes_rules rules = { .numpy_numbers = true };
    thx_box *boxes, *references = malloc((item->n_boxes + 1) * sizeof *references);
    bool broken = false;
    size_t n;

    if (!references) return thx_fail(err, THORAX_NOMEM, 0, "no memory for boxes");
    for (size_t i = 0; i < item->n_boxes; i++)
        references[i] = (thx_box){ item->boxes[i].x1, item->boxes[i].y1, item->boxes[i].x2, item->boxes[i].y2 };
    thorax_status st = eval_predicted_boxes(&boxes, &n, &broken, item, err);
    oddities->broken += broken;
    if (!st) look_at(oddities, boxes, n, references, item->n_boxes);
    if (!st) st = thx_boxes_radvlm_sample(out, boxes, n, references, item->n_boxes, &rules, err);
    free(boxes);
    free(references);
    return st;
}

static void remark_oddities(const eval_job *job, const box_oddities *o)
{
    if (o->odd) eval_remark(job, "%zu predicted boxes lie outside the film or are reversed: used as they are", o->odd);
    if (o->broken)
        eval_remark(job, "%zu answers hold a box with a number that is none: no box, where the original stops",
                    o->broken);
    if (o->undefined)
        eval_remark(job, "%zu answers have boxes whose union is 0: no hit, where the original stops", o->undefined);
}

thorax_status eval_boxes(const eval_job *job, thorax_error *err)
{
    static const struct { const char *name, *settings; box_figure figure; } figures[] = {
        { "map50", "IoU 0.5,mean over answers,both sides empty 0", MAP },
        { "map50_empty_right", "IoU 0.5,mean over answers,both sides empty 1", MAP_EMPTY_RIGHT },
        { "map50_with_reference", "IoU 0.5,mean over answers with a reference box", MAP_WITH_REFERENCE },
        { "avg_iou", "all pairs of prediction and reference", AVG_IOU },
    };
    box_oddities oddities = { 0 };
    size_t *items, n, failed;
    thorax_status st = boxed_items(job, &items, &n, &failed, err);

    if (st || !n) return st;
    thx_boxes_sample *rows = eval_alloc(job, n, sizeof *rows);
    if (!rows) return eval_nomem(job, err);
    for (size_t i = 0; !st && i < n; i++) st = sample_of(&rows[i], &oddities, &job->set->items[items[i]], err);
    remark_oddities(job, &oddities);
    for (size_t k = 0; !st && k < sizeof figures / sizeof figures[0]; k++) {
        box_figure *settings = eval_alloc(job, 1, sizeof *settings);
        const thx_eval_table table = { rows, sizeof *rows, settings, box_value };
        if (!settings) return eval_nomem(job, err);
        *settings = figures[k].figure;
        st = eval_add_table(job, figures[k].name, NULL, figures[k].settings, NULL, &table, items, n,
                            failed + oddities.broken, err);
    }
    return st;
}

/* ---- COCO ---- */

typedef struct coco_group {
    thx_coco       *half, *general;
    size_t          n;
    const char    **labels;  /* by class number */
    size_t          n_labels;
} coco_group;

/* Of one figure, which has room of its own for a resample, so that figures may be resampled at a time. */
typedef struct coco_settings {
    const coco_group *of;
    bool              general;
    int               label;    /* -1: mean */
    size_t            place;    /* of the label's class among those of `half`; SIZE_MAX: none */
    uint32_t         *times;    /* [n]      */
    thx_coco_class   *classes;
} coco_settings;

static void close_coco(void *object)
{
    coco_group *g = object;
    thx_coco_close(g->half);
    thx_coco_close(g->general);
}

static double coco_value(void *user, const uint32_t *rows, size_t n)
{
    const coco_settings *s = user;
    const coco_group *g = s->of;
    const thx_coco *c = s->general ? g->general : g->half;
    double map;

    memset(s->times, 0, g->n * sizeof *s->times);
    for (size_t i = 0; i < n; i++) s->times[rows[i]]++;
    if (s->label < 0) {
        thx_coco_ap(c, s->times, s->classes, &map, NULL);
        return map < 0 ? NAN : map;
    }
    if (s->place == SIZE_MAX) return NAN;
    thx_coco_class_ap(c, s->place, s->times, s->classes);
    return s->classes->mean_ap < 0 ? NAN : s->classes->mean_ap;
}

/* Where a label's class stands; SIZE_MAX: neither side has it. `room` [classes]. */
static size_t place_of(const thx_coco *c, int label, thx_coco_class *room)
{
    thx_coco_ap(c, NULL, room, NULL, NULL);
    for (size_t k = 0; k < thx_coco_classes(c); k++)
        if (room[k].label == label) return k;
    return SIZE_MAX;
}

/* The number of a class by its name; names are added as they come, up to `room`. */
static int64_t class_of(coco_group *g, const char *name, size_t room)
{
    for (size_t i = 0; i < g->n_labels; i++)
        if (!strcmp(g->labels[i], name)) return (int64_t)i;
    if (g->n_labels == room) return (int64_t)room - 1;
    g->labels[g->n_labels] = name;
    return (int64_t)g->n_labels++;
}

/* A text may hold numbers with more digits than a double has room for. */
static bool is_finite(thx_box b) { return isfinite(b.x1) && isfinite(b.y1) && isfinite(b.x2) && isfinite(b.y2); }

/* What an answer's boxes show: what was asked for, else what its only kind of reference is. */
static const char *asked_for(const eval_job *job, const thx_eval_item *item)
{
    if (!strcmp(job->task, "phrase") || !strcmp(job->task, "phrase_grounding")) return "";
    return item->phrase ? item->phrase : item->n_boxes ? item->boxes[0].label : "";
}

typedef struct coco_lists {
    thx_coco_box *detections, *references;
    size_t        n, m, room_n, room_m;
    size_t        scored;
} coco_lists;

static bool push(thx_coco_box **list, size_t *n, size_t *room, thx_coco_box box)
{
    if (*n == *room) {
        const size_t more = *room ? 2 * *room : 256;
        thx_coco_box *grown = realloc(*list, more * sizeof *grown);
        if (!grown) return false;
        *list = grown;
        *room = more;
    }
    (*list)[(*n)++] = box;
    return true;
}

enum { CLASSES_MAX = 256 };

static thorax_status add_item(const eval_job *job, coco_group *g, coco_lists *l, size_t image,
                              const thx_eval_item *item, thorax_error *err)
{
    const bool one =
        !strcmp(asked_for(job, item), "") && (!strcmp(job->task, "phrase") || !strcmp(job->task, "phrase_grounding"));
    thx_box *boxes;
    bool broken, ok = true;
    size_t n;
    const thorax_status st = eval_predicted_boxes(&boxes, &n, &broken, item, err);

    if (st) return st;
    for (size_t i = 0; ok && i < n; i++) {
        if (!is_finite(boxes[i])) continue;
        const char *own =
            item->has_found && *item->found[i].label && !one ? item->found[i].label : asked_for(job, item);
        const double score = item->has_found ? item->found[i].score : NAN;
        l->scored += !isnan(score);
        ok = push(&l->detections, &l->n, &l->room_n,
                  (thx_coco_box){ image, class_of(g, own, CLASSES_MAX), boxes[i], isnan(score) ? 1.0 : score });
    }
    for (size_t i = 0; ok && i < item->n_boxes; i++) {
        const thx_eval_box *b = &item->boxes[i];
        const char *own = one ? "" : *b->label ? b->label : asked_for(job, item);
        ok = push(&l->references, &l->m, &l->room_m,
                  (thx_coco_box){ image, class_of(g, own, CLASSES_MAX), { b->x1, b->y1, b->x2, b->y2 }, 1.0 });
    }
    free(boxes);
    return ok ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "no memory for boxes");
}

static thorax_status add_coco(const eval_job *job, coco_group *g, const char *name, const char *settings, bool general,
                              int label, const size_t *items, size_t failed, thorax_error *err)
{
    thx_eval_figure *f = eval_add(job, name, settings, NULL);
    coco_settings *s = eval_alloc(job, 1, sizeof *s);
    uint32_t *all = eval_alloc(job, g->n, sizeof *all);

    uint32_t *times = eval_alloc(job, g->n, sizeof *times);
    thx_coco_class *classes = eval_alloc(job, g->n_labels + 1, sizeof *classes);

    if (!f || !s || !all || !times || !classes) return eval_nomem(job, err);
    *s = (coco_settings){ g, general, label, SIZE_MAX, times, classes };
    if (label >= 0) s->place = place_of(g->half, label, classes);
    for (size_t i = 0; i < g->n; i++) all[i] = (uint32_t)i;
    f->items = items;
    f->n = g->n;
    f->failed = failed;
    f->label = label < 0 ? NULL : g->labels[label];
    f->statistic = coco_value;
    f->user = s;
    f->value = f->point = coco_value(s, all, g->n);
    return THORAX_OK;
}

static thorax_status open_coco(coco_group *g, const coco_lists *l, thorax_error *err)
{
    const thx_coco_options half = thx_coco_options_at_half(), general = thx_coco_options_general();
    thorax_status st = thx_coco_open(&g->half, l->detections, l->n, l->references, l->m, g->n, &half, err);

    return st ? st : thx_coco_open(&g->general, l->detections, l->n, l->references, l->m, g->n, &general, err);
}

static thorax_status add_figures(const eval_job *job, coco_group *g, const coco_lists *l, const size_t *items,
                                 size_t failed, thorax_error *err)
{
    const bool scored = l->scored > 0;
    const char *half =
                   scored ? "IoU 0.5,101 points,scores given" : "IoU 0.5,101 points,no scores: all 1,order of the file",
               *general = scored ? "IoU 0.5..0.95,101 points,scores given"
                                 : "IoU 0.5..0.95,101 points,no scores: all 1,order of the file";
    thorax_status st = add_coco(job, g, "coco_ap50", half, false, -1, items, failed, err);

    if (!st) st = add_coco(job, g, "coco_ap", general, true, -1, items, failed, err);
    for (size_t i = 0; !st && g->n_labels > 1 && i < g->n_labels; i++)
        st = add_coco(job, g, "coco_ap50", half, false, (int)i, items, failed, err);
    return st;
}

thorax_status eval_coco(const eval_job *job, thorax_error *err)
{
    coco_group *g = eval_alloc(job, 1, sizeof *g);
    coco_lists l = { 0 };
    size_t *items, failed;

    if (!g) return eval_nomem(job, err);
    thorax_status st = boxed_items(job, &items, &g->n, &failed, err);
    if (st || !g->n) return st;
    if (!(g->labels = eval_alloc(job, CLASSES_MAX, sizeof *g->labels))) return eval_nomem(job, err);
    for (size_t i = 0; !st && i < g->n; i++) st = add_item(job, g, &l, i, &job->set->items[items[i]], err);
    if (g->n_labels == CLASSES_MAX)
        eval_remark(job, "more than %d classes: the last of them are taken as one", CLASSES_MAX - 1);
    if (!st) st = eval_own(job, g, close_coco, err);
    if (!st) st = open_coco(g, &l, err);
    if (!st) st = add_figures(job, g, &l, items, failed, err);
    free(l.detections);
    free(l.references);
    return st;
}
