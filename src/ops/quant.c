/* The meaning of grouped matrices in plain C, and their making; see quant.h.
 *
 * Making works on a block at a time, transposed: 16 rows side by side, so that the loops over
 * them become vector code whatever the processor. Every step is one IEEE operation on one row's values,
 * so the same weights give the same bytes everywhere. */
#include "ops/quant.h"

#include <float.h>
#include <math.h>

enum { ROWS = THX_Q_ROWS, GROUP = THX_Q_GROUP };

bool thx_q_bytes(size_t *out, thx_type type, uint64_t N, uint64_t K)
{
    const size_t groups = thx_q_groups(K), codes = thx_q_code_bytes(type);
    size_t       block;

    return groups < SIZE_MAX / 1024 && thx_add_size(&block, thx_q_codes_at(K), groups * codes) &&
           thx_mul_size(out, block, thx_q_blocks(N));
}

/* ---- The definition ------------------------------------------------------------- */
static float value_of(const unsigned char *block, thx_type type, size_t K, size_t lane, size_t k)
{
    const unsigned char *scales = block + thx_q_scales_at() + k / GROUP * THX_Q_SCALES;
    const unsigned char *codes = block + thx_q_codes_at(K) + k / GROUP * thx_q_code_bytes(type);
    const size_t         step = k % GROUP / 4, at = lane * 4 + k % 4;
    float                factor;

    memcpy(&factor, block + lane * sizeof factor, sizeof factor);
    if (type == THX_Q8) {
        uint16_t h;
        memcpy(&h, scales + 2 * lane, sizeof h);
        return factor * thx_f32_from_f16(h) * (float)(codes[step * 64 + at] - 128);
    }
    const int both = codes[step % 4 * 64 + at], u = step < 4 ? both & 15 : both >> 4;
    return factor * thx_q_scale(scales[lane]) * ((float)(16 * u - scales[ROWS + lane]) / 16.0f);
}

void thx_dequantize(float *to, const void *matrix, thx_type type, size_t K, size_t row, size_t first, size_t n)
{
    const unsigned char *block =
        (const unsigned char *)matrix + row / ROWS * thx_q_block_bytes(type, K);

    for (size_t i = 0; i < n; i++) to[i] = value_of(block, type, K, row % ROWS, first + i);
}

/* ---- Making ----------------------------------------------------------------------- */
typedef float lanes[ROWS]; /* one value a row */

/* One group of 16 rows, transposed; what is not there is 0. False when a value is not finite. */
static bool load_group(lanes w[GROUP], const thx_view *from, size_t N, size_t K, size_t row, size_t first)
{
    const size_t size = thx_type_bytes(from->type);
    bool         fine = true;

    for (size_t l = 0; l < ROWS; l++)
        for (size_t k = 0; k < GROUP; k++) {
            float v = 0.0f;

            if (row + l < N && first + k < K) {
                const unsigned char *at =
                    (const unsigned char *)from->data + ((row + l) * K + first + k) * size;
                uint16_t h;
                memcpy(&h, at, sizeof h);
                if (from->type == THX_F32) memcpy(&v, at, sizeof v);
                else v = from->type == THX_F16 ? thx_f32_from_f16(h) : thx_f32_from_bf16(h);
                fine = fine && isfinite(v);
            }
            w[k][l] = v;
        }
    return fine;
}

static float largest(const lanes v)
{
    float top = 0.0f;
    for (size_t l = 0; l < ROWS; l++) top = v[l] > top ? v[l] : top;
    return top;
}

/* To the nearest whole number, |v| < 2^22, halves to even: what is added leaves no room for a fraction. */
static inline float whole(float v) { return (v + 0x1.8p23f) - 0x1.8p23f; }
static inline float clamp(float v, float low, float high) { return v < low ? low : v > high ? high : v; }

static void q8_group(unsigned char *scales, unsigned char *codes, const lanes w[GROUP], const lanes factor)
{
    for (size_t l = 0; l < ROWS; l++) {
        float top = 0.0f;
        for (size_t k = 0; k < GROUP; k++) top = fabsf(w[k][l]) > top ? fabsf(w[k][l]) : top;
        const uint16_t h = factor[l] > 0.0f ? thx_f16_from_f32(top / 127.0f / factor[l]) : 0;
        const float    s = factor[l] * thx_f32_from_f16(h), by = s > FLT_MIN ? 1.0f / s : 0.0f;

        memcpy(scales + 2 * l, &h, sizeof h);
        for (size_t k = 0; k < GROUP; k++)
            codes[k / 4 * 64 + l * 4 + k % 4] = (unsigned char)(int)(128.0f + clamp(whole(w[k][l] * by), -127.0f, 127.0f));
    }
}

/* Codes of a group for given scales and zeros (in steps), and where the zero would best have been. */
static void q4_codes(lanes u[GROUP], lanes best, const lanes w[GROUP], const lanes by, const lanes zero)
{
    lanes sum = { 0 };

    for (size_t k = 0; k < GROUP; k++)
        for (size_t l = 0; l < ROWS; l++) {
            const float v = w[k][l] * by[l];
            u[k][l] = whole(clamp(v + zero[l], 0.0f, 15.0f));
            sum[l] += u[k][l] - v;
        }
    for (size_t l = 0; l < ROWS; l++) best[l] = clamp(whole(sum[l] * (16.0f / GROUP)), 0.0f, 255.0f) / 16.0f;
}

