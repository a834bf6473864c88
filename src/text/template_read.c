/* Recognises chat templates by what they do, whatever their file is called and however they are
 * laid out: the reader of jinja.h leaves one spelling, in which these shapes are known.
 *
 *   lists   for each message: text, role, text, the images, the videos, the texts of the content
 *           list, text; then the start of the answer (llava-onevision, llava-hf)
 *   plain   for each message: text, role, text, content, text, perhaps with a system turn before
 *           a conversation that has none (Qwen2's ChatML); or with a branch for each role, which all
 *           print the same around their names, and the end-of-text token behind (GREEN, Zephyr)
 *
 * The texts are taken from the template, so a folder with other line breaks renders as it says. */
#include "text/jinja.h"
#include "text/template.h"

#include <stdio.h>
#include <string.h>

#define TURN "<|im_start|>"
#define STOP "<|im_end|>"

/* conversation.py of LLaVA: conv_vicuna_v1. Another one there, llava_v1, says "human" for "user". */
static const thx_talk vicuna = {
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, "
    "detailed, and polite answers to the user's questions.",
    "USER", "ASSISTANT", " ", "</s>"
};

const thx_chat thx_chats[] = {
    { "llava-onevision", true, { TURN, "\n", "<image>\n", "", STOP "\n", TURN "assistant\n", "" }, NULL },
    { "llava-hf", true, { TURN, " ", "<image>", "\n", STOP, TURN "assistant\n", "" }, NULL },
    { "qwen2",
      false,
      { TURN, "\n", "<image>\n", "", STOP "\n", TURN "assistant\n",
        TURN "system\nYou are a helpful assistant." STOP "\n" },
      NULL },
    { "chatml", false, { TURN, "\n", "<image>\n", "", STOP "\n", TURN "assistant\n", "" }, NULL },
    { "green", false, { "<|", "|>\n", "<image>\n", "", "</s>\n", "<|assistant|>\n", "" }, NULL },
    { "green-phi", false, { "<|", "|>\n", "<image>\n", "", "<|endoftext|>\n", "<|assistant|>\n", "" }, NULL },
    { "v1", false, { "", "", "<image>\n", "", "", "", "" }, &vicuna },
    { 0 },
};

#define ROLE "message['role']"
#define CONTENT "message['content']"
#define PARTS(type) "for content in message['content']|selectattr('type','equalto','" type "')"

typedef struct parser { const thx_jinja *jinja; size_t at; thx_template *t; const char *eos; } parser;

static bool eat(parser *p, thx_jinja_kind kind, const char *text)
{
    const thx_jinja_item *item = &p->jinja->items[p->at];

    if (item->kind != kind || item->size != strlen(text) ||
        memcmp(p->jinja->pool.data + item->at, text, item->size))
        return false;
    p->at++;
    return true;
}

static bool eat_statement(parser *p, const char *text) { return eat(p, THX_JINJA_STATEMENT, text); }

/* A part that was taken before must be the same. */
static bool take_part(parser *p, thx_chat_part part, const char *data, size_t size)
{
    thx_string *owned = &p->t->owned[part];

    if (owned->data) return owned->size == size && !memcmp(owned->data, data, size);
    thx_string_add(owned, data, size);
    return true;
}

/* Takes the printed text that stands here, which may be none. */
static bool eat_text(parser *p, thx_chat_part part)
{
    const thx_jinja_item *item = &p->jinja->items[p->at];
    const bool text = item->kind == THX_JINJA_TEXT;
    const char *data = text ? p->jinja->pool.data + item->at : "";
    const size_t size = text ? item->size : 0;

    if (strlen(data) != size) return false;
    if (text) p->at++;
    return take_part(p, part, data, size);
}

static bool eat_texts_loop(parser *p)
{
    return eat_statement(p, PARTS("text")) && eat_text(p, THX_CHAT_BEFORE_TEXT) &&
           eat(p, THX_JINJA_EXPRESSION, "content['text']") && eat_statement(p, "endfor");
}

