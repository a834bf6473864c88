/* A task over several films: report, classify, ground; see run.h. */
#include "cli/run.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

/* ---- The tasks ---- */

thorax_status cli_task_report(thorax_result **out, thorax_session *session, const cli_run *r,
                              thorax_error *err)
{
    return thorax_report(out, session, &r->options, err);
}

thorax_status cli_task_classify(thorax_result **out, thorax_session *session, const cli_run *r,
                                thorax_error *err)
{
    return thorax_classify(out, session, &r->options, err);
}

thorax_ground_kind cli_ground_kind(const cli_values *v)
{
    const char *name = cli_text(v, CLI_KIND);

    if (name && !strcmp(name, "region")) return THORAX_GROUND_REGION;
    if (name && !strcmp(name, "phrase")) return THORAX_GROUND_PHRASE;
    return THORAX_GROUND_AUTO;
}

thorax_status cli_task_ground(thorax_result **out, thorax_session *session, const cli_run *r,
                              thorax_error *err)
{
    const char **phrases = calloc(r->values->n_given + 1, sizeof *phrases);
    size_t n = 0, at = 0;

    *out = NULL;
    if (!phrases) return thx_fail(err, THORAX_NOMEM, 0, "no memory for the phrases");
    for (const char *p; (p = cli_next(r->values, CLI_PHRASE, &at));) phrases[n++] = p;
    const thorax_status st = thorax_ground_all(
        out, session, phrases, n, cli_ground_kind(r->values), &r->options, err);
    free(phrases);
    return st;
}

thorax_status cli_task_ask(thorax_result **out, thorax_session *session, const cli_run *r,
                           thorax_error *err)
{
    const thorax_message message = { "user", cli_text(r->values, CLI_PROMPT) };
    return thorax_chat(out, session, &message, 1, &r->options, err);
}

bool cli_check_phrases(const cli_values *v)
{
    size_t at = 0, n = 0;

    for (const char *p; (p = cli_next(v, CLI_PHRASE, &at)); n++)
        if (!p[strspn(p, " \t\r\n")]) {
            cli_fail_text(v, CLI_USAGE, "--phrase is empty");
            return false;
        }
    if (!n) cli_need(v, CLI_PHRASE);
    return n > 0;
}

/* ---- One film ---- */

static int draw_overlay(cli_run *r, const thorax_result *result, const thorax_film *film,
                        const char *path)
{
    const char *overlay = cli_text(r->values, CLI_OVERLAY);

    if (!overlay) return CLI_OK;
    char *target = cli_overlay_path(overlay, path);
    if (!target) return cli_fail_text(r->values, CLI_NO_MEMORY, "no memory for a path");
    const thorax_status st = thorax_result_overlay(result, film, target, &r->err);
    free(target);
    return st ? cli_run_fail(r) : CLI_OK;
}

static int answer(cli_run *r, const thorax_film *film, const char *path, const char *heading,
                  cli_task_fn *task)
{
    thorax_session *session;
    thorax_result *result = NULL;

    thorax_status st = thorax_session_open(&session, r->model, film, &r->err);
    if (!st) st = task(&result, session, r, &r->err);
    int code = st || cli_interrupted() ? cli_run_fail(r) : draw_overlay(r, result, film, path);
    if (!code) code = cli_print_result(r, result, heading);
    thorax_result_close(result);
    thorax_session_close(session);
    return code;
}

static int one_film(cli_run *r, const char *path, const char *heading, cli_task_fn *task)
{
    thorax_film *film;
    size_t at = 0, bytes = 256; /* of a question */
    int code;

    if (thorax_film_open(&film, path, &r->film_options, &r->err)) return cli_run_fail(r);
    for (const char *p; (p = cli_next(r->values, CLI_PHRASE, &at));) bytes += strlen(p);
    if (cli_switch(r->values, CLI_PLAN)) code = cli_print_plan(r, film, bytes);
    else code = answer(r, film, path, heading, task);
    thorax_film_close(film);
    return code;
}

/* ---- All of them ---- */

/* --overlay names a file for one film, a folder for several. */
static bool overlay_fits(const cli_values *v)
{
    const char *overlay = cli_text(v, CLI_OVERLAY);

    if (!overlay || v->n_operands < 2 || thx_is_folder(overlay)) return true;
    cli_fail_text(v, CLI_USAGE, "--overlay %.100s: for several films expected a folder that exists",
                  overlay);
    return false;
}

int cli_run_films(const cli_values *v, cli_task_fn *task)
{
    const size_t n = v->n_operands;
    size_t failed = 0;
    cli_run r;

    if (!cli_operands(v, 1, true, "a film") || !overlay_fits(v)) return CLI_USAGE;
    int code = cli_run_open(&r, v);
    for (size_t i = 0; !code && i < n; i++) {
        if (n > 1) cli_progress_title(&r.progress, "film %zu of %zu", i + 1, n);
        code = one_film(&r, v->operands[i], n > 1 ? v->operands[i] : NULL, task);
        if (n == 1 || code == CLI_INTERRUPTED || code == CLI_MODEL_INVALID || code == CLI_USAGE)
            break;
        failed += code != CLI_OK;
        code = CLI_OK;
    }
    cli_run_close(&r);
    return code ? code : failed ? CLI_SOME_FAILED : CLI_OK;
}
