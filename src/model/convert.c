/* See convert.h. */
#include "model/convert.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "model/tensor_file.h"
#include "weights/weights.h"

static const uint64_t default_shard_bytes = 5000000000u;

enum { MAX_SOURCES = 256 };

/* Weights that are open, and the file they become; "" for those of the model itself, which may become several. */
typedef struct source { thx_weights *weights; char name[THX_WEIGHTS_NAME]; } source;

typedef struct converter {
    const char     *in;
    source          sources[MAX_SOURCES];
    size_t          n;
    thx_planned    *tensors; /* of one source */
    uint64_t        shard_bytes;
    thx_tensor_file file;
} converter;

/* ---- What there is ---- */

static bool ends_with(const char *name, const char *ending)
{
    const size_t n = strlen(name), e = strlen(ending);
    return n >= e && !strcmp(name + n - e, ending);
}

static bool begins_with(const char *name, const char *beginning)
{
    return !strncmp(name, beginning, strlen(beginning));
}

/* The model's own weights, in any form. */
static bool is_main(const char *name)
{
    return begins_with(name, "pytorch_model") || (begins_with(name, "model") && ends_with(name, ".safetensors"));
}

/* What a trainer keeps beside the weights. */
static bool is_leftover(const char *name)
{
    return !strcmp(name, "training_args.bin") || begins_with(name, "optimizer.") || begins_with(name, "scheduler.") ||
           begins_with(name, "rng_state");
}

static bool is_other_weights(const char *name)
{
    return name[0] != '.' && !is_main(name) && !is_leftover(name) &&
           (ends_with(name, ".bin") || ends_with(name, ".pt") || ends_with(name, ".pth") ||
            ends_with(name, ".safetensors"));
}

/* Whether `path` is one of the shards that are open already. */
static bool is_open(const thx_weights *w, const char *path)
{
    for (size_t i = 0; w && i < thx_weights_count(w); i++)
        if (!strcmp(thx_weights_file(w, i), path)) return true;
    return false;
}

static thorax_status no_memory(const converter *c)
{
    return thx_fail(c->file.err, THORAX_NOMEM, 0, "%s: out of memory", c->in);
}

/* Another file of weights of the folder, if it is one. */
static thorax_status add_other(converter *c, const thx_weights *model, const char *entry)
{
    char         *path = thx_path_join(c->in, entry), name[THX_WEIGHTS_NAME];
    thorax_status st = path ? THORAX_OK : no_memory(c);

    thx_safetensors_name(name, entry);
    char *same = st ? NULL : thx_path_join(c->in, name);
    if (!st && !same) st = no_memory(c);
    const bool taken = !st && strcmp(entry, name) && thx_file_exists(same); /* the safetensors of that name count */
    if (!st && thx_file_exists(path) && !taken && !is_open(model, path)) {
        if (c->n == MAX_SOURCES)
            st = thx_fail(c->file.err, THORAX_LIMIT, 0, "%s: more than %d files of weights", c->in, MAX_SOURCES);
        else
            st = thx_weights_open_file(&c->sources[c->n].weights, path, c->file.err);
        if (!st) snprintf(c->sources[c->n++].name, THX_WEIGHTS_NAME, "%s", name);
    }
    free(path);
    free(same);
    return st;
}

/* Two files that become one name ("a.pt", "a.bin") cannot both be kept. */
static thorax_status check_names(const converter *c)
{
    for (size_t i = 0; i < c->n; i++)
        for (size_t k = 0; k < i; k++)
            if (!strcmp(c->sources[i].name, c->sources[k].name))
                return thx_fail(c->file.err, THORAX_MODEL, 0, "%s: two files would become %s", c->in,
                                c->sources[i].name);
    return THORAX_OK;
}

static thorax_status list_folder(converter *c)
{
    thx_weights  *model = NULL;
    thorax_status st = thx_weights_open(&model, c->in, c->file.err);

    if (!st) c->sources[c->n++].weights = model;
    else if (st == THORAX_MODEL) st = THORAX_OK; /* an adapter's folder has others alone */
    DIR *dir = st ? NULL : opendir(c->in);
    if (!st && !dir) st = thx_fail(c->file.err, THORAX_IO, 0, "%s: %s", c->in, strerror(errno));
    for (struct dirent *e; !st && (e = readdir(dir));)
        if (is_other_weights(e->d_name)) st = add_other(c, model, e->d_name);
    if (dir) closedir(dir);
    return st ? st : check_names(c);
}

static thorax_status list_file(converter *c)
{
    const thorax_status st = thx_weights_open_file(&c->sources[0].weights, c->in, c->file.err);

    if (st) return st;
    snprintf(c->sources[c->n++].name, THX_WEIGHTS_NAME, "%s", THX_SINGLE);
    return THORAX_OK;
}

