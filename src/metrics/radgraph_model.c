/* Reports through RadGraph's network; see radgraph_model.h. */
#include "metrics/radgraph_model.h"

#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 64 }; /* reports between two looks at memory */

struct thx_radgraph_model {
    thx_radgraph_net  *net;
    thx_radgraph_style style;
};

static thorax_status no_memory(thorax_error *err)
{
    return thx_fail(err, THORAX_NOMEM, 0, "no memory for the graphs of reports");
}

thorax_status thx_radgraph_model_open(thx_radgraph_model **out, thx_ctx *ctx, const char *archive, const char *encoder,
                                      thorax_error *err)
{
    thx_radgraph_model *m = calloc(1, sizeof *m);

    *out = NULL;
    if (!m) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    const thorax_status st = thx_radgraph_net_open(&m->net, ctx, archive, encoder, err);
    if (st) {
        free(m);
        return st;
    }
    m->style = !strcmp(thx_radgraph_model_type(m), "radgraph") ? THX_RADGRAPH_V1 : THX_RADGRAPH_XL;
    *out = m;
    return THORAX_OK;
}

void thx_radgraph_model_close(thx_radgraph_model *m)
{
    if (!m) return;
    thx_radgraph_net_close(m->net);
    free(m);
}

const char *thx_radgraph_model_type(const thx_radgraph_model *m) { return thx_radgraph_net_archive(m->net)->type; }
const char       *thx_radgraph_model_identity(const thx_radgraph_model *m) { return thx_radgraph_net_identity(m->net); }
thx_radgraph_net *thx_radgraph_model_net(thx_radgraph_model *m) { return m->net; }

thorax_status thx_radgraph_model_words(const thx_radgraph_model *m, thx_report_words *out, const char *report,
                                       thorax_error *err)
{
    return thx_radgraph_words(out, *report ? report : "None", m->style, err);
}

/* ---- Graphs ---- */

static thx_span span_of(thx_dygie_span s) { return (thx_span){ s.first, s.last }; }

/* The graph of what was found among the words. */
static thorax_status build(const thx_radgraph_model *m, thx_radgraph *out, const thx_report_words *words,
                           const thx_dygie_found *f, thorax_error *err)
{
    const thx_radgraph_archive *a = thx_radgraph_net_archive(m->net);
    thx_span_label             *entities = calloc(f->n_entities + 1, sizeof *entities);
    thx_span_pair              *relations = calloc(f->n_relations + 1, sizeof *relations);
    thorax_status               st = entities && relations ? THORAX_OK : no_memory(err);

    for (size_t i = 0; !st && i < f->n_entities; i++)
        entities[i] = (thx_span_label){ span_of(f->entities[i].span), a->entities.at[f->entities[i].label] };
    for (size_t i = 0; !st && i < f->n_relations; i++) {
        const thx_dygie_relation *r = &f->relations[i];
        relations[i] = (thx_span_pair){ span_of(r->from), span_of(r->to), a->relations.at[r->label] };
    }
    if (!st) st = thx_radgraph_build(out, words, entities, f->n_entities, relations, f->n_relations, err);
    free(entities);
    free(relations);
    return st;
}

/* At most AT_ONCE reports. Those without words do not reach the network. */
static thorax_status some_graphs(thx_radgraph_model *m, const char *const *reports, size_t n, thx_radgraph *graphs,
                                 thorax_error *err)
{
    thx_report_words       words[AT_ONCE] = { { 0 } };
    thx_word_list   lists[AT_ONCE];
    thx_dygie_found found[AT_ONCE], nothing = { 0 };
    size_t          count = 0, done = 0;
    thorax_status   st = THORAX_OK;

    for (size_t i = 0; !st && i < n; i++) {
        st = thx_radgraph_model_words(m, &words[i], reports[i], err);
        if (!st && words[i].n) lists[count++] = (thx_word_list){ words[i].at, words[i].n };
    }
    if (!st) st = thx_radgraph_net_find(m->net, lists, count, found, NULL, err);
    if (st) count = 0;
    for (size_t i = 0; !st && i < n; i++)
        st = build(m, &graphs[i], &words[i], words[i].n ? &found[done++] : &nothing, err);
    for (size_t i = 0; i < count; i++) thx_dygie_found_deinit(&found[i]);
    for (size_t i = 0; i < n; i++) thx_report_words_deinit(&words[i]);
    return st;
}

