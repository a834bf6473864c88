/* Chat templates: which file of a folder rules, and messages → prompt text and ids.
 *
 * The text is kept in two kinds: what the template itself prints may hold control tokens, which
 * become their ids; what users wrote never does. Plain text of both kinds that stands together is
 * split into words together, as the original does with its one string. */
#include "text/template.h"
#include "text/config.h"
#include "text/tokenizer.h"
#include "text/utf8.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEMPLATE = 256 << 10 };

/* ---- Finding the template ---- */

/* The text of a JSON "chat_template": a string, or the one named "default" of a list or object. */
static const char *default_of(const json_t *j)
{
    const json_t *item;
    size_t i;

    if (json_is_object(j)) return json_string_value(json_object_get(j, "default"));
    json_array_foreach(j, i, item) {
        const char *name = json_string_value(json_object_get(item, "name"));
        if (name && !strcmp(name, "default"))
            return json_string_value(json_object_get(item, "template"));
    }
    return json_string_value(j);
}

static thorax_status read_named(thx_template *t, const char *source, const char *folder,
                                const char *name, thorax_error *err)
{
    const thorax_status st = thx_chat_read(t, source, err);

    if (st) {
        char path[160]; /* as much as a prefix shows */
        snprintf(path, sizeof path, "%s/%s", folder, name);
        thx_error_prefix(err, path);
    }
    return st;
}

static thorax_status from_json(thx_template *t, bool *found, const char *folder, const char *name,
                               thorax_error *err)
{
    json_t *config;
    thorax_status st = thx_text_config(&config, folder, name, err);
    const json_t *j = json_object_get(config, "chat_template");
    const char *source = default_of(j);

    if (!st && j && !json_is_null(j)) {
        *found = true;
        if (source) st = read_named(t, source, folder, name, err);
        else
            st = thx_fail(err, THORAX_FORMAT, 0,
                          "%s/%s: chat_template: expected a text, or a default one in a list",
                          folder, name);
    }
    json_decref(config);
    return st;
}

static thorax_status from_jinja(thx_template *t, bool *found, const char *folder, const char *name,
                                thorax_error *err)
{
    char *path = thx_path_join(folder, name), *source = NULL;
    size_t size;
    thorax_status st = THORAX_OK;

    if (!path) return thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", folder);
    *found = thx_file_exists(path);
    if (*found) {
        st = thx_file_read(&source, &size, path, MAX_TEMPLATE, err);
        if (!st && strlen(source) != size)
            st = thx_fail(err, THORAX_FORMAT, strlen(source), "%s: expected text, found a 0 byte",
                          path);
        if (!st) st = read_named(t, source, folder, name, err);
    }
    free(source);
    free(path);
    return st;
}

/* Order of transformers 4.53 (processing_utils.py): the processor's own file, the old kind before
 * the new one, then the key that early processors kept in their config. The tokenizer's template is
 * another one; it is used only where no processor has one. */
static thorax_status read_folder(thx_template *t, const char *folder, thorax_error *err)
{
    static const struct {
        const char *name;
        thorax_status (*read)(thx_template *t, bool *found, const char *folder, const char *name,
                              thorax_error *err);
    } places[] = { { "chat_template.json", from_json }, { "chat_template.jinja", from_jinja },
                   { "processor_config.json", from_json }, { "tokenizer_config.json", from_json } };
    bool found = false;

    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const thorax_status st = places[i].read(t, &found, folder, places[i].name, err);
        if (st || found) return st;
    }
    return thx_fail(err, THORAX_IO, 0,
                    "%s: expected a chat template in chat_template.json, chat_template.jinja, "
                    "processor_config.json or tokenizer_config.json, found none",
                    folder);
}

thorax_status thx_template_open(thx_template **out, const char *folder, thorax_error *err)
{
    thx_template *t = calloc(1, sizeof *t);
    thorax_status st;

    *out = NULL;
    if (!t) return thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", folder);
    st = read_folder(t, folder, err);
    if (st) {
        thx_template_close(t);
        return st;
    }
    *out = t;
    return THORAX_OK;
}

