/* What `thorax batch` is made of: the list of films, and the file of answers. */
#ifndef THX_CLI_BATCH_H
#define THX_CLI_BATCH_H

#include "base/json.h"
#include "cli/lines.h"

/* ---- Films of inputs ---- */
typedef struct cli_paths { char **list; size_t n, room; } cli_paths;

/* Appends the films of an input: a folder (searched, in order of names), a .txt or .lst file of
 * paths (relative ones start at the list's folder; empty lines and # lines are passed over), or a
 * film, which need not exist: that shows when its turn comes. THORAX_IO: a folder or list that
 * cannot be read; THORAX_NOMEM. */
thorax_status cli_paths_collect(cli_paths *p, const char *input, thorax_error *err);
thorax_status cli_paths_add(cli_paths *p, const char *path, thorax_error *err); /* copies */
/* Leaves out what occurred before. */
thorax_status cli_paths_unique(cli_paths *p, thorax_error *err);
/* Sorts, so that `have` can be asked. */
void          cli_paths_sort(cli_paths *p);
bool          cli_paths_have(const cli_paths *p, const char *path);
void          cli_paths_deinit(cli_paths *p);

/* ---- The file of answers ---- */
typedef struct cli_done { char *path; char sha256[65]; } cli_done;

typedef struct cli_record {
    cli_lines lines;
    cli_done *done;
    size_t    n_done, room_done;
    size_t    whole;  /* bytes of an earlier file that hold whole films */
} cli_record;

/* What the lines of one file have in common. With the task "all" a film has a line for each task, `last` is that of
 * the last one: a film without it is not done. */
typedef struct cli_record_key { const char *task, *last, *model; } cli_record_key;

/* Opens the file for appending. Without `resume` it must be new or empty. With it, lines are read;
 * error lines of `films` and a torn last line are removed. THORAX_USAGE: the file holds something
 * and `resume` is not set, or lines of another task or model, or no JSON lines; THORAX_IO: cannot
 * be written, or another writer holds it; THORAX_NOMEM. */
thorax_status cli_record_open(cli_record *r, const char *path, bool resume,
                              const cli_record_key *key, const cli_paths *films, thorax_error *err);
bool          cli_record_has(const cli_record *r, const char *path, const char *sha256);
/* Appends a line and waits until it is on the disk. */
thorax_status cli_record_add(cli_record *r, const char *line, thorax_error *err);
void          cli_record_close(cli_record *r);

#endif
