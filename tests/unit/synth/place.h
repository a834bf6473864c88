/* A folder for random checkpoints, gone with the test. */
#ifndef TEST_SYNTH_PLACE_H
#define TEST_SYNTH_PLACE_H

#include "check.h"

#include <stdlib.h>

typedef struct place { char folder[64]; char path[200]; } place;

static inline void place_open(place *p)
{
    snprintf(p->folder, sizeof p->folder, "/tmp/thorax-checkpoint-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
}

/* The path of a name in it, until the next call. */
static inline const char *in(place *p, const char *name)
{
    snprintf(p->path, sizeof p->path, "%s/%s", p->folder, name);
    return p->path;
}

static inline void place_close(place *p)
{
    char command[80];

    snprintf(command, sizeof command, "rm -rf '%.60s'", p->folder);
    assert_int_equal(system(command), 0);
}

#endif
