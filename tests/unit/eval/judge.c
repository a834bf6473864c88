/* Judges: prompts, readers, what fails and what is asked again; a service that misbehaves, and our own engine. */
#include "check.h"

#include "eval/judge.h"
#include "stub/stub.h"

#include <dirent.h>
#include <math.h>

static const char green_says[] =
    "[Explanation]:\n    One finding is missing.\n\n"
    "[Clinically Significant Errors]:\n    (b) Missing a finding: 1. Effusion is not mentioned.\n\n"
    "[Clinically Insignificant Errors]:\n    No.\n\n[Matched Findings]:\n    3. Heart, lungs, bones.";
static const char chexprompt_says[] =
    "Number of clinically significant errors by type: [(A, 1), (B, 2), (C, 0), (D, 0), (E, 0), (F, 0)]\n"
    "Number of clinically insignificant errors by type: [(A, 0), (B, 0), (C, 0), (D, 1), (E, 0), (F, 0)]";

static thx_judge_options options_for(const char *judge, stub *s)
{
    thx_judge_options o = thx_judge_options_default();

    o.judge = judge;
    o.chat.url = stub_url(s);
    o.chat.model = "m";
    o.chat.wait_s = 0.002;
    o.chat.wait_max_s = 0.02;
    o.chat.idle_s = o.chat.total_s = 5;
    o.chat.tries = 3;
    return o;
}

static void green_counts_what_a_service_says(void **state)
{
    static const thx_judge_item items[] = {
        { .reference = "Effusion.", .candidate = "Clear." },
        { .reference = NULL, .candidate = "Clear." },
        { .reference = "", .candidate = "MOVES:bad;" },
        { .reference = "x MOVES:refusal;", .candidate = "y" },
        { .reference = "x MOVES:broken,ok;", .candidate = "y" },
        { .reference = "x MOVES:500;", .candidate = "y" },
    };
    stub              *s = stub_start("ok", green_says);
    thx_judge_options  o = options_for("green", s);
    thx_judge_result   r;
    thorax_error       err;

    (void)state;
    assert_ok(thx_judge_run(&r, &o, items, 6, NULL, &err), err);
    assert_int_equal(r.n, 6);
    assert_int_equal(r.rated, 2);
    assert_true(r.records[0].rated && r.records[0].score == 0.75);
    assert_true(r.records[0].significant[1] == 1 && r.records[0].matched == 3);
    assert_true(r.mean == 0.75);
    assert_non_null(strstr(r.records[1].why, "no reference"));
    assert_int_equal(r.records[2].state, THX_CHAT_UNUSABLE);
    assert_int_equal(r.records[3].state, THX_CHAT_REFUSED);
    assert_true(r.records[4].rated);
    assert_int_equal(r.records[5].state, THX_CHAT_FAILED);
    assert_true(isnan(r.records[5].score));
    for (size_t i = 0; i < 6; i++) assert_null(strstr(r.records[i].why, "MOVES"));
    assert_string_equal(r.signature.metric, "green");
    assert_string_equal(r.signature.answered_by, "stub-1");
    assert_string_equal(r.signature.settings, "temperature 0, max_tokens 1024");
    assert_string_equal(r.signature.cloud_reason, "");
    thx_judge_result_deinit(&r);
    stub_stop(s);
}

static void chexprompt_without_examples_has_another_name(void **state)
{
    static const thx_judge_item items[] = { { .reference = "a", .candidate = "b" },
                                            { .reference = "c MOVES:cut,cut;", .candidate = "d" } };
    stub              *s = stub_start("ok", chexprompt_says);
    thx_judge_options  o = options_for("chexprompt", s);
    thx_judge_result   r;
    thorax_error       err;

    (void)state;
    assert_ok(thx_judge_run(&r, &o, items, 2, NULL, &err), err);
    assert_int_equal(r.rated, 2); /* cut or not: the lists are whole */
    assert_true(r.mean == 4 && r.records[0].significant[1] == 2 && r.records[0].insignificant[3] == 1);
    assert_string_equal(r.signature.metric, "chexprompt-style");
    assert_string_equal(r.signature.settings, "temperature 0, top_p 0.9, max_tokens 128");
    assert_non_null(strstr(stub_last(s), "You are an expert radiologist"));
    json_t *sum = thx_judge_summary_json(&r), *one = thx_judge_record_json(&r, 0);
    const json_t *means = json_object_get(sum, "clinically_significant");
    const json_t *counts = json_object_get(one, "clinically_significant");
    assert_true(json_number_value(json_object_get(means, "omission_finding")) == 2);
    assert_true(json_number_value(json_object_get(sum, "share_without_significant")) == 0);
    assert_int_equal(json_integer_value(json_object_get(counts, "omission_finding")), 2);
    json_decref(sum);
    json_decref(one);
    thx_judge_result_deinit(&r);
    o.examples = source_path("README.md");
    assert_int_equal(thx_judge_run(&r, &o, items, 2, NULL, &err), THORAX_FORMAT);
    thx_judge_result_deinit(&r);
    o.examples = "/nowhere";
    assert_int_equal(thx_judge_run(&r, &o, items, 2, NULL, &err), THORAX_IO);
    thx_judge_result_deinit(&r);
    stub_stop(s);
}

