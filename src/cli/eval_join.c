/* thorax eval join: the parts of a run as one, and its figures; what run and join share of records. See eval_run.h. */
#include "cli/eval_run.h"

#include "base/file.h"
#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *cli_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
}

/* ---- Records ---- */

/* Is the task among those of a list parted by commas? */
static bool is_wanted(const char *list, const char *task)
{
    return !list || thx_list_has(list, ',', "all") || thx_list_has(list, ',', task);
}

thorax_status cli_eval_records_read(cli_eval_records *out, const char *data, const char *tasks, thorax_error *err)
{
    *out = (cli_eval_records){ .n = 0 };
    thorax_status st = thx_eval_set_init(&out->set, err);
    if (!st) st = thx_eval_set_read(&out->set, data, NULL, err);
    if (!st) st = thx_eval_set_index(&out->set, err);
    if (st) return st;
    out->wanted = calloc(out->set.n + 1, sizeof *out->wanted);
    if (!out->wanted) return thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu records", out->set.n);
    for (size_t i = 0; i < out->set.n; i++)
        if (is_wanted(tasks, out->set.items[i].task)) out->wanted[out->n++] = &out->set.items[i];
    if (!out->n)
        return thx_fail(err, THORAX_USAGE, 0, "%s: no record%s%.60s", data, tasks ? " of the task " : "",
                        tasks ? tasks : "");
    return THORAX_OK;
}

void cli_eval_records_deinit(cli_eval_records *r)
{
    thx_eval_set_deinit(&r->set);
    free(r->wanted);
    *r = (cli_eval_records){ .n = 0 };
}

thorax_status cli_eval_order(thx_eval_set *done, const cli_eval_records *records, size_t *missing, thorax_error *err)
{
    thx_eval_item *items = malloc((records->n + 1) * sizeof *items);
    const char **files = malloc((records->n + 1) * sizeof *files);
    size_t n = 0;

    *missing = 0;
    if (!items || !files) {
        free(items);
        free(files);
        return thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu records", records->n);
    }
    for (size_t i = 0; i < records->n; i++) {
        const thx_eval_item *found = thx_eval_set_find(done, records->wanted[i]->task, records->wanted[i]->id);
        *missing += !found;
        if (!found) continue;
        files[n] = done->files[found - done->items];
        items[n++] = *found;
    }
    free(done->items);
    free(done->files);
    done->items = items;
    done->files = files;
    done->n = n;
    done->room = records->n + 1;
    return thx_eval_set_index(done, err);
}

int cli_eval_score_folder(const cli_values *v, const thx_eval_set *done, const char *folder, const json_t *settings,
                          cli_progress *progress)
{
    const char *name = cli_text(v, CLI_NAME);
    char *result = thx_path_join(folder, "result.json");
    const thx_eval_source source = { .name = name ? name : folder, .settings = settings };
    const int             code = result ? cli_eval_finish(v, done, &source, result, progress)
                                        : cli_fail_text(v, CLI_NO_MEMORY, "no memory for a path");

    free(result);
    return code;
}

/* ---- Joining ---- */

typedef struct join {
    json_t          *settings;   /* of the first folder */
    cli_eval_records records;
    thx_eval_set     done;
} join;

enum { SETTINGS_BYTES = 1 << 20 };

/* All folders must have been made alike. */
static thorax_status read_settings(join *j, const char *folder, thorax_error *err)
{
    char *path = thx_path_join(folder, "settings.json");
    json_t *settings = NULL;

    if (!path) return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory", folder);
    thorax_status st = thx_json_read(&settings, path, SETTINGS_BYTES, err);
    free(path);
    if (st || !j->settings) {
        j->settings = settings;
        return st;
    }
    json_decref(settings);
    return cli_eval_settings(folder, j->settings, err);
}

/* The records must be those that were asked for. */
static thorax_status check_data(const join *j, const char *data, thorax_error *err)
{
    const char *want = json_string_value(json_object_get(j->settings, "data_sha256"));
    char hex[65];
    thx_map map;
    const thorax_status st = thx_map_open(&map, data, err);

    if (st) return st;
    thx_sha256_of(map.data ? map.data : (const unsigned char *)"", map.size, hex);
    thx_map_close(&map);
    if (want && !strcmp(want, hex)) return THORAX_OK;
    return thx_fail(err, THORAX_USAGE, 0, "%s: not the records that were run (%.12s, expected %.12s)", data, hex,
                    want ? want : "none");
}

