/* SentencePiece of the BPE kind, as Llama and Vicuna have it: merging of text into pieces, and the
 * text of pieces. The pieces themselves lie in the vocabulary of bpe.h, as they stand in the file:
 * a blank is U+2581. Filled once, read by any number of threads. */
#ifndef THX_TEXT_SPM_H
#define THX_TEXT_SPM_H

#include "text/added.h"
#include "text/bpe.h"

#define THX_SPM_BLANK "\xe2\x96\x81" /* U+2581 */

enum {
    THX_SPM_MAX_PIECE = 1024 /* bytes; longer ones are refused: each merge looks at that many */
};

typedef struct thx_spm {
    float    *scores;       /* [n_scores]; -infinity: no merge makes it                       */
    size_t    n_scores;     /* pieces; ids from there on are added tokens                     */
    size_t    longest;      /* bytes of the longest piece that merges can make                */
    thx_added user;         /* user-defined symbols: found in any text, never merged          */
    int32_t   bytes[256];   /* ids of the byte pieces                                         */
    int32_t   unknown;
    bool      byte_fallback, dummy_prefix, escape, unused; /* unused: there are such pieces   */
    bool      shy, once;    /* no prefix before a blank; none behind a special token (Metaspace) */
    bool      legacy;       /* the wrapper's: text behind a special token gets the prefix too */
} thx_spm;

void thx_spm_deinit(thx_spm *s);

/* Appends the ids of valid UTF-8 text [size]. `behind`: the text stands behind a special token, and
 * the blank that is put before it is taken off again, as transformers 4.31 does (legacy = false).
 * O(size log size). THORAX_NOMEM. */
thorax_status thx_spm_encode(const thx_bpe *vocabulary, const thx_spm *s, const char *text,
                             size_t size, bool behind, thx_ids *ids, thorax_error *err);

/* "<0x0A>" → 10; -1 for any other text. */
int thx_spm_byte_of(const char *text, size_t size);

/* The byte that a piece stands for; -1 for any other. */
int thx_spm_byte(const thx_bpe *vocabulary, int32_t id);

/* Appends the text of a piece that is no byte. *begun: something was there before, else one leading
 * blank is dropped. */
void thx_spm_put(const thx_bpe *vocabulary, const thx_spm *s, int32_t id, bool *begun,
                 thx_string *out);

#endif
