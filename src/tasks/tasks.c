/* Tasks: questions to a session, answers read into a result; see tasks.h. */
#include "tasks/tasks.h"

#include "base/hash.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { MESSAGES_MAX = 10000 };

void thx_result_close(thx_result *r)
{
    if (!r) return;
    free(r->text);
    thx_ids_deinit(&r->ids);
    free(r->film_name);
    for (size_t i = 0; i < r->n_labels; i++) free(r->labels[i]);
    free(r->labels);
    free(r->boxes);
    free(r->remark);
    free(r);
}

thorax_options thorax_options_default(void)
{
    return (thorax_options){
        .temperature = -1, .top_k = -1, .top_p = -1, .min_p = -1, .repetition_penalty = -1
    };
}

/* ---- A result that knows where it comes from, before there is an answer ---- */

static unsigned stored_types(const thx_weights *w)
{
    unsigned types = 0;

    for (size_t i = 0; w && i < thx_weights_count(w); i++)
        types |= 1u << thx_weights_at(w, i)->type;
    return types;
}

static thorax_status sampling_of(thx_sampling *out, const thorax_options *o, const thx_model *m,
                                 thorax_error *err)
{
    const thx_sampling_request request = {
        .sample = o->sample, .temperature = o->temperature, .top_p = o->top_p, .min_p = o->min_p,
        .repetition_penalty = o->repetition_penalty, .top_k = o->top_k, .seed = o->seed,
    };
    return thx_sampling_resolve(out, &request, &m->generation, err);
}

static thorax_status fill_provenance(thx_provenance *p, thx_session *s, const thorax_options *o,
                                     thorax_error *err)
{
    thx_engine *e = thx_session_engine(s);
    const thx_model *m = thx_engine_model(e);

    memcpy(p->model, m->identity, sizeof p->model);
    p->family = m->family->name;
    p->types = stored_types(m->weights);
    p->precision = thx_engine_get_options(e)->precision;
    p->compat = thx_engine_get_options(e)->compat;
    p->kernels = thx_engine_kernels(e);
    p->max_new_tokens = o->max_new_tokens ? o->max_new_tokens : m->family->max_new_tokens;
    p->ignore_eos = o->ignore_eos;
    p->substring_rule = o->substring_rule;
    return sampling_of(&p->sampling, o, m, err);
}

static bool keep_text(char **out, const char *text)
{
    *out = text ? strdup(text) : NULL;
    return !text || *out;
}

static thorax_status result_open(thx_result **out, const char *task, thx_session *s,
                                 const thx_film_facts *film, const thorax_options *o,
                                 thorax_error *err)
{
    thx_result *r = calloc(1, sizeof *r);

    *out = NULL;
    if (!r) return thx_fail(err, THORAX_NOMEM, 0, "no memory for a result");
    r->task = task;
    r->complete = true;
    if (film && film->name) {
        r->has_film = true;
        memcpy(r->film_sha256, film->sha256, sizeof r->film_sha256);
        r->width = film->width;
        r->height = film->height;
        r->profile = film->profile;
    }
    thorax_status st = THORAX_OK;
    if (!keep_text(&r->film_name, r->has_film ? film->name : NULL) ||
        !keep_text(&r->remark, thx_engine_model(thx_session_engine(s))->remark))
        st = thx_fail(err, THORAX_NOMEM, 0, "no memory for a result");
    if (!st) st = fill_provenance(&r->provenance, s, o, err);
    if (st) thx_result_close(r);
    else *out = r;
    return st;
}

/* ---- One question, one answer ---- */

static thorax_status check_message(const thorax_message *m, size_t i, thorax_error *err)
{
    if (!m->role || !m->content)
        return thx_fail(err, THORAX_USAGE, 0, "message %zu: role or content is missing", i + 1);
    if (strcmp(m->role, "system") && strcmp(m->role, "user") && strcmp(m->role, "assistant"))
        return thx_fail(err, THORAX_USAGE, 0,
                        "message %zu: role \"%.40s\", expected system, user or assistant", i + 1,
                        m->role);
    if (!thx_utf8_valid(m->content, strlen(m->content)))
        return thx_fail(err, THORAX_USAGE, 0, "message %zu: the text is not UTF-8", i + 1);
    return THORAX_OK;
}

