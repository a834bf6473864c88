/* Vectors of labels: CheXbert's classes, label mentions. */
#include "vectors.h"

const vec_kind vec_label_kinds[] = {
    { 0 },
};
