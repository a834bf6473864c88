/* Opening what a command asks for, and printing what came of it; see run.h. */
#include "cli/run.h"

#include "base/file.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static thorax_model_options model_options(const cli_values *v)
{
    thorax_model_options o = thorax_model_options_default();
    const char *precision = cli_text(v, CLI_PRECISION);

    if (precision) o.precision = precision;
    o.base = cli_text(v, CLI_BASE);
    o.lora = cli_text(v, CLI_LORA);
    o.merged_cache = cli_text(v, CLI_MERGED_CACHE);
    o.plan_only = cli_switch(v, CLI_PLAN);
    o.type = cli_text(v, CLI_TYPE);
    o.kv_bits = cli_text(v, CLI_KV_BITS) ? 8 : 0;
    o.cpu = cli_text(v, CLI_CPU);
    o.compat = cli_text(v, CLI_COMPAT);
    o.threads = (int)cli_count(v, CLI_THREADS, 0);
    o.ctx_tokens = (uint32_t)cli_count(v, CLI_CTX, 0);
    o.mem_limit_bytes = cli_count(v, CLI_MEM_LIMIT, 0);
    o.draft_corpus = cli_text(v, CLI_DRAFTS);
    o.cache_folder = cli_text(v, CLI_CACHE);
    o.cache_limit_bytes = cli_count(v, CLI_CACHE_LIMIT, o.cache_limit_bytes);
    return o;
}

static thorax_options answer_options(const cli_values *v)
{
    thorax_options o = thorax_options_default();

    o.max_new_tokens = (uint32_t)cli_count(v, CLI_MAX_NEW_TOKENS, 0);
    o.sample = cli_switch(v, CLI_SAMPLE);
    o.temperature = cli_real(v, CLI_TEMPERATURE, o.temperature);
    o.top_p = cli_real(v, CLI_TOP_P, o.top_p);
    o.min_p = cli_real(v, CLI_MIN_P, o.min_p);
    o.repetition_penalty = cli_real(v, CLI_REPETITION_PENALTY, o.repetition_penalty);
    if (cli_text(v, CLI_TOP_K)) o.top_k = (int32_t)cli_count(v, CLI_TOP_K, 0);
    o.seed = cli_count(v, CLI_SEED, 0);
    o.ignore_eos = cli_switch(v, CLI_IGNORE_EOS);
    o.system = cli_text(v, CLI_SYSTEM);
    o.wording = cli_text(v, CLI_WORDING);
    o.reason = cli_text(v, CLI_REASON);
    o.substring_rule = cli_switch(v, CLI_SUBSTRING_RULE);
    o.no_drafts = cli_switch(v, CLI_NO_DRAFTS);
    o.score = cli_switch(v, CLI_SCORE);
    o.score_questions = cli_text(v, CLI_SCORE_QUESTIONS);
    o.score_calibration = cli_text(v, CLI_CALIBRATION);
    return o;
}

/* What has 8 bits never comes without what it costs. */
static void print_drift(const cli_run *r)
{
    thorax_drift d;

    if (!thorax_model_drift(&d, r->model)) return;
    fprintf(stderr, "8 bits, drift from f32 on a built-in text: KL %.2e nats a token (greatest %.2e), best token the same in %u of %u\n",
            d.kl_mean, d.kl_max, d.agree, d.rows);
}

int cli_run_open_at(cli_run *r, const cli_values *v, const char *folder)
{
    const char *profile = cli_text(v, CLI_PROFILE);
    const thorax_model_options mo = model_options(v);

    *r = (cli_run){ .values = v,
                    .options = answer_options(v),
                    .film_options = thorax_film_options_default(),
                    .json = cli_switch(v, CLI_JSON) };
    if (profile) r->film_options.profile = profile;
    cli_progress_init(&r->progress, cli_switch(v, CLI_QUIET));
    r->options.on_progress = cli_progress_step;
    r->options.data = &r->progress;
    if (thorax_model_open(&r->model, folder, &mo, &r->err)) return cli_run_fail(r);
    print_drift(r);
    return cli_interrupted() ? cli_fail(v, &r->err) : CLI_OK;
}

int cli_run_open(cli_run *r, const cli_values *v)
{
    const char *folder = cli_need(v, CLI_MODEL);

    *r = (cli_run){ .values = v };
    return folder ? cli_run_open_at(r, v, folder) : CLI_USAGE;
}

/* An answer does not depend on the cache folder: what could not be written there is said, and that is all. */
static void warn_cache(const cli_run *r)
{
    thorax_cache_status s;

    if (!r->model || !r->values || !cli_text(r->values, CLI_CACHE)) return;
    thorax_model_cache(&s, r->model);
    if (s.failed) fprintf(stderr, "thorax: entries of the cache not written: %" PRIu64 " (%s)\n", s.failed, s.reason);
    if (s.damaged && !r->progress.quiet)
        fprintf(stderr, "thorax: damaged entries of the cache, removed: %" PRIu64 "\n", s.damaged);
}

void cli_run_close(cli_run *r)
{
    cli_progress_clear(&r->progress);
    warn_cache(r);
    thorax_model_close(r->model);
    r->model = NULL;
}

