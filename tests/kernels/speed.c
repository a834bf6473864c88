/* Speeds of a level at the sizes of RadVLM. Each figure is the median of rounds that alternate with a
 * loop of the peak, so that both see the same machine: "% of peak" compares neighbours. */
#include "harness.h"

#include "ops/quant.h"

#include <time.h>

enum { ROUNDS = 7 };

typedef struct speed {
    thx_ctx    *ctx;
    const char *filter;
    unsigned char *store; /* stored weights, more than any cache */
    size_t         store_bytes;
    const char    *note;  /* what the name of a case says besides  */
} speed;

/* Seconds: of the clock, or, with one thread, of that thread. */
static double now(const thx_ctx *ctx)
{
    struct timespec t;

    clock_gettime(ctx->threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, by_value);
    return v[n / 2];
}

/* What one case measures: run(data) does `work` operations or bytes. */
typedef struct job {
    const char *name;
    thx_peak    peak;
    double      work;
    void (*run)(speed *s, void *data);
    void       *data;
} job;

static void measure(speed *s, const job *j)
{
    double rates[ROUNDS], peaks[ROUNDS], shares[ROUNDS];

    if (s->filter && !strstr(j->name, s->filter)) return;
    j->run(s, j->data);
    for (size_t i = 0; i < ROUNDS; i++) {
        peaks[i] = thx_cpu_peak(s->ctx, j->peak, 0.05);
        const double begin = now(s->ctx);
        j->run(s, j->data);
        rates[i] = j->work / (now(s->ctx) - begin) * 1e-9;
        shares[i] = peaks[i] > 0 ? 100 * rates[i] / peaks[i] : 0;
    }
    printf("%-12s %-46s %8.1f G%s/s  peak %8.1f  %5.1f %%\n", s->ctx->ops->name, j->name,
           median(rates, ROUNDS), j->peak == THX_PEAK_READ ? "B" : j->peak == THX_PEAK_INT8 ? "OP" : "FLOP", median(peaks, ROUNDS),
           median(shares, ROUNDS));
    fflush(stdout);
}

/* ---- linear ------------------------------------------------------------------- */
typedef struct product {
    thx_weight *w[64];
    size_t      n; /* matrices, one after the other: memory is read anew each time */
    thx_tensor  x, y;
    thx_role    role;
} product;

static void product_run(speed *s, void *data)
{
    product     *p = data;
    thorax_error err;

    for (size_t i = 0; i < p->n; i++)
        if (s->ctx->ops->linear(s->ctx, p->y, p->x, p->w[i], NULL, p->role, &err)) exit(2);
}

static thx_tensor plain_tensor(thx_ctx *ctx, size_t rows, size_t cols)
{
    thx_tensor t = thx_tensor_alloc(ctx, rows, cols);

    if (!t.data) exit(2);
    for (size_t i = 0; i < rows * cols; i++) t.data[i] = (float)(i % 17) * 0.125f - 1.0f;
    return t;
}

static void linear_speed(speed *s, thx_type type, thx_precision precision, thx_role role, size_t T, size_t N,
                         size_t K)
{
    const uint64_t shape[2] = { N, K };
    size_t         bytes;
    const bool   memory = role == THX_GENERATED;
    const thx_arena_mark mark = thx_arena_get_mark(s->ctx->arena);
    product      p = { .role = role };
    char         name[80];
    thorax_error err;

    if (!thx_stored_bytes(&bytes, type, 2, shape)) exit(2);
    p.n = memory ? s->store_bytes / bytes : 1;
    if (p.n > 64) p.n = 64;
    for (size_t i = 0; i < p.n; i++) {
        const thx_view view = { .name = "w",
                                .data = s->store + i * bytes,
                                .type = type,
                                .rank = 2,
                                .shape = { N, K },
                                .count = N * K };
        if (s->ctx->ops->weight_open(s->ctx, &p.w[i], &view, THX_USE_LINEAR, &err)) exit(2);
    }
    p.x = plain_tensor(s->ctx, T, K);
    p.y = plain_tensor(s->ctx, T, N);
    s->ctx->precision = precision;
    const bool half =
        precision != THX_EXACT && type != THX_F32 && thx_cpu_peak(s->ctx, THX_PEAK_BF16, 0.001) > 0;
    static const char *const precisions[] = { "exact", "fast", "lossy", "int8" };
    snprintf(name, sizeof name, "linear %s %s %s%s T %zu N %zu K %zu", precisions[precision],
             memory ? "generated" : "prompt", thx_type_name(type), s->note, T, N, K);
    measure(s, &(job){ name,
                       memory                       ? THX_PEAK_READ
                       : precision == THX_FAST_INT8 ? THX_PEAK_INT8
                       : half                       ? THX_PEAK_BF16
                                                    : THX_PEAK_F32,
                       memory ? (double)bytes * (double)p.n : 2.0 * (double)T * (double)N * (double)K,
                       product_run, &p });
    s->ctx->precision = THX_EXACT;
    for (size_t i = 0; i < p.n; i++) thx_weight_close(p.w[i]);
    thx_arena_release(s->ctx->arena, mark);
}

