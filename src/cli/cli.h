/* What the commands share: the command table, errors and exit codes, Ctrl-C, progress.
 *
 * The contract with users and scripts: results on standard output; on standard error one line when
 * something went wrong, and progress where work is long. Exit codes: see cli_exit_code. */
#ifndef THX_CLI_CLI_H
#define THX_CLI_CLI_H

#include "base/progress.h"
#include "cli/options.h"

typedef struct cli_command {
    const char          *name;     /* "ask", "inspect film"                     */
    const char          *operands; /* as usage shows them: "PROMPT"             */
    const char          *summary;  /* one line                                  */
    const char          *text;     /* paragraphs, parted by empty lines; NULL   */
    const unsigned char *options;  /* ids, ended by CLI_END                     */
    int (*run)(const cli_values *v);
} cli_command;

extern const cli_command cli_commands[]; /* ended by one without a name */

int cli_ask(const cli_values *v);
int cli_chat(const cli_values *v);
int cli_report(const cli_values *v);
int cli_classify(const cli_values *v);
int cli_ground(const cli_values *v);
int cli_batch(const cli_values *v);
int cli_inspect_film(const cli_values *v);
int cli_inspect_tokens(const cli_values *v);
int cli_inspect_prompt(const cli_values *v);
int cli_inspect_geometry(const cli_values *v);
int cli_inspect_tiles(const cli_values *v);
int cli_inspect_features(const cli_values *v);
int cli_inspect_logits(const cli_values *v);
int cli_inspect_weights(const cli_values *v);
int cli_inspect_encoder(const cli_values *v);
int cli_verify(const cli_values *v);
int cli_quantize(const cli_values *v);
int cli_convert(const cli_values *v);
int cli_synth_phantom(const cli_values *v);
int cli_synth_model(const cli_values *v);
int cli_demo(const cli_values *v);
int cli_doctor(const cli_values *v);
int cli_bench(const cli_values *v);
int cli_embed(const cli_values *v);
int cli_retrieve(const cli_values *v);
int cli_eval_run(const cli_values *v);
int cli_eval_join(const cli_values *v);
int cli_eval_score(const cli_values *v);
int cli_eval_compare(const cli_values *v);
int cli_eval_table(const cli_values *v);
int cli_cache_list(const cli_values *v);
int cli_cache_clear(const cli_values *v);
int cli_help(const cli_values *v);

/* ---- Errors and exit codes ---- */
enum {
    CLI_OK = 0,
    CLI_FAILURE = 1,
    CLI_USAGE = 2,
    CLI_SOME_FAILED = 3,
    CLI_MODEL_INVALID = 4,
    CLI_FILM_REFUSED = 5,
    CLI_NO_MEMORY = 6,
    CLI_INTERRUPTED = 130
};
int cli_exit_code(thorax_status status);

/* Prints "thorax COMMAND: TEXT" on standard error, one line; returns the exit code of the error. */
int cli_fail(const cli_values *v, const thorax_error *err);
int cli_fail_text(const cli_values *v, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Exactly n operands, or at least n. False after an error line: exit with CLI_USAGE. */
bool cli_operands(const cli_values *v, size_t n, bool or_more, const char *what);
/* The value of an option that must be there; NULL after an error line. */
const char *cli_need(const cli_values *v, cli_option_id id);

/* ---- Ctrl-C ----
 * The first one asks the work to stop at its next step; a second one ends the program at once. */
void cli_interrupt_init(void);
bool cli_interrupted(void);
void cli_interrupt_default(
    void); /* from now on the first one ends the program, for work that cannot be asked */

/* ---- Progress ----
 * On a terminal one line that is written over; elsewhere a line now and then, only when work is
 * long. Always the way in which Ctrl-C reaches the work. Start from cli_progress_init. */
typedef struct cli_progress {
    bool        quiet, terminal;
    bool        shown;          /* a line stands on the terminal      */
    char        title[96];      /* "film 3 of 20"; may be empty       */
    char        what[24];       /* of the phase that runs             */
    double      began;          /* of the phase                       */
    double      said;           /* when something was last shown      */
} cli_progress;

void cli_progress_init(cli_progress *p, bool quiet);
void cli_progress_title(cli_progress *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Fits thorax_options.on_progress and thx_progress.step; false once Ctrl-C was pressed. */
bool cli_progress_step(void *progress, const char *what, size_t done, size_t total);
void cli_progress_clear(cli_progress *p);

double cli_now(void); /* seconds of a clock that only goes forward */

/* "45 s", "3 min", "2 h 10 min" */
const char *cli_duration(char out[32], double seconds);
/* "1.5 GiB" */
const char *cli_size(char out[32], uint64_t bytes);

#endif
