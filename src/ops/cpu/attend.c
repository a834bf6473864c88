/* Attention on the CPU, by blocks of keys with a running maximum and sum; the scores of a
 * whole prompt never exist.
 *
 * Prompt rows: a task is one key/value group and a tile of rows (for every head of that group); each block
 * of BLOCK keys is packed once for all of them, then both products are dense ones. Generated rows: each
 * row's keys are read as they lie, in chunks that are put together in order. Blocks and chunks begin at
 * absolute positions, so a row's bits do not depend on where a prompt was cut. */
#include "ops/cpu/cpu_ops.h"

#include <math.h>
#include <omp.h>

enum {
    BLOCK = 128,  /* keys packed together, a multiple of every panel's width */
    TILE = 384,   /* rows (tokens times heads) of a task                     */
    CHUNK = 256,  /* keys of one task of a generated row                     */
};

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* The positions row t sees: from .. to-1. */
static void visible(const thx_attend *a, size_t t, size_t *from, size_t *to)
{
    if (a->kv) {
        *to = a->first + t + 1;
        *from = a->window && *to > a->window ? *to - a->window : 0;
        return;
    }
    thx_segment_of(a, t, from, to);
    if (a->around && t - *from > a->around) *from = t - a->around;
    if (a->around && *to - t > a->around + 1) *to = t + a->around + 1;
}

/* Where keys (or values) of group g from `position` on lie one after the other: `pitch` bytes
 * apart, as many as the result says. */
static size_t run_of_keys(const thx_attend *a, bool values, size_t g, size_t position, const void **at,
                          size_t *pitch)
{
    if (a->kv) {
        *at = values ? thx_kv_value(a->kv, g, position) : thx_kv_key(a->kv, g, position);
        *pitch = thx_kv_row_bytes(a->E, a->kv->type);
        return a->kv->block_tokens - position % a->kv->block_tokens;
    }
    const thx_tensor x = values ? a->v : a->k;
    *at = x.data + position * x.stride + g * a->E;
    *pitch = x.stride * sizeof(float);
    return x.rows - position;
}

static bool is_coded(const thx_attend *a) { return a->kv && a->kv->type == THX_I8; }

/* What kernels read: coded rows are widened first. */
static thx_type stored_type(const thx_attend *a) { return a->kv && !is_coded(a) ? a->kv->type : THX_F32; }

/* ---- Prompt rows ---------------------------------------------------------- */

/* One thread's room. Rows of a tile are token by token, the heads of the group within. */
typedef struct room {
    unsigned char *keys, *values; /* packed: keys as panels [E][nr], values as panels [BLOCK][nr] */
    unsigned char *q;             /* [rows, Eq] of the gemm's type                                */
    unsigned char *plain;         /* [BLOCK, E] as stored, where keys do not lie in one run       */
    float         *out;           /* [rows, Eo]                                                   */
    float         *top, *total;   /* [rows]: running maximum and sum                              */
    float         *scores, *weights; /* [mr, BLOCK]                                               */
    float         *carry;         /* [mr]                                                         */
} room;

/* One call's plan, shared by its tasks. */
typedef struct plan {
    const thx_attend  *a;
    const thx_kernels *kernels;
    const thx_gemm    *gemm;
    size_t             heads;      /* of a group                                    */
    size_t             tokens;     /* of a tile at most                             */
    size_t             Eq, Eo;     /* E rounded up: to the gemm's depth for q, whole lines for out */
    size_t             step;       /* columns of one panel of values                */
    size_t             room_bytes; /* of one thread                                 */
    size_t             size;       /* bytes of an element of the gemm               */
} plan;

static unsigned char *carve(unsigned char *base, size_t *used, size_t bytes)
{
    unsigned char *p = base ? base + *used : NULL;

    *used += (bytes + 63) / 64 * 64;
    return p;
}

