/* The findings of a phantom: which ones, where, and how each is painted.
 *
 * The lungs are six cells (side x zone). A finding that has a place takes free cells, so that
 * none hides another; one that finds none free is left out. Each has its own look: fluid is
 * even with a curved upper edge, air is dark behind a fine line, a lesion is a sharp disc, a
 * consolidation a blotchy patch, an atelectasis a sheaf of plates, edema a grainy haze at
 * both hila, a device is thin and very bright. */
#include "synth/phantom_paint.h"

typedef struct placing {
    phantom_canvas  *canvas;
    phantom_random  *random;
    const phantom_anatomy *anatomy;
    bool             taken[2][3]; /* [side][zone] */
} placing;

unsigned phantom_findings_choose(phantom_random *r, thx_phantom_label labels[THX_PHANTOM_LABELS])
{
    static const float up_to[] = { 0.17F, 0.48F, 0.76F, 0.92F, 1.0F }; /* share of films with at most i findings */
    const float        p = phantom_uniform(r, 0.0F, 1.0F);
    bool               has[THX_PHANTOM_LABELS] = { false };
    unsigned           want = 0, n = 0;

    while (want < 4 && p >= up_to[want]) want++;
    for (unsigned i = 0; i < want;) {
        const unsigned k = phantom_below(r, THX_PHANTOM_LABELS);

        if (has[k]) continue;
        if (k == THX_PHANTOM_CARDIOMEGALY && phantom_chance(r, 0.35F)) continue; /* rarer: its box is the easiest to guess */
        has[k] = true;
        i++;
    }
    for (int k = 0; k < THX_PHANTOM_LABELS; k++)
        if (has[k]) labels[n++] = (thx_phantom_label)k;
    return n;
}

/* A free cell among the zones from `first` down; false if there is none. */
static bool take_cell(placing *p, unsigned first, unsigned *side, unsigned *zone)
{
    unsigned cells[6], n = 0;

    for (unsigned s = 0; s < 2; s++)
        for (unsigned z = first; z < 3; z++)
            if (!p->taken[s][z]) cells[n++] = s * 3 + z;
    if (!n) return false;
    const unsigned cell = cells[phantom_below(p->random, n)];

    *side = cell / 3;
    *zone = cell % 3;
    p->taken[*side][*zone] = true;
    return true;
}

/* A point of a cell at which the lung is at least `depth` deep (or as deep as eight tries find). */
static void point_in_cell(placing *p, unsigned side, unsigned zone, float depth, float point[2])
{
    const phantom_lung *lung = &p->anatomy->lungs[side];
    const float         height = lung->dome - lung->top;
    float               best = -9.0F;

    for (int i = 0; i < 8 && best < depth; i++) {
        const float y = lung->top + height * ((float)zone + phantom_uniform(p->random, 0.25F, 0.75F)) / 3.0F + (zone == 2 ? 0.06F : 0.02F);
        const float x = phantom_uniform(p->random, 0.3F, 0.85F);
        const float d = phantom_lung_depth(lung, x, y);
        const float s = side ? x : -x;
        const float hx = (s - p->anatomy->heart_x) / p->anatomy->heart_rx, hy = (y - p->anatomy->heart_y) / p->anatomy->heart_ry;
        const float away = (sqrtf(hx * hx + hy * hy) - 1.0F) * p->anatomy->heart_rx;
        const float free = d < away ? d : away;

        if (free <= best) continue;
        best = free;
        point[0] = s;
        point[1] = y;
    }
}

/* A finding with one box; false when nothing of it is visible. */
static bool finish(placing *p, phantom_span span, const phantom_blend *blend, thx_phantom_finding *f)
{
    if (f->n_boxes < 2 && phantom_blend_mask(p->canvas, span, blend, &f->boxes[f->n_boxes])) f->n_boxes++;
    return f->n_boxes > 0;
}

static bool paint_lesion(placing *p, thx_phantom_finding *f)
{
    unsigned side, zone;
    float    at[2] = { 0.0F, 0.0F };

    if (!take_cell(p, THX_PHANTOM_UPPER, &side, &zone)) return false;
    const float rx = phantom_uniform(p->random, 0.1F, 0.17F), turn = phantom_uniform(p->random, -0.7F, 0.7F);

    point_in_cell(p, side, zone, rx, at);
    f->side = (thx_phantom_side)side;
    f->zone = (thx_phantom_zone)zone;
    const phantom_ellipse e = { at[0], at[1], rx, rx * phantom_uniform(p->random, 0.85F, 1.1F), phantom_cos(turn), phantom_sin(turn), 0.08F, 0.06F, 3.0F };

    return finish(p, phantom_mask_ellipse(p->canvas, &e), &(phantom_blend){ .level = 0.78F, .strength = phantom_uniform(p->random, 0.6F, 0.8F) }, f);
}

