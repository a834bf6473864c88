/* Help, the manual page and docs/cli.md: three views of the tables of commands and options. */
#include "cli/help.h"

#include <stdio.h>
#include <string.h>

static const char exit_codes[] = "0 success; 1 failure, a missing file too; 2 wrong usage; 3 some "
                                 "or all of several inputs failed; "
                                 "4 the model folder cannot be used; 5 the film cannot be read or "
                                 "is refused; 6 not enough memory; 130 interrupted.";

static const char about[] =
    "Thorax opens a chest X-ray vision-language model as it was published, reads a film, and "
    "answers: a report, "
    "findings, boxes, a conversation. Research use only: nothing it prints is a diagnosis.";

enum { WIDTH = 80, HELP_COLUMN = 28 };

/* ---- Text of a given width ---- */

/* Prints words; the cursor stands at `column`, further lines are indented. */
static void print_wrapped(FILE *f, const char *text, int column, int indent)
{
    for (bool first = true; *text; first = false) {
        const int n = (int)strcspn(text, " ");
        if (!first && column + 1 + n > WIDTH) {
            fprintf(f, "\n%*s", indent, "");
            column = indent;
        } else if (!first) {
            fputc(' ', f);
            column++;
        }
        fwrite(text, 1, (size_t)n, f);
        column += n;
        text += n + (text[n] == ' ');
    }
    fputc('\n', f);
}

static void option_head(char out[64], cli_option_id id)
{
    const cli_option *o = cli_option_at(id);
    const char *argument = o->argument ? o->argument : "";
    const char *blank = o->argument ? " " : "";

    if (o->letter) snprintf(out, 64, "-%c, --%s%s%s", o->letter, o->name, blank, argument);
    else snprintf(out, 64, "    --%s%s%s", o->name, blank, argument);
}

static void option_tail(char out[512], cli_option_id id)
{
    const cli_option *o = cli_option_at(id);
    char env[64];
    int n = snprintf(out, 512, "%s", o->help);

    if (o->kind == CLI_CHOICE && !strstr(o->help, "default"))
        n += snprintf(out + n, 512 - (size_t)n, ": %s", o->choices);
    cli_option_env(env, id);
    if (*env) snprintf(out + n, 512 - (size_t)n, " [%s]", env);
}

static void print_options(FILE *f, const unsigned char *options)
{
    for (; *options; options++) {
        char head[64], tail[512];
        option_head(head, (cli_option_id)*options);
        option_tail(tail, (cli_option_id)*options);
        int column = fprintf(f, "  %s", head);
        if (column >= HELP_COLUMN) fputc('\n', f), column = 0;
        fprintf(f, "%*s", HELP_COLUMN - column, "");
        print_wrapped(f, tail, HELP_COLUMN, HELP_COLUMN);
    }
}

static void print_paragraphs(FILE *f, const char *text, const char *before)
{
    while (text && *text) {
        char paragraph[2048];
        const char *end = strstr(text, "\n\n");
        const size_t n = end ? (size_t)(end - text) : strlen(text);
        snprintf(paragraph, sizeof paragraph, "%.*s", (int)n, text);
        fputs(before, f);
        print_wrapped(f, paragraph, 0, 0);
        text = end ? end + 2 : NULL;
    }
}

/* ---- --help ---- */

static const char *usage_options(const cli_command *c)
{
    return c->options[0] ? " [OPTION]..." : "";
}

void cli_print_help(FILE *f, const cli_command *c)
{
    fprintf(f, "Usage: thorax %s%s%s%s\n\n", c->name, usage_options(c), *c->operands ? " " : "",
            c->operands);
    print_wrapped(f, c->summary, 0, 0);
    print_paragraphs(f, c->text, "\n");
    fputs("\nOptions:\n", f);
    print_options(f, c->options);
}

bool cli_is_group(const char *word)
{
    const size_t n = strlen(word);

    for (const cli_command *c = cli_commands; c->name; c++)
        if (!strncmp(c->name, word, n) && c->name[n] == ' ') return true;
    return false;
}

void cli_print_overview(FILE *f, const char *group)
{
    const size_t n = strlen(group);

    fprintf(f, "Usage: thorax %s%sCOMMAND [OPTION]... [ARGUMENT]...\n\n", group, n ? " " : "");
    if (!n) print_wrapped(f, about, 0, 0), fputc('\n', f);
    for (const cli_command *c = cli_commands; c->name; c++) {
        if (n && (strncmp(c->name, group, n) || c->name[n] != ' ')) continue;
        const int column = fprintf(f, "  %s", c->name);
        fprintf(f, "%*s", 20 - column, "");
        print_wrapped(f, c->summary, 20, 20);
    }
    fputs("\nthorax COMMAND --help tells more; thorax --version prints the version.\n", f);
    if (n) return;
    fputs("\nExit codes: ", f);
    print_wrapped(f, exit_codes, 12, 0);
}

