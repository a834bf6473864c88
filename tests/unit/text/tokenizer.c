/* The tokenizer against published vectors, against the ids and texts of the golden sets, and
 * against folders that are broken or of a kind that is not known. */
#include "check.h"
#include "tokenizers.h"

/* ---- Against others' numbers ---- */

static void check_ids(const thx_tokenizer *t, const char *name, const char *text, size_t size,
                      const json_t *want)
{
    thx_ids ids = { 0 };
    thorax_error err;

    assert_ok(thx_tokenizer_encode(t, text, size, true, &ids, &err), err);
    bool same = ids.size == json_array_size(want);
    for (size_t i = 0; same && i < ids.size; i++)
        same = ids.data[i] == json_integer_value(json_array_get(want, i));
    if (!same) {
        for (size_t i = 0; i < ids.size; i++) print_message("%d ", ids.data[i]);
        fail_msg("%s: ids differ (%zu, expected %zu)", name, ids.size, json_array_size(want));
    }
    thx_ids_deinit(&ids);
}

static void published_vectors(void **state)
{
    const char *folder = shared_path("data/tokenizers/qwen2");
    FILE *f = fopen(shared_path("data/tokenizers/vectors/qwen2.jsonl"), "r");
    char line[65536];
    size_t n = 0;
    thx_tokenizer *t;
    thorax_error err;

    (void)state;
    assert_ok(thx_tokenizer_open(&t, folder, &err), err);
    assert_int_equal(thx_tokenizer_size(t), 151646);
    assert_int_equal(thx_tokenizer_id(t, "<|im_end|>"), 151645);
    assert_int_equal(thx_tokenizer_id(t, "assistant"), 77091);
    assert_int_equal(thx_tokenizer_id(t, "\xc4\xa0Hello"), 21927); /* Ġ stands for a blank */
    assert_int_equal(thx_tokenizer_id(t, "no such token at all"), -1);
    for (; fgets(line, sizeof line, f); n++) {
        json_t *c = json_loads(line, JSON_ALLOW_NUL, NULL), *text = json_object_get(c, "text");
        assert_non_null(c);
        check_ids(t, json_string_value(json_object_get(c, "id")), json_string_value(text),
                  json_string_length(text), json_object_get(c, "ids"));
        json_decref(c);
    }
    fclose(f);
    assert_true(n > 40);
    thx_tokenizer_close(t);
}

/* The same in their original form: texts between separator lines, one line of ids each. */
static void published_inp_out(void **state)
{
    static const char separator[] = "\n__ggml_vocab_test__\n";
    const char *folder = shared_path("data/tokenizers/qwen2");
    char *texts, *lines, *line, *rest = NULL;
    size_t size;
    thx_tokenizer *t;
    thorax_error err;

    (void)state;
    assert_ok(thx_file_read(&texts, &size, shared_path("data/tokenizers/vectors/qwen2.inp"),
                            1 << 20, &err),
              err);
    assert_ok(thx_file_read(&lines, &size, shared_path("data/tokenizers/vectors/qwen2.out"),
                            1 << 20, &err),
              err);
    assert_ok(thx_tokenizer_open(&t, folder, &err), err);
    line = lines;
    for (char *text = texts; text; text = rest, line = strchr(line, '\n') + 1) {
        json_t *want = json_array();
        char *end = strstr(text, separator);
        rest = end ? end + sizeof separator - 1 : NULL;
        for (char *p = line, *q; *p != '\n'; p = q) {
            const long id = strtol(p, &q, 10);
            if (q == p) break;
            json_array_append_new(want, json_integer(id));
        }
        check_ids(t, "inp", text, end ? (size_t)(end - text) : strlen(text), want);
        json_decref(want);
    }
    thx_tokenizer_close(t);
    free(texts);
    free(lines);
}

static void check_golden_case(const thx_tokenizer *t, const json_t *c)
{
    const json_t *text = json_object_get(c, "text"), *ids = json_object_get(c, "ids"),
                 *decoded = json_object_get(c, "decoded");
    const char *name = json_string_value(json_object_get(c, "name"));
    thx_string out = { 0 };
    int32_t list[4096];
    thorax_error err;

    if (text) check_ids(t, name, json_string_value(text), json_string_length(text), ids);
    if (!decoded) return;
    for (size_t i = 0; i < json_array_size(ids); i++)
        list[i] = (int32_t)json_integer_value(json_array_get(ids, i));
    assert_ok(thx_tokenizer_decode(t, list, json_array_size(ids), false, &out, &err), err);
    if (out.size != json_string_length(decoded) ||
        memcmp(out.data, json_string_value(decoded), out.size))
        fail_msg("%s: decoded \"%s\", expected \"%s\"", name, out.data, json_string_value(decoded));
    thx_string_deinit(&out);
}

