/* Vectors of resampling. */
#include "vectors.h"

#include "metrics/bootstrap.h"

#include <stdlib.h>

static const json_t *at(const json_t *object, const char *key) { return json_object_get(object, key); }

static void check_rng(vec *v, const json_t *input, const json_t *expected)
{
    const uint32_t n = (uint32_t)vec_member_number(input, "n");
    const json_t  *mt = at(expected, "mt19937_seed3_first"), *pcg = at(expected, "pcg64_seed12345_first");
    thx_mt19937    m;
    thx_pcg64      p;

    thx_mt19937_seed(&m, 3);
    thx_pcg64_init(&p);
    if (!json_array_size(mt) || !json_array_size(pcg)) vec_fail(v, "no indices");
    for (size_t i = 0; i < json_array_size(mt); i++)
        vec_integer(v, "mt19937", thx_mt19937_below(&m, n), json_array_get(mt, i));
    for (size_t i = 0; i < json_array_size(pcg); i++)
        vec_integer(v, "pcg64", thx_pcg64_below(&p, n), json_array_get(pcg, i));
}

static void check_interval(vec *v, const char *what, const thx_interval *got, const char *point, const json_t *want)
{
    vec_number(v, what, got->point, at(want, point), 1e-12, 0);
    vec_number(v, "median", got->median, at(want, "median"), 1e-12, 0);
    vec_number(v, "ci_l", got->low, at(want, "ci_l"), 1e-12, 0);
    vec_number(v, "ci_h", got->high, at(want, "ci_h"), 1e-12, 0);
}

static void check_first(vec *v, const double *samples, size_t resamples, const json_t *want)
{
    if (!json_array_size(want) || json_array_size(want) > resamples)
        vec_fail(v, "no first resamples");
    else
        vec_numbers(v, "first_resamples", samples, json_array_size(want), want, 1e-12, 0);
}

/* A table of 0 and 1, row by row. */
static uint8_t *read_table(const json_t *rows, size_t *n, size_t *classes)
{
    *n = json_array_size(rows);
    *classes = json_array_size(json_array_get(rows, 0));
    uint8_t *table = calloc(*n * *classes + 1, 1);

    for (size_t i = 0; table && i < *n * *classes; i++)
        table[i] = vec_value(json_array_get(json_array_get(rows, i / *classes), i % *classes)) != 0;
    return table;
}

static void check_f1(vec *v, const json_t *input, const json_t *expected)
{
    const thx_resampling how = thx_resampling_default();
    size_t               n, m, classes;
    uint8_t             *reference = read_table(at(input, "ref_binary"), &n, &classes);
    uint8_t             *prediction = read_table(at(input, "hyp_binary"), &m, &classes);
    double               samples[500];
    thx_interval         interval;
    thorax_error         err;

    for (int macro = 0; macro < 2 && n == m; macro++) {
        const json_t *want = at(expected, macro ? "macro" : "micro");
        if (!vec_ok(v, thx_bootstrap_f1(&interval, reference, prediction, n, classes, macro, &how, samples, &err),
                    &err))
            break;
        check_interval(v, macro ? "macro" : "micro", &interval, "point", want);
        check_first(v, samples, how.resamples, at(want, "first_resamples"));
    }
    if (n != m) vec_fail(v, "tables of %zu and %zu rows", n, m);
    free(reference);
    free(prediction);
}

static void check_radgraph(vec *v, const json_t *input, const json_t *expected)
{
    const thx_resampling how = thx_resampling_default();
    const json_t        *rows = at(input, "f1_precision_recall");
    const size_t         n = json_array_size(rows);
    double              *values = calloc(n + 1, sizeof *values), samples[500];
    thx_interval         interval;
    thorax_error         err;

    for (size_t i = 0; values && i < n; i++) values[i] = vec_value(json_array_get(json_array_get(rows, i), 0));
    if (vec_ok(v, thx_bootstrap_mean(&interval, values, n, &how, samples, &err), &err)) {
        check_interval(v, "mean_f1", &interval, "mean_f1", expected);
        check_first(v, samples, how.resamples, at(expected, "first_resamples"));
    }
    free(values);
}

/* ---- Texts ---- */

static void check_rouge(vec *v, const json_t *input, const json_t *expected)
{
    static const struct {
        size_t      resamples;
        const char *key;
    } runs[] = { { 500, "n500" }, { 1000, "n1000" } };
    size_t       n, m;
    const char **hypotheses = vec_list(at(input, "hypotheses"), &n),
               **references = vec_list(at(input, "references"), &m);
    const thx_pairs pairs = { hypotheses, references, NULL, n };
    thx_rouge       r;
    thorax_error    err;

    if (vec_ok(v, thx_rouge_score(&r, &pairs, THX_ROUGE_BIT(THX_ROUGE_L), false, &err), &err)) {
        for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
            const json_t *want = at(expected, runs[i].key);
            thx_mt19937   stream;
            thx_interval  interval[3];
            thx_mt19937_seed(&stream, 3);
            if (!vec_ok(v, thx_bootstrap_rouge(interval, &r, THX_ROUGE_L, runs[i].resamples, 0.95, &stream, &err),
                        &err))
                break;
            vec_number(v, "median", interval[2].median, at(want, "median"), 1e-12, 0);
            vec_number(v, "ci_l", interval[2].low, at(want, "ci_l"), 1e-12, 0);
            vec_number(v, "ci_h", interval[2].high, at(want, "ci_h"), 1e-12, 0);
        }
        thx_rouge_deinit(&r);
    }
    free(hypotheses);
    free(references);
}

static void check_sacrebleu_order(vec *v, const thx_pairs *pairs, size_t order, const json_t *want)
{
    thx_bleu_sacrebleu     b;
    thx_interval_sacrebleu interval;
    thorax_error           err;

    if (!vec_ok(v, thx_bleu_sacrebleu_score(&b, pairs, order, &err), &err)) return;
    if (vec_ok(v, thx_bootstrap_sacrebleu(&interval, &b, 500, &err), &err)) {
        vec_number(v, "median", interval.point, at(want, "median"), 0, 1e-9);
        vec_number(v, "ci_l", interval.low, at(want, "ci_l"), 0, 1e-9);
        vec_number(v, "ci_h", interval.high, at(want, "ci_h"), 0, 1e-9);
        vec_number(v, "boot_mean", interval.mean, at(want, "boot_mean"), 0, 1e-9);
        vec_number(v, "half_width", interval.half_width, at(want, "half_width"), 0, 1e-9);
    }
    thx_bleu_sacrebleu_deinit(&b);
}

static void check_sacrebleu(vec *v, const json_t *input, const json_t *expected)
{
    size_t       n, m;
    const char **hypotheses = vec_list(at(input, "hypotheses"), &n),
               **references = vec_list(at(input, "references"), &m);
    const thx_pairs pairs = { hypotheses, references, NULL, n };

    check_sacrebleu_order(v, &pairs, 4, at(expected, "bleu4"));
    check_sacrebleu_order(v, &pairs, 1, at(expected, "bleu1"));
    free(hypotheses);
    free(references);
}

const vec_kind vec_bootstrap_kinds[] = {
    { "bootstrap_rng", check_rng },
    { "bootstrap_f1", check_f1 },
    { "bootstrap_radgraph", check_radgraph },
    { "bootstrap_rouge", check_rouge },
    { "bootstrap_sacrebleu", check_sacrebleu },
    { 0 },
};
