/* Sizes and tensors of CLIP-type models. Sizes come from the tensors where the config does not state them, and are
 * held against it where it does; heads, which no tensor shows, are 64 wide unless it says otherwise. */
#include "base/json.h"
#include "model/clip_internal.h"
#include "model/encoder_bind.h"
#include "model/trunk.h"

#include <string.h>

enum { HEAD_WIDTH = 64, CONTEXT = 77 /* open_clip's default */, LAYERS_MAX = 1024 };

/* ---- Sizes ---- */

/* The tensor's dimensions, which must be of this rank. */
static thorax_status shape_of(uint64_t shape[4], const thx_clip_loading *l, const char *name,
                              uint32_t rank, thorax_error *err)
{
    const thx_view *v = thx_binder_view(l->binder, name);

    if (!v || v->rank != rank)
        return thx_fail(err, THORAX_MODEL, 0, "%s: tensor '%s' of %u dimensions is missing",
                        l->clip->model->folder, name, rank);
    for (uint32_t i = 0; i < rank; i++) {
        shape[i] = v->shape[i];
        if (!shape[i] || shape[i] > 1u << 24)
            return thx_fail(err, THORAX_MODEL, 0, "%s: tensor '%s': a dimension of %llu",
                            l->clip->model->folder, name, (unsigned long long)shape[i]);
    }
    return THORAX_OK;
}

/* Layers are counted by two tensors that each of them has: where one of them is missing, binding says so. */
static size_t text_layers(const thx_clip_loading *l)
{
    static const char *const rest[2] = { "output.dense.weight", "intermediate.dense.weight" };
    char                     name[2][96];
    size_t                   n = 0;

    for (; n < LAYERS_MAX; n++) {
        for (size_t i = 0; i < 2; i++)
            snprintf(name[i], sizeof name[i], THX_CLIP_BERT "encoder.layer.%zu.%s", n, rest[i]);
        if (!thx_binder_has(l->binder, name[0]) && !thx_binder_has(l->binder, name[1])) break;
    }
    return n;
}

/* What the config states must be what the tensors have. */
static thorax_status agree(const thx_clip_loading *l, const json_t *object, const char *key,
                           size_t found, thorax_error *err)
{
    size_t              stated;
    const thorax_status st = thx_json_size(&stated, object, key, found, 1, 1u << 24, l->path, err);

    if (st || stated == found) return st;
    return thx_fail(err, THORAX_MODEL, 0, "%s: %s: %zu stated, the tensors have %zu", l->path, key,
                    stated, found);
}

/* A setting of which one value (or its absence, where that means the same) is implemented. */
static thorax_status expect(const thx_clip_loading *l, const json_t *object, const char *key,
                            const char *want, const char *other, thorax_error *err)
{
    const char         *text;
    const thorax_status st = thx_json_text(&text, object, key, "", l->path, err);

    if (st || !strcmp(text, want) || (other && !strcmp(text, other))) return st;
    return thx_fail(err, THORAX_MODEL, 0, "%s: %s: expected '%s', found '%.40s'", l->path, key,
                    want, text);
}

thorax_status thx_clip_read_vision(thx_clip_loading *l, thorax_error *err)
{
    thx_vit_config *c = &l->clip->model->vit.config;
    uint64_t        patch[4], fc1[4];
    size_t          E;
    thorax_status   st;

    if ((st = shape_of(patch, l, THX_CLIP_TRUNK "patch_embed.proj.weight", 4, err))) return st;
    if ((st = shape_of(fc1, l, THX_CLIP_TRUNK "blocks.0.mlp.fc1.weight", 2, err))) return st;
    *c = (thx_vit_config){ .D = patch[0],
                           .F = fc1[0],
                           .channels = patch[1],
                           .patch_px = patch[2],
                           .class_token = true,
                           .layers = thx_trunk_layers(l->binder, THX_CLIP_TRUNK),
                           .act = THX_GELU_ERF,
                           .norm_eps = 1e-6f };
    if ((st = agree(l, l->vision, "width", c->D, err))) return st;
    if ((st = agree(l, l->vision, "layers", c->layers, err))) return st;
    if ((st = agree(l, l->vision, "patch_size", c->patch_px, err))) return st;
    if ((st = expect(l, l->vision, "timm_pool", "", "token", err))) return st;
    if ((st = expect(l, l->vision, "timm_proj", "linear", "", err))) return st;
    if ((st = thx_json_size(&E, l->vision, "head_width", HEAD_WIDTH, 1, 4096, l->path, err)))
        return st;
    if ((st = thx_json_size(&c->tile_px, l->vision, "image_size", 224, 2, 4096, l->path, err)))
        return st;
    if (c->channels != 3 || c->patch_px > c->tile_px || c->D % E)
        return thx_fail(err, THORAX_MODEL, 0,
                        "%s: a tower of width %zu with heads of %zu, patches of %zu pixels and %zu "
                        "channels on %zu pixels cannot be built",
                        l->path, c->D, E, c->patch_px, c->channels, c->tile_px);
    c->H = c->D / E;
    return THORAX_OK;
}

