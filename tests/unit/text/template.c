/* Chat templates: prompts and ids of the golden sets, files of a folder in their order, other
 * layouts of the same template, and what is refused. */
#include "check.h"
#include "tokenizers.h"

/* ---- Golden prompts ---- */

static size_t read_messages(thx_message *out, size_t room, const json_t *list)
{
    const size_t n = json_array_size(list);

    assert_true(n <= room);
    for (size_t i = 0; i < n; i++)
        out[i] =
            (thx_message){ json_string_value(json_object_get(json_array_get(list, i), "role")),
                           json_string_value(json_object_get(json_array_get(list, i), "content")) };
    return n;
}

/* ids of a case: numbers, and {"image": N} for a run of the placeholder. */
static void check_ids(const char *name, const thx_prompt *p, const json_t *want, int32_t image_id)
{
    const json_t *item;
    size_t i, at = 0;

    json_array_foreach(want, i, item) {
        const json_t *run = json_object_get(item, "image");
        const size_t count = run ? (size_t)json_integer_value(run) : 1;
        const int32_t id = run ? image_id : (int32_t)json_integer_value(item);
        if (run && p->image_at != at)
            fail_msg("%s: image at %zu, expected %zu", name, p->image_at, at);
        for (size_t k = 0; k < count; k++, at++)
            if (at >= p->ids.size || p->ids.data[at] != id)
                fail_msg("%s: id %zu is not %d", name, at, id);
    }
    if (at != p->ids.size) fail_msg("%s: %zu ids, expected %zu", name, p->ids.size, at);
}

static void check_case(const thx_template *t, const thx_tokenizer *tokenizer, const json_t *c,
                       int32_t image_id)
{
    thx_message messages[16];
    thx_prompt p;
    thorax_error err;
    const size_t n = read_messages(messages, 16, json_object_get(c, "messages"));
    const size_t image_tokens = (size_t)json_integer_value(json_object_get(c, "image_tokens"));
    const char *name = json_string_value(json_object_get(c, "name"));

    assert_ok(thx_template_render(&p, t, tokenizer, messages, n, image_tokens, image_id, &err),
              err);
    assert_string_equal(p.text.data, json_string_value(json_object_get(c, "prompt")));
    assert_int_equal(p.image_tokens, image_tokens);
    check_ids(name, &p, json_object_get(c, "ids"), image_id);
    thx_prompt_deinit(&p);
}

static void golden_prompts(void **state)
{
    static const char *const names[] = { "llava-onevision", "llava-onevision", "llava-onevision",
                                         "qwen2", "llava-hf" };
    size_t n = 0, i;

    (void)state;
    for (char set = 'a'; set <= 'e'; set++) {
        char path[64];
        json_t *c;
        thx_tokenizer *tokenizer;
        thx_template *t;
        thorax_error err;

        snprintf(path, sizeof path, "golden/radvlm-%c/cases.json", set);
        json_t *j = json_load_file(shared_path(path), JSON_ALLOW_NUL, NULL);
        snprintf(path, sizeof path, "golden/radvlm-%c/model", set);
        assert_ok(thx_tokenizer_open(&tokenizer, shared_path(path), &err), err);
        assert_ok(thx_template_open(&t, shared_path(path), &err), err);
        assert_string_equal(thx_template_name(t), names[set - 'a']);
        const int32_t image_id = (int32_t)json_integer_value(json_object_get(j, "image_token_id"));
        json_array_foreach(json_object_get(j, "cases"), i, c) {
            if (json_object_get(c, "kind")) continue;
            check_case(t, tokenizer, c, image_id);
            n++;
        }
        thx_template_close(t);
        thx_tokenizer_close(tokenizer);
        json_decref(j);
    }
    assert_true(n >= 30);
}

/* ---- LLaVA-Rad's, which no folder carries ---- */

static void golden_rad_prompts(void **state)
{
    static const char *const folders[] = { "a/base", "b/model", "c/base" };
    size_t n = 0, i;
    thx_template *t;
    thorax_error err;

    (void)state;
    assert_ok(thx_template_builtin(&t, "v1", &err), err);
    assert_string_equal(thx_template_name(t), "v1");
    for (size_t k = 0; k < 3; k++) {
        char path[64];
        json_t *c;
        thx_tokenizer *tokenizer;
        snprintf(path, sizeof path, "golden/llavarad-%c/cases.json", folders[k][0]);
        json_t *j = load_json(shared_path(path));
        snprintf(path, sizeof path, "golden/llavarad-%s", folders[k]);
        assert_ok(thx_tokenizer_open(&tokenizer, shared_path(path), &err), err);
        json_array_foreach(json_object_get(j, "cases"), i, c) {
            if (json_object_get(c, "kind")) continue;
            check_case(t, tokenizer, c, -200);
            n++;
        }
        thx_tokenizer_close(tokenizer);
        json_decref(j);
    }
    thx_template_close(t);
    assert_true(n >= 10);
}

