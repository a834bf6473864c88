/* Merged matrices kept on disk, so that a second opening maps them instead of making them again. */
#ifndef THX_MODEL_MERGED_H
#define THX_MODEL_MERGED_H

#include "model/lora.h"

#define THX_MERGED "merged." /* before the name of a tensor of such a file */

/* Joins the merged matrices of the adapter in model->weights (those of "….lora_A.weight" names) to model->weights, as
 * "merged.<full>.weight": from a folder in model->options.merged_cache that is named after the adapter, its base and its scale.
 * It is written first where it is not there, under another name until it is complete, with checksums; one matrix at
 * a time is in memory. It takes as much room as the matrices themselves, and is never removed.
 * THORAX_IO: it cannot be written or read; THORAX_MODEL, THORAX_SHAPE: pairs that do not fit; THORAX_NOMEM. */
thorax_status thx_merged_add(thx_model *m, const thx_lora *lora, thorax_error *err);

#endif
