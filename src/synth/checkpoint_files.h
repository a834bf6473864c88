/* The small files of a model folder: configs, templates, tokenizer. Each call appends one file's text. */
#ifndef THX_SYNTH_CHECKPOINT_FILES_H
#define THX_SYNTH_CHECKPOINT_FILES_H

#include "base/string.h"
#include "synth/checkpoint_plan.h"
#include "synth/checkpoint_vocabulary.h"

void thx_checkpoint_config(thx_string *s, const thx_tensor_plan *plan, const thx_vocabulary *v);
void thx_checkpoint_generation_config(thx_string *s, const thx_vocabulary *v);
void thx_checkpoint_preprocessor_config(thx_string *s);
void thx_checkpoint_processor_config(thx_string *s);
void thx_checkpoint_chat_template(thx_string *s);
void thx_checkpoint_tokenizer(thx_string *s, const thx_vocabulary *v);
void thx_checkpoint_vocab(thx_string *s, const thx_vocabulary *v);
void thx_checkpoint_added_tokens(thx_string *s, const thx_vocabulary *v);
void thx_checkpoint_special_tokens(thx_string *s);
void thx_checkpoint_tokenizer_config(thx_string *s, const thx_vocabulary *v);
void thx_checkpoint_index(thx_string *s, const thx_tensor_plan *plan);
void thx_checkpoint_readme(thx_string *s, const thx_tensor_plan *plan, const thx_checkpoint_options *options);

/* The JSON header of one shard, padded to a multiple of 8 bytes. */
void thx_checkpoint_shard_header(thx_string *s, const thx_tensor_plan *plan, uint32_t shard);

#endif
