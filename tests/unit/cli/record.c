/* The file of answers of `batch`, and the list of its films. The program is no library: the files
 * under test are included. */
#include "check.h"
#include "cli/batch_paths.c"
#include "cli/lines.c" /* and what it appends with */
#include "cli/batch_record.c"

static char folder[] = "/tmp/thorax-record-XXXXXX";
static char path[64];
static const cli_record_key key = { .task = "report", .model = "m1" };

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return 1;
    snprintf(path, sizeof path, "%s/out.jsonl", folder);
    return 0;
}

static int teardown(void **state)
{
    char command[80];

    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

#define DONE(name, hash)                                                                           \
    "{\"schema\":1,\"film\":{\"path\":\"" name "\",\"sha256\":\"" hash                             \
    "\"},\"task\":\"report\",\"provenance\":{\"model\":\"m1\"}}"
#define FAILED(name)                                                                               \
    "{\"schema\":1,\"film\":{\"path\":\"" name "\"},\"error\":{\"code\":\"film\",\"text\":\"x\"}}"

static void write_file(const char *text)
{
    thorax_error err;
    assert_ok(thx_file_write(path, text, strlen(text), &err), err);
}

static void expect_file(const char *text)
{
    char *data;
    size_t size;
    thorax_error err;

    assert_ok(thx_file_read(&data, &size, path, 1 << 20, &err), err);
    assert_string_equal(data, text);
    free(data);
}

static void lines_are_appended_and_found_again(void **state)
{
    const cli_paths none = { 0 };
    cli_record r;
    thorax_error err;

    (void)state;
    unlink(path);
    assert_ok(cli_record_open(&r, path, false, &key, &none, &err), err);
    assert_ok(cli_record_add(&r, DONE("a.png", "1"), &err), err);
    assert_ok(cli_record_add(&r, DONE("b.png", "2"), &err), err);
    cli_record_close(&r);
    expect_file(DONE("a.png", "1") "\n" DONE("b.png", "2") "\n");
    assert_int_equal(cli_record_open(&r, path, false, &key, &none, &err), THORAX_USAGE);
    cli_record_close(&r);
    assert_ok(cli_record_open(&r, path, true, &key, &none, &err), err);
    assert_true(cli_record_has(&r, "b.png", "2"));
    assert_false(cli_record_has(&r, "b.png", "1"));
    assert_false(cli_record_has(&r, "c.png", "2"));
    cli_record_close(&r);
}

static void torn_lines_and_retried_failures_go(void **state)
{
    cli_paths films = { 0 };
    cli_record r;
    thorax_error err;

    (void)state;
    write_file(
        DONE("a.png", "1") "\n" FAILED("b.png") "\n" FAILED("other.png") "\n{\"schema\":1,\"fi");
    assert_ok(cli_paths_add(&films, "b.png", &err), err);
    assert_ok(cli_record_open(&r, path, true, &key, &films, &err), err);
    expect_file(DONE("a.png", "1") "\n" FAILED("other.png") "\n");
    assert_ok(cli_record_add(&r, DONE("b.png", "2"), &err), err);
    cli_record_close(&r);
    expect_file(DONE("a.png", "1") "\n" FAILED("other.png") "\n" DONE("b.png", "2") "\n");
    cli_paths_deinit(&films);
}

static void refuse(const char *text)
{
    const cli_paths none = { 0 };
    cli_record r;
    thorax_error err;

    write_file(text);
    assert_int_equal(cli_record_open(&r, path, true, &key, &none, &err), THORAX_USAGE);
    cli_record_close(&r);
    expect_file(text);
}

static void files_of_others_are_left_alone(void **state)
{
    (void)state;
    refuse("a letter\n");
    refuse("[1]\n");
    refuse("{\"schema\":1,\"film\":{\"path\":\"a\",\"sha256\":\"1\"},\"task\":\"classify\","
           "\"provenance\":{\"model\":\"m1\"}}\n");
    refuse("{\"schema\":1,\"film\":{\"path\":\"a\",\"sha256\":\"1\"},\"task\":\"report\","
           "\"provenance\":{\"model\":\"m2\"}}\n");
}

static void one_writer_at_a_time(void **state)
{
    const cli_paths none = { 0 };
    cli_record a, b;
    thorax_error err;

    (void)state;
    unlink(path);
    assert_ok(cli_record_open(&a, path, false, &key, &none, &err), err);
    assert_int_equal(cli_record_open(&b, path, true, &key, &none, &err), THORAX_IO);
    cli_record_close(&b);
    cli_record_close(&a);
    assert_ok(cli_record_open(&b, path, true, &key, &none, &err), err);
    cli_record_close(&b);
    snprintf(path, sizeof path, "%s/none/out.jsonl", folder);
    assert_int_equal(cli_record_open(&b, path, true, &key, &none, &err), THORAX_IO);
    cli_record_close(&b);
    snprintf(path, sizeof path, "%s/out.jsonl", folder);
}

static void films_are_listed_once(void **state)
{
    static const char *const names[] = { "b", "a", "b", "c", "a", "b" };
    cli_paths p = { 0 };
    thorax_error err;

    (void)state;
    for (size_t i = 0; i < 6; i++) assert_ok(cli_paths_add(&p, names[i], &err), err);
    assert_ok(cli_paths_unique(&p, &err), err);
    assert_int_equal(p.n, 3);
    assert_string_equal(p.list[0], "b");
    assert_string_equal(p.list[1], "a");
    assert_string_equal(p.list[2], "c");
    cli_paths_sort(&p);
    assert_true(cli_paths_have(&p, "c"));
    assert_false(cli_paths_have(&p, "d"));
    cli_paths_deinit(&p);
    assert_int_equal(cli_paths_collect(&p, "/no/such/list.txt", &err), THORAX_IO);
    cli_paths_deinit(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_appended_and_found_again),
        cmocka_unit_test(torn_lines_and_retried_failures_go),
        cmocka_unit_test(files_of_others_are_left_alone),
        cmocka_unit_test(one_writer_at_a_time),
        cmocka_unit_test(films_are_listed_once),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
