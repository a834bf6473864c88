/* ROUGE: several references, empty texts, kinds. Pairs of one reference are in the vectors. */
#include "check.h"

#include "metrics/rouge.h"

static const unsigned all = THX_ROUGE_BIT(THX_ROUGE_KINDS) - 2;

/* Each kind takes the reference that is best for it, the first of equals. Values by rouge_score. */
static void several_references(void **state)
{
    const char     *answers[] = { "the heart is large", "clear lungs" };
    const char     *references[] = { "large is the heart", "the heart was not large", "no edema", "lungs clear" };
    const size_t    counts[] = { 2, 2 };
    const thx_pairs pairs = { answers, references, counts, 2 };
    thx_rouge       r;
    thorax_error    err;

    (void)state;
    assert_ok(thx_rouge_score(&r, &pairs, all, false, &err), err);
    assert_near(r.scores[THX_ROUGE_1][0].f, 1, 1e-12);
    assert_near(r.scores[THX_ROUGE_2][0].p, 1 / 3., 1e-12);
    assert_near(r.scores[THX_ROUGE_2][0].r, 1 / 3., 1e-12); /* of the first, though the second has as many */
    assert_near(r.scores[THX_ROUGE_L][0].r, 3 / 5., 1e-12);
    assert_near(r.scores[THX_ROUGE_L][1].f, 1 / 2., 1e-12);
    assert_near(r.mean[THX_ROUGE_1].f, 1, 1e-12);
    assert_near(r.mean[THX_ROUGE_L].f, (2 / 3. + 1 / 2.) / 2, 1e-12);
    assert_near(r.scores[THX_ROUGE_9][1].f, 0, 0);
    thx_rouge_deinit(&r);
}

static void empty_texts(void **state)
{
    const char     *answers[] = { "", NULL, "...", "edema" }, *references[] = { "", "edema", "edema", "\n\n" };
    const thx_pairs pairs = { answers, references, NULL, 4 };
    thx_rouge       r;
    thorax_error    err;

    (void)state;
    assert_ok(thx_rouge_score(&r, &pairs, all, true, &err), err);
    for (size_t k = THX_ROUGE_1; k < THX_ROUGE_KINDS; k++)
        for (size_t i = 0; i < 4; i++) assert_near(r.scores[k][i].f + r.scores[k][i].p + r.scores[k][i].r, 0, 0);
    thx_rouge_deinit(&r);
}

/* Lines in another order cost ROUGE-L and not ROUGE-Lsum. */
static void lines(void **state)
{
    const char     *answer = "lungs are clear\nheart is normal", *reference = "heart is normal\n\nlungs are clear";
    const thx_pairs pairs = { &answer, &reference, NULL, 1 };
    thx_rouge       r;
    thorax_error    err;

    (void)state;
    assert_ok(thx_rouge_score(&r, &pairs, THX_ROUGE_BIT(THX_ROUGE_L) | THX_ROUGE_BIT(THX_ROUGE_LSUM), false, &err),
              err);
    assert_near(r.mean[THX_ROUGE_L].f, 0.5, 1e-12);
    assert_near(r.mean[THX_ROUGE_LSUM].f, 1, 1e-12);
    assert_null(r.scores[THX_ROUGE_1]);
    thx_rouge_deinit(&r);
}

static void refusals(void **state)
{
    const char     *text = "edema";
    const thx_pairs none = { 0 }, one = { &text, &text, NULL, 1 };
    thx_rouge       r;
    thorax_error    err;

    (void)state;
    assert_int_equal(thx_rouge_score(&r, &none, all, false, &err), THORAX_USAGE);
    assert_int_equal(thx_rouge_score(&r, &one, 0, false, &err), THORAX_USAGE);
    assert_int_equal(thx_rouge_score(&r, &one, 1, false, &err), THORAX_USAGE);
    assert_int_equal(thx_rouge_score(&r, &one, 1u << THX_ROUGE_KINDS, false, &err), THORAX_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(several_references), cmocka_unit_test(empty_texts),
                                        cmocka_unit_test(lines), cmocka_unit_test(refusals) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
