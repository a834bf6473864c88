/* Low-rank adapters: what a folder adds to the matrices of a base model.
 *
 * W' = W + scale * B·A, with A [R, K] and B [N, R]. Merged (the original's way: the product in f32, the sum rounded
 * once to the type of W), or kept apart beside W. Method: peft tuners/lora.py (0.4.0, Linear.merge, Linear.forward).
 * In a binder the pair of "<full>.weight" is named "<full>.lora_A" and "<full>.lora_B". */
#ifndef THX_MODEL_LORA_H
#define THX_MODEL_LORA_H

#include "model/bind.h"

#define THX_ADAPTER_CONFIG "adapter_config.json"

typedef struct thx_lora {
    thx_lora_use use;
    char         targets[16][32]; /* modules that must have a pair; none where layers are picked, or a pattern is given */
    size_t       n_targets;
    size_t       R;      /* of every pair                       */
    double       scale;  /* alpha / R                           */
    const char  *folder; /* borrowed, for messages              */
    thx_binder  *binder;
    size_t       pairs;  /* bound so far                        */
    thx_weight  *scales; /* a vector of the longest N so far    */
    size_t       n_scales;
} thx_lora;

/* Reads adapter_config.json of a folder. THORAX_IO: there is none; THORAX_FORMAT: broken, or of a kind that is not
 * known (another peft_type, biases, patterns of ranks, saved modules, DoRA). */
thorax_status thx_lora_read(thx_lora *out, const char *folder, thorax_error *err);

/* The pair that stored tensors hold for a stored matrix, by the names peft gives them; false: none. */
bool thx_lora_pair(const thx_weights *w, const thx_view *matrix, const thx_view **a, const thx_view **b);
bool thx_lora_is_part(const char *stored); /* the name of half a pair */

/* Has the adapter something for "<full>.weight"? `lora` may be NULL. */
bool thx_lora_has(const thx_lora *lora, const char *full);

/* Does adapter_config.json name the module of "<full>.weight"? Then a pair of it must be there. */
bool thx_lora_targets(const thx_lora *lora, const char *full);

/* Binds "<full>.weight" [N, K] with its pair into *out: merged, kept beside it, or left out, as lora->use says.
 * THORAX_MODEL: half a pair, another rank or shape, a pair that adds nothing; THORAX_NOMEM: no memory, or the merged
 * matrices exceed the limit (the text names the ways out). */
thorax_status thx_lora_bind(thx_lora *lora, thx_binder *b, thx_dense *out, const char *full, size_t N, size_t K, thorax_error *err);

/* m->plain from m->decoder: the same layers without what is kept beside them. THORAX_NOMEM. */
thorax_status thx_lora_plain(thx_model *m, thorax_error *err);

/* All pairs must have met a matrix: `stored` halves of them are in the files. THORAX_MODEL. */
thorax_status thx_lora_end(const thx_lora *lora, size_t stored, thorax_error *err);

#endif
