/* Sessions: the film's rows, what the cache holds, and generation. See engine.h.
 *
 * The cache holds prompt rows only: rows that generation computed go through other kernels, and
 * are computed again when they come back as part of a later prompt. So a row's bits do not depend on
 * how the conversation got there. */
#include "engine/engine_internal.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct thx_session {
    thx_engine        *engine;
    const thx_picture *picture; /* borrowed; NULL without a film              */
    thx_geometry       geometry;
    float             *rows; /* [image_tokens, D], once encoded            */
    thx_kv_cache       kv;
    thx_ids            held; /* ids of the prompt rows the cache holds     */
};

static double now(void)
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

void thx_session_close(thx_session *s)
{
    if (!s) return;
    thx_kv_cache_deinit(&s->kv);
    thx_ids_deinit(&s->held);
    free(s->rows);
    free(s);
}

thx_engine *thx_session_engine(thx_session *s) { return s->engine; }

/* ---- Steps: a stage's layers become progress reports ---- */

typedef struct stepper {
    const thx_progress *progress;
    const char         *what;
    size_t              done, total;
} stepper;

static bool on_step(void *data)
{
    stepper *s = data;
    return thx_progress_step(s->progress, s->what, ++s->done, s->total);
}

static void watch(thx_ctx *ctx, stepper *s, const thx_progress *progress, const char *what,
                  size_t total)
{
    *s = (stepper){ .progress = progress, .what = what, .total = total };
    ctx->step = progress && progress->step ? on_step : NULL;
    ctx->step_data = s;
}

/* ---- The film ---- */

static thorax_status encode_film(thx_session *s, const thx_progress *progress,
                                 const thx_stage_sink *sink, thorax_error *err)
{
    thx_model   *m = s->engine->model;
    thx_ctx     *ctx = s->engine->ctx;
    const size_t D = m->decoder.config.D, N = s->geometry.image_tokens;
    thx_tiles   *tiles;
    stepper      steps;

    thorax_status st = thx_tiles_open(&tiles, s->picture, &m->recipe, err);
    if (st) return st;
    float *rows = malloc(N * D * sizeof *rows);
    if (!rows) st = thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu image rows", N);
    watch(ctx, &steps, progress, "tiles", thx_model_encode_steps(m, &s->geometry));
    if (!st) st = thx_model_encode(m, (thx_tensor){ rows, N, D, D }, tiles, sink, err);
    ctx->step = NULL;
    thx_arena_trim(ctx->arena);
    thx_tiles_close(tiles);
    if (st) {
        free(rows);
        return st;
    }
    free(s->rows);
    s->rows = rows;
    return THORAX_OK;
}

thorax_status thx_session_encode(thx_session *s, const thx_progress *progress,
                                 const thx_stage_sink *sink, const float **rows, thorax_error *err)
{
    pthread_mutex_lock(&s->engine->lock);
    const thorax_status st = s->rows && !sink ? THORAX_OK : encode_film(s, progress, sink, err);
    pthread_mutex_unlock(&s->engine->lock);
    *rows = st ? NULL : s->rows;
    return st;
}

const thx_geometry *thx_session_geometry(const thx_session *s)
{
    return s->picture ? &s->geometry : NULL;
}

/* ---- Prompt rows ---- */

/* x [n, D] receives the embeddings of prompt rows first .. first+n-1, image rows in their places. */
static void embed(thx_session *s, thx_tensor x, const thx_prompt *p, size_t first)
{
    thx_ctx           *ctx = s->engine->ctx;
    const thx_decoder *d = &s->engine->model->decoder;

    for (size_t i = 0; i < x.rows;) {
        const size_t at = first + i, in_image = at - p->image_at;
        const bool   image = p->image_tokens && at >= p->image_at && in_image < p->image_tokens;
        size_t       run = x.rows - i;
        if (image && run > p->image_tokens - in_image) run = p->image_tokens - in_image;
        if (!image && p->image_tokens && at < p->image_at && run > p->image_at - at)
            run = p->image_at - at;
        const thx_tensor part = thx_tensor_rows(x, i, run);
        if (image)
            ctx->ops->copy_rows(ctx, part,
                                (thx_tensor){ s->rows + in_image * x.cols, run, x.cols, x.cols });
        else
            ctx->ops->gather(ctx, part, d->embedding, p->ids.data + at, run);
        i += run;
    }
}

/* Ids outside the embedding table cannot be run. */
static thorax_status check_ids(const thx_session *s, const thx_prompt *p, thorax_error *err)
{
    const size_t V = s->engine->model->decoder.config.V;

    for (size_t i = 0; i < p->ids.size; i++) {
        if (p->image_tokens && i - p->image_at < p->image_tokens) continue;
        if (p->ids.data[i] < 0 || (size_t)p->ids.data[i] >= V)
            return thx_fail(err, THORAX_MODEL, 0,
                            "%s: the tokenizer gives id %d, the model has %zu rows",
                            s->engine->model->folder, p->ids.data[i], V);
    }
    return THORAX_OK;
}

