/* Keys and values in blocks; see kv.h. A block of all layers is one allocation, so that a
 * session grows by what it needs and pointers never move. */
#include "engine/kv.h"

#include <stdlib.h>
#include <string.h>

thorax_status thx_kv_cache_init(thx_kv_cache *kv, const thx_decoder_config *c, thx_type type,
                                thorax_error *err)
{
    *kv = (thx_kv_cache){ .L = c->layers };
    kv->layer_bytes = (thx_kv_block_bytes(THX_KV_BLOCK_TOKENS, c->G, c->E, type) + 63) / 64 * 64;
    kv->layers = calloc(kv->L, sizeof *kv->layers);
    kv->lists = calloc(kv->L, sizeof *kv->lists);
    if (!kv->layers || !kv->lists) {
        thx_kv_cache_deinit(kv);
        return thx_fail(err, THORAX_NOMEM, 0, "no memory for the cache of %zu layers", c->layers);
    }
    for (size_t l = 0; l < kv->L; l++)
        kv->layers[l] =
            (thx_kv){ .block_tokens = THX_KV_BLOCK_TOKENS, .G = c->G, .E = c->E, .type = type };
    return THORAX_OK;
}

void thx_kv_cache_deinit(thx_kv_cache *kv)
{
    for (size_t i = 0; i < kv->n; i++) free(kv->memory[i]);
    for (size_t l = 0; kv->lists && l < kv->L; l++) free(kv->lists[l]);
    free(kv->memory);
    free(kv->lists);
    free(kv->layers);
    *kv = (thx_kv_cache){ 0 };
}

static bool grow_lists(thx_kv_cache *kv, size_t blocks)
{
    size_t room = kv->room ? kv->room : 16;

    if (blocks <= kv->room) return true;
    while (room < blocks) room *= 2;
    void **memory = realloc(kv->memory, room * sizeof *memory);
    if (!memory) return false;
    kv->memory = memory;
    for (size_t l = 0; l < kv->L; l++) {
        void **list = realloc(kv->lists[l], room * sizeof *list);
        if (!list) return false;
        kv->lists[l] = list;
        kv->layers[l].blocks = list;
    }
    kv->room = room;
    return true;
}

thorax_status thx_kv_cache_reserve(thx_kv_cache *kv, size_t tokens, thorax_error *err)
{
    const size_t blocks = (tokens + THX_KV_BLOCK_TOKENS - 1) / THX_KV_BLOCK_TOKENS;

    if (!grow_lists(kv, blocks))
        return thx_fail(err, THORAX_NOMEM, 0, "no memory for the keys and values of %zu tokens",
                        tokens);
    while (kv->n < blocks) {
        unsigned char *p = aligned_alloc(64, kv->L * kv->layer_bytes);
        if (!p)
            return thx_fail(err, THORAX_NOMEM, 0, "no memory for the keys and values of %zu tokens",
                            tokens);
        memset(p, 0,
               kv->L * kv->layer_bytes); /* kernels may read whole blocks: never NaN times 0 */
        for (size_t l = 0; l < kv->L; l++) kv->lists[l][kv->n] = p + l * kv->layer_bytes;
        kv->memory[kv->n++] = p;
    }
    return THORAX_OK;
}

size_t thx_kv_cache_bytes(const thx_kv_cache *kv, size_t tokens)
{
    return (tokens + THX_KV_BLOCK_TOKENS - 1) / THX_KV_BLOCK_TOKENS * kv->L * kv->layer_bytes;
}
