/* The index of a sharded checkpoint; see index_json.h. Its shard names come from a stranger:
 * a name that could leave the folder is refused. */
#include "weights/index_json.h"

#include <stdlib.h>
#include <string.h>

#include "weights/json_bounded.h"

enum { MAX_SHARDS = 4096 };

static bool is_plain_name(const char *name)
{
    return *name && !strchr(name, '/') && strcmp(name, ".") && strcmp(name, "..");
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The distinct shard names, sorted; they point into the parsed map. */
static thorax_status collect_shards(thx_index *out, thx_arena *arena, json_t *map, const char *path,
                                    thorax_error *err)
{
    const char *tensor;
    json_t     *shard;
    size_t      n = 0;

    out->shards = thx_arena_alloc(arena, json_object_size(map), sizeof *out->shards);
    if (!out->shards) return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for the index", path);
    json_object_foreach(map, tensor, shard) {
        const char *name = json_string_value(shard);

        if (!name || !is_plain_name(name))
            return thx_fail(
                err, THORAX_FORMAT, 0,
                "%s: tensor %.120s: expected the name of a file in the folder as its shard, found %.80s",
                path, tensor, name ? name : "no string");
        out->shards[n++] = name;
    }
    if (n) qsort(out->shards, n, sizeof *out->shards, by_text);
    for (size_t i = 0; i < n; i++)
        if (!i || strcmp(out->shards[i], out->shards[out->n_shards - 1]))
            out->shards[out->n_shards++] = out->shards[i];
    if (out->n_shards > MAX_SHARDS)
        return thx_fail(err, THORAX_LIMIT, 0, "%s: %zu shards, the limit is %d", path, out->n_shards,
                        MAX_SHARDS);
    return THORAX_OK;
}

static uint32_t shard_number(const thx_index *index, const char *name)
{
    const char **at = bsearch(&name, index->shards, index->n_shards, sizeof *index->shards, by_text);
    return (uint32_t)(at - index->shards);
}

/* Copies what the index keeps, so that the parsed JSON may go. */
static thorax_status keep(thx_index *out, thx_arena *arena, json_t *map, const char *path, thorax_error *err)
{
    const char *tensor;
    json_t     *shard;
    bool ok = (out->listed = thx_arena_alloc(arena, json_object_size(map), sizeof *out->listed)) != NULL;

    if (ok) json_object_foreach(map, tensor, shard) {
        thx_listed *l = &out->listed[out->n_listed++];

        l->shard = shard_number(out, json_string_value(shard));
        ok = (l->tensor = thx_arena_strdup(arena, tensor)) != NULL;
        if (!ok) break;
    }
    for (size_t i = 0; ok && i < out->n_shards; i++)
        ok = (out->shards[i] = thx_arena_strdup(arena, out->shards[i])) != NULL;
    return ok ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for the index", path);
}

thorax_status thx_index_parse(thx_index *out, thx_arena *arena, const char *text, size_t size,
                              const char *path, thorax_error *err)
{
    json_t *root;

    *out = (thx_index){ 0 };
    thorax_status st = thx_json_bounded(&root, text, size, path, "index", 0, err);
    if (st) return st;

    json_t *map = json_object_get(root, "weight_map");
    if (!json_is_object(map) || !json_object_size(map))
        st = thx_fail(err, THORAX_FORMAT, 0, "%s: expected a weight_map that lists tensors", path);
    if (!st) st = collect_shards(out, arena, map, path, err);
    if (!st) st = keep(out, arena, map, path, err);
    json_decref(root);
    if (st) *out = (thx_index){ 0 };
    return st;
}
