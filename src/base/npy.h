/* NumPy .npy files, version 1.0, little endian, C order: what `inspect` writes
 * and what tests read. */
#ifndef THX_BASE_NPY_H
#define THX_BASE_NPY_H

#include "base/error.h"

typedef struct thx_npy {
    void  *data;      /* owned; thx_npy_deinit frees it          */
    char   type[4];   /* "f4", "f8", "u1", "u2", "i4" or "i8"    */
    size_t rank, shape[8], count;
} thx_npy;

/* Streams an array to `path`: begin writes the header, add the values, end renames the
 * file into place; after a failure nothing is left behind. */
typedef struct thx_npy_writer thx_npy_writer;
thorax_status thx_npy_begin(thx_npy_writer **out, const char *path, const char *type,
                            const size_t *shape, size_t rank, thorax_error *err);
thorax_status thx_npy_add(thx_npy_writer *w, const void *data, size_t bytes, thorax_error *err);
thorax_status thx_npy_end(thx_npy_writer *w, thorax_error *err);  /* frees w in any case; THORAX_SHAPE if too few bytes came */
void          thx_npy_cancel(thx_npy_writer *w);

thorax_status thx_npy_write(const char *path, const char *type, const void *data,
                            const size_t *shape, size_t rank, thorax_error *err);
thorax_status thx_npy_read(thx_npy *out, const char *path, thorax_error *err);
void          thx_npy_deinit(thx_npy *a);

#endif
