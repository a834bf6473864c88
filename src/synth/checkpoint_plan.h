/* What a random checkpoint consists of: sizes, tensors with their shapes and value ranges, which file
 * holds which tensor where, and the small files around them. Nothing is written here. */
#ifndef THX_SYNTH_CHECKPOINT_PLAN_H
#define THX_SYNTH_CHECKPOINT_PLAN_H

#include "base/memory.h"
#include "base/string.h"
#include "synth/checkpoint.h"
#include "synth/checkpoint_vocabulary.h"
#include "weights/weights.h"

typedef struct thx_checkpoint_layout thx_checkpoint_layout;

/* The text tower of a CLIP training checkpoint. */
typedef struct thx_text_tower {
    uint32_t width, layers, words, positions;
    uint32_t middle, joint;    /* of the projection: hidden width, width of the joint space */
} thx_text_tower;

/* An architecture; letters as everywhere, lower case for the tower. */
typedef struct thx_checkpoint_sizes {
    const char *name;
    const thx_checkpoint_layout *layout;
    uint32_t d, h, f, l;       /* tower: width, heads, feed-forward, layers           */
    uint32_t P;                /* rows of its positions                               */
    uint32_t image_px;         /* side of its picture                                 */
    uint32_t D, H, G, F, L;    /* text: width, heads, KV heads, feed-forward, layers  */
    uint32_t V;                /* rows of the embedding                               */
    uint32_t entries;          /* of the vocabulary, without added tokens             */
    uint32_t sliding_window;   /* as the published config says; 0 = not at all        */
    bool     tied;             /* the embedding is the head                           */
    uint32_t R, alpha;         /* rank and weight of the adapter; 0 = has none        */
    thx_text_tower clip;       /* all 0 = has none                                    */
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

typedef enum thx_content {
    THX_CONTENT_NORMAL,   /* mean + std * normal                                     */
    THX_CONTENT_POSITIVE, /* its magnitude                                           */
    THX_CONTENT_COUNTED,  /* 0, 1, 2, ... as I64                                     */
    THX_CONTENT_ROTARY    /* mean^(-i/n), the frequencies of rotary positions        */
} thx_content;

typedef struct thx_planned {
    const char  *name;
    thx_type     type;
    uint32_t     rank;
    uint64_t     shape[4], count;
    thx_content  content;
    float        mean, std;
    thx_outliers outliers;
    bool         tower;        /* outliers belong to the tower's stream, else to the text's */
    uint32_t     shard, place; /* its file, and its number there                            */
    uint64_t     begin, end;   /* bytes within the shard's data                             */
} thx_planned;

/* One set of tensors, dealt to one file or more. */
typedef struct thx_tensor_plan thx_tensor_plan;
struct thx_tensor_plan {
    const char  *stem, *ending;  /* of file names: "model", ".safetensors"                           */
    void       (*pickle)(thx_string *out, const thx_tensor_plan *plan, uint32_t shard);
                                 /* a PyTorch archive with this structure; NULL: safetensors         */
    thx_type     type;
    bool         full;           /* values use the whole mantissa of their type                      */
    uint64_t     most_bytes;     /* of a file's tensors                                              */
    const thx_checkpoint_sizes *sizes;
    thx_arena   *arena;
    size_t       count, room, n_shards;
    thx_planned *tensors;        /* [count] as the files have them: shard by shard                   */
    const thx_planned **by_name; /* [count]                                                          */
    size_t       n_state;        /* leading tensors that belong to the model; the others to a trainer */
    uint64_t     values, bytes;
    uint64_t    *shard_bytes;    /* [n_shards] of tensor data                                        */
};

enum { THX_MAX_PLANS = 4 };

typedef struct thx_checkpoint {
    const thx_checkpoint_options *options;
    thx_checkpoint_sizes sizes;
    thx_type             type;
    thx_vocabulary       vocabulary;
    const char          *sentencepiece; /* [sentencepiece_size] tokenizer.model, where the layout has one */
    size_t               sentencepiece_size;
    size_t               n_plans;
    thx_tensor_plan      plans[THX_MAX_PLANS];
    uint64_t             values, bytes; /* of all tensors */
    size_t               count;
} thx_checkpoint;

/* A file that is made as one text. */
typedef struct thx_small_file {
    const char *name;
    void      (*put)(thx_string *s, const thx_checkpoint *c);
} thx_small_file;

/* A published layout. */
struct thx_checkpoint_layout {
    bool fixed_types; /* as published; dtype is not asked                                             */
    /* Makes or reads the vocabulary; may raise c->sizes.V. */
    thorax_status (*vocabulary)(thx_checkpoint *c, thx_arena *arena, thorax_error *err);
    bool (*plan)(thx_checkpoint *c, thx_arena *arena); /* false: no memory */
    const thx_small_file *files;                       /* ended by a NULL name */
};
extern const thx_checkpoint_layout thx_layout_onevision, thx_layout_rad;

/* Fills sizes, type and options of *out; the rest is 0. THORAX_USAGE names what is known. */
thorax_status thx_checkpoint_init(thx_checkpoint *out, const thx_checkpoint_options *options, thorax_error *err);

/* Plans all tensors; what is made lives in `arena`. THORAX_NOMEM. */
thorax_status thx_checkpoint_plan(thx_checkpoint *c, thx_arena *arena, thorax_error *err);

/* File name of a shard; without numbers if it is the only one. */
void thx_tensor_plan_file(char name[64], const thx_tensor_plan *plan, uint32_t shard);

/* ---- For layouts ---- */

/* How the values of a tensor spread. */
typedef enum thx_spread {
    THX_SPREAD_FIXED,   /* gain                                       */
    THX_SPREAD_READ,    /* gain / sqrt(inputs)                        */
    THX_SPREAD_WRITE,   /* gain / sqrt(inputs) / sqrt(2 layers)       */
    THX_SPREAD_NORM,    /* 1 + gain                                   */
    THX_SPREAD_EXACT,   /* every value is gain                        */
    THX_SPREAD_SQUARES, /* gain, positive                             */
    THX_SPREAD_COUNTED, /* 0, 1, 2, ...                               */
    THX_SPREAD_ROTARY   /* frequencies for the base gain              */
} thx_spread;

/* A tensor in a layout's table. Names have %u for the layer. Shapes are written in letters: those of the sizes,
 * q three towers' widths, K width of keys, E half a head, p side of a patch, of the text tower b width, B its
 * feed-forward, w words, c positions, m middle, j joint; digits as they are. */
typedef struct thx_plan_row {
    const char  *name;
    const char  *shape;
    thx_spread   spread;
    float        gain;
    thx_outliers outliers;
} thx_plan_row;

/* The next plan of c, with what *start says and room for so many tensors; NULL without memory. */
thx_tensor_plan *thx_plan_begin(thx_checkpoint *c, thx_arena *arena, const thx_tensor_plan *start, size_t room);

/* A group of tensors once (layers 0), or for each layer. */
bool thx_plan_add(thx_tensor_plan *plan, const thx_plan_row *rows, size_t n, uint32_t layers, bool tower);

/* A tensor as the row says, for layer `number`. */
thx_planned *thx_plan_add_one(thx_tensor_plan *plan, const thx_plan_row *row, uint32_t number, uint32_t layers,
                              bool tower);

#define THX_PLAN_GROUP(plan, rows, layers, tower) \
    thx_plan_add(plan, rows, sizeof(rows) / sizeof(rows)[0], layers, tower)

#endif
