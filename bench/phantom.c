/* What a model knows about phantom films: figures on films of a seed, beside the baselines.
 *
 *     bench/phantom -m MODEL --seed N --count K [--json]
 *
 * For every film: report, classification, a box for each region, a box for each finding the film
 * shows, and the regions again on the mirrored film. Any folder and any seed; without -m only the
 * baselines are computed. One JSON object on stdout:
 *
 *   macro_f1, f1       of the classification
 *   macro_auroc, auroc of its scores (classify --score)
 *   iou_anatomy        mean over films and regions, first box of the answer
 *   iou_findings       mean over the boxes of what is there; each counts once
 *   report_agreement   share of films x labels in which the report says what is true (unsaid = absent)
 *   iou_mirrored       regions: answer on the mirrored film, turned back, against the answer on the film */
#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "synth/phantom_baseline.h"
#include "thorax.h"

enum { TRAIN_SEED = 20261, TRAIN_COUNT = 2000, ROOM = 8, MAX_NEW_TOKENS = 160 };

typedef struct figures {
    thx_phantom_score score;
    thx_phantom_ranks ranks;
    size_t            agree, asked;   /* report: cells */
    double            mirrored;
    size_t            n_mirrored;
} figures;

typedef struct bench {
    thorax_model *model;
    size_t        count;
    uint64_t      seed;
    bool          json;
    figures       figures;
} bench;

/* ---- One answer ----------------------------------------------------------- */
static thorax_options decoding(void)
{
    thorax_options o = thorax_options_default();

    o.max_new_tokens = MAX_NEW_TOKENS;
    return o;
}

static thorax_status open_film(thorax_film **out, const thx_phantom *p, thorax_error *err)
{
    const size_t   n = p->width * p->height;
    unsigned char *grey = malloc(n);

    *out = NULL;
    if (!grey) {
        snprintf(err->text, sizeof err->text, "out of memory");
        return err->status = THORAX_NOMEM;
    }
    for (size_t i = 0; i < n; i++) grey[i] = (unsigned char)((p->pixels[i] * 255u + 32767u) / 65535u); /* as the 8-bit PNG has it */
    const thorax_status st = thorax_film_from_samples(out, grey, (uint32_t)p->width, (uint32_t)p->height, 1, 1, "phantom", NULL, err);
    free(grey);
    return st;
}

/* Which labels an answer states; the names are CheXpert's on both sides. */
static void labels_of(const thorax_result *result, bool present[THX_PHANTOM_LABELS])
{
    size_t                n;
    const thorax_finding *f = thorax_result_findings(result, &n);

    for (int k = 0; k < THX_PHANTOM_LABELS; k++) {
        present[k] = false;
        for (size_t i = 0; i < n; i++)
            if (!strcmp(f[i].name, thx_phantom_label_name((thx_phantom_label)k))) present[k] = f[i].present == 1;
    }
}

static void scores_of(const thorax_result *result, float score[THX_PHANTOM_LABELS])
{
    size_t                n;
    const thorax_finding *f = thorax_result_findings(result, &n);

    for (int k = 0; k < THX_PHANTOM_LABELS; k++)
        for (size_t i = 0; i < n; i++)
            if (!strcmp(f[i].name, thx_phantom_label_name((thx_phantom_label)k))) score[k] = (float)f[i].score;
}

static thorax_status where_is(thx_phantom_box *boxes, size_t *n, thorax_session *session, const char *name, thorax_error *err)
{
    const thorax_options o = decoding();
    thorax_result       *result;
    size_t               got;
    thorax_status        st = thorax_ground(&result, session, name, THORAX_GROUND_REGION, &o, err);

    *n = 0;
    if (st) return st;
    const thorax_labelled_box *b = thorax_result_boxes(result, &got);

    for (; *n < got && *n < ROOM; ++*n) boxes[*n] = (thx_phantom_box){ (float)b[*n].x1, (float)b[*n].y1, (float)b[*n].x2, (float)b[*n].y2 };
    thorax_result_close(result);
    return THORAX_OK;
}

/* ---- One film ------------------------------------------------------------- */
static bool has(const thx_phantom *p, int label)
{
    for (unsigned i = 0; i < p->n_findings; i++)
        if ((int)p->findings[i].label == label) return true;
    return false;
}

static thorax_status ask_texts(bench *b, const thx_phantom *p, thorax_session *session, thorax_error *err)
{
    thorax_options o = decoding();
    thorax_result *result;
    bool           present[THX_PHANTOM_LABELS];
    float          score[THX_PHANTOM_LABELS] = { 0.0F };

    o.score = true;
    thorax_status st = thorax_classify(&result, session, &o, err);
    if (st) return st;
    labels_of(result, present);
    scores_of(result, score);
    thorax_result_close(result);
    if ((st = thx_phantom_ranks_add(&b->figures.ranks, p, score, err))) return st;
    thx_phantom_score_labels(&b->figures.score, p, present);

    st = thorax_report(&result, session, &o, err);
    if (st) return st;
    labels_of(result, present);
    thorax_result_close(result);
    for (int k = 0; k < THX_PHANTOM_LABELS; k++) b->figures.agree += present[k] == has(p, k);
    b->figures.asked += THX_PHANTOM_LABELS;
    return THORAX_OK;
}

