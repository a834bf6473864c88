/* Vectors of resampling. */
#include "vectors.h"

const vec_kind vec_bootstrap_kinds[] = {
    { 0 },
};
