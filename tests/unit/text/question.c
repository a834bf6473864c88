/* LLaVA-Rad's report question, with and without a reason. */
#include "check.h"
#include "text/text.h"

#include <jansson.h>
#include <string.h>

#define PLAIN "Provide a description of the findings in the radiology image"
#define GIVEN PLAIN " given the following indication:"

static void check(const char *reason, const char *want)
{
    thx_string out = { 0 };
    thorax_error err;

    assert_ok(thx_question_rad(&out, reason, &err), err);
    assert_string_equal(out.data, want);
    assert_int_equal(out.size, strlen(want));
    thx_string_deinit(&out);
}

static void as_the_evaluation_makes_it(void **state)
{
    (void)state;
    check(NULL, PLAIN ".");
    check("", GIVEN);
    check(" \n\t ", GIVEN);
    check("shortness of breath", GIVEN " shortness of breath");
    check("  a  b \n", GIVEN "   a  b");
    check("a\nb\r\nc\x1f\xc2\xa0\xe3\x80\x80", GIVEN " a b\r c");
    check("<image>a<image>", GIVEN " a");
    check("<im<image>age>", GIVEN " <image>");
    check("<ima\nge>", GIVEN " <ima ge>");
    check("x <image> ", GIVEN " x");
    check("x\xe2\x80\x8b ", GIVEN " x\xe2\x80\x8b"); /* U+200B is no blank */
    check("\xff", GIVEN " \xef\xbf\xbd");
}

static void appends(void **state)
{
    thx_string out = { 0 };
    thorax_error err;

    (void)state;
    thx_string_puts(&out, "A: ");
    assert_ok(thx_question_rad(&out, NULL, &err), err);
    assert_string_equal(out.data, "A: " PLAIN ".");
    thx_string_deinit(&out);
}

static void golden_questions(void **state)
{
    size_t n = 0, i;

    (void)state;
    for (char set = 'a'; set <= 'c'; set++) {
        char path[64];
        json_t *c;
        snprintf(path, sizeof path, "golden/llavarad-%c/cases.json", set);
        json_t *j = json_load_file(shared_path(path), JSON_ALLOW_NUL, NULL);
        json_array_foreach(json_object_get(j, "cases"), i, c) {
            const json_t *reason = json_object_get(c, "reason"),
                         *message = json_array_get(json_object_get(c, "messages"), 0);
            if (!reason) continue;
            check(json_string_value(reason), json_string_value(json_object_get(message, "content")));
            n++;
        }
        json_decref(j);
    }
    assert_true(n >= 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_the_evaluation_makes_it),
        cmocka_unit_test(appends),
        cmocka_unit_test(golden_questions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
