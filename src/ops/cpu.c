/* The CPU device: which instructions the processor has, and the life of a context. */
#include "ops/cpu.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

size_t thx_kv_block_bytes(size_t block_tokens, size_t G, size_t E, thx_type type)
{
    return 2 * G * block_tokens * thx_kv_row_bytes(E, type);
}

void thx_kv_row_round(unsigned char *to, const float *from, size_t E)
{
    float top = 0.0f;

    for (size_t e = 0; e < E; e++) top = fmaxf(top, fabsf(from[e]));
    const float scale = top / 127.0f, by = scale > 0.0f ? 1.0f / scale : 0.0f;
    memcpy(to, &scale, sizeof scale);
    for (size_t e = 0; e < E; e++) {
        const int8_t code = (int8_t)rintf(fmaxf(-127.0f, fminf(127.0f, from[e] * by)));
        memcpy(to + sizeof scale + e, &code, 1);
    }
}

void thx_kv_row_widen(float *to, const unsigned char *from, size_t E)
{
    float scale;

    memcpy(&scale, from, sizeof scale);
    for (size_t e = 0; e < E; e++) {
        int8_t code;
        memcpy(&code, from + sizeof scale + e, 1);
        to[e] = scale * (float)code;
    }
}

#if defined(__x86_64__)
/* Tiles and their products of bf16 and bytes. Linux saves their registers for processes that ask for it. */
static bool has_amx(void)
{
    enum { AMX_BF16 = 1 << 22, AMX_TILE = 1 << 24, AMX_INT8 = 1 << 25, ALL = AMX_BF16 | AMX_TILE | AMX_INT8 };
    enum { REQUEST_PERMISSION = 0x1023 /* ARCH_REQ_XCOMP_PERM */, TILE_DATA = 18 /* XFEATURE_XTILE_DATA */ };
    unsigned a, b, c, d;

    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & ALL) == ALL &&
           !syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA);
}
#endif

int thx_cpu_level(void)
{
#if defined(__x86_64__)
    /* The builtin looks at what the operating system saves too, not at cpuid alone. */
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return THX_CPU_REF;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512dq"))
        return THX_CPU_AVX2;
    if (!__builtin_cpu_supports("avx512bf16") || !__builtin_cpu_supports("avx512vnni")) return THX_CPU_AVX512;
    return has_amx() ? THX_CPU_AMX : THX_CPU_AVX512_BF16;
#else
    return THX_CPU_REF;
#endif
}

const char *thx_cpu_level_name(int level)
{
    static const char *const names[] = { "ref", "avx2", "avx512", "avx512-bf16", "amx" };
    return level >= THX_CPU_REF && level <= THX_CPU_AMX ? names[level] : "?";
}

const char *thx_precision_name(thx_precision p)
{
    static const char *const names[] = {
        [THX_EXACT] = "f32", [THX_FAST] = "auto", [THX_FAST_LOSSY] = "lossy", [THX_FAST_INT8] = "int8"
    };
    return (size_t)p < sizeof names / sizeof names[0] ? names[p] : NULL;
}

const thx_kernels *thx_kernels_get(int level)
{
    switch (level) {
#if defined(__x86_64__)
    case THX_CPU_AVX2: return &thx_kernels_avx2;
    case THX_CPU_AVX512:
        return __builtin_cpu_supports("avx512vnni") ? &thx_kernels_avx512_vnni : &thx_kernels_avx512;
    case THX_CPU_AVX512_BF16: return &thx_kernels_avx512_bf16;
    case THX_CPU_AMX: return &thx_kernels_amx;
#endif
    default: return NULL;
    }
}

void *thx_cpu_scratch(thx_ctx *ctx, size_t bytes)
{
    thx_cpu *cpu = thx_cpu_of(ctx);

    if (bytes > cpu->scratch_bytes) {
        bytes = (bytes + 4095) & ~(size_t)4095;
        free(cpu->scratch);
        cpu->scratch = aligned_alloc(64, bytes);
        cpu->scratch_bytes = cpu->scratch ? bytes : 0;
    }
    return cpu->scratch;
}

static const thx_ops *ops_get(int level)
{
    switch (level) {
#if defined(__x86_64__)
    case THX_CPU_AVX2: return &thx_ops_avx2;
    case THX_CPU_AVX512: return &thx_ops_avx512;
    case THX_CPU_AVX512_BF16: return &thx_ops_avx512_bf16;
    case THX_CPU_AMX: return &thx_ops_amx;
#endif
    default: return &thx_ops_ref;
    }
}

thorax_status thx_cpu_open(thx_ctx **out, int level, thx_precision precision, int threads, thorax_error *err)
{
    thx_ctx *ctx = calloc(1, sizeof *ctx);
    thx_cpu *cpu = calloc(1, sizeof *cpu);

    *out = NULL;
    if (!ctx || !cpu || thx_arena_open(&ctx->arena, (size_t)1 << 20, err)) {
        free(ctx);
        free(cpu);
        return thx_fail(err, THORAX_NOMEM, 0, "CPU context");
    }
    const int have = thx_cpu_level();
    cpu->level = level < have ? level : have;
    if (cpu->level < THX_CPU_REF) cpu->level = THX_CPU_REF;
    ctx->device = cpu;
    ctx->precision = precision;
    ctx->threads = threads > 0 ? threads : omp_get_num_procs();
    ctx->ops = ops_get(cpu->level);
    cpu->kernels = thx_kernels_get(cpu->level);
    *out = ctx;
    return THORAX_OK;
}

void thx_cpu_close(thx_ctx *ctx)
{
    if (!ctx) return;
    thx_cpu *cpu = thx_cpu_of(ctx);
    free(cpu->scratch);
    free(cpu);
    thx_arena_close(ctx->arena);
    free(ctx);
}

thx_tensor thx_tensor_alloc(thx_ctx *ctx, size_t rows, size_t cols)
{
    thx_tensor t = { .rows = rows, .cols = cols, .stride = cols };
    size_t     count;

    if (thx_mul_size(&count, rows, cols)) t.data = thx_arena_alloc(ctx->arena, count, sizeof(float));
    return t;
}
