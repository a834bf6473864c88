/* Reads tokenizer.json: the vocabulary and the merges by walking (scan.h), the small rest as a
 * tree. What it says rules; a component whose effect is not known here is refused by its name. */
#include "text/scan.h"
#include "text/spm_json.h"
#include "text/unigram_json.h"
#include "base/file.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE = 512 << 20 };

/* Where the parts of the file lie; begin 0 = absent. */
typedef struct part { size_t begin, end; } part;
enum { PRE_TOKENIZER, NORMALIZER, POST_PROCESSOR, DECODER, ADDED_TOKENS, N_PARTS };
static const char *const part_names[N_PARTS] = { "pre_tokenizer", "normalizer", "post_processor",
                                                 "decoder", "added_tokens" };

typedef struct reader {
    thx_tokenizer *t;
    thx_scan       s;
    thx_string     key, bytes, left, right, unknown;
    part           parts[N_PARTS], vocab, merges;
    size_t         n_merges;  /* counted, then entered */
    bool           pieces;    /* byte_fallback: of the Llama kind */
    bool           unigram;
    int64_t        unknown_id; /* of Unigram */
    thorax_error  *err;
} reader;

static thorax_status refuse(reader *r, const char *where, const char *what)
{
    return thx_fail(r->err, THORAX_FORMAT, 0, "%s: %s: %s is not supported", r->s.path, where,
                    what);
}

/* An error of a table below, with the file's name before it. */
static thorax_status named(const reader *r, thorax_status st)
{
    if (st) thx_error_prefix(r->err, r->s.path);
    return st;
}

/* Walks an object; `member` is called at each value and must step over it. */
typedef thorax_status member_fn(reader *r, const char *key);
static thorax_status each_member(reader *r, member_fn *member)
{
    bool first = true, more;
    thorax_status st = thx_scan_take(&r->s, '{', r->err);

    while (!st) {
        st = thx_scan_more(&r->s, '}', &first, &more, r->err);
        if (st || !more) break;
        st = thx_scan_string(&r->s, &r->key, r->err);
        if (!st) st = thx_scan_take(&r->s, ':', r->err);
        if (!st) st = member(r, r->key.data);
    }
    return st;
}

static thorax_status skip_to(reader *r, part *p)
{
    thx_scan_peek(&r->s);
    if (p->begin)
        return thx_fail(r->err, THORAX_FORMAT, r->s.at,
                        "%s: a part is there twice, again at byte %zu", r->s.path, r->s.at);
    p->begin = r->s.at;
    const thorax_status st = thx_scan_skip(&r->s, r->err);
    p->end = r->s.at;
    return st;
}

/* One part as a tree; NULL with THORAX_OK where it is absent. */
static thorax_status part_tree(reader *r, part p, json_t **out)
{
    json_error_t e;

    *out = NULL;
    if (!p.begin) return THORAX_OK;
    *out = json_loadb(r->s.data + p.begin, p.end - p.begin,
                      JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &e);
    if (!*out)
        return thx_fail(r->err, THORAX_FORMAT, p.begin + (size_t)e.position, "%s: %s at byte %zu",
                        r->s.path, e.text, p.begin + (size_t)e.position);
    return THORAX_OK;
}

static bool is_empty(const json_t *j)
{
    return !j || json_is_null(j) || json_is_false(j) ||
           (json_is_string(j) && !json_string_length(j));
}

static const char *type_of(const json_t *j)
{
    const char *type = json_string_value(json_object_get(j, "type"));
    return type ? type : "a component without type";
}

/* ---- model ---- */

/* Settings of the BPE model that change ids; each must be absent, null, false or "". */
static const char *const unsupported[] = { "dropout", "continuing_subword_prefix", "end_of_word_suffix",
                                           "ignore_merges" };

static thorax_status model_setting(reader *r, const char *key, const json_t *value)
{
    if (!strcmp(key, "type")) {
        const char *type = json_string_value(value);
        r->unigram = type && !strcmp(type, "Unigram");
        return r->unigram || (type && !strcmp(type, "BPE"))
                   ? THORAX_OK
                   : refuse(r, "model", type ? type : "a model without type");
    }
    if (!strcmp(key, "unk_id") && json_is_integer(value)) r->unknown_id = json_integer_value(value);
    if (!strcmp(key, "byte_fallback")) r->pieces = json_is_true(value);
    if (!strcmp(key, "unk_token") && json_is_string(value)) thx_string_puts(&r->unknown, json_string_value(value));
    for (size_t i = 0; i < sizeof unsupported / sizeof *unsupported; i++)
        if (!strcmp(key, unsupported[i]) && !is_empty(value) &&
            !(json_is_number(value) && json_number_value(value) == 0.0))
            return refuse(r, "model", key);
    return THORAX_OK;
}

