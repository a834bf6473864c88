/* RadCliQ from reports to scores: four features, both composites, without and with idf, and RadEval's form. */
#include "golden.h"

#include "metrics/radcliq_pairs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double EXACT = 1e-9, F32 = 1e-5, COMPOSITE = 1e-4;

typedef struct set {
    golden            *g;
    const json_t      *root, *cases;
    thx_ctx           *ctx;
    thx_radcliq_parts  parts;
    size_t             n;
    const char       **hyps, **refs;
    thx_radcliq_score *scores; /* [n] */
    thorax_error       err;
} set;

/* The folder that a part's description begins with: "../a/b, layer 5", "../a/b (v1)". */
static const char *part_path(const set *s, const char *key, const char *below)
{
    char        name[512];
    const char *text = golden_text(json_object_get(s->root, "parts"), key);

    snprintf(name, sizeof name, "%.*s%s", (int)strcspn(text, ", "), text, below);
    return golden_path(s->g, name);
}

static thorax_status open_parts(set *s)
{
    const thx_text_encoder_options o = { .layers = thx_bertscore_preset("radcliq")->layer };
    thorax_status                  st = thx_cpu_open(&s->ctx, thx_cpu_level(), THX_EXACT, 0, &s->err);

    if (!st) st = thx_text_encoder_open(&s->parts.encoder, s->ctx, part_path(s, "bertscore", ""), &o, &s->err);
    if (!st) st = thx_chexbert_open(&s->parts.chexbert, s->ctx, part_path(s, "semb_score", ""), NULL, &s->err);
    if (!st)
        st = thx_radgraph_model_open(&s->parts.radgraph, s->ctx, part_path(s, "radgraph", "/archive"), NULL, &s->err);
    return st;
}

static bool read_texts(set *s)
{
    s->n = json_array_size(s->cases);
    s->hyps = calloc(s->n + 1, sizeof *s->hyps);
    s->refs = calloc(s->n + 1, sizeof *s->refs);
    s->scores = calloc(s->n + 1, sizeof *s->scores);
    for (size_t i = 0; s->hyps && s->refs && i < s->n; i++) {
        s->hyps[i] = golden_text(json_array_get(s->cases, i), "hypothesis");
        s->refs[i] = golden_text(json_array_get(s->cases, i), "reference");
    }
    return s->hyps && s->refs && s->scores && s->n;
}

static double off(double got, const json_t *want) { return want ? fabs(got - json_number_value(want)) : INFINITY; }

static bool run(set *s, const thx_radcliq_settings *settings, const char *name)
{
    const thx_pairs     pairs = { s->hyps, s->refs, NULL, s->n };
    const thorax_status st = thx_radcliq_pairs(&s->parts, settings, &pairs, s->scores, NULL, &s->err);

    return !st || golden_check(s->g, false, name, "%s", s->err.text);
}

/* The largest differences over all pairs against the limits of their kinds. */
static void report(set *s, const char *name, const double worst[3])
{
    golden_check(s->g, worst[0] <= EXACT, name, "graphs and BLEU off by %.2g, limit %.0e", worst[0], EXACT);
    golden_check(s->g, worst[1] <= F32, name, "BERTScore and similarity off by %.2g, limit %.0e", worst[1], F32);
    golden_check(s->g, worst[2] <= COMPOSITE, name, "RadCliQ off by %.2g, limit %.0e", worst[2], COMPOSITE);
}

static void check_published(set *s, bool idf)
{
    const char                *key = idf ? "idf" : "plain";
    const thx_radcliq_settings settings = { .idf = idf };
    double                     worst[3] = { 0 }, v0 = 0, v1 = 0;

    if (!run(s, &settings, key)) return;
    for (size_t i = 0; i < s->n; i++) {
        const json_t            *c = json_array_get(s->cases, i), *want = json_object_get(c, key);
        const thx_radcliq_score *x = &s->scores[i];
        worst[0] = fmax(worst[0], off(x->radgraph.entities, json_object_get(c, "entity_f1")));
        worst[0] = fmax(worst[0], off(x->radgraph.relations, json_object_get(c, "relation_f1")));
        worst[0] = fmax(worst[0], off(x->features.radgraph, json_object_get(want, "radgraph_combined")));
        worst[0] = fmax(worst[0], off(x->features.bleu, json_object_get(want, "bleu_score")));
        worst[1] = fmax(worst[1], off(x->features.bertscore, json_object_get(want, "bertscore")));
        worst[1] = fmax(worst[1], off(x->features.semb, json_object_get(want, "semb_score")));
        worst[2] = fmax(worst[2], off(x->v0, json_object_get(want, "RadCliQ-v0")));
        worst[2] = fmax(worst[2], off(x->v1, json_object_get(want, "RadCliQ-v1")));
        v0 += x->v0 / (double)s->n;
        v1 += x->v1 / (double)s->n;
    }
    report(s, key, worst);
    if (!idf)
        golden_check(s->g, off(v0, json_object_get(s->root, "mean_v0")) <= COMPOSITE
                               && off(v1, json_object_get(s->root, "mean_v1")) <= COMPOSITE,
                     key, "means %.4f, %.4f", v0, v1);
}

static void check_radeval(set *s)
{
    const json_t              *want = json_object_get(s->root, "radeval");
    const thx_radcliq_settings settings = { .idf = true, .coco = true };
    double                     worst[3] = { 0 }, *v1 = calloc(s->n, sizeof *v1);

    if (!json_is_object(want) || !v1 || !run(s, &settings, "radeval")) {
        free(v1);
        return;
    }
    for (size_t i = 0; i < s->n; i++) {
        const thx_radcliq_features *x = &s->scores[i].features;
        v1[i] = s->scores[i].v1;
        worst[0] = fmax(worst[0], off(x->radgraph, json_array_get(json_object_get(want, "radgraph"), i)));
        worst[0] = fmax(worst[0], off(x->bleu, json_array_get(json_object_get(want, "bleu_score"), i)));
        worst[1] = fmax(worst[1], off(x->bertscore, json_array_get(json_object_get(want, "bertscore"), i)));
        worst[1] = fmax(worst[1], off(x->semb, json_array_get(json_object_get(want, "semb_score"), i)));
        worst[2] = fmax(worst[2], off(v1[i], json_array_get(json_object_get(want, "scores"), i)));
    }
    worst[2] = fmax(worst[2], off(thx_radcliq_inverse(v1, s->n), json_object_get(want, "value")));
    report(s, "radeval", worst);
    free(v1);
}

void golden_radcliq(golden *g)
{
    json_t *root = golden_json(g, "cases.json");
    set     s = { .g = g, .root = root, .cases = json_object_get(root, "cases") };

    if (!root) return;
    if (open_parts(&s)) golden_check(g, false, "open", "%s", s.err.text);
    else if (golden_check(g, read_texts(&s), "pairs", "%zu", json_array_size(s.cases))) {
        check_published(&s, false);
        check_published(&s, true);
        check_radeval(&s);
    }
    thx_radgraph_model_close(s.parts.radgraph);
    thx_chexbert_close(s.parts.chexbert);
    thx_text_encoder_close(s.parts.encoder);
    thx_cpu_close(s.ctx);
    free(s.hyps);
    free(s.refs);
    free(s.scores);
    json_decref(root);
}
