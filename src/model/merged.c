/* The cache of merged matrices; see merged.h. */
#include "model/merged.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/hash.h"
#include "model/tensor_file.h"

enum { KEY_VERSION = 1, SAMPLE = 64 };

typedef struct pair {
    const thx_view *w, *a, *b;
    thx_view        merged; /* W by its name in the file */
} pair;

typedef struct maker {
    thx_model      *m;
    const thx_lora *lora;
    pair           *pairs;
    thx_planned    *planned;
    size_t          n;
    uint64_t        bytes;
    thorax_error   *err;
} maker;

/* ---- The pairs ---- */

static thorax_status add_pair(maker *k, const thx_view *w)
{
    char  name[320];
    pair *p = &k->pairs[k->n];

    *p = (pair){ .w = w, .merged = *w };
    if (!thx_lora_pair(k->m->weights, w, &p->a, &p->b)) return THORAX_OK;
    snprintf(name, sizeof name, THX_MERGED "%s", w->name);
    p->merged.name = thx_arena_strdup(k->m->arena, name);
    if (!p->merged.name) return thx_fail(k->err, THORAX_NOMEM, 0, "out of memory");
    k->bytes += thx_view_bytes(w);
    k->n++;
    return THORAX_OK;
}

static thorax_status find_pairs(maker *k)
{
    const size_t  all = thx_weights_count(k->m->weights);
    thorax_status st = THORAX_OK;

    k->pairs = thx_arena_zalloc(k->m->arena, all + 1, sizeof *k->pairs);
    k->planned = thx_arena_zalloc(k->m->arena, all, sizeof *k->planned);
    if (!k->pairs || !k->planned) return thx_fail(k->err, THORAX_NOMEM, 0, "out of memory");
    for (size_t i = 0; i < all && !st; i++) st = add_pair(k, thx_weights_at(k->m->weights, i));
    return st;
}

/* ---- The key ---- */

static void add_sample(thx_sha256 *h, const thx_view *v)
{
    const size_t bytes = thx_view_bytes(v), n = bytes < SAMPLE ? bytes : SAMPLE;

    thx_sha256_add(h, v->name, strlen(v->name) + 1);
    thx_sha256_add(h, &v->type, sizeof v->type);
    thx_sha256_add(h, v->shape, v->rank * sizeof v->shape[0]);
    for (size_t i = 0; i < 3 && n; i++) thx_sha256_add(h, (const unsigned char *)v->data + (bytes - n) * i / 2, n);
}

/* Size and time of change of every file. */
static void add_files(thx_sha256 *h, const thx_weights *w)
{
    const char *last = NULL;

    for (size_t i = 0; i < thx_weights_count(w); i++) {
        const char *file = thx_weights_file(w, i);
        struct stat s;

        if (file == last) continue;
        last = file;
        if (stat(file, &s)) continue;
        thx_sha256_add(h, &s.st_size, sizeof s.st_size);
        thx_sha256_add(h, &s.st_mtim, sizeof s.st_mtim);
    }
}

static void key_of(char out[65], const maker *k)
{
    const int  version = KEY_VERSION;
    thx_sha256 h;

    thx_sha256_init(&h);
    thx_sha256_add(&h, &version, sizeof version);
    thx_sha256_add(&h, &k->lora->scale, sizeof k->lora->scale);
    add_files(&h, k->m->weights);
    for (size_t i = 0; i < k->n; i++) {
        add_sample(&h, k->pairs[i].w);
        add_sample(&h, k->pairs[i].a);
        add_sample(&h, k->pairs[i].b);
    }
    thx_sha256_end(&h, out);
}

/* ---- Writing ---- */

static thorax_status write_pair(maker *k, thx_tensor_file *f, size_t i, uint64_t at)
{
    const pair   *p = &k->pairs[i];
    const size_t  bytes = thx_view_bytes(p->w);
    thx_view      made = p->merged;
    void         *data = malloc(bytes ? bytes : 1);
    thorax_status st = data ? thx_merge(k->m->ctx, data, p->w, p->a, p->b, (float)k->lora->scale, k->err)
                            : thx_fail(k->err, THORAX_NOMEM, 0, "%s: no memory to merge it", p->w->name);

    made.data = data;
    k->planned[i].view = &made;
    if (!st) st = thx_tensor_file_copy(f, &k->planned[i], at);
    k->planned[i].view = &p->merged;
    free(data);
    return st;
}

static thorax_status write_file(maker *k, thx_folder_maker *folder)
{
    thx_tensor_file f = { .folder = folder, .err = k->err, .source = k->m->folder, .total = k->bytes, .name = THX_SINGLE, .fd = -1 };
    uint64_t        at = 0;

    for (size_t i = 0; i < k->n; i++) {
        k->planned[i] = thx_planned_init(&k->pairs[i].merged, k->pairs[i].w->type, thx_view_bytes(k->pairs[i].w));
        k->planned[i].summed = true;
    }
    thorax_status st = thx_folder_create(folder, &f.fd, THX_SINGLE, k->err);
    if (!st) st = thx_tensor_file_head(&f, k->planned, k->n, &at);
    for (size_t i = 0; i < k->n && !st; i++) {
        st = write_pair(k, &f, i, at);
        at += k->planned[i].bytes;
    }
    if (!st) st = thx_tensor_file_head(&f, k->planned, k->n, &at);
    return thx_tensor_file_close(&f, st);
}

static thorax_status write_folder(maker *k, const char *path, const char *file)
{
    thx_folder_maker *folder = NULL;
    thorax_status     st = thx_folder_make(k->m->options.merged_cache, k->err);

    if (!st) st = thx_folder_open(&folder, path, k->bytes, k->err);
    if (!st) st = write_file(k, folder);
    if (!st) st = thx_folder_commit(folder, k->err);
    thx_folder_close(folder);
    /* another process may have written the same meanwhile */
    return st == THORAX_IO && thx_file_exists(file) ? THORAX_OK : st;
}

thorax_status thx_merged_add(thx_model *m, const thx_lora *lora, thorax_error *err)
{
    maker         k = { .m = m, .lora = lora, .err = err };
    char          key[65];
    thorax_status st = find_pairs(&k);

    if (st || !k.n) return st;
    key_of(key, &k);
    char *path = thx_path_join(m->options.merged_cache, key), *file = path ? thx_path_join(path, THX_SINGLE) : NULL;
    if (!file) st = thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    if (!st && !thx_file_exists(file)) st = write_folder(&k, path, file);
    if (!st) st = thx_weights_add(m->weights, file, err);
    free(path);
    free(file);
    return st;
}
