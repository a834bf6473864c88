/* Messages → prompt text and ids, by a chat template.
 *
 * The text is kept in two kinds: what the template itself prints may hold control tokens, which
 * become their ids; what users wrote never does. Plain text of both kinds that stands together is
 * split into words together, as the original does with its one string. What the tokenizer puts before
 * a whole text (Llama's <s>) comes first among the ids and is not in the text. */
#include "text/template.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

#include <string.h>

/* ---- Text and ids ---- */

typedef struct renderer {
    const thx_tokenizer *tokenizer;
    thx_prompt          *out;
    thx_string           plain; /* text that waits for its neighbours */
    bool                 behind; /* and stands behind a control token */
    size_t               image_tokens;
    int32_t              image_id;
    thorax_error        *err;
} renderer;

static thorax_status flush(renderer *r)
{
    const thx_string *p = &r->plain;
    thorax_status st = THORAX_OK;

    if (p->size && r->behind)
        st = thx_tokenizer_continue(r->tokenizer, p->data, p->size, &r->out->ids, r->err);
    else if (p->size)
        st = thx_tokenizer_encode(r->tokenizer, p->data, p->size, false, &r->out->ids, r->err);
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
        r->behind = true;
        thx_string_add(&r->out->text, text + begin, end - begin);
    }
    return st;
}

static thorax_status put_part(renderer *r, const thx_template *t, thx_chat_part part)
{
    return put_own(r, t->chat.parts[part], strlen(t->chat.parts[part]));
}

/* The image part with the film's placeholders where it says <image>. The original tokenizes what stands
 * before and behind it as two texts. */
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
    r->behind = false;
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

/* ---- A talk ---- */

/* User and assistant in turn; a system message only before them. */
static thorax_status check_turns(const thx_message *messages, size_t n, thorax_error *err)
{
    const size_t first = n && !strcmp(messages[0].role, "system");

    if (first == n) return thx_fail(err, THORAX_USAGE, 0, "a conversation needs a message of the user");
    for (size_t i = first; i < n; i++) {
        const char *want = (i - first) % 2 ? "assistant" : "user";
        if (strcmp(messages[i].role, want))
            return thx_fail(err, THORAX_USAGE, 0, "message %zu: expected role %s, found %.40s", i, want,
                            messages[i].role);
    }
    return THORAX_OK;
}

static thorax_status put_voice(renderer *r, const thx_template *t, const thx_message *m, bool image)
{
    const thx_talk *k = t->chat.talk;
    const bool user = !strcmp(m->role, "user");
    const char *voice = user ? k->user : k->assistant, *after = user ? k->after_user : k->after_assistant;
    thorax_status st = THORAX_OK;

    put_plain(r, voice, strlen(voice));
    put_plain(r, ":", 1);
    if (!*m->content && !image) return THORAX_OK; /* an empty message counts as open in the original */
    put_plain(r, " ", 1);
    if (image) st = put_image(r, t->chat.parts[THX_CHAT_IMAGE]);
    put_plain(r, m->content, strlen(m->content));
    return st ? st : put_own(r, after, strlen(after));
}

static thorax_status put_talk(renderer *r, const thx_template *t, const thx_message *messages, size_t n,
                              bool image)
{
    const thx_talk *k = t->chat.talk;
    const size_t first = !strcmp(messages[0].role, "system");
    const char *system = first ? messages[0].content : k->system;
    thorax_status st = check_turns(messages, n, r->err);

    if (st) return st;
    put_plain(r, system, strlen(system));
    put_plain(r, k->after_user, strlen(k->after_user));
    for (size_t i = first; !st && i < n; i++) st = put_voice(r, t, &messages[i], image && i == first);
    put_plain(r, k->assistant, strlen(k->assistant));
    put_plain(r, ":", 1);
    return st;
}

/* ---- Rendering ---- */

static thorax_status put_turns(renderer *r, const thx_template *t, const thx_message *messages, size_t n,
                               size_t image)
{
    thorax_status st = THORAX_OK;

    if (strcmp(messages[0].role, "system")) st = put_part(r, t, THX_CHAT_SYSTEM);
    for (size_t i = 0; !st && i < n; i++) st = put_message(r, t, &messages[i], i == image);
    return st ? st : put_part(r, t, THX_CHAT_ANSWER);
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
    if (!t) return thx_fail(err, THORAX_MODEL, 0, "the folder's chat template is not known: it can hold no conversation");
    thorax_status st = check_messages(messages, n, image_tokens, &first_user, err);
    if (!st && tokenizer->before >= 0) thx_ids_add(&out->ids, tokenizer->before);
    if (!st)
        st = t->chat.talk ? put_talk(&r, t, messages, n, image_tokens > 0)
                          : put_turns(&r, t, messages, n, image_tokens ? first_user : n);
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
