/* The labels of a vocabulary file. */
#include "model/radgraph_archive.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    thx_arena *arena;
    thx_labels labels;

    if (thx_arena_open(&arena, 0, NULL)) return 0;
    for (int null = 0; null < 2; null++)
        if (!thx_labels_read(&labels, arena, (const char *)data, size, null, "input", NULL)) {
            size_t sum = 0;
            if (!labels.n) abort();
            for (size_t i = 0; i < labels.n; i++) sum += strlen(labels.at[i]);
            if (sum > size) abort();
        }
    thx_arena_close(arena);
    return 0;
}
