/* RadGraph's head; see dygie.h. The vectors of all spans, and of all pairs, would be larger than the encoder: they are
 * made for a piece at a time. A head's rows lie in the processor's memory. */
#include "encoder/dygie.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 512 /* rows that go through a block together */ };

/* A text on its way. */
typedef struct run {
    thx_ctx         *ctx;
    const thx_dygie *d;
    thx_tensor       words;
    size_t           S;     /* width of a span's vector     */
    thx_dygie_span  *spans; /* all of them, in order        */
    float           *prune; /* [n_spans], of the pruner     */
    size_t          *kept;  /* places of the spans that stay */
    size_t           room;  /* for relations                */
    thx_dygie_found *out;
} run;

static thorax_status no_memory(thorax_error *err)
{
    return thx_fail(err, THORAX_NOMEM, 0, "no memory for the spans of a text");
}

/* y [n, outputs] = the block of x. */
static thorax_status forward(thx_ctx *ctx, const thx_dygie_config *c, const thx_dygie_block *block, thx_tensor y,
                             thx_tensor x, thorax_error *err)
{
    const thx_arena_mark mark = thx_arena_get_mark(ctx->arena);
    thorax_status        st = THORAX_OK;

    for (size_t i = 0; !st && i < c->layers; i++) {
        const thx_tensor h = thx_tensor_alloc(ctx, x.rows, c->hidden[i]);
        st = h.data ? ctx->ops->linear(ctx, h, x, block->w[i], block->b[i], THX_PROMPT, err) : no_memory(err);
        if (!st) ctx->ops->activate(ctx, h, h, THX_RELU);
        x = h;
    }
    if (!st) st = ctx->ops->linear(ctx, y, x, block->w[c->layers], block->b[c->layers], THX_PROMPT, err);
    thx_arena_release(ctx->arena, mark);
    return st;
}

/* ---- Spans ---- */

static size_t count_spans(size_t words, size_t width)
{
    size_t n = 0;

    for (size_t i = 0; i < words; i++) n += words - i < width ? words - i : width;
    return n;
}

static void list_spans(run *r)
{
    thx_dygie_span *s = r->spans;

    for (size_t i = 0; i < r->words.rows; i++)
        for (size_t w = 0; w < r->d->config.max_width && i + w < r->words.rows; w++)
            *s++ = (thx_dygie_span){ (uint32_t)i, (uint32_t)(i + w) };
}

/* x [n, S] = [first word; last word; width] of the spans at places[0..n-1]. */
static void span_vectors(const run *r, thx_tensor x, const size_t *places)
{
    const size_t D = r->words.cols;
    int32_t      widths[PIECE];

    for (size_t i = 0; i < x.rows; i++) {
        const thx_dygie_span s = r->spans[places[i]];
        float               *to = x.data + i * x.stride;
        memcpy(to, r->words.data + s.first * r->words.stride, D * sizeof *to);
        memcpy(to + D, r->words.data + s.last * r->words.stride, D * sizeof *to);
        widths[i] = (int32_t)(s.last - s.first);
    }
    r->ctx->ops->gather(r->ctx, thx_tensor_cols(x, 2 * D, r->d->config.feature), r->d->width, widths, x.rows);
}

/* The best of scores [n] and a 0 before them: its place, 0 for the null label (which wins a tie). */
static size_t best_label(const float *scores, size_t n, float *softmax)
{
    size_t best = 0;
    float  top = 0;
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        if (scores[i] > top) {
            top = scores[i];
            best = i + 1;
        }
    sum = exp(-(double)top);
    for (size_t i = 0; i < n; i++) sum += exp((double)scores[i] - top);
    *softmax = (float)(1 / sum);
    return best;
}

static void take_entities(run *r, thx_tensor scores, size_t first)
{
    for (size_t i = 0; i < scores.rows; i++) {
        const float *row = scores.data + i * scores.stride;
        float        softmax;
        const size_t label = best_label(row, scores.cols, &softmax);
        if (label)
            r->out->entities[r->out->n_entities++] =
                (thx_dygie_entity){ r->spans[first + i], (uint32_t)(label - 1), row[label - 1], softmax };
    }
}

