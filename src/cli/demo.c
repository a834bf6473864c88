/* thorax demo: the bundled toy model on a phantom film. It says what it is wherever it speaks. */
#include "cli/demo.h"

#include "base/file.h"
#include "cli/run.h"
#include "synth/phantom.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PHRASES_MAX = 12, DEMO_SEED = 2 };

/* ---- Where it is ---- */

/* "folder/config.json" is there? Takes the path over. */
static char *if_model(char *folder)
{
    char *config = folder ? thx_path_join(folder, "config.json") : NULL;
    const bool there = config && thx_file_exists(config);

    free(config);
    if (there) return folder;
    free(folder);
    return NULL;
}

/* A folder relative to that of the program. */
static char *beside_program(const char *relative)
{
    char path[PATH_MAX];
    const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

    if (n <= 0) return NULL;
    path[n] = 0;
    char *slash = strrchr(path, '/');
    if (!slash) return NULL;
    slash[1] = 0;
    return if_model(thx_path_join(path, relative));
}

char *cli_demo_folder(const char *given)
{
    if (given) return strdup(given);
    char *folder = beside_program("../share/thorax/models/demo");
    if (!folder) folder = beside_program("../models/demo");
#ifdef THX_DATA_DIR
    if (!folder) folder = if_model(strdup(THX_DATA_DIR "/models/demo"));
#endif
    return folder;
}

/* "Consolidation, Support Devices" */
static void name_findings(char out[256], const thx_phantom *p)
{
    size_t n = 0;

    snprintf(out, 256, "%s", p->n_findings ? "" : "nothing abnormal");
    for (unsigned i = 0; i < p->n_findings && n < 256; i++)
        n += (size_t)snprintf(out + n, 256 - n, "%s%s", i ? ", " : "",
                              thx_phantom_label_name(p->findings[i].label));
}

static thorax_status draw_film(thorax_film **out, char drawn[256], thorax_error *err)
{
    thx_phantom p;
    thorax_status st = thx_phantom_draw(&p, DEMO_SEED, 0, NULL, err);

    if (st) return st;
    if (drawn) name_findings(drawn, &p);
    st = thorax_film_from_samples(out, p.pixels, (uint32_t)p.width, (uint32_t)p.height, 1, 2,
                                  "a phantom drawn now", NULL, err);
    thx_phantom_deinit(&p);
    return st;
}

thorax_status cli_demo_film(thorax_film **out, const char *folder, const char *given,
                            char drawn[256], thorax_error *err)
{
    char *path = given ? strdup(given) : thx_path_join(folder, "film.png");
    thorax_status st;

    *out = NULL;
    if (drawn) drawn[0] = 0;
    if (!path) return thx_fail(err, THORAX_NOMEM, 0, "no memory for a path");
    if (given || thx_file_exists(path)) st = thorax_film_open(out, path, NULL, err);
    else st = draw_film(out, drawn, err);
    free(path);
    return st;
}

/* ---- What it shows ---- */

/* Regions, and the findings the model names. */
static size_t choose_phrases(const char *phrases[PHRASES_MAX], const thorax_result *classified)
{
    size_t n = 0, n_findings;
    const thorax_finding *f = thorax_result_findings(classified, &n_findings);

    phrases[n++] = "right lung";
    phrases[n++] = "left lung";
    phrases[n++] = "heart";
    for (size_t i = 0; i < n_findings && n < PHRASES_MAX; i++)
        if (f[i].present == 1 && strcmp(f[i].name, "No Finding")) phrases[n++] = f[i].name;
    return n;
}

typedef struct demo {
    cli_run         run;
    thorax_film    *film;
    thorax_session *session;
    thorax_result  *report, *findings, *boxes;
    const char     *overlay;
    char            drawn[256]; /* the findings of the phantom */
} demo;

static thorax_status answer_all(demo *d)
{
    const char *phrases[PHRASES_MAX];
    cli_run *r = &d->run;

    thorax_status st = thorax_session_open(&d->session, r->model, d->film, &r->err);
    if (!st) st = thorax_report(&d->report, d->session, &r->options, &r->err);
    if (!st) st = thorax_classify(&d->findings, d->session, &r->options, &r->err);
    if (!st) {
        const size_t n = choose_phrases(phrases, d->findings);
        st = thorax_ground_all(&d->boxes, d->session, phrases, n, THORAX_GROUND_REGION, &r->options,
                               &r->err);
    }
    if (!st) st = thorax_result_overlay(d->boxes, d->film, d->overlay, &r->err);
    return st;
}

static void print_findings(const thorax_result *result)
{
    size_t n;
    const thorax_finding *f = thorax_result_findings(result, &n);

    for (size_t i = 0; i < n; i++)
        if (f[i].present == 1) printf("  %s\n", f[i].name);
    printf("  (%s)\n", thorax_result_text(result));
}

static void print_boxes(const thorax_result *result)
{
    size_t n;
    const thorax_labelled_box *b = thorax_result_boxes(result, &n);

    for (size_t i = 0; i < n; i++)
        printf("  %-22s [%.2f, %.2f, %.2f, %.2f]\n", b[i].label, b[i].x1, b[i].y1, b[i].x2,
               b[i].y2);
}

static void print_demo(const demo *d, const char *folder)
{
    const char *remark = thorax_model_remark(d->run.model);

    printf("Model: %s\n", folder);
    if (remark) printf("       %s\n", remark);
    printf("Film:  %u x %u pixels", thorax_film_width(d->film), thorax_film_height(d->film));
    if (*d->drawn) printf(", a phantom drawn by a program (%s): no patient", d->drawn);
    putchar('\n');
    printf("\nReport\n  %s\n", thorax_result_text(d->report));
    printf("\nFindings the model names\n");
    print_findings(d->findings);
    printf("\nBoxes (shares of width and height, from the top left)\n");
    print_boxes(d->boxes);
    printf("\nPicture with the boxes: %s\n(%s)\n", d->overlay, thorax_notice());
}

/* Three objects, one a line. */
static int print_json(demo *d)
{
    int code = cli_print_result(&d->run, d->report, NULL);

    if (!code) code = cli_print_result(&d->run, d->findings, NULL);
    if (!code) code = cli_print_result(&d->run, d->boxes, NULL);
    return code;
}

static int show(demo *d, const cli_values *v, const char *folder)
{
    const char *image = cli_text(v, CLI_IMAGE), *overlay = cli_text(v, CLI_OVERLAY);
    int code = cli_run_open_at(&d->run, v, folder);

    if (code) return code;
    d->overlay = overlay ? overlay : "thorax-demo.png";
    thorax_status st = cli_demo_film(&d->film, folder, image, d->drawn, &d->run.err);
    if (!st) st = answer_all(d);
    cli_progress_clear(&d->run.progress);
    if (st || cli_interrupted()) return cli_run_fail(&d->run);
    if (cli_switch(v, CLI_JSON)) return print_json(d);
    print_demo(d, folder);
    return CLI_OK;
}

int cli_demo(const cli_values *v)
{
    demo d = { 0 };

    if (!cli_operands(v, 0, false, "no argument")) return CLI_USAGE;
    char *folder = cli_demo_folder(cli_text(v, CLI_MODEL));
    if (!folder)
        return cli_fail_text(v, CLI_FAILURE,
                             "the demo model is not beside the program; name its folder with -m");
    const int code = show(&d, v, folder);
    thorax_result_close(d.report);
    thorax_result_close(d.findings);
    thorax_result_close(d.boxes);
    thorax_session_close(d.session);
    thorax_film_close(d.film);
    cli_run_close(&d.run);
    free(folder);
    return code;
}
