/* Operations on tensors: the one list that stage code (vision, language, encoder)
 * may touch tensors through.
 *
 * A device fills the table `thx_ops`; the CPU one starts from plain C (ref/) and is
 * overridden by the widest instruction set found at run time (avx2/, avx512/). Stage
 * code never looks behind `data`, so a device is added without touching a stage.
 *
 * Letters: T rows (tokens), D or K columns, N outputs, H query heads, G key/value
 * heads, E width of a head, P patches.
 *
 * Determinism: the result of a row depends on that row, its context and the weights,
 * never on how many rows, threads or neighbours there are. `role` picks the kernel,
 * not the count of rows.
 *
 * Threads: one context serves one caller at a time; work inside an operation is spread
 * over `threads` OpenMP threads. Operations cannot fail once their arguments are right,
 * except for memory: those say so. */
#ifndef THX_OPS_OPS_H
#define THX_OPS_OPS_H

#include "base/memory.h"
#include "ops/types.h"

/* ---- Activations ----------------------------------------------------------
 * Device memory of a stage: f32 rows, `stride` floats apart. A slice of columns is a
 * tensor with the same stride. */
typedef struct thx_tensor {
    float *data;
    size_t rows, cols, stride;
} thx_tensor;

/* Columns first .. first+cols-1, or rows first .. first+rows-1, of a tensor; borrowed. */
static inline thx_tensor thx_tensor_cols(thx_tensor t, size_t first, size_t cols)
{
    return (thx_tensor){ t.data + first, t.rows, cols, t.stride };
}
static inline thx_tensor thx_tensor_rows(thx_tensor t, size_t first, size_t rows)
{
    return (thx_tensor){ t.data + first * t.stride, rows, t.cols, t.stride };
}

/* ---- Weights made ready ---------------------------------------------------
 * weight_open is the one place that may keep the mapped view, repack, split or upload
 * it. The view must outlive the weight where `thx_weight_bytes` says 0. */
typedef struct thx_weight thx_weight;

typedef enum thx_weight_use {
    THX_USE_LINEAR, /* [N, K], used by linear                              */
    THX_USE_ROWS,   /* [V, D], rows are gathered (embedding); may be LINEAR as well when tied */
    THX_USE_VECTOR, /* norm weights, biases, newline: kept as f32 [D]      */
} thx_weight_use;

/* How products are computed. EXACT: every product in f32 (the parity mode). FAST: prompt
 * rows in bf16 with f32 accumulation where the stored values fit bf16 (f16 values that do not
 * fit are kept by a second, low part, and f32 ones multiplied in f32, unless LOSSY); generated rows read the stored type. FAST_INT8: as FAST, and
 * prompt rows against grouped weights (Q8, Q4) are rounded to 8 bits, 32 values a scale.
 * Grouped weights otherwise: prompt rows in f32 (EXACT) or bf16, generated rows in 16 bits (EXACT: f32). */
typedef enum thx_precision { THX_EXACT, THX_FAST, THX_FAST_LOSSY, THX_FAST_INT8 } thx_precision;

const char *thx_precision_name(thx_precision p); /* "f32", "auto", "lossy", "int8"; NULL beyond them */

typedef enum thx_role { THX_PROMPT, THX_GENERATED } thx_role;

/* ---- Keys and values ------------------------------------------------------
 * Blocks of `block_tokens` positions; position p lies in blocks[p / block_tokens]. A
 * block holds K [G, block_tokens, E] and then V [G, block_tokens, E] of one layer, of the
 * cache's element type (F32 in EXACT mode, BF16 or F16 otherwise; I8: each row of E is one f32 scale and E
 * codes, greatest value / 127). Blocks belong to the
 * engine; a stage only borrows the list. */
typedef struct thx_kv {
    void *const *blocks;
    size_t   block_tokens; /* a power of two                    */
    size_t   G, E;
    thx_type type;
} thx_kv;

size_t thx_kv_block_bytes(size_t block_tokens, size_t G, size_t E, thx_type type); /* of one layer */

/* ---- The context ----------------------------------------------------------- */
typedef struct thx_ops thx_ops;

typedef struct thx_ctx {
    const thx_ops *ops;
    void          *device;    /* the device's own state                           */
    thx_arena     *arena;     /* activations; a stage releases what it took        */
    thx_precision  precision;
    int            threads;
    bool (*step)(void *data); /* called by a stage after each of its layers; false stops it (THORAX_CANCELLED); may be NULL */
    void          *step_data;
} thx_ctx;

static inline bool thx_ctx_step(const thx_ctx *ctx) { return !ctx->step || ctx->step(ctx->step_data); }

