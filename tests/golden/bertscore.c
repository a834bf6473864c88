/* BERTScore over whole encoder folders: ids, weights, values and their mean, batched and alone, with one reference and
 * with several. */
#include "golden.h"

#include "base/file.h"
#include "metrics/bertscore.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double LIMIT = 1e-5, IDF_LIMIT = 1e-6;

typedef struct set {
    golden       *g;
    const json_t *root, *at; /* the file; the case */
    const char   *id;
    thx_ctx      *ctx;
    thorax_error  err;
} set;

/* ---- Texts and settings of a case ---- */

typedef struct texts {
    const char **hyps, **refs;
    size_t      *counts; /* NULL: one each */
    thx_pairs    of;
} texts;

static void texts_deinit(texts *t)
{
    free(t->hyps);
    free(t->refs);
    free(t->counts);
}

/* All pairs of the file, or those that the case lists. */
static bool texts_init(texts *t, const set *s)
{
    const json_t *picked = json_object_get(s->at, "pairs"), *hyps = json_object_get(s->root, "hypotheses");
    const size_t  n = json_is_array(picked) ? json_array_size(picked) : json_array_size(hyps);

    t->hyps = calloc(n + 1, sizeof *t->hyps);
    t->refs = calloc(n + 1, sizeof *t->refs);
    for (size_t i = 0; t->hyps && t->refs && i < n; i++) {
        const size_t k = json_is_array(picked) ? (size_t)json_integer_value(json_array_get(picked, i)) : i;
        t->hyps[i] = json_string_value(json_array_get(hyps, k));
        t->refs[i] = json_string_value(json_array_get(json_object_get(s->root, "references"), k));
        if (!t->hyps[i] || !t->refs[i]) return false;
    }
    t->of = (thx_pairs){ t->hyps, t->refs, NULL, n };
    return t->hyps && t->refs;
}

static bool texts_init_several(texts *t, const json_t *multi)
{
    const json_t *hyps = json_object_get(multi, "hypotheses"), *refs = json_object_get(multi, "references");
    const json_t *list, *one;
    const size_t  n = json_array_size(hyps);
    size_t        i, k, m = 0;

    json_array_foreach(refs, i, list) m += json_array_size(list);
    t->hyps = calloc(n + 1, sizeof *t->hyps);
    t->refs = calloc(m + 1, sizeof *t->refs);
    t->counts = calloc(n + 1, sizeof *t->counts);
    if (!t->hyps || !t->refs || !t->counts || json_array_size(refs) != n) return false;
    m = 0;
    json_array_foreach(refs, i, list)
    {
        t->hyps[i] = json_string_value(json_array_get(hyps, i));
        json_array_foreach(list, k, one) t->refs[m++] = json_string_value(one);
        t->counts[i] = json_array_size(list);
    }
    t->of = (thx_pairs){ t->hyps, t->refs, t->counts, n };
    return true;
}

/* The baselines of a case must be those of a known model, or of the table beside the cases. */
static bool known_baseline(set *s, const float want[3], size_t layer)
{
    float file[3];

    for (size_t i = 0; thx_bertscore_presets[i]; i++) {
        const thx_bertscore_settings *p = thx_bertscore_preset(thx_bertscore_presets[i]);
        const float                  *b = thx_bertscore_baseline(p->model, layer);
        if (b && !memcmp(b, want, sizeof file)) return true;
    }
    return !thx_bertscore_baseline_read(file, golden_path(s->g, "baseline.tsv"), layer, &s->err)
           && !memcmp(file, want, sizeof file);
}

static bool read_settings(set *s, thx_bertscore_settings *of, float baseline[3])
{
    const json_t *given = json_object_get(s->at, "baseline");

    *of = (thx_bertscore_settings){ .layer = golden_number(s->at, "num_layers"),
                                    .idf = json_is_true(json_object_get(s->at, "idf")),
                                    .batch_size = golden_number(s->at, "batch_size"),
                                    .collapse_blanks = json_is_true(json_object_get(s->at, "collapse_blanks")) };
    if (!json_is_true(json_object_get(s->at, "rescale"))) return true;
    for (size_t i = 0; i < 3; i++) baseline[i] = (float)json_number_value(json_array_get(given, i));
    of->baseline = baseline;
    return golden_check(s->g, known_baseline(s, baseline, of->layer), s->id, "baselines");
}

/* ---- Checks ---- */

/* The largest difference to the lists "P", "R", "F" of `want`; infinite where a length differs. */
static double distance(const thx_bertscore *got, size_t n, const json_t *want)
{
    static const char *const names[3] = { "P", "R", "F" };
    double                   worst = 0;

    for (size_t k = 0; k < 3; k++) {
        const json_t *list = json_object_get(want, names[k]);
        if (json_array_size(list) != n) return INFINITY;
        for (size_t i = 0; i < n; i++) {
            const double x = (double)(k == 0 ? got[i].p : k == 1 ? got[i].r : got[i].f);
            const double off = fabs(x - json_number_value(json_array_get(list, i)));
            if (!(off <= worst)) worst = off;
        }
    }
    return worst;
}

