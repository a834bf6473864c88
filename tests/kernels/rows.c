/* Cases: norms, rotation, activations, sums, copies, patches, bilinear. */
#include "harness.h"

static thx_weight *random_vector(bench *b, size_t D)
{
    const thx_view view = random_view(b, draw(b) % 2 ? THX_F32 : THX_BF16, 1, D);
    return open_weight(b, &view, THX_USE_VECTOR);
}

/* A tensor like t, all of one value: a scale for `compare`. */
static thx_tensor flat(bench *b, thx_tensor t, float value)
{
    thx_tensor to = output_like(b, t);

    for (size_t i = 0; i < t.rows * t.stride; i++) to.data[i] = value;
    return to;
}

static float peak(thx_tensor t)
{
    float most = 0.0f;

    for (size_t r = 0; r < t.rows; r++)
        for (size_t c = 0; c < t.cols; c++) most = fmaxf(most, fabsf(t.data[r * t.stride + c]));
    return most;
}

/* Where a row's values lie close together, their mean takes digits away: the scale of row r grows with
 * the largest |x| over the row's deviation. */
static thx_tensor layer_norm_scale(bench *b, thx_tensor want, thx_tensor x)
{
    thx_tensor scale = flat(b, want, peak(want));

    for (size_t r = 0; r < x.rows; r++) {
        const float *row = x.data + r * x.stride;
        double       sum = 0, squares = 0, most = 0;
        for (size_t c = 0; c < x.cols; c++) {
            sum += row[c];
            most = fmax(most, fabs((double)row[c]));
        }
        const double mean = sum / (double)x.cols;
        for (size_t c = 0; c < x.cols; c++) squares += (row[c] - mean) * (row[c] - mean);
        const double lost = most / sqrt(squares / (double)x.cols + 1e-6);
        for (size_t c = 0; c < x.cols; c++) scale.data[r * scale.stride + c] *= (float)fmax(1.0, lost);
    }
    return scale;
}

static void layer_norm(bench *b)
{
    const size_t T = draw_odd(b, 20), D = 1 + draw_odd(b, 1300);
    thx_tensor   x = random_tensor(b, T, D), y = draw(b) % 2 ? copy_tensor(b, x) : output_like(b, x);
    thx_tensor   want = output_like(b, x);
    thx_weight  *w = random_vector(b, D), *bias = random_vector(b, D);
    const bool   in_place = !(y.data[0] == CANARY), with_bias = draw(b) % 4 != 0;

    snprintf(b->shape, sizeof b->shape, "T %zu D %zu%s", T, D, in_place ? ", in place" : "");
    b->got->ops->layer_norm(b->got, y, in_place ? y : x, w, with_bias ? bias : NULL, 1e-6f);
    b->ref->ops->layer_norm(b->ref, want, x, w, with_bias ? bias : NULL, 1e-6f);
    compare(b, y, want, layer_norm_scale(b, want, x), 16 * FLT_EPSILON);
    thx_weight_close(w);
    thx_weight_close(bias);
}

static void rms_norm(bench *b)
{
    const size_t T = draw_odd(b, 20), D = draw_odd(b, 1300);
    thx_tensor   x = random_tensor(b, T, D), y = draw(b) % 2 ? copy_tensor(b, x) : output_like(b, x);
    thx_tensor   want = output_like(b, x);
    thx_weight  *w = random_vector(b, D);
    const bool   in_place = !(y.data[0] == CANARY);

    snprintf(b->shape, sizeof b->shape, "T %zu D %zu%s", T, D, in_place ? ", in place" : "");
    b->got->ops->rms_norm(b->got, y, in_place ? y : x, w, 1e-6f);
    b->ref->ops->rms_norm(b->ref, want, x, w, 1e-6f);
    compare(b, y, want, want, 8 * FLT_EPSILON);
    thx_weight_close(w);
}

