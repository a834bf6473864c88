/* Asking: so many questions at a time, each in a place until it has come to its end, waits included; see chat.h. */
#include "net/chat_internal.h"
#include "net/answers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SLICE_S 0.05

typedef enum place_use { FREE, WAITING, IN_FLIGHT } place_use;

/* Where a question is while it is being answered. */
typedef struct place {
    place_use use;
    size_t    i;          /* the question                                     */
    uint32_t  unusable;   /* replies without the form that was asked for      */
    double    begun, due; /* first try; next one                              */
    double    most;       /* cost of the request in flight, at most           */
    char     *body, key[65];
} place;

typedef struct asking {
    thx_chat                *c;
    const thx_chat_question *questions;
    thx_chat_reply          *replies;
    const thx_chat_watch    *watch;
    place                   *places;
    size_t                   n, next, done, open; /* open: places in use */
    uint32_t                 silent;     /* questions in a row to which nothing was answered */
    double                   hold;       /* the service wants no request before this time    */
    thorax_error            *err;
} asking;

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- A question's end ---- */

static void leave(asking *a, place *p, thx_chat_state state, const char *why)
{
    thx_chat_reply *r = &a->replies[p->i];

    r->state = state;
    if (state != THX_CHAT_ANSWERED && state != THX_CHAT_CUT && state != THX_CHAT_UNUSABLE) {
        free(r->text); /* of a try before, that was not usable */
        r->text = NULL;
    }
    snprintf(r->why, sizeof r->why, "%s", why ? why : "");
    if (a->watch && a->watch->on_reply) a->watch->on_reply(a->watch->data, p->i, r);
    free(p->body);
    *p = (place){ 0 };
    a->done++;
    a->open--;
}

/* ---- Cost ---- */

static double cost_of(const thx_chat *c, double prompt, double completion)
{
    return (c->options.price_prompt * prompt + c->options.price_completion * completion) / 1e6;
}

/* No token has less than a byte; what a template puts around a message has not many. */
static double cost_most(const thx_chat *c, const place *p, const thx_chat_question *q)
{
    return cost_of(c, (double)strlen(p->body) + 16.0 * (double)(q->n + 1), c->options.max_tokens);
}

static double cost_in_flight(const asking *a)
{
    double sum = 0;

    for (size_t k = 0; k < a->c->options.in_flight; k++)
        if (a->places[k].use == IN_FLIGHT) sum += a->places[k].most;
    return sum;
}

static void count_tokens(asking *a, place *p, const thx_http_reply *r, const thx_chat_read *read)
{
    thx_chat_account *t = &a->c->account;
    thx_chat_reply   *reply = &a->replies[p->i];

    if (read && read->counted) {
        const double cost = cost_of(a->c, (double)read->prompt_tokens, (double)read->completion_tokens);
        reply->prompt_tokens += read->prompt_tokens;
        reply->completion_tokens += read->completion_tokens;
        t->prompt_tokens += read->prompt_tokens;
        t->completion_tokens += read->completion_tokens;
        t->cost += cost;
        t->cost_most += cost;
    } else if (r->reached && r->end != THX_HTTP_STATUS) {
        t->uncounted++;
        t->cost_most += p->most;
    }
}

/* ---- Asking again ---- */

/* Half to all of a wait that doubles, or what the service asks for. */
static double wait_of(asking *a, uint32_t tries, double retry_after)
{
    const thx_chat_options *o = &a->c->options;
    const double            wait = fmin(o->wait_max_s, ldexp(o->wait_s, (int)(tries > 60 ? 60 : tries) - 1));

    return fmax(wait * (0.5 + 0.5 * erand48(a->c->dice)), retry_after);
}

