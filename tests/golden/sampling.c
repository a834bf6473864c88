/* radvlm-sampling: sampling.json, logits and the probabilities after transformers' own processors. */
#include "golden.h"

#include "base/npy.h"
#include "engine/sample.h"

#include <math.h>
#include <stdlib.h>

static const double limit = 1e-6; /* absolute; f32 in both, another order of sums */

static thx_sampling settings_of(const json_t *c)
{
    const json_t *s = json_object_get(c, "settings");

    return (thx_sampling){
        .sample = true,
        .temperature = json_number_value(json_object_get(s, "temperature")),
        .top_k = (int32_t)json_integer_value(json_object_get(s, "top_k")),
        .top_p = json_number_value(json_object_get(s, "top_p")),
        .min_p = json_number_value(json_object_get(s, "min_p")),
        .repetition_penalty = json_number_value(json_object_get(s, "repetition_penalty")),
    };
}

/* probs [V] of a case; NULL when memory runs out. */
static float *probs_of(const json_t *c, float *logits, size_t V)
{
    const thx_sampling s = settings_of(c);
    float             *probs = malloc(V * sizeof *probs);
    thx_sampler       *sampler = NULL;
    const json_t      *id;
    size_t             i;
    thorax_error       err;

    if (probs && !thx_sampler_open(&sampler, &s, V, &err)) {
        json_array_foreach(json_object_get(c, "history"), i, id) {
            thx_sampler_see(sampler, &(int32_t){ (int32_t)json_integer_value(id) }, 1);
        }
        thx_sampler_probs(sampler, logits, probs);
    }
    thx_sampler_close(sampler);
    return probs;
}

static void check_case(golden *g, const json_t *c)
{
    const char  *name = golden_text(c, "name");
    thx_npy      logits = { 0 }, want = { 0 };
    thorax_error err = { 0 };
    double       worst = 0;
    size_t       zeros = 0;

    thorax_status st = thx_npy_read(&logits, golden_path(g, golden_text(c, "logits")), &err);
    if (!st) st = thx_npy_read(&want, golden_path(g, golden_text(c, "probs")), &err);
    float *got = st || logits.count != want.count ? NULL : probs_of(c, logits.data, want.count);
    if (!got) {
        golden_check(g, false, name, "%s", st ? err.text : "files that do not fit each other");
    } else {
        const float *p = want.data;
        for (size_t i = 0; i < want.count; i++) {
            const double d = fabs((double)got[i] - p[i]);
            if (!(d <= worst)) worst = d;
            zeros += (got[i] == 0) != (p[i] == 0);
        }
        golden_check(g, worst <= limit && !zeros, name, "error %.1e, limit %.0e, %zu dropped otherwise", worst,
                     limit, zeros);
    }
    free(got);
    thx_npy_deinit(&logits);
    thx_npy_deinit(&want);
}

void golden_sampling(golden *g)
{
    json_t       *root = golden_json(g, "sampling.json");
    const json_t *c;
    size_t        i;

    json_array_foreach(json_object_get(root, "cases"), i, c) check_case(g, c);
    json_decref(root);
}
