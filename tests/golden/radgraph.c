/* RadGraph: words, pieces, vectors of words, spans, entities, relations, graphs and rewards against the original
 * package. */
#include "golden.h"

#include "base/file.h"
#include "base/npy.h"
#include "metrics/radgraph_model.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double LIMIT = 2e-5, SCORES = 2e-4, REWARDS = 1e-9;

/* One model type while it is checked. */
typedef struct set {
    golden             *g;
    const char         *type; /* folder */
    json_t             *root;
    thx_radgraph_model *m;
    thx_npy             words;
    thorax_error        err;
} set;

static bool check(set *s, bool ok, const char *id, const char *what)
{
    char name[128];

    snprintf(name, sizeof name, "%s/%s", s->type, id);
    return golden_check(s->g, ok, name, "%s", what);
}

/* ---- Texts ---- */

static bool same_texts(const char *const *got, size_t n, const json_t *want)
{
    bool same = n == json_array_size(want);

    for (size_t i = 0; same && i < n; i++) same = !strcmp(got[i], json_string_value(json_array_get(want, i)));
    return same;
}

static bool same_numbers(const json_t *row, const uint32_t *got, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((uint32_t)json_integer_value(json_array_get(row, i)) != got[i]) return false;
    return true;
}

static bool same_pieces(const thx_word_pieces *p, const json_t *c)
{
    const json_t *ids = json_object_get(c, "piece_ids"), *offsets = json_object_get(c, "offsets");
    bool          same = p->ids.size == json_array_size(ids) && p->words == json_array_size(offsets);

    for (size_t i = 0; same && i < p->ids.size; i++)
        same = p->ids.data[i] == json_integer_value(json_array_get(ids, i));
    for (size_t i = 0; same && i < p->words; i++) {
        const json_t *row = json_array_get(offsets, i);
        same = same_numbers(row, (uint32_t[]){ p->first[i], p->last[i] }, 2); /* -1 for none */
    }
    return same;
}

/* The rest of a row: label, score, softmax. */
static bool same_scores(const json_t *row, size_t at, const char *label, float score, float softmax)
{
    return !strcmp(json_string_value(json_array_get(row, at)), label) &&
           fabs(json_number_value(json_array_get(row, at + 1)) - score) <= SCORES &&
           fabs(json_number_value(json_array_get(row, at + 2)) - softmax) <= SCORES;
}

static bool same_found(const set *s, const thx_dygie_found *f, const json_t *c)
{
    const thx_radgraph_archive *a = thx_radgraph_net_archive(thx_radgraph_model_net(s->m));
    const json_t               *kept = json_object_get(c, "kept_spans"), *ner = json_object_get(c, "predicted_ner");
    const json_t               *relations = json_object_get(c, "predicted_relations");
    bool same = f->n_kept == json_array_size(kept) && f->n_entities == json_array_size(ner) &&
                f->n_relations == json_array_size(relations);

    for (size_t i = 0; same && i < f->n_kept; i++)
        same = same_numbers(json_array_get(kept, i), (uint32_t[]){ f->kept[i].first, f->kept[i].last }, 2);
    for (size_t i = 0; same && i < f->n_entities; i++) {
        const thx_dygie_entity *e = &f->entities[i];
        const json_t           *row = json_array_get(ner, i);
        same = same_numbers(row, (uint32_t[]){ e->span.first, e->span.last }, 2) &&
               same_scores(row, 2, a->entities.at[e->label], e->score, e->softmax);
    }
    for (size_t i = 0; same && i < f->n_relations; i++) {
        const thx_dygie_relation *r = &f->relations[i];
        const json_t             *row = json_array_get(relations, i);
        same = same_numbers(row, (uint32_t[]){ r->from.first, r->from.last, r->to.first, r->to.last }, 4) &&
               same_scores(row, 4, a->relations.at[r->label], r->score, r->softmax);
    }
    return same;
}

static bool same_graph(const thx_radgraph *g, const json_t *want)
{
    json_t    *got = thx_radgraph_json(g);
    const bool same = got && json_equal(json_object_get(got, "entities"), json_object_get(want, "entities")) &&
                      json_equal(json_object_get(got, "text"), json_object_get(want, "text"));

    json_decref(got);
    return same;
}

/* The largest difference over the peak of all vectors. */
static double distance(const set *s, const float *got, size_t first, size_t n)
{
    const float *want = s->words.data;
    double       worst = 0, peak = 0;

    for (size_t i = 0; i < s->words.count; i++) peak = fmax(peak, fabs((double)want[i]));
    for (size_t i = 0; i < n; i++) {
        const double off = fabs((double)got[i] - want[first + i]);
        if (!(off <= worst)) worst = off;
    }
    return worst / peak;
}

static void check_network(set *s, const char *id, const thx_report_words *words, const json_t *c)
{
    thx_radgraph_net   *net = thx_radgraph_model_net(s->m);
    const thx_word_list list = { words->at, words->n };
    const size_t D = thx_radgraph_net_width(net),
                 first = (size_t)json_integer_value(json_array_get(json_object_get(c, "rows"), 0));
    float              *vectors = calloc(words->n * D, sizeof *vectors);
    thx_word_pieces     pieces;
    thx_dygie_found     found;

    if (!thx_radgraph_net_pieces(net, &list, &pieces, &s->err)) {
        check(s, same_pieces(&pieces, c), id, "pieces");
        thx_word_pieces_deinit(&pieces);
    } else check(s, false, id, s->err.text);
    if (!thx_radgraph_net_find(net, &list, 1, &found, vectors, &s->err)) {
        const bool fits = (first + words->n) * D <= s->words.count;
        const double off = fits ? distance(s, vectors, first * D, words->n * D) : INFINITY;
        char what[64];
        snprintf(what, sizeof what, "vectors of words, %.1e", off);
        check(s, off <= LIMIT, id, what);
        check(s, same_found(s, &found, c), id, "spans, entities, relations");
        thx_dygie_found_deinit(&found);
    } else check(s, false, id, s->err.text);
    free(vectors);
}

