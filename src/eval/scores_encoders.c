/* Metrics that read reports with encoders: BERTScore, CheXbert, RadGraph, RadCliQ; see scores.h.
 * Networks compute in f32, as the originals do on a processor. */
#include "eval/scores_internal.h"

#include "base/hash.h"
#include "metrics/bertscore.h"
#include "metrics/radcliq_pairs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- What they have in common ---- */

static bool keep_going(void *data)
{
    return thx_progress_step(data, "encoder", 0, 0);
}

/* A context of the options' kernels and threads, which asks their progress whether to go on. */
thorax_status eval_open_ctx(thx_ctx **ctx, const eval_job *job, thorax_error *err)
{
    const thx_eval_options *o = job->options;
    int level = thx_cpu_level();

    while (o->cpu && level > 0 && strcmp(thx_cpu_level_name(level), o->cpu)) level--;
    const thorax_status st = thx_cpu_open(ctx, level, THX_EXACT, o->threads, err);
    if (st) return st;
    (*ctx)->step = keep_going;
    (*ctx)->step_data = (void *)(uintptr_t)o->progress;
    return THORAX_OK;
}

/* The pairs of a group, where the folders a metric needs are given. A preset that names the metric gets a remark. */
thorax_status eval_begin(eval_texts *t, const eval_job *job, bool folders, thorax_error *err)
{
    *t = (eval_texts){ 0 };
    if (folders) return eval_texts_of(t, job, err);
    if (job->options->preset) eval_remark(job, "not computed, it needs %s", job->metric->needs);
    return THORAX_OK;
}

/* ---- BERTScore ---- */

/* The settings that go with an encoder of this kind and depth. */
static thx_bertscore_settings bertscore_settings(const thx_text_encoder *e)
{
    const thx_text_kind kind = thx_text_encoder_kind(e);
    const size_t layers = thx_text_encoder_layers(e), width = thx_text_encoder_width(e);

    if (kind == THX_TEXT_DISTILBERT && layers == 6 && width == 768) return *thx_bertscore_preset("radvlm");
    if (kind == THX_TEXT_ROBERTA && layers == 24 && width == 1024) return *thx_bertscore_preset("english");
    if (kind == THX_TEXT_ROBERTA && layers == 6 && width == 768) {
        thx_bertscore_settings s = *thx_bertscore_preset("radcliq");
        s.collapse_blanks = false;
        return s;
    }
    return (thx_bertscore_settings){ .model = thx_text_kind_name(kind), .layer = layers };
}

/* What the options say goes before that. Another layer than the usual one has no baseline of its own. */
static thorax_status choose_bertscore(thx_bertscore_settings *s, float baseline[3], const thx_eval_options *o,
                                      thorax_error *err)
{
    if (o->bertscore_idf) s->idf = true;
    if (o->bertscore_layer && o->bertscore_layer != s->layer) {
        s->layer = o->bertscore_layer;
        s->baseline = thx_bertscore_baseline(s->model, s->layer);
    }
    if (!o->bertscore_baseline) return THORAX_OK;
    s->baseline = baseline;
    return thx_bertscore_baseline_read(baseline, o->bertscore_baseline, s->layer, err);
}

static thorax_status add_bertscore(const eval_job *job, const eval_texts *t, thx_text_encoder *e, thorax_error *err)
{
    thx_bertscore_settings s = bertscore_settings(e);
    float baseline[3];
    const thx_pairs pairs = { .hypotheses = t->hypotheses, .references = t->references, .n = t->n };
    thx_bertscore *scores = eval_alloc(job, t->n, sizeof *scores);
    double *f = eval_alloc(job, t->n, sizeof *f);
    thx_bertscore_total total;
    char settings[120], rescaled[40] = "rescaled";

    if (!scores || !f) return eval_nomem(job, err);
    thorax_status st = choose_bertscore(&s, baseline, job->options, err);
    if (!st) st = thx_bertscore_score(e, &s, &pairs, scores, &total, job->options->progress, err);
    if (st) return st;
    for (size_t i = 0; i < t->n; i++) f[i] = (double)scores[i].f;
    if (job->options->bertscore_baseline) snprintf(rescaled, sizeof rescaled, "rescaled by %.6g", (double)baseline[2]);
    snprintf(settings, sizeof settings, "%s,layer %zu,%s,%s,F", s.model, s.layer, s.idf ? "idf" : "no idf",
             s.baseline ? rescaled : "not rescaled");
    if (total.empty) eval_remark(job, "%zu pairs have a side without a token", total.empty);
    return eval_add_mean(job, "bertscore", settings, thx_text_encoder_identity(e), f, t->items, t->n, t->failed, err);
}

