/* Vectors of graphs: RadGraph, RaTEScore, RadCliQ. */
#include "vectors.h"

#include "encoder/dygie.h"
#include "metrics/radcliq.h"
#include "metrics/radgraph.h"
#include "metrics/ratescore.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- RadGraph ---- */

static void check_words(vec *v, const char *text, thx_radgraph_style style, const char *what, const json_t *want)
{
    thx_report_words    words;
    thorax_error err;

    if (!vec_ok(v, thx_radgraph_words(&words, text, style, &err), &err)) return;
    vec_texts(v, what, words.at, words.n, want);
    thx_report_words_deinit(&words);
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
        (*entities)[i] =
            (thx_span_label){ { index_at(row, 0), index_at(row, 1) }, json_string_value(json_array_get(row, 2)) };
    }
    for (size_t i = 0; i < n_pairs; i++) {
        const json_t *row = json_array_get(relations, i);
        (*pairs)[i] = (thx_span_pair){ { index_at(row, 0), index_at(row, 1) }, { index_at(row, 2), index_at(row, 3) },
                                       json_string_value(json_array_get(row, 4)) };
    }
}

static void radgraph_graph(vec *v, const json_t *input, const json_t *expected)
{
    const json_t *ner = json_object_get(input, "predicted_ner"),
                 *relations = json_object_get(input, "predicted_relations");
    thx_report_words       words = { 0 };
    thx_span_label *entities;
    thx_span_pair  *pairs;
    thx_radgraph    g;
    thorax_error    err;

    words.at = vec_list(json_object_get(input, "sentence"), &words.n);
    read_spans(ner, relations, &entities, &pairs);
    if (vec_ok(v,
               thx_radgraph_build(&g, &words, entities, json_array_size(ner), pairs, json_array_size(relations), &err),
               &err)) {
        check_graph(v, &g, json_object_get(expected, "entities"));
        thx_radgraph_deinit(&g);
    }
    free(entities);
    free(pairs);
    thx_report_words_deinit(&words);
}

/* Both graphs of a case; false, the case failed, where one cannot be read. */
static bool read_pair(vec *v, const json_t *input, thx_radgraph g[2])
{
    thorax_error err;

    if (!vec_ok(v, thx_radgraph_read(&g[0], json_object_get(input, "hypothesis"), "hypothesis", &err), &err))
        return false;
    if (vec_ok(v, thx_radgraph_read(&g[1], json_object_get(input, "reference"), "reference", &err), &err)) return true;
    thx_radgraph_deinit(&g[0]);
    return false;
}

