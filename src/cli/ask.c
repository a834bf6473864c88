/* thorax ask: one answer to a question. On a terminal the answer appears as it is made; elsewhere
 * it is printed whole, so that what is cut short leaves nothing behind. */
#include "cli/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct stream {
    cli_progress progress; /* first: the callbacks share one pointer */
    bool         begun;    /* white space before the answer is not shown */
} stream;

static bool on_text(void *data, const char *text, size_t size)
{
    stream *s = data;

    cli_progress_clear(&s->progress);
    s->progress.quiet = true; /* the answer itself is the progress now */
    while (!s->begun && size && strchr(" \t\r\n", *text)) text++, size--;
    s->begun = s->begun || size;
    fwrite(text, 1, size, stdout);
    fflush(stdout);
    return !cli_interrupted();
}

static int print_answer(cli_run *r, thorax_result *result, const thorax_film *film, bool streamed)
{
    const char *overlay = cli_text(r->values, CLI_OVERLAY);

    if (overlay && thorax_result_overlay(result, film, overlay, &r->err)) return cli_run_fail(r);
    if (streamed) putchar('\n');
    const int code = streamed ? CLI_OK : cli_print_result(r, result, NULL);
    if (!code) cli_print_notice(r);
    return code;
}

static int answer(cli_run *r, const thorax_film *film, const cli_messages *m)
{
    const bool streamed = !r->json && isatty(STDOUT_FILENO) == 1;
    stream s = { .progress = r->progress };
    thorax_session *session;
    thorax_result *result = NULL;
    int code;

    r->options.data = &s;
    if (streamed) r->options.on_text = on_text;
    thorax_status st = thorax_session_open(&session, r->model, film, &r->err);
    if (!st) st = thorax_chat(&result, session, m->list, m->n, &r->options, &r->err);
    cli_progress_clear(&s.progress);
    if (st || cli_interrupted()) {
        if (s.begun) putchar('\n');
        code = cli_run_fail(r);
    } else {
        code = print_answer(r, result, film, streamed);
    }
    thorax_result_close(result);
    thorax_session_close(session);
    return code;
}

static size_t text_bytes(const cli_messages *m, const char *system)
{
    size_t bytes = system ? strlen(system) : 0;

    for (size_t i = 0; i < m->n; i++) bytes += strlen(m->list[i].content) + 16;
    return bytes;
}

static int ask(cli_run *r, const cli_messages *m)
{
    const char *path = cli_text(r->values, CLI_IMAGE);
    thorax_film *film = NULL;
    int code;

    if (path && thorax_film_open(&film, path, &r->film_options, &r->err)) return cli_run_fail(r);
    if (cli_switch(r->values, CLI_PLAN))
        code = cli_print_plan(r, film, text_bytes(m, r->options.system));
    else code = answer(r, film, m);
    thorax_film_close(film);
    return code;
}

/* What can be told without a model: operands, the history, an overlay of no film. */
static int prepare(const cli_values *v, cli_messages *m)
{
    const char *history = cli_text(v, CLI_HISTORY);
    thorax_error err;

    if (!cli_operands(v, 1, false, "one PROMPT (in quotes)") || !cli_need(v, CLI_MODEL))
        return CLI_USAGE;
    if (!v->operands[0][strspn(v->operands[0], " \t\r\n")])
        return cli_fail_text(v, CLI_USAGE, "the prompt is empty");
    if (cli_text(v, CLI_OVERLAY) && !cli_text(v, CLI_IMAGE))
        return cli_fail_text(v, CLI_USAGE, "--overlay needs a film: -i FILM");
    if (history && cli_messages_read(m, history, &err)) return cli_fail(v, &err);
    return cli_messages_add(m, "user", v->operands[0], &err) ? cli_fail(v, &err) : CLI_OK;
}

int cli_ask(const cli_values *v)
{
    cli_messages m = { 0 };
    cli_run r = { 0 };
    int code = prepare(v, &m);

    if (!code) code = cli_run_open(&r, v);
    if (!code) code = ask(&r, &m);
    cli_run_close(&r);
    cli_messages_deinit(&m);
    return code;
}
