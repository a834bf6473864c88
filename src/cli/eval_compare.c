/* thorax eval compare: two files of predictions against each other. */
#include "cli/eval.h"

#include "eval/compare.h"

#include <stdio.h>
#include <stdlib.h>

static void print_problems(thx_string *out, const char *name, const thx_eval_problems *p)
{
    if (!thx_eval_problems_all(p) && !p->odd_boxes && !p->values) return;
    thx_string_printf(out, "%s:\n", name);
    thx_eval_problems_print(out, p);
}

static int give(const cli_values *v, const thx_eval_comparison *c, const thx_eval_options *o, const thx_eval_set *a,
                const thx_eval_set *b)
{
    const char *output = cli_text(v, CLI_OUTPUT);
    json_t *json = thx_eval_comparison_json(c, o);
    thx_string text = { 0 };
    thorax_error err;
    int code = json ? CLI_OK : cli_fail_text(v, CLI_NO_MEMORY, "no memory for the result");

    if (!code && output && cli_eval_write_json(output, json, &err)) code = cli_fail(v, &err);
    if (!code && cli_switch(v, CLI_JSON)) {
        char *line = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(15));
        if (line) puts(line);
        free(line);
    } else if (!code) {
        thx_eval_comparison_print(&text, c, o);
        print_problems(&text, "A", &a->problems);
        print_problems(&text, "B", &b->problems);
        if (text.data) fputs(text.data, stdout);
    }
    thx_string_deinit(&text);
    json_decref(json);
    return code;
}

static int compare(const cli_values *v, thx_eval_set *a, thx_eval_set *b, cli_progress *progress)
{
    const thx_progress p = { cli_progress_step, progress };
    thx_eval_options o = cli_eval_options(v, &p);
    thx_judge_options judge;
    const char *const *files = (const char *const *)v->operands;
    thx_eval_comparison c = { .n = 0 };
    thorax_error err = { 0 };
    int code = cli_eval_load(a, v, files, 1, &err);

    if (!code) code = cli_eval_load(b, v, files + 1, 1, &err);
    if (code) return code;
    if (cli_eval_judge(&judge, v)) o.judge = &judge;
    const thorax_status st = thx_eval_compare(&c, a, b, &o, &err);
    cli_progress_clear(progress);
    code = st ? cli_fail(v, &err) : give(v, &c, &o, a, b);
    const size_t failed = c.scores_a.failed + c.scores_b.failed, unrated = c.scores_a.unrated + c.scores_b.unrated;
    const size_t bad = thx_eval_problems_all(&a->problems) + thx_eval_problems_all(&b->problems);
    thx_eval_comparison_deinit(&c);
    if (code || !(bad + failed + unrated)) return code;
    return cli_fail_text(v, CLI_SOME_FAILED,
                         "%zu items without a prediction, %zu not rated by a judge, %zu other problems", failed,
                         unrated, bad);
}

int cli_eval_compare(const cli_values *v)
{
    thx_eval_set a = { 0 }, b = { 0 };
    cli_progress progress;
    thorax_error err = { 0 };

    if (!cli_operands(v, 2, false, "two files of predictions")) return CLI_USAGE;
    cli_progress_init(&progress, cli_switch(v, CLI_QUIET));
    int code = thx_eval_set_init(&a, &err) || thx_eval_set_init(&b, &err) ? cli_fail(v, &err) : CLI_OK;
    if (!code) code = compare(v, &a, &b, &progress);
    thx_eval_set_deinit(&a);
    thx_eval_set_deinit(&b);
    return code;
}
