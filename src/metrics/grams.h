/* N-grams as numbers, without collisions: an n-gram is its beginning (an n-gram of one word less) and a word.
 *
 * The table gives every pair of a number and a word a number of its own, from 1; 0 is the empty n-gram. Clearing
 * costs nothing, so that one table serves one text after another. */
#ifndef THX_METRICS_GRAMS_H
#define THX_METRICS_GRAMS_H

#include "metrics/words.h"

typedef struct thx_gram_slot { uint64_t key; uint32_t gram, stamp; } thx_gram_slot;

typedef struct thx_gram_table {
    thx_gram_slot *slots;   /* [mask + 1], in use where the stamp is the table's */
    size_t         mask, room;
    uint32_t       n, stamp;
    unsigned       shift;
} thx_gram_table;

void thx_gram_table_deinit(thx_gram_table *t);

/* Forgets all n-grams. */
void thx_gram_table_clear(thx_gram_table *t);

/* Room for `more` n-grams besides those that are there. Start from {0}. THORAX_NOMEM; THORAX_LIMIT beyond 2^32 - 2. */
thorax_status thx_gram_table_reserve(thx_gram_table *t, size_t more, thorax_error *err);

/* Asks for the slot of (begin, word) ahead of time. */
static inline void thx_gram_prefetch(const thx_gram_table *t, uint32_t begin, uint32_t word)
{
    const uint64_t key = (uint64_t)begin << 32 | word;

    __builtin_prefetch(&t->slots[key * 0x9e3779b97f4a7c15u >> t->shift]);
}

/* The slot of (begin, word) or the free one where it would be. Needs room reserved. */
static inline thx_gram_slot *thx_gram_slot_of(const thx_gram_table *t, uint32_t begin, uint32_t word)
{
    const uint64_t key = (uint64_t)begin << 32 | word;
    size_t         i = (size_t)(key * 0x9e3779b97f4a7c15u >> t->shift);

    while (t->slots[i].stamp == t->stamp && t->slots[i].key != key) i = (i + 1) & t->mask;
    return &t->slots[i];
}

/* The number of begin + word, 0 where it is not there. */
static inline uint32_t thx_gram_find(const thx_gram_table *t, uint32_t begin, uint32_t word)
{
    const thx_gram_slot *s = thx_gram_slot_of(t, begin, word);

    return s->stamp == t->stamp ? s->gram : 0;
}

/* The same; a new number where it is not there. */
static inline uint32_t thx_gram_add(thx_gram_table *t, uint32_t begin, uint32_t word)
{
    thx_gram_slot *s = thx_gram_slot_of(t, begin, word);

    if (s->stamp != t->stamp) *s = (thx_gram_slot){ (uint64_t)begin << 32 | word, ++t->n, t->stamp };
    return s->gram;
}

/* ---- Matches of one answer with its references ---- */

enum { THX_GRAM_ORDERS = 9 };

typedef struct thx_gram_count { uint32_t hypothesis, reference, most, order; } thx_gram_count;

typedef struct thx_grams {
    thx_gram_table  table;   /* of the answer's n-grams */
    thx_gram_count *counts;  /* by number               */
    size_t          room, order;
} thx_grams;

void thx_grams_deinit(thx_grams *g);

/* Begins with an answer's words [n] and its n-grams of 1 … order words. Start from {0}. Statuses as above. */
thorax_status thx_grams_begin(thx_grams *g, const uint32_t *words, size_t n, size_t order, thorax_error *err);

/* Counts one more reference; `alone` forgets those before. */
void thx_grams_reference(thx_grams *g, const uint32_t *words, size_t n, bool alone);

/* matches [order]: of each order the n-grams of the answer, each at most as often as in any one reference. */
void thx_grams_matches(const thx_grams *g, size_t *matches);

#endif