thorax_status eval_bertscore(const eval_job *job, thorax_error *err)
{
    thx_ctx *ctx = NULL;
    thx_text_encoder *e = NULL;
    eval_texts t;

    thorax_status st = eval_begin(&t, job, job->options->bertscore, err);
    if (st || !t.n) return st;
    st = eval_open_ctx(&ctx, job, err);
    if (!st) st = thx_text_encoder_open(&e, ctx, job->options->bertscore, NULL, err);
    if (!st) st = add_bertscore(job, &t, e, err);
    thx_text_encoder_close(e);
    thx_cpu_close(ctx);
    return st;
}

/* ---- CheXbert ---- */

/* Classes of the hypotheses, then of the references [2n, 14]. */
static thorax_status run_chexbert(const eval_job *job, const eval_texts *t, thx_chexbert_form form,
                                  unsigned char *classes, char identity[65], thorax_error *err)
{
    const char **reports = eval_alloc(job, 2 * t->n, sizeof *reports);
    thx_chexbert *net = NULL;
    thx_ctx *ctx = NULL;

    if (!reports) return eval_nomem(job, err);
    memcpy(reports, t->hypotheses, t->n * sizeof *reports);
    memcpy(reports + t->n, t->references, t->n * sizeof *reports);
    thorax_status st = eval_open_ctx(&ctx, job, err);
    if (!st) st = thx_chexbert_open(&net, ctx, job->options->chexbert, NULL, err);
    const thx_chexbert_results results = { .classes = classes };
    if (!st) st = thx_chexbert_run(net, reports, 2 * t->n, form, &results, job->options->progress, err);
    if (!st) snprintf(identity, 65, "%s", thx_text_encoder_identity(thx_chexbert_encoder(net)));
    thx_chexbert_close(net);
    thx_cpu_close(ctx);
    return st;
}

/* Masks by a mapping, of all 14 or of the five classes. */
static thorax_status masks_of(eval_labelled *out, const eval_job *job, const eval_texts *t,
                              const unsigned char *classes, thx_chexbert_mapping mapping, bool five, thorax_error *err)
{
    static const char *names_of_five[THX_CHEXBERT_FIVE];
    const size_t n = t->n;

    for (size_t i = 0; i < THX_CHEXBERT_FIVE; i++) names_of_five[i] = thx_chexbert_names[thx_chexbert_five[i]];
    *out = (eval_labelled){ .n_labels = five ? THX_CHEXBERT_FIVE : THX_CHEXBERT,
                            .names = five ? names_of_five : thx_chexbert_names,
                            .rows = eval_alloc(job, n, sizeof *out->rows),
                            .items = t->items,
                            .n = n,
                            .failed = t->failed };
    if (!out->rows) return eval_nomem(job, err);
    for (size_t i = 0; i < n; i++) {
        const thx_label_row row = { thx_chexbert_mask(classes + (n + i) * THX_CHEXBERT, mapping),
                                    thx_chexbert_mask(classes + i * THX_CHEXBERT, mapping) };
        out->rows[i] = five ? thx_labels_select(row, thx_chexbert_five, THX_CHEXBERT_FIVE) : row;
    }
    return THORAX_OK;
}

typedef struct chexbert_figure {
    const char       *name;
    eval_label_figure figure;
    bool              five, doubt_present;
} chexbert_figure;

