/* The tokenizer against published vectors, against the ids and texts of the golden sets, and
 * against folders that are broken or of a kind that is not known. */
#include "check.h"
#include "tokenizers.h"

/* ---- Against others' numbers ---- */

static void check_ids(const thx_tokenizer *t, const char *name, const char *text, size_t size, const json_t *want)
{
    thx_ids ids = { 0 };
    thorax_error err;

    assert_ok(thx_tokenizer_encode(t, text, size, true, &ids, &err), err);
    bool same = ids.size == json_array_size(want);
    for (size_t i = 0; same && i < ids.size; i++) same = ids.data[i] == json_integer_value(json_array_get(want, i));
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
        check_ids(t, json_string_value(json_object_get(c, "id")), json_string_value(text), json_string_length(text), json_object_get(c, "ids"));
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
    assert_ok(thx_file_read(&texts, &size, shared_path("data/tokenizers/vectors/qwen2.inp"), 1 << 20, &err), err);
    assert_ok(thx_file_read(&lines, &size, shared_path("data/tokenizers/vectors/qwen2.out"), 1 << 20, &err), err);
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
    const json_t *text = json_object_get(c, "text"), *ids = json_object_get(c, "ids"), *decoded = json_object_get(c, "decoded");
    const char *name = json_string_value(json_object_get(c, "name"));
    thx_string out = { 0 };
    int32_t list[4096];
    thorax_error err;

    if (text) check_ids(t, name, json_string_value(text), json_string_length(text), ids);
    if (!decoded) return;
    for (size_t i = 0; i < json_array_size(ids); i++) list[i] = (int32_t)json_integer_value(json_array_get(ids, i));
    assert_ok(thx_tokenizer_decode(t, list, json_array_size(ids), false, &out, &err), err);
    if (out.size != json_string_length(decoded) || memcmp(out.data, json_string_value(decoded), out.size))
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(published_inp_out),
        cmocka_unit_test(golden_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
