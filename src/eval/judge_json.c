/* Results of judges as JSON; docs/judges.md has the members. */
#include "eval/judge_internal.h"
#include "metrics/chexprompt.h"

#include <math.h>
#include <string.h>

/* {"false_positive_finding": …}: the kinds by their published names. */
static json_t *kinds_json(const uint64_t counts[THX_JUDGE_KINDS])
{
    json_t *o = json_object();

    for (size_t k = 0; o && k < THX_JUDGE_KINDS; k++)
        json_object_set_new(o, thx_chexprompt_names[k], json_integer((json_int_t)counts[k]));
    return o;
}

static json_t *number(double x) { return isfinite(x) ? json_real(x) : json_null(); }

static bool is_radvlm(const thx_judge_result *r) { return !strncmp(r->signature.metric, "radvlm", 6); }
static bool is_green(const thx_judge_result *r) { return !strcmp(r->signature.metric, "green"); }

static const char *state_name(thx_chat_state state)
{
    static const char *const names[] = {
#define THX_JUDGE_NAME(name, text) #name,
        THX_CHAT_LIST(THX_JUDGE_NAME)
#undef THX_JUDGE_NAME
    };
    return names[state];
}

json_t *thx_judge_record_json(const thx_judge_result *r, size_t i)
{
    const thx_judge_record *x = &r->records[i];

    if (!x->rated)
        return json_pack("{s:n, s:{s:s, s:s}}", "score", "error", "code", state_name(x->state), "text", x->why);
    json_t *o = json_pack("{s:o, s:b}", "score", number(x->score), "kept", (int)x->kept);
    if (!o) return NULL;
    if (is_radvlm(r)) {
        json_object_set_new(o, "scores", json_integer(x->n_scores));
        return o;
    }
    json_object_set_new(o, "clinically_significant", kinds_json(x->significant));
    json_object_set_new(o, "clinically_insignificant", kinds_json(x->insignificant));
    if (is_green(r)) json_object_set_new(o, "matched", json_integer((json_int_t)x->matched));
    return o;
}

/* ---- All records ---- */

typedef struct sums {
    double significant[THX_JUDGE_KINDS], insignificant[THX_JUDGE_KINDS], none, none_significant, n;
} sums;

static void add(sums *s, const thx_judge_record *x)
{
    uint64_t significant = 0, insignificant = 0;

    for (size_t k = 0; k < THX_JUDGE_KINDS; k++) {
        s->significant[k] += (double)x->significant[k];
        s->insignificant[k] += (double)x->insignificant[k];
        significant += x->significant[k];
        insignificant += x->insignificant[k];
    }
    s->none_significant += significant == 0;
    s->none += significant + insignificant == 0;
    s->n++;
}

static json_t *means_json(const double counts[THX_JUDGE_KINDS], double n)
{
    json_t *o = json_object();

    for (size_t k = 0; o && k < THX_JUDGE_KINDS; k++)
        json_object_set_new(o, thx_chexprompt_names[k], number(counts[k] / n));
    return o;
}

static void add_errors(json_t *o, const thx_judge_result *r)
{
    sums s = { 0 };

    for (size_t i = 0; i < r->n; i++)
        if (r->records[i].rated) add(&s, &r->records[i]);
    json_object_set_new(o, "clinically_significant", means_json(s.significant, s.n));
    json_object_set_new(o, "clinically_insignificant", means_json(s.insignificant, s.n));
    json_object_set_new(o, "share_without_significant", number(s.none_significant / s.n));
    json_object_set_new(o, "share_without_errors", number(s.none / s.n));
}

/* {"EMPTY": 2, …}: how many records failed in which way. */
static json_t *failures_json(const thx_judge_result *r)
{
    json_t *o = json_object();

    for (size_t i = 0; o && i < r->n; i++) {
        const char *name = state_name(r->records[i].state);
        if (r->records[i].rated) continue;
        json_object_set_new(o, name, json_integer(1 + json_integer_value(json_object_get(o, name))));
    }
    return o;
}

static json_t *signature_json(const thx_judge_signature *s)
{
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "metric", s->metric, "prompt_sha256",
                          s->prompt_sha256, "model", s->model, "answered_by", s->answered_by, "endpoint", s->endpoint,
                          "settings", s->settings);

    if (o && *s->cloud_reason) json_object_set_new(o, "cloud_reason", json_string(s->cloud_reason));
    return o;
}

static json_t *account_json(const thx_chat_account *a)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:b}", "requests", (json_int_t)a->requests, "retries",
                     (json_int_t)a->retries, "kept", (json_int_t)a->kept, "prompt_tokens", (json_int_t)a->prompt_tokens,
                     "completion_tokens", (json_int_t)a->completion_tokens, "uncounted", (json_int_t)a->uncounted,
                     "cost", a->cost, "cost_most", a->cost_most, "stopped_by_cost", (int)a->stopped);
}

json_t *thx_judge_summary_json(const thx_judge_result *r)
{
    json_t *o = json_pack("{s:I, s:I, s:I, s:o}", "n", (json_int_t)r->n, "rated", (json_int_t)r->rated, "failed",
                          (json_int_t)(r->n - r->rated), "mean", number(r->mean));

    if (!o) return NULL;
    if (!is_radvlm(r)) add_errors(o, r);
    json_object_set_new(o, "failures", failures_json(r));
    json_object_set_new(o, "signature", signature_json(&r->signature));
    json_object_set_new(o, "account", account_json(&r->account));
    return o;
}
