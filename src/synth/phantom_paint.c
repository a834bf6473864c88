/* Masks and blending: how every structure of a phantom gets into the picture.
 *
 * A mask function takes a shape in patient coordinates and writes cover in 0 .. 1 into the
 * canvas; it returns the span of pixels it may have touched, so that work is proportional to
 * the structure. Blending turns cover into brightness and into the box of the structure. */
#include "synth/phantom_paint.h"

float phantom_noise(const phantom_canvas *c, float x, float y)
{
    x = x < 0.0F ? x + 4096.0F : x;
    y = y < 0.0F ? y + 4096.0F : y;
    const unsigned xi = (unsigned)x, yi = (unsigned)y;
    const float    fx = x - (float)xi, fy = y - (float)yi;
    const unsigned x0 = xi % PHANTOM_LATTICE, x1 = (xi + 1) % PHANTOM_LATTICE;
    const unsigned y0 = yi % PHANTOM_LATTICE * PHANTOM_LATTICE, y1 = (yi + 1) % PHANTOM_LATTICE * PHANTOM_LATTICE;
    const float    top = phantom_mix(c->lattice[y0 + x0], c->lattice[y0 + x1], fx);
    const float    bottom = phantom_mix(c->lattice[y1 + x0], c->lattice[y1 + x1], fx);

    return phantom_mix(top, bottom, fy);
}

static size_t clip(float v, size_t most)
{
    return v < 0.0F ? 0 : v > (float)most ? most : (size_t)v;
}

phantom_span phantom_span_of(const phantom_canvas *c, float x1, float y1, float x2, float y2)
{
    const float corners[4][2] = { { x1, y1 }, { x2, y1 }, { x1, y2 }, { x2, y2 } };
    float       low[2] = { 1e9F, 1e9F }, high[2] = { -1e9F, -1e9F };

    for (size_t i = 0; i < 4; i++) {
        float p[2];

        phantom_to_film(c->anatomy, corners[i][0], corners[i][1], &p[0], &p[1]);
        for (size_t k = 0; k < 2; k++) {
            if (p[k] < low[k]) low[k] = p[k];
            if (p[k] > high[k]) high[k] = p[k];
        }
    }
    return (phantom_span){ clip(low[0] - 1.0F, c->width), clip(low[1] - 1.0F, c->height),
                           clip(high[0] + 2.0F, c->width), clip(high[1] + 2.0F, c->height) };
}

phantom_span phantom_span_union(phantom_span a, phantom_span b)
{
    if (a.x1 >= a.x2 || a.y1 >= a.y2) return b;
    if (b.x1 >= b.x2 || b.y1 >= b.y2) return a;
    return (phantom_span){ a.x1 < b.x1 ? a.x1 : b.x1, a.y1 < b.y1 ? a.y1 : b.y1,
                           a.x2 > b.x2 ? a.x2 : b.x2, a.y2 > b.y2 ? a.y2 : b.y2 };
}

static void cover(phantom_canvas *c, size_t x, size_t y, float amount)
{
    float *m = &c->mask[y * c->width + x];

    amount = phantom_clamp(amount);
    if (amount > *m) *m = amount;
}

phantom_span phantom_mask_ellipse(phantom_canvas *c, const phantom_ellipse *e)
{
    const float        reach = (e->rx > e->ry ? e->rx : e->ry) * (1.1F + e->wobble + e->soft);
    const phantom_span s = phantom_span_of(c, e->x - reach, e->y - reach, e->x + reach, e->y + reach);

    for (size_t py = s.y1; py < s.y2; py++)
        for (size_t px = s.x1; px < s.x2; px++) {
            float x, y;

            phantom_to_patient(c->anatomy, (float)px + 0.5F, (float)py + 0.5F, &x, &y);
            x -= e->x;
            y -= e->y;
            const float u = (e->cos * x + e->sin * y) / e->rx, v = (e->cos * y - e->sin * x) / e->ry;
            float       q = sqrtf(u * u + v * v);

            if (e->wobble > 0.0F) q += e->wobble * phantom_noise(c, x * 6.0F + e->wobble_at, y * 6.0F + e->wobble_at);
            if (q < 1.0F + e->soft) cover(c, px, py, 0.5F + (1.0F - q) / (2.0F * e->soft));
        }
    return s;
}

