/* LLaVA-OneVision, and with it RadVLM: SigLIP tower, two-layer projector, Qwen2.
 *
 * Owns what is particular to the family: its two kinds of config.json (transformers'
 * LlavaOnevisionForConditionalGeneration, and the LlavaQwenForCausalLM of LLaVA-NeXT's training code),
 * its tensor names in every published layout, and RadVLM's questions per task.
 * Sources: transformers configuration_llava_onevision.py, configuration_qwen2.py,
 * configuration_siglip.py, convert_llava_onevision_weights_to_hf.py; LLaVA-NeXT llava_qwen.py. */
#include "base/file.h"
#include "base/json.h"
#include "model/llm.h"
#include "prep/recipe.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Questions (RadVLM's training list; spec of the published data code) ---- */

/* "Lung Opacity" is asked for as "lung opacity"; "ILD" stays. */
static void add_label(thx_string *out, const char *label)
{
    bool upper = false, lower = false;

    for (const char *c = label; *c; c++) {
        upper |= isupper((unsigned char)*c) != 0;
        lower |= islower((unsigned char)*c) != 0;
    }
    const bool fold = isupper((unsigned char)label[0]) && !(upper && !lower);
    for (const char *c = label; *c; c++) {
        const char folded = (char)(fold ? tolower((unsigned char)*c) : *c);
        thx_string_add(out, &folded, 1);
    }
}

static thorax_status question(thx_string *out, thx_task task, const char *phrase, thorax_error *err)
{
    if (phrase && (task == THX_TASK_REPORT || task == THX_TASK_CLASSIFY))
        return thx_fail(err, THORAX_USAGE, 0, "the questions of this model have no place for a reason for the exam");
    switch (task) {
    case THX_TASK_REPORT:
        thx_string_puts(out, "Provide a radiology report for this Chest X-Ray.");
        break;
    case THX_TASK_CLASSIFY:
        thx_string_puts(out, "Are there any abnormalities on this Chest X-ray?");
        break;
    case THX_TASK_GROUND_REGION:
        thx_string_puts(out, "Where is the ");
        add_label(out, phrase);
        thx_string_puts(out, " located in this Chest X-ray?");
        break;
    case THX_TASK_GROUND_PHRASE:
        thx_string_puts(out, "Please locate the following sentence: ");
        thx_string_puts(out, phrase);
        break;
    case THX_TASK_SCORE:
        if (!strcmp(phrase, thx_finding_names[THX_FINDINGS - 1])) {
            thx_string_puts(out, "Is this Chest X-Ray normal?");
            break;
        }
        thx_string_puts(out, "Is there evidence of ");
        add_label(out, phrase);
        thx_string_puts(out, " in this Chest X-Ray?");
        break;
    case THX_TASK_ASK:
    case THX_TASKS:
        return thx_fail(err, THORAX_USAGE, 0, "this task has no question of its own");
    }
    return out->failed ? thx_fail(err, THORAX_NOMEM, 0, "out of memory") : THORAX_OK;
}

/* ---- Tensor names ---- */

#define VISION "vision_tower.vision_model."
#define TEXT   "language_model.model."
#define HEAD   "language_model.lm_head.weight"

/* Takes `prefix` off *name. */
static bool strip(const char **name, const char *prefix)
{
    const size_t n = strlen(prefix);
    if (strncmp(*name, prefix, n)) return false;
    *name += n;
    return true;
}

/* Names of the language model with and without `model.` in between: the head stands beside the model. */
static const char *text_room(const char *name)
{
    return strncmp(name, "lm_head.", 8) ? TEXT : "language_model.";
}

/* One name per tensor, whatever the folder's layout: the legacy one, which published folders have. Others are the
 * module names of 4.52 and later, 5.24's without `vision_model.`, and LLaVA-NeXT's own. */
