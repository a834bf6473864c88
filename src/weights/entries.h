/* The table of tensors that the readers of weight files fill. */
#ifndef THX_WEIGHTS_ENTRIES_H
#define THX_WEIGHTS_ENTRIES_H

#include "ops/types.h"

/* A tensor of a file. */
typedef struct thx_entry {
    thx_view    view;  /* type THX_TYPES: an element type known by name and size only         */
    const char *dtype; /* as the file writes it                                               */
    uint32_t    file;  /* which file, in the order they were opened                           */
    uint64_t    begin, end; /* its bytes, within the data of a safetensors file; PyTorch: of the file, from the
                             * first value to the last                                        */
    const char *sha256;    /* as the file says; else NULL                                     */
} thx_entry;

typedef struct thx_entries { thx_entry *at; size_t count, room; } thx_entries;

/* One more, all zero; NULL when memory runs out. The table's owner frees `at`. */
thx_entry *thx_entry_add(thx_entries *list);

/* By offset, then by end, then by name. */
void thx_entries_sort(thx_entry *entries, size_t count);

#endif