static const chexbert_figure radvlm_figures[] = {
    { "chexbert_all_micro", EVAL_MICRO_F1, false, true },
    { "chexbert_all_macro", EVAL_MACRO_F1, false, true },
    { "chexbert_all_weighted", EVAL_WEIGHTED_F1, false, true },
    { "chexbert_all_samples", EVAL_SAMPLES_F1, false, true },
    { "chexbert_5_micro", EVAL_MICRO_F1, true, true },
    { "chexbert_5_macro", EVAL_MACRO_F1, true, true },
    { "chexbert_5_weighted", EVAL_WEIGHTED_F1, true, true },
    { "chexbert_5_samples", EVAL_SAMPLES_F1, true, true },
    { NULL, EVAL_MICRO_F1, false, false },
};
static const chexbert_figure llavarad_figures[] = {
    { "Micro-F1-14", EVAL_MICRO_F1, false, false }, { "Macro-F1-14", EVAL_MACRO_F1, false, false },
    { "Micro-F1-5", EVAL_MICRO_F1, true, false },   { "Macro-F1-5", EVAL_MACRO_F1, true, false },
    { "Micro-F1-14+", EVAL_MICRO_F1, false, true }, { "Macro-F1-14+", EVAL_MACRO_F1, false, true },
    { "Micro-F1-5+", EVAL_MICRO_F1, true, true },   { "Macro-F1-5+", EVAL_MACRO_F1, true, true },
    { NULL, EVAL_MICRO_F1, false, false },
};

static thorax_status add_chexbert(const eval_job *job, const eval_texts *t, const unsigned char *classes,
                                  const chexbert_figure *figures, const char *identity, thorax_error *err)
{
    thorax_status st = THORAX_OK;

    for (const chexbert_figure *f = figures; !st && f->name; f++) {
        const thx_chexbert_mapping mapping =
            f->doubt_present ? THX_CHEXBERT_DOUBT_IS_POSITIVE : THX_CHEXBERT_DOUBT_IS_NEGATIVE;
        char settings[80];
        eval_labelled l;

        snprintf(settings, sizeof settings, "%d classes,doubt %s%s", f->five ? 5 : 14,
                 f->doubt_present ? "present" : "absent",
                 job->metric->variant == CHEXBERT_MEDIAN ? ",median of resamples" : "");
        st = masks_of(&l, job, t, classes, mapping, f->five, err);
        if (!st) st = eval_add_label_figure(job, &l, f->name, f->figure, 0, settings, identity, err);
        if (!st) job->scores->figures[job->scores->n - 1].is_median = job->metric->variant == CHEXBERT_MEDIAN;
    }
    return st;
}

/* F1 of each class. */
static thorax_status add_chexbert_labels(const eval_job *job, const eval_texts *t, const unsigned char *classes,
                                         const char *identity, thorax_error *err)
{
    eval_labelled l;
    thorax_status st = masks_of(&l, job, t, classes, THX_CHEXBERT_DOUBT_IS_POSITIVE, false, err);

    for (int i = 0; !st && i < THX_CHEXBERT; i++)
        st = eval_add_label_figure(job, &l, NULL, EVAL_LABEL_F1, i, "14 classes,doubt present", identity, err);
    return st;
}

thorax_status eval_chexbert(const eval_job *job, thorax_error *err)
{
    const bool radvlm = job->metric->variant == CHEXBERT_RADVLM;
    char identity[65];
    eval_texts t;

    thorax_status st = eval_begin(&t, job, job->options->chexbert, err);
    if (st || !t.n) return st;
    unsigned char *classes = eval_alloc(job, 2 * t.n, THX_CHEXBERT);
    if (!classes) return eval_nomem(job, err);
    if (!radvlm) st = eval_strip_answers(job, &t, err);
    if (!st) st = run_chexbert(job, &t, radvlm ? THX_CHEXBERT_F1 : THX_CHEXBERT_LLAVARAD, classes, identity, err);
    if (!st) st = add_chexbert(job, &t, classes, radvlm ? radvlm_figures : llavarad_figures, identity, err);
    if (!st && radvlm) st = add_chexbert_labels(job, &t, classes, identity, err);
    return st;
}

