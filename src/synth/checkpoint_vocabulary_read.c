/* Reading a vocabulary from a tokenizer folder; see checkpoint_vocabulary.h. Added tokens of the
 * folder are left behind: a random checkpoint has its own five. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "synth/checkpoint_vocabulary.h"
#include "weights/json_bounded.h"

enum { MAX_TOKENS = 1 << 20 };

typedef struct reader {
    thx_vocabulary *v;
    thx_arena      *arena;
    const char     *path;  /* for error texts */
    json_t         *vocab; /* token -> id     */
    thorax_error   *err;
} reader;

static thorax_status no_memory(const reader *r)
{
    return thx_fail(r->err, THORAX_NOMEM, 0, "%s: no memory for the vocabulary", r->path);
}

/* Tokens by id; ids must be 0 .. n-1, and every byte must have a token. */
static thorax_status take_tokens(reader *r)
{
    const size_t n = json_object_size(r->vocab);
    const char  *token;
    json_t      *id;

    if (!n || n > MAX_TOKENS)
        return thx_fail(r->err, THORAX_LIMIT, 0, "%s: expected 256 to %d tokens, found %zu", r->path,
                        MAX_TOKENS, n);
    r->v->n = (uint32_t)n;
    r->v->tokens = thx_arena_zalloc(r->arena, n, sizeof *r->v->tokens);
    if (!r->v->tokens) return no_memory(r);
    json_object_foreach(r->vocab, token, id) {
        const json_int_t i = json_is_integer(id) ? json_integer_value(id) : -1;

        if (i < 0 || (size_t)i >= n || r->v->tokens[i])
            return thx_fail(r->err, THORAX_FORMAT, 0, "%s: expected the ids 0 to %zu, each once", r->path,
                            n - 1);
        if (!(r->v->tokens[i] = thx_arena_strdup(r->arena, token))) return no_memory(r);
    }
    for (unsigned byte = 0; byte < 256; byte++) {
        char symbol[3];

        thx_byte_symbol(symbol, (unsigned char)byte);
        if (!json_object_get(r->vocab, symbol))
            return thx_fail(r->err, THORAX_FORMAT, 0,
                            "%s: no token for byte 0x%02x; not a byte-level vocabulary", r->path, byte);
    }
    return THORAX_OK;
}

static bool id_of(uint32_t *id, const reader *r, const char *token)
{
    const json_t *value = token ? json_object_get(r->vocab, token) : NULL;

    if (value) *id = (uint32_t)json_integer_value(value);
    return value != NULL;
}

static thorax_status add_merge(reader *r, const char *left, const char *right)
{
    uint32_t *pair = r->v->merges[r->v->n_merges];

    if (!id_of(&pair[0], r, left) || !id_of(&pair[1], r, right))
        return thx_fail(r->err, THORAX_FORMAT, 0,
                        "%s: merge %u joins tokens that the vocabulary does not have", r->path,
                        r->v->n_merges + 1);
    r->v->n_merges++;
    return THORAX_OK;
}

/* A merge written as "left right"; `text` is cut at the blank. */
static thorax_status add_line(reader *r, char *text)
{
    char *blank = strchr(text, ' ');

    if (blank) *blank = 0;
    return add_merge(r, text, blank ? blank + 1 : NULL);
}

static thorax_status room_for_merges(reader *r, size_t n)
{
    if (n > MAX_TOKENS)
        return thx_fail(r->err, THORAX_LIMIT, 0, "%s: more than %d merges", r->path, MAX_TOKENS);
    r->v->merges = thx_arena_alloc(r->arena, n, sizeof *r->v->merges);
    return r->v->merges ? THORAX_OK : no_memory(r);
}

static thorax_status take_merges_text(reader *r, char *text)
{
    size_t lines = 1;

    for (const char *c = text; *c; c++) lines += *c == '\n';
    thorax_status st = room_for_merges(r, lines);
    for (char *line = text; !st && line;) {
        char *end = strchr(line, '\n');

        if (end) *end = 0;
        line[strcspn(line, "\r")] = 0;
        if (*line && !(line == text && !strncmp(line, "#version", 8))) st = add_line(r, line);
        line = end ? end + 1 : NULL;
    }
    return st;
}

/* Both encodings of tokenizer.json: pairs, or one string with a blank. */
static thorax_status take_merges_json(reader *r, const json_t *merges)
{
    const size_t n = json_array_size(merges);

    thorax_status st = room_for_merges(r, n);
    for (size_t i = 0; !st && i < n; i++) {
        const json_t *m = json_array_get(merges, i);

        if (!json_is_string(m)) {
            st = add_merge(r, json_string_value(json_array_get(m, 0)),
                           json_string_value(json_array_get(m, 1)));
            continue;
        }
        char *text = strdup(json_string_value(m));
        st = text ? add_line(r, text) : no_memory(r);
        free(text);
    }
    return st;
}

static thorax_status read_json(json_t **out, const char *path, thorax_error *err)
{
    char  *text;
    size_t size;

    thorax_status st = thx_file_read(&text, &size, path, THX_JSON_MAX_BYTES, err);
    if (st) return st;
    st = thx_json_bounded(out, text, size, path, "tokenizer", 0, err);
    free(text);
    return st;
}

static thorax_status read_pair(reader *r, const char *vocab_path, const char *merges_path)
{
    char  *text = NULL;
    size_t size;

    r->path = vocab_path;
    thorax_status st = read_json(&r->vocab, vocab_path, r->err);
    if (!st) st = take_tokens(r);
    if (!st) {
        r->path = merges_path;
        st = thx_file_read(&text, &size, merges_path, THX_JSON_MAX_BYTES, r->err);
    }
    if (!st) st = take_merges_text(r, text);
    free(text);
    json_decref(r->vocab);
    return st;
}

static thorax_status read_tokenizer_json(reader *r, const char *path)
{
    json_t *root;

    r->path = path;
    thorax_status st = read_json(&root, path, r->err);
    if (st) return st;
    const json_t *model = json_object_get(root, "model");
    r->vocab = json_object_get(model, "vocab");
    if (!json_is_object(r->vocab) || !json_is_array(json_object_get(model, "merges")))
        st = thx_fail(r->err, THORAX_FORMAT, 0, "%s: expected a model with vocab and merges", path);
    if (!st) st = take_tokens(r);
    if (!st) st = take_merges_json(r, json_object_get(model, "merges"));
    json_decref(root);
    return st;
}

thorax_status thx_vocabulary_read(thx_vocabulary *out, thx_arena *arena, const char *folder,
                                  thorax_error *err)
{
    reader r = { .v = out, .arena = arena, .path = folder, .err = err };
    char  *vocab = thx_path_join(folder, "vocab.json");
    char  *merges = thx_path_join(folder, "merges.txt");
    char  *both = thx_path_join(folder, "tokenizer.json");
    thorax_status st;

    *out = (thx_vocabulary){ 0 };
    if (!vocab || !merges || !both) st = no_memory(&r);
    else if (thx_file_exists(vocab) && thx_file_exists(merges)) st = read_pair(&r, vocab, merges);
    else if (thx_file_exists(both)) st = read_tokenizer_json(&r, both);
    else
        st = thx_fail(err, THORAX_IO, 0,
                      "%s: expected vocab.json with merges.txt, or tokenizer.json, found neither", folder);
    free(vocab);
    free(merges);
    free(both);
    return st;
}
