/* thorax inspect tokens, prompt: texts and ids. */
#include "cli/inspect.h"
#include "cli/run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "1,2,3" → ids; blanks around them are fine. */
static thorax_status parse_ids(thx_ids *out, const char *text, thorax_error *err)
{
    while (*text) {
        char *end;
        errno = 0;
        const long long id = strtoll(text, &end, 10);
        if (end == text || errno || id < 0 || id > INT32_MAX)
            return thx_fail(err, THORAX_USAGE, 0,
                            "--decode: expected ids parted by commas, found \"%.40s\"", text);
        thx_ids_add(out, (int32_t)id);
        text = end + strspn(end, " ");
        if (*text == ',') text += 1 + strspn(text + 1, " ");
        else if (*text)
            return thx_fail(err, THORAX_USAGE, 0, "--decode: expected a comma, found \"%.40s\"",
                            text);
    }
    return out->failed ? thx_fail(err, THORAX_NOMEM, 0, "no memory for the ids") : THORAX_OK;
}

/* no_special: without what the tokenizer puts around a whole text. */
static thorax_status encode(json_t **out, const thx_tokenizer *t, const char *text, bool no_special,
                            thorax_error *err)
{
    thx_ids ids = { 0 };
    const size_t size = strlen(text);
    const thorax_status st = no_special
                                 ? thx_tokenizer_encode(t, text, size, true, &ids, err)
                                 : thx_tokenizer_encode_whole(t, text, size, true, 0, &ids, err);

    *out = st ? NULL : json_pack("{s:o}", "ids", cli_json_ids(ids.data, ids.size));
    thx_ids_deinit(&ids);
    return st;
}

static thorax_status decode(json_t **out, const thx_tokenizer *t, const char *text, bool no_special,
                            thorax_error *err)
{
    thx_string s = { 0 };
    thx_ids ids = { 0 };
    thorax_status st = parse_ids(&ids, text, err);

    *out = NULL;
    if (!st) st = thx_tokenizer_decode(t, ids.data, ids.size, no_special, &s, err);
    if (!st) *out = json_pack("{s:o}", "text", cli_json_text(s.data ? s.data : "", s.size));
    thx_string_deinit(&s);
    thx_ids_deinit(&ids);
    return st;
}

/* A folder without a usable tokenizer is a model that cannot be used. */
static int fail_model(const cli_values *v, thorax_error *err)
{
    if (err->status == THORAX_IO || err->status == THORAX_FORMAT || err->status == THORAX_LIMIT)
        err->status = THORAX_MODEL;
    return cli_fail(v, err);
}

int cli_inspect_tokens(const cli_values *v)
{
    const char *text = cli_text(v, CLI_TEXT_OPTION), *ids = cli_text(v, CLI_DECODE),
               *folder = cli_need(v, CLI_MODEL);
    thx_tokenizer *t;
    json_t *json = NULL;
    thorax_error err;

    if (!folder || !cli_operands(v, 0, false, "no argument")) return CLI_USAGE;
    if (!text == !ids)
        return cli_fail_text(v, CLI_USAGE, "expected one of --text TEXT and --decode IDS");
    thorax_status st = thx_tokenizer_open(&t, folder, &err);
    if (st == THORAX_IO && cli_text(v, CLI_BASE)) st = thx_tokenizer_open(&t, cli_text(v, CLI_BASE), &err);
    if (st) return fail_model(v, &err);
    const bool no_special = cli_switch(v, CLI_NO_SPECIAL);
    st = text ? encode(&json, t, text, no_special, &err) : decode(&json, t, ids, no_special, &err);
    thx_tokenizer_close(t);
    return st ? cli_fail(v, &err) : cli_print_json(v, json);
}

/* ---- Prompts ---- */

/* Image rows of the film of -i; 0 without one. */
static thorax_status image_tokens(size_t *out, const thx_model *m, const cli_values *v,
                                  thorax_error *err)
{
    thx_picture picture;
    thx_geometry g;

    *out = 0;
    if (!cli_text(v, CLI_IMAGE)) return THORAX_OK;
    thorax_status st = cli_picture_open(&picture, v, err);
    if (!st) st = thx_geometry_plan(&g, &m->recipe, picture.width, picture.height, err);
    if (!st) *out = g.image_tokens;
    thx_picture_deinit(&picture);
    return st;
}

static thorax_status render(json_t **out, const thx_model *m, const cli_messages *messages,
                            size_t tokens, const char *system, thorax_error *err)
{
    thx_prompt p = { 0 };
    size_t n = 0;
    thx_message *turns = calloc(messages->n + 1, sizeof *turns);

    *out = NULL;
    if (!turns) return thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu messages", messages->n);
    if (system) turns[n++] = (thx_message){ "system", system };
    for (size_t i = 0; i < messages->n; i++)
        turns[n++] = (thx_message){ messages->list[i].role, messages->list[i].content };
    const thorax_status st =
        thx_template_render(&p, m->chat, m->tokenizer, turns, n, tokens, m->image_id, err);
    if (!st)
        *out = json_pack("{s:o, s:o, s:I}", "prompt",
                         cli_json_text(p.text.data ? p.text.data : "", p.text.size), "ids",
                         cli_json_ids(p.ids.data, p.ids.size), "image_tokens",
                         (json_int_t)p.image_tokens);
    thx_prompt_deinit(&p);
    free(turns);
    return st;
}

int cli_inspect_prompt(const cli_values *v)
{
    const char *folder = cli_need(v, CLI_MODEL), *path = folder ? cli_need(v, CLI_MESSAGES) : NULL;
    const thx_model_options options = cli_model_options(v);
    cli_messages messages;
    thx_model *m = NULL;
    json_t *json = NULL;
    size_t tokens = 0;
    thorax_error err;

    if (!path || !cli_operands(v, 0, false, "no argument")) return CLI_USAGE;
    thorax_status st = cli_messages_read(&messages, path, &err);
    if (!st) st = thx_model_open_parts(&m, folder, &options, true, true, &err);
    if (!st) st = image_tokens(&tokens, m, v, &err);
    if (!st) st = render(&json, m, &messages, tokens, cli_text(v, CLI_SYSTEM), &err);
    thx_model_close(m);
    cli_messages_deinit(&messages);
    return st ? cli_fail(v, &err) : cli_print_json(v, json);
}
