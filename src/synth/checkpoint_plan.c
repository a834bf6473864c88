/* The tensors of a random checkpoint; see checkpoint_plan.h.
 *
 * One table names them as the published folders do (transformers before 4.52). Shapes are written
 * in letters: those of the sizes, K for the width of keys, P patches of a tile, p side of a patch,
 * 3 colours. Spreads keep the residual streams near 1: what reads a stream has spread
 * gain / sqrt(inputs); what writes into one is smaller again by sqrt(2 layers). */
#include "synth/checkpoint_plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATCH = 14, PATCHES = 27 * 27 };

static const thx_checkpoint_sizes known[] = {
    { .name = "radvlm-7b", .d = 1152, .h = 16, .f = 4304, .l = 26,
      .D = 3584, .H = 28, .G = 4, .F = 18944, .L = 28, .V = 152128, .entries = 151643,
      .sliding_window = 131072, .shard_bytes = 5000000000 },
    { .name = "llava-onevision-0.5b", .d = 1152, .h = 16, .f = 4304, .l = 26,
      .D = 896, .H = 14, .G = 2, .F = 4864, .L = 24, .V = 152000, .entries = 151643,
      .sliding_window = 32768, .tied = true, .shard_bytes = 5000000000 },
    /* The structure of radvlm-7b: 72 wide heads in the tower, odd ratios, shards, unused rows. */
    { .name = "tiny", .d = 216, .h = 3, .f = 304, .l = 2,
      .D = 320, .H = 5, .G = 1, .F = 608, .L = 2, .V = 2112, .entries = 2000, .shard_bytes = 2250000 },
};

static const char *const names[] = { "radvlm-7b", "llava-onevision-0.5b", "tiny", NULL };

const char *const *thx_checkpoint_archs(void) { return names; }

thx_checkpoint_options thx_checkpoint_options_default(void)
{
    return (thx_checkpoint_options){ .arch = "radvlm-7b", .dtype = "f16" };
}

static thorax_status type_of(thx_type *type, const char *dtype, thorax_error *err)
{
    if (!dtype || !strcmp(dtype, "f16")) *type = THX_F16;
    else if (!strcmp(dtype, "bf16")) *type = THX_BF16;
    else if (!strcmp(dtype, "f32")) *type = THX_F32;
    else return thx_fail(err, THORAX_USAGE, 0, "expected f16, bf16 or f32 as dtype, found %.40s", dtype);
    return THORAX_OK;
}

static thorax_status fewer_layers(uint32_t *layers, uint32_t wanted, const char *what, thorax_error *err)
{
    if (wanted > *layers)
        return thx_fail(err, THORAX_USAGE, 0, "expected 1 to %u %s layers, found %u", *layers, what, wanted);
    if (wanted) *layers = wanted;
    return THORAX_OK;
}

thorax_status thx_checkpoint_sizes_of(thx_checkpoint_sizes *out, thx_type *type,
                                      const thx_checkpoint_options *o, thorax_error *err)
{
    const thx_checkpoint_sizes *s = NULL;

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (o->arch && !strcmp(o->arch, known[i].name)) s = &known[i];
    if (!s)
        return thx_fail(err, THORAX_USAGE, 0,
                        "expected radvlm-7b, llava-onevision-0.5b or tiny as arch, found %.40s",
                        o->arch ? o->arch : "nothing");
    *out = *s;
    thorax_status st = type_of(type, o->dtype, err);
    if (!st) st = fewer_layers(&out->l, o->layers_vision, "vision", err);
    if (!st) st = fewer_layers(&out->L, o->layers_text, "text", err);
    if (st) return st;
    if (o->outlier_channels > out->d / 8)
        return thx_fail(err, THORAX_USAGE, 0, "expected at most %u outlier channels, found %u", out->d / 8,
                        o->outlier_channels);
    if (o->shard_bytes) out->shard_bytes = o->shard_bytes;
    else if (*type == THX_F32 && out->shard_bytes < 5000000000) out->shard_bytes *= 2;
    return THORAX_OK;
}

