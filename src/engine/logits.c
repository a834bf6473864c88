/* Scores of prompts, without an answer: for inspection, for measuring, and for scored findings. */
#include "engine/engine_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct all_rows {
    thx_session  *s;
    thx_row_sink *sink;
    void         *data;
} all_rows;

/* Gives the logits of every row of a pass to the sink, a few rows at a time. */
static thorax_status take_all(void *data, thx_tensor x, thorax_error *err)
{
    enum { AT_ONCE = 64 };
    all_rows            *a = data;
    thx_ctx             *ctx = a->s->engine->ctx;
    const thx_decoder   *d = a->s->engine->decoder;
    const size_t         V = d->config.V;
    const thx_arena_mark mark = thx_arena_get_mark(ctx->arena);
    const thx_tensor     out = thx_tensor_alloc(ctx, x.rows < AT_ONCE ? x.rows : AT_ONCE, V);
    thorax_status st = out.data ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "out of memory");

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

static thorax_status logits_of(thx_session *s, thx_branch *b, bool all, const thx_progress *progress,
                               thx_row_sink *sink, void *data, thorax_error *err)
{
    const size_t     V = s->engine->model->decoder.config.V;
    all_rows         every = { s, sink, data };
    thx_prompt_times times;

    if (all) return thx_branches_run(s, b, 1, progress, NULL, take_all, &every, &times, err);
    float *last = malloc(V * sizeof *last);
    if (!last) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    thorax_status st = thx_branches_run(s, b, 1, progress, last, NULL, NULL, &times, err);
    if (!st) st = sink(data, last, V, err);
    free(last);
    return st;
}

thorax_status thx_session_logits(thx_session *s, const thx_message *messages, size_t n, bool all,
                                 const thx_progress *progress, size_t *T, size_t *V,
                                 thorax_status (*begin)(void *data, size_t T, size_t V,
                                                        thorax_error *err),
                                 thx_row_sink *sink, void *data, thorax_error *err)
{
    thx_branch b = { .max_new = 1 };

    thx_session_enter(s);
    thorax_status st = thx_branch_render(&b, s, messages, n, err);
    if (!st) {
        *T = all ? b.prompt.ids.size : 1;
        *V = s->engine->model->decoder.config.V;
        if (begin) st = begin(data, *T, *V, err);
    }
    if (!st) st = logits_of(s, &b, all, progress, sink, data, err);
    thx_branches_deinit(&b, 1);
    pthread_mutex_unlock(&s->engine->lock);
    return st;
}

thorax_status thx_session_next_logits(thx_session *s, const thx_conversation *c, size_t n,
                                      const thx_progress *progress, float *logits, thx_prompt_use *use,
                                      thorax_error *err)
{
    thx_prompt_times times;
    thx_branch      *b = calloc(n ? n : 1, sizeof *b);
    thorax_status    st = THORAX_OK;

    if (!b) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    *use = (thx_prompt_use){ 0 };
    thx_session_enter(s);
    for (size_t i = 0; i < n && !st; i++) {
        b[i].max_new = 1;
        st = thx_branch_render(&b[i], s, c[i].messages, c[i].n_messages, err);
    }
    if (!st && n) st = thx_branches_run(s, b, n, progress, logits, NULL, NULL, &times, err);
    for (size_t i = 0; i < n && !st; i++) {
        use->prompt_tokens += (uint32_t)b[i].prompt.ids.size;
        use->cached_tokens += (uint32_t)b[i].cached;
        use->image_tokens = (uint32_t)b[i].prompt.image_tokens;
    }
    if (!st && n) {
        use->vision_s = times.vision_s;
        use->prompt_s = times.prompt_s;
    }
    thx_branches_deinit(b, n);
    pthread_mutex_unlock(&s->engine->lock);
    free(b);
    return st;
}

thorax_status thx_session_prompt_ids(thx_session *s, const int32_t *ids, size_t n, const thx_progress *progress,
                                     float *logits, thorax_error *err)
{
    thx_branch       b = { .max_new = 1 };
    thx_prompt_times times;

    thx_session_enter(s);
    thorax_status st = thx_branch_ids(&b, s, ids, n, err);
    if (!st) st = thx_branches_run(s, &b, 1, progress, logits, NULL, NULL, &times, err);
    thx_branches_deinit(&b, 1);
    pthread_mutex_unlock(&s->engine->lock);
    return st;
}
