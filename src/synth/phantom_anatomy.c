/* The healthy part of a phantom: trunk, lungs, heart, mediastinum, bones, vessels.
 *
 * phantom_anatomy_draw() draws one patient and the place on the film; painting fills
 * value and lung planes of the canvas and gives the boxes of the regions. Size, place, turn
 * and proportions vary so much that no fixed box is a good answer. */
#include "synth/phantom_paint.h"

static void draw_place(phantom_anatomy *a, phantom_random *r)
{
    const float turn  = phantom_uniform(r, -0.21F, 0.21F); /* radians: 12 degrees */
    const float ratio = phantom_uniform(r, 0.84F, 1.18F);
    const float w = (float)a->width, h = (float)a->height;
    float       fit = w / 2.25F;

    if (h / (2.3F * ratio) < fit) fit = h / (2.3F * ratio);
    a->sx  = fit * phantom_uniform(r, 0.48F, 1.0F);
    a->sy  = a->sx * ratio;
    a->cos = phantom_cos(turn);
    a->sin = phantom_sin(turn);

    const float slack_x = w - 2.2F * a->sx, slack_y = h - 2.2F * a->sy;

    a->cx = w * 0.5F + (slack_x > 0.0F ? slack_x : 0.0F) * phantom_uniform(r, -0.5F, 0.5F);
    a->cy = h * 0.5F + (slack_y > 0.0F ? slack_y : 0.0F) * phantom_uniform(r, -0.5F, 0.5F);
}

static void draw_lungs(phantom_anatomy *a, phantom_random *r)
{
    const float width = phantom_uniform(r, 0.9F, 1.0F);
    const float dome  = phantom_uniform(r, 0.48F, 0.72F);

    for (int i = 0; i < 2; i++) {
        phantom_lung *lung = &a->lungs[i];

        lung->top       = phantom_uniform(r, -1.06F, -0.92F);
        lung->width     = width * phantom_uniform(r, 0.96F, 1.04F);
        lung->apex      = phantom_uniform(r, 0.36F, 0.46F);
        lung->inner     = phantom_uniform(r, 0.12F, 0.2F);
        lung->dome      = dome + (i ? phantom_uniform(r, 0.02F, 0.12F) : phantom_uniform(r, -0.06F, 0.02F));
        lung->dome_at   = phantom_uniform(r, 0.36F, 0.52F);
        lung->dome_bend = phantom_uniform(r, 0.95F, 1.5F);
        lung->bottom    = lung->dome + lung->dome_bend * (lung->width - lung->dome_at) * (lung->width - lung->dome_at);
    }
}

static void draw_heart(phantom_anatomy *a, phantom_random *r, bool big)
{
    const float chest = a->lungs[0].width + a->lungs[1].width;
    const float share = big ? phantom_uniform(r, 0.6F, 0.72F) : phantom_uniform(r, 0.36F, 0.47F); /* of the chest's width */
    const float tilt  = phantom_uniform(r, 0.2F, 0.6F);

    a->heart_rx = share * chest * 0.5F * 1.06F;
    a->heart_ry = a->heart_rx * (big ? phantom_uniform(r, 0.72F, 0.82F) : phantom_uniform(r, 0.84F, 1.0F));
    a->heart_x  = phantom_uniform(r, 0.1F, 0.22F);
    a->heart_y  = a->lungs[1].dome - a->heart_ry * phantom_uniform(r, 0.6F, 0.85F);
    a->heart_cos = phantom_cos(tilt);
    a->heart_sin = phantom_sin(tilt);
}

void phantom_anatomy_draw(phantom_anatomy *a, phantom_random *r, size_t width, size_t height, bool big_heart)
{
    a->width  = width;
    a->height = height;
    draw_place(a, r);
    draw_lungs(a, r);
    draw_heart(a, r, big_heart);
    a->mediastinum_width = phantom_uniform(r, 0.17F, 0.27F);
    a->mediastinum_x     = phantom_uniform(r, -0.03F, 0.05F);
    a->knob              = phantom_uniform(r, 0.08F, 0.14F);
    a->body_width        = phantom_uniform(r, 1.08F, 1.5F);
    a->shoulder          = phantom_uniform(r, -1.05F, -0.8F);
    a->neck              = phantom_uniform(r, 0.3F, 0.48F);
    a->rib_gap           = phantom_uniform(r, 0.2F, 0.27F);
    a->rib_slope         = phantom_uniform(r, -0.05F, 0.25F);
    a->rib_curve         = phantom_uniform(r, 0.1F, 0.35F);
    a->rib_bright        = phantom_uniform(r, 0.03F, 0.09F);
    a->rib_phase         = phantom_uniform(r, 0.0F, 1.0F);
    a->clavicle_bright   = phantom_uniform(r, 0.05F, 0.12F);
    a->clavicle_tilt     = phantom_uniform(r, -0.1F, 0.22F);
    a->spine_bright      = phantom_uniform(r, 0.02F, 0.1F);
    a->lung_level        = phantom_uniform(r, 0.14F, 0.3F);
    a->tissue_level      = phantom_uniform(r, 0.5F, 0.64F);
    a->heart_level       = phantom_uniform(r, 0.64F, 0.76F);
    a->texture           = phantom_uniform(r, 0.01F, 0.035F);
    a->vessels           = phantom_uniform(r, 0.04F, 0.11F);
}

