/* Sampling; see sample.h. Scores are f32, as in the original. */
#define _GNU_SOURCE /* qsort_r */
#include "engine/sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct thx_sampler {
    thx_sampling   settings;
    size_t         V;
    unsigned char *seen;  /* [V], for the repetition penalty  */
    float         *probs; /* [V]                              */
    uint32_t      *order; /* [V], scratch of the sorts        */
    uint64_t       draws; /* so far                           */
};

/* ---- Settings ---- */

static double first_given(double asked, double folder, double fallback)
{
    return asked >= 0 ? asked : isnan(folder) ? fallback : folder;
}

static thorax_status check(const thx_sampling *s, thorax_error *err)
{
    if (!(s->temperature > 0 && s->temperature <= 100))
        return thx_fail(err, THORAX_USAGE, 0, "temperature %g: expected more than 0, at most 100",
                        s->temperature);
    if (!(s->top_p >= 0 && s->top_p <= 1))
        return thx_fail(err, THORAX_USAGE, 0, "top_p %g: expected 0 to 1", s->top_p);
    if (!(s->min_p >= 0 && s->min_p <= 1))
        return thx_fail(err, THORAX_USAGE, 0, "min_p %g: expected 0 to 1", s->min_p);
    if (!(s->repetition_penalty > 0 && s->repetition_penalty <= 100))
        return thx_fail(err, THORAX_USAGE, 0,
                        "repetition_penalty %g: expected more than 0, at most 100",
                        s->repetition_penalty);
    return THORAX_OK;
}

static uint64_t draw_seed(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    const uint64_t seed = ((uint64_t)t.tv_sec * 1000000007u) ^ (uint64_t)t.tv_nsec;
    return (seed & 0x7fffffffu) + 1; /* small enough to be typed, never 0 */
}

thorax_status thx_sampling_resolve(thx_sampling *out, const thx_sampling_request *r,
                                   const thx_generation_defaults *d, thorax_error *err)
{
    enum { DEFAULT_TOP_K = 50 }; /* transformers 4.x, when sampling */

    *out = (thx_sampling){ .sample = r->temperature == 0 ? false : r->sample || r->temperature > 0,
                           .temperature = 1,
                           .top_p = 1,
                           .repetition_penalty =
                               first_given(r->repetition_penalty, d->repetition_penalty, 1) };
    if (out->sample) {
        out->temperature = first_given(r->temperature, d->temperature, 1);
        out->top_p = first_given(r->top_p, d->top_p, 1);
        out->min_p = first_given(r->min_p, d->min_p, 0);
        out->top_k = r->top_k >= 0 ? r->top_k : d->top_k >= 0 ? d->top_k : DEFAULT_TOP_K;
        out->seed = r->seed ? r->seed : draw_seed();
    }
    return check(out, err);
}

/* ---- Processors: each changes scores in place; a dropped entry is -inf ---- */

static void penalise(const thx_sampler *s, float *x)
{
    const float r = (float)s->settings.repetition_penalty;

    if (r == 1.0f) return;
    for (size_t i = 0; i < s->V; i++)
        if (s->seen[i]) x[i] = x[i] < 0 ? x[i] * r : x[i] / r;
}

static void softmax(float *p, const float *x, size_t n)
{
    float  max = -INFINITY;
    double sum = 0;

    for (size_t i = 0; i < n; i++) max = x[i] > max ? x[i] : max;
    for (size_t i = 0; i < n; i++) sum += p[i] = expf(x[i] - max);
    for (size_t i = 0; i < n; i++) p[i] = (float)(p[i] / sum);
}

/* The k-th largest value: quickselect on a copy. */
static float kth_largest(const float *x, size_t n, size_t k, float *copy)
{
    size_t low = 0, high = n - 1;

    memcpy(copy, x, n * sizeof *x);
    while (low < high) {
        const float pivot = copy[low + (high - low) / 2];
        size_t      i = low, j = high;
        for (;;) {
            while (copy[i] > pivot) i++;
            while (copy[j] < pivot) j--;
            if (i >= j) break;
            const float t = copy[i];
            copy[i++] = copy[j];
            copy[j--] = t;
        }
        if (k - 1 <= j)
            high = j;
        else
            low = j + 1;
    }
    return copy[low];
}

