/* Weights of a model folder: named, shaped, read-only views into mapped files.
 *
 * A folder holds model.safetensors, or shards named by model.safetensors.index.json. Nothing is
 * copied: opening costs the time to parse headers. Files are untrusted: spans are checked
 * against the file, each other, and their shapes before anything is handed out. Symbolic links
 * are followed; a shard name in the index that is more than a plain file name is refused. */
#ifndef THX_WEIGHTS_WEIGHTS_H
#define THX_WEIGHTS_WEIGHTS_H

#include "ops/types.h"

typedef struct thx_weights thx_weights;

/* `path` is a folder or one .safetensors file. With both model.safetensors and an index in a
 * folder the single file is taken, as the original does. A tensor that the index does not list is
 * handed out all the same.
 *
 * THORAX_IO: file missing (a shard that the index names; the text names both). THORAX_MODEL: a folder
 * with neither form of weights (what lies there instead is named). THORAX_FORMAT: not safetensors
 * (an empty file, a git-LFS pointer, an archive, a pickle or a web page are named as such), header
 * beyond the file, JSON broken or too deep, unknown dtype, span outside the file, overlapping
 * another, leaving a gap or not fitting the shape, a name twice, a tensor that is not in the shard
 * the index says; a grouped tensor that is told wrongly. THORAX_LIMIT: header or index over 100 MB or 4 million values, over 4096 shards.
 * THORAX_NOMEM. On failure *out is NULL. */
thorax_status thx_weights_open(thx_weights **out, const char *path, thorax_error *err);
void          thx_weights_close(thx_weights *w);

/* Views live until close. Order: by file, then by offset. A tensor of a dtype that is known but
 * never computed with (F8_E4M3, U64, ...) has the type THX_TYPES and, as its name, thx_weights_dtype. */
size_t          thx_weights_count(const thx_weights *w);
const thx_view *thx_weights_at(const thx_weights *w, size_t i);
const thx_view *thx_weights_find(const thx_weights *w, const char *name); /* NULL when absent */
const char *thx_weights_file(const thx_weights *w, size_t i); /* path of the file that holds tensor i */
const char     *thx_weights_dtype(const thx_weights *w, size_t i); /* as the file writes it; Q8, Q4 */
const char     *thx_weights_sha256(const thx_weights *w, size_t i); /* of a grouped tensor's bytes, as told; else NULL */
uint64_t        thx_weights_bytes(const thx_weights *w);                  /* of all mapped files */

/* What a pass over the values of a view finds; all 0 for types without a floating point. Grouped values
 * count where their scales are odd. */
typedef struct thx_value_count {
    uint64_t inf, nan, not_bf16;
} thx_value_count; /* not_bf16: finite values bf16 cannot hold */
thx_value_count thx_view_count_values(const thx_view *view);

#endif
