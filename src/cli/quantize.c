/* thorax quantize: a thin cover over model/quantize.h. */
#include "cli/inspect.h"
#include "model/quantize.h"

int cli_quantize(const cli_values *v)
{
    cli_progress p;
    thorax_error err;

    if (!cli_need(v, CLI_TYPE) || !cli_operands(v, 2, false, "a model folder and the folder to write")) return CLI_USAGE;
    cli_progress_init(&p, cli_switch(v, CLI_QUIET));
    const thorax_status st =
        thx_model_quantize(v->operands[0], cli_text(v, CLI_BASE), v->operands[1], cli_type(v), (int)cli_count(v, CLI_THREADS, 0), &(thx_progress){ cli_progress_step, &p }, &err);
    cli_progress_clear(&p);
    return st ? cli_fail(v, &err) : CLI_OK;
}