/* ---- Conversations ---- */

static const thx_judge_round rounds[] = { { "Is there fluid?", "Yes, on the left.", "A small effusion." },
                                          { "Where?", "Left.", "At the base." } };

static void conversations_get_scores(void **state)
{
    const thx_judge_item items[] = {
        { .reference = "Left effusion.", .labels = "Pleural Effusion", .view = "PA", .gender = "female",
          .boxes = "Effusion: [0.50, 0.60, 0.70, 0.80]", .rounds = rounds, .n_rounds = 2 },
        { .rounds = rounds, .n_rounds = 0 },
    };
    stub              *s = stub_start("ok", "Round 1: fine. Overall score: 5/10\nIn all:\noverall SCORE: 8/10");
    thx_judge_options  o = options_for("radvlm", s);
    thx_judge_result   r;
    thorax_error       err;

    (void)state;
    assert_ok(thx_judge_run(&r, &o, items, 2, NULL, &err), err);
    assert_int_equal(r.rated, 1);
    assert_int_equal(r.records[0].n_scores, 2);
    assert_true(r.mean == 6.5);
    assert_non_null(strstr(r.records[1].why, "no conversation"));
    static const char *const order[] = { "Report: Left",    "Findings: Pleural", "View: PA", "Gender: female",
                                         "[0.50, 0.60",     "Round 1",           "Is there fluid?", "Yes, on",
                                         "A small",         "Round 2",           "Overall score: <score>/10" };
    const char *at = stub_last(s);
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (!(at = strstr(at, order[i]))) fail_msg("%s does not come where it should", order[i]);
    thx_judge_result_deinit(&r);
    o.last_score = true;
    assert_ok(thx_judge_run(&r, &o, items, 2, NULL, &err), err);
    assert_true(r.mean == 8);
    assert_non_null(strstr(r.signature.settings, "last score"));
    thx_judge_result_deinit(&r);
    stub_stop(s);
}

/* ---- Runs that are repeated ---- */

static void clean(const char *folder)
{
    DIR           *dir = opendir(folder);
    struct dirent *d;
    char           path[512];

    while ((d = readdir(dir))) {
        snprintf(path, sizeof path, "%s/%s", folder, d->d_name);
        unlink(path);
    }
    closedir(dir);
    rmdir(folder);
}

static void failures_alone_are_asked_again(void **state)
{
    static const thx_judge_item items[] = { { .reference = "a", .candidate = "b" },
                                            { .reference = "MOVES:bad,bad,ok;", .candidate = "b" },
                                            { .reference = "MOVES:empty,ok;", .candidate = "b" } };
    char              folder[] = "/tmp/thx-judge-XXXXXX";
    stub             *s = stub_start("ok", green_says);
    thx_judge_options o = options_for("green", s);
    thx_judge_result  r;
    thorax_error      err;

    (void)state;
    assert_non_null(mkdtemp(folder));
    o.chat.answers = folder;
    for (size_t run = 0; run < 3; run++) {
        static const size_t requests[] = { 4, 6, 6 }, rated[] = { 1, 3, 3 }, kept[] = { 0, 1, 3 };
        assert_ok(thx_judge_run(&r, &o, items, 3, NULL, &err), err);
        assert_int_equal(stub_requests(s), requests[run]);
        assert_int_equal(r.rated, rated[run]);
        assert_int_equal(r.account.kept, kept[run]);
        thx_judge_result_deinit(&r);
    }
    clean(folder);
    stub_stop(s);
}

static void what_stops_a_run_leaves_what_was_rated(void **state)
{
    static const thx_judge_item items[] = { { .reference = "a", .candidate = "b" },
                                            { .reference = "MOVES:401;", .candidate = "b" },
                                            { .reference = "c", .candidate = "d" } };
    stub              *s = stub_start("ok", green_says);
    thx_judge_options  o = options_for("green", s);
    thx_judge_result   r;
    thorax_error       err;

    (void)state;
    o.chat.in_flight = 1;
    assert_int_equal(thx_judge_run(&r, &o, items, 3, NULL, &err), THORAX_IO);
    assert_int_equal(r.rated, 1);
    assert_int_equal(r.records[2].state, THX_CHAT_UNASKED);
    json_t *sum = thx_judge_summary_json(&r);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(sum, "failures"), "UNASKED")), 2);
    json_decref(sum);
    thx_judge_result_deinit(&r);
    o.chat.price_prompt = o.chat.price_completion = 1;
    o.chat.max_cost = 0.0025; /* one question: 1024 tokens, about 2000 bytes */
    assert_ok(thx_judge_run(&r, &o, items, 1, NULL, &err), err);
    assert_true(r.account.stopped && r.rated == 0);
    thx_judge_result_deinit(&r);
    stub_stop(s);
}