static thorax_status model_member(reader *r, const char *key)
{
    json_t *value;
    part p = { 0 };

    if (!strcmp(key, "vocab")) return skip_to(r, &r->vocab);
    if (!strcmp(key, "merges")) return skip_to(r, &r->merges);
    thorax_status st = skip_to(r, &p);
    if (!st) st = part_tree(r, p, &value);
    if (st) return st;
    st = model_setting(r, key, value);
    json_decref(value);
    return st;
}

static thorax_status top_member(reader *r, const char *key)
{
    part other = { 0 };

    if (!strcmp(key, "model")) return each_member(r, model_member);
    for (size_t i = 0; i < N_PARTS; i++)
        if (!strcmp(key, part_names[i])) return skip_to(r, &r->parts[i]);
    return skip_to(r, &other);
}

static thorax_status vocab_member(reader *r, const char *key)
{
    int32_t id;
    thorax_status st = thx_scan_int(&r->s, &id, r->err);

    if (st) return st;
    if (r->pieces) return named(r, thx_spm_json_token(r->t, id, key, r->key.size, r->err));
    r->bytes.size = 0;
    const bool plain = thx_alphabet_decode(&r->bytes, key, r->key.size);
    if (r->bytes.failed) return thx_fail(r->err, THORAX_NOMEM, 0, "%s: out of memory", r->s.path);
    return named(r, thx_bpe_add(&r->t->bpe, id, r->bytes.data, r->bytes.size,
                                plain ? 0 : THX_TOKEN_LITERAL, r->err));
}

/* ["a", "b"], or "a b" as older releases write it. */
static thorax_status read_pair(reader *r)
{
    thorax_status st;

    if (thx_scan_peek(&r->s) != '[') {
        st = thx_scan_string(&r->s, &r->key, r->err);
        if (st) return st;
        const char *blank = memchr(r->key.data, ' ', r->key.size);
        if (!blank || strchr(blank + 1, ' '))
            return thx_scan_fail(&r->s, "a merge of two parts", r->err);
        r->left.size = r->right.size = 0;
        thx_string_add(&r->left, r->key.data, (size_t)(blank - r->key.data));
        thx_string_puts(&r->right, blank + 1);
        return THORAX_OK;
    }
    r->s.at++;
    st = thx_scan_string(&r->s, &r->left, r->err);
    if (!st) st = thx_scan_take(&r->s, ',', r->err);
    if (!st) st = thx_scan_string(&r->s, &r->right, r->err);
    return st ? st : thx_scan_take(&r->s, ']', r->err);
}

static thorax_status enter_merge(reader *r)
{
    size_t at;

    if (r->pieces) return named(r, thx_spm_json_merge(r->t, r->n_merges++, &r->left, &r->right, r->err));
    r->bytes.size = 0;
    thx_alphabet_decode(&r->bytes, r->left.data, r->left.size);
    at = r->bytes.size;
    thx_alphabet_decode(&r->bytes, r->right.data, r->right.size);
    if (r->bytes.failed || r->left.failed || r->right.failed)
        return thx_fail(r->err, THORAX_NOMEM, 0, "%s: out of memory", r->s.path);
    return named(r, thx_bpe_merge(&r->t->bpe, r->bytes.data, at, r->bytes.data + at,
                                  r->bytes.size - at, r->err));
}

/* Walks the list of merges: counts them, or enters them. */
static thorax_status read_merges(reader *r, bool enter)
{
    bool first = true, more;
    thorax_status st;

    r->s.at = r->merges.begin;
    st = thx_scan_take(&r->s, '[', r->err);
    while (!st) {
        st = thx_scan_more(&r->s, ']', &first, &more, r->err);
        if (st || !more) break;
        if (!enter) {
            r->n_merges++;
            st = thx_scan_skip(&r->s, r->err);
        } else {
            st = read_pair(r);
            if (!st) st = enter_merge(r);
        }
    }
    return st;
}

