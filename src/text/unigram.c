/* Unigram; see unigram.h. Rules: tokenizers 0.21 models/unigram/model.rs (encode_optimized, tokenize),
 * pre_tokenizers/metaspace.rs, normalizers. */
#include "text/unigram.h"
#include "text/spm.h"
#include "text/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

static const double UNKNOWN_PENALTY = 10.0;

void thx_unigram_deinit(thx_unigram *u)
{
    free(u->scores);
    thx_charsmap_close(&u->charsmap);
    *u = (thx_unigram){ 0 };
}

thorax_status thx_unigram_score(thx_unigram *u, double score, thorax_error *err)
{
    if (!isfinite(score)) return thx_fail(err, THORAX_FORMAT, 0, "piece %zu: its score is no number", u->n_scores);
    if (u->n_scores == u->room) {
        const size_t room = u->room ? 2 * u->room : 4096;
        double      *scores = realloc(u->scores, room * sizeof *scores);
        if (!scores) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
        u->scores = scores;
        u->room = room;
    }
    if (!u->n_scores || score < u->least) u->least = score;
    u->scores[u->n_scores++] = score;
    return THORAX_OK;
}

/* ---- The normal form ---- */

/* Small letters, character by character. */
static void put_lower(const char *text, size_t size, thx_string *out)
{
    uint32_t c;
    char     utf8[4];

    for (size_t at = 0; at < size;) {
        const int n = thx_utf8_next((const unsigned char *)text + at, size - at, &c);
        if (n <= 0) return; /* not reached: text is valid */
        if (c == 0x130) thx_string_puts(out, "i\xcc\x87"); /* the one that becomes two */
        else thx_string_add(out, utf8, thx_utf8_put(utf8, (uint32_t)utf8proc_tolower((utf8proc_int32_t)c)));
        at += (size_t)n;
    }
}

static void put_one_blank(const char *text, size_t size, thx_string *out)
{
    for (size_t at = 0, end; at < size; at = end) {
        for (end = at + 1; end < size && (text[end] == ' ') == (text[at] == ' ');) end++;
        thx_string_add(out, text + at, text[at] == ' ' ? 1 : end - at);
    }
}

static thorax_status put_step(const thx_unigram *u, thx_form_step step, const char *text, size_t size, thx_string *out,
                              thorax_error *err)
{
    const size_t left = step == THX_FORM_STRIP_LEFT ? thx_spaces_before(text, size) : 0;

    switch (step) {
    case THX_FORM_LOWER: put_lower(text, size, out); break;
    case THX_FORM_STRIP_LEFT: thx_string_add(out, text + left, size - left); break;
    case THX_FORM_STRIP_RIGHT: thx_string_add(out, text, size - thx_spaces_behind(text, size)); break;
    case THX_FORM_CHARSMAP: thx_charsmap_put(&u->charsmap, text, size, out); break;
    case THX_FORM_ONE_BLANK: put_one_blank(text, size, out); break;
    case THX_FORM_NFC: return thx_nfc(out, text, size, err);
    }
    return THORAX_OK;
}

thorax_status thx_unigram_form(const thx_unigram *u, const char *text, size_t size, thx_string *out, thorax_error *err)
{
    thx_string    turns[2] = { { 0 }, { 0 } };
    thorax_status st = THORAX_OK;

    for (size_t i = 0; i < u->n_steps && !st; i++) {
        thx_string *to = &turns[i % 2];
        to->size = 0;
        thx_string_add(to, "", 0);
        st = put_step(u, u->steps[i], text, size, to, err);
        if (!st && to->failed) st = thx_fail(err, THORAX_NOMEM, 0, "no memory to normalise %zu bytes of text", size);
        text = to->data;
        size = to->size;
    }
    if (!st) thx_string_add(out, text, size);
    if (!st && out->failed) st = thx_fail(err, THORAX_NOMEM, 0, "no memory to normalise %zu bytes of text", size);
    thx_string_deinit(&turns[0]);
    thx_string_deinit(&turns[1]);
    return st;
}

/* ---- The best way through a word ---- */

/* The best way that ends at a byte, whose last piece begins at `from` (that byte itself: there is none yet); `next`:
 * where the piece ends that goes on from here. */
typedef struct node {
    double   score;
    uint32_t from, next;
    int32_t  id;
} node;

typedef struct lattice {
    const thx_bpe     *vocabulary;
    const thx_unigram *u;
    const char        *text;
    node              *nodes;
    size_t             room;
    size_t             at;      /* pieces are tried from this byte on     */
    size_t             step;    /* bytes of the character there           */
    bool               single;  /* that character alone is a piece        */
    thx_ids           *ids;
} lattice;

static void try_way(lattice *l, size_t size, int32_t id, double score)
{
    node        *to = &l->nodes[l->at + size];
    const double sum = l->nodes[l->at].score + score;

    if (to->from == l->at + size || sum > to->score) *to = (node){ sum, (uint32_t)l->at, 0, id };
}

static void try_piece(void *data, int32_t id, size_t size)
{
    lattice *l = data;

    if ((size_t)id >= l->u->n_scores) return; /* an added token */
    try_way(l, size, id, l->u->scores[id]);
    l->single |= size == l->step;
}

