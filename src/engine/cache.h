/* What was computed about films, kept for other sessions and later runs: image rows, and the keys and values of prompts up
 * to the end of the image rows, which every question about a film begins with.
 *
 * Entries live in memory, where they share rows and blocks with the sessions that use them, and on disk where a
 * folder is given. They are found by a key that holds everything that changes a value, so that what comes
 * from here is bit for bit what would be computed. Whatever goes wrong, nothing is found or nothing is
 * kept: a caller has no failure to handle.
 *
 * Files are written by a thread of the cache's own; thx_cache_close waits for it.
 * Threads: the engine's lock, but for thx_cache_get_status. */
#ifndef THX_ENGINE_CACHE_H
#define THX_ENGINE_CACHE_H

#include "engine/cache_file.h"
#include "engine/kv.h"

#include <stdatomic.h>

/* What the language model reads of a film: [n, D]; sessions share it. */
typedef struct thx_image_rows {
    atomic_size_t owners;
    float         data[];
} thx_image_rows;

thx_image_rows *thx_image_rows_new(size_t n, size_t D); /* one owner; NULL when memory runs out */
thx_image_rows *thx_image_rows_share(thx_image_rows *rows);
void            thx_image_rows_drop(thx_image_rows *rows); /* NULL is fine */

typedef struct thx_cache thx_cache;

typedef struct thx_cache_options {
    uint64_t    memory_bytes; /* at most that much is kept in memory; 0 = nothing  */
    const char *folder;       /* NULL = nothing on disk                            */
    uint64_t    folder_bytes; /* at most that much on disk; 0 = no limit           */
} thx_cache_options;

/* Makes the folder where it is not there. THORAX_IO, THORAX_NOMEM. */
thorax_status thx_cache_open(thx_cache **out, const thx_cache_options *o, thorax_error *err);
void          thx_cache_close(thx_cache *c);

/* Rows [n, D], with one owner more; NULL = not there. */
thx_image_rows *thx_cache_find_rows(thx_cache *c, const thx_entry_key *key, size_t n, size_t D);
void            thx_cache_keep_rows(thx_cache *c, const thx_entry_key *key, thx_image_rows *rows, size_t n, size_t D);

/* Fills kv (initialised, empty) with the positions of ids [n]; false = not there, kv is still empty. */
bool thx_cache_find_prefix(thx_cache *c, const thx_entry_key *key, const int32_t *ids, size_t n, thx_kv_cache *kv);
/* kv holds these positions. */
void thx_cache_keep_prefix(thx_cache *c, const thx_entry_key *key, const int32_t *ids, size_t n, const thx_kv_cache *kv);

/* What it holds in memory now; and lets go of the entries used least recently until at most `most` bytes are left. */
uint64_t thx_cache_bytes(const thx_cache *c);
void     thx_cache_trim(thx_cache *c, uint64_t most);
void     thx_cache_settle(thx_cache *c); /* until everything is written: what waits for that takes memory as well */

typedef struct thx_cache_status {
    uint64_t from_memory, from_disk, stored; /* entries found, found, written            */
    uint64_t damaged;                        /* files that were removed for it           */
    uint64_t failed;                         /* entries that could not be written        */
    char     text[400];                      /* why, the last time; "" = nothing failed  */
} thx_cache_status;
void thx_cache_get_status(thx_cache *c, thx_cache_status *out);

#endif