/* Whole conversations of the training code, one an image and a line break ahead of the first question, or
 * without film: ours, up to the last answer, is their beginning. Returns false for other ones. */
static bool check_beginning(const thx_template *t, const thx_tokenizer *tokenizer, const json_t *c)
{
    static const char mark[] = "<image>\n";
    const json_t *turns = json_object_get(c, "conversations"), *want = json_object_get(c, "ids");
    const bool image = json_is_true(json_object_get(c, "image"));
    const size_t n = json_array_size(turns) - 1;
    thx_message messages[16];
    thx_prompt p;
    thorax_error err;

    if (strcmp(json_string_value(json_object_get(c, "template")), "v1") ||
        strcmp(json_string_value(json_object_get(c, "tokenizer")), "llama-small") || n % 2 == 0 || n > 16 ||
        !json_is_null(json_object_get(c, "system")) || json_is_true(json_object_get(c, "legacy")))
        return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *turn = json_array_get(turns, i);
        const char *text = json_string_value(json_array_get(json_object_get(c, "after_multimodal"), i));
        if (strcmp(json_string_value(json_object_get(turn, "from")), i % 2 ? "gpt" : "human")) return false;
        if (image && !i && strncmp(text, mark, sizeof mark - 1)) return false;
        messages[i] = (thx_message){ i % 2 ? "assistant" : "user", text + (image && !i ? sizeof mark - 1 : 0) };
        if (strstr(messages[i].content, "<")) return false; /* their control strings and images are parsed */
    }
    assert_ok(thx_template_render(&p, t, tokenizer, messages, n, image, -200, &err), err);
    for (size_t i = 0; i < p.ids.size; i++)
        if (p.ids.data[i] != json_integer_value(json_array_get(want, i)))
            fail_msg("%s: id %zu differs", json_string_value(json_object_get(c, "id")), i);
    thx_prompt_deinit(&p);
    return true;
}

static void golden_rad_training(void **state)
{
    FILE *f = fopen(shared_path("golden/train-tokens/rad.jsonl"), "r");
    static char line[1 << 20];
    size_t n = 0;
    thx_tokenizer *tokenizer;
    thx_template *t;
    thorax_error err;

    (void)state;
    assert_ok(thx_tokenizer_open(&tokenizer, shared_path("golden/train-tokens/llama-small"), &err), err);
    assert_ok(thx_template_builtin(&t, "v1", &err), err);
    while (fgets(line, sizeof line, f)) {
        json_t *c = json_loads(line, JSON_ALLOW_NUL, NULL);
        assert_non_null(c);
        n += check_beginning(t, tokenizer, c);
        json_decref(c);
    }
    fclose(f);
    thx_template_close(t);
    thx_tokenizer_close(tokenizer);
    assert_true(n >= 10);
}

/* The specification's prompts (section 9) with the published vocabulary. */
static void published_rad_prompts(void **state)
{
    static const int32_t before[] = { 1,     319,   13563, 1546, 263,  12758, 1404,  322,   385,  23116, 21082, 20255,
                                      29889, 450,   20255, 4076, 8444, 29892, 13173, 29892, 322,  1248,  568,   6089,
                                      304,   278,   1404,  29915, 29879, 5155, 29889, 3148, 1001, 29901, 29871 },
                         behind[] = { 29871, 13,   1184, 29894, 680, 263,   6139, 310,  278,   1284,  886,
                                      297,   278,  17937, 3002, 1967, 29889, 319, 1799, 9047, 13566, 29901 };
    enum { N_BEFORE = sizeof before / sizeof *before, N_BEHIND = sizeof behind / sizeof *behind };
    thx_string question = { 0 };
    thx_tokenizer *tokenizer;
    thx_template *t;
    thx_prompt p;
    thorax_error err;

    (void)state;
    assert_ok(thx_tokenizer_open(&tokenizer, shared_path("data/tokenizers/llama-spm"), &err), err);
    assert_ok(thx_template_builtin(&t, "v1", &err), err);
    assert_ok(thx_question_rad(&question, NULL, &err), err);
    const thx_message m = { "user", question.data };
    assert_ok(thx_template_render(&p, t, tokenizer, &m, 1, 1369, -200, &err), err);
    assert_int_equal(p.ids.size, 1426);
    assert_int_equal(p.image_at, N_BEFORE);
    assert_memory_equal(p.ids.data, before, sizeof before);
    assert_memory_equal(p.ids.data + N_BEFORE + 1369, behind, sizeof behind);
    thx_prompt_deinit(&p);
    question.size = 0;
    assert_ok(thx_question_rad(&question, "shortness of breath", &err), err);
    const thx_message with = { "user", question.data };
    assert_ok(thx_template_render(&p, t, tokenizer, &with, 1, 1369, -200, &err), err);
    assert_int_equal(p.ids.size, 1435);
    thx_prompt_deinit(&p);
    thx_string_deinit(&question);
    thx_template_close(t);
    thx_tokenizer_close(tokenizer);
}

