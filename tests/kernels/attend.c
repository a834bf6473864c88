/* Cases: attention over the cache and over plain rows, in both roles; writing to the cache. */
#include "harness.h"

/* A cache of blocks at odd places, all bytes 0xff (NaN in every type) until written. */
static thx_kv random_kv(bench *b, size_t positions, size_t block_tokens, size_t G, size_t E, thx_type type)
{
    const size_t n = (positions + block_tokens - 1) / block_tokens;
    const size_t bytes = thx_kv_block_bytes(block_tokens, G, E, type);
    void       **blocks = take(b, n * sizeof *blocks);
    char        *room = take(b, n * (bytes + 64));

    memset(room, 0xff, n * (bytes + 64));
    for (size_t i = 0; i < n; i++) blocks[n - 1 - i] = room + i * (bytes + 64); /* not in order */
    return (thx_kv){ .blocks = blocks, .block_tokens = block_tokens, .G = G, .E = E, .type = type };
}

static thx_type random_type(bench *b)
{
    static const thx_type types[] = { THX_F32, THX_F16, THX_BF16, THX_I8 };
    return types[draw(b) % 4];
}

static void kv_append(bench *b)
{
    const size_t   G = draw_odd(b, 5), E = draw_odd(b, 130), T = draw_odd(b, 60), first = draw_size(b, 0, 70);
    const size_t   block = (size_t)1 << draw_size(b, 0, 6);
    const thx_type type = random_type(b);
    thx_tensor     k = random_tensor(b, T, G * E), v = random_tensor(b, T, G * E);
    const thx_kv got = random_kv(b, first + T, block, G, E, type),
                 want = random_kv(b, first + T, block, G, E, type);

    snprintf(b->shape, sizeof b->shape, "%s, T %zu G %zu E %zu first %zu, blocks of %zu", thx_type_name(type),
             T, G, E, first, block);
    b->got->ops->kv_append(b->got, &got, k, v, first);
    b->ref->ops->kv_append(b->ref, &want, k, v, first);
    for (size_t i = 0; i <= (first + T - 1) / block; i++)
        compare_bytes(b, got.blocks[i], want.blocks[i], thx_kv_block_bytes(block, G, E, type) + 64);
}

/* Rows of a scale and E codes, each a multiple of 4 bytes. */
static void absolute_codes(unsigned char *rows, size_t bytes, size_t E)
{
    const size_t row = (E + 7) / 4 * 4;

    for (size_t i = 0; i + row <= bytes; i += row)
        for (size_t e = 0; e < E; e++) {
            int8_t code;
            memcpy(&code, rows + i + 4 + e, 1);
            code = (int8_t)abs(code);
            memcpy(rows + i + 4 + e, &code, 1);
        }
}

/* Runs both; the scale for the limit is the attention over |v| with the same weights. */
static void judge(bench *b, thx_attend *a, thx_precision precision, double limit)
{
    thx_attend   want = *a, mag = *a;
    thx_kv       abs_kv;
    thorax_error err;
    size_t       positions = a->first + a->q.rows;

    a->out = output_tensor(b, a->q.rows, a->H * a->E, draw(b) % 7);
    want.out = output_like(b, a->out);
    mag.out = output_like(b, a->out);
    if (a->kv) { /* the same cache with |v| */
        abs_kv = random_kv(b, positions, a->kv->block_tokens, a->G, a->E, a->kv->type);
        for (size_t i = 0; i <= (positions - 1) / a->kv->block_tokens; i++) {
            const size_t bytes = thx_kv_block_bytes(a->kv->block_tokens, a->G, a->E, a->kv->type);
            const size_t size = thx_type_bytes(a->kv->type);
            unsigned char *to = abs_kv.blocks[i];
            memcpy(to, a->kv->blocks[i], bytes);
            if (a->kv->type == THX_I8) absolute_codes(to + bytes / 2, bytes / 2, a->E);
            else
                for (size_t j = bytes / 2 + size - 1; j < bytes; j += size) to[j] &= 0x7f;
        }
        mag.kv = &abs_kv;
    } else mag.v = absolute(b, a->v);
    b->got->precision = precision;
    if (b->got->ops->attend(b->got, a, &err)) fail_case(b, "%s", err.text);
    b->got->precision = THX_EXACT;
    b->ref->ops->attend(b->ref, &want, &err);
    b->ref->ops->attend(b->ref, &mag, &err);
    if (precision != THX_EXACT) /* bf16 products take what is below 2^-126 as zero */
        for (size_t i = 0; i < mag.out.rows * mag.out.stride; i++) mag.out.data[i] += 1e-32f;
    compare(b, a->out, want.out, mag.out, limit);
}

