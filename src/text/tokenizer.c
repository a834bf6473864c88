/* The tokenizer: text [size] → ids, ids → text. Reading its files is the business of
 * tokenizer_json.c and tokenizer_vocab.c; merging of bpe.c; words of split.c. */
#include "text/tokenizer.h"
#include "text/utf8.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>

thorax_status thx_tokenizer_open(thx_tokenizer **out, const char *folder, thorax_error *err)
{
    thx_tokenizer *t = calloc(1, sizeof *t);
    char *path = thx_path_join(folder, "tokenizer.json");
    thorax_status st;

    *out = NULL;
    if (t) thx_bpe_init(&t->bpe);
    if (!t || !path) st = thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", folder);
    else if (thx_file_exists(path)) st = thx_tokenizer_read_json(t, path, err);
    else st = thx_tokenizer_read_vocab(t, folder, err);
    free(path);
    if (st) {
        thx_tokenizer_close(t);
        return st;
    }
    *out = t;
    return THORAX_OK;
}

void thx_tokenizer_close(thx_tokenizer *t)
{
    if (!t) return;
    thx_bpe_deinit(&t->bpe);
    thx_added_deinit(&t->raw);
    thx_added_deinit(&t->normalised);
    thx_split_close(t->split);
    free(t);
}

/* A token that the vocabulary has already under the same id keeps its place and is marked. What it
 * decodes to follows the byte alphabet too, odd as that is for one with accents: the original does
 * so. */
static thorax_status enter_added(thx_tokenizer *t, const thx_added_token *token, thx_string *bytes,
                                 thorax_error *err)
{
    thx_bpe *b = &t->bpe;
    const unsigned flags = THX_TOKEN_ADDED | (token->special ? THX_TOKEN_SPECIAL : 0u);
    size_t size;
    const char *there = thx_bpe_bytes(b, token->id, &size);

    const bool literal = !thx_alphabet_decode(bytes, token->content, strlen(token->content));
    if (bytes->failed) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    if (!there)
        return thx_bpe_add(b, token->id, bytes->data, bytes->size,
                           flags | (literal ? THX_TOKEN_LITERAL : 0u), err);
    if (size != bytes->size || memcmp(there, bytes->data, size))
        return thx_fail(err, THORAX_FORMAT, 0, "added token %d has the id of another token",
                        token->id);
    if (token->special) b->flags[token->id] |= THX_TOKEN_SPECIAL;
    return THORAX_OK;
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
    st = enter_added(t, token, &text, err);
    if (!st && token->normalised && t->nfc) {
        text.size = 0;
        st = thx_nfc(&text, token->content, size, err);
        if (!st) st = thx_added_add(&t->normalised, text.data, text.size, token->id, err);
    } else if (!st) {
        st = thx_added_add(token->normalised ? &t->normalised : &t->raw, token->content, size,
                           token->id, err);
    }
    thx_string_deinit(&text);
    return st;
}

