/* Reads tokenizer.json: the vocabulary and the merges by walking (scan.h), the small rest as a
 * tree (tokenizer_parts.h). What it says rules. */
#include "text/scan.h"
#include "text/spm_json.h"
#include "text/tokenizer_parts.h"
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
    thx_parts      of;
    thx_scan       s;
    thx_string     key, bytes, left, right, unknown;
    part           parts[N_PARTS], vocab, merges;
    size_t         n_merges;  /* counted, then entered */
    bool           pieces;    /* byte_fallback: of the Llama kind */
    bool           unigram;
    int64_t        unknown_id; /* of Unigram */
    thorax_error  *err;
} reader;

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
                   : thx_part_refuse(&r->of, "model", type ? type : "a model without type");
    }
    if (!strcmp(key, "unk_id") && json_is_integer(value)) r->unknown_id = json_integer_value(value);
    if (!strcmp(key, "byte_fallback")) r->pieces = json_is_true(value);
    if (!strcmp(key, "unk_token") && json_is_string(value)) thx_string_puts(&r->unknown, json_string_value(value));
    for (size_t i = 0; i < sizeof unsupported / sizeof *unsupported; i++)
        if (!strcmp(key, unsupported[i]) && !thx_part_empty(value) &&
            !(json_is_number(value) && json_number_value(value) == 0.0))
            return thx_part_refuse(&r->of, "model", key);
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
    if (r->pieces) return thx_part_named(&r->of, thx_spm_json_token(r->t, id, key, r->key.size, r->err));
    r->bytes.size = 0;
    const bool plain = thx_alphabet_decode(&r->bytes, key, r->key.size);
    if (r->bytes.failed) return thx_fail(r->err, THORAX_NOMEM, 0, "%s: out of memory", r->s.path);
    return thx_part_named(&r->of, thx_bpe_add(&r->t->bpe, id, r->bytes.data, r->bytes.size,
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

    if (r->pieces) return thx_part_named(&r->of, thx_spm_json_merge(r->t, r->n_merges++, &r->left, &r->right, r->err));
    r->bytes.size = 0;
    thx_alphabet_decode(&r->bytes, r->left.data, r->left.size);
    at = r->bytes.size;
    thx_alphabet_decode(&r->bytes, r->right.data, r->right.size);
    if (r->bytes.failed || r->left.failed || r->right.failed)
        return thx_fail(r->err, THORAX_NOMEM, 0, "%s: out of memory", r->s.path);
    return thx_part_named(&r->of, thx_bpe_merge(&r->t->bpe, r->bytes.data, at, r->bytes.data + at,
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
        st = thx_part_named(&r->of, thx_spm_json_index(r->t, r->unknown.data ? r->unknown.data : "", r->err));
    } else if (!st) {
        st = read_merges(r, false);
        if (!st) st = thx_part_named(&r->of, thx_bpe_index(&r->t->bpe, r->n_merges, r->err));
    }
    return st ? st : read_merges(r, true);
}

/* ---- The components around the model ---- */

static thorax_status read_part(reader *r, size_t which, thx_part_fn *read)
{
    json_t *j;
    thorax_status st = part_tree(r, r->parts[which], &j);

    if (!st) st = read(&r->of, j);
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
        st = thx_part_refuse(&r->of, "normalizer and pre_tokenizer", "what is not Llama's, with byte_fallback,");
    json_decref(normalizer);
    json_decref(pre);
    return st;
}

static thorax_status read_pieces(reader *r)
{
    thorax_status st = read_blanks(r);

    if (!st) st = read_model(r);
    if (!st) st = read_part(r, ADDED_TOKENS, thx_part_added);
    return st ? st : read_part(r, POST_PROCESSOR, thx_part_ends);
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
    if (!st)
        st = thx_part_named(&r->of, thx_unigram_piece(r->t, r->left.data, r->left.size, json_number_value(j), r->err));
    json_decref(j);
    return st;
}

static thorax_status read_unigram(reader *r)
{
    bool          first = true, more = true;
    thorax_status st;

    thx_unigram_init(r->t);
    if (!r->vocab.begin)
        return thx_fail(r->err, THORAX_FORMAT, 0, "%s: expected a Unigram model with vocab, found none", r->s.path);
    st = read_part(r, NORMALIZER, thx_part_form);
    if (!st) st = read_part(r, PRE_TOKENIZER, thx_part_metaspace);
    r->s.at = r->vocab.begin;
    if (!st) st = thx_scan_take(&r->s, '[', r->err);
    while (!st) {
        st = thx_scan_more(&r->s, ']', &first, &more, r->err);
        if (st || !more) break;
        st = read_scored(r);
    }
    if (!st) st = thx_part_named(&r->of, thx_unigram_index(r->t, r->unknown_id, r->pieces, r->err));
    if (!st) st = read_part(r, ADDED_TOKENS, thx_part_added);
    return st ? st : read_part(r, POST_PROCESSOR, thx_part_ends);
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
    if (!st && r->unknown.size) return thx_part_refuse(&r->of, "model", "unk_token");
    if (!st) st = read_part(r, NORMALIZER, thx_part_normalizer);
    if (!st) st = read_part(r, PRE_TOKENIZER, thx_part_pre_tokenizer);
    if (!st) st = read_part(r, DECODER, thx_part_decoder);
    if (!st) st = read_model(r);
    if (!st) st = read_part(r, ADDED_TOKENS, thx_part_added);
    return st ? st : read_part(r, POST_PROCESSOR, thx_part_post_processor);
}

thorax_status thx_tokenizer_read_json(thx_tokenizer *t, const char *path, thorax_error *err)
{
    thx_map map;
    thorax_status st = thx_map_open(&map, path, err);

    if (st) return st;
    reader r = {
        .t = t, .of = { t, path, err }, .s = { path, (const char *)map.data, map.size, 0 }, .unknown_id = -1, .err = err
    };
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
