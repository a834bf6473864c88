/* Vectors of texts: ROUGE, BLEU, CIDEr-D, BERTScore's matching. */
#include "vectors.h"

const vec_kind vec_text_kinds[] = {
    { 0 },
};
