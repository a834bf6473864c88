/* Kept answers; see answers.h. A file is one JSON object: key, answer, and a SHA-256 over both. */
#include "net/answers.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/string.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

enum { ANSWER_BYTES = 32 << 20, KEY_HEX = 64 };

thorax_status thx_answers_make(const char *folder, thorax_error *err) { return thx_folder_make_private(folder, err); }

/* "FOLDER/KEY.answer"; NULL when memory runs out. */
static char *path_of(const char *folder, const char *key)
{
    char name[KEY_HEX + 16];

    snprintf(name, sizeof name, "%.*s.answer", KEY_HEX, key);
    return thx_path_join(folder, name);
}

static void seal(char hex[65], const char *key, const json_t *answer)
{
    char *text = json_dumps(answer, JSON_COMPACT | JSON_SORT_KEYS);
    thx_sha256 h;

    thx_sha256_init(&h);
    thx_sha256_add(&h, key, strlen(key));
    if (text) thx_sha256_add(&h, text, strlen(text));
    thx_sha256_end(&h, hex);
    free(text);
}

/* ---- Reading ---- */

static bool read_count(uint64_t *out, const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    *out = json_is_integer(v) && json_integer_value(v) >= 0 ? (uint64_t)json_integer_value(v) : 0;
    return json_is_integer(v) && json_integer_value(v) >= 0;
}

static bool read_answer(thx_kept *out, const json_t *answer)
{
    const char *text = json_string_value(json_object_get(answer, "text"));
    const char *model = json_string_value(json_object_get(answer, "model"));

    if (!text || !model || strlen(model) >= sizeof out->model) return false;
    if (!read_count(&out->prompt_tokens, answer, "prompt_tokens")) return false;
    if (!read_count(&out->completion_tokens, answer, "completion_tokens")) return false;
    memcpy(out->model, model, strlen(model) + 1);
    out->cut = json_is_true(json_object_get(answer, "cut"));
    out->text = strdup(text);
    return out->text != NULL;
}

bool thx_answers_read(thx_kept *out, const char *key, const char *data, size_t size)
{
    json_t       *root = json_loadb(data, size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *answer = json_object_get(root, "answer");
    const char   *own = json_string_value(json_object_get(root, "key"));
    const char   *sealed = json_string_value(json_object_get(root, "sha256"));
    char          hex[65];
    bool          good = json_is_object(answer) && own && sealed && !strcmp(own, key);

    *out = (thx_kept){ 0 };
    if (good) {
        seal(hex, key, answer);
        good = !strcmp(hex, sealed) && read_answer(out, answer);
    }
    json_decref(root);
    return good;
}

thorax_status thx_answers_load(thx_kept *out, bool *found, const char *folder, const char *key, thorax_error *err)
{
    char  *path = path_of(folder, key), *data = NULL;
    size_t size;

    *out = (thx_kept){ 0 };
    *found = false;
    if (!path) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    const thorax_status st = thx_file_read(&data, &size, path, ANSWER_BYTES, NULL);
    if (!st) *found = thx_answers_read(out, key, data, size);
    if ((!st || st == THORAX_LIMIT) && !*found) unlink(path);
    free(data);
    free(path);
    return st == THORAX_NOMEM ? thx_fail(err, st, 0, "out of memory") : THORAX_OK;
}

/* ---- Writing ---- */

static json_t *print(const char *key, const thx_kept *a)
{
    char    hex[65];
    json_t *answer = json_pack("{s:s, s:b, s:I, s:I, s:s}", "text", a->text, "cut", (int)a->cut, "prompt_tokens",
                               (json_int_t)a->prompt_tokens, "completion_tokens", (json_int_t)a->completion_tokens,
                               "model", a->model);

    if (!answer) return NULL;
    seal(hex, key, answer);
    return json_pack("{s:i, s:s, s:o, s:s}", "schema", 1, "key", key, "answer", answer, "sha256", hex);
}

thorax_status thx_answers_store(const char *folder, const char *key, const thx_kept *answer, thorax_error *err)
{
    json_t       *root = print(key, answer);
    char         *path = path_of(folder, key), *text = root ? json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    thorax_status st;

    if (path && text) st = thx_file_write_private(path, text, strlen(text), err);
    else st = thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", folder);
    free(text);
    free(path);
    json_decref(root);
    return st;
}

void thx_answers_remove(const char *folder, const char *key)
{
    char *path = path_of(folder, key);

    if (path) unlink(path);
    free(path);
}
