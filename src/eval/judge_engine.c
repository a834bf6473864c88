/* A model folder as judge, run by our own engine: so many questions side by side; answers are kept like a service's. */
#include "eval/judge_internal.h"
#include "base/hash.h"
#include "engine/engine.h"
#include "metrics/green.h"
#include "net/answers.h"

#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 8 };

typedef struct work {
    thx_judge_run_state *run;
    thx_engine          *engine;
    thx_session         *session;          /* of judges other than GREEN, which has its own */
    thx_sampling         sampling;
    size_t               done;             /* records, for progress                         */
    thx_progress         inner;            /* the engine's: asks the caller whether to stop */
    /* The questions that are answered now. */
    size_t               items[AT_ONCE], n;
    char                *prompts[AT_ONCE], keys[AT_ONCE][65];
} work;

static thorax_status no_memory(thorax_error *err) { return thx_fail(err, THORAX_NOMEM, 0, "out of memory"); }

static thorax_status stopped(thorax_error *err) { return thx_fail(err, THORAX_CANCELLED, 0, "stopped"); }

/* What the engine reports between tokens: the records stay the measure. */
static bool on_step(void *data, const char *what, size_t done, size_t total)
{
    const work *w = data;

    (void)what, (void)done, (void)total;
    return thx_progress_step(w->run->progress, "records", w->done, w->run->n_asked);
}

/* ---- Kept answers ---- */

static void add(thx_sha256 *h, const char *text) { thx_sha256_add(h, text, strlen(text) + 1); }

static void make_key(char hex[65], const work *w, const char *prompt)
{
    const thx_judge_run_state *run = w->run;
    thx_sha256                 h;

    thx_sha256_init(&h);
    add(&h, "engine answer 1");
    add(&h, run->judge->name);
    add(&h, run->result->signature.model);
    add(&h, thx_precision_name(thx_engine_get_options(w->engine)->precision));
    add(&h, thx_engine_kernels(w->engine));
    add(&h, run->result->signature.settings);
    add(&h, run->judge->system ? run->judge->system() : "");
    add(&h, prompt);
    thx_sha256_end(&h, hex);
}

/* A reply that came, or was kept. False: it is no rating. */
static bool take(work *w, size_t i, const char *text, bool cut, bool kept)
{
    thx_judge_record *r = &w->run->result->records[i];

    if (!thx_judge_take(w->run, i, text)) {
        thx_judge_fail(w->run, i, THX_CHAT_UNUSABLE, cut ? "the limit of tokens cut it short" : NULL);
        return false;
    }
    r->state = cut ? THX_CHAT_CUT : THX_CHAT_ANSWERED;
    r->kept = kept;
    return true;
}

static void answered(work *w, size_t k, const char *text, bool cut)
{
    const thx_kept kept = { .text = (char *)(uintptr_t)text, .cut = cut };
    const char    *folder = w->run->chat.answers;

    if (take(w, w->items[k], text, cut, false) && folder)
        (void)!thx_answers_store(folder, w->keys[k], &kept, NULL); /* a full disk costs the entry alone */
    w->run->result->account.requests++;
    w->done++;
}

static void refuse(work *w, size_t k, const char *why)
{
    thx_judge_fail(w->run, w->items[k], THX_CHAT_REJECTED, why);
    w->done++;
}

static thorax_status find_kept(work *w, size_t i, const char *key, bool *found, thorax_error *err)
{
    const char         *folder = w->run->chat.answers;
    thx_kept            kept;
    const thorax_status st = folder ? thx_answers_load(&kept, found, folder, key, err) : THORAX_OK;

    if (st || !*found) return st;
    *found = take(w, i, kept.text, kept.cut, true);
    free(kept.text);
    if (!*found) thx_answers_remove(folder, key);
    else w->run->result->account.kept++, w->done++;
    return THORAX_OK;
}

/* ---- Answering ---- */

/* GREEN's own way: its chat, its decoding, its counts of any text, as published. */
static thorax_status answer_green(work *w, thorax_error *err)
{
    const char    *references[AT_ONCE], *candidates[AT_ONCE];
    thx_green_pair pairs[AT_ONCE] = { 0 };

    for (size_t k = 0; k < w->n; k++) {
        references[k] = w->run->items[w->items[k]].reference;
        candidates[k] = w->run->items[w->items[k]].candidate;
    }
    const thorax_status st = thx_green_score(w->engine, references, candidates, w->n, NULL, &w->inner, pairs, err);
    for (size_t k = 0; k < w->n && !st; k++) {
        if (pairs[k].judged) answered(w, k, pairs[k].completion, !pairs[k].complete);
        else refuse(w, k, "the reports leave no room for an answer");
    }
    thx_green_pairs_deinit(pairs, w->n);
    return st;
}

static size_t write_turns(thx_message turns[2], const work *w, size_t k)
{
    size_t n = 0;

    if (w->run->judge->system) turns[n++] = (thx_message){ "system", w->run->judge->system() };
    turns[n++] = (thx_message){ "user", w->prompts[k] };
    return n;
}

