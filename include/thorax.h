/* thorax.h - chest X-ray vision-language models: open, look, answer.
 *
 * A program opens a model folder as it was published, reads a film, and asks:
 *
 *     thorax_model   *model;
 *     thorax_film    *film;
 *     thorax_session *session;
 *     thorax_result  *result;
 *     thorax_error    err;
 *
 *     if (thorax_model_open(&model, "radvlm", NULL, &err)) die(err.text);
 *     if (thorax_film_open(&film, "film.png", NULL, &err)) die(err.text);
 *     if (thorax_session_open(&session, model, film, &err)) die(err.text);
 *     if (thorax_report(&result, session, NULL, &err)) die(err.text);
 *     puts(thorax_result_text(result));
 *
 * Research use only: nothing that comes out of this library is a diagnosis.
 *
 * Ownership is in the verb: what `open` made, `close` frees; close(NULL) is fine.
 * A returned `const char *` or array is a view that lives as long as its owner.
 * Threads: a model or a film may serve many threads at once; a session or a
 * result belongs to one thread at a time. No function prints, exits, or reads
 * the environment. Strings are UTF-8; text from users is never trusted. */
#ifndef THORAX_H
#define THORAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define THORAX_API __attribute__((visibility("default")))
#define THORAX_MUST_USE __attribute__((warn_unused_result))
#else
#define THORAX_API
#define THORAX_MUST_USE
#endif

/* ---- Errors ---------------------------------------------------------------
 * Every call that can fail returns a status and fills *err (which may be NULL).
 * The program branches on the status; the text is for people. */
#define THORAX_STATUS_LIST(X)                                       \
    X(OK,        "no error")                                        \
    X(NOMEM,     "out of memory, or a memory limit was reached")    \
    X(IO,        "reading or writing failed")                       \
    X(FORMAT,    "input breaks its own format")                     \
    X(SHAPE,     "tensor has another shape or type")                \
    X(LIMIT,     "a limit was reached")                             \
    X(USAGE,     "an argument is out of range")                     \
    X(MODEL,     "the model folder cannot be used")                 \
    X(FILM,      "the film cannot be read or is refused")           \
    X(CANCELLED, "the caller asked to stop")

typedef enum thorax_status {
#define THORAX_STATUS_ENUM(name, text) THORAX_##name,
    THORAX_STATUS_LIST(THORAX_STATUS_ENUM)
#undef THORAX_STATUS_ENUM
} thorax_status;

typedef struct thorax_error {
    thorax_status status; /* the program branches on this                        */
    uint64_t      at;     /* byte offset in the input; 0 when there is none      */
    char          text[400]; /* for people: file, what was wanted, what was found */
} thorax_error;

/* The meaning of a status in a few words. */
THORAX_API const char *thorax_status_text(thorax_status status);
/* "0.1.0" */
THORAX_API const char *thorax_version(void);
/* The sentence that goes with every output: research use only. */
THORAX_API const char *thorax_notice(void);

/* ---- Models --------------------------------------------------------------- */
typedef struct thorax_model thorax_model;

