/* Text encoders on tiny folders of the shared golden data: DeBERTa-v2's logits, texts together and alone, tensors by
 * name, faults. */
#include "check.h"
#include "base/json.h"
#include "base/npy.h"
#include "model/text_encoder.h"

#include <math.h>
#include <stdlib.h>

static thx_ctx *ctx;

static int setup(void **state)
{
    thorax_error err;

    (void)state;
    return thx_cpu_open(&ctx, thx_cpu_level(), THX_EXACT, 2, &err) != THORAX_OK;
}

static int teardown(void **state)
{
    (void)state;
    thx_cpu_close(ctx);
    return 0;
}

static thx_text_encoder *open_shared(const char *name, const thx_text_encoder_options *o)
{
    thx_text_encoder *e;
    thorax_error      err;

    assert_ok(thx_text_encoder_open(&e, ctx, shared_path(name), o, &err), err);
    return e;
}

/* Ids and logits of sentences, of the tokenizer.json and of the spm.model it was made from. */
static void deberta_as_the_original(void **state)
{
    static const char   set[] = "golden/bert-ratescore/cases.json";
    thx_text_encoder   *e = open_shared("golden/bert-ratescore/ner", NULL);
    const json_t       *s;
    json_t             *root;
    thx_ids             ids = { 0 };
    thx_npy             want;
    thx_weight         *w, *b;
    thorax_error        err;
    size_t              i, ends[1024], D = thx_text_encoder_width(e);
    double              worst = 0, peak = 0;

    (void)state;
    assert_int_equal(thx_text_encoder_kind(e), THX_TEXT_DEBERTA);
    assert_ok(thx_json_read(&root, shared_path(set), (size_t)1 << 24, &err), err);
    json_array_foreach(json_object_get(root, "sentences"), i, s) {
        const json_t *text = json_object_get(s, "text"), *expected = json_object_get(s, "ids");
        const size_t  first = ids.size;
        assert_ok(thx_text_encoder_ids(e, json_string_value(text), json_string_length(text), 0, true, &ids, &err), err);
        assert_int_equal(ids.size - first, json_array_size(expected));
        for (size_t k = 0; k < ids.size - first; k++)
            assert_int_equal(ids.data[first + k], json_integer_value(json_array_get(expected, k)));
        ends[i] = ids.size;
    }
    assert_ok(thx_npy_read(&want, shared_path("golden/bert-ratescore/ner_logits.npy"), &err), err);
    const size_t labels = want.shape[1];
    float *rows = malloc(ids.size * D * sizeof *rows), *logits = malloc(ids.size * labels * sizeof *logits);
    assert_int_equal(want.shape[0], ids.size);
    assert_ok(thx_text_encoder_hidden(e, ids.data, ends, i, thx_text_encoder_layers(e), true, rows, &err), err);
    assert_ok(thx_text_encoder_matrix(e, &w, "classifier.weight", labels, D, &err), err);
    assert_ok(thx_text_encoder_vector(e, &b, "classifier.bias", labels, &err), err);
    assert_ok(thx_text_encoder_linear(e, logits, rows, ids.size, w, b, labels, D, &err), err);
    for (size_t k = 0; k < want.count; k++) {
        worst = fmax(worst, fabs((double)logits[k] - ((float *)want.data)[k]));
        peak = fmax(peak, fabs((double)((float *)want.data)[k]));
    }
    print_message("logits: %.2g of the peak\n", worst / peak);
    assert_true(worst <= 2e-5 * peak);
    free(rows);
    free(logits);
    thx_npy_deinit(&want);
    thx_ids_deinit(&ids);
    json_decref(root);
    thx_text_encoder_close(e);
}

/* Texts of different lengths in one call: each has the bits it has alone. */
static void together_as_alone(void **state)
{
    static const char *const folders[] = { "golden/bert-base-like/model", "golden/bert-roberta-like/model",
                                           "golden/bert-modern-like/model", "golden/bert-mpnet-like/model",
                                           "golden/bert-ratescore/ner" };
    static const char *const texts[] = {
        "Small left effusion, no pneumothorax; the heart is not enlarged.", "", "Normal.",
        "No focal consolidation. Stable cardiomegaly with mild edema, T4-T5 and more words to be long."
    };
    enum { N = sizeof texts / sizeof *texts };

    (void)state;
    for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
        thx_text_encoder *e = open_shared(folders[f], NULL);
        const size_t      D = thx_text_encoder_width(e), layers = thx_text_encoder_layers(e);
        thx_ids           ids = { 0 };
        size_t            ends[N];
        thorax_error      err;
        for (size_t i = 0; i < N; i++) {
            assert_ok(thx_text_encoder_ids(e, texts[i], strlen(texts[i]), 0, true, &ids, &err), err);
            ends[i] = ids.size;
        }
        float *all = malloc(ids.size * D * sizeof *all), *one = malloc(ids.size * D * sizeof *one);
        assert_ok(thx_text_encoder_hidden(e, ids.data, ends, N, layers, true, all, &err), err);
        for (size_t i = 0; i < N; i++) {
            const size_t at = i ? ends[i - 1] : 0, n = ends[i] - at;
            assert_ok(thx_text_encoder_hidden(e, ids.data + at, &n, 1, layers, true, one, &err), err);
            assert_memory_equal(one, all + at * D, n * D * sizeof *one);
            assert_ok(thx_text_encoder_cls(e, ids.data + at, &n, 1, layers, true, one, &err), err);
            assert_memory_equal(one, all + at * D, D * sizeof *one);
        }
        free(all);
        free(one);
        thx_ids_deinit(&ids);
        thx_text_encoder_close(e);
    }
}

