/* What engine.c and session.c share. */
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
    uint32_t           ctx_tokens;
    pthread_mutex_t    lock;     /* one computation at a time uses ctx */
};

thx_type thx_engine_kv_type(const thx_engine *e);

#endif
