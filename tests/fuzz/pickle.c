/* A pickle of any content: refused, or a graph in which every number points to something that is there. */
#include <stdint.h>
#include <stdlib.h>

#include "weights/pickle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(const thx_pickle *p, const thx_pickle_value *v, const uint8_t *data, size_t size)
{
    if (v->kind == THX_PICKLE_TEXT || v->kind == THX_PICKLE_LONG || v->kind == THX_PICKLE_OPAQUE) {
        if (v->text < data || v->text > data + size || v->count > (size_t)(data + size - v->text)) abort();
        return;
    }
    size_t n = 0;
    for (uint32_t i = v->first; i; i = p->items[i].next, n++)
        if (i >= p->n_items || !p->items[i].value || p->items[i].value >= p->n_values || n >= v->count) abort();
    if (n != v->count || (v->kind == THX_PICKLE_DICT && n % 2)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    thx_pickle   p;
    size_t       used;
    thorax_error err;

    if (!thx_pickle_read(&p, &used, data, size, 0, "input", &err)) {
        if (used > size || !p.root || p.root >= p.n_values) abort();
        for (uint32_t i = 1; i < p.n_values; i++) check_value(&p, &p.values[i], data, size);
    }
    thx_pickle_deinit(&p);
    return 0;
}
