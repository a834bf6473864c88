/* Prompts: from conversations to the logits of their last rows.
 *
 * The trunk, what all branches of a call begin with, runs in the session's own cache and stays there;
 * each branch forks it, and the tails of all branches run together, so that every weight is read once
 * for all of them. A single branch is all trunk. */
#include "engine/engine_internal.h"

#include <stdlib.h>

void thx_branches_deinit(thx_branch *b, size_t n)
{
    for (size_t i = 0; b && i < n; i++) {
        thx_prompt_deinit(&b[i].prompt);
        thx_kv_cache_deinit(&b[i].kv);
    }
}

thorax_status thx_branch_render(thx_branch *b, const thx_session *s, const thx_message *messages,
                                size_t n, thorax_error *err)
{
    const thx_model *m = s->engine->model;

    return thx_template_render(&b->prompt, m->chat, m->tokenizer, messages, n,
                               s->picture ? s->geometry.image_tokens : 0, m->image_id, err);
}

thorax_status thx_branch_ids(thx_branch *b, const thx_session *s, const int32_t *ids, size_t n, thorax_error *err)
{
    if (s->picture) return thx_fail(err, THORAX_USAGE, 0, "ids alone: the session has a film");
    if (!n) return thx_fail(err, THORAX_USAGE, 0, "no ids");
    for (size_t i = 0; i < n; i++) thx_ids_add(&b->prompt.ids, ids[i]);
    return b->prompt.ids.failed ? thx_fail(err, THORAX_NOMEM, 0, "out of memory") : THORAX_OK;
}

/* ---- Checks ---- */

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

/* Of a plan of so many bytes, what the cache holds more than there is room for; it lets go of that. */
static uint64_t make_way(thx_cache *cache, uint64_t peak, uint64_t limit)
{
    const uint64_t held = thx_cache_bytes(cache), over = peak > limit ? peak - limit : 0;

    if (over) thx_cache_trim(cache, held > over ? held - over : 0);
    thx_cache_settle(cache);
    return held - thx_cache_bytes(cache);
}

/* The plan of the first branch, and what the others add to it. */
static thorax_status check_memory(const thx_session *s, const thx_branch *b, size_t n, size_t shared,
                                  thorax_error *err)
{
    const thx_engine *e = s->engine;
    const uint64_t    limit = e->options.mem_limit_bytes;
    const uint32_t    text = (uint32_t)(b[0].prompt.ids.size - b[0].prompt.image_tokens);
    thx_plan          plan;

    if (!limit) return THORAX_OK;
    const thorax_status st =
        thx_engine_plan(&plan, e, s->picture ? s->picture->width : 0,
                        s->picture ? s->picture->height : 0, text, b[0].max_new, err);
    if (st) return st;
    for (size_t i = 1; i < n; i++)
        plan.peak_bytes += thx_kv_cache_bytes(
            &s->kv, b[i].prompt.ids.size - shared + b[i].max_new + THX_KV_BLOCK_TOKENS);
    if (e->cache) plan.peak_bytes -= make_way(e->cache, plan.peak_bytes, limit);
    if (plan.peak_bytes <= limit) return THORAX_OK;
    return thx_fail(err, THORAX_NOMEM, 0,
                    "this needs %.0f MiB of memory, the limit is %.0f MiB; ask for fewer new "
                    "tokens, fewer questions at once, a smaller film, or raise the limit",
                    (double)plan.peak_bytes / 0x1p20, (double)limit / 0x1p20);
}

static thorax_status check_branch(const thx_session *s, thx_branch *b, thorax_error *err)
{
    const uint32_t      room = s->engine->ctx_tokens;
    const size_t        T = b->prompt.ids.size;
    const thorax_status st = check_ids(s, &b->prompt, err);

    if (st) return st;
    if (T >= room)
        return thx_fail(err, THORAX_LIMIT, 0,
                        "the prompt has %zu tokens; the context holds %u, the answer included", T,
                        room);
    if (b->max_new > room - T) b->max_new = (uint32_t)(room - T);
    return THORAX_OK;
}

/* ---- What is common ---- */

static size_t common(const thx_ids *a, const thx_ids *b)
{
    const size_t most = a->size < b->size ? a->size : b->size;
    size_t       n = 0;

    while (n < most && a->data[n] == b->data[n]) n++;
    return n;
}

