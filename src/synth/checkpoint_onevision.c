/* The layout of RadVLM and LLaVA-OneVision: one set of safetensors, named as the published folders name them
 * (transformers before 4.52); see checkpoint_plan.h for the letters of shapes. The texts are in
 * checkpoint_onevision_files.c. */
#include "synth/checkpoint_files.h"
#include "synth/checkpoint_plan.h"

#define FIXED THX_SPREAD_FIXED
#define READ  THX_SPREAD_READ
#define WRITE THX_SPREAD_WRITE
#define NORM  THX_SPREAD_NORM
#define ROWS    THX_OUTLIERS_ROWS
#define COLUMNS THX_OUTLIERS_COLUMNS
#define DAMPED  THX_OUTLIERS_DAMPED

static const thx_plan_row newline[] = {
    { "image_newline", "D", FIXED, 0.7f, ROWS },
};

static const thx_plan_row tower_in[] = {
    { "vision_tower.vision_model.embeddings.patch_embedding.weight", "d3pp", READ, 1.0f, ROWS },
    { "vision_tower.vision_model.embeddings.patch_embedding.bias", "d", FIXED, 0.05f, ROWS },
    { "vision_tower.vision_model.embeddings.position_embedding.weight", "Pd", FIXED, 0.3f, COLUMNS },
};

#define TOWER "vision_tower.vision_model.encoder.layers.%u."
static const thx_plan_row tower_layer[] = {
    { TOWER "layer_norm1.weight", "d", NORM, 0.1f, 0 },
    { TOWER "layer_norm1.bias", "d", FIXED, 0.05f, 0 },
    { TOWER "layer_norm2.weight", "d", NORM, 0.1f, 0 },
    { TOWER "layer_norm2.bias", "d", FIXED, 0.05f, 0 },
    { TOWER "self_attn.q_proj.weight", "dd", READ, 1.5f, 0 },
    { TOWER "self_attn.q_proj.bias", "d", FIXED, 0.1f, 0 },
    { TOWER "self_attn.k_proj.weight", "dd", READ, 1.5f, 0 },
    { TOWER "self_attn.k_proj.bias", "d", FIXED, 0.1f, 0 },
    { TOWER "self_attn.v_proj.weight", "dd", READ, 1.0f, 0 },
    { TOWER "self_attn.v_proj.bias", "d", FIXED, 0.1f, 0 },
    { TOWER "self_attn.out_proj.weight", "dd", WRITE, 2.0f, ROWS },
    { TOWER "self_attn.out_proj.bias", "d", FIXED, 0.02f, ROWS },
    { TOWER "mlp.fc1.weight", "fd", READ, 1.0f, 0 },
    { TOWER "mlp.fc1.bias", "f", FIXED, 0.05f, 0 },
    { TOWER "mlp.fc2.weight", "df", WRITE, 2.0f, ROWS },
    { TOWER "mlp.fc2.bias", "d", FIXED, 0.02f, ROWS },
};

static const thx_plan_row tower_out[] = {
    { "vision_tower.vision_model.post_layernorm.weight", "d", NORM, 0.1f, 0 },
    { "vision_tower.vision_model.post_layernorm.bias", "d", FIXED, 0.05f, 0 },
};

static const thx_plan_row projector_in[] = {
    { "multi_modal_projector.linear_1.weight", "Dd", READ, 1.0f, DAMPED },
};
static const thx_plan_row projector_out[] = {
    { "multi_modal_projector.linear_1.bias", "D", FIXED, 0.05f, 0 },
    { "multi_modal_projector.linear_2.weight", "DD", READ, 1.5f, ROWS },
    { "multi_modal_projector.linear_2.bias", "D", FIXED, 0.05f, ROWS },
};

static const thx_plan_row embedding[] = {
    { "language_model.model.embed_tokens.weight", "VD", FIXED, 0.7f, COLUMNS },
};
static const thx_plan_row tied_embedding[] = { /* it is the head too: smaller, and no outliers in the scores */
    { "language_model.model.embed_tokens.weight", "VD", READ, 3.0f, 0 },
};

#define TEXT "language_model.model.layers.%u."
static const thx_plan_row text_layer[] = {
    { TEXT "input_layernorm.weight", "D", NORM, 0.1f, 0 },
    { TEXT "post_attention_layernorm.weight", "D", NORM, 0.1f, 0 },
    { TEXT "self_attn.q_proj.weight", "DD", READ, 1.5f, 0 },
    { TEXT "self_attn.q_proj.bias", "D", FIXED, 1.0f, 0 },
    { TEXT "self_attn.k_proj.weight", "KD", READ, 1.5f, 0 },
    { TEXT "self_attn.k_proj.bias", "K", FIXED, 1.0f, 0 },
    { TEXT "self_attn.v_proj.weight", "KD", READ, 1.0f, 0 },
    { TEXT "self_attn.v_proj.bias", "K", FIXED, 0.1f, 0 },
    { TEXT "self_attn.o_proj.weight", "DD", WRITE, 2.0f, ROWS },
    { TEXT "mlp.gate_proj.weight", "FD", READ, 1.0f, 0 },
    { TEXT "mlp.up_proj.weight", "FD", READ, 1.0f, 0 },
    { TEXT "mlp.down_proj.weight", "DF", WRITE, 2.0f, ROWS },
};

static const thx_plan_row text_norm[] = {
    { "language_model.model.norm.weight", "D", NORM, 0.1f, 0 },
};
static const thx_plan_row head[] = {
    { "language_model.lm_head.weight", "VD", READ, 3.0f, 0 },
};

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

/* In the order of the module, which decides what lies in which shard. */
static bool plan(thx_checkpoint *c, thx_arena *arena)
{
    const thx_checkpoint_sizes *s = &c->sizes;
    const thx_tensor_plan       start = { .stem = "model", .ending = ".safetensors", .type = c->type,
                                          .most_bytes = s->shard_bytes };
    thx_tensor_plan *p = thx_plan_begin(c, arena, &start, 16 + COUNT(tower_layer) * s->l + COUNT(text_layer) * s->L);

    return p && THX_PLAN_GROUP(p, newline, 0, false) && THX_PLAN_GROUP(p, tower_in, 0, true) &&
           THX_PLAN_GROUP(p, tower_layer, s->l, true) && THX_PLAN_GROUP(p, tower_out, 0, true) &&
           THX_PLAN_GROUP(p, projector_in, 0, true) && THX_PLAN_GROUP(p, projector_out, 0, false) &&
           (s->tied ? THX_PLAN_GROUP(p, tied_embedding, 0, false) : THX_PLAN_GROUP(p, embedding, 0, false)) &&
           THX_PLAN_GROUP(p, text_layer, s->L, false) && THX_PLAN_GROUP(p, text_norm, 0, false) &&
           (s->tied || THX_PLAN_GROUP(p, head, 0, false));
}

/* A vocabulary that is larger than the architecture's needs more rows. */
static thorax_status vocabulary(thx_checkpoint *c, thx_arena *arena, thorax_error *err)
{
    const char         *folder = c->options->tokenizer_folder;
    const thorax_status st = folder ? thx_vocabulary_read(&c->vocabulary, arena, folder, err)
                                    : thx_vocabulary_make(&c->vocabulary, arena, c->sizes.entries, err);
    const uint32_t      ids = c->vocabulary.n + THX_ADDED_TOKENS;

    if (!st && ids > c->sizes.V) c->sizes.V = (ids + 63) / 64 * 64;
    return st;
}

const thx_checkpoint_layout thx_layout_onevision = {
    .vocabulary = vocabulary,
    .plan = plan,
    .files = thx_onevision_files,
};