static void rope(bench *b)
{
    const size_t n = draw_odd(b, 90), E = 2 * n + draw_size(b, 0, 1) * draw_size(b, 0, 20);
    const size_t heads = draw_odd(b, 8), T = draw_odd(b, 20), first = draw_size(b, 0, 30000);
    thx_tensor   x = random_tensor(b, T, heads * E), want = copy_tensor(b, x);
    float       *freq = take(b, n * sizeof *freq);

    snprintf(b->shape, sizeof b->shape, "T %zu heads %zu E %zu pairs %zu first %zu", T, heads, E, n, first);
    for (size_t i = 0; i < n; i++) freq[i] = powf(1e6f, -(float)i / (float)n);
    b->got->ops->rope(b->got, x, heads, E, first, freq, n);
    b->ref->ops->rope(b->ref, want, heads, E, first, freq, n);
    compare(b, x, want, flat(b, want, peak(want)), 4 * FLT_EPSILON);
}

/* Activations are judged over a wide range as well, down to where they vanish. */
static void wide_values(bench *b, thx_tensor x)
{
    for (size_t r = 0; r < x.rows; r++)
        for (size_t c = 0; c < x.cols; c++)
            if (draw(b) % 4 == 0) x.data[r * x.stride + c] *= 20.0f;
}

/* The scale of an activation's rounding: e^u carries the relative error of u times u, and u
 * is at most about x². Where e^u overflows the result is nothing: 3e-37 times a gate of up to a hundred. */
static thx_tensor act_scale(bench *b, thx_tensor want, thx_tensor x)
{
    thx_tensor mag = output_like(b, want);

    for (size_t r = 0; r < want.rows; r++)
        for (size_t c = 0; c < want.cols; c++) {
            const float v = x.data[r * x.stride + c];
            mag.data[r * mag.stride + c] = fabsf(want.data[r * want.stride + c]) * (1 + v * v) + 1e-28f;
        }
    return mag;
}

static void activate(bench *b)
{
    const thx_act act = (thx_act)(draw(b) % 6);
    const size_t  T = draw_odd(b, 6), D = draw_odd(b, 2500);
    thx_tensor    x = random_tensor(b, T, D), y = output_like(b, x), want = output_like(b, x);

    snprintf(b->shape, sizeof b->shape, "act %d, T %zu D %zu", act, T, D);
    wide_values(b, x);
    b->got->ops->activate(b->got, y, x, act);
    b->ref->ops->activate(b->ref, want, x, act);
    compare(b, y, want, act_scale(b, want, x), 8 * FLT_EPSILON);
}

static void activate_gated(bench *b)
{
    const thx_act act = (thx_act)(draw(b) % 6);
    const size_t  T = draw_odd(b, 6), D = draw_odd(b, 2500);
    thx_tensor    x = random_tensor(b, T, D), up = random_tensor(b, T, D), want = output_like(b, x);

    snprintf(b->shape, sizeof b->shape, "act %d, T %zu D %zu", act, T, D);
    wide_values(b, x);
    b->ref->ops->activate_gated(b->ref, want, x, up, act);
    thx_tensor mag = act_scale(b, want, x);
    thx_tensor y = draw(b) % 3 == 0 ? x : draw(b) % 2 ? up : output_like(b, x);
    b->got->ops->activate_gated(b->got, y, x, up, act);
    compare(b, y, want, mag, 8 * FLT_EPSILON);
}

static void add(bench *b)
{
    const size_t T = draw_odd(b, 20), D = draw_odd(b, 1300);
    thx_tensor   x = random_tensor(b, T, D), y = random_tensor(b, T, D), want = copy_tensor(b, x);
    thx_tensor   mag = absolute(b, x), abs_y = absolute(b, y);
    thx_weight  *scale = random_vector(b, D);
    const bool   scaled = draw(b) % 2;

    snprintf(b->shape, sizeof b->shape, "T %zu D %zu%s", T, D, scaled ? ", scaled" : "");
    b->got->ops->add(b->got, x, y, scaled ? scale : NULL);
    b->ref->ops->add(b->ref, want, y, scaled ? scale : NULL);
    b->ref->ops->add(b->ref, mag, abs_y, NULL);
    for (size_t r = 0; r < T; r++)
        for (size_t c = 0; c < D; c++) mag.data[r * mag.stride + c] += fabsf(want.data[r * want.stride + c]);
    compare(b, x, want, mag, FLT_EPSILON);
    thx_weight_close(scale);
}

