/* The drift of a lossy precision, or of keys and values of 8 bits: its scores of a text against those computed in f32, on the folder at hand. */
#include "engine/engine_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is scored: what reports are made of. */
static const char sample[] =
    "Frontal view of the chest. The heart is mildly enlarged and the aorta is tortuous. There is a small left pleural effusion with "
    "adjacent atelectasis; the right lung is clear. No pneumothorax is seen. A right internal jugular catheter ends in the superior "
    "vena cava. Where is the catheter located? It is at [0.41, 0.12, 0.58, 0.47].";

/* Rows of logits, collected or compared. */
typedef struct rows {
    thx_engine *engine;
    float      *exact; /* [room, V]: filled by the first pass, read by the second */
    size_t      V, n, room;
    bool        compare;
    thx_drift  *drift;
} rows;

static double log_sum_exp(const float *x, size_t n)
{
    double top = x[0], sum = 0.0;

    for (size_t i = 1; i < n; i++) top = x[i] > top ? x[i] : top;
    for (size_t i = 0; i < n; i++) sum += exp(x[i] - top);
    return top + log(sum);
}

static size_t best_of(const float *x, size_t n)
{
    size_t best = 0;

    for (size_t i = 1; i < n; i++) best = x[i] > x[best] ? i : best;
    return best;
}

/* KL(p || q) in nats of the distributions that logits p and q [n] stand for. */
static double divergence(const float *p, const float *q, size_t n)
{
    const double zp = log_sum_exp(p, n), zq = log_sum_exp(q, n);
    double       sum = 0.0;

    for (size_t i = 0; i < n; i++) sum += exp(p[i] - zp) * ((p[i] - zp) - (q[i] - zq));
    return sum > 0.0 ? sum : 0.0;
}

static void compare_row(rows *r, const float *exact, const float *row)
{
    const double kl = divergence(exact, row, r->V);

    r->drift->kl_mean += kl;
    if (kl > r->drift->kl_max) r->drift->kl_max = kl;
    r->drift->agree += best_of(exact, r->V) == best_of(row, r->V);
    r->drift->rows++;
}

static thorax_status take(void *data, thx_tensor x, thorax_error *err)
{
    rows                *r = data;
    thx_ctx             *ctx = r->engine->ctx;
    const thx_arena_mark mark = thx_arena_get_mark(ctx->arena);
    const thx_tensor     out = thx_tensor_alloc(ctx, x.rows, r->V);
    thorax_status        st = out.data ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "no memory for logits");

    if (!st) st = thx_decoder_logits(ctx, r->engine->decoder, out, x, THX_PROMPT, err);
    for (size_t i = 0; i < x.rows && !st && r->n < r->room; i++, r->n++) {
        float *exact = r->exact + r->n * r->V;

        if (r->compare) compare_row(r, exact, out.data + i * out.stride);
        else memcpy(exact, out.data + i * out.stride, r->V * sizeof *exact);
    }
    thx_arena_release(ctx->arena, mark);
    return st;
}

/* One pass over the ids in a session of its own. */
static thorax_status score(thx_engine *e, const thx_ids *ids, bool exact, rows *r, thorax_error *err)
{
    const thx_engine_options was = e->options;
    thx_branch       b = { .max_new = 1 };
    thx_prompt_times times;
    thx_session     *s;

    if (exact) {
        e->options.precision = e->ctx->precision = THX_EXACT;
        e->options.kv_bits = 0;
    }
    r->n = 0;
    thorax_status st = thx_session_open(&s, e, NULL, err);
    for (size_t i = 0; i < ids->size && !st; i++) thx_ids_add(&b.prompt.ids, ids->data[i]);
    if (!st && b.prompt.ids.failed) st = thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    if (!st) st = thx_branches_run(s, &b, 1, NULL, NULL, take, r, &times, err);
    thx_branches_deinit(&b, 1);
    if (s) thx_session_close(s);
    e->options = was;
    e->ctx->precision = was.precision;
    return st;
}

thorax_status thx_engine_measure_drift(thx_drift *out, thx_engine *e, thorax_error *err)
{
    thx_ids       ids = { 0 };
    rows          r = { .engine = e, .V = e->model->decoder.config.V, .drift = out };
    thorax_status st = thx_tokenizer_encode(e->model->tokenizer, sample, sizeof sample - 1, false, &ids, err);

    *out = (thx_drift){ 0 };
    if (!st && ids.failed) st = thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    if (ids.size >= e->ctx_tokens) ids.size = e->ctx_tokens - 1;
    r.room = ids.size;
    if (!st && !(r.exact = malloc(r.room * r.V * sizeof *r.exact)))
        st = thx_fail(err, THORAX_NOMEM, 0, "no memory to measure drift");
    if (!st) st = score(e, &ids, true, &r, err);
    r.compare = true;
    if (!st) st = score(e, &ids, false, &r, err);
    if (!st && out->rows) out->kl_mean /= out->rows;
    free(r.exact);
    thx_ids_deinit(&ids);
    return st;
}
