/* A matrix with an adapter merged into it: against sums in double, in every type, at every level. */
#include "check.h"
#include "ops/cpu.h"

#include <math.h>

enum { N = 67, K = 131, R = 5 };

static float value(size_t i) { return (float)((i * 2654435761u >> 7) % 2001) * 1e-3f - 1.0f; }

static thx_view stored(void *to, const char *name, thx_type type, size_t rows, size_t cols, size_t seed)
{
    for (size_t i = 0; i < rows * cols; i++) {
        const float    f = value(i + seed);
        const uint16_t h = type == THX_F16 ? thx_f16_from_f32(f) : thx_bf16_from_f32(f);

        if (type == THX_F32) memcpy((char *)to + 4 * i, &f, 4);
        else memcpy((char *)to + 2 * i, &h, 2);
    }
    return (thx_view){ .name = name, .data = to, .type = type, .rank = 2, .shape = { rows, cols }, .count = rows * cols };
}

/* Half a place of the type at x, and what f32 sums may err by. */
static double room_at(thx_type type, double x)
{
    const double place = type == THX_F16 ? 0x1p-10 : type == THX_BF16 ? 0x1p-7 : 0x1p-23;
    return 0.5 * place * fmax(fabs(x), 0x1p-10) * 1.01 + 1e-6;
}

static void check_merge(int level, thx_type type, thx_type low, float scale)
{
    static float w_data[N * K], a_data[R * K], b_data[N * R];
    const thx_view w = stored(w_data, "w", type, N, K, 1), a = stored(a_data, "a", low, R, K, 7),
                   b = stored(b_data, "b", low, N, R, 13);
    thx_ctx     *ctx;
    thx_weight  *merged;
    thorax_error err;

    assert_ok(thx_cpu_open(&ctx, level, THX_FAST, 2, &err), err);
    assert_ok(ctx->ops->weight_merge(ctx, &merged, &w, &a, &b, scale, type, &err), err);
    assert_int_equal(ctx->precision, THX_FAST);
    assert_int_equal(thx_weight_bytes(merged), N * K * thx_type_bytes(type));
    for (size_t n = 0; n < N; n++)
        for (size_t k = 0; k < K; k++) {
            double more = 0.0;
            for (size_t r = 0; r < R; r++)
                more += (double)thx_element(b.data, low, n * R + r) * (double)thx_element(a.data, low, r * K + k);
            const double want = (double)thx_element(w.data, type, n * K + k) + (double)scale * more;
            const double got = (double)thx_element(merged->data, type, n * K + k);
            if (!(fabs(got - want) <= room_at(type, want)))
                fail_msg("level %d %s: [%zu, %zu] is %g, wanted %g", level, thx_type_name(type), n, k, got, want);
        }
    thx_weight_close(merged);
    thx_cpu_close(ctx);
}

static void sums(void **state)
{
    (void)state;
    for (int level = THX_CPU_REF; level <= thx_cpu_level(); level++) {
        check_merge(level, THX_F16, THX_BF16, 2.0f);
        check_merge(level, THX_BF16, THX_F16, 0.3f);
        check_merge(level, THX_F32, THX_F32, -1.7f);
    }
}

/* Rounded to groups afterwards: the same bytes as rounding the merged matrix. */
static void rounded(void **state)
{
    static float w_data[N * K], a_data[R * K], b_data[N * R];
    const thx_view w = stored(w_data, "w", THX_F16, N, K, 1), a = stored(a_data, "a", THX_F16, R, K, 7),
                   b = stored(b_data, "b", THX_F16, N, R, 13);
    thx_ctx     *ctx;
    thx_weight  *plain, *grouped, *again;
    thorax_error err;

    (void)state;
    assert_ok(thx_cpu_open(&ctx, thx_cpu_level(), THX_FAST, 1, &err), err);
    assert_ok(ctx->ops->weight_merge(ctx, &plain, &w, &a, &b, 2.0f, THX_F16, &err), err);
    assert_ok(ctx->ops->weight_merge(ctx, &grouped, &w, &a, &b, 2.0f, THX_Q8, &err), err);
    thx_view sum = w;
    sum.data = plain->data;
    assert_ok(ctx->ops->weight_quantize(ctx, &again, &sum, THX_Q8, &err), err);
    assert_int_equal(grouped->owned_bytes, again->owned_bytes);
    assert_memory_equal(grouped->data, again->data, again->owned_bytes);
    thx_weight_close(plain), thx_weight_close(grouped), thx_weight_close(again);
    thx_cpu_close(ctx);
}

static void other_shapes(void **state)
{
    static float w_data[N * K], a_data[R * K], b_data[N * R];
    const thx_view w = stored(w_data, "some.weight", THX_F16, N, K, 1), b = stored(b_data, "b", THX_F16, N, R, 13);
    thx_view       a = stored(a_data, "a", THX_F16, R, K, 7);
    thx_ctx     *ctx;
    thx_weight  *merged;
    thorax_error err;

    (void)state;
    assert_ok(thx_cpu_open(&ctx, thx_cpu_level(), THX_FAST, 1, &err), err);
    a.shape[1] = K - 1;
    assert_int_equal(ctx->ops->weight_merge(ctx, &merged, &w, &a, &b, 2.0f, THX_F16, &err), THORAX_SHAPE);
    assert_null(merged);
    assert_non_null(strstr(err.text, "some.weight"));
    a.shape[1] = K;
    a.type = THX_I32;
    assert_int_equal(ctx->ops->weight_merge(ctx, &merged, &w, &a, &b, 2.0f, THX_F16, &err), THORAX_SHAPE);
    thx_cpu_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(sums), cmocka_unit_test(rounded), cmocka_unit_test(other_shapes) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
