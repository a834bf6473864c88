/* kernels [--bench] [--seed N] [--level N] [--threads N] [NAME-FILTER]
 *
 * Judges every operation of every level this processor has against the reference, then the
 * judge itself: two spoilt variants must be caught. With --bench it measures the widest level instead;
 * with one thread in the time that thread was given, so that a busy machine disturbs less. */
#include "harness.h"

#include <time.h>

/* Spoilt on purpose: forgets the last column, and writes one column too many. */
static void add_without_tail(thx_ctx *ctx, thx_tensor x, thx_tensor y, const thx_weight *scale)
{
    (void)ctx;
    (void)scale;
    for (size_t t = 0; t < x.rows; t++)
        for (size_t d = 0; d + 1 < x.cols; d++) x.data[t * x.stride + d] += y.data[t * y.stride + d];
}

static void add_too_far(thx_ctx *ctx, thx_tensor x, thx_tensor y, const thx_weight *scale)
{
    (void)ctx;
    (void)scale;
    for (size_t t = 0; t < x.rows; t++)
        for (size_t d = 0; d <= x.cols; d++)
            x.data[t * x.stride + d] =
                d < y.cols ? x.data[t * x.stride + d] + y.data[t * y.stride + d] : 0.0f;
}

/* The harness must see both; true when it does. */
static bool harness_works(bench *b, thx_ctx *ctx)
{
    thx_ops spoilt = *ctx->ops;
    thx_ctx judged = *ctx;
    size_t  tail, far;

    b->got = &judged;
    judged.ops = &spoilt;
    b->quiet = true;
    spoilt.add = add_without_tail;
    tail = run_cases(b, "add");
    spoilt.add = add_too_far;
    far = run_cases(b, "add");
    b->quiet = false;
    b->bad -= tail + far;
    if (!tail) printf("FAIL harness: a kernel without its tail was not caught\n");
    if (!far) printf("FAIL harness: a kernel that writes too far was not caught\n");
    return tail && far;
}

int main(int argc, char **argv)
{
    bench       b = { .random = (uint64_t)time(NULL) };
    const char *filter = NULL;
    bool        speeds = false;
    int         only = -1, threads = 0;
    thorax_error err;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--bench")) speeds = true;
        else if (!strcmp(argv[i], "--level") && i + 1 < argc) only = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--threads") && i + 1 < argc) threads = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--seed") && i + 1 < argc) b.random = strtoull(argv[++i], NULL, 0);
        else filter = argv[i];
    }
    printf("seed %llu\n", (unsigned long long)b.random);
    const uint64_t seed = b.random;
    if (thx_cpu_open(&b.ref, THX_CPU_REF, THX_EXACT, 1, &err)) return 2;
    for (int level = THX_CPU_REF; level <= thx_cpu_level(); level++) {
        thx_ctx *ctx;

        if (only >= 0 ? level != only : speeds && level != thx_cpu_level()) continue;
        if (thx_cpu_open(&ctx, level, THX_EXACT, speeds || threads ? threads : 2, &err)) return 2;
        b.got = ctx;
        b.random = seed;
        if (speeds && level != THX_CPU_REF) run_speeds(ctx, filter);
        if (!speeds) {
            const size_t bad = run_cases(&b, filter);
            printf("%-12s %zu failures\n", thx_cpu_level_name(level), bad);
            if (!harness_works(&b, ctx)) b.bad++;
        }
        thx_cpu_close(ctx);
    }
    thx_cpu_close(b.ref);
    if (b.bad) printf("repeat with --seed %llu\n", (unsigned long long)seed);
    return b.bad ? 1 : 0;
}
