/* Sessions: the film, its rows, and what the cache holds. See engine.h.
 *
 * The cache holds prompt rows only: rows that generation computed go through other kernels, and
 * are computed again when they come back as part of a later prompt. So a row's bits do not depend on
 * how the conversation got there. */
#include "engine/engine_internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

double thx_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

thorax_status thx_session_open(thx_session **out, thx_engine *e, const thx_picture *picture,
                               thorax_error *err)
{
    thx_session  *s = calloc(1, sizeof *s);
    thorax_status st = THORAX_OK;

    *out = NULL;
    if (!s) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    if (e->options.plan_only) {
        free(s);
        return thx_fail(err, THORAX_USAGE, 0, "%s: opened to plan only", e->model->folder);
    }
    s->engine = e;
    s->picture = picture;
    if (picture)
        st = thx_geometry_plan(&s->geometry, &e->model->recipe, picture->width, picture->height,
                               err);
    if (!st) st = thx_kv_cache_init(&s->kv, &e->model->decoder.config, thx_engine_kv_type(e), err);
    if (st) {
        thx_session_close(s);
        return st;
    }
    *out = s;
    return THORAX_OK;
}

thorax_status thx_session_fork(thx_session **out, thx_session *of, thorax_error *err)
{
    thorax_status st = thx_session_open(out, of->engine, of->picture, err);

    if (st) return st;
    thx_session *s = *out;
    pthread_mutex_lock(&s->engine->lock);
    s->rows = thx_image_rows_share(of->rows);
    s->film = of->film;
    s->plain = of->plain;
    st = thx_kv_cache_fork(&s->kv, &of->kv, of->held.size, err);
    for (size_t i = 0; !st && i < of->held.size; i++) thx_ids_add(&s->held, of->held.data[i]);
    if (!st && s->held.failed) st = thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    pthread_mutex_unlock(&s->engine->lock);
    if (!st) return THORAX_OK;
    thx_session_close(s);
    *out = NULL;
    return st;
}

void thx_session_close(thx_session *s)
{
    if (!s) return;
    pthread_mutex_lock(&s->engine->lock); /* blocks and rows may be shared */
    thx_kv_cache_deinit(&s->kv);
    thx_image_rows_drop(s->rows);
    pthread_mutex_unlock(&s->engine->lock);
    thx_ids_deinit(&s->held);
    free(s);
}

void thx_session_enter(thx_session *s)
{
    pthread_mutex_lock(&s->engine->lock);
    s->engine->decoder = s->plain ? &s->engine->model->plain : &s->engine->model->decoder;
}

thorax_status thx_session_use_adapter(thx_session *s, bool use, thorax_error *err)
{
    if (!use && !s->engine->model->plain.layers)
        return thx_fail(err, THORAX_USAGE, 0, "%s: no adapter is kept apart that a request could leave out (lora \"keep\")",
                        s->engine->model->folder);
    if (s->plain == !use) return THORAX_OK;
    s->plain = !use;
    s->film = (thx_entry_key){ 0 };
    pthread_mutex_lock(&s->engine->lock); /* keys and values are the other one's */
    thx_kv_cache_truncate(&s->kv, 0);
    pthread_mutex_unlock(&s->engine->lock);
    s->held.size = 0;
    return THORAX_OK;
}

thx_engine *thx_session_engine(thx_session *s) { return s->engine; }

/* ---- Steps ---- */

static bool on_step(void *data)
{
    thx_stepper *s = data;
    return thx_progress_step(s->progress, s->what, ++s->done, s->total);
}

void thx_watch(thx_ctx *ctx, thx_stepper *s, const thx_progress *progress, const char *what,
               size_t total)
{
    *s = (thx_stepper){ .progress = progress, .what = what, .total = total };
    ctx->step = progress && progress->step ? on_step : NULL;
    ctx->step_data = s;
}

void thx_unwatch(thx_ctx *ctx) { ctx->step = NULL; }

/* ---- The film ---- */

const thx_entry_key *thx_session_film_key(thx_session *s)
{
    if (!*s->film.key) thx_film_cache_key(&s->film, s->engine, s->picture, s->plain);
    return &s->film;
}

thorax_status thx_session_encode_film(thx_session *s, const thx_progress *progress,
                                      const thx_stage_sink *sink, thorax_error *err)
{
    thx_model   *m = s->engine->model;
    thx_ctx     *ctx = s->engine->ctx;
    thx_cache   *cache = s->engine->cache;
    const size_t D = m->decoder.config.D, N = s->geometry.image_tokens;
    thx_tiles   *tiles;
    thx_stepper  steps;

    if (s->rows && !sink) return THORAX_OK;
    if (cache && !sink && (s->rows = thx_cache_find_rows(cache, thx_session_film_key(s), N, D)))
        return THORAX_OK;
    thorax_status st = thx_tiles_open(&tiles, s->picture, &m->recipe, err);
    if (st) return st;
    thx_image_rows *rows = thx_image_rows_new(N, D);
    if (!rows) st = thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu image rows", N);
    thx_watch(ctx, &steps, progress, "tiles", thx_model_encode_steps(m, &s->geometry));
    if (!st) st = thx_model_encode(m, (thx_tensor){ rows->data, N, D, D }, tiles, sink, err);
    thx_unwatch(ctx);
    thx_arena_trim(ctx->arena);
    thx_tiles_close(tiles);
    if (st) {
        thx_image_rows_drop(rows);
        return st;
    }
    thx_image_rows_drop(s->rows);
    s->rows = rows;
    if (cache) thx_cache_keep_rows(cache, thx_session_film_key(s), rows, N, D);
    return THORAX_OK;
}

thorax_status thx_session_encode(thx_session *s, const thx_progress *progress,
                                 const thx_stage_sink *sink, const float **rows, thorax_error *err)
{
    thx_session_enter(s);
    const thorax_status st = thx_session_encode_film(s, progress, sink, err);
    pthread_mutex_unlock(&s->engine->lock);
    *rows = st ? NULL : s->rows->data;
    return st;
}

const thx_geometry *thx_session_geometry(const thx_session *s)
{
    return s->picture ? &s->geometry : NULL;
}
