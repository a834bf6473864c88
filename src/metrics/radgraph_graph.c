/* Graphs from spans and from JSON; see radgraph.h. Rules: radgraph utils.py (get_entity). */
#include "base/string.h"
#include "metrics/radgraph.h"

#include <string.h>

enum {
    BLOCK = 8192,          /* bytes a graph's memory begins with */
    ENTITIES_MAX = 1 << 16 /* that are read                      */
};

static thorax_status no_memory(thorax_error *err) { return thx_fail(err, THORAX_NOMEM, 0, "no memory for a graph"); }

static thorax_status open_graph(thx_radgraph *out, size_t n, thorax_error *err)
{
    *out = (thx_radgraph){ .text = "" };
    if (thx_arena_open(&out->arena, BLOCK, err)) return THORAX_NOMEM;
    out->entities = thx_arena_zalloc(out->arena, n + 1, sizeof *out->entities);
    return out->entities ? THORAX_OK : no_memory(err);
}

void thx_radgraph_deinit(thx_radgraph *g)
{
    thx_arena_close(g->arena);
    *g = (thx_radgraph){ .text = "" };
}

/* ---- From spans ---- */

/* Words first .. last, joined; NULL when memory runs out. */
static const char *join(thx_arena *arena, const thx_report_words *words, size_t first, size_t end)
{
    size_t size = 1;

    for (size_t i = first; i < end; i++) size += strlen(words->at[i]) + 1;
    char *text = thx_arena_alloc(arena, size, 1), *to = text;
    if (!text) return NULL;
    for (size_t i = first; i < end; i++) {
        const size_t n = strlen(words->at[i]);
        if (i > first) *to++ = ' ';
        memcpy(to, words->at[i], n);
        to += n;
    }
    *to = 0;
    return text;
}

static bool same_span(thx_span a, thx_span b) { return a.first == b.first && a.last == b.last; }

/* The first entity with this span; n when there is none. */
static size_t find_entity(const thx_radgraph *g, thx_span span)
{
    size_t i = 0;

    while (i < g->n && !same_span(g->entities[i].span, span)) i++;
    return i;
}

static thorax_status add_entities(thx_radgraph *g, const thx_report_words *words, const thx_span_label *spans, size_t n,
                                  thorax_error *err)
{
    for (; g->n < n; g->n++) {
        const thx_span       span = spans[g->n].span;
        thx_radgraph_entity *e = &g->entities[g->n];
        if (span.first > span.last || span.last >= words->n)
            return thx_fail(err, THORAX_FORMAT, 0, "a span of the words %zu to %zu of %zu", span.first, span.last,
                            words->n);
        e->span = span;
        e->label = thx_arena_strdup(g->arena, spans[g->n].label);
        e->tokens = join(g->arena, words, span.first, span.last + 1);
        if (!e->label || !e->tokens) return no_memory(err);
    }
    return THORAX_OK;
}

/* Edges of one entity; `targets` holds the entity a relation leads to, n for none. */
static thorax_status add_edges(thx_radgraph *g, thx_radgraph_entity *e, const thx_span_pair *relations,
                               const size_t *targets, size_t n, thorax_error *err)
{
    size_t count = 0;

    for (size_t r = 0; r < n; r++) count += targets[r] < g->n && same_span(relations[r].from, e->span);
    if (!count) return THORAX_OK;
    e->edges = thx_arena_alloc(g->arena, count, sizeof *e->edges);
    if (!e->edges) return no_memory(err);
    for (size_t r = 0; r < n; r++) {
        if (targets[r] >= g->n || !same_span(relations[r].from, e->span)) continue;
        const char *label = thx_arena_strdup(g->arena, relations[r].label);
        if (!label) return no_memory(err);
        e->edges[e->n_edges++] = (thx_radgraph_edge){ label, targets[r] };
    }
    return THORAX_OK;
}

static thorax_status fill(thx_radgraph *g, const thx_report_words *words, const thx_span_label *entities,
                          size_t n_entities, const thx_span_pair *relations, size_t n_relations, thorax_error *err)
{
    thorax_status st = add_entities(g, words, entities, n_entities, err);

    if (st) return st;
    size_t *targets = thx_arena_alloc(g->arena, n_relations + 1, sizeof *targets);
    g->text = join(g->arena, words, 0, words->n);
    if (!targets || !g->text) return no_memory(err);
    for (size_t r = 0; r < n_relations; r++) targets[r] = find_entity(g, relations[r].to);
    for (size_t i = 0; !st && i < g->n; i++) st = add_edges(g, &g->entities[i], relations, targets, n_relations, err);
    return st;
}

thorax_status thx_radgraph_build(thx_radgraph *out, const thx_report_words *words, const thx_span_label *entities,
                                 size_t n_entities, const thx_span_pair *relations, size_t n_relations,
                                 thorax_error *err)
{
    thorax_status st = open_graph(out, n_entities, err);

    if (!st) st = fill(out, words, entities, n_entities, relations, n_relations, err);
    if (st) thx_radgraph_deinit(out);
    return st;
}

