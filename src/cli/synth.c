/* thorax synth phantom, model: thin covers over the synth room. */
#include "cli/cli.h"
#include "synth/checkpoint.h"
#include "synth/phantom.h"

#include <stdio.h>
#include <string.h>

int cli_synth_phantom(const cli_values *v)
{
    const char *folder = cli_need(v, CLI_OUTPUT), *bits = cli_text(v, CLI_BITS);
    const uint64_t seed = cli_count(v, CLI_SEED, 1), count = cli_count(v, CLI_COUNT_OPTION, 1);
    thx_phantom_options o = thx_phantom_options_default();
    cli_progress p;
    thorax_error err;

    if (!folder || !cli_operands(v, 0, false, "no argument")) return CLI_USAGE;
    if (bits) o.bits = !strcmp(bits, "16") ? 16 : 8;
    o.mirror = cli_switch(v, CLI_MIRROR);
    o.not_films = cli_real(v, CLI_NOT_FILMS, 0);
    o.split = cli_text(v, CLI_SPLIT);
    cli_progress_init(&p, cli_switch(v, CLI_QUIET));
    const thorax_status st = thx_phantom_write(seed, (size_t)count, folder, &o,
                                               &(thx_progress){ cli_progress_step, &p }, &err);
    cli_progress_clear(&p);
    return st ? cli_fail(v, &err) : CLI_OK;
}

int cli_synth_model(const cli_values *v)
{
    const char *folder = cli_need(v, CLI_OUTPUT), *arch = cli_text(v, CLI_ARCH),
               *dtype = cli_text(v, CLI_DTYPE);
    thx_checkpoint_options o = thx_checkpoint_options_default();
    cli_progress p;
    thorax_error err;

    if (!folder || !cli_operands(v, 0, false, "no argument")) return CLI_USAGE;
    if (arch) o.arch = arch;
    if (dtype) o.dtype = dtype;
    o.seed = cli_count(v, CLI_SEED, 0);
    o.outlier_channels = (uint32_t)cli_count(v, CLI_OUTLIERS, 0);
    o.tokenizer_folder = cli_text(v, CLI_TOKENIZER);
    o.layers_vision = (uint32_t)cli_count(v, CLI_LAYERS_VISION, 0);
    o.layers_text = (uint32_t)cli_count(v, CLI_LAYERS_TEXT, 0);
    o.shard_bytes = cli_count(v, CLI_SHARD_BYTES, 0);
    cli_progress_init(&p, cli_switch(v, CLI_QUIET));
    const thorax_status st =
        thx_checkpoint_write(&o, folder, &(thx_progress){ cli_progress_step, &p }, &err);
    cli_progress_clear(&p);
    return st ? cli_fail(v, &err) : CLI_OK;
}
