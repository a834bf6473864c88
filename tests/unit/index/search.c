/* Search: exactly the rows that comparing all of them gives, in that order, whatever the vectors, sizes and threads. */
#include "check.h"

#include "made.h"

static const char *const none[1] = { "" };

/* An index of n rows in several segments; every 50th row stands twice. */
static thx_index *make_index(float *vectors, size_t n, size_t d, double spread, uint64_t seed)
{
    const char **names = calloc(n + 1, sizeof *names);
    thx_index   *x;
    thorax_error err;

    assert_non_null(names);
    for (size_t i = 0; i < n; i++) names[i] = none[0];
    make_vectors(vectors, n, d, spread, seed);
    for (size_t i = 50; i + 1 < n; i += 50) memcpy(vectors + i * d, vectors + (i - 7) * d, d * sizeof *vectors);
    unlink(index_path());
    for (size_t i = 0, step; i < n; i += step) {
        step = i + n / 3 + 1 < n ? n / 3 + 1 : n - i;
        assert_ok(thx_index_append(index_path(), MODEL_A, THX_INDEX_FILM, vectors + i * d, names, step, d, &err), err);
    }
    assert_ok(thx_index_open(&x, index_path(), MODEL_A, &err), err);
    free(names);
    return x;
}

typedef struct scored { float score; size_t row; } scored;

static int nearest_first(const void *a, const void *b)
{
    const scored *x = a, *y = b;

    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->row < y->row ? -1 : 1;
}

/* All rows by their products, summed in double and rounded to f32. */
static scored *sort_all(const float *vectors, size_t n, size_t d, const float *query)
{
    scored *all = calloc(n + 1, sizeof *all);

    assert_non_null(all);
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t k = 0; k < d; k++) sum += (double)query[k] * vectors[i * d + k];
        all[i] = (scored){ (float)sum, i };
    }
    qsort(all, n, sizeof *all, nearest_first);
    return all;
}

/* Sums in another order may differ in the last bit of f32: then such neighbours may change places. */
static bool near(float a, float b) { return fabsf(a - b) <= 1.2e-7f; }

static void check(thx_ctx *ctx, const thx_index *x, const float *vectors, const float *query, size_t k)
{
    const size_t n = thx_index_count(x), d = thx_index_width(x);
    scored      *all = sort_all(vectors, n, d, query);
    thx_hit     *hits = calloc(k + 1, sizeof *hits);
    size_t       found, rank;
    float        score;
    thorax_error err;

    assert_non_null(hits);
    assert_ok(thx_index_search(ctx, x, query, k, hits, &found, &err), err);
    assert_int_equal(found, k < n ? k : n);
    for (size_t i = 0; i < found; i++) {
        if (hits[i].row != all[i].row && !near(hits[i].score, all[i].score))
            fail_msg("place %zu of %zu: row %zu (%.9g), expected %zu (%.9g)", i, n, hits[i].row, (double)hits[i].score,
                     all[i].row, (double)all[i].score);
        if (i && hits[i].score == hits[i - 1].score) assert_true(hits[i].row > hits[i - 1].row);
        if (i % 5 && i + 1 < found) continue;
        assert_ok(thx_index_rank(ctx, x, query, hits[i].row, &rank, &score, &err), err);
        assert_int_equal(rank, i + 1);
        assert_true(score == hits[i].score);
    }
    free(all);
    free(hits);
}

static void as_comparing_all(void **state)
{
    static const struct { size_t n, d, k; double spread; } cases[] = {
        { 1, 1, 3, 1 },       { 7, 3, 7, 1 },      { 300, 64, 10, 0.05 }, { 1000, 65, 1, 0.5 },
        { 2000, 512, 20, 2 }, { 900, 40, 900, 1 }, { 400, 33, 15, 0.001 },
    };
    float       *vectors = malloc(2001 * 512 * sizeof *vectors), query[512];
    thorax_error err;

    (void)state;
    assert_non_null(vectors);
    for (int level = 0; level <= thx_cpu_level(); level += thx_cpu_level() ? thx_cpu_level() : 1)
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            const size_t n = cases[i].n, d = cases[i].d;
            thx_index   *x = make_index(vectors, n, d, cases[i].spread, 11 + i);
            thx_ctx     *ctx;
            assert_ok(thx_cpu_open(&ctx, level, THX_EXACT, 2, &err), err);
            for (uint64_t seed = 0; seed < 4; seed++) {
                make_vectors(query, 1, d, seed ? 1 : 0.1, 1000 + seed);
                check(ctx, x, vectors, query, cases[i].k);
            }
            check(ctx, x, vectors, vectors + n / 2 * d, cases[i].k); /* a row of the index itself */
            thx_cpu_close(ctx);
            thx_index_close(x);
        }
    unlink(index_path());
    free(vectors);
}

/* Enough rows for threads; one of them finds the same. */
static void threads_change_nothing(void **state)
{
    enum { N = 70000, D = 16, K = 40 };
    float       *vectors = malloc((size_t)N * D * sizeof *vectors);
    thx_index   *x;
    thx_hit      one[K], two[K];
    size_t       n, a, b;
    float        score;
    thorax_error err;

    (void)state;
    assert_non_null(vectors);
    x = make_index(vectors, N, D, 1, 5);
    for (int threads = 1; threads <= 2; threads++) {
        thx_ctx *ctx;
        assert_ok(thx_cpu_open(&ctx, thx_cpu_level(), THX_EXACT, threads, &err), err);
        assert_ok(thx_index_search(ctx, x, vectors + 333 * D, K, threads == 1 ? one : two, &n, &err), err);
        assert_int_equal(n, K);
        assert_ok(thx_index_rank(ctx, x, vectors + 333 * D, 4444, threads == 1 ? &a : &b, &score, &err), err);
        thx_cpu_close(ctx);
    }
    assert_int_equal(one[0].row, 333);
    assert_int_equal(a, b);
    for (size_t i = 0; i < K; i++) {
        assert_int_equal(one[i].row, two[i].row);
        assert_true(one[i].score == two[i].score);
    }
    thx_index_close(x);
    unlink(index_path());
    free(vectors);
}

static void odd_queries(void **state)
{
    enum { N = 40, D = 8 };
    float        vectors[N * D], zero[D] = { 0 }, wrong[D] = { 0 };
    thx_index   *x = make_index(vectors, N, D, 1, 9);
    thx_ctx     *ctx;
    thx_hit      hits[N];
    size_t       n;
    thorax_error err;

    (void)state;
    assert_ok(thx_cpu_open(&ctx, thx_cpu_level(), THX_EXACT, 1, &err), err);
    assert_ok(thx_index_search(ctx, x, zero, 3, hits, &n, &err), err);
    for (size_t i = 0; i < 3; i++) assert_int_equal(hits[i].row, i);
    assert_ok(thx_index_search(ctx, x, zero, 0, hits, &n, &err), err);
    assert_int_equal(n, 0);
    wrong[0] = NAN;
    assert_int_equal(thx_index_search(ctx, x, wrong, 3, hits, &n, &err), THORAX_USAGE);
    wrong[0] = 1.5f;
    assert_int_equal(thx_index_search(ctx, x, wrong, 3, hits, &n, &err), THORAX_USAGE);
    thx_cpu_close(ctx);
    thx_index_close(x);
    unlink(index_path());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_comparing_all),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(odd_queries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