typedef enum thx_act { THX_GELU_TANH, THX_GELU_ERF, THX_SILU, THX_TANH, THX_RELU, THX_QUICK_GELU } thx_act;

/* A term that attention's scores get from elsewhere: row t, key p and head h get factor * at[h*head + t*row + p*key].
 * With row + key = 0 it is one of distances. NULL: none. */
typedef struct thx_bias {
    const float *at; /* device memory */
    ptrdiff_t    head, row, key;
    float        factor;
} thx_bias;

/* Attention of T query rows.
 *   q [T, H*E], out [T, H*E]
 * Keys and values come either from `kv` (the cache: row t sees positions 0 .. first+t,
 * or the last `window` of them) or, where kv is NULL, from k, v [S, G*E] (every row sees all S
 * rows, or, with `segment` > 0, the S rows lie in segments of that many rows and row t sees
 * its own segment only: tiles of a tower; or, with `ends`, in segments of their own lengths, of which row t again
 * sees its own: texts. With `around` > 0 a row sees no further than that many rows away). Scores and softmax are
 * f32. Head h reads group h / (H / G). Biases are for prompt rows without a cache and are added before the scale. */
typedef struct thx_attend {
    thx_tensor    out, q, k, v;
    const thx_kv *kv;
    size_t        H, G, E;
    size_t        first;   /* position of row 0, with kv         */
    size_t        window;  /* 0 = all                            */
    size_t        segment; /* 0 = one segment                    */
    const size_t *ends;    /* [n_ends] rows of a segment end before these; NULL = `segment` counts */
    size_t        n_ends;
    size_t        around;  /* 0 = all                            */
    thx_bias      bias[2];
    float         scale;
    thx_role      role;
} thx_attend;

/* ---- The table -------------------------------------------------------------- */
struct thx_ops {
    const char *name; /* "ref", "avx2", "avx512", "avx512-bf16" … */

    /* Makes a stored tensor ready. A LINEAR view is [N, K]; higher ranks are folded into K (a
     * convolution kernel [d, c, p, p] is [d, c*p*p]). THORAX_NOMEM; THORAX_SHAPE for types it cannot use. */
    thorax_status (*weight_open)(thx_ctx *ctx, thx_weight **out, const thx_view *view, thx_weight_use use, thorax_error *err);

    /* Makes a matrix ready that is first rounded to a grouped type (THX_Q8, THX_Q4), into memory the weight owns.
     * THORAX_NOMEM; THORAX_SHAPE; THORAX_FORMAT: a value is not finite. */
    thorax_status (*weight_quantize)(thx_ctx *ctx, thx_weight **out, const thx_view *view, thx_type type, thorax_error *err);

    /* Makes W + scale * b·a ready, a [R, K], b [N, R], F32, F16 or BF16: the product in f32, the sum rounded to the type of W,
     * or then to the grouped `type`; into memory the weight owns. THORAX_NOMEM; THORAX_SHAPE; THORAX_FORMAT as above. */
    thorax_status (*weight_merge)(thx_ctx *ctx, thx_weight **out, const thx_view *w, const thx_view *a, const thx_view *b, float scale,
                                  thx_type type, thorax_error *err);

    /* y [T, N] = x [T, K] · Wᵀ + b.  b may be NULL. y must not overlap x. THORAX_NOMEM. */
    thorax_status (*linear)(thx_ctx *ctx, thx_tensor y, thx_tensor x, const thx_weight *w, const thx_weight *b, thx_role role, thorax_error *err);

    /* Rows of the embedding: y [n, D] = W[ids[i], :]. Ids are checked by the caller. */
    void (*gather)(thx_ctx *ctx, thx_tensor y, const thx_weight *w, const int32_t *ids, size_t n);

    /* y = (x - mean) / sqrt(var + eps) * w + b, biased variance; y may be x. */
    void (*layer_norm)(thx_ctx *ctx, thx_tensor y, thx_tensor x, const thx_weight *w, const thx_weight *b, float eps);
    /* y = x / sqrt(mean(x²) + eps) * w; y may be x. */
    void (*rms_norm)(thx_ctx *ctx, thx_tensor y, thx_tensor x, const thx_weight *w, float eps);

    /* Rotates, in place, the first 2*n_freq columns of every head of x [T, heads*E], pairs (i, i+n_freq);
     * row t stands at position first + t; angle = position * inv_freq[i], in f32. */
    void (*rope)(thx_ctx *ctx, thx_tensor x, size_t heads, size_t E, size_t first, const float *inv_freq, size_t n_freq);

