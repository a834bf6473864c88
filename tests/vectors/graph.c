/* Vectors of graphs: RadGraph, RaTEScore, RadCliQ. */
#include "vectors.h"

#include "metrics/radcliq.h"
#include "metrics/radgraph.h"
#include "metrics/ratescore.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- RadGraph ---- */

static void check_words(vec *v, const char *text, thx_radgraph_style style, const char *what, const json_t *want)
{
    thx_word_list    words;
    thorax_error err;

    if (!vec_ok(v, thx_radgraph_words(&words, text, style, &err), &err)) return;
    vec_texts(v, what, words.at, words.n, want);
    thx_word_list_deinit(&words);
}

static void radgraph_tokens(vec *v, const json_t *input, const json_t *expected)
{
    const char *text = vec_member_text(input, "text");

    check_words(v, text, THX_RADGRAPH_V1, "radgraph", json_object_get(expected, "radgraph"));
    check_words(v, text, THX_RADGRAPH_XL, "radgraph_xl", json_object_get(expected, "radgraph_xl"));
}

static size_t index_at(const json_t *list, size_t i) { return (size_t)json_integer_value(json_array_get(list, i)); }

static void check_graph(vec *v, const thx_radgraph *g, const json_t *entities)
{
    json_t *got = thx_radgraph_json(g);

    if (!json_equal(json_object_get(got, "entities"), entities)) vec_fail(v, "another graph");
    json_decref(got);
}

/* Rows of predicted_ner and predicted_relations; the caller frees both. */
static void read_spans(const json_t *ner, const json_t *relations, thx_span_label **entities, thx_span_pair **pairs)
{
    const size_t n = json_array_size(ner), n_pairs = json_array_size(relations);

    *entities = calloc(n + 1, sizeof **entities);
    *pairs = calloc(n_pairs + 1, sizeof **pairs);
    for (size_t i = 0; i < n; i++) {
        const json_t *row = json_array_get(ner, i);
        (*entities)[i] = (thx_span_label){ { index_at(row, 0), index_at(row, 1) }, json_string_value(json_array_get(row, 2)) };
    }
    for (size_t i = 0; i < n_pairs; i++) {
        const json_t *row = json_array_get(relations, i);
        (*pairs)[i] = (thx_span_pair){ { index_at(row, 0), index_at(row, 1) }, { index_at(row, 2), index_at(row, 3) },
                                       json_string_value(json_array_get(row, 4)) };
    }
}

static void radgraph_graph(vec *v, const json_t *input, const json_t *expected)
{
    const json_t   *ner = json_object_get(input, "predicted_ner"), *relations = json_object_get(input, "predicted_relations");
    thx_word_list       words = { 0 };
    thx_span_label *entities;
    thx_span_pair  *pairs;
    thx_radgraph    g;
    thorax_error    err;

    words.at = vec_list(json_object_get(input, "sentence"), &words.n);
    read_spans(ner, relations, &entities, &pairs);
    if (vec_ok(v, thx_radgraph_build(&g, &words, entities, json_array_size(ner), pairs, json_array_size(relations), &err), &err)) {
        check_graph(v, &g, json_object_get(expected, "entities"));
        thx_radgraph_deinit(&g);
    }
    free(entities);
    free(pairs);
    thx_word_list_deinit(&words);
}

/* Both graphs of a case; false, the case failed, where one cannot be read. */
static bool read_pair(vec *v, const json_t *input, thx_radgraph g[2])
{
    thorax_error err;

    if (!vec_ok(v, thx_radgraph_read(&g[0], json_object_get(input, "hypothesis"), "hypothesis", &err), &err)) return false;
    if (vec_ok(v, thx_radgraph_read(&g[1], json_object_get(input, "reference"), "reference", &err), &err)) return true;
    thx_radgraph_deinit(&g[0]);
    return false;
}

static void check_rule(vec *v, const thx_radgraph g[2], thx_radgraph_case rule, const json_t *want, bool all)
{
    static const char *const levels[] = { "simple", "partial", "complete" };
    thx_prf                  out[THX_RADGRAPH_LEVELS];
    thorax_error             err;

    if (!vec_ok(v, thx_radgraph_reward(out, &g[0], &g[1], rule, &err), &err)) return;
    for (int i = 0; i < THX_RADGRAPH_LEVELS; i++) {
        const json_t *level = json_object_get(want, levels[i]);
        vec_number(v, levels[i], out[i].f1, all ? json_object_get(level, "f1") : level, 1e-12, 0);
        if (all) vec_number(v, "precision", out[i].precision, json_object_get(level, "precision"), 1e-12, 0);
        if (all) vec_number(v, "recall", out[i].recall, json_object_get(level, "recall"), 1e-12, 0);
    }
}

static void radgraph_reward(vec *v, const json_t *input, const json_t *expected)
{
    thx_radgraph g[2];

    if (!read_pair(v, input, g)) return;
    check_rule(v, g, THX_RADGRAPH_AS_WRITTEN, json_object_get(expected, "v0114_and_earlier"), false);
    check_rule(v, g, THX_RADGRAPH_SMALL, json_object_get(expected, "head_2026"), false);
    check_rule(v, g, THX_RADGRAPH_AS_WRITTEN, json_object_get(expected, "llavarad_v2"), true);
    for (int i = 0; i < 2; i++) thx_radgraph_deinit(&g[i]);
}

