/* SentencePiece models of the Llama kind: against the original library and transformers' slow tokenizer,
 * against published vectors, and files that are broken or of another kind. */
#include "check.h"
#include "tokenizers.h"

/* A folder with our small model, and the configs of one kind of folder. */
static char *folder_of(const char *model, const json_t *config, const json_t *special)
{
    char *folder = folder_make(), *data, path[128];
    size_t size;
    thorax_error err;

    snprintf(path, sizeof path, "tests/data/llama/%s.model", model);
    assert_ok(thx_file_read(&data, &size, source_path(path), 1 << 20, &err), err);
    folder_put(folder, "tokenizer.model", data, size);
    if (config) folder_put_json(folder, "tokenizer_config.json", config);
    if (special && !json_is_null(special)) folder_put_json(folder, "special_tokens_map.json", special);
    free(data);
    return folder;
}

static void as_the_slow_tokenizer(void **state)
{
    json_t *j = load_json(source_path("tests/data/llama/vectors.json")), *kind, *c;
    const char *name;
    size_t n = 0, i;

    (void)state;
    json_object_foreach(json_object_get(j, "folders"), name, kind) {
        char *folder =
            folder_of("tokenizer", json_object_get(kind, "config"), json_object_get(kind, "special"));
        thx_tokenizer *t;
        thorax_error err;
        assert_ok(thx_tokenizer_open(&t, folder, &err), err);
        json_array_foreach(json_object_get(kind, "encode"), i, c) {
            check_encoding(t, name, json_array_get(c, 0), true, json_array_get(c, 1));
            n++;
        }
        json_array_foreach(json_object_get(kind, "decode"), i, c) check_decoding(t, name, c, true);
        thx_tokenizer_close(t);
        folder_remove(folder);
    }
    assert_true(n > 300);
    json_decref(j);
}

/* Other switches and types of pieces, by the bare library. */
static void check_pieces(const char *edit, const json_t *cases)
{
    char *folder = folder_of(edit, NULL, NULL);
    const json_t *c;
    thx_tokenizer *t;
    thx_ids ids = { 0 };
    size_t i;
    thorax_error err;

    assert_ok(thx_tokenizer_open(&t, folder, &err), err);
    json_array_foreach(cases, i, c) {
        const json_t *text = json_array_get(c, 0), *want = json_array_get(c, 1);
        const char *said = json_string_value(text);
        ids.size = 0;
        assert_ok(thx_tokenizer_encode(t, said, json_string_length(text), false, &ids, &err), err);
        bool same = ids.size == json_array_size(want);
        for (size_t k = 0; same && k < ids.size; k++)
            same = ids.data[k] == json_integer_value(json_array_get(want, k));
        if (!same) fail_msg("%s: ids of \"%s\" differ", edit, said);
    }
    assert_true(i > 60);
    thx_ids_deinit(&ids);
    thx_tokenizer_close(t);
    folder_remove(folder);
}

static void as_the_library(void **state)
{
    json_t *j = load_json(source_path("tests/data/llama/vectors.json")), *cases;
    const char *edit;

    (void)state;
    assert_int_equal(json_object_size(json_object_get(j, "pieces")), 5);
    json_object_foreach(json_object_get(j, "pieces"), edit, cases) check_pieces(edit, cases);
    json_decref(j);
}

static void published_vectors(void **state)
{
    (void)state;
    check_published("data/tokenizers/llama-spm", "data/tokenizers/vectors/llama-spm.jsonl");
}

/* Vectors of the specification (section 9), and a few facts about the published file. */
static void published_facts(void **state)
{
    static const struct { const char *text; int32_t ids[12]; size_t n; } cases[] = {
        { "Hello", { 15043 }, 1 },
        { "\n", { 29871, 13 }, 2 },
        { "\xc3\xa9", { 904 }, 1 },
        { "___", { 903, 1649 }, 2 },
        { "2.5 cm", { 29871, 29906, 29889, 29945, 7477 }, 5 },
        { "\xf0\x9f\xab\x81", { 29871, 243, 162, 174, 132 }, 5 },
        { "The heart size is normal.", { 450, 5192, 2159, 338, 4226, 29889 }, 6 },
        { " ", { 259 }, 1 },
        { "", { 0 }, 0 },
    };
    thx_tokenizer *t;
    thx_ids ids = { 0 };
    thorax_error err;

    (void)state;
    assert_ok(thx_tokenizer_open(&t, shared_path("data/tokenizers/llama-spm"), &err), err);
    assert_int_equal(thx_tokenizer_size(t), 32000);
    assert_int_equal(thx_tokenizer_id(t, "<s>"), 1);
    assert_int_equal(thx_tokenizer_id(t, "</s>"), 2);
    assert_int_equal(thx_tokenizer_id(t, "<0x0A>"), 13);
    assert_int_equal(thx_tokenizer_id(t, "\xe2\x96\x81Hello"), 15043);
    assert_int_equal(thx_tokenizer_id(t, "no such token at all"), -1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ids.size = 0;
        assert_ok(thx_tokenizer_encode_whole(t, cases[i].text, strlen(cases[i].text), true, 0, &ids, &err), err);
        assert_int_equal(ids.size, cases[i].n + 1);
        assert_int_equal(ids.data[0], 1);
        assert_memory_equal(ids.data + 1, cases[i].ids, cases[i].n * sizeof *ids.data);
    }
    thx_ids_deinit(&ids);
    thx_tokenizer_close(t);
}

