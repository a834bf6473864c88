/* Lists of word numbers and their vocabulary; see words.h. The vocabulary is a table of open addressing over
 * words that lie one behind another in one block. */
#include "metrics/words.h"
#include "metrics/porter.h"
#include "metrics/split.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* ---- Vocabulary ---- */

typedef struct entry {
    size_t at, size;
} entry; /* of `bytes` */

struct thx_vocabulary {
    thx_string bytes;   /* each word with a 0 behind it          */
    entry     *entries; /* [room]                                */
    size_t     n, room;
    uint32_t  *slots;  /* [n_slots], a power of two: number + 1 */
    uint32_t  *hashes; /* [n_slots]                             */
    size_t     n_slots;
};

static uint32_t hash_of(const char *word, size_t size)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < size; i++) h = (h ^ (unsigned char)word[i]) * 0x100000001b3u;
    return (uint32_t)(h ^ h >> 32);
}

static void vocabulary_free(thx_vocabulary *v)
{
    if (!v) return;
    thx_string_deinit(&v->bytes);
    free(v->entries);
    free(v->slots);
    free(v->hashes);
    free(v);
}

/* Twice the slots, or the first ones. */
static bool vocabulary_grow(thx_vocabulary *v)
{
    const size_t n = v->n_slots ? 2 * v->n_slots : 1024;
    uint32_t    *slots = calloc(n, sizeof *slots), *hashes = calloc(n, sizeof *hashes);
    entry       *entries = realloc(v->entries, n / 2 * sizeof *entries);

    if (entries) v->entries = entries;
    if (!slots || !hashes || !entries) {
        free(slots);
        free(hashes);
        return false;
    }
    for (size_t k = 0; k < v->n_slots; k++) {
        size_t i = v->hashes[k] & (n - 1);
        if (!v->slots[k]) continue;
        while (slots[i]) i = (i + 1) & (n - 1);
        slots[i] = v->slots[k];
        hashes[i] = v->hashes[k];
    }
    free(v->slots);
    free(v->hashes);
    v->slots = slots;
    v->hashes = hashes;
    v->n_slots = n;
    v->room = n / 2;
    return true;
}

/* The number of a word, a new one where it was not there. */
static thorax_status vocabulary_find(thx_vocabulary *v, const char *word, size_t size, uint32_t *id)
{
    const uint32_t hash = hash_of(word, size);

    if (v->n == v->room) {
        if (v->n >= UINT32_MAX / 2) return THORAX_LIMIT;
        if (!vocabulary_grow(v)) return THORAX_NOMEM;
    }
    size_t i = hash & (v->n_slots - 1);
    for (; v->slots[i]; i = (i + 1) & (v->n_slots - 1)) {
        const entry e = v->entries[v->slots[i] - 1];
        if (v->hashes[i] != hash || e.size != size || memcmp(v->bytes.data + e.at, word, size)) continue;
        *id = v->slots[i] - 1;
        return THORAX_OK;
    }
    v->entries[v->n] = (entry){ v->bytes.size, size };
    thx_string_add(&v->bytes, word, size);
    thx_string_add(&v->bytes, "", 1);
    if (v->bytes.failed) return THORAX_NOMEM;
    *id = (uint32_t)v->n++;
    v->slots[i] = (uint32_t)v->n;
    v->hashes[i] = hash;
    return THORAX_OK;
}

size_t thx_words_vocabulary(const thx_words *w) { return w->vocabulary->n; }

const char *thx_words_word(const thx_words *w, uint32_t id, size_t *size)
{
    const entry e = w->vocabulary->entries[id];

    *size = e.size;
    return w->vocabulary->bytes.data + e.at;
}

/* ---- Texts ---- */

/* Room for item n of a list; false when there is none. */
static bool grow_ids(uint32_t **ids, size_t *room, size_t n)
{
    const size_t more = *room ? 2 * *room : 4096;

    if (n < *room) return true;
    uint32_t *list = realloc(*ids, more * sizeof *list);
    if (!list) return false;
    *ids = list;
    *room = more;
    return true;
}

/* The number of a word's stem. Each word is stemmed once and kept with the number. */
static thorax_status find_stem(thx_words *w, const char *word, size_t size, uint32_t *id)
{
    const size_t  known = w->unstemmed->n;
    thx_string   *stem = &w->spare[1];
    uint32_t      raw;
    thorax_status st = vocabulary_find(w->unstemmed, word, size, &raw);

    if (!st && w->unstemmed->n > known) {
        stem->size = 0;
        thx_string_add(stem, word, size);
        if (stem->failed || !grow_ids(&w->stems, &w->stems_room, raw)) return THORAX_NOMEM;
        st = vocabulary_find(w->vocabulary, stem->data, size > 3 ? thx_porter_stem(stem->data, size) : size,
                             &w->stems[raw]);
    }
    if (!st) *id = w->stems[raw];
    return st;
}

