/* A model folder made beside its final name: it is renamed when all of it is there. */
#ifndef THX_MODEL_QUANTIZE_FOLDER_H
#define THX_MODEL_QUANTIZE_FOLDER_H

#include "base/error.h"
#include "ops/types.h"

typedef struct thx_folder_maker thx_folder_maker;

/* THORAX_IO: `out` is there and no empty folder, its parent cannot be written to, or the disk has less than `bytes`
 * free. THORAX_NOMEM. */
thorax_status thx_folder_open(thx_folder_maker **out_maker, const char *out, uint64_t bytes, thorax_error *err);

/* Files of the coming folder; names are plain. THORAX_IO, THORAX_NOMEM. */
thorax_status thx_folder_create(thx_folder_maker *f, int *fd, const char *name, thorax_error *err);
thorax_status thx_folder_write_at(const thx_folder_maker *f, int fd, const char *name, const void *data, size_t size,
                                  uint64_t at, thorax_error *err);
thorax_status thx_folder_put(thx_folder_maker *f, const char *name, const void *data, size_t size, thorax_error *err);

/* Copies what is no weights: the files of `source` and of the folders in it, but hidden ones, one of the name `but` (NULL: none)
 * and those that are there already; links are followed. */
thorax_status thx_folder_copy_around(thx_folder_maker *f, const char *source, const char *but, thorax_error *err);
/* README.md, where none was copied. */
thorax_status thx_folder_readme(thx_folder_maker *f, thx_type type, thorax_error *err);

/* Gives the folder its name. THORAX_IO. */
thorax_status thx_folder_commit(thx_folder_maker *f, thorax_error *err);
/* Gives its one file `name` the name of the folder instead. THORAX_IO. */
thorax_status thx_folder_commit_file(thx_folder_maker *f, const char *name, thorax_error *err);
/* Removes what was not committed. NULL is fine. */
void thx_folder_close(thx_folder_maker *f);

#endif
