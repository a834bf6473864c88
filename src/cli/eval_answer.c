/* Answers of a model about the records of one film; see eval_run.h.
 *
 * A record's own question is asked, as the published evaluations draw one for each record; without one, or with
 * --own-question, the model's usual question of the task. Conversations go turn by turn, and the model's own earlier
 * answers are the history. */
#include "cli/eval_run.h"

#include "base/file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 16 }; /* questions side by side */

/* ---- Lines ---- */

static json_t *labels_json(const thx_eval_item *r)
{
    json_t *json = json_object();

    for (int i = 0; i < THX_FINDINGS; i++)
        if (r->labels[i] != THX_EVAL_BLANK)
            json_object_set_new(json, thx_finding_names[i],
                                json_integer(r->labels[i] == THX_EVAL_UNCERTAIN ? -1 : r->labels[i]));
    return json;
}

static json_t *boxes_json(const thx_eval_item *r)
{
    json_t *list = json_array();

    for (size_t i = 0; i < r->n_boxes; i++) {
        const thx_eval_box *b = &r->boxes[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:[f,f,f,f]}", "label", b->label, "box", b->x1, b->y1, b->x2, b->y2));
    }
    return list;
}

static json_t *turns_json(const thx_eval_item *r)
{
    json_t *list = json_array();

    for (size_t i = 0; i < r->n_turns; i++)
        json_array_append_new(list, json_pack("{s:s, s:s}", "role", r->turns[i].role, "content", r->turns[i].content));
    return list;
}

/* What a line holds of its record: enough to be scored without the file of records. */
static json_t *record_json(const thx_eval_item *r)
{
    json_t *json = json_pack("{s:s, s:s}", "id", r->id, "task", r->task);

    if (r->image) json_object_set_new(json, "image", thx_json_path(r->image));
    if (r->question) json_object_set_new(json, "question", json_string(r->question));
    if (r->phrase) json_object_set_new(json, "phrase", json_string(r->phrase));
    if (r->reference) json_object_set_new(json, "reference", json_string(r->reference));
    if (r->has_labels) json_object_set_new(json, "labels", labels_json(r));
    if (r->has_boxes) json_object_set_new(json, "boxes", boxes_json(r));
    if (r->n_turns) json_object_set_new(json, "conversation", turns_json(r));
    return json;
}

static int give_json(const cli_answers *a, json_t *json, bool failed)
{
    char *line = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;

    json_decref(json);
    return line ? a->give(a->data, line, failed) : cli_fail_text(a->run->values, CLI_NO_MEMORY, "no memory for a line");
}

static int give_error(const cli_answers *a, const thx_eval_item *r)
{
    json_t *json = record_json(r);

    if (json)
        json_object_set_new(json, "error",
                            json_pack("{s:i, s:o}", "code", cli_exit_code(a->run->err.status), "text",
                                      thx_json_path(a->run->err.text)));
    return give_json(a, json, true);
}

static json_t *scores_json(const thorax_result *result)
{
    size_t n;
    const thorax_finding *f = thorax_result_findings(result, &n);
    json_t *json = json_object();

    for (size_t i = 0; i < n; i++)
        if (!isnan(f[i].score)) json_object_set_new(json, f[i].name, json_real(f[i].score));
    return json;
}

static int give_answer(const cli_answers *a, const thx_eval_item *r, const thorax_result *result, json_t *answers)
{
    json_t *json = record_json(r), *scores = scores_json(result);

    if (json) {
        json_object_set_new(json, "prediction", json_string(thorax_result_text(result)));
        json_object_set_new(json, "complete", json_boolean(thorax_result_complete(result)));
        if (json_object_size(scores)) json_object_set(json, "scores", scores);
        if (answers) json_object_set(json, "answers", answers);
        json_object_set_new(json, "notice", json_string(thorax_notice()));
    }
    json_decref(scores);
    return give_json(a, json, false);
}