/* Our small model of that kind, made for a moment with the settings of the published folder. */
static thx_tokenizer *open_llama(void)
{
    char *folder = folder_make(), *data;
    size_t size;
    thx_tokenizer *t;
    thorax_error err;

    assert_ok(thx_file_read(&data, &size, source_path("tests/data/llama/tokenizer.model"), 1 << 20, &err), err);
    folder_put(folder, "tokenizer.model", data, size);
    folder_puts(folder, "tokenizer_config.json", "{\"legacy\": false}");
    assert_ok(thx_tokenizer_open(&t, folder, &err), err);
    free(data);
    folder_remove(folder);
    return t;
}

static void check_text(const thx_template *t, const thx_tokenizer *tokenizer, const thx_message *messages, size_t n,
                       bool image, const char *want)
{
    thx_prompt p;
    thx_ids ids = { 0 };
    thorax_error err;

    assert_ok(thx_template_render(&p, t, tokenizer, messages, n, image, -200, &err), err);
    assert_string_equal(p.text.data, want);
    assert_int_equal(p.ids.data[0], 1);
    if (!image && !strstr(want, "[")) { /* nobody wrote a control string: the original's call says the same */
        assert_ok(thx_tokenizer_encode_whole(tokenizer, want, strlen(want), true, 0, &ids, &err), err);
        assert_int_equal(ids.size, p.ids.size);
        assert_memory_equal(ids.data, p.ids.data, ids.size * sizeof *ids.data);
    }
    size_t ends = 0;
    for (size_t i = 0; i < p.ids.size; i++) ends += p.ids.data[i] == 2;
    assert_int_equal(ends, n > 2 ? 1 : 0);
    thx_ids_deinit(&ids);
    thx_prompt_deinit(&p);
}

static void a_talk_of_turns(void **state)
{
    static const char own[] =
        "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, "
        "detailed, and polite answers to the user's questions.";
    const thx_message talk[] = { { "user", " Where? " }, { "assistant", "\nHere. " }, { "user", "</s>[x]" } },
                      plain[] = { { "user", "the heart" }, { "assistant", "is\n" }, { "user", " clear" } },
                      system[] = { { "system", "Be brief." }, { "user", "Hi" } },
                      empty[] = { { "user", "" } };
    thx_tokenizer *tokenizer = open_llama();
    thx_template *t;
    thorax_error err;
    char want[512];

    (void)state;
    assert_ok(thx_template_builtin(&t, "v1", &err), err);
    snprintf(want, sizeof want, "%s USER: <image>\n Where?  ASSISTANT: \nHere. </s>USER: </s>[x] ASSISTANT:", own);
    check_text(t, tokenizer, talk, 3, true, want);
    snprintf(want, sizeof want, "%s USER: the heart ASSISTANT: is\n</s>USER:  clear ASSISTANT:", own);
    check_text(t, tokenizer, plain, 3, false, want);
    check_text(t, tokenizer, system, 2, true, "Be brief. USER: <image>\nHi ASSISTANT:");
    check_text(t, tokenizer, system, 2, false, "Be brief. USER: Hi ASSISTANT:");
    snprintf(want, sizeof want, "%s USER:ASSISTANT:", own); /* empty counts as open, as in the original */
    check_text(t, tokenizer, empty, 1, false, want);
    snprintf(want, sizeof want, "%s USER: <image>\n ASSISTANT:", own);
    check_text(t, tokenizer, empty, 1, true, want);
    thx_template_close(t);
    thx_tokenizer_close(tokenizer);
}

