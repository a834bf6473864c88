/* What the answering commands (ask chat report classify ground batch demo) share. They use the
 * public header alone, as any user's program would. */
#ifndef THX_CLI_RUN_H
#define THX_CLI_RUN_H

#include "cli/cli.h"

typedef struct cli_run {
    const cli_values    *values;
    thorax_model        *model;
    thorax_options       options;
    thorax_film_options  film_options;
    cli_progress         progress;
    bool                 json;
    thorax_error         err;
} cli_run;

/* Opens the model of -m with the options given. CLI_OK; else an exit code, the error is printed.
 * `close` in any case. */
int  cli_run_open(cli_run *r, const cli_values *v);
int  cli_run_open_at(cli_run *r, const cli_values *v, const char *folder);
void cli_run_close(cli_run *r);

/* The error of the run, printed; its exit code. */
int cli_run_fail(cli_run *r);

/* ---- Conversations in files: a JSON list of {"role", "content"} ---- */
typedef struct cli_messages { thorax_message *list; size_t n, room; } cli_messages;

/* THORAX_IO: no such file; THORAX_USAGE: it is not such a list; THORAX_NOMEM. */
thorax_status cli_messages_read(cli_messages *out, const char *path, thorax_error *err);
thorax_status cli_messages_add(cli_messages *m, const char *role, const char *content,
                               thorax_error *err); /* copies */
thorax_status cli_messages_write(const cli_messages *m, const char *path, thorax_error *err);
void          cli_messages_drop(cli_messages *m, size_t n); /* all from the n-th on */
void          cli_messages_deinit(cli_messages *m);

/* ---- Results ---- */

/* One result on standard output: JSON, or text with what the task is about. `heading` (a film's
 * name) may be NULL. */
int cli_print_result(cli_run *r, thorax_result *result, const char *heading);

/* The plan for a film and `bytes` of text, on standard output. */
int cli_print_plan(cli_run *r, const thorax_film *film, size_t bytes);

/* What the answers come from and what they are not: the model's remark and the notice, on standard
 * error. */
void cli_print_notice(const cli_run *r);

/* Where the overlay of a film goes: --overlay itself, or, if that is a folder, a file in it named
 * after the film. The caller frees it; NULL when memory runs out. */
char *cli_overlay_path(const char *overlay, const char *film);

/* ---- Films, one after the other ---- */
typedef thorax_status cli_task_fn(thorax_result **out, thorax_session *session, const cli_run *r,
                                  thorax_error *err);

/* Runs a task over the operands; prints, draws, counts failures. */
int cli_run_films(const cli_values *v, cli_task_fn *task);

thorax_status cli_task_report(thorax_result **out, thorax_session *session, const cli_run *r,
                              thorax_error *err);
thorax_status cli_task_classify(thorax_result **out, thorax_session *session, const cli_run *r,
                                thorax_error *err);
thorax_status cli_task_ground(thorax_result **out, thorax_session *session, const cli_run *r,
                              thorax_error *err);
thorax_status cli_task_ask(thorax_result **out, thorax_session *session, const cli_run *r,
                           thorax_error *err);

thorax_ground_kind cli_ground_kind(const cli_values *v); /* of --kind */

/* False after an error line: ground without a phrase. */
bool cli_check_phrases(const cli_values *v);

#endif
