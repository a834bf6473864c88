/* Ids → text as the tokenizers library does it; see thx_tokenizer_decode_fast. Rules: tokenizers 0.21 decoders
 * (Replace, ByteFallback, Fuse, Strip of a Llama tokenizer.json), transformers clean_up_tokenization. */
#include "text/tokenizer.h"
#include "text/utf8.h"

#include <string.h>

/* Bytes of neighbouring byte pieces: a text, or so many signs. */
static void put_run(thx_string *out, thx_string *run)
{
    const bool text = thx_utf8_valid(run->data ? run->data : "", run->size);

    if (text && run->size) thx_string_add(out, run->data, run->size);
    for (size_t i = 0; !text && i < run->size; i++) thx_string_puts(out, "\xef\xbf\xbd");
    run->size = 0;
}

static void put_blanks(thx_string *out, const char *piece, size_t size)
{
    static const char blank[] = THX_SPM_BLANK;
    const size_t      width = sizeof blank - 1;

    for (size_t at = 0; at < size;) {
        const bool found = size - at >= width && !memcmp(piece + at, blank, width);
        thx_string_add(out, found ? " " : piece + at, 1);
        at += found ? width : 1;
    }
}

static void decode_pieces(const thx_tokenizer *t, const int32_t *ids, size_t n, bool skip_special, thx_string *out)
{
    thx_string text = { 0 }, run = { 0 };
    size_t     size;

    for (size_t i = 0; i < n; i++) {
        const char *piece = thx_bpe_bytes(&t->bpe, ids[i], &size);
        if (!piece || (skip_special && t->bpe.flags[ids[i]] & THX_TOKEN_SPECIAL)) continue;
        const int byte = thx_spm_byte(&t->bpe, ids[i]);
        if (byte >= 0) {
            thx_string_add(&run, &(char){ (char)byte }, 1);
            continue;
        }
        put_run(&text, &run);
        put_blanks(&text, piece, size);
    }
    put_run(&text, &run);
    const size_t first = text.size && *text.data == ' ';
    if (text.size > first) thx_string_add(out, text.data + first, text.size - first);
    out->failed |= text.failed || run.failed;
    thx_string_deinit(&text);
    thx_string_deinit(&run);
}

thorax_status thx_tokenizer_decode_fast(const thx_tokenizer *t, const int32_t *ids, size_t n, bool skip_special,
                                        bool clean, thx_string *out, thorax_error *err)
{
    const size_t  first = out->size;
    thorax_status st = THORAX_OK;

    thx_string_add(out, "", 0); /* no ids still make a string */
    if (t->kind == THX_SENTENCEPIECE)
        decode_pieces(t, ids, n, skip_special, out);
    else
        st = thx_tokenizer_decode(t, ids, n, skip_special, out, err);
    if (!st && out->failed) st = thx_fail(err, THORAX_NOMEM, 0, "no memory for the text of %zu ids", n);
    if (!st && clean) thx_wordpiece_clean(out, first);
    return st;
}