static bool canonical(char *out, size_t size, const char *stored)
{
    const char *n = stored, *room;

    strip(&n, "model.");
    if (strip(&n, "language_model.")) {
        strip(&n, "model.");
        room = text_room(n);
    } else if (strip(&n, "vision_tower.")) {
        strip(&n, "vision_tower.");
        strip(&n, "vision_model.");
        room = VISION;
    } else if (strip(&n, "multi_modal_projector.")) {
        room = "multi_modal_projector.";
    } else if (strip(&n, "mm_projector.0.")) {
        room = "multi_modal_projector.linear_1.";
    } else if (strip(&n, "mm_projector.2.")) {
        room = "multi_modal_projector.linear_2.";
    } else if (!strcmp(n, "image_newline")) {
        room = "";
    } else if (!strncmp(n, "lm_head.", 8) || !strncmp(n, "embed_tokens.", 13) ||
               !strncmp(n, "layers.", 7) || !strncmp(n, "norm.", 5)) {
        room = text_room(n);
    } else {
        return false;
    }
    return (size_t)snprintf(out, size, "%s%s", room, n) < size;
}

/* Stored by some releases, needed by none. */
static bool unused(const char *name)
{
    const char *rest = name;

    if (strip(&rest, VISION) &&
        (!strncmp(rest, "post_layernorm.", 15) || !strncmp(rest, "head.", 5)))
        return true;
    return strstr(name, "rotary_emb.inv_freq") || strstr(name, "position_ids") ||
           !strcmp(name, HEAD);
}

static thx_tensor_role role(const char *stored)
{
    char name[512];

    return canonical(name, sizeof name, stored) ? thx_llm_role(name, TEXT, HEAD) : THX_ROLE_KEPT;
}

/* ---- config.json ---- */

/* What both kinds of config come down to. */
typedef struct config {
    thx_vit_config   vit;
    thx_llm_config   text;
    thx_act          projector_act;
    bool             projector_bias;
    size_t           image_id; /* SIZE_MAX: from the tokenizer */
    thx_recipe_hints hints;
} config;

static const char where[] = "config.json";

/* Absent keys have the class defaults of Qwen2Config (configuration_qwen2.py). */
static const thx_llm_config qwen2 = {
    .decoder = { .D = 4096, .F = 22016, .layers = 32, .H = 32, .G = 32, .V = 151936, .max_positions = 32768, .norm_eps = 1e-6f },
    .biases = true,
};

static thorax_status check_vision(const thx_vit_config *v, thorax_error *err)
{
    if (v->channels != 3)
        return thx_fail(err, THORAX_FORMAT, 0, "%s: num_channels: expected 3, found %zu", where,
                        v->channels);
    if (v->D % v->H)
        return thx_fail(err, THORAX_FORMAT, 0,
                        "%s: vision width %zu does not divide into %zu heads", where, v->D, v->H);
    if (v->patch_px > v->tile_px)
        return thx_fail(err, THORAX_FORMAT, 0,
                        "%s: patches of %zu px are larger than the image of %zu px", where,
                        v->patch_px, v->tile_px);
    return THORAX_OK;
}

/* The vision half of transformers' config; absent keys have the class defaults of SiglipVisionConfig. */
static thorax_status read_vision(config *c, const json_t *top, thorax_error *err)
{
    thx_vit_config *v = &c->vit;
    const json_t   *vision = thx_llm_part(top, "vision_config");
    const json_t   *layer = json_object_get(top, "vision_feature_layer");
    const char     *type;
    double          eps;
    thorax_status   st;

    if (!vision) /* the class would build a SigLIP whose 14 heads do not divide its width */
        return thx_fail(err, THORAX_FORMAT, 0, "%s: vision_config is missing", where);
    if ((st = thx_json_text(&type, vision, "model_type", "siglip_vision_model", where, err)))
        return st;
    if (strcmp(type, "siglip_vision_model"))
        return thx_fail(err, THORAX_FORMAT, 0,
                        "%s: vision tower '%.40s' is not known (expected siglip_vision_model)",
                        where, type);
    if ((st = thx_json_size(&v->D, vision, "hidden_size", 768, 1, 1u << 16, where, err))) return st;
    if ((st = thx_json_size(&v->F, vision, "intermediate_size", 3072, 1, 1u << 20, where, err)))
        return st;
    if ((st = thx_json_size(&v->layers, vision, "num_hidden_layers", 12, 1, 1024, where, err)))
        return st;
    if ((st = thx_json_size(&v->H, vision, "num_attention_heads", 12, 1, 1024, where, err)))
        return st;
    if ((st = thx_json_size(&v->channels, vision, "num_channels", 3, 1, 16, where, err))) return st;
    if ((st = thx_json_size(&v->tile_px, vision, "image_size", 224, 1, 4096, where, err)))
        return st;
    if ((st = thx_json_size(&v->patch_px, vision, "patch_size", 16, 1, 4096, where, err)))
        return st;
    if ((st = thx_json_real(&eps, vision, "layer_norm_eps", 1e-6, 0, 1, where, err))) return st;
    if ((st = thx_llm_read_act(&v->act, vision, "hidden_act", "gelu_pytorch_tanh", err))) return st;
    v->norm_eps = (float)eps;
    if (layer &&
        !json_is_null(layer)) { /* counts hidden states: -1 is the last, layers + 1 in all */
        const json_int_t i = json_integer_value(layer),
                         depth = i < 0 ? (json_int_t)v->layers + 1 + i : i;
        if (!json_is_integer(layer) || depth < 1 || depth > (json_int_t)v->layers)
            return thx_fail(err, THORAX_FORMAT, 0,
                            "%s: vision_feature_layer: expected one layer of %zu", where,
                            v->layers);
        v->layers = (size_t)depth;
    }
    return check_vision(v, err);
}

