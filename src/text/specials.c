/* Special tokens of a folder: what bos_token, unk_token and the others are, as transformers reads it
 * from special_tokens_map.json, tokenizer_config.json and the class's defaults, in this order; and
 * the added tokens of added_tokens.json. Each is looked for in a text that is parsed for them. */
#include "text/config.h"
#include "text/tokenizer.h"

#include <string.h>

static const char *const keys[THX_SPECIALS] = { "unk_token", "bos_token",  "eos_token", "sep_token",
                                                "pad_token", "cls_token", "mask_token" };

/* A token as JSON has it, a text or an object with flags; content NULL: none. */
typedef struct special { const char *content; bool described, left, right, normalised; } special;

static special special_of(const json_t *j)
{
    const json_t *object = json_is_object(j) ? j : NULL;
    const char *content = json_string_value(object ? json_object_get(object, "content") : j);

    return (special){ content && *content ? content : NULL, object != NULL,
                      json_is_true(json_object_get(object, "lstrip")), json_is_true(json_object_get(object, "rstrip")),
                      json_is_true(json_object_get(object, "normalized")) };
}

/* Marks a token as special; one that is new gets the next id, as in the original. */
static thorax_status enter(thx_tokenizer *t, const char *content, bool normalised, int32_t *out, thorax_error *err)
{
    const size_t size = strlen(content);
    int32_t id = thx_added_find(&t->raw, content, size);
    thorax_status st = THORAX_OK;

    if (id < 0 && t->normalised.n) { /* its place there is that of its normal form */
        id = thx_tokenizer_id(t, content);
        if (id >= 0 && !(t->bpe.flags[id] & THX_TOKEN_SPECIAL)) id = -1;
    }
    if (id < 0) {
        id = thx_tokenizer_id(t, content);
        if (id < 0) id = (int32_t)t->bpe.n_ids;
        st = thx_tokenizer_add(
            t, &(thx_added_token){ .content = content, .id = id, .special = true, .normalised = normalised }, err);
    }
    if (!st) t->bpe.flags[id] |= THX_TOKEN_SPECIAL;
    *out = id;
    return st;
}

/* Blanks around a token given as a bare text in special_tokens_map.json vanish, unless an object or
 * a described added token says otherwise (transformers 4.31, PreTrainedTokenizer.tokenize). */
static void note_bare(thx_tokenizer *t, const json_t *map, const json_t *described)
{
    const json_t *value, *item;
    const char *key, *other;

    json_object_foreach((json_t *)map, key, value) {
        const char *content = json_string_value(value);
        bool bare = content && *content;
        json_object_foreach((json_t *)map, other, item) {
            const special s = special_of(item);
            if (bare && s.described && s.content && !strcmp(s.content, content)) bare = false;
        }
        const int32_t id = bare && !described ? thx_added_find(&t->raw, content, strlen(content)) : -1;
        if (id >= 0) t->bpe.flags[id] |= THX_TOKEN_STRIPS_LEFT | THX_TOKEN_STRIPS_RIGHT;
    }
}

static thorax_status enter_named(thx_tokenizer *t, const json_t *map, const json_t *config,
                                 const char *const defaults[THX_SPECIALS], int32_t *ids, thorax_error *err)
{
    thorax_status st = THORAX_OK;

    for (size_t i = 0; i < THX_SPECIALS && !st; i++) {
        const json_t *value = json_object_get(map, keys[i]);
        if (!value) value = json_object_get(config, keys[i]);
        special s = special_of(value);
        if (!value) s.content = defaults[i];
        ids[i] = -1;
        if (!s.content) continue;
        if ((s.left || s.right) && t->kind == THX_SENTENCEPIECE)
            return thx_fail(err, THORAX_FORMAT, 0, "%s: lstrip and rstrip are not supported", keys[i]);
        const bool normalised =
            s.normalised || (!s.described && i == THX_UNK && t->kind == THX_UNIGRAM); /* DebertaV2Tokenizer */
        st = enter(t, s.content, normalised, &ids[i], err);
        if (!st && (s.left || (!s.described && i == THX_MASK && t->kind == THX_BYTE_LEVEL)))
            t->bpe.flags[ids[i]] |= THX_TOKEN_STRIPS_LEFT; /* of a bare <mask> too: RobertaTokenizer */
        if (!st && s.right) t->bpe.flags[ids[i]] |= THX_TOKEN_STRIPS_RIGHT;
    }
    return st;
}

static thorax_status enter_additional(thx_tokenizer *t, const json_t *map, const json_t *config,
                                      thorax_error *err)
{
    static const char key[] = "additional_special_tokens";
    const json_t *list = json_object_get(map, key), *item;
    thorax_status st = THORAX_OK;
    size_t i;
    int32_t id;

    if (!list) list = json_object_get(config, key);
    json_array_foreach(list, i, item) {
        const special s = special_of(item);
        if (s.content && !st) st = enter(t, s.content, s.normalised, &id, err);
    }
    return st;
}

thorax_status thx_tokenizer_read_eos(thx_tokenizer *t, const char *folder, thorax_error *err)
{
    static const char *const files[] = { "special_tokens_map.json", "tokenizer_config.json" };
    thorax_status st = THORAX_OK;

    for (size_t i = 0; i < 2 && t->eos < 0 && !st; i++) {
        json_t *file = NULL;
        st = thx_text_config(&file, folder, files[i], err);
        const special s = special_of(json_object_get(file, keys[THX_EOS]));
        if (s.content) t->eos = thx_tokenizer_id(t, s.content);
        json_decref(file);
    }
    return st;
}

thorax_status thx_tokenizer_read_specials(thx_tokenizer *t, const char *folder,
                                          const char *const defaults[THX_SPECIALS],
                                          int32_t ids[THX_SPECIALS], thorax_error *err)
{
    json_t *config = NULL, *map = NULL;
    thorax_status st = thx_text_config(&config, folder, "tokenizer_config.json", err);

    if (!st) st = thx_text_config(&map, folder, "special_tokens_map.json", err);
    if (!st) st = thx_tokenizer_read_added(t, folder, err);
    if (!st) st = enter_named(t, map, config, defaults, ids, err);
    if (!st) st = enter_additional(t, map, config, err);
    if (!st && t->kind == THX_SENTENCEPIECE) note_bare(t, map, json_object_get(config, "added_tokens_decoder"));
    json_decref(config);
    json_decref(map);
    return st;
}
