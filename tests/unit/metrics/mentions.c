/* Label mentions: by substring as published, negation-aware beside it. */
#include "check.h"
#include "metrics/mentions.h"

enum { CARDIOMEGALY = 1, EDEMA = 3, FRACTURE = 5, EFFUSION = 8, PNEUMOTHORAX = 11 };

static uint64_t predicted(const char *text) { return thx_mentions_predicted(text, thx_mention_names, THX_MENTIONS); }

static void substrings(void **state)
{
    (void)state;
    assert_string_equal(thx_mention_names[12], "Support Devices");
    assert_int_equal(predicted(""), 0);
    assert_int_equal(predicted("No PNEUMOTHORAX."), 1u << PNEUMOTHORAX);
    assert_int_equal(predicted("oedema; fractures"), 1u << EDEMA | 1u << FRACTURE);
    assert_int_equal(predicted("pleural  effusion, pleural\xc2\xa0" "effusion, cardio-megaly, lung opacities"), 0);
    assert_int_equal(predicted("No Finding"), 0);
    assert_int_equal(thx_mentions_understood("There is no pneumothorax. Cardiomegaly."), 1u << CARDIOMEGALY);
}

static void references(void **state)
{
    const char *const labels[] = { "CARDIOMEGALY", "No Finding", "pleural effusion", "Pleural Effusions" };
    size_t            unknown = 0;

    (void)state;
    assert_int_equal(thx_mentions_reference(labels, 4, thx_mention_names, THX_MENTIONS, &unknown),
                     1u << CARDIOMEGALY | 1u << EFFUSION);
    assert_int_equal(unknown, 2);
}

static void own_list(void **state)
{
    const char *const labels[] = { "nodule", "Scoliosis" };

    (void)state;
    assert_int_equal(thx_mentions_predicted("mild scoliosis", labels, 2), 2);
    assert_int_equal(thx_mentions_reference(labels, 1, labels, 2, NULL), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(substrings), cmocka_unit_test(references),
                                        cmocka_unit_test(own_list) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
