/* Cases: linear with grouped weights (Q8, Q4) in every role and precision, rows gathered from them. The
 * rows of x are rounded here as the precision says, so that the limits stay those of f32. */
#include "harness.h"

#include "ops/kernels.h"
#include "ops/quant.h"

typedef struct grouped { thx_view view, values, size; } grouped; /* stored; its values; what rounding lives on */

static thx_view float_view(bench *b, size_t N, size_t K)
{
    float *p = take(b, N * K * sizeof *p);
    return (thx_view){ .name = "w", .data = p, .type = THX_F32, .rank = 2, .shape = { N, K }, .count = N * K };
}

/* A random matrix, some rows and groups of it far smaller or larger than the others. */
static grouped draw_grouped(bench *b, thx_type type, size_t N, size_t K)
{
    const thx_view from = float_view(b, N, K);
    float         *w = (float *)(uintptr_t)from.data;
    grouped        g = { .view = from, .values = float_view(b, N, K), .size = float_view(b, N, K) };
    size_t         bytes;

    for (size_t i = 0; i < N * K; i++) {
        const float far = i / 32 % 11 == 3 ? 1e-3f : i / 32 % 13 == 5 ? 40.0f : 1.0f;
        w[i] = draw_value(b) * far + (i / 64 % 7 == 6 ? 5.0f : 0.0f);
    }
    if (!thx_q_bytes(&bytes, type, N, K)) exit(2);
    unsigned char *to = (unsigned char *)take(b, bytes + 64) + draw(b) % 8;
    if (!thx_quantize(to, type, &from, 0, thx_q_blocks(N), 1)) fail_case(b, "not finite");
    g.view.data = to;
    g.view.type = type;
    for (size_t n = 0; n < N; n++) {
        float *values = (float *)(uintptr_t)g.values.data + n * K, *size = (float *)(uintptr_t)g.size.data + n * K;

        thx_dequantize(values, to, type, K, n, 0, K);
        for (size_t k = 0; k < K; k += 32) { /* codes are multiplied before the zero is taken off */
            float top = 0.0f;
            for (size_t i = k; i < k + 32 && i < K; i++) top = fmaxf(top, fabsf(values[i]));
            for (size_t i = k; i < k + 32 && i < K; i++)
                size[i] = type == THX_Q8 ? fabsf(values[i]) : fabsf(values[i]) + 2 * top;
        }
    }
    return g;
}

/* The kernels of the level that is tried, which is not the reference. */
static const thx_quant *quant_of(const bench *b)
{
    const thx_quant *quant = NULL;

    for (int level = THX_CPU_AVX2; level <= thx_cpu_level(); level++)
        if (!strcmp(thx_cpu_level_name(level), b->got->ops->name)) quant = thx_kernels_get(level)->quant;
    return quant;
}

/* x as the level's rounding to whole numbers leaves it: that of `fine` rows is judged here, that of 8 bits, which picks
 * among scales, by tests/unit/ops/quant.c. */
static void round_groups(bench *b, thx_tensor x, bool fine)
{
    const size_t     G = thx_q_groups(x.cols);
    thx_rounded      r = { .codes = take(b, G * 64), .pitch = G * 64, .scales = take(b, G * 4), .sums = take(b, G * 4) };
    const thx_quant *quant = quant_of(b);

    for (size_t t = 0; t < x.rows; t++) {
        float *xt = x.data + t * x.stride;

        quant->round(&r, 0, xt, x.cols, fine);
        for (size_t k = 0; k < x.cols; k++) {
            const int8_t *codes = r.codes + k / 32 * (fine ? 64 : 32);
            const int     whole = fine ? codes[k % 32] * 256 + codes[32 + k % 32] : codes[k % 32];
            const float   value = r.scales[k / 32] * (float)whole;

            if (fine && !(fabsf(value - xt[k]) <= r.scales[k / 32] * 0.51f))
                fail_case(b, "column %zu: %g is rounded to %g", k, (double)xt[k], (double)value);
            xt[k] = value;
        }
    }
}

static void round_values(const thx_view *view)
{
    round_tensor((thx_tensor){ (float *)(uintptr_t)view->data, 1, view->count, view->count }, THX_BF16);
}

/* What the product sees of x and w in a precision. */
static void as_multiplied(bench *b, thx_precision precision, thx_role role, thx_tensor x, const thx_view *values)
{
    if (precision == THX_EXACT || b->got->ops->linear == b->ref->ops->linear) return;
    if (role == THX_GENERATED) round_groups(b, x, true);
    else if (precision == THX_FAST_INT8 && quant_of(b)->dense) round_groups(b, x, false);
    else if (multiplies_bf16(b)) {
        round_tensor(x, THX_BF16);
        round_values(values);
    }
}

