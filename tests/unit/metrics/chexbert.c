/* CheXbert's folder: what is wrong with it is said; a report is the same alone and among others. */
#include "check.h"

#include "metrics/chexbert.h"

enum { D = 4 };

static thx_ctx *ctx;

static int setup(void **state)
{
    (void)state;
    return thx_cpu_open(&ctx, thx_cpu_level(), THX_EXACT, 1, NULL) != THORAX_OK;
}

static int teardown(void **state)
{
    (void)state;
    thx_cpu_close(ctx);
    return 0;
}

static void refuses(void **state)
{
    const char   *folder = shared_path("golden/bert-chexbert/model");
    const char   *other = shared_path("golden/bert-distil-like/model");
    thx_chexbert *c;
    thorax_error  err;

    (void)state;
    assert_int_not_equal(thx_chexbert_open(&c, ctx, "/nonexistent", NULL, &err), THORAX_OK);
    assert_null(c);
    assert_int_not_equal(thx_chexbert_open(&c, ctx, folder, "/nonexistent/chexbert.pth", &err), THORAX_OK);
    assert_non_null(strstr(err.text, "/nonexistent/chexbert.pth"));
    assert_int_not_equal(thx_chexbert_open(&c, ctx, other, NULL, &err), THORAX_OK); /* no checkpoint there */
    assert_int_equal(thx_chexbert_open(&c, ctx, other, other, &err), THORAX_MODEL);
    assert_null(c);
    thx_chexbert_close(NULL);
}

static void the_same_alone_and_among_others(void **state)
{
    const char *const reports[] = { "No acute process.", "", "Cardiomegaly with\n effusion.", " No acute  process. ",
                                    NULL };
    float             logits[5][THX_CHEXBERT_LOGITS], alone[THX_CHEXBERT_LOGITS];
    unsigned char     classes[5 * THX_CHEXBERT];
    thx_chexbert     *c;
    thorax_error      err;

    (void)state;
    assert_ok(thx_chexbert_open(&c, ctx, shared_path("golden/bert-chexbert/model"), NULL, &err), err);
    const thx_chexbert_results all = { &logits[0][0], NULL, classes }, one = { alone, NULL, NULL };
    assert_ok(thx_chexbert_run(c, reports, 5, THX_CHEXBERT_F1, &all, NULL, &err), err);
    for (size_t i = 0; i < 5; i++) {
        assert_ok(thx_chexbert_run(c, reports + i, 1, THX_CHEXBERT_F1, &one, NULL, &err), err);
        assert_memory_equal(alone, logits[i], sizeof alone);
    }
    assert_memory_equal(logits[0], logits[3], sizeof alone); /* the same text once it is clean */
    assert_memory_equal(logits[1], logits[4], sizeof alone);
    assert_ok(thx_chexbert_run(c, reports, 0, THX_CHEXBERT_F1, &all, NULL, &err), err);
    thx_chexbert_close(c);
}

static bool stop(void *data, const char *what, size_t done, size_t total)
{
    (void)data, (void)what, (void)done, (void)total;
    return false;
}

static void can_be_stopped(void **state)
{
    const char *const  report = "Clear.";
    const thx_progress progress = { stop, NULL };
    thx_chexbert      *c;
    thorax_error       err;

    (void)state;
    assert_ok(thx_chexbert_open(&c, ctx, shared_path("golden/bert-chexbert/model"), NULL, &err), err);
    assert_int_equal(thx_chexbert_run(c, &report, 1, THX_CHEXBERT_F1, &(thx_chexbert_results){ 0 }, &progress, &err),
                     THORAX_CANCELLED);
    thx_chexbert_close(c);
}

static void similarity(void **state)
{
    const float a[D] = { 1, 0, 2, 0 }, b[D] = { -2, 0, -4, 0 }, c[D] = { 0, 1, 0, 0 };

    (void)state;
    assert_true(thx_chexbert_similarity(a, a, D) > 1 - 1e-12);
    assert_true(thx_chexbert_similarity(a, b, D) < -1 + 1e-12);
    assert_true(thx_chexbert_similarity(a, c, D) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses),
        cmocka_unit_test(the_same_alone_and_among_others),
        cmocka_unit_test(can_be_stopped),
        cmocka_unit_test(similarity),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
