/* A PyTorch file of any content: refused, or every value of every tensor can be read, from the file or from memory that
 * is counted. */
#include <stdint.h>
#include <stdlib.h>

#include "weights/pytorch.h"
#include "weights/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads each byte; 0 where it lies in the file, else how many there are. */
static uint64_t read_all(const thx_entry *e, const uint8_t *data, size_t size)
{
    const uint8_t *from = e->view.data;
    const size_t   bytes = thx_view_bytes(&e->view);
    const bool     inside = from >= data && from <= data + size;

    if (inside && bytes > (size_t)(data + size - from)) abort();
    for (size_t b = 0; b < bytes; b++) *(volatile const uint8_t *)(from + b);
    return inside ? 0 : bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    thx_entries  list = { 0 };
    thx_arena   *arena;
    thorax_error err;
    uint64_t     owned = 0, gathered = 0;

    if (!size || thx_arena_open(&arena, 4096, &err)) return 0;
    if (!thx_pytorch_read(&list, arena, (thx_map){ data, size }, "input", 0, &owned, &err)) {
        if (!list.count || owned > size + (64 << 20)) abort();
        for (size_t i = 0; i < list.count; i++) {
            gathered += read_all(&list.at[i], data, size);
            const thx_value_count c = thx_view_count_values(&list.at[i].view);
            if (c.inf + c.nan + c.not_bf16 > list.at[i].view.count) abort();
        }
        if (gathered != owned) abort();
    } else if (!err.text[0]) {
        abort();
    }
    free(list.at);
    thx_arena_close(arena);
    return 0;
}