    /* Writes rows k, v [T, G*E] at positions first .. first+T-1 of the cache. */
    void (*kv_append)(thx_ctx *ctx, const thx_kv *kv, thx_tensor k, thx_tensor v, size_t first);
    thorax_status (*attend)(thx_ctx *ctx, const thx_attend *a, thorax_error *err);

    /* Products of activations, head by head, in f32:  y[h*T + t, r] = x[t, h*E ..] · w[r, h*E ..]
     *   x [T, H*E], w [R, H*E], y [H*T, R].  THORAX_NOMEM. */
    thorax_status (*match)(thx_ctx *ctx, thx_tensor y, thx_tensor x, thx_tensor w, size_t H, size_t E,
                           thorax_error *err);

    /* y = act(x); y may be x. Gated: y = act(x) * up; y may be x or up. */
    void (*activate)(thx_ctx *ctx, thx_tensor y, thx_tensor x, thx_act act);
    void (*activate_gated)(thx_ctx *ctx, thx_tensor y, thx_tensor x, thx_tensor up, thx_act act);

    /* x += y * scale (scale [D] per column, or NULL). */
    void (*add)(thx_ctx *ctx, thx_tensor x, thx_tensor y, const thx_weight *scale);
    /* x[t, :] += w[t % rows_w, :], w [rows_w, D] opened as ROWS or LINEAR: position embeddings of one tile after the other. */
    void (*add_rows)(thx_ctx *ctx, thx_tensor x, const thx_weight *w, size_t rows_w);
    /* y [n, D] rows all equal to the VECTOR w: newlines. */
    void (*fill_rows)(thx_ctx *ctx, thx_tensor y, const thx_weight *w);
    void (*copy_rows)(thx_ctx *ctx, thx_tensor y, thx_tensor x);

    /* Patches of one tile, no padding: image f32 [C, Y, X], out [(Y/p)*(X/p), C*p*p], column c*p*p + ky*p + kx. */
    void (*patches)(thx_ctx *ctx, thx_tensor out, const float *image, size_t C, size_t Y, size_t X, size_t p);
    /* Bilinear as torch's interpolate(align_corners=False), no antialias; in [in_h*in_w, D] row-major grid, out [out_h*out_w, D]. */
    void (*bilinear)(thx_ctx *ctx, thx_tensor out, size_t out_h, size_t out_w, thx_tensor in, size_t in_h, size_t in_w);

    /* y[i] = the sum of codes[i, k] * q[k], k < d, exactly, for i < n: the coarse pass of a search. codes [n, d],
     * q [d]; the caller sees to sums that fit: d * 128 * max|q| < 2^31. */
    void (*dot_codes)(thx_ctx *ctx, int32_t *y, const int8_t *codes, const int16_t *q, size_t n, size_t d);
};

/* Bytes of anonymous memory a weight takes beyond its mapped view; its stored type; N and K. */
/* What weight_merge makes, into memory of the caller: [N, K] of the type of W. THORAX_NOMEM; THORAX_SHAPE. */
thorax_status thx_merge(thx_ctx *ctx, void *to, const thx_view *w, const thx_view *a, const thx_view *b, float scale, thorax_error *err);

size_t   thx_weight_bytes(const thx_weight *w);
void     thx_weight_close(thx_weight *w);

/* A tensor of the context's arena; data is NULL when memory runs out. */
thx_tensor thx_tensor_alloc(thx_ctx *ctx, size_t rows, size_t cols);

/* ---- The CPU ---------------------------------------------------------------- */
enum { /* levels, each includes those before it; what the processor has: thx_cpu_level() */
    THX_CPU_REF = 0, THX_CPU_AVX2 = 1, THX_CPU_AVX512 = 2, THX_CPU_AVX512_BF16 = 3,
    THX_CPU_AMX = 4
};
int         thx_cpu_level(void);
const char *thx_cpu_level_name(int level);

/* Opens a CPU context at most at `level`; threads 0 = all cores of this process. The context owns its arena.
 * THORAX_NOMEM. */
thorax_status thx_cpu_open(thx_ctx **out, int level, thx_precision precision, int threads, thorax_error *err);
void          thx_cpu_close(thx_ctx *ctx);

/* What this processor does at best with the context's level and threads, measured for about
 * `seconds` (with one thread: of that thread's own time): 1e9 operations (a multiply-add is two) or bytes read from memory a second. 0 where the level has
 * no such instruction, or where memory for the reading loop (256 MiB) runs out. */
typedef enum thx_peak { THX_PEAK_F32, THX_PEAK_BF16, THX_PEAK_READ, THX_PEAK_INT8 } thx_peak;
double thx_cpu_peak(thx_ctx *ctx, thx_peak what, double seconds);

#endif
