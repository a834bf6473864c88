/* See dnnl.h. */
#include "cli/dnnl.h"

#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include <time.h>

/* ---- The two versions of the interface ---------------------------------------- */
#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t desc;
typedef const_dnnl_memory_desc_t desc_view;
static desc_view view_of(const desc *d) { return *d; }

static bool desc_init(desc *d, dnnl_data_type_t type, size_t rows, size_t cols, size_t row_step,
                      size_t col_step)
{
    const dnnl_dims_t dims = { (dnnl_dim_t)rows, (dnnl_dim_t)cols };
    const dnnl_dims_t steps = { (dnnl_dim_t)row_step, (dnnl_dim_t)col_step };
    return dnnl_memory_desc_create_with_strides(d, 2, dims, type, steps) == dnnl_success;
}
/* In whatever order the primitive likes best. */
static bool desc_init_any(desc *d, dnnl_data_type_t type, size_t rows, size_t cols)
{
    const dnnl_dims_t dims = { (dnnl_dim_t)rows, (dnnl_dim_t)cols };
    return dnnl_memory_desc_create_with_tag(d, 2, dims, type, dnnl_format_tag_any) == dnnl_success;
}
static void desc_deinit(desc *d)
{
    if (*d) dnnl_memory_desc_destroy(*d);
}
static bool matmul_desc(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const desc *a, const desc *w,
                        const desc *c, dnnl_primitive_attr_t attr)
{
    return dnnl_matmul_primitive_desc_create(pd, engine, *a, *w, NULL, *c, attr) == dnnl_success;
}
#else
typedef dnnl_memory_desc_t desc;
typedef const dnnl_memory_desc_t *desc_view;
static desc_view view_of(const desc *d) { return d; }

static bool desc_init(desc *d, dnnl_data_type_t type, size_t rows, size_t cols, size_t row_step,
                      size_t col_step)
{
    const dnnl_dims_t dims = { (dnnl_dim_t)rows, (dnnl_dim_t)cols };
    const dnnl_dims_t steps = { (dnnl_dim_t)row_step, (dnnl_dim_t)col_step };
    return dnnl_memory_desc_init_by_strides(d, 2, dims, type, steps) == dnnl_success;
}
static bool desc_init_any(desc *d, dnnl_data_type_t type, size_t rows, size_t cols)
{
    const dnnl_dims_t dims = { (dnnl_dim_t)rows, (dnnl_dim_t)cols };
    return dnnl_memory_desc_init_by_tag(d, 2, dims, type, dnnl_format_tag_any) == dnnl_success;
}
static void desc_deinit(desc *d) { (void)d; }
static bool matmul_desc(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const desc *a, const desc *w,
                        const desc *c, dnnl_primitive_attr_t attr)
{
    dnnl_matmul_desc_t op;

    return dnnl_matmul_desc_init(&op, a, w, NULL, c) == dnnl_success &&
           dnnl_primitive_desc_create(pd, &op, attr, engine, NULL) == dnnl_success;
}
#endif

static uint16_t test_value(size_t i) /* +- 0.5 .. 2, all bits of the fraction in use */
{
    const uint32_t mix = (uint32_t)i * 2654435761u;
    return (uint16_t)(0x3f00u + (mix >> 12 & 0xffu) + (mix >> 16 & 0x8000u));
}

/* ---- The yardstick ------------------------------------------------------------------ */
typedef struct yardstick {
    dnnl_engine_t    engine;
    dnnl_stream_t    stream;
    dnnl_primitive_t primitive;
    dnnl_memory_t    operands[3]; /* a, w, c */
} yardstick;

/* An operand with values in it: zeros alone might be quicker than others. */
static bool operand_init(yardstick *y, int which, desc_view of)
{
    const size_t n = dnnl_memory_desc_get_size(of) / sizeof(uint16_t);
    void        *at = NULL;

    if (dnnl_memory_create(&y->operands[which], of, y->engine, DNNL_MEMORY_ALLOCATE) != dnnl_success ||
        dnnl_memory_get_data_handle(y->operands[which], &at) != dnnl_success)
        return false;
    for (size_t i = 0; i < n; i++) ((uint16_t *)at)[i] = test_value(i);
    return true;
}

static bool yardstick_init(yardstick *y, dnnl_kind kind, size_t M, size_t K, size_t N)
{
    const bool            small = kind == DNNL_KIND_INT8;
    desc                  a = { 0 }, w = { 0 }, c = { 0 };
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t pd = NULL;

    bool fine = desc_init(&a, small ? dnnl_u8 : dnnl_bf16, M, K, K, 1) &&
                desc_init_any(&w, small ? dnnl_s8 : dnnl_bf16, K, N) &&
                desc_init(&c, small ? dnnl_s32 : dnnl_f32, M, N, N, 1) &&
                dnnl_engine_create(&y->engine, dnnl_cpu, 0) == dnnl_success &&
                dnnl_stream_create(&y->stream, y->engine, dnnl_stream_default_flags) == dnnl_success &&
                dnnl_primitive_attr_create(&attr) == dnnl_success &&
                matmul_desc(&pd, y->engine, &a, &w, &c, attr) &&
                dnnl_primitive_create(&y->primitive, pd) == dnnl_success &&
                operand_init(y, 0, view_of(&a)) && operand_init(y, 2, view_of(&c)) &&
                operand_init(y, 1, dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0));
    if (pd) dnnl_primitive_desc_destroy(pd);
    if (attr) dnnl_primitive_attr_destroy(attr);
    desc_deinit(&a);
    desc_deinit(&w);
    desc_deinit(&c);
    return fine;
}

static void yardstick_deinit(yardstick *y)
{
    for (int i = 0; i < 3; i++)
        if (y->operands[i]) dnnl_memory_destroy(y->operands[i]);
    if (y->primitive) dnnl_primitive_destroy(y->primitive);
    if (y->stream) dnnl_stream_destroy(y->stream);
    if (y->engine) dnnl_engine_destroy(y->engine);
}

static bool yardstick_run(const yardstick *y)
{
    const dnnl_exec_arg_t args[] = { { DNNL_ARG_SRC, y->operands[0] },
                                     { DNNL_ARG_WEIGHTS, y->operands[1] },
                                     { DNNL_ARG_DST, y->operands[2] } };

    return dnnl_primitive_execute(y->primitive, y->stream, 3, args) == dnnl_success &&
           dnnl_stream_wait(y->stream) == dnnl_success;
}

static double clock_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double dnnl_rate(dnnl_kind kind, size_t M, size_t K, size_t N, int threads, double seconds)
{
    const int team = omp_get_max_threads();
    yardstick y = { 0 };
    double    spent = 0.0;
    size_t    runs = 0;

    omp_set_num_threads(threads);
    bool         fine = yardstick_init(&y, kind, M, K, N) && yardstick_run(&y); /* one to warm up */
    const double begin = clock_s();
    for (; fine && (!runs || spent < seconds); runs++) {
        fine = yardstick_run(&y);
        spent = clock_s() - begin;
    }
    omp_set_num_threads(team);
    yardstick_deinit(&y);
    return fine ? 2e-9 * (double)runs * (double)M * (double)K * (double)N / spent : 0.0;
}
