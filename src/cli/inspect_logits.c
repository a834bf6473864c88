/* thorax inspect logits: scores of the next token, for the last position or for all. */
#include "base/npy.h"
#include "cli/inspect.h"
#include "cli/run.h"

#include <stdlib.h>

typedef struct sink {
    thx_npy_writer *writer;
    const char     *path;
    bool            all;
} sink;

static thorax_status begin(void *data, size_t T, size_t V, thorax_error *err)
{
    sink *s = data;

    if (s->all) return thx_npy_begin(&s->writer, s->path, "f4", (size_t[]){ T, V }, 2, err);
    return thx_npy_begin(&s->writer, s->path, "f4", (size_t[]){ V }, 1, err);
}

static thorax_status add_row(void *data, const float *row, size_t n, thorax_error *err)
{
    if (cli_interrupted()) return thx_fail(err, THORAX_CANCELLED, 0, "interrupted");
    return thx_npy_add(((sink *)data)->writer, row, n * sizeof *row, err);
}

/* Scores of a conversation into the file of -o. */
static thorax_status score(thx_session *s, const cli_messages *m, const char *system, sink *out,
                           cli_progress *p, size_t *T, size_t *V, thorax_error *err)
{
    const thx_progress progress = { .step = cli_progress_step, .data = p };
    size_t n = 0;
    thx_message *turns = calloc(m->n + 1, sizeof *turns);

    if (!turns) return thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu messages", m->n);
    if (system) turns[n++] = (thx_message){ "system", system };
    for (size_t i = 0; i < m->n; i++)
        turns[n++] = (thx_message){ m->list[i].role, m->list[i].content };
    thorax_status st = thx_session_logits(s, turns, n, out->all, &progress, T, V, begin, add_row, out, err);
    free(turns);
    if (st) thx_npy_cancel(out->writer);
    else st = thx_npy_end(out->writer, err);
    return st;
}

int cli_inspect_logits(const cli_values *v)
{
    const char *path = NULL;
    sink out = { .path = NULL, .all = cli_switch(v, CLI_ALL) };
    cli_messages messages = { 0 };
    thx_picture picture = { 0 };
    thx_engine *e = NULL;
    thx_session *s = NULL;
    cli_progress progress;
    size_t T = 0, V = 0;
    thorax_error err;

    if (!cli_need(v, CLI_MODEL) || !(path = cli_need(v, CLI_MESSAGES)) ||
        !(out.path = cli_need(v, CLI_OUTPUT)) || !cli_operands(v, 0, false, "no argument"))
        return CLI_USAGE;
    thorax_status st = cli_messages_read(&messages, path, &err);
    if (!st && cli_text(v, CLI_IMAGE)) st = cli_picture_open(&picture, v, &err);
    if (!st) st = cli_engine_open(&e, v, &err);
    if (!st) st = thx_session_open(&s, e, picture.data ? &picture : NULL, &err);
    cli_progress_init(&progress, cli_switch(v, CLI_QUIET));
    if (!st) st = score(s, &messages, cli_text(v, CLI_SYSTEM), &out, &progress, &T, &V, &err);
    cli_progress_clear(&progress);
    const int code = st ? cli_fail(v, &err)
                        : cli_print_json(v, out.all ? json_pack("{s:[I,I]}", "shape", (json_int_t)T,
                                                                (json_int_t)V)
                                                    : json_pack("{s:[I]}", "shape", (json_int_t)V));
    thx_session_close(s);
    thx_engine_close(e);
    thx_picture_deinit(&picture);
    cli_messages_deinit(&messages);
    return code;
}
