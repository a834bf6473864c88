/* Reading of chat replies: every form, and what is none. */
#include "check.h"

#include "net/chat.h"

#define CHOICE(rest) "{\"choices\":[{" rest "}]}"

static thx_chat_read read_text(const char *body)
{
    thx_chat_read r;
    thorax_error  err;

    assert_ok(thx_chat_read_reply(&r, body, strlen(body), &err), err);
    return r;
}

static void replies_have_states(void **state)
{
    static const struct { const char *body; thx_chat_state state; const char *text; } cases[] = {
        { CHOICE("\"message\":{\"content\":\"yes\"},\"finish_reason\":\"stop\""), THX_CHAT_ANSWERED, "yes" },
        { CHOICE("\"message\":{\"content\":\" \\u00e9\\n\"}"), THX_CHAT_ANSWERED, " \xc3\xa9\n" },
        { CHOICE("\"message\":{\"content\":\"ye\"},\"finish_reason\":\"length\""), THX_CHAT_CUT, "ye" },
        { CHOICE("\"message\":{\"content\":\"\"},\"finish_reason\":\"length\""), THX_CHAT_EMPTY, NULL },
        { CHOICE("\"message\":{\"content\":null},\"finish_reason\":\"stop\""), THX_CHAT_EMPTY, NULL },
        { CHOICE("\"message\":{\"content\":\" \\n\"}"), THX_CHAT_EMPTY, NULL },
        { CHOICE("\"message\":{}"), THX_CHAT_EMPTY, NULL },
        { CHOICE("\"message\":{\"content\":null,\"refusal\":\"no\"}"), THX_CHAT_REFUSED, NULL },
        { CHOICE("\"message\":{\"content\":\"x\",\"refusal\":null}"), THX_CHAT_ANSWERED, "x" },
        { CHOICE("\"message\":{\"content\":\"par\"},\"finish_reason\":\"content_filter\""), THX_CHAT_FILTERED, NULL },
        { CHOICE("\"message\":{\"content\":5}"), THX_CHAT_BROKEN, NULL },
        { CHOICE("\"message\":{\"content\":[{\"type\":\"text\"}]}"), THX_CHAT_BROKEN, NULL },
        { CHOICE("\"message\":\"x\""), THX_CHAT_BROKEN, NULL },
        { CHOICE("\"text\":\"x\""), THX_CHAT_BROKEN, NULL },
        { "{\"choices\":[]}", THX_CHAT_BROKEN, NULL },
        { "{\"choices\":{}}", THX_CHAT_BROKEN, NULL },
        { "{\"choices\":[7]}", THX_CHAT_BROKEN, NULL },
        { "{}", THX_CHAT_BROKEN, NULL },
        { "[]", THX_CHAT_BROKEN, NULL },
        { "", THX_CHAT_BROKEN, NULL },
        { "<html>", THX_CHAT_BROKEN, NULL },
        { "{\"choices\":[{\"message\":{\"content\":\"x", THX_CHAT_BROKEN, NULL },
        { "{\"error\":{\"code\":\"content_filter\"}}", THX_CHAT_FILTERED, NULL },
        { "{\"error\":{\"message\":\"x\"}}", THX_CHAT_FAILED, NULL },
        { "{\"error\":\"x\"}", THX_CHAT_FAILED, NULL },
        { "{\"error\":null,\"choices\":[{\"message\":{\"content\":\"x\"}}]}", THX_CHAT_ANSWERED, "x" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        thx_chat_read r = read_text(cases[i].body);
        if (r.state != cases[i].state) fail_msg("%s: %s", cases[i].body, thx_chat_state_text(r.state));
        if (cases[i].text) assert_string_equal(r.text, cases[i].text);
        else assert_null(r.text);
        assert_false(r.counted);
        free(r.text);
    }
}

static void names_and_counts_are_read_and_nothing_else(void **state)
{
    thx_chat_read r = read_text("{\"model\":\"gpt-4o-2024-08-06\","
                                "\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":9},"
                                "\"error\":{\"code\":\"rate_limit\",\"message\":\"secret text\"}}");

    (void)state;
    assert_string_equal(r.model, "gpt-4o-2024-08-06");
    assert_string_equal(r.code, "rate_limit");
    assert_true(r.counted && r.prompt_tokens == 7 && r.completion_tokens == 9);
    r = read_text("{\"error\":{\"code\":429}}");
    assert_string_equal(r.code, "429");
    r = read_text("{\"error\":{\"type\":\"server_error\",\"code\":null}}");
    assert_string_equal(r.code, "server_error");
    r = read_text("{\"model\":\"a sentence about a patient\",\"error\":{\"code\":\"and another one\"}}");
    assert_string_equal(r.model, "");
    assert_string_equal(r.code, "");
    r = read_text("{\"usage\":{\"prompt_tokens\":-7,\"completion_tokens\":9}}");
    assert_false(r.counted);
    r = read_text("{\"usage\":{\"prompt_tokens\":7.5,\"completion_tokens\":9}}");
    assert_false(r.counted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_have_states),
        cmocka_unit_test(names_and_counts_are_read_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
