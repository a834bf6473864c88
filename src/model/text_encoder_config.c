/* Settings of text encoders; see text_encoder_config.h. Defaults are those of transformers' configuration classes. */
#include "model/text_encoder_config.h"
#include "base/json.h"

#include <string.h>

enum { SIZE_MOST = 1 << 24, LAYERS_MOST = 1024 };

/* ---- Names of tensors, where they differ from BERT's ---- */

static const thx_encoder_names names_distilbert = {
    .words = "embeddings.word_embeddings", .position = "embeddings.position_embeddings", .norm = "embeddings.LayerNorm",
    .layer = "transformer.layer.",
    .q = "attention.q_lin", .k = "attention.k_lin", .v = "attention.v_lin", .o = "attention.out_lin",
    .norm1 = "sa_layer_norm", .fc1 = "ffn.lin1", .fc2 = "ffn.lin2", .norm2 = "output_layer_norm",
};
static const thx_encoder_names names_mpnet = {
    .words = "embeddings.word_embeddings", .position = "embeddings.position_embeddings", .norm = "embeddings.LayerNorm",
    .distance = "encoder.relative_attention_bias", .layer = "encoder.layer.",
    .q = "attention.attn.q", .k = "attention.attn.k", .v = "attention.attn.v", .o = "attention.attn.o",
    .norm1 = "attention.LayerNorm", .fc1 = "intermediate.dense", .fc2 = "output.dense", .norm2 = "output.LayerNorm",
};
static const thx_encoder_names names_modernbert = {
    .words = "embeddings.tok_embeddings", .norm = "embeddings.norm", .last_norm = "final_norm", .layer = "layers.",
    .q = "attn.Wqkv", .o = "attn.Wo", .norm1 = "attn_norm", .fc1 = "mlp.Wi", .fc2 = "mlp.Wo", .norm2 = "mlp_norm",
};
#define DEBERTA_NAMES                                                                                       \
    .words = "embeddings.word_embeddings", .position = "embeddings.position_embeddings",                    \
    .type = "embeddings.token_type_embeddings", .norm = "embeddings.LayerNorm",                             \
    .distance = "encoder.rel_embeddings", .distance_norm = "encoder.LayerNorm", .layer = "encoder.layer.",  \
    .q = "attention.self.query_proj", .k = "attention.self.key_proj", .v = "attention.self.value_proj",     \
    .o = "attention.output.dense", .norm1 = "attention.output.LayerNorm", .fc1 = "intermediate.dense",      \
    .fc2 = "output.dense", .norm2 = "output.LayerNorm"
static const thx_encoder_names names_deberta_shared = { DEBERTA_NAMES }; /* distances take the projections of words */
static const thx_encoder_names names_deberta = { DEBERTA_NAMES, .pos_k = "attention.self.pos_key_proj",
                                                 .pos_q = "attention.self.pos_query_proj" };

/* ---- Reading ---- */

/* One call's business. */
typedef struct reading {
    const json_t       *json;
    const char         *where;
    thx_encoder_config *c;
    thx_encoder_layout *layout;
    thorax_error       *err;
} reading;

static thorax_status size_of(const reading *r, size_t *out, const char *key, size_t fallback)
{
    return thx_json_size(out, r->json, key, fallback, 1, SIZE_MOST, r->where, r->err);
}

static thorax_status refuse(const reading *r, const char *key, const char *expected)
{
    return thx_fail(r->err, THORAX_MODEL, 0, "%s: %s: expected %s", r->where, key, expected);
}

static thorax_status read_act(const reading *r, const char *key)
{
    static const struct { const char *name; thx_act act;
    } acts[] = { { "gelu", THX_GELU_ERF }, { "gelu_new", THX_GELU_TANH },  { "gelu_pytorch_tanh", THX_GELU_TANH },
                 { "relu", THX_RELU },     { "gelu_fast", THX_GELU_TANH }, { "silu", THX_SILU },
                 { "swish", THX_SILU },    { "tanh", THX_TANH },           { "quick_gelu", THX_QUICK_GELU } };
    const char         *name;
    const thorax_status st = thx_json_text(&name, r->json, key, "gelu", r->where, r->err);

    for (size_t i = 0; !st && i < sizeof acts / sizeof acts[0]; i++)
        if (!strcmp(name, acts[i].name)) {
            r->c->act = acts[i].act;
            return THORAX_OK;
        }
    return st ? st : refuse(r, key, "gelu, gelu_new, gelu_fast, gelu_pytorch_tanh, relu, silu, tanh or quick_gelu");
}

