/* Grouped matrices: what is stored means what quant.h says, sizes of any kind, errors within what the codes can
 * hold, the same bytes from any number of threads, and the same sums from every instruction set. */
#include "check.h"
#include "ops/kernels.h"
#include "ops/quant.h"

#include <math.h>

static float value(size_t i) /* about normal */
{
    float sum = 0.0f;
    for (size_t j = 0; j < 4; j++) sum += (float)((i * 4 + j) * 2654435761u >> 8 & 0xffff) / 65536.0f - 0.5f;
    return sum * 1.7f;
}

static thx_view matrix(float **data, size_t N, size_t K)
{
    *data = malloc(N * K * sizeof **data);
    assert_non_null(*data);
    for (size_t i = 0; i < N * K; i++) (*data)[i] = value(i);
    return (thx_view){ .name = "w", .data = *data, .type = THX_F32, .rank = 2, .shape = { N, K }, .count = N * K };
}

static unsigned char *rounded(thx_type type, const thx_view *from, int threads)
{
    const size_t   N = from->shape[0], K = from->shape[1];
    size_t         bytes;
    unsigned char *to;

    assert_true(thx_q_bytes(&bytes, type, N, K));
    assert_non_null(to = malloc(bytes));
    assert_true(thx_quantize(to, type, from, 0, thx_q_blocks(N), threads));
    return to;
}

static void sizes(void **state)
{
    size_t   bytes;
    uint64_t shape[2] = { 16, 64 };

    (void)state;
    assert_true(thx_q_bytes(&bytes, THX_Q8, 16, 64) && bytes == 64 + 64 + 2 * 512);
    assert_true(thx_q_bytes(&bytes, THX_Q4, 17, 64) && bytes == 2 * (64 + 64 + 2 * 256));
    assert_true(thx_q_bytes(&bytes, THX_Q8, 1, 33) && bytes == 64 + 64 + 2 * 512);
    assert_true(thx_q_bytes(&bytes, THX_Q4, 1, 96) && bytes == 64 + 128 + 3 * 256);
    assert_false(thx_q_bytes(&bytes, THX_Q8, UINT64_MAX / 2, UINT64_MAX / 2));
    assert_false(thx_q_bytes(&bytes, THX_Q4, 1, UINT64_MAX));
    assert_false(thx_q_bytes(&bytes, THX_Q8, UINT64_MAX, 32));
    assert_true(thx_stored_bytes(&bytes, THX_Q8, 2, shape) && bytes == 1152);
    assert_false(thx_stored_bytes(&bytes, THX_Q8, 1, shape));
    assert_int_equal(thx_type_bytes(THX_Q4), 0);
    assert_string_equal(thx_type_name(THX_Q8), "Q8");
    assert_string_equal(thx_type_name(THX_Q4), "Q4");
}

/* Bytes set by hand, values worked out by hand. */
static void meaning(void **state)
{
    static unsigned char q8[64 + 64 + 512], q4[64 + 64 + 256];
    const float          factor = 0.5f;
    const uint16_t       h = thx_f16_from_f32(0.25f);
    float                v[32];

    (void)state;
    memcpy(q8 + 3 * 4, &factor, 4); /* row 3 */
    memcpy(q8 + 64 + 3 * 2, &h, 2);
    memset(q8 + 128, 128, 512);
    q8[128 + 2 * 64 + 3 * 4 + 1] = 255; /* column 9 */
    q8[128 + 7 * 64 + 3 * 4 + 3] = 0;   /* column 31 */
    thx_dequantize(v, q8, THX_Q8, 32, 3, 0, 32);
    assert_float_equal(v[9], 127 * 0.125f, 0);
    assert_float_equal(v[31], -128 * 0.125f, 0);
    assert_float_equal(v[0], 0, 0);
    thx_dequantize(v, q8, THX_Q8, 32, 3, 9, 1); /* a piece */
    assert_float_equal(v[0], 127 * 0.125f, 0);

    memcpy(q4 + 5 * 4, &factor, 4); /* row 5 */
    q4[64 + 5] = 15 * 16 + 8;       /* 1.5 */
    q4[64 + 16 + 5] = 7 * 16 + 4;   /* zero at 7.25 */
    memset(q4 + 128, 0x77, 256);
    q4[128 + 1 * 64 + 5 * 4 + 2] = 0x9f; /* column 6 in the low half, column 22 in the high */
    thx_dequantize(v, q4, THX_Q4, 32, 5, 0, 32);
    assert_float_equal(v[6], 0.75f * (15 - 7.25f), 0);
    assert_float_equal(v[22], 0.75f * (9 - 7.25f), 0);
    assert_float_equal(v[0], 0.75f * -0.25f, 0);
    assert_float_equal(thx_q_scale(0), 0x1p-15f, 0);
    assert_float_equal(thx_q_scale(255), 1.9375f, 0);
}