/* ---- Questions ---- */

static bool asks_own(const cli_answers *a, const thx_eval_item *r)
{
    return a->own_question || a->run->options.wording || !r->question;
}

/* Ours and RadVLM's names: report_generation, abnormality_classification, region_grounding, phrase_grounding … */
static bool is_task(const thx_eval_item *r, const char *part) { return strstr(r->task, part) != NULL; }

static const char *phrase_of(const thx_eval_item *r)
{
    return r->phrase ? r->phrase : r->n_boxes && *r->boxes[0].label ? r->boxes[0].label : NULL;
}

/* The job of a record; its parts lie in *message and *phrase. THORAX_USAGE: nothing to ask. */
static thorax_status job_of(const cli_answers *a, const thx_eval_item *r, thorax_job *job, thorax_message *message,
                            const char **phrase)
{
    *phrase = phrase_of(r);
    *message = (thorax_message){ "user", r->question };
    *job = (thorax_job){ .task = THORAX_TASK_ASK, .messages = message, .n_messages = 1 };
    if (!asks_own(a, r)) return THORAX_OK;
    if (is_task(r, "report")) job->task = THORAX_TASK_REPORT;
    else if (is_task(r, "classif")) job->task = THORAX_TASK_CLASSIFY;
    else if ((is_task(r, "ground") || is_task(r, "phrase")) && *phrase)
        *job = (thorax_job){ .task = THORAX_TASK_GROUND, .phrases = phrase, .n_phrases = 1,
                             .kind = is_task(r, "phrase") ? THORAX_GROUND_PHRASE : THORAX_GROUND_REGION };
    else if (!r->question)
        return thx_fail(&a->run->err, THORAX_USAGE, 0, "%s: line %zu: a record of the task %.40s without a question",
                        a->file, r->line, r->task);
    return THORAX_OK;
}

/* Questions that must go alone: those with scores, and those with words of the command line. */
static bool goes_alone(const cli_answers *a, const thx_eval_item *r)
{
    return a->run->options.wording || (a->run->options.score && is_task(r, "classif"));
}

/* ---- One after the other ---- */

static int fatal(const cli_answers *a)
{
    return cli_interrupted() || a->run->err.status == THORAX_CANCELLED ? CLI_INTERRUPTED
           : a->run->err.status == THORAX_MODEL || a->run->err.status == THORAX_NOMEM ? cli_run_fail(a->run) : CLI_OK;
}

/* A result, or an error line. */
static int finish(const cli_answers *a, const thx_eval_item *r, thorax_status st, thorax_result *result)
{
    int code = st ? fatal(a) : cli_interrupted() ? CLI_INTERRUPTED : CLI_OK;

    if (!code) code = st ? give_error(a, r) : give_answer(a, r, result, NULL);
    thorax_result_close(result);
    return code;
}

static int answer_alone(const cli_answers *a, thorax_session *session, const thx_eval_item *r)
{
    thorax_options o = a->run->options;
    thorax_result *result = NULL;
    thorax_message message;
    thorax_job job;
    const char *phrase;

    thorax_status st = job_of(a, r, &job, &message, &phrase);
    if (!st && o.score && is_task(r, "classif")) {
        job = (thorax_job){ .task = THORAX_TASK_CLASSIFY };
        if (!asks_own(a, r)) o.wording = r->question;
    }
    if (job.task == THORAX_TASK_ASK) o.wording = NULL;
    if (!st) st = thorax_run(&result, session, &job, 1, &o, &a->run->err);
    return finish(a, r, st, result);
}

