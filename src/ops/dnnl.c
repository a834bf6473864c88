/* See dnnl.h. Everything here may fail without harm: the caller has kernels of its own. */
#include "ops/dnnl.h"

#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const size_t thx_dnnl_heights[THX_DNNL_HEIGHTS] = { 512, 128, 32 };

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

/* ---- Shapes --------------------------------------------------------------------- */
typedef struct block {
    dnnl_primitive_t primitive;
    dnnl_memory_t   *a, *w, *c, *scratch; /* [threads]; scratch NULL where none is needed */
} block;

struct thx_dnnl_shape {
    size_t          N, K, lda;
    bool            usable;
    block           blocks[THX_DNNL_HEIGHTS];
    thx_dnnl_shape *next;
};

struct thx_dnnl {
    dnnl_engine_t   engine;
    dnnl_stream_t  *streams;    /* [threads]                                     */
    void          **rooms;      /* [threads]: what a primitive works in besides its operands */
    size_t          room_bytes; /* of each, enough for every shape so far        */
    int             threads;
    thx_dnnl_shape *shapes;
};

thx_dnnl *thx_dnnl_open(int threads)
{
    thx_dnnl *d = calloc(1, sizeof *d);

    if (!d) return NULL;
    d->threads = threads;
    d->streams = calloc((size_t)threads, sizeof *d->streams);
    d->rooms = calloc((size_t)threads, sizeof *d->rooms);
    bool fine = d->streams && d->rooms && dnnl_engine_create(&d->engine, dnnl_cpu, 0) == dnnl_success;
    for (int i = 0; fine && i < threads; i++)
        fine = dnnl_stream_create(&d->streams[i], d->engine, dnnl_stream_default_flags) == dnnl_success;
    if (fine) return d;
    thx_dnnl_close(d);
    return NULL;
}

static void memories_free(dnnl_memory_t *m, int n)
{
    for (int i = 0; m && i < n; i++)
        if (m[i]) dnnl_memory_destroy(m[i]);
    free(m);
}

static void block_deinit(block *b, int threads)
{
    if (b->primitive) dnnl_primitive_destroy(b->primitive);
    memories_free(b->a, threads);
    memories_free(b->w, threads);
    memories_free(b->c, threads);
    memories_free(b->scratch, threads);
}

void thx_dnnl_close(thx_dnnl *d)
{
    if (!d) return;
    for (thx_dnnl_shape *s = d->shapes, *next; s; s = next) {
        next = s->next;
        for (int i = 0; i < THX_DNNL_HEIGHTS; i++) block_deinit(&s->blocks[i], d->threads);
        free(s);
    }
    for (int i = 0; d->streams && i < d->threads; i++)
        if (d->streams[i]) dnnl_stream_destroy(d->streams[i]);
    free(d->streams);
    for (int i = 0; d->rooms && i < d->threads; i++) free(d->rooms[i]);
    free(d->rooms);
    if (d->engine) dnnl_engine_destroy(d->engine);
    free(d);
}

static dnnl_memory_t *memories(const thx_dnnl *d, desc_view of, void *at)
{
    dnnl_memory_t *m = calloc((size_t)d->threads, sizeof *m);

    for (int i = 0; m && i < d->threads; i++)
        if (dnnl_memory_create(&m[i], of, d->engine, at) != dnnl_success) {
            memories_free(m, d->threads);
            return NULL;
        }
    return m;
}

/* Scratch is ours, one room a thread for all shapes: a primitive's own would be shared by calls at
 * the same time, and one for each shape would be much memory. */
static bool scratch_init(thx_dnnl *d, block *b, dnnl_primitive_desc_t pd)
{
    desc_view    of = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    const size_t bytes = of ? (dnnl_memory_desc_get_size(of) + 63) / 64 * 64 : 0;

    if (!bytes) return true;
    for (int i = 0; bytes > d->room_bytes && i < d->threads; i++) {
        void *bigger = aligned_alloc(64, bytes);

        if (!bigger) return false; /* every room still holds room_bytes */
        free(d->rooms[i]);
        d->rooms[i] = bigger;
    }
    if (bytes > d->room_bytes) d->room_bytes = bytes;
    b->scratch = memories(d, of, DNNL_MEMORY_NONE);
    return b->scratch;
}

static bool block_init(thx_dnnl *d, block *b, const thx_dnnl_shape *s, size_t height)
{
    desc                  a = { 0 }, w = { 0 }, c = { 0 };
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t pd = NULL;

    bool fine =
        desc_init(&a, dnnl_bf16, height, s->K, s->lda, 1) && desc_init(&w, dnnl_bf16, s->K, s->N, 1, s->K) &&
        desc_init(&c, dnnl_f32, height, s->N, s->N, 1) && dnnl_primitive_attr_create(&attr) == dnnl_success &&
        dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user) == dnnl_success &&
        matmul_desc(&pd, d->engine, &a, &w, &c, attr) &&
        dnnl_primitive_create(&b->primitive, pd) == dnnl_success && scratch_init(d, b, pd);
    if (fine) {
        b->a = memories(d, view_of(&a), DNNL_MEMORY_NONE);
        b->w = memories(d, view_of(&w), DNNL_MEMORY_NONE);
        b->c = memories(d, view_of(&c), DNNL_MEMORY_NONE);
        fine = b->a && b->w && b->c;
    }
    if (pd) dnnl_primitive_desc_destroy(pd);
    if (attr) dnnl_primitive_attr_destroy(attr);
    desc_deinit(&a);
    desc_deinit(&w);
    desc_deinit(&c);
    return fine;
}

