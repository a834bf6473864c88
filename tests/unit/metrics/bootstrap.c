/* Streams and resampling. What is wanted came from NumPy and SciPy. */
#include "check.h"

#include "metrics/bootstrap.h"

static void streams(void **state)
{
    static const uint32_t mt[] = { 2, 0, 1, 3, 0, 0, 0, 3, 2, 3 }, pcg[] = { 3, 1, 3, 1, 1, 3, 3, 3, 4, 1 };
    thx_mt19937           m;
    thx_pcg64             p;
    uint32_t              rows[10];

    (void)state;
    thx_mt19937_seed(&m, 3);
    assert_int_equal(thx_mt19937_below(&m, 1), 0); /* draws nothing */
    thx_mt19937_rows(&m, rows, 10, 5);
    assert_memory_equal(rows, mt, sizeof mt);
    thx_pcg64_init(&p);
    assert_int_equal(thx_pcg64_below(&p, 1), 0);
    thx_pcg64_rows(&p, rows, 10, 5);
    assert_memory_equal(rows, pcg, sizeof pcg);
    thx_mt19937_seed(&m, 5489);
    uint32_t last = 0;
    for (int i = 0; i < 10000; i++) last = thx_mt19937_next(&m);
    assert_int_equal(last, 4123659995u); /* the check value of the C++ standard */
}

/* Rows are the numbers that single draws give, over the edges of the generator's state too. */
static void rows_of_draws(void **state)
{
    static const uint32_t below[] = { 1, 2, 5, 1024, 3314, 0x80000001u };
    thx_mt19937           all, one;
    uint32_t              rows[700];

    (void)state;
    thx_mt19937_seed(&all, 3);
    one = all;
    for (size_t k = 0; k < sizeof below / sizeof *below; k++) {
        thx_mt19937_rows(&all, rows, 700 - k, below[k]);
        for (size_t i = 0; i < 700 - k; i++) assert_int_equal(rows[i], thx_mt19937_below(&one, below[k]));
    }
}

static void means(void **state)
{
    const double         x[] = { 0.1, 0.2, 0.35, 0.6, 0.9, 0.33 };
    const thx_resampling how = thx_resampling_default();
    double               samples[500];
    thx_interval         i;
    thorax_error         err;

    (void)state;
    assert_ok(thx_bootstrap_mean(&i, x, 6, &how, samples, &err), err);
    assert_near(i.low, 0.22825, 1e-12);
    assert_near(i.high, 0.64166666666666667, 1e-12);
    assert_near(i.median, 0.41333333333333333, 1e-12);
    assert_near(samples[1], 0.385, 1e-12);
    assert_int_equal(i.resamples, 500);
    assert_ok(thx_bootstrap_mean(&i, x, 1, &how, NULL, &err), err); /* one record is no sample */
    assert_int_equal(i.resamples, 0);
    assert_true(i.low == 0.1 && i.high == 0.1 && i.median == 0.1 && i.point == 0.1);
}

/* Has a value only where record 0 was drawn. */
static double with_first(void *user, const uint32_t *rows, size_t n)
{
    (void)user;
    for (size_t i = 0; i < n; i++)
        if (!rows[i]) return 1;
    return NAN;
}

static void without_value(void **state)
{
    const thx_resampling how = { 200, 0.9, 7 };
    thx_interval         i;
    thorax_error         err;

    (void)state;
    assert_ok(thx_bootstrap(&i, 3, with_first, NULL, &how, NULL, &err), err);
    assert_true(i.resamples > 100 && i.resamples < 180);
    assert_true(i.low == 1 && i.high == 1);
}

/* Figures that share their draws have the intervals that they have alone. */
static void together(void **state)
{
    double               a[] = { 0.1, 0.2, 0.35, 0.6, 0.9, 0.33 }, b[] = { 3, 1, 4, 1, 5, 9 };
    thx_statistic *const means[] = { thx_mean_of_rows, thx_mean_of_rows };
    void *const          values[] = { a, b };
    const thx_resampling how = { 200, 0.9, 7 };
    thx_interval         both[2], alone;
    thorax_error          err;

    (void)state;
    assert_ok(thx_bootstrap_several(both, 2, 6, means, values, &how, &err), err);
    for (size_t i = 0; i < 2; i++) {
        assert_ok(thx_bootstrap_mean(&alone, values[i], 6, &how, NULL, &err), err);
        assert_memory_equal(&both[i], &alone, sizeof alone);
    }
    assert_ok(thx_bootstrap_several(both, 0, 6, means, values, &how, &err), err);
}

