/* Sessions of the public header: conversations and tasks; see thorax.h. */
#include "api/api.h"

#include <stdlib.h>

thorax_status thorax_session_open(thorax_session **out, thorax_model *model,
                                  const thorax_film *film, thorax_error *err)
{
    thorax_session *s = calloc(1, sizeof *s);

    *out = NULL;
    if (!s) return thx_fail(err, THORAX_NOMEM, 0, "no memory for a session");
    s->film = film;
    const thorax_status st =
        thx_session_open(&s->session, model->engine, film ? &film->picture : NULL, err);
    if (st) free(s);
    else *out = s;
    return st;
}

thorax_status thorax_session_fork(thorax_session **out, thorax_session *of, thorax_error *err)
{
    thorax_session *s = calloc(1, sizeof *s);

    *out = NULL;
    if (!s) return thx_fail(err, THORAX_NOMEM, 0, "no memory for a session");
    s->film = of->film;
    const thorax_status st = thx_session_fork(&s->session, of->session, err);
    if (st) free(s);
    else *out = s;
    return st;
}

void thorax_session_close(thorax_session *session)
{
    if (!session) return;
    thx_session_close(session->session);
    free(session);
}

static thx_film_facts facts_of(const thorax_session *s)
{
    const thorax_film *f = s->film;

    if (!f) return (thx_film_facts){ 0 };
    return (thx_film_facts){ .name = f->name,
                             .sha256 = f->film->sha256,
                             .width = f->film->width,
                             .height = f->film->height,
                             .profile = f->profile };
}

/* Hands results of the tasks room over: all of them, or none. */
static thorax_status hand_over(thorax_result **out, thx_result *const *inner, size_t n, thorax_error *err)
{
    bool whole = true;

    for (size_t i = 0; i < n; i++) {
        out[i] = calloc(1, sizeof *out[i]);
        if (out[i]) out[i]->result = inner[i];
        else thx_result_close(inner[i]);
        whole = whole && out[i];
    }
    if (whole) return THORAX_OK;
    for (size_t i = 0; i < n; i++) {
        thorax_result_close(out[i]);
        out[i] = NULL;
    }
    return thx_fail(err, THORAX_NOMEM, 0, "no memory for a result");
}

thorax_status thorax_run(thorax_result **out, thorax_session *session, const thorax_job *jobs,
                         size_t n, const thorax_options *options, thorax_error *err)
{
    const thx_film_facts film = facts_of(session);
    thx_result **inner = calloc(n ? n : 1, sizeof(thx_result *));
    thorax_status st = inner ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "no memory for a result");

    for (size_t i = 0; i < n; i++) out[i] = NULL;
    if (!st) st = thx_tasks_run(inner, session->session, &film, jobs, n, options, err);
    if (!st) st = hand_over(out, inner, n, err);
    free(inner);
    return st;
}

static thorax_status run_one(thorax_result **out, thorax_session *session, thorax_job job,
                             const thorax_options *options, thorax_error *err)
{
    return thorax_run(out, session, &job, 1, options, err);
}

thorax_status thorax_chat(thorax_result **out, thorax_session *session,
                          const thorax_message *messages, size_t n_messages,
                          const thorax_options *options, thorax_error *err)
{
    return run_one(out, session, (thorax_job){ .task = THORAX_TASK_ASK, .messages = messages, .n_messages = n_messages },
                   options, err);
}

thorax_status thorax_report(thorax_result **out, thorax_session *session,
                            const thorax_options *options, thorax_error *err)
{
    return run_one(out, session, (thorax_job){ .task = THORAX_TASK_REPORT }, options, err);
}

thorax_status thorax_classify(thorax_result **out, thorax_session *session,
                              const thorax_options *options, thorax_error *err)
{
    return run_one(out, session, (thorax_job){ .task = THORAX_TASK_CLASSIFY }, options, err);
}

thorax_status thorax_ground(thorax_result **out, thorax_session *session, const char *phrase,
                            thorax_ground_kind kind, const thorax_options *options,
                            thorax_error *err)
{
    return thorax_ground_all(out, session, &phrase, 1, kind, options, err);
}

thorax_status thorax_ground_all(thorax_result **out, thorax_session *session,
                                const char *const *phrases, size_t n_phrases,
                                thorax_ground_kind kind, const thorax_options *options,
                                thorax_error *err)
{
    return run_one(out, session,
                   (thorax_job){ .task = THORAX_TASK_GROUND, .phrases = phrases, .n_phrases = n_phrases, .kind = kind },
                   options, err);
}
