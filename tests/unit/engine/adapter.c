/* A LoRA on a base folder: merged, apart, left out, kept on disk; and what is refused. */
#include "check.h"
#include "engine/engine.h"
#include "model/quantize.h"
#include "synth/checkpoint.h"

#include <math.h>
#include <sys/stat.h>

static char root[] = "/tmp/thorax-adapter-XXXXXX", folder[64], kept[64], rounded[64];

static int setup(void **state)
{
    thx_checkpoint_options o = thx_checkpoint_options_default();
    thorax_error           err;

    (void)state;
    if (!mkdtemp(root)) return 1;
    snprintf(folder, sizeof folder, "%s/model", root);
    snprintf(kept, sizeof kept, "%s/kept", root);
    snprintf(rounded, sizeof rounded, "%s/rounded", root);
    o.arch = "llava-rad-tiny";
    o.seed = 3;
    return thx_checkpoint_write(&o, folder, NULL, &err) != THORAX_OK;
}

static int teardown(void **state)
{
    char command[96];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

static thx_engine_options options_of(thx_lora_use lora)
{
    return (thx_engine_options){ .precision = THX_EXACT, .threads = 2, .cpu_level = -1, .lora = lora };
}

typedef struct scores { float *of; size_t V; } scores;

static thorax_status take(void *data, const float *row, size_t n, thorax_error *err)
{
    scores *s = data;

    (void)err;
    s->V = n;
    s->of = malloc(n * sizeof *s->of);
    memcpy(s->of, row, n * sizeof *row);
    return THORAX_OK;
}

/* Scores of the first token, without the adapter where `plain`. */
static scores scores_with(const char *from, thx_engine_options o, bool plain)
{
    static const thx_message talk[] = { { "user", "Is the heart large?" } };
    thx_engine   *e;
    thx_session  *s;
    scores        out = { 0 };
    size_t        T, V;
    thorax_error  err;

    assert_ok(thx_engine_open(&e, from, &o, &err), err);
    assert_ok(thx_session_open(&s, e, NULL, &err), err);
    if (plain) assert_ok(thx_session_use_adapter(s, false, &err), err);
    assert_ok(thx_session_logits(s, talk, 1, false, NULL, &T, &V, NULL, take, &out, &err), err);
    thx_session_close(s);
    thx_engine_close(e);
    return out;
}

/* The greatest difference, as a share of the greatest score. */
static double apart(scores a, scores b)
{
    double top = 0.0, most = 0.0;

    assert_int_equal(a.V, b.V);
    for (size_t i = 0; i < a.V; i++) {
        top = fmax(top, fabs((double)a.of[i]));
        most = fmax(most, fabs((double)a.of[i] - (double)b.of[i]));
    }
    return most / top;
}

static void merged_apart_and_off(void **state)
{
    const scores merged = scores_with(folder, options_of(THX_LORA_MERGE), false),
                 beside = scores_with(folder, options_of(THX_LORA_KEEP), false),
                 off = scores_with(folder, options_of(THX_LORA_OFF), false),
                 plain = scores_with(folder, options_of(THX_LORA_KEEP), true);

    (void)state;
    assert_true(apart(merged, beside) < 1e-2); /* the sums are rounded to f16 */
    assert_true(apart(merged, beside) > 0);
    assert_true(apart(merged, off) > 2e-2);
    assert_true(apart(plain, off) == 0);
    free(merged.of), free(beside.of), free(off.of), free(plain.of);
}

/* One session, with and without: nothing of the other choice is left in what it holds. */
static void switched_in_a_session(void **state)
{
    static const thx_message talk[] = { { "user", "Is the heart large?" } };
    const thx_engine_options o = options_of(THX_LORA_KEEP);
    const scores with = scores_with(folder, o, false), without = scores_with(folder, o, true);
    thx_engine  *e;
    thx_session *s;
    size_t       T, V;
    thorax_error err;

    (void)state;
    assert_ok(thx_engine_open(&e, folder, &o, &err), err);
    assert_ok(thx_session_open(&s, e, NULL, &err), err);
    for (int i = 0; i < 4; i++) {
        scores got = { 0 };
        assert_ok(thx_session_use_adapter(s, i % 2 == 0, &err), err);
        assert_ok(thx_session_logits(s, talk, 1, false, NULL, &T, &V, NULL, take, &got, &err), err);
        assert_memory_equal(got.of, (i % 2 ? without : with).of, V * sizeof *got.of);
        free(got.of);
    }
    thx_session_close(s);
    thx_engine_close(e);
    free(with.of), free(without.of);
}

static void nothing_to_leave_out(void **state)
{
    const thx_engine_options o = options_of(THX_LORA_MERGE);
    thx_engine  *e;
    thx_session *s;
    thorax_error err;

    (void)state;
    assert_ok(thx_engine_open(&e, folder, &o, &err), err);
    assert_ok(thx_session_open(&s, e, NULL, &err), err);
    assert_int_equal(thx_session_use_adapter(s, false, &err), THORAX_USAGE);
    assert_ok(thx_session_use_adapter(s, true, &err), err);
    thx_session_close(s);
    thx_engine_close(e);
}

/* Written once, mapped the second time; the same bits, and no memory. */
static void kept_on_disk(void **state)
{
    thx_engine_options o = options_of(THX_LORA_MERGE);
    const scores       merged = scores_with(folder, o, false);
    thx_engine        *e;
    thx_plan           in_memory, mapped;
    thorax_error       err;

    (void)state;
    assert_ok(thx_engine_open(&e, folder, &o, &err), err);
    assert_ok(thx_engine_plan(&in_memory, e, 0, 0, 10, 10, &err), err);
    thx_engine_close(e);
    o.merged_cache = kept;
    for (int i = 0; i < 2; i++) {
        const scores again = scores_with(folder, o, false);
        assert_memory_equal(again.of, merged.of, merged.V * sizeof *merged.of);
        free(again.of);
    }
    assert_ok(thx_engine_open(&e, folder, &o, &err), err);
    assert_ok(thx_engine_plan(&mapped, e, 0, 0, 10, 10, &err), err);
    thx_engine_close(e);
    assert_true(mapped.weights_bytes < in_memory.weights_bytes / 4);
    free(merged.of);
}

static void planned_and_limited(void **state)
{
    thx_engine_options o = options_of(THX_LORA_MERGE);
    thx_engine  *e;
    thx_session *s;
    thx_plan     made, planned;
    thorax_error err;

    (void)state;
    assert_ok(thx_engine_open(&e, folder, &o, &err), err);
    assert_ok(thx_engine_plan(&made, e, 0, 0, 10, 10, &err), err);
    thx_engine_close(e);
    o.plan_only = true;
    assert_ok(thx_engine_open(&e, folder, &o, &err), err);
    assert_ok(thx_engine_plan(&planned, e, 0, 0, 10, 10, &err), err);
    assert_int_equal(thx_session_open(&s, e, NULL, &err), THORAX_USAGE);
    thx_engine_close(e);
    assert_int_equal(planned.weights_bytes, made.weights_bytes);
    o.plan_only = false;
    o.mem_limit_bytes = made.weights_bytes / 4;
    assert_int_equal(thx_engine_open(&e, folder, &o, &err), THORAX_NOMEM);
    assert_non_null(strstr(err.text, "--lora keep"));
    assert_non_null(strstr(err.text, "--merged-cache"));
}

/* Rounding the folder and rounding at opening are the same. */
static void rounded_either_way(void **state)
{
    thx_engine_options o = options_of(THX_LORA_MERGE);
    thorax_error       err;

    (void)state;
    assert_ok(thx_model_quantize(folder, NULL, rounded, THX_Q8, 2, NULL, &err), err);
    const scores stored = scores_with(rounded, o, false);
    o.type = THX_Q8;
    const scores opened = scores_with(folder, o, false);
    assert_memory_equal(stored.of, opened.of, opened.V * sizeof *opened.of);
    free(stored.of), free(opened.of);
}

/* ---- What would not take effect is refused ---- */

static void change(const char *sed, const char *file)
{
    char command[512];

    snprintf(command, sizeof command, "rm -rf %s/broken && cp -r %s %s/broken && LC_ALL=C sed -i '%s' %s/broken/%s", root, folder, root, sed,
             root, file);
    assert_int_equal(system(command), 0);
}

static void refused(const char *sed, const char *file, const char *says)
{
    const thx_engine_options o = options_of(THX_LORA_MERGE);
    char         path[96];
    thx_engine  *e;
    thorax_error err;

    change(sed, file);
    snprintf(path, sizeof path, "%s/broken", root);
    assert_int_equal(thx_engine_open(&e, path, &o, &err), THORAX_MODEL);
    if (!strstr(err.text, says)) fail_msg("'%s' does not say '%s'", err.text, says);
}

static void adapters_that_do_not_fit(void **state)
{
    (void)state;
    refused("s/\"r\": *[0-9]*/\"r\": 4/", "adapter_config.json", "does not fit");
    refused("s/\"lora_alpha\": *[0-9]*/\"lora_alpha\": 0/", "adapter_config.json", "adds nothing");
    refused("s/\"LORA\"/\"IA3\"/", "adapter_config.json", "peft_type");
    refused("s/\"bias\": *\"none\"/\"bias\": \"all\"/", "adapter_config.json", "bias");
    refused("s/\"base\"/\"elsewhere\"/", "*config.json", "--base");
    refused("s/base_model\\.model\\.\\(model\\.layers\\.1\\.self_attn\\.q_proj\\)/optimizer.state..\\1/", "adapter_model.bin", "no pair");
    refused("s/base_model\\.model\\.\\(model\\.layers\\)/optimizer.state..\\1/g", "adapter_model.bin", "would not take effect");
    refused("s/\"num_hidden_layers\": *[0-9]*/\"num_hidden_layers\": 1/", "config.json", "would not take effect");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merged_apart_and_off), cmocka_unit_test(switched_in_a_session),
        cmocka_unit_test(nothing_to_leave_out), cmocka_unit_test(kept_on_disk),
        cmocka_unit_test(planned_and_limited),  cmocka_unit_test(rounded_either_way),
        cmocka_unit_test(adapters_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
