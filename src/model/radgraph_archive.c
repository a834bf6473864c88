/* Archives of RadGraph models; see radgraph_archive.h. What the settings mean: AllenNLP's archival, radgraph's
 * dygie/models/dygie.py. */
#include "model/radgraph_archive.h"
#include "base/file.h"
#include "base/json.h"
#include "base/string.h"
#include "text/utf8.h"
#include "weights/tar.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNPACK_MOST ((uint64_t)16 << 30)
#define ENTITIES_FILE  "__ner_labels.txt"
#define RELATIONS_FILE "__relation_labels.txt"

enum {
    CONFIG_MAX_BYTES = 4 << 20,
    LABELS_MAX_BYTES = 1 << 20,
    LABELS_MAX = 4096,
    TYPE_MAX_BYTES = 64,
    PIECE = 1 << 20
};

/* The files of an archive, as texts. */
typedef struct files {
    char  *config, *entities, *relations;
    size_t config_size, entities_size, relations_size;
} files;

static thorax_status no_memory(thorax_error *err) { return thx_fail(err, THORAX_NOMEM, 0, "out of memory"); }

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), k = strlen(end);

    return n >= k && !strcmp(text + n - k, end);
}

/* ---- Labels ---- */

static thorax_status add_label(thx_labels *out, thx_arena *arena, const char *line, size_t size, const char *where,
                               thorax_error *err)
{
    char *label = thx_arena_alloc(arena, size + 1, 1);

    if (!label) return no_memory(err);
    if (out->n == LABELS_MAX) return thx_fail(err, THORAX_MODEL, 0, "%s: more than %d labels", where, LABELS_MAX);
    memcpy(label, line, size);
    label[size] = 0;
    out->at[out->n++] = label;
    return THORAX_OK;
}

thorax_status thx_labels_read(thx_labels *out, thx_arena *arena, const char *text, size_t size, bool null,
                              const char *where, thorax_error *err)
{
    thorax_status st = THORAX_OK;
    size_t        line = 0;

    *out = (thx_labels){ .at = thx_arena_alloc(arena, LABELS_MAX, sizeof *out->at) };
    if (!out->at) return no_memory(err);
    if (!thx_utf8_valid(text, size) || memchr(text, 0, size))
        return thx_fail(err, THORAX_MODEL, 0, "%s: no UTF-8", where);
    for (size_t at = 0; !st && at < size; line++) {
        const char  *end = memchr(text + at, '\n', size - at);
        const size_t n = end ? (size_t)(end - text) - at : size - at;
        const size_t kept = n && text[at + n - 1] == '\r' ? n - 1 : n;
        if (!null || line) st = add_label(out, arena, text + at, kept, where, err);
        else if (kept) st = thx_fail(err, THORAX_MODEL, 0, "%s: an empty first line expected, for no label", where);
        at += n + 1;
    }
    return st || out->n ? st : thx_fail(err, THORAX_MODEL, 0, "%s: no labels", where);
}

/* ---- Files ---- */

/* Takes the type out of the name of a vocabulary file. */
static thorax_status take_type(thx_radgraph_archive *a, const char *name, const char *path, thorax_error *err)
{
    char         type[TYPE_MAX_BYTES];
    const size_t n = strlen(name) - strlen(ENTITIES_FILE);

    if (!n || n >= sizeof type || !thx_utf8_valid(name, n))
        return thx_fail(err, THORAX_MODEL, 0, "%s: a model's type expected before " ENTITIES_FILE, path);
    if (a->type) return thx_fail(err, THORAX_MODEL, 0, "%s: several files *" ENTITIES_FILE, path);
    snprintf(type, sizeof type, "%.*s", (int)n, name);
    a->type = thx_arena_strdup(a->arena, type);
    return a->type ? THORAX_OK : no_memory(err);
}

/* Where a file of the archive belongs, by its name without folders; NULL for others. */
static char **place_of(files *f, const char *name, size_t **size, size_t *most)
{
    *most = LABELS_MAX_BYTES;
    if (ends_with(name, ENTITIES_FILE)) return *size = &f->entities_size, &f->entities;
    if (ends_with(name, RELATIONS_FILE)) return *size = &f->relations_size, &f->relations;
    *most = CONFIG_MAX_BYTES;
    if (!strcmp(name, "config.json")) return *size = &f->config_size, &f->config;
    return NULL;
}

