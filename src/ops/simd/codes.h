/* Products of whole numbers: rows of bytes against one row of 16 bits. Needs "ivec.h". */
#ifndef THX_OPS_SIMD_CODES_H
#define THX_OPS_SIMD_CODES_H

static void dot_codes(int32_t *y, const int8_t *codes, const int16_t *q, size_t n, size_t d)
{
    enum { STEP = 2 * LANES, AHEAD = 2048 }; /* codes of one vector; bytes that memory is asked for in advance */
    const size_t whole = d / (2 * STEP) * (2 * STEP);

    for (size_t i = 0; i < n; i++) {
        const int8_t *row = codes + i * d;
        ivec          a = i_set(0), b = i_set(0);
        size_t        k = 0;
        for (; k < whole; k += 2 * STEP) {
            _mm_prefetch((const char *)row + k + AHEAD, _MM_HINT_T0);
            a = i_add(a, i_dot2(i_shorts(row + k), i_load(q + k)));
            b = i_add(b, i_dot2(i_shorts(row + k + STEP), i_load(q + k + STEP)));
        }
        int32_t sum = i_total(i_add(a, b));
        for (; k < d; k++) sum += row[k] * q[k];
        y[i] = sum;
    }
}

#endif
