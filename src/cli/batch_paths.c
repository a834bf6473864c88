/* The films of `thorax batch`; see batch.h. */
#include "cli/batch.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LIST_BYTES = 256 << 20, DEPTH_MAX = 64 };

thorax_status cli_paths_add(cli_paths *p, const char *path, thorax_error *err)
{
    if (p->n == p->room) {
        const size_t room = p->room ? 2 * p->room : 64;
        char **list = realloc(p->list, room * sizeof *list);
        if (!list) return thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu paths", room);
        p->list = list;
        p->room = room;
    }
    if (!(p->list[p->n] = strdup(path)))
        return thx_fail(err, THORAX_NOMEM, 0, "no memory for a path");
    p->n++;
    return THORAX_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void cli_paths_sort(cli_paths *p)
{
    if (p->n) qsort(p->list, p->n, sizeof *p->list, by_name);
}

bool cli_paths_have(const cli_paths *p, const char *path)
{
    return p->n && bsearch(&path, p->list, p->n, sizeof *p->list, by_name);
}

typedef struct place { char *path; size_t at; } place;

static int by_name_and_place(const void *a, const void *b)
{
    const place *x = a, *y = b;
    const int c = strcmp(x->path, y->path);
    return c ? c : (x->at > y->at) - (x->at < y->at);
}

thorax_status cli_paths_unique(cli_paths *p, thorax_error *err)
{
    place *places = calloc(p->n + 1, sizeof *places);
    size_t kept = 0;

    if (!places) return thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu paths", p->n);
    for (size_t i = 0; i < p->n; i++) places[i] = (place){ p->list[i], i };
    qsort(places, p->n, sizeof *places, by_name_and_place);
    const char *last = NULL; /* the first of those that are alike */
    for (size_t i = 0; i < p->n; i++) {
        if (!last || strcmp(places[i].path, last)) {
            last = places[i].path;
            continue;
        }
        p->list[places[i].at] = NULL;
        free(places[i].path);
    }
    for (size_t i = 0; i < p->n; i++)
        if (p->list[i]) p->list[kept++] = p->list[i];
    p->n = kept;
    free(places);
    return THORAX_OK;
}

void cli_paths_deinit(cli_paths *p)
{
    for (size_t i = 0; i < p->n; i++) free(p->list[i]);
    free(p->list);
    *p = (cli_paths){ 0 };
}

static bool ends_with(const char *path, const char *ending)
{
    const size_t n = strlen(path), m = strlen(ending);
    return n >= m && !strcasecmp(path + n - m, ending);
}

static bool is_film_name(const char *path)
{
    return ends_with(path, ".png") || ends_with(path, ".jpg") || ends_with(path, ".jpeg");
}

/* Entries of one folder, sorted; hidden ones are left out. */
static thorax_status list_folder(cli_paths *out, const char *path, thorax_error *err)
{
    DIR *folder = opendir(path);
    thorax_status st = THORAX_OK;

    if (!folder)
        return thx_fail(err, THORAX_IO, 0, "%s: cannot open the folder: %s", path, strerror(errno));
    for (struct dirent *d; !st && (d = readdir(folder));)
        if (*d->d_name != '.') st = cli_paths_add(out, d->d_name, err);
    closedir(folder);
    cli_paths_sort(out);
    return st;
}

static thorax_status collect_folder(cli_paths *p, const char *path, int depth, thorax_error *err)
{
    cli_paths names = { 0 };

    if (depth > DEPTH_MAX)
        return thx_fail(err, THORAX_IO, 0, "%s: folders are nested deeper than %d", path,
                        DEPTH_MAX);
    thorax_status st = list_folder(&names, path, err);
    for (size_t i = 0; !st && i < names.n; i++) {
        char *full = thx_path_join(path, names.list[i]);
        if (!full) st = thx_fail(err, THORAX_NOMEM, 0, "no memory for a path");
        else if (thx_is_folder(full)) st = collect_folder(p, full, depth + 1, err);
        else if (is_film_name(full)) st = cli_paths_add(p, full, err);
        free(full);
    }
    cli_paths_deinit(&names);
    return st;
}

/* A path of a list; relative ones start at the list's own folder. */
static thorax_status add_listed(cli_paths *p, const char *list, char *line, thorax_error *err)
{
    const char *slash = strrchr(list, '/');

    if (*line == '/' || !slash) return cli_paths_add(p, line, err);
    char *folder = strndup(list, (size_t)(slash - list) + 1);
    char *full = folder ? thx_path_join(folder, line) : NULL;
    const thorax_status st =
        full ? cli_paths_add(p, full, err) : thx_fail(err, THORAX_NOMEM, 0, "no memory for a path");
    free(full);
    free(folder);
    return st;
}

static thorax_status collect_list(cli_paths *p, const char *path, thorax_error *err)
{
    char *data, *rest, *line;
    size_t size;

    thorax_status st = thx_file_read(&data, &size, path, LIST_BYTES, err);
    if (st) return st;
    rest = data;
    while (!st && (line = strsep(&rest, "\n"))) {
        line[strcspn(line, "\r")] = 0;
        if (*line && *line != '#') st = add_listed(p, path, line, err);
    }
    free(data);
    return st;
}

thorax_status cli_paths_collect(cli_paths *p, const char *input, thorax_error *err)
{
    if (thx_is_folder(input)) return collect_folder(p, input, 0, err);
    if (ends_with(input, ".txt") || ends_with(input, ".lst")) return collect_list(p, input, err);
    return cli_paths_add(p, input, err);
}
