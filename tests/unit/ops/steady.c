/* The bits of a row do not depend on the number of rows beside it, on the threads, or on
 * where a prompt was cut: at every level, in both precisions, for both roles. */
#include "check.h"
#include "ops/ops.h"
#include "ops/quant.h"

#include <math.h>

static float value(size_t i) /* any fixed sequence without pattern at the sizes below */
{
    return (float)((i * 2654435761u >> 7) % 2001) * 1e-3f - 1.0f;
}

static thx_tensor filled(size_t rows, size_t cols)
{
    thx_tensor t = {
        .data = malloc(rows * cols * sizeof(float)), .rows = rows, .cols = cols, .stride = cols
    };

    assert_non_null(t.data);
    for (size_t i = 0; i < rows * cols; i++) t.data[i] = value(i);
    return t;
}

static thx_ctx *open_ctx(int level, thx_precision precision, int threads)
{
    thx_ctx     *ctx;
    thorax_error err;

    assert_ok(thx_cpu_open(&ctx, level, precision, threads, &err), err);
    return ctx;
}

static void same_bits(thx_tensor a, thx_tensor b, const char *what, size_t x, size_t y)
{
    for (size_t t = 0; t < a.rows; t++)
        if (memcmp(a.data + t * a.stride, b.data + t * b.stride, a.cols * sizeof(float)))
            fail_msg("%s (%zu, %zu): row %zu has other bits", what, x, y, t);
}

/* ---- linear ------------------------------------------------------------------- */
static void product(thx_ctx *ctx, thx_tensor y, thx_tensor x, const thx_view *view, thx_role role)
{
    thorax_error err;
    thx_weight  *w;

    assert_ok(ctx->ops->weight_open(ctx, &w, view, THX_USE_LINEAR, &err), err);
    assert_ok(ctx->ops->linear(ctx, y, x, w, NULL, role, &err), err);
    thx_weight_close(w);
}

/* [N, K] of values as that type; the caller frees *stored. */
static thx_view matrix(void **stored, thx_type type, size_t N, size_t K)
{
    thx_view view = { .name = "w", .type = type, .rank = 2, .shape = { N, K }, .count = N * K };
    uint16_t *half = malloc(N * K * sizeof *half);
    size_t   bytes;

    assert_non_null(half);
    for (size_t i = 0; i < N * K; i++)
        half[i] = type == THX_F16 ? thx_f16_from_f32(value(i + 7)) : thx_bf16_from_f32(value(i + 7));
    view.data = *stored = half;
    if (!thx_type_grouped(type)) return view;
    view.type = THX_BF16;
    assert_true(thx_q_bytes(&bytes, type, N, K));
    assert_non_null(*stored = malloc(bytes));
    assert_true(thx_quantize(*stored, type, &view, 0, thx_q_blocks(N), 1));
    free(half);
    view.type = type;
    view.data = *stored;
    return view;
}

static void linear_at(int level, thx_precision precision, thx_type type, thx_role role, size_t N, size_t K)
{
    static const size_t counts[] = { 1,  2,  3,  5,  6,  7,   8,   13,  31,  32,
                                     33, 64, 95, 96, 97, 193, 257, 511, 999, 1000 };
    const size_t T = role == THX_GENERATED ? 20 : 1000;
    thx_tensor   x = filled(T, K), whole = filled(T, N), part = filled(T, N);
    void        *stored;
    const thx_view view = matrix(&stored, type, N, K);

    thx_ctx *one = open_ctx(level, precision, 1), *three = open_ctx(level, precision, 3);
    product(one, whole, x, &view, role);
    product(three, part, x, &view, role);
    same_bits(part, whole, "linear, three threads", N, K);
    for (size_t i = 0; i < sizeof counts / sizeof *counts && counts[i] <= T; i++) {
        const size_t n = counts[i], at = i * 3 % (T - n + 1); /* n rows somewhere */

        product(i % 2 ? one : three, thx_tensor_rows(part, at, n), thx_tensor_rows(x, at, n), &view, role);
        same_bits(thx_tensor_rows(part, at, n), thx_tensor_rows(whole, at, n), "linear, rows", n, at);
    }
    thx_cpu_close(one);
    thx_cpu_close(three);
    free(stored);
    free(x.data);
    free(whole.data);
    free(part.data);
}

static void linear_is_steady(void **state)
{
    (void)state;
    for (int level = THX_CPU_AVX2; level <= thx_cpu_level(); level++) {
        linear_at(level, THX_EXACT, THX_F16, THX_PROMPT, 70, 1001);
        linear_at(level, THX_FAST, THX_F16, THX_PROMPT, 70, 1601);
        linear_at(level, THX_FAST, THX_BF16, THX_PROMPT, 300, 256);
        linear_at(level, THX_FAST, THX_BF16, THX_PROMPT, 64, 1024);
        linear_at(level, THX_FAST, THX_F16, THX_GENERATED, 301, 1001);
        linear_at(level, THX_EXACT, THX_BF16, THX_GENERATED, 301, 1001);
    }
}

static void grouped_linear_is_steady(void **state)
{
    (void)state;
    for (int level = THX_CPU_AVX2; level <= thx_cpu_level(); level++)
        for (thx_type type = THX_Q8; type <= THX_Q4; type++) {
            linear_at(level, THX_EXACT, type, THX_PROMPT, 70, 1001);
            linear_at(level, THX_EXACT, type, THX_GENERATED, 70, 401);
            linear_at(level, THX_FAST, type, THX_PROMPT, 301, 1601);
            linear_at(level, THX_FAST, type, THX_GENERATED, 301, 1001);
            linear_at(level, THX_FAST_INT8, type, THX_PROMPT, 300, 1001);
            linear_at(level, THX_FAST_INT8, type, THX_PROMPT, 600, 96);
        }
}