/* Lays the room out from `base`; with NULL it only counts. */
static room room_at(const plan *p, unsigned char *base, size_t *bytes)
{
    const size_t rows = p->tokens * p->heads, E = p->a->E, mr = p->gemm->mr;
    const size_t values = (E + p->step - 1) / p->step * p->gemm->nr;
    room         r;

    *bytes = 0;
    r.keys = carve(base, bytes, BLOCK * p->Eq * p->size);
    r.values = carve(base, bytes, BLOCK * values * p->size);
    r.q = carve(base, bytes, rows * p->Eq * p->size);
    r.plain = carve(base, bytes, BLOCK * E * sizeof(float));
    r.out = (float *)(void *)carve(base, bytes, rows * p->Eo * sizeof(float));
    r.top = (float *)(void *)carve(base, bytes, rows * sizeof(float));
    r.total = (float *)(void *)carve(base, bytes, rows * sizeof(float));
    r.scores = (float *)(void *)carve(base, bytes, mr * BLOCK * sizeof(float));
    r.weights = (float *)(void *)carve(base, bytes, mr * BLOCK * sizeof(float));
    r.carry = (float *)(void *)carve(base, bytes, mr * sizeof(float));
    return r;
}

/* Keys (or values) start .. start+n-1 of group g, of which those before `from` are not to be read and
 * count as zero: where they lie one after the other, copied together if need be. */
static const void *rows_together(const plan *p, bool values, size_t g, size_t start, size_t n, size_t from,
                                 unsigned char *plain, size_t *pitch)
{
    const thx_attend *a = p->a;
    const size_t      bytes = a->E * thx_type_bytes(stored_type(a)), skip = from > start ? from - start : 0;
    const void       *at;

    if (!is_coded(a) && !skip && run_of_keys(a, values, g, start, &at, pitch) >= n) return at;
    memset(plain, 0, skip * bytes);
    for (size_t i = skip; i < n;) {
        size_t       apart;
        const size_t run = least(run_of_keys(a, values, g, start + i, &at, &apart), n - i);

        for (size_t j = 0; j < run; j++) {
            const unsigned char *row = (const unsigned char *)at + j * apart;

            if (is_coded(a)) thx_kv_row_widen((float *)(void *)(plain + (i + j) * bytes), row, a->E);
            else memcpy(plain + (i + j) * bytes, row, bytes);
        }
        i += run;
    }
    *pitch = bytes;
    return plain;
}

static void pack_block(const plan *p, const room *r, size_t g, size_t start, size_t n, size_t from)
{
    const thx_gemm *gemm = p->gemm;
    const thx_type  type = stored_type(p->a);
    const size_t    E = p->a->E, nr = gemm->nr, bytes = thx_type_bytes(type);
    size_t          pitch;

    const unsigned char *k = rows_together(p, false, g, start, n, from, r->plain, &pitch);
    for (size_t i = 0; i < n; i += nr)
        gemm->pack_rows(r->keys + i * p->Eq * p->size, k + i * pitch, type, pitch, least(nr, n - i), E,
                        false);
    const unsigned char *v = rows_together(p, true, g, start, n, from, r->plain, &pitch);
    for (size_t i = 0; i < E; i += p->step)
        gemm->pack_cols(r->values + i / p->step * nr * BLOCK * p->size, v + i * bytes, type, pitch,
                        least(p->step, E - i), n);
}

/* Adds a bias to the scores of one row against keys start .. start+n-1. */
static void add_bias(float *scores, const thx_bias *b, size_t h, size_t t, size_t start, size_t n)
{
    if (!b->at) return;
    const ptrdiff_t at = (ptrdiff_t)h * b->head + (ptrdiff_t)t * b->row + (ptrdiff_t)start * b->key;
    const float    *from = b->at + at;
    for (size_t i = 0; i < n; i++) scores[i] += b->factor * from[(ptrdiff_t)i * b->key];
}

/* Up to mr rows (row .. row+m-1 of the tile that begins at `token`) against the packed block of keys
 * start .. start+n-1. */
