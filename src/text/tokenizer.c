/* The tokenizer: text [size] → ids; the way back is that of tokenizer_decode.c. Reading its files is the business of
 * tokenizer_json.c, tokenizer_vocab.c, spm_read.c and wordpiece_read.c; merging of bpe.c, spm.c and unigram.c;
 * words of split.c and wordpiece.c. */
#include "text/tokenizer.h"
#include "text/utf8.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>

/* The first of the known files rules. The original reads tokenizer.model with its slow class, so that
 * comes first; vocab.txt says the same as a tokenizer.json beside it; spm.model is what a tokenizer.json beside it was
 * made from. The fast class begins with tokenizer.json. */
static thorax_status read_folder(thx_tokenizer *t, const char *folder, bool fast, thorax_error *err)
{
    char *model = thx_path_join(folder, "tokenizer.model"), *words = thx_path_join(folder, "vocab.txt"),
         *json = thx_path_join(folder, "tokenizer.json"), *pieces = thx_path_join(folder, "spm.model");
    thorax_status st;

    if (!model || !words || !json || !pieces) st = thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", folder);
    else if (fast && thx_file_exists(json)) st = thx_tokenizer_read_json(t, json, err);
    else if (thx_file_exists(model)) st = thx_tokenizer_read_spm(t, folder, model, err);
    else if (thx_file_exists(words)) st = thx_tokenizer_read_wordpiece(t, folder, words, err);
    else if (thx_file_exists(json)) st = thx_tokenizer_read_json(t, json, err);
    else if (thx_file_exists(pieces)) st = thx_tokenizer_read_pieces(t, folder, pieces, err);
    else st = thx_tokenizer_read_vocab(t, folder, err);
    free(model);
    free(words);
    free(json);
    free(pieces);
    return st;
}

static thorax_status open_folder(thx_tokenizer **out, const char *folder, bool fast, thorax_error *err)
{
    thx_tokenizer *t = calloc(1, sizeof *t);
    thorax_status st;

    *out = NULL;
    if (!t) return thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", folder);
    thx_bpe_init(&t->bpe);
    t->before = t->after = t->pad = t->eos = -1;
    st = read_folder(t, folder, fast, err);
    if (!st) st = thx_tokenizer_read_eos(t, folder, err);
    if (st) {
        thx_tokenizer_close(t);
        return st;
    }
    *out = t;
    return THORAX_OK;
}

thorax_status thx_tokenizer_open(thx_tokenizer **out, const char *folder, thorax_error *err)
{
    return open_folder(out, folder, false, err);
}

thorax_status thx_tokenizer_open_fast(thx_tokenizer **out, const char *folder, thorax_error *err)
{
    return open_folder(out, folder, true, err);
}

void thx_tokenizer_close(thx_tokenizer *t)
{
    if (!t) return;
    thx_bpe_deinit(&t->bpe);
    thx_spm_deinit(&t->spm);
    thx_unigram_deinit(&t->unigram);
    thx_added_deinit(&t->raw);
    thx_added_deinit(&t->normalised);
    thx_added_deinit(&t->blanks);
    thx_split_close(t->split);
    free(t);
}

/* The bytes of a token as the vocabulary keeps them; false: no merge makes it. */
static bool token_bytes(thx_string *out, const thx_tokenizer *t, const char *token)
{
    if (t->kind == THX_BYTE_LEVEL) return thx_alphabet_decode(out, token, strlen(token));
    thx_string_puts(out, token);
    return false;
}

/* A token that the vocabulary has already under the same id keeps its place and is marked. What it
 * decodes to follows the byte alphabet too, odd as that is for one with accents: the original does
 * so. */
