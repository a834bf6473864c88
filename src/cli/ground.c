/* thorax ground: boxes of one or more phrases; see cli/films.c for the way through the films. */
#include "cli/run.h"

int cli_ground(const cli_values *v)
{
    return cli_check_phrases(v) ? cli_run_films(v, cli_task_ground) : CLI_USAGE;
}
