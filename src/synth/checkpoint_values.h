/* Random values of a tensor, any part of it at a time: each value follows from a key and its place. */
#ifndef THX_SYNTH_CHECKPOINT_VALUES_H
#define THX_SYNTH_CHECKPOINT_VALUES_H

#include "synth/checkpoint_plan.h"

enum { THX_NOISE_LEVELS = 65536, THX_OUTLIER_GAIN = 64 };

/* Channels of the two residual streams that are enlarged. */
typedef struct thx_outlier_set { uint32_t count; uint32_t *tower, *text; } thx_outlier_set;

/* Quantiles of the standard normal, [THX_NOISE_LEVELS]. */
void thx_normal_table(float *table);

/* A key for a tensor of a checkpoint. */
uint64_t thx_value_key(uint64_t seed, const char *name);

/* `count` different channels out of `width`. */
void thx_outlier_channels(uint32_t *channels, uint32_t count, uint32_t width, uint64_t key);

/* What fills one tensor. `levels` are the encoded values of the noise levels; an element takes one. */
typedef struct thx_value_source {
    const thx_planned *tensor;
    bool               full;     /* rounded to the tensor's type alone, not to bf16 and f16 */
    uint64_t           key;
    const uint32_t    *channels; /* outliers of the tensor's stream                      */
    uint32_t           n_channels;
    const float       *normal;   /* [THX_NOISE_LEVELS]                                    */
    void              *levels;   /* [THX_NOISE_LEVELS] of the type, at most 4 bytes each  */
} thx_value_source;

/* Makes s->levels from the rest. */
void thx_values_prepare(thx_value_source *s);

/* Writes elements from .. from+n-1, row-major; `from` is a multiple of 4. Threads may share s. */
void thx_values_fill(void *out, const thx_value_source *s, uint64_t from, size_t n);

#endif