thorax_status thx_template_builtin(thx_template **out, const char *name, thorax_error *err)
{
    *out = NULL;
    for (const thx_chat *c = thx_chats; c->name; c++) {
        if (strcmp(c->name, name)) continue;
        *out = calloc(1, sizeof **out);
        if (!*out) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
        (*out)->chat = *c;
        return THORAX_OK;
    }
    return thx_fail(
        err, THORAX_USAGE, 0,
        "no chat template is named %s (there are llava-onevision, llava-hf, qwen2, chatml)", name);
}

void thx_template_close(thx_template *t)
{
    if (!t) return;
    for (size_t i = 0; i < THX_CHAT_PARTS; i++) thx_string_deinit(&t->owned[i]);
    free(t);
}

const char *thx_template_name(const thx_template *t) { return t->chat.name; }

/* ---- Printing it as Jinja ---- */

static void print_quoted(thx_string *out, const char *text)
{
    thx_string_puts(out, "'");
    for (; *text; text++) {
        if (*text == '\n') thx_string_puts(out, "\\n");
        else if (*text == '\'' || *text == '\\') thx_string_printf(out, "\\%c", *text);
        else thx_string_add(out, text, 1);
    }
    thx_string_puts(out, "'");
}

static void print_part(thx_string *out, const thx_template *t, thx_chat_part part)
{
    if (!*t->chat.parts[part]) return;
    thx_string_puts(out, "{{ ");
    print_quoted(out, t->chat.parts[part]);
    thx_string_puts(out, " }}");
}

void thx_template_print(thx_string *out, const thx_template *t)
{
    static const char loop[] =
        "{%% for content in message['content'] | selectattr('type', 'equalto', '%s') %%}";

    thx_string_puts(out, "{% for message in messages %}");
    if (*t->chat.parts[THX_CHAT_SYSTEM]) {
        thx_string_puts(out, "{% if loop.first and messages[0]['role'] != 'system' %}");
        print_part(out, t, THX_CHAT_SYSTEM);
        thx_string_puts(out, "{% endif %}");
    }
    print_part(out, t, THX_CHAT_TURN);
    thx_string_puts(out, "{{ message['role'] }}");
    print_part(out, t, THX_CHAT_AFTER_ROLE);
    if (t->chat.lists) {
        thx_string_printf(out, loop, "image");
        print_part(out, t, THX_CHAT_IMAGE);
        thx_string_puts(out, "{% endfor %}");
        thx_string_printf(out, loop, "text");
        print_part(out, t, THX_CHAT_BEFORE_TEXT);
        thx_string_puts(out, "{{ content['text'] }}{% endfor %}");
    } else {
        thx_string_puts(out, "{{ message['content'] }}");
    }
    print_part(out, t, THX_CHAT_END);
    thx_string_puts(out, "{% endfor %}{% if add_generation_prompt %}");
    print_part(out, t, THX_CHAT_ANSWER);
    thx_string_puts(out, "{% endif %}");
}

/* ---- Rendering ---- */

typedef struct renderer {
    const thx_tokenizer *tokenizer;
    thx_prompt          *out;
    thx_string           plain; /* text that waits for its neighbours */
    size_t               image_tokens;
    int32_t              image_id;
    thorax_error        *err;
} renderer;

static thorax_status flush(renderer *r)
{
    if (!r->plain.size) return THORAX_OK;
    const thorax_status st = thx_tokenizer_encode(r->tokenizer, r->plain.data, r->plain.size, false,
                                                  &r->out->ids, r->err);
    r->plain.size = 0;
    return st;
}

/* What is not UTF-8 is repaired here already, so that it ends before what stands next to it. */
static void put_plain(renderer *r, const char *text, size_t size)
{
    thx_utf8_repair(&r->plain, text, size);
    thx_utf8_repair(&r->out->text, text, size);
}

/* Text of the template: its added tokens become ids. */
static thorax_status put_own(renderer *r, const char *text, size_t size)
{
    size_t begin, end;
    thorax_status st = THORAX_OK;

    for (size_t at = 0; !st && at < size; at = end) {
        begin = end = size;
        const int32_t id = thx_added_next(&r->tokenizer->raw, text, size, at, &begin, &end);
        put_plain(r, text + at, begin - at);
        if (id < 0) break;
        st = flush(r);
        thx_ids_add(&r->out->ids, id);
        thx_string_add(&r->out->text, text + begin, end - begin);
    }
    return st;
}