static void strip(const plan *p, const room *r, size_t g, size_t token, size_t row, size_t m, size_t start, size_t n)
{
    const thx_attend *a = p->a;
    const thx_gemm   *gemm = p->gemm;
    const size_t      nr = gemm->nr;
    const thx_left    q = { r->q + row * p->Eq * p->size, p->Eq, 32 }, weights = { r->weights, BLOCK, 32 };
    size_t            from, to;

    visible(a, token + (row + m - 1) / p->heads, &from, &to);
    if (to <= start) return; /* the last row sees none of it, nor do those before */
    for (size_t i = 0; i < n; i += nr)
        gemm->block(r->scores + i, BLOCK, q, r->keys + i * p->Eq * p->size, m, least(nr, (n + 15) / 16 * 16 - i), a->E, false,
                    NULL); /* scores of no key are not counted */
    for (size_t j = 0; j < m; j++) {
        visible(a, token + (row + j) / p->heads, &from, &to);
        const size_t low = from > start ? from - start : 0, high = to > start ? to - start : 0;

        for (size_t i = 0; i < 2; i++)
            add_bias(r->scores + j * BLOCK, &a->bias[i], g * p->heads + (row + j) % p->heads,
                     token + (row + j) / p->heads, start, n);
        gemm->softmax((unsigned char *)r->weights + j * BLOCK * p->size, r->scores + j * BLOCK,
                      (n + 31) / 32 * 32, low, least(high, n), a->scale, r->top + row + j, r->total + row + j,
                      r->carry + j);
    }
    for (size_t i = 0; i < a->E; i += p->step)
        gemm->block(r->out + row * p->Eo + i, p->Eo, weights, r->values + i / p->step * nr * BLOCK * p->size, m,
                    least(p->step, p->Eo - i), n, true, r->carry);
}

static void tile_begin(const plan *p, const room *r, size_t g, size_t token, size_t rows)
{
    const thx_attend *a = p->a;

    for (size_t i = 0; i < rows; i++) {
        const float *q =
            a->q.data + (token + i / p->heads) * a->q.stride + (g * p->heads + i % p->heads) * a->E;
        unsigned char *to = r->q + i * p->Eq * p->size;

        p->kernels->narrow(to, q, p->gemm->type, a->E);
        memset(to + a->E * p->size, 0, (p->Eq - a->E) * p->size);
        r->top[i] = -INFINITY;
        r->total[i] = 0.0f;
    }
    memset(r->out, 0, rows * p->Eo * sizeof(float));
}

static void tile_end(const plan *p, const room *r, size_t g, size_t token, size_t rows)
{
    const thx_attend *a = p->a;

    for (size_t i = 0; i < rows; i++) {
        float *to =
            a->out.data + (token + i / p->heads) * a->out.stride + (g * p->heads + i % p->heads) * a->E;
        const float *sum = r->out + i * p->Eo, by = r->total[i] > 0.0f ? 1.0f / r->total[i] : 0.0f;

        for (size_t e = 0; e < a->E; e++) to[e] = sum[e] * by;
    }
}

/* Tokens token .. token+n-1, all of one segment, for group g. */
static void tile_run(const plan *p, const room *r, size_t g, size_t token, size_t n)
{
    const size_t rows = n * p->heads, mr = p->gemm->mr;
    size_t       from, to, base = 0, unused;

    visible(p->a, token, &from, &unused);
    visible(p->a, token + n - 1, &unused, &to);
    /* blocks lie BLOCK apart, from position 0 of the cache or the segment's beginning on */
    if (!p->a->kv) thx_segment_of(p->a, token, &base, &unused);
    const size_t first = base + (from - base) / BLOCK * BLOCK;

    tile_begin(p, r, g, token, rows);
    if (p->gemm->enter) p->gemm->enter();
    for (size_t start = first; start < to; start += BLOCK) {
        const size_t keys = least(BLOCK, to - start);

        pack_block(p, r, g, start, keys, p->a->kv ? from : start);
        for (size_t row = 0; row < rows; row += mr)
            strip(p, r, g, token, row, least(mr, rows - row), start, keys);
    }
    if (p->gemm->leave) p->gemm->leave();
    tile_end(p, r, g, token, rows);
}

/* Tokens that one task takes, all of one segment. */
typedef struct tile { size_t token, n; } tile;

/* Cuts the segments into tiles of at most `most` tokens, those of a segment all about as long. Returns how many;
 * `to` may be NULL. *longest: the tokens of the largest one. */
static size_t lay_tiles(tile *to, const thx_attend *a, size_t most, size_t *longest)
{
    const size_t T = a->q.rows;
    size_t       n = 0, from = 0, end = T;

    *longest = 0;
    for (size_t token = 0; token < T; token = end) {
        if (a->ends || (!a->kv && a->segment)) thx_segment_of(a, token, &from, &end);
        if (end > T || end <= token) end = T;
        const size_t tiles = (end - token + most - 1) / most, step = (end - token + tiles - 1) / tiles;
        *longest = step > *longest ? step : *longest;
        for (size_t at = token; at < end; at += step, n++)
            if (to) to[n] = (tile){ at, least(step, end - at) };
    }
    return n;
}

