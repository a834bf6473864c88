/* NumPy's streams; see random.h. */
#include "metrics/random.h"

/* ---- MT19937 ---- */

enum { MT_SIZE = 624, MT_MIDDLE = 397 };

void thx_mt19937_seed(thx_mt19937 *g, uint32_t seed)
{
    g->state[0] = seed;
    for (uint32_t i = 1; i < MT_SIZE; i++)
        g->state[i] = 1812433253u * (g->state[i - 1] ^ g->state[i - 1] >> 30) + i;
    g->at = MT_SIZE;
}

static inline uint32_t mt_mix(uint32_t high, uint32_t low, uint32_t other)
{
    const uint32_t y = (high & 0x80000000u) | (low & 0x7fffffffu);

    return other ^ y >> 1 ^ (-(y & 1) & 0x9908b0dfu);
}

static void mt_renew(thx_mt19937 *g)
{
    uint32_t *s = g->state;

    for (unsigned i = 0; i < MT_SIZE - MT_MIDDLE; i++) s[i] = mt_mix(s[i], s[i + 1], s[i + MT_MIDDLE]);
    for (unsigned i = MT_SIZE - MT_MIDDLE; i < MT_SIZE - 1; i++)
        s[i] = mt_mix(s[i], s[i + 1], s[i + MT_MIDDLE - MT_SIZE]);
    s[MT_SIZE - 1] = mt_mix(s[MT_SIZE - 1], s[0], s[MT_MIDDLE - 1]);
    g->at = 0;
}

static inline uint32_t mt_temper(uint32_t y)
{
    y ^= y >> 11;
    y ^= y << 7 & 0x9d2c5680u;
    y ^= y << 15 & 0xefc60000u;
    return y ^ y >> 18;
}

uint32_t thx_mt19937_next(thx_mt19937 *g)
{
    if (g->at >= MT_SIZE) mt_renew(g);
    return mt_temper(g->state[g->at++]);
}

/* All bits up to the uppermost of n. */
static uint32_t mask_of(uint32_t n)
{
    for (unsigned k = 1; k < 32; k *= 2) n |= n >> k;
    return n;
}

uint32_t thx_mt19937_below(thx_mt19937 *g, uint32_t n)
{
    const uint32_t mask = mask_of(n - 1);
    uint32_t       v;

    if (n == 1) return 0;
    do v = thx_mt19937_next(g) & mask;
    while (v > n - 1);
    return v;
}

/* Every number is written; one that is too large is written over by the next. */
void thx_mt19937_rows(thx_mt19937 *g, uint32_t *rows, size_t count, uint32_t n)
{
    const uint32_t mask = mask_of(n - 1);
    size_t         i = 0;

    while (n > 1 && i < count) {
        if (g->at >= MT_SIZE) mt_renew(g);
        unsigned at = g->at;
        while (at < MT_SIZE && i < count) {
            rows[i] = mt_temper(g->state[at++]) & mask;
            i += rows[i] < n;
        }
        g->at = at;
    }
    for (; i < count; i++) rows[i] = 0;
}

/* ---- PCG64 ---- */

static thx_u128 u128(uint64_t high, uint64_t low) { return (thx_u128)high << 64 | low; }

void thx_pcg64_init(thx_pcg64 *g)
{
    *g = (thx_pcg64){ .state = u128(0x1905e0335aae9634u, 0x9199b0d09775add5u),
                      .increment = u128(0xc9c7353e6e2b1f28u, 0x7d761f2d4027fae7u) };
}

/* A step, then the halves of the state laid over each other and turned by its uppermost bits. */
static uint64_t pcg_next64(thx_pcg64 *g)
{
    g->state = g->state * u128(0x2360ed051fc65da4u, 0x4385df649fccf645u) + g->increment;
    const uint64_t x = (uint64_t)(g->state >> 64) ^ (uint64_t)g->state;
    const unsigned turn = (unsigned)(g->state >> 122);
    return x >> turn | x << (-turn & 63);
}

uint32_t thx_pcg64_next(thx_pcg64 *g)
{
    if (g->has_kept) {
        g->has_kept = false;
        return g->kept;
    }
    const uint64_t x = pcg_next64(g);
    g->kept = (uint32_t)(x >> 32);
    g->has_kept = true;
    return (uint32_t)x;
}

uint32_t thx_pcg64_below(thx_pcg64 *g, uint32_t n)
{
    if (n == 1) return 0;
    uint64_t m = (uint64_t)thx_pcg64_next(g) * n;
    if ((uint32_t)m < n) {
        const uint32_t least = -n % n; /* 2^32 mod n */
        while ((uint32_t)m < least) m = (uint64_t)thx_pcg64_next(g) * n;
    }
    return (uint32_t)(m >> 32);
}

void thx_pcg64_rows(thx_pcg64 *g, uint32_t *rows, size_t count, uint32_t n)
{
    for (size_t i = 0; i < count; i++) rows[i] = thx_pcg64_below(g, n);
}
