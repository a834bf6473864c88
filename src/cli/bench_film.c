/* thorax bench first, second: how long a reader waits for the first token about a film, and for the
 * first token of another question about it. */
#include "cli/bench.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static thorax_status report_question(bench *b, thx_string *out)
{
    return thx_engine_model(b->engine)->family->question(out, THX_TASK_REPORT, NULL, &b->err);
}

/* ---- First: a process of its own ---- */

enum { ARGUMENTS = 48 };

typedef struct first_run {
    const char *argv[ARGUMENTS];
    char        program[4096]; /* this one */
    size_t      tokens;        /* of the prompt */
} first_run;

/* Options of the bench that `ask` has as well are handed on. */
static void arguments_of(first_run *f, const cli_values *v, const char *question)
{
    static const struct passed {
        cli_option_id id;
        const char   *name;
    } passed[] = {
        { CLI_MODEL, "--model" },
        { CLI_BASE, "--base" },
        { CLI_LORA, "--lora" },
        { CLI_MERGED_CACHE, "--merged-cache" },
        { CLI_IMAGE, "--image" },
        { CLI_PRECISION, "--precision" },
        { CLI_CPU, "--cpu" },
        { CLI_CTX, "--ctx" },
        { CLI_THREADS, "--threads" },
        { CLI_MEM_LIMIT, "--mem-limit" },
        { CLI_PROFILE, "--profile" },
        { CLI_COMPAT, "--compat" },
        { CLI_CACHE, "--cache" },
        { CLI_TYPE, "--type" },
        { CLI_CACHE_LIMIT, "--cache-limit" },
        { CLI_KV_BITS, "--kv-bits" },
    };
    static const char *const fixed[] = { "-q", "--json", "--max-new-tokens", "1", "--ignore-eos" };
    size_t                   n = 0;

    f->argv[n++] = f->program;
    f->argv[n++] = "ask";
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) f->argv[n++] = fixed[i];
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++) {
        const char *text = cli_text(v, passed[i].id);
        if (!text) continue;
        f->argv[n++] = passed[i].name;
        f->argv[n++] = text;
    }
    f->argv[n++] = "--";
    f->argv[n++] = question;
    f->argv[n] = NULL;
}

/* Starts it with its standard output in a pipe; *out is the end to read from. */
static thorax_status start(bench *b, const first_run *f, pid_t *pid, int *out)
{
    posix_spawn_file_actions_t actions;
    int                        ends[2];

    if (pipe(ends)) return thx_fail(&b->err, THORAX_IO, 0, "no pipe: %s", strerror(errno));
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    const int failed =
        posix_spawn(pid, f->program, &actions, NULL, (char *const *)(uintptr_t)f->argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    *out = ends[0];
    if (!failed) return THORAX_OK;
    close(ends[0]);
    return thx_fail(&b->err, THORAX_IO, 0, "%s: cannot start: %s", f->program, strerror(failed));
}

/* Reads all there is, as text; *seconds is when the first byte came. */
static size_t read_answer(bench *b, char *text, size_t room, int from, double begin,
                          double *seconds)
{
    size_t n = 0;
    char   spill[512];

    *seconds = 0;
    for (;;) {
        const bool    full = n + 1 >= room;
        const ssize_t got = read(from, full ? spill : text + n, full ? sizeof spill : room - 1 - n);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        if (!*seconds) *seconds = cli_now() - begin;
        bench_memory_rest(&b->memory); /* with a last look while the process is there */
        if (!full) n += (size_t)got;
    }
    text[n] = 0;
    return n;
}

static size_t prompt_tokens(const char *text)
{
    json_t       *j = json_loads(text, 0, NULL);
    const json_t *n = json_object_get(json_object_get(j, "usage"), "prompt_tokens");
    const size_t  tokens = (size_t)json_integer_value(n);

    json_decref(j);
    return tokens;
}

static thorax_status first_pass(bench *b, void *data, size_t run, double *value)
{
    first_run   *f = data;
    const double begin = cli_now();
    char         text[16384];
    pid_t        pid;
    int          from = -1, status = 0;

    thorax_status st = start(b, f, &pid, &from);
    if (st) return st;
    bench_memory_rest(&b->memory); /* the child is watched, not this process */
    if (!run) bench_memory_init(&b->memory, pid);
    b->memory.pid = pid;
    if (!run) bench_memory_watch(&b->memory);
    const size_t n = read_answer(b, text, sizeof text, from, begin, value);
    bench_memory_rest(&b->memory);
    close(from);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    if (cli_interrupted()) return thx_fail(&b->err, THORAX_CANCELLED, 0, "stopped");
    if (!n || !WIFEXITED(status) || WEXITSTATUS(status))
        return thx_fail(&b->err, THORAX_IO, 0, "the process that was measured failed");
    f->tokens = prompt_tokens(text);
    return THORAX_OK;
}

thorax_status bench_first(bench *b)
{
    bench_figure figure = { .unit = "s" };
    thx_string   question = { 0 };
    first_run    f = { .tokens = 0 };

    const ssize_t n = readlink("/proc/self/exe", f.program, sizeof f.program - 1);
    if (n <= 0) return thx_fail(&b->err, THORAX_IO, 0, "/proc/self/exe: %s", strerror(errno));
    thorax_status st = bench_film(b); /* what is wrong with film or folder is said here */
    if (!st) st = bench_engine(b);
    if (!st) st = report_question(b, &question);
    thx_engine_close(b->engine);
    b->engine = NULL;
    thx_picture_deinit(&b->picture);
    arguments_of(&f, b->values, question.data);
    if (!st) st = bench_measure(b, first_pass, &f, BENCH_RUNS_LONG, &figure.series);
    thx_string_deinit(&question);
    figure.tokens = f.tokens;
    return st ? st : bench_print(b, &figure);
}

/* ---- Second: other questions in one session ---- */

typedef struct second_run {
    thx_session *session;
    double       first_s; /* prompt of the first question, the film's rows included */
    size_t       tokens;  /* of a question with all that stands before it         */
} second_run;

/* Run 0 asks the family's question about the film, the others something else each. */
static thorax_status second_pass(bench *b, void *data, size_t run, double *value)
{
    second_run *s = data;
    thx_string  question = { 0 };
    thx_answer  a;

    thorax_status st = run ? bench_words(&question, thx_engine_model(b->engine)->tokenizer,
                                         BENCH_QUESTION_TOKENS, run, &b->err)
                           : report_question(b, &question);
    if (!st) st = bench_ask(b, s->session, question.data, 1, true, false, &a);
    thx_string_deinit(&question);
    if (st) return st;
    *value = a.vision_s + a.prompt_s;
    if (!run)
        s->first_s = *value;
    else
        s->tokens = a.prompt_tokens;
    thx_answer_deinit(&a);
    return THORAX_OK;
}

thorax_status bench_second(bench *b)
{
    second_run   s = { .session = NULL };
    bench_series seconds;

    thorax_status st = bench_engine(b);
    if (!st) st = bench_film(b);
    bench_memory_init(&b->memory, b->memory.pid);
    if (!st) st = thx_session_open(&s.session, b->engine, &b->picture, &b->err);
    if (!st) st = bench_measure(b, second_pass, &s, BENCH_RUNS, &seconds);
    thx_session_close(s.session);
    if (st) return st;
    st = bench_print(b, &(bench_figure){ .tokens = s.tokens, .unit = "s", .series = seconds });
    if (st) return st;
    return bench_print(b, &(bench_figure){ .tokens = s.tokens,
                                           .unit = "% of first",
                                           .series = bench_scaled(&seconds, 100 / s.first_s) });
}
