/* What the tests of this room share: folders made for a moment, comparing, and the vectors of
 * tests/data (computed by the original libraries: tools/oracle/text_vectors.py, piece_vectors.py). */
#ifndef TESTS_TEXT_TOKENIZERS_H
#define TESTS_TEXT_TOKENIZERS_H

#include "base/file.h"
#include "text/text.h"

#include <dirent.h>
#include <jansson.h>

static inline json_t *load_vectors(void)
{
    json_t *j =
        json_load_file(source_path("tests/data/tokenizer/vectors.json"), JSON_ALLOW_NUL, NULL);
    assert_non_null(j);
    return j;
}

static inline json_t *load_json(const char *path)
{
    json_t *j = json_load_file(path, JSON_ALLOW_NUL, NULL);
    assert_non_null(j);
    return j;
}

/* What a text, JSON's, becomes must be `want`; `whole`: with what belongs around it. */
static inline void check_encoding(const thx_tokenizer *t, const char *name, const json_t *text, bool whole,
                                  const json_t *want)
{
    const char *data = json_string_value(text);
    const size_t size = json_string_length(text);
    thx_ids ids = { 0 };
    thorax_error err;

    if (whole) assert_ok(thx_tokenizer_encode_whole(t, data, size, true, 0, &ids, &err), err);
    else assert_ok(thx_tokenizer_encode(t, data, size, true, &ids, &err), err);
    bool same = ids.size == json_array_size(want);
    for (size_t i = 0; same && i < ids.size; i++)
        same = ids.data[i] == json_integer_value(json_array_get(want, i));
    if (!same) {
        for (size_t i = 0; i < ids.size; i++) print_message("%d ", ids.data[i]);
        fail_msg("%s: ids of \"%s\" differ (%zu, expected %zu)", name, data, ids.size, json_array_size(want));
    }
    thx_ids_deinit(&ids);
}

static inline void check_same(const char *name, const thx_string *got, const json_t *want)
{
    if (got->size != json_string_length(want) || memcmp(got->data, json_string_value(want), got->size))
        fail_msg("%s: \"%s\", expected \"%s\"", name, got->data, json_string_value(want));
}

/* [ids, text, text without special tokens]; what the stream gives must be the latter too. */
static inline void check_decoding(const thx_tokenizer *t, const char *name, const json_t *c, bool stream)
{
    const json_t *list = json_array_get(c, 0);
    const size_t n = json_array_size(list);
    int32_t ids[512];
    thx_string out = { 0 };
    thx_stream s = { .tokenizer = t, .skip_special = true };
    thorax_error err;

    assert_true(n <= 512);
    for (size_t i = 0; i < n; i++) ids[i] = (int32_t)json_integer_value(json_array_get(list, i));
    assert_ok(thx_tokenizer_decode(t, ids, n, false, &out, &err), err);
    check_same(name, &out, json_array_get(c, 1));
    out.size = 0;
    assert_ok(thx_tokenizer_decode(t, ids, n, true, &out, &err), err);
    check_same(name, &out, json_array_get(c, 2));
    out.size = 0;
    thx_string_add(&out, "", 0);
    for (size_t i = 0; i < n && stream; i++) {
        const size_t before = out.size;
        thx_stream_add(&s, ids[i], &out);
        json_t *piece = json_stringn(out.data + before, out.size - before); /* whole characters only */
        assert_non_null(piece);
        json_decref(piece);
    }
    thx_stream_end(&s, &out);
    if (stream) check_same(name, &out, json_array_get(c, 2));
    thx_string_deinit(&out);
}

/* The vectors of a tokenizer of ../shared, which have nothing around them: .jsonl. */
static inline void check_published(const char *folder, const char *vectors)
{
    const char *dir = shared_path(folder);
    FILE *f = fopen(shared_path(vectors), "r");
    char line[65536];
    size_t n = 0;
    thx_tokenizer *t;
    thorax_error err;

    assert_ok(thx_tokenizer_open(&t, dir, &err), err);
    for (; fgets(line, sizeof line, f); n++) {
        json_t *c = json_loads(line, JSON_ALLOW_NUL, NULL);
        assert_non_null(c);
        check_encoding(t, json_string_value(json_object_get(c, "id")), json_object_get(c, "text"), false,
                       json_object_get(c, "ids"));
        json_decref(c);
    }
    fclose(f);
    assert_true(n > 40);
    thx_tokenizer_close(t);
}

/* Opening must fail with this status and these words. */
static inline void expect_refusal(const char *folder, thorax_status want, const char *part)
{
    thx_tokenizer *t;
    thorax_error err = { 0 };
    const thorax_status st = thx_tokenizer_open(&t, folder, &err);

    if (st != want || !strstr(err.text, part))
        fail_msg("status %d \"%s\", expected %d with \"%s\"", (int)st, err.text, (int)want, part);
    assert_null(t);
}

/* A megabyte of each unit; the test's time limit is the judge. */
static inline void check_linear(const thx_tokenizer *t, const char *const *units, size_t n)
{
    const size_t size = 1 << 20;
    char *text = malloc(size + 1);
    thx_ids ids = { 0 };
    thorax_error err;

    for (size_t u = 0; u < n; u++) {
        const size_t length = strlen(units[u]);
        for (size_t i = 0; i < size; i++) text[i] = units[u][i % length];
        text[size] = 'x';
        ids.size = 0;
        assert_ok(thx_tokenizer_encode(t, text, size + 1, true, &ids, &err), err);
        assert_true(ids.size > 0);
    }
    thx_ids_deinit(&ids);
    free(text);
}

/* A new folder; the caller removes it. */
static inline char *folder_make(void)
{
    char path[] = "/tmp/thorax-text-XXXXXX";

    assert_non_null(mkdtemp(path));
    return strdup(path);
}

static inline void folder_put(const char *folder, const char *name, const char *text, size_t size)
{
    char *path = thx_path_join(folder, name);
    thorax_error err;

    assert_ok(thx_file_write(path, text, size, &err), err);
    free(path);
}

static inline void folder_puts(const char *folder, const char *name, const char *text)
{
    folder_put(folder, name, text, strlen(text));
}

static inline void folder_put_json(const char *folder, const char *name, const json_t *j)
{
    char *text = json_dumps(j, JSON_ENCODE_ANY);

    folder_puts(folder, name, text);
    free(text);
}

static inline void folder_empty(const char *folder)
{
    DIR *d = opendir(folder);

    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        char *path = thx_path_join(folder, e->d_name);
        if (e->d_name[0] != '.') unlink(path);
        free(path);
    }
    closedir(d);
}

static inline void folder_remove(char *folder)
{
    folder_empty(folder);
    rmdir(folder);
    free(folder);
}

#endif
