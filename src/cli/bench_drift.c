/* thorax bench drift: how far the numbers are from those in f32, on the same film and words.
 *
 * Two engines run, one of them with every stage in f32 and weights as stored (in --reference,
 * where -m is a folder of rounded ones). Stages: the largest error over the largest value. Logits,
 * of the rows behind the film: KL(f32, this) in nats, and the share of rows whose best token is the
 * same. Each film (-i, several times) is one value. With --task the answers are compared too. */
#include "cli/bench_tasks.h"
#include "cli/run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_TOKENS = 256 };

/* ---- Values of a stage, kept from the first run and compared in the second ---- */
typedef struct trace {
    float *data;
    size_t n, room, at; /* at: compared so far */
    double worst, peak;
} trace;

static thorax_status keep(trace *t, const float *x, size_t n, thorax_error *err)
{
    if (n > t->room - t->n) {
        const size_t room = 2 * (t->n + n);
        float       *data = realloc(t->data, room * sizeof *data);
        if (!data) return thx_fail(err, THORAX_NOMEM, 0, "no memory for the numbers in f32");
        t->data = data;
        t->room = room;
    }
    memcpy(t->data + t->n, x, n * sizeof *x);
    t->n += n;
    return THORAX_OK;
}

/* The kept values these stand against; NULL where there are none. */
static const float *against(trace *t, size_t n)
{
    const float *kept = t->data + t->at;

    if (n > t->n - t->at) return NULL;
    t->at += n;
    return kept;
}

static void compare(trace *t, const float *x, const float *kept, size_t n)
{
    for (size_t i = 0; kept && i < n; i++) {
        t->worst = fmax(t->worst, fabs((double)x[i] - (double)kept[i]));
        t->peak = fmax(t->peak, fabs((double)kept[i]));
    }
}

/* ---- A film, seen twice ---- */
typedef struct drift {
    trace  tower, projector, rows, logits;
    bool   exact;      /* the first run                 */
    size_t first, row; /* rows before `first` are passed over */
    double kl;         /* summed over n rows            */
    size_t n, same;
} drift;

static thorax_status take(drift *d, trace *t, const float *x, size_t n, thorax_error *err)
{
    if (d->exact) return keep(t, x, n, err);
    compare(t, x, against(t, n), n);
    return THORAX_OK;
}

static thorax_status take_tensor(drift *d, trace *t, thx_tensor x, thorax_error *err)
{
    thorax_status st = THORAX_OK;

    for (size_t i = 0; i < x.rows && !st; i++) st = take(d, t, x.data + i * x.stride, x.cols, err);
    return st;
}

static thorax_status take_tower(void *data, thx_tensor rows, thorax_error *err)
{
    return take_tensor(data, &((drift *)data)->tower, rows, err);
}

static thorax_status take_projector(void *data, thx_tensor rows, thorax_error *err)
{
    return take_tensor(data, &((drift *)data)->projector, rows, err);
}

static double log_sum(const float *x, size_t n, size_t *best)
{
    double sum = 0;

    *best = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[*best]) *best = i;
    for (size_t i = 0; i < n; i++) sum += exp((double)x[i] - (double)x[*best]);
    return (double)x[*best] + log(sum);
}

static void compare_logits(drift *d, const float *x, size_t n)
{
    const float *kept = against(&d->logits, n);
    size_t       best, kept_best;

    if (!kept) return;
    compare(&d->logits, x, kept, n);
    const double sum = log_sum(x, n, &best), kept_sum = log_sum(kept, n, &kept_best);
    for (size_t i = 0; i < n; i++) {
        const double p = (double)kept[i] - kept_sum;
        d->kl += exp(p) * (p - ((double)x[i] - sum));
    }
    d->same += best == kept_best;
    d->n++;
}

static thorax_status take_logits(void *data, const float *row, size_t n, thorax_error *err)
{
    drift *d = data;

    if (d->row++ < d->first) return THORAX_OK;
    if (d->exact) return keep(&d->logits, row, n, err);
    compare_logits(d, row, n);
    return THORAX_OK;
}

static void drift_deinit(drift *d)
{
    free(d->tower.data);
    free(d->projector.data);
    free(d->rows.data);
    free(d->logits.data);
}

/* ---- Running ---- */

typedef struct talk {
    cli_messages messages; /* of --messages; else one turn with `question` */
    thx_string   question;
} talk;

static thorax_status encode(bench *b, drift *d, thx_session *s)
{
    const thx_stage_sink sink = { take_tower, take_projector, d };
    const float         *rows;

    const thorax_status st = thx_session_encode(s, &b->step, &sink, &rows, &b->err);
    if (st) return st;
    const size_t n = thx_session_geometry(s)->image_tokens;
    return take(d, &d->rows, rows, n * thx_engine_model(thx_session_engine(s))->decoder.config.D,
                &b->err);
}

/* Where the rows behind the film begin. */
static thorax_status find_first(bench *b, drift *d, thx_session *s, const thx_message *turns,
                                size_t n)
{
    const thx_geometry *g = thx_session_geometry(s);
    const thx_model    *m = thx_engine_model(thx_session_engine(s));
    thx_prompt          p = { 0 };
    const thorax_status st = thx_template_render(&p, m->chat, m->tokenizer, turns, n,
                                                 g ? g->image_tokens : 0, m->image_id, &b->err);

    d->first = p.image_tokens ? p.image_at + p.image_tokens : 0;
    thx_prompt_deinit(&p);
    return st;
}

