/* The Unigram kind of tokenizer.json: its normaliser as steps, Metaspace, the vocabulary with scores. */
#include "text/unigram_json.h"

#include <stdlib.h>
#include <string.h>

#include <nettle/base64.h>

static const char *text_of(const json_t *j, const char *key)
{
    const char *text = json_string_value(json_object_get(j, key));
    return text ? text : "";
}

void thx_unigram_init(thx_tokenizer *t)
{
    t->kind = THX_UNIGRAM;
    t->unigram = (thx_unigram){ .unknown = -1, .split = true, .prefix = THX_PREFIX_ALWAYS };
    memset(t->unigram.bytes, 0xff, sizeof t->unigram.bytes);
}

/* ---- The normaliser ---- */

static bool add_step(thx_unigram *u, thx_form_step step)
{
    if (u->n_steps == THX_FORM_STEPS) return false;
    u->steps[u->n_steps++] = step;
    return true;
}

static thorax_status read_charsmap(thx_unigram *u, const json_t *j, thorax_error *err)
{
    const json_t            *text = json_object_get(j, "precompiled_charsmap");
    const size_t             size = json_string_length(text);
    struct base64_decode_ctx ctx;
    size_t                   n = BASE64_DECODE_LENGTH(size);
    uint8_t                 *data = malloc(n + 1);
    thorax_status            st;

    if (!data) return thx_fail(err, THORAX_NOMEM, 0, "no memory for a table of characters");
    base64_decode_init(&ctx);
    if (!json_is_string(text) || u->charsmap.units ||
        !base64_decode_update(&ctx, &n, data, size, json_string_value(text)) || !base64_decode_final(&ctx))
        st = thx_fail(err, THORAX_FORMAT, 0, "precompiled_charsmap: expected base64, once");
    else
        st = thx_charsmap_open(&u->charsmap, data, n, err);
    free(data);
    return st;
}

static bool is_one_blank(const json_t *j)
{
    return !strcmp(text_of(j, "content"), " ") && !strcmp(text_of(json_object_get(j, "pattern"), "Regex"), " {2,}");
}

/* *refused: the type of a component that is not known. */
static thorax_status read_step(thx_unigram *u, const json_t *j, const char **refused, thorax_error *err)
{
    const char   *type = text_of(j, "type");
    thorax_status st = THORAX_OK;
    bool          known = true;

    if (!strcmp(type, "Lowercase")) known = add_step(u, THX_FORM_LOWER);
    else if (!strcmp(type, "NFC")) known = add_step(u, THX_FORM_NFC);
    else if (!strcmp(type, "Replace") && is_one_blank(j)) known = add_step(u, THX_FORM_ONE_BLANK);
    else if (!strcmp(type, "Strip")) {
        if (json_is_true(json_object_get(j, "strip_left"))) known = add_step(u, THX_FORM_STRIP_LEFT);
        if (known && json_is_true(json_object_get(j, "strip_right"))) known = add_step(u, THX_FORM_STRIP_RIGHT);
    } else if (!strcmp(type, "Precompiled")) {
        st = read_charsmap(u, j, err);
        known = st || add_step(u, THX_FORM_CHARSMAP);
    } else known = false;
    if (!known) *refused = type;
    return st;
}

thorax_status thx_unigram_json_form(thx_tokenizer *t, const json_t *j, const char **refused, thorax_error *err)
{
    const json_t *list = json_object_get(j, "normalizers"), *item;
    thorax_status st = THORAX_OK;
    size_t        i;

    *refused = NULL;
    if (!j || json_is_null(j)) return THORAX_OK;
    if (!json_is_array(list)) return read_step(&t->unigram, j, refused, err);
    json_array_foreach(list, i, item)
        if (!st && !*refused) st = read_step(&t->unigram, item, refused, err);
    return st;
}

/* ---- Metaspace ---- */

bool thx_unigram_json_blanks(thx_tokenizer *t, const json_t *j)
{
    const json_t *list = json_object_get(j, "pretokenizers"), *one = json_is_array(list) ? json_array_get(list, 0) : j,
                 *split = json_object_get(one, "split"), *old = json_object_get(one, "add_prefix_space");
    const char   *scheme = text_of(one, "prepend_scheme");

    if (json_array_size(list) > 1 || strcmp(text_of(one, "type"), "Metaspace") ||
        strcmp(text_of(one, "replacement"), THX_SPM_BLANK))
        return false;
    t->unigram.split = !split || json_is_true(split);
    if (!*scheme) scheme = old && !json_is_true(old) ? "never" : "always";
    t->unigram.prefix = !strcmp(scheme, "always")  ? THX_PREFIX_ALWAYS
                        : !strcmp(scheme, "first") ? THX_PREFIX_FIRST
                                                   : THX_PREFIX_NEVER;
    return t->unigram.prefix != THX_PREFIX_NEVER || !strcmp(scheme, "never");
}

/* ---- The vocabulary ---- */

thorax_status thx_unigram_piece(thx_tokenizer *t, const char *piece, size_t size, double score, thorax_error *err)
{
    thx_unigram  *u = &t->unigram;
    const int32_t id = (int32_t)u->n_scores;
    const int     byte = thx_spm_byte_of(piece, size);
    thorax_status st = THORAX_OK;

    if (size > THX_SPM_MAX_PIECE)
        st = thx_fail(err, THORAX_FORMAT, 0, "piece %d has %zu bytes, at most %d are taken", id, size,
                      THX_SPM_MAX_PIECE);
    if (!st) st = thx_bpe_add(&t->bpe, id, piece, size, size ? 0 : THX_TOKEN_LITERAL, err);
    if (!st) st = thx_unigram_score(u, score, err);
    if (!st && byte >= 0) u->bytes[byte] = id;
    if (!st && size > u->longest) u->longest = size;
    return st;
}

thorax_status thx_unigram_index(thx_tokenizer *t, int64_t unknown, bool byte_fallback, thorax_error *err)
{
    if (unknown < 0 || (uint64_t)unknown >= t->unigram.n_scores)
        return thx_fail(err, THORAX_FORMAT, 0, "unk_id: expected one of the %zu pieces", t->unigram.n_scores);
    t->unigram.unknown = (int32_t)unknown;
    t->unigram.byte_fallback = byte_fallback;
    return thx_bpe_index(&t->bpe, 0, err);
}