typedef struct thorax_model_options {
    const char *precision;      /* "auto" (default: bf16 products where the stored values allow), "lossy"
                                   (f16 and f32 values are rounded to bf16, without a second part), "f32" (every stage in f32),
                                   "int8" (prompts by 8-bit products where the weights have 8 or 4 bits; the drift
                                   from f32 is measured at opening: thorax_model_drift) */
    const char *compat;         /* NULL, or "transformers-4.46": that release's padding and cropping */
    int         threads;        /* 0 (default) = the cores this process may use                      */
    uint32_t    ctx_tokens;     /* prompt and answer together; 0 (default) = the model's maximum      */
    uint64_t    mem_limit_bytes;/* anonymous memory a session may plan for; 0 (default) = no limit    */
    const char *cpu;            /* NULL, or "ref", "avx2", "avx512", "avx512-bf16", "amx": kernels at most of that level */
    const char *draft_corpus;   /* NULL, or a file of answers, one a line: decoding guesses from them where that pays (same answers) */
    /* What was computed about a film, kept for other sessions about it: in memory, and across runs in a folder (made with
     * mode 0700 where it is not there; files 0600). A folder holds data made from films: keep it as you keep the films.
     * Answers are the same with and without. Damaged files are removed, a full disk only means that nothing is kept. */
    uint64_t    cache_memory_bytes; /* default 1 GiB; 0 = none; what is used least recently goes first          */
    const char *cache_folder;       /* NULL (default) = none                                                     */
    uint64_t    cache_limit_bytes;  /* of the folder: what is used least recently goes first; 0 = no limit; default 16 GiB */
    const char *type;               /* NULL (default): weights as stored; "q8", "q4": the language model's matrices are rounded to
                                       groups of 8 or 4 bits at opening, into memory of their own (a folder made by `thorax quantize`
                                       is mapped instead) */
    uint32_t    kv_bits;            /* 0 (default): keys and values as the precision has them; 8: half of that memory, with a
                                       drift that is measured at opening (thorax_model_drift)               */
    const char *base;               /* NULL, or the folder of the language model that an adapter belongs to; else as the folder records */
    const char *lora;               /* NULL or "merge" (default): an adapter's matrices are added to those of the base at opening, into
                                       memory of their own; "keep": multiplied beside them; "off": left out */
    const char *merged_cache;       /* NULL, or a folder: merged matrices are written there once and mapped from there afterwards,
                                       as large as they are (13 GB for a 7B model)                          */
    bool        plan_only;          /* nothing is made: for thorax_model_plan alone, sessions are refused   */
} thorax_model_options;

THORAX_API thorax_model_options thorax_model_options_default(void);

/* Opens a model folder. Weights are mapped, not read: this takes the time to parse headers.
 * `options` NULL = defaults. Close every session before the model.
 * THORAX_MODEL (config, tokenizer, template or weights missing, broken or not known; the text names the
 * file); THORAX_USAGE (an option); THORAX_IO; THORAX_NOMEM. */
THORAX_API THORAX_MUST_USE thorax_status thorax_model_open(thorax_model **out, const char *folder,
                                                           const thorax_model_options *options, thorax_error *err);
THORAX_API void thorax_model_close(thorax_model *model);

THORAX_API const char *thorax_model_family(const thorax_model *model);   /* "llava-onevision", "llava-rad"          */
THORAX_API const char *thorax_model_identity(const thorax_model *model); /* 64 hex digits: config, headers, samples */
THORAX_API uint32_t    thorax_model_ctx_tokens(const thorax_model *model);
/* How far the scores of a built-in text lie from those computed in f32; measured at opening for the precision
 * "int8" and for keys and values of 8 bits. */
typedef struct thorax_drift {
    uint32_t rows, agree;     /* tokens scored, and those whose best successor is the same              */
    double   kl_mean, kl_max; /* Kullback-Leibler divergence from f32, nats a token                     */
} thorax_drift;
THORAX_API bool thorax_model_drift(thorax_drift *out, const thorax_model *model); /* false: not measured */
/* What the caches of films did so far; waits until everything is written. A write that fails costs no answer. */
typedef struct thorax_cache_status {
    uint64_t from_memory, from_folder, stored; /* entries found, found, written                  */
    uint64_t damaged;                          /* files of the folder that were removed for it   */
    uint64_t failed;                           /* entries that could not be written              */
    char     reason[400];                      /* of the last one; "" = none failed              */
} thorax_cache_status;
THORAX_API void thorax_model_cache(thorax_cache_status *out, const thorax_model *model);
/* A sentence the folder itself wants said of its answers (the demo model: "toy model …"); NULL = none. */
THORAX_API const char *thorax_model_remark(const thorax_model *model);

/* ---- Films ---------------------------------------------------------------- */
typedef struct thorax_film thorax_film;