/* How the values of a tensor spread. */
typedef enum kind {
    FIXED, /* gain                                      */
    READ,  /* gain / sqrt(inputs)                       */
    WRITE, /* gain / sqrt(inputs) / sqrt(2 layers)      */
    NORM   /* 1 + gain                                  */
} kind;

typedef struct row {
    const char  *name;
    const char  *shape;
    kind         kind;
    float        gain;
    thx_outliers outliers;
} row;

#define ROWS    THX_OUTLIERS_ROWS
#define COLUMNS THX_OUTLIERS_COLUMNS
#define DAMPED  THX_OUTLIERS_DAMPED

static const row newline[] = {
    { "image_newline", "D", FIXED, 0.7f, ROWS },
};

static const row tower_in[] = {
    { "vision_tower.vision_model.embeddings.patch_embedding.weight", "d3pp", READ, 1.0f, ROWS },
    { "vision_tower.vision_model.embeddings.patch_embedding.bias", "d", FIXED, 0.05f, ROWS },
    { "vision_tower.vision_model.embeddings.position_embedding.weight", "Pd", FIXED, 0.3f, COLUMNS },
};

#define TOWER "vision_tower.vision_model.encoder.layers.%u."
static const row tower_layer[] = {
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

static const row tower_out[] = {
    { "vision_tower.vision_model.post_layernorm.weight", "d", NORM, 0.1f, 0 },
    { "vision_tower.vision_model.post_layernorm.bias", "d", FIXED, 0.05f, 0 },
};

static const row projector_in[] = {
    { "multi_modal_projector.linear_1.weight", "Dd", READ, 1.0f, DAMPED },
};
static const row projector_out[] = {
    { "multi_modal_projector.linear_1.bias", "D", FIXED, 0.05f, 0 },
    { "multi_modal_projector.linear_2.weight", "DD", READ, 1.5f, ROWS },
    { "multi_modal_projector.linear_2.bias", "D", FIXED, 0.05f, ROWS },
};

static const row embedding[] = {
    { "language_model.model.embed_tokens.weight", "VD", FIXED, 0.7f, COLUMNS },
};
static const row tied_embedding[] = { /* it is the head too: smaller, and no outliers in the scores */
    { "language_model.model.embed_tokens.weight", "VD", READ, 3.0f, 0 },
};

#define TEXT "language_model.model.layers.%u."
static const row text_layer[] = {
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

static const row text_norm[] = {
    { "language_model.model.norm.weight", "D", NORM, 0.1f, 0 },
};
static const row head[] = {
    { "language_model.lm_head.weight", "VD", READ, 3.0f, 0 },
};

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])
#define GROUP(rows, layers, is_tower) add_group(plan, arena, rows, COUNT(rows), layers, is_tower)

static uint64_t size_of(const thx_checkpoint_sizes *s, char letter)
{
    switch (letter) {
    case 'd': return s->d;
    case 'f': return s->f;
    case 'D': return s->D;
    case 'F': return s->F;
    case 'V': return s->V;
    case 'K': return (uint64_t)s->D / s->H * s->G;
    case 'P': return PATCHES;
    case 'p': return PATCH;
    default:  return (uint64_t)(letter - '0');
    }
}

static float spread(const row *r, uint64_t inputs, uint32_t layers)
{
    const double read = r->gain / sqrt((double)inputs);

    switch (r->kind) {
    case READ:  return (float)read;
    case WRITE: return (float)(read / sqrt(2.0 * layers));
    default:    return r->gain;
    }
}

static bool add_tensor(thx_tensor_plan *plan, thx_arena *arena, const row *r, uint32_t layer, uint32_t layers,
                       bool tower)
{
    thx_planned *t = &plan->tensors[plan->count++];
    const char  *number = strstr(r->name, "%u");
    char         name[160];

    if (number) snprintf(name, sizeof name, "%.*s%u%s", (int)(number - r->name), r->name, layer, number + 2);
    else snprintf(name, sizeof name, "%s", r->name);
    *t = (thx_planned){ .name = thx_arena_strdup(arena, name), .rank = (uint32_t)strlen(r->shape), .count = 1,
                        .mean = r->kind == NORM ? 1.0f : 0.0f, .outliers = r->outliers, .tower = tower };
    for (uint32_t i = 0; i < t->rank; i++) t->count *= t->shape[i] = size_of(&plan->sizes, r->shape[i]);
    t->std = spread(r, t->count / t->shape[0], layers);
    plan->values += t->count;
    return t->name != NULL;
}

