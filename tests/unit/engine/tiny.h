/* A tiny random checkpoint in a folder of its own, for the tests of the engine. */
#ifndef THX_TESTS_ENGINE_TINY_H
#define THX_TESTS_ENGINE_TINY_H

#include "check.h"
#include "engine/engine.h"
#include "synth/checkpoint.h"

/* Writes the checkpoint of a seed into `folder`; false after a message. */
static inline bool tiny_write(const char *folder, uint64_t seed)
{
    thorax_error           err;
    thx_checkpoint_options o = thx_checkpoint_options_default();

    o.arch = "tiny";
    o.seed = seed;
    const thorax_status st = thx_checkpoint_write(&o, folder, NULL, &err);
    if (st) print_error("%s\n", err.text);
    return !st;
}

/* 0 when it is gone: what a group's teardown returns. */
static inline int tiny_remove(const char *folder)
{
    char command[80];

    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static inline thx_engine *tiny_engine(const char *folder, thx_engine_options o)
{
    thx_engine  *e;
    thorax_error err;

    assert_ok(thx_engine_open(&e, folder, &o, &err), err);
    return e;
}

#endif
