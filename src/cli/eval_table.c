/* thorax eval table: results beside the published figures, and drawings of curves. */
#include "cli/cli.h"

#include "base/file.h"
#include "eval/plots.h"
#include "eval/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static thx_table_format chosen_format(const cli_values *v)
{
    static const char *const names[] = { "text", "markdown", "latex", "csv", "json" };
    const char *name = cli_text(v, CLI_FORMAT);

    for (int i = 0; name && i < 5; i++)
        if (!strcmp(names[i], name)) return (thx_table_format)i;
    return THX_TABLE_TEXT;
}

/* A result's file, or the folder of a run. */
static thorax_status read_result(json_t **out, const char *path, thorax_error *err)
{
    char *inside = thx_is_folder(path) ? thx_path_join(path, "result.json") : strdup(path);
    const thorax_status st =
        inside ? thx_eval_result_read(out, inside, err) : thx_fail(err, THORAX_NOMEM, 0, "%s: no memory", path);

    free(inside);
    return st;
}

/* Several results are told apart by a number before the names of their drawings. */
static int draw_all(const cli_values *v, json_t *const *results, size_t n, const char *folder)
{
    size_t all = 0, written;
    char prefix[24] = "";
    thorax_error err;

    for (size_t i = 0; i < n; i++) {
        if (n > 1) snprintf(prefix, sizeof prefix, "%zu", i + 1);
        if (thx_eval_plots(results[i], folder, prefix, &written, &err)) return cli_fail(v, &err);
        all += written;
    }
    if (!cli_switch(v, CLI_QUIET))
        fprintf(stderr,
                all ? "thorax eval table: %zu drawings in %s\n"
                    : "thorax eval table: no scores, no curves (%zu drawings in %s)\n",
                all, folder);
    return CLI_OK;
}

static int print_tables(const cli_values *v, json_t *const *results, size_t n)
{
    const char *output = cli_text(v, CLI_OUTPUT);
    thx_string text = { 0 };
    thorax_error err;
    int code = CLI_OK;

    thx_eval_tables(&text, (const json_t *const *)results, n, chosen_format(v));
    if (text.failed || !text.data) code = cli_fail_text(v, CLI_NO_MEMORY, "no memory for the tables");
    else if (output && thx_file_write(output, text.data, text.size, &err)) code = cli_fail(v, &err);
    else if (!output) fputs(text.data, stdout);
    thx_string_deinit(&text);
    return code;
}

int cli_eval_table(const cli_values *v)
{
    const char *plots = cli_text(v, CLI_PLOTS);
    json_t **results;
    thorax_error err;
    int code = CLI_OK;

    if (!cli_operands(v, 1, true, "a result of thorax eval")) return CLI_USAGE;
    results = calloc(v->n_operands, sizeof(json_t *));
    if (!results) return cli_fail_text(v, CLI_NO_MEMORY, "no memory");
    for (size_t i = 0; !code && i < v->n_operands; i++)
        if (read_result(&results[i], v->operands[i], &err)) code = cli_fail(v, &err);
    if (!code) code = print_tables(v, results, v->n_operands);
    if (!code && plots) code = draw_all(v, results, v->n_operands, plots);
    for (size_t i = 0; i < v->n_operands; i++) json_decref(results[i]);
    free(results);
    return code;
}
