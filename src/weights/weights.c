/* Opening the weights of a model folder; see weights.h.
 *
 * A folder is looked at as the original does: safetensors before PyTorch's files, one file before the shards of an
 * index. The files stay mapped until close; the table of tensors is sorted by name beside it. */
#include "weights/weights.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "weights/index_json.h"
#include "weights/json_bounded.h"
#include "weights/pytorch.h"
#include "weights/safetensors.h"

/* The forms of a folder's weights, the one that is preferred first. */
static const struct { const char *name; bool index; } forms[] = {
    { "model.safetensors", false }, { "model.safetensors.index.json", true },
    { "pytorch_model.bin", false }, { "pytorch_model.bin.index.json", true },
};
enum { FORMS = sizeof forms / sizeof forms[0] };

typedef struct mapped { thx_map map; const char *path; bool pytorch; } mapped;

struct thx_weights {
    thx_arena        *arena;
    mapped           *files;
    size_t            n_files;
    thx_entries       tensors; /* by file, then by offset */
    const thx_entry **by_name;
    thx_weights      *more;    /* what was added */
    uint64_t          owned; /* bytes of gathered tensors */
};

/* The path of `name` in `folder`, kept with the weights. */
static const char *keep_path(thx_weights *w, const char *folder, const char *name)
{
    char *joined = thx_path_join(folder, name);
    const char *kept = joined ? thx_arena_strdup(w->arena, joined) : NULL;

    free(joined);
    return kept;
}

static thorax_status no_memory(const char *path, thorax_error *err)
{
    return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for the weight table", path);
}

static thorax_status alloc_files(thx_weights *w, size_t count, const char *path, thorax_error *err)
{
    w->files = thx_arena_zalloc(w->arena, count, sizeof *w->files);
    return w->files ? THORAX_OK : no_memory(path, err);
}

static thorax_status read_pytorch(thx_weights *w, mapped *f, uint32_t file, thorax_error *err)
{
    uint64_t owned = 0;

    thx_map_expect_random(&f->map, true);
    const thorax_status st = thx_pytorch_read(&w->tensors, w->arena, f->map, f->path, file, &owned, err);
    thx_map_expect_random(&f->map, false);
    w->owned += owned;
    return st;
}

/* Maps a file and appends its tensors. */
static thorax_status add_file(thx_weights *w, const char *path, thorax_error *err)
{
    const uint32_t file = (uint32_t)w->n_files;
    mapped        *f = &w->files[file];

    f->path = path;
    const thorax_status st = thx_map_open(&f->map, path, err);
    if (st) return st;
    w->n_files++;
    f->pytorch = !thx_is_safetensors(f->map) && thx_is_pytorch(f->map);
    return f->pytorch ? read_pytorch(w, f, file, err)
                      : thx_safetensors_read(&w->tensors, w->arena, f->map, path, file, err);
}

static int by_name(const void *a, const void *b)
{
    const thx_entry *x = *(const thx_entry *const *)a, *y = *(const thx_entry *const *)b;
    return strcmp(x->view.name, y->view.name);
}

/* Builds the name lookup; two tensors of one name are refused. */
static thorax_status sort_names(thx_weights *w, const char *path, thorax_error *err)
{
    const size_t n = w->tensors.count;

    w->by_name = thx_arena_alloc(w->arena, n, sizeof *w->by_name);
    if (!w->by_name) return no_memory(path, err);
    for (size_t i = 0; i < n; i++) w->by_name[i] = &w->tensors.at[i];
    if (n) qsort(w->by_name, n, sizeof *w->by_name, by_name);
    for (size_t i = 1; i < n; i++) {
        const thx_entry *a = w->by_name[i - 1], *b = w->by_name[i];

        if (!strcmp(a->view.name, b->view.name))
            return thx_fail(err, THORAX_FORMAT, 0, "tensor %.120s is in %s and again in %s", a->view.name,
                            w->files[a->file].path, w->files[b->file].path);
    }
    return THORAX_OK;
}

static const thx_entry *find_entry(const thx_weights *w, const char *name)
{
    thx_entry key = { .view.name = name };
    const thx_entry *wanted = &key;
    const thx_entry **at = w->tensors.count
        ? bsearch(&wanted, w->by_name, w->tensors.count, sizeof *w->by_name, by_name) : NULL;

    return at ? *at : NULL;
}

/* Every listed tensor must lie in the shard the index names. */
static thorax_status check_listed(const thx_weights *w, const thx_index *index, const char *path,
                                  thorax_error *err)
{
    for (size_t i = 0; i < index->n_listed; i++) {
        const thx_listed *l = &index->listed[i];
        const thx_entry  *e = find_entry(w, l->tensor);

        if (!e)
            return thx_fail(err, THORAX_FORMAT, 0,
                            "%s: tensor %.120s is listed in %s, which does not hold it", path, l->tensor,
                            index->shards[l->shard]);
        if (e->file != l->shard)
            return thx_fail(err, THORAX_FORMAT, 0, "%s: tensor %.120s is listed in %s, but lies in %s", path,
                            l->tensor, index->shards[l->shard], index->shards[e->file]);
    }
    return THORAX_OK;
}

static thorax_status read_index(thx_index *index, thx_weights *w, const char *path, thorax_error *err)
{
    thx_map map;

    thorax_status st = thx_map_open(&map, path, err);
    if (st) return st;
    st = thx_foreign_check(map, path, err);
    if (!st) st = thx_index_parse(index, w->arena, (const char *)map.data, map.size, path, err);
    thx_map_close(&map);
    return st;
}

static const char *file_name(const char *path) { return strrchr(path, '/') ? strrchr(path, '/') + 1 : path; }

