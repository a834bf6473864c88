/* LLaVA-Rad: a ViT as DINOv2 has it (from an open_clip training checkpoint), mlp2x_gelu, Vicuna (Llama) with a LoRA.
 *
 * Owns what is particular to the family: the folder of an adapter beside a base folder, or one that holds a merged
 * language model; the vision checkpoint in its forms; tensor names; the question with and without a reason for exam.
 * Sources: LLaVA-Rad llava/model/builder.py, multimodal_encoder/open_clip_encoder.py, eval/model_mimic_cxr.py. */
#include "base/file.h"
#include "base/json.h"
#include "model/llm.h"
#include "model/merged.h"
#include "model/trunk.h"
#include "prep/recipe.h"
#include "weights/names.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRUNK     "visual.trunk."
#define INSIDE    "inside." /* the tower that merged folders hold too, in f16 */
#define PROJECTOR "mm_projector."
#define TEXT      "model."
#define HEAD      "lm_head.weight"

static const char where[] = "config.json";
enum { VISION_MAX_BYTES = 1 << 20 };

/* Absent keys have the class defaults of LlamaConfig (configuration_llama.py). */
static const thx_llm_config llama = {
    .decoder = { .D = 4096, .F = 11008, .layers = 32, .H = 32, .V = 32000, .max_positions = 2048 },
};

static bool matches(const json_t *top)
{
    const char *type = json_string_value(json_object_get(top, "model_type"));
    const char *arch = json_string_value(json_array_get(json_object_get(top, "architectures"), 0));
    const bool  llava = (type && (!strcmp(type, "llava") || !strcmp(type, "llava_llama"))) ||
                       (arch && !strcmp(arch, "LlavaLlamaForCausalLM"));

    return llava && json_is_string(json_object_get(top, "mm_vision_tower")) && !json_object_get(top, "vision_config");
}

/* ---- The question ---- */

static thorax_status question(thx_string *out, thx_task task, const char *phrase, thorax_error *err)
{
    switch (task) {
    case THX_TASK_REPORT:
    case THX_TASK_CLASSIFY: /* the findings are read from the report */
        return thx_question_rad(out, phrase, err);
    case THX_TASK_GROUND_REGION:
    case THX_TASK_GROUND_PHRASE:
        return thx_fail(err, THORAX_MODEL, 0, "LLaVA-Rad was not trained to locate anything: it draws no boxes");
    case THX_TASK_SCORE:
        return thx_fail(err, THORAX_MODEL, 0, "LLaVA-Rad was not trained to answer yes or no: it gives no scores");
    case THX_TASK_ASK:
    case THX_TASKS: return thx_fail(err, THORAX_USAGE, 0, "this task has no question of its own");
    }
    return THORAX_OK;
}

/* ---- Tensor names ---- */

static bool strip(const char **name, const char *prefix)
{
    const size_t n = strlen(prefix);
    if (strncmp(*name, prefix, n)) return false;
    *name += n;
    return true;
}

/* "….q_proj.lora_A.weight" (with or without the adapter's name in between) as "….q_proj.lora_A". */
static bool adapter_name(char *out, size_t size, const char *n)
{
    const char  *at = strstr(n, ".lora_");
    const size_t before = at ? (size_t)(at - n) : 0;

    if (!at || (at[6] != 'A' && at[6] != 'B')) return false;
    if (strcmp(at + 7, ".weight") != 0 && strcmp(at + 7, ".default.weight") != 0) return false;
    return (size_t)snprintf(out, size, "%.*s.lora_%c", (int)before, n, at[6]) < size;
}

static bool is_text(const char *n)
{
    return !strncmp(n, "lm_head.", 8) || !strncmp(n, TEXT "layers.", 13) || !strncmp(n, TEXT "norm.", 11) ||
           !strncmp(n, TEXT "embed_tokens.", 19);
}

/* One name per tensor: those of the base model; the trunk's by "visual.trunk."; what else a training checkpoint holds
 * keeps its name behind "checkpoint.". */
