/* The judge of GREEN on our engine; see green.h. */
#include "metrics/green.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 8 };

/* ---- The chat ---- */

/* The token that ends a turn, as text. */
static void put_end(thx_string *out, const thx_tokenizer *t)
{
    const int32_t eos = thx_tokenizer_eos(t);
    thorax_error  ignored;

    if (eos >= 0 && thx_tokenizer_decode(t, &eos, 1, false, out, &ignored)) out->failed = true;
    thx_string_puts(out, "\n");
}

void thx_green_chat(thx_string *out, const thx_tokenizer *t, const char *prompt, size_t size)
{
    thx_string_puts(out, "<|user|>\n");
    thx_string_add(out, prompt, size);
    put_end(out, t);
    thx_string_puts(out, "<|assistant|>\n");
    put_end(out, t);
    thx_string_puts(out, "<|assistant|>\n");
}

/* The original asks for an end-of-text token behind every text; its Llama class heeds that, its others do not. */
thorax_status thx_green_ids(thx_ids *ids, size_t *whole, const thx_tokenizer *t, const char *chat, size_t size,
                            thorax_error *err)
{
    const int32_t eos = thx_tokenizer_eos(t);
    const bool    adds = thx_tokenizer_is_sentencepiece(t);
    const size_t  first = ids->size;

    if (eos < 0) return thx_fail(err, THORAX_MODEL, 0, "the judge's folder names no end-of-text token (eos_token)");
    const thorax_status st = thx_tokenizer_encode_whole(t, chat, size, true, 0, ids, err);
    if (st) return st;
    if (adds && (ids->size == first || ids->data[ids->size - 1] != eos)) thx_ids_add(ids, eos);
    if (whole) *whole = ids->size - first;
    if (ids->size - first > THX_GREEN_TOKENS) {
        ids->size = first + THX_GREEN_TOKENS;
        if (adds) ids->data[ids->size - 1] = eos;
    }
    return ids->failed ? thx_fail(err, THORAX_NOMEM, 0, "no memory for a prompt") : THORAX_OK;
}

/* ---- Judging ---- */

typedef struct judge {
    thx_engine              *engine;
    thx_session             *session;
    const thx_model         *model;
    thx_tokenizer           *tokenizer; /* the fast one, as the original has it */
    const thx_green_options *options;
    const thx_progress      *progress;
    thx_sampling             sampling;
    int32_t                  end;
    thx_ids                 *prompts; /* [at_once] */
    thx_request             *requests;
    thx_answer              *answers;
    size_t                  *pairs; /* which pair an entry is */
    size_t                   at_once;
} judge;

static thorax_status no_memory(thorax_error *err) { return thx_fail(err, THORAX_NOMEM, 0, "no memory for the judge"); }

static thorax_status make_prompt(const judge *j, thx_ids *ids, const char *reference, const char *candidate,
                                 thorax_error *err)
{
    thx_string    prompt = { 0 }, chat = { 0 };
    thorax_status st = THORAX_OK;

    thx_green_prompt(&prompt, reference, candidate, NULL, NULL);
    if (!prompt.failed) thx_green_chat(&chat, j->tokenizer, prompt.data, prompt.size);
    if (prompt.failed || chat.failed) st = no_memory(err);
    ids->size = 0;
    if (!st) st = thx_green_ids(ids, NULL, j->tokenizer, chat.data, chat.size, err);
    thx_string_deinit(&prompt);
    thx_string_deinit(&chat);
    return st;
}

/* Puts pair i into the batch, unless its prompt leaves no room. */
static thorax_status enter(judge *j, size_t *n, size_t i, const char *reference, const char *candidate,
                           thx_green_pair *out, thorax_error *err)
{
    thx_ids            *ids = &j->prompts[*n];
    const thorax_status st = make_prompt(j, ids, reference, candidate, err);
    const size_t        room =
        thx_engine_ctx_tokens(j->engine) < THX_GREEN_TOKENS ? thx_engine_ctx_tokens(j->engine) : THX_GREEN_TOKENS;

    if (st) return st;
    *out = (thx_green_pair){ .figure = NAN, .prompt_tokens = (uint32_t)ids->size };
    if (ids->size >= room) return THORAX_OK;
    const uint32_t most = (uint32_t)(room - ids->size), wanted = j->options->max_new_tokens;
    j->requests[*n] = (thx_request){ .ids = ids->data,
                                     .n_ids = ids->size,
                                     .ends = &j->end,
                                     .n_ends = 1,
                                     .sampling = j->sampling,
                                     .max_new_tokens = wanted && wanted < most ? wanted : most,
                                     .drafts = true };
    if (j->progress) j->requests[*n].progress = *j->progress;
    j->pairs[(*n)++] = i;
    return THORAX_OK;
}

