/* Binding of text encoders; see encoder_bind.h. */
#include "model/encoder_bind.h"

#include <string.h>

enum { NAME = 160 };

const thx_encoder_names thx_names_bert = {
    .words = "embeddings.word_embeddings",
    .position = "embeddings.position_embeddings",
    .type = "embeddings.token_type_embeddings",
    .norm = "embeddings.LayerNorm",
    .layer = "encoder.layer.",
    .q = "attention.self.query",
    .k = "attention.self.key",
    .v = "attention.self.value",
    .o = "attention.output.dense",
    .norm1 = "attention.output.LayerNorm",
    .fc1 = "intermediate.dense",
    .fc2 = "output.dense",
    .norm2 = "output.LayerNorm",
};

/* One call's business. */
typedef struct binding {
    thx_binder               *binder;
    thx_encoder              *e;
    const thx_encoder_layout *layout;
    const char               *prefix;
    thorax_error             *err;
} binding;

static thorax_status bind_table(const binding *b, thx_weight **out, const char *name, size_t rows, size_t cols)
{
    char full[NAME];

    snprintf(full, sizeof full, "%s%s.weight", b->prefix, name);
    return thx_bind(b->binder, out, THX_USE_ROWS, full, 2, (uint64_t[]){ rows, cols }, b->err);
}

/* A weight with its bias where the kind has biases. */
static thorax_status bind_pair(const binding *b, thx_weight **w, thx_weight **bias, const char *prefix,
                               const char *name, size_t rows, size_t cols, bool has_bias)
{
    return thx_bind_pair(b->binder, w, has_bias ? bias : NULL, prefix, name, rows, cols, b->err);
}

static thorax_status bind_norm(const binding *b, thx_weight **w, thx_weight **bias, const char *prefix,
                               const char *name)
{
    return bind_pair(b, w, bias, prefix, name, b->e->config.D, 0, b->layout->norm_bias);
}

static thorax_status bind_attention(const binding *b, thx_encoder_layer *l, const char *prefix)
{
    const thx_encoder_names *n = b->layout->names;
    const size_t             D = b->e->config.D;
    const bool               bias = b->layout->attention_bias;
    thorax_status            st = bind_pair(b, &l->q_w, &l->q_b, prefix, n->q, n->k ? D : 3 * D, D, bias);

    if (!st && n->k) st = bind_pair(b, &l->k_w, &l->k_b, prefix, n->k, D, D, bias);
    if (!st && n->k) st = bind_pair(b, &l->v_w, &l->v_b, prefix, n->v, D, D, bias);
    if (!st && n->pos_k && b->e->config.c2p) st = bind_pair(b, &l->pos_k_w, &l->pos_k_b, prefix, n->pos_k, D, D, bias);
    if (!st && n->pos_q && b->e->config.p2c) st = bind_pair(b, &l->pos_q_w, &l->pos_q_b, prefix, n->pos_q, D, D, bias);
    return st ? st : bind_pair(b, &l->o_w, &l->o_b, prefix, n->o, D, D, bias);
}

static thorax_status bind_layer(const binding *b, size_t i)
{
    const thx_encoder_config *c = &b->e->config;
    const thx_encoder_names  *n = b->layout->names;
    thx_encoder_layer        *l = &b->e->layers[i];
    char                      prefix[NAME];
    thorax_status             st;

    snprintf(prefix, sizeof prefix, "%s%s%zu.", b->prefix, n->layer, i);
    st = bind_attention(b, l, prefix);
    if (!st && (i || !b->layout->norm1_behind_first)) st = bind_norm(b, &l->norm1_w, &l->norm1_b, prefix, n->norm1);
    if (!st)
        st = bind_pair(b, &l->fc1_w, &l->fc1_b, prefix, n->fc1, c->gated ? 2 * c->F : c->F, c->D, b->layout->fc_bias);
    if (!st) st = bind_pair(b, &l->fc2_w, &l->fc2_b, prefix, n->fc2, c->D, c->F, b->layout->fc_bias);
    return st ? st : bind_norm(b, &l->norm2_w, &l->norm2_b, prefix, n->norm2);
}

static thorax_status bind_tables(const binding *b)
{
    const thx_encoder_names  *n = b->layout->names;
    thx_encoder              *e = b->e;
    const thx_encoder_config *c = &e->config;
    const size_t              wide = c->distance == THX_DISTANCE_BIAS ? c->H : c->D;
    thorax_status             st = bind_table(b, &e->words, n->words, c->V, c->D);

    if (!st && b->layout->positions) st = bind_table(b, &e->position, n->position, c->positions, c->D);
    if (!st && b->layout->types) st = bind_table(b, &e->type, n->type, b->layout->types, c->D);
    if (!st && c->distance) st = bind_table(b, &e->distance, n->distance, b->layout->distances, wide);
    if (!st && b->layout->distance_norm)
        st = bind_norm(b, &e->distance_norm_w, &e->distance_norm_b, b->prefix, n->distance_norm);
    if (!st && n->last_norm) st = bind_norm(b, &e->last_norm_w, &e->last_norm_b, b->prefix, n->last_norm);
    return st ? st : bind_norm(b, &e->norm_w, &e->norm_b, b->prefix, n->norm);
}

thorax_status thx_encoder_bind(thx_binder *binder, thx_encoder *e, const thx_encoder_layout *layout, const char *prefix,
                               thorax_error *err)
{
    const binding b = { binder, e, layout, prefix, err };
    thorax_status st;

    e->layers = thx_arena_zalloc(thx_binder_model(binder)->arena, e->config.layers + 1, sizeof *e->layers);
    if (!e->layers) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    st = bind_tables(&b);
    for (size_t i = 0; i < e->config.layers && !st; i++) st = bind_layer(&b, i);
    return st;
}
