/* The language model's config and tensors; see llm.h. Method: transformers configuration_qwen2.py, configuration_llama.py,
 * configuration_phi.py. */
#include "model/llm.h"

#include "base/json.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char where[] = "config.json";

const thx_llm_names thx_llm_names_llama = { "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj",
                                            "post_attention_layernorm", "norm" };
const thx_llm_names thx_llm_names_phi = { "self_attn.dense", NULL, "mlp.fc1", "mlp.fc2", NULL, "final_layernorm" };

/* ---- config.json ---- */

thorax_status thx_llm_read_act(thx_act *out, const json_t *object, const char *key, const char *fallback, thorax_error *err)
{
    static const struct {
        const char *name;
        thx_act     act;
    } known[] = {
        { "silu", THX_SILU },          { "swish", THX_SILU },
        { "gelu", THX_GELU_ERF },      { "gelu_pytorch_tanh", THX_GELU_TANH },
        { "gelu_new", THX_GELU_TANH }, { "quick_gelu", THX_QUICK_GELU },
        { "relu", THX_RELU },          { "tanh", THX_TANH },
    };
    const char         *name;
    const thorax_status st = thx_json_text(&name, object, key, fallback, where, err);

    if (st) return st;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(name, known[i].name)) continue;
        *out = known[i].act;
        return THORAX_OK;
    }
    return thx_fail(err, THORAX_FORMAT, 0, "%s: %s: activation '%.40s' is not known", where, key, name);
}

const json_t *thx_llm_part(const json_t *parent, const char *key)
{
    const json_t *v = json_object_get(parent, key);
    return json_is_object(v) ? v : NULL;
}

/* rope_theta at its old place or inside v5's rope_parameters; scaled variants are refused. */
static thorax_status read_rope(thx_llm_config *c, const json_t *text, thorax_error *err)
{
    static const char *const places[] = { "rope_scaling", "rope_parameters" };
    thorax_status st = thx_json_real(&c->rope_theta, text, "rope_theta", 10000.0, 1.0, 1e12, where, err);

    for (size_t i = 0; i < 2 && !st; i++) {
        const json_t *p = thx_llm_part(text, places[i]);
        const char   *type;
        if (!p) continue;
        st = thx_json_text(&type, p, json_object_get(p, "rope_type") ? "rope_type" : "type", "default", where, err);
        if (!st && strcmp(type, "default"))
            st = thx_fail(err, THORAX_FORMAT, 0, "%s: %s: rotary positions of type '%.40s' are not known", where, places[i],
                          type);
        if (!st) st = thx_json_real(&c->rope_theta, p, "rope_theta", c->rope_theta, 1.0, 1e12, where, err);
    }
    return st;
}

/* Sliding windows: off unless use_sliding_window; then in layers from max_window_layers on (configuration_qwen2.py). */
static thorax_status read_window(thx_llm_config *c, const json_t *text, thorax_error *err)
{
    bool          use;
    size_t        window, from;
    thorax_status st;

    if ((st = thx_json_flag(&use, text, "use_sliding_window", false, where, err))) return st;
    if ((st = thx_json_size(&window, text, "sliding_window", 4096, 1, 1u << 30, where, err))) return st;
    if ((st = thx_json_size(&from, text, "max_window_layers", 28, 0, 1u << 20, where, err))) return st;
    c->window = use ? window : 0;
    c->window_from = from;
    return THORAX_OK;
}

static thorax_status read_sizes(thx_decoder_config *t, const json_t *text, const thx_decoder_config *d, thorax_error *err)
{
    thorax_status st;

    if ((st = thx_json_size(&t->D, text, "hidden_size", d->D, 1, 1u << 20, where, err))) return st;
    if ((st = thx_json_size(&t->F, text, "intermediate_size", d->F, 1, 1u << 22, where, err))) return st;
    if ((st = thx_json_size(&t->layers, text, "num_hidden_layers", d->layers, 1, 1024, where, err))) return st;
    if ((st = thx_json_size(&t->H, text, "num_attention_heads", d->H, 1, 4096, where, err))) return st;
    if ((st = thx_json_size(&t->G, text, "num_key_value_heads", d->G ? d->G : t->H, 1, 4096, where, err))) return st;
    if ((st = thx_json_size(&t->E, text, "head_dim", t->D / t->H, 2, 4096, where, err))) return st;
    if ((st = thx_json_size(&t->V, text, "vocab_size", d->V, 1, 1u << 24, where, err))) return st;
    st = thx_json_size(&t->max_positions, text, "max_position_embeddings", d->max_positions, 1, 1u << 24, where, err);
    if (!st && (t->H % t->G || t->E % 2))
        st = thx_fail(err, THORAX_FORMAT, 0, "%s: %zu heads on %zu key/value heads of width %zu do not fit", where, t->H,
                      t->G, t->E);
    return st;
}

