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
        out[i] = (thx_message){ json_string_value(json_object_get(json_array_get(list, i), "role")),
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
        if (run && p->image_at != at) fail_msg("%s: image at %zu, expected %zu", name, p->image_at, at);
        for (size_t k = 0; k < count; k++, at++)
            if (at >= p->ids.size || p->ids.data[at] != id) fail_msg("%s: id %zu is not %d", name, at, id);
    }
    if (at != p->ids.size) fail_msg("%s: %zu ids, expected %zu", name, p->ids.size, at);
}

static void check_case(const thx_template *t, const thx_tokenizer *tokenizer, const json_t *c, int32_t image_id)
{
    thx_message messages[16];
    thx_prompt p;
    thorax_error err;
    const size_t n = read_messages(messages, 16, json_object_get(c, "messages"));
    const size_t image_tokens = (size_t)json_integer_value(json_object_get(c, "image_tokens"));
    const char *name = json_string_value(json_object_get(c, "name"));

    assert_ok(thx_template_render(&p, t, tokenizer, messages, n, image_tokens, image_id, &err), err);
    assert_string_equal(p.text.data, json_string_value(json_object_get(c, "prompt")));
    assert_int_equal(p.image_tokens, image_tokens);
    check_ids(name, &p, json_object_get(c, "ids"), image_id);
    thx_prompt_deinit(&p);
}

static void golden_prompts(void **state)
{
    static const char *const names[] = { "llava-onevision", "llava-onevision", "llava-onevision", "qwen2", "llava-hf" };
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

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(golden_prompts) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
