/* See harness.h. */
#include "harness.h"

#include <stdarg.h>

uint64_t draw(bench *b) /* splitmix64 */
{
    uint64_t z = b->random += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

size_t draw_size(bench *b, size_t low, size_t high) { return low + (size_t)(draw(b) % (high - low + 1)); }

size_t draw_odd(bench *b, size_t high)
{
    const size_t most = draw(b) % 3 ? high : high < 8 ? high : 8;
    return draw_size(b, 1, most);
}

float draw_value(bench *b)
{
    double sum = 0.0;

    for (int i = 0; i < 4; i++) sum += (double)(draw(b) >> 11) * 0x1p-53 - 0.5;
    sum *= 1.7320508;
    switch (draw(b) % 64) {
    case 0: return 0.0f;
    case 1: return (float)(sum * 1e-6);
    case 2: return (float)(sum * 30);
    default: return (float)sum;
    }
}

void *take(bench *b, size_t bytes)
{
    void *p = malloc(bytes ? bytes : 1);

    if (!p || b->n_taken == sizeof b->taken / sizeof *b->taken) {
        fprintf(stderr, "out of memory for a case\n");
        exit(2);
    }
    b->taken[b->n_taken++] = p;
    return p;
}

void fail_case(bench *b, const char *format, ...)
{
    va_list args;

    b->bad++;
    if (b->quiet) return;
    printf("FAIL %s %s (%s): ", b->got->ops->name, b->name, b->shape);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
}

/* ---- Tensors ------------------------------------------------------------------ */
thx_tensor output_tensor(bench *b, size_t rows, size_t cols, size_t gap)
{
    const size_t floats = rows * (cols + gap) + 2 * GUARD;
    float       *p = take(b, floats * sizeof *p);

    for (size_t i = 0; i < floats; i++) p[i] = CANARY;
    return (thx_tensor){ .data = p + GUARD, .rows = rows, .cols = cols, .stride = cols + gap };
}

thx_tensor output_like(bench *b, thx_tensor t) { return output_tensor(b, t.rows, t.cols, t.stride - t.cols); }

thx_tensor random_tensor(bench *b, size_t rows, size_t cols)
{
    thx_tensor t = output_tensor(b, rows, cols, draw(b) % 2 ? 0 : draw_size(b, 1, 40));

    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++) t.data[r * t.stride + c] = draw_value(b);
    return t;
}

thx_tensor copy_tensor(bench *b, thx_tensor t)
{
    thx_tensor to = output_like(b, t);

    for (size_t r = 0; r < t.rows; r++)
        memcpy(to.data + r * to.stride, t.data + r * t.stride, t.cols * sizeof(float));
    return to;
}

thx_tensor absolute(bench *b, thx_tensor t)
{
    thx_tensor to = copy_tensor(b, t);

    for (size_t r = 0; r < t.rows; r++)
        for (size_t c = 0; c < t.cols; c++) to.data[r * to.stride + c] = fabsf(to.data[r * to.stride + c]);
    return to;
}

static float rounded(float f, thx_type type)
{
    if (type == THX_F16) return thx_f32_from_f16(thx_f16_from_f32(f));
    return type == THX_BF16 ? thx_f32_from_bf16(thx_bf16_from_f32(f)) : f;
}

void round_tensor(thx_tensor t, thx_type type)
{
    for (size_t r = 0; r < t.rows; r++)
        for (size_t c = 0; c < t.cols; c++)
            t.data[r * t.stride + c] = rounded(t.data[r * t.stride + c], type);
}

/* ---- Stored values -------------------------------------------------------------- */
static void put_stored(unsigned char *to, thx_type type, float f)
{
    const uint16_t h = type == THX_F16 ? thx_f16_from_f32(f) : thx_bf16_from_f32(f);

    if (type == THX_F32) memcpy(to, &f, 4);
    else memcpy(to, &h, 2);
}

thx_view random_view(bench *b, thx_type type, size_t rows, size_t cols)
{
    const size_t   n = rows * cols, size = thx_type_bytes(type);
    unsigned char *p = (unsigned char *)take(b, n * size + 64) + draw(b) % 8; /* any address */
    thx_view view = { .name = "w", .data = p, .type = type, .rank = 2, .shape = { rows, cols }, .count = n };

    for (size_t i = 0; i < n; i++) put_stored(p + i * size, type, draw_value(b));
    return view;
}

thx_view absolute_view(bench *b, const thx_view *view)
{
    const size_t   size = thx_type_bytes(view->type);
    unsigned char *p = take(b, view->count * size);
    thx_view       to = *view;

    memcpy(p, view->data, view->count * size);
    for (size_t i = 0; i < view->count; i++) p[i * size + size - 1] &= 0x7f; /* the sign bit */
    to.data = p;
    return to;
}

thx_weight *open_weight(bench *b, const thx_view *view, thx_weight_use use)
{
    thx_weight  *w;
    thorax_error err;

    if (b->got->ops->weight_open(b->got, &w, view, use, &err)) {
        fprintf(stderr, "%s: %s\n", b->name, err.text);
        exit(2);
    }
    return w;
}

/* ---- Verdicts ------------------------------------------------------------------- */
static bool is_canary(float f) { return f == CANARY; }

static void check_guards(bench *b, thx_tensor t)
{
    const float *first = t.data - GUARD, *end = t.data + t.rows * t.stride + GUARD;

    for (const float *p = first; p < end; p++) {
        const size_t at = (size_t)(p - t.data);
        const bool   inside = p >= t.data && p < t.data + t.rows * t.stride && at % t.stride < t.cols;
        if (!inside && !is_canary(*p)) {
            fail_case(b, "wrote outside: %td floats from the start of %zu x %zu (rows %zu apart)", p - t.data,
                      t.rows, t.cols, t.stride);
            return;
        }
    }
}

void compare(bench *b, thx_tensor got, thx_tensor want, thx_tensor mag, double limit)
{
    check_guards(b, got);
    for (size_t r = 0; r < got.rows; r++)
        for (size_t c = 0; c < got.cols; c++) {
            const double g = got.data[r * got.stride + c], w = want.data[r * want.stride + c];
            const double tol = limit * fabs((double)mag.data[r * mag.stride + c]) + FLT_MIN;

            if (!(fabs(g - w) <= tol)) {
                fail_case(b, "[%zu, %zu] is %.9g, wanted %.9g within %.3g", r, c, g, w, tol);
                return;
            }
        }
}

void compare_bytes(bench *b, const void *got, const void *want, size_t n)
{
    const unsigned char *g = got, *w = want;

    for (size_t i = 0; i < n; i++)
        if (g[i] != w[i]) {
            fail_case(b, "byte %zu of %zu is %02x, wanted %02x", i, n, g[i], w[i]);
            return;
        }
}

static void run_list(bench *b, const test_case *list, const char *filter)
{
    for (; list->name; list++) {
        if (filter && !strstr(list->name, filter)) continue;
        b->name = list->name;
        const bool itself = !strcmp(b->got->ops->name, b->ref->ops->name); /* only its guards are of interest */
        for (int i = 0; i < list->rounds / (itself ? 4 : 1); i++) {
            b->shape[0] = 0;
            list->run(b);
            while (b->n_taken) free(b->taken[--b->n_taken]);
        }
    }
}

size_t run_cases(bench *b, const char *filter)
{
    const size_t before = b->bad;

    run_list(b, linear_cases, filter);
    run_list(b, quant_cases, filter);
    run_list(b, row_cases, filter);
    run_list(b, attend_cases, filter);
    return b->bad - before;
}
