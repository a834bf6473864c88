/* Sampling rules on distributions that can be worked out by hand; the original's own numbers are
 * checked by tests/golden (radvlm-sampling). */
#include "check.h"
#include "engine/sample.h"

#include <math.h>

static const thx_generation_defaults nothing = { .temperature = NAN, .top_p = NAN, .min_p = NAN, .repetition_penalty = NAN, .top_k = -1 };
static const thx_sampling_request not_given = { .temperature = -1, .top_p = -1, .min_p = -1, .repetition_penalty = -1, .top_k = -1 };

static thx_sampler *open(thx_sampling s, size_t V)
{
    thx_sampler *sampler;
    thorax_error err;
    assert_ok(thx_sampler_open(&sampler, &s, V, &err), err);
    return sampler;
}

static void probs(thx_sampling s, const float *logits, float *out, size_t V)
{
    float copy[16];
    thx_sampler *sampler = open(s, V);
    memcpy(copy, logits, V * sizeof *copy);
    thx_sampler_probs(sampler, copy, out);
    thx_sampler_close(sampler);
}

static void greedy_takes_the_lowest_of_equals(void **state)
{
    float x[5] = { 1, 3, 3, 2, 3 };
    thx_sampler *s = open((thx_sampling){ .temperature = 1, .top_p = 1, .repetition_penalty = 1 }, 5);
    (void)state;
    assert_int_equal(thx_sampler_next(s, x), 1);
    thx_sampler_close(s);
}

static void penalty_counts_in_greedy_too(void **state)
{
    float x[3] = { 2, 1.5f, -1 };
    thx_sampler *s = open((thx_sampling){ .temperature = 1, .top_p = 1, .repetition_penalty = 2 }, 3);
    (void)state;
    thx_sampler_see(s, (const int32_t[]){ 0, 2, 2, 99, -5 }, 5);
    assert_int_equal(thx_sampler_next(s, x), 1);
    assert_float_equal(x[0], 1, 0);
    assert_float_equal(x[2], -2, 0);
    thx_sampler_close(s);
}

static void borders(void **state)
{
    const float x[4] = { logf(0.5f), logf(0.25f), logf(0.25f), logf(0.0001f) };
    thx_sampling s = { .sample = true, .temperature = 1, .top_p = 1, .repetition_penalty = 1 };
    float p[4];

    (void)state;
    s.top_k = 2; /* a tie at the border: both stay */
    probs(s, x, p, 4);
    assert_true(p[1] > 0 && p[2] > 0 && p[3] == 0);
    s.top_k = 0;
    s.top_p = 0.4; /* the largest always stays */
    probs(s, x, p, 4);
    assert_float_equal(p[0], 1, 1e-6);
    s.top_p = 0;
    probs(s, x, p, 4);
    assert_float_equal(p[0], 1, 1e-6);
    s.top_p = 1;
    s.min_p = 0.9;
    probs(s, x, p, 4);
    assert_true(p[0] == 1 && p[1] == 0);
}

static void draws_follow_the_probabilities_and_the_seed(void **state)
{
    const float logits[3] = { logf(0.7f), logf(0.2f), logf(0.1f) };
    const thx_sampling settings = { .sample = true, .temperature = 1, .top_p = 1, .repetition_penalty = 1, .seed = 42 };
    thx_sampler *a = open(settings, 3), *b = open(settings, 3);
    int count[3] = { 0 };

    (void)state;
    for (int i = 0; i < 10000; i++) {
        float x[3], y[3];
        memcpy(x, logits, sizeof x);
        memcpy(y, logits, sizeof y);
        const int32_t id = thx_sampler_next(a, x);
        assert_int_equal(id, thx_sampler_next(b, y));
        count[id]++;
    }
    assert_in_range(count[0], 6800, 7200);
    assert_in_range(count[1], 1850, 2150);
    thx_sampler_close(a);
    thx_sampler_close(b);
}

static void the_folder_fills_in_what_was_not_asked(void **state)
{
    const thx_generation_defaults folder = { .temperature = 0.7, .top_p = 0.8, .min_p = NAN, .repetition_penalty = 1.05, .top_k = 20 };
    thx_sampling_request r = not_given;
    thx_sampling s;
    thorax_error err;

    (void)state;
    assert_ok(thx_sampling_resolve(&s, &r, &folder, &err), err); /* the folder does not turn sampling on */
    assert_false(s.sample);
    assert_float_equal(s.repetition_penalty, 1.05, 1e-9);
    r.sample = true;
    assert_ok(thx_sampling_resolve(&s, &r, &folder, &err), err);
    assert_true(s.sample && s.top_k == 20 && s.top_p == 0.8 && s.temperature == 0.7 && s.seed != 0);
    assert_ok(thx_sampling_resolve(&s, &r, &nothing, &err), err);
    assert_true(s.top_k == 50 && s.top_p == 1 && s.temperature == 1);
    r.temperature = 0; /* greedy, said so */
    assert_ok(thx_sampling_resolve(&s, &r, &folder, &err), err);
    assert_false(s.sample);
    r.temperature = 0.5;
    r.sample = false;
    assert_ok(thx_sampling_resolve(&s, &r, &folder, &err), err);
    assert_true(s.sample);
    r.top_p = 1.5;
    assert_int_equal(thx_sampling_resolve(&s, &r, &folder, &err), THORAX_USAGE);
    r.top_p = -1;
    r.temperature = 1e9;
    assert_int_equal(thx_sampling_resolve(&s, &r, &folder, &err), THORAX_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greedy_takes_the_lowest_of_equals),
        cmocka_unit_test(penalty_counts_in_greedy_too),
        cmocka_unit_test(borders),
        cmocka_unit_test(draws_follow_the_probabilities_and_the_seed),
        cmocka_unit_test(the_folder_fills_in_what_was_not_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
