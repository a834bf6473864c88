/* A CLIP-type model: films and texts become vectors of one space, near each other where they say the same.
 *
 * Two published layouts are opened: BiomedCLIP's folder (open_clip_config.json, the weights and vocab.txt), and
 * LLaVA-Rad's, of which the vision checkpoint alone is read (biomedclipcxr_518.json beside it; a training
 * checkpoint, the flat form, or a tower inside a merged folder). What a folder lacks it cannot do: without the text
 * tower or vocab.txt there are films only; without the head a film's vector is the tower's own.
 * Method: open_clip model.py, timm_model.py, hf_model.py. */
#ifndef THX_MODEL_CLIP_H
#define THX_MODEL_CLIP_H

#include "encoder/encoder.h"
#include "model/model.h"

typedef struct thx_clip {
    thx_model  *model;       /* folder, weights, tower, recipe, tokenizer, identity  */
    size_t      d;           /* width of a vector                                    */
    thx_weight *head;        /* [d, Dv]; NULL: d = Dv                                */
    bool        texts;       /* there is a text tower                                */
    thx_encoder encoder;
    thx_weight *project_1;   /* [hidden, D], or [d, D] where there is no second one  */
    thx_weight *project_2;   /* [d, hidden]; NULL                                    */
    size_t      hidden;      /* width between the two                                */
    size_t      context;     /* tokens of a text at most, [CLS] and [SEP] among them */
    int32_t     first, last; /* [CLS], [SEP]                                         */
    double      logit_scale; /* similarities times this are the logits; 0: not told  */
} thx_clip;

/* Opens a folder on a device context, which must outlive the model. Needs no language model, base or adapter.
 * THORAX_MODEL: not such a folder, a config or tensors that do not fit (named). THORAX_NOMEM. */
thorax_status thx_clip_open(thx_clip **out, thx_ctx *ctx, const char *folder, thorax_error *err);
void          thx_clip_close(thx_clip *c);

/* Vectors of n films, unit length, from tiles f32 [n, 3, Y, X] of the model's recipe: out [n, d].
 * THORAX_NOMEM; THORAX_CANCELLED (ctx->step). */
thorax_status thx_clip_embed_tiles(const thx_clip *c, float *out, const float *tiles, size_t n, thorax_error *err);
/* Tiles worth one call. */
size_t thx_clip_tiles_at_once(const thx_clip *c);

/* The ids a text is read as: cleaned (text/clean.h), cut to the context, [CLS] and [SEP] around. THORAX_MODEL: no text
 * tower or no vocabulary; THORAX_NOMEM. */
thorax_status thx_clip_tokenize(const thx_clip *c, thx_ids *ids, const char *text, size_t size, thorax_error *err);

/* Vectors of n texts given as ids, text i ends at ends[i]: out [n, d]. THORAX_MODEL: no text tower; THORAX_USAGE:
 * a text that is empty or too long, an unknown id; THORAX_NOMEM; THORAX_CANCELLED. */
thorax_status thx_clip_embed_ids(const thx_clip *c, float *out, const thx_ids *ids, const size_t *ends, size_t n,
                                 thorax_error *err);

/* Vectors of n texts, unit length: out [n, d]. A text's vector does not depend on the others. As thx_clip_tokenize;
 * THORAX_CANCELLED. */
thorax_status thx_clip_embed_texts(const thx_clip *c, float *out, const char *const *texts, size_t n,
                                   thorax_error *err);

#endif
