/* A model folder in the making: files take temporary names until all are there. */
#ifndef THX_SYNTH_CHECKPOINT_STAGE_H
#define THX_SYNTH_CHECKPOINT_STAGE_H

#include "base/error.h"

/* First line of README.md in every folder written here: what marks it as replaceable. */
#define THX_CHECKPOINT_MARK "# Random weights made by `thorax synth model`\n"

typedef struct thx_staging thx_staging;

/* Makes the folder if it is absent. THORAX_IO: it holds files that are not an earlier random
 * checkpoint, or has less than `bytes` free. THORAX_NOMEM. */
thorax_status thx_staging_open(thx_staging **out, const char *folder, uint64_t bytes, thorax_error *err);

/* A file of the coming folder, "NAME" or "base/NAME": whole, or created for the caller to write and close.
 * THORAX_IO, THORAX_NOMEM. */
thorax_status thx_staging_write(thx_staging *s, const char *name, const void *data, size_t size,
                                thorax_error *err);
thorax_status thx_staging_create(thx_staging *s, const char *name, int *fd, thorax_error *err);

/* Puts everything in its place, config.json last, and removes what is left of an earlier checkpoint.
 * THORAX_IO. */
thorax_status thx_staging_commit(thx_staging *s, thorax_error *err);

/* Removes what was not committed, and the folder if it was made here. NULL is fine. */
void thx_staging_close(thx_staging *s);

#endif