static bool is_llava_next(const json_t *top)
{
    const char *arch = json_string_value(json_array_get(json_object_get(top, "architectures"), 0));
    const char *type = json_string_value(json_object_get(top, "model_type"));

    return (arch && !strcmp(arch, "LlavaQwenForCausalLM")) || (type && !strcmp(type, "llava_qwen"));
}

/* Pinpoints as a list of pairs: [h, w], or [w, h] in LLaVA-NeXT's own configs. */
static thorax_status read_pinpoints(config *c, const json_t *list, bool width_first,
                                    thorax_error *err)
{
    size_t        i;
    const json_t *pair;

    if (!json_is_array(list) || !json_array_size(list) || json_array_size(list) > THX_PINPOINTS_MAX)
        return thx_fail(err, THORAX_FORMAT, 0, "%s: image_grid_pinpoints: expected 1 to %d pairs",
                        where, THX_PINPOINTS_MAX);
    json_array_foreach(list, i, pair)
    {
        for (size_t k = 0; k < 2; k++) {
            const json_int_t n = json_integer_value(json_array_get(pair, k));
            if (json_array_size(pair) != 2 || n < 1 || n > 65536 || n % (json_int_t)c->vit.tile_px)
                return thx_fail(err, THORAX_FORMAT, 0,
                                "%s: image_grid_pinpoints: pair %zu: expected two multiples of %zu",
                                where, i, c->vit.tile_px);
            c->hints.pinpoints[i][width_first ? 1 - k : k] = (uint32_t)n;
        }
    }
    c->hints.n_pinpoints = (uint32_t)json_array_size(list);
    return THORAX_OK;
}

/* Pinpoints as ranges of tiles, width x height: "(1x1),...,(6x6)" (LLaVA-NeXT mm_utils.py), all pairs between the ends. */
static thorax_status read_pinpoint_range(config *c, const char *text, thorax_error *err)
{
    unsigned       a, b, d, e;
    const uint32_t px = (uint32_t)c->vit.tile_px;
    char           end;

    if (sscanf(text, " ( %ux%u ) , ... , ( %ux%u %c", &a, &b, &d, &e, &end) != 5 || end != ')' ||
        !a || !b || a > d || b > e || d > 64 || e > 64 ||
        (d - a + 1) * (e - b + 1) > THX_PINPOINTS_MAX)
        return thx_fail(err, THORAX_FORMAT, 0,
                        "%s: image_grid_pinpoints: expected \"(1x1),...,(6x6)\", found \"%.40s\"",
                        where, text);
    for (unsigned i = a; i <= d; i++)
        for (unsigned k = b; k <= e; k++) {
            c->hints.pinpoints[c->hints.n_pinpoints][0] = k * px;
            c->hints.pinpoints[c->hints.n_pinpoints++][1] = i * px;
        }
    return THORAX_OK;
}

/* The list of the class: every height and width of 1 to 6 tiles. */
static void default_pinpoints(config *c)
{
    for (uint32_t i = 0; i < 36; i++) {
        c->hints.pinpoints[i][0] = (i / 6 + 1) * 384;
        c->hints.pinpoints[i][1] = (i % 6 + 1) * 384;
    }
    c->hints.n_pinpoints = 36;
}