/* ---- The manual page ---- */

/* Text as troff takes it: "-" and "\" and a leading "." or "'" keep their looks. */
static void troff(FILE *f, const char *text)
{
    for (const char *c = text; *c; c++) {
        if (c == text && (*c == '.' || *c == '\'')) fputs("\\&", f);
        if (*c == '-') fputs("\\-", f);
        else if (*c == '\\') fputs("\\e", f);
        else if (*c == '\n' && c[1] == '\n') fputs("\n.PP\n", f), c++;
        else fputc(*c, f);
    }
    fputc('\n', f);
}

static void man_command(FILE *f, const cli_command *c)
{
    fputs(".SS ", f);
    fprintf(f, "\"thorax %s%s%s%s\"\n", c->name, usage_options(c), *c->operands ? " " : "",
            c->operands);
    troff(f, c->summary);
    if (c->text) fputs(".PP\n", f), troff(f, c->text);
    for (const unsigned char *o = c->options; *o; o++) {
        char head[64], tail[512];
        option_head(head, (cli_option_id)*o);
        option_tail(tail, (cli_option_id)*o);
        fputs(".TP\n.B ", f);
        troff(f, head + strspn(head, " "));
        troff(f, tail);
    }
}

void cli_print_man(FILE *f)
{
    fprintf(f, ".TH THORAX 1 \"\" \"thorax %s\" \"User Commands\"\n.SH NAME\n", thorax_version());
    fputs("thorax \\- chest X\\-ray vision\\-language models: open, look, answer\n.SH SYNOPSIS\n",
          f);
    fputs(".B thorax\nCOMMAND [OPTION]... [ARGUMENT]...\n.SH DESCRIPTION\n", f);
    troff(f, about);
    fputs(".PP\n", f);
    troff(f, "Results go to standard output, progress and errors to standard error. A value is "
             "looked for on the command line, "
             "then in the environment variable named in brackets.");
    fputs(".SH COMMANDS\n", f);
    for (const cli_command *c = cli_commands; c->name; c++) man_command(f, c);
    fputs(".SH EXIT STATUS\n", f);
    troff(f, exit_codes);
}

/* ---- docs/cli.md ---- */

/* Text inside a table cell. */
static void cell(FILE *f, const char *text)
{
    for (; *text; text++) {
        if (strchr("|<>{}", *text)) fputc('\\', f);
        fputc(*text, f);
    }
}

void cli_print_markdown(FILE *f)
{
    fprintf(
        f, "# Command line\n\nMade by `thorax help --markdown`; a test compares the two.\n\n%s\n\n",
        about);
    fprintf(f,
            "Results go to standard output, progress and errors (one line) to standard error. A "
            "value is looked for on the "
            "command line, then in the environment variable in brackets, then it has its "
            "default.\n\nExit codes: %s\n",
            exit_codes);
    for (const cli_command *c = cli_commands; c->name; c++) {
        fprintf(f, "\n## thorax %s\n\n`thorax %s%s%s%s`\n\n%s\n", c->name, c->name,
                usage_options(c), *c->operands ? " " : "", c->operands, c->summary);
        if (c->text) fprintf(f, "\n%s\n", c->text);
        fputs("\n| option | meaning |\n|---|---|\n", f);
        for (const unsigned char *o = c->options; *o; o++) {
            char head[64], tail[512];
            option_head(head, (cli_option_id)*o);
            option_tail(tail, (cli_option_id)*o);
            fprintf(f, "| `%s` | ", head + strspn(head, " "));
            cell(f, tail);
            fputs(" |\n", f);
        }
    }
}

int cli_help(const cli_values *v)
{
    if (cli_switch(v, CLI_MAN)) cli_print_man(stdout);
    else if (cli_switch(v, CLI_MARKDOWN)) cli_print_markdown(stdout);
    else if (!v->n_operands) cli_print_overview(stdout, "");
    else {
        char name[128];
        snprintf(name, sizeof name, "%s%s%s", v->operands[0], v->n_operands > 1 ? " " : "",
                 v->n_operands > 1 ? v->operands[1] : "");
        for (const cli_command *c = cli_commands; c->name; c++)
            if (!strcmp(c->name, name)) {
                cli_print_help(stdout, c);
                return CLI_OK;
            }
        if (cli_is_group(name)) cli_print_overview(stdout, name);
        else
            return cli_fail_text(v, CLI_USAGE, "no command \"%.60s\" (thorax help lists them)",
                                 name);
    }
    return CLI_OK;
}