/* Half width of the trunk at height y: neck, shoulders, chest. */
static float trunk(const phantom_anatomy *a, float y)
{
    const float t = phantom_clamp((y - (a->shoulder - 0.35F)) / 0.35F);

    return a->neck + (a->body_width + 0.15F - a->neck) * t * t * (3.0F - 2.0F * t);
}

/* Stripes of the ribs at (x outwards, y), 0 .. 1: back ribs slope down outwards, front ribs inwards. */
static float ribs(const phantom_anatomy *a, float x, float y)
{
    const float back  = (y - a->rib_slope * x + a->rib_curve * x * x) / a->rib_gap + a->rib_phase + 16.0F;
    const float front = (y + 0.55F * x - 0.3F * x * x) / (a->rib_gap * 1.15F) + a->rib_phase * 2.0F + 16.0F;
    const float b = back - (float)(int)back - 0.5F, f = front - (float)(int)front - 0.5F;
    const float stripe = phantom_clamp((0.2F - (b < 0.0F ? -b : b)) * 12.0F);
    const float faint  = x > 0.35F ? phantom_clamp((0.16F - (f < 0.0F ? -f : f)) * 8.0F) : 0.0F;

    return stripe + 0.5F * faint;
}

static float heart_cover(const phantom_anatomy *a, float x, float y)
{
    const float dx = x - a->heart_x, dy = y - a->heart_y;
    const float u = (a->heart_cos * dx + a->heart_sin * dy) / a->heart_rx;
    const float v = (a->heart_cos * dy - a->heart_sin * dx) / a->heart_ry;

    return phantom_clamp(0.5F + (1.0F - sqrtf(u * u + v * v)) * 12.0F);
}

/* Cover of the mediastinum: a band that opens downwards, with the aortic knob on its left. */
static float mediastinum_cover(const phantom_anatomy *a, float x, float y)
{
    const float ax = x - a->mediastinum_x, t = phantom_clamp((y + 0.9F) / 1.2F);
    const float half = a->mediastinum_width * (0.8F + 0.45F * t * t);
    const float kx = x - a->mediastinum_x - a->mediastinum_width, ky = y + 0.45F;
    float       d = half - (ax < 0.0F ? -ax : ax);
    const float k = a->knob - sqrtf(kx * kx + ky * ky);

    if (k > d) d = k;
    return phantom_clamp(0.5F + d * 22.0F);
}

typedef struct region_span { phantom_span s; } region_span;

static void see(region_span *r, size_t x, size_t y)
{
    if (x < r->s.x1) r->s.x1 = x;
    if (y < r->s.y1) r->s.y1 = y;
    if (x + 1 > r->s.x2) r->s.x2 = x + 1;
    if (y + 1 > r->s.y2) r->s.y2 = y + 1;
}

