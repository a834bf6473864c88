/* Scores in judges' replies; those of the original are in the vectors. */
#include "check.h"
#include "metrics/judge_score.h"

static size_t scores(double out[4], const char *reply) { return thx_judge_scores(out, 4, reply, strlen(reply)); }

static void reads_every_score(void **state)
{
    double s[4];

    (void)state;
    assert_int_equal(scores(s, "Overall Score: 7.5/10 ... OVERALL\n score (of all)\n is 3/10"), 2);
    assert_true(s[0] == 7.5 && s[1] == 3.0);
    assert_int_equal(
        scores(s, "overall score 1/10 overall score 2/10 overall score 3/10 overall score 4/10 overall score 5/10"), 5);
    assert_true(s[3] == 4.0);
    assert_int_equal(thx_judge_scores(NULL, 0, "overall score 1/10", 18), 1);
}

static void leaves_out_what_is_no_score(void **state)
{
    double s[4];

    (void)state;
    assert_int_equal(scores(s, ""), 0);
    assert_int_equal(scores(s, "score: 3/10"), 0);
    assert_int_equal(scores(s, "overall score: 6 /10"), 0);
    assert_int_equal(scores(s, "overall score: 1.2.3/10"), 0);
    assert_int_equal(scores(s, "overall score: ./10"), 0);
    assert_int_equal(scores(s, "overall score: 10.01/10"), 0);
    assert_int_equal(scores(s, "overall score: 11/10, overall score 0/10"), 1);
    assert_true(s[0] == 0.0);
}

static void long_numbers(void **state)
{
    char   text[400] = "overall score: ";
    double s[4];

    (void)state;
    memset(text + 15, '0', 200);
    strcpy(text + 215, "9.5/10");
    assert_int_equal(scores(s, text), 1);
    assert_true(s[0] == 9.5);
    memset(text + 15, '1', 200);
    assert_int_equal(scores(s, text), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(reads_every_score),
                                        cmocka_unit_test(leaves_out_what_is_no_score), cmocka_unit_test(long_numbers) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
