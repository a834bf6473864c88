/* What the files of the CPU device share; stage code never sees this.
 *
 * A weight keeps the mapped view; only vectors are copied, as f32, and matrices that were to be rounded. The device's state
 * holds one scratch buffer that operations use one after the other. */
#ifndef THX_OPS_CPU_H
#define THX_OPS_CPU_H

#include "ops/kernels.h"
#include "ops/quant.h"

#include <string.h>

struct thx_weight {
    thx_type             type;   /* F32, F16, BF16, Q8 or Q4                    */
    size_t               N, K;   /* rows and columns; a vector is [1, K]        */
    const unsigned char *data;   /* stored [N, K], any alignment                */
    float               *vector; /* VECTOR: f32 [K], owned; NULL otherwise      */
    unsigned char       *owned;  /* what data points to, where it was made here */
    size_t               owned_bytes;
};

typedef struct thx_cpu {
    int                level;
    const thx_kernels *kernels; /* NULL: the reference */
    unsigned char     *scratch; /* 64-byte aligned     */
    size_t             scratch_bytes;
} thx_cpu;

static inline thx_cpu *thx_cpu_of(const thx_ctx *ctx) { return ctx->device; }

/* At least `bytes` of the device's scratch, contents undefined, valid until the next call;
 * NULL when memory runs out. */
void *thx_cpu_scratch(thx_ctx *ctx, size_t bytes);

thorax_status thx_cpu_weight_open(thx_ctx *ctx, thx_weight **out, const thx_view *view, thx_weight_use use,
                                  thorax_error *err);
thorax_status thx_cpu_weight_quantize(thx_ctx *ctx, thx_weight **out, const thx_view *view, thx_type type,
                                      thorax_error *err);

thorax_status thx_cpu_weight_merge(thx_ctx *ctx, thx_weight **out, const thx_view *w, const thx_view *a, const thx_view *b,
                                   float scale, thx_type type, thorax_error *err);
/* Room for a matrix, 64-byte aligned; and a weight of a matrix that lies in such room, which is freed with it, or at once
 * after a failure. */
unsigned char *thx_cpu_matrix_alloc(size_t bytes);
thorax_status  thx_cpu_weight_own(thx_weight **out, const thx_view *view, unsigned char *data, size_t bytes, thorax_error *err);

/* Of a matrix that is not grouped. */
static inline const unsigned char *thx_weight_row(const thx_weight *w, size_t n)
{
    return w->data + n * w->K * thx_type_bytes(w->type);
}

/* Element i of stored values of any alignment, widened. */
static inline float thx_element(const unsigned char *data, thx_type type, size_t i)
{
    float    f;
    uint16_t h;

    if (type == THX_F32) {
        memcpy(&f, data + 4 * i, sizeof f);
        return f;
    }
    memcpy(&h, data + 2 * i, sizeof h);
    return type == THX_F16 ? thx_f32_from_f16(h) : thx_f32_from_bf16(h);
}

/* Block b of a grouped matrix (quant.h). */
static inline const unsigned char *thx_weight_block(const thx_weight *w, size_t b)
{
    return w->data + b * thx_q_block_bytes(w->type, w->K);
}

/* Values first .. first+n-1 of row `row`, widened, of any type. */
static inline void thx_weight_values(float *to, const thx_weight *w, size_t row, size_t first, size_t n)
{
    if (thx_type_grouped(w->type)) {
        thx_dequantize(to, w->data, w->type, w->K, row, first, n);
        return;
    }
    for (size_t i = 0; i < n; i++) to[i] = thx_element(thx_weight_row(w, row), w->type, first + i);
}

/* The rows of row t's segment, of attention without a cache: from .. to-1. */
static inline void thx_segment_of(const thx_attend *a, size_t t, size_t *from, size_t *to)
{
    size_t low = 0, high = a->n_ends; /* the first segment that ends behind t */

    *from = !a->ends && a->segment ? t / a->segment * a->segment : 0;
    *to = !a->ends && a->segment && *from + a->segment < a->k.rows ? *from + a->segment : a->k.rows;
    if (!a->ends) return;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (a->ends[middle] > t) high = middle;
        else low = middle + 1;
    }
    *from = low ? a->ends[low - 1] : 0;
    *to = low < a->n_ends ? a->ends[low] : a->k.rows;
}

/* ---- Cache addresses ------------------------------------------------------ */
/* One row of E values: as stored, or for I8 its scale and then the codes. */
static inline size_t thx_kv_row_bytes(size_t E, thx_type type)
{
    return type == THX_I8 ? (sizeof(float) + E + 3) / 4 * 4 : E * thx_type_bytes(type);
}
/* A row of I8: rounded to nearest even codes of its greatest value / 127; and back. */
void thx_kv_row_round(unsigned char *to, const float *from, size_t E);
void thx_kv_row_widen(float *to, const unsigned char *from, size_t E);

static inline unsigned char *thx_kv_key(const thx_kv *kv, size_t g, size_t position)
{
    const size_t row = g * kv->block_tokens + position % kv->block_tokens;
    return (unsigned char *)kv->blocks[position / kv->block_tokens] + row * thx_kv_row_bytes(kv->E, kv->type);
}
static inline unsigned char *thx_kv_value(const thx_kv *kv, size_t g, size_t position)
{
    return thx_kv_key(kv, kv->G + g, position);
}

/* The tables; those of the instruction sets share their functions and differ in their kernels. */
extern const thx_ops thx_ops_ref, thx_ops_avx2, thx_ops_avx512, thx_ops_avx512_bf16,
    thx_ops_amx;

#endif