/* Rows of a prompt that are there when `ids` are held. The last one is always run: its logits are wanted. */
static size_t held_rows(const thx_ids *ids, const thx_prompt *p)
{
    const size_t n = common(ids, &p->ids);
    return n < p->ids.size ? n : p->ids.size - 1;
}

/* Rows that every branch begins with; a single branch is all trunk. */
static size_t shared_rows(const thx_branch *b, size_t n)
{
    size_t least = b[0].prompt.ids.size;

    for (size_t i = 1; i < n; i++) {
        const size_t with = held_rows(&b[0].prompt.ids, &b[i].prompt);
        if (with < least) least = with;
    }
    return n > 1 && least == b[0].prompt.ids.size ? least - 1 : least;
}

/* ---- Running rows ---- */

/* Rows first .. end-1 of a prompt, into a cache. */
typedef struct part {
    const thx_prompt *prompt;
    thx_kv_cache     *kv;
    size_t            first, end;
} part;

/* Those of them that one pass holds, from row `at` of the pass on. */
typedef struct piece {
    size_t part, first, rows, at;
} piece;

/* Sees the hidden rows of a pass and where they come from. */
typedef thorax_status pass_fn(void *data, thx_tensor x, const piece *pieces, size_t n, thorax_error *err);

/* x [n, D] receives the embeddings of prompt rows first .. first+n-1, image rows in their places. */
static void embed(const thx_session *s, thx_tensor x, const thx_prompt *p, size_t first)
{
    thx_ctx           *ctx = s->engine->ctx;
    const thx_decoder *d = s->engine->decoder;

    for (size_t i = 0; i < x.rows;) {
        const size_t at = first + i, in_image = at - p->image_at;
        const bool   image = p->image_tokens && at >= p->image_at && in_image < p->image_tokens;
        size_t       run = x.rows - i;
        if (image && run > p->image_tokens - in_image) run = p->image_tokens - in_image;
        if (!image && p->image_tokens && at < p->image_at && run > p->image_at - at)
            run = p->image_at - at;
        const thx_tensor rows = thx_tensor_rows(x, i, run);
        if (image)
            ctx->ops->copy_rows(ctx, rows,
                                (thx_tensor){ s->rows->data + in_image * x.cols, run, x.cols, x.cols });
        else
            ctx->ops->gather(ctx, rows, d->embedding, p->ids.data + at, run);
        i += run;
    }
}

/* Fills one pass from the parts, from *at of part *next on; returns how many pieces it has. */
static size_t cut_pass(piece *pieces, thx_span *spans, const part *parts, size_t n, size_t *next,
                       size_t *at)
{
    size_t rows = 0, k = 0;

    for (; *next < n && rows < THX_PASS_TOKENS; k++) {
        const part  *p = &parts[*next];
        const size_t first = p->first + *at, room = THX_PASS_TOKENS - rows,
                     take = p->end - first < room ? p->end - first : room;

        pieces[k] = (piece){ *next, first, take, rows };
        spans[k] = (thx_span){ p->kv->layers, first, take };
        rows += take;
        *at += take;
        if (first + take == p->end) {
            ++*next;
            *at = 0;
        }
    }
    return k;
}

static thorax_status run_pass(thx_session *s, const part *parts, const piece *pieces,
                              const thx_span *spans, size_t n, pass_fn *after, void *data,
                              thorax_error *err)
{
    thx_ctx             *ctx = s->engine->ctx;
    const thx_decoder   *d = s->engine->decoder;
    const size_t         rows = pieces[n - 1].at + pieces[n - 1].rows;
    const thx_arena_mark mark = thx_arena_get_mark(ctx->arena);
    const thx_tensor     x = thx_tensor_alloc(ctx, rows, d->config.D);
    thorax_status        st;

    if (!x.data) return thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu prompt rows", rows);
    for (size_t i = 0; i < n; i++)
        embed(s, thx_tensor_rows(x, pieces[i].at, pieces[i].rows), parts[pieces[i].part].prompt,
              pieces[i].first);
    st = thx_decoder_forward(ctx, d, x, spans, n, THX_PROMPT, err);
    if (!st) st = after(data, x, pieces, n, err);
    thx_arena_release(ctx->arena, mark);
    return st;
}

