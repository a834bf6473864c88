/* thorax classify: see cli/films.c for the way through the films. */
#include "cli/run.h"

int cli_classify(const cli_values *v) { return cli_run_films(v, cli_task_classify); }
