/* RadGraph on the tiny archives of the shared golden data: edges of pairs, threads, faults. */
#include "check.h"
#include "base/file.h"
#include "metrics/radgraph_model.h"

#include <math.h>

static thx_radgraph_model *open_shared(thx_ctx *ctx)
{
    thx_radgraph_model *m;
    thorax_error        err;

    shared_path("golden/bert-radgraph/radgraph-xl/archive/config.json");
    assert_ok(thx_radgraph_model_open(&m, ctx, shared_path("golden/bert-radgraph/radgraph-xl/archive"), NULL, &err),
              err);
    return m; /* the encoder's folder was found beside the archive */
}

static thx_ctx *open_ctx(int threads)
{
    thx_ctx     *ctx;
    thorax_error err;

    assert_ok(thx_cpu_open(&ctx, thx_cpu_level(), THX_EXACT, threads, &err), err);
    return ctx;
}

/* An empty report is skipped, white space alone is marked, and neither disturbs the other pairs. */
static void test_pairs(void **state)
{
    static const char *const h[] = { "", " \n", "Small left effusion.", "Small left effusion.", "" };
    static const char *const r[] = { "Clear.", "Clear.", "Small left effusion.", "", "" };
    thx_ctx            *ctx = open_ctx(1);
    thx_radgraph_model *m = open_shared(ctx);
    thx_radgraph_score  s[5];
    thorax_error        err;

    (void)state;
    assert_ok(thx_radgraph_model_scores(m, h, r, 5, THX_RADGRAPH_AS_WRITTEN, s, &err), err);
    assert_true(s[0].skipped && s[3].skipped && s[4].skipped && !s[0].blank);
    assert_true(s[1].blank && !s[1].skipped && !s[1].endless && s[1].level[0].f1 == 0);
    assert_true(!s[2].skipped && !s[2].blank && s[2].level[THX_RADGRAPH_COMPLETE].f1 == 1);
    assert_ok(thx_radgraph_model_scores(m, h, r, 0, THX_RADGRAPH_AS_WRITTEN, s, &err), err);
    char *endless = calloc(THX_DYGIE_WORDS + 2, 2);
    for (size_t i = 0; i <= THX_DYGIE_WORDS; i++) memcpy(endless + 2 * i, "a ", 2);
    assert_ok(thx_radgraph_model_scores(m, (const char *[]){ endless }, r, 1, THX_RADGRAPH_AS_WRITTEN, s, &err), err);
    assert_true(s[0].endless && s[0].level[0].f1 == 0);
    free(endless);
    thx_radgraph_model_close(m);
    thx_cpu_close(ctx);
}

/* A report's graph does not depend on its neighbours or on the threads; long ones go in chunks and pieces. */
static void test_alone(void **state)
{
    static const char sentence[] = "Small left pleural effusion, unchanged. ";
    char              text[25 * sizeof sentence] = "";
    const char       *reports[3] = { "No change.", text, "Stable." };
    thorax_error      err;
    thx_radgraph      all[3], one;

    (void)state;
    for (int i = 0; i < 25; i++) strcat(text, sentence);
    thx_ctx            *ctx = open_ctx(3), *single = open_ctx(1);
    thx_radgraph_model *m = open_shared(ctx), *alone = open_shared(single);
    assert_ok(thx_radgraph_model_graphs(m, reports, 3, all, &err), err);
    for (int i = 0; i < 3; i++) {
        assert_ok(thx_radgraph_model_graphs(alone, &reports[i], 1, &one, &err), err);
        json_t *a = thx_radgraph_json(&all[i]), *b = thx_radgraph_json(&one);
        assert_true(a && json_equal(a, b));
        json_decref(a);
        json_decref(b);
        thx_radgraph_deinit(&one);
        thx_radgraph_deinit(&all[i]);
    }
    thx_radgraph_model_close(m);
    thx_radgraph_model_close(alone);
    thx_cpu_close(ctx);
    thx_cpu_close(single);
}

static bool stop(void *data)
{
    (void)data;
    return false;
}

static void test_faults(void **state)
{
    static const char *const text[] = { "Clear." };
    const thx_word_list none = { NULL, 0 };
    thx_ctx            *ctx = open_ctx(1);
    thx_radgraph_model *m = open_shared(ctx), *other;
    thx_dygie_found     found;
    thx_radgraph        g;
    thorax_error        err;

    (void)state;
    assert_int_equal(thx_radgraph_net_find(thx_radgraph_model_net(m), &none, 1, &found, NULL, &err), THORAX_USAGE);
    ctx->step = stop;
    assert_int_equal(thx_radgraph_model_graphs(m, text, 1, &g, &err), THORAX_CANCELLED);
    ctx->step = NULL;
    assert_int_equal(thx_radgraph_model_open(&other, ctx, shared_path("golden/bert-radgraph"), NULL, &err),
                     THORAX_MODEL);
    assert_int_equal(thx_radgraph_model_open(&other, ctx, shared_path("golden/bert-radgraph/radgraph-xl/archive"),
                                             shared_path("golden/bert-radgraph/radgraph/encoder"), &err), THORAX_MODEL);
    assert_int_equal(thx_radgraph_model_open(&other, ctx, shared_path("golden/bert-radgraph/radgraph/radgraph.tar.gz"),
                                             "/nowhere", &err), THORAX_MODEL);
    assert_int_equal(
        thx_radgraph_model_open(&other, ctx, source_path("tests/fuzz/corpus/radgraph_archive/small"), NULL, &err),
        THORAX_MODEL);
    assert_non_null(strstr(err.text, "hub/name"));
    thx_radgraph_model_close(m);
    thx_cpu_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_pairs), cmocka_unit_test(test_alone),
                                        cmocka_unit_test(test_faults) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
