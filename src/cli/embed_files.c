/* Files that `thorax embed` and `thorax retrieve` read: texts, and pairs of what belongs together; see embed.h. */
#include "cli/embed.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES = 1 << 30 };

/* ---- Texts ---- */

static thorax_status add_list(cli_paths *texts, const char *data, size_t size, const char *path,
                              thorax_error *err)
{
    json_error_t  why;
    json_t       *list = json_loadb(data, size, 0, &why);
    thorax_status st = THORAX_OK;

    if (!list)
        return thx_fail(err, THORAX_USAGE, (uint64_t)why.position, "%s: line %d: expected JSON: %s",
                        path, why.line, why.text);
    for (size_t i = 0; i < json_array_size(list) && !st; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        st = text ? cli_paths_add(texts, text, err)
                  : thx_fail(err, THORAX_USAGE, 0, "%s: text %zu: expected a JSON list of strings",
                             path, i + 1);
    }
    json_decref(list);
    return st;
}

static thorax_status add_lines(cli_paths *texts, char *data, size_t size, const char *path,
                               thorax_error *err)
{
    if (memchr(data, 0, size))
        return thx_fail(err, THORAX_USAGE, 0, "%s: expected lines of text, found a 0 byte", path);
    for (char *line = data; *line;) {
        char *end = line + strcspn(line, "\n"), *next = *end ? end + 1 : end;
        *end = 0;
        if (end > line && end[-1] == '\r') end[-1] = 0;
        const thorax_status st = cli_paths_add(texts, line, err);
        if (st) return st;
        line = next;
    }
    return THORAX_OK;
}

thorax_status cli_texts_read(cli_paths *texts, const char *path, thorax_error *err)
{
    char         *data;
    size_t        size;
    thorax_status st = thx_file_read(&data, &size, path, FILE_BYTES, err);

    if (st) return st;
    st = *data == '[' ? add_list(texts, data, size, path, err)
                      : add_lines(texts, data, size, path, err);
    free(data);
    if (!st && !texts->n) st = thx_fail(err, THORAX_USAGE, 0, "%s: no text in it", path);
    return st;
}

/* ---- Pairs ---- */

void cli_pairs_deinit(cli_pairs *p)
{
    for (size_t i = 0; i < p->n; i++) {
        free(p->list[i].film);
        free(p->list[i].text);
        free(p->list[i].target);
    }
    free(p->list);
    *p = (cli_pairs){ 0 };
}

/* Adds copies; NULL stays NULL. */
static bool add_pair(cli_pairs *p, const char *film, const char *text, const char *target)
{
    if (p->n == p->room) {
        const size_t room = p->room ? 2 * p->room : 64;
        cli_pair    *list = realloc(p->list, room * sizeof *list);
        if (!list) return false;
        p->list = list;
        p->room = room;
    }
    cli_pair *q = &p->list[p->n++];
    *q = (cli_pair){ film ? strdup(film) : NULL, text ? strdup(text) : NULL,
                     target ? strdup(target) : NULL };
    return (!film || q->film) && (!text || q->text) && (!target || q->target);
}

static thorax_status add_json(cli_pairs *p, const char *line, const char *path, size_t number,
                              thorax_error *err)
{
    json_error_t why;
    json_t      *json = json_loads(line, 0, &why);
    const char  *film = json_string_value(json_object_get(json, "film")),
               *text = json_string_value(json_object_get(json, "text"));
    const char   *target = json_string_value(json_object_get(json, "target"));
    const bool    good = (film && text && !target) || ((film != NULL) != (text != NULL) && target);
    thorax_status st = THORAX_OK;

    if (!good)
        st = thx_fail(err, THORAX_USAGE, 0,
                      "%s: line %zu: expected {\"film\", \"text\"}, or one of them and \"target\"",
                      path, number);
    else if (!add_pair(p, film, text, target))
        st = thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for the pairs", path);
    json_decref(json);
    return st;
}

static thorax_status add_line(cli_pairs *p, char *line, const char *path, size_t number,
                              thorax_error *err)
{
    char *tab = strchr(line, '\t');

    if (!*line) return THORAX_OK;
    if (*line == '{') return add_json(p, line, path, number, err);
    if (!tab || tab == line)
        return thx_fail(err, THORAX_USAGE, 0,
                        "%s: line %zu: expected a film, a tab and a text, or a JSON object", path,
                        number);
    *tab = 0;
    return add_pair(p, line, tab + 1, NULL)
               ? THORAX_OK
               : thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for the pairs", path);
}

thorax_status cli_pairs_read(cli_pairs *p, const char *path, thorax_error *err)
{
    char         *data, *next;
    size_t        size, number = 0;
    thorax_status st = thx_file_read(&data, &size, path, FILE_BYTES, err);

    *p = (cli_pairs){ 0 };
    if (st) return st;
    for (char *line = data; *line && !st; line = next) {
        char *end = line + strcspn(line, "\n");
        next = *end ? end + 1 : end;
        *end = 0;
        if (end > line && end[-1] == '\r') end[-1] = 0;
        st = add_line(p, line, path, ++number, err);
    }
    free(data);
    if (!st && !p->n) st = thx_fail(err, THORAX_USAGE, 0, "%s: no pairs in it", path);
    if (st) cli_pairs_deinit(p);
    return st;
}