static bool canonical(char *out, size_t size, const char *stored)
{
    const char *n = stored, *projector = strstr(stored, PROJECTOR), *room = "";

    if (!strncmp(n, THX_MERGED, sizeof THX_MERGED - 1)) return (size_t)snprintf(out, size, "%s", n) < size;
    if (projector) n = projector;
    else if (strip(&n, "base_model.model.") && adapter_name(out, size, n)) return true;
    else if (strip(&n, "model.vision_tower.vision_tower.vit.")) room = INSIDE;
    else if (!is_text(n)) {
        if (!strip(&n, "state_dict.")) strip(&n, "model_state_dict.");
        strip(&n, "module.");
        if (strncmp(n, TRUNK, sizeof TRUNK - 1) != 0) room = "checkpoint.";
        if (*room && strncmp(n, "visual.", 7) && strncmp(n, "text.", 5) && strncmp(n, "optimizer.", 10) &&
            strncmp(n, "scaler.", 7) && strcmp(n, "logit_scale") != 0)
            return false;
    }
    return (size_t)snprintf(out, size, "%s%s", room, n) < size;
}

/* The last block and the norm of the trunk are stored, and not run. */
static bool unused(const char *name)
{
    return !strncmp(name, TRUNK, sizeof TRUNK - 1) || !strncmp(name, INSIDE, sizeof INSIDE - 1) ||
           !strncmp(name, "checkpoint.", 11) || strstr(name, "rotary_emb.inv_freq") || !strcmp(name, HEAD);
}

static thx_tensor_role role(const char *stored)
{
    char name[512];

    return canonical(name, sizeof name, stored) ? thx_llm_role(name, TEXT, HEAD) : THX_ROLE_KEPT;
}

/* ---- The files ---- */

static bool has_file(const char *folder, const char *name)
{
    char      *path = thx_path_join(folder, name);
    const bool there = path && thx_file_exists(path);

    free(path);
    return there;
}

/* The first of the names that lies in the folder; NULL: none. */
static const char *first_of(const char *folder, const char *const *names)
{
    while (*names && !has_file(folder, *names)) names++;
    return *names;
}

