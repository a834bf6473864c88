/* Blind and half-blind answers, and the scores they and every model get; see the header. */
#include "synth/phantom_baseline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "film/film.h"

enum { THUMB = 32, NEIGHBOURS = 20 };

typedef struct sample {
    thx_phantom   film;                 /* without pixels */
    unsigned char thumb[THUMB * THUMB];
} sample;

double thx_phantom_iou(thx_phantom_box a, thx_phantom_box b)
{
    const double w = (double)(a.x2 < b.x2 ? a.x2 : b.x2) - (double)(a.x1 > b.x1 ? a.x1 : b.x1);
    const double h = (double)(a.y2 < b.y2 ? a.y2 : b.y2) - (double)(a.y1 > b.y1 ? a.y1 : b.y1);

    if (w <= 0.0 || h <= 0.0) return 0.0;
    const double both = w * h;
    return both / ((double)(a.x2 - a.x1) * (double)(a.y2 - a.y1) + (double)(b.x2 - b.x1) * (double)(b.y2 - b.y1) - both);
}

static const thx_phantom_finding *find(const thx_phantom *film, thx_phantom_label label)
{
    for (unsigned i = 0; i < film->n_findings; i++)
        if (film->findings[i].label == label) return &film->findings[i];
    return NULL;
}

/* ---- Scores -------------------------------------------------------------- */
void thx_phantom_score_labels(thx_phantom_score *s, const thx_phantom *truth, const bool present[THX_PHANTOM_LABELS])
{
    for (int k = 0; k < THX_PHANTOM_LABELS; k++) {
        const bool is = find(truth, (thx_phantom_label)k) != NULL;

        s->hit[k] += present[k] && is;
        s->said[k] += present[k];
        s->true_[k] += is;
    }
}

static double best_of(thx_phantom_box want, const thx_phantom_box *boxes, size_t n)
{
    double best = 0.0;

    for (size_t i = 0; i < n; i++) {
        const double v = thx_phantom_iou(want, boxes[i]);

        if (v > best) best = v;
    }
    return best;
}

void thx_phantom_score_region(thx_phantom_score *s, const thx_phantom *truth, thx_phantom_region region, const thx_phantom_box *boxes, size_t n)
{
    s->anatomy += n ? thx_phantom_iou(truth->regions[region], boxes[0]) : 0.0; /* a region is one box: the first counts */
    s->n_anatomy++;
}

void thx_phantom_score_finding(thx_phantom_score *s, const thx_phantom *truth, thx_phantom_label label, const thx_phantom_box *boxes, size_t n)
{
    const thx_phantom_finding *f = find(truth, label);

    if (!f) return;
    if (n > 2) n = 2; /* more answers than any finding has boxes win nothing */
    if (f->n_boxes == 1) s->findings += best_of(f->boxes[0], boxes, n) / (n == 2 ? 2.0 : 1.0);
    else if (n == 2) {
        const double straight = thx_phantom_iou(f->boxes[0], boxes[0]) + thx_phantom_iou(f->boxes[1], boxes[1]);
        const double crossed = thx_phantom_iou(f->boxes[0], boxes[1]) + thx_phantom_iou(f->boxes[1], boxes[0]);

        s->findings += straight > crossed ? straight : crossed;
    } else if (n == 1) {
        s->findings += best_of(boxes[0], f->boxes, 2);
    }
    s->n_findings += f->n_boxes;
}

thx_phantom_figures thx_phantom_score_end(const thx_phantom_score *s)
{
    thx_phantom_figures f = { 0 };

    for (int k = 0; k < THX_PHANTOM_LABELS; k++) {
        const size_t all = s->said[k] + s->true_[k];

        f.f1[k] = all ? 2.0 * (double)s->hit[k] / (double)all : 0.0;
        f.macro_f1 += f.f1[k] / THX_PHANTOM_LABELS;
    }
    f.iou_anatomy  = s->n_anatomy ? s->anatomy / (double)s->n_anatomy : 0.0;
    f.iou_findings = s->n_findings ? s->findings / (double)s->n_findings : 0.0;
    return f;
}

/* ---- Ranks --------------------------------------------------------------- */
thorax_status thx_phantom_ranks_add(thx_phantom_ranks *r, const thx_phantom *truth, const float score[THX_PHANTOM_LABELS], thorax_error *err)
{
    if (r->n == r->room) {
        const size_t room = r->room ? 2 * r->room : 256;
        void        *films = realloc(r->films, room * sizeof *r->films);

        if (!films) return thx_fail(err, THORAX_NOMEM, 0, "scores of %zu phantom films", room);
        r->films = films;
        r->room  = room;
    }
    struct thx_phantom_rank *f = &r->films[r->n++];
    for (int k = 0; k < THX_PHANTOM_LABELS; k++) {
        f->score[k] = score[k];
        f->is[k]    = find(truth, (thx_phantom_label)k) != NULL;
    }
    return THORAX_OK;
}

