/* thorax eval run: predictions over records, in parts, resumable; then the figures.
 *
 * A run asks only for what no part in its folder holds yet, so that going on, splitting over processes and doing what
 * a lost part left are the same thing. Records of one film that follow each other stay together. */
#include "cli/eval_run.h"

#include "base/file.h"
#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct eval_run {
    cli_run       run;
    cli_eval_records records;
    thx_eval_set  done;
    const char   *data, *output;
    char         *folder;        /* that images are relative to      */
    cli_shard     shard;
    cli_lines     lines;
    json_t       *settings;
    size_t        left;          /* of this part, to be answered      */
    size_t        answered, failed;
    double        began;
} eval_run;

/* ---- Settings ---- */

static const unsigned char kept_options[] = {
    CLI_PRECISION,      CLI_TYPE,   CLI_KV_BITS,     CLI_LORA,  CLI_COMPAT,       CLI_PROFILE, CLI_SYSTEM,
    CLI_MAX_NEW_TOKENS, CLI_SAMPLE, CLI_TEMPERATURE, CLI_TOP_K, CLI_TOP_P,        CLI_MIN_P,   CLI_REPETITION_PENALTY,
    CLI_SEED,           CLI_REASON, CLI_WORDING,     CLI_SCORE, CLI_OWN_QUESTION, CLI_CTX,     CLI_SCORE_QUESTIONS,
    CLI_CALIBRATION,
};

static json_t *options_json(const cli_values *v)
{
    json_t *json = json_object();

    for (size_t i = 0; i < sizeof kept_options; i++) {
        const cli_option_id id = (cli_option_id)kept_options[i];
        const cli_option *o = cli_option_at(id);
        const char *text = o->kind == CLI_SWITCH ? cli_switch(v, id) ? "yes" : NULL : cli_text(v, id);
        if (text) json_object_set_new(json, o->name, thx_json_path(text));
    }
    return json;
}

static thorax_status make_settings(eval_run *e, const cli_values *v, thorax_error *err)
{
    const char *tasks = cli_text(v, CLI_EVAL_TASK);
    char hex[65];
    thx_map map;
    const thorax_status st = thx_map_open(&map, e->data, err);

    if (st) return st;
    thx_sha256_of(map.data ? map.data : (const unsigned char *)"", map.size, hex);
    thx_map_close(&map);
    e->settings =
        json_pack("{s:i, s:s, s:s, s:s, s:s, s:o, s:s, s:I, s:o}", "schema", 1, "program", "thorax " THX_VERSION,
                  "model", thorax_model_identity(e->run.model), "family", thorax_model_family(e->run.model),
                  "data_sha256", hex, "data", thx_json_path(e->data), "task", tasks ? tasks : "all", "records",
                  (json_int_t)e->records.n, "options", options_json(v));
    return e->settings ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "no memory for the settings");
}

/* ---- Answers ---- */

static int give(void *data, char *line, bool failed)
{
    eval_run *e = data;
    const thorax_status st = cli_lines_add(&e->lines, line, &e->run.err);

    free(line);
    if (failed) {
        cli_progress_clear(&e->run.progress);
        cli_fail_text(e->run.values, CLI_FAILURE, "%s", e->run.err.text);
    }
    e->answered++;
    e->failed += failed;
    return st ? cli_run_fail(&e->run) : CLI_OK;
}

static void set_title(eval_run *e)
{
    char time[32];

    if (!e->answered) cli_progress_title(&e->run.progress, "record 1 of %zu", e->left);
    else
        cli_progress_title(
            &e->run.progress, "record %zu of %zu (all: %s left)", e->answered + 1, e->left,
            cli_duration(time, (cli_now() - e->began) / (double)e->answered * (double)(e->left - e->answered)));
}

/* Is there a line for it in any part? */
static bool is_done(const eval_run *e, const thx_eval_item *r)
{
    const thx_eval_item *found = thx_eval_set_find(&e->done, r->task, r->id);
    return found && !found->failed;
}

static bool same_film(const thx_eval_item *a, const thx_eval_item *b)
{
    return a->image && b->image && !strcmp(a->image, b->image);
}

/* Calls for each film of this part with its records that are not done; the first code that is not 0 ends it. */
static int each_film(eval_run *e, int (*film)(eval_run *e, const thx_eval_item **records, size_t n))
{
    const thx_eval_item **records = calloc(e->records.n, sizeof *records);
    size_t films = 0;
    int                   code =
        records ? CLI_OK : cli_fail_text(e->run.values, CLI_NO_MEMORY, "no memory for %zu records", e->records.n);

    for (size_t i = 0, next; !code && i < e->records.n; i = next) {
        size_t n = 0;
        for (next = i + 1; next < e->records.n && same_film(e->records.wanted[i], e->records.wanted[next]);) next++;
        if (films++ % e->shard.count != e->shard.index) continue;
        for (size_t k = i; k < next; k++)
            if (!is_done(e, e->records.wanted[k])) records[n++] = e->records.wanted[k];
        if (n) code = film(e, records, n);
    }
    free(records);
    return code;
}

