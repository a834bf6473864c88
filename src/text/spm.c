/* SentencePiece BPE; see spm.h. Rules: sentencepiece 0.1.99, bpe_model.cc (order of merges, pieces
 * marked unused), model_interface.cc and sentencepiece_processor.cc (bytes, decoding), normalizer.cc
 * (prefix, blanks); transformers 4.31 tokenization_llama.py (what stands behind a special token). */
#include "text/spm.h"
#include "text/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void thx_spm_deinit(thx_spm *s)
{
    free(s->scores);
    thx_added_deinit(&s->user);
    *s = (thx_spm){ 0 };
}

/* ---- Merging ---- */

/* A symbol: a stretch of the text, in a list by index; size 0 once its left neighbour took it. */
typedef struct symbol { uint32_t at, size, before, after; bool frozen; } symbol;
typedef struct candidate { float score; uint32_t left, right, size; } candidate;

enum { NONE = UINT32_MAX };

typedef struct merger {
    const thx_bpe *vocabulary;
    const thx_spm *s;
    const char    *text;
    symbol        *symbols;
    candidate     *heap;
    size_t         n_heap;
    uint32_t      *splits; /* [n_scores] bytes of the left part that an unused piece was made of; or NULL */
    size_t         first;  /* of the ids that are ours                                                    */
    thx_ids       *ids;
} merger;

/* Higher scores first, then what stands further left. */
static bool is_before(candidate a, candidate b)
{
    return a.score > b.score || (a.score == b.score && a.left < b.left);
}

static void heap_push(merger *m, candidate x)
{
    candidate *c = m->heap;
    size_t i = m->n_heap++;

    for (; i && is_before(x, c[(i - 1) / 2]); i = (i - 1) / 2) c[i] = c[(i - 1) / 2];
    c[i] = x;
}

static candidate heap_pop(merger *m)
{
    candidate *c = m->heap;
    const candidate top = c[0], x = c[--m->n_heap];
    size_t i = 0;

    for (size_t k = 1; k < m->n_heap; k = 2 * i + 1) {
        if (k + 1 < m->n_heap && is_before(c[k + 1], c[k])) k++;
        if (!is_before(c[k], x)) break;
        c[i] = c[k];
        i = k;
    }
    c[i] = x;
    return top;
}

/* Offers two neighbours, if together they are a piece. */
static void offer(merger *m, uint32_t left, uint32_t right)
{
    if (left == NONE || right == NONE) return;
    const symbol *a = &m->symbols[left], *b = &m->symbols[right];
    const size_t size = (size_t)a->size + b->size;
    if (a->frozen || b->frozen || size > m->s->longest) return;
    const int32_t id = thx_bpe_find(m->vocabulary, m->text + a->at, size);
    if (id < 0 || isinf(m->s->scores[id])) return;
    heap_push(m, (candidate){ m->s->scores[id], left, right, (uint32_t)size });
    if (m->splits) m->splits[id] = a->size;
}

static void merge_all(merger *m, uint32_t n)
{
    symbol *s = m->symbols;

    for (uint32_t i = 1; i < n; i++) offer(m, i - 1, i);
    while (m->n_heap) {
        const candidate c = heap_pop(m);
        symbol *left = &s[c.left], *right = &s[c.right];
        if (!left->size || !right->size || left->size + right->size != c.size) continue;
        left->size = c.size;
        left->after = right->after;
        right->size = 0;
        if (left->after != NONE) s[left->after].before = c.left;
        offer(m, left->before, c.left);
        offer(m, c.left, left->after);
    }
}

/* Symbols of the text: user-defined ones, else single characters. */
static uint32_t cut_symbols(merger *m, size_t size)
{
    size_t begin = 0, end = 0;
    int32_t user = -1;
    uint32_t n = 0, c;

    for (size_t at = 0; at < size; n++) {
        if (at >= end) {
            begin = end = size;
            user = thx_added_next(&m->s->user, m->text, size, at, &begin, &end);
        }
        const bool frozen = user >= 0 && at == begin;
        const int step = frozen ? (int)(end - begin)
                                : thx_utf8_next((const unsigned char *)m->text + at, size - at, &c);
        const uint32_t length = step > 0 ? (uint32_t)step : 1; /* text is valid */
        m->symbols[n] = (symbol){ (uint32_t)at, length, n ? n - 1 : NONE, n + 1, frozen };
        at += length;
    }
    if (n) m->symbols[n - 1].after = NONE;
    return n;
}

/* ---- Ids ---- */

/* What is no piece becomes its bytes; without byte pieces, a run of it becomes one unknown. */
static void put_unknown(const merger *m, const char *text, size_t size)
{
    const thx_ids *ids = m->ids;

    for (size_t i = 0; m->s->byte_fallback && i < size; i++)
        thx_ids_add(m->ids, m->s->bytes[(unsigned char)text[i]]);
    if (!m->s->byte_fallback && (ids->size == m->first || ids->data[ids->size - 1] != m->s->unknown))
        thx_ids_add(m->ids, m->s->unknown);
}

/* A piece marked unused falls apart again into what it was made of; a piece is not long, so neither is
 * the way down. */
static void put_piece(const merger *m, const char *text, size_t size)
{
    const int32_t id = thx_bpe_find(m->vocabulary, text, size);

    if (id < 0) {
        put_unknown(m, text, size);
        return;
    }
    const uint32_t left = m->splits && m->vocabulary->flags[id] & THX_TOKEN_UNUSED ? m->splits[id] : 0;
    if (!left) {
        thx_ids_add(m->ids, id);
        return;
    }
    put_piece(m, text, left);
    put_piece(m, text + left, size - left);
}

