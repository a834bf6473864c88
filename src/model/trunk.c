/* Tensors and files of a vision trunk; see trunk.h. */
#include "model/trunk.h"

#include "base/file.h"
#include "base/json.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS_MAX = 1024, NAME_BYTES = 128, CONFIG_MAX_BYTES = 1 << 20 };

static bool has(const thx_binder *b, const char *prefix, const char *rest)
{
    char name[NAME_BYTES];

    snprintf(name, sizeof name, "%s%s", prefix, rest);
    return thx_binder_has(b, name);
}

size_t thx_trunk_layers(const thx_binder *b, const char *prefix)
{
    char   block[NAME_BYTES - 32];
    size_t n = 0;

    for (; n < LAYERS_MAX; n++) {
        snprintf(block, sizeof block, "%sblocks.%zu.", prefix, n);
        if (!has(b, block, "mlp.fc1.weight") && !has(b, block, "norm1.weight")) break;
    }
    return n;
}

static thorax_status bind_block(thx_binder *b, thx_vit_layer *l, const thx_vit_config *c, const char *prefix,
                                thorax_error *err)
{
    const bool    scaled = has(b, prefix, "ls1.gamma") || has(b, prefix, "ls2.gamma");
    thorax_status st;

    if ((st = thx_bind_pair(b, &l->ln1_w, &l->ln1_b, prefix, "norm1", c->D, 0, err))) return st;
    if ((st = thx_bind_pair(b, &l->qkv_w, &l->qkv_b, prefix, "attn.qkv", 3 * c->D, c->D, err))) return st;
    if ((st = thx_bind_pair(b, &l->o_w, &l->o_b, prefix, "attn.proj", c->D, c->D, err))) return st;
    if ((st = thx_bind_pair(b, &l->ln2_w, &l->ln2_b, prefix, "norm2", c->D, 0, err))) return st;
    if ((st = thx_bind_pair(b, &l->fc1_w, &l->fc1_b, prefix, "mlp.fc1", c->F, c->D, err))) return st;
    if ((st = thx_bind_pair(b, &l->fc2_w, &l->fc2_b, prefix, "mlp.fc2", c->D, c->F, err))) return st;
    if (!scaled) return THORAX_OK;
    if ((st = thx_bind_named(b, &l->scale1, prefix, "ls1.gamma", c->D, 0, err))) return st;
    return thx_bind_named(b, &l->scale2, prefix, "ls2.gamma", c->D, 0, err);
}

/* prefix + rest with the shape [a, b, c] or [a, b, c, d] (d > 0) */
static thorax_status bind_deep(thx_binder *b, thx_weight **w, thx_weight_use use, const char *prefix, const char *rest,
                               const uint64_t shape[4], thorax_error *err)
{
    char name[NAME_BYTES];

    snprintf(name, sizeof name, "%s%s", prefix, rest);
    return thx_bind(b, w, use, name, shape[3] ? 4 : 3, shape, err);
}

thorax_status thx_trunk_bind(thx_binder *b, thx_vit *vit, const char *prefix, thorax_error *err)
{
    const thx_vit_config *c = &vit->config;
    const uint64_t        patch[4] = { c->D, c->channels, c->patch_px, c->patch_px };
    const uint64_t        token[4] = { 1, 1, c->D, 0 }, position[4] = { 1, thx_vit_rows(c), c->D, 0 };
    char                  block[NAME_BYTES - 32];
    thorax_status         st;

    vit->layers = thx_arena_zalloc(thx_binder_model(b)->arena, c->layers + 1, sizeof *vit->layers);
    if (!vit->layers) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    st = bind_deep(b, &vit->patch_w, THX_USE_LINEAR, prefix, "patch_embed.proj.weight", patch, err);
    if (!st) st = thx_bind_named(b, &vit->patch_b, prefix, "patch_embed.proj.bias", c->D, 0, err);
    if (!st) st = bind_deep(b, &vit->class_row, THX_USE_VECTOR, prefix, "cls_token", token, err);
    if (!st) st = bind_deep(b, &vit->position, THX_USE_ROWS, prefix, "pos_embed", position, err);
    for (size_t i = 0; i < c->layers && !st; i++) {
        snprintf(block, sizeof block, "%sblocks.%zu.", prefix, i);
        st = bind_block(b, &vit->layers[i], c, block, err);
    }
    return st;
}

/* ---- Files ---- */

/* Does the name end so? */
static bool ends(const char *name, const char *with)
{
    const size_t n = strlen(name), k = strlen(with);
    return n >= k && !strcmp(name + n - k, with);
}

static bool describes_tower(const char *path)
{
    json_t      *c = NULL;
    thorax_error ignored;
    const bool   read = ends(path, ".json") && !thx_json_read(&c, path, CONFIG_MAX_BYTES, &ignored);
    const json_t *model = json_object_get(c, "model_cfg");
    const bool   yes = read && json_is_object(json_object_get(model ? model : c, "vision_cfg"));

    json_decref(c);
    return yes;
}

static bool is_checkpoint(const char *path)
{
    const char *slash = strrchr(path, '/');

    return ends(path, ".pt") || ends(path, ".pth") ||
           (strstr(slash ? slash : path, "clip") && (ends(path, ".bin") || ends(path, ".safetensors")));
}

/* folder/name where there is such a file that fits (NULL: any does); NULL where not. */
static char *file_that(const char *folder, const char *name, bool (*fits)(const char *path))
{
    char *path = name && *name ? thx_path_join(folder, name) : NULL;

    if (path && thx_file_exists(path) && (!fits || fits(path))) return path;
    free(path);
    return NULL;
}

static char *beside(const char *folder, const json_t *llava, const char *key, const char *usual,
                    bool (*fits)(const char *path))
{
    const char *named = json_string_value(json_object_get(llava, key)), *slash = named ? strrchr(named, '/') : NULL;
    char       *found = file_that(folder, slash ? slash + 1 : named, fits);

    if (!found) found = file_that(folder, usual, NULL);
    if (found) return found;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        char *path = file_that(folder, e->d_name, fits);
        if (path && (!found || strcmp(path, found) < 0)) {
            free(found);
            found = path;
            path = NULL;
        }
        free(path);
    }
    if (d) closedir(d);
    return found;
}

char *thx_trunk_config(const char *folder, const json_t *llava)
{
    return beside(folder, llava, "mm_vision_tower_config", "biomedclipcxr_518.json", describes_tower);
}

char *thx_trunk_checkpoint(const char *folder, const json_t *llava)
{
    return beside(folder, llava, "mm_vision_tower_checkpoint", "biomedclipcxr_518_checkpoint.pt", is_checkpoint);
}
