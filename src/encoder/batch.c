/* Many texts: sorted by length and run in passes; see encoder.h. */
#include "encoder/encoder.h"

#include <stdlib.h>
#include <string.h>

enum {
    PASS_ROWS = 1458,           /* enough for full speed, few enough to keep activations small */
    PASS_SCORES = 8 << 20       /* values of c2p or p2c                                         */
};

/* A text among others. */
typedef struct place {
    size_t at, length, index;
} place;

/* The longest first: a pass is sized by it. */
static int by_length(const void *a, const void *b)
{
    const place *x = a, *y = b;

    if (x->length != y->length) return x->length > y->length ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

static thorax_status check_text(const thx_encoder_config *c, const int32_t *ids, size_t length, thorax_error *err)
{
    const size_t most = thx_encoder_tokens(c);

    if (!length || length > most)
        return thx_fail(err, THORAX_USAGE, 0, "a text of %zu ids: expected 1 to %zu", length, most);
    for (size_t i = 0; i < length; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= c->V)
            return thx_fail(err, THORAX_USAGE, 0, "id %d: expected less than %zu", ids[i], c->V);
    return THORAX_OK;
}

/* Rows there may be in a pass whose longest text has `longest`. */
static size_t pass_rows(const thx_encoder_config *c, size_t longest)
{
    const size_t most = c->distance == THX_DISTANCE_VECTORS ? PASS_SCORES / (c->H * 2 * longest) : PASS_ROWS;

    return most < PASS_ROWS ? most : PASS_ROWS;
}

/* How many of places [n], the longest first, make one pass: one at least. */
static size_t cut_pass(const thx_encoder_config *c, const place *places, size_t n, size_t *rows)
{
    const size_t most = pass_rows(c, places[0].length);
    size_t       k = 1;

    for (*rows = places[0].length; k < n && *rows + places[k].length <= most; k++) *rows += places[k].length;
    return k;
}

/* One caller's run. */
typedef struct runner {
    thx_ctx           *ctx;
    const thx_encoder *e;
    size_t             layers;
    bool               all;
    thx_encoder_take  *take;
    void              *data;
    thx_encoder_pass   pass;
} runner;

static thorax_status hand_on(void *data, size_t layer, thx_tensor rows, thorax_error *err)
{
    runner *r = data;

    r->pass.layer = layer;
    r->pass.rows = rows;
    return r->all || layer == r->layers ? r->take(r->data, &r->pass, err) : THORAX_OK;
}

/* Texts places [n] with `rows` ids. */
static thorax_status run_pass(runner *r, const int32_t *ids, const place *places, size_t n, size_t rows,
                              thorax_error *err)
{
    thx_ctx             *ctx = r->ctx;
    const thx_arena_mark mark = thx_arena_get_mark(ctx->arena);
    int32_t             *block = thx_arena_alloc(ctx->arena, rows, sizeof *block);
    size_t              *texts = thx_arena_alloc(ctx->arena, 2 * n, sizeof *texts), *ends = texts + n, at = 0;
    const thx_tensor     out = thx_tensor_alloc(ctx, rows, r->e->config.D);
    thorax_status        st = THORAX_OK;

    if (!block || !texts || !out.data)
        st = thx_fail(err, THORAX_NOMEM, 0, "no memory for the activations of %zu texts", n);
    for (size_t i = 0; i < n && !st; i++) {
        memcpy(block + at, ids + places[i].at, places[i].length * sizeof *block);
        at += places[i].length;
        ends[i] = at;
        texts[i] = places[i].index;
    }
    if (!st) {
        r->pass = (thx_encoder_pass){ .texts = texts, .ends = ends, .n = n };
        st = thx_encoder_forward(ctx, r->e, out, block, ends, n, r->layers, hand_on, r, err);
    }
    thx_arena_release(ctx->arena, mark);
    return st;
}

thorax_status thx_encoder_run(thx_ctx *ctx, const thx_encoder *e, const int32_t *ids, const size_t *ends, size_t n,
                              size_t layers, bool all, thx_encoder_take *take, void *data, thorax_error *err)
{
    runner        r = { .ctx = ctx, .e = e, .layers = layers, .all = all, .take = take, .data = data };
    place        *places = calloc(n + 1, sizeof *places);
    thorax_status st = places ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu texts", n);

    for (size_t i = 0; i < n && !st; i++) {
        const size_t at = i ? ends[i - 1] : 0;
        places[i] = (place){ .at = at, .length = ends[i] - at, .index = i };
        st = check_text(&e->config, ids + at, ends[i] - at, err);
    }
    if (!st && n) qsort(places, n, sizeof *places, by_length);
    for (size_t i = 0, rows = 0, k; i < n && !st; i += k) {
        k = cut_pass(&e->config, places + i, n - i, &rows);
        st = run_pass(&r, ids, places + i, k, rows, err);
    }
    free(places);
    return st;
}

void thx_encoder_first_rows(thx_ctx *ctx, thx_tensor out, const thx_encoder_pass *pass)
{
    for (size_t i = 0; i < pass->n; i++)
        ctx->ops->copy_rows(ctx, thx_tensor_rows(out, i, 1), thx_tensor_rows(pass->rows, i ? pass->ends[i - 1] : 0, 1));
}
