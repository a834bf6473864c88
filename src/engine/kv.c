/* Keys and values in blocks; see kv.h. A block of all layers is one allocation, so that a
 * session grows by what it needs and pointers never move. */
#include "engine/kv.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct thx_kv_block {
    _Alignas(64) atomic_size_t owners; /* caches that hold it */
    _Alignas(64) unsigned char data[];
};

static void block_drop(thx_kv_block *b)
{
    if (b && --b->owners == 0) free(b);
}

/* A block of this cache's shape, contents undefined. */
static thx_kv_block *block_raw(const thx_kv_cache *kv)
{
    thx_kv_block *b = aligned_alloc(64, sizeof *b + kv->L * kv->layer_bytes);

    if (b) atomic_init(&b->owners, 1);
    return b;
}

/* Zeros, or a copy. Kernels may read whole blocks: never NaN times 0. */
static thx_kv_block *block_new(const thx_kv_cache *kv, const thx_kv_block *copy)
{
    const size_t  bytes = kv->L * kv->layer_bytes;
    thx_kv_block *b = block_raw(kv);

    if (!b) return NULL;
    if (copy) memcpy(b->data, copy->data, bytes);
    else memset(b->data, 0, bytes);
    return b;
}

static void block_put(thx_kv_cache *kv, size_t i, thx_kv_block *b)
{
    kv->blocks[i] = b;
    for (size_t l = 0; l < kv->L; l++) kv->lists[l][i] = b->data + l * kv->layer_bytes;
}

static size_t blocks_of(size_t tokens)
{
    return (tokens + THX_KV_BLOCK_TOKENS - 1) / THX_KV_BLOCK_TOKENS;
}

/* A cache of `layers` layers like this one. */
static thorax_status init_views(thx_kv_cache *kv, size_t layers, const thx_kv *view, thorax_error *err)
{
    *kv = (thx_kv_cache){ .L = layers };
    kv->layer_bytes =
        (thx_kv_block_bytes(THX_KV_BLOCK_TOKENS, view->G, view->E, view->type) + 63) / 64 * 64;
    kv->layers = calloc(kv->L, sizeof *kv->layers);
    kv->lists = calloc(kv->L, sizeof *kv->lists);
    if (!kv->layers || !kv->lists) {
        thx_kv_cache_deinit(kv);
        return thx_fail(err, THORAX_NOMEM, 0, "no memory for the cache of %zu layers", layers);
    }
    for (size_t l = 0; l < kv->L; l++)
        kv->layers[l] = (thx_kv){
            .block_tokens = THX_KV_BLOCK_TOKENS, .G = view->G, .E = view->E, .type = view->type
        };
    return THORAX_OK;
}

thorax_status thx_kv_cache_init(thx_kv_cache *kv, const thx_decoder_config *c, thx_type type,
                                thorax_error *err)
{
    return init_views(kv, c->layers, &(thx_kv){ .G = c->G, .E = c->E, .type = type }, err);
}

thorax_status thx_kv_cache_init_like(thx_kv_cache *kv, const thx_kv_cache *of, thorax_error *err)
{
    return init_views(kv, of->L, of->layers, err);
}

void thx_kv_cache_deinit(thx_kv_cache *kv)
{
    for (size_t i = 0; i < kv->n; i++) block_drop(kv->blocks[i]);
    for (size_t l = 0; kv->lists && l < kv->L; l++) free(kv->lists[l]);
    free(kv->blocks);
    free(kv->lists);
    free(kv->layers);
    *kv = (thx_kv_cache){ 0 };
}

static thorax_status no_memory(size_t tokens, thorax_error *err)
{
    return thx_fail(err, THORAX_NOMEM, 0, "no memory for the keys and values of %zu tokens", tokens);
}

static bool grow_lists(thx_kv_cache *kv, size_t blocks)
{
    size_t room = kv->room ? kv->room : 16;

    if (blocks <= kv->room) return true;
    while (room < blocks) room *= 2;
    thx_kv_block **grown = realloc(kv->blocks, room * sizeof(thx_kv_block *));
    if (!grown) return false;
    kv->blocks = grown;
    for (size_t l = 0; l < kv->L; l++) {
        void **list = realloc(kv->lists[l], room * sizeof *list);
        if (!list) return false;
        kv->lists[l] = list;
        kv->layers[l].blocks = list;
    }
    kv->room = room;
    return true;
}

thorax_status thx_kv_cache_fork(thx_kv_cache *kv, const thx_kv_cache *of, size_t tokens,
                                thorax_error *err)
{
    const size_t n = blocks_of(tokens);

    if (!grow_lists(kv, n)) return no_memory(tokens, err);
    for (size_t i = 0; i < n; i++) {
        of->blocks[i]->owners++;
        block_put(kv, i, of->blocks[i]);
    }
    kv->n = n;
    return THORAX_OK;
}

thorax_status thx_kv_cache_reserve(thx_kv_cache *kv, size_t first, size_t tokens, thorax_error *err)
{
    const size_t n = blocks_of(tokens);

    if (!grow_lists(kv, n)) return no_memory(tokens, err);
    for (size_t i = first / THX_KV_BLOCK_TOKENS; i < n; i++) {
        thx_kv_block *held = i < kv->n ? kv->blocks[i] : NULL;

        if (held && held->owners == 1) continue;
        thx_kv_block *own = block_new(kv, held);
        if (!own) return no_memory(tokens, err);
        block_drop(held);
        block_put(kv, i, own);
        if (i >= kv->n) kv->n = i + 1;
    }
    return THORAX_OK;
}

thorax_status thx_kv_cache_fill(thx_kv_cache *kv, size_t tokens, thorax_error *err)
{
    const size_t n = blocks_of(tokens);

    if (!grow_lists(kv, n)) return no_memory(tokens, err);
    while (kv->n < n) {
        thx_kv_block *b = block_raw(kv);

        if (!b) {
            thx_kv_cache_truncate(kv, 0);
            return no_memory(tokens, err);
        }
        block_put(kv, kv->n++, b);
    }
    return THORAX_OK;
}

/* A layer is K [G, block, …] and V [G, block, …]: 2 G runs of positions. */
void thx_kv_cache_copy_block(const thx_kv_cache *kv, size_t i, size_t tokens, void *to)
{
    const thx_kv *view = kv->layers;
    const size_t  row = thx_kv_block_bytes(1, view->G, view->E, view->type) / (2 * view->G),
                 run = THX_KV_BLOCK_TOKENS * row;

    memcpy(to, kv->blocks[i]->data, kv->L * kv->layer_bytes);
    for (size_t l = 0; l < kv->L; l++)
        for (size_t g = 0; g < 2 * view->G && tokens < THX_KV_BLOCK_TOKENS; g++)
            memset((unsigned char *)to + l * kv->layer_bytes + g * run + tokens * row, 0, run - tokens * row);
}

void thx_kv_cache_truncate(thx_kv_cache *kv, size_t tokens)
{
    for (const size_t n = blocks_of(tokens); kv->n > n;) block_drop(kv->blocks[--kv->n]);
}

size_t thx_kv_cache_bytes(const thx_kv_cache *kv, size_t tokens)
{
    return blocks_of(tokens) * (sizeof(thx_kv_block) + kv->L * kv->layer_bytes);
}

void *thx_kv_cache_block(const thx_kv_cache *kv, size_t i) { return kv->blocks[i]->data; }
