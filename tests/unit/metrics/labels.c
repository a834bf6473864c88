/* Labels: averages where they part from one another, edges; CheXbert's mappings and own metrics. */
#include "check.h"
#include "metrics/labels.h"

#include <math.h>

static void assert_same(double got, double want)
{
    if (!(fabs(got - want) <= 1e-12)) fail_msg("%.17g, wanted %.17g", got, want);
}

/* Three reports, three labels; the third label is on neither side. */
static const thx_label_row rows[] = { { 1, 3 }, { 1, 0 }, { 2, 2 } };

static void averages(void **state)
{
    thx_labels_report r;

    (void)state;
    thx_labels_report_of(&r, rows, 3, 3);
    assert_same(r.label[0].precision, 1.0);
    assert_same(r.label[0].recall, 0.5);
    assert_same(r.label[0].f1, 2.0 / 3.0);
    assert_same(r.label[1].precision, 0.5);
    assert_same(r.label[1].recall, 1.0);
    assert_same(r.label[2].f1, 0.0);
    assert_int_equal(r.silent, 1);
    assert_int_equal(r.total_support, 3);
    assert_same(r.micro.f1, 2.0 / 3.0);
    assert_same(r.macro.f1, 4.0 / 9.0);
    assert_same(r.weighted.f1, 2.0 / 3.0);
    assert_same(r.samples.precision, 0.5);
    assert_same(r.samples.f1, (2.0 / 3.0 + 0.0 + 1.0) / 3.0);
    assert_same(r.accuracy, 1.0 / 3.0);
}

static void nothing(void **state)
{
    thx_labels_report r;

    (void)state;
    thx_labels_report_of(&r, NULL, 0, 13);
    assert_true(isnan(r.macro.f1) && isnan(r.samples.f1) && isnan(r.accuracy));
    assert_same(r.micro.f1, 0.0);
    assert_same(r.weighted.f1, 0.0);
    thx_labels_report_of(&r, &(thx_label_row){ 0, 0 }, 1, 2);
    assert_same(r.samples.f1, 0.0);
    assert_same(r.accuracy, 1.0);
    assert_int_equal(r.silent, 2);
}

static void resampled(void **state)
{
    const size_t     pick[] = { 2, 2, 0 };
    thx_label_counts a[3], b[3] = { { 0 } };

    (void)state;
    thx_labels_count(a, 3, rows, pick, 3);
    thx_labels_add(b, 3, rows[2], 2);
    thx_labels_add(b, 3, rows[0], 1);
    assert_memory_equal(a, b, sizeof a);
    assert_same(thx_labels_micro(a, 3).f1, 6.0 / 7.0);
}

static void mappings(void **state)
{
    const unsigned char c[THX_CHEXBERT] = { 0, 1, 2, 3, 1, 0, 0, 0, 0, 3, 0, 0, 0, 1 };
    const uint64_t      with = thx_chexbert_mask(c, THX_CHEXBERT_DOUBT_IS_POSITIVE);
    const thx_label_row five = thx_labels_select((thx_label_row){ with, 0 }, thx_chexbert_five, THX_CHEXBERT_FIVE);

    (void)state;
    assert_int_equal(with, 1u << 1 | 1u << 3 | 1u << 4 | 1u << 9 | 1u << 13);
    assert_int_equal(thx_chexbert_mask(c, THX_CHEXBERT_DOUBT_IS_NEGATIVE), 1u << 1 | 1u << 4 | 1u << 13);
    assert_int_equal(five.truth, 1u | 1u << 1 | 1u << 4);
    assert_true(isnan(thx_chexbert_code(0)));
    assert_same(thx_chexbert_code(2), 0.0);
    assert_same(thx_chexbert_code(3), -1.0);
}

/* Four reports; condition 0 holds every class once in the truth, and two of them are read right. */
static void own_metrics(void **state)
{
    unsigned char    truth[4][THX_CHEXBERT] = { { 0 }, { 1 }, { 2 }, { 3 } };
    unsigned char    guess[4][THX_CHEXBERT] = { { 0 }, { 1 }, { 3 }, { 0 } };
    thx_chexbert_own o;

    (void)state;
    thx_chexbert_own_metrics(&o, truth[0], guess[0], 4, NULL);
    assert_same(o.mention[0], 0.8);
    assert_same(o.blank[0], 2.0 / 3.0);
    assert_same(o.positive[0], 1.0);
    assert_same(o.negation[0], 0.0);
    assert_same(o.kappa[0], 1.0 / 3.0);
    assert_same(o.weighted[0], 1.0 / 3.0);
    assert_same(o.mean_blank, (2.0 / 3.0 + 13.0) / 14.0);
    assert_int_equal(o.undefined_kappa, 13);
    assert_true(isnan(o.mean_kappa));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(averages), cmocka_unit_test(nothing),     cmocka_unit_test(resampled),
        cmocka_unit_test(mappings), cmocka_unit_test(own_metrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
