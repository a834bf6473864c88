/* thorax doctor: what this machine offers, and whether the program computes as it should: scores of
 * the fast kernels against scores in f32. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "api/api.h"
#include "cli/demo.h"
#include "cli/inspect.h"
#include "base/json.h"

#include <cairo.h>
#include <jansson.h>
#include <math.h>
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

    return proc_value(text, sizeof text, "/proc/meminfo", key) ? strtoull(text, NULL, 10) * 1024
                                                               : 0;
}

static json_t *libraries(void)
{
    const dnnl_version_t *d = dnnl_version();
    char dnnl[32], pcre[32];

    snprintf(dnnl, sizeof dnnl, "%d.%d.%d", d->major, d->minor, d->patch);
    pcre2_config(PCRE2_CONFIG_VERSION, pcre);
    pcre[strcspn(pcre, " ")] = 0;
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "oneDNN", dnnl, "jansson", JANSSON_VERSION,
                     "libpng", png_get_libpng_ver(NULL), "pcre2", pcre, "utf8proc",
                     utf8proc_version(), "cairo", cairo_version_string());
}

static json_t *machine(void)
{
    char name[128] = "unknown";
    cpu_set_t set;
    const int cores = !sched_getaffinity(0, sizeof set, &set) ? CPU_COUNT(&set)
                                                              : (int)sysconf(_SC_NPROCESSORS_ONLN);

    proc_value(name, sizeof name, "/proc/cpuinfo", "model name");
    return json_pack("{s:s, s:s, s:i, s:s, s:I, s:I, s:o}", "program", "thorax " THX_VERSION,
                     "processor", name, "cores", cores, "kernels",
                     thx_cpu_level_name(thx_cpu_level()), "memory_bytes",
                     (json_int_t)memory_bytes("MemTotal"), "memory_available_bytes",
                     (json_int_t)memory_bytes("MemAvailable"), "libraries", libraries());
}

/* ---- The self check ----
 * Scores of the first token of a report. A small model is compared with the reference kernels; a
 * large one, for which they would take hours, with the widest kernels in f32. */

enum { SMALL_MODEL_BYTES = 256 << 20 };
static const double error_max =
    0.05; /* largest difference over the largest score; bf16 rounding gives about 0.01 */

typedef struct scores { float *row; size_t n; } scores;

static thorax_status keep_row(void *data, const float *row, size_t n, thorax_error *err)
{
    scores *s = data;

    s->row = malloc(n * sizeof *row);
    if (!s->row) return thx_fail(err, THORAX_NOMEM, 0, "no memory for %zu scores", n);
    memcpy(s->row, row, n * sizeof *row);
    s->n = n;
    return THORAX_OK;
}

static thorax_status score(scores *out, const cli_values *v, const char *folder,
                           const thx_engine_options *o, thorax_error *err)
{
    thx_engine *e = NULL;
    thorax_film *film = NULL;
    thx_session *s = NULL;
    thx_string question = { 0 };
    size_t T, V;

    thorax_status st = thx_engine_open(&e, folder, o, err);
    if (!st) st = cli_demo_film(&film, folder, cli_text(v, CLI_IMAGE), NULL, err);
    if (!st) st = thx_session_open(&s, e, &film->picture, err);
    if (!st) st = thx_engine_model(e)->family->question(&question, THX_TASK_REPORT, NULL, err);
    if (!st) {
        const thx_message m = { "user", question.data };
        st = thx_session_logits(s, &m, 1, false, NULL, &T, &V, NULL, keep_row, out, err);
    }
    thx_string_deinit(&question);
    thx_session_close(s);
    thorax_film_close(film);
    thx_engine_close(e);
    return st;
}

static double compare(const scores *fast, const scores *reference)
{
    double worst = 0, peak = 0;

    for (size_t i = 0; i < reference->n; i++) {
        worst = fmax(worst, fabs((double)fast->row[i] - (double)reference->row[i]));
        peak = fmax(peak, fabs((double)reference->row[i]));
    }
    return peak > 0 ? worst / peak : worst;
}