/* ---- RadGraph ---- */

static thorax_status run_radgraph(const eval_job *job, const eval_texts *t, thx_radgraph_score **scores,
                                  char identity[65], char type[40], thorax_error *err)
{
    const thx_eval_options *o = job->options;
    thx_radgraph_model *m = NULL;
    thx_ctx *ctx = NULL;

    *scores = eval_alloc(job, t->n, sizeof **scores);
    if (!*scores) return eval_nomem(job, err);
    thorax_status st = eval_open_ctx(&ctx, job, err);
    if (!st) st = thx_radgraph_model_open(&m, ctx, o->radgraph, o->radgraph_encoder, err);
    if (!st)
        st = thx_radgraph_model_scores(
            m, t->hypotheses, t->references, t->n,
            job->metric->variant == RADGRAPH_SMALL ? THX_RADGRAPH_SMALL : THX_RADGRAPH_AS_WRITTEN, *scores, err);
    if (!st) snprintf(identity, 65, "%s", thx_radgraph_model_identity(m));
    if (!st) snprintf(type, 40, "%s", thx_radgraph_model_type(m));
    thx_radgraph_model_close(m);
    thx_cpu_close(ctx);
    return st;
}

enum { COMBINED = THX_RADGRAPH_LEVELS }; /* beside the levels: CXR-Report-Metric's mean of entities and relations */

static bool is_llavarad(const eval_job *job)
{
    return job->metric->variant == RADGRAPH_MEDIAN || job->metric->variant == RADGRAPH_POINT;
}

static thorax_status add_radgraph(const eval_job *job, const eval_texts *t, const thx_radgraph_score *scores, int level,
                                  const char *type, const char *identity, thorax_error *err)
{
    static const char *const names[] = { "radgraph_simple", "radgraph_partial", "radgraph_complete",
                                         "radgraph_combined" };
    const bool median = job->metric->variant == RADGRAPH_MEDIAN, small = job->metric->variant == RADGRAPH_SMALL;
    double *f = eval_alloc(job, t->n, sizeof *f);
    char settings[120];

    if (!f) return eval_nomem(job, err);
    for (size_t i = 0; i < t->n; i++) f[i] = level == COMBINED ? scores[i].combined.mean : scores[i].level[level].f1;
    snprintf(settings, sizeof settings, "%s,%s,%s", type, small ? "small letters" : "case kept",
             median ? "median of resampled means" : "mean with zeros");
    const thorax_status st = eval_add_mean(job, is_llavarad(job) ? "F1-RadGraph" : names[level], settings, identity, f,
                                           t->items, t->n, t->failed, err);
    if (!st) job->scores->figures[job->scores->n - 1].is_median = median;
    return st;
}

/* What a reader must know: the published figures are of one model each, and white space alone is no report. */
static void remark_radgraph(const eval_job *job, const eval_texts *t, const thx_radgraph_score *scores,
                            const char *type)
{
    const char *published = is_llavarad(job) ? "radgraph" : "radgraph-xl";
    size_t blank = 0, endless = 0;

    for (size_t i = 0; i < t->n; i++) {
        blank += scores[i].blank;
        endless += scores[i].endless;
    }
    if (endless) eval_remark(job, "%zu pairs hold a report of more than %d words: 0", endless, THX_DYGIE_WORDS);
    if (blank) eval_remark(job, "%zu pairs hold a report of white space alone: 0, where the original stops", blank);
    if (job->options->preset && strcmp(type, published))
        eval_remark(job, "the preset's figures are of the model %s, this one is %s", published, type);
}