/* Every value within half a step (Q8; steps are up to a tenth larger than they must be), the whole within what 16 levels can do (Q4). */
static void errors(void **state)
{
    static const size_t shapes[][2] = { { 1, 1 }, { 3, 31 }, { 16, 32 }, { 17, 33 }, { 40, 100 }, { 33, 257 } };

    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const size_t   N = shapes[i][0], K = shapes[i][1];
        float         *w, *v = malloc(K * sizeof *v);
        const thx_view view = matrix(&w, N, K);
        unsigned char *q8 = rounded(THX_Q8, &view, 1), *q4 = rounded(THX_Q4, &view, 1);
        double         squares = 0.0, lost = 0.0;

        for (size_t n = 0; n < N; n++) {
            thx_dequantize(v, q8, THX_Q8, K, n, 0, K);
            for (size_t k = 0; k < K; k++) {
                float top = 0.0f;
                for (size_t j = k / 32 * 32; j < K && j < k / 32 * 32 + 32; j++) top = fmaxf(top, fabsf(w[n * K + j]));
                if (!(fabsf(v[k] - w[n * K + k]) <= top / 127.0f * 0.56f))
                    fail_msg("[%zu, %zu] of %zu x %zu: %g became %g", n, k, N, K, (double)w[n * K + k], (double)v[k]);
            }
            thx_dequantize(v, q4, THX_Q4, K, n, 0, K);
            for (size_t k = 0; k < K; k++) {
                squares += (double)w[n * K + k] * w[n * K + k];
                lost += ((double)v[k] - w[n * K + k]) * ((double)v[k] - w[n * K + k]);
            }
        }
        if (!(lost <= 0.006 * squares)) fail_msg("%zu x %zu loses %g of its squares", N, K, lost / squares);
        free(w), free(v), free(q8), free(q4);
    }
}

/* Zeros stay zeros, tiny and huge groups side by side keep their own scale, f16 and bf16 sources, pieces. */
static void odd_values(void **state)
{
    enum { N = 20, K = 96 };
    float         *w, v[K];
    thx_view       view = matrix(&w, N, K);
    uint16_t       half[N * K];
    thx_view       other = { .name = "h", .data = half, .rank = 2, .shape = { N, K }, .count = N * K };

    (void)state;
    for (size_t k = 0; k < K; k++) w[2 * K + k] = 0.0f;
    for (size_t k = 32; k < 64; k++) w[5 * K + k] *= 1e-2f;
    for (size_t k = 64; k < 96; k++) w[5 * K + k] *= 1e2f;
    for (size_t k = 0; k < 32; k++) w[7 * K + k] = fabsf(w[7 * K + k]) + 5.0f; /* no zero among them */
    for (size_t k = 0; k < K; k++) w[9 * K + k] = k ? 1e-42f : -1e-41f;
    for (thx_type type = THX_Q8; type <= THX_Q4; type++) {
        const float limit = type == THX_Q8 ? 0.005f : 0.12f; /* of the largest */
        unsigned char *q = rounded(type, &view, 1), *piece = malloc(thx_q_block_bytes(type, K));

        thx_dequantize(v, q, type, K, 2, 0, K);
        for (size_t k = 0; k < K; k++) assert_float_equal(v[k], 0, 0);
        thx_dequantize(v, q, type, K, 5, 0, K);
        for (size_t k = 0; k < K; k++)
            assert_float_equal(v[k], w[5 * K + k], limit * (k < 32 ? 3.4f : k < 64 ? 3.4e-2f : 3.4e2f));
        thx_dequantize(v, q, type, K, 7, 0, 32);
        for (size_t k = 0; k < 32; k++) assert_float_equal(v[k], w[7 * K + k], 8.0f * limit);
        assert_true(thx_quantize(piece, type, &view, 1, 1, 1)); /* the second block alone */
        assert_memory_equal(piece, q + thx_q_block_bytes(type, K), thx_q_block_bytes(type, K));
        for (int f16 = 0; f16 < 2; f16++) {
            unsigned char *a, *b;

            for (size_t i = 0; i < N * K; i++) {
                half[i] = f16 ? thx_f16_from_f32(w[i]) : thx_bf16_from_f32(w[i]);
                w[i] = f16 ? thx_f32_from_f16(half[i]) : thx_f32_from_bf16(half[i]);
            }
            other.type = f16 ? THX_F16 : THX_BF16;
            a = rounded(type, &other, 1), b = rounded(type, &view, 3);
            assert_memory_equal(a, b, 2 * thx_q_block_bytes(type, K));
            free(a), free(b);
        }
        free(q), free(piece);
    }
    w[3] = INFINITY;
    assert_false(thx_quantize(half, THX_Q8, &view, 0, 1, 1));
    w[3] = NAN;
    assert_false(thx_quantize(half, THX_Q4, &view, 0, 1, 1));
    free(w);
}

