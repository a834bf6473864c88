/* RaTEScore: sentences, their labels, logits, entities, vectors and scores against the original package. */
#include "golden.h"

#include "base/npy.h"
#include "metrics/ratescore_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double LIMIT = 2e-5, SCORES = 1e-5;

typedef struct set {
    golden         *g;
    json_t         *root;
    thx_rate_model *m;
    thx_npy         logits, vectors;
    thorax_error    err;
} set;

static bool check(set *s, bool ok, const char *id, const char *what) { return golden_check(s->g, ok, id, "%s", what); }

/* The largest difference over the peak of all that is wanted. */
static double distance(const thx_npy *want, const float *got, size_t first, size_t n)
{
    const float *values = want->data;
    double       worst = 0, peak = 0;

    if (first + n > want->count) return INFINITY;
    for (size_t i = 0; i < want->count; i++) peak = fmax(peak, fabs((double)values[i]));
    for (size_t i = 0; i < n; i++) {
        const double off = fabs((double)got[i] - values[first + i]);
        if (!(off <= worst)) worst = off;
    }
    return worst / peak;
}

static bool same_ids(const thx_ids *ids, size_t first, const json_t *want)
{
    bool same = ids->size - first == json_array_size(want);

    for (size_t i = first; same && i < ids->size; i++)
        same = ids->data[i] == json_integer_value(json_array_get(want, i - first));
    return same;
}

/* ---- Sentences ---- */

/* The sentences of the set are those of all pairs, candidate before reference. */
static void check_sentences(set *s)
{
    static const char *const sides[] = { "candidate", "reference" };
    const json_t *want = json_object_get(s->root, "sentences"), *cases = json_object_get(s->root, "cases"), *c;
    size_t                   i, at = 0;

    json_array_foreach(cases, i, c) for (size_t k = 0; k < 2; k++)
    {
        thx_report_words words;
        bool      same = !thx_rate_sentences(&words, golden_text(c, sides[k]), &s->err);
        for (size_t w = 0; w < words.n; w++, at++) {
            const json_t *sentence = json_array_get(want, at);
            same &= !strcmp(words.at[w], golden_text(sentence, "text")) &&
                    json_is_true(json_object_get(sentence, "first_of_report")) == !w;
        }
        thx_report_words_deinit(&words);
        check(s, same, golden_text(c, "id"), sides[k]);
    }
    check(s, at == json_array_size(want), "sentences", "all of them");
}

static bool same_labels(const set *s, const float *logits, size_t n, const json_t *want)
{
    const size_t labels = thx_rate_model_labels(s->m);
    bool         same = n == json_array_size(want);

    for (size_t i = 0; same && i < n; i++) {
        size_t best = 0;
        for (size_t k = 1; k < labels; k++)
            if (logits[i * labels + k] > logits[i * labels + best]) best = k;
        same = !strcmp(thx_rate_model_label(s->m, best), json_string_value(json_array_get(want, i)));
    }
    return same;
}

static void check_logits(set *s)
{
    const json_t *list = json_object_get(s->root, "sentences"), *c;
    const size_t  n = json_array_size(list), labels = thx_rate_model_labels(s->m);
    const char  **texts = calloc(n + 1, sizeof *texts);
    size_t       *ends = calloc(n + 1, sizeof *ends), i;
    thx_ids       ids = { 0 }, one = { 0 };
    float        *logits = NULL;
    char          what[64];

    json_array_foreach(list, i, c) texts[i] = golden_text(c, "text");
    if (check(s, !thx_rate_model_logits(s->m, texts, n, &ids, ends, &logits, &s->err), "sentences", "logits")) {
        const double off = distance(&s->logits, logits, 0, ids.size * labels);
        snprintf(what, sizeof what, "logits, %.1e", off);
        check(s, off <= LIMIT && ids.size * labels == s->logits.count, "sentences", what);
        json_array_foreach(list, i, c) {
            const size_t first = i ? ends[i - 1] : 0;
            one.size = 0;
            for (size_t k = first; k < ends[i]; k++) thx_ids_add(&one, ids.data[k]);
            snprintf(what, sizeof what, "sentence %zu", i);
            check(s, same_ids(&one, 0, json_object_get(c, "ids")), what, "ids");
            check(s, same_labels(s, logits + first * labels, ends[i] - first, json_object_get(c, "labels")), what,
                  "labels");
        }
    }
    thx_ids_deinit(&ids);
    thx_ids_deinit(&one);
    free(logits);
    free(texts);
    free(ends);
}

