/* The layout of LLaVA-Rad: an adapter, a projector and a training checkpoint of the vision tower, beside a folder
 * "base" with the language model; all PyTorch archives. See checkpoint_plan.h for the letters of shapes. The texts
 * are in checkpoint_rad_files.c. */
#include <stdio.h>
#include <string.h>

#include "synth/checkpoint_files.h"
#include "synth/checkpoint_pickle.h"
#include "synth/checkpoint_plan.h"
#include "synth/checkpoint_sentencepiece.h"

#define FIXED   THX_SPREAD_FIXED
#define READ    THX_SPREAD_READ
#define WRITE   THX_SPREAD_WRITE
#define NORM    THX_SPREAD_NORM
#define EXACT   THX_SPREAD_EXACT
#define SQUARES THX_SPREAD_SQUARES
#define COUNTED THX_SPREAD_COUNTED
#define ROTARY  THX_SPREAD_ROTARY
#define ROWS    THX_OUTLIERS_ROWS
#define COLUMNS THX_OUTLIERS_COLUMNS
#define DAMPED  THX_OUTLIERS_DAMPED

/* ---- The language model ---- */

static const thx_plan_row embedding[] = {
    { "model.embed_tokens.weight", "VD", FIXED, 0.7f, COLUMNS },
};

#define TEXT "model.layers.%u."
static const thx_plan_row text_layer[] = {
    { TEXT "self_attn.q_proj.weight", "DD", READ, 1.5f, 0 },
    { TEXT "self_attn.k_proj.weight", "KD", READ, 1.5f, 0 },
    { TEXT "self_attn.v_proj.weight", "KD", READ, 1.0f, 0 },
    { TEXT "self_attn.o_proj.weight", "DD", WRITE, 2.0f, ROWS },
    { TEXT "self_attn.rotary_emb.inv_freq", "E", ROTARY, 10000.0f, 0 },
    { TEXT "mlp.gate_proj.weight", "FD", READ, 1.0f, 0 },
    { TEXT "mlp.up_proj.weight", "FD", READ, 1.0f, 0 },
    { TEXT "mlp.down_proj.weight", "DF", WRITE, 2.0f, ROWS },
    { TEXT "input_layernorm.weight", "D", NORM, 0.1f, 0 },
    { TEXT "post_attention_layernorm.weight", "D", NORM, 0.1f, 0 },
};

static const thx_plan_row text_out[] = {
    { "model.norm.weight", "D", NORM, 0.1f, 0 },
    { "lm_head.weight", "VD", READ, 3.0f, 0 },
};

/* ---- The adapter: alpha / R times B·A is about a seventh of the matrix it joins ---- */

#define LORA "base_model.model.model.layers.%u."
static const thx_plan_row adapter[] = {
    { LORA "self_attn.q_proj.lora_A.weight", "RD", READ, 1.0f, 0 },
    { LORA "self_attn.q_proj.lora_B.weight", "DR", READ, 0.1f, 0 },
    { LORA "self_attn.k_proj.lora_A.weight", "RD", READ, 1.0f, 0 },
    { LORA "self_attn.k_proj.lora_B.weight", "KR", READ, 0.1f, 0 },
    { LORA "self_attn.v_proj.lora_A.weight", "RD", READ, 1.0f, 0 },
    { LORA "self_attn.v_proj.lora_B.weight", "KR", READ, 0.07f, 0 },
    { LORA "self_attn.o_proj.lora_A.weight", "RD", READ, 1.0f, 0 },
    { LORA "self_attn.o_proj.lora_B.weight", "DR", WRITE, 0.14f, 0 },
    { LORA "mlp.gate_proj.lora_A.weight", "RD", READ, 1.0f, 0 },
    { LORA "mlp.gate_proj.lora_B.weight", "FR", READ, 0.07f, 0 },
    { LORA "mlp.up_proj.lora_A.weight", "RD", READ, 1.0f, 0 },
    { LORA "mlp.up_proj.lora_B.weight", "FR", READ, 0.07f, 0 },
    { LORA "mlp.down_proj.lora_A.weight", "RF", READ, 1.0f, 0 },
    { LORA "mlp.down_proj.lora_B.weight", "DR", WRITE, 0.14f, 0 },
};

