/* tokenizer.model, the vocabulary of a Llama: invented, or taken from another folder. */
#ifndef THX_SYNTH_CHECKPOINT_SENTENCEPIECE_H
#define THX_SYNTH_CHECKPOINT_SENTENCEPIECE_H

#include "base/memory.h"

/* Makes, in `arena`, a SentencePiece model of `entries` pieces (at least 512): <unk>, <s>, </s>, 256 bytes, runs of
 * blanks, pieces that two earlier ones join, single characters. The same for every seed. THORAX_NOMEM. */
thorax_status thx_sentencepiece_make(const char **data, size_t *size, thx_arena *arena, uint32_t entries,
                                     thorax_error *err);

/* Copies the folder's tokenizer.model into the arena and counts its pieces. THORAX_IO: no such file. THORAX_FORMAT: it
 * is no such model. THORAX_LIMIT: over 64 MiB or 4 million pieces. THORAX_NOMEM. */
thorax_status thx_sentencepiece_read(const char **data, size_t *size, uint32_t *pieces, thx_arena *arena,
                                     const char *folder, thorax_error *err);

#endif
