/* RadGraph's network as published: an archive with the weights and labels, and the folder of the encoder that its
 * config names (configuration and tokenizer; no weights needed). Words of a text in; labelled spans and relations
 * between them out.
 *
 * Every word is cut into pieces by itself; long texts are cut into chunks that do not see each other; a word's vector
 * is the mean of its pieces' rows. Method: radgraph (AllenNLP's pretrained_transformer_mismatched indexer and
 * embedder). */
#ifndef THX_MODEL_RADGRAPH_H
#define THX_MODEL_RADGRAPH_H

#include "encoder/dygie.h"
#include "model/radgraph_archive.h"
#include "text/text.h"

typedef struct thx_radgraph_net thx_radgraph_net;

/* `archive`: a folder or a .tar.gz (radgraph_archive.h). `encoder`: NULL takes the folder "encoder" in the archive's
 * folder or beside it. The context must outlive the network, which serves one caller at a time, its work spread over
 * the context's threads. THORAX_MODEL: whatever is wrong with the files (named); THORAX_LIMIT, THORAX_NOMEM. */
thorax_status thx_radgraph_net_open(thx_radgraph_net **out, thx_ctx *ctx, const char *archive, const char *encoder,
                                    thorax_error *err);
void          thx_radgraph_net_close(thx_radgraph_net *net);

const thx_radgraph_archive *thx_radgraph_net_archive(const thx_radgraph_net *net); /* its labels, its type */
size_t                      thx_radgraph_net_width(const thx_radgraph_net *net);   /* D, of a word's vector */

/* SHA-256 in hex digits of what decides about a result: encoder, weights, labels, settings. */
const char *thx_radgraph_net_identity(const thx_radgraph_net *net);

typedef struct thx_word_list { const char *const *at; size_t n; } thx_word_list; /* UTF-8 */

/* ---- Words to pieces ---- */

#define THX_NO_PIECES UINT32_MAX

/* The pieces of a text as the encoder sees them. Word i has the rows first[i] .. last[i] of what remains of the
 * chunks' rows, THX_NO_PIECES where it has none; rows that are not there do not count. (Of a tokenizer that adds no
 * special tokens the original counts one all the same, and so do these numbers.) */
typedef struct thx_word_pieces {
    thx_ids   ids;          /* chunk after chunk                      */
    size_t    chunk;        /* ids of each but the last; 0 = only one */
    uint32_t *first, *last; /* [words]                                */
    size_t    words;
} thx_word_pieces;

/* THORAX_NOMEM, THORAX_LIMIT (thx_tokenizer_encode). *out is empty after a failure, else the caller deinits it. */
thorax_status thx_radgraph_net_pieces(const thx_radgraph_net *net, const thx_word_list *words, thx_word_pieces *out,
                                      thorax_error *err);
void          thx_word_pieces_deinit(thx_word_pieces *p);

/* ---- Texts ---- */

/* What is in n texts, each of at least one word: found [n]; vectors: NULL, or the words' vectors [all words, D]. Texts
 * do not influence each other. THORAX_LIMIT: more than THX_DYGIE_WORDS words; THORAX_USAGE: a text without words, or a
 * chunk longer than the encoder's positions; THORAX_NOMEM; THORAX_CANCELLED. After a failure `found` is empty, else
 * the caller deinits each. */
thorax_status thx_radgraph_net_find(thx_radgraph_net *net, const thx_word_list *texts, size_t n, thx_dygie_found *found,
                                    float *vectors, thorax_error *err);

#endif
