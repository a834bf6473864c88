/* Exact search; see index.h.
 *
 * A row is v = s c + e with whole numbers c of one byte, the query q = t p + f with whole numbers p of up to 15 bits.
 *
 *   q·v = t s (p·c) + f·(s c) + q·e,   so   |q·v - t s (p·c)| <= |f| |s c| + |q| |e| <= |f| (|v| + |e|) + |q| |e|
 *
 * by Cauchy and Schwarz. |e| is kept with the row, rounded up; |v| is at most 1.001 by append.c; p·c is computed
 * exactly. So each product lies between two bounds that cost one byte a value to read. The k-th greatest of the lower
 * bounds is a floor: a row whose upper bound is below it cannot be among the k nearest. The others are computed from
 * the f32, summed in double, and sorted. `slack` covers what rounding does to the bounds (1e-15) and to scores
 * (6e-8). */
#include "index/layout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CODE_MAX = 128, Q_MAX = 16383, PARALLEL_ROWS = 32768 };

static const double length_max = 1.001, slack = 1e-7;

typedef struct search {
    thx_ctx         *ctx;
    const thx_index *x;
    const float     *query;
    int16_t         *p;       /* [d]                           */
    double           t, f, q; /* scale; lengths of rest, query */
    int32_t         *sums;    /* [rows]: p·c                   */
} search;

/* ---- Products ---- */

/* In eight sums, so that the order is fixed and vectors can be used. */
static double product(const search *s, size_t row)
{
    const float *v = thx_index_vector(s->x, row), *q = s->query;
    const size_t d = s->x->head.d;
    double       sum[8] = { 0 }, rest = 0;
    size_t       k = 0;

    for (; k + 8 <= d; k += 8)
        for (size_t i = 0; i < 8; i++) sum[i] += (double)q[k + i] * v[k + i];
    for (; k < d; k++) rest += (double)q[k] * v[k];
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7])) + rest;
}

/* The score as it is given out; order and bounds are of these. What is no number (a damaged file) comes last. */
static float score(const search *s, size_t row)
{
    const float v = (float)product(s, row);

    return isnan(v) ? -INFINITY : v;
}

typedef struct bounds {
    double low, high;
} bounds;

static inline bounds bounds_of(const search *s, const thx_segment *g, size_t i)
{
    const double near = s->t * (double)g->scales[i] * s->sums[g->first + i],
                 loss = (double)g->losses[i];
    const double off = s->q * loss + s->f * (length_max + loss) + slack;

    return (bounds){ near - off, near + off };
}

/* The query in whole numbers, as large as sums of 31 bits allow. */
static thorax_status round_query(search *s, thorax_error *err)
{
    const size_t d = s->x->head.d;
    const double room = (double)INT32_MAX / ((double)CODE_MAX * (double)d),
                 top = room < Q_MAX ? floor(room) : Q_MAX;
    double most = 0, length = 0, rest = 0;

    for (size_t k = 0; k < d; k++) {
        most = fmax(most, fabs((double)s->query[k]));
        length += (double)s->query[k] * s->query[k];
    }
    s->q = sqrt(length);
    if (!(s->q <= length_max))
        return thx_fail(err, THORAX_USAGE, 0, "expected a query of length 1, found %g", s->q);
    s->t = most / top;
    for (size_t k = 0; k < d; k++) {
        const double p = s->t > 0 ? rint(s->query[k] / s->t) : 0;
        s->p[k] = (int16_t)(p > top ? top : p < -top ? -top : p);
        const double r = s->query[k] - s->t * s->p[k];
        rest += r * r;
    }
    s->f = sqrt(rest);
    return THORAX_OK;
}

static void search_deinit(search *s)
{
    free(s->p);
    free(s->sums);
}

/* The coarse pass: all rows' whole numbers. */
static thorax_status search_init(search *s, thx_ctx *ctx, const thx_index *x, const float *query,
                                 thorax_error *err)
{
    *s = (search){ .ctx = ctx,
                   .x = x,
                   .query = query,
                   .p = calloc(x->head.d, sizeof *s->p),
                   .sums = malloc((x->rows + 1) * sizeof *s->sums) };
    thorax_status st = s->p && s->sums ? round_query(s, err)
                                       : thx_fail(err, THORAX_NOMEM, 0, "no memory for a search");

    for (size_t i = 0; i < x->n_segments && !st; i++) {
        const thx_segment *g = &x->segments[i];
        ctx->ops->dot_codes(ctx, s->sums + g->first, g->codes, s->p, g->rows, x->head.d);
    }
    if (st) search_deinit(s);
    return st;
}

/* ---- The k nearest ---- */

/* The k greatest values so far, the least of them at the root. */
typedef struct heap {
    double *at;
    size_t  n, k;
} heap;

static void sink(heap *h, size_t i)
{
    for (size_t child; (child = 2 * i + 1) < h->n; i = child) {
        if (child + 1 < h->n && h->at[child + 1] < h->at[child]) child++;
        if (h->at[i] <= h->at[child]) return;
        const double t = h->at[i];
        h->at[i] = h->at[child];
        h->at[child] = t;
    }
}

static void heap_add(heap *h, double v)
{
    if (h->n < h->k) {
        size_t i = h->n++;
        for (; i && h->at[(i - 1) / 2] > v; i = (i - 1) / 2) h->at[i] = h->at[(i - 1) / 2];
        h->at[i] = v;
    } else if (v > h->at[0]) {
        h->at[0] = v;
        sink(h, 0);
    }
}

/* Rows of a segment that are thread t's. */
static void share_of(size_t *from, size_t *to, const thx_segment *g, int t, int threads)
{
    *from = g->rows * (size_t)t / (size_t)threads;
    *to = g->rows * (size_t)(t + 1) / (size_t)threads;
}

