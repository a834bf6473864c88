/* Vectors of boxes: IoU, average precision, fusion. */
#include "vectors.h"

const vec_kind vec_box_kinds[] = {
    { 0 },
};