/* ---- Entities ---- */

static bool same_entities(set *s, const thx_rate_found *f, const json_t *want, const json_t *ids)
{
    bool same = f->n == json_array_size(want) && f->n == json_array_size(ids);

    for (size_t i = 0; same && i < f->n; i++) {
        const json_t *row = json_array_get(want, i);
        thx_ids       own = { 0 };
        same = !strcmp(f->texts[i], json_string_value(json_array_get(row, 0))) &&
               !strcmp(thx_rate_type_name(f->types[i]), json_string_value(json_array_get(row, 1))) &&
               !thx_rate_model_entity_ids(s->m, f->texts[i], &own, &s->err) &&
               same_ids(&own, 0, json_array_get(ids, i));
        if (!same)
            printf("%zu: \"%s\" %s, wanted \"%s\"\n", i, f->texts[i], thx_rate_type_name(f->types[i]),
                   json_string_value(json_array_get(row, 0)));
        thx_ids_deinit(&own);
    }
    return same;
}

static void check_side(set *s, const json_t *c, const char *side)
{
    const char     *id = golden_text(c, "id"), *text = golden_text(c, side);
    const size_t    D = thx_text_encoder_width(thx_rate_model_embed(s->m));
    char            key[32], ids[32], rows[32], what[64];
    thx_rate_found  found;

    snprintf(key, sizeof key, "%s_entities", side);
    snprintf(ids, sizeof ids, "%s_entity_ids", side);
    snprintf(rows, sizeof rows, "%s_vectors", side);
    if (thx_rate_model_find(s->m, &text, 1, &found, &s->err)) {
        check(s, false, id, s->err.text);
        return;
    }
    if (check(s, same_entities(s, &found, json_object_get(c, key), json_object_get(c, ids)), id, key)) {
        const size_t first = (size_t)json_integer_value(json_array_get(json_object_get(c, rows), 0));
        const double off = distance(&s->vectors, found.vectors, first * D, found.n * D);
        snprintf(what, sizeof what, "%s, %.1e", rows, off);
        check(s, off <= LIMIT, id, what);
    }
    thx_rate_found_deinit(&found);
}

/* ---- Scores ---- */

static void check_scores(set *s, thx_rate_weights weights, const char *key)
{
    const json_t   *cases = json_object_get(s->root, "cases"), *c;
    const size_t    n = json_array_size(cases);
    const char    **texts = calloc(2 * n + 1, sizeof *texts);
    thx_rate_score *scores = calloc(n + 1, sizeof *scores);
    size_t          i;

    json_array_foreach(cases, i, c) {
        texts[i] = golden_text(c, "candidate");
        texts[n + i] = golden_text(c, "reference");
    }
    if (check(s, !thx_rate_model_scores(s->m, texts, texts + n, n, weights, scores, &s->err), "scores", key))
        json_array_foreach(cases, i, c) check(
            s, fabs(scores[i].score - json_number_value(json_object_get(c, key))) <= SCORES, golden_text(c, "id"), key);
    free(texts);
    free(scores);
}

static void check_all(set *s)
{
    const json_t *c;
    size_t        i;

    check_sentences(s);
    check_logits(s);
    json_array_foreach(json_object_get(s->root, "cases"), i, c) {
        check_side(s, c, "candidate");
        check_side(s, c, "reference");
    }
    check_scores(s, THX_RATE_LONG, "long");
    check_scores(s, THX_RATE_SHORT, "short");
}

void golden_ratescore(golden *g)
{
    set      s = { .g = g, .root = golden_json(g, "cases.json") };
    thx_ctx *ctx = NULL;

    if (!s.root) return;
    if (thx_cpu_open(&ctx, thx_cpu_level(), THX_EXACT, 0, &s.err) ||
        thx_rate_model_open(&s.m, ctx, golden_path(g, golden_text(s.root, "ner_model")),
                            golden_path(g, golden_text(s.root, "embedding_model")), &s.err) ||
        thx_npy_read(&s.logits, golden_path(g, golden_text(s.root, "ner_logits")), &s.err) ||
        thx_npy_read(&s.vectors, golden_path(g, golden_text(s.root, "entity_vectors")), &s.err))
        check(&s, false, "open", s.err.text);
    else check_all(&s);
    thx_npy_deinit(&s.logits);
    thx_npy_deinit(&s.vectors);
    thx_rate_model_close(s.m);
    thx_cpu_close(ctx);
    json_decref(s.root);
}