static void radgraph_combined(vec *v, const json_t *input, const json_t *expected)
{
    thx_radgraph    g[2];
    thx_radgraph_f1 f1;
    thorax_error    err;

    if (!read_pair(v, input, g)) return;
    if (vec_ok(v, thx_radgraph_combined(&f1, &g[0], &g[1], &err), &err)) {
        vec_number(v, "entity_f1", f1.entities, json_object_get(expected, "entity_f1"), 1e-12, 0);
        vec_number(v, "relation_f1", f1.relations, json_object_get(expected, "relation_f1"), 1e-12, 0);
        vec_number(v, "radgraph_combined", f1.mean, json_object_get(expected, "radgraph_combined"), 1e-12, 0);
    }
    for (int i = 0; i < 2; i++) thx_radgraph_deinit(&g[i]);
}

/* ---- RadCliQ ---- */

static void radcliq(vec *v, const json_t *input, const json_t *expected)
{
    const thx_radcliq_features x = { vec_member_number(input, "radgraph_combined"), vec_member_number(input, "bertscore"),
                                     vec_member_number(input, "semb_score"), vec_member_number(input, "bleu_score") };

    vec_number(v, "RadCliQ_v0", thx_radcliq(&x, THX_RADCLIQ_V0), json_object_get(expected, "RadCliQ_v0"), 1e-12, 0);
    vec_number(v, "RadCliQ_v1", thx_radcliq(&x, THX_RADCLIQ_V1), json_object_get(expected, "RadCliQ_v1"), 1e-12, 0);
}

/* ---- RaTEScore ---- */

/* Vectors and types of one side, for the caller to free. */
static thx_rate_side read_side(const json_t *vectors, const json_t *types, size_t *D)
{
    const size_t   n = json_array_size(vectors);
    thx_rate_type *kinds = calloc(n + 1, sizeof *kinds);

    if (n) *D = json_array_size(json_array_get(vectors, 0));
    float *values = calloc(n * *D + 1, sizeof *values);
    for (size_t i = 0; i < n; i++) {
        kinds[i] = thx_rate_type_of(json_string_value(json_array_get(types, i)));
        for (size_t d = 0; d < *D; d++) values[i * *D + d] = (float)json_number_value(json_array_get(json_array_get(vectors, i), d));
    }
    return (thx_rate_side){ values, kinds, n };
}

static void check_score(vec *v, const char *what, double got, const json_t *want)
{
    if (json_is_null(want)) {
        if (!isnan(got)) vec_fail(v, "%s: %g where there is none", what, got);
    } else {
        vec_number(v, what, got, want, 2e-6, 0);
    }
}

static void ratescore(vec *v, const json_t *input, const json_t *expected)
{
    static const char *const names[] = { "long", "short" };
    size_t                   D = 0;
    const thx_rate_side reference = read_side(json_object_get(input, "gt_embeddings"), json_object_get(input, "gt_types"), &D);
    const thx_rate_side hypothesis = read_side(json_object_get(input, "pred_embeddings"), json_object_get(input, "pred_types"), &D);

    for (int i = 0; i < 2; i++) {
        const thx_rate_score s = thx_ratescore(&reference, &hypothesis, D, (thx_rate_weights)i);
        const json_t        *want = json_object_get(expected, names[i]);
        check_score(v, "gt_to_pred", s.reference_to_hypothesis, json_object_get(want, "gt_to_pred"));
        check_score(v, "pred_to_gt", s.hypothesis_to_reference, json_object_get(want, "pred_to_gt"));
        check_score(v, "score", s.score, json_object_get(want, "score"));
    }
    free((void *)reference.vectors);
    free((void *)reference.types);
    free((void *)hypothesis.vectors);
    free((void *)hypothesis.types);
}

static void check_entity(vec *v, const thx_rate_entity *e, const char *const *tokens, const json_t *want)
{
    char text[1024] = "";

    for (size_t i = e->first; i <= e->last; i++) {
        if (i > e->first) strncat(text, " ", sizeof text - strlen(text) - 1);
        strncat(text, tokens[i], sizeof text - strlen(text) - 1);
    }
    vec_text(v, "entity", text, json_array_get(want, 0));
    vec_text(v, "type", e->type, json_array_get(want, 1));
}

static void ratescore_iob(vec *v, const json_t *input, const json_t *expected)
{
    const json_t    *want = json_object_get(expected, "entities");
    size_t           n, n_labels;
    const char     **tokens = vec_list(json_object_get(input, "tokens"), &n);
    const char     **labels = vec_list(json_object_get(input, "labels"), &n_labels);
    thx_rate_entity *found = calloc(n + 1, sizeof *found);
    const size_t     count = thx_rate_entities(found, tokens, labels, n < n_labels ? n : n_labels);

    if (count != json_array_size(want)) vec_fail(v, "%zu entities, wanted %zu", count, json_array_size(want));
    for (size_t i = 0; i < count && i < json_array_size(want); i++) check_entity(v, &found[i], tokens, json_array_get(want, i));
    free(found);
    free(tokens);
    free(labels);
}

const vec_kind vec_graph_kinds[] = {
    { "radgraph_tokens", radgraph_tokens }, { "radgraph_graph", radgraph_graph },       { "radgraph_reward", radgraph_reward },
    { "radcliq", radcliq },                 { "radgraph_combined", radgraph_combined }, { "ratescore", ratescore },
    { "ratescore_iob", ratescore_iob },     { 0 },
};
