/* The order in which NumPy's default sort leaves equal keys. */
#ifndef THX_METRICS_FUSION_ORDER_H
#define THX_METRICS_FUSION_ORDER_H

#include <stdbool.h>
#include <stddef.h>

/* Sorts indices v [n] by keys[v[i]], ascending, NaN last: as argsort of NumPy 1.x does in its scalar code. Up to 16
 * keys equal ones keep their order; beyond, its quicksort permutes them. */
void thx_order_numpy(size_t *v, const double *keys, size_t n);

/* v [n] becomes the indices of keys [n], descending: that order reversed. `stable`: equal keys always by descending
 * index. scratch [n] is overwritten. */
void thx_order_descending(size_t *v, const double *keys, size_t n, bool stable, double *scratch);

#endif
