/* thorax doctor: what this machine offers, and whether the program computes as it should: an answer of
 * the fast kernels against one of the reference kernels in f32. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "base/string.h"
#include "cli/demo.h"
#include "cli/inspect.h"
#include "ops/ops.h"

#include <cairo.h>
#include <jansson.h>
#include <oneapi/dnnl/dnnl.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <png.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utf8proc.h>

/* The value of "key : value" in a file of /proc; false when it is not there. */
static bool proc_value(char *out, size_t size, const char *path, const char *key)
{
    FILE *f = fopen(path, "r");
    char line[512];
    bool found = false;

    while (f && !found && fgets(line, sizeof line, f)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, key, strlen(key)) || !colon) continue;
        colon++;
        colon += strspn(colon, " \t");
        snprintf(out, size, "%.*s", (int)strcspn(colon, "\n"), colon);
        found = true;
    }
    if (f) fclose(f);
    return found;
}

static uint64_t memory_bytes(const char *key)
{
    char text[64];

    return proc_value(text, sizeof text, "/proc/meminfo", key) ? strtoull(text, NULL, 10) * 1024 : 0;
}

static json_t *libraries(void)
{
    const dnnl_version_t *d = dnnl_version();
    char dnnl[32], pcre[32];

    snprintf(dnnl, sizeof dnnl, "%d.%d.%d", d->major, d->minor, d->patch);
    pcre2_config(PCRE2_CONFIG_VERSION, pcre);
    pcre[strcspn(pcre, " ")] = 0;
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "oneDNN", dnnl, "jansson", JANSSON_VERSION, "libpng", png_get_libpng_ver(NULL),
                     "pcre2", pcre, "utf8proc", utf8proc_version(), "cairo", cairo_version_string());
}

static json_t *machine(void)
{
    char name[128] = "unknown";
    cpu_set_t set;
    const int cores = !sched_getaffinity(0, sizeof set, &set) ? CPU_COUNT(&set) : (int)sysconf(_SC_NPROCESSORS_ONLN);

    proc_value(name, sizeof name, "/proc/cpuinfo", "model name");
    return json_pack("{s:s, s:s, s:i, s:s, s:I, s:I, s:o}", "program", "thorax " THX_VERSION, "processor", name, "cores", cores, "kernels",
                     thx_cpu_level_name(thx_cpu_level()), "memory_bytes", (json_int_t)memory_bytes("MemTotal"),
                     "memory_available_bytes", (json_int_t)memory_bytes("MemAvailable"), "libraries", libraries());
}

/* ---- The self check ---- */

enum { CHECK_TOKENS = 32 };

static bool go_on(void *data, const char *what, size_t done, size_t total) { return cli_progress_step(data, what, done, total); }

/* The first tokens of a report, with these kernels. */
static thorax_status first_answer(char **out, const cli_values *v, const char *folder, const char *precision, const char *cpu,
                                  cli_progress *p, thorax_error *err)
{
    thorax_model_options mo = thorax_model_options_default();
    thorax_options o = thorax_options_default();
    thorax_model *model = NULL;
    thorax_film *film = NULL;
    thorax_session *session = NULL;
    thorax_result *result = NULL;

    *out = NULL;
    mo.precision = precision;
    mo.cpu = cpu;
    mo.threads = (int)cli_count(v, CLI_THREADS, 0);
    o.max_new_tokens = CHECK_TOKENS;
    o.on_progress = go_on;
    o.data = p;
    cli_progress_title(p, "self check, %s", precision);
    thorax_status st = thorax_model_open(&model, folder, &mo, err);
    if (!st) st = cli_demo_film(&film, folder, cli_text(v, CLI_IMAGE), err);
    if (!st) st = thorax_session_open(&session, model, film, err);
    if (!st) st = thorax_report(&result, session, &o, err);
    if (!st && !(*out = strdup(thorax_result_text(result)))) st = thx_fail(err, THORAX_NOMEM, 0, "no memory");
    thorax_result_close(result);
    thorax_session_close(session);
    thorax_film_close(film);
    thorax_model_close(model);
    return st;
}

static thorax_status self_check(json_t *out, const cli_values *v, const char *folder, bool *same, thorax_error *err)
{
    char *fast = NULL, *reference = NULL;
    cli_progress p;

    cli_progress_init(&p, cli_switch(v, CLI_QUIET));
    thorax_status st = first_answer(&fast, v, folder, "auto", cli_text(v, CLI_CPU), &p, err);
    if (!st) st = first_answer(&reference, v, folder, "f32", "ref", &p, err);
    cli_progress_clear(&p);
    *same = !st && !strcmp(fast, reference);
    if (!st) json_object_set_new(out, "check", json_pack("{s:s, s:s, s:s, s:b}", "model", folder, "fast", fast, "reference", reference, "same", *same));
    free(fast);
    free(reference);
    return st;
}

/* ---- Printing ---- */

static void print_machine(const json_t *j)
{
    char all[32], available[32];
    const char *name;
    json_t *version;

    printf("program     %s\nprocessor   %s, %d cores\nkernels     %s\n", json_string_value(json_object_get(j, "program")),
           json_string_value(json_object_get(j, "processor")), (int)json_integer_value(json_object_get(j, "cores")),
           json_string_value(json_object_get(j, "kernels")));
    printf("memory      %s, %s available\nlibraries  ", cli_size(all, (uint64_t)json_integer_value(json_object_get(j, "memory_bytes"))),
           cli_size(available, (uint64_t)json_integer_value(json_object_get(j, "memory_available_bytes"))));
    json_object_foreach(json_object_get(j, "libraries"), name, version) printf(" %s %s", name, json_string_value(version));
    putchar('\n');
}

static void print_check(const json_t *check)
{
    if (!check) {
        printf("self check  no model: the demo model is not beside the program (-m names another)\n");
        return;
    }
    const char *fast = json_string_value(json_object_get(check, "fast"));
    printf("self check  %s: fast and reference kernels %s\n", json_string_value(json_object_get(check, "model")),
           json_is_true(json_object_get(check, "same")) ? "agree" : "DISAGREE");
    if (!json_is_true(json_object_get(check, "same")))
        printf("  fast:      %s\n  reference: %s\n", fast, json_string_value(json_object_get(check, "reference")));
}

int cli_doctor(const cli_values *v)
{
    json_t *json = machine();
    bool same = true;
    thorax_error err;
    int code = CLI_OK;

    if (!cli_operands(v, 0, false, "no argument")) {
        json_decref(json);
        return CLI_USAGE;
    }
    char *folder = cli_demo_folder(cli_text(v, CLI_MODEL));
    if (folder && self_check(json, v, folder, &same, &err)) code = cli_fail(v, &err);
    if (!code && !cli_switch(v, CLI_JSON)) {
        print_machine(json);
        print_check(json_object_get(json, "check"));
        json_decref(json);
    } else if (!code) {
        code = cli_print_json(v, json);
    } else {
        json_decref(json);
    }
    if (!code && !same) code = cli_fail_text(v, CLI_FAILURE, "fast and reference kernels give different answers (a near tie of a random model may do that)");
    free(folder);
    return code;
}