static thorax_status attend_prompt(thx_ctx *ctx, const thx_attend *a, thorax_error *err)
{
    const thx_kernels *k = thx_kernels_of(ctx);
    const bool         half = ctx->precision != THX_EXACT && k->bf16 && (!a->kv || a->kv->type == THX_BF16 || is_coded(a));
    plan               p = { .a = a, .kernels = k, .gemm = half ? k->bf16 : k->f32, .heads = a->H / a->G };
    const size_t       most = p.heads < TILE ? TILE / p.heads : 1, all = lay_tiles(NULL, a, most, &p.tokens);

    p.size = thx_type_bytes(p.gemm->type);
    /* as few panels of values as E needs, all about as wide: 72 columns are 48 and 24, not 64 and 8 */
    const size_t vectors = (a->E + p.gemm->lanes - 1) / p.gemm->lanes,
                 panels = (a->E + p.gemm->nr - 1) / p.gemm->nr;
    p.step = (vectors + panels - 1) / panels * p.gemm->lanes;
    p.Eq = (a->E + p.gemm->depth - 1) / p.gemm->depth * p.gemm->depth;
    p.Eo = (a->E + 15) / 16 * 16;
    room_at(&p, NULL, &p.room_bytes);
    unsigned char *rooms = thx_cpu_scratch(ctx, (size_t)ctx->threads * p.room_bytes + all * sizeof(tile));
    if (!rooms) return thx_fail(err, THORAX_NOMEM, 0, "attention: scratch of %d threads", ctx->threads);
    tile *list = (tile *)(void *)(rooms + (size_t)ctx->threads * p.room_bytes);

    lay_tiles(list, a, most, &p.tokens);
#pragma omp parallel for schedule(dynamic) num_threads(ctx->threads)
    for (size_t task = 0; task < all * a->G; task++) {
        const tile t = list[all - 1 - task / a->G]; /* the last see most: begin with them */
        size_t     bytes;
        const room r = room_at(&p, rooms + (size_t)omp_get_thread_num() * p.room_bytes, &bytes);

        tile_run(&p, &r, task % a->G, t.token, t.n);
    }
    return THORAX_OK;
}

/* ---- Generated rows ------------------------------------------------------- */

/* What one chunk of keys gives for the heads of one group. */
typedef struct part {
    float *top, *total; /* [heads]    */
    float *out;         /* [heads, E] */
} part;

/* A run of at most block_tokens keys (or values) from `position` on, as kernels read it; coded ones are widened into `wide`. */
static size_t run_to_read(const thx_attend *a, bool values, size_t g, size_t position, size_t most, float *wide,
                          const void **at, size_t *pitch)
{
    const size_t run = least(run_of_keys(a, values, g, position, at, pitch), most);

    if (!is_coded(a)) return run;
    for (size_t i = 0; i < run; i++)
        thx_kv_row_widen(wide + i * a->E, (const unsigned char *)*at + i * *pitch, a->E);
    *at = wide;
    *pitch = a->E * sizeof *wide;
    return run;
}

/* Keys from .. to-1, which lie in the chunk that begins at `start`, for row t and group g. */
static void chunk_run(const plan *p, size_t t, size_t g, size_t start, size_t from, size_t to, float *scores,
                      float *wide, part to_part)
{
    const thx_attend *a = p->a;
    const size_t      E = a->E, keys = (to - start + 31) / 32 * 32;
    const thx_type    type = stored_type(a);
    const float      *q = a->q.data + t * a->q.stride + g * p->heads * E;
    size_t            pitch;
    const void       *at;

    for (size_t i = from, run; i < to; i += run) {
        run = run_to_read(a, false, g, i, to - i, wide, &at, &pitch);
        p->kernels->dot(scores + (i - start), CHUNK, q, E, p->heads, at, type, pitch, run, E);
    }
    for (size_t h = 0; h < p->heads; h++) {
        float carry;

        to_part.top[h] = -INFINITY;
        to_part.total[h] = 0.0f;
        p->kernels->f32->softmax(scores + h * CHUNK, scores + h * CHUNK, keys, from - start, to - start,
                                 a->scale, to_part.top + h, to_part.total + h, &carry);
    }
    memset(to_part.out, 0, p->heads * E * sizeof(float));
    for (size_t i = from, run; i < to; i += run) {
        run = run_to_read(a, true, g, i, to - i, wide, &at, &pitch);
        p->kernels->mix(to_part.out, E, scores + (i - start), CHUNK, p->heads, at, type, pitch, run, E);
    }
}