static thorax_status enter_added(thx_tokenizer *t, const thx_added_token *token, thx_string *bytes,
                                 thorax_error *err)
{
    thx_bpe *b = &t->bpe;
    const unsigned marks = (token->special ? THX_TOKEN_SPECIAL : 0u) |
                           (token->strips_left ? THX_TOKEN_STRIPS_LEFT : 0u) |
                           (token->strips_right ? THX_TOKEN_STRIPS_RIGHT : 0u);
    const unsigned flags = THX_TOKEN_ADDED | marks;
    size_t size;
    const char *there = thx_bpe_bytes(b, token->id, &size);

    const bool literal = !token_bytes(bytes, t, token->content);
    if (bytes->failed) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    if (!there)
        return thx_bpe_add(b, token->id, bytes->data, bytes->size,
                           flags | (literal ? THX_TOKEN_LITERAL : 0u), err);
    if (size != bytes->size || memcmp(there, bytes->data, size))
        return thx_fail(err, THORAX_FORMAT, 0, "added token %d has the id of another token",
                        token->id);
    b->flags[token->id] |= (uint16_t)marks;
    return THORAX_OK;
}

/* ---- The normal form: what a text between added tokens becomes before it is cut into words ---- */

static bool has_form(const thx_tokenizer *t, const char *text, size_t size)
{
    switch (t->kind) {
    case THX_BYTE_LEVEL: return t->nfc && !thx_nfc_is_plain(text, size);
    case THX_SENTENCEPIECE: return false;
    case THX_WORDPIECE: return t->normalised.n; /* else words fold their own characters */
    case THX_UNIGRAM: return true;
    }
    return false;
}

static thorax_status put_form(const thx_tokenizer *t, thx_string *out, const char *text, size_t size, thorax_error *err)
{
    switch (t->kind) {
    case THX_BYTE_LEVEL: return thx_nfc(out, text, size, err);
    case THX_WORDPIECE: thx_wordpiece_fold(&t->wordpiece, text, size, out); break;
    case THX_UNIGRAM: return thx_unigram_form(&t->unigram, text, size, out, err);
    case THX_SENTENCEPIECE: break;
    }
    return out->failed ? thx_fail(err, THORAX_NOMEM, 0, "no memory to normalise %zu bytes of text", size) : THORAX_OK;
}

thorax_status thx_tokenizer_add(thx_tokenizer *t, const thx_added_token *token, thorax_error *err)
{
    thx_string text = { 0 };
    const size_t size = strlen(token->content);
    thorax_status st;

    if (!size) return THORAX_OK; /* the original passes over empty ones too */
    if (thx_added_find(&t->raw, token->content, size) >= 0 ||
        thx_added_find(&t->normalised, token->content, size) >= 0)
        return thx_fail(err, THORAX_FORMAT, 0, "added token %d is there twice", token->id);
    /* what Llama's normaliser does to a text leaves its tokens as they are */
    const bool normalised = token->normalised && t->kind != THX_SENTENCEPIECE;
    st = enter_added(t, token, &text, err);
    if (!st && normalised && (t->kind != THX_BYTE_LEVEL || t->nfc)) {
        text.size = 0;
        st = put_form(t, &text, token->content, size, err);
        if (!st && text.size) st = thx_added_add(&t->normalised, text.data, text.size, token->id, err);
    } else if (!st) {
        st = thx_added_add(normalised ? &t->normalised : &t->raw, token->content, size, token->id, err);
    }
    if (!st && normalised && !token->special && thx_blanks_before(token->content, size) == size)
        st = thx_added_add(&t->blanks, token->content, size, token->id, err);
    thx_string_deinit(&text);
    return st;
}

/* Characters that stand for their own bytes in the printable alphabet: such a token needs no other spelling. */
static bool is_ascii(const char *token)
{
    while (*token > 0x20 && *token < 0x7f) token++;
    return !*token;
}

int32_t thx_tokenizer_id(const thx_tokenizer *t, const char *token)
{
    const size_t size = strlen(token);
    thx_string bytes = { 0 };
    int32_t id = thx_added_find(&t->raw, token, size);

    if (id < 0) id = thx_added_find(&t->normalised, token, size);
    if (id >= 0) return id;
    if (t->kind != THX_BYTE_LEVEL || is_ascii(token)) id = thx_bpe_find(&t->bpe, token, size);
    else if (thx_alphabet_decode(&bytes, token, size) && !bytes.failed)
        id = thx_bpe_find(&t->bpe, bytes.data ? bytes.data : "", bytes.size);
    thx_string_deinit(&bytes);
    for (size_t i = 0; id < 0 && i < t->bpe.n_ids; i++) { /* the few that merges cannot make */
        const thx_place p = t->bpe.places[i];
        if ((t->bpe.flags[i] & (THX_TOKEN_LITERAL | THX_TOKEN_ADDED)) == THX_TOKEN_LITERAL &&
            p.size == size && !memcmp(t->bpe.bytes.data + p.at, token, size))
            id = (int32_t)i;
    }
    return id;
}

