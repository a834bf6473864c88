/* One safetensors file: 8 bytes little-endian header length N, N bytes of JSON
 * {name: {dtype, shape, data_offsets}}, then row-major little-endian data. Everything in it is
 * checked before a view of it exists.
 *
 * A matrix of a grouped type (ops/quant.h) is stored as bytes, dtype U8 and rank 1, and told in the metadata:
 *   "__metadata__": {"thorax.grouped": "1", "thorax:NAME": "Q8 [N, K] sha256 DIGITS", ...}
 * with the version of the layout, and for each such tensor its type, its shape and the hash of its bytes. */
#ifndef THX_WEIGHTS_SAFETENSORS_H
#define THX_WEIGHTS_SAFETENSORS_H

#include "base/file.h"
#include "base/memory.h"
#include "ops/types.h"

/* A tensor of a file. */
typedef struct thx_entry {
    thx_view    view;  /* type THX_TYPES: an element type known by name and size only      */
    const char *dtype; /* as the file writes it                                            */
    uint32_t    file;  /* which file, in the order they were opened                        */
    uint64_t    begin, end; /* bytes within the file's data                                */
    const char *sha256;    /* as the file says, of a grouped tensor; else NULL             */
} thx_entry;

typedef struct thx_entries { thx_entry *at; size_t count, room; } thx_entries;

/* Appends the tensors of a mapped file, sorted by offset; names go to `arena`. `path` is for
 * error texts. After a failure `list` may hold some of them.
 *
 * THORAX_FORMAT as thx_weights_open; THORAX_LIMIT (header size, number of values); THORAX_NOMEM. */
thorax_status thx_safetensors_read(thx_entries *list, thx_arena *arena, thx_map bytes, const char *path,
                                   uint32_t file, thorax_error *err);

/* Fails with what the file is, if its first bytes show that it cannot be meant: empty, a git-LFS
 * pointer, an archive, a pickle, a web page, another weight format. */
thorax_status thx_foreign_check(thx_map bytes, const char *path, thorax_error *err);

#endif
