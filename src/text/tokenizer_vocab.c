/* Reads the older file set: vocab.json, merges.txt, and the added tokens from tokenizer_config.json
 * (added_tokens_decoder) or added_tokens.json. Such a folder carries no pattern and no normaliser:
 * those are GPT-2's or RoBERTa's where it names their class, and Qwen2's otherwise. */
#include "text/config.h"
#include "text/scan.h"
#include "text/tokenizer.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_FILE = 512 << 20 };

/* A file of the folder, mapped under a size limit. */
static thorax_status open_part(thx_map *map, char **path, const char *folder, const char *name,
                               thorax_error *err)
{
    *map = (thx_map){ 0 };
    *path = thx_path_join(folder, name);
    if (!*path) return thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", folder);
    thorax_status st = thx_map_open(map, *path, err);
    if (!st && map->size > MAX_FILE)
        st = thx_fail(err, THORAX_FORMAT, 0, "%s: %zu bytes, at most %d are taken", *path,
                      map->size, MAX_FILE);
    return st;
}

static thorax_status read_entries(thx_tokenizer *t, thx_scan *s, thx_string *key, thx_string *bytes,
                                  thorax_error *err)
{
    bool first = true, more;
    int32_t id;
    thorax_status st = thx_scan_take(s, '{', err);

    while (!st) {
        st = thx_scan_more(s, '}', &first, &more, err);
        if (st || !more) break;
        st = thx_scan_string(s, key, err);
        if (!st) st = thx_scan_take(s, ':', err);
        if (!st) st = thx_scan_int(s, &id, err);
        if (st) return st;
        bytes->size = 0;
        const bool plain = thx_alphabet_decode(bytes, key->data, key->size);
        if (bytes->failed) return thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", s->path);
        st = thx_bpe_add(&t->bpe, id, bytes->data, bytes->size, plain ? 0 : THX_TOKEN_LITERAL, err);
        if (st) thx_error_prefix(err, s->path);
    }
    return st ? st : thx_scan_end(s, err);
}

static thorax_status read_vocab(thx_tokenizer *t, const char *folder, thorax_error *err)
{
    thx_map map;
    char *path;
    thx_string key = { 0 }, bytes = { 0 };
    thorax_status st = open_part(&map, &path, folder, "vocab.json", err);

    if (!st) {
        thx_scan s = { path, (const char *)map.data, map.size, 0 };
        st = read_entries(t, &s, &key, &bytes, err);
    }
    thx_string_deinit(&key);
    thx_string_deinit(&bytes);
    thx_map_close(&map);
    free(path);
    return st;
}

/* The next line without its end; false after the last. */
static bool next_line(const char *text, size_t size, size_t *at, const char **line, size_t *length)
{
    if (*at >= size) return false;
    const char *end = memchr(text + *at, '\n', size - *at);
    *line = text + *at;
    *length = end ? (size_t)(end - *line) : size - *at;
    *at += *length + 1;
    while (*length && strchr("\r \t", (*line)[*length - 1])) --*length;
    return true;
}

static thorax_status merge_line(thx_tokenizer *t, const char *line, size_t length,
                                thx_string *bytes, thorax_error *err)
{
    const char *blank = memchr(line, ' ', length);

    if (!blank || memchr(blank + 1, ' ', length - (size_t)(blank + 1 - line)))
        return thx_fail(err, THORAX_FORMAT, 0,
                        "merge %zu: expected two parts and a blank between them", t->bpe.n_merges);
    bytes->size = 0;
    thx_alphabet_decode(bytes, line, (size_t)(blank - line));
    const size_t at = bytes->size;
    thx_alphabet_decode(bytes, blank + 1, length - (size_t)(blank + 1 - line));
    if (bytes->failed) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    return thx_bpe_merge(&t->bpe, bytes->data, at, bytes->data + at, bytes->size - at, err);
}

static thorax_status read_merges(thx_tokenizer *t, const char *folder, thorax_error *err)
{
    static const char version[] = "#version:";
    thx_map map;
    char *path;
    thx_string bytes = { 0 };
    const char *line;
    size_t length, at = 0, lines = 1;
    thorax_status st = open_part(&map, &path, folder, "merges.txt", err);
    const char *text = (const char *)map.data;

    for (size_t i = 0; !st && i < map.size; i++) lines += text[i] == '\n';
    if (!st) {
        st = thx_bpe_index(&t->bpe, lines, err);
        for (bool first = true; !st && next_line(text, map.size, &at, &line, &length);
             first = false) {
            if (!length || (first && length >= sizeof version - 1 &&
                            !memcmp(line, version, sizeof version - 1)))
                continue;
            st = merge_line(t, line, length, &bytes, err);
        }
        if (st) thx_error_prefix(err, path);
    }
    thx_string_deinit(&bytes);
    thx_map_close(&map);
    free(path);
    return st;
}

