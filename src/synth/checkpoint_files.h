/* Texts of a model folder: what every layout has, and the lists of small files of each. */
#ifndef THX_SYNTH_CHECKPOINT_FILES_H
#define THX_SYNTH_CHECKPOINT_FILES_H

#include "synth/checkpoint_plan.h"

extern const thx_small_file thx_onevision_files[], thx_rad_files[];

void thx_put_readme(thx_string *s, const thx_checkpoint *c);
void thx_put_escaped(thx_string *s, const char *text); /* text between quotes of JSON */

/* The index of several shards: name -> file. */
void thx_checkpoint_index(thx_string *s, const thx_tensor_plan *plan);

/* The JSON header of one shard, padded to a multiple of 8 bytes. */
void thx_checkpoint_shard_header(thx_string *s, const thx_tensor_plan *plan, uint32_t shard);

#endif