static thorax_status read_vocabulary(thx_radgraph_archive *a, files *f, const char *folder, thorax_error *err)
{
    char         *path = thx_path_join(folder, "vocabulary");
    DIR          *dir = path ? opendir(path) : NULL;
    thorax_status st = path ? THORAX_OK : no_memory(err);

    if (path && !dir) st = thx_fail(err, THORAX_MODEL, 0, "%s: expected the vocabulary of an archive", path);
    for (struct dirent *entry; !st && dir && (entry = readdir(dir));) {
        size_t *size, most;
        char  **text = place_of(f, entry->d_name, &size, &most), *file;
        if (!text || text == &f->config || !(file = thx_path_join(path, entry->d_name))) continue;
        if (text == &f->entities) st = take_type(a, entry->d_name, path, err);
        if (!st && !*text) st = thx_file_read(text, size, file, most, err);
        free(file);
    }
    if (dir) closedir(dir);
    free(path);
    return st;
}

static thorax_status read_folder(thx_radgraph_archive *a, files *f, const char *folder, thorax_error *err)
{
    char         *config = thx_path_join(folder, "config.json"), *weights = thx_path_join(folder, "weights.th");
    thorax_status st = config && weights ? THORAX_OK : no_memory(err);

    if (!st) st = thx_file_read(&f->config, &f->config_size, config, CONFIG_MAX_BYTES, err);
    if (!st) st = read_vocabulary(a, f, folder, err);
    if (!st && !(a->weights = thx_arena_strdup(a->arena, weights))) st = no_memory(err);
    free(config);
    free(weights);
    return st;
}

/* ---- Packed ---- */

static thorax_status unpack_text(thx_tar *tar, char **out, size_t *size, uint64_t bytes, size_t most, const char *where,
                                 thorax_error *err)
{
    size_t        got = 1;
    thorax_status st = THORAX_OK;

    if (*out) return thx_fail(err, THORAX_MODEL, 0, "%s: a file twice", where);
    if (bytes > most)
        return thx_fail(err, THORAX_LIMIT, 0, "%s: at most %zu bytes expected, found %llu", where, most,
                        (unsigned long long)bytes);
    *out = calloc((size_t)bytes + 1, 1);
    if (!*out) return no_memory(err);
    while (!st && got && *size < bytes) {
        st = thx_tar_read(tar, *out + *size, (size_t)bytes - *size, &got, err);
        *size += got;
    }
    return st;
}

static thorax_status write_all(int fd, const char *data, size_t size, thorax_error *err)
{
    while (size) {
        const ssize_t n = write(fd, data, size);
        if (n <= 0) return thx_fail(err, THORAX_IO, 0, "a temporary file of weights cannot be written");
        data += n;
        size -= (size_t)n;
    }
    return THORAX_OK;
}

/* Into a file that has no name; its path leads through the descriptor. */
static thorax_status unpack_weights(thx_radgraph_archive *a, thx_tar *tar, const char *where, thorax_error *err)
{
    char         *piece = malloc(PIECE), path[64];
    FILE         *file = a->fd < 0 ? tmpfile() : NULL;
    size_t        got = 1;
    thorax_status st = piece ? THORAX_OK : no_memory(err);

    if (a->fd >= 0) st = thx_fail(err, THORAX_MODEL, 0, "%s: weights.th twice", where);
    else if (!file) st = thx_fail(err, THORAX_IO, 0, "%s: no temporary file for its weights", where);
    else if ((a->fd = dup(fileno(file))) < 0)
        st = thx_fail(err, THORAX_IO, 0, "%s: no descriptor for its weights", where);
    while (!st && got) {
        st = thx_tar_read(tar, piece, PIECE, &got, err);
        if (!st && got) st = write_all(a->fd, piece, got, err);
    }
    if (file) fclose(file);
    free(piece);
    snprintf(path, sizeof path, "/proc/self/fd/%d", a->fd);
    if (!st && !(a->weights = thx_arena_strdup(a->arena, path))) st = no_memory(err);
    return st;
}

