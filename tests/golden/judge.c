/* GREEN's judges: chats, ids, logits, answers and counts against the original's. */
#include "golden.h"

#include "base/npy.h"
#include "metrics/green.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double logits_limit = 5e-5; /* of a row's peak */
enum { NEW_TOKENS = 32 };

typedef struct set {
    golden        *g;
    const json_t  *root, *cases;
    size_t         n;
    thx_engine    *engine;
    thx_session   *session;
    thx_tokenizer *tokenizer;
    thx_npy        logits; /* [n, V] */
    thorax_error   err;
} set;

static bool same_text(const thx_string *got, const json_t *want)
{
    return got->data && got->size == json_string_length(want) && !memcmp(got->data, json_string_value(want), got->size);
}

static bool same_ids(const int32_t *got, size_t n, const json_t *want)
{
    if (json_array_size(want) != n) return false;
    for (size_t i = 0; i < n; i++)
        if (json_integer_value(json_array_get(want, i)) != got[i]) return false;
    return true;
}

/* The chat and the ids of a pair. */
static void make(set *s, const char *reference, const char *candidate, thx_string *chat, thx_ids *ids, size_t *whole)
{
    thx_string prompt = { 0 };

    thx_green_prompt(&prompt, reference, candidate, NULL, NULL);
    thx_green_chat(chat, s->tokenizer, prompt.data, prompt.size);
    if (thx_green_ids(ids, whole, s->tokenizer, chat->data, chat->size, &s->err)) ids->size = 0;
    thx_string_deinit(&prompt);
}

static void check_logits(set *s, const char *id, const thx_ids *ids, size_t row)
{
    const size_t V = s->logits.shape[1];
    const float *want = (const float *)s->logits.data + row * V;
    float       *got = malloc(V * sizeof *got);
    double       worst = 0, peak = 0;

    if (!got || thx_session_prompt_ids(s->session, ids->data, ids->size, NULL, got, &s->err)) {
        golden_check(s->g, false, id, "%s", got ? s->err.text : "no memory");
    } else {
        for (size_t i = 0; i < V; i++) {
            const double off = fabs((double)got[i] - want[i]);
            peak = fmax(peak, fabs((double)want[i]));
            if (!(off <= worst)) worst = off;
        }
        golden_check(s->g, worst <= logits_limit * peak, id, "logits off by %.2g of the peak, limit %.2g", worst / peak,
                     logits_limit);
    }
    free(got);
}

static void check_prompt(set *s, const json_t *c, size_t row)
{
    const char *id = golden_text(c, "id");
    thx_string  chat = { 0 };
    thx_ids     ids = { 0 };

    make(s, golden_text(c, "reference"), golden_text(c, "candidate"), &chat, &ids, NULL);
    golden_check(s->g, same_text(&chat, json_object_get(c, "rendered")), id, "chat");
    golden_check(s->g, same_ids(ids.data, ids.size, json_object_get(c, "ids")), id, "%zu ids", ids.size);
    if (ids.size) check_logits(s, id, &ids, row);
    thx_string_deinit(&chat);
    thx_ids_deinit(&ids);
}

/* ---- Answers ---- */

static bool same_decoded(set *s, const json_t *c, const thx_green_pair *p)
{
    thx_string chat = { 0 }, decoded = { 0 };
    thx_ids    ids = { 0 };

    make(s, golden_text(c, "reference"), golden_text(c, "candidate"), &chat, &ids, NULL);
    for (size_t i = 0; i < p->ids.size; i++) thx_ids_add(&ids, p->ids.data[i]);
    bool same = !thx_tokenizer_decode_fast(s->tokenizer, ids.data, ids.size, true, true, &decoded, &s->err);
    same = same && same_text(&decoded, json_object_get(c, "decoded"));
    thx_string_deinit(&chat);
    thx_string_deinit(&decoded);
    thx_ids_deinit(&ids);
    return same;
}

static bool same_counts(const thx_green_counts *c, const json_t *want)
{
    bool same = json_array_size(want) == THX_GREEN_KINDS + 1;

    for (size_t i = 0; i < THX_GREEN_KINDS; i++)
        same = same && (uint64_t)json_integer_value(json_array_get(want, i)) == c->significant[i];
    return same && (uint64_t)json_integer_value(json_array_get(want, THX_GREEN_KINDS)) == c->matched;
}

static void check_pair(set *s, const json_t *c, const thx_green_pair *p, const char *how)
{
    const char  *id = golden_text(c, "id"), *completion = json_string_value(json_object_get(c, "completion"));
    const double figure = json_number_value(json_object_get(c, "green"));

    golden_check(s->g, p->judged && same_ids(p->ids.data, p->ids.size, json_object_get(c, "greedy_ids")), id,
                 "answer, %s", how);
    golden_check(s->g, p->judged && same_decoded(s, c, p), id, "decoded, %s", how);
    golden_check(s->g, p->completion && completion && !strcmp(p->completion, completion), id, "completion, %s", how);
    golden_check(s->g, same_counts(&p->counts, json_object_get(c, "error_counts")) && fabs(p->figure - figure) <= 1e-15,
                 id, "counts, %s", how);
}

