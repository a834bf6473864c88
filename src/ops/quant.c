/* The meaning of grouped matrices in plain C, and their making; see quant.h.
 *
 * Making works on a block at a time, transposed: 16 rows side by side. A group's scale and codes are found by
 * simd/round.h, compiled for the processor at hand; the bytes do not depend on which that is. */
#include "ops/quant.h"
#include "ops/kernels.h"
#include "ops/simd/round.h"

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

static void widen(const thx_kernels *k, float *to, const unsigned char *from, thx_type type, size_t n)
{
    uint16_t h;

    if (k) {
        k->widen(to, from, type, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        memcpy(&h, from + 2 * i, sizeof h);
        if (type == THX_F32) memcpy(to + i, from + 4 * i, sizeof *to);
        else to[i] = type == THX_F16 ? thx_f32_from_f16(h) : thx_f32_from_bf16(h);
    }
}

/* One group of 16 rows, transposed; what is not there is 0. False when a value is not finite. */
static bool load_group(lanes w[GROUP], const thx_kernels *kernels, const thx_view *from, size_t N, size_t K, size_t row,
                       size_t first)
{
    const size_t size = thx_type_bytes(from->type), n = K - first < GROUP ? K - first : GROUP;
    float        wide[ROWS][GROUP] = { 0 }, odd = 0.0f;

    for (size_t l = 0; l < ROWS && row + l < N; l++)
        widen(kernels, wide[l], (const unsigned char *)from->data + ((row + l) * K + first) * size, from->type, n);
    for (size_t k = 0; k < GROUP; k++)
        for (size_t l = 0; l < ROWS; l++) {
            w[k][l] = wide[l][k];
            odd += wide[l][k] * 0.0f; /* 0, or not a number */
        }
    return odd == 0.0f;
}

static float largest(const lanes v)
{
    float top = 0.0f;
    for (size_t l = 0; l < ROWS; l++) top = v[l] > top ? v[l] : top;
    return top;
}

/* A row's factor makes its largest scale the largest that can be stored (Q8: 1; Q4: nearly, as the
 * search goes above and below). */
static bool row_factors(lanes factor, const thx_kernels *kernels, thx_type type, const thx_view *from, size_t N, size_t K,
                        size_t row)
{
    lanes w[GROUP], low, high;
    bool  fine = true;

    for (size_t l = 0; l < ROWS; l++) factor[l] = 0.0f;
    for (size_t k = 0; k < K && fine; k += GROUP) {
        fine = load_group(w, kernels, from, N, K, row, k);
        range_of(low, high, w);
        for (size_t l = 0; l < ROWS; l++) {
            const float top = high[l] > -low[l] ? high[l] : -low[l];
            const float s = type == THX_Q8 ? top / 127.0f : (high[l] - low[l]) / 15.0f / 1.75f;
            factor[l] = s > factor[l] ? s : factor[l];
        }
    }
    return fine && largest(factor) < FLT_MAX;
}

static bool quantize_block(unsigned char *to, const thx_kernels *kernels, thx_type type, const thx_view *from, size_t N,
                           size_t K, size_t row)
{
    thx_q_make_fn *make = kernels ? kernels->quant->make : q_make;
    lanes          factor, w[GROUP];

    if (!row_factors(factor, kernels, type, from, N, K, row)) return false;
    memset(to, 0, thx_q_codes_at(K));
    memcpy(to, factor, sizeof factor);
    for (size_t g = 0; g < thx_q_groups(K); g++) {
        unsigned char *scales = to + thx_q_scales_at() + g * THX_Q_SCALES;
        unsigned char *codes = to + thx_q_codes_at(K) + g * thx_q_code_bytes(type);

        load_group(w, kernels, from, N, K, row, g * GROUP);
        make(scales, codes, type, w, factor);
    }
    return true;
}

bool thx_quantize(void *to, thx_type type, const thx_view *from, size_t first, size_t blocks, int threads)
{
    const size_t N = from->shape[0], K = N ? from->count / N : 0, bytes = thx_q_block_bytes(type, K);
    const thx_kernels *k = thx_kernels_get(thx_cpu_level());
    bool               fine = true;

#pragma omp parallel for schedule(dynamic, 4) num_threads(threads) reduction(&& : fine)
    for (size_t b = 0; b < blocks; b++)
        fine = fine && quantize_block((unsigned char *)to + b * bytes, k, type, from, N, K, (first + b) * ROWS);
    return fine;
}