int cli_run_fail(cli_run *r)
{
    cli_progress_clear(&r->progress);
    return cli_fail(r->values, &r->err);
}

/* ---- Printing ---- */

static void print_findings(const thorax_result *result, bool calibrated)
{
    size_t n;
    const thorax_finding *f = thorax_result_findings(result, &n);

    for (size_t i = 0; i < n; i++) {
        const char *present = f[i].present < 0 ? "unsaid" : f[i].present ? "yes" : "no";

        printf("%s%-7s ", i ? "" : "\n", present);
        if (!isnan(f[i].score)) printf("%5.3f ", f[i].score);
        printf("%s\n", f[i].name);
    }
    if (n && !isnan(f->score))
        printf("(scores: P(yes) / (P(yes) + P(no)), %s)\n", calibrated ? "calibrated by the file given" : "not calibrated");
}

static void print_boxes(const thorax_result *result)
{
    size_t n;
    const thorax_labelled_box *b = thorax_result_boxes(result, &n);

    for (size_t i = 0; i < n; i++)
        printf("%s[%.4g, %.4g, %.4g, %.4g] %s\n", i ? "" : "\n", b[i].x1, b[i].y1, b[i].x2, b[i].y2,
               b[i].label);
}

static void print_text(cli_run *r, thorax_result *result, const char *heading)
{
    const char *task = thorax_result_task(result), *remark = thorax_model_remark(r->model);

    if (heading) printf("== %s\n", heading);
    printf("%s\n", thorax_result_text(result));
    if (!strcmp(task, "ask")) return;
    if (!strcmp(task, "classify")) print_findings(result, r->options.score_calibration != NULL);
    if (!strcmp(task, "ground")) print_boxes(result);
    if (!thorax_result_complete(result))
        printf("\n(cut off: the limit of new tokens was reached)\n");
    printf("\n%s%s(%s)\n", remark ? remark : "", remark ? "\n" : "", thorax_notice());
    if (heading) putchar('\n');
}

int cli_print_result(cli_run *r, thorax_result *result, const char *heading)
{
    cli_progress_clear(&r->progress);
    if (r->json) {
        const char *json = thorax_result_json(result);
        if (!json)
            return cli_fail_text(r->values, CLI_NO_MEMORY, "no memory for the result as JSON");
        puts(json);
    } else {
        print_text(r, result, heading);
    }
    fflush(stdout);
    return CLI_OK;
}

void cli_print_notice(const cli_run *r)
{
    const char *remark = thorax_model_remark(r->model);

    if (r->progress.quiet || r->json) return;
    if (remark) fprintf(stderr, "%s\n", remark);
    fprintf(stderr, "(%s)\n", thorax_notice());
}

static void print_plan_line(const char *what, uint64_t bytes)
{
    char size[32];
    printf("%-34s %12s\n", what, cli_size(size, bytes));
}

/* Tokens of a text are at most its bytes; what a template adds is a handful a turn. */
enum { TEMPLATE_TOKENS = 64 };

int cli_print_plan(cli_run *r, const thorax_film *film, size_t bytes)
{
    const uint32_t text =
        bytes < UINT32_MAX / 2 ? (uint32_t)bytes + TEMPLATE_TOKENS : UINT32_MAX / 2;
    thorax_plan p;

    if (thorax_model_plan(&p, r->model, film, text, r->options.max_new_tokens, &r->err))
        return cli_run_fail(r);
    if (r->json) {
        printf("{\"weights_mapped_bytes\":%llu,\"weights_bytes\":%llu,\"vision_bytes\":%llu,"
               "\"image_rows_bytes\":%llu,"
               "\"kv_bytes\":%llu,\"scratch_bytes\":%llu,\"peak_bytes\":%llu,\"image_tokens\":%u,"
               "\"tokens\":%u}\n",
               (unsigned long long)p.weights_mapped_bytes, (unsigned long long)p.weights_bytes,
               (unsigned long long)p.vision_bytes, (unsigned long long)p.image_rows_bytes,
               (unsigned long long)p.kv_bytes, (unsigned long long)p.scratch_bytes,
               (unsigned long long)p.peak_bytes, p.image_tokens, p.tokens);
        return CLI_OK;
    }
    print_plan_line("weights, mapped from the files", p.weights_mapped_bytes);
    print_plan_line("weights, beyond the mapping", p.weights_bytes);
    print_plan_line("vision, while the film is encoded", p.vision_bytes);
    print_plan_line("image rows", p.image_rows_bytes);
    print_plan_line("keys and values", p.kv_bytes);
    print_plan_line("activations", p.scratch_bytes);
    print_plan_line("anonymous memory at most", p.peak_bytes);
    printf("%-34s %12u\n%-34s %12u\n", "image tokens", p.image_tokens, "tokens at most", p.tokens);
    return CLI_OK;
}

char *cli_overlay_path(const char *overlay, const char *film)
{
    char name[300];
    const char *slash = strrchr(film, '/');

    if (!thx_is_folder(overlay)) return strdup(overlay);
    snprintf(name, sizeof name, "%.250s.png", slash ? slash + 1 : film);
    return thx_path_join(overlay, name);
}