static int answer_conversation(const cli_answers *a, thorax_session *session, const thx_eval_item *r)
{
    cli_messages said = { 0 };
    thorax_options o = a->run->options;
    thorax_result *result = NULL;
    json_t *answers = json_array();
    thorax_status st = THORAX_OK;

    o.wording = NULL;
    for (size_t i = 0; !st && i < r->n_turns; i++) {
        if (strcmp(r->turns[i].role, "user")) continue;
        thorax_result_close(result);
        result = NULL;
        st = cli_messages_add(&said, "user", r->turns[i].content, &a->run->err);
        if (!st) st = thorax_chat(&result, session, said.list, said.n, &o, &a->run->err);
        if (!st) st = cli_messages_add(&said, "assistant", thorax_result_text(result), &a->run->err);
        if (!st) json_array_append_new(answers, json_string(thorax_result_text(result)));
    }
    if (!st && !result)
        st = thx_fail(&a->run->err, THORAX_USAGE, 0, "%s: line %zu: a conversation without a user's turn", a->file,
                      r->line);
    int code = st ? fatal(a) : cli_interrupted() ? CLI_INTERRUPTED : CLI_OK;
    if (!code) code = st ? give_error(a, r) : give_answer(a, r, result, answers);
    json_decref(answers);
    thorax_result_close(result);
    cli_messages_deinit(&said);
    return code;
}

/* ---- Side by side ---- */

/* Where they cannot be answered together each is tried alone, so that one that fails costs itself only. */
static int answer_together(const cli_answers *a, thorax_session *session, const thx_eval_item *const *records, size_t n)
{
    thorax_job jobs[AT_ONCE];
    thorax_message messages[AT_ONCE];
    thorax_result *results[AT_ONCE] = { NULL };
    const char *phrases[AT_ONCE];
    thorax_status st = THORAX_OK;
    int code = CLI_OK;

    for (size_t i = 0; !st && i < n; i++) st = job_of(a, records[i], &jobs[i], &messages[i], &phrases[i]);
    if (!st) st = thorax_run(results, session, jobs, n, &a->run->options, &a->run->err);
    if (st && cli_interrupted()) return CLI_INTERRUPTED;
    for (size_t i = 0; i < n; i++) {
        if (st) code = code ? code : answer_alone(a, session, records[i]);
        else if (!code) code = finish(a, records[i], THORAX_OK, results[i]);
        else thorax_result_close(results[i]);
    }
    return code;
}

static int answer_all(const cli_answers *a, thorax_session *session, const thx_eval_item *const *records, size_t n)
{
    const thx_eval_item *waiting[AT_ONCE];
    size_t n_waiting = 0;
    int code = CLI_OK;

    for (size_t i = 0; !code && i < n; i++) {
        const bool talk = records[i]->n_turns > 0 && !records[i]->question, alone = talk || goes_alone(a, records[i]);
        if (!alone) waiting[n_waiting++] = records[i];
        if (n_waiting && (alone || n_waiting == AT_ONCE || i + 1 == n)) {
            code = answer_together(a, session, waiting, n_waiting);
            n_waiting = 0;
        }
        if (!code && alone)
            code = talk ? answer_conversation(a, session, records[i]) : answer_alone(a, session, records[i]);
    }
    return code;
}

/* ---- One film ---- */

int cli_eval_answer(const cli_answers *a, const thx_eval_item *const *records, size_t n)
{
    const char *image = records[0]->image;
    char *path = !image ? NULL : *image == '/' ? strdup(image) : thx_path_join(a->folder, image);
    thorax_film *film = NULL;
    thorax_session *session = NULL;
    int code = CLI_OK;

    if (image && !path) return cli_fail_text(a->run->values, CLI_NO_MEMORY, "no memory for a path");
    thorax_status st = path ? thorax_film_open(&film, path, &a->run->film_options, &a->run->err) : THORAX_OK;
    if (!st) st = thorax_session_open(&session, a->run->model, film, &a->run->err);
    if (st) code = fatal(a);
    for (size_t i = 0; st && !code && i < n; i++) code = give_error(a, records[i]);
    if (!st) code = answer_all(a, session, records, n);
    thorax_session_close(session);
    thorax_film_close(film);
    free(path);
    return code;
}