typedef thorax_status pass_fn(void *data, thx_tensor x, size_t first, thorax_error *err);

/* Runs prompt rows first .. size-1, a pass at a time; `after` sees the hidden rows of each pass. Keeps `held` true. */
static thorax_status run_prompt(thx_session *s, const thx_prompt *p, size_t first,
                                const thx_progress *progress, pass_fn *after, void *data,
                                thorax_error *err)
{
    thx_ctx           *ctx = s->engine->ctx;
    const thx_decoder *d = &s->engine->model->decoder;
    const size_t  T = p->ids.size, passes = (T - first + THX_PASS_TOKENS - 1) / THX_PASS_TOKENS;
    stepper       steps;
    thorax_status st = thx_kv_cache_reserve(&s->kv, T, err);

    watch(ctx, &steps, progress, "prompt", passes * d->config.layers);
    s->held.size = first;
    for (size_t at = first; at < T && !st;) {
        const size_t         n = T - at < THX_PASS_TOKENS ? T - at : THX_PASS_TOKENS;
        const thx_arena_mark mark = thx_arena_get_mark(ctx->arena);
        const thx_tensor     x = thx_tensor_alloc(ctx, n, d->config.D);
        if (!x.data)
            st = thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu prompt rows", n);
        else {
            embed(s, x, p, at);
            st = thx_decoder_forward(ctx, d, x, s->kv.layers, at, THX_PROMPT, err);
        }
        if (!st && after) st = after(data, x, at, err);
        thx_arena_release(ctx->arena, mark);
        for (size_t i = 0; i < n && !st; i++) thx_ids_add(&s->held, p->ids.data[at + i]);
        if (!st && s->held.failed) st = thx_fail(err, THORAX_NOMEM, 0, "out of memory");
        at += n;
    }
    ctx->step = NULL;
    return st;
}

/* Rows that are held and are the beginning of this prompt. The last one is always run: its logits are wanted. */
static size_t common_prefix(const thx_session *s, const thx_prompt *p)
{
    size_t n = 0;

    while (n < s->held.size && n < p->ids.size && s->held.data[n] == p->ids.data[n]) n++;
    return n < p->ids.size ? n : p->ids.size - 1;
}

static thorax_status render(thx_session *s, thx_prompt *p, const thx_message *messages, size_t n,
                            thorax_error *err)
{
    const thx_model *m = s->engine->model;

    *p = (thx_prompt){ 0 };
    return thx_template_render(p, m->chat, m->tokenizer, messages, n,
                               s->picture ? s->geometry.image_tokens : 0, m->image_id, err);
}

static thorax_status check_limits(const thx_session *s, const thx_prompt *p, uint32_t *max_new,
                                  thorax_error *err)
{
    const thx_engine *e = s->engine;
    thx_plan          plan;

    if (p->ids.size >= e->ctx_tokens)
        return thx_fail(err, THORAX_LIMIT, 0,
                        "the prompt has %zu tokens; the context holds %u, the answer included",
                        p->ids.size, e->ctx_tokens);
    if (*max_new > e->ctx_tokens - p->ids.size) *max_new = (uint32_t)(e->ctx_tokens - p->ids.size);
    if (!e->options.mem_limit_bytes) return THORAX_OK;
    const uint32_t      text = (uint32_t)(p->ids.size - p->image_tokens);
    const thorax_status st =
        thx_engine_plan(&plan, e, s->picture ? s->picture->width : 0,
                        s->picture ? s->picture->height : 0, text, *max_new, err);
    if (!st && plan.peak_bytes > e->options.mem_limit_bytes)
        return thx_fail(err, THORAX_NOMEM, 0,
                        "this needs %.0f MiB of memory, the limit is %.0f MiB; ask for fewer new "
                        "tokens, a smaller film, or raise the limit",
                        (double)plan.peak_bytes / 0x1p20,
                        (double)e->options.mem_limit_bytes / 0x1p20);
    return st;
}

/* ---- Logits ---- */

typedef struct last_row {
    thx_session *s;
    float       *logits;
    size_t       last;
} last_row;

/* Logits [V] of the prompt's last row, where this pass holds it. */
static thorax_status take_last(void *data, thx_tensor x, size_t first, thorax_error *err)
{
    last_row          *l = data;
    const thx_decoder *d = &l->s->engine->model->decoder;

    if (first + x.rows <= l->last) return THORAX_OK;
    const thx_tensor out = { l->logits, 1, d->config.V, d->config.V };
    return thx_decoder_logits(l->s->engine->ctx, d, out, thx_tensor_rows(x, l->last - first, 1),
                              THX_PROMPT, err);
}