/* Scores of the spans first .. first + x.rows - 1. */
static thorax_status score_piece(run *r, thx_tensor x, thx_tensor scores, size_t first, thorax_error *err)
{
    const thx_dygie_config *c = &r->d->config;
    const thx_tensor        prune = { r->prune + first, x.rows, 1, 1 };
    size_t                  places[PIECE];
    thorax_status           st;

    for (size_t i = 0; i < x.rows; i++) places[i] = first + i;
    span_vectors(r, x, places);
    if ((st = forward(r->ctx, c, &r->d->entities, scores, x, err))) return st;
    take_entities(r, scores, first);
    return forward(r->ctx, c, &r->d->pruner, prune, x, err);
}

static thorax_status score_spans(run *r, thorax_error *err)
{
    const size_t     n = r->out->n_spans, most = n < PIECE ? n : PIECE;
    const thx_tensor x = thx_tensor_alloc(r->ctx, most, r->S);
    const thx_tensor scores = thx_tensor_alloc(r->ctx, most, r->d->config.entity_labels);
    thorax_status    st = x.data && scores.data ? THORAX_OK : no_memory(err);

    for (size_t at = 0; !st && at < n; at += most) {
        const size_t rows = n - at < most ? n - at : most;
        st = score_piece(r, thx_tensor_rows(x, 0, rows), thx_tensor_rows(scores, 0, rows), at, err);
    }
    return st;
}

/* ---- Pruning ---- */

typedef struct ranked { float score; size_t place; } ranked;

static int by_score(const void *a, const void *b)
{
    const ranked *x = a, *y = b;

    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return (x->place > y->place) - (x->place < y->place);
}

static int by_place(const void *a, const void *b)
{
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;

    return (x > y) - (x < y);
}

static thorax_status prune(run *r, thorax_error *err)
{
    const size_t n = r->out->n_spans;
    ranked      *list = thx_arena_alloc(r->ctx->arena, n, sizeof *list);

    if (!list) return no_memory(err);
    for (size_t i = 0; i < n; i++) list[i] = (ranked){ r->prune[i], i };
    qsort(list, n, sizeof *list, by_score);
    for (size_t i = 0; i < r->out->n_kept; i++) r->kept[i] = list[i].place;
    qsort(r->kept, r->out->n_kept, sizeof *r->kept, by_place);
    for (size_t i = 0; i < r->out->n_kept; i++) r->out->kept[i] = r->spans[r->kept[i]];
    return THORAX_OK;
}

/* ---- Relations ---- */

/* x [n, 3 S] = [s_i; s_j; s_i * s_j] of the pairs first .. first + n - 1, row by row; s [kept, S]. */
static void pair_vectors(const run *r, thx_tensor x, thx_tensor s, size_t first)
{
    const size_t S = r->S, K = s.rows;

#pragma omp parallel for num_threads(r->ctx->threads) if (x.rows * S > 65536)
    for (size_t row = 0; row < x.rows; row++) {
        const float *a = s.data + (first + row) / K * s.stride, *b = s.data + (first + row) % K * s.stride;
        float       *to = x.data + row * x.stride;
        memcpy(to, a, S * sizeof *to);
        memcpy(to + S, b, S * sizeof *to);
        for (size_t i = 0; i < S; i++) to[2 * S + i] = a[i] * b[i];
    }
}

/* Room for `more` relations. */
static bool reserve(thx_dygie_found *f, size_t *room, size_t more)
{
    if (*room - f->n_relations >= more) return true;
    const size_t        need = 2 * *room + more;
    thx_dygie_relation *list = realloc(f->relations, need * sizeof *list);
    if (!list) return false;
    f->relations = list;
    *room = need;
    return true;
}