/* Is the folder's model small enough for the reference kernels? */
static thorax_status is_small(bool *small, const char *folder, const thx_engine_options *o,
                              thorax_error *err)
{
    thx_engine *e;
    const thorax_status st = thx_engine_open(&e, folder, o, err);

    *small = !st && thx_weights_bytes(thx_engine_model(e)->weights) <= SMALL_MODEL_BYTES;
    thx_engine_close(e);
    return st;
}

static thorax_status self_check(json_t *out, const cli_values *v, const char *folder, bool *agree,
                                thorax_error *err)
{
    const thx_engine_options fast_options = { .precision = THX_FAST,
                                              .cpu_level = cli_cpu_level(v),
                                              .threads = (int)cli_count(v, CLI_THREADS, 0) };
    thx_engine_options reference_options = fast_options;
    scores fast = { 0 }, reference = { 0 };
    bool small;

    thorax_status st = is_small(&small, folder, &fast_options, err);
    reference_options.precision = THX_EXACT;
    reference_options.cpu_level = small ? THX_CPU_REF : -1;
    if (!st) st = score(&fast, v, folder, &fast_options, err);
    if (!st) st = score(&reference, v, folder, &reference_options, err);
    const double error = st ? 0 : compare(&fast, &reference);
    *agree = !st && error <= error_max; /* false for NaN too */
    if (!st)
        json_object_set_new(out, "check",
                            json_pack("{s:o, s:s, s:f, s:f, s:b}", "model", thx_json_path(folder),
                                      "reference", small ? "ref, f32" : "f32", "error", error,
                                      "limit", error_max, "agree", *agree));
    free(fast.row);
    free(reference.row);
    return st;
}

/* ---- Printing ---- */

static void print_machine(const json_t *j)
{
    char all[32], available[32];
    const char *name;
    json_t *version;

    printf("program     %s\nprocessor   %s, %d cores\nkernels     %s\n",
           json_string_value(json_object_get(j, "program")),
           json_string_value(json_object_get(j, "processor")),
           (int)json_integer_value(json_object_get(j, "cores")),
           json_string_value(json_object_get(j, "kernels")));
    printf("memory      %s, %s available\nlibraries  ",
           cli_size(all, (uint64_t)json_integer_value(json_object_get(j, "memory_bytes"))),
           cli_size(available,
                    (uint64_t)json_integer_value(json_object_get(j, "memory_available_bytes"))));
    json_object_foreach(json_object_get(j, "libraries"), name, version)
        printf(" %s %s", name, json_string_value(version));
    putchar('\n');
}

static void print_check(const json_t *check)
{
    if (!check) {
        printf(
            "self check  no model: the demo model is not beside the program (-m names another)\n");
        return;
    }
    printf("self check  %s: scores of the fast kernels and of %s differ by %.2g of the largest "
           "one: %s\n",
           json_string_value(json_object_get(check, "model")),
           json_string_value(json_object_get(check, "reference")),
           json_real_value(json_object_get(check, "error")),
           json_is_true(json_object_get(check, "agree")) ? "good" : "TOO MUCH");
}

int cli_doctor(const cli_values *v)
{
    json_t *json = machine();
    bool agree = true;
    thorax_error err;
    int code = CLI_OK;

    if (!cli_operands(v, 0, false, "no argument")) {
        json_decref(json);
        return CLI_USAGE;
    }
    char *folder = cli_demo_folder(cli_text(v, CLI_MODEL));
    cli_interrupt_default(); /* nothing is written that could be left in pieces */
    if (folder && self_check(json, v, folder, &agree, &err)) code = cli_fail(v, &err);
    if (!code && !cli_switch(v, CLI_JSON)) {
        print_machine(json);
        print_check(json_object_get(json, "check"));
        json_decref(json);
    } else if (!code) {
        code = cli_print_json(v, json);
    } else {
        json_decref(json);
    }
    if (!code && !agree)
        code = cli_fail_text(
            v, CLI_FAILURE,
            "the fast kernels do not compute what they should; --cpu ref is slow and safe");
    free(folder);
    return code;
}
