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

/* Scales of a group with these halves, and what to multiply by to get codes. */
static void q8_scales(lanes s, lanes by, const uint16_t h[ROWS], const lanes factor)
{
    for (size_t l = 0; l < ROWS; l++) {
        s[l] = factor[l] * thx_f32_from_f16(h[l]);
        by[l] = s[l] > FLT_MIN ? 1.0f / s[l] : 0.0f;
    }
}

static inline float q8_code(float w, float by) { return clamp(whole(w * by), -127.0f, 127.0f); }

/* What a group loses, in squares of its row's factor. */
static void q8_error(lanes error, const lanes w[GROUP], const lanes s, const lanes by, const lanes factor)
{
    for (size_t l = 0; l < ROWS; l++) error[l] = 0.0f;
    for (size_t k = 0; k < GROUP; k++)
        for (size_t l = 0; l < ROWS; l++) {
            const float e = q8_code(w[k][l], by[l]) - w[k][l] * by[l];
            error[l] += e * e;
        }
    for (size_t l = 0; l < ROWS; l++) {
        const float size = factor[l] > FLT_MIN ? s[l] / factor[l] : 0.0f;
        error[l] *= size * size;
    }
}

/* From the scale that gives the largest value the code 127 on, a few slightly larger ones: the 32 roundings of each fall
 * out by chance, and the best of them loses about a fifth less. */
static void q8_search(uint16_t best[ROWS], const lanes w[GROUP], const lanes factor)
{
    enum { TRIES = 14, STEP = 8 /* of the last place of the half: 0.4 to 0.8 % */ };
    lanes    low, high, s, by, error, least;
    uint16_t h[ROWS];

    range_of(low, high, w);
    for (size_t l = 0; l < ROWS; l++) {
        const float top = high[l] > -low[l] ? high[l] : -low[l];
        best[l] = h[l] = factor[l] > FLT_MIN ? thx_f16_from_f32(top / 127.0f / factor[l]) : 0;
        least[l] = INFINITY;
    }
    for (int i = 0; i < TRIES; i++) {
        q8_scales(s, by, h, factor);
        q8_error(error, w, s, by, factor);
        for (size_t l = 0; l < ROWS; l++) {
            if (error[l] < least[l]) best[l] = h[l], least[l] = error[l];
            h[l] = (uint16_t)(h[l] + (h[l] ? STEP : 0));
        }
    }
}

static void q8_group(unsigned char *scales, unsigned char *codes, const lanes w[GROUP], const lanes factor)
{
    uint16_t h[ROWS];
    lanes    s, by;

    q8_search(h, w, factor);
    q8_scales(s, by, h, factor);
    memcpy(scales, h, sizeof h);
    for (size_t k = 0; k < GROUP; k++)
        for (size_t l = 0; l < ROWS; l++)
            codes[k / 4 * 64 + l * 4 + k % 4] = (unsigned char)(int)(q8_code(w[k][l], by[l]) + 128.0f);
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