/* What the splitter hands its words to. */
typedef struct taker {
    thx_words    *w;
    thorax_status status;
} taker;

static bool take_word(void *user, const char *word, size_t size)
{
    taker       *t = user;
    thx_words   *w = t->w;
    const size_t n = w->first[w->texts + 1];

    if (!grow_ids(&w->ids, &w->ids_room, n))
        t->status = THORAX_NOMEM;
    else if (w->unstemmed)
        t->status = find_stem(w, word, size, &w->ids[n]);
    else
        t->status = vocabulary_find(w->vocabulary, word, size, &w->ids[n]);
    if (!t->status) w->first[w->texts + 1]++;
    return !t->status;
}

/* Room for one more text: first[texts] is where it begins, first[texts + 1] where it ends. */
static bool make_room(thx_words *w)
{
    if (w->texts + 2 > w->texts_room) {
        const size_t room = w->texts_room ? 2 * w->texts_room : 64;
        size_t      *first = realloc(w->first, room * sizeof *first);
        if (!first) return false;
        w->first = first;
        w->texts_room = room;
    }
    return true;
}

thorax_status thx_words_init(thx_words *w, thx_words_kind kind, thorax_error *err)
{
    *w = (thx_words){ .kind = kind, .vocabulary = calloc(1, sizeof *w->vocabulary) };
    if (kind == THX_WORDS_ROUGE_STEM) w->unstemmed = calloc(1, sizeof *w->unstemmed);
    if (!w->vocabulary || (kind == THX_WORDS_ROUGE_STEM && !w->unstemmed) || !make_room(w))
        return thx_fail(err, THORAX_NOMEM, 0, "no memory for words");
    w->first[0] = 0;
    return THORAX_OK;
}

void thx_words_deinit(thx_words *w)
{
    free(w->ids);
    free(w->first);
    free(w->stems);
    vocabulary_free(w->vocabulary);
    vocabulary_free(w->unstemmed);
    for (size_t i = 0; i < sizeof w->spare / sizeof *w->spare; i++) thx_string_deinit(&w->spare[i]);
    *w = (thx_words){ 0 };
}

thorax_status thx_words_add(thx_words *w, const char *text, size_t size, thorax_error *err)
{
    taker t = { w, THORAX_OK };

    if (!make_room(w)) return thx_fail(err, THORAX_NOMEM, 0, "no memory for words");
    w->first[w->texts + 1] = w->first[w->texts];
    if (!thx_split(w->kind, w->spare, text, size, take_word, &t) && !t.status) t.status = THORAX_NOMEM;
    if (t.status == THORAX_LIMIT) return thx_fail(err, t.status, 0, "more than 2^31 different words");
    if (t.status) return thx_fail(err, t.status, 0, "no memory for words");
    w->texts++;
    return THORAX_OK;
}

/* ---- Pairs ---- */

thorax_status thx_pairs_check(const thx_pairs *pairs, size_t *references, thorax_error *err)
{
    *references = 0;
    if (!pairs->n) return thx_fail(err, THORAX_USAGE, 0, "no texts to compare");
    for (size_t i = 0; i < pairs->n; i++) {
        const size_t count = pairs->counts ? pairs->counts[i] : 1;
        if (!count) return thx_fail(err, THORAX_USAGE, i, "record %zu has no reference", i + 1);
        *references += count;
    }
    return THORAX_OK;
}

static thorax_status add_texts(thx_words *w, const char *const *texts, size_t n, thorax_error *err)
{
    thorax_status st = THORAX_OK;

    for (size_t i = 0; i < n && !st; i++) {
        const char *text = texts[i] ? texts[i] : "";
        st = thx_words_add(w, text, strlen(text), err);
    }
    return st;
}

thorax_status thx_words_of_pairs(thx_words *w, const thx_pairs *pairs, thx_words_kind kind, thorax_error *err)
{
    size_t        references;
    thorax_status st = thx_words_init(w, kind, err);

    if (!st) st = thx_pairs_check(pairs, &references, err);
    if (!st) st = add_texts(w, pairs->hypotheses, pairs->n, err);
    if (!st) st = add_texts(w, pairs->references, references, err);
    return st;
}