thorax_status thx_clip_read_text(thx_clip_loading *l, thorax_error *err)
{
    thx_encoder_config *c = &l->clip->encoder.config;
    uint64_t            words[4], positions[4], fc1[4];
    thorax_status       st;

    if ((st = shape_of(words, l, THX_CLIP_BERT "embeddings.word_embeddings.weight", 2, err)))
        return st;
    if ((st = shape_of(positions, l, THX_CLIP_BERT "embeddings.position_embeddings.weight", 2, err)))
        return st;
    if ((st = shape_of(fc1, l, THX_CLIP_BERT "encoder.layer.0.intermediate.dense.weight", 2, err)))
        return st;
    *c = (thx_encoder_config){ .D = words[1],
                               .V = words[0],
                               .positions = positions[0],
                               .F = fc1[0],
                               .layers = text_layers(l),
                               .act = THX_GELU_ERF,
                               .norm_eps = 1e-12f };
    if ((st = expect(l, l->text, "hf_pooler_type", "cls_last_hidden_state_pooler", NULL, err)))
        return st;
    if ((st = expect(l, l->text, "hf_proj_type", "mlp", "linear", err))) return st;
    if ((st = thx_json_size(&l->clip->context, l->text, "context_length", CONTEXT, 3, c->positions,
                            l->path, err)))
        return st;
    if (c->D % HEAD_WIDTH)
        return thx_fail(err, THORAX_MODEL, 0,
                        "%s: a text tower of width %zu does not divide into heads of %d", l->path,
                        c->D, HEAD_WIDTH);
    c->H = c->D / HEAD_WIDTH;
    return THORAX_OK;
}

/* ---- Binding ---- */

thorax_status thx_clip_bind_vision(thx_clip_loading *l, size_t embed, thorax_error *err)
{
    static const char     head[] = "visual.head.proj.weight";
    thx_vit              *vit = &l->clip->model->vit;
    const thx_vit_config *c = &vit->config;
    thorax_status         st;

    st = thx_trunk_bind(l->binder, vit, THX_CLIP_TRUNK, err);
    if (!st)
        st = thx_bind_pair(l->binder, &vit->norm_w, &vit->norm_b, THX_CLIP_TRUNK, "norm", c->D, 0,
                           err);
    l->clip->d = c->D;
    if (st || !thx_binder_has(l->binder, head)) return st;
    l->clip->d = embed;
    return thx_bind(l->binder, &l->clip->head, THX_USE_LINEAR, head, 2, (uint64_t[]){ embed, c->D },
                    err);
}

/* The way from [CLS] into the common space: one matrix, or two with a GELU between. */
static thorax_status bind_projection(thx_clip_loading *l, thorax_error *err)
{
    thx_clip     *c = l->clip;
    const size_t  D = c->encoder.config.D;
    uint64_t      first[4];
    thorax_status st;

    if (thx_binder_has(l->binder, "text.proj.weight"))
        return thx_bind(l->binder, &c->project_1, THX_USE_LINEAR, "text.proj.weight", 2,
                        (uint64_t[]){ c->d, D }, err);
    if ((st = shape_of(first, l, "text.proj.0.weight", 2, err))) return st;
    c->hidden = first[0];
    st = thx_bind(l->binder, &c->project_1, THX_USE_LINEAR, "text.proj.0.weight", 2,
                  (uint64_t[]){ c->hidden, D }, err);
    if (st) return st;
    return thx_bind(l->binder, &c->project_2, THX_USE_LINEAR, "text.proj.2.weight", 2,
                    (uint64_t[]){ c->d, c->hidden }, err);
}

thorax_status thx_clip_bind_text(thx_clip_loading *l, thorax_error *err)
{
    uint64_t      types[4];
    thorax_status st = shape_of(types, l, THX_CLIP_BERT "embeddings.token_type_embeddings.weight", 2, err);

    if (st) return st;
    const thx_encoder_layout layout = { .names = &thx_names_bert,
                                        .types = types[0],
                                        .positions = true,
                                        .norm_bias = true,
                                        .attention_bias = true,
                                        .fc_bias = true };
    st = thx_encoder_bind(l->binder, &l->clip->encoder, &layout, THX_CLIP_BERT, err);
    return st ? st : bind_projection(l, err);
}
