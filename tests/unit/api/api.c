/* The public header on a tiny random checkpoint: every documented status, and what results hold. */
#include "check.h"
#include "base/file.h"
#include "synth/checkpoint.h"
#include "thorax.h"

#include <jansson.h>

static char folder[] = "/tmp/thorax-api-XXXXXX";
static thorax_model *model;
static thorax_film *film;

enum { W = 60, H = 40 };

static int setup(void **state)
{
    thx_checkpoint_options o = thx_checkpoint_options_default();
    unsigned char samples[W * H];
    thorax_error err;

    (void)state;
    for (size_t i = 0; i < sizeof samples; i++) samples[i] = (unsigned char)(i * 31 % 241);
    if (!mkdtemp(folder)) return 1;
    o.arch = "tiny";
    o.seed = 3;
    thorax_status st = thx_checkpoint_write(&o, folder, NULL, &err);
    if (!st) st = thorax_model_open(&model, folder, NULL, &err);
    if (!st) st = thorax_film_from_samples(&film, samples, W, H, 1, 1, "made up", NULL, &err);
    if (st) print_error("%s\n", err.text);
    return st != THORAX_OK;
}

static int teardown(void **state)
{
    char command[80];

    (void)state;
    thorax_film_close(film);
    thorax_model_close(model);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static thorax_session *open_session(const thorax_film *f)
{
    thorax_session *s;
    thorax_error err;
    assert_ok(thorax_session_open(&s, model, f, &err), err);
    return s;
}

static thorax_options few_tokens(void)
{
    thorax_options o = thorax_options_default();
    o.max_new_tokens = 4;
    return o;
}

static const thorax_message question = { "user", "Where is the heart?" };

/* ---- Models ---- */

static thorax_status open_with(thorax_model_options o)
{
    thorax_model *m;
    thorax_error err;
    const thorax_status st = thorax_model_open(&m, folder, &o, &err);

    if (st) assert_null(m);
    thorax_model_close(m);
    return st;
}

static void model_options_are_checked(void **state)
{
    thorax_model_options o = thorax_model_options_default();

    (void)state;
    assert_int_equal(open_with(o), THORAX_OK);
    o.precision = "f16";
    assert_int_equal(open_with(o), THORAX_USAGE);
    o = thorax_model_options_default();
    o.compat = "transformers-3";
    assert_int_equal(open_with(o), THORAX_USAGE);
    o = thorax_model_options_default();
    o.cpu = "abacus";
    assert_int_equal(open_with(o), THORAX_USAGE);
    o = thorax_model_options_default();
    o.threads = -1;
    assert_int_equal(open_with(o), THORAX_USAGE);
}

static void a_folder_that_is_none(void **state)
{
    thorax_model *m;
    thorax_error err;

    (void)state;
    assert_int_equal(thorax_model_open(&m, "/no/such/folder", NULL, &err), THORAX_MODEL);
    assert_non_null(strstr(err.text, "/no/such/folder"));
    assert_null(m);
    thorax_model_close(NULL);
}

static void a_model_says_what_it_is(void **state)
{
    (void)state;
    assert_string_equal(thorax_model_family(model), "llava-onevision");
    assert_int_equal(strlen(thorax_model_identity(model)), 64);
    assert_true(thorax_model_ctx_tokens(model) > 0);
}

/* ---- Films ---- */

static void films_are_checked(void **state)
{
    const unsigned char samples[16] = { 0 };
    thorax_film_options o = thorax_film_options_default();
    thorax_film *f;
    thorax_error err;

    (void)state;
    assert_int_equal(thorax_film_open(&f, "/no/such/film.png", NULL, &err), THORAX_IO);
    assert_int_equal(thorax_film_decode(&f, "no film", 7, "text", NULL, &err), THORAX_FILM);
    assert_non_null(strstr(err.text, "text"));
    assert_null(f);
    o.profile = "bright";
    assert_int_equal(thorax_film_from_samples(&f, samples, 4, 4, 1, 1, "x", &o, &err),
                     THORAX_USAGE);
    assert_int_equal(thorax_film_from_samples(&f, samples, 4, 2, 2, 1, "x", NULL, &err),
                     THORAX_USAGE);
    assert_int_equal(thorax_film_from_samples(&f, samples, 2, 2, 1, 4, "x", NULL, &err),
                     THORAX_USAGE);
    o = thorax_film_options_default();
    o.max_side_px = 3;
    assert_int_equal(thorax_film_from_samples(&f, samples, 4, 4, 1, 1, "x", &o, &err), THORAX_FILM);
    thorax_film_close(NULL);
}

static void a_film_says_its_size_and_cost(void **state)
{
    uint32_t tokens;
    thorax_plan plan;
    thorax_error err;

    (void)state;
    assert_int_equal(thorax_film_width(film), W);
    assert_int_equal(thorax_film_height(film), H);
    assert_int_equal(strlen(thorax_film_sha256(film)), 64);
    assert_ok(thorax_film_tokens(&tokens, model, film, &err), err);
    assert_ok(thorax_model_plan(&plan, model, film, 10, 20, &err), err);
    assert_int_equal(plan.image_tokens, tokens);
    assert_int_equal(plan.tokens, tokens + 30);
    assert_true(plan.peak_bytes > 0 && plan.weights_mapped_bytes > 0);
}

/* ---- Conversations ---- */

static thorax_status chat(const thorax_message *m, size_t n, const thorax_options *o,
                          thorax_error *err)
{
    thorax_session *s = open_session(NULL);
    thorax_result *r;
    const thorax_status st = thorax_chat(&r, s, m, n, o, err);

    if (st) assert_null(r);
    thorax_result_close(r);
    thorax_session_close(s);
    return st;
}

static void messages_are_checked(void **state)
{
    static const thorax_message bad[][2] = {
        { { "doctor", "a" }, { "user", "b" } },   { { "user", "a" }, { "assistant", "b" } },
        { { "user", "a\xff" }, { "user", "b" } }, { { "user", NULL }, { "user", "b" } },
        { { NULL, "a" }, { "user", "b" } },
    };
    thorax_options o = few_tokens();
    thorax_error err;

    (void)state;
    assert_int_equal(chat(NULL, 0, &o, &err), THORAX_USAGE);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(chat(bad[i], 2, &o, &err), THORAX_USAGE);
    o.system = "Be brief.";
    const thorax_message twice[] = { { "system", "a" }, { "user", "b" } };
    assert_int_equal(chat(twice, 2, &o, &err), THORAX_USAGE);
    o.system = "\xc0";
    assert_int_equal(chat(&question, 1, &o, &err), THORAX_USAGE);
    o = few_tokens();
    o.top_p = 2;
    o.sample = true;
    assert_int_equal(chat(&question, 1, &o, &err), THORAX_USAGE);
}

static void the_system_option_is_a_system_turn(void **state)
{
    const thorax_message turns[] = { { "system", "Be brief." }, question };
    thorax_options o = few_tokens();
    thorax_session *s = open_session(NULL);
    thorax_result *a, *b;
    thorax_error err;

    (void)state;
    assert_ok(thorax_chat(&a, s, turns, 2, &o, &err), err);
    o.system = "Be brief.";
    assert_ok(thorax_chat(&b, s, &question, 1, &o, &err), err);
    assert_string_equal(thorax_result_text(a), thorax_result_text(b));
    assert_int_equal(thorax_result_usage(a).prompt_tokens, thorax_result_usage(b).prompt_tokens);
    thorax_result_close(a);
    thorax_result_close(b);
    thorax_session_close(s);
}

static void a_second_question_costs_its_own_tokens(void **state)
{
    thorax_options o = few_tokens();
    thorax_session *s = open_session(film);
    thorax_result *first, *second;
    thorax_error err;

    (void)state;
    assert_ok(thorax_chat(&first, s, &question, 1, &o, &err), err);
    const thorax_message turns[] = { question,
                                     { "assistant", thorax_result_text(first) },
                                     { "user", "And the lungs?" } };
    assert_ok(thorax_chat(&second, s, turns, 3, &o, &err), err);
    const thorax_usage a = thorax_result_usage(first), b = thorax_result_usage(second);
    assert_int_equal(a.cached_tokens, 0);
    assert_true(b.cached_tokens >= a.image_tokens && b.prompt_tokens > b.cached_tokens);
    assert_int_equal(a.image_tokens, b.image_tokens);
    thorax_result_close(first);
    thorax_result_close(second);
    thorax_session_close(s);
}

static bool never(void *data, const char *what, size_t done, size_t total)
{
    (void)what, (void)done, (void)total;
    ++*(int *)data;
    return false;
}

static bool enough(void *data, const char *text, size_t size)
{
    (void)text, (void)size;
    return ++*(int *)data < 2;
}

static void stopping(void **state)
{
    int calls = 0;
    thorax_options o = few_tokens();
    thorax_session *s = open_session(film);
    thorax_result *r;
    thorax_error err;

    (void)state;
    o.on_progress = never;
    o.data = &calls;
    assert_int_equal(thorax_chat(&r, s, &question, 1, &o, &err), THORAX_CANCELLED);
    assert_null(r);
    assert_true(calls > 0);
    o = few_tokens(); /* the session is as usable as before; stopping in the answer is no error */
    o.max_new_tokens = 40;
    o.ignore_eos = true;
    o.on_text = enough;
    o.data = &calls;
    calls = 0;
    assert_ok(thorax_chat(&r, s, &question, 1, &o, &err), err);
    assert_false(thorax_result_complete(r));
    assert_true(thorax_result_usage(r).completion_tokens < 40);
    thorax_result_close(r);
    thorax_session_close(s);
}

/* ---- Tasks ---- */

static void tasks_need_a_film(void **state)
{
    thorax_session *s = open_session(NULL);
    thorax_result *r;
    thorax_error err;

    (void)state;
    assert_int_equal(thorax_report(&r, s, NULL, &err), THORAX_USAGE);
    assert_int_equal(thorax_classify(&r, s, NULL, &err), THORAX_USAGE);
    assert_int_equal(thorax_ground(&r, s, "heart", THORAX_GROUND_AUTO, NULL, &err), THORAX_USAGE);
    assert_null(r);
    thorax_session_close(s);
}

static void phrases_are_checked(void **state)
{
    thorax_session *s = open_session(film);
    thorax_result *r;
    thorax_options o = few_tokens();
    thorax_error err;

    (void)state;
    assert_int_equal(thorax_ground(&r, s, "", THORAX_GROUND_AUTO, &o, &err), THORAX_USAGE);
    assert_int_equal(thorax_ground(&r, s, " \n", THORAX_GROUND_AUTO, &o, &err), THORAX_USAGE);
    assert_int_equal(thorax_ground(&r, s, NULL, THORAX_GROUND_AUTO, &o, &err), THORAX_USAGE);
    assert_int_equal(thorax_ground(&r, s, "a\xff", THORAX_GROUND_AUTO, &o, &err), THORAX_USAGE);
    assert_int_equal(thorax_ground_all(&r, s, NULL, 0, THORAX_GROUND_AUTO, &o, &err), THORAX_USAGE);
    o.wording = "";
    assert_int_equal(thorax_report(&r, s, &o, &err), THORAX_USAGE);
    thorax_session_close(s);
}

static void tasks_ask_the_familys_question_or_the_callers(void **state)
{
    thorax_session *s = open_session(film);
    thorax_options o = few_tokens();
    thorax_result *ground, *same, *report;
    size_t n;
    thorax_error err;

    (void)state;
    assert_ok(thorax_report(&report, s, &o, &err), err);
    assert_string_equal(thorax_result_task(report), "report");
    thorax_result_findings(report, &n);
    assert_int_equal(n, 14);
    o.wording = "Where is the {}? The {}!";
    assert_ok(thorax_ground(&ground, s, "heart", THORAX_GROUND_AUTO, &o, &err), err);
    o.wording = NULL;
    assert_ok(thorax_chat(&same, s, &(thorax_message){ "user", "Where is the heart? The heart!" },
                          1, &o, &err),
              err);
    assert_string_equal(thorax_result_text(ground), thorax_result_text(same));
    assert_int_equal(thorax_result_usage(ground).prompt_tokens,
                     thorax_result_usage(same).prompt_tokens);
    thorax_result_close(ground);
    thorax_result_close(same);
    thorax_result_close(report);
    thorax_session_close(s);
}

static void json_is_one_line_and_says_where_it_comes_from(void **state)
{
    const char *phrases[] = { "heart", "There is a small nodule." };
    thorax_session *s = open_session(film);
    thorax_options o = few_tokens();
    thorax_result *r;
    thorax_error err;

    (void)state;
    assert_ok(thorax_ground_all(&r, s, phrases, 2, THORAX_GROUND_AUTO, &o, &err), err);
    const char *line = thorax_result_json(r);
    assert_null(strchr(line, '\n'));
    assert_ptr_equal(line, thorax_result_json(r));
    json_t *j = json_loads(line, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(j, "schema")), 1);
    const json_t *f = json_object_get(j, "film"), *p = json_object_get(j, "provenance");
    assert_string_equal(json_string_value(json_object_get(f, "path")), "made up");
    assert_string_equal(json_string_value(json_object_get(f, "sha256")), thorax_film_sha256(film));
    assert_string_equal(json_string_value(json_object_get(p, "model")),
                        thorax_model_identity(model));
    assert_string_equal(json_string_value(json_array_get(json_object_get(p, "types"), 0)), "F16");
    assert_string_equal(json_string_value(json_object_get(j, "notice")), thorax_notice());
    json_decref(j);
    thorax_result_close(r);
    thorax_session_close(s);
}

