/* thorax chat: a conversation in the terminal. Lines are edited with libedit and kept for this
 * session only; without a terminal each line of standard input is a question. */
#include "cli/run.h"

#include <editline/readline.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct chat {
    cli_run         run;
    cli_progress    progress; /* of the answer that is being made             */
    bool            begun;    /* something of it was shown                    */
    bool            terminal;
    thorax_film    *film;
    thorax_session *session;
    cli_messages    messages;
} chat;

static const char help_text[] =
    "/film FILE   look at another film, and begin anew\n"
    "/reset       begin anew with the same film\n"
    "/save FILE   write the conversation as JSON (for --history)\n"
    "/help        this list\n"
    "/quit        leave (also Ctrl-D)\n";

/* ---- Lines ---- */

/* The next line without its end; NULL at the end of input. The caller frees it. */
static char *read_question(const chat *c)
{
    char *line = NULL;
    size_t room = 0;

    if (c->terminal) {
        line = readline("> ");
        if (line && *line) add_history(line);
        return line;
    }
    const ssize_t n = getline(&line, &room, stdin);
    if (n < 0) {
        free(line);
        return NULL;
    }
    line[strcspn(line, "\r\n")] = 0;
    return line;
}

/* ---- Answers ---- */

static bool on_text(void *data, const char *text, size_t size)
{
    chat *c = data;

    cli_progress_clear(&c->progress);
    c->progress.quiet = true;
    while (!c->begun && size && strchr(" \t\r\n", *text)) text++, size--;
    c->begun = c->begun || size;
    fwrite(text, 1, size, stdout);
    fflush(stdout);
    return !cli_interrupted();
}

static bool on_progress(void *data, const char *what, size_t done, size_t total)
{
    return cli_progress_step(&((chat *)data)->progress, what, done, total);
}

/* Prints an error of one turn; the conversation goes on. */
static void complain(chat *c)
{
    cli_progress_clear(&c->progress);
    cli_fail_text(c->run.values, CLI_FAILURE, "%s", c->run.err.text);
}

/* One question, one answer; both are kept. A turn that fails leaves the conversation as it was. */
static int answer(chat *c, const char *question)
{
    thorax_error *err = &c->run.err;
    thorax_result *result = NULL;

    if (cli_messages_add(&c->messages, "user", question, err)) return cli_run_fail(&c->run);
    c->progress = c->run.progress;
    c->begun = false;
    thorax_status st =
        thorax_chat(&result, c->session, c->messages.list, c->messages.n, &c->run.options, err);
    cli_progress_clear(&c->progress);
    if (c->begun || !st) putchar('\n');
    if (cli_interrupted()) st = THORAX_CANCELLED;
    if (!st) st = cli_messages_add(&c->messages, "assistant", thorax_result_text(result), err);
    if (st) cli_messages_drop(&c->messages, c->messages.n - 1);
    thorax_result_close(result);
    fflush(stdout);
    if (!st) return CLI_OK;
    if (st == THORAX_CANCELLED || st == THORAX_MODEL) return cli_run_fail(&c->run);
    complain(c);
    return c->terminal ? CLI_OK : cli_exit_code(st);
}

/* ---- Commands ---- */

static thorax_status look_at(chat *c, const char *path)
{
    thorax_film *film = NULL;
    thorax_session *session;

    thorax_status st =
        path ? thorax_film_open(&film, path, &c->run.film_options, &c->run.err) : THORAX_OK;
    if (!st) st = thorax_session_open(&session, c->run.model, film, &c->run.err);
    if (st) {
        thorax_film_close(film);
        return st;
    }
    thorax_session_close(c->session);
    thorax_film_close(c->film);
    c->session = session;
    c->film = film;
    return THORAX_OK;
}

/* A line that begins with a slash; *leave is set by /quit. */
static thorax_status obey(chat *c, const char *line, bool *leave)
{
    const size_t length = strcspn(line, " "),
                 n = length > 1 ? length : SIZE_MAX; /* "/q" is enough, "/" is not */
    const char *argument = line + length + strspn(line + length, " ");
    thorax_error *err = &c->run.err;

    if (!strncmp(line, "/quit", n)) *leave = true;
    else if (!strncmp(line, "/help", n)) fputs(help_text, stdout);
    else if (!strncmp(line, "/reset", n)) cli_messages_drop(&c->messages, 0);
    else if (!strncmp(line, "/film", n)) {
        if (!*argument) return thx_fail(err, THORAX_USAGE, 0, "/film needs a file");
        const thorax_status st = look_at(c, argument);
        if (!st) cli_messages_drop(&c->messages, 0);
        return st;
    } else if (!strncmp(line, "/save", n)) {
        if (!*argument) return thx_fail(err, THORAX_USAGE, 0, "/save needs a file");
        return cli_messages_write(&c->messages, argument, err);
    } else
        return thx_fail(err, THORAX_USAGE, 0, "unknown command \"%.40s\" (/help lists them)", line);
    return THORAX_OK;
}

static int converse(chat *c)
{
    int code = CLI_OK;
    bool leave = false;

    while (!code && !leave) {
        char *line = read_question(c);
        if (!line && !cli_interrupted()) break;
        if (cli_interrupted()) code = cli_run_fail(&c->run);
        else if (*line == '/') {
            const thorax_status st = obey(c, line, &leave);
            if (st) complain(c);
            if (st && !c->terminal) code = cli_exit_code(st);
        } else if (line[strspn(line, " \t")]) code = answer(c, line);
        free(line);
        fflush(stdout);
    }
    if (c->terminal) putchar('\n');
    return code;
}

static int begin(chat *c, const cli_values *v)
{
    const char *history = cli_text(v, CLI_HISTORY);

    if (!cli_operands(v, 0, false, "no argument (questions come from the terminal)"))
        return CLI_USAGE;
    const int code = cli_run_open(&c->run, v);
    if (code) return code;
    if (history && cli_messages_read(&c->messages, history, &c->run.err))
        return cli_run_fail(&c->run);
    if (look_at(c, cli_text(v, CLI_IMAGE))) return cli_run_fail(&c->run);
    c->terminal = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
    c->run.options.on_text = on_text;
    c->run.options.on_progress = on_progress;
    c->run.options.data = c;
    cli_print_notice(&c->run);
    if (c->terminal) puts("/help lists the commands.");
    return CLI_OK;
}

int cli_chat(const cli_values *v)
{
    chat *c = calloc(1, sizeof *c);

    if (!c) return cli_fail_text(v, CLI_NO_MEMORY, "no memory for a conversation");
    int code = begin(c, v);
    if (!code) code = converse(c);
    thorax_session_close(c->session);
    thorax_film_close(c->film);
    cli_messages_deinit(&c->messages);
    cli_run_close(&c->run);
    free(c);
    return code;
}
