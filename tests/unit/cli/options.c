/* The option table and its parser. The program is no library: the file under test is included. */
#include "check.h"
#include "cli/options.c"

static const unsigned char some[] = { CLI_MODEL,     CLI_TOP_P,     CLI_TOP_K,
                                      CLI_MEM_LIMIT, CLI_PHRASE,    CLI_JSON,
                                      CLI_QUIET,     CLI_PRECISION, CLI_END };

static thorax_status parse(cli_values *v, int argc, char **argv, thorax_error *err)
{
    return cli_values_parse(v, "ask", some, argc, argv, err);
}
#define ARGV(...)                                                                                  \
    (int)(sizeof((char *[]){ "ask", __VA_ARGS__ }) / sizeof(char *)), (char *[])                   \
    {                                                                                              \
        "ask", __VA_ARGS__, NULL                                                                   \
    }

/* A name may stand for another kind of value in another command, where no environment and no letter names it. */
static void names_and_letters_are_unique(void **state)
{
    (void)state;
    for (int i = 1; i < CLI_OPTIONS; i++) {
        const cli_option *a = cli_option_at((cli_option_id)i);
        assert_non_null(a->name);
        assert_non_null(a->help);
        assert_true(a->kind == CLI_SWITCH ? !a->argument : a->argument != NULL);
        assert_true((a->kind == CLI_CHOICE) == (a->choices != NULL));
        for (int j = i + 1; j < CLI_OPTIONS; j++) {
            const cli_option *b = cli_option_at((cli_option_id)j);
            if (a->env || b->env || a->letter || b->letter) assert_string_not_equal(a->name, b->name);
            assert_true(!a->letter || a->letter != b->letter);
        }
    }
}

static void values_in_any_order(void **state)
{
    cli_values v;
    thorax_error err;
    size_t at = 0;
    char *argv[] = { "ask", "-qm",      "x", "film", "--top-p=0.5", "-p",
                     "a",   "--phrase", "b", "--",   "-m",          NULL }; /* operands point here */

    (void)state;
    assert_ok(parse(&v, sizeof argv / sizeof *argv - 1, argv, &err), err);
    assert_string_equal(cli_text(&v, CLI_MODEL), "x");
    assert_true(cli_switch(&v, CLI_QUIET));
    assert_false(cli_switch(&v, CLI_JSON));
    assert_true(cli_real(&v, CLI_TOP_P, -1) == 0.5);
    assert_int_equal(cli_count(&v, CLI_TOP_K, 77), 77);
    assert_string_equal(cli_next(&v, CLI_PHRASE, &at), "a");
    assert_string_equal(cli_next(&v, CLI_PHRASE, &at), "b");
    assert_null(cli_next(&v, CLI_PHRASE, &at));
    assert_int_equal(v.n_operands, 2);
    assert_string_equal(v.operands[1], "-m");
    cli_values_deinit(&v);
}

static void refuse(int argc, char **argv, const char *word)
{
    cli_values v;
    thorax_error err;

    assert_int_equal(parse(&v, argc, argv, &err), THORAX_USAGE);
    if (!strstr(err.text, word)) fail_msg("\"%s\" does not name %s", err.text, word);
    cli_values_deinit(&v);
}

static void what_is_refused(void **state)
{
    (void)state;
    refuse(ARGV("--nothing"), "--nothing");
    refuse(ARGV("-x"), "-x");
    refuse(ARGV("-m"), "-m");
    refuse(ARGV("--model"), "--model");
    refuse(ARGV("--json=1"), "--json");
    refuse(ARGV("--top-k", "-1"), "-1");
    refuse(ARGV("--top-k", "1e3"), "1e3");
    refuse(ARGV("--top-k", "99999999999999999999999"), "--top-k");
    refuse(ARGV("--top-p", "nan"), "nan");
    refuse(ARGV("--top-p", "0.5x"), "0.5x");
    refuse(ARGV("--top-p", ""), "--top-p");
    refuse(ARGV("--precision", "f3"), "f32 auto lossy");
    refuse(ARGV("--precision", ""), "--precision");
    refuse(ARGV("--mem-limit", "-1"), "--mem-limit");
}

static void bytes_with_suffixes(void **state)
{
    uint64_t n;

    (void)state;
    assert_true(cli_parse_bytes(&n, "0") && n == 0);
    assert_true(cli_parse_bytes(&n, "800M") && n == 800ull << 20);
    assert_true(cli_parse_bytes(&n, "1.5GiB") && n == 3ull << 29);
    assert_true(cli_parse_bytes(&n, "2kb") && n == 2048);
    assert_false(cli_parse_bytes(&n, "4X"));
    assert_false(cli_parse_bytes(&n, "4GG"));
    assert_false(cli_parse_bytes(&n, ""));
    assert_false(cli_parse_bytes(&n, "1e30"));
}

static void the_environment_comes_second(void **state)
{
    cli_values v;
    thorax_error err;

    (void)state;
    setenv("THORAX_MODEL", "from-environment", 1);
    setenv("THORAX_TOP_K", "5", 1);
    setenv("THORAX_JSON", "1", 1); /* not one that the environment may set */
    assert_ok(parse(&v, ARGV("a"), &err), err);
    assert_string_equal(cli_text(&v, CLI_MODEL), "from-environment");
    assert_int_equal(cli_count(&v, CLI_TOP_K, 0), 5);
    assert_false(cli_switch(&v, CLI_JSON));
    assert_null(cli_text(&v, CLI_SYSTEM)); /* not an option of this command */
    cli_values_deinit(&v);
    assert_ok(parse(&v, ARGV("--top-k", "6", "-m", "given"), &err), err);
    assert_string_equal(cli_text(&v, CLI_MODEL), "given");
    assert_int_equal(cli_count(&v, CLI_TOP_K, 0), 6);
    cli_values_deinit(&v);
    setenv("THORAX_TOP_K", "many", 1);
    refuse(ARGV("a"), "THORAX_TOP_K");
    unsetenv("THORAX_MODEL");
    unsetenv("THORAX_TOP_K");
    unsetenv("THORAX_JSON");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_letters_are_unique),
        cmocka_unit_test(values_in_any_order),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(bytes_with_suffixes),
        cmocka_unit_test(the_environment_comes_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
