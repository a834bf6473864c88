/* Opening CLIP-type folders: their files, names of tensors, identity; see clip.h. */
#include "model/clip_internal.h"
#include "model/trunk.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "prep/recipe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CONFIG_MAX_BYTES = 16 << 20 };

/* ---- Tensor names ---- */

static bool strip(const char **name, const char *prefix)
{
    const size_t n = strlen(prefix);

    if (strncmp(*name, prefix, n)) return false;
    *name += n;
    return true;
}

/* open_clip's own names, without what a training run or LLaVA's model put in front. */
static bool canonical(char *out, size_t size, const char *stored)
{
    const char *n = stored, *room = "";

    strip(&n, "state_dict.");
    strip(&n, "module.");
    strip(&n, "model.");
    if (strip(&n, "vision_tower.")) {
        if (!strip(&n, "vision_tower.vit.")) return false;
        room = THX_CLIP_TRUNK;
    } else if (strncmp(n, "visual.", 7) && strncmp(n, "text.", 5) && strcmp(n, "logit_scale")) {
        return false;
    }
    return (size_t)snprintf(out, size, "%s%s", room, n) < size;
}

/* ---- The folder ---- */

/* exp of the one value of logit_scale; 0 where there is none. */
static double read_logit_scale(const thx_clip_loading *l)
{
    const thx_view *v = thx_binder_view(l->binder, "logit_scale");
    uint32_t        bits = 0;
    float           f = 0;

    if (!v || v->count != 1 || (v->type != THX_F32 && v->type != THX_F16 && v->type != THX_BF16))
        return 0;
    memcpy(&bits, v->data, thx_type_bytes(v->type));
    if (v->type == THX_F32)
        memcpy(&f, &bits, sizeof f);
    else
        f = v->type == THX_F16 ? thx_f32_from_f16((uint16_t)bits)
                               : thx_f32_from_bf16((uint16_t)bits);
    return exp((double)f);
}

/* Folds a digest of 64 digits into another, whatever the order they come in. */
static void fold(unsigned char sum[64], const char hex[65])
{
    for (size_t i = 0; i < 64; i++) sum[i] ^= (unsigned char)hex[i];
}

/* SHA-256 of what decides about vectors: the config, mean and deviation, and of every tensor of the model its name,
 * type, shape and 64 bytes in its middle. The container, and what else lies in it, does not matter. */
static void identify(thx_model *m, const json_t *config)
{
    unsigned char sum[64] = { 0 };
    char          name[512], hex[65], *text = json_dumps(config, JSON_COMPACT | JSON_SORT_KEYS);
    thx_sha256    h;

    for (size_t i = 0; i < thx_weights_count(m->weights); i++) {
        const thx_view *v = thx_weights_at(m->weights, i);
        const size_t    bytes = thx_view_bytes(v), n = bytes < 64 ? bytes : 64;
        if (!canonical(name, sizeof name, v->name) || strstr(name, "position_ids") ||
            strstr(name, THX_CLIP_BERT "pooler"))
            continue;
        thx_sha256_init(&h);
        thx_sha256_add(&h, name, strlen(name) + 1);
        thx_sha256_add(&h, thx_type_name(v->type), strlen(thx_type_name(v->type)));
        thx_sha256_add(&h, v->shape, v->rank * sizeof v->shape[0]);
        if (n) thx_sha256_add(&h, (const unsigned char *)v->data + (bytes - n) / 2, n);
        thx_sha256_end(&h, hex);
        fold(sum, hex);
    }
    thx_sha256_init(&h);
    if (text) thx_sha256_add(&h, text, strlen(text));
    thx_sha256_add(&h, m->recipe.mean, sizeof m->recipe.mean);
    thx_sha256_add(&h, m->recipe.std, sizeof m->recipe.std);
    thx_sha256_add(&h, sum, sizeof sum);
    thx_sha256_end(&h, m->identity);
    free(text);
}

/* The folder's own vocabulary; LLaVA-Rad's folder has none, its text tower then stays unused. */
static thorax_status open_tokenizer(thx_clip *c, thorax_error *err)
{
    thx_model    *m = c->model;
    char         *path = thx_path_join(m->folder, "vocab.txt");
    thorax_status st = THORAX_OK;

    if (!path) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    if (thx_file_exists(path)) {
        st = thx_tokenizer_open(&m->tokenizer, m->folder, err);
        if (!st) {
            c->first = thx_tokenizer_id(m->tokenizer, "[CLS]");
            c->last = thx_tokenizer_id(m->tokenizer, "[SEP]");
            if (c->first < 0 || c->last < 0 ||
                thx_tokenizer_size(m->tokenizer) > c->encoder.config.V)
                st =
                    thx_fail(err, THORAX_MODEL, 0,
                             "%s: expected [CLS], [SEP] and at most %zu entries, found %zu entries",
                             path, c->encoder.config.V, thx_tokenizer_size(m->tokenizer));
        }
    }
    free(path);
    return st;
}

