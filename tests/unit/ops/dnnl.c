/* The way through oneDNN, forced here whatever the processor's level (elsewhere it is taken where
 * there are matrix units): right against products in double, steady over rows and threads. */
#include "check.h"
#include "ops/cpu.h"

#include <float.h>
#include <math.h>

static float value(size_t i) { return (float)((i * 2654435761u >> 7) % 2001) * 1e-3f - 1.0f; }

static thx_ctx *open_through_dnnl(int threads)
{
    thx_ctx     *ctx;
    thorax_error err;

    assert_ok(thx_cpu_open(&ctx, thx_cpu_level(), THX_FAST, threads, &err), err);
    if (!thx_cpu_of(ctx)->dnnl) thx_cpu_of(ctx)->dnnl = thx_dnnl_open(threads);
    return ctx;
}

/* Without bf16 products of the processor, linear computes in f32 and never comes here. */
static void skip_without_bf16(void)
{
    if (thx_cpu_level() >= THX_CPU_AVX512_BF16) return;
    print_message("skipped: this processor has no bf16 products\n");
    skip();
}

static unsigned char *stored_values(thx_type type, size_t n, size_t offset, bool fit)
{
    unsigned char *p = malloc(n * 2 + 2);

    for (size_t i = 0; i < n; i++) {
        const float    f = value(i + 3);
        const uint16_t h = type == THX_F16 ? (uint16_t)(thx_f16_from_f32(f) & (fit ? 0xfff8 : 0xffff))
                                           : thx_bf16_from_f32(f);
        memcpy(p + offset + 2 * i, &h, 2);
    }
    return p;
}

/* y and every row of it against sums in double of what bf16 rows and stored weights give. */
static void check_product(thx_type type, size_t T, size_t N, size_t K, size_t offset, bool fit)
{
    unsigned char *stored = stored_values(type, N * K, offset, fit);
    const thx_view view = {
        .name = "w", .data = stored + offset, .type = type, .rank = 2, .shape = { N, K }, .count = N * K
    };
    float *x = malloc(T * K * sizeof *x), *y = malloc(T * N * sizeof *y), *again = malloc(T * N * sizeof *y);
    float         *bias = malloc(N * sizeof *bias);
    thx_ctx       *ctx = open_through_dnnl(2), *one = open_through_dnnl(1);
    const thx_view bias_view = {
        .name = "b", .data = bias, .type = THX_F32, .rank = 1, .shape = { N }, .count = N
    };
    thx_weight    *w, *b;
    thorax_error   err;

    for (size_t i = 0; i < T * K; i++) x[i] = value(i * 5 + 1);
    for (size_t i = 0; i < N; i++) bias[i] = value(i + 99);
    thx_tensor tx = { x, T, K, K }, ty = { y, T, N, N }, ta = { again, T, N, N };
    assert_ok(ctx->ops->weight_open(ctx, &w, &view, THX_USE_LINEAR, &err), err);
    assert_ok(ctx->ops->weight_open(ctx, &b, &bias_view, THX_USE_VECTOR, &err), err);
    assert_ok(ctx->ops->linear(ctx, ty, tx, w, b, THX_PROMPT, &err), err);
    for (size_t t = 0; t < T; t += T / 5 + 1)
        for (size_t n = 0; n < N; n++) {
            double sum = bias[n], mag = fabs((double)bias[n]);
            for (size_t k = 0; k < K; k++) {
                const double xk = thx_f32_from_bf16(thx_bf16_from_f32(x[t * K + k]));
                const double wk = thx_element(stored + offset, type, n * K + k);
                sum += xk * wk;
                mag += fabs(xk * wk);
            }
            if (!(fabs(sum - y[t * N + n]) <= mag * FLT_EPSILON * (2 + sqrt((double)K))))
                fail_msg("%s T %zu N %zu K %zu: [%zu, %zu] is %g, wanted %g", thx_type_name(type), T, N, K, t,
                         n, (double)y[t * N + n], sum);
        }
    for (size_t n = 1, at; n <= T; n = n * 3 + 1) { /* n rows from somewhere, another number of threads */
        at = (T - n) / 2;
        assert_ok(one->ops->linear(one, thx_tensor_rows(ta, at, n), thx_tensor_rows(tx, at, n), w, b,
                                   THX_PROMPT, &err),
                  err);
        if (memcmp(again + at * N, y + at * N, n * N * sizeof *y))
            fail_msg("%zu rows at %zu have other bits", n, at);
    }
    thx_weight_close(w);
    thx_weight_close(b);
    thx_cpu_close(ctx);
    thx_cpu_close(one);
    free(stored), free(x), free(y), free(again), free(bias);
}

static void products(void **state)
{
    (void)state;
    skip_without_bf16();
    check_product(THX_BF16, 700, 70, 96, 0, true);
    check_product(THX_BF16, 40, 300, 129, 1, true); /* odd address, odd K */
    check_product(THX_F16, 150, 260, 64, 0, true);
    check_product(THX_F16, 33, 300, 1152, 0, false);
    check_product(THX_F16, 1, 1, 1, 0, false);
}

/* A shape is asked for once; whether usable or not, the answer stays. */
static void shapes_are_kept(void **state)
{
    thx_dnnl *d = thx_dnnl_open(1);

    (void)state;
    assert_non_null(d);
    const thx_dnnl_shape *s = thx_dnnl_shape_get(d, 64, 64, 64);
    assert_ptr_equal(thx_dnnl_shape_get(d, 64, 64, 64), s);
    if (thx_cpu_level() >= THX_CPU_AVX512_BF16) assert_non_null(s);
    thx_dnnl_close(d);
    thx_dnnl_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(products), cmocka_unit_test(shapes_are_kept) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
