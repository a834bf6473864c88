/* The components of a tokenizer.json around its model; one whose effect is not known is refused by its name. */
#ifndef THX_TEXT_TOKENIZER_PARTS_H
#define THX_TEXT_TOKENIZER_PARTS_H

#include "text/tokenizer.h"

#include <jansson.h>

/* What a component is read into, and the file it stands in. */
typedef struct thx_parts {
    thx_tokenizer *t;
    const char    *path;
    thorax_error  *err;
} thx_parts;

/* THORAX_FORMAT: "where: what is not supported"; an error of a table below, with the file's name before it. */
thorax_status thx_part_refuse(const thx_parts *p, const char *where, const char *what);
thorax_status thx_part_named(const thx_parts *p, thorax_status st);

/* Absent, null, false or "". */
bool thx_part_empty(const json_t *j);

/* One component, j may be NULL. The first five are those of byte-level tokenizers (added tokens of all), then come
 * Unigram's normaliser and pre-tokenizer, and what stands around a text of the SentencePiece kinds. Added tokens come
 * before what stands around a text. THORAX_FORMAT, THORAX_NOMEM. */
typedef thorax_status thx_part_fn(const thx_parts *p, const json_t *j);
thx_part_fn thx_part_normalizer, thx_part_pre_tokenizer, thx_part_decoder, thx_part_added, thx_part_post_processor;
thx_part_fn           thx_part_form, thx_part_metaspace, thx_part_ends;

#endif
