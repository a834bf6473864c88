/* Chat completions: questions to a service of OpenAI's form (POST /v1/chat/completions), several at a time.
 *
 * Questions go in, replies come out in the same order. Hindrances that pass (429, 5xx, lost connections, broken
 * answers) are met by asking again, after a wait that doubles, with seeded jitter, or the one the service asks for.
 * A refusal is told apart from a failure; both are replies with a state, never a reason to stop. What would meet every
 * question alike (an address, a key or a model that is wrong) stops the run. Good replies may be kept in a folder
 * (answers.h).
 *
 * A public address is used only with `allow_cloud` and a reason in writing. Texts of questions and replies never
 * get into an error text. */
#ifndef THX_NET_CHAT_H
#define THX_NET_CHAT_H

#include "net/http.h"

/* All strings are borrowed until close. */
typedef struct thx_chat_options {
    const char *url;          /* base ("http://localhost:8000", with or without /v1), or the whole address, ending in
                                 /chat/completions before its query                                                 */
    const char *model;        /* name of the model there                                                          */
    const char *key_env;      /* name of the environment variable that holds the key; NULL = no key                 */
    const char *key_header;   /* NULL = "Authorization: Bearer KEY"; else a header's name: "api-key"                */
    const char *ca_file;      /* certificates to trust instead of the system's; NULL = those                        */
    bool        allow_cloud;  /* a public address may be asked …                                                    */
    const char *cloud_reason; /* … for this reason, which goes with the result                                      */
    bool        allow_http;   /* unencrypted, to another machine                                                    */

    double   temperature;     /* < 0: not sent                                                                      */
    double   top_p;           /* < 0: not sent                                                                      */
    uint32_t max_tokens;      /* of a reply; 0: not sent                                                            */
    bool     max_completion;  /* sends it as max_completion_tokens, which newer models want                         */
    int64_t  seed;            /* < 0: not sent                                                                      */

    uint32_t in_flight;       /* requests at a time                                                                 */
    double   connect_s, idle_s, total_s; /* a request: as thx_http_options                                          */
    size_t   max_bytes;       /* of an answer                                                                       */
    uint32_t tries;           /* requests a question at most                                                        */
    double   tries_s;         /* all tries of a question, waits included, at most                                   */
    double   wait_s, wait_max_s; /* before the second try, doubled before each further one, up to wait_max_s; each wait
                                    is multiplied by a random number from a half to one                             */
    uint64_t wait_seed;
    uint32_t give_up;         /* so many questions in a row without any answer end the run; 0 = never               */

    double   price_prompt, price_completion; /* of a million tokens; 0 = nothing                                    */
    double   max_cost;        /* no request starts that could go beyond it; 0 = no limit. Needs prices and max_tokens */
    const char *answers;      /* folder of kept answers; NULL = none. It holds data derived from patients           */
} thx_chat_options;

/* No key, temperature 0, 512 tokens, 4 at a time, 10 s / 300 s / 600 s, 8 MiB, 6 tries within 900 s, waits from 1 s to
 * 60 s, given up after 8. */
thx_chat_options thx_chat_options_default(void);

#define THX_CHAT_LIST(X)                                                            \
    X(ANSWERED, "answered")                                                         \
    X(CUT,      "answered, cut short by the limit of tokens")                       \
    X(REFUSED,  "the model refused to answer")                                      \
    X(FILTERED, "a content filter stopped the answer")                              \
    X(EMPTY,    "the answer is empty")                                              \
    X(UNUSABLE, "the answer does not have the form that was asked for")             \
    X(BROKEN,   "the service's reply could not be read")                            \
    X(REJECTED, "the service rejected the question")                                \
    X(FAILED,   "no answer could be had")                                           \
    X(UNASKED,  "not asked")

typedef enum thx_chat_state {
#define THX_CHAT_ENUM(name, text) THX_CHAT_##name,
    THX_CHAT_LIST(THX_CHAT_ENUM)
#undef THX_CHAT_ENUM
} thx_chat_state;

const char *thx_chat_state_text(thx_chat_state state);

