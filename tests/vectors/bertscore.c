/* Vectors of BERTScore: matching of given rows, weights of rare tokens. */
#include "vectors.h"

#include "metrics/bertscore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The texts of one side of a batch, in memory of their own. */
typedef struct side {
    thx_bertscore_rows *texts;
    size_t              n, D;
} side;

static void side_deinit(side *s)
{
    for (size_t i = 0; s->texts && i < s->n; i++) {
        free((float *)s->texts[i].vectors);
        free((float *)s->texts[i].weights);
    }
    free(s->texts);
}

static float *read_floats(const json_t *list, size_t room)
{
    float *x = calloc(room + 1, sizeof *x);

    for (size_t i = 0; x && i < room; i++) x[i] = (float)vec_value(json_array_get(list, i));
    return x;
}

static void read_text(thx_bertscore_rows *text, const json_t *rows, const json_t *weights, size_t D)
{
    float *vectors = calloc(json_array_size(rows) * D + 1, sizeof *vectors);

    for (size_t i = 0; vectors && i < json_array_size(rows); i++) {
        float *row = read_floats(json_array_get(rows, i), D);
        if (row) memcpy(vectors + i * D, row, D * sizeof *row);
        free(row);
    }
    *text = (thx_bertscore_rows){ vectors, read_floats(weights, json_array_size(rows)), json_array_size(rows) };
}

static void side_init(side *s, const json_t *vectors, const json_t *weights)
{
    const json_t *text, *row;
    size_t        i, k;

    s->n = json_array_size(vectors);
    s->texts = calloc(s->n + 1, sizeof *s->texts);
    json_array_foreach(vectors, i, text)
        json_array_foreach(text, k, row) s->D = json_array_size(row);
    for (i = 0; s->texts && i < s->n; i++)
        read_text(&s->texts[i], json_array_get(vectors, i), json_array_get(weights, i), s->D);
}

static void compare(vec *v, const char *what, const thx_bertscore *got, size_t n, const json_t *const want[3])
{
    for (size_t i = 0; i < n; i++) {
        const float x[3] = { got[i].p, got[i].r, got[i].f };
        for (size_t k = 0; k < 3; k++)
            vec_number(v, what, (double)x[k], json_array_get(want[k], i), 2e-6, 2e-6);
    }
}

/* Baselines stand in the header under "MODEL_Llayer"; those that the program knows must be the same. */
static void check_rescaled(vec *v, const thx_bertscore *raw, size_t n, const char *name, const json_t *want)
{
    const json_t *given = json_object_get(json_object_get(v->root, "baselines_PRF"), name);
    const char   *layer = strrchr(name, '_');
    char          model[64];
    float        *b = read_floats(given, 3);
    thx_bertscore *x = malloc((n + 1) * sizeof *x);

    snprintf(model, sizeof model, "%.*s", (int)(layer ? layer - name : 0), name);
    const float *known = layer ? thx_bertscore_baseline(model, (size_t)atoi(layer + 2)) : NULL;
    if (!b || !x || !known || memcmp(b, known, 3 * sizeof *b)) vec_fail(v, "%s: another baseline", name);
    else {
        memcpy(x, raw, n * sizeof *x);
        thx_bertscore_rescale(x, n, b);
        for (size_t i = 0; i < n; i++) {
            const double prf[3] = { (double)x[i].p, (double)x[i].r, (double)x[i].f };
            vec_numbers(v, name, prf, 3, json_array_get(want, i), 2e-6, 2e-6 / (1 - (double)b[0]));
        }
    }
    free(b);
    free(x);
}

static void check_match(vec *v, const json_t *input, const json_t *expected)
{
    const json_t  *prf[3] = { json_object_get(expected, "P"), json_object_get(expected, "R"),
                              json_object_get(expected, "F") };
    side           hyps = { 0 }, refs = { 0 };
    thx_ctx       *ctx = NULL;
    thorax_error   err = { 0 };
    const char    *name;
    json_t        *want;

    side_init(&hyps, json_object_get(input, "hyp_vectors"), json_object_get(input, "hyp_weights"));
    side_init(&refs, json_object_get(input, "ref_vectors"), json_object_get(input, "ref_weights"));
    thx_bertscore *got = calloc(hyps.n + 1, sizeof *got);
    if (!got || hyps.n != refs.n) vec_fail(v, "%zu hypotheses, %zu references", hyps.n, refs.n);
    else if (vec_ok(v, thx_cpu_open(&ctx, thx_cpu_level(), THX_EXACT, 1, &err), &err)
             && vec_ok(v, thx_bertscore_match(ctx, got, hyps.texts, refs.texts, hyps.n, hyps.D, &err), &err)) {
        compare(v, "P, R, F", got, hyps.n, prf);
        json_object_foreach(json_object_get(expected, "rescaled_PRF"), name, want)
            check_rescaled(v, got, hyps.n, name, want);
    }
    thx_cpu_close(ctx);
    free(got);
    side_deinit(&hyps);
    side_deinit(&refs);
}

static void check_idf(vec *v, const json_t *input, const json_t *expected)
{
    const json_t *documents = json_object_get(input, "reference_token_ids"), *ids, *id;
    size_t        ends[256] = { 0 }, n = 0, i, k;
    int32_t       all[4096];
    thx_idf       idf = { 0 };
    thorax_error  err = { 0 };
    const char   *key;
    json_t       *want;

    json_array_foreach(documents, i, ids)
    {
        json_array_foreach(ids, k, id) if (n < 4096) all[n++] = (int32_t)json_integer_value(id);
        if (i < 256) ends[i] = n;
    }
    if (json_array_size(documents) > 256 || n == 4096) {
        vec_fail(v, "more ids than this check has room for");
        return;
    }
    if (!vec_ok(v, thx_idf_init(&idf, all, ends, json_array_size(documents), &err), &err)) return;
    json_object_foreach(json_object_get(expected, "idf"), key, want)
        vec_number(v, key, thx_idf_weight(&idf, atoi(key)), want, 1e-15, 0);
    vec_number(v, "unseen", thx_idf_weight(&idf, INT32_MAX), json_object_get(expected, "unseen"), 1e-15, 0);
    thx_idf_deinit(&idf);
}

const vec_kind vec_bertscore_kinds[] = {
    { "bertscore_match", check_match },
    { "bertscore_idf", check_idf },
    { 0 },
};
