/* thorax eval score, and what the other commands of `thorax eval` share; see eval.h. */
#include "cli/eval_run.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Options ---- */

thx_eval_reading cli_eval_reading(const cli_values *v)
{
    static const struct { const char *name; thx_eval_format format; } formats[] = {
        { "jsonl", THX_EVAL_JSONL }, { "array", THX_EVAL_ARRAY }, { "csv", THX_EVAL_CSV }, { "lines", THX_EVAL_LINES },
    };
    thx_eval_reading r = { .columns = cli_text(v, CLI_COLUMNS), .references = cli_text(v, CLI_REFERENCES),
                           .predictions = cli_text(v, CLI_PREDICTION_KEY) };
    const char *name = cli_text(v, CLI_INPUT_FORMAT);

    for (size_t i = 0; name && i < sizeof formats / sizeof formats[0]; i++)
        if (!strcmp(name, formats[i].name)) r.format = formats[i].format;
    return r;
}

thx_eval_options cli_eval_options(const cli_values *v, const thx_progress *progress)
{
    thx_eval_options o = thx_eval_options_default();
    const char *doubt = cli_text(v, CLI_DOUBT);

    o.metrics = cli_text(v, CLI_METRIC);
    o.preset = cli_text(v, CLI_PRESET);
    o.resamples = (size_t)cli_count(v, CLI_RESAMPLES, o.resamples);
    o.confidence = cli_real(v, CLI_CONFIDENCE, o.confidence);
    o.seed = (uint32_t)cli_count(v, CLI_RESAMPLE_SEED, o.seed);
    o.doubt_absent = doubt && !strcmp(doubt, "absent");
    o.substring = cli_switch(v, CLI_SUBSTRING_RULE);
    o.bertscore_layer = (size_t)cli_count(v, CLI_BERTSCORE_LAYER, 0);
    o.bertscore_idf = cli_switch(v, CLI_BERTSCORE_IDF);
    o.bertscore_baseline = cli_text(v, CLI_BERTSCORE_BASELINE);
    o.bertscore = cli_text(v, CLI_BERTSCORE);
    o.chexbert = cli_text(v, CLI_CHEXBERT);
    o.radgraph = cli_text(v, CLI_RADGRAPH);
    o.radgraph_encoder = cli_text(v, CLI_RADGRAPH_ENCODER);
    o.radcliq = cli_text(v, CLI_RADCLIQ);
    o.ratescore = cli_text(v, CLI_RATESCORE);
    o.green = cli_text(v, CLI_GREEN);
    o.cpu = cli_text(v, CLI_CPU);
    o.threads = (int)cli_count(v, CLI_THREADS, 0);
    o.progress = progress;
    return o;
}

bool cli_eval_judge(thx_judge_options *o, const cli_values *v)
{
    *o = thx_judge_options_default();
    o->folder = cli_text(v, CLI_JUDGE);
    o->examples = cli_text(v, CLI_EXAMPLES);
    o->last_score = cli_switch(v, CLI_LAST_SCORE);
    o->chat.url = cli_text(v, CLI_ENDPOINT);
    o->chat.model = cli_text(v, CLI_ENDPOINT_MODEL);
    o->chat.key_env = cli_text(v, CLI_KEY_ENV);
    o->chat.key_header = cli_text(v, CLI_KEY_HEADER);
    o->chat.cloud_reason = cli_text(v, CLI_ALLOW_CLOUD);
    o->chat.allow_cloud = o->chat.cloud_reason;
    o->chat.allow_http = cli_switch(v, CLI_ALLOW_HTTP);
    o->chat.ca_file = cli_text(v, CLI_CA_FILE);
    o->chat.in_flight = (uint32_t)cli_count(v, CLI_IN_FLIGHT, o->chat.in_flight);
    o->chat.answers = cli_text(v, CLI_ANSWERS);
    o->chat.price_prompt = cli_real(v, CLI_PRICE_PROMPT, 0);
    o->chat.price_completion = cli_real(v, CLI_PRICE_ANSWER, 0);
    o->chat.max_cost = cli_real(v, CLI_MAX_COST, 0);
    return o->folder || o->chat.url;
}

/* ---- Files in ---- */

/* Gives predictions the references of --data. */
static thorax_status attach(thx_eval_set *set, const char *data, thorax_error *err)
{
    thx_eval_set records;
    char *folder = cli_folder_of(data);
    thorax_status st = thx_eval_set_init(&records, err);

    if (!st && !folder) st = thx_fail(err, THORAX_NOMEM, 0, "no memory for a path");
    if (!st) st = thx_eval_set_read(&records, data, NULL, err);
    if (!st) st = thx_eval_set_index(&records, err);
    if (!st) st = thx_eval_set_attach(set, &records, folder, err);
    set->problems.lines += records.problems.lines;
    set->problems.labels += records.problems.labels;
    set->problems.boxes += records.problems.boxes;
    if (records.problems.notes.size) thx_string_puts(&set->problems.notes, records.problems.notes.data);
    thx_eval_set_deinit(&records);
    free(folder);
    return st;
}