/* What users write is never a control token; behind one, no blank is put before it. */
static void control_strings_are_text_unless_asked_for(void **state)
{
    static const char text[] = "a</s><s><unk><0x0A>b";
    char *folder = folder_of("tokenizer", NULL, NULL);
    thx_tokenizer *t;
    thx_ids a = { 0 }, b = { 0 };
    thorax_error err;

    (void)state;
    folder_puts(folder, "tokenizer_config.json", "{\"legacy\": false}");
    assert_ok(thx_tokenizer_open(&t, folder, &err), err);
    assert_ok(thx_tokenizer_encode(t, text, sizeof text - 1, false, &a, &err), err);
    for (size_t i = 0; i < a.size; i++) assert_true(a.data[i] > 2 && a.data[i] != 13);
    assert_ok(thx_tokenizer_encode(t, text, sizeof text - 1, true, &b, &err), err);
    assert_int_equal(b.data[1], 2);
    assert_int_equal(b.data[2], 1);
    assert_int_equal(b.data[3], 0);
    a.size = b.size = 0;
    assert_ok(thx_tokenizer_encode(t, "</s>b c", 7, true, &a, &err), err);
    assert_ok(thx_tokenizer_continue(t, "b c", 3, &b, &err), err);
    assert_int_equal(a.size, b.size + 1);
    assert_memory_equal(a.data + 1, b.data, b.size * sizeof *b.data);
    thx_ids_deinit(&a);
    thx_ids_deinit(&b);
    thx_tokenizer_close(t);
    folder_remove(folder);
}

/* Bytes come out when they are a character, or when it is clear that they are none. */
static void streams_whole_characters(void **state)
{
    char *folder = folder_of("tokenizer", NULL, NULL);
    thx_tokenizer *t;
    thx_string out = { 0 };
    thorax_error err;

    (void)state;
    assert_ok(thx_tokenizer_open(&t, folder, &err), err);
    thx_stream s = { .tokenizer = t, .skip_special = true };
    thx_stream_add(&s, 3 + 0xf0, &out);
    thx_stream_add(&s, 3 + 0x9f, &out);
    thx_stream_add(&s, 2, &out); /* skipped, the character goes on */
    thx_stream_add(&s, 3 + 0xab, &out);
    assert_int_equal(out.size, 0);
    thx_stream_add(&s, 3 + 0x81, &out);
    assert_string_equal(out.data, "\xf0\x9f\xab\x81");
    thx_stream_add(&s, 3 + 0xe5, &out);
    thx_stream_add(&s, 3 + 0xbf, &out);
    thx_stream_add(&s, 3 + 'A', &out);
    assert_string_equal(out.data, "\xf0\x9f\xab\x81\xef\xbf\xbd\xef\xbf\xbd" "A");
    thx_stream_add(&s, 3 + 0xf0, &out);
    thx_stream_add(&s, 3 + 0x9f, &out);
    thx_stream_end(&s, &out);
    assert_string_equal(out.data, "\xf0\x9f\xab\x81\xef\xbf\xbd\xef\xbf\xbd" "A\xef\xbf\xbd\xef\xbf\xbd");
    thx_string_deinit(&out);
    thx_tokenizer_close(t);
    folder_remove(folder);
}

static void cuts_to_a_limit(void **state)
{
    char *folder = folder_of("tokenizer", NULL, NULL);
    thx_tokenizer *t;
    thx_ids ids = { 0 };
    thorax_error err;

    (void)state;
    assert_ok(thx_tokenizer_open(&t, folder, &err), err);
    assert_ok(thx_tokenizer_encode_whole(t, "the heart and the lungs", 23, false, 3, &ids, &err), err);
    assert_int_equal(ids.size, 3);
    assert_int_equal(ids.data[0], 1);
    assert_int_equal(thx_tokenizer_pad(t), -1);
    thx_ids_deinit(&ids);
    thx_tokenizer_close(t);
    folder_remove(folder);
}

