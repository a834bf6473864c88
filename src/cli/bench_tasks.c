/* thorax bench drift --task: what a precision changes in the answers themselves, beside those in f32 about the same film. */
#include "cli/bench_tasks.h"

#include "synth/phantom.h"
#include "synth/phantom_baseline.h"
#include "tasks/tasks.h"

#include <string.h>

enum { JOBS_MOST = 3, ANSWER_TOKENS = 512 };

static const char *const regions[] = { "left lung", "right lung", "heart" };

/* What --task asks for and the family was trained for. */
static size_t jobs_of(thorax_job jobs[JOBS_MOST], bench *b, const thx_model *m)
{
    const char  *task = cli_text(b->values, CLI_TASK);
    const bool   all = !strcmp(task, "all");
    thx_string   question = { 0 };
    thorax_error ignored;
    size_t       n = 0;

    if (all || !strcmp(task, "report")) jobs[n++] = (thorax_job){ .task = THORAX_TASK_REPORT };
    if (all || !strcmp(task, "classify")) jobs[n++] = (thorax_job){ .task = THORAX_TASK_CLASSIFY };
    if ((all || !strcmp(task, "ground")) && !m->family->question(&question, THX_TASK_GROUND_REGION, regions[0], &ignored))
        jobs[n++] = (thorax_job){ .task = THORAX_TASK_GROUND, .phrases = regions, .n_phrases = sizeof regions / sizeof *regions,
                                  .kind = THORAX_GROUND_REGION };
    thx_string_deinit(&question);
    return n;
}

static thorax_status answer(bench *b, thx_engine *e, const thx_picture *picture, const thorax_job *jobs, size_t n, thx_result **out)
{
    const thx_film_facts film = { .name = "film", .sha256 = "", .width = picture->width, .height = picture->height };
    thorax_options       o = thorax_options_default();
    thx_session         *s;
    thorax_status        st = thx_session_open(&s, e, picture, &b->err);

    if (st) return st;
    o.max_new_tokens = ANSWER_TOKENS;
    st = thx_tasks_run(out, s, &film, jobs, n, &o, &b->err);
    thx_session_close(s);
    return st;
}

/* ---- Two answers side by side ---- */

static double same_findings(const thx_result *a, const thx_result *b)
{
    size_t same = 0;

    for (size_t i = 0; i < THX_FINDINGS; i++) same += a->findings[i].present == b->findings[i].present;
    return (double)same / THX_FINDINGS;
}

static thx_phantom_box box_of(const thorax_labelled_box *b)
{
    return (thx_phantom_box){ (float)b->x1, (float)b->y1, (float)b->x2, (float)b->y2 };
}

/* Mean over the boxes of either, the k-th of a label beside the k-th: one that the other lacks counts 0; none at all is 1. */
static double same_boxes(const thx_result *a, const thx_result *b)
{
    double sum = 0.0;
    size_t shared = 0;

    for (size_t i = 0; i < a->n_boxes; i++) {
        size_t nth = 0, seen = 0;
        for (size_t k = 0; k < i; k++) nth += !strcmp(a->boxes[k].label, a->boxes[i].label);
        for (size_t k = 0; k < b->n_boxes; k++) {
            if (strcmp(a->boxes[i].label, b->boxes[k].label) || seen++ != nth) continue;
            sum += thx_phantom_iou(box_of(&a->boxes[i]), box_of(&b->boxes[k]));
            shared++;
        }
    }
    const size_t all = a->n_boxes + b->n_boxes - shared;
    return all ? sum / (double)all : 1.0;
}

static void note(bench_series *s, double value)
{
    if (s->n < BENCH_RUNS_MOST) s->values[s->n++] = value;
}

thorax_status bench_task_drift(bench *b, thx_engine *exact, const thx_picture *picture, bench_series out[BENCH_TASKS])
{
    thorax_job    jobs[JOBS_MOST];
    thx_result   *want[JOBS_MOST] = { 0 }, *got[JOBS_MOST] = { 0 };
    const size_t  n = jobs_of(jobs, b, thx_engine_model(b->engine));
    thorax_status st = n ? answer(b, exact, picture, jobs, n, want) : THORAX_OK;

    if (!st && n) st = answer(b, b->engine, picture, jobs, n, got);
    for (size_t i = 0; i < n && !st; i++) {
        if (jobs[i].task == THORAX_TASK_REPORT) note(&out[BENCH_REPORT], strcmp(want[i]->text, got[i]->text) == 0);
        if (jobs[i].task == THORAX_TASK_CLASSIFY) note(&out[BENCH_FINDINGS], same_findings(want[i], got[i]));
        if (jobs[i].task == THORAX_TASK_GROUND) note(&out[BENCH_BOXES], same_boxes(want[i], got[i]));
    }
    for (size_t i = 0; i < n; i++) {
        thx_result_close(want[i]);
        thx_result_close(got[i]);
    }
    return st;
}
