/* What tokenizer_json.c needs to read a tokenizer.json of the Llama kind (BPE with byte_fallback). */
#ifndef THX_TEXT_SPM_JSON_H
#define THX_TEXT_SPM_JSON_H

#include "text/tokenizer.h"

#include <jansson.h>

/* Are these the components of the Llama kind? Either the normaliser sets the blanks (Prepend and Replace) or
 * the pre-tokenizer does (Metaspace without split); the post-processor names the tokens put around a text,
 * which must be there. */
bool thx_spm_json_blanks(thx_tokenizer *t, const json_t *normalizer, const json_t *pre_tokenizer);
bool thx_spm_json_post(thx_tokenizer *t, const json_t *j);

/* Vocabulary, then its tables, then the merges in order of rank. THORAX_FORMAT (without a file name),
 * THORAX_NOMEM. */
thorax_status thx_spm_json_token(thx_tokenizer *t, int32_t id, const char *token, size_t size, thorax_error *err);
thorax_status thx_spm_json_index(thx_tokenizer *t, const char *unknown, thorax_error *err);
thorax_status thx_spm_json_merge(thx_tokenizer *t, size_t rank, const thx_string *left, const thx_string *right,
                                 thorax_error *err);

#endif