static thorax_status run(bench *b, drift *d, thx_engine *e, const thx_picture *picture,
                         const thx_message *turns, size_t n)
{
    thx_session *s;
    size_t       T, V;

    thorax_status st = thx_session_open(&s, e, picture, &b->err);
    if (st) return st;
    d->row = 0;
    if (picture) st = encode(b, d, s);
    if (!st) st = find_first(b, d, s, turns, n);
    if (!st)
        st = thx_session_logits(s, turns, n, true, &b->step, &T, &V, NULL, take_logits, d, &b->err);
    thx_session_close(s);
    return st;
}

static thorax_status run_both(bench *b, drift *d, thx_engine *exact, const thx_picture *picture,
                              const talk *t)
{
    const size_t n = t->messages.n ? t->messages.n : 1;
    thx_message *turns = calloc(n, sizeof *turns);

    if (!turns) return thx_fail(&b->err, THORAX_NOMEM, 0, "no memory for %zu messages", n);
    turns[0] = (thx_message){ "user", t->question.data };
    for (size_t i = 0; i < t->messages.n; i++)
        turns[i] = (thx_message){ t->messages.list[i].role, t->messages.list[i].content };
    d->exact = true;
    thorax_status st = run(b, d, exact, picture, turns, n);
    d->exact = false;
    if (!st) st = run(b, d, b->engine, picture, turns, n);
    free(turns);
    return st;
}

/* ---- Figures: one value a film ---- */

enum { TOWER, PROJECTOR, ROWS, LOGITS, KL, SAME, TASKS, FIGURES = TASKS + BENCH_TASKS };
static const char *const units[FIGURES] = {
    "of peak, tower", "of peak, projector", "of peak, rows", "of peak, logits", "nat", "same best",
    [TASKS + BENCH_REPORT] = "same report", [TASKS + BENCH_FINDINGS] = "same findings", [TASKS + BENCH_BOXES] = "IoU, boxes"
};

static void note(bench_series *s, double value)
{
    if (s->n < BENCH_RUNS_MOST) s->values[s->n++] = value;
}

static void note_trace(bench_series *s, const trace *t)
{
    if (t->peak > 0) note(s, t->worst / t->peak);
}

static thorax_status measure(bench *b, bench_series series[FIGURES], thx_engine *exact,
                             const thx_picture *picture, const talk *t, size_t *rows)
{
    drift               d = { .exact = true };
    const thorax_status st = run_both(b, &d, exact, picture, t);

    if (!st && d.n) {
        note_trace(&series[TOWER], &d.tower);
        note_trace(&series[PROJECTOR], &d.projector);
        note_trace(&series[ROWS], &d.rows);
        note_trace(&series[LOGITS], &d.logits);
        note(&series[KL], d.kl / (double)d.n);
        note(&series[SAME], (double)d.same / (double)d.n);
        *rows += d.n;
    }
    drift_deinit(&d);
    return st;
}

/* What is said: --messages, else the report's question about a film, else words. */
static thorax_status talk_init(bench *b, talk *t)
{
    const thx_model *m = thx_engine_model(b->engine);
    const char      *path = cli_text(b->values, CLI_MESSAGES);
    size_t           at = 0;

    if (path) return cli_messages_read(&t->messages, path, &b->err);
    if (cli_text(b->values, CLI_IMAGE))
        return m->family->question(&t->question, THX_TASK_REPORT, NULL, &b->err);
    const char *tokens = cli_next(b->values, CLI_TOKENS, &at);
    return bench_words(&t->question, m->tokenizer,
                       tokens ? (size_t)strtoull(tokens, NULL, 10) : TEXT_TOKENS, 1, &b->err);
}

static thorax_status each_film(bench *b, bench_series series[FIGURES], thx_engine *exact,
                               const talk *t, size_t *rows)
{
    size_t        at = 0, n = 0;
    thorax_status st = THORAX_OK;

    for (const char *path; !st && (path = cli_next(b->values, CLI_IMAGE, &at)); n++) {
        thx_picture picture;
        cli_progress_title(&b->progress, "film %zu", n + 1);
        st = cli_picture_open_at(&picture, b->values, path, &b->err);
        if (!st) st = measure(b, series, exact, &picture, t, rows);
        if (!st && cli_text(b->values, CLI_TASK)) st = bench_task_drift(b, exact, &picture, series + TASKS);
        thx_picture_deinit(&picture);
    }
    return st || n ? st : measure(b, series, exact, NULL, t, rows);
}

thorax_status bench_drift(bench *b)
{
    const thx_engine_options given = cli_engine_options(b->values);
    const thx_engine_options o = { .precision = THX_EXACT,
                                   .compat = given.compat,
                                   .threads = given.threads,
                                   .cpu_level = given.cpu_level,
                                   .ctx_tokens = given.ctx_tokens,
                                   .base = given.base,
                                   .lora = given.lora,
                                   .merged_cache = given.merged_cache };
    bench_series             series[FIGURES] = { 0 };
    const char              *folder = cli_text(b->values, CLI_REFERENCE);
    thx_engine              *exact = NULL;
    size_t                   rows = 0;
    talk                     t = { 0 };

    if (!folder) folder = cli_text(b->values, CLI_MODEL);
    thorax_status st = bench_engine(b);
    if (!st) st = thx_engine_open(&exact, folder, &o, &b->err);
    if (!st) st = talk_init(b, &t);
    if (!st) st = each_film(b, series, exact, &t, &rows);
    cli_progress_clear(&b->progress);
    bench_memory_look(&b->memory);
    for (size_t i = 0; i < FIGURES && !st; i++)
        if (series[i].n)
            st = bench_print(
                b, &(bench_figure){ .tokens = rows, .unit = units[i], .series = series[i] });
    cli_messages_deinit(&t.messages);
    thx_string_deinit(&t.question);
    thx_engine_close(exact);
    return st;
}
