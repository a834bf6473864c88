/* Weights of a model folder or a single file: named, shaped, read-only views into mapped files.
 *
 * Files are safetensors or PyTorch's own (.bin, .pt, .pth), told apart by what is in them, not by their names.
 * Nothing is copied: opening costs the time to parse headers (PyTorch tensors whose values do not lie in a row are
 * gathered into memory of their own, which thx_weights_owned_bytes tells). Files are untrusted: spans are checked
 * against the file, each other, and their shapes before anything is handed out, and a pickle is read without running
 * any of it. Symbolic links are followed; a shard name in the index that is more than a plain file name is refused. */
#ifndef THX_WEIGHTS_WEIGHTS_H
#define THX_WEIGHTS_WEIGHTS_H

#include "ops/types.h"

typedef struct thx_weights thx_weights;

/* `path` is a folder or one file. In a folder the first of these is taken, as the original does: model.safetensors,
 * model.safetensors.index.json with its shards, pytorch_model.bin, pytorch_model.bin.index.json with its shards. A
 * tensor that the index does not list is handed out all the same.
 *
 * THORAX_IO: file missing (a shard that the index names; the text names both). THORAX_MODEL: a folder with no form
 * of weights (what lies there instead is named). THORAX_FORMAT: neither safetensors nor PyTorch (an empty file, a
 * git-LFS pointer, a web page are named as such), header beyond the file, JSON broken or too deep, unknown dtype,
 * span outside the file, overlapping another, leaving a gap or not fitting the shape, a name twice, a tensor that is
 * not in the shard the index says; a grouped tensor that is told wrongly; what thx_pytorch_read refuses.
 * THORAX_LIMIT: header or index over 100 MB or 4 million values, over 4096 shards, limits of thx_pytorch_read.
 * THORAX_NOMEM. On failure *out is NULL. */
thorax_status thx_weights_open(thx_weights **out, const char *path, thorax_error *err);
/* One file alone, such as an adapter or a checkpoint of a vision tower; a folder is THORAX_IO. */
thorax_status thx_weights_open_file(thx_weights **out, const char *path, thorax_error *err);
void          thx_weights_close(thx_weights *w);

/* Joins what `path` holds to w: its tensors come behind those that are there. Names need not differ; the first counts.
 * Statuses as above; after a failure w is as before. */
thorax_status thx_weights_add(thx_weights *w, const char *path, thorax_error *err);

/* Views live until close. Order: by file, then by offset. A tensor of a dtype that is known but
 * never computed with (F8_E4M3, U64, ...) has the type THX_TYPES and, as its name, thx_weights_dtype. */
size_t          thx_weights_count(const thx_weights *w);
const thx_view *thx_weights_at(const thx_weights *w, size_t i);
const thx_view *thx_weights_find(const thx_weights *w, const char *name); /* NULL when absent */
const char *thx_weights_file(const thx_weights *w, size_t i); /* path of the file that holds tensor i */
const char     *thx_weights_dtype(const thx_weights *w, size_t i); /* as the file writes it; Q8, Q4 */
const char     *thx_weights_sha256(const thx_weights *w, size_t i); /* of its bytes, where told; else NULL */
uint64_t        thx_weights_bytes(const thx_weights *w);       /* of all mapped files */
uint64_t        thx_weights_owned_bytes(const thx_weights *w); /* of gathered tensors: memory beyond the mapped files */
bool            thx_weights_pytorch(const thx_weights *w, size_t i); /* whether tensor i is of a PyTorch file */

/* What a pass over the values of a view finds; all 0 for types without a floating point. Grouped values
 * count where their scales are odd. */
typedef struct thx_value_count {
    uint64_t inf, nan, not_bf16;
} thx_value_count; /* not_bf16: finite values bf16 cannot hold */
thx_value_count thx_view_count_values(const thx_view *view);

#endif