static thorax_status read_all(join *j, const cli_values *v, thorax_error *err)
{
    thorax_status st = thx_eval_set_init(&j->done, err);

    for (size_t i = 0; !st && i < v->n_operands; i++) st = read_settings(j, v->operands[i], err);
    const char *data = cli_text(v, CLI_DATA), *tasks = json_string_value(json_object_get(j->settings, "task"));
    if (!data) data = json_string_value(json_object_get(j->settings, "data"));
    if (!st && !data) st = thx_fail(err, THORAX_USAGE, 0, "%s: the settings name no records (--data)", v->operands[0]);
    if (!st) st = check_data(j, data, err);
    if (!st) st = cli_eval_records_read(&j->records, data, tasks, err);
    for (size_t i = 0; !st && i < v->n_operands; i++) st = cli_eval_read_parts(&j->done, v->operands[i], err);
    return st ? st : thx_eval_set_index(&j->done, err);
}

/* ---- The joined file ---- */

typedef struct part { const char *path; thx_map map; const char **lines; size_t n; } part;

static thorax_status open_part(part *p, const char *path, thorax_error *err)
{
    size_t room = 0;
    const thorax_status st = thx_map_open(&p->map, path, err);

    p->path = path;
    if (st) return st;
    const char *at = (const char *)p->map.data, *end = at + p->map.size;
    for (const char *stop; p->map.size && (stop = memchr(at, '\n', (size_t)(end - at))); at = stop + 1) {
        if (p->n == room) {
            const char **grown = realloc(p->lines, (room = room ? 2 * room : 256) * sizeof *grown);
            if (!grown) return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory", path);
            p->lines = grown;
        }
        p->lines[p->n++] = at;
    }
    return THORAX_OK;
}

/* The part with this path, opened where it is new. */
static thorax_status part_of(part **out, part **parts, size_t *n, const char *path, thorax_error *err)
{
    for (size_t i = *n; i-- > 0;)
        if ((*parts)[i].path == path) {
            *out = &(*parts)[i];
            return THORAX_OK;
        }
    part *grown = realloc(*parts, (*n + 1) * sizeof *grown);
    if (!grown) return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory", path);
    *parts = grown;
    *out = &grown[*n];
    grown[(*n)++] = (part){ 0 };
    return open_part(*out, path, err);
}

/* The lines of the predictions, in the order of the records. */
static thorax_status write_joined(const thx_eval_set *done, const char *folder, thorax_error *err)
{
    char *path = thx_path_join(folder, "predictions.jsonl");
    thx_string text = { 0 };
    part *parts = NULL, *p = NULL;
    size_t n = 0;
    thorax_status st = path ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "no memory for a path");

    for (size_t i = 0; !st && i < done->n; i++) {
        const size_t line = done->items[i].line;
        st = part_of(&p, &parts, &n, done->files[i], err);
        if (!st && line && line <= p->n) {
            const char *at = p->lines[line - 1];
            thx_string_add(&text, at, strcspn(at, "\n") + 1);
        }
    }
    if (!st && text.failed) st = thx_fail(err, THORAX_NOMEM, 0, "%s: no memory", path);
    if (!st) st = thx_folder_make_private(folder, err);
    if (!st) st = thx_file_write(path, text.data ? text.data : "", text.size, err);
    for (size_t i = 0; i < n; i++) {
        thx_map_close(&parts[i].map);
        free(parts[i].lines);
    }
    free(parts);
    thx_string_deinit(&text);
    free(path);
    return st;
}

static int run_join(join *j, const cli_values *v, cli_progress *progress)
{
    const char *output = cli_text(v, CLI_OUTPUT);
    thorax_error err = { 0 };
    size_t missing;

    if (!cli_operands(v, 1, true, "the folder of a run")) return CLI_USAGE;
    if (v->n_operands > 1 && !output)
        return cli_fail_text(v, CLI_USAGE, "several folders: expected -o DIR for what they are together");
    thorax_status st = read_all(j, v, &err);
    if (!st) st = cli_eval_order(&j->done, &j->records, &missing, &err);
    if (st) return cli_fail(v, &err);
    if (missing)
        return cli_fail_text(v, CLI_FAILURE, "%zu of %zu records have no prediction yet (thorax eval run goes on)",
                             missing, j->records.n);
    if (output && write_joined(&j->done, output, &err)) return cli_fail(v, &err);
    if (output && cli_eval_settings(output, j->settings, &err)) return cli_fail(v, &err);
    j->done.problems.lines += j->records.set.problems.lines;
    return cli_eval_score_folder(v, &j->done, output ? output : v->operands[0], j->settings, progress);
}

int cli_eval_join(const cli_values *v)
{
    join *j = calloc(1, sizeof *j);
    cli_progress progress;

    if (!j) return cli_fail_text(v, CLI_NO_MEMORY, "no memory");
    cli_progress_init(&progress, cli_switch(v, CLI_QUIET));
    const int code = run_join(j, v, &progress);
    cli_eval_records_deinit(&j->records);
    thx_eval_set_deinit(&j->done);
    json_decref(j->settings);
    free(j);
    return code;
}
