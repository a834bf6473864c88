/* Reading of chat replies; see chat.h. Bodies come from anywhere: every member may be missing or of another kind. */
#include "net/chat.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

enum { CODE_BYTES = sizeof((thx_chat_read *)0)->code, MODEL_BYTES = sizeof((thx_chat_read *)0)->model };

/* Plain words alone get out of a body into messages: letters, digits and the marks of names. */
static void copy_name(char *out, size_t room, const char *text)
{
    const size_t n = text ? strlen(text) : 0;

    *out = 0;
    if (!n || n >= room) return;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("-_.:/", text[i])) return;
    memcpy(out, text, n + 1);
}

static thorax_status broken(thx_chat_read *out, const char *why)
{
    out->state = THX_CHAT_BROKEN;
    snprintf(out->why, sizeof out->why, "%s", why);
    return THORAX_OK;
}

/* false: there is a member and it is no count. */
static bool read_count(uint64_t *out, const json_t *usage, const char *key)
{
    const json_t *v = json_object_get(usage, key);

    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > 1000000000) return false;
    *out = (uint64_t)json_integer_value(v);
    return true;
}

static void read_usage(thx_chat_read *out, const json_t *root)
{
    const json_t *usage = json_object_get(root, "usage");
    uint64_t      prompt, completion;

    if (!read_count(&prompt, usage, "prompt_tokens") || !read_count(&completion, usage, "completion_tokens")) return;
    out->counted = true;
    out->prompt_tokens = prompt;
    out->completion_tokens = completion;
}

/* Services differ in what holds the kind of an error: "code" as a word or a number, or "type". */
static thorax_status read_error(thx_chat_read *out, const json_t *error)
{
    const json_t *code = json_object_get(error, "code");

    out->state = THX_CHAT_FAILED;
    if (json_is_integer(code)) snprintf(out->code, CODE_BYTES, "%lld", (long long)json_integer_value(code));
    else copy_name(out->code, CODE_BYTES, json_string_value(code));
    if (!out->code[0]) copy_name(out->code, CODE_BYTES, json_string_value(json_object_get(error, "type")));
    if (!strcmp(out->code, "content_filter")) out->state = THX_CHAT_FILTERED;
    return THORAX_OK;
}

static bool is_blank(const char *text) { return !text[strspn(text, " \t\r\n")]; }

static thorax_status read_choice(thx_chat_read *out, const json_t *choice, thorax_error *err)
{
    const json_t *message = json_object_get(choice, "message"), *content = json_object_get(message, "content");
    const char   *refusal = json_string_value(json_object_get(message, "refusal"));
    const char   *end = json_string_value(json_object_get(choice, "finish_reason"));
    const char   *text = json_string_value(content);

    if (!json_is_object(message)) return broken(out, "expected choices[0].message");
    if (content && !json_is_null(content) && !text) return broken(out, "expected a text as choices[0].message.content");
    const bool cut = end && !strcmp(end, "length");
    if (end && !strcmp(end, "content_filter")) out->state = THX_CHAT_FILTERED;
    else if (refusal && !is_blank(refusal)) out->state = THX_CHAT_REFUSED;
    else if (!text || is_blank(text)) out->state = THX_CHAT_EMPTY;
    else {
        out->state = cut ? THX_CHAT_CUT : THX_CHAT_ANSWERED;
        out->text = strdup(text);
        if (!out->text) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    }
    if (out->state == THX_CHAT_EMPTY && cut)
        snprintf(out->why, sizeof out->why, "the limit of tokens was reached before any text");
    return THORAX_OK;
}

thorax_status thx_chat_read_reply(thx_chat_read *out, const char *body, size_t size, thorax_error *err)
{
    json_t *root = json_loadb(body ? body : "", size, 0, NULL);

    *out = (thx_chat_read){ 0 };
    if (!json_is_object(root)) {
        json_decref(root);
        return broken(out, "expected a JSON object");
    }
    const json_t *error = json_object_get(root, "error"), *choices = json_object_get(root, "choices");
    thorax_status st;
    read_usage(out, root);
    copy_name(out->model, MODEL_BYTES, json_string_value(json_object_get(root, "model")));
    if (json_is_object(error)) st = read_error(out, error);
    else if (json_is_string(error)) st = read_error(out, NULL);
    else if (!json_array_size(choices)) st = broken(out, "expected choices");
    else st = read_choice(out, json_array_get(choices, 0), err);
    json_decref(root);
    return st;
}