/* How much of each head turns. */
static thorax_status read_share(thx_llm_config *c, const json_t *text, double usual, thorax_error *err)
{
    thx_decoder_config *t = &c->decoder;
    double              share = 1.0;
    thorax_status       st = THORAX_OK;

    if (usual > 0.0) st = thx_json_real(&share, text, "partial_rotary_factor", usual, 0.0, 1.0, where, err);
    const size_t turned = (size_t)((double)t->E * share);
    if (!st && (turned < 2 || turned % 2))
        st = thx_fail(err, THORAX_FORMAT, 0, "%s: %zu of a head's %zu columns cannot be turned in pairs", where, turned,
                      t->E);
    t->n_freq = turned / 2;
    return st;
}

thorax_status thx_llm_read(thx_llm_config *out, const json_t *text, const thx_llm_config *defaults, thorax_error *err)
{
    thx_decoder_config *t = &out->decoder;
    const bool          layers = defaults->decoder.layer_norm;
    double              eps;
    thorax_status       st;

    *out = *defaults;
    if (!out->names) out->names = &thx_llm_names_llama;
    t->gated = out->names->gate != NULL;
    if ((st = read_sizes(t, text, &defaults->decoder, err))) return st;
    if ((st = read_share(out, text, defaults->rotary_share, err))) return st;
    st = layers ? thx_json_real(&eps, text, "layer_norm_eps", 1e-5, 0, 1, where, err)
                : thx_json_real(&eps, text, "rms_norm_eps", 1e-6, 0, 1, where, err);
    if (st || (st = thx_json_flag(&out->tied, text, "tie_word_embeddings", false, where, err))) return st;
    if ((st = thx_llm_read_act(&t->act, text, "hidden_act", t->gated ? "silu" : "gelu_new", err))) return st;
    t->norm_eps = (float)eps;
    st = read_rope(out, text, err);
    return st ? st : read_window(out, text, err);
}

/* ---- Tensors ---- */

thx_tensor_role thx_llm_role(const char *name, const char *text, const char *head)
{
    static const struct {
        const char     *rest;
        thx_tensor_role role;
    } matrices[] = {
        { ".self_attn.q_proj.weight", THX_ROLE_MATRIX }, { ".self_attn.o_proj.weight", THX_ROLE_MATRIX },
        { ".self_attn.k_proj.weight", THX_ROLE_KEYS },   { ".self_attn.v_proj.weight", THX_ROLE_KEYS },
        { ".mlp.gate_proj.weight", THX_ROLE_MATRIX },    { ".mlp.up_proj.weight", THX_ROLE_MATRIX },
        { ".mlp.down_proj.weight", THX_ROLE_MATRIX },    { ".self_attn.dense.weight", THX_ROLE_MATRIX },
        { ".mlp.fc1.weight", THX_ROLE_MATRIX },          { ".mlp.fc2.weight", THX_ROLE_MATRIX },
    };
    const size_t n = strlen(text);

    if (!strcmp(name, head)) return THX_ROLE_HEAD;
    if (strncmp(name, text, n) != 0) return THX_ROLE_KEPT;
    name += n;
    if (!strcmp(name, "embed_tokens.weight")) return THX_ROLE_EMBEDDING;
    if (strncmp(name, "layers.", 7) != 0 || !isdigit((unsigned char)name[7])) return THX_ROLE_KEPT;
    for (name += 7; isdigit((unsigned char)*name);) name++;
    for (size_t i = 0; i < sizeof matrices / sizeof matrices[0]; i++)
        if (!strcmp(name, matrices[i].rest)) return matrices[i].role;
    return THX_ROLE_KEPT;
}

static thorax_status bind_dense(thx_binder *b, thx_lora *lora, thx_dense *out, bool bias, const char *prefix,
                                const char *name, size_t N, size_t K, thorax_error *err)
{
    char          full[144];
    thorax_status st;

    snprintf(full, sizeof full, "%s%s", prefix, name);
    if (thx_lora_targets(lora, full) && !thx_lora_has(lora, full))
        st = thx_fail(err, THORAX_MODEL, 0, "%s: the adapter names '%s', but holds no pair for it", lora->folder, full);
    else if (thx_lora_has(lora, full)) st = thx_lora_bind(lora, b, out, full, N, K, err);
    else st = thx_bind_named(b, &out->w, full, ".weight", N, K, err);
    return st || !bias ? st : thx_bind_named(b, &out->b, full, ".bias", N, 0, err);
}

/* A norm's weight, and its bias where norms have one. */
static thorax_status bind_norm(thx_binder *b, thx_weight **w, thx_weight **bias, const thx_decoder_config *c,
                               const char *prefix, const char *name, thorax_error *err)
{
    return thx_bind_pair(b, w, c->layer_norm ? bias : NULL, prefix, name, c->D, 0, err);
}

