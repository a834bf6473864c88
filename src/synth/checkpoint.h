/* Random checkpoints: complete model folders in the published layout, at any of the known sizes,
 * for tests and benchmarks. They have learned nothing, and a README.md in each says so.
 *
 * Each value depends on the seed, the tensor's name and the value's place only. Values are normal,
 * scaled so that activations stay of order 1 to 100. RadVLM and LLaVA-OneVision are safetensors of one
 * dtype; bf16 and f16 hold the values alike: the three dtypes of one seed are the same model. LLaVA-Rad is
 * PyTorch archives of the published types: in f16 a language model that bf16 cannot hold (in the folder's
 * own folder "base"), in bf16 adapter and projector, in f32 the training checkpoint of the towers. */
#ifndef THX_SYNTH_CHECKPOINT_H
#define THX_SYNTH_CHECKPOINT_H

#include "base/progress.h"

typedef struct thx_checkpoint_options {
    const char *arch;             /* "radvlm-7b", "llava-onevision-0.5b", "llava-rad-7b", "tiny",
                                     "llava-rad-tiny"                                               */
    uint64_t    seed;
    const char *dtype;            /* "f16", "bf16", "f32"; of LLaVA-Rad f16 alone                   */
    uint32_t    outlier_channels; /* channels of each residual stream that run 64 times larger      */
    const char *tokenizer_folder; /* vocab.json with merges.txt, or tokenizer.json; of LLaVA-Rad
                                     tokenizer.model; NULL: made here                               */
    uint32_t    layers_vision;    /* 0 = as published; fewer for benchmarks                         */
    uint32_t    layers_text;
    uint64_t    shard_bytes;      /* most bytes of tensors in one file; 0 = as published            */
} thx_checkpoint_options;

/* radvlm-7b, seed 0, f16, nothing else asked for. */
thx_checkpoint_options thx_checkpoint_options_default(void);

/* Names of the architectures, ended by NULL. */
const char *const *thx_checkpoint_archs(void);

/* Writes the folder; it is made if absent, and may hold an earlier random checkpoint, which is
 * replaced. All files appear under temporary names first, config.json last: what is cut short is never
 * taken for a model. Takes a few megabytes (some 100 for a full vocabulary), whatever the size of
 * the model. Progress counts bytes of tensors ("weights").
 *
 * THORAX_USAGE: an option is out of range. THORAX_IO: the folder holds something else, the disk is
 * too small, a file cannot be read or written. THORAX_FORMAT, THORAX_LIMIT: the tokenizer given.
 * THORAX_CANCELLED, THORAX_NOMEM. After a failure the folder is as it was before. */
thorax_status thx_checkpoint_write(const thx_checkpoint_options *options, const char *folder,
                                   const thx_progress *progress, thorax_error *err);

#endif
