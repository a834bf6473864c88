/* What the measurements of `thorax bench` share: passes, figures, peaks of memory.
 *
 * A bench is measured in passes: one that is not counted, during which memory is watched, and then
 * a few that are. A figure is the median of those, beside the smallest and the largest. */
#ifndef THX_CLI_BENCH_H
#define THX_CLI_BENCH_H

#include "cli/inspect.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

/* ---- Memory of a process ----
 * The peak of what is resident, mapped weights included, is kept by the kernel (VmHWM). What is
 * not mapped from files (RssAnon + RssShmem) is looked at every few milliseconds by a thread: what
 * lives for less than that is missed. */
typedef struct bench_memory {
    pid_t       pid;
    uint64_t    rss_bytes, anon_bytes;
    pthread_t   thread;
    bool        watching;
    atomic_bool stop;
} bench_memory;

void bench_memory_init(bench_memory *m, pid_t pid);
void bench_memory_look(bench_memory *m);  /* once, now; not while it is watched */
void bench_memory_watch(bench_memory *m); /* until bench_memory_rest            */
void bench_memory_rest(bench_memory *m);

/* ---- Passes and figures ---- */
enum { BENCH_QUESTION_TOKENS = 16 }; /* of a short question, and of a short answer */

enum { BENCH_RUNS = 5, BENCH_RUNS_LONG = 3, BENCH_RUNS_MOST = 100 };

typedef struct bench_series {
    double values[BENCH_RUNS_MOST];
    size_t n;
} bench_series;

typedef struct bench {
    const cli_values *values;
    const char       *name;    /* of the bench that runs       */
    bool              json, headed;
    size_t            repeat;  /* 0 = each bench's own number  */
    cli_progress      progress;
    thx_progress      step;
    bench_memory      memory;  /* of the bench that runs       */
    thx_engine       *engine;  /* opened when it is first asked for */
    thx_picture       picture; /* of -i, likewise              */
    char              type[24];
    thorax_error      err;
} bench;

/* One pass; run 0 is not counted. Gives seconds, or whatever the bench reports. */
typedef thorax_status bench_pass(bench *b, void *data, size_t run, double *value);

/* Passes 0 .. n of `pass`, n = --repeat or `runs`; peaks of memory are those of all of them. */
thorax_status bench_measure(bench *b, bench_pass *pass, void *data, size_t runs, bench_series *out);

/* What a series says as a figure: factor * x, or factor / x, of every value. */
bench_series bench_scaled(const bench_series *s, double factor);
bench_series bench_rate(const bench_series *s, double factor);
double       bench_median(const bench_series *s);

typedef struct bench_figure {
    const char  *type;   /* NULL: that of the engine          */
    size_t       tokens; /* 0 = does not apply                */
    const char  *unit;
    bench_series series;
} bench_figure;

/* Prints a figure: a JSON object on a line, or a row of the table. */
thorax_status bench_print(bench *b, const bench_figure *f);

/* ---- What is measured ---- */

/* The engine of -m, b->err when that fails. */
thorax_status bench_engine(bench *b);
thorax_status bench_film(bench *b); /* b->picture, of -i, which must be there */

/* Lets the session answer a question: `tokens` new ones at most, to the end of the answer or, with
 * `past_end`, as many as that. */
thorax_status bench_ask(bench *b, thx_session *s, const char *question, size_t tokens,
                        bool past_end, bool drafts, thx_answer *out);

/* Appends words that the tokenizer takes for exactly `tokens` tokens, or a few more where its
 * pieces do not allow that; other words for every seed. */
thorax_status bench_words(thx_string *out, const thx_tokenizer *t, size_t tokens, size_t seed,
                          thorax_error *err);

thorax_status bench_peak(bench *b);
thorax_status bench_open(bench *b);
thorax_status bench_prompt(bench *b);
thorax_status bench_decode(bench *b);
thorax_status bench_tower(bench *b);
thorax_status bench_first(bench *b);
thorax_status bench_second(bench *b);
thorax_status bench_score(bench *b);
thorax_status bench_drafts(bench *b);
thorax_status bench_drift(bench *b);
thorax_status bench_search(bench *b);
thorax_status bench_encoder(bench *b);

#endif
