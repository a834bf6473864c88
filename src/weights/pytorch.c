/* The two containers of PyTorch files; see pytorch.h. */
#include "weights/pytorch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights/bytes.h"
#include "weights/pytorch_tensors.h"
#include "weights/zip.h"

enum { MAX_PICKLE_BYTES = 1 << 28, LEGACY_PROTOCOL = 1001, MAGIC_WITHIN = 32 };

/* The number that the older form begins with, as a pickle writes it. */
static const unsigned char magic[10] = { 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19 };

static thorax_status bad(const thx_pytorch *to, uint64_t at, const char *what)
{
    return thx_fail(to->err, THORAX_FORMAT, at, "%s: %s", to->path, what);
}

static thorax_status no_memory(const thx_pytorch *to)
{
    return thx_fail(to->err, THORAX_NOMEM, 0, "%s: no memory for the tensor table", to->path);
}

/* ---- Storages ---- */

static int by_key(const void *a, const void *b)
{
    const thx_storage *x = a, *y = b;
    const size_t n = x->key_size < y->key_size ? x->key_size : y->key_size;
    const int    c = n ? memcmp(x->key, y->key, n) : 0;

    return c ? c : x->key_size < y->key_size ? -1 : x->key_size > y->key_size;
}

bool thx_storages_sort(thx_storages *s)
{
    if (s->count) qsort(s->at, s->count, sizeof *s->at, by_key);
    for (size_t i = 1; i < s->count; i++)
        if (!by_key(&s->at[i - 1], &s->at[i])) return false;
    return true;
}

/* ---- The zip form ---- */

/* The one entry "…/data.pkl"; *root receives the length of what is before it, slash included. */
static thorax_status find_pickle(const thx_pytorch *to, const thx_zip *zip, const thx_zip_entry **pickle, size_t *root)
{
    static const char name[] = "/data.pkl";
    const size_t      n = sizeof name - 1;

    *pickle = NULL;
    for (size_t i = 0; i < zip->count; i++) {
        const size_t size = strlen(zip->at[i].name);

        if (size < n || strcmp(zip->at[i].name + size - n, name)) continue;
        if (*pickle) return bad(to, zip->at[i].begin, "a zip archive with more than one data.pkl");
        *pickle = &zip->at[i];
        *root = size - n + 1;
    }
    if (!*pickle) return bad(to, 0, "a zip archive, but not of PyTorch: there is no data.pkl in it");
    if ((*pickle)->refused)
        return thx_fail(to->err, THORAX_FORMAT, (*pickle)->begin, "%s: its data.pkl is %s; only stored ones are read",
                        to->path, (*pickle)->refused);
    if ((*pickle)->end - (*pickle)->begin > MAX_PICKLE_BYTES)
        return thx_fail(to->err, THORAX_LIMIT, (*pickle)->begin, "%s: a data.pkl of %" PRIu64 " bytes, the limit is %d",
                        to->path, (*pickle)->end - (*pickle)->begin, MAX_PICKLE_BYTES);
    return THORAX_OK;
}

/* What stands beside the pickle. */
static thorax_status check_archive(const thx_pytorch *to, const thx_zip *zip, const char *root, size_t root_size)
{
    for (size_t i = 0; i < zip->count; i++) {
        const thx_zip_entry *e = &zip->at[i];
        const uint64_t       size = e->end - e->begin;

        if (strncmp(e->name, root, root_size)) continue;
        if (!strcmp(e->name + root_size, "constants.pkl"))
            return bad(to, e->begin, "a TorchScript archive; expected a saved state dict");
        if (!strcmp(e->name + root_size, "byteorder") &&
            (e->refused || size != 6 || memcmp(to->bytes.data + e->begin, "little", 6)))
            return bad(to, e->begin, "its byte order is not little-endian");
    }
    return THORAX_OK;
}

/* The entries below "root/data/", by what is behind. */
static thorax_status list_entries(const thx_pytorch *to, thx_storages *s, const thx_zip *zip, const char *root,
                                  size_t root_size)
{
    s->at = thx_arena_alloc(to->arena, zip->count, sizeof *s->at);
    if (!s->at) return no_memory(to);
    for (size_t i = 0; i < zip->count; i++) {
        const thx_zip_entry *e = &zip->at[i];

        if (strncmp(e->name, root, root_size) || strncmp(e->name + root_size, "data/", 5)) continue;
        const char *key = e->name + root_size + 5;
        if (e->refused)
            return thx_fail(to->err, THORAX_FORMAT, e->begin, "%s: storage %.80s is %s; only stored ones are read",
                            to->path, key, e->refused);
        s->at[s->count++] =
            (thx_storage){ .key = key, .key_size = strlen(key), .begin = e->begin, .bytes = e->end - e->begin };
    }
    return thx_storages_sort(s) ? THORAX_OK : bad(to, 0, "a storage is there twice");
}