/* Pinpoints and "anyres_max_9": how a film is cut into tiles and how many rows it may take. */
static thorax_status read_tiling(config *c, const json_t *top, const char *aspect_key,
                                 thorax_error *err)
{
    const json_t *pins = json_object_get(top, "image_grid_pinpoints");
    const char   *aspect;
    unsigned      max;
    char          end;
    thorax_status st;

    c->hints.tile_px = (uint32_t)c->vit.tile_px;
    c->hints.patch_px = (uint32_t)c->vit.patch_px;
    if (!pins || json_is_null(pins))
        default_pinpoints(c);
    else if (json_is_string(pins) && (st = read_pinpoint_range(c, json_string_value(pins), err)))
        return st;
    else if (!json_is_string(pins) && (st = read_pinpoints(c, pins, is_llava_next(top), err)))
        return st;
    if ((st = thx_json_text(&aspect, top, aspect_key, "anyres_max_9", where, err))) return st;
    if (sscanf(aspect, "anyres_max_%u%c", &max, &end) != 1 || !max || max > 4096)
        return thx_fail(err, THORAX_FORMAT, 0, "%s: %s: expected anyres_max_N, found '%.40s'",
                        where, aspect_key, aspect);
    c->hints.max_patches = max;
    return THORAX_OK;
}

static thorax_status read_image_id(config *c, const json_t *top, size_t fallback, thorax_error *err)
{
    const char *key =
        json_object_get(top, "image_token_id") ? "image_token_id" : "image_token_index";
    return thx_json_size(&c->image_id, top, key, fallback, 0, 1u << 24, where, err);
}

/* transformers' LlavaOnevisionConfig */
static thorax_status read_transformers(config *c, const json_t *top, thorax_error *err)
{
    json_t       *empty = NULL;
    const json_t *text = thx_llm_part(top, "text_config");
    const char   *strategy, *type;
    thorax_status st;

    if (!text) text = empty = json_object();
    st = thx_json_text(&type, text, "model_type", "qwen2", where, err);
    if (!st && strcmp(type, "qwen2"))
        st = thx_fail(err, THORAX_FORMAT, 0,
                      "%s: language model '%.40s' is not known (expected qwen2)", where, type);
    if (!st) st = thx_llm_read(&c->text, text, &qwen2, err);
    json_decref(empty);
    if (st || (st = read_vision(c, top, err))) return st;
    if ((st = thx_llm_read_act(&c->projector_act, top, "projector_hidden_act", "gelu", err))) return st;
    if ((st =
             thx_json_flag(&c->projector_bias, top, "multimodal_projector_bias", true, where, err)))
        return st;
    if ((st = thx_json_text(&strategy, top, "vision_feature_select_strategy", "full", where, err)))
        return st;
    if (strcmp(strategy, "full")) /* "default" drops the first patch, and the grid no longer fits */
        return thx_fail(err, THORAX_FORMAT, 0,
                        "%s: vision_feature_select_strategy: expected full, found '%.40s'", where,
                        strategy);
    if ((st = read_image_id(c, top, 151646, err))) return st;
    return read_tiling(c, top, "vision_aspect_ratio", err);
}

/* The tower's sizes follow from its tensors, the heads from its name. */
static thorax_status vision_from_tensors(config *c, const thx_binder *b, const char *tower,
                                         thorax_error *err)
{
    thx_vit_config *v = &c->vit;
    const thx_view *patch = thx_binder_view(b, VISION "embeddings.patch_embedding.weight");
    const thx_view *position = thx_binder_view(b, VISION "embeddings.position_embedding.weight");
    const thx_view *fc1 = thx_binder_view(b, VISION "encoder.layers.0.mlp.fc1.weight");
    const char     *last = tower + strlen(tower);
    char            name[80];

    if (!strstr(tower, "siglip-so400m-patch14"))
        return thx_fail(
            err, THORAX_FORMAT, 0,
            "%s: mm_vision_tower: '%.60s' is not known (expected siglip-so400m-patch14-384)", where,
            tower);
    if (!patch || patch->rank != 4 || !position || position->rank != 2 || !fc1 || fc1->rank != 2)
        return thx_fail(
            err, THORAX_MODEL, 0,
            "the vision tower's tensors are missing; its folder (%.60s) is not opened from here",
            tower);
    while (last > tower && isdigit((unsigned char)last[-1])) last--;
    *v = (thx_vit_config){ .D = patch->shape[0],
                           .F = fc1->shape[0],
                           .H = 16,
                           .channels = patch->shape[1],
                           .patch_px = patch->shape[2],
                           .tile_px = (size_t)strtoul(last, NULL, 10),
                           .act = THX_GELU_TANH,
                           .norm_eps = 1e-6f };
    do {
        snprintf(name, sizeof name, VISION "encoder.layers.%zu.mlp.fc1.weight", v->layers);
    } while (thx_binder_has(b, name) && ++v->layers < 1024);
    const size_t side = (size_t)sqrt((double)position->shape[0]);
    if (!v->patch_px || v->patch_px > 4096)
        return thx_fail(err, THORAX_MODEL, 0, "'%s': patches of %zu px", patch->name, v->patch_px);
    if (v->tile_px > 4096 || v->tile_px / v->patch_px != side)
        v->tile_px = side * v->patch_px; /* the name tells another size than the positions */
    if (!v->tile_px || v->tile_px > 4096)
        return thx_fail(err, THORAX_MODEL, 0, "'%s': %zu positions", position->name,
                        (size_t)position->shape[0]);
    return check_vision(v, err);
}

