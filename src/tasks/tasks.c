/* Tasks: jobs become questions, a session answers all of them at once, the answers are read into results;
 * see tasks.h. */
#include "tasks/tasks_internal.h"

#include "base/hash.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { MESSAGES_MAX = 10000 };

thorax_options thorax_options_default(void)
{
    return (thorax_options){
        .temperature = -1, .top_k = -1, .top_p = -1, .min_p = -1, .repetition_penalty = -1
    };
}

/* ---- What callers may hand in ---- */

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

static thorax_status need_film(const thx_film_facts *film, const char *task, thorax_error *err)
{
    if (film && film->name) return THORAX_OK;
    return thx_fail(err, THORAX_USAGE, 0, "%s needs a film, the session has none", task);
}

static const char *job_name(const thorax_job *job)
{
    static const char *const names[] = { "ask", "report", "classify", "ground" };
    return names[job->task];
}

static thorax_status check_job(const thorax_job *job, const thx_film_facts *film,
                               const thorax_options *o, thorax_error *err)
{
    if ((unsigned)job->task > THORAX_TASK_GROUND)
        return thx_fail(err, THORAX_USAGE, 0, "task %d is not known", (int)job->task);
    if (job->task == THORAX_TASK_ASK)
        return check_messages(job->messages, job->n_messages, o->system, err);
    if (o->system && !thx_utf8_valid(o->system, strlen(o->system)))
        return thx_fail(err, THORAX_USAGE, 0, "the system text is not UTF-8");
    if (o->reason && !thx_utf8_valid(o->reason, strlen(o->reason)))
        return thx_fail(err, THORAX_USAGE, 0, "the reason is not UTF-8");
    const thorax_status st = need_film(film, job_name(job), err);
    if (st || job->task != THORAX_TASK_GROUND) return st;
    return check_phrases(job->phrases, job->n_phrases, err);
}

/* ---- Questions ---- */

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

thorax_status thx_task_question(thx_string *out, thx_session *s, thx_task task, const char *phrase,
                                const char *wording, thorax_error *err)
{
    const thx_family *family = thx_engine_model(thx_session_engine(s))->family;
    const thorax_status st = wording ? fill_wording(out, wording, phrase, err)
                                     : family->question(out, task, phrase, err);

    if (!st && out->failed) return thx_fail(err, THORAX_NOMEM, 0, "no memory for the question");
    return st;
}

/* One question of a job: a conversation, and the phrase it asks for. */
typedef struct question {
    size_t       job;
    const char  *phrase; /* NULL but for ground                    */
    thx_string   text;   /* of a task's question                   */
    thx_message *turns;
    size_t       n;
} question;

static size_t questions_of(const thorax_job *job)
{
    return job->task == THORAX_TASK_GROUND ? job->n_phrases : 1;
}

static thorax_status question_init(question *q, const thorax_job *job, thx_session *s,
                                   const thorax_options *o, thorax_error *err)
{
    const bool    own = job->task == THORAX_TASK_ASK;
    const size_t  n = own ? job->n_messages : 1;
    thorax_status st = THORAX_OK;
    thx_task      task = THX_TASK_REPORT;

    if (job->task == THORAX_TASK_CLASSIFY) task = THX_TASK_CLASSIFY;
    if (job->task == THORAX_TASK_GROUND) task = thx_ground_task(q->phrase, job->kind);
    if (!own) st = thx_task_question(&q->text, s, task, q->phrase ? q->phrase : o->reason, o->wording, err);
    if (st) return st;
    q->turns = calloc(n + 1, sizeof *q->turns);
    if (!q->turns) return thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu messages", n);
    if (o->system) q->turns[q->n++] = (thx_message){ "system", o->system };
    for (size_t i = 0; own && i < n; i++)
        q->turns[q->n++] = (thx_message){ job->messages[i].role, job->messages[i].content };
    if (!own) q->turns[q->n++] = (thx_message){ "user", q->text.data };
    return THORAX_OK;
}

static void questions_deinit(question *q, size_t n)
{
    for (size_t i = 0; q && i < n; i++) {
        thx_string_deinit(&q[i].text);
        free(q[i].turns);
    }
    free(q);
}

/* ---- Answers ---- */

static void add_usage(thx_result *r, const thx_answer *a)
{
    thorax_usage *u = &r->usage;

    u->prompt_tokens += a->prompt_tokens;
    u->image_tokens = a->image_tokens;
    u->cached_tokens += a->cached_tokens;
    u->completion_tokens += (uint32_t)a->ids.size;
    u->vision_s = a->vision_s; /* of the whole call */
    u->prompt_s = a->prompt_s;
    u->decode_s = a->decode_s;
    u->decode_passes += a->drafts.passes;
    u->draft_proposed += a->drafts.proposed;
    u->draft_accepted += a->drafts.accepted;
    u->draft_row_cost = a->drafts.row_cost;
    for (size_t i = 0; i < a->ids.size; i++) thx_ids_add(&r->ids, a->ids.data[i]);
    r->complete = r->complete && a->complete;
}

/* Adds an answer to its result: text (a line a phrase where there are several), boxes, usage. */
static thorax_status add_answer(thx_result *r, thx_string *text, const question *q, bool several,
                                const thx_answer *a, thorax_error *err)
{
    char         *stripped = thx_text_strip(a->text.data ? a->text.data : "", a->text.size);
    thorax_status st = stripped ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "no memory for the answer");

    add_usage(r, a);
    if (!st && several) thx_string_printf(text, "%s%s: ", text->size ? "\n" : "", q->phrase);
    if (!st) thx_string_puts(text, stripped);
    if (!st) st = thx_result_read_boxes(r, stripped, q->phrase, err);
    free(stripped);
    return st;
}