/* The texts, perhaps in two branches that differ in {% generation %} marks alone. */
static bool eat_texts(parser *p)
{
    if (!eat_statement(p, "if " ROLE "!='assistant'") &&
        !eat_statement(p, "if " ROLE "=='assistant'"))
        return eat_texts_loop(p);
    return eat_texts_loop(p) && eat_statement(p, "else") && eat_texts_loop(p) &&
           eat_statement(p, "endif");
}

/* Videos never come; what the loop prints does not matter. */
static bool eat_videos(parser *p)
{
    if (!eat_statement(p, PARTS("video"))) return true;
    if (p->jinja->items[p->at].kind == THX_JINJA_TEXT) p->at++;
    return eat_statement(p, "endfor");
}

static bool eat_lists(parser *p)
{
    return eat_statement(p, "for message in messages") && eat_text(p, THX_CHAT_TURN) &&
           eat(p, THX_JINJA_EXPRESSION, ROLE) && eat_text(p, THX_CHAT_AFTER_ROLE) &&
           eat_statement(p, PARTS("image")) && eat_text(p, THX_CHAT_IMAGE) &&
           eat_statement(p, "endfor") && eat_videos(p) && eat_texts(p) && eat_text(p, THX_CHAT_END);
}

static bool eat_system(parser *p)
{
    if (!eat_statement(p, "if loop['first']and messages[0]['role']!='system'") &&
        !eat_statement(p, "if loop['first'] and messages[0]['role']!='system'"))
        return true;
    return eat_text(p, THX_CHAT_SYSTEM) && eat_statement(p, "endif");
}

/* A default that some templates set for the flag; here it is always given. */
static bool eat_flag_default(parser *p)
{
    if (!eat_statement(p, "if not add_generation_prompt is defined")) return true;
    return eat_statement(p, "set add_generation_prompt=false") && eat_statement(p, "endif");
}

static bool eat_plain(parser *p)
{
    return eat_flag_default(p) && eat_statement(p, "for message in messages") && eat_system(p) &&
           eat_text(p, THX_CHAT_TURN) && eat(p, THX_JINJA_EXPRESSION, ROLE) &&
           eat_text(p, THX_CHAT_AFTER_ROLE) && eat(p, THX_JINJA_EXPRESSION, CONTENT) &&
           eat_text(p, THX_CHAT_END);
}

/* ---- A branch for each role ---- */

static const struct { const char *role, *tests[2]; } voices[] = {
    { "user", { ROLE "=='user'", "message['from']=='human'" } },
    { "system", { ROLE "=='system'", "message['from']=='system'" } },
    { "assistant", { ROLE "=='assistant'", "message['from']=='gpt'" } },
};

/* The role that "if ROLE" or "elif ROLE" asks for; NULL: something else. */
static const char *eat_role(parser *p, bool first)
{
    char statement[64];

    for (size_t i = 0; i < sizeof voices / sizeof *voices; i++)
        for (size_t k = 0; k < 2; k++) {
            snprintf(statement, sizeof statement, "%s %s", first ? "if" : "elif", voices[i].tests[k]);
            if (eat_statement(p, statement)) return voices[i].role;
        }
    return NULL;
}

/* Text, role, text as one printed text. */
static bool eat_named(parser *p, const char *role)
{
    const thx_jinja_item *item = &p->jinja->items[p->at];
    const char *text = p->jinja->pool.data + item->at, *name;

    if (item->kind != THX_JINJA_TEXT || strlen(text) != item->size || !(name = strstr(text, role))) return false;
    p->at++;
    return take_part(p, THX_CHAT_TURN, text, (size_t)(name - text)) &&
           take_part(p, THX_CHAT_AFTER_ROLE, name + strlen(role), strlen(name + strlen(role)));
}

