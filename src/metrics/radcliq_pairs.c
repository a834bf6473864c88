/* RadCliQ from reports; see radcliq_pairs.h. */
#include "metrics/radcliq_pairs.h"

#include "metrics/bleu.h"

#include <stdlib.h>

static thorax_status no_room(size_t n, thorax_error *err)
{
    return thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu pairs of reports", n);
}

static thorax_status add_bleu(const thx_pairs *pairs, bool coco, thx_radcliq_score *scores, thorax_error *err)
{
    thx_bleu_coco bleu;
    thorax_status st;

    if (coco) {
        st = thx_bleu_coco_score(&bleu, pairs, err);
        for (size_t i = 0; i < pairs->n && !st; i++) scores[i].features.bleu = bleu.sentences[i][1];
        if (!st) thx_bleu_coco_deinit(&bleu);
        return st;
    }
    double *values = calloc(pairs->n, sizeof *values);
    st = values ? thx_bleu2_radcliq(values, NULL, pairs, err) : no_room(pairs->n, err);
    for (size_t i = 0; i < pairs->n && !st; i++) scores[i].features.bleu = values[i];
    free(values);
    return st;
}

/* RadEval leaves runs of blanks as they are. */
static thx_bertscore_settings bertscore_settings(const thx_radcliq_settings *settings)
{
    thx_bertscore_settings s = *thx_bertscore_preset(settings->idf ? "radcliq-idf" : "radcliq");

    if (settings->coco) s.collapse_blanks = false;
    return s;
}

static thorax_status add_bertscore(thx_text_encoder *e, const thx_bertscore_settings *s, const thx_pairs *pairs,
                                   thx_radcliq_score *scores, const thx_progress *progress, thorax_error *err)
{
    thx_bertscore *values = calloc(pairs->n, sizeof *values);
    thorax_status  st = values ? THORAX_OK : no_room(pairs->n, err);

    if (!st) st = thx_bertscore_score(e, s, pairs, values, NULL, progress, err);
    for (size_t i = 0; i < pairs->n && !st; i++) scores[i].features.bertscore = (double)values[i].f;
    free(values);
    return st;
}

/* All hypotheses and all references in one run: reports that are alike go through the network once. */
static thorax_status add_similarity(thx_chexbert *net, const thx_pairs *pairs, thx_radcliq_score *scores,
                                    const thx_progress *progress, thorax_error *err)
{
    const size_t n = pairs->n, D = thx_chexbert_width(net);
    const char **reports = calloc(2 * n, sizeof *reports);
    float       *vectors = calloc(2 * n, D * sizeof *vectors);
    thorax_status st = reports && vectors ? THORAX_OK : no_room(n, err);

    for (size_t i = 0; i < n && !st; i++) {
        reports[i] = pairs->hypotheses[i];
        reports[n + i] = pairs->references[i];
    }
    const thx_chexbert_results results = { .vectors = vectors };
    if (!st) st = thx_chexbert_run(net, reports, 2 * n, THX_CHEXBERT_F1, &results, progress, err);
    for (size_t i = 0; i < n && !st; i++)
        scores[i].features.semb = thx_chexbert_similarity(vectors + i * D, vectors + (n + i) * D, D);
    free(reports);
    free(vectors);
    return st;
}

/* A text that is not there is an empty one. */
static const char *text_or_empty(const char *text) { return text ? text : ""; }

static thorax_status add_graphs(thx_radgraph_model *model, const thx_pairs *pairs, thx_radcliq_score *scores,
                                thorax_error *err)
{
    const size_t        n = pairs->n;
    thx_radgraph_score *graphs = calloc(n, sizeof *graphs);
    const char        **texts = calloc(2 * n, sizeof *texts);
    thorax_status       st = graphs && texts ? THORAX_OK : no_room(n, err);

    for (size_t i = 0; i < n && !st; i++) {
        texts[i] = text_or_empty(pairs->hypotheses[i]);
        texts[n + i] = text_or_empty(pairs->references[i]);
    }
    if (!st) st = thx_radgraph_model_scores(model, texts, texts + n, n, THX_RADGRAPH_AS_WRITTEN, graphs, err);
    for (size_t i = 0; i < n && !st; i++) {
        scores[i].radgraph = graphs[i].combined;
        scores[i].features.radgraph = graphs[i].combined.mean;
    }
    free(graphs);
    free(texts);
    return st;
}

thorax_status thx_radcliq_pairs(const thx_radcliq_parts *parts, const thx_radcliq_settings *s, const thx_pairs *pairs,
                                thx_radcliq_score *scores, const thx_progress *progress, thorax_error *err)
{
    const thx_bertscore_settings bertscore = bertscore_settings(s);
    size_t                       references;
    thorax_status                st = thx_pairs_check(pairs, &references, err);

    if (!st && references != pairs->n)
        st = thx_fail(err, THORAX_USAGE, 0, "RadCliQ compares with one reference each; %zu for %zu texts found",
                      references, pairs->n);
    if (!st) st = add_bleu(pairs, s->coco, scores, err);
    if (!st) st = add_bertscore(parts->encoder, &bertscore, pairs, scores, progress, err);
    if (!st) st = add_similarity(parts->chexbert, pairs, scores, progress, err);
    if (!st) st = add_graphs(parts->radgraph, pairs, scores, err);
    for (size_t i = 0; i < pairs->n && !st; i++) {
        scores[i].v0 = thx_radcliq(&scores[i].features, THX_RADCLIQ_V0);
        scores[i].v1 = thx_radcliq(&scores[i].features, THX_RADCLIQ_V1);
    }
    return st;
}