static thorax_status read_model(reader *r)
{
    if (!r->vocab.begin || !r->merges.begin)
        return thx_fail(r->err, THORAX_FORMAT, 0,
                        "%s: expected a BPE model with vocab and merges, found no %s", r->s.path,
                        r->vocab.begin ? "merges" : "vocab");
    r->s.at = r->vocab.begin;
    thorax_status st = each_member(r, vocab_member);
    if (!st && r->pieces) {
        st = named(r, thx_spm_json_index(r->t, r->unknown.data ? r->unknown.data : "", r->err));
    } else if (!st) {
        st = read_merges(r, false);
        if (!st) st = named(r, thx_bpe_index(&r->t->bpe, r->n_merges, r->err));
    }
    return st ? st : read_merges(r, true);
}

/* ---- The components around the model ---- */

static thorax_status read_normalizer(reader *r, const json_t *j)
{
    const json_t *list = json_object_get(j, "normalizers"), *item;
    size_t i;
    thorax_status st = THORAX_OK;

    if (is_empty(j)) return THORAX_OK;
    if (!strcmp(type_of(j), "NFC")) {
        r->t->nfc = true;
        return THORAX_OK;
    }
    if (strcmp(type_of(j), "Sequence") || !json_is_array(list))
        return refuse(r, "normalizer", type_of(j));
    json_array_foreach(list, i, item) {
        if (strcmp(type_of(item), "NFC")) return refuse(r, "normalizer", type_of(item));
        r->t->nfc = true;
    }
    return st;
}

static thorax_status read_split(reader *r, const json_t *j)
{
    const char *pattern =
        json_string_value(json_object_get(json_object_get(j, "pattern"), "Regex"));
    const char *behavior = json_string_value(json_object_get(j, "behavior"));

    if (strcmp(type_of(j), "Split")) return refuse(r, "pre_tokenizer", type_of(j));
    if (!pattern) return refuse(r, "pre_tokenizer", "Split without a regular expression");
    if (!behavior || strcmp(behavior, "Isolated"))
        return refuse(r, "pre_tokenizer", "Split that is not Isolated");
    if (!is_empty(json_object_get(j, "invert")))
        return refuse(r, "pre_tokenizer", "Split with invert");
    return named(r, thx_split_open(&r->t->split, pattern, r->err));
}

/* ByteLevel alone splits as GPT-2 does. */
static thorax_status read_byte_level(reader *r, const json_t *j)
{
    const json_t *regex = json_object_get(j, "use_regex");

    if (regex && !json_is_true(regex)) return refuse(r, "pre_tokenizer", "ByteLevel without use_regex and Split");
    r->t->blank = !json_is_false(json_object_get(j, "add_prefix_space"));
    return named(r, thx_split_open(&r->t->split, thx_split_gpt2, r->err));
}

/* ByteLevel, or a Sequence of Split and ByteLevel, the latter for its alphabet alone. */
static thorax_status read_pre_tokenizer(reader *r, const json_t *j)
{
    const json_t *list = json_object_get(j, "pretokenizers"), *bytes = json_array_get(list, 1);

    if (is_empty(j)) return refuse(r, "pre_tokenizer", "a tokenizer without one");
    if (!strcmp(type_of(j), "ByteLevel")) return read_byte_level(r, j);
    if (strcmp(type_of(j), "Sequence")) return refuse(r, "pre_tokenizer", type_of(j));
    if (json_array_size(list) != 2)
        return refuse(r, "pre_tokenizer", "Sequence of other than Split and ByteLevel");
    if (strcmp(type_of(bytes), "ByteLevel")) return refuse(r, "pre_tokenizer", type_of(bytes));
    if (!json_is_false(json_object_get(bytes, "add_prefix_space")))
        return refuse(r, "pre_tokenizer", "ByteLevel with add_prefix_space");
    if (!json_is_false(json_object_get(bytes, "use_regex")))
        return refuse(r, "pre_tokenizer", "ByteLevel with use_regex");
    return read_split(r, json_array_get(list, 0));
}

/* ["<s>", 0] */
static bool read_end(thx_tokenizer *t, int32_t *id, const json_t *j)
{
    const char *token = json_string_value(json_array_get(j, 0));

    *id = token ? thx_tokenizer_id(t, token) : -1;
    return *id >= 0;
}

