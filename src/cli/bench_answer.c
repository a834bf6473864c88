/* thorax bench score, drafts: what becomes cheap once the film is known. */
#include "cli/bench.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- Scores of the 14 findings, beside one short answer ---- */

typedef struct score_run {
    thx_session *film; /* holds the film and nothing behind it that is asked here */
    thx_string   questions[THX_FINDINGS];
    float       *logits; /* [THX_FINDINGS, V] */
    size_t       tokens; /* of all questions, without what the film's session holds */
    double       short_s[BENCH_RUNS_MOST + 1];
} score_run;

/* Every pass forks the session of the film, so that all of them start from the same prefix. */
static thorax_status short_answer(bench *b, score_run *s, size_t run)
{
    thx_string   question = { 0 };
    thx_session *fork = NULL;
    thx_answer   a;

    thorax_status st = bench_words(&question, thx_engine_model(b->engine)->tokenizer,
                                   BENCH_QUESTION_TOKENS, run, &b->err);
    if (!st) st = thx_session_fork(&fork, s->film, &b->err);
    if (!st) st = bench_ask(b, fork, question.data, BENCH_QUESTION_TOKENS, true, false, &a);
    if (!st) {
        s->short_s[run] = a.vision_s + a.prompt_s + a.decode_s;
        thx_answer_deinit(&a);
    }
    thx_session_close(fork);
    thx_string_deinit(&question);
    return st;
}

static thorax_status score_pass(bench *b, void *data, size_t run, double *value)
{
    score_run       *s = data;
    thx_message      messages[THX_FINDINGS];
    thx_conversation list[THX_FINDINGS];
    thx_session     *fork;
    thx_prompt_use   use;

    for (size_t f = 0; f < THX_FINDINGS; f++) {
        messages[f] = (thx_message){ "user", s->questions[f].data };
        list[f] = (thx_conversation){ &messages[f], 1 };
    }
    thorax_status st = short_answer(b, s, run);
    if (!st) st = thx_session_fork(&fork, s->film, &b->err);
    if (st) return st;
    const double begin = cli_now();
    st = thx_session_next_logits(fork, list, THX_FINDINGS, &b->step, s->logits, &use, &b->err);
    *value = cli_now() - begin;
    thx_session_close(fork);
    s->tokens = use.prompt_tokens - use.cached_tokens;
    return st;
}

/* Asks something about the film, so that the session holds it. */
static thorax_status see_film(bench *b, thx_session **s)
{
    thx_answer a;

    *s = NULL;
    thorax_status st = thx_session_open(s, b->engine, &b->picture, &b->err);
    if (!st) st = bench_ask(b, *s, "?", 1, true, false, &a);
    if (!st) thx_answer_deinit(&a);
    return st;
}

static thorax_status print_scores(bench *b, const score_run *s, const bench_series *seconds)
{
    bench_series shares = *seconds;

    for (size_t i = 0; i < shares.n; i++) shares.values[i] /= s->short_s[i + 1];
    const thorax_status st =
        bench_print(b, &(bench_figure){ .tokens = s->tokens, .unit = "s", .series = *seconds });
    if (st) return st;
    return bench_print(
        b, &(bench_figure){ .tokens = s->tokens, .unit = "short answers", .series = shares });
}

thorax_status bench_score(bench *b)
{
    score_run    s = { .film = NULL };
    bench_series seconds;

    thorax_status st = bench_engine(b);
    if (!st) st = bench_film(b);
    for (size_t f = 0; f < THX_FINDINGS && !st; f++)
        st = thx_engine_model(b->engine)->family->question(&s.questions[f], THX_TASK_SCORE,
                                                           thx_finding_names[f], &b->err);
    bench_memory_init(&b->memory, b->memory.pid);
    if (!st) {
        const size_t V = thx_engine_model(b->engine)->decoder.config.V;
        s.logits = malloc(THX_FINDINGS * V * sizeof *s.logits);
        if (!s.logits) st = thx_fail(&b->err, THORAX_NOMEM, 0, "no memory for scores");
    }
    if (!st) st = see_film(b, &s.film);
    if (!st) st = bench_measure(b, score_pass, &s, BENCH_RUNS, &seconds);
    thx_session_close(s.film);
    free(s.logits);
    for (size_t f = 0; f < THX_FINDINGS; f++) thx_string_deinit(&s.questions[f]);
    return st ? st : print_scores(b, &s, &seconds);
}

/* ---- A report with guesses and without ---- */

enum { REPORT_TOKENS = 256 };

typedef struct drafts_run {
    thx_session *film;
    thx_string   question;
    size_t       tokens; /* of the report */
    bench_series plain, per_pass, row_cost;
} drafts_run;

/* Tokens a second behind the first one. */
static double speed_of(const thx_answer *a)
{
    return (double)(a->ids.size > 1 ? a->ids.size - 1 : 1) / a->decode_s;
}

static void note(bench_series *s, size_t run, double value)
{
    if (!run) return;
    s->values[run - 1] = value;
    s->n = run;
}

/* Both ways in turn: the value is that with guesses. */
static thorax_status drafts_pass(bench *b, void *data, size_t run, double *value)
{
    drafts_run *d = data;
    thx_answer  plain, drafted;

    thorax_status st = bench_ask(b, d->film, d->question.data, REPORT_TOKENS, false, false, &plain);
    if (st) return st;
    st = bench_ask(b, d->film, d->question.data, REPORT_TOKENS, false, true, &drafted);
    if (!st) {
        const thx_draft_account *account = &drafted.drafts;
        *value = speed_of(&drafted);
        d->tokens = drafted.ids.size;
        note(&d->plain, run, speed_of(&plain));
        note(&d->per_pass, run,
             (double)(d->tokens - 1) / (double)(account->passes ? account->passes : 1));
        note(&d->row_cost, run, account->row_cost);
        thx_answer_deinit(&drafted);
    }
    thx_answer_deinit(&plain);
    return st;
}

static thorax_status print_drafts(bench *b, const drafts_run *d, const bench_series *speed)
{
    const bench_figure figures[] = {
        { .type = "plain", .unit = "tokens/s", .tokens = d->tokens, .series = d->plain },
        { .type = "drafts", .unit = "tokens/s", .tokens = d->tokens, .series = *speed },
        { .type = "drafts", .unit = "tokens/pass", .tokens = d->tokens, .series = d->per_pass },
        { .type = "drafts", .unit = "passes/row", .tokens = d->tokens, .series = d->row_cost },
    };
    thorax_status st = THORAX_OK;

    for (size_t i = 0; i < sizeof figures / sizeof *figures && !st; i++)
        st = bench_print(b, &figures[i]);
    return st;
}

thorax_status bench_drafts(bench *b)
{
    drafts_run   d = { .film = NULL };
    bench_series speed;

    thorax_status st = bench_engine(b);
    if (!st) st = bench_film(b);
    if (!st)
        st = thx_engine_model(b->engine)->family->question(&d.question, THX_TASK_REPORT, NULL,
                                                           &b->err);
    bench_memory_init(&b->memory, b->memory.pid);
    if (!st) st = see_film(b, &d.film);
    if (!st) st = bench_measure(b, drafts_pass, &d, BENCH_RUNS, &speed);
    thx_session_close(d.film);
    thx_string_deinit(&d.question);
    return st ? st : print_drafts(b, &d, &speed);
}