static bool paint_consolidation(placing *p, thx_phantom_finding *f)
{
    unsigned side, zone;
    float    at[2] = { 0.0F, 0.0F };

    if (!take_cell(p, THX_PHANTOM_UPPER, &side, &zone)) return false;
    const float rx = phantom_uniform(p->random, 0.22F, 0.34F), turn = phantom_uniform(p->random, -0.7F, 0.7F);

    point_in_cell(p, side, zone, rx * 0.6F, at);
    f->side = (thx_phantom_side)side;
    f->zone = (thx_phantom_zone)zone;
    const phantom_ellipse e = { at[0], at[1], rx, rx * phantom_uniform(p->random, 0.7F, 1.1F), phantom_cos(turn), phantom_sin(turn), 0.22F, 0.28F,
                                phantom_uniform(p->random, 5.0F, 50.0F) };
    const phantom_span span = phantom_mask_ellipse(p->canvas, &e);

    phantom_mask_keep(p->canvas, span, side);
    return finish(p, span, &(phantom_blend){ .level = 0.72F, .strength = phantom_uniform(p->random, 0.8F, 0.95F), .grain = 0.75F, .frequency = 17.0F }, f);
}

static bool paint_atelectasis(placing *p, thx_phantom_finding *f)
{
    unsigned side, zone, plates = 2 + phantom_below(p->random, 2);
    float    at[2] = { 0.0F, 0.0F };

    if (!take_cell(p, THX_PHANTOM_MID, &side, &zone)) return false;
    point_in_cell(p, side, zone, 0.2F, at);
    f->side = (thx_phantom_side)side;
    f->zone = (thx_phantom_zone)zone;
    const float  half = phantom_uniform(p->random, 0.2F, 0.3F), slope = phantom_uniform(p->random, -0.3F, 0.3F), gap = phantom_uniform(p->random, 0.085F, 0.11F);
    phantom_span span = { 0, 0, 0, 0 };

    for (unsigned i = 0; i < plates; i++) {
        const float y = at[1] + gap * ((float)i - 0.5F * (float)(plates - 1)), shift = phantom_uniform(p->random, -0.05F, 0.05F);
        const float points[3][2] = { { at[0] + shift - half, y - slope * half }, { at[0] + shift, y + phantom_uniform(p->random, -0.04F, 0.04F) },
                                     { at[0] + shift + half, y + slope * half } };

        span = phantom_span_union(span, phantom_mask_curve(p->canvas, points, 0.042F));
    }
    phantom_mask_keep(p->canvas, span, side);
    return finish(p, span, &(phantom_blend){ .level = 0.8F, .strength = phantom_uniform(p->random, 0.75F, 0.95F) }, f);
}

static bool paint_edema(placing *p, thx_phantom_finding *f)
{
    const float strength = phantom_uniform(p->random, 0.6F, 0.85F);

    f->side = THX_PHANTOM_BOTH;
    for (unsigned side = 0; side < 2; side++) {
        const float s = side ? 1.0F : -1.0F;
        const phantom_ellipse e = { s * phantom_uniform(p->random, 0.36F, 0.56F), phantom_uniform(p->random, -0.4F, 0.15F), phantom_uniform(p->random, 0.18F, 0.32F),
                                    phantom_uniform(p->random, 0.24F, 0.48F), 1.0F, 0.0F, 0.3F, 0.1F, 7.0F };
        const phantom_span    span = phantom_mask_ellipse(p->canvas, &e);

        phantom_mask_keep(p->canvas, span, side);
        finish(p, span, &(phantom_blend){ .level = 0.7F, .strength = strength, .grain = 0.95F, .frequency = 30.0F }, f);
    }
    return f->n_boxes == 2;
}