/* f16 values that bf16 cannot hold, all of them: the default multiplies twice, LOSSY once. */
static void kept_speed(speed *s, size_t T, size_t N, size_t K)
{
    for (size_t i = 0; i < N * K; i++) s->store[2 * i] |= 1;
    s->note = " odd";
    linear_speed(s, THX_F16, THX_FAST, THX_PROMPT, T, N, K);
    linear_speed(s, THX_F16, THX_FAST_LOSSY, THX_PROMPT, T, N, K);
    s->note = "";
    for (size_t i = 0; i < N * K; i++) s->store[2 * i] &= 0xfe;
}

/* ---- attention ------------------------------------------------------------------ */
static void attend_run(speed *s, void *data)
{
    thorax_error err;

    if (s->ctx->ops->attend(s->ctx, data, &err)) exit(2);
}

static void cache_speed(speed *s, thx_type type, thx_precision precision, thx_role role, size_t T,
                        size_t first)
{
    enum { H = 28, G = 4, E = 128, TOKENS = 256 };
    const thx_arena_mark mark = thx_arena_get_mark(s->ctx->arena);
    const size_t n = (first + T + TOKENS - 1) / TOKENS, bytes = thx_kv_block_bytes(TOKENS, G, E, type);
    void       **blocks = thx_arena_alloc(s->ctx->arena, n, sizeof *blocks);
    char         name[80];

    for (size_t i = 0; i < n; i++) blocks[i] = s->store + i * bytes;
    const thx_kv kv = { .blocks = blocks, .block_tokens = TOKENS, .G = G, .E = E, .type = type };
    thx_attend a = { .q = plain_tensor(s->ctx, T, H * E),
                     .out = plain_tensor(s->ctx, T, H * E),
                     .kv = &kv,
                     .H = H,
                     .G = G,
                     .E = E,
                     .first = first,
                     .scale = 0.088f,
                     .role = role };
    const double pairs = (double)T * (double)first + (double)T * (double)(T + 1) / 2;
    const bool   memory = role == THX_GENERATED;
    const bool half =
        precision != THX_EXACT && type == THX_BF16 && thx_cpu_peak(s->ctx, THX_PEAK_BF16, 0.001) > 0;

    s->ctx->precision = precision;
    snprintf(name, sizeof name, "attend %s %s %s T %zu first %zu", precision ? "fast" : "exact",
             memory ? "generated" : "prompt", thx_type_name(type), T, first);
    measure(s, &(job){ name,
                       memory ? THX_PEAK_READ
                       : half ? THX_PEAK_BF16
                              : THX_PEAK_F32,
                       memory ? (double)(first + T) * 2 * G * E * (double)thx_type_bytes(type)
                              : pairs * H * E * 4,
                       attend_run, &a });
    s->ctx->precision = THX_EXACT;
    thx_arena_release(s->ctx->arena, mark);
}

static void tower_speed(speed *s, thx_precision precision)
{
    enum { H = 16, E = 72, T = 729 };
    const thx_arena_mark mark = thx_arena_get_mark(s->ctx->arena);
    thx_attend a = { .q = plain_tensor(s->ctx, T, H * E),
                     .k = plain_tensor(s->ctx, T, H * E),
                     .v = plain_tensor(s->ctx, T, H * E),
                     .out = plain_tensor(s->ctx, T, H * E),
                     .H = H,
                     .G = H,
                     .E = E,
                     .segment = T,
                     .scale = 0.118f };
    const bool half = precision != THX_EXACT && thx_cpu_peak(s->ctx, THX_PEAK_BF16, 0.001) > 0;

    s->ctx->precision = precision;
    measure(s, &(job){ precision ? "attend fast tower 729 x 16 x 72" : "attend exact tower 729 x 16 x 72",
                       half ? THX_PEAK_BF16 : THX_PEAK_F32, 4.0 * T * T * H * E, attend_run, &a });
    s->ctx->precision = THX_EXACT;
    thx_arena_release(s->ctx->arena, mark);
}

/* ---- rows: bytes in and out -------------------------------------------------------- */
static void gated_run(speed *s, void *data)
{
    thx_tensor *t = data;

    s->ctx->ops->activate_gated(s->ctx, t[0], t[0], t[1], THX_SILU);
}

static void gelu_run(speed *s, void *data)
{
    thx_tensor *t = data;

    s->ctx->ops->activate(s->ctx, t[0], t[1], THX_GELU_TANH);
}