/* The result of one job from its n answers. */
static thorax_status read_job(thx_result *r, const thorax_job *job, const question *q,
                              const thx_answer *a, size_t n, const thorax_options *o, thorax_error *err)
{
    thx_string    text = { 0 };
    thx_sha256    hash;
    thorax_status st = THORAX_OK;

    thx_sha256_init(&hash);
    for (size_t i = 0; i < n && !st; i++) {
        st = add_answer(r, &text, &q[i], n > 1, &a[i], err);
        thx_sha256_add(&hash, a[i].prompt_sha256, 64);
    }
    if (n > 1) thx_sha256_end(&hash, r->provenance.prompt_sha256);
    else memcpy(r->provenance.prompt_sha256, a->prompt_sha256, sizeof a->prompt_sha256);
    thx_string_add(&text, "", 0);
    if (!st) r->text = thx_string_take(&text);
    thx_string_deinit(&text);
    if (!st && (!r->text || r->ids.failed))
        st = thx_fail(err, THORAX_NOMEM, 0, "no memory for the answer");
    if (!st && (job->task == THORAX_TASK_REPORT || job->task == THORAX_TASK_CLASSIFY))
        thx_result_read_findings(r, r->text, o->substring_rule && job->task == THORAX_TASK_CLASSIFY);
    return st;
}

/* ---- A call ---- */

typedef struct call {
    thx_session          *session;
    const thorax_job     *jobs;
    const thorax_options *options;
    size_t                n, n_questions;
    question             *questions;
    thx_request          *requests;
    thx_answer           *answers;
} call;

static thorax_status ask_all(call *c, thx_result **results, thorax_error *err)
{
    const thorax_options *o = c->options;
    thorax_status         st = THORAX_OK;

    for (size_t i = 0, k = 0; i < c->n; i++)
        for (size_t p = 0; p < questions_of(&c->jobs[i]) && !st; p++, k++) {
            const thx_provenance *from = &results[i]->provenance;
            question             *q = &c->questions[k];

            q->job = i;
            q->phrase = c->jobs[i].task == THORAX_TASK_GROUND ? c->jobs[i].phrases[p] : NULL;
            st = question_init(q, &c->jobs[i], c->session, o, err);
            c->requests[k] = (thx_request){ .messages = q->turns,
                                            .n_messages = q->n,
                                            .sampling = from->sampling,
                                            .max_new_tokens = from->max_new_tokens,
                                            .ignore_eos = o->ignore_eos,
                                            .drafts = !o->no_drafts,
                                            .on_text = c->n_questions == 1 ? o->on_text : NULL,
                                            .data = o->data,
                                            .progress = { .step = o->on_progress, .data = o->data } };
        }
    return st ? st : thx_session_generate_all(c->session, c->requests, c->n_questions, c->answers, err);
}

static thorax_status run_call(call *c, thx_result **results, const thx_film_facts *film, thorax_error *err)
{
    thorax_status st = THORAX_OK;

    for (size_t i = 0; i < c->n && !st; i++)
        st = thx_result_open(&results[i], job_name(&c->jobs[i]), c->session, film, c->options, err);
    c->questions = calloc(c->n_questions, sizeof *c->questions);
    c->requests = calloc(c->n_questions, sizeof *c->requests);
    c->answers = calloc(c->n_questions, sizeof *c->answers);
    if (!st && (!c->questions || !c->requests || !c->answers))
        st = thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu questions", c->n_questions);
    if (!st) st = ask_all(c, results, err);
    for (size_t i = 0, k = 0; i < c->n && !st; k += questions_of(&c->jobs[i++])) {
        st = read_job(results[i], &c->jobs[i], &c->questions[k], &c->answers[k],
                      questions_of(&c->jobs[i]), c->options, err);
        if (!st && c->options->score && c->jobs[i].task == THORAX_TASK_CLASSIFY)
            st = thx_result_score(results[i], c->session, c->options, err);
    }
    for (size_t k = 0; c->answers && k < c->n_questions; k++) thx_answer_deinit(&c->answers[k]);
    questions_deinit(c->questions, c->n_questions);
    free(c->requests);
    free(c->answers);
    return st;
}

thorax_status thx_tasks_run(thx_result **out, thx_session *session, const thx_film_facts *film,
                            const thorax_job *jobs, size_t n, const thorax_options *options,
                            thorax_error *err)
{
    const thorax_options  defaults = thorax_options_default();
    const thorax_options *o = options ? options : &defaults;
    call                  c = { .session = session, .jobs = jobs, .options = o, .n = n };
    thorax_status         st = THORAX_OK;

    for (size_t i = 0; i < n; i++) out[i] = NULL;
    if (!n || n > MESSAGES_MAX)
        return thx_fail(err, THORAX_USAGE, 0, "%zu tasks, expected 1 to %d", n, MESSAGES_MAX);
    if (n > 1 && o->wording)
        return thx_fail(err, THORAX_USAGE, 0, "one wording for %zu tasks: expected a single task", n);
    for (size_t i = 0; i < n && !st; i++) {
        st = check_job(&jobs[i], film, o, err);
        c.n_questions += st ? 0 : questions_of(&jobs[i]);
    }
    if (!st) st = thx_session_use_adapter(session, !o->no_adapter, err);
    if (!st) st = run_call(&c, out, film, err);
    for (size_t i = 0; i < n && st; i++) {
        thx_result_close(out[i]);
        out[i] = NULL;
    }
    return st;
}
