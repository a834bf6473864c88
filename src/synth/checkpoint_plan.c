/* From a layout's tables to tensors and files; see checkpoint_plan.h.
 *
 * Spreads keep the residual streams near 1: what reads a stream has spread gain / sqrt(inputs); what writes
 * into one is smaller again by sqrt(2 layers). */
#include "synth/checkpoint_plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATCH = 14 };

static uint64_t size_of(const thx_checkpoint_sizes *s, char letter)
{
    switch (letter) {
    case 'd': return s->d;
    case 'q': return 3 * s->d;
    case 'f': return s->f;
    case 'P': return s->P;
    case 'p': return PATCH;
    case 'D': return s->D;
    case 'F': return s->F;
    case 'V': return s->V;
    case 'K': return (uint64_t)s->D / s->H * s->G;
    case 'E': return s->D / s->H / 2;
    case 'R': return s->R;
    case 'b': return s->clip.width;
    case 'B': return 4 * s->clip.width;
    case 'w': return s->clip.words;
    case 'c': return s->clip.positions;
    case 'm': return s->clip.middle;
    case 'j': return s->clip.joint;
    default:  return (uint64_t)(letter - '0');
    }
}

static void set_values(thx_planned *t, const thx_plan_row *r, uint32_t layers)
{
    const double inputs = (double)t->count / (double)(t->rank ? t->shape[0] : 1), read = r->gain / sqrt(inputs);

    t->std = r->gain;
    switch (r->spread) {
    case THX_SPREAD_FIXED:   break;
    case THX_SPREAD_READ:    t->std = (float)read; break;
    case THX_SPREAD_WRITE:   t->std = (float)(read / sqrt(2.0 * layers)); break;
    case THX_SPREAD_NORM:    t->mean = 1.0f; break;
    case THX_SPREAD_EXACT:   t->mean = r->gain, t->std = 0.0f; break;
    case THX_SPREAD_SQUARES: t->content = THX_CONTENT_POSITIVE; break;
    case THX_SPREAD_COUNTED: t->content = THX_CONTENT_COUNTED, t->type = THX_I64; break;
    case THX_SPREAD_ROTARY:  t->content = THX_CONTENT_ROTARY, t->mean = r->gain; break;
    }
}

thx_planned *thx_plan_add_one(thx_tensor_plan *plan, const thx_plan_row *r, uint32_t number, uint32_t layers,
                              bool tower)
{
    const char *place = strstr(r->name, "%u");
    char        name[160];

    if (plan->count == plan->room) return NULL;
    thx_planned *t = &plan->tensors[plan->count++];
    if (place) snprintf(name, sizeof name, "%.*s%u%s", (int)(place - r->name), r->name, number, place + 2);
    else snprintf(name, sizeof name, "%s", r->name);
    *t = (thx_planned){ .name = thx_arena_strdup(plan->arena, name), .type = plan->type,
                        .rank = (uint32_t)strlen(r->shape), .count = 1, .outliers = r->outliers, .tower = tower };
    for (uint32_t i = 0; i < t->rank; i++) t->count *= t->shape[i] = size_of(plan->sizes, r->shape[i]);
    set_values(t, r, layers);
    return t->name ? t : NULL;
}

bool thx_plan_add(thx_tensor_plan *plan, const thx_plan_row *rows, size_t n, uint32_t layers, bool tower)
{
    for (uint32_t layer = 0; layer < (layers ? layers : 1); layer++)
        for (size_t i = 0; i < n; i++)
            if (!thx_plan_add_one(plan, &rows[i], layer, layers, tower)) return false;
    return true;
}

thx_tensor_plan *thx_plan_begin(thx_checkpoint *c, thx_arena *arena, const thx_tensor_plan *start, size_t room)
{
    thx_tensor_plan *plan = &c->plans[c->n_plans++];

    *plan = *start;
    plan->sizes = &c->sizes;
    plan->arena = arena;
    plan->room = room;
    plan->tensors = thx_arena_zalloc(arena, room, sizeof *plan->tensors);
    return plan->tensors ? plan : NULL;
}

static uint64_t bytes_of(const thx_planned *t) { return t->count * thx_type_bytes(t->type); }

/* Fills one file after the other, as the original's save does. */
static void deal_shards(thx_tensor_plan *plan)
{
    uint64_t in_shard = 0;

    plan->n_shards = 1;
    for (size_t i = 0; i < plan->count; i++) {
        const uint64_t bytes = bytes_of(&plan->tensors[i]);

        if (in_shard && plan->most_bytes && in_shard + bytes > plan->most_bytes) {
            plan->n_shards++;
            in_shard = 0;
        }
        in_shard += bytes;
        plan->bytes += bytes;
        plan->values += plan->tensors[i].count;
        plan->tensors[i].shard = (uint32_t)plan->n_shards - 1;
    }
}

static int by_shard_and_name(const void *a, const void *b)
{
    const thx_planned *x = a, *y = b;
    return x->shard != y->shard ? (x->shard < y->shard ? -1 : 1) : strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
    const thx_planned *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* safetensors files are sorted by name; archives keep the order of the module. */
static bool plan_end(thx_tensor_plan *plan)
{
    uint32_t place = 0;

    deal_shards(plan);
    plan->shard_bytes = thx_arena_zalloc(plan->arena, plan->n_shards, sizeof *plan->shard_bytes);
    plan->by_name = thx_arena_alloc(plan->arena, plan->count, sizeof *plan->by_name);
    if (!plan->shard_bytes || !plan->by_name) return false;
    if (!plan->pickle) qsort(plan->tensors, plan->count, sizeof *plan->tensors, by_shard_and_name);
    for (size_t i = 0; i < plan->count; i++) {
        thx_planned *t = &plan->tensors[i];

        place = i && t->shard == t[-1].shard ? place + 1 : 0;
        t->place = place;
        t->begin = plan->shard_bytes[t->shard];
        t->end = plan->shard_bytes[t->shard] += bytes_of(t);
        plan->by_name[i] = t;
    }
    qsort(plan->by_name, plan->count, sizeof *plan->by_name, by_name);
    if (!plan->n_state) plan->n_state = plan->count;
    return true;
}

thorax_status thx_checkpoint_plan(thx_checkpoint *c, thx_arena *arena, thorax_error *err)
{
    bool ok = c->sizes.layout->plan(c, arena);

    for (size_t i = 0; ok && i < c->n_plans; i++) {
        ok = plan_end(&c->plans[i]);
        c->values += c->plans[i].values;
        c->bytes += c->plans[i].bytes;
        c->count += c->plans[i].count;
    }
    return ok ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "no memory for the list of tensors");
}

void thx_tensor_plan_file(char name[64], const thx_tensor_plan *plan, uint32_t shard)
{
    if (plan->n_shards == 1) snprintf(name, 64, "%s%s", plan->stem, plan->ending);
    else snprintf(name, 64, "%s-%05u-of-%05zu%s", plan->stem, shard + 1, plan->n_shards, plan->ending);
}