/* The last try ended with `state` and `why`: another, or the end of the question. */
static void again(asking *a, place *p, thx_chat_state state, const char *why, double retry_after)
{
    const thx_chat_options *o = &a->c->options;
    const uint32_t          tries = a->replies[p->i].tries;
    const double            now = now_s(), wait = wait_of(a, tries, retry_after);
    char                    text[200];

    if (tries < o->tries && now + wait - p->begun <= o->tries_s) {
        a->hold = fmax(a->hold, now + fmax(retry_after, 0)); /* all questions wait where the service asks for it */
        p->use = WAITING;
        p->due = now + wait;
        return;
    }
    snprintf(text, sizeof text, "%s (%u requests in %.1f s)", why, tries, now - p->begun);
    leave(a, p, state, text);
}

/* ---- What came back ---- */

static bool is_usable(const asking *a, const place *p, const char *text)
{
    return !a->watch || !a->watch->usable || a->watch->usable(a->watch->data, p->i, text);
}

static void keep(asking *a, const place *p, const thx_chat_read *read)
{
    thx_kept kept = { .text = read->text, .cut = read->state == THX_CHAT_CUT, .prompt_tokens = read->prompt_tokens,
                      .completion_tokens = read->completion_tokens };

    if (!a->c->options.answers) return;
    memcpy(kept.model, read->model, sizeof kept.model);
    /* A full disk costs the entry and nothing else: the answer is there. */
    (void)!thx_answers_store(a->c->options.answers, p->key, &kept, NULL);
}

/* A text came; takes it. */
static void on_text(asking *a, place *p, thx_chat_read *read)
{
    thx_chat_reply *r = &a->replies[p->i];
    const bool      usable = is_usable(a, p, read->text);

    free(r->text);
    r->text = read->text;
    memcpy(r->model, read->model, sizeof r->model);
    if (usable) {
        keep(a, p, read);
        leave(a, p, read->state, NULL);
    } else if (p->unusable++) {
        const bool cut = read->state == THX_CHAT_CUT;
        leave(a, p, THX_CHAT_UNUSABLE, cut ? "asked twice; the limit of tokens cut it short" : "asked twice");
    } else {
        again(a, p, THX_CHAT_UNUSABLE, thx_chat_state_text(THX_CHAT_UNUSABLE), -1);
    }
    read->text = NULL;
}

static thorax_status fatal(asking *a, const char *what, const char *code)
{
    return thx_fail(a->err, THORAX_IO, 0, "%s: %s%s%s%s", a->c->url.shown, what, *code ? " (" : "", code,
                    *code ? ")" : "");
}

static bool passes(long status)
{
    return status == 408 || status == 409 || status == 425 || status == 429 || status >= 500;
}

/* A status that every question would meet. */
static const char *meaning_for_all(long status, const char *code)
{
    if (status == 401 || status == 403) return "the service refuses the key";
    if (status == 402 || (status == 429 && !strcmp(code, "insufficient_quota")))
        return "the service wants to be paid first";
    if (status == 404) return "there is no such service or model there";
    if (status == 405) return "there is no chat service there";
    if (status / 100 == 3) return "the service answers with a redirect, which is not followed";
    return NULL;
}

static thorax_status on_status(asking *a, place *p, long status, double retry_after, const thx_chat_read *read)
{
    const char *meaning = meaning_for_all(status, read->code);
    char        why[200], head[32];

    snprintf(head, sizeof head, status ? "status %ld" : "an error", status);
    snprintf(why, sizeof why, "%s%s%s", head, *read->code ? ", " : "", read->code);
    if (read->state == THX_CHAT_FILTERED) leave(a, p, THX_CHAT_FILTERED, why);
    else if (meaning) return fatal(a, meaning, why);
    else if (passes(status)) again(a, p, THX_CHAT_FAILED, why, retry_after);
    else leave(a, p, THX_CHAT_REJECTED, why);
    return THORAX_OK;
}

/* A reply with status 2xx. */
static thorax_status on_answer(asking *a, place *p, double retry_after, thx_chat_read *read)
{
    a->c->heard = true;
    a->silent = 0;
    switch (read->state) {
    case THX_CHAT_ANSWERED: case THX_CHAT_CUT: on_text(a, p, read); break;
    case THX_CHAT_BROKEN: again(a, p, THX_CHAT_BROKEN, read->why, -1); break;
    case THX_CHAT_FAILED: return on_status(a, p, strtol(read->code, NULL, 10), retry_after, read);
    default: leave(a, p, read->state, read->why); break;
    }
    return THORAX_OK;
}

