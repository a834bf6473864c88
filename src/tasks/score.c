/* Scores of findings: one yes-or-no question each, all in one batched pass; nothing is generated.
 *
 * score = P(yes) / (P(yes) + P(no)) of the first id of the answer, both summed over spellings of the word. The
 * questions are the family's or those of a file; a second file turns raw scores into calibrated ones:
 * 1 / (1 + exp(-(a * logit(score) + b))), Platt's scaling (Platt, 1999). */
#include "tasks/tasks_internal.h"

#include "base/hash.h"
#include "base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES = 1 << 20, WORDS = 16 };

/* Ids that begin a yes, or a no. */
typedef struct word_ids { int32_t ids[WORDS]; size_t n; } word_ids;

typedef struct scoring {
    json_t     *file;                     /* of questions; NULL = the family's     */
    json_t     *calibration;              /* NULL = none                           */
    word_ids    yes, no;
    thx_string  questions[THX_FINDINGS];
} scoring;

/* ---- Files ---- */

static thorax_status read_file(json_t **out, char hash[65], const char *path, thorax_error *err)
{
    char *text;

    *out = NULL;
    if (!path) return THORAX_OK;
    const thorax_status st = thx_json_read(out, path, FILE_BYTES, err);
    if (st) return st;
    text = json_dumps(*out, JSON_COMPACT | JSON_SORT_KEYS);
    if (!text) return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory", path);
    thx_sha256_of(text, strlen(text), hash);
    free(text);
    return THORAX_OK;
}

/* The question for finding f: its own key, else "question" with {} for the name, else the family's. */
static thorax_status question_of(thx_string *out, const scoring *g, thx_session *s, size_t f, const char *path,
                                 thorax_error *err)
{
    const char   *name = thx_finding_names[f], *wording = NULL;
    thorax_status st = THORAX_OK;

    if (g->file) st = thx_json_text(&wording, g->file, name, NULL, path, err);
    if (!st && g->file && !wording) st = thx_json_text(&wording, g->file, "question", NULL, path, err);
    return st ? st : thx_task_question(out, s, THX_TASK_SCORE, name, wording, err);
}

/* ---- Yes and no ---- */

/* Adds the first id of a word. */
static thorax_status add_word(word_ids *w, const thx_tokenizer *t, const char *word, thorax_error *err)
{
    thx_ids       ids = { 0 };
    thorax_status st = thx_tokenizer_encode(t, word, strlen(word), false, &ids, err);
    bool          known = false;

    if (!st && ids.failed) st = thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    for (size_t i = 0; !st && ids.size && i < w->n; i++) known = known || w->ids[i] == ids.data[0];
    if (!st && ids.size && !known && w->n < WORDS) w->ids[w->n++] = ids.data[0];
    thx_ids_deinit(&ids);
    return st;
}

/* The spellings a file lists under `key`, else the two given. */
static thorax_status read_words(word_ids *w, const scoring *g, const thx_tokenizer *t, const char *key,
                                const char *const plain[2], const char *path, thorax_error *err)
{
    const json_t *list = json_object_get(g->file, key);
    thorax_status st = THORAX_OK;

    for (size_t i = 0; !list && i < 2 && !st; i++) st = add_word(w, t, plain[i], err);
    if (list && (!json_is_array(list) || json_array_size(list) > WORDS))
        return thx_fail(err, THORAX_FORMAT, 0, "%s: \"%s\": expected a list of at most %d words", path, key, WORDS);
    for (size_t i = 0; i < json_array_size(list) && !st; i++) {
        const char *word = json_string_value(json_array_get(list, i));
        if (!word || !*word)
            return thx_fail(err, THORAX_FORMAT, 0, "%s: \"%s\": entry %zu is no word", path, key, i + 1);
        st = add_word(w, t, word, err);
    }
    return st;
}

static thorax_status check_words(const scoring *g, const thx_model *m, thorax_error *err)
{
    bool apart = g->yes.n && g->no.n;

    for (size_t i = 0; i < g->yes.n; i++) {
        apart = apart && (size_t)g->yes.ids[i] < m->decoder.config.V;
        for (size_t k = 0; k < g->no.n; k++) apart = apart && g->yes.ids[i] != g->no.ids[k];
    }
    for (size_t k = 0; k < g->no.n; k++) apart = apart && (size_t)g->no.ids[k] < m->decoder.config.V;
    if (apart) return THORAX_OK;
    return thx_fail(err, THORAX_MODEL, 0, "%s: the first ids of \"yes\" and \"no\" cannot be told apart", m->folder);
}

