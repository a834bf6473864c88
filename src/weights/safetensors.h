/* One safetensors file: 8 bytes little-endian header length N, N bytes of JSON
 * {name: {dtype, shape, data_offsets}}, then row-major little-endian data. Everything in it is
 * checked before a view of it exists.
 *
 * A matrix of a grouped type (ops/quant.h) is stored as bytes, dtype U8 and rank 1, and told in the metadata:
 *   "__metadata__": {"thorax.grouped": "1", "thorax:NAME": "Q8 [N, K] sha256 DIGITS", ...}
 * with the version of the layout, and for each such tensor its type, its shape and the hash of its bytes. Of any other
 * tensor the metadata may tell the hash of its bytes: "thorax.sha256:NAME": "DIGITS". */
#ifndef THX_WEIGHTS_SAFETENSORS_H
#define THX_WEIGHTS_SAFETENSORS_H

#include "base/file.h"
#include "base/memory.h"
#include "weights/entries.h"

/* Appends the tensors of a mapped file, sorted by offset; names go to `arena`. `path` is for
 * error texts. After a failure `list` may hold some of them.
 *
 * THORAX_FORMAT as thx_weights_open; THORAX_LIMIT (header size, number of values); THORAX_NOMEM. */
thorax_status thx_safetensors_read(thx_entries *list, thx_arena *arena, thx_map bytes, const char *path,
                                   uint32_t file, thorax_error *err);

/* Fails with what the file is, if its first bytes show that it cannot be meant: empty, a git-LFS
 * pointer, an archive, a pickle, a web page, another weight format. What begins with the length of a header that
 * fits and an opening brace is safetensors, whatever the bytes of that length look like. */
thorax_status thx_foreign_check(thx_map bytes, const char *path, thorax_error *err);

/* Whether the file begins as a safetensors file does. */
bool thx_is_safetensors(thx_map bytes);

#endif
