/* COCO's average precision: classes, order of equal scores, thresholds, resamples, what is refused. */
#include "check.h"
#include "metrics/boxes.h"

#include <math.h>

#define A { .1, .1, .4, .5 }
#define B { .5, .5, .9, .9 }

static void assert_same(double got, double want)
{
    if (!(fabs(got - want) <= 1e-12)) fail_msg("%.17g, wanted %.17g", got, want);
}

typedef struct figures { thx_coco_class c[8]; size_t n; double map, mar; } figures;

static figures figures_of(const thx_coco_box *d, size_t n, const thx_coco_box *r, size_t m, const thx_coco_options *o,
                          const uint32_t *times)
{
    figures      f;
    thx_coco    *c;
    thorax_error err;

    assert_ok(thx_coco_open(&c, d, n, r, m, 4, o, &err), err);
    f.n = thx_coco_classes(c);
    assert_true(f.n <= 8);
    thx_coco_ap(c, times, f.c, &f.map, &f.mar);
    thx_coco_close(c);
    return f;
}

static void order_of_equals(void **state)
{
    const thx_coco_options o = thx_coco_options_at_half();
    const thx_coco_box     r[] = { { 0, 0, A, 0 }, { 1, 0, A, 0 } };
    const thx_coco_box     wrong_first[] = { { 1, 0, A, 1 }, { 0, 0, B, 1 } };
    const thx_coco_box     right_first[] = { { 1, 0, B, 1 }, { 0, 0, A, 1 } };

    (void)state;
    assert_same(figures_of(wrong_first, 2, r, 2, &o, NULL).map, 51.0 / 101.0 / 2.0);
    assert_same(figures_of(right_first, 2, r, 2, &o, NULL).map, 51.0 / 101.0);
}

static void classes(void **state)
{
    thx_coco_options   o = thx_coco_options_at_half();
    const thx_coco_box r[] = { { 0, 5, A, 0 }, { 0, -2, B, 0 } };
    const thx_coco_box d[] = { { 0, 5, A, .5 }, { 0, 7, A, .9 } };
    figures            f = figures_of(d, 2, r, 2, &o, NULL);

    (void)state;
    assert_int_equal(f.n, 3);
    assert_int_equal(f.c[0].label, -2);
    assert_same(f.c[0].ap[0], 0.0);
    assert_same(f.c[1].ap[0], 1.0);
    assert_same(f.c[2].ap[0], -1.0); /* no reference: not in the mean */
    assert_same(f.map, 0.5);
    o.one_class = true;
    f = figures_of(d, 2, r, 2, &o, NULL);
    assert_int_equal(f.n, 1);
    assert_same(f.map, 51.0 / 101.0);
    assert_same(figures_of(NULL, 0, NULL, 0, &o, NULL).map, -1.0);
}

/* IoU 0.8: found at seven of the ten thresholds. A flat reference is never found, one of negative area does not
 * count. */
static void thresholds(void **state)
{
    const thx_coco_options o = thx_coco_options_general();
    const thx_coco_box     d = { 0, 0, { 0, 0, .8, 1 }, 1 };
    const thx_coco_box     r[] = { { 0, 0, { 0, 0, 1, 1 }, 0 }, { 1, 0, { .5, 0, 0, 1 }, 0 } };
    const thx_coco_box     flat = { 0, 0, { .2, .2, .2, .2 }, 1 };
    const figures          f = figures_of(&d, 1, r, 2, &o, NULL);

    (void)state;
    assert_int_equal(f.c[0].references, 1);
    assert_same(f.c[0].ap[6], 1.0);
    assert_same(f.c[0].ap[7], 0.0);
    assert_same(f.map, 0.7);
    assert_same(figures_of(&flat, 1, &flat, 1, &o, NULL).map, 0.0);
}

static void resampled(void **state)
{
    const thx_coco_options o = thx_coco_options_at_half();
    const thx_coco_box     r[] = { { 0, 0, A, 0 }, { 1, 0, A, 0 } }, d[] = { { 0, 0, A, .9 } };
    const uint32_t         first[] = { 2, 0, 0, 0 }, second[] = { 0, 2, 0, 0 }, none[4] = { 0 };

    (void)state;
    assert_same(figures_of(d, 1, r, 2, &o, NULL).map, 51.0 / 101.0);
    assert_same(figures_of(d, 1, r, 2, &o, first).map, 1.0);
    assert_same(figures_of(d, 1, r, 2, &o, second).map, 0.0);
    assert_same(figures_of(d, 1, r, 2, &o, none).map, -1.0);
}

/* A detection that counts three times is three of equal score; a class alone is what it is among all. */
static void counted_often(void **state)
{
    const thx_coco_options o = thx_coco_options_general();
    const thx_coco_box     r[] = { { 0, 3, A, 0 }, { 1, 3, A, 0 }, { 2, 4, B, 0 } };
    const thx_coco_box     d[] = { { 0, 3, A, .5 }, { 1, 3, B, .9 }, { 2, 4, B, .7 } };
    const uint32_t         times[] = { 3, 2, 0, 0 };
    thx_coco              *c;
    thx_coco_class         one;
    thorax_error           err;
    const figures          f = figures_of(d, 3, r, 3, &o, times);

    (void)state;
    /* Hits 3 of 5 behind two misses: recalls 0 to 0.6 have a precision of 3/5 */
    assert_same(f.c[0].ap[0], 61 * (3.0 / 5.0) / 101.0);
    assert_int_equal(f.c[0].detections, 5);
    assert_same(f.c[1].ap[0], -1.0);
    assert_ok(thx_coco_open(&c, d, 3, r, 3, 4, &o, &err), err);
    thx_coco_class_ap(c, 0, times, &one);
    assert_memory_equal(&one, &f.c[0], sizeof one);
    thx_coco_close(c);
}

static void refused(void **state)
{
    thx_coco_options   o = thx_coco_options_at_half();
    const thx_coco_box good = { 0, 0, A, 1 }, nan = { 0, 0, A, NAN };
    thx_coco          *c;
    thorax_error       err;

    (void)state;
    assert_int_equal(thx_coco_open(&c, &good, 1, NULL, 0, 0, &o, &err), THORAX_USAGE);
    assert_int_equal(thx_coco_open(&c, &nan, 1, NULL, 0, 1, &o, &err), THORAX_FORMAT);
    o.n_thresholds = 11;
    assert_int_equal(thx_coco_open(&c, &good, 1, NULL, 0, 1, &o, &err), THORAX_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(order_of_equals), cmocka_unit_test(classes),
                                        cmocka_unit_test(thresholds), cmocka_unit_test(resampled),
                                        cmocka_unit_test(counted_often), cmocka_unit_test(refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
