#include "check.h"
#include "base/file.h"
#include "base/npy.h"

static void what_is_written_is_read(void **state)
{
    char path[] = "/tmp/thorax-npy-XXXXXX";
    const float x[6] = { 1, 2, 3, 4, 5, -6.5f };
    thx_npy a;
    thorax_error err;

    (void)state;
    close(mkstemp(path));
    assert_ok(thx_npy_write(path, "f4", x, (size_t[]){ 2, 3 }, 2, &err), err);
    assert_ok(thx_npy_read(&a, path, &err), err);
    assert_int_equal(a.rank, 2);
    assert_int_equal(a.shape[1], 3);
    assert_memory_equal(a.data, x, sizeof x);
    thx_npy_deinit(&a);

    thx_npy_writer *w; /* too few values: the file that was there stays */
    assert_ok(thx_npy_begin(&w, path, "f4", (size_t[]){ 4 }, 1, &err), err);
    assert_ok(thx_npy_add(w, x, 8, &err), err);
    assert_int_equal(thx_npy_end(w, &err), THORAX_SHAPE);
    assert_ok(thx_npy_read(&a, path, &err), err);
    assert_int_equal(a.count, 6);
    thx_npy_deinit(&a);

    assert_ok(thx_file_write(path, "\x93NUMPY\x01\x00\xff\xff", 10, &err), err);
    assert_int_equal(thx_npy_read(&a, path, &err), THORAX_FORMAT);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_written_is_read) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
