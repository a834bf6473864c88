/* What a class token, LayerScale, joined projections and a last norm change, on a tower of two layers. */
#include "check.h"
#include "vision/vit.h"

#include <math.h>

enum { D = 8, F = 16, H = 2, LAYERS = 2, PX = 5, PATCH = 2, P = 4, TILES = 2, AREA = 3 * PX * PX };

static thx_ctx    *ctx;
static thx_weight *opened[512];
static size_t      n_opened;
static float       values[64][3 * D * F]; /* behind the weights, which may keep them */
static size_t      n_values;
static uint32_t    seed;

static int setup(void **state)
{
    thorax_error err;

    (void)state;
    return thx_cpu_open(&ctx, THX_CPU_REF, THX_EXACT, 1, &err) != THORAX_OK;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_opened; i++) thx_weight_close(opened[i]);
    thx_cpu_close(ctx);
    return 0;
}

static float next(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (float)(seed >> 8) / (float)(1 << 24) - 0.5f;
}

static thx_weight *weight(const float *data, size_t n, size_t k, thx_weight_use use)
{
    thorax_error   err;
    const thx_view view = { .name = "w", .data = data, .type = THX_F32, .rank = 2, .shape = { n, k }, .count = n * k };

    assert_ok(ctx->ops->weight_open(ctx, &opened[n_opened], &view, use, &err), err);
    return opened[n_opened++];
}

static float *room(size_t n, float base)
{
    float *v = values[n_values++];

    for (size_t i = 0; i < n; i++) v[i] = base + next();
    return v;
}

static thx_weight *matrix(size_t n, size_t k) { return weight(room(n * k, 0), n, k, THX_USE_LINEAR); }
static thx_weight *vector(size_t n, float base) { return weight(room(n, base), 1, n, THX_USE_VECTOR); }

/* Queries, keys and values as one matrix, and the same rows as three. */
static void make_attention(thx_vit_layer *l, bool joined)
{
    float *w = room(3 * D * D, 0), *b = room(3 * D, 0);

    if (joined) {
        l->qkv_w = weight(w, 3 * D, D, THX_USE_LINEAR);
        l->qkv_b = weight(b, 1, 3 * D, THX_USE_VECTOR);
        return;
    }
    l->q_w = weight(w, D, D, THX_USE_LINEAR);
    l->q_b = weight(b, 1, D, THX_USE_VECTOR);
    l->k_w = weight(w + D * D, D, D, THX_USE_LINEAR);
    l->k_b = weight(b + D, 1, D, THX_USE_VECTOR);
    l->v_w = weight(w + 2 * D * D, D, D, THX_USE_LINEAR);
    l->v_b = weight(b + 2 * D, 1, D, THX_USE_VECTOR);
}

/* The same values for the same `class_token`, whatever else is asked for. */
static void make(thx_vit *vit, thx_vit_layer *layers, bool class_token, bool joined)
{
    seed = 7;
    n_values = 0;
    *vit = (thx_vit){ .config = { .D = D, .F = F, .H = H, .layers = LAYERS, .channels = 3, .tile_px = PX,
                                  .patch_px = PATCH, .class_token = class_token, .act = THX_GELU_ERF,
                                  .norm_eps = 1e-6f },
                      .layers = layers };
    vit->patch_w = matrix(D, 3 * PATCH * PATCH);
    vit->patch_b = vector(D, 0);
    if (class_token) vit->class_row = vector(D, 0);
    vit->position = weight(room((P + class_token) * D, 0), P + class_token, D, THX_USE_ROWS);
    for (size_t i = 0; i < LAYERS; i++) {
        thx_vit_layer *l = &layers[i];
        *l = (thx_vit_layer){ .ln1_w = vector(D, 1), .ln1_b = vector(D, 0) };
        make_attention(l, joined);
        l->o_w = matrix(D, D);
        l->o_b = vector(D, 0);
        l->ln2_w = vector(D, 1);
        l->ln2_b = vector(D, 0);
        l->fc1_w = matrix(F, D);
        l->fc1_b = vector(F, 0);
        l->fc2_w = matrix(D, F);
        l->fc2_b = vector(D, 0);
    }
}