/* "151643": {"content": "<|endoftext|>", "special": true, …} */
static thorax_status add_described(thx_tokenizer *t, const char *key, const json_t *value,
                                   thorax_error *err)
{
    static const char *const flags[] = { "single_word", "lstrip", "rstrip" };
    char *end;
    const long id = strtol(key, &end, 10);
    const thx_added_token token = { json_string_value(json_object_get(value, "content")),
                                    (int32_t)id, json_is_true(json_object_get(value, "special")),
                                    json_is_true(json_object_get(value, "normalized")),
                                    json_is_true(json_object_get(value, "lstrip")),
                                    json_is_true(json_object_get(value, "rstrip")) };
    const size_t refused = t->kind == THX_SENTENCEPIECE ? 3 : t->kind == THX_WORDPIECE ? 0 : 1;

    if (!token.content || *end || end == key || id < 0 || id >= THX_MAX_IDS)
        return thx_fail(err, THORAX_FORMAT, 0,
                        "added_tokens_decoder: expected an id below %d with its content",
                        THX_MAX_IDS);
    for (size_t i = 0; i < refused; i++)
        if (json_is_true(json_object_get(value, flags[i])))
            return thx_fail(err, THORAX_FORMAT, 0, "added_tokens_decoder: %s is not supported",
                            flags[i]);
    return thx_tokenizer_add(t, &token, err);
}

/* "<|endoftext|>": 151643; without a description all count as special. */
static thorax_status add_plain(thx_tokenizer *t, const char *key, const json_t *value,
                               thorax_error *err)
{
    const double id = json_is_number(value) ? json_number_value(value) : -1.0;

    if (!(id >= 0.0 && id < THX_MAX_IDS))
        return thx_fail(err, THORAX_FORMAT, 0, "added tokens: expected ids below %d", THX_MAX_IDS);
    return thx_tokenizer_add(t, &(thx_added_token){ .content = key, .id = (int32_t)id, .special = true }, err);
}

thorax_status thx_tokenizer_read_added(thx_tokenizer *t, const char *folder, thorax_error *err)
{
    json_t *config = NULL, *plain = NULL, *table, *value;
    const char *key, *name = "tokenizer_config.json";
    thorax_status st = thx_text_config(&config, folder, name, err);

    if (st) return st;
    table = json_object_get(config, "added_tokens_decoder");
    const bool described = json_is_object(table);
    if (!described) {
        name = "added_tokens.json";
        st = thx_text_config(&plain, folder, name, err);
        table = plain;
    }
    json_object_foreach(table, key, value) {
        if (!st) st = described ? add_described(t, key, value, err) : add_plain(t, key, value, err);
    }
    if (st) thx_error_prefix(err, name);
    json_decref(config);
    json_decref(plain);
    return st;
}

/* The class that the folder is for: of its tokenizer_config.json, else what the model type of config.json makes it. */
typedef enum vocab_class { QWEN2, GPT2, ROBERTA } vocab_class;

static thorax_status read_class(vocab_class *out, bool *blank, const char *folder, thorax_error *err)
{
    json_t *config = NULL, *model = NULL;
    thorax_status st = thx_text_config(&config, folder, "tokenizer_config.json", err);

    if (!st) st = thx_text_config(&model, folder, "config.json", err);
    const char *name = json_string_value(json_object_get(config, "tokenizer_class")),
               *type = json_string_value(json_object_get(model, "model_type"));
    if (!name) name = !type ? "" : !strcmp(type, "roberta") ? "Roberta" : !strcmp(type, "gpt2") ? "GPT2" : "";
    *out = !strncmp(name, "Roberta", 7)                                ? ROBERTA
           : !strncmp(name, "GPT2", 4) || !strncmp(name, "CodeGen", 7) ? GPT2
                                                                       : QWEN2;
    *blank = *out != QWEN2 && thx_text_flag(config, "add_prefix_space", false);
    json_decref(config);
    json_decref(model);
    return st;
}

/* RoBERTa's special tokens, and <s> and </s> around a text. */
static thorax_status read_roberta(thx_tokenizer *t, const char *folder, thorax_error *err)
{
    static const char *const names[THX_SPECIALS] = { "<unk>", "<s>", "</s>", "</s>", "<pad>", "<s>", "<mask>" };
    int32_t ids[THX_SPECIALS];
    const thorax_status st = thx_tokenizer_read_specials(t, folder, names, ids, err);

    if (st) return st;
    t->before = ids[THX_CLS];
    t->after = ids[THX_SEP];
    t->pad = ids[THX_PAD];
    return THORAX_OK;
}

thorax_status thx_tokenizer_read_vocab(thx_tokenizer *t, const char *folder, thorax_error *err)
{
    char *path = thx_path_join(folder, "vocab.json");
    const bool here = path && thx_file_exists(path);

    free(path);
    if (!here)
        return thx_fail(err, THORAX_IO, 0,
                        "%s: expected tokenizer.json, tokenizer.model, vocab.txt, or vocab.json and "
                        "merges.txt, found neither",
                        folder);
    vocab_class of;
    thorax_status st = read_class(&of, &t->blank, folder, err);
    if (st) return st;
    t->nfc = of == QWEN2;
    st = thx_split_open(&t->split, of == QWEN2 ? thx_split_qwen2 : thx_split_gpt2, err);
    if (!st) st = read_vocab(t, folder, err);
    if (!st) st = read_merges(t, folder, err);
    if (!st) st = of == ROBERTA ? read_roberta(t, folder, err) : thx_tokenizer_read_added(t, folder, err);
    return st;
}
