/* From logits to the next id: the original's processors in the original's order.
 *
 * repetition penalty; then, only when sampling: temperature, top-k, top-p, min-p, softmax, draw.
 * Method: transformers generation/logits_process.py and utils.py (_get_logits_processor). */
#ifndef THX_ENGINE_SAMPLE_H
#define THX_ENGINE_SAMPLE_H

#include "model/model.h"

typedef struct thx_sampling {
    bool     sample;
    double   temperature;        /* 1 = off                 */
    int32_t  top_k;              /* 0 = off                 */
    double   top_p;              /* >= 1 = off              */
    double   min_p;              /* 0 = off                 */
    double   repetition_penalty; /* 1 = off; greedy too     */
    uint64_t seed;               /* of the draws            */
} thx_sampling;

/* What a caller asked for; negative = not given. */
typedef struct thx_sampling_request {
    bool     sample;
    double   temperature, top_p, min_p, repetition_penalty;
    int32_t  top_k;
    uint64_t seed;               /* 0 = draw one            */
} thx_sampling_request;

/* Fills what was not given from the folder's generation_config.json, then from the original's defaults (top_k 50).
 * Greedy unless `sample` or a temperature above 0. THORAX_USAGE: out of range (temperature > 100, top_p outside 0..1 …). */
thorax_status thx_sampling_resolve(thx_sampling *out, const thx_sampling_request *r, const thx_generation_defaults *d, thorax_error *err);

typedef struct thx_sampler thx_sampler;
thorax_status thx_sampler_open(thx_sampler **out, const thx_sampling *s, size_t V, thorax_error *err);
void          thx_sampler_close(thx_sampler *s);

/* Every id of prompt and answer is told, for the repetition penalty. */
void thx_sampler_see(thx_sampler *s, const int32_t *ids, size_t n);

/* probs [V]: softmax after the processors, dropped entries exactly 0. Greedy: after the penalty alone. logits are overwritten. */
void thx_sampler_probs(thx_sampler *s, float *logits, float *probs);

/* The next id. Ties in greedy decoding: the lowest id. logits [V] are overwritten. */
int32_t thx_sampler_next(thx_sampler *s, float *logits);

#endif