static void golden_tokens(void **state)
{
    size_t n = 0, i;

    (void)state;
    for (char set = 'a'; set <= 'e'; set++) {
        char name[64];
        json_t *c;
        thx_tokenizer *t;
        thorax_error err;

        snprintf(name, sizeof name, "golden/radvlm-%c/cases.json", set);
        json_t *j = json_load_file(shared_path(name), JSON_ALLOW_NUL, NULL);
        snprintf(name, sizeof name, "golden/radvlm-%c/model", set);
        assert_ok(thx_tokenizer_open(&t, shared_path(name), &err), err);
        json_array_foreach(json_object_get(j, "cases"), i, c) {
            const char *kind = json_string_value(json_object_get(c, "kind"));
            if (!kind || (strcmp(kind, "tokens") && strcmp(kind, "decode"))) continue;
            check_golden_case(t, c);
            n++;
        }
        thx_tokenizer_close(t);
        json_decref(j);
    }
    assert_true(n >= 50);
}

/* ---- Against vectors of our own tokenizer, made by the original libraries ---- */

static thx_tokenizer *open_ours(void)
{
    thx_tokenizer *t;
    thorax_error err;

    assert_ok(thx_tokenizer_open(&t, source_path("tests/data/tokenizer"), &err), err);
    return t;
}

static void encodes_as_the_original(void **state)
{
    json_t *j = load_vectors(), *c;
    thx_tokenizer *t = open_ours();
    size_t i;

    (void)state;
    json_array_foreach(json_object_get(j, "encode"), i, c) {
        const json_t *text = json_array_get(c, 0);
        char name[32];
        snprintf(name, sizeof name, "encode %zu", i);
        check_ids(t, name, json_string_value(text), json_string_length(text), json_array_get(c, 1));
    }
    assert_true(i > 100);
    thx_tokenizer_close(t);
    json_decref(j);
}

static void check_text(size_t i, const thx_string *got, const json_t *want)
{
    if (got->size != json_string_length(want) ||
        memcmp(got->data, json_string_value(want), got->size))
        fail_msg("decode %zu: \"%s\", expected \"%s\"", i, got->data, json_string_value(want));
}

static void decodes_as_the_original(void **state)
{
    json_t *j = load_vectors(), *c;
    thx_tokenizer *t = open_ours();
    size_t i;

    (void)state;
    json_array_foreach(json_object_get(j, "decode"), i, c) {
        const size_t n = json_array_size(json_array_get(c, 0));
        int32_t ids[64];
        for (size_t k = 0; k < n; k++)
            ids[k] = (int32_t)json_integer_value(json_array_get(json_array_get(c, 0), k));
        for (int skip = 0; skip < 2; skip++) {
            thx_string whole = { 0 }, pieces = { 0 };
            thx_stream s = { .tokenizer = t, .skip_special = skip };
            thorax_error err;
            assert_ok(thx_tokenizer_decode(t, ids, n, skip, &whole, &err), err);
            check_text(i, &whole, json_array_get(c, skip ? 2 : 1));
            thx_string_add(&pieces, "", 0);
            for (size_t k = 0; k < n; k++) {
                const size_t before = pieces.size;
                thx_stream_add(&s, ids[k], &pieces);
                json_t *piece = json_stringn(
                    pieces.data + before, pieces.size - before); /* NULL if not whole characters */
                assert_non_null(piece);
                json_decref(piece);
            }
            thx_stream_end(&s, &pieces);
            check_text(i, &pieces, json_array_get(c, skip ? 2 : 1));
            thx_string_deinit(&whole);
            thx_string_deinit(&pieces);
        }
    }
    assert_true(i > 100);
    thx_tokenizer_close(t);
    json_decref(j);
}

static void encode_to(thx_ids *ids, const thx_tokenizer *t, const char *text, size_t size,
                      bool control)
{
    thorax_error err;

    ids->size = 0;
    assert_ok(thx_tokenizer_encode(t, text, size, control, ids, &err), err);
}

static void control_strings_are_text_unless_asked_for(void **state)
{
    thx_tokenizer *t = open_ours();
    thx_ids a = { 0 }, b = { 0 };
    const char *text = "<|im_end|>";

    (void)state;
    encode_to(&a, t, text, strlen(text), true);
    assert_int_equal(a.size, 1);
    assert_int_equal(a.data[0], thx_tokenizer_id(t, text));
    encode_to(&b, t, text, strlen(text), false);
    assert_true(b.size > 1);
    for (size_t i = 0; i < b.size; i++) assert_int_not_equal(b.data[i], a.data[0]);
    thx_ids_deinit(&a);
    thx_ids_deinit(&b);
    thx_tokenizer_close(t);
}

