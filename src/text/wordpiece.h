/* WordPiece as BERT has it: a text is cleaned, folded and cut into words and signs, and each word
 * into the longest pieces of the vocabulary (bpe.h), whose later ones begin with "##". */
#ifndef THX_TEXT_WORDPIECE_H
#define THX_TEXT_WORDPIECE_H

#include "text/bpe.h"

enum { THX_WORDPIECE_MAX_WORD = 100 /* characters; a longer word is unknown */ };

typedef struct thx_wordpiece {
    int32_t unknown;
    size_t  longest;  /* bytes of the longest token               */
    bool    lower;    /* small letters                            */
    bool    strip;    /* without accents                          */
    bool    cjk;      /* Chinese characters are words of their own */
    bool    clean;    /* decoding takes blanks before signs away  */
} thx_wordpiece;

/* Appends the ids of valid UTF-8 text [size]. THORAX_NOMEM. */
thorax_status thx_wordpiece_encode(const thx_bpe *vocabulary, const thx_wordpiece *w, const char *text,
                                   size_t size, thx_ids *ids, thorax_error *err);

/* Appends the text as it is before it falls into words: cleaned, folded, blanks around Chinese characters. Done
 * twice it is the same. A failed append shows in out->failed. */
void thx_wordpiece_fold(const thx_wordpiece *w, const char *text, size_t size, thx_string *out);

/* Appends a token as it continues a text. *begun: something was there before. */
void thx_wordpiece_put(const thx_bpe *vocabulary, int32_t id, bool *begun, thx_string *out);

/* Takes the blanks before signs and short forms away, from byte `at` on. */
void thx_wordpiece_clean(thx_string *text, size_t at);

#endif
