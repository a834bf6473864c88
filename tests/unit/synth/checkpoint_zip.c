/* Archives: places, and what stands before, behind and at the end, up to sizes that no test writes. */
#include "place.h"
#include "synth/checkpoint_zip.h"

static uint64_t number(const thx_string *s, size_t at, int bytes)
{
    uint64_t value = 0;

    assert_true(at + (size_t)bytes <= s->size);
    for (int i = 0; i < bytes; i++) value |= (uint64_t)(unsigned char)s->data[at + (size_t)i] << 8 * i;
    return value;
}

/* Header, data and descriptor follow one another; data begins at multiples of 64. */
static void check_places(const thx_zip_entry *e, size_t count, uint64_t end)
{
    uint64_t at = 0;

    for (size_t i = 0; i < count; i++) {
        thx_string head = { 0 }, tail = { 0 };

        thx_zip_header(&head, &e[i]);
        thx_zip_descriptor(&tail, &e[i]);
        assert_int_equal(e[i].header_at, at);
        assert_int_equal(e[i].data_at % 64, 0);
        assert_int_equal(e[i].data_at, at + head.size);
        assert_int_equal(number(&head, 0, 4), 0x04034b50);
        assert_int_equal(30 + number(&head, 26, 2) + number(&head, 28, 2), head.size);
        at = e[i].data_at + e[i].size + tail.size;
        thx_string_deinit(&head);
        thx_string_deinit(&tail);
    }
    assert_int_equal(end, at);
}

static void small_entries(void **state)
{
    thx_zip_entry e[] = { { .name = "a/data.pkl", .size = 99, .sum = 0x12345678 }, { .name = "a/data/0", .size = 64 },
                          { .name = "a/version", .size = 2 } };
    thx_string s = { 0 };

    (void)state;
    const uint64_t at = thx_zip_place(e, 3);
    check_places(e, 3, at);
    assert_int_equal(e[0].data_at, 64);
    thx_zip_directory(&s, e, 3, at);
    assert_int_equal(number(&s, 0, 4), 0x02014b50);
    assert_int_equal(number(&s, 16, 4), 0x12345678);
    assert_int_equal(number(&s, 20, 4), 99);
    assert_int_equal(number(&s, 46 + 10 + 42, 4), e[1].header_at);
    assert_int_equal(s.size, 3 * 46 + 10 + 8 + 9 + 56 + 20 + 22); /* no 64-bit fields */
    assert_int_equal(number(&s, s.size - 6, 4), at);
    thx_string_deinit(&s);
}

/* The second entry is larger than 4 GiB, the third lies behind it, and so does the directory. */
static void large_entries(void **state)
{
    thx_zip_entry e[] = { { .name = "a/data.pkl", .size = 99 }, { .name = "a/data/0", .size = 6000000000 },
                          { .name = "a/version", .size = 2 } };
    thx_string s = { 0 };

    (void)state;
    const uint64_t at = thx_zip_place(e, 3);
    check_places(e, 3, at);
    thx_zip_descriptor(&s, &e[1]);
    assert_int_equal(number(&s, 8, 8), 6000000000);
    thx_string_deinit(&s);
    thx_zip_directory(&s, e, 3, at);
    assert_int_equal(number(&s, 46 + 10 + 20, 4), UINT32_MAX);
    assert_int_equal(number(&s, 46 + 10 + 46 + 8 + 4, 8), 6000000000);
    assert_int_equal(number(&s, 46 + 10 + 46 + 8 + 20 + 42, 4), UINT32_MAX);
    assert_int_equal(number(&s, 46 + 10 + 46 + 8 + 20 + 46 + 9 + 4, 8), e[2].header_at);
    const size_t end = s.size - 22, where = end - 20, wide = where - 56;
    assert_int_equal(number(&s, wide, 4), 0x06064b50);
    assert_int_equal(number(&s, wide + 32, 8), 3);
    assert_int_equal(number(&s, wide + 48, 8), at);
    assert_int_equal(number(&s, where, 4), 0x07064b50);
    assert_int_equal(number(&s, where + 8, 8), at + wide);
    assert_int_equal(number(&s, end + 16, 4), UINT32_MAX);
    thx_string_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(small_entries), cmocka_unit_test(large_entries) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
