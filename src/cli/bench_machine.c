/* thorax bench peak: what the machine does at best. The peak of a type is the higher of a loop in
 * registers and oneDNN's product of a size that prompts have; both are shown in the table. */
#include "cli/bench.h"

#include "cli/dnnl.h"

#include <stdio.h>

static const double seconds_a_pass = 0.5;
enum {
    DNNL_M = 2048,
    DNNL_K = 3584,
    DNNL_N = 18944
}; /* rows, width and feed-forward of Qwen2-7B */

typedef struct yardstick {
    const char   *type;
    const char   *unit;
    double        scale;
    thx_ctx      *ctx;
    thx_peak      loop;
    bool          dnnl;
    dnnl_kind kind;
    double        best_loop, best_dnnl; /* of all passes */
} yardstick;

static thorax_status pass(bench *b, void *data, size_t run, double *value)
{
    yardstick   *y = data;
    const double loop = thx_cpu_peak(y->ctx, y->loop, seconds_a_pass);
    const double dnnl =
        y->dnnl ? dnnl_rate(y->kind, DNNL_M, DNNL_K, DNNL_N, y->ctx->threads, seconds_a_pass)
                : 0.0;

    (void)b;
    (void)run;
    if (loop > y->best_loop) y->best_loop = loop;
    if (dnnl > y->best_dnnl) y->best_dnnl = dnnl;
    *value = y->scale * (loop > dnnl ? loop : dnnl);
    return THORAX_OK;
}

static thorax_status measure(bench *b, yardstick *y)
{
    bench_figure f = { .type = y->type, .unit = y->unit };

    bench_memory_init(&b->memory, b->memory.pid);
    thorax_status st = bench_measure(b, pass, y, BENCH_RUNS, &f.series);
    if (!st && bench_median(&f.series) > 0) st = bench_print(b, &f);
    if (!st && !b->json && y->best_dnnl > 0)
        printf("          %-8s %8.3f in registers, %.3f by oneDNN, at best\n", y->type,
               y->scale * y->best_loop, y->scale * y->best_dnnl);
    return st;
}

thorax_status bench_peak(bench *b)
{
    const int level = cli_cpu_level(b->values);
    thx_ctx  *ctx;

    thorax_status st = thx_cpu_open(&ctx, level < 0 ? thx_cpu_level() : level, THX_FAST,
                                    (int)cli_count(b->values, CLI_THREADS, 0), &b->err);
    if (st) return st;
    yardstick list[] = {
        { "bf16", "TFLOP/s", 1e-3, ctx, THX_PEAK_BF16, true, DNNL_KIND_BF16, 0, 0 },
        { "int8", "TOP/s", 1e-3, ctx, THX_PEAK_INT8, true, DNNL_KIND_INT8, 0, 0 },
        { "f32", "TFLOP/s", 1e-3, ctx, THX_PEAK_F32, false, DNNL_KIND_BF16, 0, 0 },
        { "read", "GB/s", 1.0, ctx, THX_PEAK_READ, false, DNNL_KIND_BF16, 0, 0 },
    };
    for (size_t i = 0; i < sizeof list / sizeof *list && !st; i++) st = measure(b, &list[i]);
    thx_cpu_close(ctx);
    return st;
}
