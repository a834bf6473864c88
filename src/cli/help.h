/* Help, the manual page and docs/cli.md, made from the tables. */
#ifndef THX_CLI_HELP_H
#define THX_CLI_HELP_H

#include "cli/cli.h"

#include <stdio.h>

void cli_print_help(FILE *f, const cli_command *c);
bool cli_is_group(const char *word); /* the first of the two words of some commands */
void cli_print_overview(FILE *f, const char *group); /* "", "inspect", "synth" */
void cli_print_man(FILE *f);
void cli_print_markdown(FILE *f);

#endif