static void other_orders_are_refused(void **state)
{
    static const thx_message first[] = { { "assistant", "x" }, { "user", "x" } },
                             twice[] = { { "user", "x" }, { "user", "x" } },
                             late[] = { { "user", "x" }, { "system", "x" } }, alone[] = { { "system", "x" } };
    const thx_message *const lists[] = { first, twice, late, alone };
    thx_tokenizer *tokenizer = open_llama();
    thx_template *t;
    thx_prompt p;
    thorax_error err;

    (void)state;
    assert_ok(thx_template_builtin(&t, "v1", &err), err);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(thx_template_render(&p, t, tokenizer, lists[i], i == 3 ? 1 : 2, 0, -200, &err), THORAX_USAGE);
    thx_template_close(t);
    thx_tokenizer_close(tokenizer);
}

/* ---- Renderings by jinja2 ---- */

static thx_tokenizer *open_ours(void)
{
    thx_tokenizer *t;
    thorax_error err;

    assert_ok(thx_tokenizer_open(&t, source_path("tests/data/tokenizer"), &err), err);
    return t;
}

static void check_rendering(const thx_template *t, const thx_tokenizer *tokenizer, const char *name,
                            const json_t *c)
{
    const bool image = json_is_true(json_array_get(c, 2));
    const json_t *ids = json_array_get(c, 4);
    const int32_t image_id = thx_tokenizer_id(tokenizer, "<image>");
    thx_message messages[16];
    thx_prompt p;
    thorax_error err;
    const size_t n = read_messages(messages, 16, json_array_get(c, 1));

    assert_ok(thx_template_render(&p, t, tokenizer, messages, n, image ? 1 : 0, image_id, &err),
              err);
    if (strcmp(p.text.data, json_string_value(json_array_get(c, 3))))
        fail_msg("%s: \"%s\", expected \"%s\"", name, p.text.data,
                 json_string_value(json_array_get(c, 3)));
    if (!json_is_null(ids)) check_ids(name, &p, ids, image_id);
    size_t images = 0; /* a control string in a message never is the placeholder */
    for (size_t i = 0; i < p.ids.size; i++) images += p.ids.data[i] == image_id;
    assert_int_equal(images, image ? 1 : 0);
    thx_prompt_deinit(&p);
}

/* Every layout through a folder's file, then what we print ourselves, then the built-in ones. */
static void renders_as_jinja(void **state)
{
    json_t *j = load_vectors(), *c;
    thx_tokenizer *tokenizer = open_ours();
    char *folder = folder_make();
    size_t i;

    (void)state;
    json_array_foreach(json_object_get(j, "render"), i, c) {
        const char *name = json_string_value(json_array_get(c, 0));
        thx_template *t, *again, *builtin;
        thx_string printed = { 0 };
        thorax_error err;
        folder_puts(folder, "chat_template.jinja",
                    json_string_value(json_object_get(json_object_get(j, "templates"), name)));
        assert_ok(thx_template_open(&t, folder, &err), err);
        assert_int_equal(strncmp(name, thx_template_name(t), strlen(thx_template_name(t))), 0);
        check_rendering(t, tokenizer, name, c);
        thx_template_print(&printed, t);
        folder_put(folder, "chat_template.jinja", printed.data, printed.size);
        assert_ok(thx_template_open(&again, folder, &err), err);
        assert_string_equal(thx_template_name(again), thx_template_name(t));
        check_rendering(again, tokenizer, name, c);
        if (strcmp(thx_template_name(t), "lists") && strcmp(thx_template_name(t), "plain")) {
            assert_ok(thx_template_builtin(&builtin, thx_template_name(t), &err), err);
            check_rendering(builtin, tokenizer, name, c);
            thx_template_close(builtin);
        }
        thx_template_close(again);
        thx_template_close(t);
        thx_string_deinit(&printed);
    }
    assert_true(i > 100);
    folder_remove(folder);
    thx_tokenizer_close(tokenizer);
    json_decref(j);
}

/* ---- Which file rules ---- */

static void expect_name(const char *folder, const char *name)
{
    thx_template *t;
    thorax_error err;

    assert_ok(thx_template_open(&t, folder, &err), err);
    assert_string_equal(thx_template_name(t), name);
    thx_template_close(t);
}