static thorax_status read_eps(const reading *r, const char *key, double fallback)
{
    double              eps;
    const thorax_status st = thx_json_real(&eps, r->json, key, fallback, 0, 1, r->where, r->err);

    r->c->norm_eps = (float)eps;
    return st;
}

/* Keys of the sizes, in the order D, F, H, layers. */
static thorax_status read_sizes(const reading *r, const char *const keys[4], const size_t fallback[4])
{
    thx_encoder_config *c = r->c;
    thorax_status       st = size_of(r, &c->D, keys[0], fallback[0]);

    if (!st) st = size_of(r, &c->F, keys[1], fallback[1]);
    if (!st) st = size_of(r, &c->H, keys[2], fallback[2]);
    if (!st) st = thx_json_size(&c->layers, r->json, keys[3], fallback[3], 1, LAYERS_MOST, r->where, r->err);
    if (!st) st = size_of(r, &c->positions, "max_position_embeddings", 512);
    if (!st && c->D % c->H) st = refuse(r, keys[0], "a multiple of the number of heads");
    return st;
}

static thorax_status read_pad(const reading *r, int32_t *pad, int32_t fallback)
{
    size_t              id;
    const thorax_status st =
        thx_json_size(&id, r->json, "pad_token_id", (size_t)fallback, 0, SIZE_MOST, r->where, r->err);

    *pad = (int32_t)id;
    return st;
}

static const char *const bert_keys[4] = { "hidden_size", "intermediate_size", "num_attention_heads",
                                          "num_hidden_layers" };
static const size_t      bert_sizes[4] = { 768, 3072, 12, 12 };

/* BERT, RoBERTa: learned positions, token types. */
static thorax_status read_bert(const reading *r, size_t vocabulary, size_t types)
{
    const char   *kind;
    bool          decoder;
    thorax_status st = read_sizes(r, bert_keys, bert_sizes);

    r->layout->names = &thx_names_bert;
    if (!st) st = size_of(r, &r->c->V, "vocab_size", vocabulary);
    if (!st) st = size_of(r, &r->layout->types, "type_vocab_size", types);
    if (!st) st = read_eps(r, "layer_norm_eps", 1e-12);
    if (!st) st = read_act(r, "hidden_act");
    if (!st) st = thx_json_text(&kind, r->json, "position_embedding_type", "absolute", r->where, r->err);
    if (!st && strcmp(kind, "absolute")) st = refuse(r, "position_embedding_type", "absolute");
    if (!st) st = thx_json_flag(&decoder, r->json, "is_decoder", false, r->where, r->err);
    if (!st && decoder) st = refuse(r, "is_decoder", "false: an encoder");
    return st;
}

static thorax_status read_roberta(const reading *r)
{
    thorax_status st = read_bert(r, 50265, 2);

    if (!st) st = read_pad(r, &r->c->pad, 1);
    r->c->skip_pad = true;
    r->c->first_position = (size_t)r->c->pad + 1;
    return st;
}

static thorax_status read_distilbert(const reading *r)
{
    static const char *const keys[4] = { "dim", "hidden_dim", "n_heads", "n_layers" };
    static const size_t      sizes[4] = { 768, 3072, 12, 6 };
    thorax_status            st = read_sizes(r, keys, sizes);

    r->layout->names = &names_distilbert;
    r->c->norm_eps = 1e-12f;
    if (!st) st = size_of(r, &r->c->V, "vocab_size", 30522);
    return st ? st : read_act(r, "activation");
}

