/* Components of a tokenizer.json; see tokenizer_parts.h. */
#include "text/tokenizer_parts.h"
#include "text/spm_json.h"
#include "text/unigram_json.h"

#include <string.h>

thorax_status thx_part_refuse(const thx_parts *p, const char *where, const char *what)
{
    return thx_fail(p->err, THORAX_FORMAT, 0, "%s: %s: %s is not supported", p->path, where, what);
}

thorax_status thx_part_named(const thx_parts *p, thorax_status st)
{
    if (st) thx_error_prefix(p->err, p->path);
    return st;
}

bool thx_part_empty(const json_t *j)
{
    return !j || json_is_null(j) || json_is_false(j) ||
           (json_is_string(j) && !json_string_length(j));
}

static const char *type_of(const json_t *j)
{
    const char *type = json_string_value(json_object_get(j, "type"));
    return type ? type : "a component without type";
}

thorax_status thx_part_normalizer(const thx_parts *p, const json_t *j)
{
    const json_t *list = json_object_get(j, "normalizers"), *item;
    size_t i;
    thorax_status st = THORAX_OK;

    if (thx_part_empty(j)) return THORAX_OK;
    if (!strcmp(type_of(j), "NFC")) {
        p->t->nfc = true;
        return THORAX_OK;
    }
    if (strcmp(type_of(j), "Sequence") || !json_is_array(list))
        return thx_part_refuse(p, "normalizer", type_of(j));
    json_array_foreach(list, i, item) {
        if (strcmp(type_of(item), "NFC")) return thx_part_refuse(p, "normalizer", type_of(item));
        p->t->nfc = true;
    }
    return st;
}

static thorax_status read_split(const thx_parts *p, const json_t *j)
{
    const char *pattern =
        json_string_value(json_object_get(json_object_get(j, "pattern"), "Regex"));
    const char *behavior = json_string_value(json_object_get(j, "behavior"));

    if (strcmp(type_of(j), "Split")) return thx_part_refuse(p, "pre_tokenizer", type_of(j));
    if (!pattern) return thx_part_refuse(p, "pre_tokenizer", "Split without a regular expression");
    if (!behavior || strcmp(behavior, "Isolated"))
        return thx_part_refuse(p, "pre_tokenizer", "Split that is not Isolated");
    if (!thx_part_empty(json_object_get(j, "invert")))
        return thx_part_refuse(p, "pre_tokenizer", "Split with invert");
    return thx_part_named(p, thx_split_open(&p->t->split, pattern, p->err));
}

/* ByteLevel alone splits as GPT-2 does. */
static thorax_status read_byte_level(const thx_parts *p, const json_t *j)
{
    const json_t *regex = json_object_get(j, "use_regex");

    if (regex && !json_is_true(regex))
        return thx_part_refuse(p, "pre_tokenizer", "ByteLevel without use_regex and Split");
    p->t->blank = !json_is_false(json_object_get(j, "add_prefix_space"));
    return thx_part_named(p, thx_split_open(&p->t->split, thx_split_gpt2, p->err));
}

/* ByteLevel, or a Sequence of Split and ByteLevel, the latter for its alphabet alone. */
thorax_status thx_part_pre_tokenizer(const thx_parts *p, const json_t *j)
{
    const json_t *list = json_object_get(j, "pretokenizers"), *bytes = json_array_get(list, 1);

    if (thx_part_empty(j)) return thx_part_refuse(p, "pre_tokenizer", "a tokenizer without one");
    if (!strcmp(type_of(j), "ByteLevel")) return read_byte_level(p, j);
    if (strcmp(type_of(j), "Sequence")) return thx_part_refuse(p, "pre_tokenizer", type_of(j));
    if (json_array_size(list) != 2)
        return thx_part_refuse(p, "pre_tokenizer", "Sequence of other than Split and ByteLevel");
    if (strcmp(type_of(bytes), "ByteLevel")) return thx_part_refuse(p, "pre_tokenizer", type_of(bytes));
    if (!json_is_false(json_object_get(bytes, "add_prefix_space")))
        return thx_part_refuse(p, "pre_tokenizer", "ByteLevel with add_prefix_space");
    if (!json_is_false(json_object_get(bytes, "use_regex")))
        return thx_part_refuse(p, "pre_tokenizer", "ByteLevel with use_regex");
    return read_split(p, json_array_get(list, 0));
}

