/* The published archive of a RadGraph model: a folder, or a .tar.gz of one, with config.json, weights.th and
 * vocabulary/. Files are untrusted: sizes are bounded, every number is checked. */
#ifndef THX_MODEL_RADGRAPH_ARCHIVE_H
#define THX_MODEL_RADGRAPH_ARCHIVE_H

#include "base/memory.h"
#include "encoder/dygie.h"

typedef struct thx_labels { const char **at; size_t n; } thx_labels;

typedef struct thx_radgraph_archive {
    thx_arena       *arena;      /* that all of it lies in                                          */
    const char      *type;       /* "radgraph-xl": what the vocabulary's files are named after      */
    const char      *hub;        /* the encoder's name there, "" where the config does not say      */
    const char      *weights;    /* path of a file of weights                                       */
    int              fd;         /* what holds it open where it has no name any more; else -1       */
    size_t           max_length; /* pieces the encoder sees at once, special ones counted; 0 = all  */
    thx_labels       entities, relations; /* without the null label */
    thx_dygie_config head;       /* but for D, which the encoder says                                */
} thx_radgraph_archive;

/* Of an archive that is packed the weights are unpacked into a temporary file without a name. THORAX_MODEL: files
 * missing or broken, settings that are not implemented (named); THORAX_IO: the temporary file; THORAX_LIMIT: larger
 * than an archive may be (16 GiB); THORAX_NOMEM. After a failure *out is empty, else the caller deinits it. */
thorax_status thx_radgraph_archive_open(thx_radgraph_archive *out, const char *path, thorax_error *err);
void          thx_radgraph_archive_deinit(thx_radgraph_archive *a);

/* The labels of a vocabulary file [size], in their order; with `null` its first line must be empty and is left out.
 * `where` stands before error texts. THORAX_MODEL: no label, or more than 4096, text that is no UTF-8; THORAX_NOMEM. */
thorax_status thx_labels_read(thx_labels *out, thx_arena *arena, const char *text, size_t size, bool null,
                              const char *where, thorax_error *err);

#endif
