/* RadGraph's network; see radgraph.h. */
#include "model/radgraph.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/string.h"
#include "model/text_encoder.h"
#include "text/config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENCODER_PREFIX "_embedder.token_embedder_bert._matched_embedder.transformer_model."

enum { IDS_AT_ONCE = 4096 }; /* of several texts that go through the encoder together */

struct thx_radgraph_net {
    thx_radgraph_archive archive;
    thx_text_encoder    *encoder;
    thx_dygie            head;
    size_t               chunk;   /* ids of a chunk at most                                     */
    bool                 special; /* does the original put special tokens around chunks?        */
    char                 identity[65];
};

static thorax_status no_memory(thorax_error *err)
{
    return thx_fail(err, THORAX_NOMEM, 0, "no memory for the words of a text");
}

/* ---- Opening ---- */

static thorax_status bind(void *data, thx_weight **out, thx_weight_use use, const char *name, size_t rows, size_t cols,
                          thorax_error *err)
{
    thx_text_encoder *e = data;

    if (use == THX_USE_LINEAR) return thx_text_encoder_matrix(e, out, name, rows, cols, err);
    return use == THX_USE_ROWS ? thx_text_encoder_table(e, out, name, rows, cols, err)
                               : thx_text_encoder_vector(e, out, name, rows, err);
}

/* A tokenizer of the plain fast class gives build_inputs_with_special_tokens nothing to add. */
static thorax_status read_class(thx_radgraph_net *net, const char *folder, thorax_error *err)
{
    json_t             *config = NULL;
    const thorax_status st = thx_text_config(&config, folder, "tokenizer_config.json", err);
    const char         *name = json_string_value(json_object_get(config, "tokenizer_class"));

    net->special = name ? strcmp(name, "PreTrainedTokenizerFast") != 0
                        : thx_text_encoder_kind(net->encoder) != THX_TEXT_MODERNBERT;
    json_decref(config);
    return st;
}

/* "encoder" in the archive's folder, or beside the archive; for the caller to free, NULL when there is none. */
static char *find_encoder(const char *archive)
{
    const char *slash = strrchr(archive, '/');
    char       *inside = thx_path_join(archive, "encoder"), *folder = NULL, *beside = NULL;

    if (inside && thx_is_folder(inside)) return inside;
    free(inside);
    folder = slash ? strndup(archive, (size_t)(slash - archive) + 1) : strdup(".");
    if (folder) beside = thx_path_join(folder, "encoder");
    free(folder);
    if (beside && thx_is_folder(beside)) return beside;
    free(beside);
    return NULL;
}

static thorax_status open_encoder(thx_radgraph_net *net, thx_ctx *ctx, const char *archive, const char *folder,
                                  thorax_error *err)
{
    const thx_text_encoder_options o = { .weights = net->archive.weights, .prefix = ENCODER_PREFIX };
    thorax_status                  st = thx_text_encoder_open(&net->encoder, ctx, folder, &o, err);

    if (st) return st;
    net->archive.head.D = thx_text_encoder_width(net->encoder);
    net->chunk = net->archive.max_length ? net->archive.max_length : thx_text_encoder_limit(net->encoder);
    st = read_class(net, folder, err);
    if (!st) st = thx_dygie_init(&net->head, &net->archive.head, net->archive.type, bind, net->encoder, err);
    if (st && net->archive.fd >= 0) thx_error_prefix(err, archive);
    return st;
}

/* The mapped weights stay when the file that has no name is closed. */
static void forget_file(thx_radgraph_archive *a)
{
    if (a->fd >= 0) close(a->fd);
    a->fd = -1;
}

static void add_labels(thx_sha256 *h, const thx_labels *labels)
{
    for (size_t i = 0; i < labels->n; i++) thx_sha256_add(h, labels->at[i], strlen(labels->at[i]) + 1);
    thx_sha256_add(h, "", 1);
}