static void options_are_checked(void **state)
{
    static const thx_judge_item item = { .reference = "a", .candidate = "b" };
    thx_judge_options           o = thx_judge_options_default();
    thx_judge_result            r;
    thorax_error                err;

    (void)state;
    assert_int_equal(thx_judge_run(&r, &o, &item, 1, NULL, &err), THORAX_USAGE);
    thx_judge_result_deinit(&r);
    o.judge = "green";
    assert_int_equal(thx_judge_run(&r, &o, &item, 1, NULL, &err), THORAX_USAGE);
    thx_judge_result_deinit(&r);
    o.chat.url = "https://api.example.org";
    o.chat.model = "m";
    assert_int_equal(thx_judge_run(&r, &o, &item, 1, NULL, &err), THORAX_USAGE);
    assert_non_null(strstr(err.text, "public address"));
    thx_judge_result_deinit(&r);
    o.chat.url = NULL;
    o.folder = "/nowhere";
    assert_int_not_equal(thx_judge_run(&r, &o, &item, 1, NULL, &err), THORAX_OK);
    thx_judge_result_deinit(&r);
}

/* ---- Our own engine ---- */

static bool never(void *data, const char *what, size_t done, size_t total)
{
    (void)data, (void)what, (void)done, (void)total;
    return false;
}

static void a_folder_answers_too(void **state)
{
    static const thx_judge_item items[] = { { .reference = "Effusion.", .candidate = "Clear." },
                                            { .reference = NULL, .candidate = "x" },
                                            { .reference = "Heart enlarged.", .candidate = "Heart normal." } };
    const char        *model = shared_path("golden/judge-llama/model");
    char               folder[] = "/tmp/thx-judge-XXXXXX";
    thx_judge_options  o = thx_judge_options_default();
    const thx_progress stop = { .step = never };
    thx_judge_result   r;
    thorax_error       err;

    (void)state;
    assert_non_null(mkdtemp(folder));
    o.judge = "green";
    o.folder = model;
    o.precision = "f32";
    o.chat.answers = folder;
    for (size_t run = 0; run < 2; run++) {
        assert_ok(thx_judge_run(&r, &o, items, 3, NULL, &err), err);
        assert_int_equal(r.rated, 2);
        assert_int_equal(r.account.kept, run * 2);
        assert_true(r.mean == 0 && r.records[2].kept == (run == 1)); /* random weights match nothing */
        assert_string_equal(r.signature.endpoint, "engine");
        assert_int_equal(strlen(r.signature.model), 64);
        thx_judge_result_deinit(&r);
    }
    assert_int_equal(thx_judge_run(&r, &o, items, 3, &stop, &err), THORAX_CANCELLED);
    thx_judge_result_deinit(&r);
    clean(folder);
}

static void a_folder_with_a_template_of_its_own_answers(void **state)
{
    static const thx_judge_item items[] = { { .reference = "Effusion.", .candidate = "Clear." },
                                            { .reference = "Heart enlarged.", .candidate = "Heart normal." } };
    thx_judge_options o = thx_judge_options_default();
    thx_judge_result  r;
    thorax_error      err;

    (void)state;
    o.judge = "chexprompt";
    o.folder = source_path("models/demo");
    o.own_settings = true;
    o.chat.max_tokens = 8;
    assert_ok(thx_judge_run(&r, &o, items, 2, NULL, &err), err);
    assert_int_equal(r.rated, 0); /* a toy has no ratings, or no room for the question */
    for (size_t i = 0; i < 2; i++)
        assert_true(r.records[i].state == THX_CHAT_UNUSABLE || r.records[i].state == THX_CHAT_REJECTED);
    assert_string_equal(r.signature.settings, "temperature 0, max_tokens 8");
    print_message("%s\n", r.records[0].why);
    thx_judge_result_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(green_counts_what_a_service_says),
        cmocka_unit_test(chexprompt_without_examples_has_another_name),
        cmocka_unit_test(conversations_get_scores),
        cmocka_unit_test(failures_alone_are_asked_again),
        cmocka_unit_test(what_stops_a_run_leaves_what_was_rated),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(a_folder_answers_too),
        cmocka_unit_test(a_folder_with_a_template_of_its_own_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
