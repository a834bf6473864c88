/* What `thorax embed` and `thorax retrieve` share: the CLIP-type model, films and texts to vectors. */
#ifndef THX_CLI_EMBED_H
#define THX_CLI_EMBED_H

#include "cli/batch.h"
#include "cli/inspect.h"
#include "index/index.h"
#include "model/clip.h"

typedef struct cli_clip {
    const cli_values *values;
    thx_ctx          *ctx;
    thx_clip         *clip;
    cli_progress      progress;
} cli_clip;

/* Opens the model of -m; every stage in f32 unless --precision says otherwise. `close` in any case. */
thorax_status cli_clip_open(cli_clip *c, const cli_values *v, thorax_error *err);
void          cli_clip_close(cli_clip *c);

/* Vectors of n films [n, d], as many at once as the tower takes well. The first film that cannot be read ends it. */
thorax_status cli_clip_films(cli_clip *c, float *out, char *const *paths, size_t n, thorax_error *err);

/* Appends the films of -i and of the operands (folders and lists too). */
thorax_status cli_clip_inputs(cli_paths *films, const cli_values *v, thorax_error *err);

/* Appends the texts of a file: one a line, or a JSON list of strings where the file begins with a bracket.
 * THORAX_IO; THORAX_USAGE: a list of something else, or nothing at all; THORAX_NOMEM. */
thorax_status cli_texts_read(cli_paths *texts, const char *path, thorax_error *err);

/* "film" or "text" */
const char *cli_kind_name(thx_index_kind kind);

/* ---- Pairs: what belongs to what (retrieve --list) ---- */
typedef struct cli_pair {
    char *film, *text, *target; /* the pair; target: the name looked for where the pair does not say; NULL */
} cli_pair;
typedef struct cli_pairs { cli_pair *list; size_t n, room; } cli_pairs;

/* Lines "FILM<tab>TEXT", or JSON objects {"film", "text", "target"}. THORAX_IO; THORAX_USAGE: a line that is neither
 * (named); THORAX_NOMEM. */
thorax_status cli_pairs_read(cli_pairs *p, const char *path, thorax_error *err);
void          cli_pairs_deinit(cli_pairs *p);

/* Ranks of the targets of all pairs in the index, as JSON or text on standard output. An exit code. */
int cli_retrieve_list(cli_clip *c, const thx_index *x, const char *path);

#endif