/* ---- JSON ---- */

static thorax_status bad(const char *where, const char *what, thorax_error *err)
{
    return thx_fail(err, THORAX_FORMAT, 0, "%s: a graph with %s", where, what);
}

/* The place of the entity with an id; n when there is none. */
static size_t place_of(json_t *entities, const char *id)
{
    size_t      at = 0;
    const char *key;
    json_t     *value;

    json_object_foreach(entities, key, value) {
        if (!strcmp(key, id)) return at;
        at++;
    }
    return at;
}

static thorax_status read_edges(thx_radgraph *g, thx_radgraph_entity *e, json_t *entities, const json_t *list,
                                const char *where, thorax_error *err)
{
    const size_t n = json_array_size(list);

    if (!json_is_array(list)) return bad(where, "an entity without a list of relations", err);
    e->edges = thx_arena_alloc(g->arena, n, sizeof *e->edges);
    if (!e->edges) return no_memory(err);
    for (; e->n_edges < n; e->n_edges++) {
        const json_t *edge = json_array_get(list, e->n_edges);
        const char *label = json_string_value(json_array_get(edge, 0)),
                   *id = json_string_value(json_array_get(edge, 1));
        if (!label || !id || json_array_size(edge) != 2) return bad(where, "a relation that is no pair of texts", err);
        const size_t to = json_object_get(entities, id) ? place_of(entities, id) : g->n;
        if (to == g->n) return bad(where, "a relation to an entity that is not there", err);
        e->edges[e->n_edges] = (thx_radgraph_edge){ thx_arena_strdup(g->arena, label), to };
        if (!e->edges[e->n_edges].label) return no_memory(err);
    }
    return THORAX_OK;
}

static thorax_status read_entity(thx_radgraph *g, thx_radgraph_entity *e, json_t *entities, const json_t *value,
                                 const char *where, thorax_error *err)
{
    const char *tokens = json_string_value(json_object_get(value, "tokens"));
    const char *label = json_string_value(json_object_get(value, "label"));
    size_t      first, last;

    if (!tokens || !label) return bad(where, "an entity without tokens or a label", err);
    if (thx_json_size(&first, value, "start_ix", 0, 0, SIZE_MAX >> 1, where, err)) return THORAX_FORMAT;
    if (thx_json_size(&last, value, "end_ix", 0, 0, SIZE_MAX >> 1, where, err)) return THORAX_FORMAT;
    e->span = (thx_span){ first, last };
    e->tokens = thx_arena_strdup(g->arena, tokens);
    e->label = thx_arena_strdup(g->arena, label);
    if (!e->tokens || !e->label) return no_memory(err);
    return read_edges(g, e, entities, json_object_get(value, "relations"), where, err);
}

thorax_status thx_radgraph_read(thx_radgraph *out, const json_t *graph, const char *where, thorax_error *err)
{
    json_t       *entities = json_object_get(graph, "entities"), *value;
    const char   *key, *text = json_string_value(json_object_get(graph, "text"));
    thorax_status st = open_graph(out, json_object_size(entities), err);
    size_t        at = 0;

    if (!st && !json_is_object(entities)) st = bad(where, "no entities", err);
    if (!st && json_object_size(entities) > ENTITIES_MAX) st = bad(where, "more than 65536 entities", err);
    out->n = json_object_size(entities);
    if (!st) json_object_foreach(entities, key, value) {
        st = read_entity(out, &out->entities[at++], entities, value, where, err);
        if (st) break;
    }
    if (!st && text) out->text = thx_arena_strdup(out->arena, text);
    if (!st && !out->text) st = no_memory(err);
    if (st) thx_radgraph_deinit(out);
    return st;
}

static json_t *edges_json(const thx_radgraph_entity *e)
{
    json_t *list = json_array();

    for (size_t i = 0; list && i < e->n_edges; i++) {
        char id[24];
        snprintf(id, sizeof id, "%zu", e->edges[i].to + 1);
        if (json_array_append_new(list, json_pack("[ss]", e->edges[i].label, id))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

json_t *thx_radgraph_json(const thx_radgraph *g)
{
    json_t *entities = json_object();

    for (size_t i = 0; entities && i < g->n; i++) {
        const thx_radgraph_entity *e = &g->entities[i];
        char                       id[24];
        snprintf(id, sizeof id, "%zu", i + 1);
        json_t *value =
            json_pack("{ss ss sI sI so}", "tokens", e->tokens, "label", e->label, "start_ix", (json_int_t)e->span.first,
                      "end_ix", (json_int_t)e->span.last, "relations", edges_json(e));
        if (json_object_set_new(entities, id, value)) {
            json_decref(entities);
            return NULL;
        }
    }
    return entities ? json_pack("{ss so}", "text", g->text, "entities", entities) : NULL;
}
