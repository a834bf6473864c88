/* CheXprompt: the prompts' bytes, and what counts as a rating. */
#include "check.h"
#include "base/hash.h"
#include "metrics/chexprompt.h"

#define SIGNIFICANT   "Number of clinically significant errors by type:"
#define INSIGNIFICANT "Number of clinically insignificant errors by type:"
#define ZEROS         " [(A, 0), (B, 0), (C, 0), (D, 0), (E, 0), (F, 0)]"

static thx_chexprompt_counts c;

static bool parse(const char *reply) { return thx_chexprompt_parse(&c, reply, strlen(reply)); }

static void prompts_are_the_published_ones(void **state)
{
    thx_string user = { 0 };
    char       sha256[65];

    (void)state;
    thx_sha256_of(thx_chexprompt_system, strlen(thx_chexprompt_system), sha256);
    assert_string_equal(sha256, "a618aea8343634b2abbbbd615f8525bb28f3e0f562b9027a314e3eaa47182f4b");
    thx_chexprompt_user(&user, "{examples_formatted}", "{eval_reference}", "{eval_candidate}");
    thx_sha256_of(user.data, user.size, sha256);
    assert_string_equal(sha256, "47570393378ccba5a47d290ba92a29f0016767ac35520b460c74250d1d762470");
    thx_string_deinit(&user);
}

static void reads_both_kinds_of_brackets(void **state)
{
    (void)state;
    assert_true(parse("x\n" SIGNIFICANT " ((A, 1), (B, 0), (C, 2), (D, 0), (E, 0), (F, 12))\n\n" INSIGNIFICANT ZEROS
                      "\nExplanation: (A, 9)"));
    assert_int_equal(c.significant[0], 1);
    assert_int_equal(c.significant[2], 2);
    assert_int_equal(c.significant[5], 12);
    assert_int_equal(c.insignificant[0], 0);
    assert_true(parse(SIGNIFICANT "[(F,1),(E,2),(D,3),(C,4),(B,5),(A,6)]" INSIGNIFICANT ZEROS));
    assert_int_equal(c.significant[0], 6);
}

static void refuses_the_rest(void **state)
{
    static const char *const bad[] = {
        "",
        SIGNIFICANT   ZEROS,
        INSIGNIFICANT ZEROS "\n" SIGNIFICANT ZEROS,
        SIGNIFICANT ZEROS "\nExplanation\n" INSIGNIFICANT                                           ZEROS,
        SIGNIFICANT " [(A, 0), (B, 0), (C, 0), (D, 0), (E, 0)]\n" INSIGNIFICANT                     ZEROS,
        SIGNIFICANT " [(A, 0), (B, 0), (C, 0), (D, 0), (E, 0), (E, 0)]\n" INSIGNIFICANT             ZEROS,
        SIGNIFICANT " [(A, n), (B, 0), (C, 0), (D, 0), (E, 0), (F, 0)]\n" INSIGNIFICANT             ZEROS,
        SIGNIFICANT " [(A, 1000000000000), (B, 0), (C, 0), (D, 0), (E, 0), (F, 0)]\n" INSIGNIFICANT ZEROS,
        SIGNIFICANT " [(A, -1), (B, 0), (C, 0), (D, 0), (E, 0), (F, 0)]\n" INSIGNIFICANT            ZEROS,
        SIGNIFICANT " [(A, 0), (B, 0), (C, 0), (D, 0), (E, 0), (F, 0), (G, 1)]\n" INSIGNIFICANT     ZEROS,
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (parse(bad[i])) fail_msg("reply %zu was taken", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(prompts_are_the_published_ones),
                                        cmocka_unit_test(reads_both_kinds_of_brackets),
                                        cmocka_unit_test(refuses_the_rest) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
