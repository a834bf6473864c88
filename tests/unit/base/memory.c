#include "check.h"
#include "base/memory.h"

static void pieces_are_aligned_and_come_back(void **state)
{
    thx_arena *a;
    thorax_error err;

    (void)state;
    assert_ok(thx_arena_open(&a, 4096, &err), err);
    char *first = thx_arena_alloc(a, 100, 1);
    assert_non_null(first);
    const thx_arena_mark mark = thx_arena_get_mark(a);
    void *p = thx_arena_alloc(a, 7, 3);
    assert_int_equal((uintptr_t)p % 64, 0);
    char *large = thx_arena_zalloc(a, 100000, 1);
    assert_non_null(large);
    assert_int_equal(large[99999], 0);
    memset(large, 1, 100000);
    const size_t bytes = thx_arena_bytes(a);
    for (int i = 0; i < 10; i++) {
        thx_arena_release(a, mark);
        assert_ptr_equal(thx_arena_alloc(a, 7, 3), p);
        assert_ptr_equal(thx_arena_alloc(a, 100000, 1), large);
    }
    assert_int_equal(thx_arena_bytes(a), bytes);
    thx_arena_close(a);
}

static void impossible_sizes_are_refused(void **state)
{
    thx_arena *a;
    thorax_error err;

    (void)state;
    assert_ok(thx_arena_open(&a, 0, &err), err);
    assert_null(thx_arena_alloc(a, SIZE_MAX / 2, 3));
    assert_null(thx_arena_alloc(a, SIZE_MAX - 8, 1));
    assert_non_null(thx_arena_alloc(a, 0, 1));
    thx_arena_close(a);
    thx_arena_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_and_come_back),
        cmocka_unit_test(impossible_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
