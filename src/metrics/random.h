/* NumPy's two streams of random numbers, bit for bit: MT19937 of the legacy generator (np.random.seed, SciPy
 * with a whole number) and PCG64 as default_rng(12345) starts it (sacrebleu). */
#ifndef THX_METRICS_RANDOM_H
#define THX_METRICS_RANDOM_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct thx_mt19937 { uint32_t state[624]; unsigned at; } thx_mt19937;

void     thx_mt19937_seed(thx_mt19937 *g, uint32_t seed);
uint32_t thx_mt19937_next(thx_mt19937 *g);
/* 0 … n - 1, n > 0, by masked rejection; n = 1 draws nothing. */
uint32_t thx_mt19937_below(thx_mt19937 *g, uint32_t n);
void     thx_mt19937_rows(thx_mt19937 *g, uint32_t *rows, size_t count, uint32_t n);

__extension__ typedef unsigned __int128 thx_u128;
typedef struct thx_pcg64 { thx_u128 state, increment; uint32_t kept; bool has_kept; } thx_pcg64;

void     thx_pcg64_init(thx_pcg64 *g); /* the state of seed 12345 */
uint32_t thx_pcg64_next(thx_pcg64 *g); /* 32 bits: the low half of a draw first */
/* 0 … n - 1, n > 0, by Lemire's rejection; n = 1 draws nothing. */
uint32_t thx_pcg64_below(thx_pcg64 *g, uint32_t n);
void     thx_pcg64_rows(thx_pcg64 *g, uint32_t *rows, size_t count, uint32_t n);

#endif