typedef struct thx_chat_reply {
    thx_chat_state state;
    char          *text;              /* owned; NULL unless ANSWERED, CUT or UNUSABLE                             */
    uint64_t       prompt_tokens, completion_tokens; /* of all tries of this call, as the service counts          */
    uint32_t       tries;             /* requests of this call; 0: kept or not asked                              */
    bool           kept;              /* from the folder of answers                                               */
    char           model[64];         /* the name the service gave itself; "" = none                              */
    char           why[200];          /* of what is neither ANSWERED nor CUT, without any text of the exchange    */
} thx_chat_reply;
void thx_chat_replies_deinit(thx_chat_reply *replies, size_t n); /* the texts, not the array */

typedef struct thx_chat_question {
    const thorax_message *messages; /* borrowed; content is UTF-8 */
    size_t                n;
} thx_chat_question;

/* What the calls so far took. Cost is in the currency of the prices. */
typedef struct thx_chat_account {
    uint64_t questions, kept, requests, retries;
    uint64_t prompt_tokens, completion_tokens; /* as the service counted                                  */
    uint64_t uncounted;     /* requests that may have been worked on and came back without a count       */
    double   cost;          /* of the tokens counted                                                     */
    double   cost_most;     /* and of the uncounted ones, had each taken all it might: the limit is held against this */
    bool     stopped;       /* the limit of cost ended a call                                            */
} thx_chat_account;

typedef struct thx_chat thx_chat;

/* THORAX_USAGE: an option out of range, a public address without allow_cloud and a reason, http to another machine
 * without allow_http, no such environment variable (its name is told), a limit of cost without prices; THORAX_IO:
 * folder of answers, ca_file; THORAX_NOMEM. Reads the environment: the key alone. */
thorax_status thx_chat_open(thx_chat **out, const thx_chat_options *options, thorax_error *err);
void          thx_chat_close(thx_chat *c);
const thx_url *thx_chat_url(const thx_chat *c);      /* where it asks; `shown` goes with results   */
thx_chat_account thx_chat_get_account(const thx_chat *c);

/* How a call reports; each may be NULL. */
typedef struct thx_chat_watch {
    /* Whether a reply's text has the form that was asked for; one that has not is asked for once more, and not kept. */
    bool (*usable)(void *data, size_t i, const char *text);
    /* Question i has come to its end; in the order in which that happens. */
    void (*on_reply)(void *data, size_t i, const thx_chat_reply *reply);
    void        *data;
    thx_progress progress; /* "questions"; asked every 50 ms; a stop ends the call within 100 ms */
} thx_chat_watch;

/* Asks n questions; replies [n] are filled in their order, whatever happens; the caller deinits them.
 * THORAX_OK: every question came to an end, well or not (states), or the limit of cost stopped the call
 * (account.stopped; the rest is UNASKED). THORAX_CANCELLED. THORAX_IO: no question can be answered (host not found,
 * certificate, key or model refused, give_up): the text says which. THORAX_NOMEM. */
thorax_status thx_chat_ask(thx_chat *c, const thx_chat_question *questions, size_t n, thx_chat_reply *replies,
                           const thx_chat_watch *watch, thorax_error *err);

/* The key under which a question's answer is kept: SHA-256 of address, model, settings and messages. THORAX_NOMEM;
 * THORAX_USAGE: a message is not UTF-8. */
thorax_status thx_chat_key(char hex[65], const thx_chat *c, const thx_chat_question *q, thorax_error *err);

/* ---- Reading of replies, without a connection ---- */

typedef struct thx_chat_read {
    thx_chat_state state;      /* ANSWERED, CUT, REFUSED, FILTERED, EMPTY, BROKEN, or FAILED (an error object)  */
    char          *text;       /* owned; NULL unless ANSWERED or CUT                                             */
    bool           counted;    /* the tokens are known                                                          */
    uint64_t       prompt_tokens, completion_tokens;
    char           model[64];  /* "" = none                                                                      */
    char           code[48];   /* of an error object: a plain word or number, "" where it has none              */
    char           why[80];    /* of BROKEN: what was expected                                                   */
} thx_chat_read;

/* Reads a body, that of an error too. THORAX_NOMEM; every other body gives a state. */
thorax_status thx_chat_read_reply(thx_chat_read *out, const char *body, size_t size, thorax_error *err);

#endif