static void fill_rows(bench *b)
{
    const size_t T = draw_odd(b, 20), D = draw_odd(b, 300);
    thx_tensor   y = output_tensor(b, T, D, draw(b) % 9), want = output_like(b, y);
    thx_weight  *w = random_vector(b, D);

    snprintf(b->shape, sizeof b->shape, "T %zu D %zu", T, D);
    b->got->ops->fill_rows(b->got, y, w);
    b->ref->ops->fill_rows(b->ref, want, w);
    compare(b, y, want, want, 0);
    thx_weight_close(w);
}

static void copy_rows(bench *b)
{
    const size_t T = draw_odd(b, 60), D = draw_odd(b, 2000);
    thx_tensor   x = random_tensor(b, T, D), y = output_tensor(b, T, D, draw(b) % 9);

    snprintf(b->shape, sizeof b->shape, "T %zu D %zu", T, D);
    b->got->ops->copy_rows(b->got, y, x);
    compare(b, y, x, x, 0);
}

static void patches(bench *b)
{
    const size_t p = draw_odd(b, 9), C = draw_odd(b, 3), Y = p + draw_size(b, 0, 30),
                 X = p + draw_size(b, 0, 30);
    thx_tensor image = output_tensor(b, C * Y, X, 0),
               y = output_tensor(b, Y / p * (X / p), C * p * p, draw(b) % 9);
    thx_tensor   want = output_like(b, y);

    snprintf(b->shape, sizeof b->shape, "C %zu Y %zu X %zu p %zu", C, Y, X, p);
    for (size_t i = 0; i < C * Y * X; i++) image.data[i] = draw_value(b);
    b->got->ops->patches(b->got, y, image.data, C, Y, X, p);
    b->ref->ops->patches(b->ref, want, image.data, C, Y, X, p);
    compare(b, y, want, want, 0);
}

static void bilinear(bench *b)
{
    const size_t in_h = draw_odd(b, 20), in_w = draw_odd(b, 20), out_h = draw_odd(b, 30),
                 out_w = draw_odd(b, 30);
    const size_t D = draw_odd(b, 100);
    thx_tensor   x = random_tensor(b, in_h * in_w, D), y = output_tensor(b, out_h * out_w, D, draw(b) % 9);
    thx_tensor   want = output_like(b, y);

    snprintf(b->shape, sizeof b->shape, "%zu x %zu to %zu x %zu, D %zu", in_h, in_w, out_h, out_w, D);
    b->got->ops->bilinear(b->got, y, out_h, out_w, x, in_h, in_w);
    b->ref->ops->bilinear(b->ref, want, out_h, out_w, x, in_h, in_w);
    compare(b, y, want, want, 0); /* the formula fixes every rounding */
}

static void dot_codes(bench *b)
{
    const size_t n = draw_odd(b, 600), d = draw_odd(b, 1100);
    int8_t      *codes = take(b, n * d);
    int16_t     *q = take(b, d * sizeof *q);
    int32_t     *y = take(b, (n + 1) * sizeof *y), *want = take(b, (n + 1) * sizeof *want);

    snprintf(b->shape, sizeof b->shape, "n %zu d %zu", n, d);
    for (size_t i = 0; i < n * d; i++) codes[i] = (int8_t)(draw(b) % 8 ? draw_size(b, 0, 254) - 127 : 127);
    for (size_t k = 0; k < d; k++) q[k] = (int16_t)(draw(b) % 8 ? draw_size(b, 0, 28000) - 14000 : 14000);
    y[n] = want[n] = 12345; /* stays */
    b->got->ops->dot_codes(b->got, y, codes, q, n, d);
    b->ref->ops->dot_codes(b->ref, want, codes, q, n, d);
    compare_bytes(b, y, want, (n + 1) * sizeof *y);
}

const test_case row_cases[] = {
    { "layer-norm", 60, layer_norm }, { "rms-norm", 60, rms_norm },   { "rope", 40, rope },
    { "activate", 60, activate },     { "gated", 60, activate_gated }, { "add", 60, add },
    { "fill", 20, fill_rows },        { "copy", 30, copy_rows },      { "patches", 30, patches },
    { "bilinear", 60, bilinear },     { "codes", 60, dot_codes },     { NULL, 0, NULL },
};