static bool holds_language_model(const char *folder)
{
    static const char *const forms[] = { "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                                         "pytorch_model.bin.index.json", NULL };
    return first_of(folder, forms);
}

static bool has_adapter(const char *folder) { return has_file(folder, THX_ADAPTER_CONFIG); }

/* A path that a config records: as it stands when it is absolute, else from the model's folder on. */
static char *recorded(const char *folder, const char *path) { return *path == '/' ? strdup(path) : thx_path_join(folder, path); }

/* The language model's folder where the model's own has none: the caller's choice, or what adapter_config.json or
 * config.json record, if that is a folder here. */
static thorax_status base_folder(char **out, const thx_model *m, thorax_error *err)
{
    static const struct { const char *file, *key; } places[] = { { "adapter_config.json", "base_model_name_or_path" },
                                                                 { where, "_name_or_path" } };

    *out = m->options.base ? strdup(m->options.base) : NULL;
    for (size_t i = 0; i < 2 && !m->options.base && !*out; i++) {
        char         *path = thx_path_join(m->folder, places[i].file);
        json_t       *c = NULL;
        thorax_error  ignored;
        const char   *name = path && !thx_json_read(&c, path, VISION_MAX_BYTES, &ignored)
                                 ? json_string_value(json_object_get(c, places[i].key)) : NULL;

        *out = name && *name ? recorded(m->folder, name) : NULL;
        if (*out && !thx_is_folder(*out)) free(*out), *out = NULL;
        json_decref(c);
        free(path);
    }
    if (*out) return THORAX_OK;
    return m->options.base ? thx_fail(err, THORAX_NOMEM, 0, "out of memory")
                           : thx_fail(err, THORAX_MODEL, 0,
                                      "%s: holds no language model of its own: name the folder of its base (vicuna-7b-v1.5) "
                                      "with --base", m->folder);
}

static thorax_status text_folder(char **out, const thx_model *m, thorax_error *err)
{
    static const char *const forms[] = { "tokenizer.model", "tokenizer.json", NULL };

    *out = first_of(m->folder, forms) ? strdup(m->folder) : NULL;
    return *out ? THORAX_OK : base_folder(out, m, err);
}

/* The first of two files of weights that is there, as PyTorch's or as safetensors; `what` is missing where none is. */
static thorax_status add_part(thx_model *m, const char *name, const char *other, const char *what, thorax_error *err)
{
    char         *path;
    thorax_status st = thx_weights_locate(&path, m->folder, name, err);

    if (!st && !path) st = thx_weights_locate(&path, m->folder, other, err);
    if (!st && path) st = thx_weights_add(m->weights, path, err);
    else if (!st && what) st = thx_fail(err, THORAX_MODEL, 0, "%s: no %s: expected %s", m->folder, what, name);
    free(path);
    return st;
}

static bool holds_projector(const thx_weights *w)
{
    for (size_t i = 0; i < thx_weights_count(w); i++)
        if (strstr(thx_weights_at(w, i)->name, PROJECTOR)) return true;
    return false;
}

static thorax_status add_merged(thx_model *m, thorax_error *err)
{
    thx_lora            lora;
    const thorax_status st = thx_lora_read(&lora, m->folder, err);

    return st ? st : thx_merged_add(m, &lora, err);
}

static thorax_status open_weights(thx_model *m, const json_t *top, thorax_error *err)
{
    const bool    whole = holds_language_model(m->folder), adapted = has_adapter(m->folder);
    char         *base = NULL, *vision = thx_trunk_checkpoint(m->folder, top);
    thorax_status st = whole ? THORAX_OK : base_folder(&base, m, err);

    if (!st) st = thx_weights_open(&m->weights, whole ? m->folder : base, err);
    if (!st && adapted) st = add_part(m, "adapter_model.bin", "adapter_model.safetensors", "adapter", err);
    if (!st && !(whole && holds_projector(m->weights)))
        st = add_part(m, "non_lora_trainables.bin", "mm_projector.bin", whole ? NULL : "projector", err);
    if (!st && vision) st = thx_weights_add(m->weights, vision, err);
    if (!st && adapted && m->options.merged_cache && m->options.lora == THX_LORA_MERGE && !m->options.plan_only)
        st = add_merged(m, err);
    free(base);
    free(vision);
    return st;
}

/* ---- config.json and the tower's ---- */

typedef struct config {
    thx_llm_config text;
    thx_vit_config vit;
    int64_t        select;            /* mm_vision_select_layer */
    const char    *tower;             /* TRUNK or INSIDE        */
    json_t        *clip;              /* the tower's own config; NULL: none */
    char          *clip_path;
} config;

/* Keys of ours have one value that is implemented. */
static thorax_status check_fixed(const json_t *top, thorax_error *err)
{
    static const struct { const char *key, *want; } fixed[] = {
        { "mm_projector_type", "mlp2x_gelu" }, { "mm_vision_select_feature", "patch" }
    };
    const char   *text;
    bool          flag;
    thorax_status st = THORAX_OK;

    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0] && !st; i++) {
        st = thx_json_text(&text, top, fixed[i].key, fixed[i].want, where, err);
        if (!st && strcmp(text, fixed[i].want))
            st = thx_fail(err, THORAX_FORMAT, 0, "%s: %s: expected %s, found '%.40s'", where, fixed[i].key, fixed[i].want, text);
    }
    if (!st) st = thx_json_flag(&flag, top, "mm_use_im_start_end", false, where, err);
    if (!st && flag) st = thx_fail(err, THORAX_FORMAT, 0, "%s: mm_use_im_start_end: expected false", where);
    return st;
}

/* Patch size and width of a head: stated, or by the name timm has for the model ("vit_base_patch14_dinov2"). */
static thorax_status read_patch(size_t *patch, size_t *head, const json_t *vision, const char *path, thorax_error *err)
{
    const char   *name = json_string_value(json_object_get(vision, "timm_model_name"));
    const char   *at = name ? strstr(name, "_patch") : NULL;
    const size_t  told = at ? (size_t)strtoul(at + 6, NULL, 10) : 0;
    thorax_status st = thx_json_size(patch, vision, "patch_size", told ? told : 14, 1, 4096, path, err);

    return st ? st : thx_json_size(head, vision, "head_width", 64, 1, 4096, path, err);
}

