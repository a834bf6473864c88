/* The encoder on two layers: against its definition in double, texts apart, positions and types where they belong. */
#include "check.h"
#include "encoder/encoder.h"

#include <math.h>

enum { D = 8, F = 12, H = 2, E = D / H, LAYERS = 2, V = 11, POSITIONS = 9, S = 5, TEXTS = 3, WEIGHTS = 64 };

static const int32_t ids[TEXTS * S] = { 1, 4, 9, 10, 2, 1, 7, 7, 0, 2, 1, 3, 8, 5, 2 };

static thx_ctx    *ctx;
static thx_weight *opened[WEIGHTS];
static float       values[WEIGHTS][D * F]; /* behind the weights, in the order they were made */
static size_t      n_opened;
static uint32_t    seed = 5;

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

static thx_weight *make(size_t n, size_t k, thx_weight_use use, float base)
{
    thorax_error   err;
    float         *v = values[n_opened];
    const thx_view view = { .name = "w", .data = v, .type = THX_F32, .rank = 2, .shape = { n, k }, .count = n * k };

    for (size_t i = 0; i < n * k; i++) {
        seed = seed * 1664525u + 1013904223u;
        v[i] = base + (float)(seed >> 8) / (float)(1 << 24) - 0.5f;
    }
    assert_ok(ctx->ops->weight_open(ctx, &opened[n_opened], &view, use, &err), err);
    return opened[n_opened++];
}

static thx_weight *matrix(size_t n, size_t k) { return make(n, k, THX_USE_LINEAR, 0); }
static thx_weight *vector(size_t n, float base) { return make(1, n, THX_USE_VECTOR, base); }

static const thx_encoder *encoder(void)
{
    static thx_encoder_layer layers[LAYERS];
    static thx_encoder       e;

    if (e.layers) return &e;
    e = (thx_encoder){ .config = { .D = D, .F = F, .H = H, .layers = LAYERS, .V = V, .positions = POSITIONS,
                                   .act = THX_GELU_ERF, .norm_eps = 1e-12f }, .layers = layers };
    e.words = make(V, D, THX_USE_ROWS, 0);
    e.position = make(POSITIONS, D, THX_USE_ROWS, 0);
    e.type = make(2, D, THX_USE_ROWS, 0);
    e.norm_w = vector(D, 1);
    e.norm_b = vector(D, 0);
    for (size_t i = 0; i < LAYERS; i++) {
        thx_encoder_layer *l = &layers[i];
        thx_weight **const order[] = { &l->q_w, &l->k_w, &l->v_w, &l->o_w };
        thx_weight **const biases[] = { &l->q_b, &l->k_b, &l->v_b, &l->o_b };
        for (size_t k = 0; k < 4; k++) {
            *order[k] = matrix(D, D);
            *biases[k] = vector(D, 0);
        }
        l->norm1_w = vector(D, 1);
        l->norm1_b = vector(D, 0);
        l->fc1_w = matrix(F, D);
        l->fc1_b = vector(F, 0);
        l->fc2_w = matrix(D, F);
        l->fc2_b = vector(D, 0);
        l->norm2_w = vector(D, 1);
        l->norm2_b = vector(D, 0);
    }
    return &e;
}

/* ---- The definition, in double, for one text ---- */

static void norm(double *x, const float *w, const float *b)
{
    double mean = 0, square = 0;

    for (size_t d = 0; d < D; d++) mean += x[d] / D;
    for (size_t d = 0; d < D; d++) square += (x[d] - mean) * (x[d] - mean) / D;
    for (size_t d = 0; d < D; d++) x[d] = (x[d] - mean) / sqrt(square + 1e-12) * w[d] + b[d];
}

static void linear(double *y, const double *x, const float *w, const float *b, size_t n, size_t k)
{
    for (size_t i = 0; i < n; i++) {
        y[i] = b[i];
        for (size_t j = 0; j < k; j++) y[i] += w[i * k + j] * x[j];
    }
}