bool thx_dnnl_run(thx_dnnl *d, const thx_dnnl_shape *s, int which, int thread, float *c, const uint16_t *a,
                  const uint16_t *w)
{
    const block    *b = &s->blocks[which];
    dnnl_exec_arg_t args[4] = { { DNNL_ARG_SRC, b->a[thread] }, { DNNL_ARG_WEIGHTS, b->w[thread] },
                                { DNNL_ARG_DST, b->c[thread] } };
    int             n = 3;

    if (b->scratch) args[n++] = (dnnl_exec_arg_t){ DNNL_ARG_SCRATCHPAD, b->scratch[thread] };
    if (b->scratch && dnnl_memory_set_data_handle(b->scratch[thread], d->rooms[thread]) != dnnl_success) return false;
    return dnnl_memory_set_data_handle(b->a[thread], (void *)(uintptr_t)a) == dnnl_success &&
           dnnl_memory_set_data_handle(b->w[thread], (void *)(uintptr_t)w) == dnnl_success &&
           dnnl_memory_set_data_handle(b->c[thread], c) == dnnl_success &&
           dnnl_primitive_execute(b->primitive, d->streams[thread], n, args) == dnnl_success &&
           dnnl_stream_wait(d->streams[thread]) == dnnl_success;
}

/* ---- The test of a shape ---------------------------------------------------------- */
enum { PERIOD = 7 }; /* row r of the test equals row r % PERIOD */

static uint16_t test_value(size_t i) /* +- 0.5 .. 2, all bits of the fraction in use */
{
    const uint32_t mix = (uint32_t)i * 2654435761u;
    return (uint16_t)(0x3f00u + (mix >> 12 & 0xffu) + (mix >> 16 & 0x8000u));
}

/* Are the bits of equal rows equal, in every block of this height, and those of `want` (its first rows)? */
static bool rows_agree(const float *c, size_t height, size_t N, const float *want)
{
    for (size_t r = 0; r < height; r++)
        if (memcmp(c + r * N, want + r % PERIOD * N, N * sizeof *c)) return false;
    return true;
}

static bool shape_is_steady(thx_dnnl *d, const thx_dnnl_shape *s)
{
    const size_t most = thx_dnnl_heights[0];
    uint16_t    *a = malloc(most * s->lda * sizeof *a), *w = malloc(s->N * s->K * sizeof *w);
    float       *c = malloc(most * s->N * sizeof *c), *want = malloc(PERIOD * s->N * sizeof *want);
    bool         fine = a && w && c && want;

    for (size_t i = 0; fine && i < most * s->lda; i++)
        a[i] = test_value(i / s->lda % PERIOD * s->lda + i % s->lda);
    for (size_t i = 0; fine && i < s->N * s->K; i++) w[i] = test_value(i + 12345);
    for (int h = 0; fine && h < THX_DNNL_HEIGHTS; h++) {
        fine = thx_dnnl_run(d, s, h, 0, c, a, w);
        if (h == 0 && fine) memcpy(want, c, PERIOD * s->N * sizeof *c);
        fine = fine && rows_agree(c, thx_dnnl_heights[h], s->N, want);
    }
    free(a);
    free(w);
    free(c);
    free(want);
    return fine;
}

const thx_dnnl_shape *thx_dnnl_shape_get(thx_dnnl *d, size_t N, size_t K, size_t lda)
{
    for (thx_dnnl_shape *s = d->shapes; s; s = s->next)
        if (s->N == N && s->K == K && s->lda == lda) return s->usable ? s : NULL;
    thx_dnnl_shape *s = calloc(1, sizeof *s);
    if (!s) return NULL;

    *s = (thx_dnnl_shape){ .N = N, .K = K, .lda = lda, .usable = true, .next = d->shapes };
    d->shapes = s;
    const int team = omp_get_max_threads();
    omp_set_num_threads(1); /* primitives made for, and tested with, one thread */
    for (int h = 0; h < THX_DNNL_HEIGHTS && s->usable; h++)
        s->usable = block_init(d, &s->blocks[h], s, thx_dnnl_heights[h]);
    s->usable = s->usable && shape_is_steady(d, s);
    omp_set_num_threads(team);
    return s->usable ? s : NULL;
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

static bool yardstick_init(yardstick *y, thx_dnnl_kind kind, size_t M, size_t K, size_t N)
{
    const bool            small = kind == THX_DNNL_INT8;
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

double thx_dnnl_rate(thx_dnnl_kind kind, size_t M, size_t K, size_t N, int threads, double seconds)
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