static size_t random_width(bench *b)
{
    static const size_t usual[] = { 64, 72, 128, 80 };
    return draw(b) % 2 ? usual[draw(b) % 4] : draw_odd(b, 140);
}

/* The longest part of E columns of any row. */
static double longest(thx_tensor t, size_t E)
{
    double most = 0.0;

    for (size_t r = 0; r < t.rows; r++)
        for (size_t c = 0; c + E <= t.cols; c += E) {
            double sum = 0.0;
            for (size_t e = 0; e < E; e++)
                sum += (double)t.data[r * t.stride + c + e] * t.data[r * t.stride + c + e];
            most = fmax(most, sum);
        }
    return sqrt(most);
}

/* A score errs by some eps times |q| |k| scale, and a weight, relative to itself, by as much. */
static double exact_limit(const thx_attend *a, thx_tensor k)
{
    return FLT_EPSILON * (16.0 + 4.0 * longest(a->q, a->E) * longest(k, a->E) * (double)a->scale);
}

static void cache_case(bench *b, thx_role role, thx_precision precision)
{
    const size_t   G = draw_odd(b, 3), heads = draw_odd(b, 8), E = random_width(b);
    const size_t T = draw_odd(b, role == THX_PROMPT ? 60 : 3), first = draw(b) % 3 ? draw_size(b, 0, 400) : 0;
    const size_t   window = draw(b) % 3 ? 0 : draw_size(b, 1, 300), block = (size_t)1 << draw_size(b, 0, 9);
    const thx_type type = precision == THX_EXACT ? draw(b) % 2 ? THX_F32 : THX_I8 : random_type(b);
    const bool     half = precision != THX_EXACT && role == THX_PROMPT && type == THX_BF16;
    thx_tensor     k = random_tensor(b, first + T, G * E), v = random_tensor(b, first + T, G * E);
    const thx_kv   kv = random_kv(b, first + T, block, G, E, type);
    thx_attend     a = { .q = random_tensor(b, T, G * heads * E), .kv = &kv, .H = G * heads, .G = G, .E = E,
                         .first = first, .window = window, .scale = 1.0f / sqrtf((float)E), .role = role };

    snprintf(b->shape, sizeof b->shape,
             "cache %s, precision %d, T %zu H %zu G %zu E %zu first %zu window %zu, blocks of %zu",
             thx_type_name(type), precision, T, a.H, G, E, first, window, block);
    b->ref->ops->kv_append(b->ref, &kv, k, v, 0);
    if (half) round_tensor(a.q, THX_BF16); /* what bf16 products round first; the weights stay rounded */
    /* widened codes are rounded to bf16 by bf16 products, as q is: a score errs by a 256th of |q| |k| scale */
    const bool widened = precision != THX_EXACT && role == THX_PROMPT && type == THX_I8 && b->got->ops != b->ref->ops;
    judge(b, &a, precision,
          exact_limit(&a, k) + (half ? 1.05 / 256 : 0) +
              (widened ? expm1((2.0 + 2.0 * longest(a.q, E) * longest(k, E) * (double)a.scale) / 256) : 0));
}

static void cache_prompt(bench *b) { cache_case(b, THX_PROMPT, THX_EXACT); }
static void cache_generated(bench *b) { cache_case(b, THX_GENERATED, THX_EXACT); }
static void cache_fast_prompt(bench *b) { cache_case(b, THX_PROMPT, THX_FAST); }
static void cache_fast_generated(bench *b) { cache_case(b, THX_GENERATED, THX_FAST); }

