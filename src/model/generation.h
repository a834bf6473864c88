/* generation_config.json: end ids and sampling defaults of a folder. */
#ifndef THX_MODEL_GENERATION_H
#define THX_MODEL_GENERATION_H

#include "model/model.h"

/* A missing file is fine: no defaults; the end ids are then the config's, or <|im_end|> and <|endoftext|>.
 * config may be NULL. THORAX_FORMAT: a value of a wrong kind or range. */
thorax_status thx_generation_read(thx_generation_defaults *out, const char *folder, const json_t *config,
                                  const thx_tokenizer *tokenizer, thorax_error *err);

#endif
