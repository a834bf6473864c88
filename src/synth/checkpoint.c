/* Writing a random checkpoint; see checkpoint.h. The layout says what there is, the plan what lies where. */
#include "synth/checkpoint.h"

#include "synth/checkpoint_plan.h"
#include "synth/checkpoint_stage.h"
#include "synth/checkpoint_write.h"

enum { SMALL_FILES = 40 << 20 }; /* bytes, more than configs, tokenizer and directories ever take */

static thorax_status write_files(const thx_checkpoint *c, thx_staging *stage, const char *folder, thorax_error *err)
{
    thorax_status st = THORAX_OK;

    for (const thx_small_file *f = c->sizes.layout->files; !st && f->name; f++) {
        thx_string s = { 0 };

        f->put(&s, c);
        st = s.failed ? thx_fail(err, THORAX_NOMEM, 0, "%s/%s: out of memory", folder, f->name)
                      : thx_staging_write(stage, f->name, s.data, s.size, err);
        thx_string_deinit(&s);
    }
    return st;
}

thorax_status thx_checkpoint_write(const thx_checkpoint_options *options, const char *folder,
                                   const thx_progress *progress, thorax_error *err)
{
    thx_checkpoint    c = { 0 };
    thx_tensor_writer w = { .checkpoint = &c, .folder = folder, .progress = progress, .err = err };
    thx_arena        *arena = NULL;

    thorax_status st = thx_arena_open(&arena, 0, err);
    if (!st) st = thx_checkpoint_init(&c, options, err);
    if (!st) st = c.sizes.layout->vocabulary(&c, arena, err);
    if (!st) st = thx_checkpoint_plan(&c, arena, err);
    if (!st) st = thx_tensor_writer_init(&w, arena);
    if (!st) st = thx_staging_open(&w.stage, folder, c.bytes + SMALL_FILES, err);
    if (!st) st = write_files(&c, w.stage, folder, err);
    for (size_t i = 0; !st && i < c.n_plans; i++) st = thx_tensor_writer_run(&w, &c.plans[i]);
    if (!st) st = thx_staging_commit(w.stage, err);
    thx_staging_close(w.stage);
    thx_arena_close(arena);
    return st;
}