static void grouped_case(bench *b, thx_precision precision, thx_role role)
{
    const thx_type type = draw(b) % 2 ? THX_Q8 : THX_Q4;
    const size_t   T = draw_odd(b, role == THX_GENERATED ? 20 : 60), N = draw_odd(b, 300), K = draw_odd(b, 1200);
    const grouped  g = draw_grouped(b, type, N, K);
    const thx_view bias = random_view(b, THX_F32, 1, N), abs_bias = absolute_view(b, &bias);
    const bool     with_bias = draw(b) % 2;
    thx_tensor     x = random_tensor(b, T, K), y = output_tensor(b, T, N, draw(b) % 5), want = output_like(b, y);
    thx_tensor     mag = output_like(b, y), x_ref = copy_tensor(b, x);
    thorax_error   err;

    snprintf(b->shape, sizeof b->shape, "%s, precision %d, T %zu N %zu K %zu%s", thx_type_name(type), precision, T, N,
             K, with_bias ? ", bias" : "");
    as_multiplied(b, precision, role, x_ref, &g.values);
    thx_weight *w = open_weight(b, &g.view, THX_USE_LINEAR), *values = open_weight(b, &g.values, THX_USE_LINEAR);
    thx_weight *size = open_weight(b, &g.size, THX_USE_LINEAR);
    thx_weight *bw = open_weight(b, &bias, THX_USE_VECTOR), *abs_bw = open_weight(b, &abs_bias, THX_USE_VECTOR);

    b->got->precision = precision;
    if (b->got->ops->linear(b->got, y, x, w, with_bias ? bw : NULL, role, &err)) fail_case(b, "%s", err.text);
    b->got->precision = THX_EXACT;
    b->ref->ops->linear(b->ref, want, x_ref, values, with_bias ? bw : NULL, role, &err);
    b->ref->ops->linear(b->ref, mag, absolute(b, x), size, with_bias ? abs_bw : NULL, role, &err);
    compare(b, y, want, mag, FLT_EPSILON * (3.0 + sqrt((double)K)));
    thx_weight_close(w), thx_weight_close(values), thx_weight_close(size);
    thx_weight_close(bw), thx_weight_close(abs_bw);
}

static void grouped_exact_prompt(bench *b) { grouped_case(b, THX_EXACT, THX_PROMPT); }
static void grouped_exact_generated(bench *b) { grouped_case(b, THX_EXACT, THX_GENERATED); }
static void grouped_fast_prompt(bench *b) { grouped_case(b, THX_FAST, THX_PROMPT); }
static void grouped_fast_generated(bench *b) { grouped_case(b, THX_FAST, THX_GENERATED); }
static void grouped_int8_prompt(bench *b) { grouped_case(b, THX_FAST_INT8, THX_PROMPT); }
static void grouped_int8_generated(bench *b) { grouped_case(b, THX_FAST_INT8, THX_GENERATED); }

static void grouped_gather(bench *b)
{
    const size_t  V = draw_odd(b, 50), D = draw_odd(b, 300), n = draw_odd(b, 30);
    const grouped g = draw_grouped(b, draw(b) % 2 ? THX_Q8 : THX_Q4, V, D);
    thx_weight   *w = open_weight(b, &g.view, THX_USE_ROWS);
    thx_tensor    y = output_tensor(b, n, D, draw(b) % 9), want = output_like(b, y);
    int32_t      *ids = take(b, n * sizeof *ids);

    for (size_t i = 0; i < n; i++) {
        ids[i] = (int32_t)(draw(b) % V);
        memcpy(want.data + i * want.stride, (const float *)g.values.data + (size_t)ids[i] * D, D * sizeof(float));
    }
    snprintf(b->shape, sizeof b->shape, "%s, V %zu D %zu", thx_type_name(g.view.type), V, D);
    b->got->ops->gather(b->got, y, w, ids, n);
    compare(b, y, want, want, 0);
    thx_weight_close(w);
}

const test_case quant_cases[] = {
    { "grouped-exact-prompt", 30, grouped_exact_prompt },     { "grouped-exact-generated", 20, grouped_exact_generated },
    { "grouped-fast-prompt", 40, grouped_fast_prompt },       { "grouped-fast-generated", 40, grouped_fast_generated },
    { "grouped-int8-prompt", 40, grouped_int8_prompt },       { "grouped-int8-generated", 10, grouped_int8_generated },
    { "grouped-gather", 30, grouped_gather },                 { NULL, 0, NULL },
};