/* ---- The projector ---- */

#define PROJECTOR "base_model.model.model.mm_projector."
static const thx_plan_row projector_in[] = {
    { PROJECTOR "0.weight", "Dd", READ, 1.0f, DAMPED },
};
static const thx_plan_row projector_out[] = {
    { PROJECTOR "0.bias", "D", FIXED, 0.05f, 0 },
    { PROJECTOR "2.weight", "DD", READ, 1.5f, ROWS },
    { PROJECTOR "2.bias", "D", FIXED, 0.05f, ROWS },
};

/* ---- The training checkpoint: both towers, then what the optimizer remembers ---- */

#define TRUNK "module.visual.trunk."
static const thx_plan_row tower_in[] = {
    { "module.logit_scale", "", EXACT, 4.6051702f, 0 }, /* ln 100 */
    { TRUNK "cls_token", "11d", FIXED, 0.3f, COLUMNS },
    { TRUNK "pos_embed", "1Pd", FIXED, 0.3f, COLUMNS },
    { TRUNK "patch_embed.proj.weight", "d3pp", READ, 1.0f, ROWS },
    { TRUNK "patch_embed.proj.bias", "d", FIXED, 0.05f, ROWS },
};

#define BLOCK TRUNK "blocks.%u."
static const thx_plan_row tower_layer[] = {
    { BLOCK "norm1.weight", "d", NORM, 0.1f, 0 },
    { BLOCK "norm1.bias", "d", FIXED, 0.05f, 0 },
    { BLOCK "attn.qkv.weight", "qd", READ, 1.3f, 0 },
    { BLOCK "attn.qkv.bias", "q", FIXED, 0.1f, 0 },
    { BLOCK "attn.proj.weight", "dd", WRITE, 2.0f, ROWS },
    { BLOCK "attn.proj.bias", "d", FIXED, 0.02f, ROWS },
    { BLOCK "ls1.gamma", "d", NORM, 0.1f, 0 },
    { BLOCK "norm2.weight", "d", NORM, 0.1f, 0 },
    { BLOCK "norm2.bias", "d", FIXED, 0.05f, 0 },
    { BLOCK "mlp.fc1.weight", "fd", READ, 1.0f, 0 },
    { BLOCK "mlp.fc1.bias", "f", FIXED, 0.05f, 0 },
    { BLOCK "mlp.fc2.weight", "df", WRITE, 2.0f, ROWS },
    { BLOCK "mlp.fc2.bias", "d", FIXED, 0.02f, ROWS },
    { BLOCK "ls2.gamma", "d", NORM, 0.1f, 0 },
};

#define BERT "module.text.transformer."
static const thx_plan_row tower_out[] = {
    { TRUNK "norm.weight", "d", NORM, 0.1f, 0 },
    { TRUNK "norm.bias", "d", FIXED, 0.05f, 0 },
    { "module.visual.head.proj.weight", "jd", READ, 1.0f, 0 },
    { BERT "embeddings.position_ids", "1c", COUNTED, 0, 0 },
    { BERT "embeddings.word_embeddings.weight", "wb", FIXED, 0.5f, 0 },
    { BERT "embeddings.position_embeddings.weight", "cb", FIXED, 0.3f, 0 },
    { BERT "embeddings.token_type_embeddings.weight", "2b", FIXED, 0.1f, 0 },
    { BERT "embeddings.LayerNorm.weight", "b", NORM, 0.1f, 0 },
    { BERT "embeddings.LayerNorm.bias", "b", FIXED, 0.05f, 0 },
};