static thorax_status read_zip(const thx_pytorch *to)
{
    const thx_zip_entry *pickle = NULL;
    thx_zip       zip;
    thx_storages  storages = { 0 };
    thx_pickle    p = { 0 };
    size_t        root = 0, used;
    char          where[512];

    thorax_status st = thx_zip_read(&zip, to->arena, to->bytes, to->path, to->err);
    if (!st) st = find_pickle(to, &zip, &pickle, &root);
    if (!st) st = check_archive(to, &zip, pickle->name, root);
    if (!st) st = list_entries(to, &storages, &zip, pickle->name, root);
    if (st) return st;
    snprintf(where, sizeof where, "%s: data.pkl", to->path);
    st = thx_pickle_read(&p, &used, to->bytes.data + pickle->begin, (size_t)(pickle->end - pickle->begin),
                         pickle->begin, where, to->err);
    if (!st) st = thx_pytorch_tensors(to, &p, &storages);
    thx_pickle_deinit(&p);
    return st;
}

/* ---- The older form ---- */

/* What the object says of a storage. */
typedef struct told { thx_storage storage; thx_type type; int64_t count; } told;

static int by_told(const void *a, const void *b)
{
    return by_key(&((const told *)a)->storage, &((const told *)b)->storage);
}

/* The next pickle of the row. */
static thorax_status next_pickle(const thx_pytorch *to, thx_pickle *p, uint64_t *at)
{
    char   where[512];
    size_t used;

    snprintf(where, sizeof where, "%s: its pickle", to->path);
    const thorax_status st = thx_pickle_read(p, &used, to->bytes.data + *at, (size_t)(to->bytes.size - *at), *at,
                                             where, to->err);
    *at += used;
    return st;
}

static bool is_little_endian(const thx_pickle *p, const thx_pickle_value *info)
{
    for (uint32_t i = info->first; i; i = p->items[p->items[i].next].next)
        if (thx_pickle_is_text(&p->values[p->items[i].value], "little_endian"))
            return p->values[p->items[p->items[i].next].value].kind == THX_PICKLE_TRUE;
    return true;
}

/* Magic number, version, description of the machine. */
static thorax_status read_opening(const thx_pytorch *to, uint64_t *at)
{
    for (int i = 0; i < 3; i++) {
        thx_pickle    p;
        thorax_status st = next_pickle(to, &p, at);

        if (st) return st;
        const thx_pickle_value *v = &p.values[p.root];
        if (!i && (v->kind != THX_PICKLE_LONG || v->count != sizeof magic || memcmp(v->text, magic, sizeof magic)))
            st = bad(to, 0, "a pickle, but not of PyTorch");
        else if (i == 1 && (v->kind != THX_PICKLE_INT || v->number != LEGACY_PROTOCOL))
            st = bad(to, *at, "an old PyTorch file of another version than 1001");
        else if (i == 2 && (v->kind != THX_PICKLE_DICT || !is_little_endian(&p, v)))
            st = bad(to, *at, "an old PyTorch file that does not say it was written on a little-endian machine");
        thx_pickle_deinit(&p);
        if (st) return st;
    }
    return THORAX_OK;
}

/* The storages that the object mentions, each once, sorted by key. */
static thorax_status list_told(const thx_pytorch *to, told **out, size_t *count, const thx_pickle *p)
{
    size_t n = 0;

    for (uint32_t i = 1; i < p->n_values; i++) n += p->values[i].kind == THX_PICKLE_STORAGE;
    told *t = thx_arena_alloc(to->arena, n, sizeof *t);
    if (!t) return no_memory(to);
    *out = t;
    *count = n = 0;
    for (uint32_t i = 1; i < p->n_values; i++) {
        const thx_pickle_value *v = &p->values[i], *part[6] = { 0 };

        if (v->kind != THX_PICKLE_STORAGE) continue;
        const size_t parts = thx_pickle_items(part, 6, p, v);
        if (parts == 6 && part[5]->kind != THX_PICKLE_NONE)
            return bad(to, 0, "a storage that is a view of another; such files are not read");
        if (part[4]->kind != THX_PICKLE_INT) return bad(to, 0, "a storage whose number of elements is no integer");
        t[n++] = (told){ .storage = { .key = (const char *)part[2]->text, .key_size = part[2]->count },
                         .type = thx_pickle_storage_type(part[1]), .count = part[4]->number };
    }
    if (n) qsort(t, n, sizeof *t, by_told);
    for (size_t i = 0; i < n; i++) {
        if (*count && !by_told(&t[i], &t[*count - 1])) {
            if (t[i].type != t[*count - 1].type || t[i].count != t[*count - 1].count)
                return bad(to, 0, "one storage is told in two ways");
            continue;
        }
        t[(*count)++] = t[i];
    }
    return THORAX_OK;
}