static void check_rule(vec *v, const thx_radgraph g[2], thx_radgraph_case rule, const json_t *want, bool all)
{
    static const char *const levels[] = { "simple", "partial", "complete" };
    thx_f1                  out[THX_RADGRAPH_LEVELS];
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

/* ---- RadGraph's network ---- */

enum { TENSORS_MAX = 64 };

/* Tensors of a file's header, as views. */
typedef struct tensors {
    thx_ctx    *ctx;
    thx_view    at[TENSORS_MAX];
    thx_weight *ready[TENSORS_MAX];
    size_t      n;
    char        type[64];
} tensors;

static size_t place_of(const tensors *t, const char *name)
{
    size_t i = 0;

    while (i < t->n && strcmp(t->at[i].name, name) != 0) i++;
    return i;
}

static const thx_view *find_tensor(const tensors *t, const char *name)
{
    const size_t i = place_of(t, name);

    return i < t->n ? &t->at[i] : NULL;
}

static thorax_status bind_tensor(void *data, thx_weight **out, thx_weight_use use, const char *name, size_t rows,
                                 size_t cols, thorax_error *err)
{
    tensors     *t = data;
    const size_t i = place_of(t, name);

    if (i == t->n || t->at[i].shape[0] != rows || t->at[i].shape[1] != cols)
        return thx_fail(err, THORAX_MODEL, 0, "tensor '%s' is missing or of another shape", name);
    const thorax_status st = t->ctx->ops->weight_open(t->ctx, &t->ready[i], &t->at[i], use, err);
    *out = t->ready[i];
    return st;
}

/* Rows of numbers, or one row; the values are the caller's. */
static thx_view read_view(const char *name, const json_t *value)
{
    const json_t *first = json_array_get(value, 0);
    const bool    matrix = json_is_array(first);
    const size_t  rows = matrix ? json_array_size(value) : 1, cols = json_array_size(matrix ? first : value);
    float        *values = calloc(rows * cols + 1, sizeof *values);
    thx_view      v = { .name = name, .data = values, .type = THX_F32, .rank = matrix ? 2 : 1, .count = rows * cols };

    v.shape[0] = matrix ? rows : cols;
    v.shape[1] = matrix ? cols : 0;
    for (size_t i = 0; i < rows * cols; i++) {
        const json_t *row = matrix ? json_array_get(value, i / cols) : value;
        values[i] = (float)json_number_value(json_array_get(row, i % cols));
    }
    return v;
}

static void read_tensors(tensors *t, const json_t *weights)
{
    static const char before[] = "_ner._ner_scorers.", behind[] = "__ner_labels";
    const char       *name, *end;
    json_t           *value;

    *t = (tensors){ 0 };
    json_object_foreach((json_t *)weights, name, value) {
        if (t->n < TENSORS_MAX) t->at[t->n++] = read_view(name, value);
        end = strstr(name, behind);
        if (!strncmp(name, before, strlen(before)) && end)
            snprintf(t->type, sizeof t->type, "%.*s", (int)(end - name - strlen(before)), name + strlen(before));
    }
}

/* Sizes as the tensors have them. */
static thx_dygie_config config_of(const vec *v, const tensors *t)
{
    const json_t    *entities = json_object_get(v->root, "ner_labels_index1up");
    const json_t    *relations = json_object_get(v->root, "relation_labels_index0up");
    const thx_view  *width = find_tensor(t, "_endpoint_span_extractor._span_width_embedding.weight");
    char             name[128];
    thx_dygie_config c = { .entity_labels = json_array_size(entities),
                           .relation_labels = json_array_size(relations),
                           .spans_per_word = 0.5 };

    for (const thx_view *h = t->at; h && c.layers < THX_DYGIE_LAYERS; c.layers += h != NULL) {
        snprintf(name, sizeof name, "_ner._ner_scorers.%s__ner_labels.0._module._linear_layers.%zu.weight", t->type,
                 c.layers);
        h = find_tensor(t, name);
        if (h) c.hidden[c.layers] = h->shape[0];
        if (h && !c.layers && width) c.D = (h->shape[1] - width->shape[1]) / 2;
    }
    if (width) c.max_width = width->shape[0];
    if (width) c.feature = width->shape[1];
    return c;
}

/* The scores of the originals are rounded to 4 decimals. */
static void check_row(vec *v, const json_t *row, const size_t *places, size_t n, const char *label, float score,
                      float softmax)
{
    for (size_t i = 0; i < n; i++) vec_integer(v, "place", (long long)places[i], json_array_get(row, i));
    vec_text(v, "label", label, json_array_get(row, n));
    vec_number(v, "score", score, json_array_get(row, n + 1), 6e-5, 1e-6);
    vec_number(v, "softmax", softmax, json_array_get(row, n + 2), 6e-5, 0);
}

static void check_found(vec *v, const thx_dygie_found *f, const json_t *input, const json_t *expected)
{
    const json_t *ner = json_object_get(expected, "predicted_ner"),
                 *relations = json_object_get(expected, "predicted_relations");
    const json_t *names[2] = { json_object_get(v->root, "ner_labels_index1up"),
                               json_object_get(v->root, "relation_labels_index0up") };

    vec_integer(v, "n_spans", (long long)f->n_spans, json_object_get(expected, "n_spans"));
    vec_integer(v, "spans_kept_for_relations", (long long)f->n_kept,
                json_object_get(expected, "spans_kept_for_relations"));
    if (f->n_entities != json_array_size(ner))
        vec_fail(v, "%zu entities, wanted %zu", f->n_entities, json_array_size(ner));
    if (f->n_relations != json_array_size(relations))
        vec_fail(v, "%zu relations, wanted %zu", f->n_relations, json_array_size(relations));
    for (size_t i = 0; i < f->n_entities && i < json_array_size(ner); i++) {
        const thx_dygie_entity *e = &f->entities[i];
        check_row(v, json_array_get(ner, i), (size_t[]){ e->span.first, e->span.last }, 2,
                  json_string_value(json_array_get(names[0], e->label)), e->score, e->softmax);
    }
    for (size_t i = 0; i < f->n_relations && i < json_array_size(relations); i++) {
        const thx_dygie_relation *r = &f->relations[i];
        check_row(v, json_array_get(relations, i), (size_t[]){ r->from.first, r->from.last, r->to.first, r->to.last },
                  4, json_string_value(json_array_get(names[1], r->label)), r->score, r->softmax);
    }
    if (*v->reason) return;
    json_t *lists = json_pack("{sO sO sO}", "predicted_ner", ner, "predicted_relations", relations, "sentence",
                              json_object_get(input, "tokens"));
    radgraph_graph(v, lists, expected);
    json_decref(lists);
}

static void run_dygie(vec *v, tensors *t, const json_t *input, const json_t *expected)
{
    const thx_view         words = read_view("words", json_object_get(input, "token_vectors"));
    const thx_dygie_config c = config_of(v, t);
    thx_dygie              d;
    thx_dygie_found        found;
    thorax_error           err;

    if (vec_ok(v, thx_dygie_init(&d, &c, t->type, bind_tensor, t, &err), &err)) {
        const thx_tensor x = { (float *)words.data, words.shape[0], c.D, c.D };
        if (vec_ok(v, thx_dygie_find(t->ctx, &d, &found, x, &err), &err)) {
            check_found(v, &found, input, expected);
            thx_dygie_found_deinit(&found);
        }
    }
    free((void *)words.data);
}

static void radgraph_dygie_tiny(vec *v, const json_t *input, const json_t *expected)
{
    tensors      t;
    thorax_error err;

    read_tensors(&t, json_object_get(v->root, "weights"));
    if (vec_ok(v, thx_cpu_open(&t.ctx, thx_cpu_level(), THX_EXACT, 1, &err), &err)) run_dygie(v, &t, input, expected);
    for (size_t i = 0; i < t.n; i++) {
        thx_weight_close(t.ready[i]);
        free((void *)t.at[i].data);
    }
    thx_cpu_close(t.ctx);
}

/* ---- RadCliQ ---- */

static void radcliq(vec *v, const json_t *input, const json_t *expected)
{
    const thx_radcliq_features x = { vec_member_number(input, "radgraph_combined"),
                                     vec_member_number(input, "bertscore"), vec_member_number(input, "semb_score"),
                                     vec_member_number(input, "bleu_score") };

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
        for (size_t d = 0; d < *D; d++)
            values[i * *D + d] = (float)json_number_value(json_array_get(json_array_get(vectors, i), d));
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
    const thx_rate_side reference =
        read_side(json_object_get(input, "gt_embeddings"), json_object_get(input, "gt_types"), &D);
    const thx_rate_side hypothesis =
        read_side(json_object_get(input, "pred_embeddings"), json_object_get(input, "pred_types"), &D);

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
    for (size_t i = 0; i < count && i < json_array_size(want); i++)
        check_entity(v, &found[i], tokens, json_array_get(want, i));
    free(found);
    free(tokens);
    free(labels);
}

const vec_kind vec_graph_kinds[] = {
    { "radgraph_tokens", radgraph_tokens },
    { "radgraph_graph", radgraph_graph },
    { "radgraph_reward", radgraph_reward },
    { "radcliq", radcliq },
    { "radgraph_combined", radgraph_combined },
    { "ratescore", ratescore },
    { "ratescore_iob", ratescore_iob },
    { "radgraph_dygie_tiny", radgraph_dygie_tiny },
    { 0 },
};