thorax_status thx_radgraph_model_graphs(thx_radgraph_model *m, const char *const *reports, size_t n,
                                        thx_radgraph *graphs, thorax_error *err)
{
    thorax_status st = THORAX_OK;

    if (n) memset(graphs, 0, n * sizeof *graphs);
    for (size_t at = 0; !st && at < n; at += AT_ONCE)
        st = some_graphs(m, reports + at, n - at < AT_ONCE ? n - at : AT_ONCE, graphs + at, err);
    for (size_t i = 0; st && i < n; i++) thx_radgraph_deinit(&graphs[i]);
    return st;
}

/* ---- Pairs ---- */

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* Sorted, each text once; returns how many are left. */
static size_t make_unique(const char **texts, size_t n)
{
    size_t left = 0;

    if (n) qsort(texts, n, sizeof *texts, by_text);
    for (size_t i = 0; i < n; i++)
        if (!left || strcmp(texts[left - 1], texts[i]) != 0) texts[left++] = texts[i];
    return left;
}

static const thx_radgraph *graph_of(const char **texts, const thx_radgraph *graphs, size_t n, const char *text)
{
    const char **found = bsearch(&text, texts, n, sizeof *texts, by_text);

    return &graphs[found - texts];
}

/* Whether a report reaches the network, and why not. */
static thorax_status look_at(const thx_radgraph_model *m, const char *report, thx_radgraph_score *score,
                             thorax_error *err)
{
    thx_report_words    words;
    const thorax_status st = *report ? thx_radgraph_model_words(m, &words, report, err) : THORAX_OK;

    if (!*report) score->skipped = true;
    if (!*report || st) return st;
    score->blank |= !words.n;
    score->endless |= words.n > THX_DYGIE_WORDS;
    thx_report_words_deinit(&words);
    return THORAX_OK;
}

static bool counts(const thx_radgraph_score *s) { return !s->skipped && !s->blank && !s->endless; }

static thorax_status score_pair(const thx_radgraph *h, const thx_radgraph *r, thx_radgraph_case rule,
                                thx_radgraph_score *out, thorax_error *err)
{
    const thorax_status st = thx_radgraph_reward(out->level, h, r, rule, err);

    return st ? st : thx_radgraph_combined(&out->combined, h, r, err);
}

thorax_status thx_radgraph_model_scores(thx_radgraph_model *m, const char *const *hypotheses,
                                        const char *const *references, size_t n, thx_radgraph_case rule,
                                        thx_radgraph_score *scores, thorax_error *err)
{
    const char  **texts = calloc(2 * n + 1, sizeof *texts);
    thx_radgraph *graphs = calloc(2 * n + 1, sizeof *graphs);
    size_t        count = 0;
    thorax_status st = texts && graphs ? THORAX_OK : no_memory(err);

    if (n) memset(scores, 0, n * sizeof *scores);
    for (size_t i = 0; !st && i < n; i++) {
        st = look_at(m, hypotheses[i], &scores[i], err);
        if (!st) st = look_at(m, references[i], &scores[i], err);
        if (st || !counts(&scores[i])) continue;
        texts[count++] = hypotheses[i];
        texts[count++] = references[i];
    }
    count = make_unique(texts, count);
    if (!st) st = thx_radgraph_model_graphs(m, texts, count, graphs, err);
    for (size_t i = 0; !st && i < n; i++)
        if (counts(&scores[i]))
            st = score_pair(graph_of(texts, graphs, count, hypotheses[i]),
                            graph_of(texts, graphs, count, references[i]), rule, &scores[i], err);
    for (size_t i = 0; graphs && i < count; i++) thx_radgraph_deinit(&graphs[i]);
    free(texts);
    free(graphs);
    return st;
}