size_t thx_tokenizer_size(const thx_tokenizer *t) { return t->bpe.n_ids; }

int32_t thx_tokenizer_first(const thx_tokenizer *t) { return t->before; }
int32_t thx_tokenizer_last(const thx_tokenizer *t) { return t->after; }
int32_t thx_tokenizer_pad(const thx_tokenizer *t) { return t->pad; }
int32_t thx_tokenizer_eos(const thx_tokenizer *t) { return t->eos; }
bool    thx_tokenizer_is_sentencepiece(const thx_tokenizer *t) { return t->kind == THX_SENTENCEPIECE; }

/* ---- Encoding ---- */

typedef struct encoder {
    const thx_tokenizer *t;
    thx_bpe_scratch      scratch;
    thx_ids             *ids;
    bool                 behind; /* the text stands behind a control token */
    thx_string           word;   /* a word with a blank before it          */
} encoder;

static thorax_status encode_word(void *data, const char *word, size_t size, thorax_error *err)
{
    encoder *e = data;
    return thx_bpe_encode(&e->t->bpe, &e->scratch, word, size, e->ids, err);
}

typedef thorax_status encode_step(encoder *e, const char *text, size_t size, thorax_error *err);

static bool strips(const encoder *e, int32_t id, unsigned side)
{
    return id >= 0 && e->t->bpe.flags[id] & side;
}

/* Python's idea of white space for the slow Llama class, Unicode's elsewhere. */
static size_t space(const encoder *e, const char *text, size_t size, unsigned side)
{
    const bool slow = e->t->kind == THX_SENTENCEPIECE;

    if (side == THX_TOKEN_STRIPS_LEFT) return slow ? thx_blanks_behind(text, size) : thx_spaces_behind(text, size);
    return slow ? thx_blanks_before(text, size) : thx_spaces_before(text, size);
}

/* Cuts text at the tokens of `added`: their ids are appended, what lies between goes to `rest`. */
static thorax_status cut(encoder *e, const thx_added *added, encode_step *rest, const char *text,
                         size_t size, thorax_error *err)
{
    thorax_status st = THORAX_OK;
    int32_t id = -1;

    for (size_t at = 0, next; !st && at < size; at = next) {
        size_t begin = size;
        const bool before = strips(e, id, THX_TOKEN_STRIPS_RIGHT);
        next = size;
        id = thx_added_next(added, text, size, at, &begin, &next);
        if (before) at += space(e, text + at, begin - at, THX_TOKEN_STRIPS_RIGHT);
        const size_t end = strips(e, id, THX_TOKEN_STRIPS_LEFT)
                               ? begin - space(e, text + at, begin - at, THX_TOKEN_STRIPS_LEFT)
                               : begin;
        if (end > at) st = rest(e, text + at, end - at, err);
        if (id < 0) continue;
        thx_ids_add(e->ids, id);
        e->behind = true;
    }
    return st;
}

/* A byte-level text; some have a blank put before it. */
static thorax_status split_words(encoder *e, const char *text, size_t size, thorax_error *err)
{
    if (e->t->blank && size && *text != ' ') {
        e->word.size = 0;
        thx_string_puts(&e->word, " ");
        thx_string_add(&e->word, text, size);
        if (e->word.failed) return thx_fail(err, THORAX_NOMEM, 0, "no memory for a text of %zu bytes", size);
        text = e->word.data;
        size = e->word.size;
    }
    return thx_split_run(e->t->split, text, size, encode_word, e, err);
}

/* Text in its normal form. */
static thorax_status encode_words(encoder *e, const char *text, size_t size, thorax_error *err)
{
    const thx_tokenizer *t = e->t;

    switch (t->kind) {
    case THX_SENTENCEPIECE: return thx_spm_encode(&t->bpe, &t->spm, text, size, e->behind, e->ids, err);
    case THX_WORDPIECE: return thx_wordpiece_encode(&t->bpe, &t->wordpiece, text, size, e->ids, err);
    case THX_UNIGRAM: return thx_unigram_encode(&t->bpe, &t->unigram, text, size, e->behind, e->ids, err);
    case THX_BYTE_LEVEL: break;
    }
    return split_words(e, text, size, err);
}

