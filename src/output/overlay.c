/* The film with its boxes: a picture at the film's own resolution; see output.h.
 *
 * Line widths and letters follow the size of the film, so that labels can be read on a thumbnail
 * and on a full film. A label stands above its box, or inside where there is no room, and moves
 * down from under another label. */
#include "output/output.h"

#include <cairo.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE_MAX = 32767, PLACED_MAX = 512 };

typedef struct rectangle { double x, y, w, h; } rectangle;

typedef struct canvas {
    cairo_t  *cr;
    double    W, H;      /* of the film, pixels        */
    double    line, font; /* width of lines, letters    */
    rectangle placed[PLACED_MAX];
    size_t    n_placed;
} canvas;

/* Colours that stay apart on grey, also for readers who do not tell red from green. */
static const double colours[][3] = {
    { 1.00, 0.76, 0.03 }, { 0.34, 0.71, 0.91 }, { 0.00, 0.80, 0.55 }, { 0.95, 0.45, 0.25 },
    { 0.90, 0.55, 0.80 }, { 0.94, 0.89, 0.26 }, { 0.40, 0.60, 1.00 }, { 0.75, 0.95, 0.55 },
};

static double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

/* ---- Picture to cairo and back ---- */

static cairo_surface_t *surface_of(const thx_picture *p)
{
    cairo_surface_t *s =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)p->width, (int)p->height);

    if (cairo_surface_status(s)) return s;
    unsigned char *data = cairo_image_surface_get_data(s);
    const size_t stride = (size_t)cairo_image_surface_get_stride(s);
    for (size_t y = 0; y < p->height; y++) {
        const unsigned char *in = p->data + y * p->width * p->channels;
        for (size_t x = 0; x < p->width; x++, in += p->channels) {
            const uint32_t g = in[p->channels > 1 ? 1 : 0], b = in[p->channels > 1 ? 2 : 0];
            const uint32_t pixel = (uint32_t)in[0] << 16 | g << 8 | b;
            memcpy(data + y * stride + 4 * x, &pixel, 4);
        }
    }
    cairo_surface_mark_dirty(s);
    return s;
}

static thorax_status write_surface(cairo_surface_t *s, const thx_picture *like, const char *path,
                                   thorax_error *err)
{
    thx_picture out = { .width = like->width, .height = like->height, .channels = 3 };

    cairo_surface_flush(s);
    const unsigned char *data = cairo_image_surface_get_data(s);
    const size_t stride = (size_t)cairo_image_surface_get_stride(s);
    out.data = malloc((size_t)out.width * out.height * 3);
    if (!out.data) return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for the picture", path);
    unsigned char *to = out.data;
    for (size_t y = 0; y < out.height; y++) {
        for (size_t x = 0; x < out.width; x++, to += 3) {
            uint32_t pixel;
            memcpy(&pixel, data + y * stride + 4 * x, 4);
            to[0] = (unsigned char)(pixel >> 16);
            to[1] = (unsigned char)(pixel >> 8);
            to[2] = (unsigned char)pixel;
        }
    }
    const thorax_status st = thx_picture_write_png(&out, path, err);
    free(out.data);
    return st;
}

/* ---- Letters ---- */

/* Chooses the largest letters, at most `size`, with which the text is at most `width` wide; not
 * under a size that can be read (6 pixels), where text is cut by the edge instead. */
static double fit_font(canvas *c, const char *text, double size, double width)
{
    cairo_text_extents_t e;

    cairo_set_font_size(c->cr, size);
    cairo_text_extents(c->cr, text, &e);
    if (e.x_advance > width && e.x_advance > 0) size = fmax(6.0, size * width / e.x_advance);
    cairo_set_font_size(c->cr, size);
    return size;
}

static bool overlap(const rectangle *a, const rectangle *b)
{
    return a->x < b->x + b->w && b->x < a->x + a->w && a->y < b->y + b->h && b->y < a->y + a->h;
}

/* Moves a label down until it covers no other one, and keeps it inside the film. */
static void place(canvas *c, rectangle *r)
{
    r->x = clamp(r->x, 0, fmax(0, c->W - r->w));
    r->y = clamp(r->y, 0, fmax(0, c->H - r->h));
    for (size_t tries = 0; tries < c->n_placed; tries++) {
        bool moved = false;
        for (size_t i = 0; i < c->n_placed; i++) {
            if (!overlap(r, &c->placed[i])) continue;
            const double below = c->placed[i].y + c->placed[i].h;
            if (below + r->h > c->H) return;
            r->y = below;
            moved = true;
        }
        if (!moved) return;
    }
}

/* Text on a dark plate. */
static void draw_plate(canvas *c, rectangle r, const char *text, const double colour[3], double pad)
{
    cairo_font_extents_t f;

    cairo_font_extents(c->cr, &f);
    cairo_set_source_rgba(c->cr, 0, 0, 0, 0.72);
    cairo_rectangle(c->cr, r.x, r.y, r.w, r.h);
    cairo_fill(c->cr);
    cairo_set_source_rgb(c->cr, colour[0], colour[1], colour[2]);
    cairo_move_to(c->cr, r.x + pad, r.y + pad + f.ascent);
    cairo_show_text(c->cr, text);
}

