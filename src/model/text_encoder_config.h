/* config.json of a text encoder's folder. */
#ifndef THX_MODEL_TEXT_ENCODER_CONFIG_H
#define THX_MODEL_TEXT_ENCODER_CONFIG_H

#include "model/encoder_bind.h"
#include "model/text_encoder.h"

/* The kind, the encoder's sizes and settings, and what tensors there are. `where` names the file. THORAX_FORMAT,
 * THORAX_MODEL: an unknown kind, a setting that is not implemented (named). */
thorax_status thx_text_config_read(thx_text_kind *kind, thx_encoder_config *config, thx_encoder_layout *layout,
                                   const json_t *json, const char *where, thorax_error *err);

#endif