static void put_template(const char *folder, const char *file, const json_t *source, bool as_list)
{
    json_t *j = json_object(), *list = json_array(), *entry = json_object();

    json_object_set_new(j, "model_max_length", json_real(1e30));
    json_object_set_new(entry, "name", json_string("default"));
    json_object_set(entry, "template", (json_t *)(uintptr_t)source);
    json_array_append(list, entry);
    json_object_set(j, "chat_template", as_list ? list : (json_t *)(uintptr_t)source);
    folder_put_json(folder, file, j);
    json_decref(entry);
    json_decref(list);
    json_decref(j);
}

static void the_processor_rules(void **state)
{
    json_t *j = load_vectors();
    const json_t *sources = json_object_get(j, "templates");
    char *folder = folder_make();
    thx_template *t;
    thorax_error err;

    (void)state;
    assert_int_equal(thx_template_open(&t, folder, &err), THORAX_IO);
    put_template(folder, "tokenizer_config.json", json_object_get(sources, "qwen2"), false);
    expect_name(folder, "qwen2");
    folder_puts(folder, "processor_config.json",
                "{\"image_token\": \"<image>\", \"chat_template\": null}");
    expect_name(folder, "qwen2");
    put_template(folder, "processor_config.json", json_object_get(sources, "llava-hf"), false);
    expect_name(folder, "llava-hf");
    folder_puts(folder, "chat_template.jinja",
                json_string_value(json_object_get(sources, "chatml")));
    expect_name(folder, "chatml");
    put_template(folder, "chat_template.json", json_object_get(sources, "llava-onevision"), true);
    expect_name(folder, "llava-onevision");
    folder_remove(folder);
    json_decref(j);
}

/* ---- What is refused ---- */

static void unknown_templates_are_refused(void **state)
{
    static const char *const sources[] = {
        "",
        "{{ bos_token }}{% for m in messages %}[INST] {{ m.content }} [/INST]{% endfor %}",
        "{% for message in messages %}",
        "{{ 'abc",
        "{# no end",
        "{% if x %}",
        "{{",
        "plain text",
        "{% for message in messages %}{{ message['role'] + message['content'] + 'x' }}{% endfor %}",
    };
    char *folder = folder_make();
    thx_template *t;
    thorax_error err;

    (void)state;
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        folder_puts(folder, "chat_template.jinja", sources[i]);
        assert_int_equal(thx_template_open(&t, folder, &err), THORAX_FORMAT);
        assert_non_null(strstr(err.text, "chat_template.jinja"));
        assert_null(t);
    }
    folder_put(folder, "chat_template.jinja", "a\0b", 3);
    assert_int_equal(thx_template_open(&t, folder, &err), THORAX_FORMAT);
    folder_puts(folder, "chat_template.json", "{\"chat_template\": 7}");
    assert_int_equal(thx_template_open(&t, folder, &err), THORAX_FORMAT);
    folder_puts(folder, "chat_template.json", "[");
    assert_int_equal(thx_template_open(&t, folder, &err), THORAX_FORMAT);
    assert_int_equal(thx_template_builtin(&t, "vicuna", &err), THORAX_USAGE);
    folder_remove(folder);
}

static void wrong_conversations_are_refused(void **state)
{
    const thx_message odd = { "tool", "x" }, answer = { "assistant", "x" };
    thx_tokenizer *tokenizer = open_ours();
    thx_template *t;
    thx_prompt p;
    thorax_error err;

    (void)state;
    assert_ok(thx_template_builtin(&t, "llava-onevision", &err), err);
    assert_int_equal(thx_template_render(&p, t, tokenizer, NULL, 0, 0, 1, &err), THORAX_USAGE);
    assert_int_equal(thx_template_render(&p, t, tokenizer, &odd, 1, 0, 1, &err), THORAX_USAGE);
    assert_int_equal(thx_template_render(&p, t, tokenizer, &answer, 1, 5, 1, &err), THORAX_USAGE);
    thx_template_close(t);
    thx_tokenizer_close(tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_prompts),
        cmocka_unit_test(golden_rad_prompts),
        cmocka_unit_test(golden_rad_training),
        cmocka_unit_test(published_rad_prompts),
        cmocka_unit_test(a_talk_of_turns),
        cmocka_unit_test(other_orders_are_refused),
        cmocka_unit_test(renders_as_jinja),
        cmocka_unit_test(the_processor_rules),
        cmocka_unit_test(unknown_templates_are_refused),
        cmocka_unit_test(wrong_conversations_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
