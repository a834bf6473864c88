/* IoU and RadVLM's figures: the worked cases, and what degenerate boxes do. */
#include "check.h"
#include "metrics/boxes.h"

#include <math.h>

static const thx_box left = { 0, 0, .5, 1 }, whole = { 0, 0, 1, 1 }, right = { .5, 0, 1, 1 };
static const thx_box point = { .2, .2, .2, .2 };

static void assert_same(double got, double want)
{
    if (!(fabs(got - want) <= 1e-12)) fail_msg("%.17g, wanted %.17g", got, want);
}

static void overlaps(void **state)
{
    const thx_box turned = { .5, 1, 0, 0 }, half_turned = { .5, 0, 0, 1 };

    (void)state;
    assert_same(thx_iou_radvlm(left, whole), 0.5);
    assert_same(thx_iou_coco(left, whole), 0.5);
    assert_same(thx_iou_radvlm(left, right), 0.0);
    assert_same(thx_iou_radvlm(turned, whole), 0.0);
    assert_false(thx_iou_defined(half_turned, left)); /* areas -.5 and .5 */
    assert_false(thx_iou_defined(point, point));
    assert_true(isnan(thx_iou_radvlm(point, point)));
    assert_same(thx_iou_coco(point, point), 0.0);
}

static thx_boxes_sample sample(const thx_box *p, size_t n, const thx_box *r, size_t m)
{
    thx_boxes_sample s;
    thorax_error     err;

    assert_ok(thx_boxes_radvlm_sample(&s, p, n, r, m, NULL, &err), err);
    return s;
}

static void worked(void **state)
{
    const thx_box ref = { 0, 0, 1, 1 }, seven_eighths = { 0, 0, .875, 1 };

    (void)state;
    assert_same(sample((const thx_box[]){ ref, point }, 2, &ref, 1).ap, 1.0); /* the later miss costs nothing */
    assert_same(sample((const thx_box[]){ point, ref }, 2, &ref, 1).ap, 0.5);
    const thx_boxes_sample s = sample(&ref, 1, (const thx_box[]){ ref, seven_eighths }, 2);
    assert_same(s.ap, 0.5);
    assert_same(s.iou_sum / (double)s.pairs, 0.9375);
    assert_int_equal(sample((const thx_box[]){ ref, ref }, 2, &ref, 1).hits, 1); /* taken once */
}

static void figures(void **state)
{
    const thx_boxes_sample s[] = { sample(&left, 1, &whole, 1), sample(NULL, 0, NULL, 0), sample(&left, 1, NULL, 0),
                                   sample(NULL, 0, &whole, 1) };
    thx_boxes_figures      f;

    (void)state;
    thx_boxes_radvlm_map(&f, s, NULL, 4);
    assert_same(f.map, 0.25);
    assert_same(f.avg_iou, 0.5);
    assert_int_equal(f.empty, 1);
    assert_int_equal(f.invented, 1);
    assert_int_equal(f.missed, 1);
    thx_boxes_radvlm_map(&f, s, (const size_t[]){ 0, 0, 1 }, 3);
    assert_same(f.map, 2.0 / 3.0);
    thx_boxes_radvlm_map(&f, s, (const size_t[]){ 1 }, 1);
    assert_true(isnan(f.avg_iou));
    thx_boxes_radvlm_map(&f, NULL, NULL, 0);
    assert_same(f.map, 0.0);
}

static void rules(void **state)
{
    const thx_boxes_rules corrected = { .empty_is_right = true }, numpy = { .numpy_numbers = true };
    const thx_box         refs[] = { whole, point };
    thx_boxes_sample      s;
    thorax_error          err;

    (void)state;
    assert_ok(thx_boxes_radvlm_sample(&s, NULL, 0, NULL, 0, &corrected, &err), err);
    assert_same(s.ap, 1.0);
    assert_int_equal(thx_boxes_radvlm_sample(&s, &point, 1, &point, 1, NULL, &err), THORAX_FORMAT);
    assert_ok(thx_boxes_radvlm_sample(&s, &point, 1, refs, 2, &numpy, &err), err);
    assert_same(s.ap, 0.0); /* it points at the NaN */
    assert_true(isnan(s.iou_sum));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(overlaps), cmocka_unit_test(worked), cmocka_unit_test(figures),
                                        cmocka_unit_test(rules) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