#define WORDS BERT "encoder.layer.%u."
static const thx_plan_row bert_layer[] = {
    { WORDS "attention.self.query.weight", "bb", READ, 1.5f, 0 },
    { WORDS "attention.self.query.bias", "b", FIXED, 0.1f, 0 },
    { WORDS "attention.self.key.weight", "bb", READ, 1.5f, 0 },
    { WORDS "attention.self.key.bias", "b", FIXED, 0.1f, 0 },
    { WORDS "attention.self.value.weight", "bb", READ, 1.0f, 0 },
    { WORDS "attention.self.value.bias", "b", FIXED, 0.1f, 0 },
    { WORDS "attention.output.dense.weight", "bb", READ, 1.0f, 0 },
    { WORDS "attention.output.dense.bias", "b", FIXED, 0.05f, 0 },
    { WORDS "attention.output.LayerNorm.weight", "b", NORM, 0.1f, 0 },
    { WORDS "attention.output.LayerNorm.bias", "b", FIXED, 0.05f, 0 },
    { WORDS "intermediate.dense.weight", "Bb", READ, 1.0f, 0 },
    { WORDS "intermediate.dense.bias", "B", FIXED, 0.05f, 0 },
    { WORDS "output.dense.weight", "bB", READ, 1.0f, 0 },
    { WORDS "output.dense.bias", "b", FIXED, 0.05f, 0 },
    { WORDS "output.LayerNorm.weight", "b", NORM, 0.1f, 0 },
    { WORDS "output.LayerNorm.bias", "b", FIXED, 0.05f, 0 },
};

#define POOLER BERT "pooler."
static const thx_plan_row bert_out[] = {
    { POOLER "dense.weight", "bb", READ, 1.0f, 0 },
    { POOLER "dense.bias", "b", FIXED, 0.05f, 0 },
    { "module.text.proj.0.weight", "mb", READ, 1.0f, 0 },
    { "module.text.proj.2.weight", "jm", READ, 1.0f, 0 },
};

/* Of a parameter: the shapes are those of the parameter. */
static const thx_plan_row moments[] = {
    { "optimizer.state.%u.step", "", EXACT, 174368.0f, 0 },
    { "optimizer.state.%u.exp_avg", "", FIXED, 1e-5f, 0 },
    { "optimizer.state.%u.exp_avg_sq", "", SQUARES, 1e-9f, 0 },
};
enum { MOMENTS = sizeof moments / sizeof moments[0], GROUPS = 2 };

/* The optimizer's group of a tensor: 0 without weight decay (vectors), 1 with; -1: it is no parameter. */
static int group_of(const thx_planned *t) { return t->type == THX_I64 ? -1 : t->rank >= 2; }

/* The pooler takes no part in the loss: it has no moments. */
static bool is_trained(const thx_planned *t) { return strncmp(t->name, POOLER, sizeof POOLER - 1) != 0; }

/* Parameters are numbered group by group, in the order of the module. */
static bool add_moments(thx_tensor_plan *p)
{
    uint32_t number = 0;

    p->n_state = p->count;
    for (int group = 0; group < GROUPS; group++)
        for (size_t i = 0; i < p->n_state; i++) {
            const thx_planned *of = &p->tensors[i];

            if (group_of(of) != group) continue;
            for (size_t k = 0; k < MOMENTS && is_trained(of); k++) {
                thx_planned *t = thx_plan_add_one(p, &moments[k], number, 0, false);

                if (!t) return false;
                if (!k) continue; /* the count of steps is one number */
                t->rank = of->rank;
                t->count = of->count;
                memcpy(t->shape, of->shape, sizeof t->shape);
            }
            number++;
        }
    return true;
}

static void put_group(thx_pickle *p, double decay, uint64_t first, uint64_t end)
{
    static const struct { const char *name; bool none; } flags[] = {
        { "amsgrad", false },    { "foreach", true },         { "maximize", false },
        { "capturable", false }, { "differentiable", false }, { "fused", true },
    };

    thx_pickle_dict(p);
    thx_pickle_word(p, "weight_decay"), thx_pickle_real(p, decay);
    thx_pickle_word(p, "lr"), thx_pickle_real(p, 5e-5);
    thx_pickle_word(p, "betas"), thx_pickle_real(p, 0.9), thx_pickle_real(p, 0.98), thx_pickle_pair(p);
    thx_pickle_word(p, "eps"), thx_pickle_real(p, 1e-6);
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        thx_pickle_word(p, flags[i].name);
        if (flags[i].none) thx_pickle_none(p);
        else thx_pickle_flag(p, false);
    }
    thx_pickle_word(p, "params");
    thx_pickle_list(p);
    for (uint64_t i = first; i < end; i++) thx_pickle_int(p, i);
    thx_pickle_list_close(p);
    thx_pickle_dict_close(p);
}

