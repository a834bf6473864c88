/* Packing on a grid small enough to be read: every row is a number that says where it came from. */
#include "check.h"
#include "vision/pack.h"

static thx_ctx *ctx;

static int setup(void **state)
{
    thorax_error err;
    (void)state;
    return thx_cpu_open(&ctx, THX_CPU_REF, THX_EXACT, 1, &err) != THORAX_OK;
}

static int teardown(void **state)
{
    (void)state;
    thx_cpu_close(ctx);
    return 0;
}

/* Tiles of side 2 in a grid of 1 x 2: tile t, patch (y, x) has the value 100 t + 10 y + x. */
static thx_tensor make_tiles(float *data)
{
    for (int t = 0; t < 3; t++)
        for (int y = 0; y < 2; y++)
            for (int x = 0; x < 2; x++) data[t * 4 + y * 2 + x] = (float)(100 * t + 10 * y + x);
    return (thx_tensor){ data, 12, 1, 1 };
}

static thx_weight *make_newline(const float *value)
{
    thx_weight *w;
    thorax_error err;
    const thx_view view = { .name = "newline", .data = value, .type = THX_F32, .rank = 1, .shape = { 1 }, .count = 1 };
    assert_ok(ctx->ops->weight_open(ctx, &w, &view, THX_USE_VECTOR, &err), err);
    return w;
}

static void rows_run_across_tiles_and_end_with_newlines(void **state)
{
    float data[12], out[32];
    const float minus = -1;
    thorax_error err;
    thx_weight *newline = make_newline(&minus);
    const thx_pack p = { .side = 2, .grid_h = 1, .grid_w = 2, .kept_h = 2, .kept_w = 4, .final_h = 2, .final_w = 4 };
    const float want[] = { 0, 1, 10, 11, 100, 101, 200, 201, -1, 110, 111, 210, 211, -1 };

    (void)state;
    assert_int_equal(thx_pack_rows(&p), 14);
    assert_ok(thx_pack_forward(ctx, &p, (thx_tensor){ out, 14, 1, 1 }, make_tiles(data), newline, &err), err);
    assert_memory_equal(out, want, sizeof want);
    thx_weight_close(newline);
}

static void cropped_columns_are_left_out(void **state)
{
    float data[12], out[32];
    const float minus = -1;
    thorax_error err;
    thx_weight *newline = make_newline(&minus);
    const thx_pack p = { .side = 2, .grid_h = 1, .grid_w = 2, .crop_x = 1, .kept_h = 2, .kept_w = 2, .final_h = 2, .final_w = 2 };
    const float want[] = { 0, 1, 10, 11, 101, 200, -1, 111, 210, -1 };

    (void)state;
    assert_ok(thx_pack_forward(ctx, &p, (thx_tensor){ out, 10, 1, 1 }, make_tiles(data), newline, &err), err);
    assert_memory_equal(out, want, sizeof want);
    thx_weight_close(newline);
}

static void scaling_comes_before_the_newline(void **state)
{
    float data[12], out[32];
    const float minus = -1;
    thorax_error err;
    thx_weight *newline = make_newline(&minus);
    const thx_pack p = { .side = 2, .grid_h = 1, .grid_w = 2, .kept_h = 2, .kept_w = 4, .final_h = 1, .final_w = 2 };

    (void)state;
    assert_ok(thx_pack_forward(ctx, &p, (thx_tensor){ out, 7, 1, 1 }, make_tiles(data), newline, &err), err);
    assert_float_equal(out[4], (100 + 101 + 110 + 111) / 4.0f, 1e-4);
    assert_float_equal(out[5], (200 + 201 + 210 + 211) / 4.0f, 1e-4);
    assert_float_equal(out[6], -1, 0);
    thx_weight_close(newline);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_run_across_tiles_and_end_with_newlines),
        cmocka_unit_test(cropped_columns_are_left_out),
        cmocka_unit_test(scaling_comes_before_the_newline),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
