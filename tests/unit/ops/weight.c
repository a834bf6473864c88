/* Weights made ready: what is accepted, what is refused, what memory they take; and contexts. */
#include "check.h"
#include "ops/ops.h"

static thx_ctx *ctx;

static int open_ctx(void **state)
{
    (void)state;
    return thx_cpu_open(&ctx, thx_cpu_level(), THX_EXACT, 1, NULL) != THORAX_OK;
}
static int close_ctx(void **state)
{
    (void)state;
    thx_cpu_close(ctx);
    return 0;
}

static thorax_status open_as(thx_view view, thx_weight_use use, thorax_error *err)
{
    thx_weight   *w;
    thorax_status st = ctx->ops->weight_open(ctx, &w, &view, use, err);

    if (st) assert_null(w);
    else thx_weight_close(w);
    return st;
}

static void shapes_and_types(void **state)
{
    static const float data[24];
    thorax_error err;
    thx_view v = {
        .name = "some.weight", .data = data, .type = THX_F32, .rank = 2, .shape = { 4, 6 }, .count = 24
    };

    (void)state;
    assert_int_equal(open_as(v, THX_USE_LINEAR, &err), THORAX_OK);
    assert_int_equal(open_as(v, THX_USE_ROWS, &err), THORAX_OK);
    assert_int_equal(open_as(v, THX_USE_VECTOR, &err), THORAX_OK);
    v.type = THX_I32;
    assert_int_equal(open_as(v, THX_USE_LINEAR, &err), THORAX_SHAPE);
    assert_non_null(strstr(err.text, "some.weight"));
    assert_non_null(strstr(err.text, "I32"));
    v.type = THX_F64;
    assert_int_equal(open_as(v, THX_USE_VECTOR, &err), THORAX_SHAPE);
    v.type = THX_F32;
    v.rank = 1;
    v.shape[0] = 24;
    assert_int_equal(open_as(v, THX_USE_LINEAR, &err), THORAX_SHAPE);
    assert_int_equal(open_as(v, THX_USE_ROWS, NULL), THORAX_SHAPE);
    assert_int_equal(open_as(v, THX_USE_VECTOR, &err), THORAX_OK);
    v.rank = 0;
    v.count = 1;
    assert_int_equal(open_as(v, THX_USE_LINEAR, &err), THORAX_SHAPE);
    v.rank = 2; /* a count that contradicts the shape, an empty side, a product beyond size_t */
    v.shape[1] = 1;
    v.count = 23;
    assert_int_equal(open_as(v, THX_USE_LINEAR, &err), THORAX_SHAPE);
    v.shape[1] = v.count = 0;
    assert_int_equal(open_as(v, THX_USE_LINEAR, &err), THORAX_SHAPE);
    v.shape[0] = v.shape[1] = (uint64_t)1 << 33;
    assert_int_equal(open_as(v, THX_USE_LINEAR, &err), THORAX_SHAPE);
}

/* Only vectors are copied; a convolution kernel is folded into a matrix and the same bytes serve both uses.
 */
static void memory_and_folding(void **state)
{
    static const uint16_t data[2 * 3 * 2 * 2] = { 0x3f80, 0x4000, 0x4040, 0x4080, 0x3f80, 0x3f80, 0x3f80,
                                                  0x3f80, 0,      0,      0,      0x3f80, 0x4000 };
    const thx_view v = {
        .name = "conv", .data = data, .type = THX_BF16, .rank = 4, .shape = { 2, 3, 2, 2 }, .count = 24
    };
    thx_weight  *w, *vector;
    thorax_error err;

    (void)state;
    assert_ok(ctx->ops->weight_open(ctx, &w, &v, THX_USE_LINEAR, &err), err);
    assert_ok(ctx->ops->weight_open(ctx, &vector, &v, THX_USE_VECTOR, &err), err);
    assert_int_equal(thx_weight_bytes(w), 0);
    assert_int_equal(thx_weight_bytes(vector), 24 * sizeof(float));

    thx_tensor x = thx_tensor_alloc(ctx, 1, 12), y = thx_tensor_alloc(ctx, 1, 2),
               rows = thx_tensor_alloc(ctx, 2, 12);
    const int32_t ids[] = { 1, 0 };
    for (int i = 0; i < 12; i++) x.data[i] = 1.0f;
    assert_ok(ctx->ops->linear(ctx, y, x, w, NULL, THX_PROMPT, &err), err);
    assert_float_equal(y.data[0], 15.0f, 0);
    assert_float_equal(y.data[1], 2.0f, 0);
    ctx->ops->gather(ctx, rows, w, ids, 2);
    assert_float_equal(rows.data[12 + 3], 4.0f, 0);
    assert_float_equal(rows.data[0], 2.0f, 0);
    thx_weight_close(w);
    thx_weight_close(vector);
    thx_weight_close(NULL);
}

static void contexts(void **state)
{
    thx_ctx     *c;
    thorax_error err;

    (void)state;
    assert_ok(thx_cpu_open(&c, 99, THX_FAST, 0, &err), err); /* as wide as the processor is */
    assert_string_equal(c->ops->name, thx_cpu_level_name(thx_cpu_level()));
    assert_true(c->threads >= 1);
    thx_cpu_close(c);
    assert_ok(thx_cpu_open(&c, -1, THX_FAST, 3, &err), err);
    assert_string_equal(c->ops->name, "ref");
    assert_int_equal(c->threads, 3);
    assert_null(thx_tensor_alloc(c, (size_t)1 << 40, (size_t)1 << 40).data);
    thx_cpu_close(c);
    thx_cpu_close(NULL);
    assert_int_equal(thx_kv_block_bytes(256, 4, 128, THX_BF16), 256 * 4 * 128 * 2 * 2);
    assert_string_equal(thx_cpu_level_name(77), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_and_types),
        cmocka_unit_test(memory_and_folding),
        cmocka_unit_test(contexts),
    };
    return cmocka_run_group_tests(tests, open_ctx, close_ctx);
}
