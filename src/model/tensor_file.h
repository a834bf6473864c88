/* A safetensors file being written into a coming folder: its head, and tensors piece by piece. */
#ifndef THX_MODEL_TENSOR_FILE_H
#define THX_MODEL_TENSOR_FILE_H

#include "base/hash.h"
#include "base/json.h"
#include "base/progress.h"
#include "model/quantize_folder.h"
#include "weights/names.h"

enum {
    THX_PIECE_BYTES = 16 << 20, /* of a tensor made or copied between two looks at Ctrl-C */
    THX_HEX = 65
};

#define THX_SINGLE "model.safetensors" /* all weights of a folder in one file */

/* A tensor of the coming file. */
typedef struct thx_planned {
    const thx_view *view;
    thx_type        type;            /* it is stored as        */
    bool            summed;          /* its hash goes into the metadata, as that of a grouped one always does */
    uint64_t        bytes;
    char            sha256[THX_HEX]; /* known once it is written; digits of 0 before (thx_planned_init) */
} thx_planned;

/* What all files of a folder share, and the one that is being written. */
typedef struct thx_tensor_file {
    thx_folder_maker   *folder;
    const thx_progress *progress;
    thorax_error       *err;
    const char         *source;      /* where the tensors come from, for error texts */
    uint64_t            done, total; /* bytes read of the source, of all files       */
    const char         *name;
    int                 fd;
} thx_tensor_file;

thx_planned thx_planned_init(const thx_view *view, thx_type type, uint64_t bytes);

/* Writes the head; *data_at receives its size, which does not depend on the hashes. THORAX_IO, THORAX_NOMEM. */
thorax_status thx_tensor_file_head(thx_tensor_file *f, const thx_planned *tensors, size_t n, uint64_t *data_at);

/* One piece of a tensor is ready: into the file at byte `at`, and into the hash (NULL: none). `read` bytes of the
 * source went into it. THORAX_IO, THORAX_CANCELLED. */
thorax_status thx_tensor_file_piece(thx_tensor_file *f, thx_sha256 *hash, uint64_t at, const void *data, size_t bytes,
                                    uint64_t read);

/* A whole tensor as it is; fills its hash where it is summed. */
thorax_status thx_tensor_file_copy(thx_tensor_file *f, thx_planned *p, uint64_t at);

/* A file of tensors that are all copied: begun, written, closed. THORAX_IO, THORAX_NOMEM, THORAX_CANCELLED. */
thorax_status thx_tensor_file_write(thx_tensor_file *f, const char *name, thx_planned *tensors, size_t n);

/* Writes model.safetensors.index.json; `map` (name of tensor → name of file) is dropped. THORAX_IO, THORAX_NOMEM. */
thorax_status thx_tensor_index_put(thx_folder_maker *f, json_t *map, uint64_t total_bytes, thorax_error *err);

/* Ends the file that `fd` is; `st` is what came before. */
thorax_status thx_tensor_file_close(thx_tensor_file *f, thorax_status st);

#endif
