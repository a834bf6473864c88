/* One PyTorch file (.bin, .pt, .pth): a zip archive with a pickle and the storages beside it, or the older form, a
 * row of pickles with the storages behind them. The pickle is read, never run (pickle.h).
 *
 * Tensors anywhere in the nested dicts, lists and tuples of the file come out as views, their names joined by dots,
 * places in lists as numbers: "state_dict.a.weight", "list.0". Values of other kinds are left out. A contiguous
 * tensor stays where it lies in the mapped file; any other is gathered into memory of its own. Of the mapped bytes
 * only those of the directory, the pickle, each storage's header (a few bytes) and what is gathered are looked at. */
#ifndef THX_WEIGHTS_PYTORCH_H
#define THX_WEIGHTS_PYTORCH_H

#include "base/file.h"
#include "base/memory.h"
#include "weights/entries.h"

/* Told from its first bytes. */
bool thx_is_pytorch(thx_map bytes);

/* Appends the tensors of a mapped file, sorted by offset; names and gathered values go to `arena`, the bytes of the
 * latter are added to *owned. `path` is for error texts. After a failure `list` may hold some of them.
 *
 * THORAX_FORMAT: a container that is cut short or contradicts itself, compressed or encrypted storages, another byte
 * order, TorchScript, what pickle.h refuses; a tensor (named) made by a function that is not known, of a storage
 * that is not there or has another size, with sizes, strides or an offset that leave it, or more than 8 dimensions;
 * a key twice; no tensor at all. THORAX_LIMIT: gathered values of more bytes than the file and 64 MiB, containers
 * more than 256 deep, a million values or 65536 tensors in all, names of more than 4096 bytes. THORAX_NOMEM. */
thorax_status thx_pytorch_read(thx_entries *list, thx_arena *arena, thx_map bytes, const char *path, uint32_t file,
                               uint64_t *owned, thorax_error *err);

#endif