/* logits [V] after generated token `id` at `position`. */
static thorax_status step_generated(thx_session *s, float *logits, int32_t id, size_t position,
                                    thorax_error *err)
{
    thx_ctx             *ctx = s->engine->ctx;
    const thx_decoder   *d = &s->engine->model->decoder;
    const thx_arena_mark mark = thx_arena_get_mark(ctx->arena);
    const thx_tensor     x = thx_tensor_alloc(ctx, 1, d->config.D);
    thorax_status        st = x.data ? thx_kv_cache_reserve(&s->kv, position + 1, err)
                                     : thx_fail(err, THORAX_NOMEM, 0, "out of memory");

    if (!st) {
        ctx->ops->gather(ctx, x, d->embedding, &id, 1);
        st = thx_decoder_forward(ctx, d, x, s->kv.layers, position, THX_GENERATED, err);
    }
    if (!st)
        st = thx_decoder_logits(ctx, d, (thx_tensor){ logits, 1, d->config.V, d->config.V }, x,
                                THX_GENERATED, err);
    thx_arena_release(ctx->arena, mark);
    return st;
}

/* ---- Generation ---- */

static bool is_end(const thx_generation_defaults *g, int32_t id)
{
    for (size_t i = 0; i < g->n_eos; i++)
        if (g->eos[i] == id) return true;
    return false;
}

/* Gives an id to text and callbacks; false = the caller wants no more. */
static bool emit(const thx_request *r, thx_stream *stream, thx_answer *out, int32_t id)
{
    const size_t before = out->text.size;
    bool         more = !r->on_id || r->on_id(r->data, id);

    thx_stream_add(stream, id, &out->text);
    if (more && r->on_text && out->text.size > before)
        more = r->on_text(r->data, out->text.data + before, out->text.size - before);
    return more;
}

static void finish_text(const thx_request *r, thx_stream *stream, thx_answer *out)
{
    const size_t before = out->text.size;

    thx_stream_end(stream, &out->text);
    if (r->on_text && out->text.size > before)
        r->on_text(r->data, out->text.data + before, out->text.size - before);
    thx_string_add(&out->text, "", 0);
}

static thorax_status decode(thx_session *s, const thx_request *r, const thx_prompt *p,
                            uint32_t max_new, float *logits, thx_answer *out, thorax_error *err)
{
    const thx_model *m = s->engine->model;
    const size_t     V = m->decoder.config.V;
    thx_stream       stream = { .tokenizer = m->tokenizer, .skip_special = true };
    thx_sampler     *sampler;

    thorax_status st = thx_sampler_open(&sampler, &r->sampling, V, err);
    if (st) return st;
    thx_sampler_see(sampler, p->ids.data, p->ids.size);
    for (uint32_t i = 0;; i++) {
        for (size_t k = 0; r->ignore_eos && k < m->generation.n_eos; k++)
            if ((size_t)m->generation.eos[k] < V) logits[m->generation.eos[k]] = -__builtin_inff();
        const int32_t id = thx_sampler_next(sampler, logits);
        thx_ids_add(&out->ids, id);
        thx_sampler_see(sampler, &id, 1);
        out->complete = is_end(&m->generation, id);
        if (!emit(r, &stream, out, id) || out->complete || i + 1 == max_new) break;
        if (!thx_progress_step(&r->progress, "answer", i + 1, max_new))
            st = thx_fail(err, THORAX_CANCELLED, 0, "stopped");
        if (!st) st = step_generated(s, logits, id, p->ids.size + i, err);
        if (st) break;
    }
    if (!st) finish_text(r, &stream, out);
    if (!st && (out->ids.failed || out->text.failed))
        st = thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    thx_sampler_close(sampler);
    return st;
}

static thorax_status generate(thx_session *s, const thx_request *r, thx_answer *out,
                              const thx_prompt *p, float *logits, thorax_error *err)
{
    uint32_t      max_new = r->max_new_tokens;
    last_row      last = { .s = s, .logits = logits, .last = p->ids.size - 1 };
    thorax_status st = check_ids(s, p, err);

    if (!st) st = check_limits(s, p, &max_new, err);
    if (st) return st;
    const double start = now();
    const size_t first = common_prefix(s, p);
    if (s->picture && !s->rows && first < p->image_at + p->image_tokens)
        st = encode_film(s, &r->progress, NULL, err);
    const double encoded = now();
    if (!st) st = run_prompt(s, p, first, &r->progress, take_last, &last, err);
    const double prompted = now();
    if (!st) st = decode(s, r, p, max_new, logits, out, err);
    out->prompt_tokens = (uint32_t)p->ids.size;
    out->image_tokens = (uint32_t)p->image_tokens;
    out->cached_tokens = (uint32_t)first;
    out->vision_s = encoded - start;
    out->prompt_s = prompted - encoded;
    out->decode_s = now() - prompted;
    thx_sha256_of(p->ids.data, p->ids.size * sizeof p->ids.data[0], out->prompt_sha256);
    return st;
}

