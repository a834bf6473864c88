/* How an index lies in its file (docs/retrieval.md has the table). All numbers are little endian, as in memory.
 *
 * A head of 4096 bytes: what the index is, and two slots. A slot says how far the file counts; the valid one with the
 * greater number holds. Behind it one segment for each time something was appended: its own head, then, each part
 * beginning at a multiple of 64 bytes, scales, losses, the ends of names, names, codes, vectors. */
#ifndef THX_INDEX_LAYOUT_H
#define THX_INDEX_LAYOUT_H

#include "base/file.h"
#include "index/index.h"

enum { THX_HEAD_BYTES = 4096, THX_SLOT_AT = 1024, THX_SLOT_STEP = 1024, THX_SEGMENT_HEAD_BYTES = 256 };

typedef struct thx_index_head {
    char     magic[8];   /* "THXINDEX" */
    uint32_t version, d;
    char     model[64];  /* identity, no 0 at its end */
} thx_index_head;

typedef struct thx_index_slot {
    uint64_t number, bytes, rows, segments; /* number 0: empty */
    char     sha256[64]; /* of the head and of the four numbers */
} thx_index_slot;

typedef struct thx_segment_head {
    char     magic[8];     /* "THXROWS1" */
    uint64_t bytes, rows, kind, names_bytes;
    char     parts[64];    /* SHA-256 of everything behind this head */
    char     sha256[64];   /* of what stands above                   */
} thx_segment_head;

/* A mapped segment. */
typedef struct thx_segment {
    size_t               first, rows; /* in the index */
    thx_index_kind       kind;
    const float         *scales;      /* [rows] */
    const float         *losses;      /* [rows]: lengths of vector - scale * codes, rounded up */
    const uint64_t      *ends;        /* [rows]: of names */
    const char          *names;
    const int8_t        *codes;       /* [rows, d] */
    const float         *vectors;     /* [rows, d] */
} thx_segment;

struct thx_index {
    thx_map        map;
    char          *path;
    thx_index_head head;
    thx_index_slot slot;
    char           model[65];
    thx_segment   *segments;
    size_t         n_segments, rows;
};

/* Where the parts of a segment lie, behind its head; false where that is too much for a size. */
typedef struct thx_parts { size_t scales, losses, ends, names, codes, vectors, bytes; } thx_parts;
bool thx_parts_plan(thx_parts *p, size_t rows, size_t d, size_t names_bytes);

/* Reads head and slots from the first THX_HEAD_BYTES of a file. THORAX_FORMAT; THORAX_MODEL. */
thorax_status thx_head_read(thx_index_head *head, thx_index_slot *slot, const unsigned char *bytes, const char *path,
                            const char *model, thorax_error *err);
void thx_slot_sign(char sha256[65], const thx_index_head *head, const thx_index_slot *slot);
void thx_segment_sign(char sha256[65], const thx_segment_head *head);

#endif