typedef struct thorax_film_options {
    const char *profile;         /* "display" (default) or "pillow"              */
    uint64_t    max_file_bytes;  /* default 512 MiB                              */
    uint32_t    max_side_px;     /* default 32768                                */
    uint64_t    max_pixels;      /* default 268435456                            */
} thorax_film_options;

THORAX_API thorax_film_options thorax_film_options_default(void);

/* Reads a PNG or JPEG file, told apart by content. THORAX_FILM; THORAX_IO; THORAX_USAGE (profile); THORAX_NOMEM. */
THORAX_API THORAX_MUST_USE thorax_status thorax_film_open(thorax_film **out, const char *path,
                                                          const thorax_film_options *options, thorax_error *err);
/* The same from memory (borrowed for the call); `name` stands in messages and results. */
THORAX_API THORAX_MUST_USE thorax_status thorax_film_decode(thorax_film **out, const void *data, size_t size, const char *name,
                                                            const thorax_film_options *options, thorax_error *err);
/* From samples [height, width, channels] (copied), channels 1 (grey), 3 (RGB) or 4 (RGBA), sample_bytes 1 or 2. */
THORAX_API THORAX_MUST_USE thorax_status thorax_film_from_samples(thorax_film **out, const void *samples, uint32_t width,
                                                                  uint32_t height, uint32_t channels, uint32_t sample_bytes,
                                                                  const char *name, const thorax_film_options *options,
                                                                  thorax_error *err);
THORAX_API void        thorax_film_close(thorax_film *film);
THORAX_API uint32_t    thorax_film_width(const thorax_film *film);   /* pixels, as stored */
THORAX_API uint32_t    thorax_film_height(const thorax_film *film);
THORAX_API const char *thorax_film_sha256(const thorax_film *film);  /* of the decoded samples */

/* What a film costs: image rows in the prompt. THORAX_FILM if the model cannot take that size. */
THORAX_API THORAX_MUST_USE thorax_status thorax_film_tokens(uint32_t *tokens, const thorax_model *model,
                                                            const thorax_film *film, thorax_error *err);

/* ---- What it will take ---------------------------------------------------- */
typedef struct thorax_plan {
    uint64_t weights_mapped_bytes; /* of the files; shared between processes, given back under pressure */
    uint64_t weights_bytes;        /* made ready beyond the mapping                                      */
    uint64_t vision_bytes;         /* while the film is encoded                                          */
    uint64_t image_rows_bytes;     /* kept with the session                                              */
    uint64_t kv_bytes;             /* keys and values of prompt and answer                               */
    uint64_t scratch_bytes;        /* activations of the language model                                  */
    uint64_t peak_bytes;           /* anonymous memory at most                                           */
    uint32_t image_tokens, tokens; /* tokens: prompt and answer                                          */
} thorax_plan;

/* Nothing is taken. film may be NULL; text_tokens + max_new_tokens are added to the film's rows. */
THORAX_API THORAX_MUST_USE thorax_status thorax_model_plan(thorax_plan *out, const thorax_model *model, const thorax_film *film,
                                                           uint32_t text_tokens, uint32_t max_new_tokens, thorax_error *err);

/* ---- Sessions --------------------------------------------------------------
 * A session holds one film (or none) and what was computed about it: every question after the
 * first costs its own tokens only. The caller hands over the whole conversation each time; what is
 * already held is found by its longest common beginning. */
typedef struct thorax_session thorax_session;

THORAX_API THORAX_MUST_USE thorax_status thorax_session_open(thorax_session **out, thorax_model *model,
                                                             const thorax_film *film, thorax_error *err); /* film borrowed until close */
/* Another session about the same film that holds what this one holds; nothing is copied. THORAX_NOMEM. */
THORAX_API THORAX_MUST_USE thorax_status thorax_session_fork(thorax_session **out, thorax_session *of, thorax_error *err);
THORAX_API void thorax_session_close(thorax_session *session);

