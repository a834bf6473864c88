/* The file of an index: rows come back, appends that break off leave what was there, damage and strangers are refused.
 * */
#include "check.h"

#include "base/file.h"
#include "made.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { D = 12, N = 9 };

static float       vectors[N * D];
static const char *const names[N] = { "a.png", "b.png", "", "a long name of a film.png", "e", "f", "g", "\xff\xfe",
                                      "i" };

static int setup(void **state)
{
    (void)state;
    make_vectors(vectors, N, D, 1, 3);
    unlink(index_path());
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(index_path());
    return 0;
}

static void append(thx_index_kind kind, size_t first, size_t n)
{
    thorax_error err;

    assert_ok(thx_index_append(index_path(), MODEL_A, kind, vectors + first * D, names + first, n, D, &err), err);
}

/* The first n rows are there, the first 4 of them films. */
static void expect_rows(size_t n)
{
    thx_index   *x;
    thorax_error err;

    assert_ok(thx_index_open(&x, index_path(), MODEL_A, &err), err);
    assert_int_equal(thx_index_count(x), n);
    assert_int_equal(thx_index_width(x), D);
    assert_string_equal(thx_index_model(x), MODEL_A);
    for (size_t i = 0; i < n; i++) {
        size_t      size;
        const char *name = thx_index_name(x, i, &size);
        assert_int_equal(size, strlen(names[i]));
        assert_memory_equal(name, names[i], size);
        assert_memory_equal(thx_index_vector(x, i), vectors + i * D, D * sizeof *vectors);
        assert_int_equal(thx_index_kind_of(x, i), i < 4 ? THX_INDEX_FILM : THX_INDEX_TEXT);
    }
    assert_ok(thx_index_check(x, &err), err);
    thx_index_close(x);
}

static void rows_come_back(void **state)
{
    struct stat s;

    (void)state;
    append(THX_INDEX_FILM, 0, 0);
    expect_rows(0);
    append(THX_INDEX_FILM, 0, 1);
    append(THX_INDEX_FILM, 1, 3);
    expect_rows(4);
    append(THX_INDEX_TEXT, 4, 5);
    expect_rows(9);
    assert_int_equal(stat(index_path(), &s), 0);
    assert_int_equal(s.st_mode & 0777, 0600);
}

static char *load(size_t *size)
{
    char        *data;
    thorax_error err;

    assert_ok(thx_file_read(&data, size, index_path(), 1 << 24, &err), err);
    return data;
}

static void store(const char *data, size_t size)
{
    thorax_error err;
    assert_ok(thx_file_write(index_path(), data, size, &err), err);
}

/* Whatever part of a later append reached the disk, without its slot nothing of it counts; the next one cuts it off. */
static void what_broke_off_does_not_count(void **state)
{
    size_t before, after;

    (void)state;
    append(THX_INDEX_FILM, 0, 4);
    char *old = load(&before);
    append(THX_INDEX_TEXT, 4, 5);
    char *whole = load(&after);
    for (size_t end = before; end <= after; end += (after - before) / 7 + 1) {
        memcpy(whole, old, before); /* the slots as they were */
        store(whole, end);
        expect_rows(4);
        append(THX_INDEX_TEXT, 4, 5);
        expect_rows(9);
    }
    /* a slot torn while it was written: the one before it holds */
    char *again = load(&after);
    memcpy(whole, again, after);
    memset(whole + 2048, 0x5a, 20);
    store(whole, after);
    thx_index   *x;
    thorax_error err;
    assert_ok(thx_index_open(&x, index_path(), MODEL_A, &err), err);
    assert_in_range(thx_index_count(x), 4, 9);
    thx_index_close(x);
    free(old);
    free(whole);
    free(again);
}

static void damage_is_seen(void **state)
{
    size_t       size;
    thx_index   *x;
    thorax_error err;

    (void)state;
    append(THX_INDEX_FILM, 0, 4);
    append(THX_INDEX_TEXT, 4, 5);
    char *data = load(&size);
    for (size_t at = 0; at < size; at += 13) {
        if (at >= 80 && at < 4096) continue; /* a slot that is damaged leaves the other; the rest is empty */
        data[at] ^= 0x10;
        store(data, size);
        const thorax_status st = thx_index_open(&x, index_path(), MODEL_A, &err);
        if (st != THORAX_FORMAT && st != THORAX_MODEL) fail_msg("byte %zu: status %d", at, (int)st);
        assert_null(x);
        data[at] ^= 0x10;
    }
    for (size_t end = 0; end < size; end += 61) {
        store(data, end);
        assert_int_equal(thx_index_open(&x, index_path(), MODEL_A, &err), THORAX_FORMAT);
        assert_int_equal(thx_index_append(index_path(), MODEL_A, THX_INDEX_TEXT, vectors, names, 1, D, &err),
                         THORAX_FORMAT);
    }
    free(data);
}

static void strangers_are_refused(void **state)
{
    thx_index   *x;
    thorax_error err;
    float        wrong[D];

    (void)state;
    assert_int_equal(thx_index_open(&x, index_path(), NULL, &err), THORAX_IO);
    append(THX_INDEX_FILM, 0, 2);
    assert_int_equal(thx_index_open(&x, index_path(), MODEL_B, &err), THORAX_MODEL);
    assert_non_null(strstr(err.text, "another model"));
    assert_ok(thx_index_open(&x, index_path(), NULL, &err), err);
    thx_index_close(x);
    assert_int_equal(thx_index_append(index_path(), MODEL_B, THX_INDEX_FILM, vectors, names, 1, D, &err), THORAX_MODEL);
    assert_int_equal(thx_index_append(index_path(), MODEL_A, THX_INDEX_FILM, vectors, names, 1, D - 1, &err),
                     THORAX_USAGE);
    assert_int_equal(thx_index_append(index_path(), MODEL_A, THX_INDEX_FILM, vectors, names, 1, 0, &err), THORAX_USAGE);
    memcpy(wrong, vectors, sizeof wrong);
    wrong[3] = NAN;
    assert_int_equal(thx_index_append(index_path(), MODEL_A, THX_INDEX_FILM, wrong, names, 1, D, &err), THORAX_USAGE);
    wrong[3] = 2;
    assert_int_equal(thx_index_append(index_path(), MODEL_A, THX_INDEX_FILM, wrong, names, 1, D, &err), THORAX_USAGE);
    store("not an index", 12);
    assert_int_equal(thx_index_open(&x, index_path(), NULL, &err), THORAX_FORMAT);
    assert_int_equal(thx_index_append(index_path(), MODEL_A, THX_INDEX_FILM, vectors, names, 1, D, &err),
                     THORAX_FORMAT);
    assert_int_equal(thx_index_append("/no/such/folder/x", MODEL_A, THX_INDEX_FILM, vectors, names, 1, D, &err),
                     THORAX_IO);
}

static void one_writer_at_a_time(void **state)
{
    thorax_error err;

    (void)state;
    append(THX_INDEX_FILM, 0, 2);
    const int fd = open(index_path(), O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(thx_index_append(index_path(), MODEL_A, THX_INDEX_FILM, vectors, names, 1, D, &err), THORAX_IO);
    close(fd);
    expect_rows(2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(what_broke_off_does_not_count, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(strangers_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(one_writer_at_a_time, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