int32_t thx_tokenizer_id(const thx_tokenizer *t, const char *token)
{
    const size_t size = strlen(token);
    thx_string bytes = { 0 };
    int32_t id = thx_added_find(&t->raw, token, size);

    if (id < 0) id = thx_added_find(&t->normalised, token, size);
    if (id >= 0) return id;
    if (thx_alphabet_decode(&bytes, token, size) && !bytes.failed)
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

/* ---- Encoding ---- */

typedef struct encoder {
    const thx_tokenizer *t;
    thx_bpe_scratch      scratch;
    thx_ids             *ids;
} encoder;

static thorax_status encode_word(void *data, const char *word, size_t size, thorax_error *err)
{
    encoder *e = data;
    return thx_bpe_encode(&e->t->bpe, &e->scratch, word, size, e->ids, err);
}

typedef thorax_status encode_step(encoder *e, const char *text, size_t size, thorax_error *err);

/* Cuts text at the tokens of `added`: their ids are appended, what lies between goes to `rest`. */
static thorax_status cut(encoder *e, const thx_added *added, encode_step *rest, const char *text,
                         size_t size, thorax_error *err)
{
    thorax_status st = THORAX_OK;

    for (size_t at = 0; !st && at < size;) {
        size_t begin = size, end = size;
        const int32_t id = thx_added_next(added, text, size, at, &begin, &end);
        if (begin > at) st = rest(e, text + at, begin - at, err);
        if (!st && id >= 0) thx_ids_add(e->ids, id);
        at = end;
    }
    return st;
}

static thorax_status encode_words(encoder *e, const char *text, size_t size, thorax_error *err)
{
    return thx_split_run(e->t->split, text, size, encode_word, e, err);
}

/* A stretch of text between the added tokens: form C, then words. */
static thorax_status encode_stretch(encoder *e, const char *text, size_t size, bool control,
                                    thorax_error *err)
{
    thx_string normal = { 0 };
    thorax_status st = THORAX_OK;

    if (e->t->nfc && !thx_nfc_is_plain(text, size)) {
        st = thx_nfc(&normal, text, size, err);
        text = normal.data ? normal.data : "";
        size = normal.size;
    }
    if (!st)
        st = control ? cut(e, &e->t->normalised, encode_words, text, size, err)
                     : encode_words(e, text, size, err);
    thx_string_deinit(&normal);
    return st;
}

static thorax_status encode_parsed(encoder *e, const char *text, size_t size, thorax_error *err)
{
    return encode_stretch(e, text, size, true, err);
}

thorax_status thx_tokenizer_encode(const thx_tokenizer *t, const char *text, size_t size,
                                   bool control, thx_ids *ids, thorax_error *err)
{
    encoder e = { .t = t, .ids = ids };
    thx_string repaired = { 0 };
    thorax_status st = THORAX_OK;

    if (!thx_utf8_valid(text, size)) {
        thx_utf8_repair(&repaired, text, size);
        if (repaired.failed)
            st = thx_fail(err, THORAX_NOMEM, 0, "no memory to read %zu bytes of text", size);
        text = repaired.data;
        size = repaired.size;
    }
    if (!st)
        st = control ? cut(&e, &t->raw, encode_parsed, text, size, err)
                     : encode_stretch(&e, text, size, false, err);
    if (!st && ids->failed)
        st = thx_fail(err, THORAX_NOMEM, 0, "no memory for the ids of %zu bytes of text", size);
    thx_bpe_scratch_deinit(&e.scratch);
    thx_string_deinit(&repaired);
    return st;
}

/* ---- Decoding ---- */

/* Takes one byte; gives out what is complete or broken off. */
static void stream_byte(thx_stream *s, unsigned char byte, thx_string *out)
{
    uint32_t c;

    s->held[s->n_held++] = byte;
    while (s->n_held) {
        const int n = thx_utf8_next(s->held, s->n_held, &c);
        if (!n) return;
        if (n > 0) thx_string_add(out, (const char *)s->held, (size_t)n);
        else thx_string_puts(out, "\xef\xbf\xbd");
        const size_t used = (size_t)(n > 0 ? n : -n);
        s->n_held -= used;
        memmove(s->held, s->held + used, s->n_held);
    }
}

void thx_stream_add(thx_stream *s, int32_t id, thx_string *out)
{
    size_t size;
    const char *bytes = thx_bpe_bytes(&s->tokenizer->bpe, id, &size);

    if (!bytes || (s->skip_special && s->tokenizer->bpe.flags[id] & THX_TOKEN_SPECIAL)) return;
    for (size_t i = 0; i < size; i++) stream_byte(s, (unsigned char)bytes[i], out);
}

void thx_stream_end(thx_stream *s, thx_string *out)
{
    if (s->n_held) thx_string_puts(out, "\xef\xbf\xbd");
    s->n_held = 0;
}

thorax_status thx_tokenizer_decode(const thx_tokenizer *t, const int32_t *ids, size_t n,
                                   bool skip_special, thx_string *out, thorax_error *err)
{
    thx_stream s = { .tokenizer = t, .skip_special = skip_special };

    thx_string_add(out, "", 0); /* no ids still make a string */
    for (size_t i = 0; i < n; i++) thx_stream_add(&s, ids[i], out);
    thx_stream_end(&s, out);
    if (out->failed) return thx_fail(err, THORAX_NOMEM, 0, "no memory for the text of %zu ids", n);
    return THORAX_OK;
}