/* Fluid from the deepest angle up to a level that rises outwards. */
static bool fluid(placing *p, unsigned side, bool large, thx_phantom_finding *f)
{
    const phantom_lung *lung = &p->anatomy->lungs[side];
    const float         top = lung->bottom - (large ? phantom_uniform(p->random, 0.75F, 1.0F) : phantom_uniform(p->random, 0.42F, 0.6F));
    const float         rise = phantom_uniform(p->random, 0.18F, 0.32F);
    phantom_canvas     *c = p->canvas;
    const phantom_span  span = side ? phantom_span_of(c, 0.0F, top - 0.4F, 1.1F, lung->bottom) : phantom_span_of(c, -1.1F, top - 0.4F, 0.0F, lung->bottom);

    for (size_t py = span.y1; py < span.y2; py++)
        for (size_t px = span.x1; px < span.x2; px++) {
            float x, y;

            phantom_to_patient(c->anatomy, (float)px + 0.5F, (float)py + 0.5F, &x, &y);
            const float out = (x < 0.0F ? -x : x) - lung->inner;
            const float level = top + rise * (0.6F - out * out * 1.6F);
            /* fluid fills the whole pleural space: below the dome too, so it hides the angle */
            const float depth = phantom_lung_depth(lung, x < 0.0F ? -x : x, y < lung->dome - 0.05F ? y : lung->dome - 0.05F);
            const float cover = phantom_clamp(0.5F + (y - level) * 18.0F) * phantom_clamp(0.5F + depth * 28.0F) * phantom_clamp(0.5F + (lung->bottom - y) * 28.0F);
            const float angle = y > lung->dome ? phantom_clamp((out + lung->inner - 0.4F) * 12.0F) : 0.0F; /* beside the heart, not under it */
            const float seen = c->lung[side][py * c->width + px];

            c->mask[py * c->width + px] = cover * (seen > angle ? seen : angle);
        }
    p->taken[side][THX_PHANTOM_LOWER] = true;
    if (large) p->taken[side][THX_PHANTOM_MID] = true;
    return finish(p, span, &(phantom_blend){ .level = phantom_uniform(p->random, 0.68F, 0.8F), .strength = 0.93F }, f);
}

static bool paint_effusion(placing *p, thx_phantom_finding *f)
{
    const unsigned side = phantom_below(p->random, 2);
    const bool     both = phantom_chance(p->random, 0.25F);

    f->large = phantom_chance(p->random, 0.4F);
    f->side  = both ? THX_PHANTOM_BOTH : (thx_phantom_side)side;
    if (both || side == 0) fluid(p, 0, f->large, f);
    if (both || side == 1) fluid(p, 1, f->large, f);
    return f->n_boxes == (both ? 2U : 1U);
}

/* Air around a lung that has drawn back towards its lower inner corner. */
static bool paint_pneumothorax(placing *p, thx_phantom_finding *f)
{
    const unsigned      side = phantom_below(p->random, 2);
    const phantom_lung *lung = &p->anatomy->lungs[side];
    phantom_canvas     *c = p->canvas;
    const phantom_span  span = side ? phantom_span_of(c, 0.0F, -1.1F, 1.1F, lung->bottom) : phantom_span_of(c, -1.1F, -1.1F, 0.0F, lung->bottom);

    f->side  = (thx_phantom_side)side;
    f->large = phantom_chance(p->random, 0.4F);
    const float kept = f->large ? phantom_uniform(p->random, 0.5F, 0.64F) : phantom_uniform(p->random, 0.64F, 0.76F);

    const float foot = f->large ? phantom_uniform(p->random, 0.35F, lung->dome) : phantom_uniform(p->random, -0.15F, 0.25F); /* no air below */

    p->taken[side][THX_PHANTOM_UPPER] = true;
    if (f->large) p->taken[side][THX_PHANTOM_MID] = true;
    for (size_t py = span.y1; py < span.y2; py++)
        for (size_t px = span.x1; px < span.x2; px++) {
            const size_t i = py * c->width + px;
            float        x, y;

            if (c->lung[side][i] <= 0.0F) continue;
            phantom_to_patient(c->anatomy, (float)px + 0.5F, (float)py + 0.5F, &x, &y);
            const float out = x < 0.0F ? -x : x;
            const float depth = phantom_lung_depth(lung, lung->inner + (out - lung->inner) / kept, foot + (y - foot) / kept);
            const float air = y > foot ? 0.0F : c->lung[side][i] * phantom_clamp(0.5F - depth * 28.0F);
            const float line = phantom_clamp(1.5F - (depth < 0.0F ? -depth : depth) * 45.0F) * (y > foot - 0.02F ? 0.0F : 1.0F);

            c->mask[i] = air;
            if (out > lung->inner + 0.1F) c->value[i] += 0.2F * line * c->lung[side][i];
        }
    return finish(p, span, &(phantom_blend){ .level = 0.05F, .strength = 0.75F }, f);
}

