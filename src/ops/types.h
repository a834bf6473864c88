/* What a stored tensor is: an element type, a shape, bytes somewhere. */
#ifndef THX_OPS_TYPES_H
#define THX_OPS_TYPES_H

#include "base/error.h"

typedef enum thx_type {
    THX_F32, THX_F16, THX_BF16, THX_F64, THX_I64, THX_I32, THX_I16, THX_I8, THX_U8, THX_BOOL,
    THX_Q8, THX_Q4, /* matrices [N, K] in groups of rounded values; layout and meaning: quant.h */
    THX_TYPES
} thx_type;

static inline bool thx_type_grouped(thx_type type) { return type == THX_Q8 || type == THX_Q4; }

/* A named, shaped, read-only tensor, row-major; the bytes belong to whoever opened the
 * file and may have any alignment. */
typedef struct thx_view {
    const char *name;
    const void *data;
    thx_type    type;
    uint32_t    rank;
    uint64_t    shape[8]; /* outermost first; shape[0..rank-1]    */
    uint64_t    count;    /* product of the shape (1 for rank 0)  */
} thx_view;

size_t      thx_type_bytes(thx_type type); /* of one element; 0 for grouped types     */
const char *thx_type_name(thx_type type);  /* as safetensors writes it: "F32", "BF16" */

/* Bytes of a stored tensor; false when they do not fit a size, or a grouped tensor is no matrix. */
bool thx_stored_bytes(size_t *out, thx_type type, uint32_t rank, const uint64_t *shape);
static inline size_t thx_view_bytes(const thx_view *view) /* 0 for what has no bytes to read */
{
    size_t bytes;
    return thx_stored_bytes(&bytes, view->type, view->rank, view->shape) ? bytes : 0;
}

/* One element, exactly: f16 and bf16 widen without loss; rounding is to nearest even. */
float    thx_f32_from_f16(uint16_t h);
float    thx_f32_from_bf16(uint16_t h);
uint16_t thx_f16_from_f32(float f);  /* overflow becomes infinity */
uint16_t thx_bf16_from_f32(float f); /* NaN stays NaN             */

#endif
