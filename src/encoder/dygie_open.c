/* The tensors of RadGraph's head; see dygie.h. */
#include "encoder/dygie.h"

#include <stdio.h>
#include <string.h>

typedef struct binding {
    thx_ctx       *ctx;
    const char    *type, *where;
    thx_find_view *find;
    void          *data;
} binding;

/* Tensor `name` [rows, cols], with cols = 0 [rows]. */
static thorax_status bind(const binding *b, thx_weight **out, thx_weight_use use, const char *name, size_t rows, size_t cols,
                          thorax_error *err)
{
    const thx_view *v = b->find(b->data, name);

    if (!v) return thx_fail(err, THORAX_MODEL, 0, "%s: tensor '%s' is missing", b->where, name);
    if (v->rank != (cols ? 2u : 1u) || v->shape[0] != rows || (cols && v->shape[1] != cols))
        return thx_fail(err, THORAX_MODEL, 0, "%s: tensor '%s': expected [%zu, %zu], found %u dimensions, [%llu, %llu]", b->where, name,
                        rows, cols, v->rank, v->rank ? (unsigned long long)v->shape[0] : 0ull,
                        v->rank > 1 ? (unsigned long long)v->shape[1] : 0ull);
    return b->ctx->ops->weight_open(b->ctx, out, v, use, err);
}

/* "<name>.weight" and "<name>.bias". */
static thorax_status bind_layer(const binding *b, thx_dygie_block *block, size_t i, const char *name, size_t rows, size_t cols,
                                thorax_error *err)
{
    char          full[256];
    thorax_status st;

    snprintf(full, sizeof full, "%s.weight", name);
    if ((st = bind(b, &block->w[i], THX_USE_LINEAR, full, rows, cols, err))) return st;
    snprintf(full, sizeof full, "%s.bias", name);
    return bind(b, &block->b[i], THX_USE_VECTOR, full, rows, 0, err);
}

/* Where a block's tensors are: what stands before and behind the model's type. */
typedef struct place { const char *hidden[2], *last[2]; } place;

static const place entities = { { "_ner._ner_scorers.", "__ner_labels.0._module" }, { "_ner._ner_scorers.", "__ner_labels.1._module" } };
static const place pruner = { { "_relation._mention_pruners.", "__relation_labels._scorer.0._module" },
                              { "_relation._mention_pruners.", "__relation_labels._scorer.1._module" } };
static const place pairs = { { "_relation._relation_feedforwards.", "__relation_labels" },
                             { "_relation._relation_scorers.", "__relation_labels" } };

static thorax_status bind_block(const binding *b, thx_dygie_block *block, const thx_dygie_config *c, const place *at, size_t inputs,
                                size_t outputs, thorax_error *err)
{
    char          name[240];
    thorax_status st = THORAX_OK;

    for (size_t i = 0; !st && i < c->layers; i++) {
        snprintf(name, sizeof name, "%s%s%s._linear_layers.%zu", at->hidden[0], b->type, at->hidden[1], i);
        st = bind_layer(b, block, i, name, c->hidden[i], i ? c->hidden[i - 1] : inputs, err);
    }
    snprintf(name, sizeof name, "%s%s%s", at->last[0], b->type, at->last[1]);
    return st ? st : bind_layer(b, block, c->layers, name, outputs, c->hidden[c->layers - 1], err);
}

thorax_status thx_dygie_init(thx_dygie *out, thx_ctx *ctx, const thx_dygie_config *config, const char *type, thx_find_view *find,
                             void *data, const char *where, thorax_error *err)
{
    const binding b = { ctx, type, where, find, data };
    const size_t  S = 2 * config->D + config->feature;
    thorax_status st;

    *out = (thx_dygie){ .config = *config };
    st = bind(&b, &out->width, THX_USE_ROWS, "_endpoint_span_extractor._span_width_embedding.weight", config->max_width, config->feature,
              err);
    if (!st) st = bind_block(&b, &out->entities, config, &entities, S, config->entity_labels, err);
    if (!st) st = bind_block(&b, &out->pruner, config, &pruner, S, 1, err);
    if (!st) st = bind_block(&b, &out->pairs, config, &pairs, 3 * S, config->relation_labels, err);
    if (st) thx_dygie_deinit(out);
    return st;
}

static void close_block(thx_dygie_block *block)
{
    for (size_t i = 0; i <= THX_DYGIE_LAYERS; i++) {
        thx_weight_close(block->w[i]);
        thx_weight_close(block->b[i]);
    }
}

void thx_dygie_deinit(thx_dygie *d)
{
    thx_weight_close(d->width);
    close_block(&d->entities);
    close_block(&d->pruner);
    close_block(&d->pairs);
    memset(d, 0, sizeof *d);
}
