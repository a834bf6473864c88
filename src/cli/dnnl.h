/* oneDNN as a yardstick: our own kernels do the products, these say how far they are from another library's.
 * The differences between its versions 2 and 3 stay in dnnl.c. */
#ifndef THX_CLI_DNNL_H
#define THX_CLI_DNNL_H

#include "base/error.h"

/* What oneDNN reaches by itself: 1e9 operations a second (a multiply-add is two) of
 * c [M, N] = a [M, K] · w [N, K]ᵀ, the weights in the order it likes best, for about `seconds`.
 * 0 where it cannot, or memory runs out. */
typedef enum dnnl_kind { DNNL_KIND_BF16, DNNL_KIND_INT8 } dnnl_kind;
double dnnl_rate(dnnl_kind kind, size_t M, size_t K, size_t N, int threads, double seconds);

#endif
