/* Equal texts found by sorting; see distinct.h. */
#include "metrics/distinct.h"

#include <stdlib.h>
#include <string.h>

typedef struct item {
    const int32_t *ids;
    size_t         length, index;
} item;

static int same_text(const item *x, const item *y)
{
    return x->length ? memcmp(x->ids, y->ids, x->length * sizeof *x->ids) : 0;
}

static int by_text(const void *a, const void *b)
{
    const item *x = a, *y = b;

    if (x->length != y->length) return x->length > y->length ? -1 : 1;
    const int order = same_text(x, y);
    return order ? order : x->index < y->index ? -1 : 1;
}

static void number(thx_distinct *d, const item *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!i || items[i].length != items[i - 1].length || same_text(&items[i], &items[i - 1]))
            d->first[d->count++] = items[i].index;
        d->of[items[i].index] = d->count - 1;
    }
}

thorax_status thx_distinct_init(thx_distinct *out, const int32_t *ids, const size_t *ends, size_t n, thorax_error *err)
{
    item *items = calloc(n + 1, sizeof *items);

    *out = (thx_distinct){ .of = calloc(n + 1, sizeof *out->of), .first = calloc(n + 1, sizeof *out->first) };
    if (!items || !out->of || !out->first) {
        free(items);
        thx_distinct_deinit(out);
        return thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu texts", n);
    }
    for (size_t i = 0; i < n; i++)
        items[i] = (item){ ids ? ids + thx_text_begin(ends, i) : NULL, thx_text_length(ends, i), i };
    qsort(items, n, sizeof *items, by_text);
    number(out, items, n);
    free(items);
    return THORAX_OK;
}

void thx_distinct_deinit(thx_distinct *d)
{
    free(d->of);
    free(d->first);
    *d = (thx_distinct){ 0 };
}