/* LLaVA-NeXT's LlavaQwenConfig */
static thorax_status read_llava_next(config *c, const json_t *top, const thx_binder *b,
                                     thorax_error *err)
{
    static const struct {
        const char *key, *fallback, *want;
    } fixed[] = {
        { "mm_projector_type", "mlp2x_gelu", "mlp2x_gelu" },
        { "mm_patch_merge_type", "spatial_unpad", "spatial_unpad" },
        { "mm_newline_position", "one_token", "one_token" },
        { "mm_vision_select_feature", "patch", "patch" },
    };
    const char   *tower, *text;
    thorax_status st = thx_llm_read(&c->text, top, &qwen2, err);

    if (st || (st = thx_json_text(&tower, top, "mm_vision_tower", "", where, err))) return st;
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        if ((st = thx_json_text(&text, top, fixed[i].key, fixed[i].fallback, where, err)))
            return st;
        if (strcmp(text, fixed[i].want))
            return thx_fail(err, THORAX_FORMAT, 0, "%s: %s: expected %s, found '%.40s'", where,
                            fixed[i].key, fixed[i].want, text);
    }
    c->projector_act = THX_GELU_ERF;
    c->projector_bias = true;
    if ((st = vision_from_tensors(c, b, tower, err)))
        return st; /* mm_vision_select_layer is ignored there too */
    if ((st = read_image_id(c, top, SIZE_MAX, err))) return st;
    return read_tiling(c, top, "image_aspect_ratio", err);
}

static bool matches(const json_t *top)
{
    const char *type = json_string_value(json_object_get(top, "model_type"));
    return (type && !strcmp(type, "llava_onevision")) || is_llava_next(top);
}

/* ---- Tensors ---- */

static thorax_status bind_vision(thx_model *m, thx_binder *b, thorax_error *err)
{
    thx_vit              *vit = &m->vit;
    const thx_vit_config *c = &vit->config;
    const size_t          P = thx_vit_patches(c);
    char                  prefix[80];
    thorax_status         st;

    vit->layers = thx_arena_zalloc(m->arena, c->layers, sizeof *vit->layers);
    if (!vit->layers) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    st = thx_bind(b, &vit->patch_w, THX_USE_LINEAR, VISION "embeddings.patch_embedding.weight", 4,
                  (uint64_t[]){ c->D, c->channels, c->patch_px, c->patch_px }, err);
    if (!st)
        st = thx_bind_named(b, &vit->patch_b, VISION "embeddings.patch_embedding", ".bias", c->D, 0, err);
    if (!st)
        st =
            thx_bind(b, &vit->position, THX_USE_ROWS, VISION "embeddings.position_embedding.weight",
                     2, (uint64_t[]){ P, c->D }, err);
    for (size_t i = 0; i < c->layers && !st; i++) {
        thx_vit_layer *l = &vit->layers[i];
        snprintf(prefix, sizeof prefix, VISION "encoder.layers.%zu.", i);
        if ((st = thx_bind_pair(b, &l->ln1_w, &l->ln1_b, prefix, "layer_norm1", c->D, 0, err))) break;
        if ((st = thx_bind_pair(b, &l->q_w, &l->q_b, prefix, "self_attn.q_proj", c->D, c->D, err)))
            break;
        if ((st = thx_bind_pair(b, &l->k_w, &l->k_b, prefix, "self_attn.k_proj", c->D, c->D, err)))
            break;
        if ((st = thx_bind_pair(b, &l->v_w, &l->v_b, prefix, "self_attn.v_proj", c->D, c->D, err)))
            break;
        if ((st = thx_bind_pair(b, &l->o_w, &l->o_b, prefix, "self_attn.out_proj", c->D, c->D, err)))
            break;
        if ((st = thx_bind_pair(b, &l->ln2_w, &l->ln2_b, prefix, "layer_norm2", c->D, 0, err))) break;
        if ((st = thx_bind_pair(b, &l->fc1_w, &l->fc1_b, prefix, "mlp.fc1", c->F, c->D, err))) break;
        if ((st = thx_bind_pair(b, &l->fc2_w, &l->fc2_b, prefix, "mlp.fc2", c->D, c->F, err))) break;
    }
    return st;
}

