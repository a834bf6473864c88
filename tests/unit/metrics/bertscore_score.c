/* BERTScore over a folder: windows change no bit, empty texts are counted, what cannot be scored is refused. */
#include "check.h"

#include "metrics/bertscore.h"

enum { N = 5 };

static const char *const hyps[N] = { "Lungs are clear.", "", "Small effusion.", "Lungs are clear.", NULL };
static const char *const refs[N] = { "The lungs are clear.", "No effusion.", " \n", "Lungs  are clear.", "" };

static thx_ctx          *ctx;
static thx_text_encoder *encoder;

static void open_encoder(const char *name)
{
    const thx_text_encoder_options o = { .layers = 3 };
    const char                    *folder = shared_path(name);
    thorax_error                   err;

    assert_ok(thx_cpu_open(&ctx, thx_cpu_level(), THX_EXACT, 2, &err), err);
    assert_ok(thx_text_encoder_open(&encoder, ctx, folder, &o, &err), err);
}

static int teardown(void **state)
{
    (void)state;
    thx_text_encoder_close(encoder);
    thx_cpu_close(ctx);
    encoder = NULL;
    ctx = NULL;
    return 0;
}

static void windows_change_no_bit(void **state)
{
    const thx_pairs        pairs = { hyps, refs, NULL, N };
    thx_bertscore_settings s = { .layer = 3, .idf = true, .batch_size = 2 };
    thx_bertscore          whole[N], cut[N];
    thx_bertscore_total    total;
    thorax_error           err;

    (void)state;
    open_encoder("golden/bert-distil-like/model");
    assert_ok(thx_bertscore_score(encoder, &s, &pairs, whole, &total, NULL, &err), err);
    assert_int_equal(total.empty, 3);
    s.memory_bytes = 1;
    assert_ok(thx_bertscore_score(encoder, &s, &pairs, cut, NULL, NULL, &err), err);
    assert_memory_equal(whole, cut, sizeof whole);
    assert_true(whole[1].f == 0 && whole[2].f == 0 && whole[4].f == 0 && whole[0].f > 0);
    assert_true(whole[3].f > 0.999f); /* word pieces do not see the second blank */
}

/* A tokenizer that adds nothing to an empty text: there is nothing to encode, and nothing to divide by. */
static void texts_without_ids(void **state)
{
    const char *const            empty[2] = { "", " " };
    const thx_bertscore_settings s = { .layer = 3, .idf = true };
    thx_bertscore                out[N];
    thx_bertscore_total          total;
    thorax_error                 err;

    (void)state;
    open_encoder("golden/bert-modern-like/model");
    assert_ok(thx_bertscore_score(encoder, &s, &(thx_pairs){ hyps, refs, NULL, N }, out, &total, NULL, &err), err);
    assert_int_equal(total.empty, 3);
    assert_true(out[0].f > 0 && out[1].p == 0 && out[2].r == 0 && out[4].f == 0);
    assert_ok(thx_bertscore_score(encoder, &s, &(thx_pairs){ empty, empty, NULL, 2 }, out, &total, NULL, &err), err);
    assert_true(total.empty == 2 && total.mean.f == 0);
}

static void several_references(void **state)
{
    const size_t                 counts[2] = { 2, 3 };
    const char *const            two[2] = { hyps[0], hyps[2] };
    const thx_pairs              pairs = { two, refs, counts, 2 };
    const thx_bertscore_settings s = { .layer = 2, .batch_size = 1 };
    thx_bertscore                best[2], one[N];
    thorax_error                 err;

    (void)state;
    open_encoder("golden/bert-distil-like/model");
    assert_ok(thx_bertscore_score(encoder, &s, &pairs, best, NULL, NULL, &err), err);
    for (size_t i = 0; i < N; i++)
        assert_ok(thx_bertscore_score(encoder, &s, &(thx_pairs){ &two[i >= 2], refs + i, NULL, 1 }, &one[i], NULL, NULL,
                                      &err), err);
    for (size_t i = 0, first = 0; i < 2; first += counts[i++]) {
        const thx_bertscore want = thx_bertscore_best(one + first, counts[i]);
        assert_memory_equal(&want, &best[i], sizeof want);
    }
}

static bool stop(void *data, const char *what, size_t done, size_t total)
{
    (void)what, (void)done, (void)total;
    ++*(unsigned *)data;
    return false;
}

static void refuses(void **state)
{
    const thx_pairs              pairs = { hyps, refs, NULL, N }, nothing = { 0 };
    const thx_bertscore_settings s = { .layer = 3 }, deep = { .layer = 4 };
    thx_bertscore                out[N];
    unsigned                     calls = 0;
    const thx_progress           progress = { stop, &calls };
    thorax_error                 err;

    (void)state;
    open_encoder("golden/bert-distil-like/model");
    assert_int_equal(thx_bertscore_score(encoder, &s, &nothing, out, NULL, NULL, &err), THORAX_USAGE);
    assert_int_equal(thx_bertscore_score(encoder, &deep, &pairs, out, NULL, NULL, &err), THORAX_USAGE);
    assert_int_equal(thx_bertscore_score(encoder, &s, &pairs, out, NULL, &progress, &err), THORAX_CANCELLED);
    assert_int_equal(calls, 1);
}

static void presets(void **state)
{
    (void)state;
    for (size_t i = 0; thx_bertscore_presets[i]; i++) {
        const thx_bertscore_settings *s = thx_bertscore_preset(thx_bertscore_presets[i]);
        assert_non_null(s);
        assert_string_equal(s->name, thx_bertscore_presets[i]);
        assert_non_null(thx_bertscore_baseline(s->model, s->layer));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(windows_change_no_bit, teardown),
        cmocka_unit_test_teardown(texts_without_ids, teardown),
        cmocka_unit_test_teardown(several_references, teardown),
        cmocka_unit_test_teardown(refuses, teardown),
        cmocka_unit_test(presets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
