/* Longest common subsequences; see lcs.h.
 *
 * L[i][j] is the length for the first i words of a and j of b. Along a it rises by 0 or 1: bit i of column j is
 * 0 where L[i + 1][j] is one more than L[i][j]. A column follows from the one before by an addition, whose
 * carry goes on to the next 64 rows. */
#include "metrics/lcs.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { TABLE_WORDS_MAX = 1 << 26 };

thorax_status thx_lcs_init(thx_lcs *l, size_t vocabulary, thorax_error *err)
{
    *l = (thx_lcs){ .masks = calloc(vocabulary + 1, sizeof *l->masks), .vocabulary = vocabulary };
    return l->masks ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "no memory for common subsequences");
}

void thx_lcs_deinit(thx_lcs *l)
{
    free(l->masks);
    free(l->carries);
    free(l->table);
    *l = (thx_lcs){ 0 };
}

static thorax_status begin(thx_lcs *l, size_t m, thorax_error *err)
{
    if (m > l->carries_room) {
        uint8_t *carries = realloc(l->carries, m + m / 2 + 256);
        if (!carries) return thx_fail(err, THORAX_NOMEM, 0, "no memory for common subsequences");
        l->carries = carries;
        l->carries_room = m + m / 2 + 256;
    }
    if (m) memset(l->carries, 0, m);
    return THORAX_OK;
}

/* The columns of rows a [n <= 64]; each goes to columns [m + 1] where that is not NULL. Returns the last one. */
static uint64_t run_block(thx_lcs *l, const uint32_t *a, size_t n, const uint32_t *b, size_t m, uint64_t *columns)
{
    uint64_t v = UINT64_MAX;

    for (size_t i = 0; i < n; i++) l->masks[a[i]] |= (uint64_t)1 << i;
    if (columns) columns[0] = v;
    for (size_t j = 0; j < m; j++) {
        const uint64_t mask = l->masks[b[j]];
        uint64_t       sum;
        bool           carry = __builtin_add_overflow(v, v & mask, &sum);
        carry |= __builtin_add_overflow(sum, (uint64_t)l->carries[j], &sum);
        l->carries[j] = carry;
        v = sum | (v & ~mask);
        if (columns) columns[j + 1] = v;
    }
    for (size_t i = 0; i < n; i++) l->masks[a[i]] = 0;
    return v;
}

thorax_status thx_lcs_length(thx_lcs *l, size_t *length, const uint32_t *a, size_t n, const uint32_t *b, size_t m,
                             thorax_error *err)
{
    thorax_status st = begin(l, m, err);

    *length = 0;
    for (size_t i = 0; !st && i < n; i += 64) {
        const size_t   rows = n - i < 64 ? n - i : 64;
        const uint64_t last = run_block(l, a + i, rows, b, m, NULL);
        const uint64_t risen = ~last & (rows < 64 ? ((uint64_t)1 << rows) - 1 : UINT64_MAX);
        *length += (size_t)__builtin_popcountll(risen);
    }
    return st;
}

static thorax_status make_table(thx_lcs *l, size_t n, size_t m, thorax_error *err)
{
    const size_t blocks = n / 64 + (n % 64 != 0);
    size_t       need;

    if (!thx_mul_size(&need, blocks, m + 1) || need > TABLE_WORDS_MAX)
        return thx_fail(err, THORAX_LIMIT, 0, "lines of %zu and %zu words are too long for ROUGE-Lsum", n, m);
    if (need > l->table_room) {
        free(l->table);
        l->table_room = need + need / 2 + 256;
        l->table = malloc(l->table_room * sizeof *l->table);
        if (!l->table) l->table_room = 0;
    }
    return l->table ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "no memory for common subsequences");
}

thorax_status thx_lcs_mark(thx_lcs *l, bool *marks, const uint32_t *a, size_t n, const uint32_t *b, size_t m,
                           thorax_error *err)
{
    if (!n || !m) return THORAX_OK;
    thorax_status st = make_table(l, n, m, err);
    if (!st) st = begin(l, m, err);
    if (st) return st;
    for (size_t i = 0; i < n; i += 64)
        run_block(l, a + i, n - i < 64 ? n - i : 64, b, m, l->table + i / 64 * (m + 1));
    for (size_t i = n, j = m; i > 0 && j > 0;) {
        const size_t row = i - 1;
        if (a[row] == b[j - 1]) {
            marks[row] = true;
            i--;
            j--;
        } else if (l->table[row / 64 * (m + 1) + j] >> row % 64 & 1) {
            i--;
        } else {
            j--;
        }
    }
    return THORAX_OK;
}
