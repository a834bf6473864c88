#include "check.h"
#include "base/file.h"
#include "base/json.h"

static const char text[] = "{\"size\":7,\"real\":0.5,\"flag\":true,\"text\":\"gelu\",\"none\":null,\"minus\":-1,\"large\":1e30,\"list\":[]}";

static thorax_status read_text(json_t **out, const char *json, size_t size, size_t limit, thorax_error *err)
{
    char path[] = "/tmp/thorax-json-XXXXXX";

    close(mkstemp(path));
    assert_ok(thx_file_write(path, json, size, err), *err);
    const thorax_status st = thx_json_read(out, path, limit, err);
    unlink(path);
    return st;
}

static void members_come_out_with_their_defaults(void **state)
{
    json_t      *j;
    thorax_error err;
    size_t       n;
    double       x;
    bool         flag;
    const char  *name;

    (void)state;
    assert_ok(read_text(&j, text, sizeof text - 1, 1000, &err), err);
    assert_ok(thx_json_size(&n, j, "size", 3, 1, 7, "f", &err), err);
    assert_int_equal(n, 7);
    assert_ok(thx_json_size(&n, j, "absent", 3, 1, 2, "f", &err), err);
    assert_int_equal(n, 3);
    assert_ok(thx_json_size(&n, j, "none", 4, 1, 9, "f", &err), err);
    assert_int_equal(n, 4);
    assert_ok(thx_json_real(&x, j, "real", 1, 0, 1, "f", &err), err);
    assert_true(x == 0.5);
    assert_ok(thx_json_real(&x, j, "size", 1, 0, 10, "f", &err), err); /* a whole number is a number */
    assert_true(x == 7);
    assert_ok(thx_json_flag(&flag, j, "flag", false, "f", &err), err);
    assert_true(flag);
    assert_ok(thx_json_text(&name, j, "text", NULL, "f", &err), err);
    assert_string_equal(name, "gelu");
    assert_ok(thx_json_text(&name, j, "absent", NULL, "f", &err), err);
    assert_null(name);
    json_decref(j);
}

static void wrong_kinds_and_ranges_are_named(void **state)
{
    json_t      *j;
    thorax_error err;
    size_t       n;
    double       x;
    bool         flag;
    const char  *name;

    (void)state;
    assert_ok(read_text(&j, text, sizeof text - 1, 1000, &err), err);
    assert_int_equal(thx_json_size(&n, j, "size", 3, 1, 6, "config.json", &err), THORAX_FORMAT);
    assert_non_null(strstr(err.text, "config.json"));
    assert_non_null(strstr(err.text, "size"));
    assert_int_equal(thx_json_size(&n, j, "minus", 3, 0, 6, "f", &err), THORAX_FORMAT);
    assert_int_equal(thx_json_size(&n, j, "real", 3, 0, 6, "f", &err), THORAX_FORMAT);
    assert_int_equal(thx_json_size(&n, j, "large", 3, 0, SIZE_MAX, "f", &err), THORAX_FORMAT);
    assert_int_equal(thx_json_size(&n, j, "text", 3, 0, 6, "f", &err), THORAX_FORMAT);
    assert_int_equal(thx_json_real(&x, j, "large", 1, 0, 1, "f", &err), THORAX_FORMAT);
    assert_int_equal(thx_json_real(&x, j, "list", 1, 0, 1, "f", &err), THORAX_FORMAT);
    assert_int_equal(thx_json_flag(&flag, j, "size", false, "f", &err), THORAX_FORMAT);
    assert_int_equal(thx_json_text(&name, j, "flag", NULL, "f", &err), THORAX_FORMAT);
    json_decref(j);
}

static void what_is_no_object_is_refused(void **state)
{
    static const char *const broken[] = { "", "[1]", "{\"a\":1,\"a\":2}", "{\"a\":1} x", "{\"a\":\"\xff\"}", "{\"a\":" };
    json_t      *j;
    thorax_error err;
    char         deep[8192];

    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        assert_int_equal(read_text(&j, broken[i], strlen(broken[i]), 1000, &err), THORAX_FORMAT);
        assert_null(j);
    }
    memset(deep, '[', sizeof deep);
    assert_int_equal(read_text(&j, deep, sizeof deep, 10000, &err), THORAX_FORMAT);
    assert_int_equal(read_text(&j, text, sizeof text - 1, 10, &err), THORAX_LIMIT);
    assert_int_equal(thx_json_read(&j, "/no/such/file", 10, &err), THORAX_IO);
    assert_null(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_come_out_with_their_defaults),
        cmocka_unit_test(wrong_kinds_and_ranges_are_named),
        cmocka_unit_test(what_is_no_object_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
