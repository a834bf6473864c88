/* Binding; see bind.h. */
#include "model/bind.h"
#include "model/quantize.h"

#include <stdlib.h>
#include <string.h>

typedef struct entry {
    const char     *name; /* canonical, or NULL when the family does not know it */
    const thx_view *view;
    bool            used;
} entry;

struct thx_binder {
    thx_model   *model;
    thx_account *account;
    entry       *entries; /* by name, unknown ones last */
    size_t       n;
};

static int by_name(const void *a, const void *b)
{
    const entry *x = a, *y = b;

    if (!x->name || !y->name) return !x->name - !y->name;
    const int order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->view->name, y->view->name);
}

static thorax_status note(thx_binder *b, thx_tensor_state state, const char *name,
                          const thx_view *view, uint32_t rank, const uint64_t *shape,
                          thorax_error *err)
{
    thx_account *a = b->account;

    if (!a) return THORAX_OK;
    if (a->n == a->room) {
        const size_t      room = a->room ? 2 * a->room : 1024;
        thx_account_line *lines = realloc(a->lines, room * sizeof *lines);
        if (!lines) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
        a->lines = lines;
        a->room = room;
    }
    thx_account_line *l = &a->lines[a->n++];
    *l = (thx_account_line){ .state = state,
                             .name = thx_arena_strdup(b->model->arena, name),
                             .view = view,
                             .want_rank = rank };
    if (!l->name) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    for (uint32_t i = 0; i < rank; i++) l->want[i] = shape[i];
    a->count[state]++;
    return THORAX_OK;
}

/* Two stored tensors with one canonical name: which of them would count is not for us to guess. */
static thorax_status check_twice(thx_binder *b, thorax_error *err)
{
    for (size_t i = 1; i < b->n && b->entries[i].name; i++) {
        const entry *x = &b->entries[i - 1], *y = &b->entries[i];
        if (strcmp(x->name, y->name)) continue;
        if (!b->account)
            return thx_fail(err, THORAX_MODEL, 0,
                            "%s: '%s' and '%s' are the same tensor in two layouts",
                            b->model->folder, x->view->name, y->view->name);
        const thorax_status st = note(b, THX_TENSOR_TWICE, y->view->name, y->view, 0, NULL, err);
        if (st) return st;
        b->entries[i].used = true;
    }
    return THORAX_OK;
}

thorax_status thx_binder_open(thx_binder **out, thx_model *m, thx_canonical_fn *canonical,
                              thx_account *account, thorax_error *err)
{
    thx_binder *b = calloc(1, sizeof *b);
    char        name[512];

    *out = NULL;
    if (b) b->entries = calloc(thx_weights_count(m->weights) + 1, sizeof *b->entries);
    if (!b || !b->entries) goto nomem;
    b->model = m;
    b->account = account;
    b->n = thx_weights_count(m->weights);
    for (size_t i = 0; i < b->n; i++) {
        b->entries[i].view = thx_weights_at(m->weights, i);
        if (!canonical(name, sizeof name, b->entries[i].view->name)) continue;
        b->entries[i].name = thx_arena_strdup(m->arena, name);
        if (!b->entries[i].name) goto nomem;
    }
    qsort(b->entries, b->n, sizeof *b->entries, by_name);
    const thorax_status st = check_twice(b, err);
    if (st) {
        thx_binder_close(b);
        return st;
    }
    *out = b;
    return THORAX_OK;
nomem:
    thx_binder_close(b);
    return thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", m->folder);
}

void thx_binder_close(thx_binder *b)
{
    if (!b) return;
    free(b->entries);
    free(b);
}

static entry *find(const thx_binder *b, const char *name)
{
    size_t low = 0, high = b->n;

    while (low < high) {
        const size_t mid = (low + high) / 2;
        const char  *here = b->entries[mid].name;
        if (!here || strcmp(here, name) >= 0)
            high = mid;
        else
            low = mid + 1;
    }
    return low < b->n && b->entries[low].name && !strcmp(b->entries[low].name, name)
               ? &b->entries[low]
               : NULL;
}

bool thx_binder_has(const thx_binder *b, const char *name) { return find(b, name) != NULL; }

const thx_view *thx_binder_view(const thx_binder *b, const char *name)
{
    const entry *e = find(b, name);
    return e ? e->view : NULL;
}

static void print_shape(char *out, size_t size, uint32_t rank, const uint64_t *shape)
{
    size_t at = (size_t)snprintf(out, size, "[");
    for (uint32_t i = 0; i < rank && at < size; i++)
        at += (size_t)snprintf(out + at, size - at, "%s%llu", i ? ", " : "",
                               (unsigned long long)shape[i]);
    if (at < size) snprintf(out + at, size - at, "]");
}

/* OK, SHAPE or TYPE: does the stored tensor fit? */
static thx_tensor_state judge(const thx_view *v, uint32_t rank, const uint64_t *shape)
{
    if (v->type != THX_F32 && v->type != THX_F16 && v->type != THX_BF16 &&
        !(thx_type_grouped(v->type) && rank == 2))
        return THX_TENSOR_TYPE;
    if (v->rank != rank) return THX_TENSOR_SHAPE;
    for (uint32_t i = 0; i < rank; i++)
        if (v->shape[i] != shape[i]) return THX_TENSOR_SHAPE;
    return THX_TENSOR_USED;
}

