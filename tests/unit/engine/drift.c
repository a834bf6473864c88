/* 8-bit products come with their drift. Tiny random checkpoint, rounded to 8 bits. */
#include "tiny.h"

#include "model/quantize.h"

static char folder[] = "/tmp/thorax-drift-XXXXXX";
static char plain[64], rounded[64];

static int setup(void **state)
{
    thorax_error err;

    (void)state;
    if (!mkdtemp(folder)) return 1;
    snprintf(plain, sizeof plain, "%s/plain", folder);
    snprintf(rounded, sizeof rounded, "%s/q8", folder);
    if (!tiny_write(plain, 3)) return 1;
    return thx_model_quantize(plain, NULL, rounded, THX_Q8, 2, NULL, &err) != THORAX_OK;
}

static int teardown(void **state)
{
    (void)state;
    return tiny_remove(folder);
}

static thx_engine *open_engine(const char *of, thx_precision precision)
{
    return tiny_engine(of, (thx_engine_options){ .precision = precision, .cpu_level = -1 });
}

static void eight_bit_products_are_measured_at_opening(void **state)
{
    thx_engine     *e = open_engine(rounded, THX_FAST_INT8);
    const thx_drift d = thx_engine_drift(e);
    thx_drift       again;
    thorax_error    err;

    (void)state;
    assert_true(d.rows > 50);
    assert_true(d.agree <= d.rows && d.agree * 10 >= d.rows * 8);
    assert_true(d.kl_mean > 0.0 && d.kl_mean <= d.kl_max && d.kl_max < 1.0);
    assert_ok(thx_engine_measure_drift(&again, e, &err), err);
    assert_memory_equal(&d, &again, sizeof d);
    thx_engine_close(e);
}

static void other_precisions_are_not(void **state)
{
    thx_drift    d;
    thorax_error err;

    (void)state;
    for (int p = THX_EXACT; p <= THX_FAST_LOSSY; p++) {
        thx_engine *e = open_engine(plain, (thx_precision)p);

        assert_int_equal(thx_engine_drift(e).rows, 0);
        assert_ok(thx_engine_measure_drift(&d, e, &err), err);
        assert_true(d.rows > 50);
        if (p == THX_EXACT) assert_true(d.kl_max < 1e-9 && d.agree == d.rows);
        else assert_true(d.kl_mean > 0.0 && d.kl_mean < 0.05);
        thx_engine_close(e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(eight_bit_products_are_measured_at_opening), cmocka_unit_test(other_precisions_are_not) };
    return cmocka_run_group_tests(tests, setup, teardown);
}