/* No reply that could be read. */
static thorax_status on_silence(asking *a, place *p, thx_http_end end)
{
    const char *why = thx_http_end_text(end);
    const bool  wrong = end == THX_HTTP_DNS || end == THX_HTTP_TLS || end == THX_HTTP_PUBLIC;

    if (end == THX_HTTP_PUBLIC || (wrong && !a->c->heard)) return fatal(a, why, "");
    if (end == THX_HTTP_TOO_LARGE) leave(a, p, THX_CHAT_BROKEN, why);
    else again(a, p, end == THX_HTTP_BODY ? THX_CHAT_BROKEN : THX_CHAT_FAILED, why, -1);
    return THORAX_OK;
}

static thorax_status on_end(asking *a, place *p, thx_http_reply *r)
{
    const bool    told = r->end == THX_HTTP_OK || r->end == THX_HTTP_STATUS;
    const size_t  done = a->done;
    thx_chat_read read = { 0 };
    thorax_status st = THORAX_OK;

    p->use = WAITING;
    if (told) st = thx_chat_read_reply(&read, r->body.data, r->body.size, a->err);
    if (st) return st;
    count_tokens(a, p, r, told ? &read : NULL);
    if (r->end == THX_HTTP_OK) st = on_answer(a, p, r->retry_after_s, &read);
    else {
        st = told ? on_status(a, p, r->status, r->retry_after_s, &read) : on_silence(a, p, r->end);
        if (told && !passes(r->status)) a->silent = 0;
        else if (!st && a->done > done && ++a->silent == a->c->options.give_up)
            st = fatal(a, "no answer to several questions in a row; the last time",
                       told ? "an error" : thx_http_end_text(r->end));
    }
    free(read.text);
    return st;
}

/* ---- What goes out ---- */

static place *free_place(asking *a)
{
    for (size_t k = 0; k < a->c->options.in_flight; k++)
        if (a->places[k].use == FREE) return &a->places[k];
    return NULL;
}

static place *due_place(asking *a, double now)
{
    if (now < a->hold) return NULL;
    for (size_t k = 0; k < a->c->options.in_flight; k++)
        if (a->places[k].use == WAITING && a->places[k].due <= now) return &a->places[k];
    return NULL;
}

/* Looks for a kept answer; *found: there is one, and the question is at its end. */
static thorax_status find_kept(asking *a, place *p, bool *found)
{
    thx_chat_reply     *r = &a->replies[p->i];
    const char         *folder = a->c->options.answers;
    thx_kept            kept;
    const thorax_status st = thx_answers_load(&kept, found, folder, p->key, a->err);

    if (st || !*found) return st;
    if (!is_usable(a, p, kept.text)) { /* read by other rules now: ask again */
        thx_answers_remove(folder, p->key);
        free(kept.text);
        *found = false;
        return THORAX_OK;
    }
    r->text = kept.text;
    r->kept = true;
    memcpy(r->model, kept.model, sizeof r->model);
    a->c->account.kept++;
    leave(a, p, kept.cut ? THX_CHAT_CUT : THX_CHAT_ANSWERED, NULL);
    return THORAX_OK;
}

/* Gives the next question a place, where its answer is not kept. */
static thorax_status take_in(asking *a, place *p)
{
    const thx_chat_question *q = &a->questions[a->next];
    bool                     found = false;
    thorax_error             why;

    *p = (place){ .use = WAITING, .i = a->next++ };
    a->open++;
    a->c->account.questions++;
    const thorax_status st = thx_chat_body(&p->body, a->c, q, &why);
    if (st == THORAX_USAGE) {
        leave(a, p, THX_CHAT_REJECTED, why.text);
        return THORAX_OK;
    }
    if (st) return thx_fail(a->err, st, 0, "%s", why.text);
    thx_chat_body_key(p->key, a->c, p->body);
    if (a->c->options.answers) return find_kept(a, p, &found);
    return THORAX_OK;
}

