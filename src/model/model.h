/* A loaded model: what the folder says, its weights made ready, its stages in their order.
 *
 * One file per family fills this; the registry in family.c is the one place that lists them. All
 * dimensions come from the folder's config, are checked against every tensor, and do not change after. */
#ifndef THX_MODEL_MODEL_H
#define THX_MODEL_MODEL_H

#include "language/decoder.h"
#include "prep/prep.h"
#include "text/text.h"
#include "vision/pack.h"
#include "vision/projector.h"
#include "vision/vit.h"
#include "weights/weights.h"

#include <jansson.h>

typedef struct thx_model thx_model;

/* ---- How a folder is opened ---- */
typedef enum thx_lora_use { THX_LORA_MERGE, THX_LORA_KEEP, THX_LORA_OFF } thx_lora_use;

typedef struct thx_model_options {
    thx_compat   compat;
    thx_type     type; /* THX_Q8 or THX_Q4: matrices stored otherwise are rounded while opening (quantize.h);
                          anything else: as stored */
    const char  *base; /* folder of the language model an adapter belongs to; NULL = as the folder says */
    thx_lora_use lora;
    const char  *merged_cache;    /* folder where merged matrices are kept and mapped from; NULL: they are made in memory */
    uint64_t     mem_limit_bytes; /* for what is made while opening; 0 = none */
    bool         plan_only;       /* make nothing: matrices to be merged are counted and stay as they are */
} thx_model_options;

/* ---- Tasks a family may be trained for ---- */
typedef enum thx_task { THX_TASK_ASK, THX_TASK_REPORT, THX_TASK_CLASSIFY, THX_TASK_GROUND_REGION, THX_TASK_GROUND_PHRASE,
    THX_TASK_SCORE /* yes or no: is this finding there? */, THX_TASKS } thx_task;

/* ---- What generation_config.json says; absent values are NaN or -1 ---- */
typedef struct thx_generation_defaults {
    double  temperature, top_p, min_p, repetition_penalty;
    int32_t top_k;
    int32_t eos[16];
    size_t  n_eos;
} thx_generation_defaults;

/* ---- The account of a folder's tensors ---- */
typedef enum thx_tensor_state {
    THX_TENSOR_USED, THX_TENSOR_MERGED, /* of an adapter */ THX_TENSOR_UNUSED, /* known, not needed: post_layernorm */
    THX_TENSOR_UNKNOWN, THX_TENSOR_MISSING, THX_TENSOR_SHAPE, THX_TENSOR_TYPE, THX_TENSOR_TWICE
} thx_tensor_state;

typedef struct thx_account_line {
    thx_tensor_state state;
    const char      *name;     /* as stored, or as expected for a missing one */
    const thx_view  *view;     /* NULL for a missing one                      */
    uint64_t         want[4];  /* for SHAPE and MISSING                       */
    uint32_t         want_rank;
    double           norm;     /* of MERGED: Frobenius norm of what the pair adds */
} thx_account_line;

typedef struct thx_account { thx_account_line *lines; size_t n, room; size_t count[THX_TENSOR_TWICE + 1]; } thx_account;

/* ---- What tensors are to quantisation (quantize.h) ---- */
typedef enum thx_tensor_role {
    THX_ROLE_KEPT,      /* stays as it is: norms, biases, tower, projector, newline  */
    THX_ROLE_EMBEDDING,
    THX_ROLE_HEAD,
    THX_ROLE_MATRIX,    /* of the decoder                                            */
    THX_ROLE_KEYS       /* keys and values: small, and every later position reads them */
} thx_tensor_role;