static thorax_status ask_regions(thx_phantom_box got[THX_PHANTOM_REGIONS], bool answered[THX_PHANTOM_REGIONS], thorax_session *session, thorax_error *err)
{
    for (int r = 0; r < THX_PHANTOM_REGIONS; r++) {
        thx_phantom_box boxes[ROOM];
        size_t          n;
        thorax_status   st = where_is(boxes, &n, session, thx_phantom_region_name((thx_phantom_region)r), err);

        if (st) return st;
        answered[r] = n > 0;
        if (n) got[r] = boxes[0];
    }
    return THORAX_OK;
}

static thorax_status ask_boxes(bench *b, const thx_phantom *p, thorax_session *session, thx_phantom_box regions[THX_PHANTOM_REGIONS],
                               bool answered[THX_PHANTOM_REGIONS], thorax_error *err)
{
    thorax_status st = ask_regions(regions, answered, session, err);

    for (int r = 0; r < THX_PHANTOM_REGIONS && !st; r++)
        thx_phantom_score_region(&b->figures.score, p, (thx_phantom_region)r, &regions[r], answered[r]);
    for (unsigned i = 0; i < p->n_findings && !st; i++) {
        thx_phantom_box boxes[ROOM];
        size_t          n;

        st = where_is(boxes, &n, session, thx_phantom_label_name(p->findings[i].label), err);
        if (!st) thx_phantom_score_finding(&b->figures.score, p, p->findings[i].label, boxes, n);
    }
    return st;
}

/* The region that lies where this one lies in the mirrored picture. */
static thx_phantom_region opposite(int region)
{
    switch (region) {
    case THX_PHANTOM_RIGHT_LUNG:      return THX_PHANTOM_LEFT_LUNG;
    case THX_PHANTOM_LEFT_LUNG:       return THX_PHANTOM_RIGHT_LUNG;
    case THX_PHANTOM_RIGHT_DIAPHRAGM: return THX_PHANTOM_LEFT_DIAPHRAGM;
    case THX_PHANTOM_LEFT_DIAPHRAGM:  return THX_PHANTOM_RIGHT_DIAPHRAGM;
    default:                          return (thx_phantom_region)region;
    }
}

static thorax_status with_film(bench *b, const thx_phantom *p, bool texts, thx_phantom_box regions[THX_PHANTOM_REGIONS],
                               bool answered[THX_PHANTOM_REGIONS], thorax_error *err)
{
    thorax_film    *film;
    thorax_session *session = NULL;
    thorax_status   st = open_film(&film, p, err);

    if (!st) st = thorax_session_open(&session, b->model, film, err);
    if (!st && texts) st = ask_texts(b, p, session, err);
    if (!st) st = texts ? ask_boxes(b, p, session, regions, answered, err) : ask_regions(regions, answered, session, err);
    thorax_session_close(session);
    thorax_film_close(film);
    return st;
}

static thorax_status one_film(bench *b, uint64_t index, thorax_error *err)
{
    thx_phantom_box     straight[THX_PHANTOM_REGIONS], turned[THX_PHANTOM_REGIONS];
    bool                have[THX_PHANTOM_REGIONS], have_turned[THX_PHANTOM_REGIONS];
    thx_phantom_options o = thx_phantom_options_default();
    thx_phantom         p;
    thorax_status       st = thx_phantom_draw(&p, b->seed, index, NULL, err);

    if (st) return st;
    st = with_film(b, &p, true, straight, have, err);
    thx_phantom_deinit(&p);
    if (st) return st;

    o.mirror = true;
    st = thx_phantom_draw(&p, b->seed, index, &o, err);
    if (st) return st;
    st = with_film(b, &p, false, turned, have_turned, err);
    thx_phantom_deinit(&p);
    for (int r = 0; r < THX_PHANTOM_REGIONS && !st; r++) {
        const thx_phantom_region k = opposite(r);
        const thx_phantom_box    t = turned[k];

        if (have[r] && have_turned[k]) b->figures.mirrored += thx_phantom_iou(straight[r], (thx_phantom_box){ 1.0F - t.x2, t.y1, 1.0F - t.x1, t.y2 });
        b->figures.n_mirrored++;
    }
    return st;
}

/* ---- The result ----------------------------------------------------------- */
static json_t *short_real(double v) { return json_real(floor(v * 1e4 + 0.5) / 1e4); }