static void invalid_text_is_repaired(void **state)
{
    static const struct { const char *bytes, *want;
    } cases[] = {
        { "a\xff"
          "b",
          "a\xef\xbf\xbd"
          "b" },                        /* never a byte of UTF-8       */
        { "\xc3", "\xef\xbf\xbd" },     /* cut off                     */
        { "\xe5\xbf", "\xef\xbf\xbd" }, /* two of three: one sign      */
        { "\xe5\xbf"
          "a",
          "\xef\xbf\xbd"
          "a" },
        { "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" }, /* overlong                    */
        { "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* a surrogate */
        { "\xf4\x90\x80\x80",
          "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* above U+10FFFF       */
        { "\xf0\x9f\xa9", "\xef\xbf\xbd" },
    };
    thx_tokenizer *t = open_ours();
    thx_ids a = { 0 }, b = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        encode_to(&a, t, cases[i].bytes, strlen(cases[i].bytes), true);
        encode_to(&b, t, cases[i].want, strlen(cases[i].want), true);
        assert_int_equal(a.size, b.size);
        assert_memory_equal(a.data, b.data, a.size * sizeof *a.data);
    }
    thx_ids_deinit(&a);
    thx_ids_deinit(&b);
    thx_tokenizer_close(t);
}

/* A megabyte of what makes a careless tokenizer quadratic; the test's time limit is the judge. */
static void hostile_texts_stay_linear(void **state)
{
    static const char *const units[] = { "a",
                                         " ",
                                         "\n",
                                         " \n",
                                         "7",
                                         "!",
                                         "'",
                                         "\r\n",
                                         "\xe5\xbf\x83",
                                         "\xcc\x80\xcc\x96",
                                         "\xcc\x96\xcc\x80",
                                         "<|im_start",
                                         "<|im_end|>",
                                         "\xe1\x84\x80\xe1\x85\xa1",
                                         "\xff",
                                         "\xc2\x85" };
    const size_t size = 1 << 20;
    char *text = malloc(size + 1);
    thx_tokenizer *t = open_ours();
    thx_ids ids = { 0 };

    (void)state;
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
        const size_t n = strlen(units[u]);
        for (size_t i = 0; i < size; i++) text[i] = units[u][i % n];
        text[size] = 'x';
        encode_to(&ids, t, text, size + 1, true);
        assert_true(ids.size > 0);
    }
    thx_ids_deinit(&ids);
    thx_tokenizer_close(t);
    free(text);
}

/* ---- Folders that are refused ---- */

static void expect(const char *folder, thorax_status want, const char *part)
{
    thx_tokenizer *t;
    thorax_error err = { 0 };
    const thorax_status st = thx_tokenizer_open(&t, folder, &err);

    if (st != want || !strstr(err.text, part))
        fail_msg("status %d \"%s\", expected %d with \"%s\"", (int)st, err.text, (int)want, part);
    assert_null(t);
}

static json_t *our_json(void)
{
    json_t *j = json_load_file(source_path("tests/data/tokenizer/tokenizer.json"), 0, NULL);
    assert_non_null(j);
    return j;
}

/* Replaces what lies at a path such as "model/unk_token" and opens the folder. */
static void refuse_with(const char *folder, const char *where, const char *value, const char *part)
{
    json_t *j = our_json(), *at = j;
    char keys[128], *rest = NULL, *key, *next;

    snprintf(keys, sizeof keys, "%s", where);
    for (key = strtok_r(keys, "/", &rest); (next = strtok_r(NULL, "/", &rest)); key = next)
        at = json_is_array(at) ? json_array_get(at, (size_t)atoi(key)) : json_object_get(at, key);
    json_t *v = json_loads(value, JSON_DECODE_ANY, NULL);
    assert_non_null(v);
    if (json_is_array(at)) json_array_set_new(at, (size_t)atoi(key), v);
    else json_object_set_new(at, key, v);
    folder_put_json(folder, "tokenizer.json", j);
    expect(folder, THORAX_FORMAT, part);
    json_decref(j);
}

