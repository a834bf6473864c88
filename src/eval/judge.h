/* Judges: a language model reads a report or a conversation beside what was expected, and rates it.
 *
 * A judge is a builder of prompts and a reader of replies (a table: `judges` in judge.c); who answers is another
 * matter: a service (net/chat.h), or a model folder run by our own engine. Each record ends as a rating or as a
 * failure with its reason; nothing is left out. A failure is not kept, so that a run that is repeated with the
 * same folder of answers asks for those records alone.
 *
 *   green       counts of errors a–f and of matched findings, from GREEN's prompt (metrics/green.h)
 *   chexprompt  counts of errors A–F, significant and not, from CheXprompt's prompt; with its examples (`examples`),
 *               which hold credentialed text and come from the user's own copy; without them the
 *               figure is called "chexprompt-style"
 *   radvlm      the conversation judge: 0..10; its prompt is ours, of the published content and order
 *
 * docs/judges.md says what is sent and what is kept. */
#ifndef THX_EVAL_JUDGE_H
#define THX_EVAL_JUDGE_H

#include "base/json.h"
#include "net/chat.h"

/* ---- What is judged; all borrowed ---- */

typedef struct thx_judge_round { const char *question, *expected, *given; } thx_judge_round;

typedef struct thx_judge_item {
    const char *reference, *candidate; /* reports: green, chexprompt; radvlm: reference is the film's, or NULL  */
    /* radvlm: the facts (NULL = not given) and the conversation */
    const char *labels;                /* "Edema, Pleural Effusion"                                    */
    const char *view, *gender;         /* "PA", "female"                                              */
    const char *boxes;                 /* a line each: "sentence: [x1, y1, x2, y2]", two decimals      */
    const thx_judge_round *rounds;
    size_t                 n_rounds;
} thx_judge_item;

/* ---- How; all borrowed for the call ---- */

typedef struct thx_judge_options {
    const char *judge;      /* "green", "chexprompt", "radvlm"                                               */
    /* Who answers: a service where chat.url is set, else the model folder; chat.answers is the folder of kept answers
     * of both. The judge's own temperature, top_p and max_tokens count; those of chat where `own_settings` is set. */
    thx_chat_options chat;
    bool        own_settings;
    const char *folder;     /* a model folder, run by our own engine                                         */
    const char *precision;  /* of it: "auto", "f32", …; NULL = auto                                          */
    int         threads;    /* 0 = all                                                                       */
    const char *examples;   /* chexprompt: file with the block of examples; its SHA-256 is checked; NULL = none */
    bool        last_score; /* radvlm: the last score of a reply alone counts; published: all of them         */
} thx_judge_options;
thx_judge_options thx_judge_options_default(void);

/* ---- What comes out ---- */

/* Kinds of errors, a–f: false finding, omission, location, severity, false comparison, omitted one. */
enum { THX_JUDGE_KINDS = 6 };

typedef struct thx_judge_record {
    bool           rated;
    thx_chat_state state;     /* of the reply; UNUSABLE where it could be had and not be read              */
    double         score;     /* green: 0..1; chexprompt: number of all errors; radvlm: mean of `scores`      */
    uint64_t       significant[THX_JUDGE_KINDS], insignificant[THX_JUDGE_KINDS]; /* green, chexprompt        */
    uint64_t       matched;   /* green                                                                        */
    double         score_sum; /* radvlm: of the reply's accepted scores, of which there are …                 */
    uint32_t       n_scores;
    bool           kept;      /* the reply came from the folder of answers                                    */
    char           why[200];  /* of a failure; holds no text of record or reply                               */
} thx_judge_record;

/* What makes figures comparable: goes into the signature of every figure that comes of it. */
typedef struct thx_judge_signature {
    char metric[32];          /* "green", "chexprompt", "chexprompt-style", "radvlm-judge"                        */
    char prompt_sha256[65];   /* of the prompt with empty texts                                                  */
    char model[80];           /* as asked for; a folder's identity where our engine answers                       */
    char answered_by[64];     /* the name the service gave itself in the first reply; "" = none                  */
    char endpoint[THX_URL_TEXT]; /* without user, password, query; "engine" for our own                          */
    char cloud_reason[256];   /* "" = none was needed                                                             */
    char settings[160];       /* "temperature 0, top_p 0.9, max_tokens 128"                                       */
} thx_judge_signature;

typedef struct thx_judge_result {
    thx_judge_record   *records;  /* [n], in the order of the items; owned                                       */
    size_t              n, rated; /* n - rated failed: exit code 3                                                */
    double              mean;     /* of the scores of those that were rated; radvlm: over all accepted scores of all
                                     replies, as published; NaN where there are none                              */
    thx_judge_signature signature;
    thx_chat_account    account;  /* services: requests, tokens, cost; `stopped` where the limit of cost ended it  */
} thx_judge_result;
void thx_judge_result_deinit(thx_judge_result *r);

/* Judges n items. `progress` reports "records"; a stop ends the call within 100 ms (a token, with our own engine).
 * THORAX_OK: every record is rated or has its reason (one that lacks what the judge reads is a failure too; so are
 * those that a limit of cost left out). THORAX_USAGE: options (no such judge, policy of net/chat.h, no one to answer);
 * THORAX_IO: the service, the file of examples; THORAX_FORMAT: that file is another one; THORAX_MODEL;
 * THORAX_CANCELLED; THORAX_NOMEM. After a failure *out holds what was rated until then, and every good reply is in the
 * folder of answers, if there is one; the caller deinits it in any case. */
thorax_status thx_judge_run(thx_judge_result *out, const thx_judge_options *options, const thx_judge_item *items,
                            size_t n, const thx_progress *progress, thorax_error *err);

/* The result of one record, and of all, as JSON (docs/judges.md has the members): counts by kind, shares, signature,
 * account. NULL when memory runs out; the caller decrefs it. */
json_t *thx_judge_record_json(const thx_judge_result *r, size_t i);
json_t *thx_judge_summary_json(const thx_judge_result *r);

#endif
