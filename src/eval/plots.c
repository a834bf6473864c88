/* Curves of scores, drawn with cairo; see plots.h. */
#include "eval/plots.h"

#include "base/file.h"
#include "base/string.h"
#include "metrics/curves.h"

#include <cairo-svg.h>
#include <cairo.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 720, HEIGHT = 480, LEFT = 64, TOP = 40, SIDE = 380, LABELS = 16, BINS = 10 };

typedef enum plot_kind { ROC, PR, CALIBRATION, KINDS } plot_kind;

static const struct { const char *name, *title, *x, *y, *figure; } kinds[] = {
    { "roc", "ROC", "false positive rate", "true positive rate", "AUROC" },
    { "pr", "Precision and recall", "recall", "precision", "AUPRC" },
    { "calibration", "Calibration", "mean score", "share of positives", "calibration error" },
};

static const double colours[][3] = {
    { 0.12, 0.47, 0.71 }, { 0.90, 0.40, 0.05 }, { 0.17, 0.63, 0.17 }, { 0.84, 0.15, 0.16 }, { 0.58, 0.40, 0.74 },
    { 0.55, 0.34, 0.29 }, { 0.89, 0.47, 0.76 }, { 0.40, 0.40, 0.40 }, { 0.60, 0.60, 0.10 }, { 0.09, 0.70, 0.75 },
    { 0.00, 0.00, 0.45 }, { 0.00, 0.35, 0.20 }, { 0.95, 0.60, 0.55 }, /* one for each finding */
};
enum { COLOURS = sizeof colours / sizeof colours[0] };

/* One label's scores and truths. */
typedef struct line { const char *label; size_t n; double *scores; signed char *truth; thx_curve *curve; } line;

typedef struct drawing { cairo_t *cr; plot_kind kind; const char *task; const line *lines; size_t n; } drawing;

/* ---- Reading ---- */

static bool read_line(line *l, const json_t *c)
{
    const json_t *scores = json_object_get(c, "scores"), *truth = json_object_get(c, "truth");
    const size_t n = json_array_size(scores);

    if (!json_is_string(json_object_get(c, "label")) || json_array_size(truth) != n) return false;
    *l = (line){ json_string_value(json_object_get(c, "label")), n, malloc((n + 1) * sizeof(double)), malloc(n + 1),
                 NULL };
    for (size_t i = 0; l->scores && l->truth && i < n; i++) {
        const json_t *score = json_array_get(scores, i);
        l->scores[i] = json_is_number(score) ? json_number_value(score) : NAN;
        l->truth[i] = (signed char)(json_integer_value(json_array_get(truth, i)) > 0);
    }
    return true;
}

static void line_deinit(line *l)
{
    free(l->scores);
    free(l->truth);
    thx_curve_close(l->curve);
}

/* The curves of a task that show something. */
static thorax_status read_lines(line lines[LABELS], size_t *n, const json_t *curves, const char *task,
                                thorax_error *err)
{
    size_t i;
    json_t *c;

    *n = 0;
    json_array_foreach(curves, i, c) {
        const char *of = json_string_value(json_object_get(c, "task"));
        line *l = &lines[*n];
        if (*n == LABELS || !of || strcmp(of, task)) continue;
        if (!read_line(l, c))
            return thx_fail(err, THORAX_FORMAT, 0, "curve %zu of the result: expected label, scores and truth", i + 1);
        ++*n;
        if (!l->scores || !l->truth) return thx_fail(err, THORAX_NOMEM, 0, "no memory for a curve");
        const thorax_status st = thx_curve_open(&l->curve, l->scores, l->truth, l->n, 1, err);
        if (st) return st;
        if (!thx_curve_positives(l->curve) || !thx_curve_negatives(l->curve)) line_deinit(&lines[--*n]);
    }
    return THORAX_OK;
}

/* ---- Drawing ---- */

static double at_x(double x) { return LEFT + SIDE * x; }
static double at_y(double y) { return TOP + SIDE * (1 - y); }

static void text_at(cairo_t *cr, double x, double y, double align, const char *text)
{
    cairo_text_extents_t e;

    cairo_text_extents(cr, text, &e);
    cairo_move_to(cr, x - align * e.x_advance, y);
    cairo_show_text(cr, text);
}

