/* One tensor of a PyTorch file: its arguments checked against its storage, its values left in place or gathered;
 * see pytorch_tensors.h. */
#include "weights/pytorch_tensors.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RANK = 8, SLACK_BYTES = 64 << 20 };

/* What _rebuild_tensor_v2 is called with. */
typedef enum argument { STORAGE, OFFSET, SIZES, STRIDES, NEEDS_GRADIENT, HOOKS, METADATA, ARGUMENTS } argument;

/* A tensor while it is being read. */
typedef struct layout {
    thx_storage *storage;
    size_t   element;          /* bytes */
    uint64_t count;            /* elements of the storage */
    uint64_t offset, strides[MAX_RANK], last; /* elements; last: of the last value, where there is one */
} layout;

__attribute__((format(printf, 3, 4)))
static thorax_status bad(const thx_pytorch *to, const thx_view *v, const char *format, ...)
{
    char    text[120];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return thx_fail(to->err, THORAX_FORMAT, 0, "%s: tensor %.120s: %s", to->path, v->name, text);
}

static int by_key(const void *key, const void *at)
{
    const thx_pickle_value *k = key;
    const thx_storage      *s = at;
    const size_t n = k->count < s->key_size ? k->count : s->key_size;
    const int    c = n ? memcmp(k->text, s->key, n) : 0;

    return c ? c : k->count < s->key_size ? -1 : k->count > s->key_size;
}

/* The storage by its key; its bytes must be those of the elements told. */
static thorax_status read_storage(const thx_pytorch *to, thx_entry *e, layout *l, const thx_pickle *p,
                                  const thx_pickle_value *storage, thx_storages *storages)
{
    const thx_pickle_value *part[6] = { 0 };
    uint64_t bytes;

    if (storage->kind != THX_PICKLE_STORAGE) return bad(to, &e->view, "expected a storage below it, found none");
    thx_pickle_items(part, 6, p, storage);
    e->view.type = thx_pickle_storage_type(part[1]);
    if (e->view.type == THX_TYPES)
        return bad(to, &e->view, "its type %.*s is not read", (int)(part[1]->count < 60 ? part[1]->count : 60),
                   (const char *)part[1]->text);
    e->dtype = thx_type_name(e->view.type);
    l->element = thx_type_bytes(e->view.type);
    if (part[4]->kind != THX_PICKLE_INT || part[4]->number < 0)
        return bad(to, &e->view, "the number of elements of its storage is no size");
    l->count = (uint64_t)part[4]->number;
    l->storage = storages->count
        ? bsearch(part[2], storages->at, storages->count, sizeof *storages->at, by_key) : NULL;
    if (!l->storage)
        return bad(to, &e->view, "its storage %.*s is not in the file",
                   (int)(part[2]->count < 60 ? part[2]->count : 60), (const char *)part[2]->text);
    if (__builtin_mul_overflow(l->count, (uint64_t)l->element, &bytes) || bytes != l->storage->bytes)
        return bad(to, &e->view, "%" PRIu64 " %s values expected, its storage has %" PRIu64 " bytes", l->count,
                   e->dtype, l->storage->bytes);
    if (l->storage->used && l->storage->type != e->view.type)
        return bad(to, &e->view, "its storage holds %s in another tensor", thx_type_name(l->storage->type));
    l->storage->used = true;
    l->storage->type = e->view.type;
    return THORAX_OK;
}

/* A tuple of sizes that are not negative; false when it is something else. */
static bool read_numbers(uint64_t out[MAX_RANK], uint32_t *rank, const thx_pickle *p, const thx_pickle_value *tuple)
{
    const thx_pickle_value *part[MAX_RANK] = { 0 };

    if (tuple->kind != THX_PICKLE_TUPLE || tuple->count > MAX_RANK) return false;
    *rank = (uint32_t)thx_pickle_items(part, MAX_RANK, p, tuple);
    for (uint32_t i = 0; i < *rank; i++) {
        if (part[i]->kind != THX_PICKLE_INT || part[i]->number < 0) return false;
        out[i] = (uint64_t)part[i]->number;
    }
    return true;
}

