/* Texts given as ids, each different one once: what is computed from a text is computed once. */
#ifndef THX_METRICS_DISTINCT_H
#define THX_METRICS_DISTINCT_H

#include "base/error.h"

typedef struct thx_distinct {
    size_t *of;    /* [n] the number of text i, 0 .. count-1, longer texts first; owned */
    size_t *first; /* [count] a text with that number; owned                            */
    size_t  count;
} thx_distinct;

/* Of n texts that lie one behind the other, text i ends before ids[ends[i]]. THORAX_NOMEM. */
thorax_status thx_distinct_init(thx_distinct *out, const int32_t *ids, const size_t *ends, size_t n, thorax_error *err);
void          thx_distinct_deinit(thx_distinct *d);

/* Where text i begins, and how many ids it has. */
static inline size_t thx_text_begin(const size_t *ends, size_t i) { return i ? ends[i - 1] : 0; }
static inline size_t thx_text_length(const size_t *ends, size_t i) { return ends[i] - thx_text_begin(ends, i); }

#endif