/* {number: {step, exp_avg, exp_avg_sq}}. */
static void put_moments(thx_pickle *p, const thx_tensor_plan *plan)
{
    uint64_t number = 0;
    size_t   at = plan->n_state;

    thx_pickle_dict(p);
    for (int group = 0; group < GROUPS; group++)
        for (size_t i = 0; i < plan->n_state; i++) {
            const thx_planned *of = &plan->tensors[i];

            if (group_of(of) != group) continue;
            if (is_trained(of)) {
                thx_pickle_int(p, number);
                thx_pickle_dict(p);
                for (size_t k = 0; k < MOMENTS; k++) {
                    thx_pickle_word(p, strrchr(moments[k].name, '.') + 1);
                    thx_pickle_tensor(p, &plan->tensors[at++]);
                }
                thx_pickle_dict_close(p);
            }
            number++;
        }
    thx_pickle_dict_close(p);
}

static void put_optimizer(thx_pickle *p, const thx_tensor_plan *plan)
{
    uint64_t in_group[GROUPS] = { 0 };

    for (size_t i = 0; i < plan->n_state; i++)
        if (group_of(&plan->tensors[i]) >= 0) in_group[group_of(&plan->tensors[i])]++;
    thx_pickle_dict(p);
    thx_pickle_text(p, "state");
    put_moments(p, plan);
    thx_pickle_text(p, "param_groups");
    thx_pickle_list(p);
    put_group(p, 0.0, 0, in_group[0]);
    put_group(p, 0.2, in_group[0], in_group[0] + in_group[1]);
    thx_pickle_list_close(p);
    thx_pickle_dict_close(p);
}

/* The state of both towers, with the versions that a module's own state carries. */
static void put_state(thx_pickle *p, const thx_tensor_plan *plan)
{
    static const char *const modules[] = { "", "module", "module.visual", "module.text" };

    thx_pickle_ordered_dict(p);
    for (size_t i = 0; i < plan->n_state; i++) {
        thx_pickle_text(p, plan->tensors[i].name);
        thx_pickle_tensor(p, &plan->tensors[i]);
    }
    thx_pickle_dict_close(p);
    thx_pickle_dict(p);
    thx_pickle_text(p, "_metadata");
    thx_pickle_ordered_dict(p);
    for (size_t i = 0; i < sizeof modules / sizeof modules[0]; i++) {
        thx_pickle_text(p, modules[i]);
        thx_pickle_dict(p);
        thx_pickle_word(p, "version"), thx_pickle_int(p, 1);
        thx_pickle_dict_close(p);
    }
    thx_pickle_dict_close(p);
    thx_pickle_dict_close(p);
    thx_pickle_build(p);
}

static void put_scaler(thx_pickle *p)
{
    thx_pickle_dict(p);
    thx_pickle_text(p, "scale"), thx_pickle_real(p, 65536.0);
    thx_pickle_text(p, "growth_factor"), thx_pickle_real(p, 2.0);
    thx_pickle_text(p, "backoff_factor"), thx_pickle_real(p, 0.5);
    thx_pickle_text(p, "growth_interval"), thx_pickle_int(p, 2000);
    thx_pickle_text(p, "_growth_tracker"), thx_pickle_int(p, 368);
    thx_pickle_dict_close(p);
}

static void pickle_training(thx_string *out, const thx_tensor_plan *plan, uint32_t shard)
{
    thx_pickle p;

    (void)shard; /* there is one */
    thx_pickle_begin(&p, out);
    thx_pickle_dict(&p);
    thx_pickle_text(&p, "epoch"), thx_pickle_int(&p, 32);
    thx_pickle_text(&p, "name"), thx_pickle_text(&p, "random-weights");
    thx_pickle_text(&p, "state_dict"), put_state(&p, plan);
    thx_pickle_text(&p, "optimizer"), put_optimizer(&p, plan);
    thx_pickle_text(&p, "scaler"), put_scaler(&p);
    thx_pickle_dict_close(&p);
    thx_pickle_end(&p);
}

