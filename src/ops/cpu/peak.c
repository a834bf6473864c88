/* Measures what the processor does at best, so that every speed can stand beside it. */
#include "ops/cpu/cpu_ops.h"

#include <omp.h>
#include <stdlib.h>
#include <time.h>

/* Seconds: of the clock, or, with one thread, those that thread was given. */
static double now(const thx_ctx *ctx)
{
    struct timespec t;

    clock_gettime(ctx->threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double spin(thx_ctx *ctx, double (*loop)(size_t), double seconds)
{
    const double begin = now(ctx);
    double       done = 0.0;

#pragma omp parallel num_threads(ctx->threads) reduction(+ : done)
    while (now(ctx) - begin < seconds) done += loop(100000);
    return done / (now(ctx) - begin) * 1e-9;
}

/* Passes over 256 MiB, which no cache holds, each thread its own part. */
static double read_memory(thx_ctx *ctx, double seconds)
{
    enum { MIB = 1 << 20, TOTAL = 256 };
    float       *p = aligned_alloc(64, (size_t)TOTAL * MIB);
    const size_t n = (size_t)ctx->threads, part = TOTAL / n ? TOTAL / n : 1;
    float        sum = 0.0f;
    size_t       passes = 0;

    if (!p || n > TOTAL) {
        free(p);
        return 0.0;
    }
    memset(p, 0, (size_t)TOTAL * MIB);
    const double begin = now(ctx);
    do {
#pragma omp parallel num_threads(ctx->threads) reduction(+ : sum)
        sum += thx_kernels_of(ctx)->sweep(p + (size_t)omp_get_thread_num() * part * MIB / sizeof(float),
                                          part * MIB);
        passes++;
    } while (now(ctx) - begin < seconds);
    const double speed = (double)passes * (double)(part * n * MIB) / (now(ctx) - begin) * 1e-9;
    free(p);
    return sum == 0.0f ? speed : 0.0; /* the sum is used, so that the reading is done */
}

double thx_cpu_peak(thx_ctx *ctx, thx_peak what, double seconds)
{
    const thx_kernels *k = thx_kernels_of(ctx);

    if (!k) return 0.0;
    if (what == THX_PEAK_READ) return read_memory(ctx, seconds);
    if (what == THX_PEAK_BF16) return k->spin_bf16 ? spin(ctx, k->spin_bf16, seconds) : 0.0;
    if (what == THX_PEAK_INT8) return spin(ctx, k->quant->spin, seconds);
    return spin(ctx, k->spin_f32, seconds);
}