/* One pixel of the healthy chest. */
static void paint_pixel(phantom_canvas *c, size_t px, size_t py, float x, float y, region_span *regions)
{
    const phantom_anatomy *a = c->anatomy;
    const size_t           i = py * c->width + px;
    const float            out = x < 0.0F ? -x : x;
    const float            body = phantom_clamp(0.5F + (trunk(a, y) - out) * 14.0F);

    c->lung[0][i] = c->lung[1][i] = 0.0F;
    if (body <= 0.0F) {
        c->value[i] = 0.03F;
        return;
    }
    const int   side = x >= 0.0F;
    const float depth = phantom_lung_depth(&a->lungs[side], out, y);
    const float lung = phantom_clamp(0.5F + depth * 28.0F);
    const float heart = heart_cover(a, x, y);
    const float middle = y > 0.7F ? 0.0F : mediastinum_cover(a, x, y);
    const float below = phantom_clamp((y - 0.55F) * 2.0F);
    float       v = a->tissue_level * (1.0F - 0.22F * out) + 0.14F * below;

    v = phantom_mix(v, a->lung_level, lung);
    if (out < 1.04F && y > -1.05F && y < 1.25F) v += a->rib_bright * ribs(a, out, y) * (0.35F + 0.65F * lung);
    v = phantom_mix(v, a->heart_level - 0.04F, middle);
    v = phantom_mix(v, a->heart_level, heart);
    if (out < 0.14F) {
        const float s = y / 0.17F + 20.0F, f = s - (float)(int)s;

        v += a->spine_bright * (f < 0.8F ? 1.0F : 0.3F);
        if (out < 0.055F && y < -0.5F) v -= 0.12F; /* the windpipe's air */
    }
    c->lung[side][i] = lung * (1.0F - heart) * (1.0F - middle);
    c->value[i]      = phantom_mix(0.03F, v, body);

    const phantom_lung *l = &a->lungs[side];

    if (lung >= 0.5F && middle < 0.5F) see(&regions[side ? THX_PHANTOM_LEFT_LUNG : THX_PHANTOM_RIGHT_LUNG], px, py);
    if (heart >= 0.5F) see(&regions[THX_PHANTOM_HEART], px, py);
    if (middle >= 0.5F && y > -0.95F && y < a->heart_y) see(&regions[THX_PHANTOM_MEDIASTINUM], px, py);
    if (y >= l->dome && y <= l->bottom && out <= l->width && out >= l->inner)
        see(&regions[side ? THX_PHANTOM_LEFT_DIAPHRAGM : THX_PHANTOM_RIGHT_DIAPHRAGM], px, py);
}

/* Vessels leave the hilum and thin out: faint curves, cut by the lung's own edge. */
static void paint_vessels(phantom_canvas *c, phantom_random *r)
{
    static const float ends[6][2] = { { 0.55F, -0.75F }, { 0.8F, -0.4F }, { 0.85F, 0.0F }, { 0.75F, 0.4F }, { 0.5F, 0.6F }, { 0.45F, -0.35F } };

    for (unsigned side = 0; side < 2; side++) {
        const float s = side ? 1.0F : -1.0F;

        for (int i = 0; i < 6; i++) {
            const float x = ends[i][0] + phantom_uniform(r, -0.1F, 0.1F), y = ends[i][1] + phantom_uniform(r, -0.12F, 0.12F);
            const float points[3][2] = { { s * 0.2F, phantom_uniform(r, -0.2F, 0.05F) },
                                         { s * x * 0.5F, y * phantom_uniform(r, 0.2F, 0.6F) }, { s * x, y } };
            const phantom_span span = phantom_mask_curve(c, points, phantom_uniform(r, 0.018F, 0.035F));

            phantom_mask_keep(c, span, side);
            phantom_blend_mask(c, span, &(phantom_blend){ .add = c->anatomy->vessels * phantom_uniform(r, 0.5F, 1.0F) }, NULL);
        }
    }
}

static void paint_clavicles(phantom_canvas *c)
{
    const phantom_anatomy *a = c->anatomy;

    for (int side = 0; side < 2; side++) {
        const float s = side ? 1.0F : -1.0F, y = a->lungs[side].top + 0.24F;
        const float points[3][2] = { { s * 0.12F, y + 0.05F }, { s * 0.5F, y + 0.04F - a->clavicle_tilt },
                                     { s * 1.05F, y - a->clavicle_tilt } };

        phantom_blend_mask(c, phantom_mask_curve(c, points, 0.075F), &(phantom_blend){ .add = a->clavicle_bright }, NULL);
    }
}

void phantom_anatomy_paint(phantom_canvas *c, phantom_random *r, thx_phantom_box boxes[THX_PHANTOM_REGIONS])
{
    const phantom_anatomy *a = c->anatomy;
    region_span            regions[THX_PHANTOM_REGIONS];

    for (int k = 0; k < THX_PHANTOM_REGIONS; k++) regions[k].s = (phantom_span){ c->width, c->height, 0, 0 };
    for (size_t py = 0; py < c->height; py++)
        for (size_t px = 0; px < c->width; px++) {
            float x, y;

            phantom_to_patient(a, (float)px + 0.5F, (float)py + 0.5F, &x, &y);
            paint_pixel(c, px, py, x, y, regions);
        }
    for (int k = 0; k < THX_PHANTOM_REGIONS; k++) {
        const phantom_span s = regions[k].s;

        boxes[k] = (thx_phantom_box){ (float)s.x1 / (float)c->width, (float)s.y1 / (float)c->height,
                                      (float)s.x2 / (float)c->width, (float)s.y2 / (float)c->height };
    }
    paint_vessels(c, r);
    paint_clavicles(c);
}
