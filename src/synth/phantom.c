/* One phantom from its seed: patient, paint, exposure, and what is done to the film as a whole.
 *
 * Each concern draws from its own stream of numbers, so that a change of one does not move
 * the others: film size and anatomy, findings, exposure and noise, wording. */
#include "synth/phantom.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "synth/phantom_paint.h"

enum { STREAM_FILM = 1, STREAM_ANATOMY, STREAM_FINDINGS, STREAM_EXPOSURE, STREAM_NOISE, STREAM_WORDS };

thx_phantom_options thx_phantom_options_default(void) { return (thx_phantom_options){ .bits = 8 }; }

static phantom_random stream(uint64_t seed, uint64_t index, uint64_t which)
{
    phantom_random r = { seed ^ 0x5851F42D4C957F2Du };

    r.state = phantom_next(&r) + index * 0xD1342543DE82EF95u;
    r.state = phantom_next(&r) + which * 0x2545F4914F6CDD1Du;
    phantom_next(&r);
    return r;
}

/* The numbers of the noise, summed twice for a bell-like shape: -1 .. 1. */
static float grain(uint32_t *state)
{
    uint32_t x = *state;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    *state = x;
    return (float)((x & 0xFFFFu) + (x >> 16)) * (1.0F / 65536.0F) - 1.0F;
}

/* Exposure: a slope of brightness over the film, contrast, smooth and fine noise. */
static void expose(phantom_canvas *c, phantom_random *r, phantom_random *noise)
{
    const float gx = phantom_uniform(r, -0.16F, 0.16F) / (float)c->width, gy = phantom_uniform(r, -0.16F, 0.16F) / (float)c->height;
    const float curve = phantom_uniform(r, -0.35F, 0.45F), contrast = phantom_uniform(r, 0.7F, 1.1F), base = phantom_uniform(r, 0.0F, 0.14F);
    const float fine = phantom_uniform(r, 0.01F, 0.05F), coarse = c->anatomy->texture, f = phantom_uniform(r, 0.05F, 0.11F);

    for (size_t y = 0; y < c->height; y++) {
        uint32_t state = (uint32_t)(phantom_next(noise) >> 32) | 1u;

        for (size_t x = 0; x < c->width; x++) {
            float *v = &c->value[y * c->width + x];
            float  t = *v + gx * ((float)x - 0.5F * (float)c->width) + gy * ((float)y - 0.5F * (float)c->height);

            t += coarse * phantom_noise(c, (float)x * f, (float)y * f);
            t += curve * t * (1.0F - t);
            *v = base + contrast * t + fine * grain(&state);
        }
    }
}

/* Sometimes the film shows the black edge of a smaller field, or a bright marker near a border. */
static void frame(phantom_canvas *c, phantom_random *r)
{
    const size_t w = c->width, h = c->height;

    if (phantom_chance(r, 0.3F)) {
        const size_t left = phantom_below(r, (unsigned)(w / 20)), top = phantom_below(r, (unsigned)(h / 20));
        const size_t right = w - phantom_below(r, (unsigned)(w / 20)), bottom = h - phantom_below(r, (unsigned)(h / 20));

        for (size_t y = 0; y < h; y++)
            for (size_t x = 0; x < w; x++)
                if (x < left || x >= right || y < top || y >= bottom) c->value[y * w + x] = 0.0F;
    }
    if (phantom_chance(r, 0.5F)) {
        const size_t side = w / 40 + phantom_below(r, (unsigned)(w / 40)), y0 = h / 30 + phantom_below(r, (unsigned)(h / 8));
        const size_t x0 = phantom_chance(r, 0.5F) ? w / 30 : w - w / 30 - side;

        for (size_t y = y0; y < y0 + side; y++)
            for (size_t x = x0; x < x0 + side / 2; x++) c->value[y * w + x] = 1.0F;
    }
}

/* The whole range of 16 bits: the darkest pixel is 0, the brightest 65535. */
static void stretch(uint16_t *pixels, const float *value, size_t n)
{
    float low = value[0], high = value[0];

    for (size_t i = 1; i < n; i++) {
        if (value[i] < low) low = value[i];
        if (value[i] > high) high = value[i];
    }
    const float scale = high > low ? 65535.0F / (high - low) : 0.0F;

    for (size_t i = 0; i < n; i++) {
        const float v = (value[i] - low) * scale + 0.5F;

        pixels[i] = v >= 65535.0F ? 65535 : (uint16_t)v;
    }
}

static thx_phantom_box mirrored(thx_phantom_box b) { return (thx_phantom_box){ 1.0F - b.x2, b.y1, 1.0F - b.x1, b.y2 }; }

static void swap_boxes(thx_phantom_box *a, thx_phantom_box *b)
{
    const thx_phantom_box t = *a;

    *a = *b;
    *b = t;
}

static void mirror_truth(thx_phantom *p)
{
    for (int i = 0; i < THX_PHANTOM_REGIONS; i++) p->regions[i] = mirrored(p->regions[i]);
    swap_boxes(&p->regions[THX_PHANTOM_RIGHT_LUNG], &p->regions[THX_PHANTOM_LEFT_LUNG]);
    swap_boxes(&p->regions[THX_PHANTOM_RIGHT_DIAPHRAGM], &p->regions[THX_PHANTOM_LEFT_DIAPHRAGM]);
    for (unsigned i = 0; i < p->n_findings; i++) {
        thx_phantom_finding *f = &p->findings[i];

        if (f->side == THX_PHANTOM_RIGHT || f->side == THX_PHANTOM_LEFT) f->side = f->side == THX_PHANTOM_RIGHT ? THX_PHANTOM_LEFT : THX_PHANTOM_RIGHT;
        for (unsigned k = 0; k < f->n_boxes; k++) f->boxes[k] = mirrored(f->boxes[k]);
        if (f->n_boxes == 2 && f->boxes[1].x1 < f->boxes[0].x1) {
            const unsigned device = f->device[0];

            swap_boxes(&f->boxes[0], &f->boxes[1]);
            f->device[0] = f->device[1];
            f->device[1] = device;
        }
    }
}

