#include "check.h"
#include "base/error.h"

static void an_error_is_one_line_that_fits(void **state)
{
    thorax_error err;
    char         text[1000];

    (void)state;
    assert_int_equal(thx_fail(&err, THORAX_FORMAT, 17, "a\nb\x1b[31m%d", 5), THORAX_FORMAT);
    assert_int_equal(err.status, THORAX_FORMAT);
    assert_int_equal(err.at, 17);
    assert_string_equal(err.text, "a?b?[31m5");
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    thx_fail(&err, THORAX_IO, 0, "%s", text);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    thx_error_prefix(&err, text);
    assert_true(strlen(err.text) < sizeof err.text);
}

static void prefixes_stand_before_the_text(void **state)
{
    thorax_error err;

    (void)state;
    thx_fail(&err, THORAX_SHAPE, 3, "expected [2, 3]");
    thx_error_prefix(&err, "model.safetensors");
    assert_string_equal(err.text, "model.safetensors: expected [2, 3]");
    assert_int_equal(err.status, THORAX_SHAPE);
    assert_int_equal(thx_fail(NULL, THORAX_LIMIT, 0, "nobody listens"), THORAX_LIMIT);
    thx_error_prefix(NULL, "nobody listens");
}

static void every_status_has_a_text(void **state)
{
    (void)state;
    assert_string_equal(thx_status_text(THORAX_OK), "no error");
    for (int s = THORAX_OK; s <= THORAX_CANCELLED; s++)
        assert_string_not_equal(thx_status_text((thorax_status)s), "unknown status");
    assert_string_equal(thx_status_text((thorax_status)1000), "unknown status");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_is_one_line_that_fits),
        cmocka_unit_test(prefixes_stand_before_the_text),
        cmocka_unit_test(every_status_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
