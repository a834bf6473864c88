/* Archives as PyTorch writes them: entries stored as they are, data at multiples of 64 bytes, sums behind the data.
 *
 * Places follow from names and sizes alone, so any part may be written before the others. */
#ifndef THX_SYNTH_CHECKPOINT_ZIP_H
#define THX_SYNTH_CHECKPOINT_ZIP_H

#include "base/string.h"

typedef struct thx_zip_entry {
    char     name[96];
    uint64_t size;
    uint64_t header_at, data_at; /* set by thx_zip_place                     */
    uint32_t sum;                /* CRC-32 of the data, once that is written */
} thx_zip_entry;

/* Gives the entries their places one after the other; returns where the directory begins. */
uint64_t thx_zip_place(thx_zip_entry *entries, size_t count);

/* What stands before an entry's data (from header_at to data_at), behind it, and at the end of the file. */
void thx_zip_header(thx_string *s, const thx_zip_entry *e);
void thx_zip_descriptor(thx_string *s, const thx_zip_entry *e);
void thx_zip_directory(thx_string *s, const thx_zip_entry *entries, size_t count, uint64_t directory_at);

#endif
