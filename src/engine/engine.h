/* The engine: a loaded model with its device, and sessions that remember.
 *
 * A session holds one film (or none), the ids it has seen and their keys and values. The caller
 * hands over the whole conversation each time; the longest common beginning is not computed again.
 * The engine alone knows of reuse; rooms above see messages in, ids and text out. */
#ifndef THX_ENGINE_ENGINE_H
#define THX_ENGINE_ENGINE_H

#include "base/progress.h"
#include "engine/cache.h"
#include "engine/draft.h"
#include "engine/sample.h"
#include "model/model.h"

typedef struct thx_engine thx_engine;

typedef struct thx_engine_options {
    thx_precision precision;
    thx_compat    compat;
    thx_type      type;            /* THX_Q8, THX_Q4: matrices stored otherwise are rounded at opening; else as stored */
    uint32_t      kv_bits;         /* 8: keys and values of 8 bits, a scale a row; 0 = as the precision has them */
    int           threads;         /* 0 = all                     */
    int           cpu_level;       /* -1 = the best there is      */
    uint32_t      ctx_tokens;      /* 0 = the model's             */
    uint64_t      mem_limit_bytes; /* 0 = none                    */
    uint64_t      cache_bytes;     /* of films that other sessions looked at, kept in memory; 0 = none  */
    const char   *cache_folder;    /* the same on disk, across runs; NULL = nowhere (copied); holds data made from films */
    uint64_t      cache_folder_bytes; /* at most that much there; 0 = no limit */
    const char   *base;            /* as thx_model_options (copied) */
    thx_lora_use  lora;
    const char   *merged_cache;
    bool          plan_only;       /* for thx_engine_plan alone: sessions are refused */
    const char   *draft_corpus;    /* file of answers, one a line, that drafts are taken from; NULL = none (read at open) */
} thx_engine_options;

thorax_status thx_engine_open(thx_engine **out, const char *folder, const thx_engine_options *options, thorax_error *err);
void          thx_engine_close(thx_engine *e);
thx_model    *thx_engine_model(thx_engine *e);
const thx_engine_options *thx_engine_get_options(const thx_engine *e);
uint32_t      thx_engine_ctx_tokens(const thx_engine *e);
const char   *thx_engine_kernels(const thx_engine *e); /* "avx512-bf16" */
/* What its caches did so far; all 0 without caches. Any thread. */
thx_cache_status thx_engine_cache_status(const thx_engine *e);

/* How far a precision's scores of a built-in text lie from those computed in f32, on this folder. */
typedef struct thx_drift {
    uint32_t rows, agree;       /* rows scored; those whose best id is the same; 0 rows = not measured */
    double   kl_mean, kl_max;   /* KL(f32 || precision) of the next id, nats a row                     */
} thx_drift;
/* Measured at opening where 8-bit products, or keys and values of 8 bits, were asked for: they come with their drift or not
 * at all. */
thx_drift thx_engine_drift(const thx_engine *e);
/* Measures it for the engine's precision, in a session of its own. THORAX_NOMEM. */
thorax_status thx_engine_measure_drift(thx_drift *out, thx_engine *e, thorax_error *err);

typedef struct thx_plan {
    uint64_t weights_mapped_bytes, weights_bytes, vision_bytes, image_rows_bytes, kv_bytes, scratch_bytes, peak_bytes;
    uint64_t cache_bytes; /* of other films, now; lets go of them where a limit asks for it */
    uint32_t image_tokens, tokens;
} thx_plan;

/* What a film of this size (0 x 0 = none) and that many text and new tokens will take. */
thorax_status thx_engine_plan(thx_plan *out, const thx_engine *e, uint32_t width, uint32_t height, uint32_t text_tokens,
                              uint32_t new_tokens, thorax_error *err);

/* ---- Sessions ---- */
typedef struct thx_session thx_session;

/* `picture` (NULL = no film) is borrowed until close. One engine's sessions run one at a time: calls are serialised inside. */
thorax_status thx_session_open(thx_session **out, thx_engine *e, const thx_picture *picture, thorax_error *err);
/* Another session about the same film that holds what this one holds; nothing is copied until one of them writes. THORAX_NOMEM. */
thorax_status thx_session_fork(thx_session **out, thx_session *of, thorax_error *err);
void          thx_session_close(thx_session *s);
/* Whether the model's adapter counts in what follows (at first it does). What was held with the other choice is let go of.
 * THORAX_USAGE: it is not kept apart. */