static void forward(const thx_vit *vit, float *out, size_t first, size_t n)
{
    static float tiles[TILES * AREA];
    thorax_error err;

    seed = 99;
    for (size_t i = 0; i < TILES * AREA; i++) tiles[i] = next();
    const thx_tensor t = { out, n * thx_vit_rows(&vit->config), D, D };
    assert_ok(thx_vit_forward(ctx, vit, t, tiles + first * AREA, n, &err), err);
}

static void joined_projections_give_the_same_rows(void **state)
{
    thx_vit       vit;
    thx_vit_layer layers[LAYERS];
    float         apart[TILES * P * D], joined[TILES * P * D];

    (void)state;
    make(&vit, layers, false, false);
    assert_int_equal(thx_vit_rows(&vit.config), P);
    forward(&vit, apart, 0, TILES);
    make(&vit, layers, false, true);
    forward(&vit, joined, 0, TILES);
    assert_memory_equal(apart, joined, sizeof apart);
}

static void the_class_token_is_row_0_and_has_a_position(void **state)
{
    thx_vit       vit;
    thx_vit_layer layers[LAYERS];
    float         out[TILES * (P + 1) * D];

    (void)state;
    make(&vit, layers, true, true);
    vit.config.layers = 0; /* hidden state 0 */
    forward(&vit, out, 0, TILES);
    for (size_t i = 0; i < TILES; i++)
        for (size_t d = 0; d < D; d++) /* values[2] and [3]: class row and positions */
            assert_true(out[i * (P + 1) * D + d] == values[2][d] + values[3][d]);
    assert_memory_not_equal(out + D, out + (P + 2) * D, D * sizeof *out);
}

static void tiles_do_not_see_each_other(void **state)
{
    thx_vit       vit;
    thx_vit_layer layers[LAYERS];
    float         both[TILES * (P + 1) * D], one[(P + 1) * D];

    (void)state;
    make(&vit, layers, true, true);
    forward(&vit, both, 0, TILES);
    forward(&vit, one, 1, 1);
    assert_memory_equal(both + (P + 1) * D, one, sizeof one);
}

static void scales_weigh_the_branches(void **state)
{
    static const float zero[D], one[D] = { 1, 1, 1, 1, 1, 1, 1, 1 };
    thx_vit       vit;
    thx_vit_layer layers[LAYERS];
    float         plain[TILES * (P + 1) * D], scaled[TILES * (P + 1) * D];

    (void)state;
    make(&vit, layers, true, true);
    forward(&vit, plain, 0, TILES);
    for (size_t i = 0; i < LAYERS; i++)
        layers[i].scale1 = layers[i].scale2 = weight(one, 1, D, THX_USE_VECTOR);
    forward(&vit, scaled, 0, TILES);
    assert_memory_equal(plain, scaled, sizeof plain);
    for (size_t i = 0; i < LAYERS; i++)
        layers[i].scale1 = layers[i].scale2 = weight(zero, 1, D, THX_USE_VECTOR);
    forward(&vit, scaled, 0, TILES);
    vit.config.layers = 0;
    forward(&vit, plain, 0, TILES);
    assert_memory_equal(plain, scaled, sizeof plain);
}

static void the_last_norm_is_taken_where_it_is_given(void **state)
{
    static const float one[D] = { 1, 1, 1, 1, 1, 1, 1, 1 }, zero[D];
    thx_vit       vit;
    thx_vit_layer layers[LAYERS];
    float         out[TILES * (P + 1) * D];

    (void)state;
    make(&vit, layers, true, true);
    vit.norm_w = weight(one, 1, D, THX_USE_VECTOR);
    vit.norm_b = weight(zero, 1, D, THX_USE_VECTOR);
    forward(&vit, out, 0, TILES);
    for (size_t t = 0; t < TILES * (P + 1); t++) {
        double sum = 0, square = 0;
        for (size_t d = 0; d < D; d++) {
            sum += out[t * D + d];
            square += (double)out[t * D + d] * out[t * D + d];
        }
        assert_true(fabs(sum) < 1e-5 && fabs(square / D - 1) < 1e-4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joined_projections_give_the_same_rows),
        cmocka_unit_test(the_class_token_is_row_0_and_has_a_position),
        cmocka_unit_test(tiles_do_not_see_each_other),
        cmocka_unit_test(scales_weigh_the_branches),
        cmocka_unit_test(the_last_norm_is_taken_where_it_is_given),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
