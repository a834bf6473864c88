/* CIDEr-D: the worked example, corpora too small, several references. */
#include "check.h"

#include "metrics/cider.h"

static void worked_example(void **state)
{
    const char     *answers[] = { "heart size is normal today", "lungs are clear" };
    const char     *references[] = { "heart size is normal", "lungs are both clear" };
    const thx_pairs pairs = { answers, references, NULL, 2 }, same = { references, references, NULL, 2 };
    thx_cider       c;
    thorax_error    err;

    (void)state;
    assert_ok(thx_cider_d(&c, &pairs, &err), err);
    assert_near(c.scores[0], 8.0968984, 1e-7);
    assert_near(c.scores[1], 3.1417445, 1e-7);
    assert_near(c.corpus, 5.6193214, 1e-7);
    thx_cider_deinit(&c);
    assert_ok(thx_cider_d(&c, &same, &err), err);
    assert_near(c.corpus, 10, 1e-12);
    thx_cider_deinit(&c);
}

/* The mean over references: one that is equal and one that shares nothing give half. */
static void several_references(void **state)
{
    const char     *answers[] = { "no edema is seen", "heart size is normal" };
    const char     *references[] = { "no edema is seen", "w x y z", "heart size is normal" };
    const size_t    counts[] = { 2, 1 };
    const thx_pairs pairs = { answers, references, counts, 2 };
    thx_cider       c;
    thorax_error    err;

    (void)state;
    assert_ok(thx_cider_d(&c, &pairs, &err), err);
    assert_near(c.scores[0], 5, 1e-12);
    thx_cider_deinit(&c);
}

static void small_corpora(void **state)
{
    const char     *text = "no edema is seen", *empty = " ";
    const thx_pairs none = { 0 }, one = { &text, &text, NULL, 1 }, wordless = { &text, &empty, NULL, 1 };
    thx_cider       c;
    thorax_error    err;

    (void)state;
    assert_int_equal(thx_cider_d(&c, &none, &err), THORAX_USAGE);
    assert_int_equal(thx_cider_d(&c, &wordless, &err), THORAX_USAGE);
    assert_ok(thx_cider_d(&c, &one, &err), err);
    assert_near(c.corpus, 0, 0);
    thx_cider_deinit(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(worked_example), cmocka_unit_test(several_references),
                                        cmocka_unit_test(small_corpora) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
