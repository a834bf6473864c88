/* BERTScore's arithmetic: batches, texts without tokens, several references, tables of baselines. */
#include "check.h"

#include "metrics/bertscore.h"

#include <math.h>

static thx_ctx *ctx;

static int setup(void **state)
{
    (void)state;
    return thx_cpu_open(&ctx, THX_CPU_REF, THX_EXACT, 1, NULL) != THORAX_OK;
}

static int teardown(void **state)
{
    (void)state;
    thx_cpu_close(ctx);
    return 0;
}

/* Texts of width 2: the first and the last token are special. */
static const float east[] = { 1, 0, 2, 0, 1, 0 }, west[] = { -1, 0, -3, 0, -1, 0 },
                   mixed[] = { -1, 0, 0, 5, -1, 0, -1, 0 }, nowhere[] = { 1, 0, 0, 0, 1, 0 };
static const float inner[] = { 0, 1, 1, 0 }, one[] = { 0, 1, 0 }, none[] = { 0, 0, 0 };

static thx_bertscore match_first(const thx_bertscore_rows *hyps, const thx_bertscore_rows *refs, size_t n)
{
    thx_bertscore out[4];
    thorax_error  err;

    assert_ok(thx_bertscore_match(ctx, out, hyps, refs, n, 2, &err), err);
    return out[0];
}

static void batches_matter(void **state)
{
    const thx_bertscore_rows hyps[] = { { east, one, 3 }, { mixed, inner, 4 } },
                             refs[] = { { west, one, 3 }, { mixed, inner, 4 } };

    (void)state;
    thx_bertscore x = match_first(hyps, refs, 1);
    assert_true(x.p == -1 && x.r == -1 && x.f == -1);
    x = match_first(hyps, refs, 2); /* filling beats a negative cosine */
    assert_true(x.p == 0 && x.r == 0 && x.f == 0);
}

static void special_tokens_are_matched_but_not_counted(void **state)
{
    const thx_bertscore_rows hyp = { east, one, 3 }, ref = { mixed, inner, 4 };

    (void)state;
    const thx_bertscore x = match_first(&hyp, &ref, 1); /* north and west, against east alone */
    assert_true(x.p == 0);
    assert_true(fabsf(x.r + 0.5f) < 1e-6f);
}

static void nothing_counts_as_zero(void **state)
{
    const thx_bertscore_rows full = { east, one, 3 }, special = { east, none, 2 }, empty = { NULL, NULL, 0 },
                             literal = { east, none, 3 }, odd = { nowhere, one, 3 };
    const thx_bertscore_rows *const without[] = { &special, &empty, &literal, &odd };

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        const thx_bertscore x = match_first(&full, without[i], 1), y = match_first(without[i], &full, 1);
        assert_true(x.f == 0 && y.f == 0);
        assert_false(isnan(x.p) || isnan(x.r) || isnan(y.p) || isnan(y.r));
    }
    const thx_bertscore mean = thx_bertscore_mean(NULL, 0);
    assert_true(mean.f == 0);
}

static void best_of_each(void **state)
{
    const thx_bertscore values[] = { { 0.1f, 0.9f, 0.2f }, { 0.5f, 0.3f, 0.4f } };

    (void)state;
    thx_bertscore x = thx_bertscore_best(values, 2);
    assert_true(x.p == 0.5f && x.r == 0.9f && x.f == 0.4f);
    x = (thx_bertscore){ 0, 0, 0 };
    thx_bertscore_rescale(&x, 1, thx_bertscore_baseline("distilbert-base-uncased", 5));
    assert_true(fabsf(x.f + 1.99585f) < 1e-5f);
    assert_null(thx_bertscore_baseline("distilbert-base-uncased", 4));
    assert_null(thx_bertscore_baseline(NULL, 5));
    assert_null(thx_bertscore_preset("none"));
}

static thorax_status parse(float b[3], const char *text, size_t row)
{
    return thx_bertscore_baseline_parse(b, text, strlen(text), row, "table", NULL);
}

static void tables(void **state)
{
    const char *text = "LAYER,P,R,F\n5,0.1,0.2,0.3\n\n4, .5,6e-1,0.7 \r\n3,1,0,0\n2,0,0\n1,x,0,0\n";
    float       b[3];

    (void)state;
    assert_int_equal(parse(b, text, 0), THORAX_OK);
    assert_true(b[0] == 0.1f && b[1] == 0.2f && b[2] == 0.3f);
    assert_int_equal(parse(b, text, 1), THORAX_OK); /* by position, whatever the layer says */
    assert_true(b[0] == 0.5f && b[1] == 0.6f && b[2] == 0.7f);
    for (size_t row = 2; row < 6; row++) assert_int_equal(parse(b, text, row), THORAX_FORMAT);
    assert_int_equal(parse(b, "", 0), THORAX_FORMAT);
    assert_int_equal(thx_bertscore_baseline_read(b, "/nonexistent", 0, NULL), THORAX_IO);
}

static void rare_tokens(void **state)
{
    const int32_t ids[] = { 1, 5, 5, 2, 1, 2 }, bad[] = { 3, -1 };
    const size_t  ends[] = { 4, 6, 6 };
    thx_idf       idf;
    thorax_error  err;

    (void)state;
    assert_ok(thx_idf_init(&idf, ids, ends, 3, &err), err);
    assert_true(thx_idf_weight(&idf, 5) == log(2.0));
    assert_true(thx_idf_weight(&idf, 3) == log(4.0) && thx_idf_weight(&idf, -1) == log(4.0));
    thx_idf_deinit(&idf);
    assert_ok(thx_idf_init(&idf, NULL, NULL, 0, &err), err);
    assert_true(thx_idf_weight(&idf, 0) == 0);
    thx_idf_deinit(&idf);
    assert_int_equal(thx_idf_init(&idf, bad, (size_t[]){ 2 }, 1, NULL), THORAX_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_matter),
        cmocka_unit_test(special_tokens_are_matched_but_not_counted),
        cmocka_unit_test(nothing_counts_as_zero),
        cmocka_unit_test(best_of_each),
        cmocka_unit_test(tables),
        cmocka_unit_test(rare_tokens),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
