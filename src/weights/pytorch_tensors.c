/* Walking over the graph of a pickle and naming its tensors; see pytorch_tensors.h. The graph may share its parts and
 * contain itself: depth and steps are bounded. */
#include "weights/pytorch_tensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/string.h"

enum { MAX_DEPTH = 256, MAX_STEPS = 1 << 20, MAX_TENSORS = 1 << 16, MAX_NAME = 4096 };

/* A container that is being walked over. */
typedef struct frame {
    const thx_pickle_value *container;
    uint32_t next;      /* item */
    size_t   place;     /* in a list */
    size_t   name_size; /* of the container's own name */
    bool     unnamed;   /* it lies below a key that gives no name */
} frame;

typedef struct walker {
    const thx_pytorch  *to;
    const thx_pickle   *p;
    thx_storages       *storages;
    thx_string          name;
    frame               frames[MAX_DEPTH];
    size_t              depth, steps, tensors;
    bool                unnamed;
} walker;

static const char *name_of(const walker *w) { return w->name.data ? w->name.data : ""; }

static thorax_status bad(const walker *w, thorax_status status, const char *what)
{
    return thx_fail(w->to->err, status, 0, "%s: %.120s %s", w->to->path, *name_of(w) ? name_of(w) : "what it holds",
                    what);
}

/* ---- Names ---- */

static thorax_status set_name(walker *w, const frame *f, const char *part, size_t size)
{
    w->name.size = f->name_size;
    if (f->name_size) thx_string_puts(&w->name, ".");
    thx_string_add(&w->name, part, size);
    if (w->name.failed) return thx_fail(w->to->err, THORAX_NOMEM, 0, "%s: no memory for the tensor table", w->to->path);
    return w->name.size <= MAX_NAME ? THORAX_OK : bad(w, THORAX_LIMIT, "is a name of more than 4096 bytes");
}

static thorax_status set_number(walker *w, const frame *f, int64_t number)
{
    thx_string s = { 0 };

    thx_string_printf(&s, "%" PRId64, number);
    w->name.failed = w->name.failed || s.failed;
    const thorax_status st = set_name(w, f, s.data ? s.data : "", s.size);
    thx_string_deinit(&s);
    return st;
}

/* The part of a name that a key gives. */
static thorax_status set_key(walker *w, const frame *f, const thx_pickle_value *key)
{
    switch (key->kind) {
    case THX_PICKLE_INT:   return set_number(w, f, key->number);
    case THX_PICKLE_NONE:  return set_name(w, f, "None", 4);
    case THX_PICKLE_TRUE:  return set_name(w, f, "True", 4);
    case THX_PICKLE_FALSE: return set_name(w, f, "False", 5);
    case THX_PICKLE_TEXT:
        if (key->count && memchr(key->text, 0, key->count)) break;
        return set_name(w, f, (const char *)key->text, key->count);
    default: break;
    }
    w->unnamed = true;
    return set_name(w, f, "?", 1);
}

static int by_text(const void *a, const void *b)
{
    const thx_pickle_value *x = *(const thx_pickle_value *const *)a, *y = *(const thx_pickle_value *const *)b;
    const size_t n = x->count < y->count ? x->count : y->count;
    const int    c = n ? memcmp(x->text, y->text, n) : 0;

    return c ? c : x->count < y->count ? -1 : x->count > y->count;
}

/* A dict that has a key twice is refused: which value counts would be a guess. */
static thorax_status check_keys(const walker *w, const thx_pickle_value *dict)
{
    const thx_pickle_value **keys = malloc((dict->count / 2 + 1) * sizeof *keys);
    thorax_status st = THORAX_OK;
    size_t        n = 0;

    if (!keys) return thx_fail(w->to->err, THORAX_NOMEM, 0, "%s: no memory for the tensor table", w->to->path);
    for (uint32_t i = dict->first; i; i = w->p->items[w->p->items[i].next].next) {
        const thx_pickle_value *key = &w->p->values[w->p->items[i].value];
        if (key->kind == THX_PICKLE_TEXT) keys[n++] = key;
    }
    if (n) qsort(keys, n, sizeof *keys, by_text);
    for (size_t i = 1; !st && i < n; i++)
        if (!by_text(&keys[i - 1], &keys[i]))
            st = thx_fail(w->to->err, THORAX_FORMAT, 0, "%s: the key %.*s is there twice", w->to->path,
                          (int)(keys[i]->count < 100 ? keys[i]->count : 100), (const char *)keys[i]->text);
    free(keys);
    return st;
}

