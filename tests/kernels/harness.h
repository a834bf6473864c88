/* Compares the operations of a CPU level with the reference, on random shapes and values.
 *
 * A case draws its shape, makes its inputs (odd sizes, rows with gaps between them, stored
 * bytes of any alignment), runs the reference and the level under test, and compares. Every
 * output lies between guard values, gaps of rows included: a kernel that writes one float too far is
 * caught, and so is one that forgets its tail. */
#ifndef TESTS_KERNELS_HARNESS_H
#define TESTS_KERNELS_HARNESS_H

#include "ops/ops.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct bench {
    thx_ctx    *ref, *got; /* the yardstick and the level under test                    */
    uint64_t    random;    /* state of the generator                                    */
    const char *name;      /* of the running case                                       */
    char        shape[160]; /* what the case drew, for the report                       */
    size_t      bad;       /* failures so far                                           */
    bool        quiet;     /* failures are expected (the test of the harness)           */
    void       *taken[64]; /* memory of the running case                                */
    size_t      n_taken;
} bench;

typedef struct test_case {
    const char *name;
    int         rounds;
    void (*run)(bench *b);
} test_case;

extern const test_case linear_cases[], quant_cases[], row_cases[], attend_cases[]; /* end with a NULL name */

/* ---- Random ----------------------------------------------------------------- */
uint64_t draw(bench *b);
size_t   draw_size(bench *b, size_t low, size_t high); /* inclusive */
float    draw_value(bench *b);                         /* about normal, now and then tiny, large or zero */

/* A size that is rather tiny or odd: 1 .. high. */
size_t draw_odd(bench *b, size_t high);

/* ---- Memory of a case, given back when it ends -------------------------------- */
void *take(bench *b, size_t bytes);

enum { GUARD = 19 }; /* guard floats before and after every output */
#define CANARY 1.0e33f

/* A tensor of random values, rows `cols` + a random gap apart; outputs are all canaries. */
thx_tensor random_tensor(bench *b, size_t rows, size_t cols);
thx_tensor output_like(bench *b, thx_tensor t);
thx_tensor output_tensor(bench *b, size_t rows, size_t cols, size_t gap);
thx_tensor copy_tensor(bench *b, thx_tensor t); /* same values, guarded */
thx_tensor absolute(bench *b, thx_tensor t);
void       round_tensor(thx_tensor t, thx_type type);

/* Stored values at an odd address. */
thx_view random_view(bench *b, thx_type type, size_t rows, size_t cols);
thx_view absolute_view(bench *b, const thx_view *view);
thx_weight *open_weight(bench *b, const thx_view *view, thx_weight_use use); /* the case closes it */

bool multiplies_bf16(const bench *b); /* does the level, where it may? */

/* ---- Verdicts ----------------------------------------------------------------- */
/* |got - want| <= limit * mag + FLT_MIN everywhere, nothing but canaries around it. */
void compare(bench *b, thx_tensor got, thx_tensor want, thx_tensor mag, double limit);
void compare_bytes(bench *b, const void *got, const void *want, size_t n);
void fail_case(bench *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Runs what matches `filter` (NULL = all) on the level; the number of failures. */
size_t run_cases(bench *b, const char *filter);

/* Speeds of the level, beside the peaks of this machine measured in between. */
void run_speeds(thx_ctx *ctx, const char *filter);

#endif
