/* Tokenizers of text encoders: Unigram, byte-level and WordPiece folders against the tokenizers library, what is
 * refused, and that nothing takes longer than it must. */
#include "check.h"
#include "tokenizers.h"
#include "text/charsmap.h"

static void check_folder(const char *folder, const char *kind)
{
    json_t *j = load_json(source_path("tests/data/encoder/vectors.json")), *c;
    thx_tokenizer *t;
    thorax_error err;
    size_t i;

    assert_ok(thx_tokenizer_open(&t, folder, &err), err);
    json_array_foreach(json_object_get(j, kind), i, c)
        check_encoding(t, kind, json_array_get(c, 0), true, json_array_get(c, 1));
    assert_true(i > 100);
    thx_tokenizer_close(t);
    json_decref(j);
}

/* A folder with copies of some files. */
static char *copy_of(const char *kind, const char *const names[], size_t n)
{
    char *folder = folder_make(), path[128], *data;
    size_t size;
    thorax_error err;

    for (size_t i = 0; i < n; i++) {
        snprintf(path, sizeof path, "tests/data/encoder/%s/%s", kind, names[i]);
        assert_ok(thx_file_read(&data, &size, source_path(path), 1 << 20, &err), err);
        folder_put(folder, names[i], data, size);
        free(data);
    }
    return folder;
}

static void as_the_original(void **state)
{
    (void)state;
    check_folder(source_path("tests/data/encoder/unigram"), "unigram");
    check_folder(source_path("tests/data/encoder/roberta"), "roberta");
    check_folder(source_path("tests/data/encoder/modern"), "modern");
    check_folder(source_path("tests/data/encoder/mpnet"), "mpnet");
}

/* What tokenizer.json was made from says the same. */
static void without_json(void **state)
{
    static const char *const files[] = { "spm.model", "vocab.json", "merges.txt", "tokenizer_config.json" };
    char *pieces = copy_of("unigram", files, 1), *bytes = copy_of("roberta", files + 1, 3);

    (void)state;
    check_folder(pieces, "unigram");
    check_folder(bytes, "roberta");
    folder_remove(pieces);
    folder_remove(bytes);
}

static void decodes(void **state)
{
    static const char text[] = "The heart is large.";
    thx_tokenizer *t;
    thx_ids ids = { 0 };
    thx_string out = { 0 };
    thorax_error err;

    (void)state;
    assert_ok(thx_tokenizer_open(&t, source_path("tests/data/encoder/unigram"), &err), err);
    assert_ok(thx_tokenizer_encode_whole(t, text, strlen(text), true, 0, &ids, &err), err);
    assert_ok(thx_tokenizer_decode(t, ids.data, ids.size, true, &out, &err), err);
    assert_string_equal(out.data, text);
    assert_int_equal(ids.data[0], thx_tokenizer_first(t));
    assert_int_equal(ids.data[ids.size - 1], thx_tokenizer_last(t));
    assert_int_equal(thx_tokenizer_pad(t), thx_tokenizer_id(t, "[PAD]"));
    ids.size = 0;
    assert_ok(thx_tokenizer_encode_whole(t, text, strlen(text), true, 5, &ids, &err), err);
    assert_int_equal(ids.size, 5);
    assert_int_equal(ids.data[4], thx_tokenizer_last(t));
    thx_ids_deinit(&ids);
    thx_string_deinit(&out);
    thx_tokenizer_close(t);
}

/* Long words, marks without end, blanks: all in linear time. */
static void long_texts(void **state)
{
    static const char *const units[] = {
        "a", " ", "\xcc\x88", "\xe2\x96\x81", "\xf0\x9f\xa9\xbb", "<mask> ", "heart "
    };
    static const char *const kinds[] = { "unigram", "roberta", "modern", "mpnet" };
    const size_t size = 1 << 18;
    char *text = malloc(size), path[64];

    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        thx_tokenizer *t;
        thorax_error err;
        snprintf(path, sizeof path, "tests/data/encoder/%s", kinds[k]);
        assert_ok(thx_tokenizer_open(&t, source_path(path), &err), err);
        for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
            thx_ids ids = { 0 };
            for (size_t i = 0; i < size; i++) text[i] = units[u][i % strlen(units[u])];
            assert_ok(thx_tokenizer_encode_whole(t, text, size, true, 0, &ids, &err), err);
            assert_true(ids.size >= 2);
            thx_ids_deinit(&ids);
        }
        thx_tokenizer_close(t);
    }
    free(text);
}

static void expect_refused(const char *json, const char *part)
{
    char *folder = folder_make();
    thx_tokenizer *t;
    thorax_error err = { 0 };

    folder_puts(folder, "tokenizer.json", json);
    assert_int_equal(thx_tokenizer_open(&t, folder, &err), THORAX_FORMAT);
    if (!strstr(err.text, part)) fail_msg("\"%s\", expected \"%s\"", err.text, part);
    folder_remove(folder);
}

#define PARTS                                                                                                          \
    "\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"\xe2\x96\x81\",\"prepend_scheme\":\"always\"},"

static void broken_files_are_refused(void **state)
{
    (void)state;
    expect_refused("{" PARTS "\"model\":{\"type\":\"Unigram\",\"unk_id\":7,\"vocab\":[[\"a\",0]]}}", "unk_id");
    expect_refused("{" PARTS "\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"a\",\"b\"]]}}", "a score");
    expect_refused("{" PARTS "\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"a\",0],[\"a\",0]]}}",
                   "same token");
    expect_refused("{" PARTS "\"model\":{\"type\":\"Unigram\",\"unk_id\":0}}", "vocab");
    expect_refused("{\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"a\",0]]}}", "Metaspace");
    expect_refused("{" PARTS "\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"AAA?\"},\"model\":{"
                             "\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"a\",0]]}}",
                   "base64");
    expect_refused("{" PARTS "\"normalizer\":{\"type\":\"StripAccents\"},\"model\":{\"type\":\"Unigram\",\"unk_id\":0,"
                             "\"vocab\":[[\"a\",0]]}}",
                   "StripAccents");
}

/* A table whose array points outside itself replaces nothing. */
static void hostile_table(void **state)
{
    unsigned char data[4 + 4 * 256 + 3] = { 0, 4, 0, 0 };
    thx_charsmap m;
    thx_string out = { 0 };
    thorax_error err;

    (void)state;
    memset(data + 4, 0xff, sizeof data - 4);
    assert_int_equal(thx_charsmap_open(&m, data, sizeof data, &err), THORAX_FORMAT); /* not UTF-8 */
    memset(data + 4 + 4 * 256, 'x', 3);
    assert_ok(thx_charsmap_open(&m, data, sizeof data, &err), err);
    thx_charsmap_put(&m, "ab\xc3\xa9", 4, &out);
    assert_string_equal(out.data, "ab\xc3\xa9");
    thx_charsmap_close(&m);
    assert_int_equal(thx_charsmap_open(&m, data, 3, &err), THORAX_FORMAT);
    data[1] = 0xff;
    assert_int_equal(thx_charsmap_open(&m, data, sizeof data, &err), THORAX_FORMAT);
    thx_string_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_the_original), cmocka_unit_test(without_json),
        cmocka_unit_test(decodes),         cmocka_unit_test(long_texts),
        cmocka_unit_test(hostile_table),   cmocka_unit_test(broken_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