/* What stands around a whole text. */
static thorax_status read_post_processor(reader *r, const json_t *j)
{
    const json_t *list = json_object_get(j, "processors"), *item;
    size_t i;
    thorax_status st = THORAX_OK;

    if (is_empty(j) || !strcmp(type_of(j), "ByteLevel")) return THORAX_OK;
    if (!strcmp(type_of(j), "TemplateProcessing"))
        return thx_spm_json_post(r->t, j) ? THORAX_OK : refuse(r, "post_processor", type_of(j));
    if (!strcmp(type_of(j), "RobertaProcessing") || !strcmp(type_of(j), "BertProcessing"))
        return read_end(r->t, &r->t->before, json_object_get(j, "cls")) && read_end(r->t, &r->t->after, json_object_get(j, "sep"))
                   ? THORAX_OK
                   : refuse(r, "post_processor", type_of(j));
    if (strcmp(type_of(j), "Sequence") || !json_is_array(list))
        return refuse(r, "post_processor", type_of(j));
    json_array_foreach(list, i, item) {
        if (!strcmp(type_of(item), "Sequence"))
            return refuse(r, "post_processor", "a Sequence in a Sequence");
        if (!st) st = read_post_processor(r, item);
    }
    return st;
}

static thorax_status read_decoder(reader *r, const json_t *j)
{
    if (is_empty(j)) return refuse(r, "decoder", "a tokenizer without one");
    return strcmp(type_of(j), "ByteLevel") ? refuse(r, "decoder", type_of(j)) : THORAX_OK;
}

static thorax_status read_added(reader *r, const json_t *j)
{
    static const char *const flags[] = { "single_word", "lstrip", "rstrip" };
    const size_t  refused = r->t->kind == THX_SENTENCEPIECE ? 3 : 1;
    const json_t *item;
    size_t i;
    thorax_status st = THORAX_OK;

    if (is_empty(j)) return THORAX_OK;
    if (!json_is_array(j)) return refuse(r, "added_tokens", "other than a list");
    json_array_foreach(j, i, item) {
        const json_t *id = json_object_get(item, "id");
        thx_added_token token = { json_string_value(json_object_get(item, "content")), -1,
                                  json_is_true(json_object_get(item, "special")),
                                  json_is_true(json_object_get(item, "normalized")),
                                  json_is_true(json_object_get(item, "lstrip")),
                                  json_is_true(json_object_get(item, "rstrip")) };
        if (!token.content || !json_is_integer(id) || json_integer_value(id) < 0 ||
            json_integer_value(id) >= THX_MAX_IDS)
            return thx_fail(r->err, THORAX_FORMAT, 0,
                            "%s: added token %zu: expected content and an id below %d", r->s.path,
                            i, THX_MAX_IDS);
        for (size_t k = 0; k < refused; k++)
            if (!is_empty(json_object_get(item, flags[k])))
                return refuse(r, "added_tokens", flags[k]);
        token.id = (int32_t)json_integer_value(id);
        st = named(r, thx_tokenizer_add(r->t, &token, r->err));
        if (st) return st;
    }
    return st;
}

static thorax_status read_part(reader *r, size_t which,
                               thorax_status (*read)(reader *r, const json_t *j))
{
    json_t *j;
    thorax_status st = part_tree(r, r->parts[which], &j);

    if (!st) st = read(r, j);
    json_decref(j);
    return st;
}

/* ---- The Llama kind ---- */

static thorax_status read_blanks(reader *r)
{
    json_t *normalizer = NULL, *pre = NULL;
    thorax_status st = part_tree(r, r->parts[NORMALIZER], &normalizer);

    r->t->kind = THX_SENTENCEPIECE;
    if (!st) st = part_tree(r, r->parts[PRE_TOKENIZER], &pre);
    if (!st && !thx_spm_json_blanks(r->t, normalizer, pre))
        st = refuse(r, "normalizer and pre_tokenizer", "what is not Llama's, with byte_fallback,");
    json_decref(normalizer);
    json_decref(pre);
    return st;
}

static thorax_status read_ends(reader *r, const json_t *j)
{
    return thx_spm_json_post(r->t, j) ? THORAX_OK : refuse(r, "post_processor", type_of(j));
}

static thorax_status read_pieces(reader *r)
{
    thorax_status st = read_blanks(r);

    if (!st) st = read_model(r);
    if (!st) st = read_part(r, ADDED_TOKENS, read_added);
    return st ? st : read_part(r, POST_PROCESSOR, read_ends);
}

/* ---- The Unigram kind ---- */

/* ["piece", -3.5] */
static thorax_status read_scored(reader *r)
{
    part          score = { 0 };
    json_t       *j = NULL;
    thorax_status st = thx_scan_take(&r->s, '[', r->err);

    if (!st) st = thx_scan_string(&r->s, &r->left, r->err);
    if (!st) st = thx_scan_take(&r->s, ',', r->err);
    if (!st) st = skip_to(r, &score);
    if (!st) st = part_tree(r, score, &j);
    if (!st) st = thx_scan_take(&r->s, ']', r->err);
    if (!st && !json_is_number(j)) st = thx_scan_fail(&r->s, "a score", r->err);
    if (!st) st = named(r, thx_unigram_piece(r->t, r->left.data, r->left.size, json_number_value(j), r->err));
    json_decref(j);
    return st;
}

