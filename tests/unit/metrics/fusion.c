/* Fusion of boxes: the worked cases, the order of equal scores, what is refused. */
#include "check.h"
#include "metrics/fusion.h"
#include "metrics/fusion_order.h"

#include <math.h>

static void assert_same(double got, double want, double limit)
{
    if (!(fabs(got - want) <= limit)) fail_msg("%.17g, wanted %.17g", got, want);
}

static const thx_wbf_box three_models[] = {
    { { .1, .1, .4, .4 }, .9, 0, 0 },      { { .6, .6, .9, .9 }, .8, 1, 0 },  { { .12, .1, .41, .42 }, .7, 0, 1 },
    { { .58, .61, .9, .88 }, .6, 1, 1 },   { { .11, .12, .39, .4 }, .5, 0, 2 },
};

static void worked(void **state)
{
    const thx_wbf_options o = thx_wbf_options_default(3);
    thx_wbf_fused         out[5];
    size_t                n;
    thorax_error          err;

    (void)state;
    assert_ok(thx_wbf(out, &n, three_models, 5, &o, &err), err);
    assert_int_equal(n, 2);
    assert_int_equal(out[0].label, 0);
    assert_same(out[0].box.x1, 0.10904762893915176, 0);
    assert_same(out[0].score, 0.699999988079071, 1e-15);
    assert_same(out[1].box.y2, 0.8914285898208618, 0);
    assert_same(out[1].score, 0.4666666587193807, 1e-15);
}

static void radvlm(void **state)
{
    const thx_box boxes[] = { { 100, 200, 900, 1200 }, { 120, 210, 910, 1210 } };
    thx_box       out[2];
    size_t        n;
    thorax_error  err;

    (void)state;
    assert_ok(thx_wbf_radvlm(out, &n, boxes, 2, 2880, 2304, .1, false, &err), err);
    assert_int_equal(n, 1);
    assert_same(out[0].x1, 0.048, 0);
    assert_same(out[0].y1, 0.071, 0);
    assert_same(out[0].x2, 0.393, 0);
    assert_same(out[0].y2, 0.418, 0);
    assert_ok(thx_wbf_radvlm(out, &n, NULL, 0, 2880, 2304, .1, false, &err), err);
    assert_int_equal(n, 0);
    assert_int_equal(thx_wbf_radvlm(out, &n, boxes, 2, 0, 2304, .1, false, &err), THORAX_USAGE);
}

static void refused(void **state)
{
    thx_wbf_options    o = thx_wbf_options_default(1);
    const thx_wbf_box  back[] = { { { 0, 0, 1, 1 }, 1, 0, 1 }, { { 0, 0, 1, 1 }, 1, 0, 0 } };
    const thx_wbf_box  nan = { { 0, NAN, 1, 1 }, 1, 0, 0 };
    thx_wbf_confidence how;
    thx_wbf_fused      out[2];
    size_t             n;
    thorax_error       err;

    (void)state;
    assert_int_equal(thx_wbf(out, &n, back, 1, &o, &err), THORAX_USAGE);
    assert_int_equal(thx_wbf(out, &n, &nan, 1, &o, &err), THORAX_FORMAT);
    o.models = 2;
    assert_int_equal(thx_wbf(out, &n, back, 2, &o, &err), THORAX_USAGE);
    assert_int_equal(thx_wbf_confidence_of(&how, "mean", &err), THORAX_USAGE);
    assert_ok(thx_wbf_confidence_of(&how, "box_and_model_avg", &err), err);
    assert_int_equal(how, THX_WBF_BOX_AND_MODEL_AVG);
}

enum { MANY = 3000 };

/* Keys of every shape come out in order: few values, rising, falling, an organ pipe, some NaN. */
static void order(void **state)
{
    static double keys[MANY], scratch[MANY];
    static size_t v[MANY];

    (void)state;
    for (unsigned shape = 0; shape < 6; shape++) {
        for (size_t i = 0; i < MANY; i++)
            keys[i] = shape == 0 ? (double)(i * 7919 % 13) : shape == 1 ? (double)i : shape == 2 ? -(double)i
                      : shape == 3 ? (double)(i < MANY / 2 ? i : MANY - i) : shape == 4 ? 1.0
                      : i % 5 ? (double)(i * 31 % 101) : NAN;
        for (int stable = 0; stable < 2; stable++) {
            thx_order_descending(v, keys, MANY, stable, scratch);
            for (size_t i = 1; i < MANY; i++) {
                const double a = keys[v[i - 1]], b = keys[v[i]];
                const bool   equal = a == b || (isnan(a) && isnan(b));
                assert_true(equal || a > b || isnan(a));
                if (stable && equal) assert_true(v[i - 1] > v[i]);
            }
        }
    }
}

static void sixteen_equals_are_reversed(void **state)
{
    double keys[16], scratch[16];
    size_t v[16];

    (void)state;
    for (size_t i = 0; i < 16; i++) keys[i] = 1.0;
    thx_order_descending(v, keys, 16, false, scratch);
    for (size_t i = 0; i < 16; i++) assert_int_equal(v[i], 15 - i);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(worked), cmocka_unit_test(radvlm), cmocka_unit_test(refused),
                                        cmocka_unit_test(order), cmocka_unit_test(sixteen_equals_are_reversed) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