/* ---- A family ---- */
typedef struct thx_family {
    const char *name;
    /* Does this config.json belong to the family? */
    bool (*matches)(const json_t *config);
    /* Fills model from its folder: config, recipe, template, tensors. With `account` the tensors are accounted for and
     * faults are collected there instead of ending the work; weights are then not made ready. */
    thorax_status (*load)(thx_model *model, const json_t *config, thx_account *account, thorax_error *err);
    /* Appends the family's question for a task; phrase for grounding. THORAX_MODEL: not trained for it. */
    thorax_status (*question)(thx_string *out, thx_task task, const char *phrase, thorax_error *err);
    /* Opens the files of weights into model->weights; NULL: those of the folder. */
    thorax_status (*open_weights)(thx_model *model, const json_t *config, thorax_error *err);
    /* The folder whose tokenizer and generation defaults count; NULL: the model's own. The caller frees it. */
    thorax_status (*text_folder)(char **out, const thx_model *model, thorax_error *err);
    const char *chat;        /* the template, whatever the folder has; NULL: the folder's */
    const char *chat_otherwise; /* the one where the folder has none; a folder with one that is not known opens without then,
                                   for those who need no conversation; NULL: it must have a known one */
    uint32_t max_new_tokens; /* default of the authors */
    thx_tensor_role (*role)(const char *stored); /* what a stored tensor is to quantisation */
} thx_family;

const thx_family *thx_family_find(const json_t *config);
extern const thx_family thx_family_llava_onevision, thx_family_llava_rad, thx_family_llama, thx_family_mistral, thx_family_qwen2,
    thx_family_phi;

struct thx_model {
    const thx_family *family;
    char             *folder;
    thx_ctx          *ctx;         /* borrowed                                   */
    thx_weights      *weights;
    thx_tokenizer    *tokenizer;
    thx_template     *chat;        /* NULL: not known (chat_otherwise)           */
    thx_recipe        recipe;      /* THX_RECIPE_NONE: a language model alone, without the next two */
    thx_vit           vit;
    thx_projector     projector;
    thx_decoder       decoder;
    thx_decoder       plain;       /* the same without its adapter, where that is kept apart; else no layers */
    thx_weight       *newline;     /* [D]                                        */
    int32_t           image_id;    /* placeholder                                */
    thx_generation_defaults generation;
    char              identity[65];
    char             *remark;      /* what the folder wants said of its answers; NULL */
    bool              tied;
    bool              adapted;     /* the folder has an adapter                  */
    thx_arena        *arena;       /* layers, names                              */
    thx_weight      **ready;       /* every weight made ready, for close         */
    size_t            n_ready, room_ready;
    uint64_t          merged_bytes; /* of matrices with an adapter merged into them */
    thx_model_options options;     /* texts borrowed while opening               */
};

/* Opens a folder on a device context, which must outlive the model.
 * THORAX_MODEL: not a folder, config.json missing or broken, family not known, tokenizer, template or
 * tensors that do not fit (the first fault is named; `verify` lists all). THORAX_NOMEM. */
thorax_status thx_model_open(thx_model **out, thx_ctx *ctx, const char *folder, const thx_model_options *options, thorax_error *err);
void          thx_model_close(thx_model *m);

/* Accounts for every tensor of the folder without making weights ready. *account must be deinit'ed. A status other
 * than OK means the folder cannot be read at all; faults of single tensors are in the account. */
thorax_status thx_model_verify(thx_account *account, thx_model **out, const char *folder, const thx_model_options *options,
                               thorax_error *err);
void          thx_account_deinit(thx_account *a);

/* Parts of a model that need no weights: tokenizer and template, or the recipe. For `inspect tokens|prompt|geometry`. */
thorax_status thx_model_open_parts(thx_model **out, const char *folder, const thx_model_options *options, bool tokenizer, bool recipe,
                                   thorax_error *err);

/* ---- Stages ----
 * Runs the film's tiles through tower and projector and packs them.
 *   rows [thx_geometry.image_tokens, D]
 * `sink` (may be NULL) is called with tower [n*P, Dv] and projector [n*P, D] rows of tiles in their order, for inspection.
 * THORAX_NOMEM; THORAX_CANCELLED (ctx->step, called thx_model_encode_steps times). */
typedef struct thx_stage_sink {
    thorax_status (*tower)(void *data, thx_tensor rows, thorax_error *err);
    thorax_status (*projector)(void *data, thx_tensor rows, thorax_error *err);
    void *data;
} thx_stage_sink;

thorax_status thx_model_encode(thx_model *m, thx_tensor rows, const thx_tiles *tiles, const thx_stage_sink *sink, thorax_error *err);
size_t thx_model_encode_steps(const thx_model *m, const thx_geometry *g);
size_t thx_model_encode_scratch_bytes(const thx_model *m, const thx_geometry *g);

#endif