static thorax_status read_clip(config *c, const thx_model *m, const json_t *top, thorax_error *err)
{
    thorax_status st = THORAX_OK;

    c->clip_path = thx_trunk_config(m->folder, top);
    if (c->clip_path) st = thx_json_read(&c->clip, c->clip_path, VISION_MAX_BYTES, err);
    return st;
}

static const json_t *vision_cfg(const config *c)
{
    const json_t *model = thx_llm_part(c->clip, "model_cfg");
    return thx_llm_part(model ? model : c->clip, "vision_cfg");
}

static thorax_status no_tower(const thx_model *m, thorax_error *err)
{
    return thx_fail(err, THORAX_MODEL, 0,
                    "%s: the vision tower is missing: expected biomedclipcxr_518_checkpoint.pt and biomedclipcxr_518.json beside "
                    "config.json", m->folder);
}

static const thx_view *tower_view(const thx_binder *b, const config *c, const char *rest)
{
    char name[96];

    snprintf(name, sizeof name, "%s%s", c->tower, rest);
    return thx_binder_view(b, name);
}

/* Hidden state `select` of layers + 1, from behind when negative: so many layers run. */
static thorax_status choose_layers(config *c, thorax_error *err)
{
    const int64_t all = (int64_t)c->vit.layers + 1, depth = c->select < 0 ? all + c->select : c->select;

    if (depth < 0 || depth >= all)
        return thx_fail(err, THORAX_FORMAT, 0, "%s: mm_vision_select_layer: %lld of %lld hidden states", where,
                        (long long)c->select, (long long)all);
    c->vit.layers = (size_t)depth;
    return THORAX_OK;
}

/* The tower's sizes: by its tensors; its picture's and its heads' by its config. */
static thorax_status tower_sizes(config *c, const thx_model *m, const thx_binder *b, thorax_error *err)
{
    thx_vit_config *v = &c->vit;
    const thx_view *patch, *fc1, *position;

    c->tower = thx_binder_has(b, TRUNK "patch_embed.proj.weight") ? TRUNK : INSIDE;
    patch = tower_view(b, c, "patch_embed.proj.weight");
    fc1 = tower_view(b, c, "blocks.0.mlp.fc1.weight");
    position = tower_view(b, c, "pos_embed");
    if (!patch || patch->rank != 4 || !fc1 || fc1->rank != 2 || !position || position->rank != 3) return no_tower(m, err);
    v->D = patch->shape[0];
    v->F = fc1->shape[0];
    v->channels = patch->shape[1];
    v->patch_px = patch->shape[2];
    if (!v->tile_px) v->tile_px = (size_t)sqrt((double)position->shape[1]) * v->patch_px;
    if (v->channels != 3 || !v->patch_px || v->patch_px > v->tile_px || v->tile_px > 4096)
        return thx_fail(err, THORAX_MODEL, 0, "'%s': patches of %zu pixels, %zu channels, pictures of %zu pixels", patch->name,
                        v->patch_px, v->channels, v->tile_px);
    v->layers = thx_trunk_layers(b, c->tower);
    if (!v->H || v->D % v->H)
        return thx_fail(err, THORAX_MODEL, 0, "%s: width %zu does not divide into heads of %zu", m->folder, v->D, v->H);
    v->H = v->D / v->H;
    return choose_layers(c, err);
}

static thorax_status read_config(config *c, const thx_model *m, const json_t *top, const thx_binder *b, thorax_error *err)
{
    thx_vit_config *v = &c->vit;
    thorax_status   st = thx_llm_read(&c->text, top, &llama, err);
    const json_t   *layer = json_object_get(top, "mm_vision_select_layer");

    if (!st) st = check_fixed(top, err);
    if (!st) st = read_clip(c, m, top, err);
    if (st) return st;
    *v = (thx_vit_config){ .channels = 3, .class_token = true, .act = THX_GELU_ERF, .norm_eps = 1e-6f };
    c->select = json_is_integer(layer) ? json_integer_value(layer) : -2;
    const json_t *vision = vision_cfg(c);
    st = read_patch(&v->patch_px, &v->H, vision, c->clip_path ? c->clip_path : where, err);
    if (!st && vision) st = thx_json_size(&v->tile_px, vision, "image_size", 224, 1, 4096, c->clip_path, err);
    if (!st && b) st = tower_sizes(c, m, b, err);
    else if (!st && !vision) st = no_tower(m, err);
    return st;
}

