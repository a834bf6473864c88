/* Kernels: what one thread does on one instruction set. The files of cpu/ spread
 * them over rows and threads; the files of simd/ hold their text once, and avx2/ and
 * avx512/ compile it for their vectors.
 *
 * Every kernel gives a row the same bits whatever the number of rows beside it. Pointers
 * to floats are 4-byte aligned, pointers to stored values need no alignment. */
#ifndef THX_OPS_KERNELS_H
#define THX_OPS_KERNELS_H

#include "ops/ops.h"

/* The left operand of a dense product: element (r, k) lies at  r * row + k / 32 * step + k % 32. Rows one after the
 * other have step 32; strips, which units for tiles prefer, hold 32 columns of mr rows together. */
typedef struct thx_left {
    const void *at;
    size_t      row, step; /* in elements */
} thx_left;

/* Dense products over a packed operand. A panel holds `nr` columns of B, K-major:
 * f32: [K][nr];  bf16: [K/2][nr][2]. */
typedef struct thx_gemm {
    thx_type type;         /* of A and of the packed B: F32 or BF16                   */
    size_t   mr, nr, lanes; /* rows and columns of one block; columns of one vector    */
    size_t   depth;        /* block reads K rounded up to a multiple of it: packing writes zeros there, and A holds some */
    size_t   piece_bytes;  /* of one column: what linear packs of K at a time; whole groups of 32 values */
    bool     strips;       /* A may lie in strips; else its step is 32                */

    /* What a thread does before its first block and after its last; NULL: nothing. */
    void (*enter)(void);
    void (*leave)(void);

    /* Packs columns from rows of a matrix (B = Wᵀ): panel[k][i] = src[i][k], i < n <= nr, the other
     * columns zero. The rows lie `pitch` bytes apart. With a BF16 panel and F16 rows `low` picks what bf16
     * leaves over of each value; the others round to nearest even, and false says that some left something over. */
    bool (*pack_rows)(void *panel, const void *src, thx_type type, size_t pitch, size_t n, size_t K,
                      bool low);
    /* Packs columns as they lie: panel[k][i] = src[k][i], for columns i < n and k < K. */
    void (*pack_cols)(void *panel, const void *src, thx_type type, size_t pitch, size_t n, size_t K);
    /* Packs columns from rows of a grouped matrix (quant.h): `blocks` is the block of the first one, k counts
     * from column 32 * group on; whole groups are written. Other columns are zero. */
    void (*pack_groups)(void *panel, const void *blocks, thx_type type, size_t K, size_t n, size_t group, size_t k);
    /* C = A·B, with `add` C + A·B, with `carry` as well C * carry[row] + A·B
     *   c [rows, cols], ldc   a [rows, K]
     * rows <= mr, cols <= nr. Columns beyond `cols` are not written. */
    void (*block)(float *c, size_t ldc, thx_left a, const void *panel, size_t rows, size_t cols, size_t K, bool add,
                  const float *carry);
    /* One row's part of an online softmax over a block of `n` scores; n is a multiple of 32.
     * scores[i] counts where from <= i < to. Updates the running maximum and sum, writes the factor for what
     * was summed before into *carry, and the weights (of the gemm's type, 0 where not counted; f32
     * weights may take the place of the scores). scale > 0. */
    void (*softmax)(void *weights, float *scores, size_t n, size_t from, size_t to, float scale, float *top,
                    float *total, float *carry);
} thx_gemm;

/* Rows rounded for products with grouped matrices: value = scale * (whole number), a scale for each of the
 * G groups of a row, and the sum of its whole numbers. A whole number is one byte, or two (high and low, both with a
 * sign): [G][32] or [G][high 32, low 32] bytes a row. */
typedef struct thx_rounded {
    int8_t  *codes;
    size_t   pitch;  /* bytes between rows of codes */
    float   *scales; /* [rows, G] */
    int32_t *sums;   /* [rows, G] */
} thx_rounded;

/* Scales and codes of one group of a block from its values, transposed; `factor` of each row is given. */
typedef void thx_q_make_fn(unsigned char *scales, unsigned char *codes, thx_type type, const float w[32][16],
                           const float factor[16]);