static void hostile_texts_stay_linear(void **state)
{
    static const char *const units[] = { "a", " ", "\n", "the heart ", "\xe2\x96\x81",
                                         "</s>", "</", "\xe5\xbf\x83", "\xff", "he" };
    static const char *const models[] = { "tokenizer", "ties", "user", "unused", "no-bytes" };

    (void)state;
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        char *folder = folder_of(models[m], NULL, NULL);
        thx_tokenizer *t;
        thorax_error err;
        assert_ok(thx_tokenizer_open(&t, folder, &err), err);
        check_linear(t, units + (m ? 3 : 0), m ? 1 : sizeof units / sizeof *units);
        thx_tokenizer_close(t);
        folder_remove(folder);
    }
}

/* ---- Files that are refused ---- */

static void put_varint(thx_string *s, size_t v)
{
    do {
        const char byte = (char)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
        thx_string_add(s, &byte, 1);
        v >>= 7;
    } while (v);
}

static void put_message(thx_string *s, char tag, const char *data, size_t size)
{
    thx_string_add(s, &tag, 1);
    put_varint(s, size);
    thx_string_add(s, data, size);
}

#define PIECE(text, size, more) "\x0a" size text more
#define UNKNOWN PIECE("?", "\x01", "\x18\x02")
#define BPE "\x18\x02"
#define PLAIN "\x20\x00"

/* One piece or several (up to an empty one), trainer and normaliser as given. */
static void refuse(const char *const *pieces, const char *trainer, size_t n_trainer, const char *normalizer,
                   size_t n_normalizer, const char *part)
{
    thx_string s = { 0 };
    char *folder = folder_make();

    for (; *pieces; pieces++) put_message(&s, 0x0a, *pieces, strlen(*pieces));
    if (trainer) put_message(&s, 0x12, trainer, n_trainer);
    if (normalizer) put_message(&s, 0x1a, normalizer, n_normalizer);
    folder_put(folder, "tokenizer.model", s.data ? s.data : "", s.size);
    expect_refusal(folder, THORAX_FORMAT, part);
    expect_refusal(folder, THORAX_FORMAT, "tokenizer.model");
    thx_string_deinit(&s);
    folder_remove(folder);
}

static void broken_models_are_refused(void **state)
{
#define REFUSE(trainer, normalizer, part, ...) \
    refuse((const char *const[]){ __VA_ARGS__, NULL }, trainer, sizeof trainer - 1, normalizer, \
           sizeof normalizer - 1, part)
    (void)state;
    refuse((const char *const[]){ NULL }, NULL, 0, NULL, 0, "found none");
    refuse((const char *const[]){ UNKNOWN, NULL }, NULL, 0, NULL, 0, "trainer");
    refuse((const char *const[]){ UNKNOWN, NULL }, BPE, 2, NULL, 0, "normaliser");
    REFUSE("", PLAIN, "type unigram", UNKNOWN);
    REFUSE("\x18\x09", PLAIN, "type unknown", UNKNOWN);
    REFUSE(BPE "\xc0\x01\x01", PLAIN, "treat_whitespace_as_suffix", UNKNOWN);
    REFUSE(BPE, "", "remove_extra_whitespaces", UNKNOWN);
    REFUSE(BPE, "\x12\x01" "x" PLAIN, "table of characters", UNKNOWN);
    REFUSE(BPE, PLAIN, "unknown piece", PIECE("a", "\x01", ""));
    REFUSE(BPE, PLAIN, "both the unknown", UNKNOWN, PIECE("!", "\x01", "\x18\x02"));
    REFUSE(BPE, PLAIN, "same token", UNKNOWN, PIECE("a", "\x01", ""), PIECE("a", "\x01", ""));
    REFUSE(BPE, PLAIN, "is empty", UNKNOWN, "\x18\x01");
    REFUSE(BPE, PLAIN, "expected UTF-8", UNKNOWN, PIECE("\xff", "\x01", ""));
    REFUSE(BPE, PLAIN, "type of 1 to 6", UNKNOWN, PIECE("a", "\x01", "\x18\x07"));
    REFUSE(BPE, PLAIN, "score", UNKNOWN, PIECE("a", "\x01", "\x15\x01\x01\xc0\x7f"));
    REFUSE(BPE, PLAIN, "such as <0x0A>", UNKNOWN, PIECE("<0xaa>", "\x06", "\x18\x06"));
    REFUSE(BPE, PLAIN, "<0x41> is there", UNKNOWN, PIECE("<0x41>", "\x06", "\x18\x06"));
    REFUSE(BPE "\x98\x02\x01", PLAIN, "<0x00> is missing", UNKNOWN, PIECE("<0x41>", "\x06", "\x18\x06"));
    REFUSE(BPE, PLAIN, "are left", UNKNOWN, PIECE("a", "\x05", ""));
#undef REFUSE
}