static void check_answers(set *s, size_t at_once, const char *how)
{
    const thx_green_options o = { .at_once = at_once, .max_new_tokens = NEW_TOKENS };
    const char **references = calloc(s->n + 1, sizeof *references), **candidates = calloc(s->n + 1, sizeof *candidates);
    thx_green_pair *pairs = calloc(s->n + 1, sizeof *pairs);

    for (size_t i = 0; references && candidates && i < s->n; i++) {
        references[i] = golden_text(json_array_get(s->cases, i), "reference");
        candidates[i] = golden_text(json_array_get(s->cases, i), "candidate");
    }
    if (!references || !candidates || !pairs ||
        thx_green_score(s->engine, references, candidates, s->n, &o, NULL, pairs, &s->err))
        golden_check(s->g, false, how, "%s", s->err.text);
    else
        for (size_t i = 0; i < s->n; i++) check_pair(s, json_array_get(s->cases, i), &pairs[i], how);
    thx_green_pairs_deinit(pairs, s->n);
    free(pairs);
    free(references);
    free(candidates);
}

/* ---- A chat that is too long ---- */

/* The pair that the set was made with: the last case's reference, and its words from the sixth on with numbers behind.
 */
static char *long_candidate(const char *reference)
{
    thx_string out = { 0 };
    size_t     words = 0;

    for (const char *p = reference; *p && words < 5; p++) words += *p == ' ' ? 1 : 0, reference = p + 1;
    thx_string_puts(&out, reference);
    for (int i = 0; i < 60; i++) thx_string_puts(&out, " 0.12345678901234567890");
    return thx_string_take(&out);
}

static bool refused_there(const json_t *overlong)
{
    return !strncmp(golden_text(overlong, "get_response"), "ValueError", 10);
}

static void check_overlong(set *s, const json_t *overlong)
{
    const char    *reference = golden_text(json_array_get(s->cases, s->n - 1), "reference");
    char          *candidate = long_candidate(reference);
    const char    *both[] = { reference, candidate };
    thx_string     chat = { 0 };
    thx_ids        ids = { 0 };
    size_t         whole = 0;
    thx_green_pair pair = { 0 };

    make(s, reference, candidate ? candidate : "", &chat, &ids, &whole);
    golden_check(
        s->g, whole == golden_number(overlong, "untruncated_tokens") && ids.size == golden_number(overlong, "tokens"),
        "overlong", "%zu of %zu ids", ids.size, whole);
    golden_check(s->g,
                 ids.size >= 8 && same_ids(ids.data, 8, json_object_get(overlong, "first_ids")) &&
                     same_ids(ids.data + ids.size - 8, 8, json_object_get(overlong, "last_ids")),
                 "overlong", "both ends");
    if (thx_green_score(s->engine, &both[0], &both[1], 1, NULL, NULL, &pair, &s->err))
        golden_check(s->g, false, "overlong", "%s", s->err.text);
    else
        golden_check(s->g, pair.judged == !refused_there(overlong), "overlong", "%s",
                     pair.judged ? "answered" : "no room");
    thx_green_pairs_deinit(&pair, 1);
    thx_string_deinit(&chat);
    thx_ids_deinit(&ids);
    free(candidate);
}

/* ---- */

static thorax_status open_set(set *s)
{
    const thx_engine_options o = { .precision = THX_EXACT, .cpu_level = -1 };
    const char              *folder = golden_path(s->g, golden_text(s->root, "model"));
    thorax_status st = thx_npy_read(&s->logits, golden_path(s->g, golden_text(s->root, "last_logits")), &s->err);

    if (!st) st = thx_tokenizer_open_fast(&s->tokenizer, folder, &s->err);
    if (!st) st = thx_engine_open(&s->engine, folder, &o, &s->err);
    return st ? st : thx_session_open(&s->session, s->engine, NULL, &s->err);
}

static bool fits(const set *s)
{
    return !strcmp(s->logits.type, "f4") && s->logits.rank == 2 && s->logits.shape[0] == s->n &&
           s->logits.shape[1] == thx_engine_model(s->engine)->decoder.config.V;
}

void golden_judge(golden *g)
{
    set     s = { .g = g };
    json_t *root = golden_json(g, "cases.json");

    if (!root) return;
    s.root = root;
    s.cases = json_object_get(root, "cases");
    s.n = json_array_size(s.cases);
    if (open_set(&s))
        golden_check(g, false, "model", "%s", s.err.text);
    else if (golden_check(g, s.n && fits(&s), "last_logits", "%zu rows", s.n)) {
        for (size_t i = 0; i < s.n; i++) check_prompt(&s, json_array_get(s.cases, i), i);
        check_answers(&s, 8, "side by side");
        check_answers(&s, 1, "alone");
        if (json_object_get(root, "overlong")) check_overlong(&s, json_object_get(root, "overlong"));
    }
    thx_session_close(s.session);
    thx_engine_close(s.engine);
    thx_tokenizer_close(s.tokenizer);
    thx_npy_deinit(&s.logits);
    json_decref(root);
}
