/* Equal texts of ids share a number. */
#include "check.h"

#include "metrics/distinct.h"

static void equal_texts_share_a_number(void **state)
{
    const int32_t ids[] = { 7, 8, 9, 7, 8, 7, 8, 9 };
    const size_t  ends[] = { 0, 2, 3, 5, 5, 8 };
    thx_distinct  d;
    thorax_error  err;

    (void)state;
    assert_ok(thx_distinct_init(&d, ids, ends, 6, &err), err);
    assert_int_equal(d.count, 4);
    assert_int_equal(d.of[1], d.of[3]);
    assert_int_equal(d.of[0], d.of[4]);
    assert_int_equal(d.of[5], 0); /* the longest */
    assert_int_equal(d.of[0], 3);
    for (size_t i = 0; i < 4; i++) assert_int_equal(d.of[d.first[i]], i);
    thx_distinct_deinit(&d);
}

static void nothing(void **state)
{
    thx_distinct d;
    thorax_error err;

    (void)state;
    assert_ok(thx_distinct_init(&d, NULL, NULL, 0, &err), err);
    assert_int_equal(d.count, 0);
    thx_distinct_deinit(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(equal_texts_share_a_number), cmocka_unit_test(nothing) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