static void identify(thx_radgraph_net *net)
{
    char       settings[96];
    thx_sha256 h;

    snprintf(settings, sizeof settings, "%zu %.17g %d", net->chunk, net->archive.head.spans_per_word, net->special);
    thx_sha256_init(&h);
    thx_sha256_add(&h, thx_text_encoder_identity(net->encoder), 64);
    thx_sha256_add(&h, net->archive.type, strlen(net->archive.type) + 1);
    thx_sha256_add(&h, settings, strlen(settings) + 1);
    add_labels(&h, &net->archive.entities);
    add_labels(&h, &net->archive.relations);
    thx_sha256_end(&h, net->identity);
}

static thorax_status open_net(thx_radgraph_net *net, thx_ctx *ctx, const char *archive, const char *encoder,
                              thorax_error *err)
{
    char         *found = encoder ? strdup(encoder) : find_encoder(archive);
    thorax_status st = thx_radgraph_archive_open(&net->archive, archive, err);

    if (!st && !found)
        st = thx_fail(err, encoder ? THORAX_NOMEM : THORAX_MODEL, 0,
                      "%s: a folder of its encoder (%s: configuration and tokenizer) expected", archive,
                      net->archive.hub);
    if (!st) st = open_encoder(net, ctx, archive, found, err);
    if (!st) identify(net);
    forget_file(&net->archive);
    free(found);
    return st;
}

thorax_status thx_radgraph_net_open(thx_radgraph_net **out, thx_ctx *ctx, const char *archive, const char *encoder,
                                    thorax_error *err)
{
    thx_radgraph_net *net = calloc(1, sizeof *net);

    *out = NULL;
    if (!net) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    net->archive.fd = -1;
    const thorax_status st = open_net(net, ctx, archive, encoder, err);
    if (st) thx_radgraph_net_close(net);
    else *out = net;
    return st;
}

void thx_radgraph_net_close(thx_radgraph_net *net)
{
    if (!net) return;
    thx_text_encoder_close(net->encoder);
    thx_radgraph_archive_deinit(&net->archive);
    free(net);
}

const thx_radgraph_archive *thx_radgraph_net_archive(const thx_radgraph_net *net) { return &net->archive; }
size_t                      thx_radgraph_net_width(const thx_radgraph_net *net) { return net->archive.head.D; }
const char                 *thx_radgraph_net_identity(const thx_radgraph_net *net) { return net->identity; }

/* ---- Words to pieces ---- */

/* A full stop or question mark that was escaped counts as itself. */
static const char *shown(const char *word) { return !strcmp(word, "/.") || !strcmp(word, "/?") ? word + 1 : word; }

/* Pieces of all words without special tokens, and their places, the first of which is 1. */
static thorax_status cut_words(const thx_radgraph_net *net, const thx_word_list *words, thx_word_pieces *p,
                               thx_ids *ids, thorax_error *err)
{
    for (; p->words < words->n; p->words++) {
        const char         *word = shown(words->at[p->words]);
        const size_t        before = ids->size;
        const thorax_status st = thx_text_encoder_ids(net->encoder, word, strlen(word), SIZE_MAX, false, ids, err);
        if (st) return st;
        const bool some = ids->size > before;
        p->first[p->words] = some ? (uint32_t)before + 1 : THX_NO_PIECES;
        p->last[p->words] = some ? (uint32_t)ids->size : THX_NO_PIECES;
    }
    return ids->failed ? no_memory(err) : THORAX_OK;
}

/* Chunks of the pieces, each with what belongs around it. */
static void chunk_pieces(const thx_radgraph_net *net, thx_word_pieces *p, const thx_ids *ids)
{
    const size_t inner = net->special ? net->chunk - 2 : ids->size;

    for (size_t at = 0; at < ids->size; at += inner) {
        if (net->special) thx_ids_add(&p->ids, thx_text_encoder_first(net->encoder));
        for (size_t i = at; i < ids->size && i - at < inner; i++) thx_ids_add(&p->ids, ids->data[i]);
        if (net->special) thx_ids_add(&p->ids, thx_text_encoder_last(net->encoder));
    }
    p->chunk = p->ids.size > net->chunk ? net->chunk : 0;
}