/* The pad id that positions are counted from is 1 in the code, whatever the config says. */
static thorax_status read_mpnet(const reading *r)
{
    thorax_status st = read_sizes(r, bert_keys, bert_sizes);

    r->layout->names = &names_mpnet;
    r->c->skip_pad = true;
    r->c->pad = 1;
    r->c->first_position = 2;
    r->c->distance = THX_DISTANCE_BIAS;
    if (!st) st = size_of(r, &r->c->V, "vocab_size", 30527);
    if (!st) st = size_of(r, &r->layout->distances, "relative_attention_num_buckets", 32);
    if (!st && r->layout->distances < 32) st = refuse(r, "relative_attention_num_buckets", "32 or more");
    if (!st) st = read_eps(r, "layer_norm_eps", 1e-12);
    return st ? st : read_act(r, "hidden_act");
}

static thorax_status read_modernbert_attention(const reading *r)
{
    thx_encoder_config *c = r->c;
    size_t              around = 0;
    double              theta = 0, near = 0;
    thorax_status       st = size_of(r, &c->every, "global_attn_every_n_layers", 3);

    if (!st) st = size_of(r, &around, "local_attention", 128);
    if (!st && around < 2) st = refuse(r, "local_attention", "2 or more");
    if (!st) st = thx_json_real(&theta, r->json, "global_rope_theta", 160000, 1, 1e12, r->where, r->err);
    if (!st)
        st = thx_json_real(&near, r->json, "local_rope_theta",
                           json_is_null(json_object_get(r->json, "local_rope_theta")) ? theta : 10000, 1, 1e12,
                           r->where, r->err);
    if (!st && c->D / c->H % 2) st = refuse(r, "hidden_size", "heads of an even width");
    c->around = around / 2;
    c->theta = (float)theta;
    c->theta_near = (float)near;
    return st;
}

static thorax_status read_modernbert(const reading *r)
{
    static const size_t sizes[4] = { 768, 1152, 12, 22 };
    thorax_status       st = read_sizes(r, bert_keys, sizes);

    r->layout->names = &names_modernbert;
    r->layout->norm1_behind_first = true;
    r->layout->positions = false;
    r->c->pre_norm = r->c->gated = true;
    if (!st) st = size_of(r, &r->c->V, "vocab_size", 50368);
    if (!st) st = size_of(r, &r->c->positions, "max_position_embeddings", 8192);
    if (!st) st = read_eps(r, "norm_eps", 1e-5);
    if (!st) st = read_act(r, "hidden_activation");
    if (!st) st = thx_json_flag(&r->layout->norm_bias, r->json, "norm_bias", false, r->where, r->err);
    if (!st) st = thx_json_flag(&r->layout->attention_bias, r->json, "attention_bias", false, r->where, r->err);
    if (!st) st = thx_json_flag(&r->layout->fc_bias, r->json, "mlp_bias", false, r->where, r->err);
    return st ? st : read_modernbert_attention(r);
}

/* Does a setting, a list or words parted by |, have this word? */
static bool has_word(const json_t *setting, const char *word)
{
    const char   *text = json_string_value(setting);
    const size_t  size = strlen(word);
    const json_t *item;
    size_t        i;

    json_array_foreach(setting, i, item)
        if (json_is_string(item) && !strcmp(json_string_value(item), word)) return true;
    for (; text && *text; text += strcspn(text, "|"), text += *text == '|')
        if (strcspn(text, "|") == size && !memcmp(text, word, size)) return true;
    return false;
}

static thorax_status read_deberta_distances(const reading *r)
{
    thx_encoder_config *c = r->c;
    const json_t       *types = json_object_get(r->json, "pos_att_type");
    double              buckets = 0, farthest = 0;
    bool                relative = false, shared = false;
    thorax_status       st = thx_json_flag(&relative, r->json, "relative_attention", false, r->where, r->err);

    if (!st) st = thx_json_flag(&shared, r->json, "share_att_key", false, r->where, r->err);
    if (!st) st = thx_json_real(&buckets, r->json, "position_buckets", -1, -1, SIZE_MOST, r->where, r->err);
    if (!st) st = thx_json_real(&farthest, r->json, "max_relative_positions", -1, -1, SIZE_MOST, r->where, r->err);
    if (st) return st;
    c->c2p = has_word(types, "c2p");
    c->p2c = has_word(types, "p2c");
    c->farthest = farthest < 1 ? c->positions : (size_t)farthest;
    c->buckets = buckets > 0 ? (size_t)buckets : 0;
    if (c->buckets && (c->buckets < 4 || c->farthest < c->buckets))
        return refuse(r, "position_buckets", "4 to max_relative_positions");
    c->distance = relative && (c->c2p || c->p2c) ? THX_DISTANCE_VECTORS : THX_DISTANCE_NONE;
    r->layout->distances = 2 * (c->buckets ? c->buckets : c->farthest);
    r->layout->distance_norm = c->distance && has_word(json_object_get(r->json, "norm_rel_ebd"), "layer_norm");
    r->layout->names = shared || !c->distance ? &names_deberta_shared : &names_deberta;
    return THORAX_OK;
}

