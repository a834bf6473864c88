/* Language models alone, without a tower: Llama, Mistral, Qwen2, Phi. Judges such as GREEN are of this kind.
 *
 * Owns what tells them apart: the class in config.json, its defaults, which biases there are. They take no films.
 * Sources: transformers configuration_llama.py, configuration_mistral.py, configuration_qwen2.py, configuration_phi.py
 * and the modelling files beside them. */
#include "base/json.h"
#include "model/llm.h"

#include <stdio.h>
#include <string.h>

#define TEXT "model."
#define HEAD "lm_head.weight"

static const char where[] = "config.json";

/* Absent keys have the defaults of the class. */
static const thx_llm_config llama = {
    .decoder = { .D = 4096, .F = 11008, .layers = 32, .H = 32, .V = 32000, .max_positions = 2048 },
};
static const thx_llm_config mistral = {
    .decoder = { .D = 4096, .F = 14336, .layers = 32, .H = 32, .G = 8, .V = 32000, .max_positions = 131072 },
};
static const thx_llm_config qwen2 = {
    .decoder = { .D = 4096, .F = 22016, .layers = 32, .H = 32, .G = 32, .V = 151936, .max_positions = 32768 },
    .biases = true,
};
static const thx_llm_config phi = {
    .decoder = { .D = 2048, .F = 8192, .layers = 24, .H = 32, .V = 51200, .max_positions = 2048,
                 .layer_norm = true, .parallel = true },
    .names = &thx_llm_names_phi,
    .biases = true, .bias_o = true, .bias_feed_forward = true, .bias_head = true,
    .rotary_share = 0.5,
};

/* ---- Which class ---- */

/* The class by architectures, or by model_type where that is silent; nothing that sees. */
static bool is_class(const json_t *top, const char *architecture, const char *type)
{
    const char *arch = json_string_value(json_array_get(json_object_get(top, "architectures"), 0));
    const char *said = json_string_value(json_object_get(top, "model_type"));

    if (json_object_get(top, "vision_config") || json_object_get(top, "mm_vision_tower")) return false;
    return arch ? !strcmp(arch, architecture) : said && !strcmp(said, type);
}

static bool is_llama(const json_t *top) { return is_class(top, "LlamaForCausalLM", "llama"); }
static bool is_mistral(const json_t *top) { return is_class(top, "MistralForCausalLM", "mistral"); }
static bool is_qwen2(const json_t *top) { return is_class(top, "Qwen2ForCausalLM", "qwen2"); }
static bool is_phi(const json_t *top) { return is_class(top, "PhiForCausalLM", "phi"); }

/* ---- config.json ---- */

/* Llama's own keys for biases. */
static thorax_status read_llama(thx_llm_config *c, const json_t *top, thorax_error *err)
{
    const thorax_status st = thx_json_flag(&c->biases, top, "attention_bias", false, where, err);

    c->bias_o = c->biases;
    return st ? st : thx_json_flag(&c->bias_feed_forward, top, "mlp_bias", false, where, err);
}

/* Mistral's window is there unless it is null, in every layer. */
static thorax_status read_mistral(thx_llm_config *c, const json_t *top, thorax_error *err)
{
    const bool          none = json_is_null(json_object_get(top, "sliding_window"));
    size_t              window;
    const thorax_status st = thx_json_size(&window, top, "sliding_window", 4096, 1, 1u << 30, where, err);

    c->window = none ? 0 : window;
    c->window_from = 0;
    return st;
}

static thorax_status read_phi(thx_llm_config *c, const json_t *top, thorax_error *err)
{
    bool                norms;
    const thorax_status st = thx_json_flag(&norms, top, "qk_layernorm", false, where, err);

    (void)c;
    if (!st && norms) return thx_fail(err, THORAX_FORMAT, 0, "%s: qk_layernorm: expected false", where);
    return st;
}

/* ---- Tensors ---- */

static bool canonical(char *out, size_t size, const char *stored)
{
    if (strncmp(stored, TEXT, sizeof TEXT - 1) != 0 && strncmp(stored, "lm_head.", 8) != 0) return false;
    return (size_t)snprintf(out, size, "%s", stored) < size;
}

static bool unused(const char *name) { return strstr(name, "rotary_emb.inv_freq") || !strcmp(name, HEAD); }

static thx_tensor_role role(const char *stored) { return thx_llm_role(stored, TEXT, HEAD); }

/* ---- */

typedef thorax_status read_rest(thx_llm_config *c, const json_t *top, thorax_error *err);

static thorax_status load(thx_model *m, const json_t *top, const thx_llm_config *defaults, read_rest *rest,
                          thx_account *account, thorax_error *err)
{
    thx_llm_config c = { .tied = false };
    thx_binder    *b = NULL;
    thorax_status  st = thx_llm_read(&c, top, defaults, err);

    if (!st && rest) st = rest(&c, top, err);
    if (st) return st;
    m->decoder.config = c.decoder;
    m->recipe = (thx_recipe){ .kind = THX_RECIPE_NONE };
    if (!m->weights) return THORAX_OK;
    st = thx_binder_open(&b, m, canonical, account, err);
    if (!st) st = thx_llm_bind(m, b, &c, NULL, TEXT, HEAD, err);
    if (!st) st = thx_binder_end(b, unused, err);
    thx_binder_close(b);
    return st;
}

static thorax_status load_llama(thx_model *m, const json_t *top, thx_account *account, thorax_error *err)
{
    return load(m, top, &llama, read_llama, account, err);
}

static thorax_status load_mistral(thx_model *m, const json_t *top, thx_account *account, thorax_error *err)
{
    return load(m, top, &mistral, read_mistral, account, err);
}

static thorax_status load_qwen2(thx_model *m, const json_t *top, thx_account *account, thorax_error *err)
{
    return load(m, top, &qwen2, NULL, account, err);
}

static thorax_status load_phi(thx_model *m, const json_t *top, thx_account *account, thorax_error *err)
{
    return load(m, top, &phi, read_phi, account, err);
}

static thorax_status question(thx_string *out, thx_task task, const char *phrase, thorax_error *err)
{
    (void)out, (void)phrase;
    if (task == THX_TASK_ASK) return thx_fail(err, THORAX_USAGE, 0, "this task has no question of its own");
    return thx_fail(err, THORAX_MODEL, 0, "a language model without a vision tower has no task with films");
}

#define TEXT_ONLY(is, loads, otherwise)                                                                                \
    .matches = is, .load = loads, .question = question, .role = role, .chat_otherwise = otherwise,                     \
    .max_new_tokens = 1500

const thx_family thx_family_llama = { .name = "llama", TEXT_ONLY(is_llama, load_llama, "green") };
const thx_family thx_family_mistral = { .name = "mistral", TEXT_ONLY(is_mistral, load_mistral, "green") };
const thx_family thx_family_qwen2 = { .name = "qwen2", TEXT_ONLY(is_qwen2, load_qwen2, "qwen2") };
const thx_family thx_family_phi = { .name = "phi", TEXT_ONLY(is_phi, load_phi, "green-phi") };