static void unknown_components_are_refused_by_name(void **state)
{
    char *folder = folder_make();

    (void)state;
    expect(folder, THORAX_IO, "found neither");
    refuse_with(folder, "normalizer", "{\"type\": \"NFKC\"}", "NFKC");
    refuse_with(folder, "normalizer",
                "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Lowercase\"}]}",
                "Lowercase");
    refuse_with(folder, "pre_tokenizer", "null", "without one");
    refuse_with(folder, "pre_tokenizer", "{\"type\": \"Metaspace\"}", "Metaspace");
    refuse_with(folder, "pre_tokenizer/pretokenizers/1/add_prefix_space", "true",
                "add_prefix_space");
    refuse_with(folder, "pre_tokenizer/pretokenizers/1/use_regex", "true", "use_regex");
    refuse_with(folder, "pre_tokenizer/pretokenizers/0/behavior", "\"Removed\"", "Isolated");
    refuse_with(folder, "pre_tokenizer/pretokenizers/0/invert", "true", "invert");
    refuse_with(folder, "pre_tokenizer/pretokenizers/0/pattern", "{\"String\": \" \"}",
                "regular expression");
    refuse_with(folder, "pre_tokenizer/pretokenizers/0/pattern/Regex", "\"(\"", "split pattern");
    refuse_with(folder, "pre_tokenizer/pretokenizers/0/pattern/Regex", "\"\\\\h+\"", "\\h");
    refuse_with(folder, "pre_tokenizer/pretokenizers/0/pattern/Regex", "\"[a&&b]\"", "&&");
    refuse_with(folder, "pre_tokenizer/pretokenizers/0/pattern/Regex", "\"\"", "empty");
    refuse_with(folder, "post_processor", "{\"type\": \"BertProcessing\"}", "BertProcessing");
    refuse_with(folder, "post_processor",
                "{\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": {}}, "
                "{\"Sequence\": {}}]}",
                "TemplateProcessing");
    refuse_with(folder, "decoder", "{\"type\": \"WordPiece\"}", "WordPiece");
    refuse_with(folder, "decoder", "null", "without one");
    refuse_with(folder, "model/type", "\"WordLevel\"", "WordLevel");
    refuse_with(folder, "model/unk_token", "\"<unk>\"", "unk_token");
    refuse_with(folder, "model/ignore_merges", "true", "ignore_merges");
    refuse_with(folder, "model/byte_fallback", "true", "byte_fallback");
    refuse_with(folder, "model/end_of_word_suffix", "\"</w>\"", "end_of_word_suffix");
    refuse_with(folder, "model/dropout", "0.1", "dropout");
    refuse_with(folder, "added_tokens/0/single_word", "true", "single_word");
    folder_remove(folder);
}

