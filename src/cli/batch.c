/* thorax batch: one task over many films, into a file of JSON lines.
 *
 * The file is appended to and synchronised line by line, so that what was answered survives
 * whatever comes. With
 * --resume it is read first: lines of films that are done (path and content) are kept, a torn last
 * line and the lines of failures that are tried again are left out. A lock on the file turns a
 * second writer away. */
#include "cli/batch.h"

#include "base/file.h"
#include "base/string.h"
#include "cli/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct batch {
    cli_run      run;
    cli_task_fn *task;              /* NULL: all tasks at once */
    const char  *task_name;
    cli_paths    films;
    cli_record   record;
    const char **phrases;           /* of all tasks at once    */
    size_t       n_phrases;
    size_t       done, failed, passed_over;
    double       began;
} batch;

/* ---- Lines ---- */

static const char *const code_names[] = { [CLI_FAILURE] = "failure",
                                          [CLI_USAGE] = "usage",
                                          [CLI_MODEL_INVALID] = "model",
                                          [CLI_FILM_REFUSED] = "film",
                                          [CLI_NO_MEMORY] = "memory" };

static char *error_line(const char *path, const thorax_error *err)
{
    const int code = cli_exit_code(err->status);
    json_t *json = json_pack(
        "{s:i, s:{s:o}, s:{s:s, s:o}}", "schema", 1, "film", "path", thx_json_path(path), "error",
        "code", code_names[code] ? code_names[code] : "failure", "text", thx_json_path(err->text));
    char *line = json ? json_dumps(json, JSON_COMPACT) : NULL;

    json_decref(json);
    return line;
}

/* ---- One film ---- */

/* Adds the results' lines to `out`. */
static thorax_status add_lines(thx_string *out, thorax_result *const *results, size_t n, const char *path,
                               thorax_error *err)
{
    for (size_t i = 0; i < n; i++) {
        const char *json = thorax_result_json(results[i]);

        if (!json) out->failed = true;
        else thx_string_printf(out, "%s%s", out->size ? "\n" : "", json);
    }
    if (!out->failed) return THORAX_OK;
    return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for the result", path);
}

/* Report, classification, and boxes where there are phrases, in one call. */
static thorax_status run_all(batch *b, thx_string *out, thorax_session *session, const char *path,
                             thorax_error *err)
{
    thorax_job     jobs[3] = { { .task = THORAX_TASK_REPORT }, { .task = THORAX_TASK_CLASSIFY } };
    thorax_result *results[3] = { NULL, NULL, NULL };
    const size_t   n = b->n_phrases ? 3 : 2;

    jobs[2] = (thorax_job){ .task = THORAX_TASK_GROUND, .phrases = b->phrases, .n_phrases = b->n_phrases,
                            .kind = cli_ground_kind(b->run.values) };
    thorax_status st = thorax_run(results, session, jobs, n, &b->run.options, err);
    if (!st) st = add_lines(out, results, n, path, err);
    for (size_t i = 0; i < n; i++) thorax_result_close(results[i]);
    return st;
}

static thorax_status run_task(batch *b, thx_string *out, thorax_session *session, const char *path,
                              thorax_error *err)
{
    thorax_result *result;

    if (!b->task) return run_all(b, out, session, path, err);
    thorax_status st = b->task(&result, session, &b->run, err);
    if (!st) st = add_lines(out, &result, 1, path, err);
    thorax_result_close(result);
    return st;
}

/* The answers as lines of the file; NULL after a failure (b->run.err says which). */
static char *answer_line(batch *b, const char *path, bool *known)
{
    thorax_error *err = &b->run.err;
    thorax_session *session = NULL;
    thorax_film *film;
    thx_string lines = { 0 };

    *known = false;
    thorax_status st = thorax_film_open(&film, path, &b->run.film_options, err);
    if (!st && cli_record_has(&b->record, path, thorax_film_sha256(film))) *known = true;
    if (!st && !*known) st = thorax_session_open(&session, b->run.model, film, err);
    if (!st && !*known) st = run_task(b, &lines, session, path, err);
    char *line = st || *known ? NULL : thx_string_take(&lines);
    if (!st && !*known && !line)
        thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for the result", path);
    thx_string_deinit(&lines);
    thorax_session_close(session);
    thorax_film_close(film);
    return line;
}

