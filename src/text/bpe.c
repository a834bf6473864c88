/* Byte-level BPE; see bpe.h. Rules: tokenizers (Rust) 0.21, models/bpe/word.rs, whose heap order
 * and whose test for stale entries are followed, so that odd merge tables give the same ids. */
#include "text/bpe.h"
#include "text/utf8.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

void thx_bpe_init(thx_bpe *b)
{
    *b = (thx_bpe){ 0 };
    for (size_t i = 0; i < 256; i++) b->single[i] = -1;
}

void thx_bpe_deinit(thx_bpe *b)
{
    thx_string_deinit(&b->bytes);
    free(b->places);
    free(b->flags);
    free(b->slots);
    free(b->merges);
    thx_bpe_init(b);
}

/* ---- The printable alphabet: byte ↔ code point ---- */

static bool is_printable(uint32_t c)
{
    return (c >= 0x21 && c <= 0x7e) || (c >= 0xa1 && c <= 0xac) || (c >= 0xae && c <= 0xff);
}

/* The byte that a code point stands for; -1. The 68 bytes that are not printable follow from
 * U+0100. */
static int byte_of(uint32_t c)
{
    if (is_printable(c)) return (int)c;
    if (c >= 0x100 && c <= 0x120) return (int)(c - 0x100);        /* 00 … 20 */
    if (c >= 0x121 && c <= 0x142) return (int)(c - 0x121) + 0x7f; /* 7f … a0 */
    return c == 0x143 ? 0xad : -1;
}

bool thx_alphabet_decode(thx_string *out, const char *key, size_t size)
{
    const size_t before = out->size;
    char part[64];
    size_t n_part = 0;
    uint32_t c;

    for (size_t i = 0; i < size;) {
        const int n = thx_utf8_next((const unsigned char *)key + i, size - i, &c);
        const int byte = n > 0 ? byte_of(c) : -1;
        if (byte < 0) {
            out->size = before;
            thx_string_add(out, key, size);
            return false;
        }
        part[n_part++] = (char)byte;
        i += (size_t)n;
        if (n_part == sizeof part || i >= size) {
            thx_string_add(out, part, n_part);
            n_part = 0;
        }
    }
    return true;
}

/* ---- Tables ---- */

static uint64_t mix(uint64_t h)
{
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    h ^= h >> 32;
    return h;
}

/* FNV-1a, then mixed: slots are taken from the low bits. */
static const uint64_t hash_begin = 0xcbf29ce484222325u;
static uint64_t hash_byte(uint64_t h, char byte) { return (h ^ (unsigned char)byte) * 0x100000001b3u; }

