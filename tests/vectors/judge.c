/* Vectors of judges: GREEN, the conversation judge. */
#include "vectors.h"

const vec_kind vec_judge_kinds[] = {
    { 0 },
};