/* Prompt and answer are decoded together, as the original does, which cuts the prompt off by its text. */
static thorax_status read_answer(const judge *j, thx_ids *prompt, thx_answer *a, thx_green_pair *out, thorax_error *err)
{
    thx_string    decoded = { 0 }, completion = { 0 };
    thorax_status st;

    for (size_t i = 0; i < a->ids.size; i++) thx_ids_add(prompt, a->ids.data[i]);
    if (prompt->failed) return no_memory(err);
    st = thx_tokenizer_decode_fast(j->tokenizer, prompt->data, prompt->size, true, true, &decoded, err);
    if (!st) thx_green_completion(&completion, decoded.data, decoded.size);
    if (!st && completion.failed) st = no_memory(err);
    if (!st) {
        out->counts = thx_green_parse(completion.data, completion.size);
        out->figure = thx_green_figure(&out->counts);
        out->complete = a->complete;
        out->ids = a->ids;
        a->ids = (thx_ids){ 0 };
        out->completion = thx_string_take(&completion);
        out->judged = out->completion != NULL;
        if (!out->judged) st = no_memory(err);
    }
    thx_string_deinit(&decoded);
    thx_string_deinit(&completion);
    return st;
}

static thorax_status judge_batch(judge *j, size_t n, thx_green_pair *out, thorax_error *err)
{
    thorax_status st = n ? thx_session_generate_all(j->session, j->requests, n, j->answers, err) : THORAX_OK;

    if (st) return st;
    for (size_t i = 0; i < n; i++) {
        if (!st) st = read_answer(j, &j->prompts[i], &j->answers[i], &out[j->pairs[i]], err);
        thx_answer_deinit(&j->answers[i]);
    }
    return st;
}

static thorax_status judge_open(judge *j, thx_engine *e, const thx_green_options *o, const thx_progress *progress,
                                thorax_error *err)
{
    const thx_sampling_request greedy = {
        .temperature = -1, .top_p = -1, .min_p = -1, .repetition_penalty = -1, .top_k = -1
    };

    *j = (judge){ .engine = e,
                  .model = thx_engine_model(e),
                  .options = o,
                  .progress = progress,
                  .at_once = o->at_once ? o->at_once : AT_ONCE };
    if (j->model->recipe.kind != THX_RECIPE_NONE)
        return thx_fail(err, THORAX_MODEL, 0, "%s: expected a judge, a language model alone; this one is for films",
                        j->model->folder);
    j->prompts = calloc(j->at_once, sizeof *j->prompts);
    j->requests = calloc(j->at_once, sizeof *j->requests);
    j->answers = calloc(j->at_once, sizeof *j->answers);
    j->pairs = calloc(j->at_once, sizeof *j->pairs);
    if (!j->prompts || !j->requests || !j->answers || !j->pairs) return no_memory(err);
    thorax_status st = thx_tokenizer_open_fast(&j->tokenizer, j->model->folder, err);
    if (st) return st;
    j->end = thx_tokenizer_eos(j->tokenizer);
    st = thx_sampling_resolve(&j->sampling, &greedy, &j->model->generation, err);
    return st ? st : thx_session_open(&j->session, e, NULL, err);
}

static void judge_close(judge *j)
{
    thx_session_close(j->session);
    thx_tokenizer_close(j->tokenizer);
    for (size_t i = 0; j->prompts && i < j->at_once; i++) thx_ids_deinit(&j->prompts[i]);
    free(j->prompts);
    free(j->requests);
    free(j->answers);
    free(j->pairs);
}

thorax_status thx_green_score(thx_engine *e, const char *const *references, const char *const *candidates, size_t n,
                              const thx_green_options *options, const thx_progress *progress, thx_green_pair *out,
                              thorax_error *err)
{
    static const thx_green_options defaults = { .at_once = 0 };
    judge                          j;
    thorax_status                  st;

    for (size_t i = 0; i < n; i++) out[i] = (thx_green_pair){ .figure = NAN };
    st = judge_open(&j, e, options ? options : &defaults, progress, err);
    for (size_t i = 0; i < n && !st;) {
        size_t filled = 0;

        if (!thx_progress_step(progress, "judge", i, n)) st = thx_fail(err, THORAX_CANCELLED, 0, "stopped");
        for (; i < n && filled < j.at_once && !st; i++)
            st = enter(&j, &filled, i, references[i], candidates[i], &out[i], err);
        if (!st) st = judge_batch(&j, filled, out, err);
    }
    if (!st) (void)thx_progress_step(progress, "judge", n, n);
    judge_close(&j);
    return st;
}

void thx_green_pairs_deinit(thx_green_pair *pairs, size_t n)
{
    for (size_t i = 0; pairs && i < n; i++) {
        free(pairs[i].completion);
        thx_ids_deinit(&pairs[i].ids);
        pairs[i] = (thx_green_pair){ .figure = NAN };
    }
}