static thorax_status read_form(reader *r, const json_t *j)
{
    const char         *refused;
    const thorax_status st = thx_unigram_json_form(r->t, j, &refused, r->err);

    return st ? named(r, st) : refused ? refuse(r, "normalizer", refused) : THORAX_OK;
}

static thorax_status read_metaspace(reader *r, const json_t *j)
{
    return thx_unigram_json_blanks(r->t, j) ? THORAX_OK : refuse(r, "pre_tokenizer", "what is not Metaspace alone");
}

static thorax_status read_unigram(reader *r)
{
    bool          first = true, more = true;
    thorax_status st;

    thx_unigram_init(r->t);
    if (!r->vocab.begin) return thx_fail(r->err, THORAX_FORMAT, 0, "%s: expected a Unigram model with vocab, found none", r->s.path);
    st = read_part(r, NORMALIZER, read_form);
    if (!st) st = read_part(r, PRE_TOKENIZER, read_metaspace);
    r->s.at = r->vocab.begin;
    if (!st) st = thx_scan_take(&r->s, '[', r->err);
    while (!st) {
        st = thx_scan_more(&r->s, ']', &first, &more, r->err);
        if (st || !more) break;
        st = read_scored(r);
    }
    if (!st) st = named(r, thx_unigram_index(r->t, r->unknown_id, r->pieces, r->err));
    if (!st) st = read_part(r, ADDED_TOKENS, read_added);
    return st ? st : read_part(r, POST_PROCESSOR, read_ends);
}

/* What rows are filled up with: the token's name stands in the class's defaults alone. */
static void find_pad(thx_tokenizer *t)
{
    static const char *const names[] = { "[PAD]", "<pad>" }; /* ASCII: the same bytes in every alphabet */

    for (size_t i = 0; t->pad < 0 && i < 2; i++) {
        const size_t size = strlen(names[i]);
        t->pad = thx_added_find(&t->raw, names[i], size);
        if (t->pad < 0) t->pad = thx_added_find(&t->normalised, names[i], size);
        if (t->pad < 0) t->pad = thx_bpe_find(&t->bpe, names[i], size);
    }
}

static thorax_status read_file(reader *r)
{
    static const char lfs[] = "version https://git-lfs";

    if (r->s.size >= sizeof lfs - 1 && !memcmp(r->s.data, lfs, sizeof lfs - 1))
        return thx_fail(r->err, THORAX_FORMAT, 0,
                        "%s: expected a tokenizer, found a git-LFS pointer: fetch the file itself",
                        r->s.path);
    if (r->s.size > MAX_FILE)
        return thx_fail(r->err, THORAX_FORMAT, 0, "%s: %zu bytes, at most %d are taken", r->s.path,
                        r->s.size, MAX_FILE);
    thorax_status st = each_member(r, top_member);
    if (!st) st = thx_scan_end(&r->s, r->err);
    if (!st && r->unigram) return read_unigram(r);
    if (!st && r->pieces) return read_pieces(r);
    if (!st && r->unknown.size) return refuse(r, "model", "unk_token");
    if (!st) st = read_part(r, NORMALIZER, read_normalizer);
    if (!st) st = read_part(r, PRE_TOKENIZER, read_pre_tokenizer);
    if (!st) st = read_part(r, DECODER, read_decoder);
    if (!st) st = read_model(r);
    if (!st) st = read_part(r, ADDED_TOKENS, read_added);
    return st ? st : read_part(r, POST_PROCESSOR, read_post_processor);
}

thorax_status thx_tokenizer_read_json(thx_tokenizer *t, const char *path, thorax_error *err)
{
    thx_map map;
    thorax_status st = thx_map_open(&map, path, err);

    if (st) return st;
    reader r = { .t = t, .s = { path, (const char *)map.data, map.size, 0 }, .unknown_id = -1, .err = err };
    st = read_file(&r);
    if (!st) find_pad(t);
    thx_string_deinit(&r.key);
    thx_string_deinit(&r.bytes);
    thx_string_deinit(&r.left);
    thx_string_deinit(&r.right);
    thx_string_deinit(&r.unknown);
    thx_map_close(&map);
    return st;
}
