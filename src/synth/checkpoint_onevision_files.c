/* Texts of the layout of RadVLM and LLaVA-OneVision.
 *
 * They say what transformers 4.46 writes for this model: configs hold what differs from the class
 * defaults, merges are pairs, chat_template.json has the template to use, and tokenizer_config.json
 * another one that must not be used. There is no merges.txt. */
#include "synth/checkpoint_files.h"

static const char *torch_dtype(thx_type type)
{
    return type == THX_F16 ? "float16" : type == THX_BF16 ? "bfloat16" : "float32";
}

static void put_pinpoints(thx_string *s)
{
    thx_string_puts(s, "  \"image_grid_pinpoints\": [");
    for (int h = 384; h <= 2304; h += 384)
        for (int w = 384; w <= 2304; w += 384)
            thx_string_printf(s, "%s\n    [\n      %d,\n      %d\n    ]", h + w > 768 ? "," : "", h, w);
    thx_string_puts(s, "\n  ],\n");
}

static void put_text_config(thx_string *s, const thx_checkpoint_sizes *z, const thx_vocabulary *v)
{
    thx_string_printf(s,
        "  \"text_config\": {\n"
        "    \"bos_token_id\": %u,\n"
        "    \"eos_token_id\": %u,\n"
        "    \"hidden_size\": %u,\n"
        "    \"intermediate_size\": %u,\n"
        "    \"model_type\": \"qwen2\",\n"
        "    \"num_attention_heads\": %u,\n"
        "    \"num_hidden_layers\": %u,\n"
        "    \"num_key_value_heads\": %u,\n"
        "    \"rope_theta\": 1000000.0,\n",
        v->n + THX_ADDED_END, v->n + THX_ADDED_IM_END, z->D, z->F, z->H, z->L, z->G);
    if (z->sliding_window) thx_string_printf(s, "    \"sliding_window\": %u,\n", z->sliding_window);
    if (z->tied) thx_string_puts(s, "    \"tie_word_embeddings\": true,\n");
    thx_string_printf(s, "    \"vocab_size\": %u\n  },\n", z->V);
}

static void put_vision_config(thx_string *s, const thx_checkpoint_sizes *z)
{
    thx_string_printf(s,
        "  \"vision_config\": {\n"
        "    \"hidden_size\": %u,\n"
        "    \"image_size\": 384,\n"
        "    \"intermediate_size\": %u,\n"
        "    \"model_type\": \"siglip_vision_model\",\n"
        "    \"num_attention_heads\": %u,\n"
        "    \"num_hidden_layers\": %u,\n"
        "    \"patch_size\": 14,\n"
        "    \"vision_use_head\": false\n"
        "  },\n", z->d, z->f, z->h, z->l);
}

static void put_config(thx_string *s, const thx_checkpoint *c)
{
    const thx_vocabulary *v = &c->vocabulary;

    thx_string_puts(s, "{\n  \"architectures\": [\n    \"LlavaOnevisionForConditionalGeneration\"\n  ],\n");
    put_pinpoints(s);
    thx_string_printf(s,
        "  \"image_token_index\": %u,\n"
        "  \"model_type\": \"llava_onevision\",\n"
        "  \"projector_hidden_act\": \"gelu\",\n", v->n + THX_ADDED_IMAGE);
    put_text_config(s, &c->sizes, v);
    thx_string_printf(s,
        "  \"tie_word_embeddings\": false,\n"
        "  \"torch_dtype\": \"%s\",\n"
        "  \"transformers_version\": \"4.46.0\",\n"
        "  \"use_image_newline_parameter\": true,\n"
        "  \"video_token_index\": %u,\n"
        "  \"vision_aspect_ratio\": \"anyres_max_9\",\n", torch_dtype(c->type), v->n + THX_ADDED_VIDEO);
    put_vision_config(s, &c->sizes);
    thx_string_puts(s,
                    "  \"vision_feature_layer\": -1,\n  \"vision_feature_select_strategy\": \"full\"\n}\n");
}

static void put_generation_config(thx_string *s, const thx_checkpoint *c)
{
    const thx_vocabulary *v = &c->vocabulary;

    thx_string_printf(s,
        "{\n"
        "  \"_from_model_config\": true,\n"
        "  \"bos_token_id\": %u,\n"
        "  \"eos_token_id\": %u,\n"
        "  \"transformers_version\": \"4.46.0\"\n"
        "}\n", v->n + THX_ADDED_END, v->n + THX_ADDED_IM_END);
}

