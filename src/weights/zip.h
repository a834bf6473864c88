/* The directory of a zip archive whose entries are stored, as PyTorch writes them (zip64 included).
 *
 * Sizes and places come from the central directory; the header before an entry is looked at only to skip it. Nothing
 * is unpacked: a compressed or encrypted entry is listed, and whoever needs it refuses it. */
#ifndef THX_WEIGHTS_ZIP_H
#define THX_WEIGHTS_ZIP_H

#include "base/file.h"
#include "base/memory.h"

typedef struct thx_zip_entry {
    const char *name;
    uint64_t    header, begin, end; /* bytes of the file: the local header; the first and behind the last one of data */
    const char *refused;            /* why it cannot be read ("compressed", "encrypted"); NULL where it can           */
} thx_zip_entry;

typedef struct thx_zip { thx_zip_entry *at; size_t count; } thx_zip; /* sorted by name */

bool thx_is_zip(thx_map bytes);

/* Reads the directory and the local headers; all of *out lives in `arena`. `path` is for error texts.
 *
 * THORAX_FORMAT: no end of directory (cut short?), a directory or an entry outside the file, entries that overlap or
 * have one name, a name that is no text, sizes that contradict each other. THORAX_LIMIT: over a million entries.
 * THORAX_NOMEM. */
thorax_status thx_zip_read(thx_zip *out, thx_arena *arena, thx_map bytes, const char *path, thorax_error *err);

const thx_zip_entry *thx_zip_find(const thx_zip *zip, const char *name); /* NULL when absent */

#endif