static void check_text(set *s, const json_t *c)
{
    const char  *id = golden_text(c, "id"), *text = golden_text(c, "text");
    thx_report_words    words;
    thx_radgraph graph;

    if (thx_radgraph_model_words(s->m, &words, text, &s->err)) {
        check(s, false, id, s->err.text);
        return;
    }
    if (check(s, same_texts(words.at, words.n, json_object_get(c, "words")), id, "words"))
        check_network(s, id, &words, c);
    thx_report_words_deinit(&words);
    if (!thx_radgraph_model_graphs(s->m, &text, 1, &graph, &s->err)) {
        check(s, same_graph(&graph, json_object_get(c, "graph")), id, "graph");
        thx_radgraph_deinit(&graph);
    } else check(s, false, id, s->err.text);
}

/* ---- Pairs ---- */

/* All pairs at once: graphs of different texts go through the encoder together. */
static void check_pairs(set *s, thx_radgraph_case rule, const char *key)
{
    const json_t       *pairs = json_object_get(s->root, "pairs");
    const size_t        n = json_array_size(pairs);
    const char        **texts = calloc(2 * n + 1, sizeof *texts);
    thx_radgraph_score *scores = calloc(n + 1, sizeof *scores);

    for (size_t i = 0; i < n; i++) {
        texts[i] = golden_text(json_array_get(pairs, i), "hypothesis");
        texts[n + i] = golden_text(json_array_get(pairs, i), "reference");
    }
    if (thx_radgraph_model_scores(s->m, texts, texts + n, n, rule, scores, &s->err)) check(s, false, key, s->err.text);
    else
        for (size_t i = 0; i < n; i++) {
            const json_t *c = json_array_get(pairs, i), *want = json_object_get(c, key);
            bool          ok = json_array_size(want) == THX_RADGRAPH_LEVELS;
            for (size_t l = 0; ok && l < THX_RADGRAPH_LEVELS; l++)
                ok = fabs(scores[i].level[l].f1 - json_number_value(json_array_get(want, l))) <= REWARDS;
            check(s, ok, golden_text(c, "id"), key);
        }
    free(texts);
    free(scores);
}

/* ---- Types ---- */

static void check_all(set *s)
{
    const json_t *c;
    size_t        i;

    json_array_foreach(json_object_get(s->root, "cases"), i, c) check_text(s, c);
    check_pairs(s, THX_RADGRAPH_AS_WRITTEN, "reward");
    check_pairs(s, THX_RADGRAPH_SMALL, "reward_2026");
}

static void path_in(const set *s, char out[1024], const char *key)
{
    snprintf(out, 1024, "%s/%s/%s", s->g->folder, s->type, golden_text(s->root, key));
}

/* The packed archive is the same model. */
static void check_packed(set *s, thx_ctx *ctx)
{
    char                path[1024], encoder[1024];
    thx_radgraph_model *m;

    if (!*golden_text(s->root, "archive_packed")) return;
    path_in(s, path, "archive_packed");
    path_in(s, encoder, "encoder");
    if (thx_radgraph_model_open(&m, ctx, path, encoder, &s->err)) {
        check(s, false, "packed", s->err.text);
        return;
    }
    check(s, !strcmp(thx_radgraph_model_identity(m), thx_radgraph_model_identity(s->m)), "packed", "the same model");
    thx_radgraph_model_close(s->m);
    s->m = m;
    check_pairs(s, THX_RADGRAPH_AS_WRITTEN, "reward");
}

static void check_type(set *s, thx_ctx *ctx)
{
    char archive[1024], encoder[1024], words[1024];

    path_in(s, archive, "archive");
    path_in(s, encoder, "encoder");
    path_in(s, words, "words");
    if (thx_radgraph_model_open(&s->m, ctx, archive, encoder, &s->err) || thx_npy_read(&s->words, words, &s->err)) {
        check(s, false, "open", s->err.text);
    } else {
        check(s, !strcmp(thx_radgraph_model_type(s->m), golden_text(s->root, "model_type")), "type",
              thx_radgraph_model_type(s->m));
        check_all(s);
        check_packed(s, ctx);
    }
    thx_npy_deinit(&s->words);
    thx_radgraph_model_close(s->m);
}

void golden_radgraph(golden *g)
{
    struct dirent **entries;
    thorax_error    err;
    thx_ctx        *ctx;
    const int       n = scandir(g->folder, &entries, NULL, alphasort);

    if (n < 0 || thx_cpu_open(&ctx, thx_cpu_level(), THX_EXACT, 0, &err)) {
        golden_check(g, false, "open", "the set cannot be opened");
        return;
    }
    for (int i = 0; i < n; i++) {
        char file[512];
        snprintf(file, sizeof file, "%s/cases.json", entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && thx_file_exists(golden_path(g, file))) {
            set s = { .g = g, .type = entries[i]->d_name, .root = golden_json(g, file) };
            if (s.root) check_type(&s, ctx);
            json_decref(s.root);
        }
        free(entries[i]);
    }
    free(entries);
    thx_cpu_close(ctx);
}
