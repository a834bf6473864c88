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

static void trimming_gives_back_what_is_empty(void **state)
{
    thx_arena *a;
    thorax_error err;

    (void)state;
    assert_ok(thx_arena_open(&a, 4096, &err), err);
    char *kept = thx_arena_alloc(a, 100, 1);
    memset(kept, 7, 100);
    const thx_arena_mark mark = thx_arena_get_mark(a);
    const size_t small = thx_arena_bytes(a);
    assert_non_null(thx_arena_alloc(a, 1000000, 1));
    const size_t peak = thx_arena_bytes(a);
    thx_arena_release(a, mark);
    assert_int_equal(thx_arena_bytes(a), peak);
    thx_arena_trim(a);
    assert_int_equal(thx_arena_bytes(a), small);
    assert_int_equal(thx_arena_peak_bytes(a), peak);
    assert_int_equal(kept[99], 7);
    assert_non_null(thx_arena_alloc(a, 1000000, 1));
    thx_arena_release(a, (thx_arena_mark){ 0 });
    thx_arena_trim(a);
    assert_int_equal(thx_arena_bytes(a), 0);
    assert_non_null(thx_arena_strdup(a, "again"));
    thx_arena_close(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_and_come_back),
        cmocka_unit_test(impossible_sizes_are_refused),
        cmocka_unit_test(trimming_gives_back_what_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
