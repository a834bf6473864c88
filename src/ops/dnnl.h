/* Dense bf16 products by oneDNN, for processors whose matrix units (AMX) our own kernels do
 * not use. The differences between its versions 2 and 3 stay in dnnl.c.
 *
 * oneDNN chooses its blocking by the shape and the number of threads. So that a row's bits
 * depend on neither, products are cut into blocks of a few fixed heights, each run by one thread with a primitive
 * made for one; and a shape is used only if a test at its first use finds the bits of a
 * row the same in every height and at every place. */
#ifndef THX_OPS_DNNL_H
#define THX_OPS_DNNL_H

#include "base/error.h"

enum { THX_DNNL_HEIGHTS = 3 };
extern const size_t thx_dnnl_heights[THX_DNNL_HEIGHTS]; /* rows of a block, largest first */

typedef struct thx_dnnl       thx_dnnl;
typedef struct thx_dnnl_shape thx_dnnl_shape;

/* For `threads` threads; NULL where oneDNN does not work or memory runs out. */
thx_dnnl *thx_dnnl_open(int threads);
void      thx_dnnl_close(thx_dnnl *dnnl);

/* c [height, N] = a [height, K] (lda) · w [N, K]ᵀ, c without gaps. NULL where this shape cannot be
 * used; the answer is kept. Not for several threads at once. */
const thx_dnnl_shape *thx_dnnl_shape_get(thx_dnnl *dnnl, size_t N, size_t K, size_t lda);

/* One block of thx_dnnl_heights[which] rows, by thread `thread` of those opened for. */
bool thx_dnnl_run(thx_dnnl *dnnl, const thx_dnnl_shape *shape, int which, int thread, float *c, const uint16_t *a,
                  const uint16_t *w);

/* What oneDNN reaches by itself, as a yardstick: 1e9 operations a second (a multiply-add is two)
 * of c [M, N] = a [M, K] · w [N, K]ᵀ, the weights in the order it likes best, for about `seconds`.
 * 0 where it cannot, or memory runs out. */
typedef enum thx_dnnl_kind { THX_DNNL_BF16, THX_DNNL_INT8 } thx_dnnl_kind;
double thx_dnnl_rate(thx_dnnl_kind kind, size_t M, size_t K, size_t N, int threads, double seconds);

#endif
