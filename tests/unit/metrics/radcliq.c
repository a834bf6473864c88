/* RadCliQ's formulas. */
#include "check.h"
#include "metrics/radcliq.h"

#include <math.h>

static void test_values(void **state)
{
    const thx_radcliq_features one = { 1, 1, 1, 1 }, half = { 0.5, 0.5, 0.5, 0.5 };

    (void)state;
    assert_true(fabs(thx_radcliq(&one, THX_RADCLIQ_V0) - -0.24213342294409346) < 1e-12);
    assert_true(fabs(thx_radcliq(&one, THX_RADCLIQ_V1) - -1.4406902828047017) < 1e-12);
    assert_true(fabs(thx_radcliq(&half, THX_RADCLIQ_V0) - 2.637013690555201) < 1e-12);
}

static void test_inverse(void **state)
{
    const double scores[] = { 0.5, 1.5, 2 };

    (void)state;
    assert_true(fabs(thx_radcliq_inverse(scores, 3) - 0.75) < 1e-15);
    assert_true(isnan(thx_radcliq_inverse(scores, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_values), cmocka_unit_test(test_inverse) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
