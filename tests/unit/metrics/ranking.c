/* Ranks: ties, NaN, both directions; figures of ranks. */
#include "check.h"
#include "metrics/ranking.h"

#include <math.h>

static void assert_same(double got, double want)
{
    if (!(fabs(got - want) <= 1e-12)) fail_msg("%.17g, wanted %.17g", got, want);
}

static void ranks(void **state)
{
    const float         s[] = { .5f, .9f, .5f, NAN, .1f };
    const unsigned char right[] = { 0, 0, 1, 1, 1 }, none[5] = { 0 };

    (void)state;
    assert_int_equal(thx_rank_of(s, 5, 1, 1), 1);
    assert_int_equal(thx_rank_of(s, 5, 1, 0), 2);
    assert_int_equal(thx_rank_of(s, 5, 1, 2), 3);
    assert_int_equal(thx_rank_of(s, 5, 1, 3), 5);
    assert_int_equal(thx_rank_best(s, 5, 1, right), 3);
    assert_int_equal(thx_rank_best(s, 5, 1, none), 0);
}

static void pairs(void **state)
{
    const float s[] = { .9f, .8f, .1f, .95f, .2f, .1f, .1f, .3f, .4f };
    size_t      there[3], back[3];

    (void)state;
    thx_rank_pairs(there, back, s, 3);
    assert_int_equal(there[0], 1);
    assert_int_equal(there[1], 2);
    assert_int_equal(there[2], 1);
    assert_int_equal(back[0], 2);
    assert_int_equal(back[1], 3);
    assert_int_equal(back[2], 1);
}

static void figures(void **state)
{
    const size_t r[] = { 1, 5, 0, 2, 40 };
    thx_ranking  f;
    thorax_error err;

    (void)state;
    assert_ok(thx_ranking_of(&f, r, 5, &err), err);
    assert_int_equal(f.n, 4);
    assert_int_equal(f.without, 1);
    assert_same(f.recall[0], .25);
    assert_same(f.recall[1], .75);
    assert_same(f.mean, 12.0);
    assert_same(f.median, 3.5);
    assert_same(f.mrr, (1.0 + .2 + .5 + .025) / 4.0);
    assert_ok(thx_ranking_of(&f, r + 2, 1, &err), err);
    assert_true(isnan(f.recall[0]) && isnan(f.median) && isnan(f.mean));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(ranks), cmocka_unit_test(pairs), cmocka_unit_test(figures) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
