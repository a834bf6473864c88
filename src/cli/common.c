/* Errors, exit codes, Ctrl-C, progress; see cli.h. */
#include "cli/cli.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- Errors ---- */

int cli_exit_code(thorax_status status)
{
    switch (status) {
    case THORAX_OK:        return CLI_OK;
    case THORAX_NOMEM:     return CLI_NO_MEMORY;
    case THORAX_USAGE:     return CLI_USAGE;
    case THORAX_MODEL:     return CLI_MODEL_INVALID;
    case THORAX_FILM:      return CLI_FILM_REFUSED;
    case THORAX_CANCELLED: return CLI_INTERRUPTED;
    case THORAX_IO:
    case THORAX_FORMAT:
    case THORAX_SHAPE:
    case THORAX_LIMIT:     break;
    }
    return CLI_FAILURE;
}

int cli_fail(const cli_values *v, const thorax_error *err)
{
    const int code = cli_interrupted() ? CLI_INTERRUPTED : cli_exit_code(err->status);
    return cli_fail_text(v, code, "%s", code == CLI_INTERRUPTED ? "interrupted" : err->text);
}

/* One line, whatever the arguments hold. */
int cli_fail_text(const cli_values *v, int code, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
    fflush(stdout);
    fprintf(stderr, "thorax%s%s: %s\n", *v->command ? " " : "", v->command, text);
    return code;
}

bool cli_operands(const cli_values *v, size_t n, bool or_more, const char *what)
{
    if (v->n_operands == n || (or_more && v->n_operands > n)) return true;
    if (v->n_operands > n)
        cli_fail_text(v, CLI_USAGE, "expected %s, found %zu arguments, the second is \"%.60s\"",
                      what, v->n_operands, v->operands[v->n_operands > 1 ? 1 : 0]);
    else cli_fail_text(v, CLI_USAGE, "expected %s (thorax %s --help tells more)", what, v->command);
    return false;
}

const char *cli_need(const cli_values *v, cli_option_id id)
{
    const cli_option *o = cli_option_at(id);
    const char *text = cli_text(v, id);

    if (text && *text) return text;
    if (o->letter)
        cli_fail_text(v, CLI_USAGE, "-%c %s (--%s) is missing: %s", o->letter, o->argument, o->name,
                      o->help);
    else cli_fail_text(v, CLI_USAGE, "--%s %s is missing: %s", o->name, o->argument, o->help);
    return NULL;
}

/* ---- Ctrl-C: the one variable of the program that is not const, since a signal handler can reach
 * no other ---- */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

void cli_interrupt_init(void)
{
    struct sigaction action = { .sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND };

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void cli_interrupt_default(void)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
}

bool cli_interrupted(void) { return interrupted != 0; }

/* ---- Progress ---- */

enum { QUIET_SECONDS = 20 }; /* without a terminal: before the first line, and between two */
static const double redraw_seconds = 0.1;

double cli_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

const char *cli_duration(char out[32], double seconds)
{
    const unsigned long s = seconds > 0 ? (unsigned long)(seconds + 0.5) : 0;

    if (s < 90) snprintf(out, 32, "%lu s", s);
    else if (s < 90 * 60) snprintf(out, 32, "%lu min", (s + 30) / 60);
    else snprintf(out, 32, "%lu h %lu min", s / 3600, s % 3600 / 60);
    return out;
}

const char *cli_size(char out[32], uint64_t bytes)
{
    static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
    double x = (double)bytes;
    size_t u = 0;

    while (x >= 1024 && u < 4) x /= 1024, u++;
    snprintf(out, 32, u ? "%.1f %s" : "%.0f %s", x, units[u]);
    return out;
}

void cli_progress_init(cli_progress *p, bool quiet)
{
    *p = (cli_progress){ .quiet = quiet, .terminal = isatty(STDERR_FILENO) == 1 };
}

void cli_progress_title(cli_progress *p, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(p->title, sizeof p->title, format, args);
    va_end(args);
}

void cli_progress_clear(cli_progress *p)
{
    if (p->shown) fputs("\r\033[K", stderr);
    p->shown = false;
}

static void show(cli_progress *p, size_t done, size_t total, double now)
{
    char line[256], left[32];
    const double spent = now - p->began;
    int n = snprintf(line, sizeof line, "%s%s%s", p->title, *p->title ? ": " : "", p->what);

    if (!strcmp(p->what, "answer")) /* ends when the model says so: no share to tell */
        snprintf(line + n, sizeof line - (size_t)n, " %zu tokens, at most %zu", done, total);
    else if (done && total)
        snprintf(line + n, sizeof line - (size_t)n, " %zu %%, about %s left", 100 * done / total,
                 cli_duration(left, spent * (double)(total - done) / (double)done));
    if (p->terminal) fprintf(stderr, "\r%.78s\033[K", line);
    else fprintf(stderr, "thorax: %s\n", line);
    fflush(stderr);
    p->shown = p->terminal;
    p->said = now;
}

bool cli_progress_step(void *progress, const char *what, size_t done, size_t total)
{
    cli_progress *p = progress;
    const double now = cli_now();

    if (strncmp(p->what, what, sizeof p->what - 1)) {
        snprintf(p->what, sizeof p->what, "%s", what);
        p->began = now;
        if (!p->said) p->said = now;
    }
    const double pause = p->terminal ? redraw_seconds : QUIET_SECONDS;
    if (!p->quiet && now - p->said >= pause && done <= total) show(p, done, total, now);
    return !cli_interrupted();
}