static thorax_status send_off(asking *a, place *p)
{
    const thx_chat        *c = a->c;
    const char *const      headers[] = { c->header };
    const thx_http_request r = { .url = c->address, .headers = headers, .n_headers = c->header != NULL, .body = p->body,
                                 .size = strlen(p->body) };
    thx_chat_account      *t = &a->c->account;

    if (!a->replies[p->i].tries) p->begun = now_s();
    p->use = IN_FLIGHT;
    t->requests++;
    t->retries += a->replies[p->i].tries > 0;
    a->replies[p->i].tries++;
    return thx_http_start(c->http, &r, (size_t)(p - a->places), a->err);
}

/* Sends what is due, unless it could cost too much: then it waits for what is in flight, or the call ends. */
static thorax_status send_due(asking *a, place *p)
{
    const double limit = a->c->options.max_cost;

    p->most = cost_most(a->c, p, &a->questions[p->i]);
    if (limit > 0 && a->c->account.cost_most + cost_in_flight(a) + p->most > limit) {
        p->due = now_s() + SLICE_S;
        if (!thx_http_in_flight(a->c->http)) a->c->account.stopped = true;
        return THORAX_OK;
    }
    return send_off(a, p);
}

static void wait_some(asking *a, thorax_status *st)
{
    thx_http_reply reply;
    size_t         tag;
    double         wait = SLICE_S;
    const double   now = now_s();

    for (size_t k = 0; k < a->c->options.in_flight; k++) {
        const double due = fmax(a->places[k].due, a->hold) - now;
        if (a->places[k].use == WAITING && due < wait) wait = fmax(due, 0.001);
    }
    if (!thx_http_wait(a->c->http, wait, &tag, &reply)) return;
    *st = on_end(a, &a->places[tag], &reply);
    thx_http_reply_deinit(&reply);
}

static thorax_status step(asking *a)
{
    thorax_status st = THORAX_OK;
    place        *p;

    if (a->watch && !thx_progress_step(&a->watch->progress, "questions", a->done, a->n))
        return thx_fail(a->err, THORAX_CANCELLED, 0, "stopped");
    if ((p = due_place(a, now_s()))) st = send_due(a, p);
    else if (a->next < a->n && (p = free_place(a))) st = take_in(a, p);
    else wait_some(a, &st);
    return st;
}

/* What has no end yet gets one that says so. */
static void leave_rest(asking *a, const char *why)
{
    const thx_http_reply dropped = { .reached = true, .end = THX_HTTP_CANCELLED };

    for (size_t k = 0; k < a->c->options.in_flight; k++) {
        place *p = &a->places[k];
        if (p->use == IN_FLIGHT) count_tokens(a, p, &dropped, NULL);
        if (p->use != FREE) leave(a, p, THX_CHAT_UNASKED, why);
    }
    thx_http_stop(a->c->http);
    for (; a->next < a->n; a->next++) {
        a->open++;
        leave(a, &(place){ .i = a->next }, THX_CHAT_UNASKED, why);
    }
}

thorax_status thx_chat_ask(thx_chat *c, const thx_chat_question *questions, size_t n, thx_chat_reply *replies,
                           const thx_chat_watch *watch, thorax_error *err)
{
    asking        a = { .c = c, .questions = questions, .replies = replies, .watch = watch, .n = n, .err = err };
    thorax_status st = THORAX_OK;

    for (size_t i = 0; i < n; i++) replies[i] = (thx_chat_reply){ .state = THX_CHAT_UNASKED };
    c->account.stopped = false;
    a.places = calloc(c->options.in_flight, sizeof *a.places);
    if (!a.places) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    while (!st && a.done < n && !c->account.stopped) st = step(&a);
    const char *why = st == THORAX_CANCELLED ? "stopped" : st ? "the run ended before" : "the limit of cost is reached";
    if (a.done < n) leave_rest(&a, why);
    free(a.places);
    return st;
}