/* Questions from .. from + n side by side. Where they do not fit the context, one by one. */
static thorax_status answer_chat(work *w, size_t from, size_t n, thorax_error *err)
{
    thx_message   turns[AT_ONCE][2];
    thx_request   requests[AT_ONCE] = { 0 };
    thx_answer    answers[AT_ONCE];
    thorax_status st;

    for (size_t k = 0; k < n; k++)
        requests[k] = (thx_request){ .messages = turns[k], .n_messages = write_turns(turns[k], w, from + k),
                                     .sampling = w->sampling, .max_new_tokens = w->run->chat.max_tokens, .drafts = true,
                                     .progress = w->inner };
    st = thx_session_generate_all(w->session, requests, n, answers, err);
    if (st == THORAX_LIMIT && n == 1) {
        refuse(w, from, "the question does not fit the model's context");
        return THORAX_OK;
    }
    if (st == THORAX_LIMIT) {
        st = THORAX_OK;
        for (size_t k = 0; k < n && !st; k++) st = answer_chat(w, from + k, 1, err);
        return st;
    }
    for (size_t k = 0; k < n && !st; k++) {
        answered(w, from + k, answers[k].text.data ? answers[k].text.data : "", !answers[k].complete);
        thx_answer_deinit(&answers[k]);
    }
    return st;
}

static thorax_status answer_all(work *w, thorax_error *err)
{
    thorax_status st = THORAX_OK;

    if (w->n) st = w->run->judge == &thx_judge_green ? answer_green(w, err) : answer_chat(w, 0, w->n, err);
    for (size_t k = 0; k < w->n; k++) free(w->prompts[k]);
    w->n = 0;
    return st;
}

/* The next item joins those that are answered together, where its answer is not kept. */
static thorax_status enter(work *w, size_t i, thorax_error *err)
{
    thx_string s = { 0 };
    bool       found = false;

    w->run->judge->prompt(&s, w->run, &w->run->items[i]);
    char *prompt = thx_string_take(&s);
    if (!prompt) return no_memory(err);
    make_key(w->keys[w->n], w, prompt);
    const thorax_status st = find_kept(w, i, w->keys[w->n], &found, err);
    if (st || found) {
        free(prompt);
        return st;
    }
    w->items[w->n] = i;
    w->prompts[w->n++] = prompt;
    return THORAX_OK;
}

/* ---- Opening ---- */

static thorax_status read_precision(thx_precision *out, const char *name, thorax_error *err)
{
    *out = THX_FAST;
    if (!name) return THORAX_OK;
    for (thx_precision p = THX_EXACT; thx_precision_name(p); p++)
        if (!strcmp(name, thx_precision_name(p))) {
            *out = p;
            return THORAX_OK;
        }
    return thx_fail(err, THORAX_USAGE, 0, "precision \"%.40s\": expected f32, auto, lossy or int8", name);
}

static thorax_status open_judge(work *w, thorax_error *err)
{
    const thx_judge_options   *o = w->run->options;
    const thx_chat_options    *c = &w->run->chat;
    const double               temperature = c->temperature > 0 ? c->temperature : -1; /* else greedy */
    const thx_sampling_request sampling = { .temperature = temperature, .top_p = temperature > 0 ? c->top_p : -1,
                                            .min_p = -1, .repetition_penalty = -1, .top_k = -1,
                                            .seed = c->seed > 0 ? (uint64_t)c->seed : 1 };
    thx_engine_options         eo = { .type = THX_F32, .cpu_level = -1, .threads = o->threads };

    if (!c->max_tokens) return thx_fail(err, THORAX_USAGE, 0, "max_tokens: expected at least 1");
    thorax_status st = read_precision(&eo.precision, o->precision, err);
    if (!st && c->answers) st = thx_answers_make(c->answers, err);
    if (!st) st = thx_engine_open(&w->engine, o->folder, &eo, err);
    if (st) return st;
    const thx_model     *m = thx_engine_model(w->engine);
    thx_judge_signature *s = &w->run->result->signature;
    snprintf(s->model, sizeof s->model, "%s", m->identity);
    snprintf(s->answered_by, sizeof s->answered_by, "%.63s", m->family->name);
    snprintf(s->endpoint, sizeof s->endpoint, "engine");
    if (w->run->judge == &thx_judge_green)
        snprintf(s->settings, sizeof s->settings, "greedy, %d tokens in all", THX_GREEN_TOKENS);
    st = thx_sampling_resolve(&w->sampling, &sampling, &m->generation, err);
    if (!st && w->run->judge != &thx_judge_green) st = thx_session_open(&w->session, w->engine, NULL, err);
    return st;
}

thorax_status thx_judge_by_engine(thx_judge_run_state *run, thorax_error *err)
{
    work w = { .run = run };

    run->any_text = true;
    w.inner = (thx_progress){ .step = on_step, .data = &w };
    thorax_status st = open_judge(&w, err);
    for (size_t k = 0; k < run->n_asked && !st; k++) {
        if (!on_step(&w, "", 0, 0)) st = stopped(err);
        else st = enter(&w, run->asked[k], err);
        if (!st && (w.n == AT_ONCE || k + 1 == run->n_asked)) st = answer_all(&w, err);
    }
    for (size_t k = 0; k < w.n; k++) free(w.prompts[k]); /* of those that were not answered */
    thx_session_close(w.session);
    thx_engine_close(w.engine);
    return st;
}
