/* generation_config.json: values, lists, absence, faults. */
#include "check.h"
#include "base/file.h"
#include "model/generation.h"

#include <math.h>

static char folder[] = "/tmp/thorax-generation-XXXXXX";

static int setup(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int teardown(void **state)
{
    char path[100];
    (void)state;
    snprintf(path, sizeof path, "%s/generation_config.json", folder);
    unlink(path);
    return rmdir(folder);
}

static thorax_status read_text(thx_generation_defaults *d, const char *text, thorax_error *err)
{
    char path[100];
    snprintf(path, sizeof path, "%s/generation_config.json", folder);
    if (text) assert_ok(thx_file_write(path, text, strlen(text), err), *err);
    return thx_generation_read(d, folder, NULL, NULL, err);
}

static void values_are_read(void **state)
{
    thx_generation_defaults d;
    thorax_error err;

    (void)state;
    assert_ok(read_text(&d, NULL, &err), err);
    assert_true(isnan(d.temperature) && isnan(d.repetition_penalty) && d.top_k == -1 && d.n_eos == 0);
    assert_ok(read_text(&d, "{\"eos_token_id\": [7, 5, 7], \"temperature\": 0.7, \"top_k\": 20, \"repetition_penalty\": 1.05, \"top_p\": null}", &err), err);
    assert_int_equal(d.n_eos, 2);
    assert_int_equal(d.eos[1], 5);
    assert_int_equal(d.top_k, 20);
    assert_true(d.temperature == 0.7 && d.repetition_penalty == 1.05 && isnan(d.top_p));
    assert_ok(read_text(&d, "{\"eos_token_id\": 9}", &err), err);
    assert_int_equal(d.eos[0], 9);
}

static void faults_are_named(void **state)
{
    static const char *const bad[] = {
        "{\"temperature\": \"warm\"}", "{\"top_p\": 1.5}", "{\"top_k\": -3}", "{\"eos_token_id\": \"x\"}",
        "{\"eos_token_id\": [1, -2]}", "{\"repetition_penalty\": 0}", "[]", "{",
    };
    thx_generation_defaults d;
    thorax_error err;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(read_text(&d, bad[i], &err), THORAX_FORMAT);
        assert_non_null(strstr(err.text, "generation_config.json"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(values_are_read), cmocka_unit_test(faults_are_named) };
    return cmocka_run_group_tests(tests, setup, teardown);
}
