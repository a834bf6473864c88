/* What the files of the CLIP family share (clip.c, clip_bind.c). */
#ifndef THX_MODEL_CLIP_INTERNAL_H
#define THX_MODEL_CLIP_INTERNAL_H

#include "model/bind.h"
#include "model/clip.h"

#define THX_CLIP_TRUNK "visual.trunk."
#define THX_CLIP_BERT  "text.transformer."

/* A folder while it is being opened. */
typedef struct thx_clip_loading {
    thx_clip     *clip;
    thx_binder   *binder;
    const json_t *vision, *text; /* vision_cfg, text_cfg; text may be NULL */
    const char   *path;          /* of the config                          */
} thx_clip_loading;

/* Sizes from tensors and config, into the tower's and the encoder's configuration. THORAX_MODEL. */
thorax_status thx_clip_read_vision(thx_clip_loading *l, thorax_error *err);
thorax_status thx_clip_read_text(thx_clip_loading *l, thorax_error *err);

/* Tensors made ready; `embed` is the width of the common space. THORAX_MODEL; THORAX_NOMEM. */
thorax_status thx_clip_bind_vision(thx_clip_loading *l, size_t embed, thorax_error *err);
thorax_status thx_clip_bind_text(thx_clip_loading *l, thorax_error *err);

#endif