static void mirror(thx_phantom *p)
{
    for (size_t y = 0; y < p->height; y++) {
        uint16_t *row = p->pixels + y * p->width;

        for (size_t x = 0; x < p->width / 2; x++) {
            const uint16_t t = row[x];

            row[x] = row[p->width - 1 - x];
            row[p->width - 1 - x] = t;
        }
    }
    if (p->is_film) mirror_truth(p);
}

/* A picture that is no film: fine or coarse noise, one grey, a slope, or shapes at random. */
static void paint_other(phantom_canvas *c, phantom_random *r)
{
    const unsigned kind = phantom_below(r, 5);
    const float    f = phantom_uniform(r, 0.02F, 0.4F), gx = phantom_uniform(r, -1.0F, 1.0F), gy = phantom_uniform(r, -1.0F, 1.0F);
    uint32_t       state = (uint32_t)(phantom_next(r) >> 32) | 1u;
    const float    level = phantom_uniform(r, 0.0F, 1.0F);

    for (size_t y = 0; y < c->height; y++)
        for (size_t x = 0; x < c->width; x++) {
            float v = level;

            if (kind == 0) v = grain(&state);
            if (kind == 1) v = phantom_noise(c, (float)x * f, (float)y * f);
            if (kind == 2) v = gx * (float)x / (float)c->width + gy * (float)y / (float)c->height + 0.02F * grain(&state);
            if (kind == 3) v = ((unsigned)((float)x * f * 0.3F) + (unsigned)((float)y * f * 0.3F)) % 2 ? 1.0F : 0.0F;
            c->value[y * c->width + x] = v;
        }
    if (kind == 3 && f * 0.3F * (float)c->width < 1.0F) c->value[0] = 1.0F;
}

static thorax_status canvas_init(phantom_canvas *c, const phantom_anatomy *a, size_t width, size_t height, thorax_error *err)
{
    const size_t n = width * height;

    *c = (phantom_canvas){ .width = width, .height = height, .anatomy = a };
    c->value = calloc(n * 4, sizeof *c->value);
    if (!c->value) return thx_fail(err, THORAX_NOMEM, 0, "phantom film of %zux%zu pixels", width, height);
    c->mask    = c->value + n;
    c->lung[0] = c->value + n * 2;
    c->lung[1] = c->value + n * 3;
    return THORAX_OK;
}

static void draw_film(thx_phantom *out, phantom_canvas *c, phantom_anatomy *a, uint64_t seed, uint64_t index)
{
    phantom_random    anatomy = stream(seed, index, STREAM_ANATOMY), findings = stream(seed, index, STREAM_FINDINGS);
    phantom_random    exposure = stream(seed, index, STREAM_EXPOSURE), noise = stream(seed, index, STREAM_NOISE);
    thx_phantom_label labels[THX_PHANTOM_LABELS];
    const unsigned    n = phantom_findings_choose(&findings, labels);
    bool              big_heart = false;

    for (unsigned i = 0; i < n; i++) big_heart |= labels[i] == THX_PHANTOM_CARDIOMEGALY;
    phantom_anatomy_draw(a, &anatomy, out->width, out->height, big_heart);
    phantom_anatomy_paint(c, &anatomy, out->regions);
    phantom_findings_paint(c, &findings, out, labels, n, &out->regions[THX_PHANTOM_HEART]);
    expose(c, &exposure, &noise);
    frame(c, &exposure);
}

thorax_status thx_phantom_draw(thx_phantom *out, uint64_t seed, uint64_t index, const thx_phantom_options *options, thorax_error *err)
{
    phantom_random  film = stream(seed, index, STREAM_FILM), words = stream(seed, index, STREAM_WORDS);
    phantom_anatomy anatomy = { 0 };
    phantom_canvas  c;

    *out = (thx_phantom){ .words = phantom_next(&words) };
    out->width  = 384 + phantom_below(&film, 161);
    out->height = 384 + phantom_below(&film, 161);
    out->is_film = !phantom_chance(&film, options ? (float)options->not_films : 0.0F);
    const bool turned = phantom_chance(&film, 0.06F); /* the heart on the other side */

    thorax_status st = canvas_init(&c, &anatomy, out->width, out->height, err);
    if (st) return st;
    for (size_t i = 0; i < PHANTOM_LATTICE * PHANTOM_LATTICE; i++) c.lattice[i] = phantom_uniform(&film, -1.0F, 1.0F);
    out->pixels = malloc(out->width * out->height * sizeof *out->pixels);
    if (!out->pixels) st = thx_fail(err, THORAX_NOMEM, 0, "phantom film of %zux%zu pixels", out->width, out->height);
    if (!st) {
        if (out->is_film) draw_film(out, &c, &anatomy, seed, index);
        else paint_other(&c, &film);
        stretch(out->pixels, c.value, out->width * out->height);
        if (turned != (options && options->mirror)) mirror(out);
    }
    free(c.value);
    return st;
}

void thx_phantom_deinit(thx_phantom *phantom)
{
    free(phantom->pixels);
    *phantom = (thx_phantom){ 0 };
}
