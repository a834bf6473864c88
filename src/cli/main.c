/* thorax COMMAND …: finds the command, reads its options, runs it. */
#include "cli/help.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

/* The command that argv names; *words says how many arguments its name takes. */
static const cli_command *find(int argc, char **argv, int *words)
{
    for (const cli_command *c = cli_commands; c->name; c++) {
        const char *blank = strchr(c->name, ' ');
        const size_t n = blank ? (size_t)(blank - c->name) : strlen(c->name);
        *words = blank ? 2 : 1;
        if (strlen(argv[1]) != n || strncmp(argv[1], c->name, n)) continue;
        if (!blank || (argc > 2 && !strcmp(argv[2], blank + 1))) return c;
    }
    return NULL;
}

static bool is_help(const char *word) { return !strcmp(word, "--help") || !strcmp(word, "-h"); }

/* What stands in place of a command. */
static int without_command(int argc, char **argv)
{
    const cli_values none = { .command = "" };
    const char *word = argc > 1 ? argv[1] : "";

    if (is_help(word)) {
        cli_print_overview(stdout, "");
        return CLI_OK;
    }
    if (!strcmp(word, "--version") || !strcmp(word, "-V")) {
        printf("thorax %s\n", thorax_version());
        return CLI_OK;
    }
    if (!*word)
        return cli_fail_text(&none, CLI_USAGE, "expected a command (thorax --help lists them)");
    if (cli_is_group(word) && argc > 2 && is_help(argv[2])) {
        cli_print_overview(stdout, word);
        return CLI_OK;
    }
    if (cli_is_group(word))
        return cli_fail_text(&none, CLI_USAGE, "%s: expected what (thorax %s --help lists it)",
                             word, word);
    return cli_fail_text(&none, CLI_USAGE, "unknown command \"%.60s\" (thorax --help lists them)",
                         word);
}

static int run_command(const cli_command *c, int argc, char **argv)
{
    cli_values values;
    thorax_error err;
    int code;

    if (cli_values_parse(&values, c->name, c->options, argc, argv, &err))
        code = cli_fail(&values, &err);
    else if (cli_switch(&values, CLI_HELP)) {
        cli_print_help(stdout, c);
        code = CLI_OK;
    } else code = c->run(&values);
    if (fflush(stdout) || ferror(stdout)) /* a full disk is a failure, whatever came before */
        code = cli_fail_text(&values, CLI_FAILURE, "standard output: cannot write");
    cli_values_deinit(&values);
    return code;
}

int main(int argc, char **argv)
{
    int words = 1;

    setlocale(LC_CTYPE, ""); /* for line editing; numbers keep the C locale */
    cli_interrupt_init();
    const cli_command *c = argc > 1 ? find(argc, argv, &words) : NULL;
    if (!c) return without_command(argc, argv);
    return run_command(c, argc - words, argv + words);
}