/* ---- Instruction sets ---------------------------------------------------------------------- */
#if defined(__x86_64__)
enum { T = 9, ROWS = 37, COLS = 161, G = (COLS + 31) / 32 };

typedef struct sums { float few[T][ROWS], dense[T][ROWS]; } sums;

/* The rows are rounded by one set for all: which of nearly equal scales is picked may differ. */
static void multiply(sums *to, const thx_quant *rounds, const thx_quant *q, const void *w, thx_type type, const float *x)
{
    static int8_t  codes[T * G * 64];
    static float   scales[T * G];
    static int32_t totals[T * G];
    thx_rounded    r = { .codes = codes, .pitch = G * 64, .scales = scales, .sums = totals };
    const size_t   block = thx_q_block_bytes(type, COLS);

    for (size_t t = 0; t < T; t++) rounds->round(&r, t, x + t * COLS, COLS, true);
    for (size_t b = 0; b < thx_q_blocks(ROWS); b++)
        q->few(&to->few[0][b * 16], ROWS, &r, T, (const char *)w + b * block, type, COLS,
               ROWS - b * 16 < 16 ? ROWS - b * 16 : 16);
    for (size_t t = 0; t < T; t++) rounds->round(&r, t, x + t * COLS, COLS, false);
    q->dense(&to->dense[0][0], ROWS, &r, 0, T, w, type, COLS, 0, 2, ROWS);
    q->dense(&to->dense[0][0], ROWS, &r, 0, T, w, type, COLS, 2, G - 2, ROWS);
}

/* Whole numbers and one f32 sum a row of W: all instruction sets give the same bits, saturating products included. */
static void same_sums(void **state)
{
    const thx_quant *sets[] = { &thx_quant_avx2, &thx_quant_avx512, &thx_quant_avx512_vnni };
    const bool       has[] = { thx_cpu_level() >= THX_CPU_AVX2, thx_cpu_level() >= THX_CPU_AVX512,
                               thx_cpu_level() >= THX_CPU_AVX512_BF16 };
    float           *w, x[T * COLS];
    const thx_view   view = matrix(&w, ROWS, COLS);
    static sums      want, got;

    (void)state;
    if (!has[0]) skip();
    for (size_t i = 0; i < T * COLS; i++) x[i] = i % 5 ? value(i + 99) : i % 2 ? 40.0f : -40.0f;
    for (size_t i = 0; i < ROWS * COLS; i++) w[i] = i % 3 ? w[i] : i % 2 ? 3.4f : -3.4f; /* codes at their ends */
    for (thx_type type = THX_Q8; type <= THX_Q4; type++) {
        unsigned char *q = rounded(type, &view, 1);

        multiply(&want, sets[0], sets[0], q, type, x);
        for (size_t i = 1; i < 3; i++) {
            if (!has[i]) continue;
            multiply(&got, sets[0], sets[i], q, type, x);
            assert_memory_equal(&got, &want, sizeof got);
        }
        free(q);
    }
    free(w);
}

/* Rows rounded to 8 bits: every value within half a step, steps little larger than they must be, sums right, and less lost
 * than the smallest step would. */
