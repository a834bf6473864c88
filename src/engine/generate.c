/* Generation: the answers of one call are written side by side, a step at a time.
 *
 * A step runs one row a writer, or more where the drafter guessed what comes next: the guesses that the
 * logits confirm are kept, so that the ids are those of one row a step. Every weight is read once a step
 * for all rows. */
#include "engine/draft.h"
#include "engine/engine_internal.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

/* One answer being written. */
typedef struct writer {
    const thx_request *request;
    thx_answer        *out;
    thx_sampler       *sampler;
    thx_stream         stream;
    thx_kv_cache      *kv;
    size_t             position;                   /* of the rows below                   */
    uint32_t           max_new;
    const int32_t     *ends;                       /* ids that end the answer             */
    size_t             n_ends;
    thx_drafter        drafter;
    int32_t            ids[1 + THX_DRAFT_MOST];    /* rows of the next step: one known, then guesses */
    size_t             rows;                       /* 0: the answer is complete           */
} writer;

static bool is_end(const writer *w, int32_t id)
{
    for (size_t i = 0; i < w->n_ends; i++)
        if (w->ends[i] == id) return true;
    return false;
}

/* Gives an id to text and callbacks; false = the caller wants no more. */
static bool emit(writer *w, int32_t id)
{
    const thx_request *r = w->request;
    const size_t       before = w->out->text.size;
    bool               more = !r->on_id || r->on_id(r->data, id);

    thx_stream_add(&w->stream, id, &w->out->text);
    if (more && r->on_text && w->out->text.size > before)
        more = r->on_text(r->data, w->out->text.data + before, w->out->text.size - before);
    return more;
}

static void finish_text(writer *w)
{
    const thx_request *r = w->request;
    const size_t       before = w->out->text.size;

    thx_stream_end(&w->stream, &w->out->text);
    if (r->on_text && w->out->text.size > before)
        r->on_text(r->data, w->out->text.data + before, w->out->text.size - before);
    thx_string_add(&w->out->text, "", 0);
}

/* Takes an id from each row of logits [rows, V] for as long as it is the one the next row was run with. */
static void take(writer *w, const thx_model *m, float *logits)
{
    const size_t V = m->decoder.config.V, rows = w->rows;
    size_t       i = 0;

    for (bool more = true; more;) {
        float *row = logits + i * V;

        for (size_t k = 0; w->request->ignore_eos && k < w->n_ends; k++)
            if ((size_t)w->ends[k] < V) row[w->ends[k]] = -__builtin_inff();
        const int32_t id = thx_sampler_next(w->sampler, row);
        thx_ids_add(&w->out->ids, id);
        thx_sampler_see(w->sampler, &id, 1);
        thx_drafter_see(&w->drafter, id);
        w->out->complete = is_end(w, id);
        if (!emit(w, id) || w->out->complete || w->out->ids.failed || w->out->ids.size == w->max_new) {
            w->rows = 0;
            break;
        }
        i++;
        more = i < rows && w->ids[i] == id;
        if (!more) {
            w->ids[0] = id;
            w->rows = 1;
        }
    }
    w->position += i;
    if (rows > 1) thx_drafter_judge(&w->drafter, rows - 1, w->rows ? i - 1 : i);
    if (!w->rows) finish_text(w);
}

/* One forward of the rows of every writer that is not done; logits [rows, V]. */
static thorax_status step_rows(thx_engine *e, writer *writers, size_t n, thx_span *spans, size_t rows,
                               float *logits, thorax_error *err)
{
    thx_ctx             *ctx = e->ctx;
    const thx_decoder   *d = e->decoder;
    const size_t         V = d->config.V;
    const thx_arena_mark mark = thx_arena_get_mark(ctx->arena);
    const thx_tensor     x = thx_tensor_alloc(ctx, rows, d->config.D);
    size_t               at = 0, k = 0;
    thorax_status st = x.data ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "out of memory");

    for (size_t i = 0; i < n && !st; i++) {
        writer *w = &writers[i];
        if (!w->rows) continue;
        st = thx_kv_cache_reserve(w->kv, w->position, w->position + w->rows, err);
        if (st) break;
        ctx->ops->gather(ctx, thx_tensor_rows(x, at, w->rows), d->embedding, w->ids, w->rows);
        spans[k++] = (thx_span){ w->kv->layers, w->position, w->rows };
        at += w->rows;
    }
    if (!st) st = thx_decoder_forward(ctx, d, x, spans, k, THX_GENERATED, err);
    if (!st)
        st = thx_decoder_logits(ctx, d, (thx_tensor){ logits, rows, V, V }, x, THX_GENERATED, err);
    thx_arena_release(ctx->arena, mark);
    return st;
}