/* ["<s>", 0] */
static bool read_end(thx_tokenizer *t, int32_t *id, const json_t *j)
{
    const char *token = json_string_value(json_array_get(j, 0));

    *id = token ? thx_tokenizer_id(t, token) : -1;
    return *id >= 0;
}

/* What stands around a whole text. */
thorax_status thx_part_post_processor(const thx_parts *p, const json_t *j)
{
    const json_t *list = json_object_get(j, "processors"), *item;
    size_t i;
    thorax_status st = THORAX_OK;

    if (thx_part_empty(j) || !strcmp(type_of(j), "ByteLevel")) return THORAX_OK;
    if (!strcmp(type_of(j), "TemplateProcessing"))
        return thx_spm_json_post(p->t, j) ? THORAX_OK : thx_part_refuse(p, "post_processor", type_of(j));
    if (!strcmp(type_of(j), "RobertaProcessing") || !strcmp(type_of(j), "BertProcessing"))
        return read_end(p->t, &p->t->before, json_object_get(j, "cls")) &&
                       read_end(p->t, &p->t->after, json_object_get(j, "sep"))
                   ? THORAX_OK
                   : thx_part_refuse(p, "post_processor", type_of(j));
    if (strcmp(type_of(j), "Sequence") || !json_is_array(list))
        return thx_part_refuse(p, "post_processor", type_of(j));
    json_array_foreach(list, i, item) {
        if (!strcmp(type_of(item), "Sequence"))
            return thx_part_refuse(p, "post_processor", "a Sequence in a Sequence");
        if (!st) st = thx_part_post_processor(p, item);
    }
    return st;
}

thorax_status thx_part_decoder(const thx_parts *p, const json_t *j)
{
    if (thx_part_empty(j)) return thx_part_refuse(p, "decoder", "a tokenizer without one");
    return strcmp(type_of(j), "ByteLevel") ? thx_part_refuse(p, "decoder", type_of(j)) : THORAX_OK;
}

thorax_status thx_part_added(const thx_parts *p, const json_t *j)
{
    static const char *const flags[] = { "single_word", "lstrip", "rstrip" };
    const size_t  refused = p->t->kind == THX_SENTENCEPIECE ? 3 : 1;
    const json_t *item;
    size_t i;
    thorax_status st = THORAX_OK;

    if (thx_part_empty(j)) return THORAX_OK;
    if (!json_is_array(j)) return thx_part_refuse(p, "added_tokens", "other than a list");
    json_array_foreach(j, i, item) {
        const json_t *id = json_object_get(item, "id");
        thx_added_token token = { json_string_value(json_object_get(item, "content")), -1,
                                  json_is_true(json_object_get(item, "special")),
                                  json_is_true(json_object_get(item, "normalized")),
                                  json_is_true(json_object_get(item, "lstrip")),
                                  json_is_true(json_object_get(item, "rstrip")) };
        if (!token.content || !json_is_integer(id) || json_integer_value(id) < 0 ||
            json_integer_value(id) >= THX_MAX_IDS)
            return thx_fail(p->err, THORAX_FORMAT, 0,
                            "%s: added token %zu: expected content and an id below %d", p->path,
                            i, THX_MAX_IDS);
        for (size_t k = 0; k < refused; k++)
            if (!thx_part_empty(json_object_get(item, flags[k])))
                return thx_part_refuse(p, "added_tokens", flags[k]);
        token.id = (int32_t)json_integer_value(id);
        st = thx_part_named(p, thx_tokenizer_add(p->t, &token, p->err));
        if (st) return st;
    }
    return st;
}

/* ---- Of Unigram and of the Llama kind ---- */

thorax_status thx_part_form(const thx_parts *p, const json_t *j)
{
    const char         *refused;
    const thorax_status st = thx_unigram_json_form(p->t, j, &refused, p->err);

    return st ? thx_part_named(p, st) : refused ? thx_part_refuse(p, "normalizer", refused) : THORAX_OK;
}

thorax_status thx_part_metaspace(const thx_parts *p, const json_t *j)
{
    return thx_unigram_json_blanks(p->t, j) ? THORAX_OK
                                            : thx_part_refuse(p, "pre_tokenizer", "what is not Metaspace alone");
}

thorax_status thx_part_ends(const thx_parts *p, const json_t *j)
{
    return thx_spm_json_post(p->t, j) ? THORAX_OK : thx_part_refuse(p, "post_processor", type_of(j));
}
