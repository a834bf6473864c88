/* Inside of the tokenizer, for the files of this room that fill and use it. */
#ifndef THX_TEXT_TOKENIZER_H
#define THX_TEXT_TOKENIZER_H

#include "text/added.h"
#include "text/bpe.h"
#include "text/split.h"

struct thx_tokenizer {
    thx_bpe    bpe;
    thx_added raw; /* added tokens looked for in the text as it comes                          */
    thx_added normalised; /* those marked "normalized": looked for after form C */
    thx_split *split;
    bool       nfc;
};

/* What the two readers share: an added token under its id, with the flags of its description. */
typedef struct thx_added_token {
    const char *content;
    int32_t id;
    bool special, normalised;
} thx_added_token;
thorax_status thx_tokenizer_add(thx_tokenizer *t, const thx_added_token *token, thorax_error *err);

/* Fill an empty tokenizer. THORAX_IO, THORAX_FORMAT, THORAX_NOMEM. */
thorax_status thx_tokenizer_read_json(thx_tokenizer *t, const char *path, thorax_error *err);
thorax_status thx_tokenizer_read_vocab(thx_tokenizer *t, const char *folder, thorax_error *err);

#endif
