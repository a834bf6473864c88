/* The Porter stemmer in the variant of NLTK (its default mode, with NLTK's additions to Porter's paper). */
#ifndef THX_METRICS_PORTER_H
#define THX_METRICS_PORTER_H

#include <stddef.h>

/* Stems word [size] in place and returns its new size, never larger; the word is ASCII lower case with
 * digits. Words of at most two letters stay. Allocates nothing, needs time linear in the size. */
size_t thx_porter_stem(char *word, size_t size);

#endif
