/* A service as judge: all items become questions of one call of the chat client. */
#include "eval/judge_internal.h"

#include <stdlib.h>
#include <string.h>

/* The questions: turns of the system and the user. */
typedef struct question { thorax_message turns[2]; char *prompt; } question;

typedef struct work {
    thx_judge_run_state *run;
    question            *list;      /* [n_asked] */
    thx_chat_question   *questions;
    thx_chat_reply      *replies;
} work;

static bool is_usable(void *data, size_t k, const char *text)
{
    work *w = data;

    return thx_judge_take(w->run, w->run->asked[k], text);
}

static void on_reply(void *data, size_t k, const thx_chat_reply *reply)
{
    work                *w = data;
    const size_t         i = w->run->asked[k];
    thx_judge_record    *r = &w->run->result->records[i];
    thx_judge_signature *s = &w->run->result->signature;

    if (reply->state != THX_CHAT_ANSWERED && reply->state != THX_CHAT_CUT) {
        thx_judge_fail(w->run, i, reply->state, reply->why);
        return;
    }
    r->state = reply->state; /* is_usable filled the rest */
    r->kept = reply->kept;
    if (!*s->answered_by) memcpy(s->answered_by, reply->model, sizeof s->answered_by);
}

static bool on_progress(void *data, const char *what, size_t done, size_t total)
{
    const work *w = data;

    (void)what;
    return thx_progress_step(w->run->progress, "records", done, total);
}

static bool ask_all(work *w)
{
    const thx_judge_run_state *run = w->run;

    for (size_t k = 0; k < run->n_asked; k++) {
        question   *q = &w->list[k];
        size_t      n = 0;
        thx_string  s = { 0 };
        run->judge->prompt(&s, run, &run->items[run->asked[k]]);
        q->prompt = thx_string_take(&s);
        if (!q->prompt) return false;
        if (run->judge->system) q->turns[n++] = (thorax_message){ "system", run->judge->system() };
        q->turns[n++] = (thorax_message){ "user", q->prompt };
        w->questions[k] = (thx_chat_question){ q->turns, n };
    }
    return true;
}

static void sign(thx_judge_run_state *run, const thx_chat *c)
{
    thx_judge_signature *s = &run->result->signature;
    const char          *reason = thx_chat_url(c)->reach == THX_REACH_PUBLIC ? run->chat.cloud_reason : "";

    snprintf(s->model, sizeof s->model, "%s", run->chat.model);
    snprintf(s->endpoint, sizeof s->endpoint, "%s", thx_chat_url(c)->shown);
    snprintf(s->cloud_reason, sizeof s->cloud_reason, "%s", reason);
}

static thorax_status ask(work *w, thorax_error *err)
{
    thx_judge_run_state *run = w->run;
    const thx_chat_watch watch = { .usable = is_usable, .on_reply = on_reply, .data = w,
                                   .progress = { .step = on_progress, .data = w } };
    thx_chat            *c;

    thorax_status st = thx_chat_open(&c, &run->chat, err);
    if (st) return st;
    sign(run, c);
    st = thx_chat_ask(c, w->questions, run->n_asked, w->replies, &watch, err);
    run->result->account = thx_chat_get_account(c);
    thx_chat_replies_deinit(w->replies, run->n_asked);
    thx_chat_close(c);
    return st;
}

thorax_status thx_judge_by_service(thx_judge_run_state *run, thorax_error *err)
{
    const size_t  n = run->n_asked ? run->n_asked : 1;
    work          w = { .run = run, .list = calloc(n, sizeof *w.list), .questions = calloc(n, sizeof *w.questions),
                        .replies = calloc(n, sizeof *w.replies) };
    thorax_status st;

    if (w.list && w.questions && w.replies && ask_all(&w)) st = ask(&w, err);
    else st = thx_fail(err, THORAX_NOMEM, 0, "no memory for the judge's questions");
    for (size_t k = 0; w.list && k < run->n_asked; k++) free(w.list[k].prompt);
    free(w.list);
    free(w.questions);
    free(w.replies);
    return st;
}
