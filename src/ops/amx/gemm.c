/* Dense products in bf16 on matrix units (AMX): registers of 16 rows by 64 bytes, of which one instruction multiplies two
 * and adds to a third of 16 x 16 sums. Panels are those of AVX512_BF16, whose rows of k pairs are what a tile of B wants.
 *
 * Sums run over k in order, a step of 32 at a time, whatever the block: a row has the same bits in each. Values below
 * 2^-126 count as zero. */
#include "ops/kernels.h"

#include "ops/avx512/vec.h"

#include <string.h>

enum {
    SIDE = 16,     /* rows of a tile, and its sums in a row */
    MR = 2 * SIDE, /* a block: two tiles by two             */
    NR = 4 * SIDE, /* a panel: two blocks side by side      */
    STEP = 32,     /* k of one product of tiles             */
};

/* Sums of the upper rows are tiles 0 and 1, of the lower ones 2 and 3; rows of A 4 and 5, columns of B 6 and 7. */
typedef struct tile_config {
    uint8_t  palette, start, reserved[14];
    uint16_t bytes[16]; /* of a row */
    uint8_t  rows[16];
} tile_config;

/* Tiles for `rows` <= MR rows; of none, the lower ones do not exist. */
static void configure(size_t rows)
{
    const uint8_t upper = (uint8_t)(rows < SIDE ? rows : SIDE), lower = (uint8_t)(rows - upper);
    const uint8_t of[8] = { upper, upper, lower, lower, upper, lower, SIDE, SIDE };
    tile_config   c = { .palette = 1 };

    for (int i = 0; i < 8; i++) {
        c.rows[i] = of[i];
        c.bytes[i] = of[i] ? 64 : 0;
    }
    __asm__ volatile("" : : "r"(&c) : "memory"); /* the intrinsic does not say that it reads all of it */
    _tile_loadconfig(&c);
}

static void enter(void) { configure(MR); }
static void leave(void) { _tile_release(); }

/* R tiles of rows by C of columns, into c, which has room for all of them. */
static inline __attribute__((always_inline)) void tiles(float *c, size_t ldc, thx_left left, const uint16_t *panel, size_t K,
                                                        bool add, const int R, const int C)
{
    const uint16_t *a = left.at, *below = a + SIDE * left.row;
    const size_t    apart = left.row * sizeof *a, line = 2 * NR * sizeof *panel, out = ldc * sizeof *c;
    float          *low = c + SIDE * ldc;

    if (add) {
        _tile_loadd(0, c, out);
        if (C > 1) _tile_loadd(1, c + SIDE, out);
        if (R > 1) _tile_loadd(2, low, out);
        if (R > 1 && C > 1) _tile_loadd(3, low + SIDE, out);
    } else {
        _tile_zero(0);
        if (C > 1) _tile_zero(1);
        if (R > 1) _tile_zero(2);
        if (R > 1 && C > 1) _tile_zero(3);
    }
    for (size_t k = 0; k < K; k += STEP, a += left.step, below += left.step, panel += STEP * NR) {
        _tile_loadd(4, a, apart);
        _tile_loadd(6, panel, line);
        _tile_dpbf16ps(0, 4, 6);
        if (C > 1) {
            _tile_loadd(7, panel + 2 * SIDE, line);
            _tile_dpbf16ps(1, 4, 7);
        }
        if (R > 1) {
            _tile_loadd(5, below, apart);
            _tile_dpbf16ps(2, 5, 6);
            if (C > 1) _tile_dpbf16ps(3, 5, 7);
        }
    }
    _tile_stored(0, c, out);
    if (C > 1) _tile_stored(1, c + SIDE, out);
    if (R > 1) _tile_stored(2, low, out);
    if (R > 1 && C > 1) _tile_stored(3, low + SIDE, out);
}

static void tiles_run(float *c, size_t ldc, thx_left a, const uint16_t *panel, size_t rows, size_t cols, size_t K, bool add)
{
    if (rows > SIDE) {
        if (cols > SIDE) tiles(c, ldc, a, panel, K, add, 2, 2);
        else tiles(c, ldc, a, panel, K, add, 2, 1);
    } else if (cols > SIDE) tiles(c, ldc, a, panel, K, add, 1, 2);
    else tiles(c, ldc, a, panel, K, add, 1, 1);
}

