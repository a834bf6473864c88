/* Progress of long work: a room reports steps, the caller may show them or stop the work.
 *
 * The callback gets the share that is done. It returns false to stop: the work then
 * ends with THORAX_CANCELLED and leaves everything as documented. NULL = no reports. */
#ifndef THX_BASE_PROGRESS_H
#define THX_BASE_PROGRESS_H

#include "base/error.h"

typedef struct thx_progress {
    bool (*step)(void *data, const char *what, size_t done, size_t total); /* what: "tiles", "prompt", … */
    void *data;
} thx_progress;

static inline bool thx_progress_step(const thx_progress *p, const char *what, size_t done, size_t total)
{
    return !p || !p->step || p->step(p->data, what, done, total);
}

#endif
