/* The cache of keys and values of one session: blocks of positions, for all layers. */
#ifndef THX_ENGINE_KV_H
#define THX_ENGINE_KV_H

#include "model/model.h"

enum { THX_KV_BLOCK_TOKENS = 64 };

typedef struct thx_kv_cache {
    thx_kv  *layers;    /* [L] views for the decoder                    */
    void  ***lists;     /* [L][room] block pointers, one list a layer   */
    void   **memory;    /* [n] what malloc gave: one piece a block      */
    size_t   L, n, room, layer_bytes;
} thx_kv_cache;

thorax_status thx_kv_cache_init(thx_kv_cache *kv, const thx_decoder_config *c, thx_type type, thorax_error *err);
void          thx_kv_cache_deinit(thx_kv_cache *kv);

/* Room for positions 0 .. tokens-1; earlier ones keep their values. THORAX_NOMEM. */
thorax_status thx_kv_cache_reserve(thx_kv_cache *kv, size_t tokens, thorax_error *err);
size_t        thx_kv_cache_bytes(const thx_kv_cache *kv, size_t tokens); /* what that would take */

#endif