static void draw_axes(const drawing *d)
{
    cairo_t *cr = d->cr;
    char text[80];

    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_paint(cr);
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cr, 12);
    for (int i = 0; i <= 5; i++) {
        const double v = i / 5.0;
        cairo_set_source_rgb(cr, 0.85, 0.85, 0.85);
        cairo_set_line_width(cr, 1);
        cairo_move_to(cr, at_x(v), at_y(0));
        cairo_line_to(cr, at_x(v), at_y(1));
        cairo_move_to(cr, at_x(0), at_y(v));
        cairo_line_to(cr, at_x(1), at_y(v));
        cairo_stroke(cr);
        cairo_set_source_rgb(cr, 0, 0, 0);
        snprintf(text, sizeof text, "%.1f", v);
        text_at(cr, at_x(v), at_y(0) + 18, 0.5, text);
        text_at(cr, at_x(0) - 8, at_y(v) + 4, 1, text);
    }
    text_at(cr, at_x(0.5), at_y(0) + 40, 0.5, kinds[d->kind].x);
    snprintf(text, sizeof text, "%s%s%.40s", kinds[d->kind].title, *d->task ? ", " : "", d->task);
    text_at(cr, at_x(0), TOP - 14, 0, text);
    cairo_save(cr);
    cairo_translate(cr, 20, at_y(0.5));
    cairo_rotate(cr, -M_PI / 2);
    text_at(cr, 0, 0, 0.5, kinds[d->kind].y);
    cairo_restore(cr);
}

static void draw_diagonal(const drawing *d)
{
    static const double dash[] = { 4, 4 };

    if (d->kind == PR) return;
    cairo_set_source_rgb(d->cr, 0.5, 0.5, 0.5);
    cairo_set_dash(d->cr, dash, 2, 0);
    cairo_move_to(d->cr, at_x(0), at_y(0));
    cairo_line_to(d->cr, at_x(1), at_y(1));
    cairo_stroke(d->cr);
    cairo_set_dash(d->cr, NULL, 0, 0);
}

static void draw_roc(const drawing *d, const line *l)
{
    size_t n;
    const thx_curve_point *p = thx_curve_points(l->curve, &n);

    cairo_move_to(d->cr, at_x(0), at_y(0));
    for (size_t i = 0; i < n; i++)
        cairo_line_to(d->cr, at_x(thx_curve_fall_out(l->curve, p[i])), at_y(thx_curve_recall(l->curve, p[i])));
    cairo_stroke(d->cr);
}

/* Steps, as average precision adds them up. */
static void draw_pr(const drawing *d, const line *l)
{
    size_t n;
    const thx_curve_point *p = thx_curve_points(l->curve, &n);
    double last = 0;

    for (size_t i = 0; i < n; i++) {
        const double recall = thx_curve_recall(l->curve, p[i]), precision = thx_curve_precision(p[i]);
        if (isnan(precision)) continue;
        if (cairo_has_current_point(d->cr)) cairo_line_to(d->cr, at_x(last), at_y(precision));
        else cairo_move_to(d->cr, at_x(last), at_y(precision));
        cairo_line_to(d->cr, at_x(recall), at_y(precision));
        last = recall;
    }
    cairo_stroke(d->cr);
}

static void draw_calibration(const drawing *d, const line *l)
{
    thx_calibration c;

    if (thx_calibration_of(&c, l->scores, l->truth, l->n, 1, BINS, NULL)) return; /* scores that are no probabilities */
    for (size_t i = 0; i < c.n_bins; i++)
        if (c.bin[i].n) cairo_line_to(d->cr, at_x(c.bin[i].confidence), at_y(c.bin[i].rate));
    cairo_stroke(d->cr);
    for (size_t i = 0; i < c.n_bins; i++)
        if (c.bin[i].n) {
            cairo_arc(d->cr, at_x(c.bin[i].confidence), at_y(c.bin[i].rate), 3, 0, 2 * M_PI);
            cairo_fill(d->cr);
        }
}

static void legend(const drawing *d, const line *l, size_t i)
{
    char text[100];
    const double y = TOP + 10 + 20.0 * (double)i, x = LEFT + SIDE + 20;
    thx_calibration c = { .ece = NAN };

    if (d->kind == CALIBRATION) (void)!thx_calibration_of(&c, l->scores, l->truth, l->n, 1, BINS, NULL);
    const double figure = d->kind == ROC  ? thx_curve_auroc(l->curve, NULL)
                          : d->kind == PR ? thx_curve_auprc(l->curve, NULL)
                                          : c.ece;
    cairo_move_to(d->cr, x, y);
    cairo_line_to(d->cr, x + 18, y);
    cairo_stroke(d->cr);
    cairo_set_source_rgb(d->cr, 0, 0, 0);
    snprintf(text, sizeof text, "%.40s %.3f", l->label, figure);
    text_at(d->cr, x + 24, y + 4, 0, text);
}

