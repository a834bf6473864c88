/* A file of lines that outlives whatever comes: appended to and synchronised line by line, under a lock that turns a
 * second writer away. The answers of `thorax batch` and `thorax eval run`. */
#ifndef THX_CLI_LINES_H
#define THX_CLI_LINES_H

#include "base/error.h"

typedef struct cli_lines {
    char *path;
    int   fd;    /* locked while it is open; 0 = none, standard input never is one */
} cli_lines;

/* Opens for appending, makes the file where there is none. Close also after a failure.
 * THORAX_IO: cannot be written, or another writer holds it; THORAX_NOMEM. */
thorax_status cli_lines_open(cli_lines *l, const char *path, thorax_error *err);
/* Replaces all lines by data [size]: written beside the file, then renamed over it; the lock is kept. */
thorax_status cli_lines_replace(cli_lines *l, const char *data, size_t size, thorax_error *err);
/* Appends a line and waits until it is on the disk. */
thorax_status cli_lines_add(cli_lines *l, const char *line, thorax_error *err);
void          cli_lines_close(cli_lines *l);

#endif