/* Puts the chunks of one head together, first to last. */
static void chunks_join(const plan *p, float *out, size_t h, size_t n, const part *parts)
{
    const size_t E = p->a->E;
    float        top = -INFINITY, total = 0.0f;

    for (size_t c = 0; c < n; c++) top = parts[c].top[h] > top ? parts[c].top[h] : top;
    for (size_t e = 0; e < E; e++) out[e] = 0.0f;
    for (size_t c = 0; c < n; c++) {
        const float by = expf(parts[c].top[h] - top), *from = parts[c].out + h * E;

        total += by * parts[c].total[h];
        for (size_t e = 0; e < E; e++) out[e] += by * from[e];
    }
    for (size_t e = 0; e < E; e++) out[e] = total > 0.0f ? out[e] / total : 0.0f;
}

static part part_at(const plan *p, float *base, size_t index)
{
    float *at = base + index * p->heads * (p->a->E + 2);
    return (part){ .top = at, .total = at + p->heads, .out = at + 2 * p->heads };
}

/* Row t: every group's chunks, then every head's sum. */
static void generated_row(thx_ctx *ctx, const plan *p, size_t t, part *parts, float *partials, float *rooms, size_t apart)
{
    const thx_attend *a = p->a;
    size_t            from, to;

    visible(a, t, &from, &to);
    const size_t base = a->kv ? from / CHUNK * CHUNK : from, chunks = (to - base + CHUNK - 1) / CHUNK;
#pragma omp parallel num_threads(thx_cpu_threads(ctx, (to - from) * a->G * a->E))
    {
#pragma omp for schedule(dynamic)
        for (size_t i = 0; i < a->G * chunks; i++) {
            const size_t start = base + i % chunks * CHUNK;

            float       *scores = rooms + (size_t)omp_get_thread_num() * apart;

            parts[i] = part_at(p, partials, i);
            chunk_run(p, t, i / chunks, start, start > from ? start : from, least(start + CHUNK, to), scores,
                      scores + p->heads * CHUNK, parts[i]);
        }
#pragma omp for schedule(static)
        for (size_t h = 0; h < a->H; h++)
            chunks_join(p, a->out.data + t * a->out.stride + h * a->E, h % p->heads, chunks,
                        parts + h / p->heads * chunks);
    }
}

static thorax_status attend_generated(thx_ctx *ctx, const thx_attend *a, thorax_error *err)
{
    const plan   p = { .a = a, .kernels = thx_kernels_of(ctx), .heads = a->H / a->G };
    const size_t T = a->q.rows, longest = a->kv ? a->first + T : a->k.rows;
    const size_t parts = (longest / CHUNK + 2) * a->G, floats = parts * p.heads * (a->E + 2);
    const size_t apart = p.heads * CHUNK + (is_coded(a) ? a->kv->block_tokens * a->E : 0); /* of one thread */
    const size_t bytes = (floats + (size_t)ctx->threads * apart) * sizeof(float);
    part        *list = thx_cpu_scratch(ctx, parts * sizeof *list + bytes);

    if (!list) return thx_fail(err, THORAX_NOMEM, 0, "attention: scratch for %zu keys", longest);
    float *partials = (float *)(void *)(list + parts);
    for (size_t t = 0; t < T; t++) generated_row(ctx, &p, t, list, partials, partials + floats, apart);
    return THORAX_OK;
}

thorax_status thx_attend_cpu(thx_ctx *ctx, const thx_attend *a, thorax_error *err)
{
    if (!a->q.rows) return THORAX_OK;
    return a->role == THX_GENERATED ? attend_generated(ctx, a, err) : attend_prompt(ctx, a, err);
}
