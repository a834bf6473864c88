/* The tensors of RadGraph's head; see dygie.h. */
#include "encoder/dygie.h"

#include <stdio.h>

typedef struct binding {
    const char     *type;
    thx_dygie_bind *bind;
    void           *data;
} binding;

/* "<name>.weight" and "<name>.bias". */
static thorax_status bind_layer(const binding *b, thx_dygie_block *block, size_t i, const char *name, size_t rows,
                                size_t cols, thorax_error *err)
{
    char          full[256];
    thorax_status st;

    snprintf(full, sizeof full, "%s.weight", name);
    if ((st = b->bind(b->data, &block->w[i], THX_USE_LINEAR, full, rows, cols, err))) return st;
    snprintf(full, sizeof full, "%s.bias", name);
    return b->bind(b->data, &block->b[i], THX_USE_VECTOR, full, rows, 0, err);
}

/* Where a block's tensors are: what stands before and behind the model's type. */
typedef struct place { const char *hidden[2], *last[2]; } place;

static const place entities = { { "_ner._ner_scorers.", "__ner_labels.0._module" },
                                { "_ner._ner_scorers.", "__ner_labels.1._module" } };
static const place pruner = { { "_relation._mention_pruners.", "__relation_labels._scorer.0._module" },
                              { "_relation._mention_pruners.", "__relation_labels._scorer.1._module" } };
static const place pairs = { { "_relation._relation_feedforwards.", "__relation_labels" },
                             { "_relation._relation_scorers.", "__relation_labels" } };

static thorax_status bind_block(const binding *b, thx_dygie_block *block, const thx_dygie_config *c, const place *at,
                                size_t inputs, size_t outputs, thorax_error *err)
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

thorax_status thx_dygie_init(thx_dygie *out, const thx_dygie_config *config, const char *type, thx_dygie_bind *bind,
                             void *data, thorax_error *err)
{
    const binding b = { type, bind, data };
    const size_t  S = 2 * config->D + config->feature;
    thorax_status st;

    *out = (thx_dygie){ .config = *config };
    st = bind(data, &out->width, THX_USE_ROWS, "_endpoint_span_extractor._span_width_embedding.weight",
              config->max_width, config->feature, err);
    if (!st) st = bind_block(&b, &out->entities, config, &entities, S, config->entity_labels, err);
    if (!st) st = bind_block(&b, &out->pruner, config, &pruner, S, 1, err);
    return st ? st : bind_block(&b, &out->pairs, config, &pairs, 3 * S, config->relation_labels, err);
}
