/* Chat templates: which file of a folder rules, those of ours, and printing one as Jinja. */
#include "text/template.h"
#include "text/config.h"
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
    json_t *config = NULL;
    thorax_error ignored; /* of a file that is not the template's, but for memory */
    if (thx_text_config(&config, folder, "tokenizer_config.json", &ignored) == THORAX_NOMEM)
        return thx_fail(err, THORAX_NOMEM, 0, "%s", ignored.text);
    const json_t *eos = json_object_get(config, "eos_token");

    if (json_is_object(eos)) eos = json_object_get(eos, "content");
    const thorax_status st = thx_chat_read(t, source, json_string_value(eos), err);
    json_decref(config);

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
        "no chat template is named %s (there are llava-onevision, llava-hf, qwen2, chatml, green, green-phi, v1)", name);
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

static void print_value(thx_string *out, const char *text)
{
    thx_string_puts(out, "{{ ");
    print_quoted(out, text);
    thx_string_puts(out, " }}");
}

static void print_part(thx_string *out, const thx_template *t, thx_chat_part part)
{
    if (*t->chat.parts[part]) print_value(out, t->chat.parts[part]);
}

static void print_voice(thx_string *out, const char *voice, const char *after)
{
    print_value(out, voice);
    thx_string_puts(out, "{{ ':' }}{% if message['content'] %}{{ ' ' + message['content'] }}");
    print_value(out, after);
    thx_string_puts(out, "{% endif %}");
}

static void print_talk(thx_string *out, const thx_talk *k)
{
    thx_string_puts(out, "{% if messages[0]['role'] == 'system' %}{{ messages[0]['content'] }}{% else %}");
    print_value(out, k->system);
    thx_string_puts(out, "{% endif %}");
    print_value(out, k->after_user);
    thx_string_puts(out, "{% for message in messages %}{% if message['role'] == 'user' %}");
    print_voice(out, k->user, k->after_user);
    thx_string_puts(out, "{% elif message['role'] == 'assistant' %}");
    print_voice(out, k->assistant, k->after_assistant);
    thx_string_puts(out, "{% endif %}{% endfor %}{% if add_generation_prompt %}");
    print_value(out, k->assistant);
    thx_string_puts(out, "{{ ':' }}{% endif %}");
}

void thx_template_print(thx_string *out, const thx_template *t)
{
    static const char loop[] =
        "{%% for content in message['content'] | selectattr('type', 'equalto', '%s') %%}";

    if (t->chat.talk) {
        print_talk(out, t->chat.talk);
        return;
    }
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
