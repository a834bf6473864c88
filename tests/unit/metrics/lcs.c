/* Common subsequences in bits against the table of every cell. */
#include "check.h"

#include "metrics/lcs.h"
#include "metrics/random.h"

enum { MOST = 200 };

static unsigned cells[MOST + 1][MOST + 1];

static void fill(const uint32_t *a, size_t n, const uint32_t *b, size_t m)
{
    for (size_t i = 0; i <= n; i++)
        for (size_t j = 0; j <= m; j++) {
            const unsigned up = i ? cells[i - 1][j] : 0, left = j ? cells[i][j - 1] : 0;
            if (!i || !j)
                cells[i][j] = 0;
            else if (a[i - 1] == b[j - 1])
                cells[i][j] = cells[i - 1][j - 1] + 1;
            else
                cells[i][j] = up > left ? up : left;
        }
}

static void mark(bool *marks, const uint32_t *a, size_t n, const uint32_t *b, size_t m)
{
    for (size_t i = n, j = m; i && j;) {
        if (a[i - 1] == b[j - 1]) {
            marks[--i] = true;
            j--;
        } else if (cells[i][j - 1] > cells[i - 1][j]) {
            j--;
        } else {
            i--;
        }
    }
}

static void as_by_cells(void **state)
{
    thx_mt19937  g;
    thx_lcs      l;
    thorax_error err;
    uint32_t     a[MOST], b[MOST];

    (void)state;
    thx_mt19937_seed(&g, 1);
    assert_ok(thx_lcs_init(&l, 30, &err), err);
    for (int trial = 0; trial < 300; trial++) {
        const size_t   n = thx_mt19937_below(&g, MOST + 1), m = thx_mt19937_below(&g, MOST + 1);
        const uint32_t words = 1 + thx_mt19937_below(&g, 30);
        bool           got[MOST] = { 0 }, want[MOST] = { 0 };
        size_t         length;
        thx_mt19937_rows(&g, a, n, words);
        thx_mt19937_rows(&g, b, m, words);
        fill(a, n, b, m);
        mark(want, a, n, b, m);
        assert_ok(thx_lcs_length(&l, &length, a, n, b, m, &err), err);
        assert_int_equal(length, cells[n][m]);
        assert_ok(thx_lcs_mark(&l, got, a, n, b, m, &err), err);
        assert_memory_equal(got, want, sizeof got);
    }
    thx_lcs_deinit(&l);
}

/* Lines too long to be traced are refused before any table is made; their length alone is no trouble. */
static void long_lines(void **state)
{
    const size_t n = 70000;
    uint32_t    *a = calloc(n, sizeof *a);
    bool        *marks = calloc(n, 1);
    thx_lcs      l;
    thorax_error err;
    size_t       length;

    (void)state;
    assert_ok(thx_lcs_init(&l, 1, &err), err);
    assert_int_equal(thx_lcs_mark(&l, marks, a, n, a, n, &err), THORAX_LIMIT);
    assert_ok(thx_lcs_length(&l, &length, a, n, a, n / 10, &err), err);
    assert_int_equal(length, n / 10);
    thx_lcs_deinit(&l);
    free(a);
    free(marks);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(as_by_cells), cmocka_unit_test(long_lines) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