/* The count and the values of one storage at byte *at, which is moved behind them. */
static thorax_status read_stored(const thx_pytorch *to, thx_storage *s, uint64_t *at, const told *t)
{
    const size_t   element = t ? thx_type_bytes(t->type) : 0;
    const uint64_t left = to->bytes.size - *at;

    if (!element)
        return thx_fail(to->err, THORAX_FORMAT, *at, "%s: storage %.*s: its type is not known", to->path,
                        (int)(s->key_size < 80 ? s->key_size : 80), s->key);
    if (left < 8) return bad(to, *at, "an old PyTorch file without all of its storages; cut short?");
    const uint64_t count = thx_le64(to->bytes.data + *at);
    if (t->count < 0 || count != (uint64_t)t->count || __builtin_mul_overflow(count, (uint64_t)element, &s->bytes) ||
        s->bytes > left - 8)
        return thx_fail(to->err, THORAX_FORMAT, *at,
                        "%s: storage %.*s: %" PRId64 " elements expected, %" PRIu64 " told, %" PRIu64
                        " bytes follow; cut short?", to->path, (int)(s->key_size < 80 ? s->key_size : 80), s->key,
                        t->count, count, left - 8);
    s->begin = *at + 8;
    *at = s->begin + s->bytes;
    return THORAX_OK;
}

/* The list of keys at byte `at`, and the storages behind it in that order. */
static thorax_status read_storages(const thx_pytorch *to, thx_storages *s, uint64_t at, const told *t, size_t n_told)
{
    thx_pickle    keys;
    thorax_status st = next_pickle(to, &keys, &at);

    if (st) return st;
    const thx_pickle_value *list = &keys.values[keys.root];
    if (list->kind != THX_PICKLE_LIST) st = bad(to, at, "an old PyTorch file without its list of storages");
    else if (!(s->at = thx_arena_zalloc(to->arena, list->count, sizeof *s->at))) st = no_memory(to);
    for (uint32_t i = list->first; !st && i; i = keys.items[i].next) {
        const thx_pickle_value *key = &keys.values[keys.items[i].value];
        told want = { .storage = { .key = (const char *)key->text, .key_size = key->count } };

        if (key->kind != THX_PICKLE_TEXT) {
            st = bad(to, at, "an old PyTorch file with a storage whose key is no text");
            break;
        }
        s->at[s->count] = want.storage;
        st = read_stored(to, &s->at[s->count++], &at, n_told ? bsearch(&want, t, n_told, sizeof *t, by_told) : NULL);
    }
    thx_pickle_deinit(&keys);
    if (!st && !thx_storages_sort(s)) st = bad(to, at, "a storage is there twice");
    return st;
}

static thorax_status read_legacy(const thx_pytorch *to)
{
    thx_storages storages = { 0 };
    thx_pickle   p = { 0 };
    told        *t = NULL;
    size_t       n_told = 0;
    uint64_t     at = 0;

    thorax_status st = read_opening(to, &at);
    if (!st) st = next_pickle(to, &p, &at);
    if (!st) st = list_told(to, &t, &n_told, &p);
    if (!st) st = read_storages(to, &storages, at, t, n_told);
    if (!st) st = thx_pytorch_tensors(to, &p, &storages);
    thx_pickle_deinit(&p);
    return st;
}

/* ---- Either ---- */

static bool is_legacy(thx_map bytes)
{
    const size_t within = bytes.size < MAGIC_WITHIN ? bytes.size : MAGIC_WITHIN;

    if (within < 3 || bytes.data[0] != 0x80) return false;
    for (size_t i = 2; i + sizeof magic <= within; i++)
        if (!memcmp(bytes.data + i, magic, sizeof magic)) return true;
    return false;
}

bool thx_is_pytorch(thx_map bytes) { return thx_is_zip(bytes) || is_legacy(bytes); }

thorax_status thx_pytorch_read(thx_entries *list, thx_arena *arena, thx_map bytes, const char *path, uint32_t file,
                               uint64_t *owned, thorax_error *err)
{
    const thx_pytorch to = { list, arena, bytes, path, file, owned, err };
    const size_t      first = list->count;

    const thorax_status st = thx_is_zip(bytes) ? read_zip(&to) : read_legacy(&to);
    if (st) return st;
    thx_entries_sort(list->at + first, list->count - first);
    return THORAX_OK;
}