/* ---- All of it ---- */

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

/* Values use the whole mantissa; every file but the training checkpoint is names and tensors. */
static thx_tensor_plan archive(const char *stem, const char *ending, thx_type type)
{
    return (thx_tensor_plan){ .stem = stem, .ending = ending, .pickle = thx_pickle_shard, .type = type, .full = true };
}

static bool plan_base(thx_checkpoint *c, thx_arena *arena)
{
    const uint32_t  L = c->sizes.L;
    thx_tensor_plan start = archive("base/pytorch_model", ".bin", THX_F16);

    start.most_bytes = c->sizes.shard_bytes;
    thx_tensor_plan *p = thx_plan_begin(c, arena, &start, 8 + COUNT(text_layer) * L);
    return p && THX_PLAN_GROUP(p, embedding, 0, false) && THX_PLAN_GROUP(p, text_layer, L, false) &&
           THX_PLAN_GROUP(p, text_out, 0, false);
}

static bool plan_adapter(thx_checkpoint *c, thx_arena *arena)
{
    const thx_tensor_plan start = archive("adapter_model", ".bin", THX_BF16);
    thx_tensor_plan      *p = thx_plan_begin(c, arena, &start, COUNT(adapter) * c->sizes.L);

    return p && THX_PLAN_GROUP(p, adapter, c->sizes.L, false);
}

static bool plan_projector(thx_checkpoint *c, thx_arena *arena)
{
    const thx_tensor_plan start = archive("non_lora_trainables", ".bin", THX_BF16);
    thx_tensor_plan      *p = thx_plan_begin(c, arena, &start, 8);

    return p && THX_PLAN_GROUP(p, projector_in, 0, true) && THX_PLAN_GROUP(p, projector_out, 0, false);
}

static bool plan_vision(thx_checkpoint *c, thx_arena *arena)
{
    const uint32_t  l = c->sizes.l, words = c->sizes.clip.layers;
    const size_t    state = 32 + COUNT(tower_layer) * l + COUNT(bert_layer) * words;
    thx_tensor_plan start = archive("biomedclipcxr_518_checkpoint", ".pt", THX_F32);

    start.pickle = pickle_training;
    thx_tensor_plan *p = thx_plan_begin(c, arena, &start, state * (1 + MOMENTS));
    return p && THX_PLAN_GROUP(p, tower_in, 0, true) && THX_PLAN_GROUP(p, tower_layer, l, true) &&
           THX_PLAN_GROUP(p, tower_out, 0, true) && THX_PLAN_GROUP(p, bert_layer, words, true) &&
           THX_PLAN_GROUP(p, bert_out, 0, true) && add_moments(p);
}

static bool plan(thx_checkpoint *c, thx_arena *arena)
{
    return plan_base(c, arena) && plan_adapter(c, arena) && plan_projector(c, arena) && plan_vision(c, arena);
}

/* A model of more pieces than the architecture has rows needs more of them. */
static thorax_status vocabulary(thx_checkpoint *c, thx_arena *arena, thorax_error *err)
{
    const char   *folder = c->options->tokenizer_folder;
    uint32_t      pieces = c->sizes.entries;
    thorax_status st;

    if (folder) st = thx_sentencepiece_read(&c->sentencepiece, &c->sentencepiece_size, &pieces, arena, folder, err);
    else st = thx_sentencepiece_make(&c->sentencepiece, &c->sentencepiece_size, arena, pieces, err);
    if (!st && pieces > c->sizes.V) c->sizes.V = (pieces + 63) / 64 * 64;
    return st;
}

const thx_checkpoint_layout thx_layout_rad = {
    .fixed_types = true,
    .vocabulary = vocabulary,
    .plan = plan,
    .files = thx_rad_files,
};
