/* What a random checkpoint consists of: sizes, tensors with their shapes and value ranges, and
 * which file holds which tensor where. Nothing is written here. */
#ifndef THX_SYNTH_CHECKPOINT_PLAN_H
#define THX_SYNTH_CHECKPOINT_PLAN_H

#include "base/memory.h"
#include "synth/checkpoint.h"
#include "weights/weights.h"

/* An architecture; letters as everywhere, lower case for the tower. */
typedef struct thx_checkpoint_sizes {
    const char *name;
    uint32_t d, h, f, l;       /* tower: width, heads, feed-forward, layers           */
    uint32_t D, H, G, F, L;    /* text: width, heads, KV heads, feed-forward, layers  */
    uint32_t V;                /* rows of the embedding                               */
    uint32_t entries;          /* of the vocabulary, without added tokens             */
    uint32_t sliding_window;   /* as the published config says; 0 = not at all        */
    bool     tied;             /* the embedding is the head                           */
    uint64_t shard_bytes;
} thx_checkpoint_sizes;

/* Outlier channels of a residual stream are enlarged rows or columns of the tensors that write into it.
 * What reads a stream without a norm in between (the projector) is damped there instead. */
typedef enum thx_outliers {
    THX_OUTLIERS_NONE,
    THX_OUTLIERS_ROWS,
    THX_OUTLIERS_COLUMNS,
    THX_OUTLIERS_DAMPED
} thx_outliers;

/* One tensor. Its values are mean + std * normal. */
typedef struct thx_planned {
    const char  *name;
    uint32_t     rank;
    uint64_t     shape[4], count;
    float        mean, std;
    thx_outliers outliers;
    bool         tower;        /* outliers belong to the tower's stream, else to the text's */
    uint32_t     shard;
    uint64_t     begin, end;   /* bytes within the shard's data                             */
} thx_planned;

typedef struct thx_tensor_plan {
    thx_checkpoint_sizes sizes;
    thx_type             type;
    size_t               count, n_shards;
    thx_planned         *tensors;     /* by shard, then by name, as the files have them */
    uint64_t             values, bytes;
    uint64_t            *shard_bytes; /* [n_shards] of tensor data                      */
} thx_tensor_plan;

/* The sizes that the options ask for. THORAX_USAGE names what is known. */
thorax_status thx_checkpoint_sizes_of(thx_checkpoint_sizes *out, thx_type *type,
                                      const thx_checkpoint_options *options, thorax_error *err);

/* Everything in *out lives in `arena`. THORAX_NOMEM. */
thorax_status thx_tensor_plan_make(thx_tensor_plan *out, thx_arena *arena, const thx_checkpoint_sizes *sizes,
                                   thx_type type, thorax_error *err);

/* File name of a shard: model.safetensors if it is the only one. */
void thx_tensor_plan_file(char name[64], const thx_tensor_plan *plan, uint32_t shard);

#endif
