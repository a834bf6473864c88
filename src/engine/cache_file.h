/* The files of the disk cache: what one holds, and how it is told from every other.
 *
 *   header   256 bytes (cache_file.c), the ids of a prefix, zeros up to a multiple of 64
 *   payload  the pieces, one after the other
 *   digest   SHA-256 of all bytes before it, 64 hex digits
 *
 * A reader knows what it wants to the last byte of the header before it opens a file, so nothing that
 * a file says is ever used as a size or an index: header and length are compared, then the digest.
 * Numbers are in the order of the machine; a file from one of another order has another version. */
#ifndef THX_ENGINE_CACHE_FILE_H
#define THX_ENGINE_CACHE_FILE_H

#include "base/error.h"

typedef enum thx_entry_kind { THX_ENTRY_ROWS = 1, THX_ENTRY_PREFIX } thx_entry_kind;

enum { THX_ENTRY_SHAPE = 6, THX_ENTRY_NAME = 48 };

/* What entries are keyed by: hashes as 64 hex digits. */
typedef struct thx_entry_key {
    char key[65];   /* of all that changes a value                   */
    char film[65];  /* of the picture's samples, for `cache list`    */
    char model[65]; /* the model's identity, for `cache list`        */
} thx_entry_key;

typedef struct thx_piece { void *data; size_t size; } thx_piece;

typedef struct thx_entry {
    thx_entry_kind       kind;
    const thx_entry_key *key;
    const int32_t       *ids;       /* [n_ids] of a prefix; none for rows                                  */
    size_t               n_ids;
    uint32_t             shape[THX_ENTRY_SHAPE]; /* rows: rows, width; prefix: tokens, layers, KV heads, head width, block, type */
    const thx_piece     *pieces;    /* the payload: written from here, read to here                        */
    size_t               n_pieces;
} thx_entry;

/* "thx-" and 32 hex digits of what the entry is about, ".rows" or ".kv". */
void thx_entry_name(char out[THX_ENTRY_NAME], const thx_entry *e);
/* Is that such a name? With `unfinished` that of a file being written: a name, ".", digits, "-", digits. */
bool thx_entry_is_name(const char *name, bool *unfinished);

uint64_t thx_entry_bytes(const thx_entry *e); /* of the file */

/* Writes an entry to an empty file. THORAX_IO (a full disk); THORAX_NOMEM. */
thorax_status thx_entry_write(int file, const thx_entry *e, thorax_error *err);
/* Reads it into its pieces. THORAX_FORMAT: another entry, or a damaged one; the pieces are then undefined.
 * THORAX_IO; THORAX_NOMEM. */
thorax_status thx_entry_read(int file, const thx_entry *e, thorax_error *err);

/* What a file says it is. */
typedef struct thx_entry_facts {
    bool           ours, usable; /* ours: it begins as such files do; usable: of this version, and of the length it says */
    thx_entry_kind kind;
    uint32_t       tokens;
    thx_entry_key  key;
} thx_entry_facts;
void thx_entry_peek(thx_entry_facts *out, int file);

#endif