static thorax_status read_deberta(const reading *r)
{
    static const size_t sizes[4] = { 1536, 6144, 24, 24 };
    thorax_status       st = read_sizes(r, bert_keys, sizes);
    size_t              convolution = 0, width = 0, head = 0;

    if (!st) st = size_of(r, &r->c->V, "vocab_size", 128100);
    if (!st) st = thx_json_size(&r->layout->types, r->json, "type_vocab_size", 0, 0, SIZE_MOST, r->where, r->err);
    if (!st) st = thx_json_flag(&r->layout->positions, r->json, "position_biased_input", true, r->where, r->err);
    if (!st) st = thx_json_size(&convolution, r->json, "conv_kernel_size", 0, 0, SIZE_MOST, r->where, r->err);
    if (!st && convolution) st = refuse(r, "conv_kernel_size", "0: an encoder without a convolution");
    if (!st) st = size_of(r, &width, "embedding_size", r->c->D);
    if (!st && width != r->c->D) st = refuse(r, "embedding_size", "the hidden size");
    if (!st) st = size_of(r, &head, "attention_head_size", r->c->D / r->c->H);
    if (!st && head != r->c->D / r->c->H) st = refuse(r, "attention_head_size", "the hidden size over the heads");
    if (!st) st = read_eps(r, "layer_norm_eps", 1e-7);
    if (!st) st = read_act(r, "hidden_act");
    return st ? st : read_deberta_distances(r);
}

static thorax_status read_plain_bert(const reading *r) { return read_bert(r, 30522, 2); }

/* ---- Kinds ---- */

static const struct {
    const char *type, *architecture;
    thorax_status (*read)(const reading *r);
} kinds[THX_TEXT_KINDS] = {
    { "bert", "Bert", read_plain_bert },           { "roberta", "Roberta", read_roberta },
    { "distilbert", "DistilBert", read_distilbert }, { "mpnet", "MPNet", read_mpnet },
    { "modernbert", "ModernBert", read_modernbert }, { "deberta-v2", "DebertaV2", read_deberta },
};

const char *thx_text_kind_name(thx_text_kind kind) { return kinds[kind].type; }

thorax_status thx_text_config_read(thx_text_kind *kind, thx_encoder_config *config, thx_encoder_layout *layout,
                                   const json_t *json, const char *where, thorax_error *err)
{
    const char   *type = json_string_value(json_object_get(json, "model_type")),
                 *name = json_string_value(json_array_get(json_object_get(json, "architectures"), 0));
    const reading r = { json, where, config, layout, err };

    *config = (thx_encoder_config){ .pad = -1 };
    *layout = (thx_encoder_layout){ .positions = true, .norm_bias = true, .attention_bias = true, .fc_bias = true };
    for (size_t i = 0; i < THX_TEXT_KINDS; i++) {
        const size_t n = strlen(kinds[i].architecture);
        if (type ? strcmp(type, kinds[i].type) : !name || strncmp(name, kinds[i].architecture, n)) continue;
        *kind = (thx_text_kind)i;
        return kinds[i].read(&r);
    }
    return thx_fail(
        err, THORAX_MODEL, 0,
        "%s: model_type '%.60s' is of no text encoder known here (bert, roberta, distilbert, mpnet, modernbert, "
        "deberta-v2)",
        where, type ? type : "");
}