/* Weights of a layer begin at values[w], in the order encoder() makes them. */
static void layer(double x[S][D], size_t w)
{
    double q[S][D], k[S][D], v[S][D], out[D], f[F];

    for (size_t t = 0; t < S; t++) {
        linear(q[t], x[t], values[w], values[w + 1], D, D);
        linear(k[t], x[t], values[w + 2], values[w + 3], D, D);
        linear(v[t], x[t], values[w + 4], values[w + 5], D, D);
    }
    for (size_t t = 0; t < S; t++) {
        double mixed[D] = { 0 };
        for (size_t h = 0; h < H; h++) {
            double p[S], total = 0;
            for (size_t s = 0; s < S; s++) {
                double score = 0;
                for (size_t e = 0; e < E; e++) score += q[t][h * E + e] * k[s][h * E + e];
                total += p[s] = exp(score / sqrt(E));
            }
            for (size_t s = 0; s < S; s++)
                for (size_t e = 0; e < E; e++) mixed[h * E + e] += p[s] / total * v[s][h * E + e];
        }
        linear(out, mixed, values[w + 6], values[w + 7], D, D);
        for (size_t d = 0; d < D; d++) x[t][d] += out[d];
        norm(x[t], values[w + 8], values[w + 9]);
        linear(f, x[t], values[w + 10], values[w + 11], F, D);
        for (size_t i = 0; i < F; i++) f[i] *= 0.5 * (1 + erf(f[i] / sqrt(2.0)));
        linear(out, f, values[w + 12], values[w + 13], D, F);
        for (size_t d = 0; d < D; d++) x[t][d] += out[d];
        norm(x[t], values[w + 14], values[w + 15]);
    }
}

static void define(double x[S][D], const int32_t *text, size_t first_position)
{
    for (size_t t = 0; t < S; t++) {
        for (size_t d = 0; d < D; d++)
            x[t][d] = (double)values[0][text[t] * D + d] + values[2][d] + values[1][(first_position + t) * D + d];
        norm(x[t], values[3], values[4]);
    }
    for (size_t i = 0; i < LAYERS; i++) layer(x, 5 + 16 * i);
}

/* ---- Tests ---- */

static void forward(const thx_encoder *e, float *out, size_t first, size_t n)
{
    thorax_error err;

    size_t ends[TEXTS];

    for (size_t i = 0; i < n; i++) ends[i] = (i + 1) * S;
    assert_ok(thx_encoder_forward(ctx, e, (thx_tensor){ out, n * S, D, D }, ids + first * S, ends, n, LAYERS, NULL,
                                  NULL, &err),
              err);
}

static void as_defined(void **state)
{
    thx_encoder e = *encoder();
    float       out[TEXTS * S * D];

    (void)state;
    for (e.config.first_position = 0; e.config.first_position <= 3; e.config.first_position += 3) {
        forward(&e, out, 0, TEXTS);
        for (size_t i = 0; i < TEXTS; i++) {
            double want[S][D];
            define(want, ids + i * S, e.config.first_position);
            for (size_t k = 0; k < S * D; k++) assert_true(fabs(out[i * S * D + k] - want[k / D][k % D]) < 1e-5);
        }
    }
    assert_int_equal(thx_encoder_tokens(&encoder()->config), POSITIONS);
    e.config.first_position = 2;
    assert_int_equal(thx_encoder_tokens(&e.config), POSITIONS - 2);
}

static void texts_do_not_see_each_other(void **state)
{
    float all[TEXTS * S * D], one[S * D];

    (void)state;
    forward(encoder(), all, 0, TEXTS);
    for (size_t i = 0; i < TEXTS; i++) {
        forward(encoder(), one, i, 1);
        assert_memory_equal(all + i * S * D, one, sizeof one);
    }
}

static void first_rows(void **state)
{
    float all[TEXTS * S * D], first[TEXTS * D];

    (void)state;
    forward(encoder(), all, 0, TEXTS);
    const thx_encoder_pass pass = { .rows = { all, TEXTS * S, D, D },
                                    .ends = (size_t[]){ S, 2 * S, 3 * S },
                                    .n = TEXTS };
    thx_encoder_first_rows(ctx, (thx_tensor){ first, TEXTS, D, D }, &pass);
    for (size_t i = 0; i < TEXTS; i++) assert_memory_equal(first + i * D, all + i * S * D, D * sizeof *first);
}

static bool stop(void *data) { return --*(int *)data > 0; }

static void can_be_stopped(void **state)
{
    float        out[S * D];
    int          steps = 1;
    thorax_error err;

    (void)state;
    ctx->step = stop;
    ctx->step_data = &steps;
    assert_int_equal(thx_encoder_forward(ctx, encoder(), (thx_tensor){ out, S, D, D }, ids, (size_t[]){ S }, 1, LAYERS,
                                         NULL, NULL, &err),
                     THORAX_CANCELLED);
    ctx->step = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_defined),
        cmocka_unit_test(texts_do_not_see_each_other),
        cmocka_unit_test(first_rows),
        cmocka_unit_test(can_be_stopped),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