static thorax_status bind_projector(thx_model *m, thx_binder *b, bool bias, thorax_error *err)
{
    thx_projector *p = &m->projector;
    thorax_status  st = thx_bind_pair(b, &p->linear_1_w, bias ? &p->linear_1_b : NULL,
                                  "multi_modal_projector.", "linear_1", p->D, p->Dv, err);

    if (!st)
        st = thx_bind_pair(b, &p->linear_2_w, bias ? &p->linear_2_b : NULL, "multi_modal_projector.",
                       "linear_2", p->D, p->D, err);
    if (!st) st = thx_bind_named(b, &m->newline, "image_newline", "", p->D, 0, err);
    return st;
}

/* ---- Loading ---- */

static thorax_status choose_image_id(thx_model *m, const config *c, thorax_error *err)
{
    int32_t id = c->image_id == SIZE_MAX ? -1 : (int32_t)c->image_id;

    if (id < 0 && m->tokenizer) id = thx_tokenizer_id(m->tokenizer, "<image>");
    if (id < 0 && m->tokenizer)
        id = (int32_t)thx_tokenizer_size(m->tokenizer); /* the first id after the tokenizer's */
    m->image_id = id;
    /* Ids of text never equal the placeholder: it would be taken for a row of the film. */
    const int32_t taken = m->tokenizer ? thx_tokenizer_id(m->tokenizer, "<image>") : -1;
    if (m->tokenizer && taken >= 0 && taken != id)
        return thx_fail(err, THORAX_FORMAT, 0,
                        "%s: image token id %d, but the tokenizer gives <image> the id %d", where,
                        id, taken);
    return THORAX_OK;
}

static thorax_status load(thx_model *m, const json_t *top, thx_account *account, thorax_error *err)
{
    config        c = { 0 };
    thx_binder   *b = NULL;
    thorax_status st = THORAX_OK;

    if (m->weights) st = thx_binder_open(&b, m, canonical, account, err);
    if (st) return st;
    if (!is_llava_next(top))
        st = read_transformers(&c, top, err);
    else if (b)
        st = read_llava_next(&c, top, b, err);
    else
        st = thx_fail(
            err, THORAX_MODEL, 0,
            "%s: this layout tells the tower's sizes by its tensors alone; weights are needed",
            where);
    if (st) goto done;
    m->vit.config = c.vit;
    m->decoder.config = c.text.decoder;
    m->projector = (thx_projector){ .Dv = c.vit.D, .D = c.text.decoder.D, .act = c.projector_act };
    if ((st = choose_image_id(m, &c, err))) goto done;
    if ((st = thx_recipe_read(&m->recipe, m->folder, &c.hints, err))) goto done;
    if (!b) goto done;
    if ((st = bind_vision(m, b, err))) goto done;
    if ((st = bind_projector(m, b, c.projector_bias, err))) goto done;
    if ((st = thx_llm_bind(m, b, &c.text, NULL, TEXT, HEAD, err))) goto done;
    st = thx_binder_end(b, unused, err);
done:
    thx_binder_close(b);
    return st;
}

const thx_family thx_family_llava_onevision = {
    .name = "llava-onevision",
    .matches = matches,
    .load = load,
    .question = question,
    .max_new_tokens = 1500,
    .role = role,
};
