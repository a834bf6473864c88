#include "check.h"
#include "base/string.h"

static void text_grows_and_is_taken(void **state)
{
    thx_string s = { 0 };

    (void)state;
    for (int i = 0; i < 1000; i++) thx_string_printf(&s, "%d,", i);
    thx_string_puts(&s, "end");
    thx_string_add(&s, "\0x", 2);
    assert_int_equal(s.size, 10 * 2 + 90 * 3 + 900 * 4 + 3 + 2);
    assert_memory_equal(s.data, "0,1,2,", 6);
    assert_memory_equal(s.data + s.size - 5, "end\0x", 6);
    char *text = thx_string_take(&s);
    assert_non_null(text);
    assert_null(s.data);
    free(text);
}

static void an_empty_string_is_a_string(void **state)
{
    thx_string s = { 0 };

    (void)state;
    char *text = thx_string_take(&s);
    assert_string_equal(text, "");
    free(text);
    thx_string_add(&s, "", 0);
    assert_string_equal(s.data, "");
    thx_string_deinit(&s);
    thx_string_deinit(&s);
}

static void too_much_is_remembered_as_a_failure(void **state)
{
    thx_string s = { 0 };

    (void)state;
    thx_string_puts(&s, "kept");
    thx_string_add(&s, "x", SIZE_MAX / 2 + 1);
    assert_true(s.failed);
    thx_string_puts(&s, "ignored");
    assert_int_equal(s.size, 4);
    assert_null(thx_string_take(&s));
    thx_string_deinit(&s);
}

static void words_of_a_list(void **state)
{
    (void)state;
    assert_true(thx_list_has("a,bc", ',', "a") && thx_list_has("a,bc", ',', "bc"));
    assert_false(thx_list_has("a,bc", ',', "b") || thx_list_has("a,bc", ' ', "a") || thx_list_has(NULL, ',', "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_grows_and_is_taken),
        cmocka_unit_test(an_empty_string_is_a_string),
        cmocka_unit_test(words_of_a_list),
        cmocka_unit_test(too_much_is_remembered_as_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