int cli_eval_load(thx_eval_set *set, const cli_values *v, const char *const *files, size_t n, thorax_error *err)
{
    const thx_eval_reading reading = cli_eval_reading(v);
    const char *data = cli_text(v, CLI_DATA);
    thorax_status st = THORAX_OK;

    for (size_t i = 0; !st && i < n; i++)
        st = thx_is_folder(files[i]) ? cli_eval_read_parts(set, files[i], err)
                                     : thx_eval_set_read(set, files[i], &reading, err);
    if (!st) st = thx_eval_set_index(set, err);
    if (!st && data) st = attach(set, data, err);
    return st ? cli_fail(v, err) : CLI_OK;
}

/* ---- Results out ---- */

thorax_status cli_eval_write_json(const char *path, const json_t *json, thorax_error *err)
{
    thx_string text = { 0 };
    char *dump = json ? json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(15)) : NULL;

    if (dump) thx_string_printf(&text, "%s\n", dump);
    free(dump);
    const thorax_status st = !text.data || text.failed
                                 ? thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for the result", path)
                                 : thx_file_write(path, text.data, text.size, err);
    thx_string_deinit(&text);
    return st;
}

static int print_json(const cli_values *v, const json_t *json)
{
    char *line = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;

    if (!line) return cli_fail_text(v, CLI_NO_MEMORY, "no memory for the result");
    puts(line);
    free(line);
    return CLI_OK;
}

static int print_table(const cli_values *v, const thx_eval_scores *s, const thx_eval_options *o)
{
    thx_string text = { 0 };

    thx_eval_result_print(&text, s, o);
    if (text.failed) return cli_fail_text(v, CLI_NO_MEMORY, "no memory for the table");
    if (text.data) fputs(text.data, stdout);
    thx_string_deinit(&text);
    return CLI_OK;
}

static int give_result(const cli_values *v, const thx_eval_scores *s, const thx_eval_options *o,
                       const thx_eval_source *source, const char *output)
{
    json_t *json = thx_eval_result_json(s, o, source);
    thorax_error err;
    int code = json ? CLI_OK : cli_fail_text(v, CLI_NO_MEMORY, "no memory for the result");

    if (!code && output && cli_eval_write_json(output, json, &err)) code = cli_fail(v, &err);
    if (!code) code = cli_switch(v, CLI_JSON) ? print_json(v, json) : print_table(v, s, o);
    json_decref(json);
    return code;
}

/* The most items that any figure could not score. */
static size_t most_left_out(const thx_eval_scores *s)
{
    size_t most = 0;

    for (size_t i = 0; i < s->n; i++)
        if (s->figures[i].failed > most) most = s->figures[i].failed;
    return most;
}

int cli_eval_finish(const cli_values *v, const thx_eval_set *set, const thx_eval_source *source, const char *output,
                    cli_progress *progress)
{
    const thx_progress p = { cli_progress_step, progress };
    thx_eval_options o = cli_eval_options(v, &p);
    thx_judge_options judge;
    thx_eval_scores scores;
    thorax_error err = { 0 };
    if (cli_eval_judge(&judge, v)) o.judge = &judge;
    const thorax_status st = thx_eval_score(&scores, set, &o, &err);

    cli_progress_clear(progress);
    int code = st ? cli_fail(v, &err) : give_result(v, &scores, &o, source, output);
    const size_t bad = thx_eval_problems_all(&set->problems), failed = scores.failed, unrated = scores.unrated,
                 left_out = most_left_out(&scores);
    const bool nothing = !scores.n && !scores.unrated;
    thx_eval_scores_deinit(&scores);
    if (!code && nothing) return cli_fail_text(v, CLI_FAILURE, "nothing could be scored");
    if (code || !(bad + failed + unrated + left_out)) return code;
    return cli_fail_text(v, CLI_SOME_FAILED,
                         "%zu items without a prediction, %zu not rated by a judge, %zu other problems, at most %zu "
                         "items left out of a figure (counted in the result)",
                         failed, unrated, bad, left_out);
}

int cli_eval_score(const cli_values *v)
{
    thorax_error err = { 0 };
    cli_progress progress;
    thx_eval_set set;

    if (!cli_operands(v, 1, true, "a file of predictions")) return CLI_USAGE;
    const char *const *files = (const char *const *)v->operands;
    cli_progress_init(&progress, cli_switch(v, CLI_QUIET));
    int code = thx_eval_set_init(&set, &err) ? cli_fail(v, &err) : cli_eval_load(&set, v, files, v->n_operands, &err);
    const thx_eval_source source = { files, v->n_operands, cli_text(v, CLI_NAME), NULL };
    if (!code) code = cli_eval_finish(v, &set, &source, cli_text(v, CLI_OUTPUT), &progress);
    thx_eval_set_deinit(&set);
    return code;
}