/* Counts the bytes; tensors of unknown types, and nothing to convert, are refused. */
static thorax_status check_sources(converter *c)
{
    bool   some = false;
    size_t most = 0;

    for (size_t s = 0; s < c->n; s++) {
        const thx_weights *w = c->sources[s].weights;

        most = thx_weights_count(w) > most ? thx_weights_count(w) : most;
        for (size_t i = 0; i < thx_weights_count(w); i++) {
            const thx_view *v = thx_weights_at(w, i);

            if (v->count && !thx_view_bytes(v))
                return thx_fail(c->file.err, THORAX_MODEL, 0, "%s: tensor '%.100s' is of a type that is not copied",
                                thx_weights_file(w, i), v->name);
            some = some || thx_weights_pytorch(w, i);
            c->file.total += thx_view_bytes(v);
        }
    }
    if (!some) return thx_fail(c->file.err, THORAX_MODEL, 0, "%s: expected PyTorch weights, found none", c->in);
    c->tensors = calloc(most + 1, sizeof *c->tensors);
    return c->tensors ? THORAX_OK : no_memory(c);
}

/* ---- Writing ---- */

static size_t plan(converter *c, const thx_weights *w)
{
    const size_t n = thx_weights_count(w);

    for (size_t i = 0; i < n; i++) {
        const thx_view *v = thx_weights_at(w, i);

        c->tensors[i] = thx_planned_init(v, v->type, thx_view_bytes(v));
        c->tensors[i].summed = true;
    }
    return n;
}

/* How many tensors from `first` on fill a shard: at least one. */
static size_t shard_length(const converter *c, size_t first, size_t n)
{
    uint64_t bytes = 0;
    size_t   i = first;

    for (; i < n && (i == first || bytes + c->tensors[i].bytes <= c->shard_bytes); i++) bytes += c->tensors[i].bytes;
    return i - first;
}

static thorax_status write_shards(converter *c, size_t n, size_t shards)
{
    json_t       *map = json_object();
    uint64_t      bytes = 0;
    thorax_status st = map ? THORAX_OK : no_memory(c);

    for (size_t first = 0, s = 1; !st && first < n; s++) {
        const size_t length = shard_length(c, first, n);
        char         name[THX_WEIGHTS_NAME];

        snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", s, shards);
        for (size_t i = first; !st && i < first + length; i++) {
            if (json_object_set_new(map, c->tensors[i].view->name, json_string(name))) st = no_memory(c);
            bytes += c->tensors[i].bytes;
        }
        if (!st) st = thx_tensor_file_write(&c->file, name, c->tensors + first, length);
        first += length;
    }
    if (!st) return thx_tensor_index_put(c->file.folder, map, bytes, c->file.err);
    json_decref(map);
    return st;
}

static thorax_status write_model(converter *c, const thx_weights *w)
{
    const size_t n = plan(c, w);
    size_t       shards = 0;

    for (size_t first = 0; first < n; shards++) first += shard_length(c, first, n);
    return shards > 1 ? write_shards(c, n, shards) : thx_tensor_file_write(&c->file, THX_SINGLE, c->tensors, n);
}

static thorax_status write_all(converter *c, const char *out, bool folder)
{
    thorax_status st = thx_folder_open(&c->file.folder, out, c->file.total, c->file.err);

    if (!st && folder) st = thx_folder_copy_around(c->file.folder, c->in, NULL, c->file.err);
    for (size_t s = 0; !st && s < c->n; s++) {
        const source *from = &c->sources[s];

        if (!*from->name) st = write_model(c, from->weights);
        else st = thx_tensor_file_write(&c->file, from->name, c->tensors, plan(c, from->weights));
    }
    if (!st) st = folder ? thx_folder_commit(c->file.folder, c->file.err)
                         : thx_folder_commit_file(c->file.folder, THX_SINGLE, c->file.err);
    thx_folder_close(c->file.folder);
    return st;
}

thorax_status thx_convert(const char *in, const char *out, uint64_t shard_bytes, const thx_progress *progress,
                          thorax_error *err)
{
    const bool folder = thx_is_folder(in);
    converter *c = calloc(1, sizeof *c);

    if (!c) return thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", in);
    *c = (converter){ .in = in, .shard_bytes = shard_bytes ? shard_bytes : default_shard_bytes,
                      .file = { .progress = progress, .err = err, .source = in, .fd = -1 } };
    thorax_status st = folder ? list_folder(c) : list_file(c);
    if (!st) st = check_sources(c);
    if (!st) st = write_all(c, out, folder);
    for (size_t s = 0; s < c->n; s++) thx_weights_close(c->sources[s].weights);
    free(c->tensors);
    free(c);
    return st;
}