/* A stretch of text between the added tokens: its normal form, the tokens that are looked for there, words. */
static thorax_status encode_stretch(encoder *e, const char *text, size_t size, bool control,
                                    thorax_error *err)
{
    thx_string normal = { 0 };
    thorax_status st = THORAX_OK;

    if (has_form(e->t, text, size)) {
        st = put_form(e->t, &normal, text, size, err);
        text = normal.data ? normal.data : "";
        size = normal.size;
    }
    if (!st) st = cut(e, control ? &e->t->normalised : &e->t->blanks, encode_words, text, size, err);
    thx_string_deinit(&normal);
    return st;
}

static thorax_status encode_parsed(encoder *e, const char *text, size_t size, thorax_error *err)
{
    return encode_stretch(e, text, size, true, err);
}

/* The slow Llama tokenizer takes U+2581 for a blank before it looks for special tokens; which matters
 * where those strip blanks. */
static void make_blanks(thx_string *text)
{
    static const char blank[] = THX_SPM_BLANK;
    const size_t width = sizeof blank - 1;
    size_t to = 0;

    for (size_t at = 0; at < text->size;) {
        const bool found = text->size - at >= width && !memcmp(text->data + at, blank, width);
        text->data[to++] = found ? ' ' : text->data[at];
        at += found ? width : 1;
    }
    text->size = to;
}

static thorax_status encode(encoder *e, const char *text, size_t size, bool control, thorax_error *err)
{
    const bool slow = e->t->kind == THX_SENTENCEPIECE && !e->t->spm.legacy;
    thx_string repaired = { 0 };
    thorax_status st = THORAX_OK;

    if (slow || !thx_utf8_valid(text, size)) {
        thx_utf8_repair(&repaired, text, size);
        if (slow && !repaired.failed) make_blanks(&repaired);
        if (repaired.failed)
            st = thx_fail(err, THORAX_NOMEM, 0, "no memory to read %zu bytes of text", size);
        text = repaired.data;
        size = repaired.size;
    }
    if (!st)
        st = control ? cut(e, &e->t->raw, encode_parsed, text, size, err) : encode_stretch(e, text, size, false, err);
    if (!st && e->ids->failed)
        st = thx_fail(err, THORAX_NOMEM, 0, "no memory for the ids of %zu bytes of text", size);
    thx_bpe_scratch_deinit(&e->scratch);
    thx_string_deinit(&e->word);
    thx_string_deinit(&repaired);
    return st;
}

thorax_status thx_tokenizer_encode(const thx_tokenizer *t, const char *text, size_t size,
                                   bool control, thx_ids *ids, thorax_error *err)
{
    return encode(&(encoder){ .t = t, .ids = ids }, text, size, control, err);
}

thorax_status thx_tokenizer_continue(const thx_tokenizer *t, const char *text, size_t size,
                                     thx_ids *ids, thorax_error *err)
{
    return encode(&(encoder){ .t = t, .ids = ids, .behind = true }, text, size, false, err);
}

thorax_status thx_tokenizer_encode_whole(const thx_tokenizer *t, const char *text, size_t size,
                                         bool control, size_t most, thx_ids *ids, thorax_error *err)
{
    const size_t first = ids->size, around = (size_t)(t->before >= 0) + (size_t)(t->after >= 0);
    thorax_status st;

    if (most && most < around)
        return thx_fail(err, THORAX_USAGE, 0, "a text of at most %zu ids: expected %zu or more", most, around);
    if (t->before >= 0) thx_ids_add(ids, t->before);
    st = thx_tokenizer_encode(t, text, size, control, ids, err);
    if (st) return st;
    const size_t room = first + most - (t->after >= 0);
    if (most && ids->size > room) ids->size = room;
    if (t->after >= 0) thx_ids_add(ids, t->after);
    return ids->failed ? thx_fail(err, THORAX_NOMEM, 0, "no memory for the ids of %zu bytes of text", size)
                       : THORAX_OK;
}