static void rows_speed(speed *s)
{
    const thx_arena_mark mark = thx_arena_get_mark(s->ctx->arena);
    thx_tensor t[2] = { plain_tensor(s->ctx, 512, 18944), plain_tensor(s->ctx, 512, 18944) };

    measure(s, &(job){ "gated silu 512 x 18944", THX_PEAK_READ, 512.0 * 18944 * 12, gated_run, t });
    measure(s, &(job){ "gelu tanh 512 x 18944", THX_PEAK_READ, 512.0 * 18944 * 8, gelu_run, t });
    thx_arena_release(s->ctx->arena, mark);
}

void run_speeds(thx_ctx *ctx, const char *filter)
{
    speed s = { .ctx = ctx, .filter = filter, .note = "", .store_bytes = (size_t)1300 << 20 };

    s.store = malloc(s.store_bytes);
    if (!s.store) exit(2);
    for (size_t i = 0; i < s.store_bytes; i += 2) { /* about 1, and exact in bf16 as f16 too */
        s.store[i] = (unsigned char)(i >> 3 & 0x40);
        s.store[i + 1] = 0x3c;
    }
    linear_speed(&s, THX_BF16, THX_FAST, THX_PROMPT, 1024, 3584, 3584);
    linear_speed(&s, THX_F16, THX_FAST, THX_PROMPT, 1024, 3584, 3584);
    linear_speed(&s, THX_BF16, THX_FAST, THX_PROMPT, 512, 3584, 18944);
    linear_speed(&s, THX_BF16, THX_FAST, THX_PROMPT, 512, 18944, 3584);
    linear_speed(&s, THX_F16, THX_FAST, THX_PROMPT, 512, 3584, 18944);
    linear_speed(&s, THX_F16, THX_FAST, THX_PROMPT, 512, 18944, 3584);
    kept_speed(&s, 512, 3584, 18944);
    kept_speed(&s, 512, 18944, 3584);
    linear_speed(&s, THX_F16, THX_FAST, THX_PROMPT, 729, 1152, 1152);
    linear_speed(&s, THX_F16, THX_FAST, THX_PROMPT, 729, 4304, 1152);
    linear_speed(&s, THX_BF16, THX_FAST, THX_PROMPT, 20, 18944, 3584);
    linear_speed(&s, THX_F16, THX_EXACT, THX_PROMPT, 512, 3584, 3584);
    linear_speed(&s, THX_F32, THX_EXACT, THX_PROMPT, 512, 3584, 3584);
    linear_speed(&s, THX_BF16, THX_FAST, THX_GENERATED, 1, 3584, 18944);
    linear_speed(&s, THX_F16, THX_FAST, THX_GENERATED, 1, 3584, 18944);
    linear_speed(&s, THX_BF16, THX_FAST, THX_GENERATED, 1, 18944, 3584);
    linear_speed(&s, THX_BF16, THX_FAST, THX_GENERATED, 4, 18944, 3584);
    linear_speed(&s, THX_BF16, THX_FAST, THX_GENERATED, 16, 18944, 3584);
    for (thx_type q = THX_Q8; q <= THX_Q4; q++) {
        linear_speed(&s, q, THX_FAST_INT8, THX_PROMPT, 512, 3584, 3584);
        linear_speed(&s, q, THX_FAST_INT8, THX_PROMPT, 512, 3584, 18944);
        linear_speed(&s, q, THX_FAST_INT8, THX_PROMPT, 512, 18944, 3584);
        linear_speed(&s, q, THX_FAST_INT8, THX_PROMPT, 4096, 3584, 3584);
        linear_speed(&s, q, THX_FAST_INT8, THX_PROMPT, 20, 18944, 3584);
        linear_speed(&s, q, THX_FAST, THX_PROMPT, 512, 3584, 18944);
        linear_speed(&s, q, THX_FAST, THX_PROMPT, 512, 18944, 3584);
        linear_speed(&s, q, THX_FAST, THX_GENERATED, 1, 3584, 3584);
        linear_speed(&s, q, THX_FAST, THX_GENERATED, 1, 3584, 18944);
        linear_speed(&s, q, THX_FAST, THX_GENERATED, 1, 18944, 3584);
        linear_speed(&s, q, THX_FAST, THX_GENERATED, 1, 152064, 3584);
        linear_speed(&s, q, THX_FAST, THX_GENERATED, 4, 18944, 3584);
        linear_speed(&s, q, THX_FAST, THX_GENERATED, 14, 18944, 3584);
    }
    cache_speed(&s, THX_BF16, THX_FAST, THX_PROMPT, 512, 3200);
    cache_speed(&s, THX_F16, THX_FAST, THX_PROMPT, 512, 3200);
    cache_speed(&s, THX_F32, THX_EXACT, THX_PROMPT, 512, 3200);
    cache_speed(&s, THX_BF16, THX_FAST, THX_GENERATED, 1, 7264);
    cache_speed(&s, THX_F16, THX_FAST, THX_GENERATED, 1, 7264);
    tower_speed(&s, THX_FAST);
    tower_speed(&s, THX_EXACT);
    rows_speed(&s);
    free(s.store);
}