static thorax_status bind_feed_forward(thx_binder *b, thx_decoder_layer *l, const thx_llm_config *cfg, thx_lora *lora,
                                       const char *prefix, thorax_error *err)
{
    const thx_decoder_config *c = &cfg->decoder;
    const thx_llm_names      *n = cfg->names;
    const bool                bias = cfg->bias_feed_forward;
    thorax_status             st = THORAX_OK;

    if (n->gate && (st = bind_dense(b, lora, &l->gate, bias, prefix, n->gate, c->F, c->D, err))) return st;
    if ((st = bind_dense(b, lora, &l->up, bias, prefix, n->up, c->F, c->D, err))) return st;
    return bind_dense(b, lora, &l->down, bias, prefix, n->down, c->D, c->F, err);
}

static thorax_status bind_layer(thx_binder *b, thx_decoder_layer *l, const thx_llm_config *cfg, thx_lora *lora,
                                const char *prefix, thorax_error *err)
{
    const thx_decoder_config *c = &cfg->decoder;
    const thx_llm_names      *n = cfg->names;
    const size_t              Q = c->H * c->E, K = c->G * c->E;
    const bool                biases = cfg->biases;
    thorax_status             st;

    if ((st = bind_norm(b, &l->norm_attention, &l->norm_attention_bias, c, prefix, "input_layernorm", err))) return st;
    if ((st = bind_dense(b, lora, &l->q, biases, prefix, "self_attn.q_proj", Q, c->D, err))) return st;
    if ((st = bind_dense(b, lora, &l->k, biases, prefix, "self_attn.k_proj", K, c->D, err))) return st;
    if ((st = bind_dense(b, lora, &l->v, biases, prefix, "self_attn.v_proj", K, c->D, err))) return st;
    if ((st = bind_dense(b, lora, &l->o, cfg->bias_o, prefix, n->o, c->D, Q, err))) return st;
    if (n->norm_feed_forward)
        st = bind_norm(b, &l->norm_feed_forward, &l->norm_feed_forward_bias, c, prefix, n->norm_feed_forward, err);
    return st ? st : bind_feed_forward(b, l, cfg, lora, prefix, err);
}

/* "lm_head.weight" has "lm_head.bias" beside it. */
static thorax_status bind_head_bias(thx_model *m, thx_binder *b, const thx_llm_config *cfg, const char *head,
                                    thorax_error *err)
{
    const char *point = strrchr(head, '.');
    char        name[96];

    if (!cfg->bias_head) return THORAX_OK;
    snprintf(name, sizeof name, "%.*s.bias", point ? (int)(point - head) : (int)strlen(head), head);
    return thx_bind_named(b, &m->decoder.head_bias, name, "", cfg->decoder.V, 0, err);
}

static thorax_status bind_ends(thx_model *m, thx_binder *b, const thx_llm_config *cfg, const char *text, const char *head,
                               thorax_error *err)
{
    thx_decoder  *d = &m->decoder;
    const size_t  V = cfg->decoder.V, D = cfg->decoder.D;
    thorax_status st = bind_norm(b, &d->norm, &d->norm_bias, &cfg->decoder, text, cfg->names->norm, err);

    if (!st) st = thx_bind_named(b, &d->embedding, text, "embed_tokens.weight", V, D, err);
    m->tied = cfg->tied || !thx_binder_has(b, head);
    if (m->tied) d->head = d->embedding;
    else if (!st) st = thx_bind_named(b, &d->head, head, "", V, D, err);
    return st ? st : bind_head_bias(m, b, cfg, head, err);
}

thorax_status thx_llm_bind(thx_model *m, thx_binder *b, const thx_llm_config *cfg, thx_lora *lora, const char *text,
                           const char *head, thorax_error *err)
{
    thx_decoder              *d = &m->decoder;
    const thx_decoder_config *c = &d->config;
    thorax_status             st = THORAX_OK;

    d->layers = thx_arena_zalloc(m->arena, c->layers, sizeof *d->layers);
    d->inv_freq = thx_arena_alloc(m->arena, c->n_freq, sizeof *d->inv_freq);
    if (!d->layers || !d->inv_freq) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    for (size_t i = 0; i < c->n_freq; i++) /* f32 steps, as the original takes them */
        d->inv_freq[i] = 1.0f / powf((float)cfg->rope_theta, (float)(2 * i) / (float)(2 * c->n_freq));
    for (size_t i = 0; i < c->layers && !st; i++) {
        char prefix[96];

        snprintf(prefix, sizeof prefix, "%slayers.%zu.", text, i);
        d->layers[i].window = i >= cfg->window_from ? cfg->window : 0;
        st = bind_layer(b, &d->layers[i], cfg, lora, prefix, err);
    }
    return st ? st : bind_ends(m, b, cfg, text, head, err);
}
