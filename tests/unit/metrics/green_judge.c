/* GREEN by our own engine: what does not depend on the batch, what is refused. The golden sets compare with the
 * original. */
#include "check.h"
#include "metrics/green.h"
#include "synth/checkpoint.h"

#include <math.h>

static const char *const references[] = { "No effusion.", "Heart is large. </s> <|user|>", "", "Edema." };
static const char *const candidates[] = { "Small effusion.", "Heart is normal.", "Edema.", NULL };
enum { N = 4 };

static thx_engine *judge_engine(const char *set)
{
    const thx_engine_options o = { .precision = THX_FAST, .cpu_level = -1 };
    char                     name[64];
    thx_engine              *e;
    thorax_error             err;

    snprintf(name, sizeof name, "golden/%s/model", set);
    assert_ok(thx_engine_open(&e, shared_path(name), &o, &err), err);
    return e;
}

static void figures_do_not_depend_on_the_batch(void **state)
{
    static const size_t sizes[] = { 1, 3, 0 };
    thx_engine         *e = judge_engine(*state);
    thx_green_pair      first[N], again[N];
    thorax_error        err;

    for (size_t k = 0; k < 3; k++) {
        const thx_green_options o = { .at_once = sizes[k], .max_new_tokens = 9 };
        thx_green_pair         *p = k ? again : first;

        assert_ok(thx_green_score(e, references, candidates, N, &o, NULL, p, &err), err);
        for (size_t i = 0; i < N; i++) {
            assert_true(p[i].judged && p[i].figure == 0.0 && p[i].ids.size && p[i].ids.size <= 9);
            assert_int_equal(p[i].ids.size, first[i].ids.size);
            assert_memory_equal(p[i].ids.data, first[i].ids.data, p[i].ids.size * sizeof *p[i].ids.data);
            assert_string_equal(p[i].completion, first[i].completion);
        }
        if (k) thx_green_pairs_deinit(again, N);
    }
    thx_green_pairs_deinit(first, N);
    thx_engine_close(e);
}

/* A prompt that fills the room leaves its pair alone unjudged. */
static void too_long_is_told(void **state)
{
    thx_engine             *e = judge_engine("judge-llama");
    const thx_green_options o = { .max_new_tokens = 2 };
    char                   *digits = malloc(9001);
    const char             *both[] = { "Edema.", digits, "Edema." };
    thx_green_pair          p[3];
    thorax_error            err;

    (void)state;
    memset(digits, '7', 9000);
    digits[9000] = 0;
    assert_ok(thx_green_score(e, both, both, 3, &o, NULL, p, &err), err);
    assert_true(p[0].judged && !p[1].judged && p[2].judged);
    assert_true(isnan(p[1].figure));
    assert_int_equal(p[1].prompt_tokens, THX_GREEN_TOKENS);
    assert_null(p[1].completion);
    thx_green_pairs_deinit(p, 3);
    free(digits);
    thx_engine_close(e);
}

static bool stop_at_second(void *data, const char *what, size_t done, size_t total)
{
    (void)data, (void)total;
    return strcmp(what, "judge") || !done;
}

static void stops(void **state)
{
    thx_engine             *e = judge_engine("judge-phi");
    const thx_green_options o = { .at_once = 2, .max_new_tokens = 2 };
    const thx_progress      progress = { .step = stop_at_second };
    thx_green_pair          p[N];
    thorax_error            err;

    (void)state;
    assert_int_equal(thx_green_score(e, references, candidates, N, &o, &progress, p, &err), THORAX_CANCELLED);
    assert_true(p[0].judged && p[1].judged && !p[2].judged && !p[3].judged);
    thx_green_pairs_deinit(p, N);
    thx_engine_close(e);
}

static void models_for_films_are_refused(void **state)
{
    char                     folder[] = "/tmp/thorax-judge-XXXXXX", command[64];
    thx_checkpoint_options   c = thx_checkpoint_options_default();
    const thx_engine_options o = { .cpu_level = -1 };
    thx_engine              *e;
    thx_green_pair           p[N];
    thorax_error             err;

    (void)state;
    assert_non_null(mkdtemp(folder));
    c.arch = "tiny";
    assert_ok(thx_checkpoint_write(&c, folder, NULL, &err), err);
    assert_ok(thx_engine_open(&e, folder, &o, &err), err);
    assert_int_equal(thx_green_score(e, references, candidates, N, NULL, NULL, p, &err), THORAX_MODEL);
    assert_non_null(strstr(err.text, "language model alone"));
    thx_green_pairs_deinit(p, N);
    thx_engine_close(e);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(figures_do_not_depend_on_the_batch, (void *)"judge-llama"),
        cmocka_unit_test_prestate(figures_do_not_depend_on_the_batch, (void *)"judge-phi"),
        cmocka_unit_test(too_long_is_told),
        cmocka_unit_test(stops),
        cmocka_unit_test(models_for_films_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
