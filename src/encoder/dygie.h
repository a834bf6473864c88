/* The head of RadGraph's models (DyGIE++ as they use it): word vectors in; entities and relations out.
 *
 * Spans of up to `max_width` words are the pairs of their first and last word's vector and a learned vector of their
 * width. One feed-forward block scores every span's labels. Another one chooses the spans that relations are looked
 * for between, and a third scores every ordered pair of these. Where no label scores above 0 there is none. Method:
 * radgraph's dygie/models (dygie.py, ner.py, relation.py) and the Pruner of AllenNLP. */
#ifndef THX_ENCODER_DYGIE_H
#define THX_ENCODER_DYGIE_H

#include "ops/ops.h"

enum {
    THX_DYGIE_LAYERS = 8,   /* of a block, at most                                             */
    THX_DYGIE_WORDS = 8192  /* of a text, at most: the work grows with the square of their number */
};

typedef struct thx_dygie_config {
    size_t D;                          /* width of a word vector                                  */
    size_t feature;                    /* of the vector of a span's width                         */
    size_t max_width;                  /* words of a span                                         */
    size_t layers;                     /* of a block, each with a ReLU behind it                  */
    size_t hidden[THX_DYGIE_LAYERS];   /* their units                                             */
    size_t entity_labels, relation_labels; /* without the null label                              */
    double spans_per_word;             /* of this share of the words as many spans are kept, rounded up */
} thx_dygie_config;

/* A block and the linear layer behind it. */
typedef struct thx_dygie_block {
    thx_weight *w[THX_DYGIE_LAYERS + 1]; /* [hidden, inputs] …, then [outputs, hidden] */
    thx_weight *b[THX_DYGIE_LAYERS + 1]; /* [hidden] …, then [outputs]                 */
} thx_dygie_block;

typedef struct thx_dygie {
    thx_dygie_config config;
    thx_weight      *width;    /* [max_width, feature], as rows    */
    thx_dygie_block  entities; /* [entity_labels]                  */
    thx_dygie_block  pruner;   /* [1]                              */
    thx_dygie_block  pairs;    /* [relation_labels], of three spans' inputs */
} thx_dygie;

/* Makes a tensor ready, by the name it has in the archive: [rows, cols], or with cols = 0 [rows]. The weight belongs to
 * whoever provides the function, and must outlive the head. */
typedef thorax_status thx_dygie_bind(void *data, thx_weight **out, thx_weight_use use, const char *name, size_t rows,
                                     size_t cols, thorax_error *err);

/* Binds the tensors of a model type ("radgraph-xl"). What `bind` returns. */
thorax_status thx_dygie_init(thx_dygie *out, const thx_dygie_config *config, const char *type, thx_dygie_bind *bind,
                             void *data, thorax_error *err);

/* ---- A text ---- */

typedef struct thx_dygie_span { uint32_t first, last; } thx_dygie_span; /* words, both counted */
typedef struct thx_dygie_entity {
    thx_dygie_span span;
    uint32_t       label;          /* 0 is the first that is not null     */
    float          score, softmax; /* raw, and among all labels with null */
} thx_dygie_entity;
typedef struct thx_dygie_relation {
    thx_dygie_span from, to;
    uint32_t       label;
    float          score, softmax;
} thx_dygie_relation;

/* What is found; arrays of their own. */
typedef struct thx_dygie_found {
    thx_dygie_span     *kept;      /* ascending */
    thx_dygie_entity   *entities;  /* by their first word, then by their last */
    thx_dygie_relation *relations; /* row by row of the kept spans */
    size_t n_spans, n_kept, n_entities, n_relations;
} thx_dygie_found;

/* words [n, D], n > 0: the vectors of one text's words. THORAX_LIMIT: more than THX_DYGIE_WORDS;
 * THORAX_NOMEM; then *out is empty, else the caller deinits it. */
thorax_status thx_dygie_find(thx_ctx *ctx, const thx_dygie *d, thx_dygie_found *out, thx_tensor words,
                             thorax_error *err);
void          thx_dygie_found_deinit(thx_dygie_found *f);

#endif