/* Runs all rows of the parts, a pass at a time. No part is empty. */
static thorax_status run_parts(thx_session *s, const part *parts, size_t n,
                               const thx_progress *progress, pass_fn *after, void *data,
                               thorax_error *err)
{
    thx_ctx      *ctx = s->engine->ctx;
    piece        *pieces = malloc(n * sizeof *pieces);
    thx_span     *spans = malloc(n * sizeof *spans);
    size_t        rows = 0, next = 0, at = 0;
    thx_stepper   steps;
    thorax_status st = THORAX_OK;

    if (!pieces || !spans) st = thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    for (size_t i = 0; i < n && !st; i++) {
        rows += parts[i].end - parts[i].first;
        st = thx_kv_cache_reserve(parts[i].kv, parts[i].first, parts[i].end, err);
    }
    const size_t passes = (rows + THX_PASS_TOKENS - 1) / THX_PASS_TOKENS;
    thx_watch(ctx, &steps, progress, "prompt", passes * s->engine->model->decoder.config.layers);
    while (!st && next < n) {
        const size_t k = cut_pass(pieces, spans, parts, n, &next, &at);
        st = run_pass(s, parts, pieces, spans, k, after, data, err);
    }
    thx_unwatch(ctx);
    free(pieces);
    free(spans);
    return st;
}

/* ---- What becomes of the rows ---- */

typedef struct results {
    thx_session *s;
    const part  *parts;
    bool         trunk;  /* the session's own rows: they are held from now on */
    float       *logits; /* [n, V] of the parts' last rows, or NULL           */
    thx_rows_fn *all;
    void        *data;
} results;

/* Logits of the last rows that this pass holds, which are put together first. */
static thorax_status take_logits(const results *r, thx_tensor x, const piece *pieces, size_t n,
                                 thorax_error *err)
{
    thx_ctx             *ctx = r->s->engine->ctx;
    const thx_decoder   *d = r->s->engine->decoder;
    const size_t         V = d->config.V;
    const thx_arena_mark mark = thx_arena_get_mark(ctx->arena);
    const thx_tensor     last = thx_tensor_alloc(ctx, n, x.cols);
    size_t               first = 0, rows = 0;
    thorax_status        st = THORAX_OK;

    if (!last.data) return thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu rows", n);
    for (size_t i = 0; i < n; i++) {
        if (pieces[i].first + pieces[i].rows < r->parts[pieces[i].part].end) continue;
        if (!rows) first = pieces[i].part;
        ctx->ops->copy_rows(ctx, thx_tensor_rows(last, rows++, 1),
                            thx_tensor_rows(x, pieces[i].at + pieces[i].rows - 1, 1));
    }
    thx_tensor ends = last;
    ends.rows = rows;
    if (rows)
        st = thx_decoder_logits(ctx, d, (thx_tensor){ r->logits + first * V, rows, V, V }, ends,
                                THX_PROMPT, err);
    thx_arena_release(ctx->arena, mark);
    return st;
}

static thorax_status after_pass(void *data, thx_tensor x, const piece *pieces, size_t n,
                                thorax_error *err)
{
    const results *r = data;
    thorax_status  st = THORAX_OK;

    if (r->logits) st = take_logits(r, x, pieces, n, err);
    if (r->trunk) {
        const thx_prompt *p = r->parts[0].prompt;
        for (size_t i = 0; i < x.rows && !st; i++)
            thx_ids_add(&r->s->held, p->ids.data[pieces[0].first + i]);
        if (!st && r->s->held.failed) st = thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    }
    return !st && r->all ? r->all(r->data, x, err) : st;
}

/* ---- What other sessions or earlier runs left ----
 * Prompts about a film begin alike up to the end of its rows; that far they are kept. */

/* Rows of a prompt up to the end of the film's; 0 where there is nothing to keep. */
static size_t kept_rows(const thx_session *s, const thx_prompt *p)
{
    return s->engine->cache && p->image_tokens ? p->image_at + p->image_tokens : 0;
}

/* Lets the session hold what the cache holds of a prompt, where that is more. */
static thorax_status recall(thx_session *s, const thx_prompt *p, thorax_error *err)
{
    const size_t n = kept_rows(s, p);
    thx_kv_cache kv;

    if (!n || held_rows(&s->held, p) >= n) return THORAX_OK;
    thorax_status st = thx_kv_cache_init_like(&kv, &s->kv, err);
    if (st) return st;
    if (!thx_cache_find_prefix(s->engine->cache, thx_session_film_key(s), p->ids.data, n, &kv)) {
        thx_kv_cache_deinit(&kv);
        return THORAX_OK;
    }
    thx_kv_cache_deinit(&s->kv);
    s->kv = kv;
    s->held.size = 0;
    for (size_t i = 0; i < n; i++) thx_ids_add(&s->held, p->ids.data[i]);
    return s->held.failed ? thx_fail(err, THORAX_NOMEM, 0, "out of memory") : THORAX_OK;
}