static thorax_status unpack_file(thx_radgraph_archive *a, files *f, thx_tar *tar, const char *name, uint64_t bytes,
                                 const char *path, thorax_error *err)
{
    const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
    size_t     *size, most;
    char      **text = place_of(f, base, &size, &most);

    if (!strcmp(base, "weights.th")) return unpack_weights(a, tar, path, err);
    if (!text) return THORAX_OK;
    const thorax_status st = text == &f->entities ? take_type(a, base, path, err) : THORAX_OK;
    return st ? st : unpack_text(tar, text, size, bytes, most, path, err);
}

static thorax_status read_packed(thx_radgraph_archive *a, files *f, const char *path, thorax_error *err)
{
    thx_tar      *tar;
    const char   *name = "";
    uint64_t      bytes;
    thorax_status st = thx_tar_open(&tar, path, UNPACK_MOST, err);

    while (!st && name) {
        st = thx_tar_next(tar, &name, &bytes, err);
        if (!st && name) st = unpack_file(a, f, tar, name, bytes, path, err);
    }
    thx_tar_close(tar);
    if (!st && (!f->config || !a->weights))
        st = thx_fail(err, THORAX_MODEL, 0, "%s: config.json and weights.th expected in it", path);
    return st;
}

/* ---- Settings ---- */

/* Units of each layer of a block: one number for all, or a list. */
static thorax_status read_hidden(thx_dygie_config *c, const json_t *params, const char *where, thorax_error *err)
{
    const json_t *dims = json_object_get(params, "hidden_dims");
    thorax_status st = thx_json_size(&c->layers, params, "num_layers", 2, 1, THX_DYGIE_LAYERS, where, err);

    for (size_t i = 0; !st && i < c->layers; i++) {
        const json_int_t n = json_integer_value(json_is_array(dims) ? json_array_get(dims, i) : dims);
        if (n < 1 || n > 1 << 16)
            st = thx_fail(err, THORAX_MODEL, 0, "%s: hidden_dims: 1 to 65536 units for each of %zu layers expected",
                          where, c->layers);
        else c->hidden[i] = (size_t)n;
    }
    return st;
}

static const json_t *member(const json_t *object, const char *const *keys)
{
    for (; object && *keys; keys++) object = json_object_get(object, *keys);
    return object;
}

/* Settings that change what is computed, of which one value is known. */
static thorax_status expect_known(const json_t *model, const json_t *embedder, const char *where, thorax_error *err)
{
    const char   *mode;
    bool          last, attentive;
    double        propagations, weight;
    const json_t *coref = member(model, (const char *const[]){ "modules", "coref", NULL });
    thorax_status st = thx_json_text(&mode, embedder, "sub_token_mode", "avg", where, err);

    if (!st) st = thx_json_flag(&last, embedder, "last_layer_only", true, where, err);
    if (!st) st = thx_json_flag(&attentive, model, "use_attentive_span_extractor", false, where, err);
    if (!st) st = thx_json_real(&propagations, coref, "coref_prop", 0, 0, 1e6, where, err);
    if (!st) st = thx_json_real(&weight, json_object_get(model, "loss_weights"), "coref", 0, 0, 1e6, where, err);
    if (st) return st;
    if (strcmp(mode, "avg") != 0 || !last)
        return thx_fail(err, THORAX_MODEL, 0, "%s: means of the last layer's rows expected as vectors of words", where);
    if (attentive) return thx_fail(err, THORAX_MODEL, 0, "%s: use_attentive_span_extractor is not implemented", where);
    if (propagations > 0 && weight > 0)
        return thx_fail(err, THORAX_MODEL, 0, "%s: coref_prop is not implemented", where);
    return THORAX_OK;
}

/* The embedder, under whatever name it has ("bert"). */
static const json_t *embedder_of(const json_t *model)
{
    json_t *all = (json_t *)(uintptr_t)member(model, (const char *const[]){ "embedder", "token_embedders", NULL });

    return all && json_object_size(all) == 1 ? json_object_iter_value(json_object_iter(all)) : NULL;
}

