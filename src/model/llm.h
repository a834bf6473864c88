/* The language model of a family: the text half of its config.json, and its tensors, under the names that
 * Qwen2, Llama and Mistral share ("<text>layers.3.self_attn.o_proj.weight"), or under Phi's. */
#ifndef THX_MODEL_LLM_H
#define THX_MODEL_LLM_H

#include "model/bind.h"
#include "model/lora.h"

/* What differs in the names behind "<text>layers.3." and "<text>"; NULL: there is no such tensor. */
typedef struct thx_llm_names { const char *o, *gate, *up, *down, *norm_feed_forward, *norm; } thx_llm_names;
extern const thx_llm_names thx_llm_names_llama, thx_llm_names_phi;

typedef struct thx_llm_config {
    thx_decoder_config decoder;
    const thx_llm_names *names; /* of `defaults`; NULL: Llama's                              */
    bool   tied;                /* the embedding is the head too                             */
    bool   biases;              /* q, k and v have some                                      */
    bool   bias_o, bias_feed_forward, bias_head; /* and these                                */
    double rotary_share;        /* of `defaults`: of a head's width, where the config is silent; 0: all of it, whatever
                                   the config says                                           */
    double rope_theta;
    size_t window, window_from; /* sliding window of layers from window_from on; 0 = none    */
} thx_llm_config;

/* Reads the keys of transformers' Qwen2Config, LlamaConfig and PhiConfig; absent ones have the sizes of `defaults`
 * (G 0: as many as heads), which also says how the decoder is built, and which biases there are. THORAX_FORMAT: a value
 * out of range, sizes that do not fit, rotary positions or an activation not known. */
thorax_status thx_llm_read(thx_llm_config *out, const json_t *text, const thx_llm_config *defaults, thorax_error *err);

/* An activation by its name in transformers. */
thorax_status thx_llm_read_act(thx_act *out, const json_t *object, const char *key, const char *fallback, thorax_error *err);
const json_t *thx_llm_part(const json_t *parent, const char *key); /* a member that is an object, or NULL */

/* What a tensor is to quantisation, by its canonical name: the decoder's layers and the matrices in them. */
thx_tensor_role thx_llm_role(const char *name, const char *text, const char *head);

/* Binds the decoder's tensors: "<text>layers...", "<text>norm.weight", "<text>embed_tokens.weight" and `head`. Without a
 * head tensor the embedding is the head, whatever the flags say; tied by the config, a stored head is ignored. Matrices with
 * an adapter in `lora` (NULL: none) are merged or keep it beside them. */
thorax_status thx_llm_bind(thx_model *m, thx_binder *b, const thx_llm_config *c, thx_lora *lora, const char *text,
                           const char *head, thorax_error *err);

#endif
