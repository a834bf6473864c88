/* The vocabulary of a random checkpoint: byte-level tokens and merges, invented or read. */
#ifndef THX_SYNTH_CHECKPOINT_VOCABULARY_H
#define THX_SYNTH_CHECKPOINT_VOCABULARY_H

#include "base/memory.h"

/* Tokens are in the byte alphabet of GPT-2 (a space is U+0120). Five added tokens follow: ids n .. n+4. */
typedef struct thx_vocabulary {
    uint32_t     n, n_merges;
    const char **tokens;       /* [n]                                       */
    uint32_t   (*merges)[2];   /* [n_merges] ids of the halves, best first  */
} thx_vocabulary;

enum {
    THX_ADDED_TOKENS = 5,
    THX_ADDED_END = 0,
    THX_ADDED_IM_END = 2,
    THX_ADDED_IMAGE = 3,
    THX_ADDED_VIDEO = 4
};
extern const char *const thx_added_tokens[THX_ADDED_TOKENS];

/* 256 bytes, then entries - 256 merges: words of radiology and of the prompts first, then syllables.
 * The same for every seed. THORAX_NOMEM. */
thorax_status thx_vocabulary_make(thx_vocabulary *out, thx_arena *arena, uint32_t entries, thorax_error *err);

/* From vocab.json with merges.txt, or from tokenizer.json. THORAX_IO: no such file. THORAX_FORMAT: ids that
 * are not 0 .. n-1, a byte without a token, a merge of unknown tokens. THORAX_LIMIT, THORAX_NOMEM. */
thorax_status thx_vocabulary_read(thx_vocabulary *out, thx_arena *arena, const char *folder,
                                  thorax_error *err);

/* UTF-8 of a byte's character in the byte alphabet. */
void thx_byte_symbol(char symbol[3], unsigned char byte);

#endif
