/* Characters by Python's rules, and texts as lists of word numbers: what ROUGE, the BLEUs and CIDEr-D count.
 *
 * Classes of characters are those of Python's str and re; lower case is Python's str.lower. Bytes that are
 * not UTF-8 count as U+FFFD, one for every maximal subpart. Words are kept once, in a vocabulary; a text is a
 * run of their numbers, so that comparing two words is comparing two numbers. */
#ifndef THX_METRICS_WORDS_H
#define THX_METRICS_WORDS_H

#include "text/utf8.h"

/* ---- Characters ---- */

/* White space is thx_char_is_space() of text/utf8.h. */
bool thx_char_is_word(uint32_t c);  /* \w: letters, digits, numbers, "_"; no marks */
bool thx_char_is_digit(uint32_t c); /* \d: category Nd                             */

/* The character at text [size > 0] and how many bytes it takes; U+FFFD for what is not UTF-8. */
size_t thx_char_next(const char *text, size_t size, uint32_t *c);

/* Appends text [size] in lower case: one to many, with the final sigma. What is not UTF-8 becomes U+FFFD.
 * A failed append shows in out->failed. */
void thx_text_lower(thx_string *out, const char *text, size_t size);

/* Takes the next word off text [*size], as str.split does: false when there is none. */
bool thx_next_word(const char **text, size_t *size, const char **word, size_t *word_size);

/* ---- Words of many texts ---- */

typedef enum thx_words_kind {
    THX_WORDS_SPACE,       /* split at white space, case kept (COCO BLEU, CIDEr-D)                      */
    THX_WORDS_ROUGE,       /* lower case, runs of a-z0-9 (rouge_score)                                  */
    THX_WORDS_ROUGE_STEM,  /* the same; words of more than three letters stemmed                        */
    THX_WORDS_13A,         /* mteval 13a of the text as it is (Hugging Face evaluate)                   */
    THX_WORDS_13A_STRIPPED,/* mteval 13a behind str.rstrip (sacrebleu)                                  */
    THX_WORDS_RADCLIQ      /* lower case, "." a word of its own in front, split at U+0020 (BLEU-2 of RadCliQ) */
} thx_words_kind;

typedef struct thx_vocabulary thx_vocabulary;

typedef struct thx_words {
    thx_words_kind  kind;
    uint32_t       *ids;        /* [first[texts]] numbers 0 .. vocabulary size - 1            */
    size_t         *first;      /* [texts + 1]: text t is ids[first[t] .. first[t + 1])       */
    size_t          texts;
    thx_vocabulary *vocabulary;
    size_t          ids_room, texts_room, stems_room;
    thx_vocabulary *unstemmed;  /* of THX_WORDS_ROUGE_STEM: words as they are, and … */
    uint32_t       *stems;      /* … the number of each one's stem                   */
    thx_string      spare[3];   /* of the splitting                                  */
} thx_words;

/* THORAX_NOMEM. Deinit also after a failure. */
thorax_status thx_words_init(thx_words *w, thx_words_kind kind, thorax_error *err);
void          thx_words_deinit(thx_words *w);

/* Appends a text. THORAX_NOMEM; THORAX_LIMIT beyond 2^31 different words. */
thorax_status thx_words_add(thx_words *w, const char *text, size_t size, thorax_error *err);

/* How many different words there are, and one of them (borrowed, valid until the next add; ends with 0). */
size_t      thx_words_vocabulary(const thx_words *w);
const char *thx_words_word(const thx_words *w, uint32_t id, size_t *size);

/* ---- Pairs ---- */

/* What the measures of texts take: n answers, each with its references. Borrowed; a text that is NULL is
 * an empty one. */
typedef struct thx_pairs {
    const char *const *hypotheses;  /* [n]                                             */
    const char *const *references;  /* [sum of counts], those of record 0 first        */
    const size_t      *counts;      /* [n] references of each record, at least 1; NULL: one each */
    size_t             n;
} thx_pairs;

/* How many references there are. THORAX_USAGE: no records, a record without reference. */
thorax_status thx_pairs_check(const thx_pairs *pairs, size_t *references, thorax_error *err);

/* The words of all texts: first the n answers, then the references in their order.
 * THORAX_USAGE: no records, a record without reference. */
thorax_status thx_words_of_pairs(thx_words *w, const thx_pairs *pairs, thx_words_kind kind, thorax_error *err);

#endif
