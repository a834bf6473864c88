/* GREEN: a language model counts what a candidate report gets wrong beside a reference, and what it gets right.
 *
 * First the pure parts: prompt, completion, counts, figures; whoever answers, these are the same. Then the judge itself
 * on our engine, for folders such as GREEN-radllama2-7b and GREEN-RadPhi2. Method: green_score 0.0.12 (commit d72c195),
 * utils.py (make_prompt, clean_responses) and green.py (the chat, parse_error_counts, compute_green); what looks odd
 * there is kept, because the published figures have it. White space, digits and words are those of Python's str and re.
 *
 * Texts are untrusted and never reach a log or an error. */
#ifndef THX_METRICS_GREEN_H
#define THX_METRICS_GREEN_H

#include "base/string.h"
#include "engine/engine.h"

/* Kinds of errors, a–f: false finding, omission, location, severity, false comparison, omitted one. */
enum { THX_GREEN_KINDS = 6 };

enum {
    THX_GREEN_WORDS = 300,  /* of a report; later ones are not read */
    THX_GREEN_TOKENS = 2048 /* prompt and answer together           */
};

typedef struct thx_green_counts {
    uint64_t significant[THX_GREEN_KINDS], insignificant[THX_GREEN_KINDS], matched; /* each at most 10^15 */
} thx_green_counts;

/* ---- Pure parts ---- */

/* Appends the prompt for a pair of reports, NULL counting as "". What is not UTF-8 in them becomes U+FFFD.
 * `reference_words`, `candidate_words` (may be NULL) receive how many words went in. A failed append shows in
 * out->failed. */
void thx_green_prompt(thx_string *out, const char *reference, const char *candidate, size_t *reference_words,
                      size_t *candidate_words);

/* Appends what the judge wrote, taken from the decoded text [size] of prompt and answer. */
void thx_green_completion(thx_string *out, const char *decoded, size_t size);

/* Counts of a completion [size]; any bytes. What is missing or cannot be read counts 0. O(size). */
thx_green_counts thx_green_parse(const char *completion, size_t size);

/* matched / (matched + significant errors); 0 where nothing matched. */
double thx_green_figure(const thx_green_counts *c);

/* Mean and population deviation of n figures; NaN of none. */
typedef struct thx_green_summary {
    double mean, deviation;
} thx_green_summary;
thx_green_summary thx_green_mean(const double *figures, size_t n);

/* ---- The judge ---- */

/* Appends the chat of a prompt [size] as the judge was taught it, with the tokenizer's own end-of-text token; an empty
 * turn of the assistant stands before the one that is to be written. */
void thx_green_chat(thx_string *out, const thx_tokenizer *t, const char *prompt, size_t size);

/* Appends the ids of such a chat: parsed for control strings as a whole, so that "</s>" in a report is the control
 * token here, as in the original; with what the tokenizer's class puts around it (Llama's: <s> and one more </s>); cut
 * to THX_GREEN_TOKENS, the last </s> included. *whole (may be NULL) is how many ids there were before the cut.
 * THORAX_MODEL: the folder names no end-of-text token; as thx_tokenizer_encode. */
thorax_status thx_green_ids(thx_ids *ids, size_t *whole, const thx_tokenizer *t, const char *chat, size_t size,
                            thorax_error *err);

/* One pair, judged. */
typedef struct thx_green_pair {
    bool             judged;        /* false: the prompt leaves no room (the original stops there); the figure is NaN */
    double           figure;
    thx_green_counts counts;
    char            *completion;    /* what the judge wrote; of the caller, freed by thx_green_pairs_deinit     */
    thx_ids          ids;           /* of the answer                                                          */
    uint32_t         prompt_tokens; /* after the cut */
    bool             complete;      /* the judge came to an end by itself */
} thx_green_pair;

typedef struct thx_green_options {
    size_t   at_once;        /* answers written side by side, 0 = 8; no figure depends on it             */
    uint32_t max_new_tokens; /* 0 = up to THX_GREEN_TOKENS, prompt included                              */
} thx_green_options;

/* Judges n pairs by the engine's model, greedily; out [n] receives one result each, in their order. Every pair's result
 * is bit for bit what it would be alone. `options` NULL = defaults; `progress` (may be NULL) reports "judge" with pairs
 * done, and what a session reports.
 * THORAX_MODEL: a model that sees films, or as thx_green_ids; THORAX_CANCELLED;
 * THORAX_NOMEM; else as thx_session_generate_all. After a failure the pairs judged until then are kept and out must be
 * deinit'ed all the same. */
thorax_status thx_green_score(thx_engine *e, const char *const *references, const char *const *candidates, size_t n,
                              const thx_green_options *options, const thx_progress *progress, thx_green_pair *out,
                              thorax_error *err);
void          thx_green_pairs_deinit(thx_green_pair *pairs, size_t n);

#endif