thorax_status eval_radgraph(const eval_job *job, thorax_error *err)
{
    char identity[65], type[40];
    thx_radgraph_score *scores;
    eval_texts t;

    thorax_status st = eval_begin(&t, job, job->options->radgraph, err);
    if (st || !t.n) return st;
    if (is_llavarad(job)) st = eval_strip_answers(job, &t, err);
    if (!st) st = run_radgraph(job, &t, &scores, identity, type, err);
    for (int level = 0; !st && level <= COMBINED; level++)
        if (!is_llavarad(job) || level == THX_RADGRAPH_PARTIAL)
            st = add_radgraph(job, &t, scores, level, type, identity, err);
    if (!st) remark_radgraph(job, &t, scores, type);
    return st;
}

/* ---- RadCliQ ---- */

/* The three networks, opened on one context. */
typedef struct radcliq_nets { thx_ctx *ctx; thx_radcliq_parts parts; } radcliq_nets;

static thorax_status open_nets(radcliq_nets *nets, const eval_job *job, thorax_error *err)
{
    const thx_eval_options *o = job->options;

    *nets = (radcliq_nets){ .ctx = NULL };
    thorax_status st = eval_open_ctx(&nets->ctx, job, err);
    if (!st) st = thx_text_encoder_open(&nets->parts.encoder, nets->ctx, o->radcliq, NULL, err);
    if (!st) st = thx_chexbert_open(&nets->parts.chexbert, nets->ctx, o->chexbert, NULL, err);
    if (!st) st = thx_radgraph_model_open(&nets->parts.radgraph, nets->ctx, o->radgraph, o->radgraph_encoder, err);
    return st;
}

static void close_nets(radcliq_nets *nets)
{
    thx_text_encoder_close(nets->parts.encoder);
    thx_chexbert_close(nets->parts.chexbert);
    thx_radgraph_model_close(nets->parts.radgraph);
    thx_cpu_close(nets->ctx);
}

/* What names the weights of all three: a SHA-256 over theirs. */
static void radcliq_identity(char hex[65], const thx_radcliq_parts *parts)
{
    const char *const all[] = { thx_text_encoder_identity(parts->encoder),
                                thx_text_encoder_identity(thx_chexbert_encoder(parts->chexbert)),
                                thx_radgraph_model_identity(parts->radgraph) };
    thx_sha256 h;

    thx_sha256_init(&h);
    for (size_t i = 0; i < 3; i++) thx_sha256_add(&h, all[i], strlen(all[i]));
    thx_sha256_end(&h, hex);
}

static thorax_status add_radcliq(const eval_job *job, const eval_texts *t, const radcliq_nets *nets, thorax_error *err)
{
    const thx_pairs pairs = { .hypotheses = t->hypotheses, .references = t->references, .n = t->n };
    const thx_radcliq_settings settings = { .idf = false };
    const bool v0 = job->metric->variant == THX_RADCLIQ_V0;
    thx_radcliq_score *scores = eval_alloc(job, t->n, sizeof *scores);
    double *values = eval_alloc(job, t->n, sizeof *values);
    char identity[65];

    if (!scores || !values) return eval_nomem(job, err);
    radcliq_identity(identity, &nets->parts);
    thorax_status st = thx_radcliq_pairs(&nets->parts, &settings, &pairs, scores, job->options->progress, err);
    for (size_t i = 0; !st && i < t->n; i++) values[i] = v0 ? scores[i].v0 : scores[i].v1;
    if (!st)
        st = eval_add_mean(job, v0 ? "radcliq_v0" : "radcliq_v1", "RadGraph combined,BERTScore,CheXbert,BLEU-2",
                           identity, values, t->items, t->n, t->failed, err);
    if (!st) job->scores->figures[job->scores->n - 1].lower_is_better = true;
    return st;
}

thorax_status eval_radcliq(const eval_job *job, thorax_error *err)
{
    const thx_eval_options *o = job->options;
    radcliq_nets nets;
    eval_texts t;

    thorax_status st = eval_begin(&t, job, o->radgraph && o->chexbert && o->radcliq, err);
    if (st || !t.n) return st;
    st = open_nets(&nets, job, err);
    if (!st) st = add_radcliq(job, &t, &nets, err);
    close_nets(&nets);
    return st;
}