static thorax_status check_messages(const thorax_message *m, size_t n, const char *system,
                                    thorax_error *err)
{
    if (!n || !m)
        return thx_fail(err, THORAX_USAGE, 0, "no message: expected a question of the user");
    if (n > MESSAGES_MAX)
        return thx_fail(err, THORAX_USAGE, 0, "%zu messages, at most %d are taken", n,
                        MESSAGES_MAX);
    for (size_t i = 0; i < n; i++) {
        const thorax_status st = check_message(&m[i], i, err);
        if (st) return st;
    }
    if (strcmp(m[n - 1].role, "user"))
        return thx_fail(err, THORAX_USAGE, 0,
                        "the last message is of the %s, expected the user's question",
                        m[n - 1].role);
    if (system && !strcmp(m[0].role, "system"))
        return thx_fail(err, THORAX_USAGE, 0,
                        "a system turn stands in the messages and in the options; one is allowed");
    if (system && !thx_utf8_valid(system, strlen(system)))
        return thx_fail(err, THORAX_USAGE, 0, "the system text is not UTF-8");
    return THORAX_OK;
}

/* Lets the session answer `n` messages, the system turn of the options before them. */
static thorax_status generate(thx_answer *answer, thx_session *s, const thx_provenance *p,
                              const thorax_message *messages, size_t n, const thorax_options *o,
                              thorax_error *err)
{
    thorax_status st = check_messages(messages, n, o->system, err);
    if (st) return st;

    thx_message *turns = calloc(n + 1, sizeof *turns);
    if (!turns) return thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu messages", n);
    size_t count = 0;
    if (o->system) turns[count++] = (thx_message){ "system", o->system };
    for (size_t i = 0; i < n; i++)
        turns[count++] = (thx_message){ messages[i].role, messages[i].content };

    const thx_request request = {
        .messages = turns,
        .n_messages = count,
        .sampling = p->sampling,
        .max_new_tokens = p->max_new_tokens,
        .ignore_eos = o->ignore_eos,
        .on_text = o->on_text,
        .data = o->data,
        .progress = { .step = o->on_progress, .data = o->data },
    };
    st = thx_session_generate(s, &request, answer, err);
    free(turns);
    return st;
}

static void add_usage(thx_result *r, const thx_answer *a)
{
    thorax_usage *u = &r->usage;

    u->prompt_tokens += a->prompt_tokens;
    u->image_tokens = a->image_tokens;
    u->cached_tokens += a->cached_tokens;
    u->completion_tokens += (uint32_t)a->ids.size;
    u->vision_s += a->vision_s;
    u->prompt_s += a->prompt_s;
    u->decode_s += a->decode_s;
    for (size_t i = 0; i < a->ids.size; i++) thx_ids_add(&r->ids, a->ids.data[i]);
    r->complete = r->complete && a->complete;
}

/* Answers into *r: text, ids, usage, prompt hash. One answer a result. */
static thorax_status answer_into(thx_result *r, thx_session *s, const thorax_message *messages,
                                 size_t n, const thorax_options *o, thorax_error *err)
{
    thx_answer answer = { 0 };
    thorax_status st = generate(&answer, s, &r->provenance, messages, n, o, err);

    if (!st) {
        add_usage(r, &answer);
        memcpy(r->provenance.prompt_sha256, answer.prompt_sha256,
               sizeof r->provenance.prompt_sha256);
        r->text = thx_text_strip(answer.text.data ? answer.text.data : "", answer.text.size);
        if (!r->text || r->ids.failed)
            st = thx_fail(err, THORAX_NOMEM, 0, "no memory for the answer");
    }
    thx_answer_deinit(&answer);
    return st;
}

static const thorax_options *or_default(const thorax_options *o, thorax_options *storage)
{
    *storage = thorax_options_default();
    return o ? o : storage;
}

thorax_status thx_task_ask(thx_result **out, thx_session *session, const thx_film_facts *film,
                           const thorax_message *messages, size_t n_messages,
                           const thorax_options *options, thorax_error *err)
{
    thorax_options defaults;
    const thorax_options *o = or_default(options, &defaults);
    thx_result *r;

    *out = NULL;
    thorax_status st = result_open(&r, "ask", session, film, o, err);
    if (!st) st = answer_into(r, session, messages, n_messages, o, err);
    if (!st) st = thx_result_read_boxes(r, r->text, NULL, err);
    if (st) thx_result_close(r);
    else *out = r;
    return st;
}

/* ---- Report and classification ---- */

/* The wording with "{}" replaced by the phrase. */
static thorax_status fill_wording(thx_string *out, const char *wording, const char *phrase,
                                  thorax_error *err)
{
    if (!*wording) return thx_fail(err, THORAX_USAGE, 0, "the wording of the question is empty");
    for (const char *at; phrase && (at = strstr(wording, "{}")); wording = at + 2) {
        thx_string_add(out, wording, (size_t)(at - wording));
        thx_string_puts(out, phrase);
    }
    thx_string_puts(out, wording);
    return THORAX_OK;
}