static thorax_status put_part(renderer *r, const thx_template *t, thx_chat_part part)
{
    return put_own(r, t->chat.parts[part], strlen(t->chat.parts[part]));
}

/* The image part with the film's placeholders where it says <image>. */
static thorax_status put_image(renderer *r, const char *part)
{
    static const char mark[] = "<image>";
    const char *at = strstr(part, mark);
    thx_prompt *out = r->out;
    thorax_status st = put_own(r, part, (size_t)(at - part));

    if (!st) st = flush(r);
    thx_string_puts(&out->text, mark);
    out->image_at = out->ids.size;
    out->image_tokens = r->image_tokens;
    for (size_t i = 0; i < r->image_tokens && !out->ids.failed; i++)
        thx_ids_add(&out->ids, r->image_id);
    at += sizeof mark - 1;
    return st ? st : put_own(r, at, strlen(at));
}

static thorax_status put_message(renderer *r, const thx_template *t, const thx_message *m,
                                 bool image)
{
    thorax_status st = put_part(r, t, THX_CHAT_TURN);

    put_plain(r, m->role, strlen(m->role));
    if (!st) st = put_part(r, t, THX_CHAT_AFTER_ROLE);
    if (!st && image) st = put_image(r, t->chat.parts[THX_CHAT_IMAGE]);
    if (!st) st = put_part(r, t, THX_CHAT_BEFORE_TEXT);
    put_plain(r, m->content, strlen(m->content));
    return st ? st : put_part(r, t, THX_CHAT_END);
}

static thorax_status check_messages(const thx_message *messages, size_t n, size_t image_tokens,
                                    size_t *first_user, thorax_error *err)
{
    static const char *const roles[] = { "system", "user", "assistant" };

    *first_user = n;
    if (!n) return thx_fail(err, THORAX_USAGE, 0, "a conversation needs at least one message");
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        if (!messages[i].role || !messages[i].content)
            return thx_fail(err, THORAX_USAGE, 0, "message %zu: expected role and content", i);
        while (k < 3 && strcmp(messages[i].role, roles[k])) k++;
        if (k == 3)
            return thx_fail(err, THORAX_USAGE, 0,
                            "message %zu: expected role system, user or assistant, found %.40s", i,
                            messages[i].role);
        if (k == 1 && *first_user == n) *first_user = i;
    }
    if (image_tokens && *first_user == n)
        return thx_fail(err, THORAX_USAGE, 0, "a film needs a user turn, found none");
    return THORAX_OK;
}

thorax_status thx_template_render(thx_prompt *out, const thx_template *t,
                                  const thx_tokenizer *tokenizer, const thx_message *messages,
                                  size_t n, size_t image_tokens, int32_t image_id,
                                  thorax_error *err)
{
    renderer r = { .tokenizer = tokenizer,
                   .out = out,
                   .image_tokens = image_tokens,
                   .image_id = image_id,
                   .err = err };
    size_t first_user;

    *out = (thx_prompt){ 0 };
    thorax_status st = check_messages(messages, n, image_tokens, &first_user, err);
    if (!st && strcmp(messages[0].role, "system")) st = put_part(&r, t, THX_CHAT_SYSTEM);
    for (size_t i = 0; !st && i < n; i++)
        st = put_message(&r, t, &messages[i], image_tokens && i == first_user);
    if (!st) st = put_part(&r, t, THX_CHAT_ANSWER);
    if (!st) st = flush(&r);
    if (!st && (out->text.failed || out->ids.failed || r.plain.failed))
        st = thx_fail(err, THORAX_NOMEM, 0, "no memory for the prompt");
    thx_string_deinit(&r.plain);
    if (st) thx_prompt_deinit(out);
    return st;
}

void thx_prompt_deinit(thx_prompt *p)
{
    thx_string_deinit(&p->text);
    thx_ids_deinit(&p->ids);
    *p = (thx_prompt){ 0 };
}
