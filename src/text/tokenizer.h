/* Inside of the tokenizer, for the files of this room that fill and use it. */
#ifndef THX_TEXT_TOKENIZER_H
#define THX_TEXT_TOKENIZER_H

#include "text/added.h"
#include "text/bpe.h"
#include "text/split.h"
#include "text/spm.h"
#include "text/unigram.h"
#include "text/wordpiece.h"

typedef enum thx_tokenizer_kind {
    THX_BYTE_LEVEL,    /* split, form C, merges                       */
    THX_SENTENCEPIECE, /* spm; the vocabulary of bpe, without merges  */
    THX_WORDPIECE,     /* wordpiece; likewise                         */
    THX_UNIGRAM        /* unigram; likewise                           */
} thx_tokenizer_kind;

struct thx_tokenizer {
    thx_tokenizer_kind kind;
    thx_bpe    bpe;
    thx_spm    spm;
    thx_wordpiece wordpiece;
    thx_unigram unigram;
    int32_t    before, after, pad; /* put around a whole text, and behind it; -1 = nothing */
    int32_t    eos;                /* what ends a text; -1 = none is named                 */
    thx_added raw; /* added tokens looked for in the text as it comes                          */
    thx_added normalised; /* those marked "normalized": looked for in the normal form */
    thx_added blanks;     /* of those the ones of white space alone, which are no control tokens: looked for in any text */
    thx_split *split;
    bool       nfc;
    bool       blank; /* byte-level: a blank is put before a stretch that has none */
};

/* What the two readers share: an added token under its id, with the flags of its description. */
typedef struct thx_added_token {
    const char *content;
    int32_t id;
    bool special, normalised, strips_left, strips_right;
} thx_added_token;
thorax_status thx_tokenizer_add(thx_tokenizer *t, const thx_added_token *token, thorax_error *err);

/* The added tokens of tokenizer_config.json (added_tokens_decoder) or added_tokens.json; none is fine. */
thorax_status thx_tokenizer_read_added(thx_tokenizer *t, const char *folder, thorax_error *err);

/* The special tokens of a folder without tokenizer.json, and its added ones: `defaults` are the
 * class's (NULL = none); ids receives theirs, -1 = none. THORAX_FORMAT, THORAX_IO, THORAX_NOMEM. */
enum { THX_UNK, THX_BOS, THX_EOS, THX_SEP, THX_PAD, THX_CLS, THX_MASK, THX_SPECIALS };
thorax_status thx_tokenizer_read_specials(thx_tokenizer *t, const char *folder,
                                          const char *const defaults[THX_SPECIALS],
                                          int32_t ids[THX_SPECIALS], thorax_error *err);

/* Sets eos from the folder's files, where it is not known. THORAX_IO, THORAX_FORMAT, THORAX_NOMEM. */
thorax_status thx_tokenizer_read_eos(thx_tokenizer *t, const char *folder, thorax_error *err);

/* Fill an empty tokenizer. THORAX_IO, THORAX_FORMAT, THORAX_NOMEM. */
thorax_status thx_tokenizer_read_json(thx_tokenizer *t, const char *path, thorax_error *err);
thorax_status thx_tokenizer_read_vocab(thx_tokenizer *t, const char *folder, thorax_error *err);
thorax_status thx_tokenizer_read_spm(thx_tokenizer *t, const char *folder, const char *path,
                                     thorax_error *err);
thorax_status thx_tokenizer_read_pieces(thx_tokenizer *t, const char *folder, const char *path, thorax_error *err);
thorax_status thx_tokenizer_read_wordpiece(thx_tokenizer *t, const char *folder, const char *path,
                                           thorax_error *err);

#endif
