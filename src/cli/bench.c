/* thorax bench: how fast, and with how much memory. One figure a line; see bench.h for how they
 * are measured and docs/benchmarks.md for what each means. */
#include "cli/bench.h"

#include "ops/cpu.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Passes ---- */

thorax_status bench_measure(bench *b, bench_pass *pass, void *data, size_t runs, bench_series *out)
{
    thorax_status st = THORAX_OK;

    out->n = 0;
    if (b->repeat) runs = b->repeat;
    for (size_t run = 0; run <= runs && !st; run++) {
        double value = 0;
        cli_progress_title(&b->progress, "%s %zu of %zu", b->name, run, runs);
        if (!run) bench_memory_watch(&b->memory);
        st = pass(b, data, run, &value);
        bench_memory_rest(&b->memory);
        if (run) out->values[out->n++] = value;
        if (!st && cli_interrupted()) st = thx_fail(&b->err, THORAX_CANCELLED, 0, "stopped");
    }
    cli_progress_clear(&b->progress);
    return st;
}

bench_series bench_scaled(const bench_series *s, double factor)
{
    bench_series out = *s;
    for (size_t i = 0; i < out.n; i++) out.values[i] *= factor;
    return out;
}

bench_series bench_rate(const bench_series *s, double factor)
{
    bench_series out = *s;
    for (size_t i = 0; i < out.n; i++) out.values[i] = factor / out.values[i];
    return out;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The series in order, from the smallest. */
static bench_series sorted(const bench_series *s)
{
    bench_series out = *s;
    qsort(out.values, out.n, sizeof out.values[0], by_value);
    return out;
}

double bench_median(const bench_series *s)
{
    const bench_series o = sorted(s);
    if (!o.n) return 0;
    return o.n % 2 ? o.values[o.n / 2] : 0.5 * (o.values[o.n / 2 - 1] + o.values[o.n / 2]);
}

/* ---- Figures ---- */

static thorax_status print_json(bench *b, const char *type, const bench_figure *f)
{
    const bench_series o = sorted(&f->series);
    json_t *line = json_pack("{s:s, s:o, s:o, s:f, s:s, s:[f,f], s:I, s:I}", "bench", b->name,
                             "type", *type ? json_string(type) : json_null(), "tokens",
                             f->tokens ? json_integer((json_int_t)f->tokens) : json_null(), "value",
                             bench_median(&o), "unit", f->unit, "spread", o.values[0],
                             o.values[o.n - 1], "peak_rss_bytes", (json_int_t)b->memory.rss_bytes,
                             "peak_anon_bytes", (json_int_t)b->memory.anon_bytes);
    char   *text = line ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;

    json_decref(line);
    if (!text) return thx_fail(&b->err, THORAX_NOMEM, 0, "no memory for the JSON");
    puts(text);
    free(text);
    return THORAX_OK;
}

static void print_row(bench *b, const char *type, const bench_figure *f)
{
    const bench_series o = sorted(&f->series);
    char               tokens[24] = "", rss[32], anon[32];

    if (!b->headed)
        printf("%-8s %-9s %7s  %10s %-18s %-21s %10s %10s\n", "bench", "type", "tokens", "median",
               "", "smallest .. largest", "memory", "anonymous");
    b->headed = true;
    if (f->tokens) snprintf(tokens, sizeof tokens, "%zu", f->tokens);
    printf("%-8s %-9s %7s  %10.4g %-18s %9.4g .. %-8.4g %10s %10s\n", b->name, type, tokens,
           bench_median(&o), f->unit, o.values[0], o.values[o.n - 1],
           cli_size(rss, b->memory.rss_bytes), cli_size(anon, b->memory.anon_bytes));
}

thorax_status bench_print(bench *b, const bench_figure *f)
{
    const char   *type = f->type ? f->type : b->type;
    thorax_status st = THORAX_OK;

    if (b->json)
        st = print_json(b, type, f);
    else
        print_row(b, type, f);
    fflush(stdout);
    return st;
}

/* ---- What the benches need ---- */

/* The type of the language model's matrices, and precision and cache where they are not the
 * default: "q8 int8 kv8". */
static void name_type(char out[24], const thx_model *m, const cli_values *v)
{
    const char *precision = cli_text(v, CLI_PRECISION);
    const char *type = thx_type_name(m->decoder.layers[0].up.w->type);
    size_t      n = 0;

    for (; type[n] && n < 8; n++) out[n] = (char)tolower((unsigned char)type[n]);
    out[n] = 0;
    if (precision && strcmp(precision, "auto"))
        n += (size_t)snprintf(out + n, 24 - n, " %.5s", precision);
    if (cli_text(v, CLI_KV_BITS)) snprintf(out + n, 24 - n, " kv8");
}

thorax_status bench_engine(bench *b)
{
    if (b->engine) return THORAX_OK;
    thx_engine_options o = cli_engine_options(b->values);
    o.draft_corpus = cli_text(b->values, CLI_DRAFTS);
    const thorax_status st =
        thx_engine_open(&b->engine, cli_text(b->values, CLI_MODEL), &o, &b->err);
    if (!st) name_type(b->type, thx_engine_model(b->engine), b->values);
    return st;
}

thorax_status bench_film(bench *b)
{
    return b->picture.data ? THORAX_OK : cli_picture_open(&b->picture, b->values, &b->err);
}

thorax_status bench_ask(bench *b, thx_session *s, const char *question, size_t tokens,
                        bool past_end, bool drafts, thx_answer *out)
{
    const thx_message message = { "user", question };
    const thx_request r = { .messages = &message,
                            .n_messages = 1,
                            .sampling = { .repetition_penalty = 1 },
                            .max_new_tokens = (uint32_t)tokens,
                            .ignore_eos = past_end,
                            .drafts = drafts,
                            .progress = b->step };

    return thx_session_generate(s, &r, out, &b->err);
}

/* ---- The command ---- */

typedef struct bench_kind {
    const char *name;
    bool        model, film; /* what must be given */
    thorax_status (*run)(bench *b);
} bench_kind;

static const bench_kind kinds[] = {
    { "peak", false, false, bench_peak },    { "open", true, false, bench_open },
    { "prompt", true, false, bench_prompt }, { "decode", true, false, bench_decode },
    { "tower", true, false, bench_tower },   { "first", true, true, bench_first },
    { "second", true, true, bench_second },  { "score", true, true, bench_score },
    { "drafts", true, true, bench_drafts },  { "drift", true, false, bench_drift },
    { "search", false, false, bench_search }, { "encoder", true, false, bench_encoder },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static const bench_kind *kind_named(const char *name)
{
    for (size_t i = 0; i < KINDS; i++)
        if (!strcmp(kinds[i].name, name)) return &kinds[i];
    return NULL;
}

/* All is checked before anything is measured. */
static int check(const cli_values *v)
{
    if (!cli_operands(v, 1, true, "what to measure")) return CLI_USAGE;
    for (size_t i = 0; i < v->n_operands; i++) {
        const bench_kind *k = kind_named(v->operands[i]);
        if (!k)
            return cli_fail_text(v, CLI_USAGE,
                                 "\"%.40s\" is none of: peak open prompt decode tower first second "
                                 "score drafts drift search encoder",
                                 v->operands[i]);
        if (k->model && !cli_need(v, CLI_MODEL)) return CLI_USAGE;
        if (k->film && !cli_need(v, CLI_IMAGE)) return CLI_USAGE;
    }
    return CLI_OK;
}

static int run_one(const cli_values *v, const bench_kind *k, bool headed)
{
    bench b = { .values = v,
                .name = k->name,
                .json = cli_switch(v, CLI_JSON),
                .headed = headed,
                .repeat = (size_t)cli_count(v, CLI_REPEAT, 0) };

    cli_progress_init(&b.progress, cli_switch(v, CLI_QUIET));
    b.step = (thx_progress){ .step = cli_progress_step, .data = &b.progress };
    bench_memory_init(&b.memory, getpid());
    const thorax_status st = k->run(&b);
    cli_progress_clear(&b.progress);
    const int code = st ? cli_fail(v, &b.err) : CLI_OK;
    thx_engine_close(b.engine);
    thx_picture_deinit(&b.picture);
    return code;
}

/* In a process of its own, so that no bench sees memory or threads that another left behind. */
static int run_apart(const cli_values *v, const bench_kind *k, bool headed)
{
    int         status = 0;
    const pid_t pid = fork();

    if (pid < 0)
        return cli_fail_text(v, CLI_FAILURE, "no process for %s: %s", k->name, strerror(errno));
    if (!pid) {
        const int code = run_one(v, k, headed);
        exit(fflush(stdout) ? CLI_FAILURE : code);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    return cli_fail_text(v, CLI_FAILURE, "%s ended by signal %d", k->name, WTERMSIG(status));
}

int cli_bench(const cli_values *v)
{
    int code = check(v);

    unsetenv("THORAX_CACHE"); /* what earlier runs have left would not be measured */
    for (size_t i = 0; i < v->n_operands && !code; i++)
        code = run_apart(v, kind_named(v->operands[i]), i > 0);
    return code;
}
