/* Texts of the layout of LLaVA-Rad: as LLaVA's trainer, PEFT 0.4 and open_clip write them, and in the folder "base"
 * as transformers 4.31 does for Vicuna. The adapter names that folder as its base. */
#include "synth/checkpoint_files.h"
#include "synth/checkpoint_stage.h"

#define BASE "base"
enum { PUBLISHED_WIDTH = 768, PUBLISHED_LAYERS = 12 };

/* The keys of a Llama, in both configs. */
static void put_llama(thx_string *s, const thx_checkpoint_sizes *z)
{
    thx_string_printf(s,
        "  \"bos_token_id\": 1,\n"
        "  \"eos_token_id\": 2,\n"
        "  \"hidden_act\": \"silu\",\n"
        "  \"hidden_size\": %u,\n"
        "  \"initializer_range\": 0.02,\n"
        "  \"intermediate_size\": %u,\n"
        "  \"max_position_embeddings\": 4096,\n", z->D, z->F);
    thx_string_printf(s,
        "  \"num_attention_heads\": %u,\n"
        "  \"num_hidden_layers\": %u,\n"
        "  \"num_key_value_heads\": %u,\n"
        "  \"pad_token_id\": 0,\n"
        "  \"pretraining_tp\": 1,\n"
        "  \"rms_norm_eps\": 1e-05,\n"
        "  \"rope_scaling\": null,\n"
        "  \"tie_word_embeddings\": false,\n"
        "  \"transformers_version\": \"4.31.0\",\n"
        "  \"use_cache\": true,\n"
        "  \"vocab_size\": %u", z->H, z->L, z->G, z->V);
}

static void put_config(thx_string *s, const thx_checkpoint *c)
{
    thx_string_puts(s,
        "{\n"
        "  \"_name_or_path\": \"" BASE "\",\n"
        "  \"architectures\": [\n    \"LlavaLlamaForCausalLM\"\n  ],\n");
    put_llama(s, &c->sizes);
    thx_string_printf(s,
        ",\n"
        "  \"freeze_mm_mlp_adapter\": false,\n"
        "  \"image_aspect_ratio\": \"square\",\n"
        "  \"image_grid_pinpoints\": null,\n"
        "  \"mm_hidden_size\": %u,\n"
        "  \"mm_projector_type\": \"mlp2x_gelu\",\n"
        "  \"mm_use_im_patch_token\": false,\n"
        "  \"mm_use_im_start_end\": false,\n"
        "  \"mm_vision_select_feature\": \"patch\",\n"
        "  \"mm_vision_select_layer\": -2,\n"
        "  \"mm_vision_tower\": \"biomedclip_cxr_518\",\n"
        "  \"mm_vision_tower_checkpoint\": \"biomedclipcxr_518_checkpoint.pt\",\n"
        "  \"mm_vision_tower_config\": \"biomedclipcxr_518.json\",\n"
        "  \"model_type\": \"llava\",\n"
        "  \"torch_dtype\": \"bfloat16\",\n"
        "  \"tune_mm_mlp_adapter\": false,\n"
        "  \"use_mm_proj\": true\n"
        "}\n", c->sizes.d);
}

static void put_adapter_config(thx_string *s, const thx_checkpoint *c)
{
    thx_string_printf(s,
        "{\n"
        "  \"auto_mapping\": null,\n"
        "  \"base_model_name_or_path\": \"" BASE "\",\n"
        "  \"bias\": \"none\",\n"
        "  \"fan_in_fan_out\": false,\n"
        "  \"inference_mode\": true,\n"
        "  \"init_lora_weights\": true,\n"
        "  \"layers_pattern\": null,\n"
        "  \"layers_to_transform\": null,\n"
        "  \"lora_alpha\": %u,\n"
        "  \"lora_dropout\": 0.05,\n"
        "  \"modules_to_save\": null,\n"
        "  \"peft_type\": \"LORA\",\n"
        "  \"r\": %u,\n"
        "  \"revision\": null,\n"
        "  \"target_modules\": [\n"
        "    \"up_proj\",\n    \"q_proj\",\n    \"o_proj\",\n    \"down_proj\",\n"
        "    \"v_proj\",\n    \"k_proj\",\n    \"gate_proj\"\n"
        "  ],\n"
        "  \"task_type\": \"CAUSAL_LM\"\n"
        "}", c->sizes.alpha, c->sizes.R);
}

