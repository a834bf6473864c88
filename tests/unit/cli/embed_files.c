/* Files of texts and of pairs. The program is no library: the files under test are included. */
#include "check.h"
#include "cli/batch_paths.c"
#include "cli/embed_files.c"

static char path[64];

static int setup(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/thorax-texts-%ld", (long)getpid());
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return unlink(path);
}

static void store(const char *text, size_t size)
{
    thorax_error err;
    assert_ok(thx_file_write(path, text, size, &err), err);
}

static void texts(void **state)
{
    static const struct { const char *file, *want[4]; } good[] = {
        { "one\ntwo\r\n\nfour", { "one", "two", "", "four" } },
        { "[\"a\\nb\", \"\"]", { "a\nb", "" } },
        { "x\n", { "x" } },
        { " [not a list", { " [not a list" } },
    };
    static const char *const bad[] = { "", "[1]", "[\"a\"", "[]", "[[\"a\"]]" };
    thorax_error err;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cli_paths list = { 0 };
        size_t    n = 0;
        store(good[i].file, strlen(good[i].file));
        assert_ok(cli_texts_read(&list, path, &err), err);
        while (n < 4 && good[i].want[n]) n++;
        assert_int_equal(list.n, n);
        for (size_t k = 0; k < n; k++) assert_string_equal(list.list[k], good[i].want[k]);
        cli_paths_deinit(&list);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cli_paths list = { 0 };
        store(bad[i], strlen(bad[i]));
        assert_int_equal(cli_texts_read(&list, path, &err), THORAX_USAGE);
        assert_non_null(strstr(err.text, path));
        cli_paths_deinit(&list);
    }
    cli_paths list = { 0 };
    store("a\0b", 3);
    assert_int_equal(cli_texts_read(&list, path, &err), THORAX_USAGE);
    cli_paths_deinit(&list);
    assert_int_equal(cli_texts_read(&list, "/no/such/file", &err), THORAX_IO);
}

static void pairs(void **state)
{
    static const char good[] = "a.png\tclear lungs\r\n\n{\"film\": \"b.png\", \"text\": \"x\\ny\"}\n{\"text\": \"t\", \"target\": \"a.png\"}\n"
                               "{\"film\": \"c.png\", \"target\": \"d.png\"}";
    static const char *const bad[] = {
        "", "\n", "no tab", "\ttext", "{\"film\": \"a\"}", "{\"text\": \"a\"}", "{\"film\": 1, \"text\": \"a\"}", "{",
        "{\"film\": \"a\", \"text\": \"b\", \"target\": \"c\"}", "{\"target\": \"c\"}",
    };
    cli_pairs    p;
    thorax_error err;

    (void)state;
    store(good, sizeof good - 1);
    assert_ok(cli_pairs_read(&p, path, &err), err);
    assert_int_equal(p.n, 4);
    assert_string_equal(p.list[0].film, "a.png");
    assert_string_equal(p.list[0].text, "clear lungs");
    assert_string_equal(p.list[1].text, "x\ny");
    assert_null(p.list[1].target);
    assert_null(p.list[2].film);
    assert_string_equal(p.list[2].target, "a.png");
    assert_string_equal(p.list[3].target, "d.png");
    cli_pairs_deinit(&p);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        store(bad[i], strlen(bad[i]));
        if (cli_pairs_read(&p, path, &err) != THORAX_USAGE) fail_msg("'%s' was taken", bad[i]);
        assert_int_equal(p.n, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(texts), cmocka_unit_test(pairs) };
    return cmocka_run_group_tests(tests, setup, teardown);
}