static rectangle plate_size(canvas *c, const char *text, double pad)
{
    cairo_text_extents_t e;
    cairo_font_extents_t f;

    cairo_text_extents(c->cr, text, &e);
    cairo_font_extents(c->cr, &f);
    return (rectangle){ 0, 0, e.x_advance + 2 * pad, f.ascent + f.descent + 2 * pad };
}

/* ---- Boxes, labels, notice ---- */

static void draw_box(canvas *c, const thorax_labelled_box *b, const double colour[3])
{
    const double x = b->x1 * c->W, y = b->y1 * c->H, w = (b->x2 - b->x1) * c->W,
                 h = (b->y2 - b->y1) * c->H;

    cairo_rectangle(c->cr, x, y, w, h); /* a dark rim keeps the line visible on bright bone */
    cairo_set_source_rgba(c->cr, 0, 0, 0, 0.6);
    cairo_set_line_width(c->cr, 2 * c->line);
    cairo_stroke_preserve(c->cr);
    cairo_set_source_rgb(c->cr, colour[0], colour[1], colour[2]);
    cairo_set_line_width(c->cr, c->line);
    cairo_stroke(c->cr);
}

static void draw_label(canvas *c, const thorax_labelled_box *b, const double colour[3])
{
    const double pad = c->font * 0.25;

    if (!b->label || !*b->label) return;
    fit_font(c, b->label, c->font, c->W - 2 * pad);
    rectangle r = plate_size(c, b->label, pad);
    r.x = b->x1 * c->W - c->line;
    r.y = b->y1 * c->H - c->line - r.h;
    if (r.y < 0) r.y = b->y1 * c->H + c->line;
    place(c, &r);
    if (c->n_placed < PLACED_MAX) c->placed[c->n_placed++] = r;
    draw_plate(c, r, b->label, colour, pad);
}

/* The notice, and the model's remark above it, in the bottom left corner. Their place is taken
 * before labels are placed; they are drawn last. */
static void draw_notice(canvas *c, const char *text, double *bottom, bool draw)
{
    static const double white[3] = { 1, 1, 1 };
    const double pad = c->font * 0.2;

    fit_font(c, text, c->font * 0.6, c->W - 2 * pad);
    rectangle r = plate_size(c, text, pad);
    *bottom -= r.h;
    r.y = *bottom;
    if (draw) draw_plate(c, r, text, white, pad);
    else if (c->n_placed < PLACED_MAX) c->placed[c->n_placed++] = r;
}

static void draw_notices(canvas *c, const thx_result *r, bool draw)
{
    double bottom = c->H;

    draw_notice(c, thx_notice, &bottom, draw);
    if (r->remark) draw_notice(c, r->remark, &bottom, draw);
}

/* Where the system has no font at all, cairo's built-in strokes take over. */
static void choose_font(cairo_t *cr)
{
    cairo_text_extents_t e = { 0 };

    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD);
    cairo_scaled_font_t *font = cairo_get_scaled_font(cr);
    if (!cairo_scaled_font_status(font)) cairo_scaled_font_text_extents(font, "x", &e);
    if (!(e.x_advance > 0))
        cairo_select_font_face(cr, "@cairo:", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD);
}

static void draw_all(canvas *c, const thx_result *r)
{
    const size_t n_colours = sizeof colours / sizeof colours[0];
    const double side = fmin(c->W, c->H);

    c->line = clamp(side / 300.0, 1.0, 20.0);
    c->font = clamp(side / 32.0, 10.0, 160.0);
    choose_font(c->cr);
    draw_notices(c, r, false);
    for (size_t i = 0; i < r->n_boxes; i++) draw_box(c, &r->boxes[i], colours[i % n_colours]);
    for (size_t i = 0; i < r->n_boxes; i++) draw_label(c, &r->boxes[i], colours[i % n_colours]);
    draw_notices(c, r, true);
}

thorax_status thx_result_write_overlay(const thx_result *r, const thx_picture *picture,
                                       const char *path, thorax_error *err)
{
    if (picture->width > SIDE_MAX || picture->height > SIDE_MAX)
        return thx_fail(err, THORAX_LIMIT, 0,
                        "%s: overlays are at most %d pixels wide and high, this film has %u x %u",
                        path, SIDE_MAX, picture->width, picture->height);

    thorax_status st = THORAX_OK;
    cairo_surface_t *surface = surface_of(picture);
    cairo_t *cr = cairo_create(surface);
    canvas *c = calloc(1, sizeof *c);
    if (c && !cairo_status(cr)) {
        c->cr = cr;
        c->W = picture->width;
        c->H = picture->height;
        draw_all(c, r);
    }
    if (!c || cairo_status(cr))
        st = thx_fail(err, THORAX_NOMEM, 0, "%s: cannot draw: %s", path,
                      cairo_status_to_string(cairo_status(cr)));
    if (!st) st = write_surface(surface, picture, path, err);
    free(c);
    cairo_destroy(cr);
    cairo_surface_destroy(surface);
    return st;
}