static thorax_status refuse(const thx_binder *b, thx_tensor_state state, const thx_view *v,
                            uint32_t rank, const uint64_t *shape, thorax_error *err)
{
    char want[80], found[80];

    if (state == THX_TENSOR_TYPE)
        return thx_fail(err, THORAX_MODEL, 0,
                        "%s: tensor '%s': expected F32, F16, BF16, or a matrix of Q8 or Q4, found %s", b->model->folder,
                        v->name, thx_type_name(v->type));
    print_shape(want, sizeof want, rank, shape);
    print_shape(found, sizeof found, v->rank, v->shape);
    return thx_fail(err, THORAX_MODEL, 0, "%s: tensor '%s': the config wants shape %s, found %s",
                    b->model->folder, v->name, want, found);
}

/* Room for one more weight. */
static thorax_status ready_room(thx_model *m, thorax_error *err)
{
    if (m->n_ready < m->room_ready) return THORAX_OK;
    const size_t room = m->room_ready ? 2 * m->room_ready : 1024;
    thx_weight **ready = realloc(m->ready, room * sizeof *ready);
    if (!ready) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    m->ready = ready;
    m->room_ready = room;
    return THORAX_OK;
}

static thorax_status make_ready(thx_model *m, thx_weight **out, thx_weight_use use,
                                const thx_view *v, thorax_error *err)
{
    const thx_type type = thx_quantized_type(m, v);
    thorax_status  st = ready_room(m, err);

    *out = NULL;
    if (!st)
        st = type == v->type ? m->ctx->ops->weight_open(m->ctx, out, v, use, err)
                             : m->ctx->ops->weight_quantize(m->ctx, out, v, type, err);
    if (!st) m->ready[m->n_ready++] = *out;
    return st;
}

thorax_status thx_bind(thx_binder *b, thx_weight **out, thx_weight_use use, const char *name,
                       uint32_t rank, const uint64_t *shape, thorax_error *err)
{
    entry *e = find(b, name);

    *out = NULL;
    if (!e) {
        if (b->account) return note(b, THX_TENSOR_MISSING, name, NULL, rank, shape, err);
        char want[80];
        print_shape(want, sizeof want, rank, shape);
        return thx_fail(err, THORAX_MODEL, 0, "%s: tensor '%s' %s is missing", b->model->folder,
                        name, want);
    }
    const thx_tensor_state state = judge(e->view, rank, shape);
    if (!e->used || b->account) {
        const thorax_status st =
            e->used ? THORAX_OK : note(b, state, e->view->name, e->view, rank, shape, err);
        if (st) return st;
        e->used = true;
    }
    if (b->account) return THORAX_OK;
    return state == THX_TENSOR_USED ? make_ready(b->model, out, use, e->view, err)
                                    : refuse(b, state, e->view, rank, shape, err);
}

thorax_status thx_bind_named(thx_binder *b, thx_weight **out, const char *prefix, const char *suffix, size_t rows, size_t cols,
                             thorax_error *err)
{
    char name[160];

    snprintf(name, sizeof name, "%s%s", prefix, suffix);
    return thx_bind(b, out, cols ? THX_USE_LINEAR : THX_USE_VECTOR, name, cols ? 2 : 1, (uint64_t[]){ rows, cols }, err);
}

thorax_status thx_bind_pair(thx_binder *b, thx_weight **weight, thx_weight **bias, const char *prefix, const char *name, size_t rows,
                            size_t cols, thorax_error *err)
{
    char          full[144];
    thorax_status st;

    snprintf(full, sizeof full, "%s%s", prefix, name);
    st = thx_bind_named(b, weight, full, ".weight", rows, cols, err);
    return st || !bias ? st : thx_bind_named(b, bias, full, ".bias", rows, 0, err);
}

thorax_status thx_bind_merged(thx_binder *b, thx_weight **out, const thx_view *w, const thx_view *a, const thx_view *up, float scale,
                              thorax_error *err)
{
    thx_model    *m = b->model;
    thorax_status st = ready_room(m, err);

    *out = NULL;
    for (size_t i = 0; i < b->n; i++)
        if (b->entries[i].view == w) b->entries[i].used = true;
    if (!st) st = m->ctx->ops->weight_merge(m->ctx, out, w, a, up, scale, thx_quantized_type(m, w), err);
    if (!st) m->ready[m->n_ready++] = *out;
    return st;
}

thorax_status thx_bind_vector(thx_binder *b, thx_weight **out, const thx_view *vector, thorax_error *err)
{
    return make_ready(b->model, out, THX_USE_VECTOR, vector, err);
}

thorax_status thx_binder_merged(thx_binder *b, const char *name, double norm, thorax_error *err)
{
    entry        *e = find(b, name);
    thx_account  *a = b->account;
    thorax_status st = THORAX_OK;

    if (!e) return THORAX_OK;
    if (a && !e->used) {
        st = note(b, THX_TENSOR_MERGED, e->view->name, e->view, 0, NULL, err);
        if (!st) a->lines[a->n - 1].norm = norm;
    }
    e->used = true;
    return st;
}

size_t thx_binder_count(const thx_binder *b, bool (*is)(const char *canonical))
{
    size_t n = 0;

    for (size_t i = 0; i < b->n && b->entries[i].name; i++) n += is(b->entries[i].name);
    return n;
}

thx_model *thx_binder_model(const thx_binder *b) { return b->model; }
bool       thx_binder_accounts(const thx_binder *b) { return b->account != NULL; }

thorax_status thx_binder_end(thx_binder   *b, bool (*unused)(const char *canonical),
                             thorax_error *err)
{
    thorax_status st = THORAX_OK;

    for (size_t i = 0; i < b->n && b->account && !st; i++) {
        const entry *e = &b->entries[i];
        if (e->used) continue;
        st = note(b, e->name && unused(e->name) ? THX_TENSOR_UNUSED : THX_TENSOR_UNKNOWN,
                  e->view->name, e->view, 0, NULL, err);
    }
    return st;
}