static thorax_status read_settings(thx_radgraph_archive *a, const json_t *root, const char *where, thorax_error *err)
{
    const json_t     *model = json_object_get(root, "model"), *embedder = embedder_of(model);
    const json_t     *relation = member(model, (const char *const[]){ "modules", "relation", NULL });
    thx_dygie_config *c = &a->head;
    size_t            reader_width;
    const char       *hub;
    thorax_status     st;

    if (!embedder)
        return thx_fail(err, THORAX_MODEL, 0, "%s: model.embedder.token_embedders with one member expected", where);
    if ((st = expect_known(model, embedder, where, err))) return st;
    if ((st = thx_json_text(&hub, embedder, "model_name", "", where, err))) return st;
    if ((st = thx_json_size(&a->max_length, embedder, "max_length", 0, 3, 1 << 20, where, err))) return st;
    if ((st = thx_json_size(&c->feature, model, "feature_size", 20, 1, 1 << 16, where, err))) return st;
    if ((st = thx_json_size(&c->max_width, model, "max_span_width", 8, 1, 1024, where, err))) return st;
    if ((st = thx_json_size(&reader_width, json_object_get(root, "dataset_reader"), "max_span_width", c->max_width, 1,
                            1024, where, err)))
        return st;
    if (reader_width != c->max_width)
        return thx_fail(err, THORAX_MODEL, 0, "%s: max_span_width: %zu for the model, %zu for the reader", where,
                        c->max_width, reader_width);
    if ((st = thx_json_real(&c->spans_per_word, relation, "spans_per_word", 0.5, 0, 1024, where, err))) return st;
    a->hub = thx_arena_strdup(a->arena, hub);
    return a->hub ? read_hidden(c, json_object_get(model, "feedforward_params"), where, err) : no_memory(err);
}

static thorax_status read_config(thx_radgraph_archive *a, const files *f, const char *path, thorax_error *err)
{
    json_error_t  why;
    json_t       *root = json_loadb(f->config, f->config_size, JSON_REJECT_DUPLICATES, &why);
    char          where[512];
    thorax_status st;

    snprintf(where, sizeof where, "%s: config.json", path);
    st = json_is_object(root) ? read_settings(a, root, where, err)
                              : thx_fail(err, THORAX_MODEL, 0, "%s: no JSON object: %s", where, root ? "" : why.text);
    json_decref(root);
    return st;
}

static thorax_status read_labels(thx_radgraph_archive *a, const files *f, const char *path, thorax_error *err)
{
    char          where[512];
    thorax_status st;

    if (!f->entities || !f->relations)
        return thx_fail(err, THORAX_MODEL, 0, "%s: vocabulary/*" ENTITIES_FILE " and *" RELATIONS_FILE " expected",
                        path);
    snprintf(where, sizeof where, "%s: %s" ENTITIES_FILE, path, a->type);
    if ((st = thx_labels_read(&a->entities, a->arena, f->entities, f->entities_size, true, where, err))) return st;
    snprintf(where, sizeof where, "%s: %s" RELATIONS_FILE, path, a->type);
    if ((st = thx_labels_read(&a->relations, a->arena, f->relations, f->relations_size, false, where, err))) return st;
    a->head.entity_labels = a->entities.n;
    a->head.relation_labels = a->relations.n;
    return THORAX_OK;
}

thorax_status thx_radgraph_archive_open(thx_radgraph_archive *out, const char *path, thorax_error *err)
{
    files         f = { 0 };
    thorax_status st;

    *out = (thx_radgraph_archive){ .fd = -1 };
    if ((st = thx_arena_open(&out->arena, 1 << 16, err))) return st;
    st = thx_is_folder(path) ? read_folder(out, &f, path, err) : read_packed(out, &f, path, err);
    if (!st) st = read_labels(out, &f, path, err);
    if (!st) st = read_config(out, &f, path, err);
    free(f.config);
    free(f.entities);
    free(f.relations);
    if (!st) return THORAX_OK;
    thx_radgraph_archive_deinit(out);
    if (st == THORAX_NOMEM || st == THORAX_LIMIT) return st;
    if (err) err->status = THORAX_MODEL;
    return THORAX_MODEL;
}

void thx_radgraph_archive_deinit(thx_radgraph_archive *a)
{
    if (a->fd >= 0) close(a->fd);
    thx_arena_close(a->arena);
    *a = (thx_radgraph_archive){ .fd = -1 };
}
