/* What tokenizer_json.c needs to read a tokenizer.json of the Unigram kind. */
#ifndef THX_TEXT_UNIGRAM_JSON_H
#define THX_TEXT_UNIGRAM_JSON_H

#include "text/tokenizer.h"

#include <jansson.h>

/* Makes an empty tokenizer one of this kind. */
void thx_unigram_init(thx_tokenizer *t);

/* The normaliser's steps; Metaspace. What is not known is named in *refused. THORAX_FORMAT, THORAX_NOMEM. */
thorax_status thx_unigram_json_form(thx_tokenizer *t, const json_t *j, const char **refused, thorax_error *err);
bool          thx_unigram_json_blanks(thx_tokenizer *t, const json_t *j);

/* The next piece of the vocabulary; and what comes behind the last. THORAX_FORMAT (without a file name),
 * THORAX_NOMEM. */
thorax_status thx_unigram_piece(thx_tokenizer *t, const char *piece, size_t size, double score, thorax_error *err);
thorax_status thx_unigram_index(thx_tokenizer *t, int64_t unknown, bool byte_fallback, thorax_error *err);

#endif
