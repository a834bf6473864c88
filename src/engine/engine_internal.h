/* What the files of the engine share. */
#ifndef THX_ENGINE_ENGINE_INTERNAL_H
#define THX_ENGINE_ENGINE_INTERNAL_H

#include "engine/engine.h"
#include "engine/kv.h"

#include <pthread.h>

enum { THX_PASS_TOKENS = 1024 }; /* prompt rows of one pass: large enough that reading the weights costs little */

struct thx_engine {
    thx_engine_options options;
    thx_ctx           *ctx;
    thx_model         *model;
    const thx_decoder *decoder;  /* of the computation that holds the lock  */
    uint32_t           ctx_tokens;
    thx_corpus        *corpus;   /* of drafts; may be NULL                  */
    thx_cache         *cache;    /* of films; may be NULL                   */
    char               cache_key[65]; /* of the model and how it is run       */
    thx_drift          drift;    /* of what has 8 bits; 0 rows otherwise    */
    pthread_mutex_t    lock;     /* one computation at a time uses ctx */
};

thx_type thx_engine_kv_type(const thx_engine *e);

/* ---- Sessions ---- */

struct thx_session {
    thx_engine        *engine;
    const thx_picture *picture; /* borrowed; NULL without a film              */
    thx_geometry       geometry;
    thx_image_rows    *rows;    /* once encoded                               */
    thx_kv_cache       kv;
    thx_ids            held;    /* ids of the prompt rows the cache holds     */
    thx_entry_key      film;    /* of the picture, once asked for             */
    bool               plain;   /* without the model's adapter                */
};

/* Takes the engine for a computation of this session; pthread_mutex_unlock(&engine->lock) gives it back. */
void thx_session_enter(thx_session *s);

/* ---- Keys of the caches ---- */
void thx_engine_cache_key(char out[65], const thx_engine *e, bool code_too);
void thx_film_cache_key(thx_entry_key *out, const thx_engine *e, const thx_picture *p, bool plain);
const thx_entry_key *thx_session_film_key(thx_session *s); /* computed once */

/* Runs the film through the tower, unless its rows are there already. `sink` may be NULL; with one the
 * film always runs. */
thorax_status thx_session_encode_film(thx_session *s, const thx_progress *progress, const thx_stage_sink *sink, thorax_error *err);

/* A stage's steps become progress reports: `watch` before, `unwatch` after. */
typedef struct thx_stepper {
    const thx_progress *progress;
    const char         *what;
    size_t              done, total;
} thx_stepper;
void thx_watch(thx_ctx *ctx, thx_stepper *s, const thx_progress *progress, const char *what, size_t total);
void thx_unwatch(thx_ctx *ctx);

double thx_now(void); /* seconds of a clock that only goes forward */

/* ---- Prompts ----
 * A branch is one conversation of a call; all of them are about the session's film, and what they
 * begin with is computed once. */
typedef struct thx_branch {
    thx_prompt   prompt;
    uint32_t     max_new; /* new tokens wanted; cut to what the context has room for */
    size_t       cached;  /* rows of the prompt the session held before              */
    thx_kv_cache kv;      /* of the whole prompt, once run: shares what it can       */
} thx_branch;

typedef struct thx_prompt_times { double vision_s, prompt_s; } thx_prompt_times;

/* Renders a conversation into a branch of all zeros. THORAX_USAGE, THORAX_NOMEM. */
thorax_status thx_branch_render(thx_branch *b, const thx_session *s, const thx_message *messages, size_t n, thorax_error *err);
/* A prompt of ids alone. THORAX_USAGE: the session has a film, or there are none; THORAX_NOMEM. */
thorax_status thx_branch_ids(thx_branch *b, const thx_session *s, const int32_t *ids, size_t n, thorax_error *err);
void          thx_branches_deinit(thx_branch *b, size_t n);

/* Runs the prompts of n branches. logits [n, V] receive those of their last rows; with `all` (n = 1) every row of the prompt is
 * run and its hidden state handed over, and logits is not touched. Afterwards the session holds what the
 * branches share. THORAX_MODEL: ids that the model has no rows for; THORAX_LIMIT; THORAX_NOMEM; THORAX_CANCELLED. */
typedef thorax_status thx_rows_fn(void *data, thx_tensor x, thorax_error *err);
thorax_status thx_branches_run(thx_session *s, thx_branch *b, size_t n, const thx_progress *progress, float *logits,
                               thx_rows_fn *all, void *data, thx_prompt_times *times, thorax_error *err);

#endif
