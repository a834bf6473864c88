/* The tokenizer: ids → text, all at once or one after the other. */
#include "text/tokenizer.h"
#include "text/utf8.h"

#include <string.h>

/* Takes one byte; gives out what is complete or broken off. Python and Rust replace a broken beginning
 * of a character as a whole, SentencePiece each of its bytes. */
static void stream_byte(thx_stream *s, unsigned char byte, thx_string *out)
{
    const bool singly = s->tokenizer->kind == THX_SENTENCEPIECE;
    uint32_t c;

    s->held[s->n_held++] = byte;
    while (s->n_held) {
        const int n = thx_utf8_next(s->held, s->n_held, &c);
        if (!n) return;
        if (n > 0) thx_string_add(out, (const char *)s->held, (size_t)n);
        else thx_string_puts(out, "\xef\xbf\xbd");
        const size_t used = n > 0 ? (size_t)n : singly ? 1 : (size_t)-n;
        s->begun = true;
        s->n_held -= used;
        memmove(s->held, s->held + used, s->n_held);
    }
}

static bool is_special(const thx_tokenizer *t, int32_t id)
{
    return id >= 0 && (size_t)id < t->bpe.n_ids && t->bpe.flags[id] & THX_TOKEN_SPECIAL;
}

/* A byte waits for its neighbours, a special token is itself, and begins a text anew. */
static void stream_piece(thx_stream *s, int32_t id, const char *bytes, size_t size, thx_string *out)
{
    const thx_tokenizer *t = s->tokenizer;
    const int byte = thx_spm_byte(&t->bpe, id);

    if (byte >= 0) {
        stream_byte(s, (unsigned char)byte, out);
        return;
    }
    thx_stream_end(s, out);
    if (is_special(t, id) || t->bpe.flags[id] & THX_TOKEN_ADDED) thx_string_add(out, bytes, size);
    else thx_spm_put(&t->bpe, &t->spm, id, &s->begun, out);
    if (is_special(t, id)) s->begun = false;
}

void thx_stream_add(thx_stream *s, int32_t id, thx_string *out)
{
    const thx_tokenizer *t = s->tokenizer;
    size_t size;
    const char *bytes = thx_bpe_bytes(&t->bpe, id, &size);

    if (!bytes || (s->skip_special && is_special(t, id))) return;
    switch (t->kind) {
    case THX_SENTENCEPIECE:
        stream_piece(s, id, bytes, size, out);
        break;
    case THX_WORDPIECE:
        thx_wordpiece_put(&t->bpe, id, &s->begun, out);
        break;
    case THX_UNIGRAM:
        thx_unigram_put(&t->unigram, bytes, size, is_special(t, id) || t->bpe.flags[id] & THX_TOKEN_ADDED, &s->begun,
                        out);
        break;
    default:
        for (size_t i = 0; i < size; i++) stream_byte(s, (unsigned char)bytes[i], out);
    }
}

void thx_stream_end(thx_stream *s, thx_string *out)
{
    const size_t signs = s->tokenizer->kind == THX_SENTENCEPIECE ? s->n_held : s->n_held > 0;

    for (size_t i = 0; i < signs; i++) thx_string_puts(out, "\xef\xbf\xbd");
    s->begun |= signs > 0;
    s->n_held = 0;
}

/* The slow Llama tokenizer sets a blank before a text that a special token ends, unless the text comes
 * first of all; two special tokens have none between them. */
static bool has_blank_before(const thx_stream *s, const int32_t *ids, size_t n, size_t at)
{
    const thx_tokenizer *t = s->tokenizer;

    if (t->kind != THX_SENTENCEPIECE || s->skip_special || is_special(t, ids[at])) return false;
    if (at && !is_special(t, ids[at - 1])) return false;
    while (at < n && !is_special(t, ids[at])) at++;
    return at < n;
}

thorax_status thx_tokenizer_decode(const thx_tokenizer *t, const int32_t *ids, size_t n,
                                   bool skip_special, thx_string *out, thorax_error *err)
{
    thx_stream s = { .tokenizer = t, .skip_special = skip_special };
    const size_t first = out->size;

    thx_string_add(out, "", 0); /* no ids still make a string */
    for (size_t i = 0; i < n; i++) {
        if (has_blank_before(&s, ids, n, i)) thx_string_puts(out, " ");
        thx_stream_add(&s, ids[i], out);
    }
    thx_stream_end(&s, out);
    if (t->kind == THX_WORDPIECE && t->wordpiece.clean) thx_wordpiece_clean(out, first);
    if (out->failed) return thx_fail(err, THORAX_NOMEM, 0, "no memory for the text of %zu ids", n);
    return THORAX_OK;
}