static void beginnings_are_refused(void **state)
{
    char *data, *folder = folder_make();
    size_t size;
    thorax_error err;

    (void)state;
    assert_ok(thx_file_read(&data, &size, source_path("tests/data/llama/tokenizer.model"), 1 << 20, &err), err);
    for (size_t cut = 0; cut < size - 8; cut += cut < 16 ? 1 : 211) { /* the last 8 bytes: the normaliser's end */
        folder_put(folder, "tokenizer.model", data, cut);
        expect_refusal(folder, THORAX_FORMAT, "tokenizer.model");
    }
    folder_puts(folder, "tokenizer.model", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
    expect_refusal(folder, THORAX_FORMAT, "git-LFS");
    folder_puts(folder, "tokenizer.model", "{\"a\": 1}");
    expect_refusal(folder, THORAX_FORMAT, "tokenizer.model");
    free(data);
    folder_remove(folder);
}

/* The same model as tokenizer.json, by the fast tokenizer: there a piece is made of pieces only. */
static void as_the_fast_tokenizer(void **state)
{
    json_t *j = load_json(source_path("tests/data/llama/vectors.json")), *c;
    thx_tokenizer *t;
    size_t i;
    thorax_error err;

    (void)state;
    assert_ok(thx_tokenizer_open(&t, source_path("tests/data/llama/json"), &err), err);
    json_array_foreach(json_object_get(j, "json"), i, c)
        check_encoding(t, "json", json_array_get(c, 0), true, json_array_get(c, 1));
    assert_true(i > 100);
    json_array_foreach(json_object_get(json_object_get(json_object_get(j, "folders"), "legacy"), "decode"), i, c)
        check_decoding(t, "json", c, true);
    thx_tokenizer_close(t);
    json_decref(j);
}

/* Metaspace instead of the normaliser: scheme "first" or "always". */
static thx_tokenizer *open_metaspace(const char *scheme)
{
    char *folder = folder_make();
    json_t *j = load_json(source_path("tests/data/llama/json/tokenizer.json"));
    thx_tokenizer *t;
    thorax_error err;

    json_object_set_new(j, "normalizer", json_null());
    json_object_set_new(j, "pre_tokenizer", json_pack("{s:s, s:s, s:s, s:b}", "type", "Metaspace", "replacement",
                                                      "\xe2\x96\x81", "prepend_scheme", scheme, "split", 0));
    folder_put_json(folder, "tokenizer.json", j);
    assert_ok(thx_tokenizer_open(&t, folder, &err), err);
    json_decref(j);
    folder_remove(folder);
    return t;
}

/* By tokenizers 0.21.4. */
static void metaspace_is_shy(void **state)
{
    static const struct { const char *scheme, *text; int32_t ids[12]; size_t n; } cases[] = {
        { "first", "the heart", { 1, 263, 292 }, 3 },
        { "first", " the heart", { 1, 263, 292 }, 3 },
        { "first", "\xe2\x96\x81" "the", { 1, 263 }, 2 },
        { "first", "x</s>the", { 1, 353, 2, 261 }, 4 },
        { "first", "x</s> the", { 1, 353, 2, 263 }, 4 },
        { "first", "</s>the", { 1, 2, 261 }, 3 },
        { "first", " ", { 1, 429 }, 2 },
        { "always", "the heart", { 1, 263, 292 }, 3 },
        { "always", " the heart", { 1, 263, 292 }, 3 },
        { "always", "\xe2\x96\x81" "the", { 1, 263 }, 2 },
        { "always", "x</s>the", { 1, 353, 2, 263 }, 4 },
        { "always", "x</s> the", { 1, 353, 2, 263 }, 4 },
        { "always", "</s>the", { 1, 2, 263 }, 3 },
        { "always", " ", { 1, 429 }, 2 },
        { "never", "the heart", { 1, 261, 292 }, 3 },
        { "never", " the heart", { 1, 263, 292 }, 3 },
        { "never", "\xe2\x96\x81" "the", { 1, 263 }, 2 },
        { "never", "x</s>the", { 1, 459, 2, 261 }, 4 },
        { "never", "x</s> the", { 1, 459, 2, 263 }, 4 },
        { "never", "</s>the", { 1, 2, 261 }, 3 },
        { "never", " ", { 1, 429 }, 2 },
    };
    thx_ids ids = { 0 };
    thorax_error err;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        thx_tokenizer *t = open_metaspace(cases[i].scheme);
        ids.size = 0;
        assert_ok(thx_tokenizer_encode_whole(t, cases[i].text, strlen(cases[i].text), true, 0, &ids, &err), err);
        assert_int_equal(ids.size, cases[i].n);
        assert_memory_equal(ids.data, cases[i].ids, ids.size * sizeof *ids.data);
        thx_tokenizer_close(t);
    }
    thx_ids_deinit(&ids);
}

