/* Byte-level BPE as GPT-2 splits it, what ends a text, decoding as the fast classes do it, the judges' templates. The
 * golden sets compare with the original; the cases here are the turns of the rules. */
#include "check.h"
#include "tokenizers.h"

static const char vocab[] = "{\"a\": 0, \"b\": 1, \"\xc4\xa0\": 2, \"1\": 3, \"2\": 4, \"12\": 5, \"\xc4\xa0"
                            "a\": 6, \"\xc4\x8a\": 7, "
                            "\"'\": 8, \"<|end|>\": 9}";

static void put_json(const char *folder, const char *pre_tokenizer)
{
    thx_string text = { 0 };

    thx_string_printf(
        &text,
        "{\"model\": {\"type\": \"BPE\", \"vocab\": %s, \"merges\": [\"1 2\", \"\xc4\xa0 a\"]}, \"pre_tokenizer\": %s, "
        "\"decoder\": {\"type\": \"ByteLevel\"}, \"added_tokens\": [{\"id\": 9, \"content\": \"<|end|>\", \"special\": "
        "true}, {\"id\": 10, \"content\": \"  \", \"normalized\": true}]}",
        vocab, pre_tokenizer);
    folder_put(folder, "tokenizer.json", text.data, text.size);
    thx_string_deinit(&text);
}

static void check(const thx_tokenizer *t, const char *text, const int32_t *want, size_t n)
{
    thx_ids      ids = { 0 };
    thorax_error err;

    assert_ok(thx_tokenizer_encode(t, text, strlen(text), true, &ids, &err), err);
    assert_int_equal(ids.size, n);
    assert_memory_equal(ids.data, want, n * sizeof *want);
    thx_ids_deinit(&ids);
}

static void byte_level_alone_splits_as_gpt2(void **state)
{
    char          *folder = folder_make();
    thx_tokenizer *t;
    thx_ids        ids = { 0 };
    thorax_error   err;

    (void)state;
    put_json(folder, "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"use_regex\": true}");
    folder_puts(folder, "tokenizer_config.json", "{\"eos_token\": {\"content\": \"<|end|>\"}}");
    assert_ok(thx_tokenizer_open(&t, folder, &err), err);
    check(t, "a12 a", (const int32_t[]){ 0, 5, 6 }, 3); /* Qwen2's pattern takes digits one by one */
    check(t, "a  a<|end|>", (const int32_t[]){ 0, 10, 0, 9 }, 4);
    ids.size = 0; /* runs of blanks are no control tokens */
    assert_ok(thx_tokenizer_encode(t, "a  a", 4, false, &ids, &err), err);
    assert_int_equal(ids.size, 3);
    assert_int_equal(ids.data[1], 10);
    thx_ids_deinit(&ids);
    assert_int_equal(thx_tokenizer_eos(t), 9);
    assert_false(thx_tokenizer_is_sentencepiece(t));
    thx_tokenizer_close(t);

    put_json(folder, "{\"type\": \"ByteLevel\", \"add_prefix_space\": true}");
    assert_ok(thx_tokenizer_open(&t, folder, &err), err);
    check(t, "12", (const int32_t[]){ 2, 5 }, 2);
    thx_tokenizer_close(t);
    put_json(folder, "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"use_regex\": false}");
    assert_int_equal(thx_tokenizer_open(&t, folder, &err), THORAX_FORMAT);
    assert_non_null(strstr(err.text, "use_regex"));
    folder_remove(folder);
}

static void older_files_split_by_their_class(void **state)
{
    char          *folder = folder_make();
    thx_tokenizer *t;
    thorax_error   err;

    (void)state;
    folder_puts(folder, "vocab.json", vocab);
    folder_puts(folder, "merges.txt", "1 2\n\xc4\xa0 a\n");
    folder_puts(folder, "tokenizer_config.json", "{\"tokenizer_class\": \"CodeGenTokenizerFast\"}");
    assert_ok(thx_tokenizer_open(&t, folder, &err), err);
    check(t, "12", (const int32_t[]){ 5 }, 1);
    assert_int_equal(thx_tokenizer_eos(t), -1);
    thx_tokenizer_close(t);
    folder_puts(folder, "tokenizer_config.json", "{\"tokenizer_class\": \"Qwen2Tokenizer\"}");
    assert_ok(thx_tokenizer_open(&t, folder, &err), err);
    check(t, "12", (const int32_t[]){ 3, 4 }, 2);
    thx_tokenizer_close(t);
    folder_remove(folder);
}

