/* Making a block of a grouped matrix (quant.h) from 16 rows of floats: plain C, included by ../quant.c and by each
 * instruction set, whose compiler flags turn the loops over the 16 rows into vector code. Every step is one IEEE operation
 * on one row's values, so all of them give the same bytes. */
#ifndef THX_OPS_SIMD_ROUND_H
#define THX_OPS_SIMD_ROUND_H

#include "ops/quant.h"

#include <float.h>
#include <math.h>

enum { ROWS = THX_Q_ROWS, GROUP = THX_Q_GROUP };

typedef float lanes[ROWS]; /* one value a row */

/* To the nearest whole number, |v| < 2^22, halves to even: what is added leaves no room for a fraction. */
static inline float whole(float v) { return (v + 0x1.8p23f) - 0x1.8p23f; }
static inline float clamp(float v, float low, float high) { return v < low ? low : v > high ? high : v; }

/* Range of a group with 0 in it: low <= 0 <= high. */
static void range_of(lanes low, lanes high, const lanes w[GROUP])
{
    for (size_t l = 0; l < ROWS; l++) low[l] = high[l] = 0.0f;
    for (size_t k = 0; k < GROUP; k++)
        for (size_t l = 0; l < ROWS; l++) {
            low[l] = w[k][l] < low[l] ? w[k][l] : low[l];
            high[l] = w[k][l] > high[l] ? w[k][l] : high[l];
        }
}

/* ---- Q8 ---- */
static void q8_group(unsigned char *scales, unsigned char *codes, const lanes w[GROUP], const lanes factor)
{
    lanes low, high, by;

    range_of(low, high, w);
    for (size_t l = 0; l < ROWS; l++) {
        const float    top = high[l] > -low[l] ? high[l] : -low[l];
        const uint16_t h = factor[l] > 0.0f ? thx_f16_from_f32(top / 127.0f / factor[l]) : 0;
        const float    s = factor[l] * thx_f32_from_f16(h);

        by[l] = s > FLT_MIN ? 1.0f / s : 0.0f;
        memcpy(scales + 2 * l, &h, sizeof h);
    }
    for (size_t k = 0; k < GROUP; k++)
        for (size_t l = 0; l < ROWS; l++) {
            const float v = clamp(whole(w[k][l] * by[l]), -127.0f, 127.0f);
            codes[k / 4 * 64 + l * 4 + k % 4] = (unsigned char)(int)(v + 128.0f);
        }
}

/* ---- Q4 ---- */

/* What a group loses with these scales and zeros (in steps), in squares; and the zero that would fit its codes best. */
static void q4_try(lanes error, lanes best, const lanes w[GROUP], const lanes s, const lanes by, const lanes zero)
{
    lanes sum = { 0 }, squares = { 0 };

    for (size_t k = 0; k < GROUP; k++)
        for (size_t l = 0; l < ROWS; l++) {
            const float v = w[k][l] * by[l], u = whole(clamp(v + zero[l], 0.0f, 15.0f)), off = u - v, e = off - zero[l];
            sum[l] += off;
            squares[l] += e * e;
        }
    for (size_t l = 0; l < ROWS; l++) {
        error[l] = squares[l] * (s[l] * s[l]);
        best[l] = clamp(whole(sum[l] * (16.0f / GROUP)), 0.0f, 255.0f) / 16.0f;
    }
}

/* What a search has found best so far. */
typedef struct found { lanes error, zero, byte; } found;

static void keep_better(found *f, const lanes error, const lanes zero, const lanes byte)
{
    for (size_t l = 0; l < ROWS; l++) {
        const bool better = error[l] < f->error[l];
        f->zero[l] = better ? zero[l] : f->zero[l];
        f->byte[l] = better ? byte[l] : f->byte[l];
        f->error[l] = better ? error[l] : f->error[l];
    }
}

/* The largest scale that is not above v, as its byte. */
static inline int byte_below(float v)
{
    uint32_t bits;

    if (!(v > 0x1p-15f)) return 0;
    memcpy(&bits, &v, sizeof bits);
    const uint32_t b = (bits - (112u << 23)) >> 19;
    return b > 255 ? 255 : (int)b;
}

/* Tries the scales that could be stored, from one above what covers the range to four below, each with
 * the zero that fits its codes best. The values are in units of their row's factor. */
static void q4_search(found *f, const lanes w[GROUP])
{
    enum { ABOVE = 1, BELOW = 4, TURNS = 4 };
    lanes low, high, start, s, by, byte, zero, best, error;

    *f = (found){ 0 };
    range_of(low, high, w);
    for (size_t l = 0; l < ROWS; l++) {
        start[l] = (float)byte_below((high[l] - low[l]) / 15.0f);
        f->error[l] = INFINITY;
    }
    for (int step = ABOVE; step >= -BELOW; step--) {
        for (size_t l = 0; l < ROWS; l++) {
            byte[l] = clamp(start[l] + (float)step, 0.0f, 255.0f);
            s[l] = thx_q_scale((unsigned)(int)byte[l]);
            by[l] = 1.0f / s[l];
            const float middle = 7.5f - 0.5f * (high[l] + low[l]) * by[l];
            zero[l] = whole(16.0f * clamp(middle, 0.0f, 255.0f / 16.0f)) / 16.0f;
        }
        for (int turn = 0; turn < TURNS; turn++) {
            q4_try(error, best, w, s, by, zero);
            keep_better(f, error, zero, byte);
            memcpy(zero, best, sizeof zero);
        }
    }
}

static void q4_group(unsigned char *scales, unsigned char *codes, const lanes from[GROUP], const lanes factor)
{
    lanes w[GROUP], by;
    int   u[GROUP][ROWS];
    found f;

    for (size_t k = 0; k < GROUP; k++)
        for (size_t l = 0; l < ROWS; l++) w[k][l] = factor[l] > FLT_MIN ? from[k][l] / factor[l] : 0.0f;
    q4_search(&f, w);
    for (size_t l = 0; l < ROWS; l++) {
        scales[l] = (unsigned char)(int)f.byte[l];
        scales[ROWS + l] = (unsigned char)(int)(16.0f * f.zero[l]);
        by[l] = 1.0f / thx_q_scale(scales[l]);
    }
    for (size_t k = 0; k < GROUP; k++)
        for (size_t l = 0; l < ROWS; l++) u[k][l] = (int)whole(clamp(w[k][l] * by[l] + f.zero[l], 0.0f, 15.0f));
    for (size_t k = 0; k < GROUP / 2; k++)
        for (size_t l = 0; l < ROWS; l++)
            codes[k / 4 * 64 + l * 4 + k % 4] = (unsigned char)(u[k][l] | u[k + GROUP / 2][l] << 4);
}

/* Scales and codes of one group of a block. */
static void q_make(unsigned char *scales, unsigned char *codes, thx_type type, const float w[GROUP][ROWS],
                   const float factor[ROWS])
{
    if (type == THX_Q8) q8_group(scales, codes, w, factor);
    else q4_group(scales, codes, w, factor);
}

#endif