double thx_phantom_ranks_auroc(const thx_phantom_ranks *r, thx_phantom_label label)
{
    double pairs = 0.0, won = 0.0;

    for (size_t i = 0; i < r->n; i++)
        for (size_t j = 0; r->films[i].is[label] && j < r->n; j++) {
            if (r->films[j].is[label]) continue;
            const float a = r->films[i].score[label], b = r->films[j].score[label];

            pairs += 1.0;
            won += a > b ? 1.0 : a == b ? 0.5 : 0.0;
        }
    return pairs > 0.0 ? won / pairs : NAN;
}

void thx_phantom_ranks_deinit(thx_phantom_ranks *r)
{
    free(r->films);
    *r = (thx_phantom_ranks){ 0 };
}

/* ---- The best fixed box --------------------------------------------------- */
static double mean_iou(thx_phantom_box box, const thx_phantom_box *truth, size_t n)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++) sum += thx_phantom_iou(box, truth[i]);
    return n ? sum / (double)n : 0.0;
}

/* From the true box that does best (of at most 100), its corners are moved as long as that helps. */
static thx_phantom_box best_box(const thx_phantom_box *truth, size_t n)
{
    thx_phantom_box best = { 0.25F, 0.25F, 0.75F, 0.75F };
    double          value = mean_iou(best, truth, n);

    for (size_t i = 0; i < n && i < 100; i++) {
        const double v = mean_iou(truth[i], truth, n);

        if (v > value) value = v, best = truth[i];
    }
    for (float step = 0.04F; step > 0.004F;) {
        bool better = false;

        for (int k = 0; k < 8; k++) {
            thx_phantom_box try = best;
            float *const    corner[4] = { &try.x1, &try.y1, &try.x2, &try.y2 };

            *corner[k / 2] += k % 2 ? step : -step;
            const double v = mean_iou(try, truth, n);
            if (v > value) value = v, best = try, better = true;
        }
        if (!better) step *= 0.5F;
    }
    return best;
}

typedef struct fixed { thx_phantom_box regions[THX_PHANTOM_REGIONS], labels[THX_PHANTOM_LABELS]; } fixed;

static thorax_status find_fixed(fixed *out, const sample *train, size_t n, thorax_error *err)
{
    thx_phantom_box *boxes = malloc(n * 2 * sizeof *boxes);

    if (!boxes) return thx_fail(err, THORAX_NOMEM, 0, "boxes of %zu phantom films", n);
    for (int r = 0; r < THX_PHANTOM_REGIONS; r++) {
        for (size_t i = 0; i < n; i++) boxes[i] = train[i].film.regions[r];
        out->regions[r] = best_box(boxes, n);
    }
    for (int k = 0; k < THX_PHANTOM_LABELS; k++) {
        size_t m = 0;

        for (size_t i = 0; i < n; i++) {
            const thx_phantom_finding *f = find(&train[i].film, (thx_phantom_label)k);

            for (unsigned b = 0; f && b < f->n_boxes; b++) boxes[m++] = f->boxes[b];
        }
        out->labels[k] = best_box(boxes, m);
    }
    free(boxes);
    return THORAX_OK;
}

/* ---- Thumbnails ----------------------------------------------------------- */
static thorax_status draw_sample(sample *s, uint64_t seed, uint64_t index, thorax_error *err)
{
    thx_picture   picture = { 0 }, small = { 0 };
    thorax_status st = thx_phantom_draw(&s->film, seed, index, NULL, err);

    if (st) return st;
    const size_t n = s->film.width * s->film.height;

    picture = (thx_picture){ .width = (uint32_t)s->film.width, .height = (uint32_t)s->film.height, .channels = 1, .data = malloc(n) };
    if (!picture.data) st = thx_fail(err, THORAX_NOMEM, 0, "picture of %zu pixels", n);
    for (size_t i = 0; i < n && !st; i++) picture.data[i] = (unsigned char)(s->film.pixels[i] >> 8);
    if (!st) st = thx_picture_resize(&small, &picture, THUMB, THUMB, THX_BICUBIC, err);
    if (!st) memcpy(s->thumb, small.data, sizeof s->thumb);
    free(s->film.pixels);
    s->film.pixels = NULL;
    thx_picture_deinit(&small);
    free(picture.data);
    return st;
}

