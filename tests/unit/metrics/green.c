/* GREEN without a model: prompt, completion, counts, figures. Numbers of the original package are in the vectors. */
#include "check.h"
#include "metrics/green.h"

#include <math.h>

static thx_green_counts parse(const char *text) { return thx_green_parse(text, strlen(text)); }

static void prompt_takes_300_words(void **state)
{
    thx_string many = { 0 }, a = { 0 }, b = { 0 };
    size_t     words[2];

    (void)state;
    for (int i = 0; i < 299; i++) thx_string_puts(&many, " w");
    thx_string_puts(&many, "\xc2\xa0x");
    thx_green_prompt(&a, many.data, NULL, &words[0], &words[1]);
    assert_int_equal(words[0], 300);
    assert_int_equal(words[1], 0);
    thx_string_puts(&many, " beyond");
    thx_green_prompt(&b, many.data, "", &words[0], NULL);
    assert_int_equal(words[0], 300);
    assert_string_equal(a.data, b.data);
    thx_string_deinit(&many);
    thx_string_deinit(&a);
    thx_string_deinit(&b);
}

static void prompt_repairs_bytes(void **state)
{
    thx_string out = { 0 };

    (void)state;
    thx_green_prompt(&out,
                     "a\xff"
                     "b",
                     "\xe4\xb8", NULL, NULL);
    assert_non_null(strstr(out.data, "    a\xef\xbf\xbd"
                                     "b\n"));
    assert_non_null(strstr(out.data, "    \xef\xbf\xbd\n"));
    thx_string_deinit(&out);
}

static void check_completion(const char *decoded, const char *want)
{
    thx_string out = { 0 };

    thx_green_completion(&out, decoded, strlen(decoded));
    assert_string_equal(out.data, want);
    thx_string_deinit(&out);
}

static void completion_follows_the_last_turn(void **state)
{
    (void)state;
    check_completion("", "");
    check_completion("p<|assistant|>\n\n<|assistant|>\nx", "\nx");
    check_completion("[Explanation]:\n    <Explanation>\n p <|assistant|>[Explanation]:\nyes </s>", "\nyes ");
    check_completion("a<|assistant|>[Explanation]:\n    <Explanation>\none[Explanation]: two",
                     "\n    <Explanation>\none");
    check_completion("<un</s>k>x", "x"); /* one after the other, as the original */
}

static void counts_by_letter(void **state)
{
    const thx_green_counts c =
        parse("[Clinically Significant Errors]:\n(a) x: 1. y\n(b) x: 2 y\n(c) (d) x: 3. y\n(a) w: 7. y\n\n"
              "[Clinically Insignificant Errors]:\nNodule (a) x: 9. y\n\n[Matched Findings]:\n3. a; b; c");

    (void)state;
    assert_int_equal(c.significant[0], 1); /* "(a) x" sorts behind "(a) w" and counts */
    assert_int_equal(c.significant[1], 0);
    assert_int_equal(c.significant[2], 3);
    assert_int_equal(c.significant[3], 0);
    assert_int_equal(c.insignificant[0], 0);
    assert_int_equal(c.matched, 3);
    assert_true(fabs(thx_green_figure(&c) - 3.0 / 7.0) < 1e-15);
}

static void numbers_stand_in_for_letters(void **state)
{
    thx_green_counts c = parse("[Clinically Significant Errors]:(1) x: 1.\n(6) x: \xd9\xa3.");

    (void)state;
    assert_int_equal(c.significant[0], 1);
    assert_int_equal(c.significant[5], 3);
    c = parse("[Clinically Significant Errors]:(1) x: 1.\n(f) x");
    assert_int_equal(c.significant[0], 0);
}

static void an_empty_section_reads_the_next(void **state)
{
    const thx_green_counts c = parse("[Clinically Significant Errors]:\n\n[Matched Findings]:\n2. x");

    (void)state;
    assert_int_equal(c.significant[0], 0);
    assert_int_equal(c.matched, 2);
    assert_int_equal(parse("[Clinically Significant Errors]:\n\n(a) x: 4. y").significant[0], 4);
}

static void counts_stay_in_range(void **state)
{
    (void)state;
    const thx_green_counts c = parse("[Matched Findings]: 99999999999999999999999999. x");
    assert_true(c.matched == 1000000000000000);
    assert_int_equal(parse("[Matched Findings]: 3").matched, 0);
    assert_int_equal(parse("[Matched Findings]: .").matched, 0);
}

static void means(void **state)
{
    const double            figures[] = { 0.0, 1.0 };
    const thx_green_summary s = thx_green_mean(figures, 2);

    (void)state;
    assert_true(s.mean == 0.5 && s.deviation == 0.5);
    assert_true(isnan(thx_green_mean(NULL, 0).mean) && isnan(thx_green_mean(NULL, 0).deviation));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prompt_takes_300_words),
        cmocka_unit_test(prompt_repairs_bytes),
        cmocka_unit_test(completion_follows_the_last_turn),
        cmocka_unit_test(counts_by_letter),
        cmocka_unit_test(numbers_stand_in_for_letters),
        cmocka_unit_test(an_empty_section_reads_the_next),
        cmocka_unit_test(counts_stay_in_range),
        cmocka_unit_test(means),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
