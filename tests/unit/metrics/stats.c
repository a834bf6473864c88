/* Statistics and paired tests. What is wanted came from NumPy and SciPy. */
#include "check.h"

#include "metrics/stats.h"

static void of_one_list(void **state)
{
    double       x[] = { 16, 4, 1, 8, 2 };
    const double wide[] = { 1e16, 1, -1e16, 1 }, endless[] = { INFINITY, 1 };

    (void)state;
    assert_near(thx_mean(x, 5), 6.2, 1e-15);
    assert_near(thx_mean(wide, 4), 0.5, 0);
    assert_true(isinf(thx_mean(endless, 2)));
    assert_near(thx_std_population(x, 5), 5.455272678794342, 1e-14);
    thx_sort(x, 5);
    assert_near(thx_percentile(x, 5, 2.5), 1.1, 1e-14);
    assert_near(thx_percentile(x, 5, 37), 2.96, 1e-14);
    assert_near(thx_percentile(x, 5, 97.5), 15.2, 1e-14);
    assert_near(thx_percentile(x, 5, 100), 16, 0);
    assert_near(thx_median(x, 5), 4, 0);
    assert_near(thx_median(x, 4), 3, 0);
    assert_true(isnan(thx_mean(x, 0)) && isnan(thx_median(x, 0)) && isnan(thx_percentile(x, 0, 50)));
}

static const double a[] = { 0.5, 0.7, 0.6, 0.5, 0.4, 0.6, 0.4, 0.9 },
                    b[] = { 0.5, 0.8, 0.7, 0.8, 0.6, 0.7, 0.5, 1.0 };

static void of_differences(void **state)
{
    thx_paired   d;
    thorax_error err;

    (void)state;
    assert_ok(thx_paired_bootstrap(&d, a, b, 8, 999, 0.95, 3, &err), err);
    assert_near(d.difference, -0.125, 1e-12);
    assert_true(d.low < d.difference && d.difference < d.high && d.high < 0);
    assert_true(d.p >= 1 / 1000. && d.p < 0.02);
    assert_ok(thx_paired_randomisation(&d, a, b, 8, 9999, 3, &err), err);
    assert_near(d.p, 2 / 128., 0.005); /* seven differences of one sign: 2 of 2^7 */
    assert_ok(thx_paired_bootstrap(&d, a, a, 8, 99, 0.95, 3, &err), err);
    assert_near(d.p, 1, 0);
    assert_ok(thx_paired_randomisation(&d, a, a, 8, 99, 3, &err), err);
    assert_near(d.p, 1, 0);
    assert_ok(thx_paired_bootstrap(&d, a + 1, b + 1, 1, 99, 0.95, 3, &err), err);
    assert_near(d.p, 1, 0);
}

/* Ties by value as the numbers are, not as they look: the differences here are halves. */
static void wilcoxon(void **state)
{
    const double x[] = { 1, 2, 3, 4, 5, 6, 7, 8 }, y[] = { 1, 2.5, 3.5, 5, 4, 7.5, 8.5, 8.5 };
    thx_wilcoxon w;
    thorax_error err;

    (void)state;
    assert_ok(thx_wilcoxon_test(&w, x, y, 8, &err), err);
    assert_int_equal(w.used, 7);
    assert_near(w.statistic, 4.5, 0);
    assert_near(w.p, 0.10452965916626225, 1e-12);
    assert_ok(thx_wilcoxon_test(&w, x, x, 8, &err), err);
    assert_near(w.p, 1, 0);
}

static void mcnemar(void **state)
{
    bool         x[120] = { 0 }, y[120] = { 0 };
    thx_mcnemar  m;
    thorax_error err;

    (void)state;
    for (int i = 0; i < 12; i++) *(i < 9 ? &x[i] : &y[i]) = true;
    assert_ok(thx_mcnemar_test(&m, x, y, 20, &err), err);
    assert_true(m.only_a == 9 && m.only_b == 3);
    assert_near(m.p_exact, 0.14599609375, 1e-12);
    assert_near(m.p_chi2, 0.14891467317876161, 1e-12);
    for (int i = 0; i < 100; i++) {
        x[i] = i < 40;
        y[i] = !x[i];
    }
    assert_ok(thx_mcnemar_test(&m, x, y, 120, &err), err);
    assert_near(m.p_exact, 0.05688793364098089, 1e-11);
    assert_ok(thx_mcnemar_test(&m, x, x, 120, &err), err);
    assert_near(m.p_exact, 1, 0);
}

static void refusals(void **state)
{
    const double none[] = { 0, NAN };
    const bool   yes = true;
    thx_paired   d;
    thx_wilcoxon w;
    thx_mcnemar  m;
    thorax_error err;

    (void)state;
    assert_int_equal(thx_paired_bootstrap(&d, a, b, 0, 99, 0.95, 3, &err), THORAX_USAGE);
    assert_int_equal(thx_paired_bootstrap(&d, a, b, 8, 99, 0, 3, &err), THORAX_USAGE);
    assert_int_equal(thx_paired_randomisation(&d, a, b, 8, 0, 3, &err), THORAX_USAGE);
    assert_int_equal(thx_paired_randomisation(&d, a, none, 2, 9, 3, &err), THORAX_USAGE);
    assert_int_equal(thx_wilcoxon_test(&w, none, b, 2, &err), THORAX_USAGE);
    assert_int_equal(thx_wilcoxon_test(&w, a, b, 0, &err), THORAX_USAGE);
    assert_int_equal(thx_mcnemar_test(&m, &yes, &yes, 0, &err), THORAX_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(of_one_list), cmocka_unit_test(of_differences),
                                        cmocka_unit_test(wilcoxon), cmocka_unit_test(mcnemar),
                                        cmocka_unit_test(refusals) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