static long distance(const sample *a, const sample *b)
{
    long d = 0;

    for (size_t k = 0; k < sizeof a->thumb; k++) {
        const int e = (int)a->thumb[k] - (int)b->thumb[k];

        d += (long)e * e;
    }
    return d;
}

/* The nearest training films, nearest first; returns how many there are. */
static size_t nearest(const sample *out[NEIGHBOURS], const sample *train, size_t n, const sample *s)
{
    long   far[NEIGHBOURS];
    size_t found = 0;

    for (size_t i = 0; i < n; i++) {
        const long d = distance(&train[i], s);
        size_t     at = found;

        if (at == NEIGHBOURS && d >= far[at - 1]) continue;
        if (at == NEIGHBOURS) at--;
        else found++;
        for (; at && far[at - 1] > d; at--) far[at] = far[at - 1], out[at] = out[at - 1];
        far[at] = d;
        out[at] = &train[i];
    }
    return found;
}

static void shares_of(float share[THX_PHANTOM_LABELS], const sample *const *near, size_t n)
{
    for (int k = 0; k < THX_PHANTOM_LABELS; k++) {
        share[k] = 0.0F;
        for (size_t i = 0; i < n; i++) share[k] += find(&near[i]->film, (thx_phantom_label)k) ? 1.0F / (float)n : 0.0F;
    }
}

static void score_fixed(thx_phantom_score *score, const sample *s, const fixed *f)
{
    bool all[THX_PHANTOM_LABELS];

    for (int k = 0; k < THX_PHANTOM_LABELS; k++) all[k] = true;
    thx_phantom_score_labels(score, &s->film, all);
    for (int r = 0; r < THX_PHANTOM_REGIONS; r++) thx_phantom_score_region(score, &s->film, (thx_phantom_region)r, &f->regions[r], 1);
    for (int k = 0; k < THX_PHANTOM_LABELS; k++) thx_phantom_score_finding(score, &s->film, (thx_phantom_label)k, &f->labels[k], 1);
}

static void score_neighbour(thx_phantom_score *score, const sample *s, const thx_phantom *other)
{
    bool present[THX_PHANTOM_LABELS];

    for (int k = 0; k < THX_PHANTOM_LABELS; k++) {
        const thx_phantom_finding *f = find(other, (thx_phantom_label)k);

        present[k] = f != NULL;
        thx_phantom_score_finding(score, &s->film, (thx_phantom_label)k, f ? f->boxes : NULL, f ? f->n_boxes : 0);
    }
    thx_phantom_score_labels(score, &s->film, present);
    for (int r = 0; r < THX_PHANTOM_REGIONS; r++) thx_phantom_score_region(score, &s->film, (thx_phantom_region)r, &other->regions[r], 1);
}

thorax_status thx_phantom_baselines(thx_phantom_figures *constant, thx_phantom_figures *thumbnail, thx_phantom_ranks *ranks, uint64_t train_seed, size_t train_count,
                                    uint64_t seed, size_t count, const thx_progress *progress, thorax_error *err)
{
    thx_phantom_score blind = { 0 }, half = { 0 };
    fixed             f;
    sample            s;
    thorax_status     st = THORAX_OK;

    if (!train_count || !count) return thx_fail(err, THORAX_USAGE, 0, "baselines need films to learn from and films to judge");
    sample *train = calloc(train_count, sizeof *train);
    if (!train) return thx_fail(err, THORAX_NOMEM, 0, "%zu phantom films", train_count);

    for (size_t i = 0; i < train_count + count && !st; i++) {
        if (!thx_progress_step(progress, "baseline films", i, train_count + count)) st = thx_fail(err, THORAX_CANCELLED, 0, "stopped");
        else st = i < train_count ? draw_sample(&train[i], train_seed, i, err) : draw_sample(&s, seed, i - train_count, err);
        if (!st && i + 1 == train_count) st = find_fixed(&f, train, train_count, err);
        if (st || i < train_count) continue;
        score_fixed(&blind, &s, &f);
        const sample *near[NEIGHBOURS];
        float         share[THX_PHANTOM_LABELS];
        shares_of(share, near, nearest(near, train, train_count, &s));
        score_neighbour(&half, &s, &near[0]->film);
        st = thx_phantom_ranks_add(ranks, &s.film, share, err);
    }
    if (!st) {
        *constant  = thx_phantom_score_end(&blind);
        *thumbnail = thx_phantom_score_end(&half);
    }
    free(train);
    return st;
}
