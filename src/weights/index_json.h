/* model.safetensors.index.json: which shard holds which tensor. */
#ifndef THX_WEIGHTS_INDEX_JSON_H
#define THX_WEIGHTS_INDEX_JSON_H

#include "base/memory.h"

/* One line of weight_map. */
typedef struct thx_listed { const char *tensor; uint32_t shard; } thx_listed;

typedef struct thx_index {
    const char **shards; /* file names, each once, sorted; no path components */
    size_t       n_shards;
    thx_listed  *listed;
    size_t       n_listed;
} thx_index;

/* Parses the text of an index; everything in *out lives in `arena`. `path` is for error texts.
 *
 * THORAX_FORMAT: broken JSON, no weight_map, a tensor listed twice, a shard name that is no plain
 * file name. THORAX_LIMIT: too large, or more than 4096 shards. THORAX_NOMEM. */
thorax_status thx_index_parse(thx_index *out, thx_arena *arena, const char *text, size_t size,
                              const char *path, thorax_error *err);

#endif