/* ---- The walk ---- */

static thorax_status add_tensor(walker *w, const thx_pickle_value *v)
{
    if (w->unnamed) return bad(w, THORAX_FORMAT, "is a tensor below a key that is neither a text nor a whole number");
    if (w->tensors == MAX_TENSORS) return bad(w, THORAX_LIMIT, "is one of more than 65536 tensors");
    thx_entry *e = thx_entry_add(w->to->list);
    if (!e || !(e->view.name = thx_arena_strdup(w->to->arena, name_of(w))))
        return thx_fail(w->to->err, THORAX_NOMEM, 0, "%s: no memory for the tensor table", w->to->path);
    w->tensors++;
    return thx_pytorch_tensor(w->to, e, w->p, v, w->storages);
}

static thorax_status enter(walker *w, const thx_pickle_value *v)
{
    if (!v->count) return THORAX_OK;
    if (w->depth == MAX_DEPTH) return bad(w, THORAX_LIMIT, "lies more than 256 containers deep");
    if (v->count > MAX_STEPS - w->steps) return bad(w, THORAX_LIMIT, "is one of more than a million values");
    w->steps += v->count;
    w->frames[w->depth++] =
        (frame){ .container = v, .next = v->first, .name_size = w->name.size, .unnamed = w->unnamed };
    return v->kind == THX_PICKLE_DICT ? check_keys(w, v) : THORAX_OK;
}

/* The value that the name stands for. */
static thorax_status visit(walker *w, const thx_pickle_value *v)
{
    switch (v->kind) {
    case THX_PICKLE_TENSOR: return add_tensor(w, v);
    case THX_PICKLE_TUPLE:
    case THX_PICKLE_LIST:
    case THX_PICKLE_DICT:   return enter(w, v);
    case THX_PICKLE_OPAQUE:
        if (!v->tensors) return THORAX_OK;
        return thx_fail(w->to->err, THORAX_FORMAT, 0, "%s: tensor %.120s is made by %.*s, which is not read",
                        w->to->path, name_of(w), (int)(v->count < 60 ? v->count : 60), (const char *)v->text);
    default: return THORAX_OK;
    }
}

/* The next value of the container on top. */
static thorax_status next_value(walker *w)
{
    frame        *f = &w->frames[w->depth - 1];
    uint32_t      item = f->next;
    thorax_status st;

    w->unnamed = f->unnamed;
    if (f->container->kind == THX_PICKLE_DICT) {
        st = set_key(w, f, &w->p->values[w->p->items[item].value]);
        item = w->p->items[item].next;
    } else {
        st = set_number(w, f, (int64_t)f->place++);
    }
    f->next = w->p->items[item].next;
    return st ? st : visit(w, &w->p->values[w->p->items[item].value]);
}

static thorax_status no_tensor(const thx_pytorch *to, const thx_pickle_value *root)
{
    if (root->kind == THX_PICKLE_OPAQUE)
        return thx_fail(to->err, THORAX_FORMAT, 0, "%s: expected a state dict, found what %.*s makes, and no tensor",
                        to->path, (int)(root->count < 60 ? root->count : 60), (const char *)root->text);
    return thx_fail(to->err, THORAX_FORMAT, 0, "%s: expected a state dict, found no tensor in it", to->path);
}

thorax_status thx_pytorch_tensors(const thx_pytorch *to, const thx_pickle *p, thx_storages *storages)
{
    walker *w = calloc(1, sizeof *w);

    if (!w) return thx_fail(to->err, THORAX_NOMEM, 0, "%s: no memory for the tensor table", to->path);
    *w = (walker){ .to = to, .p = p, .storages = storages };
    thorax_status st = visit(w, &p->values[p->root]);
    while (!st && w->depth) {
        if (w->frames[w->depth - 1].next) st = next_value(w);
        else w->depth--;
    }
    if (!st && !w->tensors) st = no_tensor(to, &p->values[p->root]);
    thx_string_deinit(&w->name);
    free(w);
    return st;
}
