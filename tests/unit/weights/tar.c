/* Tar archives: the corpus of the fuzz target, archives cut short, limits. */
#include "check.h"
#include "base/file.h"
#include "weights/tar.h"

static char path_of[64];

static void read_corpus(const char *name, size_t long_name)
{
    static const uint64_t sizes[] = { 2, 8, 0, 700 };
    thx_tar              *t;
    const char           *file;
    uint64_t              size;
    size_t                got, n = 0;
    char                  text[1024];
    thorax_error          err;

    assert_ok(thx_tar_open(&t, source_path(name), 1 << 20, &err), err);
    for (;; n++) {
        assert_ok(thx_tar_next(t, &file, &size, &err), err);
        if (!file) break;
        assert_true(n < 4 && size == sizes[n]);
        if (n == 3) assert_int_equal(strlen(file), long_name);
        assert_ok(thx_tar_read(t, text, sizeof text, &got, &err), err);
        assert_int_equal(got, size);
        assert_true(n != 1 || !memcmp(text, "one\ntwo\n", 8));
    }
    assert_int_equal(n, 4); /* the folder and the link are not among them */
    thx_tar_close(t);
}

static void test_forms(void **state)
{
    (void)state;
    read_corpus("tests/fuzz/corpus/tar/pax", 159);
    read_corpus("tests/fuzz/corpus/tar/gnu", 159);
    read_corpus("tests/fuzz/corpus/tar/ustar", 181);
    read_corpus("tests/fuzz/corpus/tar/packed.gz", 159);
}

/* Reads all of an archive of the first `size` bytes of `data`. */
static thorax_status read_bytes(const char *data, size_t size, uint64_t most, thorax_error *err)
{
    thx_tar      *t;
    const char   *name = "";
    uint64_t      bytes;
    thorax_status st;

    assert_ok(thx_file_write(path_of, data, size, err), *err);
    assert_ok(thx_tar_open(&t, path_of, most, err), *err);
    for (st = THORAX_OK; !st && name;) st = thx_tar_next(t, &name, &bytes, err);
    thx_tar_close(t);
    unlink(path_of);
    return st;
}

static void test_damage(void **state)
{
    char        *data;
    size_t       size;
    thx_tar     *t;
    thorax_error err;

    (void)state;
    snprintf(path_of, sizeof path_of, "/tmp/thx-tar-%ld", (long)getpid());
    assert_ok(thx_file_read(&data, &size, source_path("tests/fuzz/corpus/tar/packed.gz"), 1 << 20, &err), err);
    assert_int_equal(read_bytes(data, size, 1 << 20, &err), THORAX_OK);
    assert_int_equal(read_bytes(data, size, 2000, &err), THORAX_LIMIT);
    assert_int_equal(read_bytes(data, size / 2, 1 << 20, &err), THORAX_FORMAT);
    data[size - 6] ^= 1; /* its sum */
    assert_int_equal(read_bytes(data, size, 1 << 20, &err), THORAX_FORMAT);
    free(data);
    assert_ok(thx_file_read(&data, &size, source_path("tests/fuzz/corpus/tar/gnu"), 1 << 20, &err), err);
    assert_int_equal(read_bytes(data, 700, 1 << 20, &err), THORAX_FORMAT);
    data[100] ^= 1; /* in a header */
    assert_int_equal(read_bytes(data, size, 1 << 20, &err), THORAX_FORMAT);
    free(data);
    assert_int_equal(thx_tar_open(&t, "/nowhere/at/all", 1, &err), THORAX_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_forms), cmocka_unit_test(test_damage) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