/* What the rows of one step need. */
typedef struct step_room {
    thx_span *spans;
    float    *logits;
    size_t    room; /* rows */
} step_room;

static bool room_grow(step_room *d, size_t rows, size_t V)
{
    if (rows <= d->room) return true;
    float *logits = realloc(d->logits, rows * V * sizeof *logits);
    if (!logits) return false;
    d->logits = logits;
    d->room = rows;
    return true;
}

static size_t guess(writer *writers, size_t n)
{
    size_t rows = 0;

    for (size_t i = 0; i < n; i++) {
        writer *w = &writers[i];
        if (!w->rows) continue;
        size_t room = w->max_new - w->out->ids.size - 1; /* ids that may follow the one this step gives */
        if (room > THX_DRAFT_MOST) room = THX_DRAFT_MOST;
        w->rows = 1 + thx_drafter_propose(&w->drafter, w->ids + 1, room);
        rows += w->rows;
    }
    return rows;
}

/* Steps until every answer is complete. */
static thorax_status write_all(thx_engine *e, writer *writers, size_t n, step_room *room, thorax_error *err)
{
    const size_t  V = e->model->decoder.config.V;
    size_t        most = 0, rows;
    thorax_status st = THORAX_OK;

    for (size_t i = 0; i < n; i++) most += writers[i].max_new;
    while (!st && (rows = guess(writers, n))) {
        size_t done = 0;

        for (size_t i = 0; i < n; i++) done += writers[i].rows ? writers[i].out->ids.size : writers[i].max_new;
        if (!thx_progress_step(&writers[0].request->progress, "answer", done, most))
            return thx_fail(err, THORAX_CANCELLED, 0, "stopped");
        if (!room_grow(room, rows, V)) return thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu rows of logits", rows);
        const double start = thx_now();
        st = step_rows(e, writers, n, room->spans, rows, room->logits, err);
        const double took = thx_now() - start;
        float       *logits = room->logits;
        for (size_t i = 0; i < n && !st; i++) {
            const size_t had = writers[i].rows;

            if (!had) continue;
            if (n == 1) thx_drafter_time(&writers[i].drafter, had, took);
            take(&writers[i], e->model, logits);
            logits += had * V;
        }
    }
    return st;
}

static thorax_status writer_init(writer *w, thx_session *s, const thx_request *r, thx_branch *b,
                                 thx_answer *out, thorax_error *err)
{
    const thx_model    *m = s->engine->model;
    const thorax_status st = thx_sampler_open(&w->sampler, &r->sampling, m->decoder.config.V, err);

    if (st) return st;
    w->request = r;
    w->out = out;
    w->stream = (thx_stream){ .tokenizer = m->tokenizer, .skip_special = true };
    w->kv = &b->kv;
    w->position = b->prompt.ids.size - 1; /* the row whose logits are there is taken first */
    w->max_new = b->max_new;
    w->ends = r->ends ? r->ends : m->generation.eos;
    w->n_ends = r->ends ? r->n_ends : m->generation.n_eos;
    w->rows = 1;
    thx_sampler_see(w->sampler, b->prompt.ids.data, b->prompt.ids.size);
    return thx_drafter_init(&w->drafter, s->engine->corpus, &b->prompt, r->drafts, err);
}

