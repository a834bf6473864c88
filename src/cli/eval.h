/* What the commands of `thorax eval` share: files in, options, results out. */
#ifndef THX_CLI_EVAL_H
#define THX_CLI_EVAL_H

#include "cli/cli.h"
#include "eval/judge.h"
#include "eval/result.h"
#include "eval/scores.h"
#include "eval/set.h"

/* How files are read, and how they are scored, from the options. */
thx_eval_reading cli_eval_reading(const cli_values *v);
thx_eval_options cli_eval_options(const cli_values *v, const thx_progress *progress);

/* Who judges; false: nobody was named. */
bool cli_eval_judge(thx_judge_options *o, const cli_values *v);

/* The predictions of files (or folders of runs) [n], with the references of --data where it is given; indexed. Init
 * before, deinit after. CLI_OK; else an exit code, the error is printed. */
int cli_eval_load(thx_eval_set *set, const cli_values *v, const char *const *files, size_t n, thorax_error *err);

/* Scores a set, prints table or JSON, writes -o. CLI_OK; CLI_SOME_FAILED where lines or items failed, which standard
 * error counts; else an exit code, the error is printed. */
int cli_eval_finish(const cli_values *v, const thx_eval_set *set, const thx_eval_source *source, const char *output,
                    cli_progress *progress);

/* Writes JSON, indented, with a line end. */
thorax_status cli_eval_write_json(const char *path, const json_t *json, thorax_error *err);

#endif
