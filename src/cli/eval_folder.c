/* The folder of a run of `thorax eval run`; see eval_run.h. */
#include "cli/eval_run.h"

#include "base/file.h"
#include "base/json.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SETTINGS_BYTES = 1 << 20, PARTS_MAX = 100000 };

/* ---- Parts ---- */

static bool read_number(size_t *out, const char *text)
{
    char *end;

    errno = 0;
    const unsigned long n = text ? strtoul(text, &end, 10) : 0;
    *out = n;
    return text && *text >= '0' && *text <= '9' && !*end && !errno;
}

/* Array tasks may begin with any number. */
static bool slurm_shard(cli_shard *out)
{
    const char *least = getenv("SLURM_ARRAY_TASK_MIN");
    size_t id, count, first = 0;

    if (!read_number(&id, getenv("SLURM_ARRAY_TASK_ID")) || !read_number(&count, getenv("SLURM_ARRAY_TASK_COUNT")))
        return false;
    if (least && !read_number(&first, least)) return false;
    *out = (cli_shard){ id - first, count };
    return id >= first;
}

bool cli_shard_parse(cli_shard *out, const cli_values *v)
{
    const char *text = cli_text(v, CLI_SHARD);
    char first[24] = "";
    bool ok = true;

    *out = (cli_shard){ 0, 1 };
    if (!text) return true;
    if (!strcmp(text, "slurm")) ok = slurm_shard(out);
    else {
        const char *slash = strchr(text, '/');
        if (slash && (size_t)(slash - text) < sizeof first) memcpy(first, text, (size_t)(slash - text));
        ok = slash && read_number(&out->index, first) && read_number(&out->count, slash + 1) && out->index--;
    }
    if (ok && out->index < out->count && out->count <= PARTS_MAX) return true;
    cli_fail_text(v, CLI_USAGE,
                  "--shard %.60s: expected I/N with I from 1 to N, or slurm within an array job of consecutive numbers",
                  text);
    return false;
}

static char *part_path(const char *folder, cli_shard shard)
{
    char name[64];

    if (shard.count == 1) return thx_path_join(folder, "predictions.jsonl");
    snprintf(name, sizeof name, "predictions-%zu-of-%zu.jsonl", shard.index + 1, shard.count);
    return thx_path_join(folder, name);
}

/* ---- Settings ---- */

/* The first key whose value differs; NULL: none. Where the records lie may differ: their digest tells them apart. */
static const char *difference(json_t *a, json_t *b)
{
    const char *key;
    json_t *value;

    json_object_foreach(a, key, value)
        if (strcmp(key, "program") && strcmp(key, "data") && !json_equal(value, json_object_get(b, key))) return key;
    json_object_foreach(b, key, value)
        if (!json_object_get(a, key)) return key;
    return NULL;
}

thorax_status cli_eval_settings(const char *folder, const json_t *settings, thorax_error *err)
{
    char *path = thx_path_join(folder, "settings.json");
    json_t *there = NULL;

    if (!path) return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory", folder);
    thorax_status st = thx_folder_make_private(folder, err);
    if (!st && !thx_file_exists(path)) st = cli_eval_write_json(path, settings, err);
    else if (!st) st = thx_json_read(&there, path, SETTINGS_BYTES, err);
    const char *key = !st && there ? difference(there, (json_t *)(uintptr_t)settings) : NULL;
    if (key) st = thx_fail(err, THORAX_USAGE, 0, "%s: was made with another %.40s: choose another -o", folder, key);
    json_decref(there);
    free(path);
    return st;
}

/* ---- Lines ---- */

static bool is_failure(const char *line, size_t size)
{
    json_t *json = json_loadb(line, size, 0, NULL);
    const bool failed = json_object_get(json, "error") != NULL;

    json_decref(json);
    return failed;
}

/* Cuts a torn end off and takes failures out. */
static thorax_status clean(cli_lines *lines, thorax_error *err)
{
    thx_string kept = { 0 };
    thx_map map;
    thorax_status st = thx_map_open(&map, lines->path, err);

    if (st) return st;
    const char *at = (const char *)map.data, *end = at + map.size, *stop;
    for (; map.size && at < end && (stop = memchr(at, '\n', (size_t)(end - at))); at = stop + 1)
        if (!is_failure(at, (size_t)(stop - at)))
            thx_string_add(&kept, at, (size_t)(stop - at) + 1);
    const bool same = kept.size == map.size;
    thx_map_close(&map);
    if (kept.failed) st = thx_fail(err, THORAX_NOMEM, 0, "%s: no memory", lines->path);
    if (!st && !same) st = cli_lines_replace(lines, kept.data, kept.size, err);
    thx_string_deinit(&kept);
    return st;
}

thorax_status cli_eval_open_part(cli_lines *out, const char *folder, cli_shard shard, thorax_error *err)
{
    char *path = part_path(folder, shard);

    *out = (cli_lines){ 0 };
    if (!path) return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory", folder);
    thorax_status st = cli_lines_open(out, path, err);
    if (!st) st = clean(out, err);
    free(path);
    return st;
}

static bool is_part(const char *name)
{
    const size_t n = strlen(name);
    return !strncmp(name, "predictions", 11) && (name[11] == '.' || name[11] == '-') && n > 6 &&
           !strcmp(name + n - 6, ".jsonl");
}

/* Appends whole lines only: the last one may just be written by another process. */
typedef struct part_taking { thx_eval_set *set; const char *path; } part_taking;

static thorax_status take_line(void *data, const thx_eval_item *item, thorax_error *err)
{
    const part_taking *t = data;
    return thx_eval_set_add(t->set, t->path, item, err);
}

static thorax_status read_part(thx_eval_set *set, const char *path, thorax_error *err)
{
    static const thx_eval_reading jsonl = { .format = THX_EVAL_JSONL };
    part_taking t = { set, thx_arena_strdup(set->arena, path) };
    thx_map map;
    thorax_status st = thx_map_open(&map, path, err);

    if (st) return st;
    const char *text = map.data ? (const char *)map.data : "";
    size_t size = map.size;
    while (size && text[size - 1] != '\n') size--;
    if (!t.path) st = thx_fail(err, THORAX_NOMEM, 0, "%s: no memory", path);
    else if (size) st = thx_eval_read_text(text, size, path, &jsonl, take_line, &t, &set->problems, err);
    thx_map_close(&map);
    return st;
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }
static int only_parts(const struct dirent *d) { return is_part(d->d_name); }

thorax_status cli_eval_read_parts(thx_eval_set *set, const char *folder, thorax_error *err)
{
    struct dirent **list;
    const int n = scandir(folder, &list, only_parts, by_name);
    thorax_status st = THORAX_OK;

    if (n < 0) return thx_fail(err, THORAX_IO, 0, "%s: cannot open the folder: %s", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        char *path = st ? NULL : thx_path_join(folder, list[i]->d_name);
        if (path) st = read_part(set, path, err);
        else if (!st) st = thx_fail(err, THORAX_NOMEM, 0, "%s: no memory", folder);
        free(path);
        free(list[i]);
    }
    free(list);
    return st;
}
