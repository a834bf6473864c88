/* PyTorch weights written as safetensors: one file, or a folder with all that lies in it. */
#ifndef THX_MODEL_CONVERT_H
#define THX_MODEL_CONVERT_H

#include "base/progress.h"

/* `in` is a file: `out` becomes one safetensors file. `in` is a folder: `out` becomes a folder in which
 * pytorch_model… is model.safetensors, or shards of at most `shard_bytes` (0: 5 GB) with their index; every other
 * file of weights has its own name with .safetensors at its end; all other files are as they are, but hidden ones
 * and what trainers keep (optimizer, scheduler, random states, training_args.bin), which is left out. Names, types,
 * shapes and values of the tensors stay; each has bytes of its own, whatever it shared, and the metadata tell their
 * hash. Files of weights in folders inside are left out.
 *
 * `out` takes its name when it is complete: after a failure it is as it was. One piece of a tensor at a time is in
 * memory, besides what opening gathers (weights/weights.h).
 *
 * THORAX_MODEL: there are no PyTorch weights in it. THORAX_IO: `out` is there (a folder: and not empty), the disk is
 * full or a file cannot be written. What thx_weights_open says. THORAX_CANCELLED. THORAX_NOMEM. */
thorax_status thx_convert(const char *in, const char *out, uint64_t shard_bytes, const thx_progress *progress,
                          thorax_error *err);

#endif