static void broken_tables_are_refused(void **state)
{
    char *folder = folder_make(), *text;
    size_t size;
    thorax_error err;

    (void)state;
    refuse_with(folder, "model/vocab/!", "3000000000", "whole number");
    refuse_with(folder, "model/vocab/!", "1999999999", "the largest taken");
    refuse_with(folder, "model/vocab/!", "1", "two tokens");
    refuse_with(folder, "model/vocab/!", "1.5", "whole number");
    refuse_with(folder, "model/vocab", "[]", "\"{\"");
    refuse_with(folder, "model/merges/0", "[\"a\", \"never there\"]", "right part");
    refuse_with(folder, "model/merges/0", "\"never there\"", "left part");
    refuse_with(folder, "model/merges/0", "\"a b c\"", "two parts");
    refuse_with(folder, "model/merges/0", "[\"a\"]", "\",\"");
    refuse_with(folder, "model/merges/0", "[\"!\", \"!\"]", "result");
    refuse_with(folder, "added_tokens/0/id", "-1", "an id below");
    refuse_with(folder, "added_tokens/0/id", "3", "another token");
    refuse_with(folder, "added_tokens/0/content", "\"<|im_end|>\"", "twice");
    refuse_with(folder, "added_tokens", "{}", "a list");

    folder_puts(folder, "tokenizer.json",
                "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
    expect(folder, THORAX_FORMAT, "git-LFS");
    folder_puts(folder, "tokenizer.json", "");
    expect(folder, THORAX_FORMAT, "end of the file");
    folder_puts(folder, "tokenizer.json", "{\"model\": {\"type\": \"BPE\", \"vocab\": {}}}");
    expect(folder, THORAX_FORMAT, "");
    assert_ok(thx_file_read(&text, &size, source_path("tests/data/tokenizer/tokenizer.json"),
                            1 << 20, &err),
              err);
    for (size_t cut = 1; cut < size; cut += 97) { /* no beginning of the file is a tokenizer */
        folder_put(folder, "tokenizer.json", text, cut);
        expect(folder, THORAX_FORMAT, "tokenizer.json");
    }
    memset(text, '[', size); /* deep */
    folder_put(folder, "tokenizer.json", "{\"x\":", 5);
    memcpy(text, "{\"x\":", 5);
    folder_put(folder, "tokenizer.json", text, size);
    expect(folder, THORAX_FORMAT, "128 levels");
    free(text);
    folder_remove(folder);
}

/* The same tokenizer as vocab.json and merges.txt gives the same ids. */
static void older_files_say_the_same(void **state)
{
    json_t *j = our_json(), *vectors = load_vectors(), *c, *model = json_object_get(j, "model"),
           *config = json_object(), *added = json_object();
    char *folder = folder_make();
    thx_string merges = { 0 };
    thx_tokenizer *t;
    thorax_error err;
    size_t i;

    (void)state;
    thx_string_puts(&merges, "#version: 0.2\n");
    json_array_foreach(json_object_get(model, "merges"), i, c)
        thx_string_printf(&merges, "%s %s\r\n", json_string_value(json_array_get(c, 0)),
                          json_string_value(json_array_get(c, 1)));
    json_array_foreach(json_object_get(j, "added_tokens"), i, c) {
        char id[16];
        snprintf(id, sizeof id, "%d", (int)json_integer_value(json_object_get(c, "id")));
        json_object_set(added, id, c);
    }
    json_object_set_new(config, "added_tokens_decoder", added);
    json_object_set_new(config, "model_max_length", json_real(1e30));
    folder_put_json(folder, "vocab.json", json_object_get(model, "vocab"));
    expect(folder, THORAX_IO, "merges.txt");
    folder_put(folder, "merges.txt", merges.data, merges.size);
    folder_puts(folder, "tokenizer_config.json",
                "{\"model_max_length\": 1000000000000000019884624838656}");
    folder_puts(folder, "added_tokens.json", "{\"<|im_start|>\": 460}");
    assert_ok(thx_tokenizer_open(&t, folder, &err), err);
    assert_int_equal(thx_tokenizer_id(t, "<|im_start|>"), 460);
    thx_tokenizer_close(t);
    folder_put_json(folder, "tokenizer_config.json", config);
    assert_ok(thx_tokenizer_open(&t, folder, &err), err);
    json_array_foreach(json_object_get(vectors, "encode"), i, c)
        check_ids(t, "older files", json_string_value(json_array_get(c, 0)),
                  json_string_length(json_array_get(c, 0)), json_array_get(c, 1));
    thx_tokenizer_close(t);

    folder_puts(folder, "merges.txt", "a b c\n");
    expect(folder, THORAX_FORMAT, "merges.txt");
    folder_puts(folder, "vocab.json", "{\"a\": 1,}");
    expect(folder, THORAX_FORMAT, "vocab.json");
    thx_string_deinit(&merges);
    folder_remove(folder);
    json_decref(config);
    json_decref(vectors);
    json_decref(j);
}

/* A pattern that backtracks without end is stopped. */
static void a_slow_pattern_meets_its_limit(void **state)
{
    char *folder = folder_make(), text[64];
    json_t *j = our_json();
    thx_tokenizer *t;
    thx_ids ids = { 0 };
    thorax_error err;

    (void)state;
    json_t *split =
        json_array_get(json_object_get(json_object_get(j, "pre_tokenizer"), "pretokenizers"), 0);
    json_object_set_new(json_object_get(split, "pattern"), "Regex", json_string("(a+)+[bc]"));
    folder_put_json(folder, "tokenizer.json", j);
    assert_ok(thx_tokenizer_open(&t, folder, &err), err);
    memset(text, 'a', sizeof text);
    assert_int_equal(thx_tokenizer_encode(t, text, sizeof text, true, &ids, &err), THORAX_LIMIT);
    encode_to(&ids, t, "aab!aab", 7, true); /* parts between matches are words too */
    assert_true(ids.size >= 3);
    thx_ids_deinit(&ids);
    thx_tokenizer_close(t);
    json_decref(j);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(published_inp_out),
        cmocka_unit_test(golden_tokens),
        cmocka_unit_test(encodes_as_the_original),
        cmocka_unit_test(decodes_as_the_original),
        cmocka_unit_test(control_strings_are_text_unless_asked_for),
        cmocka_unit_test(invalid_text_is_repaired),
        cmocka_unit_test(hostile_texts_stay_linear),
        cmocka_unit_test(unknown_components_are_refused_by_name),
        cmocka_unit_test(broken_tables_are_refused),
        cmocka_unit_test(older_files_say_the_same),
        cmocka_unit_test(a_slow_pattern_meets_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