/* ---- Tensors ---- */

static thorax_status bind_projector(thx_model *m, thx_binder *b, thorax_error *err)
{
    thx_projector *p = &m->projector;
    thorax_status  st = thx_bind_pair(b, &p->linear_1_w, &p->linear_1_b, PROJECTOR, "0", p->D, p->Dv, err);

    return st ? st : thx_bind_pair(b, &p->linear_2_w, &p->linear_2_b, PROJECTOR, "2", p->D, p->D, err);
}

static bool is_adapter(const char *canonical_name)
{
    const size_t n = strlen(canonical_name);
    return n > 7 && (!strcmp(canonical_name + n - 7, ".lora_A") || !strcmp(canonical_name + n - 7, ".lora_B"));
}

/* The decoder, with the adapter where the folder has one. */
static thorax_status bind_text(thx_model *m, thx_binder *b, const config *c, thorax_error *err)
{
    thx_lora      lora;
    const size_t  stored = thx_binder_count(b, is_adapter);
    thorax_status st;

    m->adapted = stored > 0;
    if (!stored && has_adapter(m->folder))
        return thx_fail(err, THORAX_MODEL, 0, "%s: its adapter holds no lora_A and lora_B: it would not take effect", m->folder);
    if (!stored) return thx_llm_bind(m, b, &c->text, NULL, TEXT, HEAD, err);
    st = thx_lora_read(&lora, m->folder, err);
    lora.binder = b;
    lora.use = m->options.lora;
    if (!st) st = thx_llm_bind(m, b, &c->text, &lora, TEXT, HEAD, err);
    if (!st) st = thx_lora_end(&lora, stored, err);
    return !st && lora.use == THX_LORA_KEEP && !thx_binder_accounts(b) ? thx_lora_plain(m, err) : st;
}

static thorax_status bind_all(thx_model *m, thx_binder *b, const config *c, thorax_error *err)
{
    thorax_status st = thx_trunk_bind(b, &m->vit, c->tower, err);

    if (!st) st = bind_projector(m, b, err);
    if (!st) st = bind_text(m, b, c, err);
    return st ? st : thx_binder_end(b, unused, err);
}

static thorax_status load(thx_model *m, const json_t *top, thx_account *account, thorax_error *err)
{
    config        c = { 0 };
    thx_binder   *b = NULL;
    thorax_status st = m->weights ? thx_binder_open(&b, m, canonical, account, err) : THORAX_OK;

    if (!st) st = read_config(&c, m, top, b, err);
    if (!st) {
        m->vit.config = c.vit;
        m->decoder.config = c.text.decoder;
        m->projector = (thx_projector){ .Dv = c.vit.D, .D = c.text.decoder.D, .act = THX_GELU_ERF };
        m->image_id = (int32_t)c.text.decoder.V; /* a sentinel beyond all ids */
        if (m->tokenizer && thx_tokenizer_size(m->tokenizer) > c.text.decoder.V)
            m->image_id = (int32_t)thx_tokenizer_size(m->tokenizer);
        st = thx_recipe_open_clip(&m->recipe, json_object_get(c.clip, "preprocess_cfg"), c.clip_path ? c.clip_path : where,
                                  (uint32_t)c.vit.tile_px, (uint32_t)c.vit.patch_px, err);
    }
    if (!st && b) st = bind_all(m, b, &c, err);
    thx_binder_close(b);
    json_decref(c.clip);
    free(c.clip_path);
    return st;
}

const thx_family thx_family_llava_rad = {
    .name = "llava-rad",
    .matches = matches,
    .open_weights = open_weights,
    .text_folder = text_folder,
    .load = load,
    .question = question,
    .chat = "v1",
    .max_new_tokens = 256,
    .role = role,
};