static void rows_in_8_bits(void **state)
{
    const thx_quant *sets[] = { &thx_quant_avx2, &thx_quant_avx512, &thx_quant_avx512_vnni };
    float            x[COLS];
    int8_t           codes[G * 64];
    float            scales[G];
    int32_t          totals[G];
    thx_rounded      r = { .codes = codes, .pitch = G * 64, .scales = scales, .sums = totals };
    double           lost = 0.0, plain = 0.0;

    (void)state;
    for (int set = 0; set < 3 && thx_cpu_level() > set; set++)
        for (size_t t = 0; t < 50; t++) {
            for (size_t i = 0; i < COLS; i++) x[i] = value(i + t * COLS) * (i / 32 == 2 ? 1e-3f : 1.0f);
            sets[set]->round(&r, 0, x, COLS, false);
            for (size_t g = 0; g < G; g++) {
                float   top = 0.0f;
                int32_t sum = 0;

                for (size_t i = g * 32; i < COLS && i < g * 32 + 32; i++) top = fmaxf(top, fabsf(x[i]));
                assert_true(scales[g] >= top / 127.0f * 0.999f && scales[g] <= top / 127.0f * 1.03f);
                for (size_t i = g * 32; i < COLS && i < g * 32 + 32; i++) {
                    const float step = top / 127.0f, off = scales[g] * (float)codes[i] - x[i];

                    assert_true(fabsf(off) <= scales[g] * 0.501f);
                    lost += (double)(off / step) * (off / step);
                    plain += pow(rint((double)x[i] / step) - (double)x[i] / step, 2);
                    sum += codes[i];
                }
                assert_int_equal(sum, totals[g]);
            }
        }
    assert_true(lost <= 0.92 * plain);
}

/* What is not a number, and what is infinite, is not lost on the way. */
static void not_finite(void **state)
{
    float          x[COLS];
    int8_t         codes[G * 64];
    float          scales[G];
    int32_t        totals[G];
    thx_rounded    r = { .codes = codes, .pitch = G * 64, .scales = scales, .sums = totals };

    (void)state;
    if (thx_cpu_level() < THX_CPU_AVX2) skip();
    for (size_t i = 0; i < COLS; i++) x[i] = value(i);
    x[40] = NAN;
    x[70] = -INFINITY;
    for (int fine = 0; fine < 2; fine++) {
        thx_kernels_get(thx_cpu_level())->quant->round(&r, 0, x, COLS, fine);
        assert_true(isfinite(scales[0]) && !isfinite(scales[1]) && !isfinite(scales[2]) && isfinite(scales[3]));
    }
}
#endif

/* ---- Weights ----------------------------------------------------------------------------------- */
static void rounded_weights(void **state)
{
    thx_ctx       *ctx;
    thx_weight    *w;
    thorax_error   err;
    float         *data;
    thx_view       view = matrix(&data, 20, 40);
    size_t         bytes;

    (void)state;
    assert_ok(thx_cpu_open(&ctx, thx_cpu_level(), THX_FAST, 1, &err), err);
    assert_ok(ctx->ops->weight_quantize(ctx, &w, &view, THX_Q4, &err), err);
    assert_true(thx_q_bytes(&bytes, THX_Q4, 20, 40));
    assert_int_equal(thx_weight_bytes(w), bytes);
    thx_weight_close(w);
    assert_int_equal(ctx->ops->weight_quantize(ctx, &w, &view, THX_F16, &err), THORAX_SHAPE);
    view.rank = 1;
    view.shape[0] = 800;
    assert_int_equal(ctx->ops->weight_quantize(ctx, &w, &view, THX_Q8, &err), THORAX_SHAPE);
    assert_null(w);
    view.rank = 2;
    view.shape[0] = 20;
    view.shape[1] = 40;
    data[799] = INFINITY;
    assert_int_equal(ctx->ops->weight_quantize(ctx, &w, &view, THX_Q8, &err), THORAX_FORMAT);
    view.type = THX_Q8;
    assert_int_equal(ctx->ops->weight_open(ctx, &w, &view, THX_USE_VECTOR, &err), THORAX_SHAPE);
    assert_int_equal(ctx->ops->weight_quantize(ctx, &w, &view, THX_Q8, &err), THORAX_SHAPE);
    thx_cpu_close(ctx);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(meaning),
        cmocka_unit_test(errors),
        cmocka_unit_test(odd_values),
#if defined(__x86_64__)
        cmocka_unit_test(same_sums),
        cmocka_unit_test(rows_in_8_bits),
        cmocka_unit_test(not_finite),
#endif
        cmocka_unit_test(rounded_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
