/* Vocabulary and merges of a byte-level BPE tokenizer, and the merging itself. The vocabulary alone
 * serves the other kinds too (spm.h, wordpiece.h).
 *
 * Tokens are kept as the bytes they stand for, not in the printable alphabet of the files.
 * A full Qwen2 vocabulary (151,643 tokens, 151,387 merges) takes about 7 MB in four blocks:
 * bytes, places, and two open-addressed tables. Filled once, read by any number of threads. */
#ifndef THX_TEXT_BPE_H
#define THX_TEXT_BPE_H

#include "text/text.h"

enum {
    THX_TOKEN_HERE = 1,    /* the id is in use                                            */
    THX_TOKEN_LITERAL = 2, /* has characters outside the byte alphabet: no merge makes it */
    THX_TOKEN_ADDED = 4,
    THX_TOKEN_SPECIAL = 8,
    THX_TOKEN_BYTE = 16,    /* a piece for one byte                                       */
    THX_TOKEN_UNUSED = 32,  /* falls apart again when it was made                         */
    THX_TOKEN_CONTROL = 64, /* stands for nothing that could be read                      */
    THX_TOKEN_STRIPS_LEFT = 128,  /* blanks before it vanish where a text is parsed for it */
    THX_TOKEN_STRIPS_RIGHT = 256, /* blanks behind it                                      */
    THX_TOKEN_USER = 512,   /* kept whole by the trainer's wish                           */
    THX_MAX_IDS = 1 << 22 /* more is refused */
};

typedef struct thx_place { uint32_t at, size; } thx_place;
typedef struct thx_merge {
    int32_t left, right, id;
    uint32_t rank;
} thx_merge; /* left -1: empty slot */

typedef struct thx_bpe {
    thx_string     bytes;   /* of all tokens, one after another        */
    thx_place     *places;  /* [n_ids] where a token's bytes lie       */
    uint16_t      *flags;   /* [n_ids] THX_TOKEN_…                     */
    size_t         n_ids, room;
    int32_t       *slots;   /* [n_slots] bytes → id; -1 = empty        */
    size_t         n_slots, n_tokens;
    thx_merge     *merges;  /* [n_merge_slots] (left, right) → id      */
    size_t         n_merge_slots, n_merges;
    int32_t        single[256]; /* id of a byte's own token; -1 = none */
} thx_bpe;

void thx_bpe_init(thx_bpe *b);
void thx_bpe_deinit(thx_bpe *b);

/* Token bytes of a key in the printable alphabet; false (and the key itself) if it leaves it. */
bool thx_alphabet_decode(thx_string *out, const char *key, size_t size);

/* Enters a token under an id. THORAX_FORMAT (without a file name): id or token is taken, id too
 * large. THORAX_NOMEM. */
thorax_status thx_bpe_add(thx_bpe *b, int32_t id, const char *bytes, size_t size, unsigned flags,
                          thorax_error *err);

/* After the last token: makes the table that finds them. Then merges, in order of rank; a pair that
 * comes again replaces the earlier one. THORAX_FORMAT: a part or the result is no token. */
thorax_status thx_bpe_index(thx_bpe *b, size_t n_merges, thorax_error *err);
thorax_status thx_bpe_merge(thx_bpe *b, const char *left, size_t left_size, const char *right,
                            size_t right_size, thorax_error *err);

/* The id of a token that merges can make; -1. */
int32_t thx_bpe_find(const thx_bpe *b, const char *bytes, size_t size);

/* Calls `found` for each token that merges can make, or that is a piece, and that text [size] begins with, the shortest
 * first. O(size). */
typedef void thx_bpe_found(void *data, int32_t id, size_t size);
void thx_bpe_prefixes(const thx_bpe *b, const char *text, size_t size, thx_bpe_found *found, void *data);

/* Bytes of an id; NULL for one that is not in use. */
const char *thx_bpe_bytes(const thx_bpe *b, int32_t id, size_t *size);

/* Working memory of one caller; start from {0}. */
typedef struct thx_bpe_scratch { void *symbols, *heap; size_t room; } thx_bpe_scratch;
void thx_bpe_scratch_deinit(thx_bpe_scratch *s);

/* Appends the ids of one piece, in O(size log size). A byte without a token vanishes, as in the
 * original. THORAX_NOMEM. */
thorax_status thx_bpe_encode(const thx_bpe *b, thx_bpe_scratch *s, const char *piece, size_t size,
                             thx_ids *ids, thorax_error *err);

#endif