static void put_preprocessor_config(thx_string *s, const thx_checkpoint *c)
{
    (void)c;
    thx_string_puts(s,
        "{\n"
        "  \"do_convert_rgb\": true,\n"
        "  \"do_normalize\": true,\n"
        "  \"do_pad\": true,\n"
        "  \"do_rescale\": true,\n"
        "  \"do_resize\": true,\n");
    put_pinpoints(s);
    thx_string_puts(s,
        "  \"image_mean\": [\n    0.5,\n    0.5,\n    0.5\n  ],\n"
        "  \"image_processor_type\": \"LlavaOnevisionImageProcessor\",\n"
        "  \"image_std\": [\n    0.5,\n    0.5,\n    0.5\n  ],\n"
        "  \"processor_class\": \"LlavaOnevisionProcessor\",\n"
        "  \"resample\": 3,\n"
        "  \"rescale_factor\": 0.00392156862745098,\n"
        "  \"size\": {\n    \"height\": 384,\n    \"width\": 384\n  }\n"
        "}\n");
}

static void put_processor_config(thx_string *s, const thx_checkpoint *c)
{
    (void)c;
    thx_string_puts(s,
        "{\n"
        "  \"image_token\": \"<image>\",\n"
        "  \"num_image_tokens\": 729,\n"
        "  \"processor_class\": \"LlavaOnevisionProcessor\",\n"
        "  \"video_token\": \"<video>\",\n"
        "  \"vision_feature_select_strategy\": \"full\"\n"
        "}\n");
}

/* One loop of the template over the parts of a message that have a type. */
#define EACH(type) "{% for content in message['content'] | selectattr('type', 'equalto', '" type "') %}"

static void put_chat_template(thx_string *s, const thx_checkpoint *c)
{
    (void)c;
    thx_string_puts(s, "{\n  \"chat_template\": \"");
    thx_put_escaped(s,
        "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n'}}"
        "{# Render all images first #}" EACH("image") "{{ '<image>\\n' }}{% endfor %}"
        "{# Render all video then #}" EACH("video") "{{ '<video>\\n' }}{% endfor %}"
        "{# Render all text next #}{% if message['role'] != 'assistant' %}"
        EACH("text") "{{ content['text'] }}{% endfor %}{% else %}"
        EACH("text") "{% generation %}{{ content['text'] }}{% endgeneration %}{% endfor %}{% endif %}"
        "{{'<|im_end|>' + '\\n'}}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}");
    thx_string_puts(s, "\"\n}\n");
}

static void put_added(thx_string *s, const thx_vocabulary *v)
{
    thx_string_puts(s, "  \"added_tokens\": [");
    for (uint32_t i = 0; i < THX_ADDED_TOKENS; i++)
        thx_string_printf(s,
            "%s\n    {\n"
            "      \"id\": %u,\n"
            "      \"content\": \"%s\",\n"
            "      \"single_word\": false,\n"
            "      \"lstrip\": false,\n"
            "      \"rstrip\": false,\n"
            "      \"normalized\": false,\n"
            "      \"special\": true\n"
            "    }", i ? "," : "", v->n + i, thx_added_tokens[i]);
    thx_string_puts(s, "\n  ],\n");
}

static void put_pipeline(thx_string *s)
{
    thx_string_puts(s,
        "  \"normalizer\": {\n    \"type\": \"NFC\"\n  },\n"
        "  \"pre_tokenizer\": {\n    \"type\": \"Sequence\",\n    \"pretokenizers\": [\n"
        "      {\n        \"type\": \"Split\",\n        \"pattern\": {\n          \"Regex\": \"");
    thx_put_escaped(s, "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|"
                   " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+");
    thx_string_puts(s,
        "\"\n        },\n        \"behavior\": \"Isolated\",\n        \"invert\": false\n      },\n"
        "      {\n        \"type\": \"ByteLevel\",\n        \"add_prefix_space\": false,\n"
        "        \"trim_offsets\": false,\n        \"use_regex\": false\n      }\n    ]\n  },\n"
        "  \"post_processor\": {\n    \"type\": \"ByteLevel\",\n    \"add_prefix_space\": false,\n"
        "    \"trim_offsets\": false,\n    \"use_regex\": false\n  },\n"
        "  \"decoder\": {\n    \"type\": \"ByteLevel\",\n    \"add_prefix_space\": false,\n"
        "    \"trim_offsets\": false,\n    \"use_regex\": false\n  },\n");
}

/* The members of a vocabulary object; `gap` stands before each. */
static void put_entries(thx_string *s, const thx_vocabulary *v, const char *gap, const char *after_colon)
{
    for (uint32_t i = 0; i < v->n; i++) {
        thx_string_puts(s, i ? "," : "");
        thx_string_puts(s, gap);
        thx_string_puts(s, "\"");
        thx_put_escaped(s, v->tokens[i]);
        thx_string_printf(s, "\":%s%u", after_colon, i);
    }
}

