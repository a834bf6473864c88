/* Group-quantised matrices: how Q8 and Q4 lie in memory, and what they mean.
 *
 * A matrix W [N, K] is cut into blocks of 16 rows and groups of 32 columns. Rows behind N and
 * columns behind K are filled up with codes that mean 0 or meet zeros. A block is, without gaps,
 *
 *   factors  f32 [16]                 one a row
 *   scales   [G][32 bytes]            G = groups of K; filled up to a multiple of 64 bytes
 *   codes    Q8: [G][8][16][4] u8     a step of 4 columns is 64 bytes: 16 rows by 4 columns, which
 *            Q4: [G][4][16][4] u8     is what one instruction multiplies with 4 values of a row of x.
 *                                     Q4: step j in the low, step j + 4 in the high halves of bytes
 *
 *   Q8  w = s (u - 128),    s = factor * h       scales: f16 h [16]
 *   Q4  w = s (u - m / 16), s = factor * e(b)    scales: u8 b [16], u8 m [16]
 *
 * e(b) is a float of 4 bits of exponent and 4 of fraction, (1 + (b % 16) / 16) * 2^(b / 16 - 15): a
 * group far smaller than the largest of its row still has its own scale. m is the place of zero
 * among the 16 codes, in sixteenths of a step. 8.5 and 4.5 bits a value. */
#ifndef THX_OPS_QUANT_H
#define THX_OPS_QUANT_H

#include "base/memory.h"
#include "ops/types.h"

#include <string.h>

enum { THX_Q_ROWS = 16, THX_Q_GROUP = 32, THX_Q_SCALES = 32 /* bytes of scales of a group */ };

static inline size_t thx_q_groups(size_t K) { return K / THX_Q_GROUP + (K % THX_Q_GROUP != 0); }
static inline size_t thx_q_blocks(size_t N) { return N / THX_Q_ROWS + (N % THX_Q_ROWS != 0); }

/* Bytes of codes of one group of a block, and where scales and codes of a block begin. */
static inline size_t thx_q_code_bytes(thx_type type) { return type == THX_Q8 ? 512 : 256; }
static inline size_t thx_q_scales_at(void) { return THX_Q_ROWS * sizeof(float); }
static inline size_t thx_q_codes_at(size_t K) { return thx_q_scales_at() + (thx_q_groups(K) + 1) / 2 * 64; }
static inline size_t thx_q_block_bytes(thx_type type, size_t K)
{
    return thx_q_codes_at(K) + thx_q_groups(K) * thx_q_code_bytes(type);
}

/* Of a matrix; false when that is too much for a size. */
bool thx_q_bytes(size_t *out, thx_type type, uint64_t N, uint64_t K);

/* e(b) of the definition above. */
static inline float thx_q_scale(unsigned b)
{
    const uint32_t bits = (b << 19) + (112u << 23);
    float          f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* Values first .. first+n-1 of row `row`, by the definition above. */
void thx_dequantize(float *to, const void *matrix, thx_type type, size_t K, size_t row, size_t first, size_t n);

/* Rounds blocks first .. first+blocks-1 of a matrix view (F32, F16 or BF16; dimensions behind the
 * second count as columns) into `to`, which receives these blocks alone. Scales and zeros are those of the least
 * squared error among those tried. Uses `threads` threads; the result does not
 * depend on them. False when a value is not finite. */
bool thx_quantize(void *to, thx_type type, const thx_view *from, size_t first, size_t blocks, int threads);

#endif
