/* Writing planned tensors to files: threads make blocks of a megabyte and write them at their place. */
#ifndef THX_SYNTH_CHECKPOINT_WRITE_H
#define THX_SYNTH_CHECKPOINT_WRITE_H

#include "synth/checkpoint_stage.h"
#include "synth/checkpoint_values.h"

typedef struct thx_tensor_writer {
    const thx_checkpoint *checkpoint;
    const char         *folder;
    const thx_progress *progress;
    thx_staging        *stage;
    thorax_error       *err;
    thx_outlier_set     outliers;
    thx_value_source    source;  /* of the tensor being written; its tables serve all */
    float              *normal;
    unsigned char      *buffers; /* one block for each thread                         */
    uint64_t            done;    /* bytes of tensors written                          */
} thx_tensor_writer;

/* Makes the tables, in `arena`; checkpoint, folder, progress, stage and err are set. THORAX_NOMEM. */
thorax_status thx_tensor_writer_init(thx_tensor_writer *w, thx_arena *arena);

/* Writes every file of the plan. THORAX_IO, THORAX_NOMEM, THORAX_CANCELLED. */
thorax_status thx_tensor_writer_run(thx_tensor_writer *w, const thx_tensor_plan *plan);

#endif