typedef struct thorax_message {
    const char *role;    /* "system", "user" or "assistant"                                  */
    const char *content; /* plain text: control strings in it stay ordinary characters       */
} thorax_message;

/* Sampling values that are not given (negative) come from the folder's generation_config.json; greedy
 * decoding ignores all but the repetition penalty. */
typedef struct thorax_options {
    uint32_t max_new_tokens;     /* 0 (default) = the family's: 1500 (RadVLM), 256 (LLaVA-Rad) */
    bool     sample;             /* false (default) = greedy, unless temperature > 0        */
    double   temperature;        /* < 0 (default) = not given; 0 = greedy                   */
    int32_t  top_k;              /* < 0 (default) = not given; 0 = off                      */
    double   top_p, min_p;       /* < 0 (default) = not given                               */
    double   repetition_penalty; /* < 0 (default) = not given                               */
    uint64_t seed;               /* 0 (default) = draw one; the result says which           */
    bool     ignore_eos;         /* for benchmarks                                          */
    bool     no_adapter;         /* leave the adapter out of this answer; the model must be open with lora "keep" */
    bool     no_drafts;          /* never guess ahead (answers are the same either way)     */
    const char *system;          /* a system turn before the conversation; NULL = none      */
    const char *wording;         /* a task's own question instead of the family's, "{}" in it
                                    stands for the phrase of ground; NULL = none            */
    const char *reason;          /* reason for the exam, where the family's question takes one (LLaVA-Rad); NULL = none */
    bool     substring_rule;     /* classify: the published evaluation's substring rule     */
    bool     score;              /* classify: a score for each finding besides the answer   */
    const char *score_questions;   /* file of the questions that scores come from (docs/results.md); NULL = the family's */
    const char *score_calibration; /* file that turns scores into calibrated ones; NULL = they are not calibrated       */

    /* Whole characters of the answer as they come; false stops the answer there (not an error). */
    bool (*on_text)(void *data, const char *text, size_t size);
    /* Share of the work that is done: "tiles", "prompt", "answer". false cancels: THORAX_CANCELLED. May be
     * called from the calling thread only. */
    bool (*on_progress)(void *data, const char *what, size_t done, size_t total);
    void *data;
} thorax_options;

THORAX_API thorax_options thorax_options_default(void);

/* ---- Answers --------------------------------------------------------------- */
typedef struct thorax_result thorax_result;

/* One answer to a conversation; the last message is a user's. The film stands in the first user turn.
 * THORAX_USAGE (messages, options); THORAX_LIMIT (context); THORAX_NOMEM (memory limit too);
 * THORAX_CANCELLED (the session stays usable). *out is NULL after a failure. */
THORAX_API THORAX_MUST_USE thorax_status thorax_chat(thorax_result **out, thorax_session *session, const thorax_message *messages,
                                                     size_t n_messages, const thorax_options *options, thorax_error *err);

/* The tasks: the family's own question, and the answer read. THORAX_MODEL where the family was not trained for it. */
THORAX_API THORAX_MUST_USE thorax_status thorax_report(thorax_result **out, thorax_session *session,
                                                       const thorax_options *options, thorax_error *err);
THORAX_API THORAX_MUST_USE thorax_status thorax_classify(thorax_result **out, thorax_session *session,
                                                         const thorax_options *options, thorax_error *err);
typedef enum thorax_ground_kind { THORAX_GROUND_AUTO, THORAX_GROUND_REGION, THORAX_GROUND_PHRASE } thorax_ground_kind;
/* Where is it: a region or abnormality ("right lung", "Pleural Effusion") or a sentence. AUTO takes four words and
 * more, or a final full stop, for a sentence. */
THORAX_API THORAX_MUST_USE thorax_status thorax_ground(thorax_result **out, thorax_session *session, const char *phrase,
                                                       thorax_ground_kind kind, const thorax_options *options, thorax_error *err);