thorax_status thx_radgraph_net_pieces(const thx_radgraph_net *net, const thx_word_list *words, thx_word_pieces *out,
                                      thorax_error *err)
{
    thx_ids       ids = { 0 };
    thorax_status st;

    *out = (thx_word_pieces){ 0 };
    out->first = calloc(words->n + 1, sizeof *out->first);
    out->last = calloc(words->n + 1, sizeof *out->last);
    st = out->first && out->last ? cut_words(net, words, out, &ids, err) : no_memory(err);
    if (!st) chunk_pieces(net, out, &ids);
    if (!st && out->ids.failed) st = no_memory(err);
    thx_ids_deinit(&ids);
    if (st) thx_word_pieces_deinit(out);
    return st;
}

void thx_word_pieces_deinit(thx_word_pieces *p)
{
    thx_ids_deinit(&p->ids);
    free(p->first);
    free(p->last);
    *p = (thx_word_pieces){ 0 };
}

/* ---- Rows to vectors ---- */

/* Rows that remain when the ends of all chunks but the first row and the last are taken away. */
static size_t rows_left(const thx_word_pieces *p)
{
    const size_t chunks = p->chunk ? (p->ids.size + p->chunk - 1) / p->chunk : 1;

    return p->ids.size - 2 * (chunks - 1);
}

/* Which of the encoder's rows is the one at place `at` of those. */
static size_t row_at(const thx_word_pieces *p, size_t at, size_t left)
{
    if (!p->chunk || !at) return at;
    if (at + 1 == left) return p->ids.size - 1;
    const size_t inner = p->chunk - 2;
    return (at - 1) / inner * p->chunk + 1 + (at - 1) % inner;
}

/* out [words, D]: means of the rows [ids, D] of each word's pieces. */
static void mean_rows(const thx_word_pieces *p, const float *rows, size_t D, float *out)
{
    const size_t left = rows_left(p);

    memset(out, 0, p->words * D * sizeof *out);
    for (size_t w = 0; w < p->words; w++) {
        float *to = out + w * D;
        size_t n = 0;
        for (size_t at = p->first[w]; p->first[w] != THX_NO_PIECES && at <= p->last[w] && at < left; at++, n++) {
            const float *row = rows + row_at(p, at, left) * D;
            for (size_t d = 0; d < D; d++) to[d] += row[d];
        }
        for (size_t d = 0; n > 1 && d < D; d++) to[d] /= (float)n;
    }
}

/* ---- Texts ---- */

/* Texts that go through the encoder together. */
typedef struct group {
    thx_word_pieces *pieces; /* [n]                                     */
    size_t           n, words, chunks;
    thx_ids          ids;    /* of all texts                            */
    size_t          *ends;   /* [chunks]                                */
    float           *rows;   /* [ids, D]                                */
    float           *vectors; /* [words, D]                             */
} group;

static void group_deinit(group *g)
{
    for (size_t i = 0; i < g->n; i++) thx_word_pieces_deinit(&g->pieces[i]);
    thx_ids_deinit(&g->ids);
    free(g->pieces);
    free(g->ends);
    free(g->rows);
    free(g->vectors);
}