static void draw(const drawing *d)
{
    static void (*const curves[])(const drawing *, const line *) = { draw_roc, draw_pr, draw_calibration };

    draw_axes(d);
    draw_diagonal(d);
    cairo_set_source_rgb(d->cr, 0, 0, 0);
    text_at(d->cr, LEFT + SIDE + 44, TOP - 10, 0, kinds[d->kind].figure);
    cairo_set_line_width(d->cr, 1.6);
    for (size_t i = 0; i < d->n; i++) {
        const double *c = colours[i % COLOURS];
        cairo_set_source_rgb(d->cr, c[0], c[1], c[2]);
        cairo_new_path(d->cr);
        curves[d->kind](d, &d->lines[i]);
        cairo_set_source_rgb(d->cr, c[0], c[1], c[2]);
        legend(d, &d->lines[i], i);
    }
}

/* ---- Files ---- */

static cairo_status_t add_bytes(void *data, const unsigned char *bytes, unsigned int size)
{
    thx_string *s = data;

    thx_string_add(s, (const char *)bytes, size);
    return s->failed ? CAIRO_STATUS_NO_MEMORY : CAIRO_STATUS_SUCCESS;
}

static thorax_status write_one(const drawing *like, bool svg, const char *path, thorax_error *err)
{
    thx_string bytes = { 0 };
    drawing d = *like;
    cairo_surface_t *s = svg ? cairo_svg_surface_create_for_stream(add_bytes, &bytes, WIDTH, HEIGHT)
                             : cairo_image_surface_create(CAIRO_FORMAT_RGB24, WIDTH, HEIGHT);

    d.cr = cairo_create(s);
    draw(&d);
    cairo_status_t status = cairo_status(d.cr);
    cairo_destroy(d.cr);
    if (!status && !svg) status = cairo_surface_write_to_png_stream(s, add_bytes, &bytes);
    cairo_surface_finish(s);
    if (!status) status = cairo_surface_status(s);
    cairo_surface_destroy(s);
    const thorax_status st = status || bytes.failed ? thx_fail(err, THORAX_NOMEM, 0, "%s: cannot draw: %s", path,
                                                               cairo_status_to_string(status))
                                                    : thx_file_write(path, bytes.data, bytes.size, err);
    thx_string_deinit(&bytes);
    return st;
}

/* A task as part of a file's name: letters, digits, "-" and "_" stay. */
static void file_part(char out[48], const char *text)
{
    size_t n = 0;

    for (; *text && n < 40; text++)
        out[n++] = (char)((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
                                  (*text >= '0' && *text <= '9') || *text == '_'
                              ? *text
                              : '-');
    out[n] = 0;
}

static thorax_status write_both(const drawing *d, const char *folder, const char *prefix, size_t *written,
                                thorax_error *err)
{
    char task[48], before[48], name[160];
    thorax_status st = THORAX_OK;

    file_part(task, d->task);
    file_part(before, prefix);
    for (int svg = 0; !st && svg < 2; svg++) {
        snprintf(name, sizeof name, "%s%s%s%s%s.%s", before, *before ? "-" : "", kinds[d->kind].name, *task ? "-" : "",
                 task, svg ? "svg" : "png");
        char *path = thx_path_join(folder, name);
        st = path ? write_one(d, svg, path, err) : thx_fail(err, THORAX_NOMEM, 0, "%s: no memory", folder);
        free(path);
        *written += !st;
    }
    return st;
}

static thorax_status draw_task(const json_t *curves, const char *task, const char *folder, const char *prefix,
                               size_t *written, thorax_error *err)
{
    line lines[LABELS] = { { 0 } };
    size_t n = 0;
    thorax_status st = read_lines(lines, &n, curves, task, err);

    for (int kind = 0; !st && n && kind < KINDS; kind++)
        st = write_both(&(drawing){ NULL, (plot_kind)kind, task, lines, n }, folder, prefix, written, err);
    for (size_t i = 0; i < n; i++) line_deinit(&lines[i]);
    return st;
}

thorax_status thx_eval_plots(const json_t *result, const char *folder, const char *prefix, size_t *written,
                             thorax_error *err)
{
    const json_t *curves = json_object_get(result, "curves");
    const char *last = NULL;
    size_t i;
    json_t *c;
    thorax_status st = thx_folder_make(folder, err);

    *written = 0;
    json_array_foreach(curves, i, c) { /* those of a task stand together */
        const char *task = json_string_value(json_object_get(c, "task"));
        if (st || !task || (last && !strcmp(last, task))) continue;
        last = task;
        st = draw_task(curves, task, folder, prefix, written, err);
    }
    return st;
}