static thorax_status open_shards(thx_weights *w, const char *folder, const char *index_path,
                                 thorax_error *err)
{
    thx_index index;

    thorax_status st = read_index(&index, w, index_path, err);
    if (!st) st = alloc_files(w, index.n_shards, folder, err);
    for (size_t i = 0; !st && i < index.n_shards; i++) {
        const char *path = keep_path(w, folder, index.shards[i]);

        if (!path) st = no_memory(folder, err);
        else if (!thx_file_exists(path))
            st = thx_fail(err, THORAX_IO, 0, "%s: this shard is missing (%s names it)", path, file_name(index_path));
        else st = add_file(w, path, err);
    }
    if (!st) st = sort_names(w, folder, err);
    if (!st) st = check_listed(w, &index, index_path, err);
    return st;
}

static thorax_status open_single(thx_weights *w, const char *path, thorax_error *err)
{
    const char   *kept = thx_arena_strdup(w->arena, path);
    thorax_status st = kept ? alloc_files(w, 1, path, err) : no_memory(path, err);

    if (!st) st = add_file(w, kept, err);
    if (!st) st = sort_names(w, path, err);
    return st;
}

static bool folder_has(thx_weights *w, const char *folder, const char *name)
{
    const char *path = keep_path(w, folder, name);
    return path && thx_file_exists(path);
}

static thorax_status no_weights(thx_weights *w, const char *folder, thorax_error *err)
{
    static const char *const others[] = {
        "consolidated.safetensors", "adapter_model.safetensors", "adapter_model.bin", "tf_model.h5",
        "flax_model.msgpack",
    };
    const char *found = NULL;

    for (size_t i = 0; !found && i < sizeof others / sizeof others[0]; i++)
        if (folder_has(w, folder, others[i])) found = others[i];
    return thx_fail(err, THORAX_MODEL, 0, "%s: expected %s, %s or their indexes, found %s%s", folder, forms[0].name,
                    forms[2].name, found ? "only " : "neither", found ? found : "");
}

static thorax_status open_folder(thx_weights *w, const char *folder, thorax_error *err)
{
    for (int i = 0; i < FORMS; i++) {
        const char *path = keep_path(w, folder, forms[i].name);

        if (!path) return no_memory(folder, err);
        if (!thx_file_exists(path)) continue;
        return forms[i].index ? open_shards(w, folder, path, err) : open_single(w, path, err);
    }
    return no_weights(w, folder, err);
}

static thorax_status open_with(thx_weights **out, const char *path,
                               thorax_status (*opening)(thx_weights *w, const char *path, thorax_error *err),
                               thorax_error *err)
{
    thx_weights *w = calloc(1, sizeof *w);

    *out = NULL;
    if (!w) return no_memory(path, err);
    thorax_status st = thx_arena_open(&w->arena, 0, err);
    if (!st) st = opening(w, path, err);
    if (st) thx_weights_close(w);
    else *out = w;
    return st;
}

thorax_status thx_weights_open(thx_weights **out, const char *path, thorax_error *err)
{
    return open_with(out, path, thx_is_folder(path) ? open_folder : open_single, err);
}

thorax_status thx_weights_open_file(thx_weights **out, const char *path, thorax_error *err)
{
    return open_with(out, path, open_single, err);
}

void thx_weights_close(thx_weights *w)
{
    if (!w) return;
    thx_weights_close(w->more);
    for (size_t i = 0; i < w->n_files; i++) thx_map_close(&w->files[i].map);
    free(w->tensors.at);
    thx_arena_close(w->arena);
    free(w);
}

/* ---- Joined sets: tensor i of all is tensor i, less those before it, of one ---- */

thorax_status thx_weights_add(thx_weights *w, const char *path, thorax_error *err)
{
    while (w->more) w = w->more;
    return thx_weights_open(&w->more, path, err);
}

static const thx_weights *set_of(const thx_weights *w, size_t *i)
{
    for (; *i >= w->tensors.count; w = w->more) *i -= w->tensors.count;
    return w;
}

static const thx_entry *entry_at(const thx_weights *w, size_t i)
{
    w = set_of(w, &i);
    return &w->tensors.at[i];
}

size_t thx_weights_count(const thx_weights *w)
{
    size_t n = 0;

    for (; w; w = w->more) n += w->tensors.count;
    return n;
}

const thx_view *thx_weights_at(const thx_weights *w, size_t i) { return &entry_at(w, i)->view; }

const thx_view *thx_weights_find(const thx_weights *w, const char *name)
{
    const thx_entry *e = NULL;

    for (; w && !e; w = w->more) e = find_entry(w, name);
    return e ? &e->view : NULL;
}

const char *thx_weights_file(const thx_weights *w, size_t i)
{
    w = set_of(w, &i);
    return w->files[w->tensors.at[i].file].path;
}

const char *thx_weights_dtype(const thx_weights *w, size_t i) { return entry_at(w, i)->dtype; }

const char *thx_weights_sha256(const thx_weights *w, size_t i) { return entry_at(w, i)->sha256; }

uint64_t thx_weights_bytes(const thx_weights *w)
{
    uint64_t bytes = 0;

    for (; w; w = w->more)
        for (size_t i = 0; i < w->n_files; i++) bytes += w->files[i].map.size;
    return bytes;
}

uint64_t thx_weights_owned_bytes(const thx_weights *w)
{
    uint64_t bytes = 0;

    for (; w; w = w->more) bytes += w->owned;
    return bytes;
}

bool thx_weights_pytorch(const thx_weights *w, size_t i)
{
    w = set_of(w, &i);
    return w->files[w->tensors.at[i].file].pytorch;
}