/* Fills the nodes of a word: from every character on, all pieces, or the unknown one. */
static void walk(lattice *l, size_t size)
{
    const thx_unigram *u = l->u;
    uint32_t           c;

    for (size_t i = 0; i <= size; i++) l->nodes[i] = (node){ 0, (uint32_t)i, 0, -1 };
    for (l->at = 0; l->at < size; l->at += l->step) {
        const size_t left = size - l->at;
        const int    n = thx_utf8_next((const unsigned char *)l->text + l->at, left, &c);
        l->step = n > 0 ? (size_t)n : 1;
        l->single = false;
        thx_bpe_prefixes(l->vocabulary, l->text + l->at, left < u->longest ? left : u->longest, try_piece, l);
        if (!l->single) try_way(l, l->step, u->unknown, u->least - UNKNOWN_PENALTY);
    }
}

/* An unknown stretch: its bytes where there are pieces for them all, otherwise one id. */
static void put_unknown(const lattice *l, size_t from, size_t end)
{
    bool bytes = l->u->byte_fallback;

    for (size_t i = from; bytes && i < end; i++) bytes = l->u->bytes[(unsigned char)l->text[i]] >= 0;
    for (size_t i = from; bytes && i < end; i++) thx_ids_add(l->ids, l->u->bytes[(unsigned char)l->text[i]]);
    if (!bytes) thx_ids_add(l->ids, l->u->unknown);
}

/* Turns the best way around, then appends its ids; unknown neighbours are one. */
static void put_way(lattice *l, size_t size)
{
    const node *nodes = l->nodes;

    for (uint32_t end = (uint32_t)size; end; end = nodes[end].from) l->nodes[nodes[end].from].next = end;
    for (uint32_t from = 0, end; from < size; from = end) {
        end = nodes[from].next;
        const int32_t id = nodes[end].id;
        while (id == l->u->unknown && end < size && nodes[nodes[end].next].id == id) end = nodes[end].next;
        if (id == l->u->unknown) put_unknown(l, from, end);
        else thx_ids_add(l->ids, id);
    }
}

static thorax_status encode_word(lattice *l, const char *word, size_t size, thorax_error *err)
{
    if (size > UINT32_MAX / 64)
        return thx_fail(err, THORAX_LIMIT, 0, "a word of %zu bytes, at most %u are taken", size, UINT32_MAX / 64);
    if (size + 1 > l->room) {
        const size_t room = size + 1 > 256 ? size + 1 : 256;
        free(l->nodes);
        l->room = 0;
        if (!(l->nodes = malloc(room * sizeof *l->nodes)))
            return thx_fail(err, THORAX_NOMEM, 0, "no memory for a word of %zu bytes", size);
        l->room = room;
    }
    l->text = word;
    walk(l, size);
    put_way(l, size);
    return THORAX_OK;
}

/* ---- Words ---- */

static const char blank[] = THX_SPM_BLANK;
enum { BLANK_BYTES = sizeof blank - 1 };

static bool is_blank(const char *text, size_t size) { return size >= BLANK_BYTES && !memcmp(text, blank, BLANK_BYTES); }

/* Blanks as U+2581, and one in front where there is none. */
static void put_blanks(const thx_unigram *u, const char *text, size_t size, bool behind, thx_string *out)
{
    const bool first = *text == ' ' || is_blank(text, size);

    if (!first && (u->prefix == THX_PREFIX_ALWAYS || (u->prefix == THX_PREFIX_FIRST && !behind)))
        thx_string_puts(out, blank);
    for (size_t at = 0, end; at < size; at = end) {
        for (end = at; end < size && text[end] != ' ';) end++;
        thx_string_add(out, text + at, end - at);
        if (end < size) thx_string_puts(out, blank);
        end += end < size;
    }
}

thorax_status thx_unigram_encode(const thx_bpe *vocabulary, const thx_unigram *u, const char *text, size_t size,
                                 bool behind, thx_ids *ids, thorax_error *err)
{
    lattice       l = { .vocabulary = vocabulary, .u = u, .ids = ids };
    thx_string    s = { 0 };
    thorax_status st = THORAX_OK;

    if (!size) return THORAX_OK;
    put_blanks(u, text, size, behind, &s);
    if (s.failed) st = thx_fail(err, THORAX_NOMEM, 0, "no memory for a text of %zu bytes", size);
    for (size_t at = 0, end; !st && at < s.size; at = end) {
        end = u->split ? at + 1 : s.size;
        while (end < s.size && !is_blank(s.data + end, s.size - end)) end++;
        st = encode_word(&l, s.data + at, end - at, err);
    }
    free(l.nodes);
    thx_string_deinit(&s);
    return st;
}

/* ---- Decoding ---- */

void thx_unigram_put(const thx_unigram *u, const char *piece, size_t size, bool raw, bool *begun, thx_string *out)
{
    for (size_t at = 0; at < size;) {
        const bool space = !raw && is_blank(piece + at, size - at);
        if (space && (*begun || u->prefix == THX_PREFIX_NEVER)) thx_string_puts(out, " ");
        else if (!space) thx_string_add(out, piece + at, 1);
        at += space ? BLANK_BYTES : 1;
    }
    *begun = true;
}
