/* Vectors of graphs: RadGraph, RaTEScore, RadCliQ. */
#include "vectors.h"

const vec_kind vec_graph_kinds[] = {
    { 0 },
};
