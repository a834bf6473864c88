/* What `thorax eval run` is made of: a folder of predictions, and answers about films. */
#ifndef THX_CLI_EVAL_RUN_H
#define THX_CLI_EVAL_RUN_H

#include "cli/eval.h"
#include "cli/lines.h"
#include "cli/run.h"

/* ---- The folder of a run ----
 * settings.json         what the predictions were made with; another setting is another folder
 * predictions.jsonl     one line a record; parts are predictions-I-of-N.jsonl
 * result.json           the figures, once every record has its line */

typedef struct cli_shard { size_t index, count; } cli_shard; /* index 0 .. count-1; count 1: all of it */

/* --shard: "I/N", I from 1, or "slurm". False after an error line. */
bool cli_shard_parse(cli_shard *out, const cli_values *v);

/* Makes the folder, and writes settings.json or compares it. THORAX_USAGE: made with other settings (names one);
 * THORAX_IO; THORAX_FORMAT; THORAX_NOMEM. */
thorax_status cli_eval_settings(const char *folder, const json_t *settings, thorax_error *err);

/* Opens the file of a part for appending. What was torn off at its end goes, and so do lines of failures, which are
 * tried again. THORAX_IO (another writer too); THORAX_NOMEM. */
thorax_status cli_eval_open_part(cli_lines *out, const char *folder, cli_shard shard, thorax_error *err);

/* The predictions of all parts that lie in a folder, appended to a set (not indexed). Lines that are still being
 * written are no problem. THORAX_IO; THORAX_NOMEM. */
thorax_status cli_eval_read_parts(thx_eval_set *set, const char *folder, thorax_error *err);

/* ---- Records ---- */
typedef struct cli_eval_records {
    thx_eval_set          set;
    const thx_eval_item **wanted;  /* [n] of the tasks wanted, in the order of the file */
    size_t                n;
} cli_eval_records;

/* `tasks`: parted by commas; NULL or "all": every one. THORAX_USAGE: no record of them. Deinit also after a failure. */
thorax_status cli_eval_records_read(cli_eval_records *out, const char *data, const char *tasks, thorax_error *err);
void          cli_eval_records_deinit(cli_eval_records *r);

/* Puts predictions (indexed) in the order of the records and drops those of others. *missing: records without one. */
thorax_status cli_eval_order(thx_eval_set *done, const cli_eval_records *records, size_t *missing, thorax_error *err);

/* Scores the predictions of a folder into its result.json, and prints. An exit code. */
int cli_eval_score_folder(const cli_values *v, const thx_eval_set *done, const char *folder, const json_t *settings,
                          cli_progress *progress);

/* The folder a file lies in, of the caller; NULL when memory runs out. */
char *cli_folder_of(const char *path);

/* ---- Answers ---- */

/* Answers records [n] about one film, in order; `give` gets a line for each: a prediction, or an error. Records whose
 * questions can stand side by side are answered at once. CLI_OK; else an exit code, the error is printed: interrupted,
 * a model or options that will not do. */
typedef struct cli_answers {
    cli_run    *run;
    const char *file, *folder; /* of the records, for messages; that images are relative to */
    bool        own_question;
    int       (*give)(void *data, char *line, bool failed); /* takes the line */
    void       *data;
} cli_answers;
int cli_eval_answer(const cli_answers *a, const thx_eval_item *const *records, size_t n);

#endif