/* Several phrases about one film: all boxes in one result, a line of text a phrase. */
THORAX_API THORAX_MUST_USE thorax_status thorax_ground_all(thorax_result **out, thorax_session *session, const char *const *phrases,
                                                           size_t n_phrases, thorax_ground_kind kind, const thorax_options *options,
                                                           thorax_error *err);

/* ---- Several tasks about one film ---- */
typedef enum thorax_task { THORAX_TASK_ASK, THORAX_TASK_REPORT, THORAX_TASK_CLASSIFY, THORAX_TASK_GROUND } thorax_task;
typedef struct thorax_job {
    thorax_task           task;
    const thorax_message *messages;   /* ASK: the conversation      */
    size_t                n_messages;
    const char *const    *phrases;    /* GROUND: what to look for   */
    size_t                n_phrases;
    thorax_ground_kind    kind;
} thorax_job;

/* Does n jobs at once, out [n]: what their questions begin with is computed once and the answers are written side by side,
 * so that all of them take little longer than the longest. Each answer is the one that its question alone would get; times
 * in the results are those of the whole call. on_text is called for a single question only; `wording` goes with a single job.
 * Statuses as for the single tasks; after a failure every out[i] is NULL. */
THORAX_API THORAX_MUST_USE thorax_status thorax_run(thorax_result **out, thorax_session *session, const thorax_job *jobs, size_t n,
                                                    const thorax_options *options, thorax_error *err);
THORAX_API void thorax_result_close(thorax_result *result);

THORAX_API const char    *thorax_result_task(const thorax_result *result);    /* "ask", "report", "classify", "ground" */
THORAX_API const char    *thorax_result_text(const thorax_result *result);    /* without surrounding white space       */
THORAX_API const int32_t *thorax_result_ids(const thorax_result *result, size_t *n);
THORAX_API bool           thorax_result_complete(const thorax_result *result); /* ended by itself, not by a limit     */

typedef struct thorax_usage {
    uint32_t prompt_tokens, image_tokens, completion_tokens;
    uint32_t cached_tokens;                                   /* of the prompt: held by the session or a cache */
    double   vision_s, prompt_s, decode_s;                    /* wall-clock seconds of the call              */
    uint32_t decode_passes;                                   /* of the answer: with drafts fewer than its tokens */
    uint32_t draft_proposed, draft_accepted;                  /* tokens guessed ahead, and those that were right  */
    double   draft_row_cost;                                  /* what one more row adds to a pass of one row, as a share */
} thorax_usage;
THORAX_API thorax_usage thorax_result_usage(const thorax_result *result);

/* A finding as the answer states it. */
typedef struct thorax_finding {
    const char *name;    /* CheXpert's: "Pleural Effusion"                                */
    int         present; /* 1 yes, 0 no, -1 the text does not say                         */
    double      score;   /* probability; NaN where none was computed                      */
} thorax_finding;
THORAX_API const thorax_finding *thorax_result_findings(const thorax_result *result, size_t *n); /* n = 0 where the task has none */

/* A box in the film's own frame: shares of width and height, origin top-left. */
typedef struct thorax_labelled_box {
    const char *label;
    double      x1, y1, x2, y2;
} thorax_labelled_box;
THORAX_API const thorax_labelled_box *thorax_result_boxes(const thorax_result *result, size_t *n);

/* The whole result as one JSON object on one line (schema: docs/results.md); lives as long as the result. NULL
 * when memory runs out. */
THORAX_API const char *thorax_result_json(thorax_result *result);

/* Writes the film, as the model saw it, at its own resolution with the result's boxes, labels and the notice, as PNG.
 * THORAX_IO; THORAX_NOMEM; THORAX_LIMIT for a side of more than 32767 pixels. */
THORAX_API THORAX_MUST_USE thorax_status thorax_result_overlay(const thorax_result *result, const thorax_film *film,
                                                               const char *path, thorax_error *err);

#ifdef __cplusplus
}
#endif
#endif
