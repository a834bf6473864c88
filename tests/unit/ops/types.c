/* Element types: every f16 and bf16 pattern goes to f32 and back, rounding is to nearest even. */
#include "check.h"
#include "ops/types.h"

#include <math.h>

static float float_of(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static void every_pattern_returns(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        const float f = thx_f32_from_f16((uint16_t)h), b = thx_f32_from_bf16((uint16_t)h);

        if (isnan(f)) assert_true(isnan(thx_f32_from_f16(thx_f16_from_f32(f))));
        else assert_int_equal(thx_f16_from_f32(f), h);
        if (isnan(b)) assert_true(isnan(thx_f32_from_bf16(thx_bf16_from_f32(b))));
        else assert_int_equal(thx_bf16_from_f32(b), h);
    }
}

static void known_values(void **state)
{
    (void)state;
    assert_float_equal(thx_f32_from_f16(0x3c00), 1.0f, 0);
    assert_float_equal(thx_f32_from_f16(0xc000), -2.0f, 0);
    assert_float_equal(thx_f32_from_f16(0x7bff), 65504.0f, 0);
    assert_float_equal(thx_f32_from_f16(0x0001), 0x1p-24f, 0);
    assert_float_equal(thx_f32_from_f16(0x0400), 0x1p-14f, 0);
    assert_true(isinf(thx_f32_from_f16(0xfc00)));
    assert_true(signbit(thx_f32_from_f16(0x8000)));
    assert_float_equal(thx_f32_from_bf16(0x3f80), 1.0f, 0);
}

/* Between neighbours a < b: just below the middle gives a, just above b, the middle the even one. */
static void rounding_is_to_nearest_even(void **state)
{
    (void)state;
    for (uint16_t h = 0; h < 0x7bff; h++) {
        const double a = thx_f32_from_f16(h), b = thx_f32_from_f16((uint16_t)(h + 1));
        const float  middle = (float)((a + b) / 2);
        const uint16_t even = h & 1 ? (uint16_t)(h + 1) : h;

        assert_int_equal(thx_f16_from_f32(middle), even);
        assert_int_equal(thx_f16_from_f32(nextafterf(middle, -1.0f)), h);
        assert_int_equal(thx_f16_from_f32(nextafterf(middle, 1e9f)), h + 1);
        assert_int_equal(thx_f16_from_f32(-middle), even | 0x8000);
    }
    assert_int_equal(thx_f16_from_f32(65519.99f), 0x7bff);
    assert_int_equal(thx_f16_from_f32(65520.0f), 0x7c00);
    assert_int_equal(thx_f16_from_f32(1e30f), 0x7c00);
    for (uint32_t h = 0; h < 0x7f80; h++) {
        const uint16_t even = (uint16_t)(h & 1 ? h + 1 : h);

        assert_int_equal(thx_bf16_from_f32(float_of(h << 16 | 0x8000u)), even);
        assert_int_equal(thx_bf16_from_f32(float_of(h << 16 | 0x7fffu)), h);
        assert_int_equal(thx_bf16_from_f32(float_of(h << 16 | 0x8001u)), h + 1);
    }
}

static void names_and_sizes(void **state)
{
    (void)state;
    assert_string_equal(thx_type_name(THX_BF16), "BF16");
    assert_string_equal(thx_type_name(THX_BOOL), "BOOL");
    assert_string_equal(thx_type_name(THX_TYPES), "?");
    assert_int_equal(thx_type_bytes(THX_F16), 2);
    assert_int_equal(thx_type_bytes(THX_I64), 8);
    assert_int_equal(thx_type_bytes(THX_TYPES), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pattern_returns),
        cmocka_unit_test(known_values),
        cmocka_unit_test(rounding_is_to_nearest_even),
        cmocka_unit_test(names_and_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