/* c [rows, cols] *= by[row], but for rows that keep what they are. */
static void scale_rows(float *c, size_t ldc, size_t rows, size_t cols, const float *by)
{
    for (size_t r = 0; r < rows; r++) {
        const vec v = v_set(by[r]);
        float    *to = c + r * ldc;

        if (by[r] == 1.0f) continue;
        for (size_t i = 0; i < cols; i += LANES) {
            const size_t n = cols - i < LANES ? cols - i : LANES;
            v_store_n(to + i, v_mul(v_load_n(to + i, n), v), n);
        }
    }
}

/* As tiles_run where the last tile of c is cut off: through a room with whole ones. */
static void tiles_run_cut(float *c, size_t ldc, thx_left a, const uint16_t *panel, size_t rows, size_t cols, size_t K, bool add)
{
    float room[MR * 2 * SIDE];

    for (size_t r = 0; add && r < rows; r++) memcpy(room + r * 2 * SIDE, c + r * ldc, cols * sizeof *c);
    tiles_run(room, 2 * SIDE, a, panel, rows, cols, K, add);
    for (size_t r = 0; r < rows; r++) memcpy(c + r * ldc, room + r * 2 * SIDE, cols * sizeof *c);
}

static void run(float *c, size_t ldc, thx_left a, const void *panel, size_t rows, size_t cols, size_t K, bool add,
                const float *carry)
{
    if (carry) scale_rows(c, ldc, rows, cols, carry);
    if (rows < MR) configure(rows);
    for (size_t i = 0; i < cols; i += 2 * SIDE) {
        const uint16_t *b = (const uint16_t *)panel + 2 * i;
        const size_t    n = cols - i < 2 * SIDE ? cols - i : 2 * SIDE;

        if (n % SIDE) tiles_run_cut(c + i, ldc, a, b, rows, n, K, add);
        else tiles_run(c + i, ldc, a, b, rows, n, K, add);
    }
    if (rows < MR) configure(MR);
}

/* Rows of a panel behind K, up to whole steps, become zeros. */
static void fill(void *panel, size_t K)
{
    const size_t from = (K + 1) / 2, to = (K + STEP - 1) / STEP * (STEP / 2);

    memset((uint16_t *)panel + from * 2 * NR, 0, (to - from) * 2 * NR * sizeof(uint16_t));
}

static bool pack_rows(void *panel, const void *src, thx_type type, size_t pitch, size_t n, size_t K, bool low)
{
    fill(panel, K);
    return thx_gemm_bf16_avx512.pack_rows(panel, src, type, pitch, n, K, low);
}

static void pack_cols(void *panel, const void *src, thx_type type, size_t pitch, size_t n, size_t K)
{
    fill(panel, K);
    thx_gemm_bf16_avx512.pack_cols(panel, src, type, pitch, n, K);
}

static void pack_groups(void *panel, const void *blocks, thx_type type, size_t K, size_t n, size_t group, size_t k)
{
    thx_gemm_bf16_avx512.pack_groups(panel, blocks, type, K, n, group, k); /* whole groups are whole steps */
}

static void softmax(void *weights, float *scores, size_t n, size_t from, size_t to, float scale, float *top, float *total,
                    float *carry)
{
    thx_gemm_bf16_avx512.softmax(weights, scores, n, from, to, scale, top, total, carry);
}

const thx_gemm thx_gemm_bf16_amx = {
    .type = THX_BF16,
    .mr = MR,
    .nr = NR,
    .lanes = LANES,
    .depth = STEP,
    .piece_bytes = 3584,
    .strips = true,
    .enter = enter,
    .leave = leave,
    .pack_rows = pack_rows,
    .pack_cols = pack_cols,
    .pack_groups = pack_groups,
    .block = run,
    .softmax = softmax,
};

/* Products of registers alone (zeros, as configuring leaves them): four at a time, as a block has them. */
double thx_spin_bf16_amx(size_t rounds)
{
    enter();
    for (size_t r = 0; r < rounds; r++) {
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    leave();
    return (double)rounds * 4 * 2 * SIDE * SIDE * STEP;
}

double thx_spin_int8_amx(size_t rounds)
{
    enter();
    for (size_t r = 0; r < rounds; r++) {
        _tile_dpbssd(0, 4, 6);
        _tile_dpbssd(1, 4, 7);
        _tile_dpbssd(2, 5, 6);
        _tile_dpbssd(3, 5, 7);
    }
    leave();
    return (double)rounds * 4 * 2 * SIDE * SIDE * 2 * STEP;
}