/* One straight piece of a curve: every pixel nearer than the half thickness. */
static phantom_span mask_piece(phantom_canvas *c, const float a[2], const float b[2], float thick)
{
    const float        r = thick * 0.5F + 0.02F;
    const phantom_span s = phantom_span_of(c, (a[0] < b[0] ? a[0] : b[0]) - r, (a[1] < b[1] ? a[1] : b[1]) - r,
                                           (a[0] > b[0] ? a[0] : b[0]) + r, (a[1] > b[1] ? a[1] : b[1]) + r);
    const float        dx = b[0] - a[0], dy = b[1] - a[1], len = dx * dx + dy * dy + 1e-9F;

    for (size_t py = s.y1; py < s.y2; py++)
        for (size_t px = s.x1; px < s.x2; px++) {
            float x, y;

            phantom_to_patient(c->anatomy, (float)px + 0.5F, (float)py + 0.5F, &x, &y);
            const float t = phantom_clamp(((x - a[0]) * dx + (y - a[1]) * dy) / len);
            const float u = x - a[0] - t * dx, v = y - a[1] - t * dy;

            cover(c, px, py, 0.5F + (thick * 0.5F - sqrtf(u * u + v * v)) * c->anatomy->sx);
        }
    return s;
}

phantom_span phantom_mask_curve(phantom_canvas *c, const float points[3][2], float thick)
{
    enum { PIECES = 12 };
    phantom_span s = { 0, 0, 0, 0 };
    float        last[2] = { points[0][0], points[0][1] };

    for (int i = 1; i <= PIECES; i++) {
        const float t = (float)i / PIECES, o = 1.0F - t;
        float       next[2];

        for (int k = 0; k < 2; k++)
            next[k] = o * o * points[0][k] + 2.0F * o * t * points[1][k] + t * t * points[2][k];
        s = phantom_span_union(s, mask_piece(c, last, next, thick));
        last[0] = next[0];
        last[1] = next[1];
    }
    return s;
}

phantom_span phantom_mask_block(phantom_canvas *c, float x, float y, float rx, float ry)
{
    const phantom_span s = phantom_span_of(c, x - rx, y - ry, x + rx, y + ry);

    for (size_t py = s.y1; py < s.y2; py++)
        for (size_t px = s.x1; px < s.x2; px++) {
            float u, v;

            phantom_to_patient(c->anatomy, (float)px + 0.5F, (float)py + 0.5F, &u, &v);
            u = (u - x) / rx;
            v = (v - y) / ry;
            const float q = u * u * u * u + v * v * v * v; /* 1 on a rounded rectangle */

            cover(c, px, py, 0.5F + (1.0F - q) * 3.0F);
        }
    return s;
}

void phantom_mask_keep(phantom_canvas *c, phantom_span s, unsigned side)
{
    for (size_t y = s.y1; y < s.y2; y++)
        for (size_t x = s.x1; x < s.x2; x++) c->mask[y * c->width + x] *= c->lung[side][y * c->width + x];
}

bool phantom_blend_mask(phantom_canvas *c, phantom_span s, const phantom_blend *b, thx_phantom_box *box)
{
    phantom_span seen = { c->width, c->height, 0, 0 };

    for (size_t y = s.y1; y < s.y2; y++)
        for (size_t x = s.x1; x < s.x2; x++) {
            const size_t i = y * c->width + x;
            float        m = c->mask[i];

            c->mask[i] = 0.0F;
            if (m <= 0.0F) continue;
            if (m >= 0.5F) {
                if (x < seen.x1) seen.x1 = x;
                if (y < seen.y1) seen.y1 = y;
                if (x + 1 > seen.x2) seen.x2 = x + 1;
                if (y + 1 > seen.y2) seen.y2 = y + 1;
            }
            if (b->grain > 0.0F) {
                const float f = b->frequency / c->anatomy->sx;

                m *= 1.0F - b->grain * (0.5F + 0.5F * phantom_noise(c, (float)x * f, (float)y * f + 17.0F));
            }
            c->value[i] += (b->level - c->value[i]) * m * b->strength + b->add * m;
        }
    if (seen.x1 >= seen.x2) return false;
    if (box)
        *box = (thx_phantom_box){ (float)seen.x1 / (float)c->width, (float)seen.y1 / (float)c->height,
                                  (float)seen.x2 / (float)c->width, (float)seen.y2 / (float)c->height };
    return true;
}