/* Answers behind prompts that were run: logits [n, V] are those of their last rows. */
static thorax_status write_answers(thx_session *s, const thx_request *r, thx_branch *b, size_t n,
                                   step_room *room, thx_answer *out, thorax_error *err)
{
    const size_t  V = s->engine->model->decoder.config.V;
    writer       *writers = calloc(n, sizeof *writers);
    thorax_status st = writers ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "out of memory");

    for (size_t i = 0; i < n && !st; i++) st = writer_init(&writers[i], s, &r[i], &b[i], &out[i], err);
    for (size_t i = 0; i < n && !st; i++) take(&writers[i], s->engine->model, room->logits + i * V);
    if (!st) st = write_all(s->engine, writers, n, room, err);
    for (size_t i = 0; writers && i < n; i++) {
        if (!st && (out[i].ids.failed || out[i].text.failed || writers[i].drafter.failed))
            st = thx_fail(err, THORAX_NOMEM, 0, "out of memory");
        out[i].drafts = writers[i].drafter.account;
        thx_sampler_close(writers[i].sampler);
        thx_drafter_deinit(&writers[i].drafter);
    }
    free(writers);
    return st;
}

static void fill_usage(thx_answer *out, const thx_branch *b, const thx_prompt_times *times, double decode_s)
{
    out->prompt_tokens = (uint32_t)b->prompt.ids.size;
    out->image_tokens = (uint32_t)b->prompt.image_tokens;
    out->cached_tokens = (uint32_t)b->cached;
    out->vision_s = times->vision_s;
    out->prompt_s = times->prompt_s;
    out->decode_s = decode_s;
    thx_sha256_of(b->prompt.ids.data, b->prompt.ids.size * sizeof b->prompt.ids.data[0], out->prompt_sha256);
}

static thorax_status generate(thx_session *s, const thx_request *r, thx_branch *b, size_t n,
                              thx_answer *out, thorax_error *err)
{
    const size_t     V = s->engine->model->decoder.config.V;
    thx_prompt_times times = { 0 };
    step_room        room = { .spans = malloc(n * sizeof *room.spans) };
    thorax_status    st = THORAX_OK;

    if (!room.spans || !room_grow(&room, n, V)) st = thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    for (size_t i = 0; i < n && !st; i++) {
        b[i].max_new = r[i].max_new_tokens;
        st = r[i].ids ? thx_branch_ids(&b[i], s, r[i].ids, r[i].n_ids, err)
                      : thx_branch_render(&b[i], s, r[i].messages, r[i].n_messages, err);
    }
    if (!st) st = thx_branches_run(s, b, n, &r->progress, room.logits, NULL, NULL, &times, err);
    const double start = thx_now();
    if (!st) st = write_answers(s, r, b, n, &room, out, err);
    for (size_t i = 0; i < n && !st; i++) fill_usage(&out[i], &b[i], &times, thx_now() - start);
    free(room.spans);
    free(room.logits);
    return st;
}

thorax_status thx_session_generate_all(thx_session *s, const thx_request *r, size_t n, thx_answer *out,
                                       thorax_error *err)
{
    thorax_status st = THORAX_OK;

    memset(out, 0, n * sizeof *out);
    for (size_t i = 0; i < n; i++)
        if (!r[i].max_new_tokens)
            return thx_fail(err, THORAX_USAGE, 0, "max_new_tokens: expected at least 1");
    if (!n) return st;
    thx_branch *b = calloc(n, sizeof *b);
    if (!b) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    thx_session_enter(s);
    st = generate(s, r, b, n, out, err);
    thx_branches_deinit(b, n);
    pthread_mutex_unlock(&s->engine->lock);
    free(b);
    for (size_t i = 0; i < n && st; i++) thx_answer_deinit(&out[i]);
    return st;
}

thorax_status thx_session_generate(thx_session *s, const thx_request *r, thx_answer *out, thorax_error *err)
{
    return thx_session_generate_all(s, r, 1, out, err);
}

void thx_answer_deinit(thx_answer *a)
{
    thx_ids_deinit(&a->ids);
    thx_string_deinit(&a->text);
}
