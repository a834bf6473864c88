/* Conversations in files; see run.h. */
#include "cli/run.h"

#include "base/file.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES = 64 << 20 };

thorax_status cli_messages_add(cli_messages *m, const char *role, const char *content,
                               thorax_error *err)
{
    char *r = strdup(role), *c = strdup(content);

    if (r && c && m->n == m->room) {
        const size_t room = m->room ? 2 * m->room : 8;
        thorax_message *list = realloc(m->list, room * sizeof *list);
        if (list) {
            m->list = list;
            m->room = room;
        }
    }
    if (!r || !c || m->n == m->room) {
        free(r);
        free(c);
        return thx_fail(err, THORAX_NOMEM, 0, "no memory for a message");
    }
    m->list[m->n++] = (thorax_message){ r, c };
    return THORAX_OK;
}

void cli_messages_drop(cli_messages *m, size_t n)
{
    while (m->n > n) {
        m->n--;
        free((char *)(uintptr_t)m->list[m->n].role);
        free((char *)(uintptr_t)m->list[m->n].content);
    }
}

void cli_messages_deinit(cli_messages *m)
{
    cli_messages_drop(m, 0);
    free(m->list);
    *m = (cli_messages){ 0 };
}

static thorax_status read_turn(cli_messages *out, const json_t *turn, const char *path,
                               thorax_error *err)
{
    const char *role = json_string_value(json_object_get(turn, "role"));
    const char *content = json_string_value(json_object_get(turn, "content"));

    if (!role || !content)
        return thx_fail(err, THORAX_USAGE, 0,
                        "%s: turn %zu: expected {\"role\": text, \"content\": text}", path,
                        out->n + 1);
    return cli_messages_add(out, role, content, err);
}

thorax_status cli_messages_read(cli_messages *out, const char *path, thorax_error *err)
{
    json_error_t why;
    char *data;
    size_t size;

    *out = (cli_messages){ 0 };
    thorax_status st = thx_file_read(&data, &size, path, FILE_BYTES, err);
    if (st) return st;
    json_t *list = json_loadb(data, size, 0, &why);
    free(data);
    if (!list)
        return thx_fail(err, THORAX_USAGE, (uint64_t)why.position,
                        "%s: expected JSON: %s (line %d)", path, why.text, why.line);
    if (!json_is_array(list))
        st = thx_fail(err, THORAX_USAGE, 0, "%s: expected a JSON list of {\"role\", \"content\"}",
                      path);
    for (size_t i = 0; !st && i < json_array_size(list); i++)
        st = read_turn(out, json_array_get(list, i), path, err);
    json_decref(list);
    if (st) cli_messages_deinit(out);
    return st;
}

thorax_status cli_messages_write(const cli_messages *m, const char *path, thorax_error *err)
{
    json_t *list = json_array();

    for (size_t i = 0; i < m->n; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:s}", "role", m->list[i].role, "content", m->list[i].content));
    char *text = list ? json_dumps(list, JSON_INDENT(2)) : NULL;
    json_decref(list);
    if (!text) return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for %zu messages", path, m->n);
    const thorax_status st = thx_file_write(path, text, strlen(text), err);
    free(text);
    return st;
}
