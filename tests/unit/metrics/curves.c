/* Curves and calibration: numbers of scikit-learn for scores with ties, one class only, resamples, what is left out. */
#include "check.h"
#include "metrics/curves.h"

#include <math.h>

static const double      scores[] = { .1, .4, .4, .35, .8, .8, .2, .9 };
static const signed char truth[] = { 0, 0, 1, 1, 1, 0, 0, 1 };

static void assert_same(double got, double want)
{
    if (!(fabs(got - want) <= 1e-12)) fail_msg("%.17g, wanted %.17g", got, want);
}

static void areas(void **state)
{
    double       x;
    thorax_error err;

    (void)state;
    assert_ok(thx_auroc(&x, scores, truth, 8, &err), err);
    assert_same(x, 0.75);
    assert_ok(thx_auprc(&x, scores, truth, 8, &err), err);
    assert_same(x, 0.7333333333333333);
}

static void points(void **state)
{
    static const double tpr[] = { .25, .5, .75, 1, 1, 1 }, fpr[] = { 0, .25, .5, .5, .75, 1 };
    const thx_curve_point *p;
    thx_curve   *c;
    size_t       n;
    thorax_error err;

    (void)state;
    assert_ok(thx_curve_open(&c, scores, truth, 8, 1, &err), err);
    p = thx_curve_points(c, &n);
    assert_int_equal(n, 6);
    for (size_t i = 0; i < n; i++) {
        assert_same(thx_curve_recall(c, p[i]), tpr[i]);
        assert_same(thx_curve_fall_out(c, p[i]), fpr[i]);
    }
    assert_same(p[1].threshold, .8);
    assert_same(thx_curve_precision(p[1]), 2.0 / 3.0);
    thx_curve_close(c);
}

/* A resample is the same as the items written down as often. */
static void resampled(void **state)
{
    const uint32_t    times[] = { 1, 0, 2, 1, 0, 3, 1, 0 };
    const double      s[] = { .1, .4, .4, .35, .8, .8, .8, .2 };
    const signed char t[] = { 0, 1, 1, 1, 0, 0, 0, 0 };
    double            roc, prc;
    thx_curve        *c;
    thorax_error      err;

    (void)state;
    assert_ok(thx_auroc(&roc, s, t, 8, &err), err);
    assert_ok(thx_auprc(&prc, s, t, 8, &err), err);
    assert_ok(thx_curve_open(&c, scores, truth, 8, 1, &err), err);
    assert_same(thx_curve_auroc(c, times), roc);
    assert_same(thx_curve_auprc(c, times), prc);
    thx_curve_close(c);
}

/* Label 0 is the one above, label 1 has no positive, label 2 nothing that is known. */
static void table(void **state)
{
    double          s[24], roc[3], prc[3];
    signed char     t[24];
    thx_curve_means m;
    thorax_error    err;

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        s[3 * i] = s[3 * i + 1] = scores[i];
        s[3 * i + 2] = i % 2 ? NAN : .5;
        t[3 * i] = truth[i];
        t[3 * i + 1] = 0;
        t[3 * i + 2] = i % 2 ? 1 : -1;
    }
    assert_ok(thx_curve_table(&m, roc, prc, s, t, 8, 3, &err), err);
    assert_same(roc[0], 0.75);
    assert_true(isnan(roc[1]) && isnan(prc[1]) && isnan(roc[2]) && isnan(prc[2]));
    assert_same(m.macro_auroc, 0.75);
    assert_int_equal(m.undefined_auroc, 2);
    assert_int_equal(m.undefined_auprc, 2);
    assert_int_equal(m.left_out, 8);
    assert_ok(thx_curve_table(&m, NULL, NULL, s, t, 0, 3, &err), err);
    assert_true(isnan(m.macro_auroc) && isnan(m.micro_auroc) && isnan(m.macro_auprc));
}

static void calibration(void **state)
{
    thx_calibration c;
    thorax_error    err;

    (void)state;
    assert_ok(thx_calibration_of(&c, scores, truth, 8, 1, 10, &err), err);
    assert_same(c.brier, 0.2103125);
    assert_int_equal(c.bin[0].n, 1); /* .1 lies in the first bin, .4 in the fourth */
    assert_int_equal(c.bin[3].n, 3);
    assert_same(c.bin[3].rate, 2.0 / 3.0);
    assert_same(c.bin[3].confidence, 1.15 / 3.0);
    assert_true(isnan(c.bin[4].rate));
    assert_same(c.ece, (.1 + .2 + (2.0 - 1.15) + (1.6 - 1.0) + .1) / 8.0);
    assert_same(c.mce, .3);
    assert_int_equal(thx_calibration_of(&c, scores, truth, 8, 1, 0, &err), THORAX_USAGE);
    assert_int_equal(thx_calibration_of(&c, (const double[]){ 1.5 }, truth, 1, 1, 15, &err), THORAX_FORMAT);
    assert_ok(thx_calibration_of(&c, (const double[]){ 0, 1, NAN }, (const signed char[]){ 0, 1, 1 }, 3, 1, 15, &err),
              err);
    assert_int_equal(c.bin[0].n + c.bin[14].n, 2);
    assert_int_equal(c.left_out, 1);
    assert_same(c.ece, 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(areas), cmocka_unit_test(points),      cmocka_unit_test(resampled),
        cmocka_unit_test(table), cmocka_unit_test(calibration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