static uint64_t hash_pair(int32_t left, int32_t right)
{
    return mix(((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * 0x9e3779b97f4a7c15u);
}

/* The least power of two that n entries fill at most to two thirds. */
static size_t slots_for(size_t n)
{
    size_t slots = 16;
    while (slots / 3 * 2 < n) slots *= 2;
    return slots;
}

/* Grows the tables that are indexed by id. */
static bool reserve_ids(thx_bpe *b, size_t n)
{
    size_t room = b->room ? b->room : 4096;

    if (n <= b->room) return true;
    while (room < n) room *= 2;
    thx_place *places = realloc(b->places, room * sizeof *places);
    if (places) b->places = places;
    uint16_t *flags = realloc(b->flags, room * sizeof *flags);
    if (flags) b->flags = flags;
    if (!places || !flags) return false;
    memset(flags + b->room, 0, (room - b->room) * sizeof *flags);
    b->room = room;
    return true;
}

thorax_status thx_bpe_add(thx_bpe *b, int32_t id, const char *bytes, size_t size, unsigned flags,
                          thorax_error *err)
{
    if (id < 0 || id >= THX_MAX_IDS)
        return thx_fail(err, THORAX_FORMAT, 0, "token id %d, the largest taken is %d", id,
                        THX_MAX_IDS - 1);
    if ((size_t)id < b->n_ids && b->flags[id])
        return thx_fail(err, THORAX_FORMAT, 0, "id %d is given to two tokens", id);
    if (size > UINT32_MAX - b->bytes.size)
        return thx_fail(err, THORAX_FORMAT, 0, "more than 4 GB of tokens");
    if (!reserve_ids(b, (size_t)id + 1)) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    b->places[id] = (thx_place){ (uint32_t)b->bytes.size, (uint32_t)size };
    b->flags[id] = (uint16_t)(flags | THX_TOKEN_HERE);
    thx_string_add(&b->bytes, bytes, size);
    if (b->bytes.failed) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    if ((size_t)id >= b->n_ids) b->n_ids = (size_t)id + 1;
    b->n_tokens++;
    return THORAX_OK;
}

/* The slot of bytes with this hash, not yet mixed: where they are, or the empty one where they would go. */
static size_t slot_from(const thx_bpe *b, uint64_t hash, const char *bytes, size_t size)
{
    size_t i = mix(hash) & (b->n_slots - 1);

    for (; b->slots[i] >= 0; i = (i + 1) & (b->n_slots - 1)) {
        const thx_place p = b->places[b->slots[i]];
        if (p.size == size && !memcmp(b->bytes.data + p.at, bytes, size)) break;
    }
    return i;
}

static size_t slot_of(const thx_bpe *b, const char *bytes, size_t size)
{
    uint64_t h = hash_begin;

    for (size_t i = 0; i < size; i++) h = hash_byte(h, bytes[i]);
    return slot_from(b, h, bytes, size);
}

void thx_bpe_prefixes(const thx_bpe *b, const char *text, size_t size, thx_bpe_found *found, void *data)
{
    uint64_t h = hash_begin;

    for (size_t n = 1; b->n_slots && n <= size; n++) {
        h = hash_byte(h, text[n - 1]);
        const int32_t id = b->slots[slot_from(b, h, text, n)];
        if (id >= 0) found(data, id, n);
    }
}

int32_t thx_bpe_find(const thx_bpe *b, const char *bytes, size_t size)
{
    return b->n_slots ? b->slots[slot_of(b, bytes, size)] : -1;
}

static size_t merge_slot(const thx_bpe *b, int32_t left, int32_t right)
{
    size_t i = hash_pair(left, right) & (b->n_merge_slots - 1);

    while (b->merges[i].left >= 0 && (b->merges[i].left != left || b->merges[i].right != right))
        i = (i + 1) & (b->n_merge_slots - 1);
    return i;
}

thorax_status thx_bpe_index(thx_bpe *b, size_t n_merges, thorax_error *err)
{
    b->n_slots = slots_for(b->n_tokens);
    b->n_merge_slots = slots_for(n_merges);
    b->slots = malloc(b->n_slots * sizeof *b->slots);
    b->merges = malloc(b->n_merge_slots * sizeof *b->merges);
    if (!b->slots || !b->merges) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    memset(b->slots, 0xff, b->n_slots * sizeof *b->slots);
    for (size_t i = 0; i < b->n_merge_slots; i++) b->merges[i] = (thx_merge){ .left = -1 };

    for (size_t id = 0; id < b->n_ids; id++) {
        if (!b->flags[id] || b->flags[id] & (THX_TOKEN_LITERAL | THX_TOKEN_ADDED)) continue;
        const thx_place p = b->places[id];
        const size_t slot = slot_of(b, b->bytes.data + p.at, p.size);
        if (b->slots[slot] >= 0)
            return thx_fail(err, THORAX_FORMAT, 0, "ids %d and %zu have the same token",
                            b->slots[slot], id);
        b->slots[slot] = (int32_t)id;
        if (p.size == 1) b->single[(unsigned char)b->bytes.data[p.at]] = (int32_t)id;
    }
    return THORAX_OK;
}

thorax_status thx_bpe_merge(thx_bpe *b, const char *left, size_t left_size, const char *right,
                            size_t right_size, thorax_error *err)
{
    char joined[512], *both = joined;
    const size_t size = left_size + right_size;

    if (b->n_merges >= b->n_merge_slots / 3 * 2)
        return thx_fail(err, THORAX_FORMAT, 0, "more merges than were counted");
    if (size > sizeof joined && !(both = malloc(size)))
        return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    memcpy(both, left, left_size);
    memcpy(both + left_size, right, right_size);
    thx_merge m = { thx_bpe_find(b, left, left_size), thx_bpe_find(b, right, right_size),
                    thx_bpe_find(b, both, size), (uint32_t)b->n_merges };
    if (both != joined) free(both);
    if (m.left < 0 || m.right < 0 || m.id < 0)
        return thx_fail(err, THORAX_FORMAT, 0, "merge %zu: its %s is not in the vocabulary",
                        b->n_merges,
                        m.left < 0 ? "left part" : m.right < 0 ? "right part" : "result");
    b->merges[merge_slot(b, m.left, m.right)] = m;
    b->n_merges++;
    return THORAX_OK;
}

const char *thx_bpe_bytes(const thx_bpe *b, int32_t id, size_t *size)
{
    if (id < 0 || (size_t)id >= b->n_ids || !b->flags[id]) return NULL;
    *size = b->places[id].size;
    return b->bytes.data + b->places[id].at;
}

/* ---- Merging one piece ---- */

/* A symbol of the piece, in a list by index; id -1 once it was merged into its left neighbour. */
typedef struct symbol { int32_t id; uint32_t before, after; } symbol;
typedef struct candidate { uint32_t rank, at; int32_t id; } candidate;
typedef struct heap { candidate *c; size_t n; } heap;

enum { NONE = UINT32_MAX };

static bool is_less(candidate a, candidate b)
{
    return a.rank < b.rank || (a.rank == b.rank && a.at < b.at);
}

static void heap_push(heap *h, candidate x)
{
    size_t i = h->n++;

    for (; i && is_less(x, h->c[(i - 1) / 2]); i = (i - 1) / 2) h->c[i] = h->c[(i - 1) / 2];
    h->c[i] = x;
}

static candidate heap_pop(heap *h)
{
    const candidate top = h->c[0], x = h->c[--h->n];
    size_t i = 0;

    for (size_t k = 1; k < h->n; k = 2 * i + 1) {
        if (k + 1 < h->n && is_less(h->c[k + 1], h->c[k])) k++;
        if (!is_less(h->c[k], x)) break;
        h->c[i] = h->c[k];
        i = k;
    }
    h->c[i] = x;
    return top;
}

/* Offers the pair that begins at symbol `at`, if there is a merge for it. */
static void offer(const thx_bpe *b, heap *h, const symbol *s, uint32_t at)
{
    if (at == NONE || s[at].after == NONE) return;
    const thx_merge m = b->merges[merge_slot(b, s[at].id, s[s[at].after].id)];
    if (m.left >= 0) heap_push(h, (candidate){ m.rank, at, m.id });
}

/* Is the pair still there, with the same result? */
static bool is_fresh(const thx_bpe *b, const symbol *s, candidate c)
{
    if (s[c.at].id < 0 || s[c.at].after == NONE) return false;
    const thx_merge m = b->merges[merge_slot(b, s[c.at].id, s[s[c.at].after].id)];
    return m.left >= 0 && m.id == c.id;
}

static void merge_all(const thx_bpe *b, symbol *s, uint32_t n, heap *h)
{
    for (uint32_t i = 0; i + 1 < n; i++) offer(b, h, s, i);
    while (h->n) {
        const candidate c = heap_pop(h);
        if (!is_fresh(b, s, c)) continue;
        symbol *right = &s[s[c.at].after];
        s[c.at].id = c.id;
        s[c.at].after = right->after;
        right->id = -1;
        if (right->after != NONE) s[right->after].before = c.at;
        offer(b, h, s, s[c.at].before);
        offer(b, h, s, c.at);
    }
}

void thx_bpe_scratch_deinit(thx_bpe_scratch *s)
{
    free(s->symbols);
    free(s->heap);
    *s = (thx_bpe_scratch){ 0 };
}

/* Room for n symbols, and for the candidates: n-1 at first, then one more with each merge. */
static bool scratch_reserve(thx_bpe_scratch *s, size_t n)
{
    size_t room = s->room ? s->room : 256;

    if (n <= s->room) return true;
    while (room < n) room *= 2;
    thx_bpe_scratch_deinit(s);
    s->symbols = malloc(room * sizeof(symbol));
    s->heap = malloc(2 * room * sizeof(candidate));
    if (!s->symbols || !s->heap) {
        thx_bpe_scratch_deinit(s);
        return false;
    }
    s->room = room;
    return true;
}

thorax_status thx_bpe_encode(const thx_bpe *b, thx_bpe_scratch *scratch, const char *piece,
                             size_t size, thx_ids *ids, thorax_error *err)
{
    uint32_t n = 0;

    if (size > UINT32_MAX / 64 || !scratch_reserve(scratch, size))
        return thx_fail(err, THORAX_NOMEM, 0, "no memory for a word of %zu bytes", size);
    symbol *s = scratch->symbols;
    heap h = { scratch->heap, 0 };

    for (size_t i = 0; i < size; i++) {
        const int32_t id = b->single[(unsigned char)piece[i]];
        if (id < 0) continue;
        s[n] = (symbol){ id, n ? n - 1 : NONE, n + 1 };
        n++;
    }
    if (!n) return THORAX_OK;
    s[n - 1].after = NONE;
    merge_all(b, s, n, &h);
    for (uint32_t i = 0; i != NONE; i = s[i].after) thx_ids_add(ids, s[i].id);
    return THORAX_OK;
}
