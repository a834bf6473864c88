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

/* Hands a result of the tasks room over, or passes their failure on. */
static thorax_status hand_over(thorax_result **out, thx_result *inner, thorax_status st,
                               thorax_error *err)
{
    *out = NULL;
    if (st) return st;
    *out = calloc(1, sizeof **out);
    if (!*out) {
        thx_result_close(inner);
        return thx_fail(err, THORAX_NOMEM, 0, "no memory for a result");
    }
    (*out)->result = inner;
    return THORAX_OK;
}

thorax_status thorax_chat(thorax_result **out, thorax_session *session,
                          const thorax_message *messages, size_t n_messages,
                          const thorax_options *options, thorax_error *err)
{
    const thx_film_facts film = facts_of(session);
    thx_result *inner;
    const thorax_status st =
        thx_task_ask(&inner, session->session, &film, messages, n_messages, options, err);

    return hand_over(out, inner, st, err);
}

static thorax_status read_film(thorax_result **out, thorax_session *session, thx_task task,
                               const thorax_options *options, thorax_error *err)
{
    const thx_film_facts film = facts_of(session);
    thx_result *inner;
    const thorax_status st = thx_task_read(&inner, session->session, &film, task, options, err);

    return hand_over(out, inner, st, err);
}

thorax_status thorax_report(thorax_result **out, thorax_session *session,
                            const thorax_options *options, thorax_error *err)
{
    return read_film(out, session, THX_TASK_REPORT, options, err);
}

thorax_status thorax_classify(thorax_result **out, thorax_session *session,
                              const thorax_options *options, thorax_error *err)
{
    return read_film(out, session, THX_TASK_CLASSIFY, options, err);
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
    const thx_film_facts film = facts_of(session);
    thx_result *inner;
    const thorax_status st =
        thx_task_ground(&inner, session->session, &film, phrases, n_phrases, kind, options, err);

    return hand_over(out, inner, st, err);
}