static void check_scores(set *s, thx_text_encoder *e, const thx_bertscore_settings *of, const texts *t,
                         const char *what, const json_t *want, const json_t *mean)
{
    thx_bertscore      *got = calloc(t->of.n + 1, sizeof *got);
    thx_bertscore_total total;

    if (!got || thx_bertscore_score(e, of, &t->of, got, &total, NULL, &s->err)) {
        golden_check(s->g, false, s->id, "%s: %s", what, got ? s->err.text : "no memory");
    } else {
        const double off = distance(got, t->of.n, want);
        const double off_mean = mean ? fabs((double)total.mean.f - json_number_value(mean)) : 0;
        golden_check(s->g, off <= LIMIT && off_mean <= LIMIT, s->id, "%s: off by %.2g, mean by %.2g, limit %.0e", what,
                     off, off_mean, LIMIT);
    }
    free(got);
}

/* ids against hyp_ids or ref_ids, where the case has them. */
static void check_ids(set *s, const thx_text_encoder *e, const thx_bertscore_settings *of, const char *const *list,
                      size_t n, const char *key)
{
    const json_t *want = json_object_get(s->at, key);
    size_t        same = 0;

    for (size_t i = 0; want && i < n; i++) {
        const json_t *w = json_array_get(want, i);
        thx_ids       ids = { 0 };
        bool          ok = !thx_bertscore_ids(e, of, list[i], &ids, &s->err) && ids.size == json_array_size(w);
        for (size_t k = 0; ok && k < ids.size; k++) ok = ids.data[k] == json_integer_value(json_array_get(w, k));
        same += ok;
        thx_ids_deinit(&ids);
    }
    if (want) golden_check(s->g, same == n && json_array_size(want) == n, s->id, "%s: %zu of %zu", key, same, n);
}

static void check_idf(set *s, const thx_text_encoder *e, const thx_bertscore_settings *of, const texts *t)
{
    const json_t *want = json_object_get(s->at, "idf_weights"), *weight;
    size_t       *ends = calloc(t->of.n + 1, sizeof *ends);
    thx_ids       ids = { 0 };
    thx_idf       idf = { 0 };
    const char   *id;
    double        worst = 0;
    bool          ok = ends;

    for (size_t i = 0; want && ok && i < t->of.n; i++) {
        ok = !thx_bertscore_ids(e, of, t->refs[i], &ids, &s->err);
        ends[i] = ids.size;
    }
    if (want && ok && !thx_idf_init(&idf, ids.data, ends, t->of.n, &s->err)) {
        json_object_foreach((json_t *)want, id, weight)
            worst = fmax(worst, fabs(thx_idf_weight(&idf, atoi(id)) - json_number_value(weight)));
        golden_check(s->g, worst <= IDF_LIMIT, s->id, "weights of rare tokens: off by %.2g", worst);
    } else if (want) {
        golden_check(s->g, false, s->id, "%s", s->err.text);
    }
    thx_idf_deinit(&idf);
    thx_ids_deinit(&ids);
    free(ends);
}

static thx_text_encoder *open_encoder(set *s, size_t layers)
{
    thx_text_encoder              *e = NULL;
    const thx_text_encoder_options o = { .layers = layers };

    if (thx_text_encoder_open(&e, s->ctx, golden_path(s->g, golden_text(s->at, "encoder")), &o, &s->err))
        golden_check(s->g, false, s->id, "%s", s->err.text);
    return e;
}

/* As the case was batched, one pair at a time, and with hardly any memory for rows. */
static void check_case(set *s)
{
    const json_t          *alone = json_object_get(s->at, "batch1");
    thx_bertscore_settings of;
    float                  baseline[3];
    texts                  t = { 0 };
    thx_text_encoder      *e = open_encoder(s, golden_number(s->at, "num_layers"));

    if (e && read_settings(s, &of, baseline) && golden_check(s->g, texts_init(&t, s), s->id, "pairs")) {
        check_ids(s, e, &of, t.hyps, t.of.n, "hyp_ids");
        check_ids(s, e, &of, t.refs, t.of.n, "ref_ids");
        if (of.idf) check_idf(s, e, &of, &t);
        check_scores(s, e, &of, &t, "P, R, F", s->at, json_object_get(s->at, "mean_f"));
        of.memory_bytes = 1;
        check_scores(s, e, &of, &t, "in small windows", s->at, json_object_get(s->at, "mean_f"));
        of.batch_size = 1;
        check_scores(s, e, &of, &t, "one by one", json_is_object(alone) ? alone : s->at, NULL);
    }
    texts_deinit(&t);
    thx_text_encoder_close(e);
}

static void check_several(set *s)
{
    const thx_bertscore_settings of = { .layer = golden_number(s->at, "num_layers") };
    texts                        t = { 0 };
    thx_text_encoder            *e = open_encoder(s, of.layer);

    if (e && golden_check(s->g, texts_init_several(&t, s->at), s->id, "pairs"))
        check_scores(s, e, &of, &t, "P, R, F", s->at, NULL);
    texts_deinit(&t);
    thx_text_encoder_close(e);
}

void golden_bertscore(golden *g)
{
    json_t      *root = golden_json(g, "cases.json"), *at;
    set          s = { .g = g, .root = root };
    size_t       i;

    if (!root) return;
    if (thx_cpu_open(&s.ctx, thx_cpu_level(), THX_EXACT, 0, &s.err)) {
        golden_check(g, false, "context", "%s", s.err.text);
    } else {
        json_array_foreach(json_object_get(root, "cases"), i, at)
        {
            s.at = at;
            s.id = golden_text(at, "id");
            check_case(&s);
        }
        s.at = json_object_get(root, "multi_reference");
        s.id = "multi_reference";
        if (s.at) check_several(&s);
    }
    thx_cpu_close(s.ctx);
    json_decref(root);
}