static json_t *f1_json(const thx_phantom_figures *f)
{
    json_t *o = json_object();

    for (int k = 0; k < THX_PHANTOM_LABELS; k++) json_object_set_new(o, thx_phantom_label_name((thx_phantom_label)k), short_real(f->f1[k]));
    return o;
}

static json_t *figures_json(const thx_phantom_figures *f)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "macro_f1", short_real(f->macro_f1), "f1", f1_json(f), "iou_anatomy", short_real(f->iou_anatomy),
                     "iou_findings", short_real(f->iou_findings));
}

static void add_auroc(json_t *to, const thx_phantom_ranks *r)
{
    json_t *each = json_object();
    double  sum = 0.0;
    int     n = 0;

    for (int k = 0; k < THX_PHANTOM_LABELS; k++) {
        const double area = thx_phantom_ranks_auroc(r, (thx_phantom_label)k);

        json_object_set_new(each, thx_phantom_label_name((thx_phantom_label)k), isnan(area) ? json_null() : short_real(area));
        if (!isnan(area)) sum += area, n++;
    }
    json_object_set_new(to, "macro_auroc", n ? short_real(sum / n) : json_null());
    json_object_set_new(to, "auroc", each);
}

static void print_result(const bench *b, const thx_phantom_figures *constant, const thx_phantom_figures *thumbnail, const thx_phantom_ranks *near)
{
    json_t *all = json_pack("{s:I, s:I}", "seed", (json_int_t)b->seed, "count", (json_int_t)b->count);

    if (b->model) {
        const thx_phantom_figures f = thx_phantom_score_end(&b->figures.score);

        json_object_update_new(all, figures_json(&f));
        add_auroc(all, &b->figures.ranks);
        json_object_set_new(all, "report_agreement", short_real((double)b->figures.agree / (double)b->figures.asked));
        json_object_set_new(all, "iou_mirrored", short_real(b->figures.mirrored / (double)b->figures.n_mirrored));
    }
    json_t *half = figures_json(thumbnail);
    add_auroc(half, near);
    json_object_set_new(all, "baseline", json_pack("{s:o, s:o}", "constant", figures_json(constant), "thumbnail", half));
    json_dumpf(all, stdout, (b->json ? JSON_COMPACT : JSON_INDENT(2)) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(all);
}

static bool show(void *data, const char *what, size_t done, size_t total)
{
    (void)data;
    if (done % 50 == 0) fprintf(stderr, "%s %zu of %zu\n", what, done, total);
    return true;
}

static int usage(void)
{
    fprintf(stderr, "usage: bench/phantom [-m MODEL] --seed N --count K [--json]\n"
                    "  figures of a model on phantom films 0 .. K-1 of a seed, and the baselines' (trained on seed %d)\n", TRAIN_SEED);
    return 2;
}

/* Reads a whole number; false for anything else. */
static bool number(uint64_t *out, const char *text)
{
    char *end;

    *out = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end;
}

int main(int argc, char **argv)
{
    static const struct option options[] = { { "model", required_argument, NULL, 'm' }, { "seed", required_argument, NULL, 's' },
                                             { "count", required_argument, NULL, 'c' }, { "json", no_argument, NULL, 'j' }, { 0 } };
    const thx_progress  progress = { show, NULL };
    thx_phantom_figures constant, thumbnail;
    thx_phantom_ranks   near = { 0 };
    thorax_error        err = { 0 };
    bench               b = { .count = 200, .seed = 1 };
    const char         *folder = NULL;
    uint64_t            count = 200;
    int                 c;

    while ((c = getopt_long(argc, argv, "m:", options, NULL)) != -1) {
        if (c == 'm') folder = optarg;
        else if (c == 'j') b.json = true;
        else if (!(c == 's' && number(&b.seed, optarg)) && !(c == 'c' && number(&count, optarg))) return usage();
    }
    if (optind < argc || !count) return usage();
    b.count = (size_t)count;

    thorax_status st = folder ? thorax_model_open(&b.model, folder, NULL, &err) : THORAX_OK;
    for (size_t i = 0; i < b.count && b.model && !st; i++) {
        show(NULL, "films", i, b.count);
        st = one_film(&b, i, &err);
    }
    if (!st) st = thx_phantom_baselines(&constant, &thumbnail, &near, TRAIN_SEED, TRAIN_COUNT, b.seed, b.count, &progress, &err);
    if (!st) print_result(&b, &constant, &thumbnail, &near);
    else fprintf(stderr, "bench/phantom: %s\n", err.text);
    thx_phantom_ranks_deinit(&b.figures.ranks);
    thx_phantom_ranks_deinit(&near);
    thorax_model_close(b.model);
    return st == THORAX_OK ? 0 : st == THORAX_MODEL ? 4 : 1;
}