/* ---- Devices: a tube in the windpipe, a tube to the stomach, a venous line, a pacemaker ---- */
static phantom_span device_mask(placing *p, unsigned kind)
{
    phantom_canvas *c = p->canvas;
    phantom_random *r = p->random;
    const float     s = phantom_chance(r, 0.5F) ? 1.0F : -1.0F, thick = phantom_uniform(r, 0.035F, 0.045F);

    if (kind == 0) {
        const float points[3][2] = { { phantom_uniform(r, -0.08F, 0.08F), -1.4F }, { 0.02F, -0.9F }, { phantom_uniform(r, -0.03F, 0.03F), phantom_uniform(r, -0.55F, -0.3F) } };

        return phantom_mask_curve(c, points, thick);
    }
    if (kind == 1) {
        const float points[3][2] = { { 0.0F, -1.4F }, { -0.06F, 0.3F }, { phantom_uniform(r, 0.1F, 0.7F), phantom_uniform(r, 0.75F, 1.1F) } };

        return phantom_mask_curve(c, points, thick);
    }
    if (kind == 2) {
        const float points[3][2] = { { s * phantom_uniform(r, 0.75F, 1.05F), phantom_uniform(r, -1.0F, -0.75F) }, { s * 0.15F, -0.95F },
                                     { phantom_uniform(r, -0.16F, -0.08F), phantom_uniform(r, -0.4F, 0.2F) } };

        return phantom_mask_curve(c, points, thick);
    }
    const float x = s * phantom_uniform(r, 0.62F, 0.82F), y = phantom_uniform(r, -0.72F, -0.5F);
    const float points[3][2] = { { x, y - 0.08F }, { s * 0.1F, y - 0.25F }, { phantom_uniform(r, -0.1F, 0.3F), phantom_uniform(r, -0.3F, 0.5F) } };

    return phantom_span_union(phantom_mask_block(c, x, y, phantom_uniform(r, 0.13F, 0.18F), phantom_uniform(r, 0.11F, 0.16F)), phantom_mask_curve(c, points, thick));
}

static bool paint_devices(placing *p, thx_phantom_finding *f)
{
    const unsigned    kind = phantom_below(p->random, 4), n = phantom_chance(p->random, 0.25F) ? 2 : 1;
    const phantom_blend blend = { .level = phantom_uniform(p->random, 0.98F, 1.1F), .strength = 0.92F };

    f->side = THX_PHANTOM_NO_SIDE;
    for (unsigned i = 0; i < n; i++) {
        f->device[f->n_boxes] = (kind + i) % 4;
        finish(p, device_mask(p, (kind + i) % 4), &blend, f);
    }
    if (f->n_boxes == 2 && f->boxes[1].x1 < f->boxes[0].x1) { /* from left to right */
        const thx_phantom_box box = f->boxes[0];
        const unsigned        device = f->device[0];

        f->boxes[0]  = f->boxes[1];
        f->device[0] = f->device[1];
        f->boxes[1]  = box;
        f->device[1] = device;
    }
    return f->n_boxes > 0;
}

static bool paint_one(placing *p, const thx_phantom_box *heart, thx_phantom_finding *f)
{
    switch (f->label) {
    case THX_PHANTOM_ATELECTASIS:   return paint_atelectasis(p, f);
    case THX_PHANTOM_CONSOLIDATION: return paint_consolidation(p, f);
    case THX_PHANTOM_EDEMA:         return paint_edema(p, f);
    case THX_PHANTOM_LESION:        return paint_lesion(p, f);
    case THX_PHANTOM_EFFUSION:      return paint_effusion(p, f);
    case THX_PHANTOM_PNEUMOTHORAX:  return paint_pneumothorax(p, f);
    case THX_PHANTOM_DEVICES:       return paint_devices(p, f);
    default: break;
    }
    f->boxes[0] = *heart; /* cardiomegaly: the heart was painted large */
    f->n_boxes  = 1;
    return true;
}

void phantom_findings_paint(phantom_canvas *c, phantom_random *r, thx_phantom *film,
                            const thx_phantom_label *labels, unsigned n, const thx_phantom_box *heart)
{
    /* What fills a space comes first: the others look for what it leaves free. */
    static const thx_phantom_label order[THX_PHANTOM_LABELS] = {
        THX_PHANTOM_EDEMA, THX_PHANTOM_PNEUMOTHORAX, THX_PHANTOM_EFFUSION, THX_PHANTOM_CONSOLIDATION,
        THX_PHANTOM_LESION, THX_PHANTOM_ATELECTASIS, THX_PHANTOM_CARDIOMEGALY, THX_PHANTOM_DEVICES };
    placing             p = { .canvas = c, .random = r, .anatomy = c->anatomy };
    thx_phantom_finding found[THX_PHANTOM_LABELS] = { 0 };

    for (int i = 0; i < THX_PHANTOM_LABELS; i++)
        for (unsigned k = 0; k < n; k++) {
            thx_phantom_finding *f = &found[order[i]];

            if (labels[k] != order[i]) continue;
            *f = (thx_phantom_finding){ .label = order[i], .side = THX_PHANTOM_NO_SIDE, .zone = THX_PHANTOM_NO_ZONE };
            if (!paint_one(&p, heart, f)) f->n_boxes = 0;
        }
    for (int i = 0; i < THX_PHANTOM_LABELS; i++)
        if (found[i].n_boxes) film->findings[film->n_findings++] = found[i];
}
