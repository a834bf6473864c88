/* Keys and values in blocks of positions, for all layers. Blocks are counted references:
 * a cache forks for nothing, and a block that is shared is copied before it is written to.
 *
 * Threads: a cache belongs to whoever holds the engine's lock. Counts of owners are atomic, so that a block may
 * be read and let go elsewhere: what has two owners is not written to. */
#ifndef THX_ENGINE_KV_H
#define THX_ENGINE_KV_H

#include "model/model.h"

enum { THX_KV_BLOCK_TOKENS = 64 };

typedef struct thx_kv_block thx_kv_block;

typedef struct thx_kv_cache {
    thx_kv        *layers; /* [L] views for the decoder                    */
    void        ***lists;  /* [L][room] block pointers, one list a layer   */
    thx_kv_block **blocks; /* [n]                                          */
    size_t         L, n, room, layer_bytes;
} thx_kv_cache;

thorax_status thx_kv_cache_init(thx_kv_cache *kv, const thx_decoder_config *c, thx_type type,
                                thorax_error *err);
thorax_status thx_kv_cache_init_like(thx_kv_cache *kv, const thx_kv_cache *of, thorax_error *err); /* empty */
void          thx_kv_cache_deinit(thx_kv_cache *kv);

/* `kv`, initialised and empty, shares the blocks of positions 0 .. tokens-1 of `of`, which must hold
 * them. THORAX_NOMEM: kv is then empty. */
thorax_status thx_kv_cache_fork(thx_kv_cache *kv, const thx_kv_cache *of, size_t tokens,
                                thorax_error *err);

/* Makes positions first .. tokens-1 this cache's own to write; earlier ones keep their values.
 * THORAX_NOMEM: what was held is held still. */
thorax_status thx_kv_cache_reserve(thx_kv_cache *kv, size_t first, size_t tokens, thorax_error *err);

/* Gives blocks behind position tokens-1 back. */
void   thx_kv_cache_truncate(thx_kv_cache *kv, size_t tokens);
size_t thx_kv_cache_bytes(const thx_kv_cache *kv, size_t tokens); /* what so many positions take */

/* Makes an empty cache hold blocks for so many positions, whose values the caller puts there before anything reads
 * them. THORAX_NOMEM: kv is still empty. */
thorax_status thx_kv_cache_fill(thx_kv_cache *kv, size_t tokens, thorax_error *err);

/* A copy of block i that holds 0 from its position `tokens` on; `to` has room for the block. */
void thx_kv_cache_copy_block(const thx_kv_cache *kv, size_t i, size_t tokens, void *to);

/* The memory of block i, all layers one after the other: L * layer_bytes. */
void *thx_kv_cache_block(const thx_kv_cache *kv, size_t i);

#endif
