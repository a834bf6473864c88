/* thorax inspect encoder: what a text encoder makes of a text. */
#include "base/npy.h"
#include "cli/inspect.h"
#include "cli/run.h"
#include "model/text_encoder.h"

#include <stdlib.h>
#include <string.h>

static thorax_status open_encoder(thx_ctx **ctx, thx_text_encoder **e, const cli_values *v, thorax_error *err)
{
    const thx_engine_options o = cli_engine_options(v);
    const int most = thx_cpu_level(), level = o.cpu_level >= 0 && o.cpu_level < most ? o.cpu_level : most;
    const thx_precision      precision = cli_text(v, CLI_PRECISION) ? o.precision : THX_EXACT;
    const thorax_status      st = thx_cpu_open(ctx, level, precision, o.threads, err);

    return st ? st : thx_text_encoder_open(e, *ctx, cli_text(v, CLI_MODEL), NULL, err);
}

/* Rows behind `layer` blocks, or what the original gives: those of the last one, ModernBERT's under the last norm. */
static thorax_status write_rows(thx_text_encoder *e, const thx_ids *ids, size_t layer, bool last, const char *path,
                                thorax_error *err)
{
    const size_t  shape[2] = { ids->size, thx_text_encoder_width(e) };
    float        *rows = malloc((shape[0] * shape[1] + 1) * sizeof *rows);
    thorax_status st =
        rows ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "no memory for the rows of %zu ids", ids->size);

    if (!st && ids->size) st = thx_text_encoder_hidden(e, ids->data, &ids->size, 1, layer, last, rows, err);
    if (!st) st = thx_npy_write(path, "f4", rows, shape, 2, err);
    free(rows);
    return st;
}

static json_t *describe(const thx_text_encoder *e, const thx_ids *ids, size_t layer)
{
    const size_t width = thx_text_encoder_width(e);

    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:o, s:[I,I]}", "kind", thx_text_kind_name(thx_text_encoder_kind(e)),
                     "width", (json_int_t)width, "layers", (json_int_t)thx_text_encoder_layers(e), "limit",
                     (json_int_t)thx_text_encoder_limit(e), "layer", (json_int_t)layer, "ids",
                     cli_json_ids(ids->data, ids->size), "shape", (json_int_t)ids->size, (json_int_t)width);
}

int cli_inspect_encoder(const cli_values *v)
{
    const char       *text = cli_text(v, CLI_TEXT_OPTION), *path = cli_text(v, CLI_OUTPUT);
    thx_ctx          *ctx = NULL;
    thx_text_encoder *e = NULL;
    thx_ids           ids = { 0 };
    json_t           *json = NULL;
    size_t            layer = 0;
    thorax_error      err;

    if (!cli_need(v, CLI_MODEL) || !cli_operands(v, 0, false, "no argument")) return CLI_USAGE;
    if (!text) return cli_fail_text(v, CLI_USAGE, "expected --text TEXT");
    thorax_status st = open_encoder(&ctx, &e, v, &err);
    if (!st) st = thx_text_encoder_ids(e, text, strlen(text), 0, !cli_switch(v, CLI_NO_SPECIAL), &ids, &err);
    if (!st) layer = cli_count(v, CLI_LAYER, thx_text_encoder_layers(e));
    if (!st && layer > thx_text_encoder_layers(e))
        st = thx_fail(&err, THORAX_USAGE, 0, "--layer %zu: the encoder has %zu", layer, thx_text_encoder_layers(e));
    if (!st && path) st = write_rows(e, &ids, layer, !cli_text(v, CLI_LAYER), path, &err);
    if (!st) json = describe(e, &ids, layer);
    thx_text_encoder_close(e);
    thx_cpu_close(ctx);
    thx_ids_deinit(&ids);
    return st ? cli_fail(v, &err) : cli_print_json(v, json);
}