static void q4_error(lanes error, const lanes u[GROUP], const lanes w[GROUP], const lanes s, const lanes zero)
{
    for (size_t l = 0; l < ROWS; l++) error[l] = 0.0f;
    for (size_t k = 0; k < GROUP; k++)
        for (size_t l = 0; l < ROWS; l++) {
            const float e = w[k][l] - s[l] * (u[k][l] - zero[l]);
            error[l] += e * e;
        }
}

/* What a search has found best so far. */
typedef struct found { lanes error, zero, byte, u[GROUP]; } found;

static void keep_better(found *f, const lanes error, const lanes zero, const lanes byte, const lanes u[GROUP])
{
    lanes better;

    for (size_t l = 0; l < ROWS; l++) {
        better[l] = error[l] < f->error[l] ? 1.0f : 0.0f;
        f->error[l] = better[l] != 0.0f ? error[l] : f->error[l];
        f->zero[l] = better[l] != 0.0f ? zero[l] : f->zero[l];
        f->byte[l] = better[l] != 0.0f ? byte[l] : f->byte[l];
    }
    for (size_t k = 0; k < GROUP; k++)
        for (size_t l = 0; l < ROWS; l++) f->u[k][l] = better[l] != 0.0f ? u[k][l] : f->u[k][l];
}

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

/* The largest scale that is not above v, as its byte. */
static int byte_below(float v)
{
    uint32_t bits;

    if (!(v > 0x1p-15f)) return 0;
    memcpy(&bits, &v, sizeof bits);
    const uint32_t b = (bits - (112u << 23)) >> 19;
    return b > 255 ? 255 : (int)b;
}

/* Tries the scales that could be stored, from one above what covers the range down to two thirds of it, each with
 * the zero that fits its codes best. The values are in units of their row's factor. */
static void q4_search(found *f, const lanes w[GROUP])
{
    enum { ABOVE = 1, BELOW = 9, TURNS = 3 };
    lanes low, high, start, s, by, byte, zero, best, error, u[GROUP];

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
            q4_codes(u, best, w, by, zero);
            q4_error(error, u, w, s, zero);
            keep_better(f, error, zero, byte, u);
            memcpy(zero, best, sizeof zero);
        }
    }
}

static void q4_group(unsigned char *scales, unsigned char *codes, lanes w[GROUP], const lanes factor)
{
    found f;

    for (size_t k = 0; k < GROUP; k++)
        for (size_t l = 0; l < ROWS; l++) w[k][l] = factor[l] > FLT_MIN ? w[k][l] / factor[l] : 0.0f;
    q4_search(&f, w);
    for (size_t l = 0; l < ROWS; l++) {
        scales[l] = (unsigned char)(int)f.byte[l];
        scales[ROWS + l] = (unsigned char)(int)(16.0f * f.zero[l]);
        for (size_t k = 0; k < GROUP / 2; k++)
            codes[k / 4 * 64 + l * 4 + k % 4] =
                (unsigned char)((unsigned)(int)f.u[k][l] | (unsigned)(int)f.u[k + GROUP / 2][l] << 4);
    }
}

/* A row's factor makes its largest scale the largest that can be stored (Q8: 1; Q4: nearly, as the
 * search goes above and below). */
static bool row_factors(lanes factor, thx_type type, const thx_view *from, size_t N, size_t K, size_t row)
{
    lanes w[GROUP], low, high;
    bool  fine = true;

    for (size_t l = 0; l < ROWS; l++) factor[l] = 0.0f;
    for (size_t k = 0; k < K && fine; k += GROUP) {
        fine = load_group(w, from, N, K, row, k);
        range_of(low, high, w);
        for (size_t l = 0; l < ROWS; l++) {
            const float top = high[l] > -low[l] ? high[l] : -low[l];
            const float s = type == THX_Q8 ? top / 127.0f : (high[l] - low[l]) / 15.0f / 1.75f;
            factor[l] = s > factor[l] ? s : factor[l];
        }
    }
    return fine && largest(factor) < FLT_MAX;
}

static bool quantize_block(unsigned char *to, thx_type type, const thx_view *from, size_t N, size_t K, size_t row)
{
    lanes factor, w[GROUP];

    if (!row_factors(factor, type, from, N, K, row)) return false;
    memset(to, 0, thx_q_codes_at(K));
    memcpy(to, factor, sizeof factor);
    for (size_t g = 0; g < thx_q_groups(K); g++) {
        unsigned char *scales = to + thx_q_scales_at() + g * THX_Q_SCALES;
        unsigned char *codes = to + thx_q_codes_at(K) + g * thx_q_code_bytes(type);

        load_group(w, from, N, K, row, g * GROUP);
        if (type == THX_Q8) q8_group(scales, codes, w, factor);
        else q4_group(scales, codes, w, factor);
    }
    return true;
}

bool thx_quantize(void *to, thx_type type, const thx_view *from, size_t first, size_t blocks, int threads)
{
    const size_t N = from->shape[0], K = N ? from->count / N : 0, bytes = thx_q_block_bytes(type, K);
    bool         fine = true;

#pragma omp parallel for schedule(dynamic, 4) num_threads(threads) reduction(&& : fine)
    for (size_t b = 0; b < blocks; b++)
        fine = fine && quantize_block((unsigned char *)to + b * bytes, type, from, N, K, (first + b) * ROWS);
    return fine;
}
