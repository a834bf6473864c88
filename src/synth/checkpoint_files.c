/* Texts of a model folder; see checkpoint_files.h.
 *
 * They say what transformers 4.46 writes for this model: configs hold what differs from the class
 * defaults, merges are pairs, chat_template.json has the template to use, and tokenizer_config.json
 * another one that must not be used. There is no merges.txt. */
#include "synth/checkpoint_files.h"

#include <inttypes.h>
#include <string.h>

#include "synth/checkpoint_stage.h"

static const char *torch_dtype(thx_type type)
{
    return type == THX_F16 ? "float16" : type == THX_BF16 ? "bfloat16" : "float32";
}

static const char *dtype_option(thx_type type)
{
    return type == THX_F16 ? "f16" : type == THX_BF16 ? "bf16" : "f32";
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

void thx_checkpoint_config(thx_string *s, const thx_tensor_plan *plan, const thx_vocabulary *v)
{
    thx_string_puts(s, "{\n  \"architectures\": [\n    \"LlavaOnevisionForConditionalGeneration\"\n  ],\n");
    put_pinpoints(s);
    thx_string_printf(s,
        "  \"image_token_index\": %u,\n"
        "  \"model_type\": \"llava_onevision\",\n"
        "  \"projector_hidden_act\": \"gelu\",\n", v->n + THX_ADDED_IMAGE);
    put_text_config(s, &plan->sizes, v);
    thx_string_printf(s,
        "  \"tie_word_embeddings\": false,\n"
        "  \"torch_dtype\": \"%s\",\n"
        "  \"transformers_version\": \"4.46.0\",\n"
        "  \"use_image_newline_parameter\": true,\n"
        "  \"video_token_index\": %u,\n"
        "  \"vision_aspect_ratio\": \"anyres_max_9\",\n", torch_dtype(plan->type), v->n + THX_ADDED_VIDEO);
    put_vision_config(s, &plan->sizes);
    thx_string_puts(s,
                    "  \"vision_feature_layer\": -1,\n  \"vision_feature_select_strategy\": \"full\"\n}\n");
}

void thx_checkpoint_generation_config(thx_string *s, const thx_vocabulary *v)
{
    thx_string_printf(s,
        "{\n"
        "  \"_from_model_config\": true,\n"
        "  \"bos_token_id\": %u,\n"
        "  \"eos_token_id\": %u,\n"
        "  \"transformers_version\": \"4.46.0\"\n"
        "}\n", v->n + THX_ADDED_END, v->n + THX_ADDED_IM_END);
}

void thx_checkpoint_preprocessor_config(thx_string *s)
{
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

void thx_checkpoint_processor_config(thx_string *s)
{
    thx_string_puts(s,
        "{\n"
        "  \"image_token\": \"<image>\",\n"
        "  \"num_image_tokens\": 729,\n"
        "  \"processor_class\": \"LlavaOnevisionProcessor\",\n"
        "  \"video_token\": \"<video>\",\n"
        "  \"vision_feature_select_strategy\": \"full\"\n"
        "}\n");
}

/* Text between quotes of JSON. */
static void put_escaped(thx_string *s, const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\') thx_string_printf(s, "\\%c", *c);
        else if ((unsigned char)*c < 0x20) thx_string_printf(s, "\\u%04x", (unsigned)(unsigned char)*c);
        else thx_string_add(s, c, 1);
    }
}

/* One loop of the template over the parts of a message that have a type. */
#define EACH(type) "{% for content in message['content'] | selectattr('type', 'equalto', '" type "') %}"

void thx_checkpoint_chat_template(thx_string *s)
{
    thx_string_puts(s, "{\n  \"chat_template\": \"");
    put_escaped(s,
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
    put_escaped(s, "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|"
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
        put_escaped(s, v->tokens[i]);
        thx_string_printf(s, "\":%s%u", after_colon, i);
    }
}

void thx_checkpoint_tokenizer(thx_string *s, const thx_vocabulary *v)
{
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
        put_escaped(s, v->tokens[v->merges[i][0]]);
        thx_string_puts(s, "\",\n        \"");
        put_escaped(s, v->tokens[v->merges[i][1]]);
        thx_string_puts(s, "\"\n      ]");
    }
    thx_string_puts(s, "\n    ]\n  }\n}\n");
}

void thx_checkpoint_vocab(thx_string *s, const thx_vocabulary *v)
{
    thx_string_puts(s, "{");
    put_entries(s, v, "", "");
    thx_string_puts(s, "}\n");
}

void thx_checkpoint_added_tokens(thx_string *s, const thx_vocabulary *v)
{
    /* By text, as the original saves them. */
    static const uint32_t sorted[THX_ADDED_TOKENS] = { 3, 4, 0, 2, 1 };

    thx_string_puts(s, "{");
    for (uint32_t i = 0; i < THX_ADDED_TOKENS; i++)
        thx_string_printf(s, "%s\n  \"%s\": %u", i ? "," : "", thx_added_tokens[sorted[i]], v->n + sorted[i]);
    thx_string_puts(s, "\n}\n");
}

void thx_checkpoint_special_tokens(thx_string *s)
{
    thx_string_puts(s,
        "{\n"
        "  \"additional_special_tokens\": [\n    \"<|im_start|>\",\n    \"<|im_end|>\"\n  ],\n"
        "  \"eos_token\": \"<|im_end|>\",\n"
        "  \"pad_token\": \"<|endoftext|>\"\n"
        "}\n");
}

void thx_checkpoint_tokenizer_config(thx_string *s, const thx_vocabulary *v)
{
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
    put_escaped(s,
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

void thx_checkpoint_index(thx_string *s, const thx_tensor_plan *plan)
{
    thx_string_printf(s, "{\n  \"metadata\": {\n    \"total_size\": %" PRIu64 "\n  },\n  \"weight_map\": {",
                      plan->bytes);
    for (size_t i = 0; i < plan->count; i++) {
        char file[64];

        thx_tensor_plan_file(file, plan, plan->tensors[i].shard);
        thx_string_printf(s, "%s\n    \"%s\": \"%s\"", i ? "," : "", plan->tensors[i].name, file);
    }
    thx_string_puts(s, "\n  }\n}\n");
}

void thx_checkpoint_readme(thx_string *s, const thx_tensor_plan *plan, const thx_checkpoint_options *options)
{
    thx_string_puts(s, THX_CHECKPOINT_MARK);
    thx_string_puts(s,
        "\nThis folder has the layout and the sizes of a chest X-ray model, but its weights are random numbers:\n"
        "it has learned nothing, and what it says about a film means nothing. It serves tests and benchmarks.\n\n");
    thx_string_printf(s, "    thorax synth model --arch %s --seed %" PRIu64 " --dtype %s", plan->sizes.name,
                      options->seed, dtype_option(plan->type));
    if (options->outlier_channels) thx_string_printf(s, " --outliers %u", options->outlier_channels);
    if (options->layers_vision) thx_string_printf(s, " --layers-vision %u", options->layers_vision);
    if (options->layers_text) thx_string_printf(s, " --layers-text %u", options->layers_text);
    if (options->tokenizer_folder) thx_string_puts(s, " --tokenizer DIR");
    thx_string_printf(s, "\n\n%zu tensors, %" PRIu64 " parameters, %" PRIu64 " bytes.\n", plan->count,
                      plan->values, plan->bytes);
}

void thx_checkpoint_shard_header(thx_string *s, const thx_tensor_plan *plan, uint32_t shard)
{
    thx_string_puts(s, "{\"__metadata__\":{\"format\":\"pt\"}");
    for (size_t i = 0; i < plan->count; i++) {
        const thx_planned *t = &plan->tensors[i];

        if (t->shard != shard) continue;
        thx_string_printf(s, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[", t->name, thx_type_name(plan->type));
        for (uint32_t d = 0; d < t->rank; d++) thx_string_printf(s, "%s%" PRIu64, d ? "," : "", t->shape[d]);
        thx_string_printf(s, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", t->begin, t->end);
    }
    thx_string_puts(s, "}");
    while (s->size % 8 && !s->failed) thx_string_puts(s, " ");
}
