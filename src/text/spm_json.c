/* The Llama kind of tokenizer.json as a SentencePiece model: BPE with byte_fallback, whose normaliser
 * puts U+2581 before a text and in place of blanks. A piece's score is the rank of the first merge
 * that makes it; a token that no merge makes is found by no text. */
#include "text/spm_json.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *j, const char *key)
{
    const char *text = json_string_value(json_object_get(j, key));
    return text ? text : "";
}

/* Prepend U+2581, and Replace of a blank by it. */
static bool is_prefix(const json_t *j)
{
    return !strcmp(text_of(j, "type"), "Prepend") && !strcmp(text_of(j, "prepend"), THX_SPM_BLANK);
}

static bool is_escape(const json_t *j)
{
    return !strcmp(text_of(j, "type"), "Replace") && !strcmp(text_of(j, "content"), THX_SPM_BLANK) &&
           !strcmp(text_of(json_object_get(j, "pattern"), "String"), " ");
}

static bool is_none(const json_t *j) { return !j || json_is_null(j); }

static bool is_normaliser(const json_t *j)
{
    const json_t *list = json_object_get(j, "normalizers");

    return !strcmp(text_of(j, "type"), "Sequence") && json_array_size(list) == 2 &&
           is_prefix(json_array_get(list, 0)) && is_escape(json_array_get(list, 1));
}

/* Metaspace puts no prefix before a blank, and says where it puts one at all. */
static bool read_metaspace(thx_spm *s, const json_t *j)
{
    const char *scheme = text_of(j, "prepend_scheme");

    s->shy = true;
    s->once = !strcmp(scheme, "first");
    s->dummy_prefix = s->once || !strcmp(scheme, "always");
    return !strcmp(text_of(j, "type"), "Metaspace") && !strcmp(text_of(j, "replacement"), THX_SPM_BLANK) &&
           json_is_false(json_object_get(j, "split")) && (s->dummy_prefix || !strcmp(scheme, "never"));
}

bool thx_spm_json_blanks(thx_tokenizer *t, const json_t *normalizer, const json_t *pre_tokenizer)
{
    t->spm = (thx_spm){ .unknown = -1, .byte_fallback = true, .dummy_prefix = true, .escape = true, .legacy = true };
    memset(t->spm.bytes, 0xff, sizeof t->spm.bytes);
    if (is_none(pre_tokenizer)) return is_normaliser(normalizer);
    return is_none(normalizer) && read_metaspace(&t->spm, pre_tokenizer);
}

bool thx_spm_json_post(thx_tokenizer *t, const json_t *j)
{
    const json_t *single = json_object_get(j, "single"), *item;
    bool behind = false;
    size_t i;

    if (is_none(j)) return true;
    if (strcmp(text_of(j, "type"), "TemplateProcessing") || json_array_size(single) > 3) return false;
    json_array_foreach(single, i, item) {
        const char *token = text_of(json_object_get(item, "SpecialToken"), "id");
        int32_t *end = behind ? &t->after : &t->before;
        if (json_object_get(item, "Sequence")) behind = true;
        else if (*end >= 0 || (*end = thx_tokenizer_id(t, token)) < 0) return false;
    }
    return behind;
}

thorax_status thx_spm_json_token(thx_tokenizer *t, int32_t id, const char *token, size_t size, thorax_error *err)
{
    const int byte = thx_spm_byte_of(token, size);
    unsigned flags = 0;

    if (size > THX_SPM_MAX_PIECE)
        return thx_fail(err, THORAX_FORMAT, 0, "token %d has %zu bytes, at most %d are taken", id, size,
                        THX_SPM_MAX_PIECE);
    if (byte >= 0) {
        t->spm.bytes[byte] = id;
        flags = THX_TOKEN_LITERAL | THX_TOKEN_BYTE;
    } else if (size > t->spm.longest) {
        t->spm.longest = size;
    }
    return thx_bpe_add(&t->bpe, id, token, size, flags, err);
}

thorax_status thx_spm_json_index(thx_tokenizer *t, const char *unknown, thorax_error *err)
{
    thx_spm *s = &t->spm;
    thorax_status st = thx_bpe_index(&t->bpe, 0, err);

    if (st) return st;
    for (int i = 0; i < 256; i++)
        if (s->bytes[i] < 0)
            return thx_fail(err, THORAX_FORMAT, 0, "byte_fallback is on, but the token <0x%02X> is missing",
                            (unsigned)i);
    s->unknown = thx_bpe_find(&t->bpe, unknown, strlen(unknown));
    if (s->unknown < 0)
        return thx_fail(err, THORAX_FORMAT, 0, "expected the unknown token in the vocabulary, found none");
    s->n_scores = t->bpe.n_ids;
    s->scores = malloc(s->n_scores * sizeof *s->scores);
    if (!s->scores) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    for (size_t i = 0; i < s->n_scores; i++) s->scores[i] = -INFINITY;
    return THORAX_OK;
}

thorax_status thx_spm_json_merge(thx_tokenizer *t, size_t rank, const thx_string *left, const thx_string *right,
                                 thorax_error *err)
{
    char both[2 * THX_SPM_MAX_PIECE];
    const size_t size = left->size + right->size;
    int32_t id = -1;

    if (left->size <= THX_SPM_MAX_PIECE && right->size <= THX_SPM_MAX_PIECE) {
        memcpy(both, left->data, left->size);
        memcpy(both + left->size, right->data, right->size);
        id = thx_bpe_find(&t->bpe, both, size);
    }
    if (id < 0 || thx_bpe_find(&t->bpe, left->data, left->size) < 0 ||
        thx_bpe_find(&t->bpe, right->data, right->size) < 0)
        return thx_fail(err, THORAX_FORMAT, 0, "merge %zu: a part or the result is not in the vocabulary", rank);
    if (isinf(t->spm.scores[id])) t->spm.scores[id] = -(float)rank;
    return THORAX_OK;
}
