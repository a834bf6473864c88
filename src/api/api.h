/* The public objects as the rooms know them: thin covers over film, engine, tasks, output. */
#ifndef THX_API_API_H
#define THX_API_API_H

#include "engine/engine.h"
#include "output/output.h"
#include "tasks/tasks.h"

struct thorax_model {
    thx_engine *engine;
};

struct thorax_film {
    thx_film    *film;
    thx_picture  picture; /* what the profile makes of it */
    thx_profile  profile;
    char        *name;
};

struct thorax_session {
    thx_session       *session;
    const thorax_film *film; /* borrowed; NULL = none */
};

struct thorax_result {
    thx_result *result;
    char       *json; /* made when it is asked for */
};

#endif
