/* N-grams; see grams.h. */
#include "metrics/grams.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

void thx_gram_table_deinit(thx_gram_table *t)
{
    free(t->slots);
    *t = (thx_gram_table){ 0 };
}

void thx_gram_table_clear(thx_gram_table *t)
{
    t->n = 0;
    if (!t->slots) return;
    if (++t->stamp) return;
    memset(t->slots, 0, (t->mask + 1) * sizeof *t->slots); /* once in 2^32 texts */
    t->stamp = 1;
}

/* Twice as many slots as n-grams; the old ones move. */
static bool grow(thx_gram_table *t, size_t need)
{
    unsigned bits = 10;

    while (((size_t)1 << bits) / 2 < need) bits++;
    const thx_gram_table old = *t;
    thx_gram_slot       *slots = calloc((size_t)1 << bits, sizeof *slots);
    if (!slots) return false;
    *t = (thx_gram_table){ slots, ((size_t)1 << bits) - 1, ((size_t)1 << bits) / 2, old.n, 1, 64 - bits };
    for (size_t i = 0; old.slots && i <= old.mask; i++) {
        if (old.slots[i].stamp != old.stamp) continue;
        const thx_gram_slot s = old.slots[i];
        *thx_gram_slot_of(t, (uint32_t)(s.key >> 32), (uint32_t)s.key) = (thx_gram_slot){ s.key, s.gram, 1 };
    }
    free(old.slots);
    return true;
}

thorax_status thx_gram_table_reserve(thx_gram_table *t, size_t more, thorax_error *err)
{
    if (more > UINT32_MAX - 2 - (size_t)t->n) return thx_fail(err, THORAX_LIMIT, 0, "more than 2^32 n-grams");
    if (t->slots && t->n + more <= t->room) return THORAX_OK;
    return grow(t, t->n + more) ? THORAX_OK
                                : thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu n-grams", t->n + more);
}

/* ---- Matches ---- */

void thx_grams_deinit(thx_grams *g)
{
    thx_gram_table_deinit(&g->table);
    free(g->counts);
    *g = (thx_grams){ 0 };
}

/* Room for counts of n-grams of n words. */
static thorax_status make_room(thx_grams *g, size_t n, thorax_error *err)
{
    size_t need;

    if (!thx_mul_size(&need, n, g->order)) return thx_fail(err, THORAX_LIMIT, 0, "more than 2^32 n-grams");
    thorax_status st = thx_gram_table_reserve(&g->table, need, err);
    if (!st && need >= g->room) {
        const size_t    room = need + need / 2 + 256;
        thx_gram_count *counts = realloc(g->counts, room * sizeof *counts);
        if (!counts) return thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu n-grams", need);
        g->counts = counts;
        g->room = room;
    }
    return st;
}

thorax_status thx_grams_begin(thx_grams *g, const uint32_t *words, size_t n, size_t order, thorax_error *err)
{
    g->order = order;
    thx_gram_table_clear(&g->table);
    thorax_status st = make_room(g, n, err);
    if (st) return st;
    for (size_t i = 0; i < n; i++) {
        uint32_t gram = 0;
        for (size_t k = 0; k < order && i + k < n; k++) {
            const uint32_t before = g->table.n;
            gram = thx_gram_add(&g->table, gram, words[i + k]);
            if (g->table.n > before) g->counts[gram] = (thx_gram_count){ .order = (uint32_t)k };
            g->counts[gram].hypothesis++;
        }
    }
    return THORAX_OK;
}

void thx_grams_reference(thx_grams *g, const uint32_t *words, size_t n, bool alone)
{
    for (size_t i = 1; i <= g->table.n; i++) {
        g->counts[i].reference = 0;
        if (alone) g->counts[i].most = 0;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t gram = 0;
        for (size_t k = 0; k < g->order && i + k < n; k++) {
            gram = thx_gram_find(&g->table, gram, words[i + k]);
            if (!gram) break;
            thx_gram_count *c = &g->counts[gram];
            if (++c->reference > c->most) c->most = c->reference;
        }
    }
}

void thx_grams_matches(const thx_grams *g, size_t *matches)
{
    memset(matches, 0, g->order * sizeof *matches);
    for (size_t i = 1; i <= g->table.n; i++) {
        const thx_gram_count *c = &g->counts[i];
        matches[c->order] += c->hypothesis < c->most ? c->hypothesis : c->most;
    }
}
