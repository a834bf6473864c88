/* How a dense product is cut into tasks: slices of columns, and cuts of rows where slices are few. */
#ifndef THX_OPS_CPU_SLICES_H
#define THX_OPS_CPU_SLICES_H

#include "ops/cpu/cpu_ops.h"

#include <omp.h>

enum { THX_SLICE = 256 /* columns of a task, whole blocks of grouped weights */ };

/* Columns first_col .. of rows first_row .. of a product; `room` is the thread's own. */
typedef void thx_slice_fn(const void *product, unsigned char *room, size_t first_row, size_t rows, size_t first_col,
                          size_t cols);

/* All of T rows by N columns; cuts of rows are multiples of mr. */
void thx_slices_run(thx_ctx *ctx, thx_slice_fn *run, const void *product, size_t T, size_t N, size_t mr,
                    unsigned char *rooms, size_t room_bytes);

/* y[:, first .. first+cols-1] += b; b may be NULL. */
void thx_bias_add(thx_tensor y, const thx_weight *b, size_t first, size_t cols);

#endif
