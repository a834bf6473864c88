/* What the phantom's painters share: drawn numbers, the patient's place on the film, masks.
 *
 * Shapes are described in patient coordinates: x to the right of the picture, y down, both 0
 * in the middle of the chest; the lungs reach from about -1 to 1 on either axis. Every
 * structure is painted the same way: fill the mask with its cover (0 .. 1), then blend the
 * mask into the film, which also gives the box. */
#ifndef THX_SYNTH_PHANTOM_PAINT_H
#define THX_SYNTH_PHANTOM_PAINT_H

#include <math.h>

#include "synth/phantom.h"

/* ---- Drawn numbers: splitmix64 -------------------------------------------- */
typedef struct phantom_random { uint64_t state; } phantom_random;

static inline uint64_t phantom_next(phantom_random *r)
{
    uint64_t z = (r->state += 0x9E3779B97F4A7C15u);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static inline float phantom_uniform(phantom_random *r, float low, float high)
{
    return low + (high - low) * ((float)(phantom_next(r) >> 40) * (1.0F / 16777216.0F));
}

static inline unsigned phantom_below(phantom_random *r, unsigned n) { return (unsigned)((phantom_next(r) >> 32) * n >> 32); }
static inline bool phantom_chance(phantom_random *r, float share) { return phantom_uniform(r, 0.0F, 1.0F) < share; }

/* ---- Small mathematics without libm's last bit ----------------------------- */
static inline float phantom_clamp(float v) { return v < 0.0F ? 0.0F : v > 1.0F ? 1.0F : v; }
static inline float phantom_mix(float a, float b, float t) { return a + (b - a) * t; }

/* sin and cos of an angle of at most a quarter turn or so, by their series */
static inline float phantom_sin(float a) { return a - a * a * a / 6.0F + a * a * a * a * a / 120.0F - a * a * a * a * a * a * a / 5040.0F; }
static inline float phantom_cos(float a) { return 1.0F - a * a / 2.0F + a * a * a * a / 24.0F - a * a * a * a * a * a / 720.0F; }

/* ---- Anatomy of one patient ------------------------------------------------ */
typedef struct phantom_lung {
    float top, bottom;        /* y of the apex and of the deepest angle          */
    float apex, width, inner; /* distances from the middle line                  */
    float dome, dome_at, dome_bend; /* y of the dome's top, its x, its curvature */
} phantom_lung;

typedef struct phantom_anatomy {
    size_t width, height;
    float cx, cy, sx, sy, cos, sin;  /* place, size and turn of the patient on the film */
    phantom_lung lungs[2];           /* [0] on the left of the picture: the right lung  */
    float heart_x, heart_y, heart_rx, heart_ry, heart_cos, heart_sin;
    float mediastinum_width, mediastinum_x, knob;
    float body_width, shoulder, neck;
    float rib_gap, rib_slope, rib_curve, rib_bright, rib_phase, clavicle_bright, clavicle_tilt, spine_bright;
    float lung_level, tissue_level, heart_level, texture, vessels;
} phantom_anatomy;

/* Signed distance to the edge of a lung, positive inside; `x` counts outwards from the middle line. */
static inline float phantom_lung_depth(const phantom_lung *lung, float x, float y)
{
    const float t = (y - lung->top) / (lung->bottom - lung->top);
    float       k = t / 0.65F;

    k = k < 0.0F ? 0.0F : k > 1.0F ? 1.0F : k;
    const float outer = lung->apex + (lung->width - lung->apex) * sqrtf(k * (2.0F - k));
    const float m     = t < 0.3F ? 1.0F - t / 0.3F : 0.0F;
    const float inner = lung->inner + (lung->apex - lung->inner) * m * m;
    const float dome  = lung->dome + lung->dome_bend * (x - lung->dome_at) * (x - lung->dome_at);
    float       d     = outer - x < x - inner ? outer - x : x - inner;

    if (dome - y < d) d = dome - y;
    return t < 0.0F && d > t ? t : d;
}

/* ---- The film while it is painted ------------------------------------------ */
#define PHANTOM_LATTICE 64
typedef struct phantom_canvas {
    size_t  width, height;
    float  *value;   /* [height, width] brightness                            */
    float  *mask;    /* [height, width] cover of the structure at hand; else 0 */
    float  *lung[2]; /* [height, width] cover of the lungs, as in phantom_anatomy */
    float   lattice[PHANTOM_LATTICE * PHANTOM_LATTICE]; /* -1 .. 1: smooth noise is read from it */
    const phantom_anatomy *anatomy;
} phantom_canvas;

typedef struct phantom_span { size_t x1, y1, x2, y2; } phantom_span; /* pixels; x2 and y2 are outside */

static inline void phantom_to_film(const phantom_anatomy *a, float x, float y, float *px, float *py)
{
    *px = a->cx + a->cos * x * a->sx - a->sin * y * a->sy;
    *py = a->cy + a->sin * x * a->sx + a->cos * y * a->sy;
}

static inline void phantom_to_patient(const phantom_anatomy *a, float px, float py, float *x, float *y)
{
    const float dx = px - a->cx, dy = py - a->cy;

    *x = (a->cos * dx + a->sin * dy) / a->sx;
    *y = (a->cos * dy - a->sin * dx) / a->sy;
}

float phantom_noise(const phantom_canvas *c, float x, float y); /* smooth, -1 .. 1 */

/* Pixels that a rectangle in patient coordinates may touch. */
phantom_span phantom_span_of(const phantom_canvas *c, float x1, float y1, float x2, float y2);

/* Masks: each adds its cover (the larger one counts) and returns the pixels it may have touched. */
typedef struct phantom_ellipse { float x, y, rx, ry, cos, sin, soft, wobble, wobble_at; } phantom_ellipse;
phantom_span phantom_mask_ellipse(phantom_canvas *c, const phantom_ellipse *e);
phantom_span phantom_mask_curve(phantom_canvas *c, const float points[3][2], float thick); /* a parabola through control points */
phantom_span phantom_mask_block(phantom_canvas *c, float x, float y, float rx, float ry);  /* a rounded rectangle */

phantom_span phantom_span_union(phantom_span a, phantom_span b);

/* Keeps of the mask what lies in lung `side`. */
void phantom_mask_keep(phantom_canvas *c, phantom_span span, unsigned side);

/* Ends a structure: value moves towards `level` by cover*strength (`grain` of it comes and goes
 * with noise of the given frequency), the mask becomes empty again. Returns whether anything
 * was there, and the box of cover >= 1/2. */
typedef struct phantom_blend { float level, strength, add, grain, frequency; } phantom_blend;
bool phantom_blend_mask(phantom_canvas *c, phantom_span span, const phantom_blend *b, thx_phantom_box *box);

/* ---- The painters, in their order ------------------------------------------ */
void phantom_anatomy_draw(phantom_anatomy *a, phantom_random *r, size_t width, size_t height, bool big_heart);
void phantom_anatomy_paint(phantom_canvas *c, phantom_random *r, thx_phantom_box regions[THX_PHANTOM_REGIONS]);

/* Which findings the film has; then their places, their paint and their boxes. */
unsigned phantom_findings_choose(phantom_random *r, thx_phantom_label labels[THX_PHANTOM_LABELS]);
void phantom_findings_paint(phantom_canvas *c, phantom_random *r, thx_phantom *film,
                            const thx_phantom_label *labels, unsigned n, const thx_phantom_box *heart);

#endif