/* A tower that is not the published one has another name and states its sizes. */
static void put_clip_config(thx_string *s, const thx_checkpoint *c)
{
    const thx_checkpoint_sizes *z = &c->sizes;
    const bool                  published = z->d == PUBLISHED_WIDTH && z->l == PUBLISHED_LAYERS;

    thx_string_printf(s,
        "{\n"
        "    \"embed_dim\": %u,\n"
        "    \"vision_cfg\": {\n"
        "        \"timm_model_name\": \"%s\",\n"
        "        \"timm_model_pretrained\": false,\n"
        "        \"timm_pool\": \"\",\n"
        "        \"timm_proj\": \"linear\",\n"
        "        \"image_size\": %u",
        z->clip.joint, published ? "vit_base_patch14_dinov2.lvd142m" : "vit_random_patch14_dinov2", z->image_px);
    if (!published)
        thx_string_printf(s,
            ",\n"
            "        \"layers\": %u,\n"
            "        \"width\": %u,\n"
            "        \"head_width\": %u,\n"
            "        \"patch_size\": 14", z->l, z->d, z->d / z->h);
    thx_string_puts(s,
        "\n"
        "    },\n"
        "    \"text_cfg\": {\n"
        "        \"hf_model_name\": \"microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract\",\n"
        "        \"hf_tokenizer_name\": \"microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract\",\n"
        "        \"hf_proj_type\": \"mlp\",\n"
        "        \"hf_pooler_type\": \"cls_last_hidden_state_pooler\",\n"
        "        \"context_length\": 256\n"
        "    }\n"
        "}\n");
}

/* ---- The language model's folder ---- */

static void put_base_readme(thx_string *s, const thx_checkpoint *c)
{
    (void)c;
    thx_string_puts(s, THX_CHECKPOINT_MARK);
    thx_string_puts(s, "\nThe language model of the folder above: random numbers in the layout of a Vicuna.\n");
}

static void put_base_config(thx_string *s, const thx_checkpoint *c)
{
    thx_string_puts(s,
        "{\n"
        "  \"_name_or_path\": \"" BASE "\",\n"
        "  \"architectures\": [\n    \"LlamaForCausalLM\"\n  ],\n");
    put_llama(s, &c->sizes);
    thx_string_puts(s,
        ",\n"
        "  \"model_type\": \"llama\",\n"
        "  \"torch_dtype\": \"float16\"\n"
        "}\n");
}

static void put_generation_config(thx_string *s, const thx_checkpoint *c)
{
    (void)c;
    thx_string_puts(s,
        "{\n"
        "  \"bos_token_id\": 1,\n"
        "  \"eos_token_id\": 2,\n"
        "  \"max_length\": 4096,\n"
        "  \"pad_token_id\": 0,\n"
        "  \"temperature\": 0.9,\n"
        "  \"top_p\": 0.6,\n"
        "  \"transformers_version\": \"4.31.0\"\n"
        "}\n");
}

static void put_tokenizer_model(thx_string *s, const thx_checkpoint *c)
{
    thx_string_add(s, c->sentencepiece, c->sentencepiece_size);
}

/* A special token; `type` is a first member, where there is one. */
static void put_token(thx_string *s, const char *key, const char *content, const char *type)
{
    thx_string_printf(s,
        "  \"%s\": {\n"
        "%s"
        "    \"content\": \"%s\",\n"
        "    \"lstrip\": false,\n"
        "    \"normalized\": false,\n"
        "    \"rstrip\": false,\n"
        "    \"single_word\": false\n"
        "  }", key, type, content);
}

#define TYPED "    \"__type\": \"AddedToken\",\n"

static void put_tokenizer_config(thx_string *s, const thx_checkpoint *c)
{
    (void)c;
    thx_string_puts(s, "{\n  \"add_bos_token\": true,\n  \"add_eos_token\": false,\n");
    put_token(s, "bos_token", "<s>", TYPED);
    thx_string_puts(s, ",\n  \"clean_up_tokenization_spaces\": false,\n");
    put_token(s, "eos_token", "</s>", TYPED);
    thx_string_puts(s,
        ",\n"
        "  \"legacy\": false,\n"
        "  \"model_max_length\": 4096,\n"
        "  \"pad_token\": null,\n"
        "  \"padding_side\": \"right\",\n"
        "  \"sp_model_kwargs\": {},\n"
        "  \"tokenizer_class\": \"LlamaTokenizer\",\n");
    put_token(s, "unk_token", "<unk>", TYPED);
    thx_string_puts(s, "\n}\n");
}

static void put_special_tokens(thx_string *s, const thx_checkpoint *c)
{
    (void)c;
    thx_string_puts(s, "{\n");
    put_token(s, "bos_token", "<s>", "");
    thx_string_puts(s, ",\n");
    put_token(s, "eos_token", "</s>", "");
    thx_string_puts(s, ",\n  \"pad_token\": \"<unk>\",\n");
    put_token(s, "unk_token", "<unk>", "");
    thx_string_puts(s, "\n}\n");
}

const thx_small_file thx_rad_files[] = {
    { "README.md", thx_put_readme },
    { "config.json", put_config },
    { "adapter_config.json", put_adapter_config },
    { "biomedclipcxr_518.json", put_clip_config },
    { BASE "/README.md", put_base_readme },
    { BASE "/config.json", put_base_config },
    { BASE "/generation_config.json", put_generation_config },
    { BASE "/tokenizer.model", put_tokenizer_model },
    { BASE "/tokenizer_config.json", put_tokenizer_config },
    { BASE "/special_tokens_map.json", put_special_tokens },
    { NULL, NULL },
};
