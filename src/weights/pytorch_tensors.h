/* Tensors in the graph of a pickle; see pytorch.h. */
#ifndef THX_WEIGHTS_PYTORCH_TENSORS_H
#define THX_WEIGHTS_PYTORCH_TENSORS_H

#include "base/file.h"
#include "base/memory.h"
#include "weights/entries.h"
#include "weights/pickle.h"

/* Values of one type in a row, in the file. */
typedef struct thx_storage {
    const char *key; /* not ended by a 0 byte */
    size_t      key_size;
    uint64_t    begin, bytes; /* of the file */
    bool        used; /* by a tensor that was read, and as what */
    thx_type    type;
} thx_storage;

typedef struct thx_storages { thx_storage *at; size_t count; } thx_storages;

/* Sorts by key; false when one is there twice. */
bool thx_storages_sort(thx_storages *s);

/* Where a container's tensors go to, and what they are read from. */
typedef struct thx_pytorch {
    thx_entries  *list;
    thx_arena    *arena;
    thx_map       bytes;
    const char   *path;
    uint32_t      file;
    uint64_t     *owned;
    thorax_error *err;
} thx_pytorch;

/* Appends the tensors below the root of `p`. See thx_pytorch_read. */
thorax_status thx_pytorch_tensors(const thx_pytorch *to, const thx_pickle *p, thx_storages *storages);

/* One tensor with its name set: reads `v` (THX_PICKLE_TENSOR) into *e. */
thorax_status thx_pytorch_tensor(const thx_pytorch *to, thx_entry *e, const thx_pickle *p, const thx_pickle_value *v,
                                 thx_storages *storages);

#endif