/* Keeps what was run of a prompt of which the session held `before` rows. */
static void keep(thx_session *s, const thx_prompt *p, size_t before)
{
    const size_t n = kept_rows(s, p);

    if (before < n && held_rows(&s->held, p) >= n)
        thx_cache_keep_prefix(s->engine->cache, thx_session_film_key(s), p->ids.data, n, &s->kv);
}

/* ---- Branches ---- */

/* Does a prompt need the film's rows from position `first` on? */
static bool needs_film(const thx_prompt *p, size_t first)
{
    return p->image_tokens && first < p->image_at + p->image_tokens;
}

static thorax_status run_trunk(thx_session *s, const thx_branch *b, size_t first, size_t end,
                               const thx_progress *progress, float *logits, thx_rows_fn *all,
                               void *data, thorax_error *err)
{
    const part trunk = { &b->prompt, &s->kv, first, end };
    results    r = { .s = s, .parts = &trunk, .trunk = true, .logits = logits, .all = all, .data = data };

    s->held.size = first;
    thx_kv_cache_truncate(&s->kv, first);
    return run_parts(s, &trunk, 1, progress, after_pass, &r, err);
}

/* The tails of several branches behind what the session holds. */
static thorax_status run_tails(thx_session *s, thx_branch *b, size_t n, const thx_progress *progress,
                               float *logits, thorax_error *err)
{
    part         *parts = malloc(n * sizeof *parts);
    results       r = { .s = s, .parts = parts, .logits = logits };
    thorax_status st = parts ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "out of memory");

    for (size_t i = 0; i < n && !st; i++) {
        const size_t first = held_rows(&s->held, &b[i].prompt);

        parts[i] = (part){ &b[i].prompt, &b[i].kv, first, b[i].prompt.ids.size };
        st = thx_kv_cache_fork(&b[i].kv, &s->kv, first, err);
    }
    if (!st) st = run_parts(s, parts, n, progress, after_pass, &r, err);
    free(parts);
    return st;
}

/* `whole`: every row is to be run. */
static thorax_status prepare(thx_session *s, thx_branch *b, size_t n, bool whole, size_t *shared, thorax_error *err)
{
    thorax_status st = THORAX_OK;

    for (size_t i = 0; i < n && !st; i++) st = check_branch(s, &b[i], err);
    if (st) return st;
    *shared = shared_rows(b, n);
    if ((st = check_memory(s, b, n, *shared, err))) return st;
    if (!whole && (st = recall(s, &b->prompt, err))) return st;
    for (size_t i = 0; i < n && !st; i++) {
        b[i].cached = held_rows(&s->held, &b[i].prompt);
        st = thx_kv_cache_init(&b[i].kv, &s->engine->model->decoder.config,
                               thx_engine_kv_type(s->engine), err);
    }
    return st;
}

thorax_status thx_branches_run(thx_session *s, thx_branch *b, size_t n, const thx_progress *progress,
                               float *logits, thx_rows_fn *all, void *data, thx_prompt_times *times,
                               thorax_error *err)
{
    const double  start = thx_now();
    size_t        shared;
    thorax_status st = prepare(s, b, n, all != NULL, &shared, err);

    if (st) return st;
    const size_t first = all ? 0 : held_rows(&s->held, &b->prompt), end = b->prompt.ids.size;
    bool         film = false;
    for (size_t i = 0; i < n; i++) film = film || needs_film(&b[i].prompt, n == 1 ? first : b[i].cached);
    const double film_start = thx_now();
    if (film) st = thx_session_encode_film(s, progress, NULL, err);
    times->vision_s = thx_now() - film_start;

    if (!st && n == 1) {
        st = run_trunk(s, b, first, end, progress, all ? NULL : logits, all, data, err);
        if (!st) st = thx_kv_cache_fork(&b->kv, &s->kv, end, err);
    } else if (!st) {
        if (first < shared) st = run_trunk(s, b, first, shared, progress, NULL, NULL, NULL, err);
        if (!st) st = run_tails(s, b, n, progress, logits, err);
    }
    if (!st) keep(s, &b->prompt, b->cached);
    times->prompt_s = thx_now() - start - times->vision_s;
    return st;
}
