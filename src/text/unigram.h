/* SentencePiece of the Unigram kind, as DeBERTa-v2 has it: a text is brought into a normal form, cut into words
 * before its blanks, and each word into the pieces whose scores have the largest sum. Pieces lie in the vocabulary
 * of bpe.h, a blank as U+2581. Filled once, read by any number of threads.
 *
 * The rules are those of the tokenizers library, which the published folders are read with; SentencePiece itself
 * normalises by the longest match and lets pieces cross blanks. */
#ifndef THX_TEXT_UNIGRAM_H
#define THX_TEXT_UNIGRAM_H

#include "text/bpe.h"
#include "text/charsmap.h"

typedef enum thx_form_step {
    THX_FORM_LOWER,
    THX_FORM_STRIP_LEFT,
    THX_FORM_STRIP_RIGHT,
    THX_FORM_CHARSMAP,
    THX_FORM_ONE_BLANK /* runs of blanks */,
    THX_FORM_NFC
} thx_form_step;

typedef enum thx_prefix { THX_PREFIX_NEVER, THX_PREFIX_FIRST, THX_PREFIX_ALWAYS } thx_prefix;

enum { THX_FORM_STEPS = 8 };

typedef struct thx_unigram {
    double       *scores;         /* [n_scores] */
    size_t        n_scores, room;
    size_t        longest;        /* bytes of the longest piece                                   */
    double        least;          /* of all scores: an unknown character has 10 less              */
    int32_t       unknown;
    int32_t       bytes[256];     /* ids of the byte pieces; -1 = none                            */
    bool          byte_fallback;
    bool          split;          /* words are cut apart; otherwise pieces may cross blanks       */
    thx_prefix    prefix;         /* where a blank is put before a stretch that has none          */
    thx_form_step steps[THX_FORM_STEPS];
    size_t        n_steps;
    thx_charsmap  charsmap;
} thx_unigram;

void thx_unigram_deinit(thx_unigram *u);

/* Appends the score of the next piece. THORAX_FORMAT: no finite number; THORAX_NOMEM. */
thorax_status thx_unigram_score(thx_unigram *u, double score, thorax_error *err);

/* Appends valid UTF-8 text [size] in the normal form. THORAX_NOMEM. */
thorax_status thx_unigram_form(const thx_unigram *u, const char *text, size_t size, thx_string *out, thorax_error *err);

/* Appends the ids of text [size] in the normal form. `behind`: it does not stand first. O(size * longest).
 * THORAX_NOMEM. */
thorax_status thx_unigram_encode(const thx_bpe *vocabulary, const thx_unigram *u, const char *text, size_t size,
                                 bool behind, thx_ids *ids, thorax_error *err);

/* Appends the text of a piece; `raw`: as it stands. *begun: something was there before. */
void thx_unigram_put(const thx_unigram *u, const char *piece, size_t size, bool raw, bool *begun, thx_string *out);

#endif
