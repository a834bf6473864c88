/* What two graphs share; see radgraph.h. Rules: radgraph rewards.py, LLaVA-Rad f1radgraph.py, CXR-Report-Metric
 * radgraph_evaluate_model.py. */
#include "base/string.h"
#include "metrics/radgraph.h"
#include "metrics/words.h"

#include <stdlib.h>
#include <string.h>

enum { FIELDS = 5, TARGET = 3 /* the field of a relation's target at level complete */ };

/* Texts that are compared together; NULL behind the last. */
typedef struct tuple { const char *field[FIELDS]; } tuple;

typedef struct tuples { tuple *at; size_t n; } tuples;

static int compare(const void *a, const void *b)
{
    const tuple *x = a, *y = b;

    for (size_t i = 0; i < FIELDS; i++) {
        const char *p = x->field[i], *q = y->field[i];
        const int   order = !p || !q ? (p != NULL) - (q != NULL) : strcmp(p, q);
        if (order) return order;
    }
    return 0;
}

/* A list becomes a set: sorted, each once. */
static void make_set(tuples *t)
{
    size_t n = 0;

    if (t->n) qsort(t->at, t->n, sizeof *t->at, compare);
    for (size_t i = 0; i < t->n; i++)
        if (!n || compare(&t->at[n - 1], &t->at[i])) t->at[n++] = t->at[i];
    t->n = n;
}

static size_t shared(const tuples *a, const tuples *b)
{
    size_t n = 0;

    for (size_t i = 0, j = 0; i < a->n && j < b->n;) {
        const int order = compare(&a->at[i], &b->at[j]);
        n += !order;
        i += order <= 0;
        j += order >= 0;
    }
    return n;
}

static thx_f1 compare_sets(tuples *hypothesis, tuples *reference)
{
    thx_f1 out = { 0 };

    make_set(hypothesis);
    make_set(reference);
    const double both = (double)shared(hypothesis, reference);
    if (hypothesis->n) out.precision = both / (double)hypothesis->n;
    if (reference->n) out.recall = both / (double)reference->n;
    if (both > 0) out.f1 = 2 * out.precision * out.recall / (out.precision + out.recall);
    return out;
}

/* ---- Tuples ---- */

static size_t count_edges(const thx_radgraph *g)
{
    size_t n = 0;

    for (size_t i = 0; i < g->n; i++) n += g->entities[i].n_edges;
    return n;
}

/* A text in small letters; NULL when memory runs out. */
static const char *lower(thx_arena *arena, const char *text)
{
    thx_string small = { 0 };

    thx_text_lower(&small, text, strlen(text));
    const char *out = small.failed ? NULL : thx_arena_strdup(arena, small.size ? small.data : "");
    thx_string_deinit(&small);
    return out;
}

/* Puts the tokens of a tuple, not its labels, into small letters; false when memory runs out. */
static bool lower_tuple(thx_arena *arena, tuple *t)
{
    const bool target = t->field[TARGET] != NULL;

    t->field[0] = lower(arena, t->field[0]);
    if (target) t->field[TARGET] = lower(arena, t->field[TARGET]);
    return t->field[0] && (!target || t->field[TARGET]);
}

/* The tuples of an entity at a level, behind those that are there. */
static void add_entity(tuples *out, const thx_radgraph *g, const thx_radgraph_entity *e, thx_radgraph_level level)
{
    const char *related = level == THX_RADGRAPH_PARTIAL && e->n_edges ? "true" : NULL;

    if (level != THX_RADGRAPH_COMPLETE || !e->n_edges) out->at[out->n++] = (tuple){ { e->tokens, e->label, related } };
    else
        for (size_t i = 0; i < e->n_edges; i++)
            out->at[out->n++] =
                (tuple){ { e->tokens, e->label, e->edges[i].label, g->entities[e->edges[i].to].tokens } };
}

static bool list_tuples(tuples *out, thx_arena *arena, const thx_radgraph *g, thx_radgraph_level level,
                        thx_radgraph_case rule)
{
    *out = (tuples){ .at = thx_arena_alloc(arena, g->n + count_edges(g) + 1, sizeof *out->at) };
    if (!out->at) return false;
    for (size_t i = 0; i < g->n; i++) add_entity(out, g, &g->entities[i], level);
    for (size_t i = 0; i < out->n; i++)
        if ((rule == THX_RADGRAPH_SMALL || out->at[i].field[TARGET]) && !lower_tuple(arena, &out->at[i])) return false;
    return true;
}

thorax_status thx_radgraph_reward(thx_f1 out[THX_RADGRAPH_LEVELS], const thx_radgraph *hypothesis,
                                  const thx_radgraph *reference, thx_radgraph_case rule, thorax_error *err)
{
    thx_arena    *arena;
    tuples        h, r;
    thorax_status st;

    memset(out, 0, THX_RADGRAPH_LEVELS * sizeof *out);
    if (!hypothesis->n || !reference->n) return THORAX_OK;
    if ((st = thx_arena_open(&arena, 0, err))) return st;
    for (thx_radgraph_level level = 0; !st && level < THX_RADGRAPH_LEVELS; level++) {
        if (list_tuples(&h, arena, hypothesis, level, rule) && list_tuples(&r, arena, reference, level, rule))
            out[level] = compare_sets(&h, &r);
        else st = thx_fail(err, THORAX_NOMEM, 0, "no memory to compare two graphs");
    }
    thx_arena_close(arena);
    return st;
}

/* ---- Entities and relations ---- */

static bool list_relations(tuples *out, thx_arena *arena, const thx_radgraph *g)
{
    *out = (tuples){ .at = thx_arena_alloc(arena, count_edges(g) + 1, sizeof *out->at) };
    for (size_t i = 0; out->at && i < g->n; i++)
        for (size_t k = 0; k < g->entities[i].n_edges; k++) {
            const thx_radgraph_entity *e = &g->entities[i], *to = &g->entities[e->edges[k].to];
            out->at[out->n++] = (tuple){ { e->tokens, e->label, to->tokens, to->label, e->edges[k].label } };
        }
    return out->at != NULL;
}

thorax_status thx_radgraph_combined(thx_radgraph_f1 *out, const thx_radgraph *hypothesis, const thx_radgraph *reference,
                                    thorax_error *err)
{
    thx_arena    *arena;
    tuples        entities[2], relations[2];
    thorax_status st = thx_arena_open(&arena, 0, err);

    *out = (thx_radgraph_f1){ 0 };
    if (st) return st;
    if (list_tuples(&entities[0], arena, hypothesis, THX_RADGRAPH_SIMPLE, THX_RADGRAPH_AS_WRITTEN) &&
        list_tuples(&entities[1], arena, reference, THX_RADGRAPH_SIMPLE, THX_RADGRAPH_AS_WRITTEN) &&
        list_relations(&relations[0], arena, hypothesis) && list_relations(&relations[1], arena, reference)) {
        out->entities = compare_sets(&entities[0], &entities[1]).f1;
        out->relations = compare_sets(&relations[0], &relations[1]).f1;
        out->mean = (out->entities + out->relations) / 2;
    } else {
        st = thx_fail(err, THORAX_NOMEM, 0, "no memory to compare two graphs");
    }
    thx_arena_close(arena);
    return st;
}
