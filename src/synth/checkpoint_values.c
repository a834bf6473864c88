/* Random values; see checkpoint_values.h.
 *
 * An element's 16 random bits choose one of 65,536 quantiles of the normal. Every quantile is
 * rounded to bf16 once per tensor; as f16 it must be the same number, so what f16 could only
 * hold as a subnormal becomes 0 or the smallest normal. Full sources round to their own type. */
#include "synth/checkpoint_values.h"

#include <math.h>

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* 64 random bits for place n of the sequence `key`. */
static uint64_t noise(uint64_t key, uint64_t n) { return mix(key + n * 0x9e3779b97f4a7c15u); }

uint64_t thx_value_key(uint64_t seed, const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (; *name; name++) hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    return mix(mix(seed + 0x9e3779b97f4a7c15u) ^ hash);
}

void thx_normal_table(float *table)
{
    double z = 0;

    /* From the middle outwards: Newton starts at the neighbour's value and needs few steps. */
    for (int i = THX_NOISE_LEVELS / 2 - 1; i >= 0; i--) {
        const double p = (i + 0.5) / THX_NOISE_LEVELS;

        for (int step = 0; step < 8; step++) {
            const double error = 0.5 * erfc(-z * sqrt(0.5)) - p;
            const double move = error / (exp(-0.5 * z * z) * 0.3989422804014327);
            z -= move;
            if (fabs(move) < 1e-12) break;
        }
        table[i] = (float)z;
        table[THX_NOISE_LEVELS - 1 - i] = (float)-z;
    }
}

void thx_outlier_channels(uint32_t *channels, uint32_t count, uint32_t width, uint64_t key)
{
    uint64_t place = 0;

    for (uint32_t i = 0; i < count;) {
        const uint32_t c = (uint32_t)(noise(key, place++) % width);
        bool fresh = true;

        for (uint32_t j = 0; j < i; j++) fresh = fresh && channels[j] != c;
        if (fresh) channels[i++] = c;
    }
}

/* The nearest number that bf16 and f16 (as a normal) both hold. */
static float round_to_both(float x)
{
    const float least = 0x1p-14f;
    const float r = thx_f32_from_bf16(thx_bf16_from_f32(x));

    if (fabsf(r) >= least) return r;
    return fabsf(r) < least / 2 ? 0.0f : copysignf(least, r);
}

static void store(void *out, size_t i, thx_type type, float x)
{
    if (type == THX_F32) ((float *)out)[i] = x;
    else ((uint16_t *)out)[i] = type == THX_F16 ? thx_f16_from_f32(x) : thx_bf16_from_f32(x);
}

/* A value of the tensor from a standard normal one. */
static void encode(void *out, size_t i, const thx_value_source *s, float normal, float gain)
{
    const thx_planned *t = s->tensor;
    const float        x = gain * (t->mean + t->std * normal), y = t->content == THX_CONTENT_POSITIVE ? fabsf(x) : x;
    const float        r = s->full ? y : round_to_both(y);

    store(out, i, t->type, r);
}

/* A table pays off for a tensor that has more elements than the table. */
static bool wants_levels(const thx_planned *t)
{
    return t->count > THX_NOISE_LEVELS && t->content <= THX_CONTENT_POSITIVE;
}

void thx_values_prepare(thx_value_source *s)
{
    if (!wants_levels(s->tensor)) return;
    for (size_t i = 0; i < THX_NOISE_LEVELS; i++) encode(s->levels, i, s, s->normal[i], 1.0f);
}

static void fill16(uint16_t *out, const uint16_t *levels, uint64_t key, uint64_t quad, size_t n)
{
    size_t i = 0;

    for (; i + 4 <= n; i += 4) {
        const uint64_t bits = noise(key, quad++);

        out[i + 0] = levels[bits & 0xffff];
        out[i + 1] = levels[bits >> 16 & 0xffff];
        out[i + 2] = levels[bits >> 32 & 0xffff];
        out[i + 3] = levels[bits >> 48];
    }
    for (uint64_t bits = noise(key, quad); i < n; i++, bits >>= 16) out[i] = levels[bits & 0xffff];
}

static void fill32(float *out, const float *levels, uint64_t key, uint64_t quad, size_t n)
{
    size_t i = 0;

    for (; i + 4 <= n; i += 4) {
        const uint64_t bits = noise(key, quad++);

        out[i + 0] = levels[bits & 0xffff];
        out[i + 1] = levels[bits >> 16 & 0xffff];
        out[i + 2] = levels[bits >> 32 & 0xffff];
        out[i + 3] = levels[bits >> 48];
    }
    for (uint64_t bits = noise(key, quad); i < n; i++, bits >>= 16) out[i] = levels[bits & 0xffff];
}

/* Writes element e, out[e - from], by itself. */
static void put(void *out, const thx_value_source *s, uint64_t from, uint64_t e, float gain)
{
    const uint64_t bits = noise(s->key, e / 4) >> 16 * (e % 4) & 0xffff;
    encode(out, (size_t)(e - from), s, s->normal[bits], gain);
}

/* Rewrites an element of an outlier channel. */
static void enlarge(void *out, const thx_value_source *s, uint64_t from, uint64_t e)
{
    put(out, s, from, e,
        s->tensor->outliers == THX_OUTLIERS_DAMPED ? 1.0f / THX_OUTLIER_GAIN : THX_OUTLIER_GAIN);
}

/* The part of row `c` within the elements. */
static void enlarge_row(void *out, const thx_value_source *s, uint64_t from, uint64_t to, uint64_t c)
{
    const uint64_t width = s->tensor->count / s->tensor->shape[0];
    const uint64_t first = c * width > from ? c * width : from;

    for (uint64_t e = first; e < to && e < (c + 1) * width; e++) enlarge(out, s, from, e);
}

static void enlarge_column(void *out, const thx_value_source *s, uint64_t from, uint64_t to, uint64_t c)
{
    const uint64_t width = s->tensor->shape[s->tensor->rank - 1];

    for (uint64_t e = from / width * width + c; e < to; e += width)
        if (e >= from) enlarge(out, s, from, e);
}

/* Elements that follow from their place alone. */
static void put_by_place(void *out, const thx_value_source *s, uint64_t from, uint64_t e)
{
    const thx_planned *t = s->tensor;
    const size_t       i = (size_t)(e - from);

    if (t->content == THX_CONTENT_COUNTED) ((int64_t *)out)[i] = (int64_t)e;
    else store(out, i, t->type, (float)pow((double)t->mean, -(double)e / (double)t->count));
}

void thx_values_fill(void *out, const thx_value_source *s, uint64_t from, size_t n)
{
    const thx_planned *t = s->tensor;

    if (t->content > THX_CONTENT_POSITIVE) {
        for (uint64_t e = from; e < from + n; e++) put_by_place(out, s, from, e);
        return;
    }
    if (!wants_levels(t))
        for (uint64_t e = from; e < from + n; e++) put(out, s, from, e, 1.0f);
    else if (t->type == THX_F32) fill32(out, s->levels, s->key, from / 4, n);
    else fill16(out, s->levels, s->key, from / 4, n);
    for (uint32_t i = 0; i < s->n_channels && t->outliers; i++) {
        if (t->outliers == THX_OUTLIERS_ROWS) enlarge_row(out, s, from, from + n, s->channels[i]);
        else enlarge_column(out, s, from, from + n, s->channels[i]);
    }
}