/* Products with grouped matrices in whole numbers, and their making. */
typedef struct thx_quant {
    thx_q_make_fn *make;
    /* Rounds one row of x to 8 bits (127 is the largest of a group) or, fine, to 16 (32512). */
    void (*round)(thx_rounded *to, size_t row, const float *x, size_t K, bool fine);
    /* Rows rounded fine against one block:  y[t][i] = x[t] · w[i], i < n <= 16, t < T */
    void (*few)(float *y, size_t ldy, const thx_rounded *x, size_t T, const void *block, thx_type type, size_t K, size_t n);
    /* Rows row .. row+rows-1 of x, 8 bits, against `cols` rows of W from `blocks` on, for some groups: the first ones
     * begin the sums in c, the last ones finish them. NULL where bf16 is faster. */
    void (*dense)(float *c, size_t ldc, const thx_rounded *x, size_t row, size_t rows, const void *blocks, thx_type type,
                  size_t K, size_t first, size_t groups, size_t cols);
    double (*spin)(size_t rounds); /* at best: only products of bytes */
} thx_quant;

typedef struct thx_kernels {
    const char *name;

    /* n values between f32 and a stored type (F32, F16, BF16) */
    void (*widen)(float *to, const void *from, thx_type type, size_t n);
    void (*narrow)(void *to, const float *from, thx_type type, size_t n);

    /* one row of D or n values; y may be x */
    void (*layer_norm)(float *y, const float *x, const float *w, const float *b, size_t D, float eps);
    void (*rms_norm)(float *y, const float *x, const float *w, size_t D, float eps);
    void (*rotate)(float *x, const float *cosines, const float *sines, size_t n); /* pairs (i, i+n) */
    void (*activate)(float *y, const float *x, const float *up, size_t n, thx_act act); /* up may be NULL */
    void (*add)(float *x, const float *y, const float *scale, size_t n); /* scale may be NULL */
    void (*blend)(float *y, const float *const corner[4], float ty, float tx, size_t n);

    /* Few rows times a stored matrix read once:  y[t][i] = x[t] · w[i], i < n, t < T.
     *   y (ldy), x [T, K] (ldx) f32; w rows `pitch` bytes apart */
    void (*dot)(float *y, size_t ldy, const float *x, size_t ldx, size_t T, const void *w, thx_type type,
                size_t pitch, size_t n, size_t K);
    /* y[t][d] += sum over i < n of p[t][i] * v[i][d], d < D; in the order of i. */
    void (*mix)(float *y, size_t ldy, const float *p, size_t ldp, size_t T, const void *v, thx_type type,
                size_t pitch, size_t n, size_t D);

    /* y[i] = codes[i, :] · q, i < n; codes [n, d] */
    void (*dot_codes)(int32_t *y, const int8_t *codes, const int16_t *q, size_t n, size_t d);

    /* At best: loops of `rounds` steps that only multiply and add, and one that only reads. */
    double (*spin_f32)(size_t rounds);
    double (*spin_bf16)(size_t rounds);
    float (*sweep)(const float *p, size_t bytes);

    const thx_gemm  *f32, *bf16; /* bf16 is NULL where the processor has none */
    const thx_quant *quant;
} thx_kernels;

/* The kernels of a level; NULL where it has none (the reference, other processors). */
const thx_kernels *thx_kernels_get(int level);

extern const thx_kernels thx_kernels_avx2, thx_kernels_avx512, thx_kernels_avx512_vnni, thx_kernels_avx512_bf16,
    thx_kernels_amx;
extern const thx_gemm thx_gemm_f32_avx512, thx_gemm_bf16_avx512, thx_gemm_bf16_amx;
extern const thx_quant thx_quant_avx2, thx_quant_avx512, thx_quant_avx512_vnni, thx_quant_amx;
double thx_spin_bf16_avx512(size_t rounds), thx_spin_bf16_amx(size_t rounds), thx_spin_int8_amx(size_t rounds);

#endif
