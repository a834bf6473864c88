/* Cases: linear in every stored type, role and precision; rows gathered and added. */
#include "harness.h"

static const thx_type stored[] = { THX_F32, THX_F16, THX_BF16 };

/* Takes the low bits away from f16 values that bf16 cannot hold, in most rows. */
static void make_fit(bench *b, const thx_view *view)
{
    unsigned char *p = (unsigned char *)(uintptr_t)view->data;

    if (view->type != THX_F16 || draw(b) % 3 == 0) return;
    for (size_t i = 0; i < view->count; i++) p[2 * i] &= 0xf8;
}

/* The limit counts in units of the sum of |x w|: n rounded additions err by about sqrt(n) eps / 2. */
static double sum_limit(size_t K) { return FLT_EPSILON * (2.0 + sqrt((double)K)); }

bool multiplies_bf16(const bench *b)
{
    const char *level = b->got->ops->name;
    return !strcmp(level, thx_cpu_level_name(THX_CPU_AVX512_BF16)) || !strcmp(level, thx_cpu_level_name(THX_CPU_AMX));
}

static void linear_case(bench *b, thx_precision precision, thx_role role)
{
    const thx_type type = stored[draw(b) % 3];
    const size_t T = draw_odd(b, role == THX_GENERATED ? 20 : 60), N = draw_odd(b, 300),
                 K = draw_odd(b, 1200);
    const bool     with_bias = draw(b) % 2;
    const thx_view view = random_view(b, type, N, K), bias = random_view(b, THX_F32, 1, N);
    thx_view       abs_view, abs_bias = absolute_view(b, &bias);
    thorax_error   err;

    snprintf(b->shape, sizeof b->shape, "%s, precision %d, T %zu N %zu K %zu%s", thx_type_name(type),
             precision, T, N, K, with_bias ? ", bias" : "");
    make_fit(b, &view);
    abs_view = absolute_view(b, &view);
    thx_weight *w = open_weight(b, &view, THX_USE_LINEAR), *abs_w = open_weight(b, &abs_view, THX_USE_LINEAR);
    thx_weight *bw = open_weight(b, &bias, THX_USE_VECTOR),
               *abs_bw = open_weight(b, &abs_bias, THX_USE_VECTOR);
    thx_tensor  x = random_tensor(b, T, K), y = output_tensor(b, T, N, draw(b) % 5), want = output_like(b, y);
    thx_tensor  mag = output_like(b, y), x_ref = copy_tensor(b, x);

    b->got->precision = precision;
    if (b->got->ops->linear(b->got, y, x, w, with_bias ? bw : NULL, role, &err)) fail_case(b, "%s", err.text);
    b->got->precision = THX_EXACT;

    /* where the product is in bf16 the reference gets the rounded rows; so the limit stays that of f32 */
    if (precision != THX_EXACT && role == THX_PROMPT && type != THX_F32 && multiplies_bf16(b))
        round_tensor(x_ref, THX_BF16);
    b->ref->ops->linear(b->ref, want, x_ref, w, with_bias ? bw : NULL, role, &err);
    b->ref->ops->linear(b->ref, mag, absolute(b, x), abs_w, with_bias ? abs_bw : NULL, role, &err);
    compare(b, y, want, mag, sum_limit(K));
    thx_weight_close(w);
    thx_weight_close(abs_w);
    thx_weight_close(bw);
    thx_weight_close(abs_bw);
}

static void linear_exact_prompt(bench *b) { linear_case(b, THX_EXACT, THX_PROMPT); }
static void linear_exact_generated(bench *b) { linear_case(b, THX_EXACT, THX_GENERATED); }
static void linear_fast_prompt(bench *b) { linear_case(b, THX_FAST, THX_PROMPT); }
static void linear_fast_generated(bench *b) { linear_case(b, THX_FAST, THX_GENERATED); }

/* LOSSY drops what bf16 leaves over of a weight (f16 or f32): 2^-8 of every product, and as much of the row. */
static void linear_lossy(bench *b)
{
    const size_t   T = draw_odd(b, 40), N = draw_odd(b, 300), K = draw_odd(b, 900);
    const thx_view view = random_view(b, draw(b) % 2 ? THX_F16 : THX_F32, N, K), abs_view = absolute_view(b, &view);
    thx_weight *w = open_weight(b, &view, THX_USE_LINEAR), *abs_w = open_weight(b, &abs_view, THX_USE_LINEAR);
    thx_tensor     x = random_tensor(b, T, K), y = output_tensor(b, T, N, 3), want = output_like(b, y);
    thx_tensor     mag = output_like(b, y);
    thorax_error   err;

    snprintf(b->shape, sizeof b->shape, "%s, T %zu N %zu K %zu", thx_type_name(view.type), T, N, K);
    b->got->precision = THX_FAST_LOSSY;
    if (b->got->ops->linear(b->got, y, x, w, NULL, THX_PROMPT, &err)) fail_case(b, "%s", err.text);
    b->got->precision = THX_EXACT;
    b->ref->ops->linear(b->ref, want, x, w, NULL, THX_PROMPT, &err);
    b->ref->ops->linear(b->ref, mag, absolute(b, x), abs_w, NULL, THX_PROMPT, &err);
    compare(b, y, want, mag, 1.02 / 128);
    thx_weight_close(w);
    thx_weight_close(abs_w);
}

static void gather(bench *b)
{
    const size_t   V = draw_odd(b, 50), D = draw_odd(b, 300), n = draw_odd(b, 30);
    const thx_view view = random_view(b, stored[draw(b) % 3], V, D);
    thx_weight    *w = open_weight(b, &view, THX_USE_ROWS);
    thx_tensor     y = output_tensor(b, n, D, draw(b) % 9), want = output_like(b, y);
    int32_t       *ids = take(b, n * sizeof *ids);

    snprintf(b->shape, sizeof b->shape, "%s, V %zu D %zu n %zu", thx_type_name(view.type), V, D, n);
    for (size_t i = 0; i < n; i++) ids[i] = (int32_t)draw_size(b, 0, V - 1);
    b->got->ops->gather(b->got, y, w, ids, n);
    b->ref->ops->gather(b->ref, want, w, ids, n);
    compare(b, y, want, want, 0);
    thx_weight_close(w);
}

static void add_rows(bench *b)
{
    const size_t   rows = draw_odd(b, 20), D = draw_odd(b, 1500), T = draw_odd(b, 50);
    const thx_view view = random_view(b, stored[draw(b) % 3], rows, D);
    thx_weight    *w = open_weight(b, &view, THX_USE_ROWS);
    thx_tensor     x = random_tensor(b, T, D), want = copy_tensor(b, x);

    snprintf(b->shape, sizeof b->shape, "%s, rows %zu D %zu T %zu", thx_type_name(view.type), rows, D, T);
    b->got->ops->add_rows(b->got, x, w, rows);
    b->ref->ops->add_rows(b->ref, want, w, rows);
    compare(b, x, want, want, 0);
    thx_weight_close(w);
}

const test_case linear_cases[] = {
    { "linear-exact-prompt", 30, linear_exact_prompt },
    { "linear-exact-generated", 30, linear_exact_generated },
    { "linear-fast-prompt", 50, linear_fast_prompt },
    { "linear-fast-generated", 30, linear_fast_generated },
    { "linear-lossy", 20, linear_lossy },
    { "gather", 40, gather },
    { "add-rows", 40, add_rows },
    { NULL, 0, NULL },
};