/* Scores strictly below the k-th largest are dropped: ties at the border stay. */
static void keep_top_k(thx_sampler *s, float *x)
{
    const size_t k = (size_t)s->settings.top_k;

    if (!k || k >= s->V) return;
    const float least = kth_largest(x, s->V, k, s->probs);
    for (size_t i = 0; i < s->V; i++)
        if (x[i] < least) x[i] = -INFINITY;
}

static int by_score(const void *a, const void *b, void *scores)
{
    const uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    const float    x = ((const float *)scores)[i], y = ((const float *)scores)[j];

    if (x != y) return x < y ? -1 : 1;
    return i < j ? -1 : i > j; /* as a stable sort */
}

/* Ascending order; entries whose cumulative probability is at most 1 - p are dropped, the largest stays. */
static void keep_top_p(thx_sampler *s, float *x)
{
    size_t n = 0;
    float  cumulative = 0;

    if (s->settings.top_p >= 1) return;
    for (size_t i = 0; i < s->V; i++)
        if (x[i] != -INFINITY) s->order[n++] = (uint32_t)i;
    qsort_r(s->order, n, sizeof *s->order, by_score, x);
    softmax(s->probs, x, s->V);
    for (size_t i = 0; i + 1 < n; i++) {
        cumulative += s->probs[s->order[i]];
        if (cumulative > (float)(1 - s->settings.top_p)) break;
        x[s->order[i]] = -INFINITY;
    }
}

/* Entries less probable than min_p times the most probable one are dropped. */
static void keep_min_p(thx_sampler *s, float *x)
{
    float max = 0;

    if (s->settings.min_p <= 0) return;
    softmax(s->probs, x, s->V);
    for (size_t i = 0; i < s->V; i++) max = s->probs[i] > max ? s->probs[i] : max;
    for (size_t i = 0; i < s->V; i++)
        if (s->probs[i] < (float)s->settings.min_p * max) x[i] = -INFINITY;
}

static void process(thx_sampler *s, float *x)
{
    penalise(s, x);
    if (!s->settings.sample) return;
    const float t = (float)s->settings.temperature;
    for (size_t i = 0; i < s->V && t != 1.0f; i++) x[i] /= t;
    keep_top_k(s, x);
    keep_top_p(s, x);
    keep_min_p(s, x);
}

/* ---- The sampler ---- */

thorax_status thx_sampler_open(thx_sampler **out, const thx_sampling *settings, size_t V,
                               thorax_error *err)
{
    thx_sampler *s = calloc(1, sizeof *s);

    *out = NULL;
    if (s) {
        s->settings = *settings;
        s->V = V;
        s->seen = calloc(V, 1);
        s->probs = malloc(V * sizeof *s->probs);
        s->order = malloc(V * sizeof *s->order);
    }
    if (!s || !s->seen || !s->probs || !s->order) {
        thx_sampler_close(s);
        return thx_fail(err, THORAX_NOMEM, 0, "no memory to sample from %zu ids", V);
    }
    *out = s;
    return THORAX_OK;
}

void thx_sampler_close(thx_sampler *s)
{
    if (!s) return;
    free(s->seen);
    free(s->probs);
    free(s->order);
    free(s);
}

void thx_sampler_see(thx_sampler *s, const int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] >= 0 && (size_t)ids[i] < s->V) s->seen[ids[i]] = 1;
}

void thx_sampler_probs(thx_sampler *s, float *logits, float *probs)
{
    process(s, logits);
    softmax(probs, logits, s->V);
}

static int32_t argmax(const float *x, size_t n)
{
    size_t best = 0;

    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best]) best = i;
    return (int32_t)best;
}

/* Uniform in [0, 1), a function of seed and count (splitmix64: Steele, Lea, Flood 2014). */
static double uniform(uint64_t seed, uint64_t count)
{
    uint64_t z = seed + (count + 1) * 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (double)(z >> 11) * 0x1p-53;
}

int32_t thx_sampler_next(thx_sampler *s, float *logits)
{
    double  at, sum = 0;
    int32_t last = 0;

    if (!s->settings.sample) {
        process(s, logits);
        return argmax(logits, s->V);
    }
    thx_sampler_probs(s, logits, s->probs);
    for (size_t i = 0; i < s->V; i++) sum += s->probs[i];
    at = uniform(s->settings.seed, s->draws++) * sum;
    for (size_t i = 0; i < s->V; i++) {
        if (s->probs[i] <= 0) continue;
        last = (int32_t)i;
        at -= s->probs[i];
        if (at < 0) break;
    }
    return last;
}