static int threads_of(const search *s) { return s->x->rows < PARALLEL_ROWS ? 1 : s->ctx->threads; }

static void add_lows(heap *h, const search *s, int t, int threads)
{
    size_t from, to;

    for (size_t i = 0; i < s->x->n_segments; i++) {
        const thx_segment *g = &s->x->segments[i];
        share_of(&from, &to, g, t, threads);
        for (size_t r = from; r < to; r++) {
            const double low = bounds_of(s, g, r).low;
            if (h->n < h->k || low > h->at[0]) heap_add(h, low);
        }
    }
}

/* The k-th greatest lower bound: heaps of the threads, and those into the first. */
static thorax_status find_floor(const search *s, size_t k, double *floor_, thorax_error *err)
{
    const int threads = k > PARALLEL_ROWS ? 1 : threads_of(s);
    double   *room = calloc((size_t)threads * k, sizeof *room);
    heap     *heaps = calloc((size_t)threads, sizeof *heaps);

    if (!room || !heaps) {
        free(room);
        free(heaps);
        return thx_fail(err, THORAX_NOMEM, 0, "no memory for the %zu nearest", k);
    }
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int t = 0; t < threads; t++) {
        heap h = { room + (size_t)t * k, 0, k };
        add_lows(&h, s, t, threads);
        heaps[t] = h;
    }
    for (int t = 1; t < threads; t++)
        for (size_t i = 0; i < heaps[t].n; i++) heap_add(&heaps[0], heaps[t].at[i]);
    *floor_ = heaps[0].at[0];
    free(room);
    free(heaps);
    return THORAX_OK;
}

static int nearest_first(const void *a, const void *b)
{
    const thx_hit *x = a, *y = b;

    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* Rows that may be among the nearest, with their scores. */
typedef struct candidates {
    thx_hit *list;
    size_t   n, room;
    bool     failed;
} candidates;

static void candidates_add(candidates *c, thx_hit hit)
{
    if (c->n == c->room) {
        const size_t room = c->room ? 2 * c->room : 256;
        thx_hit     *list = realloc(c->list, room * sizeof *list);
        if (!list) {
            c->failed = true;
            return;
        }
        c->list = list;
        c->room = room;
    }
    c->list[c->n++] = hit;
}

static void collect(candidates *c, const search *s, double floor_, int t, int threads)
{
    size_t from, to;

    for (size_t i = 0; i < s->x->n_segments && !c->failed; i++) {
        const thx_segment *g = &s->x->segments[i];
        share_of(&from, &to, g, t, threads);
        for (size_t r = from; r < to && !c->failed; r++)
            if (!(bounds_of(s, g, r).high < floor_))
                candidates_add(c, (thx_hit){ g->first + r, score(s, g->first + r) });
    }
}

/* Those of all threads, into *out, which the caller frees in any case. */
static thorax_status find_candidates(const search *s, double floor_, candidates *out, thorax_error *err)
{
    const int   threads = threads_of(s);
    candidates *of = calloc((size_t)threads, sizeof *of);

    *out = (candidates){ .failed = !of };
    if (of) {
#pragma omp parallel for schedule(static) num_threads(threads)
        for (int t = 0; t < threads; t++) {
            candidates c = { 0 };
            collect(&c, s, floor_, t, threads);
            of[t] = c;
        }
        *out = of[0];
        for (int t = 1; t < threads; t++) {
            for (size_t i = 0; i < of[t].n && !out->failed; i++) candidates_add(out, of[t].list[i]);
            out->failed |= of[t].failed;
            free(of[t].list);
        }
    }
    free(of);
    return out->failed ? thx_fail(err, THORAX_NOMEM, 0, "no memory for the candidates of a search") : THORAX_OK;
}

thorax_status thx_index_search(thx_ctx *ctx, const thx_index *x, const float *query, size_t k,
                               thx_hit *hits, size_t *n, thorax_error *err)
{
    search     s;
    candidates found = { 0 };
    double     floor_ = 0;

    *n = 0;
    thorax_status st = search_init(&s, ctx, x, query, err);
    if (st) return st;
    if (k > x->rows) k = x->rows;
    if (k) st = find_floor(&s, k, &floor_, err);
    if (!st && k) st = find_candidates(&s, floor_, &found, err);
    if (!st && k) {
        qsort(found.list, found.n, sizeof *found.list, nearest_first);
        *n = k < found.n ? k : found.n; /* fewer only where values of a damaged file are no numbers */
        memcpy(hits, found.list, *n * sizeof *hits);
    }
    free(found.list);
    search_deinit(&s);
    return st;
}

/* ---- The place of one row ---- */

thorax_status thx_index_rank(thx_ctx *ctx, const thx_index *x, const float *query, size_t row,
                             size_t *rank, float *score_, thorax_error *err)
{
    search              s;
    size_t              before = 0;
    const thorax_status st = search_init(&s, ctx, x, query, err);

    if (st) return st;
    const float own = score(&s, row);
    for (size_t i = 0; i < x->n_segments; i++) {
        const thx_segment *g = &x->segments[i];
#pragma omp parallel for schedule(static) reduction(+ : before) num_threads(g->rows < PARALLEL_ROWS ? 1 : ctx->threads)
        for (size_t r = 0; r < g->rows; r++) {
            const bounds b = bounds_of(&s, g, r);
            const size_t other = g->first + r;
            if (b.high < own || other == row) continue;
            const float its = b.low > own ? INFINITY : score(&s, other);
            before += its > own || (its == own && other < row);
        }
    }
    *rank = before + 1;
    *score_ = own;
    search_deinit(&s);
    return THORAX_OK;
}
