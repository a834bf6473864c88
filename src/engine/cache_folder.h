/* The folder of the disk cache, shared by any number of processes.
 *
 * An entry is written under a temporary name, synchronised and renamed: a reader sees a whole file or none, and what
 * it has open stays readable when the name goes. What changes the folder as a whole (making room, clearing
 * away what dead writers left) happens under a lock file. Only plain files of the user who runs the
 * program are read or removed, and only those with our names and our first bytes. */
#ifndef THX_ENGINE_CACHE_FOLDER_H
#define THX_ENGINE_CACHE_FOLDER_H

#include "engine/cache_file.h"

#include <time.h>

/* An entry's file, opened for reading, or -1; `used` marks it as the one used last. */
int  thx_cache_folder_open(const char *folder, const char *name, bool used);
void thx_cache_folder_remove(const char *folder, const char *name);

/* Stores an entry, unless it is there; entries used least recently go until all of them have `limit` bytes (0 = no
 * limit). THORAX_LIMIT: the entry alone is larger; THORAX_IO: nothing is left of it; THORAX_NOMEM. */
thorax_status thx_cache_folder_store(const char *folder, uint64_t limit, const thx_entry *e, thorax_error *err);

/* ---- For people ---- */
typedef struct thx_cache_line {
    char            name[THX_ENTRY_NAME + 32];
    uint64_t        bytes;
    struct timespec used;  /* when last                                  */
    thx_entry_facts facts;
} thx_cache_line;
typedef struct thx_cache_listing { thx_cache_line *lines; size_t n; } thx_cache_listing;

/* All entries, the one used last first. A folder that is not there is empty. THORAX_IO; THORAX_NOMEM. */
thorax_status thx_cache_folder_list(thx_cache_listing *out, const char *folder, thorax_error *err);
void          thx_cache_listing_deinit(thx_cache_listing *l);

/* Removes all entries, unfinished ones too, and nothing else. Statuses as above. */
thorax_status thx_cache_folder_clear(const char *folder, size_t *removed, uint64_t *bytes, thorax_error *err);

#endif