thorax_status thx_session_generate(thx_session *s, const thx_request *r, thx_answer *out,
                                   thorax_error *err)
{
    thx_prompt    p;
    float        *logits = NULL;
    thorax_status st;

    *out = (thx_answer){ 0 };
    if (!r->max_new_tokens)
        return thx_fail(err, THORAX_USAGE, 0, "max_new_tokens: expected at least 1");
    pthread_mutex_lock(&s->engine->lock);
    st = render(s, &p, r->messages, r->n_messages, err);
    if (!st && !(logits = malloc(s->engine->model->decoder.config.V * sizeof *logits)))
        st = thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    if (!st) st = generate(s, r, out, &p, logits, err);
    free(logits);
    thx_prompt_deinit(&p);
    if (st) thx_answer_deinit(out);
    pthread_mutex_unlock(&s->engine->lock);
    return st;
}

void thx_answer_deinit(thx_answer *a)
{
    thx_ids_deinit(&a->ids);
    thx_string_deinit(&a->text);
}

/* ---- Inspection ---- */

typedef struct all_rows {
    thx_session  *s;
    thx_row_sink *sink;
    void         *data;
} all_rows;

/* Gives the logits of every row of a pass to the sink, a few rows at a time. */
static thorax_status take_all(void *data, thx_tensor x, size_t first, thorax_error *err)
{
    enum { AT_ONCE = 64 };
    all_rows            *a = data;
    thx_ctx             *ctx = a->s->engine->ctx;
    const thx_decoder   *d = &a->s->engine->model->decoder;
    const size_t         V = d->config.V;
    const thx_arena_mark mark = thx_arena_get_mark(ctx->arena);
    const thx_tensor     out = thx_tensor_alloc(ctx, x.rows < AT_ONCE ? x.rows : AT_ONCE, V);
    thorax_status st = out.data ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "out of memory");

    (void)first;
    for (size_t i = 0; i < x.rows && !st; i += AT_ONCE) {
        const size_t n = x.rows - i < AT_ONCE ? x.rows - i : AT_ONCE;
        st = thx_decoder_logits(ctx, d, thx_tensor_rows(out, 0, n), thx_tensor_rows(x, i, n),
                                THX_PROMPT, err);
        for (size_t k = 0; k < n && !st; k++)
            st = a->sink(a->data, out.data + k * out.stride, V, err);
    }
    thx_arena_release(ctx->arena, mark);
    return st;
}

static thorax_status logits_of(thx_session *s, const thx_prompt *p, bool all,
                               const thx_progress *progress, thx_row_sink *sink, void *data,
                               thorax_error *err)
{
    uint32_t      max_new = 1;
    thorax_status st = check_ids(s, p, err);
    all_rows      every = { s, sink, data };

    if (!st) st = check_limits(s, p, &max_new, err);
    if (!st && s->picture && !s->rows) st = encode_film(s, progress, NULL, err);
    if (st) return st;
    if (all) return run_prompt(s, p, 0, progress, take_all, &every, err);
    const size_t V = s->engine->model->decoder.config.V;
    last_row     last = { .s = s, .logits = malloc(V * sizeof(float)), .last = p->ids.size - 1 };
    if (!last.logits) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    st = run_prompt(s, p, common_prefix(s, p), progress, take_last, &last, err);
    if (!st) st = sink(data, last.logits, V, err);
    free(last.logits);
    return st;
}

thorax_status thx_session_logits(thx_session *s, const thx_message *messages, size_t n, bool all,
                                 const thx_progress *progress, size_t *T, size_t *V,
                                 thorax_status (*begin)(void *data, size_t T, size_t V,
                                                        thorax_error *err),
                                 thx_row_sink *sink, void *data, thorax_error *err)
{
    thx_prompt p;

    pthread_mutex_lock(&s->engine->lock);
    thorax_status st = render(s, &p, messages, n, err);
    if (!st) {
        *T = all ? p.ids.size : 1;
        *V = s->engine->model->decoder.config.V;
        if (begin) st = begin(data, *T, *V, err);
    }
    if (!st) st = logits_of(s, &p, all, progress, sink, data, err);
    thx_prompt_deinit(&p);
    pthread_mutex_unlock(&s->engine->lock);
    return st;
}