/* A group of tensors once (layers 0), or for each layer. */
static bool add_group(thx_tensor_plan *plan, thx_arena *arena, const row *rows, size_t n, uint32_t layers,
                      bool tower)
{
    for (uint32_t layer = 0; layer < (layers ? layers : 1); layer++)
        for (size_t i = 0; i < n; i++)
            if (!add_tensor(plan, arena, &rows[i], layer, layers, tower)) return false;
    return true;
}

/* In the order of the module, which decides what lies in which shard. */
static bool add_all(thx_tensor_plan *plan, thx_arena *arena)
{
    const thx_checkpoint_sizes *s = &plan->sizes;
    const size_t most = 16 + COUNT(tower_layer) * s->l + COUNT(text_layer) * s->L;

    plan->tensors = thx_arena_zalloc(arena, most, sizeof *plan->tensors);
    return plan->tensors && GROUP(newline, 0, false) && GROUP(tower_in, 0, true) &&
           GROUP(tower_layer, s->l, true) && GROUP(tower_out, 0, true) && GROUP(projector_in, 0, true) &&
           GROUP(projector_out, 0, false) &&
           (s->tied ? GROUP(tied_embedding, 0, false) : GROUP(embedding, 0, false)) &&
           GROUP(text_layer, s->L, false) && GROUP(text_norm, 0, false) && (s->tied || GROUP(head, 0, false));
}

/* Fills one file after the other, as the original's save does. */
static void deal_shards(thx_tensor_plan *plan)
{
    uint64_t in_shard = 0;

    plan->n_shards = 1;
    for (size_t i = 0; i < plan->count; i++) {
        const uint64_t bytes = plan->tensors[i].count * thx_type_bytes(plan->type);

        if (in_shard && in_shard + bytes > plan->sizes.shard_bytes) {
            plan->n_shards++;
            in_shard = 0;
        }
        in_shard += bytes;
        plan->bytes += bytes;
        plan->tensors[i].shard = (uint32_t)plan->n_shards - 1;
    }
}

static int by_place(const void *a, const void *b)
{
    const thx_planned *x = a, *y = b;
    return x->shard != y->shard ? (x->shard < y->shard ? -1 : 1) : strcmp(x->name, y->name);
}

thorax_status thx_tensor_plan_make(thx_tensor_plan *out, thx_arena *arena, const thx_checkpoint_sizes *sizes,
                                   thx_type type, thorax_error *err)
{
    *out = (thx_tensor_plan){ .sizes = *sizes, .type = type };
    bool ok = add_all(out, arena);
    if (ok) {
        deal_shards(out);
        out->shard_bytes = thx_arena_zalloc(arena, out->n_shards, sizeof *out->shard_bytes);
        ok = out->shard_bytes != NULL;
    }
    if (!ok) return thx_fail(err, THORAX_NOMEM, 0, "no memory for the list of tensors");

    qsort(out->tensors, out->count, sizeof *out->tensors, by_place);
    for (size_t i = 0; i < out->count; i++) {
        thx_planned *t = &out->tensors[i];

        t->begin = out->shard_bytes[t->shard];
        t->end = out->shard_bytes[t->shard] += t->count * thx_type_bytes(type);
    }
    return THORAX_OK;
}

void thx_tensor_plan_file(char name[64], const thx_tensor_plan *plan, uint32_t shard)
{
    if (plan->n_shards == 1) snprintf(name, 64, "model.safetensors");
    else snprintf(name, 64, "model-%05u-of-%05zu.safetensors", shard + 1, plan->n_shards);
}