static void fewer_layers(void **state)
{
    thx_text_encoder *e = open_shared("golden/bert-distil-like/model", &(thx_text_encoder_options){ .layers = 2 }),
                     *none;
    char              identity[65];
    thorax_error      err;

    (void)state;
    assert_int_equal(thx_text_encoder_layers(e), 2);
    strcpy(identity, thx_text_encoder_identity(e));
    thx_text_encoder_close(e);
    e = open_shared("golden/bert-distil-like/model", NULL);
    assert_string_not_equal(identity, thx_text_encoder_identity(e));
    float out[64 * 2];
    assert_int_equal(thx_text_encoder_hidden(e, (int32_t[]){ 101, 102 }, (size_t[]){ 2 }, 1, 7, false, out, &err),
                     THORAX_USAGE);
    assert_int_equal(thx_text_encoder_hidden(e, (int32_t[]){ 101, 9999 }, (size_t[]){ 2 }, 1, 1, false, out, &err),
                     THORAX_USAGE);
    assert_int_equal(thx_text_encoder_hidden(e, NULL, (size_t[]){ 0 }, 1, 1, false, out, &err), THORAX_USAGE);
    thx_text_encoder_close(e);
    const thx_text_encoder_options many = { .layers = 100 };
    assert_int_equal(thx_text_encoder_open(&none, ctx, shared_path("golden/bert-distil-like/model"), &many, &err),
                     THORAX_USAGE);
}

/* An encoder among other tensors of a checkpoint, heads by the end of their names. */
static void tensors_by_name(void **state)
{
    static const char folder[] = "golden/bert-chexbert/model";
    char              weights[1024];
    thx_text_encoder *e;
    thx_weight       *w;
    thorax_error      err;

    (void)state;
    snprintf(weights, sizeof weights, "%s/chexbert.pth", shared_path(folder));
    assert_ok(
        thx_text_encoder_open(&e, ctx, shared_path(folder), &(thx_text_encoder_options){ .weights = weights }, &err),
        err);
    const size_t D = thx_text_encoder_width(e);
    assert_ok(thx_text_encoder_matrix(e, &w, "linear_heads.13.weight", 2, D, &err), err);
    assert_ok(thx_text_encoder_vector(e, &w, "linear_heads.0.bias", 4, &err), err);
    assert_int_equal(thx_text_encoder_matrix(e, &w, "linear_heads.14.weight", 2, D, &err), THORAX_MODEL);
    assert_int_equal(thx_text_encoder_matrix(e, &w, "linear_heads.13.weight", 3, D, &err), THORAX_MODEL);
    thx_text_encoder_close(e);
}

/* The encoder of an archive lies deep among other tensors, its configuration in another folder. */
static void archives(void **state)
{
    static const char *const types[] = { "radgraph", "radgraph-xl", "modern-radgraph-xl" };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char              folder[128], weights[128];
        thx_text_encoder *e;
        thorax_error      err;
        snprintf(folder, sizeof folder, "golden/bert-radgraph/%s/encoder", types[i]);
        snprintf(weights, sizeof weights, "golden/bert-radgraph/%s/archive/weights.th", types[i]);
        const thx_text_encoder_options o = { .weights = shared_path(weights) };
        assert_ok(thx_text_encoder_open(&e, ctx, shared_path(folder), &o, &err), err);
        assert_int_equal(thx_text_encoder_kind(e), i < 2 ? THX_TEXT_BERT : THX_TEXT_MODERNBERT);
        assert_non_null(thx_text_encoder_view(e, "_endpoint_span_extractor._span_width_embedding.weight"));
        assert_null(thx_text_encoder_view(e, "weight")); /* of many */
        thx_text_encoder_close(e);
    }
}

static void faults_are_named(void **state)
{
    thx_text_encoder *e;
    thorax_error      err;

    (void)state;
    assert_int_equal(thx_text_encoder_open(&e, ctx, "/nowhere", NULL, &err), THORAX_MODEL);
    assert_non_null(strstr(err.text, "/nowhere"));
    assert_int_equal(thx_text_encoder_open(&e, ctx, shared_path("golden/radvlm-a/model"), NULL, &err), THORAX_MODEL);
    assert_non_null(strstr(err.text, "model_type"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deberta_as_the_original), cmocka_unit_test(together_as_alone), cmocka_unit_test(fewer_layers),
        cmocka_unit_test(tensors_by_name),         cmocka_unit_test(faults_are_named),
        cmocka_unit_test(archives),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