/* ---- From logits to scores ---- */

/* log of the summed exponentials of some logits */
static double log_sum(const float *logits, const word_ids *w)
{
    double top = -INFINITY, sum = 0.0;

    for (size_t i = 0; i < w->n; i++) top = fmax(top, logits[w->ids[i]]);
    for (size_t i = 0; i < w->n; i++) sum += exp(logits[w->ids[i]] - top);
    return top + log(sum);
}

static thorax_status calibrate(double *logit, const scoring *g, const char *name, const char *path, thorax_error *err)
{
    const json_t *of = json_object_get(g->calibration, name);
    double        a, b;

    if (!of) return THORAX_OK;
    thorax_status st = thx_json_real(&a, of, "a", 1.0, -1e6, 1e6, path, err);
    if (!st) st = thx_json_real(&b, of, "b", 0.0, -1e6, 1e6, path, err);
    if (!st) *logit = a * *logit + b;
    return st;
}

static thorax_status fill_scores(thx_result *r, const scoring *g, const float *logits, size_t V,
                                 const thorax_options *o, thorax_error *err)
{
    for (size_t f = 0; f < THX_FINDINGS; f++) {
        const float *row = logits + f * V;
        double       logit = log_sum(row, &g->yes) - log_sum(row, &g->no);

        const thorax_status st = calibrate(&logit, g, thx_finding_names[f], o->score_calibration, err);
        if (st) return st;
        r->findings[f].score = 1.0 / (1.0 + exp(-logit));
    }
    return THORAX_OK;
}

/* Asks all questions at once; logits [THX_FINDINGS, V]. */
static thorax_status run_questions(float *logits, scoring *g, thx_session *s, const thorax_options *o,
                                   thx_prompt_use *use, thorax_error *err)
{
    const thx_progress progress = { .step = o->on_progress, .data = o->data };
    thx_message        turns[THX_FINDINGS][2];
    thx_conversation   list[THX_FINDINGS];
    const size_t       first = o->system ? 0 : 1;

    for (size_t f = 0; f < THX_FINDINGS; f++) {
        turns[f][0] = (thx_message){ "system", o->system };
        turns[f][1] = (thx_message){ "user", g->questions[f].data };
        list[f] = (thx_conversation){ turns[f] + first, 2 - first };
    }
    return thx_session_next_logits(s, list, THX_FINDINGS, &progress, logits, use, err);
}

static thorax_status prepare(scoring *g, thx_result *r, thx_session *s, const thorax_options *o, thorax_error *err)
{
    static const char *const yes[2] = { "Yes", "yes" }, *const no[2] = { "No", "no" };
    const thx_model         *m = thx_engine_model(thx_session_engine(s));
    const char              *path = o->score_questions;

    thorax_status st = read_file(&g->file, r->provenance.questions_sha256, path, err);
    if (!st) st = read_file(&g->calibration, r->provenance.calibration_sha256, o->score_calibration, err);
    if (!st) st = read_words(&g->yes, g, m->tokenizer, "yes", yes, path, err);
    if (!st) st = read_words(&g->no, g, m->tokenizer, "no", no, path, err);
    if (!st) st = check_words(g, m, err);
    for (size_t f = 0; f < THX_FINDINGS && !st; f++) st = question_of(&g->questions[f], g, s, f, path, err);
    return st;
}

thorax_status thx_result_score(thx_result *r, thx_session *s, const thorax_options *o, thorax_error *err)
{
    const size_t   V = thx_engine_model(thx_session_engine(s))->decoder.config.V;
    scoring        g = { 0 };
    thx_prompt_use use = { 0 };
    float         *logits = malloc(THX_FINDINGS * V * sizeof *logits);
    thorax_status  st = logits ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "no memory for scores");

    if (!st) st = prepare(&g, r, s, o, err);
    if (!st) st = run_questions(logits, &g, s, o, &use, err);
    if (!st) st = fill_scores(r, &g, logits, V, o, err);
    if (!st) {
        r->provenance.scored = true;
        r->provenance.calibrated = g.calibration != NULL;
        r->usage.prompt_tokens += use.prompt_tokens;
        r->usage.cached_tokens += use.cached_tokens;
        r->usage.vision_s += use.vision_s;
        r->usage.prompt_s += use.prompt_s;
    }
    for (size_t f = 0; f < THX_FINDINGS; f++) thx_string_deinit(&g.questions[f]);
    json_decref(g.file);
    json_decref(g.calibration);
    free(logits);
    return st;
}
