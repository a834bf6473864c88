/* Which tensors are rounded to groups of 8 or 4 bits (ops/quant.h), and folders of such tensors.
 *
 * Norms, biases, the vision tower, the projector and the newline stay as they are stored: they are small, or every
 * row of a film goes through them. Embedding and head are Q8 in both types: a token's row is read as it is, and
 * the head's errors go straight into the scores. The decoder's matrices are Q8 or Q4; keys and values are Q8 in both,
 * being small and read by every later position. */
#ifndef THX_MODEL_QUANTIZE_H
#define THX_MODEL_QUANTIZE_H

#include "base/progress.h"
#include "model/model.h"

/* The type of a tensor of this model after rounding to `m->type`: its own where it is kept, rounded already, or no
 * matrix. */
thx_type thx_quantized_type(const thx_model *m, const thx_view *view);

/* Writes the folder `out`: weights rounded to `type` (THX_Q8 or THX_Q4) in files of the same names, and all other
 * files as they are (hidden ones and other forms of weights left out; README.md is added where there is none).
 * An adapter goes into the matrices of its base (`base`, or what the folder records), whose tokenizer is copied too: what is
 * written is a whole model. It takes its name when it is complete: after a failure `out` is as it was. One tensor's piece at a
 * time is in memory.
 *
 * THORAX_MODEL: not a folder that can run, or already rounded. THORAX_IO: `out` is there and not empty, the disk is
 * full or a file cannot be written. THORAX_FORMAT: a value is not finite. THORAX_CANCELLED. THORAX_NOMEM. */
thorax_status thx_model_quantize(const char *folder, const char *base, const char *out, thx_type type, int threads,
                                 const thx_progress *progress, thorax_error *err);

#endif
