/* A safetensors file of any content: refused, or every value of every tensor can be read. */
#include <stdint.h>
#include <stdlib.h>

#include "weights/safetensors.h"
#include "weights/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    thx_entries  list = { 0 };
    thx_arena   *arena;
    thorax_error err;

    if (thx_arena_open(&arena, 4096, &err)) return 0;
    if (!thx_safetensors_read(&list, arena, (thx_map){ size ? data : NULL, size }, "input", 0, &err)) {
        const uint8_t *end = data + size;

        for (size_t i = 0; i < list.count; i++) {
            const thx_entry *e = &list.at[i];
            const uint8_t   *from = e->view.data;

            if (from < data || from > end || e->end - e->begin > (uint64_t)(end - from)) abort();
            for (uint64_t b = 0; b < e->end - e->begin; b++) *(volatile const uint8_t *)(from + b);
            const thx_value_count c = thx_view_count_values(&e->view);
            if (c.inf + c.nan + c.not_bf16 > e->view.count) abort();
            if (thx_type_grouped(e->view.type) && thx_view_bytes(&e->view) != e->end - e->begin) abort();
        }
    }
    free(list.at);
    thx_arena_close(arena);
    return 0;
}