static int count_film(eval_run *e, const thx_eval_item **records, size_t n)
{
    (void)records;
    e->left += n;
    return CLI_OK;
}

static int answer_film(eval_run *e, const thx_eval_item **records, size_t n)
{
    const cli_answers a = { .run = &e->run,
                            .file = e->data,
                            .folder = e->folder,
                            .own_question = cli_switch(e->run.values, CLI_OWN_QUESTION),
                            .give = give,
                            .data = e };

    if (cli_interrupted()) return CLI_INTERRUPTED;
    set_title(e);
    return cli_eval_answer(&a, records, n);
}

static int predict(eval_run *e)
{
    int code = each_film(e, count_film);

    e->began = cli_now();
    if (!code && e->left) code = each_film(e, answer_film);
    cli_progress_clear(&e->run.progress);
    if (code == CLI_INTERRUPTED)
        return cli_fail_text(e->run.values, code, "interrupted after %zu records (the same command goes on)",
                             e->answered - e->failed);
    if (!code && !e->run.progress.quiet)
        fprintf(stderr, "thorax eval run: %zu answered, %zu failed, %zu were there: %s\n", e->answered - e->failed,
                e->failed, e->records.n - e->left, e->lines.path);
    return code;
}

/* ---- Figures ---- */

/* The predictions of all parts; how many records have none. */
static thorax_status read_done(eval_run *e, size_t *missing, thorax_error *err)
{
    thx_eval_set_deinit(&e->done);
    thorax_status st = thx_eval_set_init(&e->done, err);

    if (!st) st = cli_eval_read_parts(&e->done, e->output, err);
    if (!st) st = thx_eval_set_index(&e->done, err);
    return st ? st : cli_eval_order(&e->done, &e->records, missing, err);
}

static int finish(eval_run *e, const cli_values *v)
{
    size_t missing;

    if (read_done(e, &missing, &e->run.err)) return cli_run_fail(&e->run);
    if (missing && !e->run.progress.quiet)
        fprintf(stderr, "thorax eval run: %zu records are left to other parts; `thorax eval join %s` scores them all\n",
                missing, e->output);
    if (missing || cli_switch(v, CLI_NO_SCORES)) return e->failed ? CLI_SOME_FAILED : CLI_OK;
    e->done.problems.lines += e->records.set.problems.lines; /* records that could not be read have no line */
    return cli_eval_score_folder(v, &e->done, e->output, e->settings, &e->run.progress);
}

/* ---- The whole run ---- */

static thorax_status prepare(eval_run *e, const cli_values *v, thorax_error *err)
{
    size_t missing;
    thorax_status st = make_settings(e, v, err);

    if (!st) st = cli_eval_settings(e->output, e->settings, err);
    if (!st) st = cli_eval_open_part(&e->lines, e->output, e->shard, err);
    if (!st) st = read_done(e, &missing, err);
    return st;
}

static int run_eval(eval_run *e, const cli_values *v)
{
    thorax_error *err = &e->run.err;

    e->data = cli_need(v, CLI_DATA);
    e->output = e->data ? cli_need(v, CLI_OUTPUT) : NULL;
    if (!e->output || !cli_need(v, CLI_MODEL) || !cli_operands(v, 0, false, "no argument") ||
        !cli_shard_parse(&e->shard, v))
        return CLI_USAGE;
    e->folder = cli_folder_of(e->data);
    if (!e->folder) return cli_fail_text(v, CLI_NO_MEMORY, "no memory for a path");
    if (cli_eval_records_read(&e->records, e->data, cli_text(v, CLI_EVAL_TASK), err)) return cli_fail(v, err);
    int code = cli_run_open(&e->run, v);
    if (!code && prepare(e, v, err)) code = cli_run_fail(&e->run);
    if (!code) code = predict(e);
    if (!code) code = finish(e, v);
    return code;
}

int cli_eval_run(const cli_values *v)
{
    eval_run *e = calloc(1, sizeof *e);

    if (!e) return cli_fail_text(v, CLI_NO_MEMORY, "no memory");
    const int code = run_eval(e, v);
    cli_lines_close(&e->lines);
    cli_run_close(&e->run);
    cli_eval_records_deinit(&e->records);
    thx_eval_set_deinit(&e->done);
    json_decref(e->settings);
    free(e->folder);
    free(e);
    return code;
}