/* The end-of-text token, and the text behind it. */
static bool eat_eos(parser *p)
{
    thx_string end = { 0 };

    if (!p->eos || !eat(p, THX_JINJA_EXPRESSION, "eos_token")) return false;
    const thx_jinja_item *item = &p->jinja->items[p->at];
    const bool text = item->kind == THX_JINJA_TEXT;
    thx_string_puts(&end, p->eos);
    if (text) thx_string_add(&end, p->jinja->pool.data + item->at, item->size);
    if (text) p->at++;
    const bool same = !end.failed && strlen(end.data) == end.size && take_part(p, THX_CHAT_END, end.data, end.size);
    thx_string_deinit(&end);
    return same;
}

static bool eat_branches(parser *p)
{
    const char *role;
    size_t n = 0;

    if (!eat_statement(p, "for message in messages")) return false;
    for (; (role = eat_role(p, !n)); n++)
        if (!eat_named(p, role) ||
            (!eat(p, THX_JINJA_EXPRESSION, CONTENT) && !eat(p, THX_JINJA_EXPRESSION, "message['value']")) || !eat_eos(p))
            return false;
    return n > 1 && eat_statement(p, "endif") && eat_statement(p, "if loop['last']and add_generation_prompt") &&
           eat_text(p, THX_CHAT_ANSWER) && eat_statement(p, "endif") && eat_statement(p, "endfor") &&
           p->jinja->items[p->at].kind == THX_JINJA_END;
}

/* ---- */

static bool eat_rest(parser *p)
{
    return eat_statement(p, "endfor") && eat_statement(p, "if add_generation_prompt") &&
           eat_text(p, THX_CHAT_ANSWER) && eat_statement(p, "endif") &&
           p->jinja->items[p->at].kind == THX_JINJA_END;
}

static void forget(thx_template *t)
{
    for (size_t i = 0; i < THX_CHAT_PARTS; i++) thx_string_deinit(&t->owned[i]);
}

/* An image part shows the film once; where a template knows no images, LLaVA-NeXT's habit holds. */
static bool has_one_image(const char *part)
{
    const char *at = strstr(part, "<image>");
    return at && !strstr(at + 1, "<image>");
}

/* Points the parts at what was read; a known name if they are a known set. */
static bool settle(thx_template *t, bool lists)
{
    t->chat = (thx_chat){ .name = lists ? "lists" : "plain", .lists = lists };
    for (size_t i = 0; i < THX_CHAT_PARTS; i++)
        t->chat.parts[i] = t->owned[i].data ? t->owned[i].data : "";
    if (!lists) t->chat.parts[THX_CHAT_IMAGE] = "<image>\n";
    if (!has_one_image(t->chat.parts[THX_CHAT_IMAGE])) return false;
    for (const thx_chat *c = thx_chats; c->name; c++) {
        bool same = c->lists == lists && !c->talk;
        for (size_t i = 0; same && i < THX_CHAT_PARTS; i++)
            same = !strcmp(c->parts[i], t->chat.parts[i]);
        if (same) t->chat.name = c->name;
    }
    return true;
}

static bool ran_out(const thx_template *t)
{
    bool failed = false;

    for (size_t i = 0; i < THX_CHAT_PARTS; i++) failed |= t->owned[i].failed;
    return failed;
}

thorax_status thx_chat_read(thx_template *t, const char *source, const char *eos, thorax_error *err)
{
    thx_jinja jinja;
    thorax_status st = thx_jinja_read(&jinja, source, err);

    if (st) return st;
    parser p = { &jinja, 0, t, eos };
    bool known = eat_lists(&p) && eat_rest(&p) && settle(t, true);
    if (!known && !ran_out(t)) {
        forget(t);
        p.at = 0;
        known = eat_plain(&p) && eat_rest(&p) && settle(t, false);
    }
    if (!known && !ran_out(t)) {
        forget(t);
        p.at = 0;
        known = eat_branches(&p) && settle(t, false);
    }
    thx_jinja_deinit(&jinja);
    if (ran_out(t)) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    if (known) return THORAX_OK;
    forget(t);
    return thx_fail(
        err, THORAX_FORMAT, 0,
        "chat template is not known (known: llava-onevision, llava-hf, ChatML as of Qwen2, and GREEN's)");
}
