/* The file of answers of `thorax batch`; see batch.h. */
#include "cli/batch.h"

#include "base/file.h"
#include "base/string.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILE_BYTES = INT32_MAX };

/* ---- What is done ---- */

static int compare_done(const void *a, const void *b)
{
    const cli_done *x = a, *y = b;
    const int c = strcmp(x->path, y->path);
    return c ? c : strcmp(x->sha256, y->sha256);
}

static thorax_status remember(cli_record *r, const char *path, const char *sha256,
                              thorax_error *err)
{
    if (r->n_done == r->room_done) {
        const size_t room = r->room_done ? 2 * r->room_done : 64;
        cli_done *done = realloc(r->done, room * sizeof *done);
        if (!done) return thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu lines", room);
        r->done = done;
        r->room_done = room;
    }
    cli_done *d = &r->done[r->n_done];
    if (!(d->path = strdup(path))) return thx_fail(err, THORAX_NOMEM, 0, "no memory for a path");
    snprintf(d->sha256, sizeof d->sha256, "%s", sha256);
    r->n_done++;
    return THORAX_OK;
}

bool cli_record_has(const cli_record *r, const char *path, const char *sha256)
{
    json_t *json = thx_json_path(path);
    cli_done key = { .path = (char *)(uintptr_t)json_string_value(json) };
    bool found = false;

    snprintf(key.sha256, sizeof key.sha256, "%s", sha256);
    if (key.path && r->n_done) found = bsearch(&key, r->done, r->n_done, sizeof key, compare_done);
    json_decref(json);
    return found;
}

/* ---- Reading an earlier file ---- */

/* Is it one of the tasks that "all" does? */
static bool is_part(const char *task)
{
    return !strcmp(task, "report") || !strcmp(task, "classify") || !strcmp(task, "ground");
}

static thorax_status check_key(const json_t *line, const cli_record_key *key, const char *path,
                               size_t number, thorax_error *err)
{
    const char *task = json_string_value(json_object_get(line, "task"));
    const char *model =
        json_string_value(json_object_get(json_object_get(line, "provenance"), "model"));

    if (!task || (strcmp(task, key->task) && !(key->last && is_part(task))))
        return thx_fail(err, THORAX_USAGE, 0,
                        "%s: line %zu is of the task \"%.20s\", not %s: choose another -o", path,
                        number, task ? task : "", key->task);
    if (!model || strcmp(model, key->model))
        return thx_fail(err, THORAX_USAGE, 0,
                        "%s: line %zu was written by another model: choose another -o", path,
                        number);
    return THORAX_OK;
}

/* One whole line: kept (appended to `kept`) unless it is the failure of a film that is tried again.
 * */
static thorax_status read_line(cli_record *r, thx_string *kept, const char *text, size_t size,
                               size_t number, const cli_record_key *key, const cli_paths *retry,
                               thorax_error *err)
{
    json_t *line = json_loadb(text, size, 0, NULL);
    const json_t *film = json_object_get(line, "film");
    const char *path = json_string_value(json_object_get(film, "path"));
    const char *sha256 = json_string_value(json_object_get(film, "sha256"));
    thorax_status st = THORAX_OK;
    bool keep = true;

    if (!path)
        st = thx_fail(err, THORAX_USAGE, 0,
                      "%s: line %zu is not one that batch wrote: choose another -o", r->lines.path,
                      number);
    else if (json_object_get(line, "error")) keep = !cli_paths_have(retry, path);
    else st = check_key(line, key, r->lines.path, number, err);
    const char *task = json_string_value(json_object_get(line, "task"));
    const bool last = !key->last || !task || !strcmp(task, key->last);
    if (!st && keep && sha256 && last) st = remember(r, path, sha256, err);
    if (!st && keep) thx_string_add(kept, text, size);
    if (!st && keep && last) r->whole = kept->size;
    json_decref(line);
    return st;
}

/* Paths as they stand in the file, so that the two can be compared. */
static thorax_status printed_paths(cli_paths *out, const cli_paths *films, thorax_error *err)
{
    thorax_status st = THORAX_OK;

    for (size_t i = 0; !st && i < films->n; i++) {
        json_t *json = thx_json_path(films->list[i]);
        st = json ? cli_paths_add(out, json_string_value(json), err)
                  : thx_fail(err, THORAX_NOMEM, 0, "no memory for a path");
        json_decref(json);
    }
    cli_paths_sort(out);
    return st;
}

static thorax_status read_lines(cli_record *r, thx_string *kept, const char *data, size_t size,
                                const cli_record_key *key, const cli_paths *films,
                                thorax_error *err)
{
    cli_paths retry = { 0 };
    size_t number = 1;
    thorax_status st = printed_paths(&retry, films, err);

    for (const char *at = data, *end; !st && (end = memchr(at, '\n', size - (size_t)(at - data)));
         at = end + 1, number++)
        st = read_line(r, kept, at, (size_t)(end - at) + 1, number, key, &retry, err);
    cli_paths_deinit(&retry); /* what follows the last line end was torn off while it was written */
    if (!st) kept->size = r->whole; /* and the film it belongs to is not done */
    if (!st && kept->failed) st = thx_fail(err, THORAX_NOMEM, 0, "%s: no memory", r->lines.path);
    if (r->n_done) qsort(r->done, r->n_done, sizeof *r->done, compare_done);
    return st;
}

static thorax_status resume_from(cli_record *r, const cli_record_key *key, const cli_paths *films,
                                 thorax_error *err)
{
    thx_string kept = { 0 };
    char *data;
    size_t size;

    thorax_status st = thx_file_read(&data, &size, r->lines.path, FILE_BYTES, err);
    if (st) return st;
    st = read_lines(r, &kept, data, size, key, films, err);
    if (!st && kept.size != size) st = cli_lines_replace(&r->lines, kept.data, kept.size, err);
    thx_string_deinit(&kept);
    free(data);
    return st;
}

thorax_status cli_record_open(cli_record *r, const char *path, bool resume,
                              const cli_record_key *key, const cli_paths *films, thorax_error *err)
{
    struct stat st_file;

    *r = (cli_record){ 0 };
    thorax_status st = cli_lines_open(&r->lines, path, err);
    if (st) return st;
    if (fstat(r->lines.fd, &st_file) || !S_ISREG(st_file.st_mode))
        return THORAX_OK; /* a pipe: nothing to resume */
    if (resume) return resume_from(r, key, films, err);
    if (st_file.st_size)
        return thx_fail(err, THORAX_USAGE, 0, "%s: exists already; --resume goes on with it", path);
    return THORAX_OK;
}

thorax_status cli_record_add(cli_record *r, const char *line, thorax_error *err)
{
    return cli_lines_add(&r->lines, line, err);
}

void cli_record_close(cli_record *r)
{
    for (size_t i = 0; i < r->n_done; i++) free(r->done[i].path);
    free(r->done);
    cli_lines_close(&r->lines);
    *r = (cli_record){ 0 };
}
