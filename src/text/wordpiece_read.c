/* Reads vocab.txt, a token a line, and BERT's settings in tokenizer_config.json. */
#include "text/config.h"
#include "text/tokenizer.h"
#include "text/utf8.h"
#include "base/file.h"

#include <string.h>

enum { MAX_FILE = 64 << 20, MAX_TOKEN = 4096 };

/* The next line without its end, which may be \n, \r\n or \r; false after the last. */
static bool next_line(const char *text, size_t size, size_t *at, size_t *begin, size_t *length)
{
    if (*at >= size) return false;
    *begin = *at;
    while (*at < size && text[*at] != '\n' && text[*at] != '\r') ++*at;
    *length = *at - *begin;
    if (*at + 1 < size && text[*at] == '\r' && text[*at + 1] == '\n') ++*at;
    ++*at;
    return true;
}

static thorax_status add_line(thx_tokenizer *t, const char *line, size_t size, size_t id, thorax_error *err)
{
    if (id >= THX_MAX_IDS)
        return thx_fail(err, THORAX_FORMAT, 0, "more than %d lines", THX_MAX_IDS);
    if (size > MAX_TOKEN)
        return thx_fail(err, THORAX_FORMAT, 0, "line %zu has %zu bytes, at most %d are taken", id + 1,
                        size, MAX_TOKEN);
    if (!thx_utf8_valid(line, size))
        return thx_fail(err, THORAX_FORMAT, 0, "line %zu: expected UTF-8", id + 1);
    if (size > t->wordpiece.longest) t->wordpiece.longest = size;
    return thx_bpe_add(&t->bpe, (int32_t)id, line, size, size ? 0 : THX_TOKEN_LITERAL, err);
}

static thorax_status read_lines(thx_tokenizer *t, const char *text, size_t size, thorax_error *err)
{
    static const char lfs[] = "version https://git-lfs";
    size_t at = 0, begin, length, id = 0;
    thorax_status st = THORAX_OK;

    if (size > MAX_FILE)
        return thx_fail(err, THORAX_FORMAT, 0, "%zu bytes, at most %d are taken", size, MAX_FILE);
    if (size >= sizeof lfs - 1 && !memcmp(text, lfs, sizeof lfs - 1))
        return thx_fail(err, THORAX_FORMAT, 0, "expected a vocabulary, found a git-LFS pointer: fetch the file itself");
    while (!st && next_line(text, size, &at, &begin, &length))
        st = add_line(t, text + begin, length, id++, err);
    return st ? st : thx_bpe_index(&t->bpe, 0, err);
}

static thorax_status read_file(thx_tokenizer *t, const char *path, thorax_error *err)
{
    thx_map map;
    thorax_status st = thx_map_open(&map, path, err);

    if (st) return st;
    st = read_lines(t, (const char *)map.data, map.size, err);
    if (st) thx_error_prefix(err, path);
    thx_map_close(&map);
    return st;
}

static thorax_status read_settings(thx_tokenizer *t, const json_t *config, thorax_error *err)
{
    thx_wordpiece *w = &t->wordpiece;

    if (!thx_text_flag(config, "do_basic_tokenize", true) || json_array_size(json_object_get(config, "never_split")))
        return thx_fail(err, THORAX_FORMAT, 0, "tokenizer_config.json: %s is not supported",
                        thx_text_flag(config, "do_basic_tokenize", true) ? "never_split" : "do_basic_tokenize false");
    w->lower = thx_text_flag(config, "do_lower_case", true);
    w->strip = thx_text_flag(config, "strip_accents", w->lower);
    w->cjk = thx_text_flag(config, "tokenize_chinese_chars", true);
    w->clean = thx_text_flag(config, "clean_up_tokenization_spaces", true);
    return THORAX_OK;
}

thorax_status thx_tokenizer_read_wordpiece(thx_tokenizer *t, const char *folder, const char *path,
                                           thorax_error *err)
{
    static const char *const names[THX_SPECIALS] = {
        [THX_UNK] = "[UNK]", [THX_SEP] = "[SEP]", [THX_PAD] = "[PAD]", [THX_CLS] = "[CLS]", [THX_MASK] = "[MASK]"
    };
    int32_t ids[THX_SPECIALS];
    json_t *config = NULL;

    t->kind = THX_WORDPIECE;
    thorax_status st = read_file(t, path, err);
    if (!st) st = thx_text_config(&config, folder, "tokenizer_config.json", err);
    if (!st) st = read_settings(t, config, err);
    const size_t n = t->bpe.n_ids;
    if (!st) st = thx_tokenizer_read_specials(t, folder, names, ids, err);
    if (!st && (ids[THX_UNK] < 0 || ids[THX_CLS] < 0 || ids[THX_SEP] < 0 || (size_t)ids[THX_UNK] >= n))
        st = thx_fail(err, THORAX_FORMAT, 0, "%s: expected the unknown token among its lines", path);
    if (!st) {
        t->wordpiece.unknown = ids[THX_UNK];
        t->before = ids[THX_CLS];
        t->after = ids[THX_SEP];
        t->pad = ids[THX_PAD];
    }
    json_decref(config);
    return st;
}