static thorax_status question_of(thx_string *out, thx_session *s, thx_task task, const char *phrase,
                                 const thorax_options *o, thorax_error *err)
{
    const thx_family *family = thx_engine_model(thx_session_engine(s))->family;
    const thorax_status st = o->wording ? fill_wording(out, o->wording, phrase, err)
                                        : family->question(out, task, phrase, err);

    if (!st && out->failed) return thx_fail(err, THORAX_NOMEM, 0, "no memory for the question");
    return st;
}

static thorax_status need_film(const thx_film_facts *film, const char *task, thorax_error *err)
{
    if (film && film->name) return THORAX_OK;
    return thx_fail(err, THORAX_USAGE, 0, "%s needs a film, the session has none", task);
}

thorax_status thx_task_read(thx_result **out, thx_session *session, const thx_film_facts *film,
                            thx_task task, const thorax_options *options, thorax_error *err)
{
    const char *name = task == THX_TASK_REPORT ? "report" : "classify";
    thorax_options defaults;
    const thorax_options *o = or_default(options, &defaults);
    thx_string question = { 0 };
    thx_result *r = NULL;

    *out = NULL;
    thorax_status st = need_film(film, name, err);
    if (!st) st = question_of(&question, session, task, NULL, o, err);
    if (!st) st = result_open(&r, name, session, film, o, err);
    if (!st) st = answer_into(r, session, &(thorax_message){ "user", question.data }, 1, o, err);
    if (!st) {
        thx_result_read_findings(r, r->text, o->substring_rule && task == THX_TASK_CLASSIFY);
        st = thx_result_read_boxes(r, r->text, NULL, err);
    }
    thx_string_deinit(&question);
    if (st) thx_result_close(r);
    else *out = r;
    return st;
}

/* ---- Grounding ---- */

static thorax_status check_phrases(const char *const *phrases, size_t n, thorax_error *err)
{
    if (!n || n > MESSAGES_MAX)
        return thx_fail(err, THORAX_USAGE, 0, "%zu phrases, expected 1 to %d", n, MESSAGES_MAX);
    for (size_t i = 0; i < n; i++) {
        const size_t size = phrases[i] ? strlen(phrases[i]) : 0;
        if (!size || !phrases[i][strspn(phrases[i], " \t\r\n")])
            return thx_fail(err, THORAX_USAGE, 0, "phrase %zu is empty", i + 1);
        if (!thx_utf8_valid(phrases[i], size))
            return thx_fail(err, THORAX_USAGE, 0, "phrase %zu is not UTF-8", i + 1);
    }
    return THORAX_OK;
}

/* One phrase: its question, its answer, its boxes; its line of `text`. */
static thorax_status ground_one(thx_result *r, thx_string *text, thx_sha256 *hash, thx_session *s,
                                const char *phrase, thorax_ground_kind kind, bool several,
                                const thorax_options *o, thorax_error *err)
{
    thx_string question = { 0 };
    thorax_status st = question_of(&question, s, thx_ground_task(phrase, kind), phrase, o, err);

    free(r->text);
    r->text = NULL;
    if (!st) st = answer_into(r, s, &(thorax_message){ "user", question.data }, 1, o, err);
    thx_string_deinit(&question);
    if (st) return st;
    thx_sha256_add(hash, r->provenance.prompt_sha256, 64);
    if (several) thx_string_printf(text, "%s%s: ", text->size ? "\n" : "", phrase);
    thx_string_puts(text, r->text);
    return thx_result_read_boxes(r, r->text, phrase, err);
}

thorax_status thx_task_ground(thx_result **out, thx_session *session, const thx_film_facts *film,
                              const char *const *phrases, size_t n_phrases, thorax_ground_kind kind,
                              const thorax_options *options, thorax_error *err)
{
    thorax_options defaults;
    const thorax_options *o = or_default(options, &defaults);
    thx_string text = { 0 };
    thx_sha256 hash;
    thx_result *r = NULL;

    *out = NULL;
    thx_sha256_init(&hash);
    thorax_status st = need_film(film, "ground", err);
    if (!st) st = check_phrases(phrases, n_phrases, err);
    if (!st) st = result_open(&r, "ground", session, film, o, err);
    for (size_t i = 0; !st && i < n_phrases; i++)
        st = ground_one(r, &text, &hash, session, phrases[i], kind, n_phrases > 1, o, err);
    if (!st) {
        free(r->text);
        r->text = thx_string_take(&text);
        if (!r->text) st = thx_fail(err, THORAX_NOMEM, 0, "no memory for the answer");
        if (n_phrases > 1) thx_sha256_end(&hash, r->provenance.prompt_sha256);
    }
    thx_string_deinit(&text);
    if (st) thx_result_close(r);
    else *out = r;
    return st;
}
