/* What dense products of every type share: blocks of 6 rows by PANEL vectors of columns, summed
 * over k in order. A sum therefore has the same bits in whatever block it is computed. */
#ifndef THX_OPS_SIMD_BLOCK_H
#define THX_OPS_SIMD_BLOCK_H

#include "ops/simd/load.h"

enum { MR = 6, NR = PANEL * LANES };

/* Stores one block of sums; `cols` may end within the last vector. */
FORCE_INLINE void put_block(float *c, size_t ldc, vec s[MR][PANEL], size_t cols,
                            bool add, const float *carry, const int R, const int C)
{
    const size_t last = cols - (size_t)(C - 1) * LANES; /* columns of the last vector */

    for (int r = 0; r < R; r++) {
        float *to = c + (size_t)r * ldc, *end = to + (size_t)(C - 1) * LANES;

        if (add) {
            const vec by = v_set(carry ? carry[r] : 1.0f);
            for (int j = 0; j < C - 1; j++) s[r][j] = v_fma(v_load(to + j * LANES), by, s[r][j]);
            s[r][C - 1] = v_fma(last == LANES ? v_load(end) : v_load_n(end, last), by, s[r][C - 1]);
        }
        for (int j = 0; j < C - 1; j++) v_store(to + j * LANES, s[r][j]);
        if (last == LANES) v_store(end, s[r][C - 1]);
        else v_store_n(end, s[r][C - 1], last);
    }
}

/* Picks the block of `rows` rows and as many vectors as `cols` need; `name` has the constants last. */
#define PICK_COLS(name, R, ...)                                                        \
    switch ((cols + LANES - 1) / LANES) {                                              \
    case 1: name(__VA_ARGS__, R, 1); break;                                            \
    case 2: name(__VA_ARGS__, R, 2); break;                                            \
    case 3: name(__VA_ARGS__, R, PANEL < 3 ? PANEL : 3); break;                        \
    default: name(__VA_ARGS__, R, PANEL); break;                                       \
    }
#define PICK_BLOCK(name, ...)                                                          \
    switch (rows) {                                                                    \
    case 1: PICK_COLS(name, 1, __VA_ARGS__) break;                                     \
    case 2: PICK_COLS(name, 2, __VA_ARGS__) break;                                     \
    case 3: PICK_COLS(name, 3, __VA_ARGS__) break;                                     \
    case 4: PICK_COLS(name, 4, __VA_ARGS__) break;                                     \
    case 5: PICK_COLS(name, 5, __VA_ARGS__) break;                                     \
    default: PICK_COLS(name, MR, __VA_ARGS__) break;                                   \
    }

#endif