static void an_overlay_is_written_or_not_at_all(void **state)
{
    char path[80];
    thorax_session *s = open_session(film);
    thorax_options o = few_tokens();
    thorax_result *r;
    thorax_film *back;
    thorax_error err;

    (void)state;
    assert_ok(thorax_ground(&r, s, "heart", THORAX_GROUND_AUTO, &o, &err), err);
    snprintf(path, sizeof path, "%s/overlay.png", folder);
    assert_ok(thorax_result_overlay(r, film, path, &err), err);
    assert_ok(thorax_film_open(&back, path, NULL, &err), err);
    assert_int_equal(thorax_film_width(back), W);
    assert_int_equal(thorax_film_height(back), H);
    thorax_film_close(back);
    assert_int_equal(thorax_result_overlay(r, film, "/no/such/folder/o.png", &err), THORAX_IO);
    thorax_result_close(r);
    thorax_session_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(model_options_are_checked),
        cmocka_unit_test(a_folder_that_is_none),
        cmocka_unit_test(a_model_says_what_it_is),
        cmocka_unit_test(films_are_checked),
        cmocka_unit_test(a_film_says_its_size_and_cost),
        cmocka_unit_test(messages_are_checked),
        cmocka_unit_test(the_system_option_is_a_system_turn),
        cmocka_unit_test(a_second_question_costs_its_own_tokens),
        cmocka_unit_test(stopping),
        cmocka_unit_test(tasks_need_a_film),
        cmocka_unit_test(phrases_are_checked),
        cmocka_unit_test(tasks_ask_the_familys_question_or_the_callers),
        cmocka_unit_test(json_is_one_line_and_says_where_it_comes_from),
        cmocka_unit_test(an_overlay_is_written_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
