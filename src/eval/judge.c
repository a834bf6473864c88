/* Judges: options, the course of a run, its result. See judge.h. */
#include "eval/judge_internal.h"
#include "base/file.h"
#include "base/hash.h"
#include "metrics/chexprompt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const thx_judge *const judges[] = { &thx_judge_green, &thx_judge_chexprompt, &thx_judge_radvlm };

enum { JUDGES = sizeof judges / sizeof *judges, EXAMPLES_BYTES = 1 << 20 };

thx_judge_options thx_judge_options_default(void) { return (thx_judge_options){ .chat = thx_chat_options_default() }; }

void thx_judge_result_deinit(thx_judge_result *r)
{
    free(r->records);
    *r = (thx_judge_result){ 0 };
}

/* ---- What files of the judges share ---- */

bool thx_judge_take(thx_judge_run_state *run, size_t i, const char *reply)
{
    thx_judge_record *r = &run->result->records[i];

    *r = (thx_judge_record){ .score = NAN };
    thx_judge_record read = { .score = 0 };
    if (!run->judge->read(&read, run, reply, strlen(reply))) return false;
    *r = read;
    r->rated = true;
    return true;
}

void thx_judge_fail(thx_judge_run_state *run, size_t i, thx_chat_state state, const char *detail)
{
    thx_judge_record *r = &run->result->records[i];
    const char       *text = thx_chat_state_text(state);

    *r = (thx_judge_record){ .state = state, .score = NAN };
    if (detail && *detail) snprintf(r->why, sizeof r->why, "%s: %.150s", text, detail);
    else snprintf(r->why, sizeof r->why, "%s", text);
}

/* ---- Before ---- */

static thorax_status find_judge(const thx_judge **out, const char *name, thorax_error *err)
{
    for (size_t i = 0; i < JUDGES; i++)
        if (name && !strcmp(name, judges[i]->name)) {
            *out = judges[i];
            return THORAX_OK;
        }
    return thx_fail(err, THORAX_USAGE, 0, "judge \"%.40s\": expected green, chexprompt or radvlm", name ? name : "");
}

/* The block of examples, as its authors published it and not otherwise. */
static thorax_status read_examples(char **out, const char *path, thorax_error *err)
{
    size_t        size;
    char          hex[65];
    thorax_status st = thx_file_read(out, &size, path, EXAMPLES_BYTES, err);

    if (st) return st;
    thx_sha256_of(*out, size, hex);
    if (!strcmp(hex, thx_chexprompt_examples_sha256)) return THORAX_OK;
    free(*out);
    *out = NULL;
    return thx_fail(err, THORAX_FORMAT, 0, "%s: expected CheXprompt's examples (SHA-256 %.12s…), found %.12s…", path,
                    thx_chexprompt_examples_sha256, hex);
}

static void settle(thx_judge_run_state *run)
{
    run->chat = run->options->chat;
    if (run->options->own_settings) return;
    run->chat.temperature = run->judge->temperature;
    run->chat.top_p = run->judge->top_p;
    run->chat.max_tokens = run->judge->max_tokens;
}

static void print_settings(char *out, size_t room, const thx_chat_options *o)
{
    size_t n = 0;

    *out = 0;
    if (o->temperature >= 0) n += (size_t)snprintf(out + n, room - n, "temperature %g, ", o->temperature);
    if (o->top_p >= 0) n += (size_t)snprintf(out + n, room - n, "top_p %g, ", o->top_p);
    if (o->seed >= 0) n += (size_t)snprintf(out + n, room - n, "seed %lld, ", (long long)o->seed);
    if (o->max_tokens) n += (size_t)snprintf(out + n, room - n, "max_tokens %u, ", o->max_tokens);
    if (n >= 2) out[n - 2] = 0;
}

static thorax_status hash_prompt(char hex[65], const thx_judge_run_state *run, thorax_error *err)
{
    const thx_judge_item nothing = { .reference = "", .candidate = "" };
    thx_string           s = { 0 };

    if (run->judge->system) thx_string_puts(&s, run->judge->system());
    thx_string_add(&s, "", 1);
    run->judge->prompt(&s, run, &nothing);
    if (!s.failed) thx_sha256_of(s.data, s.size, hex);
    const bool failed = s.failed;
    thx_string_deinit(&s);
    return failed ? thx_fail(err, THORAX_NOMEM, 0, "out of memory") : THORAX_OK;
}

static thorax_status sign(thx_judge_run_state *run, thorax_error *err)
{
    thx_judge_signature *s = &run->result->signature;
    const bool           style = run->judge == &thx_judge_chexprompt && !*run->examples;

    snprintf(s->metric, sizeof s->metric, "%s%s", run->judge->metric, style ? "-style" : "");
    print_settings(s->settings, sizeof s->settings, &run->chat);
    if (run->options->last_score && run->judge == &thx_judge_radvlm) {
        const size_t n = strlen(s->settings);
        snprintf(s->settings + n, sizeof s->settings - n, "%slast score", n ? ", " : "");
    }
    return hash_prompt(s->prompt_sha256, run, err);
}

/* Every item gets a record; those that lack something their reason. */
static thorax_status enter(thx_judge_run_state *run, size_t n, thorax_error *err)
{
    run->result->records = calloc(n ? n : 1, sizeof *run->result->records);
    run->asked = calloc(n ? n : 1, sizeof *run->asked);
    if (!run->result->records || !run->asked) return thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu records", n);
    run->result->n = n;
    for (size_t i = 0; i < n; i++) {
        const char *lack = run->judge->lacks(&run->items[i]);
        thx_judge_fail(run, i, THX_CHAT_UNASKED, lack ? lack : "the run ended before");
        if (!lack) run->asked[run->n_asked++] = i;
    }
    return THORAX_OK;
}

/* ---- After ---- */

static void sum_up(thx_judge_result *r, bool of_scores)
{
    double sum = 0, n = 0;

    for (size_t i = 0; i < r->n; i++) {
        const thx_judge_record *x = &r->records[i];
        if (!x->rated) continue;
        r->rated++;
        sum += of_scores ? x->score_sum : x->score;
        n += of_scores ? x->n_scores : 1;
    }
    r->mean = n > 0 ? sum / n : NAN;
}

thorax_status thx_judge_run(thx_judge_result *out, const thx_judge_options *options, const thx_judge_item *items,
                            size_t n, const thx_progress *progress, thorax_error *err)
{
    thx_judge_run_state run = { .options = options, .items = items, .examples = "", .result = out,
                                .progress = progress };
    char               *examples = NULL;

    *out = (thx_judge_result){ .mean = NAN };
    thorax_status st = find_judge(&run.judge, options->judge, err);
    if (!st && !options->chat.url && !options->folder)
        st = thx_fail(err, THORAX_USAGE, 0, "a judge needs a service's address or a model folder");
    if (!st && options->examples && run.judge == &thx_judge_chexprompt)
        st = read_examples(&examples, options->examples, err);
    if (examples) run.examples = examples;
    if (!st) {
        settle(&run);
        st = enter(&run, n, err);
    }
    if (!st) st = sign(&run, err);
    if (!st) st = options->chat.url ? thx_judge_by_service(&run, err) : thx_judge_by_engine(&run, err);
    if (out->records) sum_up(out, run.judge == &thx_judge_radvlm);
    free(run.asked);
    free(examples);
    return st;
}
