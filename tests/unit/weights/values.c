/* Odd values are counted exactly: every half there is, every bf16, and what a wide pass must not
 * miss at block borders and unaligned addresses. */
#include "check.h"
#include "weights/weights.h"

#include <math.h>

static thx_value_count count(const void *data, thx_type type, uint64_t n)
{
    const thx_view v = { .name = "x", .data = data, .type = type, .rank = 1, .shape = { n }, .count = n };
    return thx_view_count_values(&v);
}

static bool bf16_holds(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return !(bits & 0xffff);
}

static void every_half(void **state)
{
    (void)state;
    for (unsigned h = 0; h < 65536; h++) {
        const uint16_t x = (uint16_t)h;
        const float f = thx_f32_from_f16(x);
        const thx_value_count c = count(&x, THX_F16, 1);

        assert_int_equal(c.inf, isinf(f) != 0);
        assert_int_equal(c.nan, isnan(f) != 0);
        assert_int_equal(c.not_bf16, isfinite(f) && !bf16_holds(f));
    }
}

static void every_bf16(void **state)
{
    (void)state;
    for (unsigned h = 0; h < 65536; h++) {
        const uint16_t x = (uint16_t)h;
        const float f = thx_f32_from_bf16(x);
        const thx_value_count c = count(&x, THX_BF16, 1);

        assert_int_equal(c.inf, isinf(f) != 0);
        assert_int_equal(c.nan, isnan(f) != 0);
        assert_int_equal(c.not_bf16, 0);
    }
}

/* All patterns, many times over, from an odd address: the sums of a threaded pass. */
static void long_unaligned_tensor(void **state)
{
    enum { TIMES = 51 };
    const size_t n = (size_t)TIMES * 65536 + 7;
    unsigned char *bytes = malloc(2 * n + 1);
    thx_value_count want = { 0 };

    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < n; i++) {
        const uint16_t x = (uint16_t)(i * 31);
        const float f = thx_f32_from_f16(x);

        memcpy(bytes + 1 + 2 * i, &x, 2);
        want.inf += isinf(f) != 0;
        want.nan += isnan(f) != 0;
        want.not_bf16 += isfinite(f) && !bf16_holds(f);
    }
    const thx_value_count got = count(bytes + 1, THX_F16, n);
    assert_int_equal(got.inf, want.inf);
    assert_int_equal(got.nan, want.nan);
    assert_int_equal(got.not_bf16, want.not_bf16);

    memset(bytes, 0xff, 2 * n + 1); /* nothing but NaN: no count may wrap around */
    assert_int_equal(count(bytes + 1, THX_F16, n).nan, n);
    assert_int_equal(count(bytes + 1, THX_BF16, n).nan, n);
    assert_int_equal(count(bytes + 1, THX_F32, n / 2).nan, n / 2);
    free(bytes);
}

static void wide_types(void **state)
{
    const float f[] = { 0, 1, -INFINITY, NAN, 1.0f + 0x1p-8f, 1.0f + 0x1p-7f, 0x1p-149f, 0x1p-133f };
    const double d[] = { 0, 1, -INFINITY, NAN, 1.0 + 0x1p-8, 1.0 + 0x1p-7, 1e300, 0x1p-133 };
    const int32_t i[] = { -1, 0x7f800000, 5 };

    (void)state;
    thx_value_count c = count(f, THX_F32, 8);
    assert_int_equal(c.inf, 1);
    assert_int_equal(c.nan, 1);
    assert_int_equal(c.not_bf16, 2);
    c = count(d, THX_F64, 8);
    assert_int_equal(c.inf, 1);
    assert_int_equal(c.nan, 1);
    assert_int_equal(c.not_bf16, 2);
    c = count(i, THX_I32, 3);
    assert_int_equal(c.inf + c.nan + c.not_bf16, 0);
    assert_int_equal(count(f, THX_F32, 0).nan, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_half), cmocka_unit_test(every_bf16),
        cmocka_unit_test(long_unaligned_tensor), cmocka_unit_test(wide_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