static void put_tokenizer(thx_string *s, const thx_checkpoint *c)
{
    const thx_vocabulary *v = &c->vocabulary;

    thx_string_puts(s, "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n");
    put_added(s, v);
    put_pipeline(s);
    thx_string_puts(s,
        "  \"model\": {\n    \"type\": \"BPE\",\n    \"dropout\": null,\n    \"unk_token\": null,\n"
        "    \"continuing_subword_prefix\": \"\",\n    \"end_of_word_suffix\": \"\",\n"
        "    \"fuse_unk\": false,\n    \"byte_fallback\": false,\n    \"ignore_merges\": false,\n"
        "    \"vocab\": {");
    put_entries(s, v, "\n      ", " ");
    thx_string_puts(s, "\n    },\n    \"merges\": [");
    for (uint32_t i = 0; i < v->n_merges; i++) {
        thx_string_puts(s, i ? ",\n      [\n        \"" : "\n      [\n        \"");
        thx_put_escaped(s, v->tokens[v->merges[i][0]]);
        thx_string_puts(s, "\",\n        \"");
        thx_put_escaped(s, v->tokens[v->merges[i][1]]);
        thx_string_puts(s, "\"\n      ]");
    }
    thx_string_puts(s, "\n    ]\n  }\n}\n");
}

static void put_vocab(thx_string *s, const thx_checkpoint *c)
{
    const thx_vocabulary *v = &c->vocabulary;

    thx_string_puts(s, "{");
    put_entries(s, v, "", "");
    thx_string_puts(s, "}\n");
}

static void put_added_tokens(thx_string *s, const thx_checkpoint *c)
{
    const thx_vocabulary *v = &c->vocabulary;
    /* By text, as the original saves them. */
    static const uint32_t sorted[THX_ADDED_TOKENS] = { 3, 4, 0, 2, 1 };

    thx_string_puts(s, "{");
    for (uint32_t i = 0; i < THX_ADDED_TOKENS; i++)
        thx_string_printf(s, "%s\n  \"%s\": %u", i ? "," : "", thx_added_tokens[sorted[i]], v->n + sorted[i]);
    thx_string_puts(s, "\n}\n");
}

static void put_special_tokens(thx_string *s, const thx_checkpoint *c)
{
    (void)c;
    thx_string_puts(s,
        "{\n"
        "  \"additional_special_tokens\": [\n    \"<|im_start|>\",\n    \"<|im_end|>\"\n  ],\n"
        "  \"eos_token\": \"<|im_end|>\",\n"
        "  \"pad_token\": \"<|endoftext|>\"\n"
        "}\n");
}

static void put_tokenizer_config(thx_string *s, const thx_checkpoint *c)
{
    const thx_vocabulary *v = &c->vocabulary;

    thx_string_puts(s, "{\n  \"add_prefix_space\": false,\n  \"added_tokens_decoder\": {");
    for (uint32_t i = 0; i < THX_ADDED_TOKENS; i++)
        thx_string_printf(s,
            "%s\n    \"%u\": {\n"
            "      \"content\": \"%s\",\n"
            "      \"lstrip\": false,\n"
            "      \"normalized\": false,\n"
            "      \"rstrip\": false,\n"
            "      \"single_word\": false,\n"
            "      \"special\": true\n"
            "    }", i ? "," : "", v->n + i, thx_added_tokens[i]);
    thx_string_puts(s,
        "\n  },\n"
        "  \"additional_special_tokens\": [\n    \"<|im_start|>\",\n    \"<|im_end|>\"\n  ],\n"
        "  \"bos_token\": null,\n"
        "  \"chat_template\": \"");
    thx_put_escaped(s,
        "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
        "{{ '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}{% endif %}"
        "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}");
    thx_string_puts(s,
        "\",\n"
        "  \"clean_up_tokenization_spaces\": false,\n"
        "  \"eos_token\": \"<|im_end|>\",\n"
        "  \"errors\": \"replace\",\n"
        "  \"model_max_length\": 32768,\n"
        "  \"pad_token\": \"<|endoftext|>\",\n"
        "  \"processor_class\": \"LlavaOnevisionProcessor\",\n"
        "  \"split_special_tokens\": false,\n"
        "  \"tokenizer_class\": \"Qwen2Tokenizer\",\n"
        "  \"unk_token\": null\n"
        "}\n");
}

const thx_small_file thx_onevision_files[] = {
    { "README.md", thx_put_readme },
    { "config.json", put_config },
    { "generation_config.json", put_generation_config },
    { "preprocessor_config.json", put_preprocessor_config },
    { "processor_config.json", put_processor_config },
    { "chat_template.json", put_chat_template },
    { "tokenizer.json", put_tokenizer },
    { "vocab.json", put_vocab },
    { "added_tokens.json", put_added_tokens },
    { "special_tokens_map.json", put_special_tokens },
    { "tokenizer_config.json", put_tokenizer_config },
    { NULL, NULL },
};