static void take_relations(run *r, thx_tensor scores, size_t first)
{
    const size_t K = r->out->n_kept;

    for (size_t i = 0; i < scores.rows; i++) {
        const size_t from = (first + i) / K, to = (first + i) % K;
        float       *row = scores.data + i * scores.stride, softmax;
        for (size_t k = 0; k < scores.cols; k++) row[k] += r->prune[r->kept[from]] + r->prune[r->kept[to]];
        const size_t label = best_label(row, scores.cols, &softmax);
        if (label)
            r->out->relations[r->out->n_relations++] =
                (thx_dygie_relation){ r->out->kept[from], r->out->kept[to], (uint32_t)(label - 1), row[label - 1],
                                      softmax };
    }
}

/* The vectors of the spans that stay. */
static void kept_vectors(const run *r, thx_tensor s)
{
    for (size_t at = 0; at < s.rows; at += PIECE)
        span_vectors(r, thx_tensor_rows(s, at, s.rows - at < PIECE ? s.rows - at : PIECE), r->kept + at);
}

static thorax_status score_pairs(run *r, thorax_error *err)
{
    const size_t     K = r->out->n_kept, n = K * K, most = n < PIECE ? n : PIECE;
    const thx_tensor s = thx_tensor_alloc(r->ctx, K, r->S), x = thx_tensor_alloc(r->ctx, most, 3 * r->S);
    const thx_tensor scores = thx_tensor_alloc(r->ctx, most, r->d->config.relation_labels);
    thorax_status    st = s.data && x.data && scores.data ? THORAX_OK : no_memory(err);

    if (!st) kept_vectors(r, s);
    for (size_t at = 0; !st && at < n; at += most) {
        const size_t rows = n - at < most ? n - at : most;
        pair_vectors(r, thx_tensor_rows(x, 0, rows), s, at);
        st = forward(r->ctx, &r->d->config, &r->d->pairs, thx_tensor_rows(scores, 0, rows), thx_tensor_rows(x, 0, rows),
                     err);
        if (!st && !reserve(r->out, &r->room, rows)) st = no_memory(err);
        if (!st) take_relations(r, thx_tensor_rows(scores, 0, rows), at);
    }
    return st;
}

/* ---- A text ---- */

/* Room for what may be found: every span an entity. */
static bool take_room(run *r, size_t words)
{
    thx_dygie_found *f = r->out;
    const double     share = ceil((double)words * r->d->config.spans_per_word);

    f->n_spans = count_spans(words, r->d->config.max_width);
    f->n_kept = share < (double)f->n_spans ? (size_t)share : f->n_spans;
    f->kept = calloc(f->n_kept + 1, sizeof *f->kept);
    f->entities = calloc(f->n_spans, sizeof *f->entities);
    r->spans = thx_arena_alloc(r->ctx->arena, f->n_spans, sizeof *r->spans);
    r->prune = thx_arena_alloc(r->ctx->arena, f->n_spans, sizeof *r->prune);
    r->kept = thx_arena_alloc(r->ctx->arena, f->n_kept + 1, sizeof *r->kept);
    return f->kept && f->entities && r->spans && r->prune && r->kept;
}

thorax_status thx_dygie_find(thx_ctx *ctx, const thx_dygie *d, thx_dygie_found *out, thx_tensor words,
                             thorax_error *err)
{
    const thx_arena_mark mark = thx_arena_get_mark(ctx->arena);
    run r = { .ctx = ctx, .d = d, .words = words, .S = 2 * d->config.D + d->config.feature, .out = out };
    thorax_status        st;

    *out = (thx_dygie_found){ 0 };
    if (words.rows > THX_DYGIE_WORDS)
        return thx_fail(err, THORAX_LIMIT, 0, "a text of %zu words: at most %d expected", words.rows, THX_DYGIE_WORDS);
    st = take_room(&r, words.rows) ? THORAX_OK : no_memory(err);
    if (!st) {
        list_spans(&r);
        st = score_spans(&r, err);
    }
    if (!st) st = prune(&r, err);
    if (!st && out->n_kept) st = score_pairs(&r, err);
    thx_arena_release(ctx->arena, mark);
    if (st) thx_dygie_found_deinit(out);
    return st;
}

void thx_dygie_found_deinit(thx_dygie_found *f)
{
    free(f->kept);
    free(f->entities);
    free(f->relations);
    *f = (thx_dygie_found){ 0 };
}
