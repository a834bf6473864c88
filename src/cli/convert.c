/* thorax convert: a thin cover over model/convert.h. */
#include "base/file.h"
#include "cli/inspect.h"
#include "model/convert.h"

int cli_convert(const cli_values *v)
{
    cli_progress p;
    thorax_error err;

    if (!cli_operands(v, 2, false, "a file or folder of PyTorch weights and what to write")) return CLI_USAGE;
    const char *in = v->operands[0];
    cli_progress_init(&p, cli_switch(v, CLI_QUIET));
    const thorax_status st = thx_convert(in, v->operands[1], cli_count(v, CLI_SHARD_BYTES, 0),
                                         &(thx_progress){ cli_progress_step, &p }, &err);
    cli_progress_clear(&p);
    if (!st) return CLI_OK;
    if (st == THORAX_FORMAT || st == THORAX_LIMIT) err.status = THORAX_MODEL; /* it is there, and refused */
    return cli_fail(v, &err);
}
