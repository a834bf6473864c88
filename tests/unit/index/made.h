/* What the tests of the index share: a file of one's own, and vectors of unit length. */
#ifndef TESTS_INDEX_MADE_H
#define TESTS_INDEX_MADE_H

#include "index/index.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MODEL_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define MODEL_B "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static inline const char *index_path(void)
{
    static char path[256];
    const char *temp = getenv("TMPDIR");

    snprintf(path, sizeof path, "%s/test-index-%ld", temp ? temp : "/tmp", (long)getpid());
    return path;
}

static inline double made_next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) / (double)(1ull << 53) - 0.5;
}

/* n vectors about a common direction, which `spread` draws apart. */
static inline void make_vectors(float *out, size_t n, size_t d, double spread, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t k = 0; k < d; k++) {
            const double v = (k % 7 ? 0.3 : -0.2) + spread * (made_next(&seed) + made_next(&seed) + made_next(&seed));
            out[i * d + k] = (float)v;
            sum += v * v;
        }
        for (size_t k = 0; k < d; k++) out[i * d + k] = (float)(out[i * d + k] / sqrt(sum));
    }
}

#endif
