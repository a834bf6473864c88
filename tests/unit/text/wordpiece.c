/* WordPiece: against transformers' BertTokenizer, published vectors and golden sets; vocabularies and
 * settings that are refused. */
#include "check.h"
#include "tokenizers.h"

static char *folder_of(const char *config)
{
    char *folder = folder_make(), *data;
    size_t size;
    thorax_error err;

    assert_ok(thx_file_read(&data, &size, source_path("tests/data/bert/vocab.txt"), 1 << 20, &err), err);
    folder_put(folder, "vocab.txt", data, size);
    if (config) folder_puts(folder, "tokenizer_config.json", config);
    free(data);
    return folder;
}

static void as_the_original(void **state)
{
    json_t *j = load_json(source_path("tests/data/bert/vectors.json")), *c;
    static const struct { const char *name, *config; } kinds[] = {
        { "encode", NULL }, { "cased", "{\"do_lower_case\": false, \"strip_accents\": null}" }
    };
    size_t i;

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        char *folder = folder_of(kinds[k].config);
        thx_tokenizer *t;
        thorax_error err;
        assert_ok(thx_tokenizer_open(&t, folder, &err), err);
        json_array_foreach(json_object_get(j, kinds[k].name), i, c)
            check_encoding(t, kinds[k].name, json_array_get(c, 0), true, json_array_get(c, 1));
        assert_true(i > 200);
        json_array_foreach(json_object_get(j, "decode"), i, c) check_decoding(t, "decode", c, false);
        thx_tokenizer_close(t);
        folder_remove(folder);
    }
    json_decref(j);
}

static void published_vectors(void **state)
{
    (void)state;
    check_published("data/tokenizers/bert-base-uncased", "data/tokenizers/vectors/bert-base-uncased.jsonl");
}

/* Texts of golden sets; beyond limit_tokens they are cut. */
static void golden_texts(void **state)
{
    static const char *const sets[] = { "bert-base-like", "llavarad-clip" };

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        char path[64];
        json_t *c;
        size_t i;
        thx_tokenizer *t;
        thorax_error err;
        snprintf(path, sizeof path, "golden/%s/%s.json", sets[k], k ? "expect" : "cases");
        json_t *j = load_json(shared_path(path));
        const json_t *limit = json_object_get(j, k ? "context_length" : "limit_tokens");
        snprintf(path, sizeof path, "golden/%s/model", sets[k]);
        assert_ok(thx_tokenizer_open(&t, shared_path(path), &err), err);
        assert_int_equal(thx_tokenizer_pad(t), 0);
        json_array_foreach(json_object_get(j, k ? "texts" : "cases"), i, c) {
            const json_t *text = json_object_get(c, "text"), *want = json_object_get(c, "ids");
            thx_ids ids = { 0 };
            assert_ok(thx_tokenizer_encode_whole(t, json_string_value(text), json_string_length(text), true,
                                                 (size_t)json_integer_value(limit), &ids, &err), err);
            bool same = ids.size == json_array_size(want);
            for (size_t n = 0; same && n < ids.size; n++)
                same = ids.data[n] == json_integer_value(json_array_get(want, n));
            if (!same) fail_msg("%s: ids of \"%s\" differ", sets[k], json_string_value(text));
            thx_ids_deinit(&ids);
        }
        assert_true(i >= 10);
        thx_tokenizer_close(t);
        json_decref(j);
    }
}

static size_t count_of(const thx_tokenizer *t, const char *text, size_t most)
{
    thx_ids ids = { 0 };
    thorax_error err;

    assert_ok(thx_tokenizer_encode_whole(t, text, strlen(text), false, most, &ids, &err), err);
    const size_t n = ids.size;
    assert_int_equal(ids.data[0], thx_tokenizer_id(t, "[CLS]"));
    assert_int_equal(ids.data[n - 1], thx_tokenizer_id(t, "[SEP]"));
    thx_ids_deinit(&ids);
    return n;
}

static void cuts_between_its_ends(void **state)
{
    char *folder = folder_of(NULL);
    thx_tokenizer *t;
    thx_ids ids = { 0 };
    thorax_error err;

    (void)state;
    assert_ok(thx_tokenizer_open(&t, folder, &err), err);
    assert_int_equal(thx_tokenizer_pad(t), 0);
    assert_int_equal(count_of(t, "", 0), 2);
    assert_int_equal(count_of(t, "a b c d", 0), 6);
    assert_int_equal(count_of(t, "a b c d", 5), 5);
    assert_int_equal(count_of(t, "a b c d", 2), 2);
    assert_int_equal(count_of(t, "[SEP][SEP]", 0), 12); /* as text */
    assert_int_equal(thx_tokenizer_encode_whole(t, "a", 1, false, 1, &ids, &err), THORAX_USAGE);
    thx_ids_deinit(&ids);
    thx_tokenizer_close(t);
    folder_remove(folder);
}

static void hostile_texts_stay_linear(void **state)
{
    static const char *const units[] = { "a", " ", "a ", "[CLS]", "[", "\xe5\xbf\x83", "e\xcc\x81\xcc\xa7",
                                         "\xcc\x81", "\xff", "the heart, " };
    char *folder = folder_of(NULL);
    thx_tokenizer *t;
    thorax_error err;

    (void)state;
    assert_ok(thx_tokenizer_open(&t, folder, &err), err);
    check_linear(t, units, sizeof units / sizeof *units);
    thx_tokenizer_close(t);
    folder_remove(folder);
}

static void broken_vocabularies_are_refused(void **state)
{
    char *folder = folder_make(), *line = malloc(5000);

    (void)state;
    folder_puts(folder, "vocab.txt", "");
    expect_refusal(folder, THORAX_FORMAT, "unknown token");
    folder_puts(folder, "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\na\n");
    expect_refusal(folder, THORAX_FORMAT, "same token");
    folder_puts(folder, "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n\xff\n");
    expect_refusal(folder, THORAX_FORMAT, "line 6");
    folder_puts(folder, "vocab.txt", "version https://git-lfs.github.com/spec/v1\n");
    expect_refusal(folder, THORAX_FORMAT, "git-LFS");
    memset(line, 'x', 4999);
    line[4999] = 0;
    folder_puts(folder, "vocab.txt", line);
    expect_refusal(folder, THORAX_FORMAT, "at most 4096");
    folder_puts(folder, "vocab.txt", "[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n[MASK]\r\na");
    folder_puts(folder, "tokenizer_config.json", "{\"do_basic_tokenize\": false}");
    expect_refusal(folder, THORAX_FORMAT, "do_basic_tokenize");
    folder_puts(folder, "tokenizer_config.json", "{\"never_split\": [\"a\"]}");
    expect_refusal(folder, THORAX_FORMAT, "never_split");
    folder_puts(folder, "tokenizer_config.json", "[");
    expect_refusal(folder, THORAX_FORMAT, "tokenizer_config.json");
    folder_puts(folder, "tokenizer_config.json", "{}");
    thx_tokenizer *t;
    thorax_error err;
    assert_ok(thx_tokenizer_open(&t, folder, &err), err); /* other line ends are fine */
    assert_int_equal(thx_tokenizer_id(t, "a"), 5);
    assert_int_equal(thx_tokenizer_size(t), 6);
    thx_tokenizer_close(t);
    free(line);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_the_original),
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(golden_texts),
        cmocka_unit_test(cuts_between_its_ends),
        cmocka_unit_test(hostile_texts_stay_linear),
        cmocka_unit_test(broken_vocabularies_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