static void refuse_json(const char *folder, const char *where, const char *value, const char *part)
{
    json_t *j = load_json(source_path("tests/data/llama/json/tokenizer.json"));

    json_t *at = strchr(where, '/') ? json_object_get(j, "model") : j;
    json_object_set_new(at, strchr(where, '/') ? strchr(where, '/') + 1 : where,
                        json_loads(value, JSON_DECODE_ANY, NULL));
    folder_put_json(folder, "tokenizer.json", j);
    expect_refusal(folder, THORAX_FORMAT, part);
    json_decref(j);
}

static void other_components_are_refused(void **state)
{
    char *folder = folder_make();

    (void)state;
    refuse_json(folder, "normalizer", "null", "normalizer");
    refuse_json(folder, "normalizer", "{\"type\": \"NFC\"}", "byte_fallback");
    refuse_json(folder, "pre_tokenizer", "{\"type\": \"Metaspace\"}", "pre_tokenizer");
    refuse_json(folder, "post_processor", "{\"type\": \"BertProcessing\"}", "BertProcessing");
    refuse_json(folder, "model/unk_token", "\"nobody\"", "unknown token");
    refuse_json(folder, "model/unk_token", "null", "unknown token");
    refuse_json(folder, "model/merges", "[\"a nobody\"]", "merge 0");
    refuse_json(folder, "model/vocab", "{\"<unk>\": 0}", "<0x00>");
    folder_remove(folder);
}

/* Added tokens follow the pieces; a special token that is none of them gets the next id. */
static void added_tokens_get_ids(void **state)
{
    char *folder = folder_of("tokenizer", NULL, NULL);
    thx_tokenizer *t;
    thx_ids ids = { 0 };
    thorax_error err;

    (void)state;
    folder_puts(folder, "added_tokens.json", "{\"<box>\": 480}");
    folder_puts(folder, "special_tokens_map.json",
                "{\"pad_token\": \"<pad>\", \"additional_special_tokens\": [\"<more>\"]}");
    assert_ok(thx_tokenizer_open(&t, folder, &err), err);
    assert_int_equal(thx_tokenizer_id(t, "<box>"), 480);
    assert_int_equal(thx_tokenizer_id(t, "<pad>"), 481);
    assert_int_equal(thx_tokenizer_id(t, "<more>"), 482);
    assert_int_equal(thx_tokenizer_pad(t), 481);
    assert_ok(thx_tokenizer_encode(t, "<box><more>", 11, true, &ids, &err), err);
    assert_int_equal(ids.size, 2);
    thx_ids_deinit(&ids);
    thx_tokenizer_close(t);
    folder_puts(folder, "added_tokens.json", "{\"<box>\": 7}");
    expect_refusal(folder, THORAX_FORMAT, "another token");
    folder_puts(folder, "added_tokens.json", "{}");
    folder_puts(folder, "special_tokens_map.json", "{\"pad_token\": {\"content\": \"<pad>\", \"lstrip\": true}}");
    expect_refusal(folder, THORAX_FORMAT, "lstrip");
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_the_slow_tokenizer),
        cmocka_unit_test(as_the_library),
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(published_facts),
        cmocka_unit_test(control_strings_are_text_unless_asked_for),
        cmocka_unit_test(streams_whole_characters),
        cmocka_unit_test(cuts_to_a_limit),
        cmocka_unit_test(hostile_texts_stay_linear),
        cmocka_unit_test(broken_models_are_refused),
        cmocka_unit_test(beginnings_are_refused),
        cmocka_unit_test(as_the_fast_tokenizer),
        cmocka_unit_test(metaspace_is_shy),
        cmocka_unit_test(other_components_are_refused),
        cmocka_unit_test(added_tokens_get_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