/* Takes texts until their ids are enough; at least one. */
static thorax_status fill_group(const thx_radgraph_net *net, group *g, const thx_word_list *texts, size_t n,
                                thorax_error *err)
{
    thorax_status st = THORAX_OK;
    size_t        ids = 0;

    *g = (group){ .pieces = calloc(n, sizeof *g->pieces) };
    if (!g->pieces) return no_memory(err);
    while (!st && g->n < n && (!g->n || ids < IDS_AT_ONCE)) {
        thx_word_pieces *p = &g->pieces[g->n];
        if (!texts[g->n].n) return thx_fail(err, THORAX_USAGE, 0, "a text without words");
        if (texts[g->n].n > THX_DYGIE_WORDS)
            return thx_fail(err, THORAX_LIMIT, 0, "a text of %zu words: at most %d expected", texts[g->n].n,
                            THX_DYGIE_WORDS);
        if ((st = thx_radgraph_net_pieces(net, &texts[g->n], p, err))) return st;
        g->n++;
        g->words += p->words;
        ids += p->ids.size;
        g->chunks += p->chunk ? (p->ids.size + p->chunk - 1) / p->chunk : p->ids.size > 0;
    }
    return st;
}

/* Ids of all texts, and where each chunk ends. */
static void join_group(group *g)
{
    size_t at = 0;

    for (size_t i = 0; i < g->n; i++) {
        const thx_word_pieces *p = &g->pieces[i];
        for (size_t k = 0; k < p->ids.size; k++) {
            thx_ids_add(&g->ids, p->ids.data[k]);
            if (k + 1 == p->ids.size || (p->chunk && (k + 1) % p->chunk == 0)) g->ends[at++] = g->ids.size;
        }
    }
}

static thorax_status encode_group(thx_radgraph_net *net, group *g, thorax_error *err)
{
    const size_t D = net->archive.head.D, layers = thx_text_encoder_layers(net->encoder);
    size_t       ids = 0;

    for (size_t i = 0; i < g->n; i++) ids += g->pieces[i].ids.size;
    g->ends = calloc(g->chunks + 1, sizeof *g->ends);
    g->rows = calloc(ids + 1, D * sizeof *g->rows);
    g->vectors = calloc(g->words, D * sizeof *g->vectors);
    if (!g->ends || !g->rows || !g->vectors) return no_memory(err);
    join_group(g);
    if (g->ids.failed) return no_memory(err);
    if (g->chunks) {
        const thorax_status st =
            thx_text_encoder_hidden(net->encoder, g->ids.data, g->ends, g->chunks, layers, true, g->rows, err);
        if (st) return st;
    }
    const float *rows = g->rows;
    float       *out = g->vectors;
    for (size_t i = 0; i < g->n; i++) {
        if (g->pieces[i].ids.size) mean_rows(&g->pieces[i], rows, D, out);
        rows += g->pieces[i].ids.size * D;
        out += g->pieces[i].words * D;
    }
    return THORAX_OK;
}

static thorax_status find_group(thx_radgraph_net *net, group *g, thx_dygie_found *found, thorax_error *err)
{
    const size_t  D = net->archive.head.D;
    float        *at = g->vectors;
    thorax_status st = THORAX_OK;

    for (size_t i = 0; !st && i < g->n; i++) {
        const thx_tensor words = { at, g->pieces[i].words, D, D };
        st = thx_dygie_find(thx_text_encoder_ctx(net->encoder), &net->head, &found[i], words, err);
        at += g->pieces[i].words * D;
    }
    return st;
}

thorax_status thx_radgraph_net_find(thx_radgraph_net *net, const thx_word_list *texts, size_t n, thx_dygie_found *found,
                                    float *vectors, thorax_error *err)
{
    const size_t  D = net->archive.head.D;
    thorax_status st = THORAX_OK;

    if (n) memset(found, 0, n * sizeof *found);
    for (size_t at = 0, next; !st && at < n; at = next) {
        group g;
        st = fill_group(net, &g, texts + at, n - at, err);
        if (!st) st = encode_group(net, &g, err);
        if (!st) st = find_group(net, &g, found + at, err);
        if (!st && vectors) {
            memcpy(vectors, g.vectors, g.words * D * sizeof *vectors);
            vectors += g.words * D;
        }
        next = at + g.n;
        group_deinit(&g);
    }
    for (size_t i = 0; st && i < n; i++) thx_dygie_found_deinit(&found[i]);
    return st;
}
