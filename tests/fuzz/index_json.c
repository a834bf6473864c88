/* An index of any content: refused, or every listed tensor has a shard of a plain name. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "weights/index_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    thx_index    index;
    thx_arena   *arena;
    thorax_error err;

    if (thx_arena_open(&arena, 4096, &err)) return 0;
    if (!thx_index_parse(&index, arena, (const char *)data, size, "input", &err)) {
        if (!index.n_listed || !index.n_shards) abort();
        for (size_t i = 0; i < index.n_listed; i++)
            if (index.listed[i].shard >= index.n_shards) abort();
        for (size_t i = 0; i < index.n_shards; i++)
            if (strchr(index.shards[i], '/') || !*index.shards[i] || !strcmp(index.shards[i], "..")) abort();
    }
    thx_arena_close(arena);
    return 0;
}
