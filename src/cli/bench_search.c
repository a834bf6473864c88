/* thorax bench search: the ten nearest rows of an index of random vectors, which is made for it and removed. */
#include "cli/bench.h"

#include "index/index.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WIDTH = 512, ROWS = 1000000, CHUNK = 50000, NEAREST = 10, QUERIES = 20 };

typedef struct searching {
    thx_ctx   *ctx;
    thx_index *index;
    size_t     rows;
} searching;

static float next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (float)(*state >> 40) / (float)(1 << 24) - 0.5f;
}

/* n vectors of unit length, each near one of 64 directions, as embeddings of films are. */
static void fill(float *out, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t direction = seed + (uint64_t)i, own = 64 + seed + (uint64_t)i * 977;
        double   sum = 0;
        direction %= 64;
        for (size_t k = 0; k < WIDTH; k++) {
            const float v = next(&direction) + next(&own);
            out[i * WIDTH + k] = v;
            sum += (double)v * v;
        }
        for (size_t k = 0; k < WIDTH; k++) out[i * WIDTH + k] /= (float)sqrt(sum);
    }
}

static thorax_status make_index(bench *b, const char *path, size_t rows)
{
    static const char model[] = "0000000000000000000000000000000000000000000000000000000000000000";
    float       *vectors = malloc((size_t)CHUNK * WIDTH * sizeof *vectors);
    const char **names = calloc(CHUNK, sizeof *names);
    thorax_status st =
        vectors && names ? THORAX_OK : thx_fail(&b->err, THORAX_NOMEM, 0, "no memory for vectors");

    for (size_t i = 0; names && i < CHUNK; i++) names[i] = "";
    for (size_t i = 0; i < rows && !st; i += CHUNK) {
        const size_t n = CHUNK < rows - i ? CHUNK : rows - i;
        fill(vectors, n, i);
        st = thx_index_append(path, model, THX_INDEX_FILM, vectors, names, n, WIDTH, &b->err);
        if (!st && !cli_progress_step(&b->progress, "index", i + n, rows))
            st = thx_fail(&b->err, THORAX_CANCELLED, 0, "stopped");
    }
    free(vectors);
    free(names);
    return st;
}

/* Milliseconds of one search, of several; queries are rows with noise. */
static thorax_status pass(bench *b, void *data, size_t run, double *value)
{
    searching    *s = data;
    thx_hit       hits[NEAREST];
    float         query[WIDTH];
    size_t        n;
    double        spent = 0;
    thorax_status st = THORAX_OK;

    for (size_t i = 0; i < QUERIES && !st; i++) {
        fill(query, 1, 1000 * run + i);
        const double began = cli_now();
        st = thx_index_search(s->ctx, s->index, query, NEAREST, hits, &n, &b->err);
        spent += cli_now() - began;
    }
    *value = 1e3 * spent / QUERIES;
    return st;
}

static thorax_status measure(bench *b, searching *s)
{
    bench_figure  f = { .type = "f32", .tokens = s->rows, .unit = "ms a search" };
    thorax_status st = bench_measure(b, pass, s, BENCH_RUNS, &f.series);

    return st ? st : bench_print(b, &f);
}

thorax_status bench_search(bench *b)
{
    const char *temp = getenv("TMPDIR");
    searching   s = { .rows = (size_t)cli_count(b->values, CLI_COUNT_OPTION, ROWS) };
    const int   level = cli_cpu_level(b->values);
    if (!s.rows) s.rows = ROWS;
    char        path[512];

    snprintf(path, sizeof path, "%s/thorax-bench-%ld.index", temp ? temp : "/tmp", (long)getpid());
    thorax_status st = thx_cpu_open(&s.ctx, level < 0 ? thx_cpu_level() : level, THX_EXACT,
                                    (int)cli_count(b->values, CLI_THREADS, 0), &b->err);
    if (!st) st = make_index(b, path, s.rows);
    if (!st) st = thx_index_open(&s.index, path, NULL, &b->err);
    if (!st) st = measure(b, &s);
    thx_index_close(s.index);
    if (s.ctx) thx_cpu_close(s.ctx);
    unlink(path);
    return st;
}