static int one_film(batch *b, const char *path)
{
    bool known;
    char *line = answer_line(b, path, &known);

    if (known) {
        b->passed_over++;
        return CLI_OK;
    }
    if (cli_interrupted() || (!line && b->run.err.status == THORAX_CANCELLED)) {
        free(line);
        return CLI_INTERRUPTED;
    }
    if (!line && (b->run.err.status == THORAX_MODEL || b->run.err.status == THORAX_USAGE))
        return cli_run_fail(&b->run);
    if (!line) {
        cli_progress_clear(&b->run.progress);
        cli_fail_text(b->run.values, CLI_FAILURE, "%s", b->run.err.text);
        b->failed++;
        line = error_line(path, &b->run.err);
    } else {
        b->done++;
    }
    const thorax_status st = line ? cli_record_add(&b->record, line, &b->run.err)
                                  : thx_fail(&b->run.err, THORAX_NOMEM, 0, "no memory for a line");
    free(line);
    return st ? cli_run_fail(&b->run) : CLI_OK;
}

/* "film 3 of 20, about 5 min left" */
static void set_title(batch *b, size_t i)
{
    const size_t ran = b->done + b->failed, left = b->films.n - i;
    char time[32];

    if (!ran) cli_progress_title(&b->run.progress, "film %zu of %zu", i + 1, b->films.n);
    else
        cli_progress_title(&b->run.progress, "film %zu of %zu (all: %s left)", i + 1, b->films.n,
                           cli_duration(time, (cli_now() - b->began) / (double)ran * (double)left));
}

static int run_films(batch *b)
{
    int code = CLI_OK;

    b->began = cli_now();
    for (size_t i = 0; !code && i < b->films.n; i++) {
        if (cli_interrupted()) code = CLI_INTERRUPTED;
        else {
            set_title(b, i);
            code = one_film(b, b->films.list[i]);
        }
    }
    cli_progress_clear(&b->run.progress);
    if (code == CLI_INTERRUPTED)
        return cli_fail_text(b->run.values, code, "interrupted after %zu films (--resume goes on)",
                             b->done);
    if (!code && !b->run.progress.quiet)
        fprintf(stderr, "thorax batch: %zu done, %zu failed, %zu passed over: %s\n", b->done,
                b->failed, b->passed_over, b->record.lines.path);
    return code ? code : b->failed ? CLI_SOME_FAILED : CLI_OK;
}

/* ---- Before the first film ---- */

static bool choose_task(batch *b, const cli_values *v)
{
    static const struct { const char *name; cli_task_fn *task;
    } tasks[] = {
        { "report", cli_task_report },
        { "classify", cli_task_classify },
        { "ground", cli_task_ground },
        { "ask", cli_task_ask },
    };
    const char *name = cli_need(v, CLI_TASK);

    if (!name) return false;
    for (size_t i = 0; i < sizeof tasks / sizeof tasks[0]; i++)
        if (!strcmp(name, tasks[i].name)) b->task = tasks[i].task;
    b->task_name = name;
    if (!strcmp(name, "ground") && !cli_check_phrases(v)) return false;
    return strcmp(name, "ask") || cli_need(v, CLI_PROMPT);
}

/* The phrases of the command line, borrowed from it. */
static bool collect_phrases(batch *b, const cli_values *v)
{
    size_t at = 0, n = 0;

    while (cli_next(v, CLI_PHRASE, &at)) n++;
    b->phrases = calloc(n + 1, sizeof(const char *));
    for (at = 0; b->phrases && b->n_phrases < n;) b->phrases[b->n_phrases++] = cli_next(v, CLI_PHRASE, &at);
    return b->phrases && (!n || cli_check_phrases(v));
}

static int prepare(batch *b, const cli_values *v)
{
    if (!cli_operands(v, 1, true, "a film, folder or list") || !cli_need(v, CLI_MODEL) ||
        !cli_need(v, CLI_OUTPUT) || !choose_task(b, v) || !collect_phrases(b, v))
        return CLI_USAGE;
    for (size_t i = 0; i < v->n_operands; i++)
        if (cli_paths_collect(&b->films, v->operands[i], &b->run.err))
            return cli_fail(v, &b->run.err);
    return cli_paths_unique(&b->films, &b->run.err) ? cli_fail(v, &b->run.err) : CLI_OK;
}

static int run_batch(batch *b, const cli_values *v)
{
    const int code = cli_run_open(&b->run, v);
    if (code) return code;
    const cli_record_key key = { .task = b->task_name,
                                 .last = b->task ? NULL : b->n_phrases ? "ground" : "classify",
                                 .model = thorax_model_identity(b->run.model) };
    if (cli_record_open(&b->record, cli_text(v, CLI_OUTPUT), cli_switch(v, CLI_RESUME), &key,
                        &b->films, &b->run.err))
        return cli_run_fail(&b->run);
    return run_films(b);
}

int cli_batch(const cli_values *v)
{
    batch *b = calloc(1, sizeof *b);

    if (!b) return cli_fail_text(v, CLI_NO_MEMORY, "no memory");
    int code = prepare(b, v);
    if (!code) code = run_batch(b, v);
    cli_record_close(&b->record);
    cli_run_close(&b->run);
    cli_paths_deinit(&b->films);
    free(b->phrases);
    free(b);
    return code;
}