/* By two tensors of its first layer, so that one that is missing is seen. Embeddings alone are no tower. */
static bool has_text_tower(const thx_binder *b)
{
    return thx_binder_has(b, THX_CLIP_BERT "encoder.layer.0.output.dense.weight") ||
           thx_binder_has(b, THX_CLIP_BERT "encoder.layer.0.intermediate.dense.weight");
}

static thorax_status load(thx_clip_loading *l, const json_t *root, const json_t *config,
                          thorax_error *err)
{
    thx_model    *m = l->clip->model;
    size_t        embed;
    thorax_status st;

    l->vision = json_object_get(config, "vision_cfg");
    l->text = json_object_get(config, "text_cfg");
    if (!json_is_object(l->vision))
        return thx_fail(err, THORAX_MODEL, 0, "%s: vision_cfg: expected an object", l->path);
    if ((st = thx_json_size(&embed, config, "embed_dim", 512, 1, 1u << 16, l->path, err)))
        return st;
    if ((st = thx_clip_read_vision(l, err))) return st;
    const thx_vit_config *v = &m->vit.config;
    st = thx_recipe_open_clip(&m->recipe, json_object_get(root, "preprocess_cfg"), l->path,
                              (uint32_t)v->tile_px, (uint32_t)v->patch_px, err);
    if (!st) st = thx_clip_bind_vision(l, embed, err);
    l->clip->texts = l->clip->head && json_is_object(l->text) && has_text_tower(l->binder);
    if (!st && l->clip->texts) st = thx_clip_read_text(l, err);
    if (!st && l->clip->texts) st = thx_clip_bind_text(l, err);
    if (!st && l->clip->texts) st = open_tokenizer(l->clip, err);
    l->clip->logit_scale = read_logit_scale(l);
    if (!st) identify(m, config);
    return st;
}

/* ---- Files ---- */

/* folder/name if there is such a file; the caller frees it. */
static char *file_in(const char *folder, const char *name)
{
    char *path = name && *name ? thx_path_join(folder, name) : NULL;

    if (path && thx_file_exists(path)) return path;
    free(path);
    return NULL;
}

/* Config and weights of the folder; *weights is NULL where only the folder itself can hold them. */
static void find_files(char **config, char **weights, const char *folder, const json_t *llava)
{
    static const char *const files[] = { "open_clip_model.safetensors",
                                         "open_clip_pytorch_model.safetensors",
                                         "open_clip_pytorch_model.bin" };

    *weights = NULL;
    *config = file_in(folder, "open_clip_config.json");
    for (size_t i = 0; *config && !*weights && i < sizeof files / sizeof files[0]; i++)
        *weights = file_in(folder, files[i]);
    if (!*config) *config = thx_trunk_config(folder, llava);
    if (!*weights) *weights = thx_trunk_checkpoint(folder, llava);
}

static thorax_status read_config(json_t **root, const char *path, const char *folder,
                                 thorax_error *err)
{
    if (path) return thx_json_read(root, path, CONFIG_MAX_BYTES, err);
    return thx_fail(err, THORAX_MODEL, 0,
                    "%s: expected a folder with open_clip_config.json (BiomedCLIP) or "
                    "biomedclipcxr_518.json (LLaVA-Rad), found neither",
                    folder);
}

static thorax_status open_folder(thx_clip *c, const char *folder, thorax_error *err)
{
    char            *llava_path = file_in(folder, "config.json"), *path, *weights;
    json_t          *llava = NULL, *root = NULL;
    thx_clip_loading l = { .clip = c };
    thorax_status    st =
        llava_path ? thx_json_read(&llava, llava_path, CONFIG_MAX_BYTES, err) : THORAX_OK;

    find_files(&path, &weights, folder, llava);
    if (!st) st = read_config(&root, path, folder, err);
    if (!st) st = thx_weights_open(&c->model->weights, weights ? weights : folder, err);
    if (!st) st = thx_binder_open(&l.binder, c->model, canonical, NULL, err);
    if (!st) {
        const json_t *config = json_object_get(root, "model_cfg");
        l.path = path;
        st = load(&l, root, config ? config : root, err);
    }
    thx_binder_close(l.binder);
    json_decref(root);
    json_decref(llava);
    free(llava_path);
    free(path);
    free(weights);
    return st;
}

thorax_status thx_clip_open(thx_clip **out, thx_ctx *ctx, const char *folder, thorax_error *err)
{
    thx_clip *c = calloc(1, sizeof *c);

    *out = NULL;
    if (!c) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    thorax_status st = thx_model_new(&c->model, ctx, folder, err);
    if (!st) st = open_folder(c, folder, err);
    if (!st) {
        *out = c;
        return THORAX_OK;
    }
    thx_clip_close(c);
    if (st == THORAX_NOMEM) return st;
    if (err) err->status = THORAX_MODEL; /* whatever is wrong with a folder's files */
    return THORAX_MODEL;
}

void thx_clip_close(thx_clip *c)
{
    if (!c) return;
    thx_model_close(c->model);
    free(c);
}
