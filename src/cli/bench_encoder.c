/* thorax bench encoder: rows of the texts of --texts, all in one call, as metrics ask for them. */
#include "cli/bench.h"
#include "cli/embed.h"
#include "model/text_encoder.h"

#include <stdlib.h>
#include <string.h>

typedef struct encoding {
    thx_ctx          *ctx;
    thx_text_encoder *e;
    cli_paths         texts;
    thx_ids           ids;
    size_t           *ends, layer;
    float            *rows;
} encoding;

static thorax_status open_encoder(bench *b, encoding *c)
{
    const thx_engine_options o = cli_engine_options(b->values);
    const int                level = o.cpu_level < 0 ? thx_cpu_level() : o.cpu_level;
    thorax_status            st =
        thx_cpu_open(&c->ctx, level, cli_text(b->values, CLI_PRECISION) ? o.precision : THX_EXACT, o.threads, &b->err);

    if (!st) st = thx_text_encoder_open(&c->e, c->ctx, cli_text(b->values, CLI_MODEL), NULL, &b->err);
    if (st) return st;
    c->layer = cli_count(b->values, CLI_LAYER, thx_text_encoder_layers(c->e));
    return THORAX_OK;
}

static thorax_status read_texts(bench *b, encoding *c)
{
    const char   *path = cli_text(b->values, CLI_TEXTS);
    thorax_status st = path ? cli_texts_read(&c->texts, path, &b->err)
                            : thx_fail(&b->err, THORAX_USAGE, 0, "--texts FILE is missing: texts to encode");

    c->ends = calloc(c->texts.n + 1, sizeof *c->ends);
    if (!st && !c->ends) st = thx_fail(&b->err, THORAX_NOMEM, 0, "no memory for %zu texts", c->texts.n);
    for (size_t i = 0; i < c->texts.n && !st; i++) {
        st = thx_text_encoder_ids(c->e, c->texts.list[i], strlen(c->texts.list[i]), 0, true, &c->ids, &b->err);
        c->ends[i] = c->ids.size;
    }
    if (st) return st;
    c->rows = malloc((c->ids.size * thx_text_encoder_width(c->e) + 1) * sizeof *c->rows);
    return c->rows ? THORAX_OK : thx_fail(&b->err, THORAX_NOMEM, 0, "no memory for the rows of %zu ids", c->ids.size);
}

/* Seconds for all texts, whose ids are there. */
static thorax_status pass(bench *b, void *data, size_t run, double *value)
{
    encoding           *c = data;
    const double        began = cli_now();
    const thorax_status st =
        thx_text_encoder_hidden(c->e, c->ids.data, c->ends, c->texts.n, c->layer, true, c->rows, &b->err);

    (void)run;
    *value = cli_now() - began;
    return st;
}

static thorax_status measure(bench *b, encoding *c)
{
    bench_series        seconds;
    const thorax_status st = bench_measure(b, pass, c, BENCH_RUNS, &seconds);

    if (st) return st;
    return bench_print(b, &(bench_figure){ .type = thx_precision_name(c->ctx->precision),
                                           .tokens = c->ids.size,
                                           .unit = "tokens/s",
                                           .series = bench_rate(&seconds, (double)c->ids.size) });
}

thorax_status bench_encoder(bench *b)
{
    encoding      c = { 0 };
    thorax_status st = open_encoder(b, &c);

    if (!st) st = read_texts(b, &c);
    if (!st) st = measure(b, &c);
    thx_text_encoder_close(c.e);
    thx_cpu_close(c.ctx);
    thx_ids_deinit(&c.ids);
    cli_paths_deinit(&c.texts);
    free(c.ends);
    free(c.rows);
    return st;
}
