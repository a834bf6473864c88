/* The splitting behind words.h: one text into words. */
#ifndef THX_METRICS_SPLIT_H
#define THX_METRICS_SPLIT_H

#include "metrics/words.h"

/* Takes a word, which is valid for the call; false stops. */
typedef bool thx_word_taker(void *user, const char *word, size_t size);

/* Hands the words of text [size] over in their order, not stemmed. The spare strings [3] are used again from call to
 * call; of ROUGE's kinds the second is left to the taker.
 * False: the taker stopped, or memory ran out. */
bool thx_split(thx_words_kind kind, thx_string *spare, const char *text, size_t size, thx_word_taker *take, void *user);

#endif