/* ---- attention ------------------------------------------------------------------ */
enum { G = 2, H = 6, E = 72, ALL = 300, TOKENS = 16 };

static void attend_part(thx_ctx *ctx, const thx_kv *kv, thx_tensor out, thx_tensor q, size_t first, size_t n,
                        size_t window, thx_role role)
{
    thorax_error err;
    thx_attend a = { .out = thx_tensor_rows(out, first, n),
                     .q = thx_tensor_rows(q, first, n),
                     .kv = kv,
                     .H = H,
                     .G = G,
                     .E = E,
                     .first = first,
                     .window = window,
                     .scale = 0.3f,
                     .role = role };

    a.out.rows = a.q.rows = n;
    assert_ok(ctx->ops->attend(ctx, &a, &err), err);
}

/* Positions are appended and attended in pieces of `cut`, as a prompt that grows. */
static void attend_pieces(thx_ctx *ctx, const thx_kv *kv, thx_tensor out, thx_tensor q, thx_tensor k,
                          thx_tensor v, size_t cut, size_t window, thx_role role)
{
    for (size_t first = 0; first < ALL; first += cut) {
        const size_t n = ALL - first < cut ? ALL - first : cut;
        thx_tensor   kn = thx_tensor_rows(k, first, n), vn = thx_tensor_rows(v, first, n);

        kn.rows = vn.rows = n;
        ctx->ops->kv_append(ctx, kv, kn, vn, first);
        attend_part(ctx, kv, out, q, first, n, window, role);
    }
}

static void attend_at(int level, thx_precision precision, thx_type type, thx_role role, size_t window)
{
    static const size_t cuts[] = { 1, 7, 64, 101, 128, 299 };
    const size_t bytes = thx_kv_block_bytes(TOKENS, G, E, type), n = (ALL + TOKENS - 1) / TOKENS;
    void        *blocks[(ALL + TOKENS - 1) / TOKENS];
    thx_tensor   q = filled(ALL, H * E), k = filled(ALL, G * E), v = filled(ALL, G * E);
    thx_tensor   whole = filled(ALL, H * E), part = filled(ALL, H * E);
    const thx_kv kv = { .blocks = blocks, .block_tokens = TOKENS, .G = G, .E = E, .type = type };
    thx_ctx     *one = open_ctx(level, precision, 1), *three = open_ctx(level, precision, 3);

    for (size_t i = 0; i < n; i++) assert_non_null(blocks[i] = malloc(bytes));
    for (size_t i = 0; i < n; i++)
        memset(blocks[i], 0xff, bytes); /* NaN: what is not written must not be read */
    attend_pieces(one, &kv, whole, q, k, v, ALL, window, role);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        for (size_t j = 0; j < n; j++) memset(blocks[j], 0xff, bytes);
        attend_pieces(i % 2 ? one : three, &kv, part, q, k, v, cuts[i], window, role);
        same_bits(part, whole, "attend, cut", cuts[i], window);
    }
    for (size_t i = 0; i < n; i++) free(blocks[i]);
    thx_cpu_close(one);
    thx_cpu_close(three);
    free(q.data);
    free(k.data);
    free(v.data);
    free(whole.data);
    free(part.data);
}

static void attend_is_steady(void **state)
{
    (void)state;
    for (int level = THX_CPU_AVX2; level <= thx_cpu_level(); level++) {
        attend_at(level, THX_EXACT, THX_F32, THX_PROMPT, 0);
        attend_at(level, THX_FAST, THX_BF16, THX_PROMPT, 0);
        attend_at(level, THX_FAST, THX_BF16, THX_PROMPT, 77);
        attend_at(level, THX_FAST, THX_F16, THX_PROMPT, 0);
        attend_at(level, THX_FAST, THX_BF16, THX_GENERATED, 0);
        attend_at(level, THX_EXACT, THX_F32, THX_GENERATED, 33);
    }
}

/* A tile of a tower gives the same rows wherever it stands in a batch. */
static void segments_are_independent(void **state)
{
    enum { S = 150, N = 3 };
    thorax_error err;

    (void)state;
    for (int level = THX_CPU_AVX2; level <= thx_cpu_level(); level++)
        for (int precision = THX_EXACT; precision <= THX_FAST; precision++) {
            thx_ctx   *ctx = open_ctx(level, (thx_precision)precision, 2);
            thx_tensor q = filled(S * N, H * E), k = filled(S * N, H * E), v = filled(S * N, H * E);
            thx_tensor whole = filled(S * N, H * E), part = filled(S, H * E);
            thx_attend a = {
                .out = whole, .q = q, .k = k, .v = v, .H = H, .G = H, .E = E, .segment = S, .scale = 0.1f
            };

            assert_ok(ctx->ops->attend(ctx, &a, &err), err);
            for (size_t i = 0; i < N; i++) {
                thx_attend b = a;

                b.q = thx_tensor_rows(q, i * S, S);
                b.k = thx_tensor_rows(k, i * S, S);
                b.v = thx_tensor_rows(v, i * S, S);
                b.out = part;
                assert_ok(ctx->ops->attend(ctx, &b, &err), err);
                same_bits(part, thx_tensor_rows(whole, i * S, S), "segment", i, (size_t)precision);
            }
            thx_cpu_close(ctx);
            free(q.data), free(k.data), free(v.data), free(whole.data), free(part.data);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_is_steady),
        cmocka_unit_test(grouped_linear_is_steady),
        cmocka_unit_test(attend_is_steady),
        cmocka_unit_test(segments_are_independent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