thorax_status thx_session_use_adapter(thx_session *s, bool use, thorax_error *err);
thx_engine   *thx_session_engine(thx_session *s);

typedef struct thx_request {
    const thx_message  *messages;
    size_t              n_messages;
    const int32_t      *ids;            /* the prompt itself, in place of messages; NULL: none. The session has no film */
    size_t              n_ids;
    const int32_t      *ends;           /* ids that end the answer; NULL: the model's */
    size_t              n_ends;
    thx_sampling        sampling;       /* resolved: thx_sampling_resolve             */
    uint32_t            max_new_tokens; /* > 0                                        */
    bool                ignore_eos;
    bool                drafts;         /* guess ahead where it pays; the ids are the same    */
    bool (*on_id)(void *data, int32_t id);  /* false = stop here; may be NULL         */
    bool (*on_text)(void *data, const char *text, size_t size); /* whole characters; false = stop here; may be NULL */
    void               *data;
    thx_progress        progress;       /* "tiles", "prompt", "answer"                */
} thx_request;

typedef struct thx_answer {
    thx_ids    ids;                     /* an end id included, where one came         */
    thx_string text;                    /* specials left out                          */
    bool       complete;                /* an end id came                             */
    uint32_t   prompt_tokens, image_tokens, cached_tokens;
    char       prompt_sha256[65];       /* of the prompt's ids, i32 little endian     */
    double     vision_s, prompt_s, decode_s;
    thx_draft_account drafts;
} thx_answer;

/* THORAX_USAGE; THORAX_LIMIT: prompt and answer exceed the context; THORAX_NOMEM: no memory, or the plan exceeds the limit;
 * THORAX_CANCELLED. After a failure the session is as usable as before. */
thorax_status thx_session_generate(thx_session *s, const thx_request *request, thx_answer *out, thorax_error *err);
/* Several conversations about the session's film at once, out [n]: what they begin with is computed once, the answers are
 * written side by side, and each is bit for bit the one that its request alone would get. Times are those of the whole
 * call. Progress is reported to the first request's. A callback that stops its answer stops no other; after a failure no
 * answer is left. Statuses as above. */
thorax_status thx_session_generate_all(thx_session *s, const thx_request *requests, size_t n, thx_answer *out, thorax_error *err);
void          thx_answer_deinit(thx_answer *a);

/* For inspection: the film through tower and projector; *rows [image_tokens, D] lives with the session. `sink` may be NULL. */
thorax_status thx_session_encode(thx_session *s, const thx_progress *progress, const thx_stage_sink *sink, const float **rows, thorax_error *err);
const thx_geometry *thx_session_geometry(const thx_session *s); /* NULL without a film */

/* For inspection: logits of the last prompt position (all = false: out receives V values) or of all (T*V, row by row). */
typedef thorax_status thx_row_sink(void *data, const float *row, size_t n, thorax_error *err);
thorax_status thx_session_logits(thx_session *s, const thx_message *messages, size_t n, bool all, const thx_progress *progress,
                                 size_t *T, size_t *V,
                                 thorax_status (*begin)(void *data, size_t T, size_t V, thorax_error *err), thx_row_sink *sink,
                                 void *data, thorax_error *err);

/* What comes next, without an answer: logits [n, V] of the last prompt rows of several conversations about the session's film. */
typedef struct thx_conversation { const thx_message *messages; size_t n_messages; } thx_conversation;
typedef struct thx_prompt_use {
    uint32_t prompt_tokens, cached_tokens;  /* of all of them     */
    uint32_t image_tokens;                  /* of one             */
    double   vision_s, prompt_s;
} thx_prompt_use;
thorax_status thx_session_next_logits(thx_session *s, const thx_conversation *c, size_t n, const thx_progress *progress, float *logits,
                                      thx_prompt_use *use, thorax_error *err);

/* For measuring: logits [V] behind a prompt of ids; the session has no film. THORAX_MODEL: an id out of range. */
thorax_status thx_session_prompt_ids(thx_session *s, const int32_t *ids, size_t n, const thx_progress *progress, float *logits, thorax_error *err);

#endif