static void check_decoded(const thx_tokenizer *t, const int32_t *ids, size_t n, bool skip, bool clean, const char *want)
{
    thx_string   out = { 0 };
    thorax_error err;

    assert_ok(thx_tokenizer_decode_fast(t, ids, n, skip, clean, &out, &err), err);
    assert_string_equal(out.data, want);
    thx_string_deinit(&out);
}

/* <0x0A> is 13; 232 is <0xE5>, the beginning of a character. */
static void runs_of_bytes_are_texts_or_none(void **state)
{
    thx_tokenizer *t;
    thx_ids        ids = { 0 };
    thorax_error   err;

    (void)state;
    assert_ok(thx_tokenizer_open_fast(&t, source_path("tests/data/llama/json"), &err), err);
    check_decoded(t, (const int32_t[]){ 13 }, 1, true, true, "\n");
    check_decoded(t, (const int32_t[]){ 13, 232 }, 2, true, true, "\xef\xbf\xbd\xef\xbf\xbd");
    check_decoded(t, (const int32_t[]){ 13, 2, 232 }, 3, true, true,
                  "\xef\xbf\xbd\xef\xbf\xbd"); /* what is left out parts nothing */
    check_decoded(t, (const int32_t[]){ 13, 2, 232 }, 3, false, true, "\n</s>\xef\xbf\xbd");
    check_decoded(t, (const int32_t[]){ 5000, -1 }, 2, false, false, "");
    assert_ok(thx_tokenizer_encode(t, "ab n't . 's", 11, false, &ids, &err), err);
    check_decoded(t, ids.data, ids.size, true, true, "abn't.'s");
    check_decoded(t, ids.data, ids.size, true, false, "ab n't . 's");
    thx_ids_deinit(&ids);
    thx_tokenizer_close(t);
}

/* ---- Templates with a branch for each role ---- */

/* As the judges' code sets it, and as chat models of this kind carry it. */
static const char green[] =
    "{% for message in messages %}\n{% if message['from'] == 'human' %}\n{{ '<|user|>\n' + message['value'] + "
    "eos_token }}\n"
    "{% elif message['from'] == 'system' %}\n{{ '<|system|>\n' + message['value'] + eos_token }}\n"
    "{% elif message['from'] == 'gpt' %}\n{{ '<|assistant|>\n'  + message['value'] + eos_token }}\n{% endif %}\n"
    "{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}";
static const char roles[] =
    "{% for message in messages %}\n{% if message.role == 'system' %}\n{{ '<|system|>\\n' + message.content + "
    "eos_token }}\n"
    "{% elif message.role == 'user' %}\n{{ '<|user|>\\n' + message.content + eos_token }}\n"
    "{% elif message.role == 'assistant' %}\n{{ '<|assistant|>\\n' + message.content + eos_token }}\n{% endif %}\n"
    "{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}";
static const char odd[] =
    "{% for message in messages %}{% if message.role == 'user' %}{{ '<|user|>' + message.content + eos_token }}"
    "{% elif message.role == 'assistant' %}{{ '[assistant]' + message.content + eos_token }}{% endif %}"
    "{% if loop.last and add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}{% endfor %}";

static void put_template(const char *folder, const char *source, const char *eos)
{
    json_t *config = json_pack("{s:s, s:s?}", "chat_template", source, "eos_token", eos);

    folder_put_json(folder, "tokenizer_config.json", config);
    json_decref(config);
}

static void branches_are_recognised(void **state)
{
    char         *folder = folder_make();
    thx_template *t;
    thorax_error  err;

    (void)state;
    for (int i = 0; i < 2; i++) {
        put_template(folder, i ? roles : green, "</s>");
        assert_ok(thx_template_open(&t, folder, &err), err);
        assert_string_equal(thx_template_name(t), "green");
        thx_template_close(t);
    }
    put_template(folder, green, "<|endoftext|>");
    assert_ok(thx_template_open(&t, folder, &err), err);
    assert_string_equal(thx_template_name(t), "green-phi");
    thx_template_close(t);
    put_template(folder, green, NULL); /* it prints a token that nobody names */
    assert_int_equal(thx_template_open(&t, folder, &err), THORAX_FORMAT);
    put_template(folder, odd, "</s>");
    assert_int_equal(thx_template_open(&t, folder, &err), THORAX_FORMAT);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(byte_level_alone_splits_as_gpt2),
                                        cmocka_unit_test(older_files_split_by_their_class),
                                        cmocka_unit_test(runs_of_bytes_are_texts_or_none),
                                        cmocka_unit_test(branches_are_recognised) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