/* Resampled by sums as by scoring the drawn texts again. */
static void by_sums(void **state)
{
    const char          *answers[] = { "no edema is seen", "the heart is large", "clear", "left effusion is seen" };
    const char          *references[] = { "no edema seen", "the heart is very large", "lungs clear", "effusion" };
    const thx_pairs      pairs = { answers, references, NULL, 4 };
    const thx_resampling how = { 5, 0.95, 3 };
    double               samples[5];
    thx_bleu_coco        b, again;
    thx_bleu_hf          h;
    thx_interval         i;
    thx_mt19937          g;
    thorax_error         err;

    (void)state;
    assert_ok(thx_bleu_coco_score(&b, &pairs, &err), err);
    assert_ok(thx_bootstrap_bleu_coco(&i, &b, 2, &how, samples, &err), err);
    assert_near(i.point, b.corpus[1], 1e-15);
    thx_mt19937_seed(&g, 3);
    for (size_t k = 0; k < 5; k++) {
        const char     *a[4], *r[4];
        const thx_pairs drawn = { a, r, NULL, 4 };
        for (size_t j = 0; j < 4; j++) {
            const uint32_t row = thx_mt19937_below(&g, 4);
            a[j] = answers[row];
            r[j] = references[row];
        }
        assert_ok(thx_bleu_coco_score(&again, &drawn, &err), err);
        assert_near(samples[k], again.corpus[1], 1e-15);
        thx_bleu_coco_deinit(&again);
    }
    assert_int_equal(thx_bootstrap_bleu_coco(&i, &b, 5, &how, NULL, &err), THORAX_USAGE);
    thx_bleu_coco_deinit(&b);
    assert_ok(thx_bleu_hf_score(&h, &pairs, 1, false, &err), err);
    assert_ok(thx_bootstrap_bleu_hf(&i, &h, &how, NULL, &err), err);
    assert_true(i.low <= i.high && i.point == h.corpus.score);
    thx_bleu_hf_deinit(&h);
}

static void refusals(void **state)
{
    const double         x[] = { 1, 2 };
    const uint8_t        table[] = { 1, 0 };
    const thx_resampling none = { 0, 0.95, 3 }, sure = { 10, 1, 3 }, how = thx_resampling_default();
    const thx_rouge      r = { .n = 2 };
    thx_interval         i[3];
    thx_mt19937          g;
    thorax_error         err;

    (void)state;
    thx_mt19937_seed(&g, 3);
    assert_int_equal(thx_bootstrap_mean(i, x, 0, &how, NULL, &err), THORAX_USAGE);
    assert_int_equal(thx_bootstrap_mean(i, x, 2, &none, NULL, &err), THORAX_USAGE);
    assert_int_equal(thx_bootstrap_mean(i, x, 2, &sure, NULL, &err), THORAX_USAGE);
    assert_int_equal(thx_bootstrap_mean(i, x, (size_t)UINT32_MAX + 1, &how, NULL, &err), THORAX_LIMIT);
    assert_int_equal(thx_bootstrap_f1(i, table, table, 2, 0, true, &how, NULL, &err), THORAX_USAGE);
    assert_int_equal(thx_bootstrap_rouge(i, &r, THX_ROUGE_L, 500, 0.95, &g, &err), THORAX_USAGE);
    assert_int_equal(thx_bootstrap_rouge(i, &r, 99, 500, 0.95, &g, &err), THORAX_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(streams), cmocka_unit_test(rows_of_draws),
                                        cmocka_unit_test(means), cmocka_unit_test(without_value),
                                        cmocka_unit_test(together),
                                        cmocka_unit_test(by_sums), cmocka_unit_test(refusals) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