/* Shape, strides and offset, which must stay inside the storage. */
static thorax_status read_shape(const thx_pytorch *to, thx_view *v, layout *l, const thx_pickle *p,
                                const thx_pickle_value *const *args)
{
    uint32_t n_strides;
    uint64_t bytes;

    if (args[SIZES]->kind == THX_PICKLE_TUPLE && args[SIZES]->count > MAX_RANK)
        return bad(to, v, "%zu dimensions, at most %d are read", args[SIZES]->count, MAX_RANK);
    if (args[OFFSET]->kind != THX_PICKLE_INT || args[OFFSET]->number < 0) return bad(to, v, "its offset is no size");
    if (!read_numbers(v->shape, &v->rank, p, args[SIZES])) return bad(to, v, "its shape is no row of sizes");
    if (!read_numbers(l->strides, &n_strides, p, args[STRIDES])) return bad(to, v, "its strides are no row of sizes");
    if (n_strides != v->rank)
        return bad(to, v, "%u dimensions, but %u strides", (unsigned)v->rank, (unsigned)n_strides);
    l->offset = (uint64_t)args[OFFSET]->number;
    v->count = 1;
    for (uint32_t i = 0; i < v->rank; i++)
        if (__builtin_mul_overflow(v->count, v->shape[i], &v->count)) return bad(to, v, "its shape is too large");
    if (__builtin_mul_overflow(v->count, (uint64_t)l->element, &bytes)) return bad(to, v, "its shape is too large");
    if (l->offset > l->count) return bad(to, v, "it begins outside its storage of %" PRIu64 " values", l->count);
    if (!v->count) return THORAX_OK;
    l->last = l->offset;
    for (uint32_t i = 0; i < v->rank; i++) {
        uint64_t way;

        if (v->shape[i] == 1) l->strides[i] = 0; /* never taken */
        if (__builtin_mul_overflow(v->shape[i] - 1, l->strides[i], &way) ||
            __builtin_add_overflow(l->last, way, &l->last))
            return bad(to, v, "it ends outside its storage of %" PRIu64 " values", l->count);
    }
    if (l->last >= l->count) return bad(to, v, "it ends outside its storage of %" PRIu64 " values", l->count);
    return THORAX_OK;
}

/* Its values follow each other, the last dimension innermost. */
static bool is_contiguous(const thx_view *v, const layout *l)
{
    uint64_t want = 1;

    for (uint32_t i = v->rank; i-- > 0;) {
        if (v->shape[i] == 1) continue;
        if (v->count && l->strides[i] != want) return false;
        want *= v->shape[i];
    }
    return true;
}

/* Copies the values in the order of the shape. */
static void gather(unsigned char *out, const unsigned char *storage, const thx_view *v, const layout *l)
{
    const uint32_t inner = v->rank - 1; /* rank 0 is contiguous */
    const size_t   step = (size_t)l->strides[inner] * l->element;
    uint64_t       place[MAX_RANK] = { 0 }, at = l->offset;

    for (uint64_t done = 0; done < v->count; done += v->shape[inner]) {
        const unsigned char *from = storage + at * l->element;

        for (uint64_t i = 0; i < v->shape[inner]; i++, out += l->element, from += step) memcpy(out, from, l->element);
        for (uint32_t d = inner; d-- > 0;) {
            at += l->strides[d];
            if (++place[d] < v->shape[d]) break;
            at -= l->strides[d] * v->shape[d];
            place[d] = 0;
        }
    }
}

static thorax_status gather_own(const thx_pytorch *to, thx_view *v, const layout *l)
{
    const uint64_t bytes = v->count * l->element; /* was checked */

    if (bytes > to->bytes.size + SLACK_BYTES || *to->owned > to->bytes.size + SLACK_BYTES - bytes)
        return thx_fail(to->err, THORAX_LIMIT, 0,
                        "%s: tensor %.120s: gathering its %" PRIu64 " bytes takes more memory than the file has bytes",
                        to->path, v->name, bytes);
    unsigned char *own = thx_arena_alloc(to->arena, 1, (size_t)bytes);
    if (!own) return thx_fail(to->err, THORAX_NOMEM, 0, "%s: tensor %.120s: no memory for %" PRIu64 " bytes",
                              to->path, v->name, bytes);
    gather(own, to->bytes.data + l->storage->begin, v, l);
    *to->owned += bytes;
    v->data = own;
    return THORAX_OK;
}

/* Metadata tell of values that are not what is stored (negated, conjugated). */
static bool has_metadata(const thx_pickle_value *v)
{
    return v->kind != THX_PICKLE_NONE && !(v->kind == THX_PICKLE_DICT && !v->count);
}

thorax_status thx_pytorch_tensor(const thx_pytorch *to, thx_entry *e, const thx_pickle *p, const thx_pickle_value *v,
                                 thx_storages *storages)
{
    const thx_pickle_value *args[ARGUMENTS] = { 0 };
    layout l = { 0 };

    if (v->count < METADATA || v->count > ARGUMENTS)
        return bad(to, &e->view, "%zu arguments, expected 6 or 7", v->count);
    thx_pickle_items(args, ARGUMENTS, p, v);
    if (!thx_pickle_is_grad(args[NEEDS_GRADIENT], args[HOOKS]))
        return bad(to, &e->view, "its arguments are not those of a tensor");
    if (v->count == ARGUMENTS && has_metadata(args[METADATA])) return bad(to, &e->view, "its metadata are not read");
    thorax_status st = read_storage(to, e, &l, p, args[STORAGE], storages);
    if (!st) st = read_shape(to, &e->view, &l, p, args);
    if (st) return st;
    e->file = to->file;
    e->begin = l.storage->begin + l.offset * l.element;
    e->end = e->view.count ? l.storage->begin + (l.last + 1) * l.element : e->begin;
    e->view.data = to->bytes.data + e->begin;
    return is_contiguous(&e->view, &l) ? THORAX_OK : gather_own(to, &e->view, &l);
}