static thorax_status encode_normal(merger *m, size_t size, thorax_error *err)
{
    thorax_status st = THORAX_OK;

    if (size > UINT32_MAX / 64)
        return thx_fail(err, THORAX_LIMIT, 0, "a text of %zu bytes, at most %u are taken", size,
                        UINT32_MAX / 64);
    m->symbols = malloc(size * sizeof *m->symbols);
    m->heap = malloc(2 * size * sizeof *m->heap); /* a candidate a pair, and one more with each merge */
    if (m->s->unused) m->splits = calloc(m->s->n_scores, sizeof *m->splits);
    if (!m->symbols || !m->heap || (m->s->unused && !m->splits))
        st = thx_fail(err, THORAX_NOMEM, 0, "no memory for a text of %zu bytes", size);
    else {
        merge_all(m, cut_symbols(m, size));
        for (uint32_t i = 0; i != NONE; i = m->symbols[i].after)
            put_piece(m, m->text + m->symbols[i].at, m->symbols[i].size);
    }
    free(m->symbols);
    free(m->heap);
    free(m->splits);
    return st;
}

/* ---- Text around it ---- */

static bool starts_with_blank(const char *text, size_t size)
{
    return size && (*text == ' ' || (size >= 3 && !memcmp(text, THX_SPM_BLANK, 3)));
}

/* The dummy prefix, and blanks as U+2581. */
static void normalise(thx_string *out, const thx_spm *s, const char *text, size_t size, bool behind)
{
    const char *blank = s->escape ? THX_SPM_BLANK : " ";
    const bool without = (s->shy && starts_with_blank(text, size)) || (s->once && behind);

    if (s->dummy_prefix && !without) thx_string_puts(out, blank);
    for (size_t at = 0; at < size;) {
        const char *next = memchr(text + at, ' ', size - at);
        const size_t end = next ? (size_t)(next - text) : size;
        thx_string_add(out, text + at, end - at);
        if (next) thx_string_puts(out, blank);
        at = end + (next != NULL);
    }
}

/* Takes the blank off the first piece again. What is left may be no piece. */
static void drop_prefix(const thx_bpe *vocabulary, const thx_spm *s, thx_ids *ids, size_t first)
{
    size_t size;
    const char *piece =
        ids->size > first ? thx_bpe_bytes(vocabulary, ids->data[first], &size) : NULL;

    if (!piece || size < 3 || memcmp(piece, THX_SPM_BLANK, 3)) return;
    if (size > 3) {
        const int32_t rest = thx_bpe_find(vocabulary, piece + 3, size - 3);
        ids->data[first] = rest < 0 ? s->unknown : rest;
        return;
    }
    memmove(ids->data + first, ids->data + first + 1, (ids->size - first - 1) * sizeof *ids->data);
    ids->size--;
}

thorax_status thx_spm_encode(const thx_bpe *vocabulary, const thx_spm *s, const char *text,
                             size_t size, bool behind, thx_ids *ids, thorax_error *err)
{
    merger m = { .vocabulary = vocabulary, .s = s, .first = ids->size, .ids = ids };
    thx_string normal = { 0 };
    thorax_status st = THORAX_OK;

    if (!size) return THORAX_OK;
    normalise(&normal, s, text, size, behind);
    if (normal.failed)
        st = thx_fail(err, THORAX_NOMEM, 0, "no memory for a text of %zu bytes", size);
    m.text = normal.data;
    if (!st) st = encode_normal(&m, normal.size, err);
    if (!st && behind && !s->legacy && !ids->failed && *text != ' ')
        drop_prefix(vocabulary, s, ids, m.first);
    thx_string_deinit(&normal);
    return st;
}

/* ---- Decoding ---- */

int thx_spm_byte_of(const char *text, size_t size)
{
    static const char digits[] = "0123456789ABCDEF";

    if (size != 6 || memcmp(text, "<0x", 3) || text[5] != '>') return -1;
    const char *high = memchr(digits, text[3], 16), *low = memchr(digits, text[4], 16);
    return high && low ? (int)(high - digits) * 16 + (int)(low - digits) : -1;
}

int thx_spm_byte(const thx_bpe *vocabulary, int32_t id)
{
    size_t size;
    const char *piece = thx_bpe_bytes(vocabulary, id, &size);

    if (!piece || !(vocabulary->flags[id] & THX_TOKEN_BYTE)) return -1;
    return thx_spm_byte_of(piece, size);
}

void thx_spm_put(const thx_bpe *vocabulary, const thx_spm *s, int32_t id, bool *begun,
                 thx_string *out)
{
    size_t size;
    const char *piece = thx_bpe_bytes(vocabulary, id, &size);

    if (!piece || vocabulary->flags[id] & THX_TOKEN_CONTROL) return;
    if (id == s->unknown) {
        piece = " \xe2\x81\x87 ";
        size = 5;
    }
    if (!*begun && s->dummy_prefix && size >= 3 && !memcmp(piece, THX_SPM_BLANK, 3)) {
        piece += 3;
        size -= 3;
        *begun = true;
    }
    *begun |= size > 0;
    for (size_t at = 0; at < size;) {
        const bool blank = size - at >= 3 && !memcmp(piece + at, THX_SPM_BLANK, 3);
        if (blank) thx_string_puts(out, " ");
        else thx_string_add(out, piece + at, 1);
        at += blank ? 3 : 1;
    }
}