static void rows_case(bench *b, thx_precision precision)
{
    const size_t G = draw_odd(b, 4), heads = draw(b) % 2 ? 1 : draw_odd(b, 3), E = random_width(b);
    const size_t S = draw_odd(b, 300), segment = draw(b) % 2 ? 0 : draw_odd(b, S);
    const size_t T = segment ? S : draw_odd(b, 150);
    const bool   half = precision != THX_EXACT;
    thx_attend   a = { .q = random_tensor(b, T, G * heads * E), .k = random_tensor(b, S, G * E),
                       .v = random_tensor(b, S, G * E), .H = G * heads, .G = G, .E = E, .segment = segment,
                       .scale = 1.0f / sqrtf((float)E), .role = draw(b) % 5 ? THX_PROMPT : THX_GENERATED };

    snprintf(b->shape, sizeof b->shape,
             "rows, precision %d, role %d, T %zu S %zu H %zu G %zu E %zu segment %zu", precision, a.role, T,
             S, a.H, G, E, segment);
    if (half) {
        round_tensor(a.q, THX_BF16);
        round_tensor(a.k, THX_BF16);
        round_tensor(a.v, THX_BF16);
    }
    judge(b, &a, precision, exact_limit(&a, a.k) + (half ? 1.05 / 256 : 0));
}

/* The largest value of a bias, as a score sees it. */
static double largest(thx_tensor t)
{
    double most = 0.0;

    for (size_t i = 0; i < t.rows * t.stride; i++) most = fmax(most, fabs((double)t.data[i]));
    return most;
}

/* Texts of their own lengths, a neighbourhood, a bias by row and key and one by distance. */
static void texts_case(bench *b)
{
    const size_t H = draw_odd(b, 6), E = random_width(b), n = draw_size(b, 1, 5);
    const bool   slanted = draw(b) % 2, dense = draw(b) % 2;
    size_t       ends[5], T = 0;

    for (size_t i = 0; i < n; i++) ends[i] = T += draw_odd(b, 200);
    const thx_tensor rows = random_tensor(b, H * T, T), slant = random_tensor(b, 2 * T - 1, H);
    const ptrdiff_t  s = (ptrdiff_t)rows.stride, line = (ptrdiff_t)slant.stride;
    thx_attend       a = { .q = random_tensor(b, T, H * E),
                           .k = random_tensor(b, T, H * E),
                           .v = random_tensor(b, T, H * E),
                           .H = H,
                           .G = H,
                           .E = E,
                           .ends = ends,
                           .n_ends = n,
                           .around = draw(b) % 2 ? draw_size(b, 1, 150) : 0,
                           .scale = 1.0f / sqrtf((float)E),
                           .role = THX_PROMPT };
    if (dense) a.bias[0] = (thx_bias){ rows.data, (ptrdiff_t)T * s, s, 1, 1.0f };
    if (slanted) a.bias[1] = (thx_bias){ slant.data + ((ptrdiff_t)T - 1) * line, 1, -line, line, 1.0f / a.scale };
    snprintf(b->shape, sizeof b->shape, "texts, n %zu T %zu H %zu E %zu around %zu, biases %d %d", n, T, H, E, a.around,
             dense, slanted);
    judge(b, &a, THX_EXACT,
          exact_limit(&a, a.k) + 8.0 * FLT_EPSILON * (largest(rows) * (double)a.scale + largest(slant)));
}

static void match(bench *b)
{
    const size_t H = draw_odd(b, 6), E = random_width(b), T = draw_odd(b, 300), R = draw_odd(b, 300);
    thx_tensor   x = random_tensor(b, T, H * E), w = random_tensor(b, R, H * E);
    thx_tensor   got = output_tensor(b, H * T, R, draw(b) % 7), want = output_like(b, got), mag = output_like(b, got);
    thorax_error err;

    snprintf(b->shape, sizeof b->shape, "T %zu R %zu H %zu E %zu", T, R, H, E);
    if (b->got->ops->match(b->got, got, x, w, H, E, &err)) fail_case(b, "%s", err.text);
    b->ref->ops->match(b->ref, want, x, w, H, E, &err);
    b->ref->ops->match(b->ref, mag, absolute(b, x), absolute(b, w), H, E, &err);
    compare(b, got, want, mag, FLT_EPSILON * 16.0);
}

static void rows_exact(bench *b) { rows_case(b, THX_EXACT); }
static void rows_fast(bench *b) { rows_case(b, THX_FAST); }

const test_case attend_cases[] = {
    { "kv-append", 40, kv_append },
    { "attend-cache-prompt", 24, cache_prompt },
    { "attend-cache-generated", 24, cache_generated },
    { "attend-cache-fast-prompt", 24, cache_fast_prompt },
    { "attend-cache-fast-generated", 24, cache_fast_generated },
    { "attend-rows", 24, rows_exact },
    { "attend-rows-fast", 24, rows_fast },
    { "attend-texts", 24, texts_case },
    { "match", 24, match },
    { NULL, 0, NULL },
};
