/* Figures of small sets, whose values are known. */
#include "check.h"

#include "eval/judge.h"
#include "eval/result.h"

#include <math.h>

static thorax_error err;

static thorax_status take(void *data, const thx_eval_item *item, thorax_error *e)
{
    return thx_eval_set_add(data, "test", item, e);
}

static void read_set(thx_eval_set *set, const char *text)
{
    assert_int_equal(thx_eval_set_init(set, &err), THORAX_OK);
    assert_int_equal(thx_eval_read_text(text, strlen(text), "test", NULL, take, set, &set->problems, &err), THORAX_OK);
    assert_int_equal(thx_eval_set_index(set, &err), THORAX_OK);
}

static double value(const thx_eval_scores *s, const char *metric, const char *name, const char *task, const char *label)
{
    const thx_eval_figure *f = thx_eval_find_figure(s, metric, name, task, label);

    assert_non_null(f);
    return f->value;
}

/* One right box and one wrong one; one label of two; the worked pair of ROUGE. */
static const char records[] =
    "{\"id\":\"1\",\"task\":\"report\",\"prediction\":\"The cardiac silhouette is mildly "
    "enlarged.\",\"reference\":\"Heart size is at the upper limit of "
    "normal.\"}\n"
    "{\"id\":\"2\",\"task\":\"report\",\"reference\":\"x\"}\n"
    "{\"id\":\"3\",\"task\":\"classify\",\"prediction\":\"edema\",\"labels\":[\"Edema\",\"Fracture\"],\"scores\":{"
    "\"Edema\":0.9,\"Fracture\":0.4}}\n"
    "{\"id\":\"4\",\"task\":\"classify\",\"prediction\":\"no "
    "pneumothorax\",\"labels\":[],\"scores\":{\"Edema\":0.2,\"Fracture\":0.6}}\n"
    "{\"id\":\"5\",\"task\":\"ground\",\"phrase\":\"heart\",\"prediction\":\"[0.0, 0.0, 0.5, "
    "0.5]\",\"boxes\":[[0,0,0.5,0.5]]}\n"
    "{\"id\":\"6\",\"task\":\"ground\",\"phrase\":\"heart\",\"prediction\":\"none\",\"boxes\":[[0,0,0.5,0.5]]}\n";

static void figures(void **state)
{
    const thx_eval_options o = thx_eval_options_default();
    thx_eval_scores s;
    thx_eval_set set;

    (void)state;
    read_set(&set, records);
    assert_int_equal(thx_eval_score(&s, &set, &o, &err), THORAX_OK);
    assert_float_equal(value(&s, "rouge-stem", "rougeL", "report", NULL), 2.0 / 15, 1e-12);
    assert_int_equal(thx_eval_find_figure(&s, "rouge-stem", "rougeL", "report", NULL)->failed, 1);
    assert_float_equal(value(&s, "findings", "micro_f1", "classify", NULL), 2.0 / 3, 1e-12);
    assert_float_equal(value(&s, "mentions", "micro_precision", "classify", NULL), 0.5, 1e-12);
    assert_float_equal(value(&s, "auroc", "auroc", "classify", "Edema"), 1, 1e-12);
    assert_float_equal(value(&s, "auroc", "auroc", "classify", "Fracture"), 0, 1e-12);
    assert_float_equal(value(&s, "auroc", "brier", "classify", NULL), (0.01 + 0.36 + 0.04 + 0.36) / 4, 1e-12);
    assert_float_equal(value(&s, "boxes", "map50", "ground", NULL), 0.5, 1e-12);
    assert_float_equal(value(&s, "coco", "coco_ap50", "ground", NULL), 51.0 / 101, 1e-12);
    assert_int_equal(s.failed, 1);
    assert_null(thx_eval_find_figure(&s, "boxes", "map50", "report", NULL));
    thx_eval_scores_deinit(&s);
    thx_eval_set_deinit(&set);
}

/* Same seed, same interval; the interval holds the value; a preset's medians are marked. */
static void intervals(void **state)
{
    static const char text[] =
        "{\"prediction\":\"a b c\",\"reference\":\"a b d\"}\n{\"prediction\":\"a\",\"reference\":\"a\"}\n"
        "{\"prediction\":\"x\",\"reference\":\"y z\"}\n{\"prediction\":\"q r s\",\"reference\":\"q r\"}\n";
    thx_eval_options o = thx_eval_options_default();
    thx_eval_scores a, b;
    thx_eval_set set;

    (void)state;
    read_set(&set, text);
    assert_int_equal(thx_eval_score(&a, &set, &o, &err), THORAX_OK);
    assert_int_equal(thx_eval_score(&b, &set, &o, &err), THORAX_OK);
    for (size_t i = 0; i < a.n; i++) {
        assert_true(a.figures[i].low == b.figures[i].low && a.figures[i].high == b.figures[i].high);
        if (a.figures[i].values)
            assert_true(a.figures[i].low <= a.figures[i].value && a.figures[i].value <= a.figures[i].high);
    }
    thx_eval_scores_deinit(&b);
    o.preset = "llavarad";
    assert_int_equal(thx_eval_score(&b, &set, &o, &err), THORAX_OK);
    const thx_eval_figure *f = thx_eval_find_figure(&b, "rouge-median", "rougeL", "", NULL);
    assert_true(f && f->is_median && f->resamples == 500);
    assert_string_equal(f->signature, "rougeL|rouge_score-0.1.2|stem=no,F,median of resampled means|-");
    thx_eval_scores_deinit(&b);
    thx_eval_scores_deinit(&a);
    thx_eval_set_deinit(&set);
}

static void what_is_not_known(void **state)
{
    thx_eval_options o = thx_eval_options_default();
    thx_eval_scores s;
    thx_eval_set set;

    (void)state;
    read_set(&set, records);
    o.metrics = "rouge,meteor";
    assert_int_equal(thx_eval_score(&s, &set, &o, &err), THORAX_USAGE);
    assert_non_null(strstr(err.text, "meteor"));
    thx_eval_scores_deinit(&s);
    o = thx_eval_options_default();
    o.preset = "best";
    assert_int_equal(thx_eval_score(&s, &set, &o, &err), THORAX_USAGE);
    thx_eval_scores_deinit(&s);
    thx_eval_set_deinit(&set);
    read_set(&set, "{\"prediction\":\"a\",\"reference\":\"b\"}\n");
    o = thx_eval_options_default();
    o.metrics = "boxes";
    assert_int_equal(thx_eval_score(&s, &set, &o, &err), THORAX_USAGE);
    assert_non_null(strstr(err.text, "boxes needs boxes"));
    thx_eval_scores_deinit(&s);
    thx_eval_set_deinit(&set);
}

static void as_json(void **state)
{
    const thx_eval_options o = thx_eval_options_default();
    const thx_eval_source source = { .name = "test" };
    thx_string text = { 0 };
    thx_eval_scores s;
    thx_eval_set set;

    (void)state;
    read_set(&set, records);
    assert_int_equal(thx_eval_score(&s, &set, &o, &err), THORAX_OK);
    json_t *json = thx_eval_result_json(&s, &o, &source);
    assert_int_equal(json_array_size(json_object_get(json, "figures")), s.n);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(json, "problems"), "without_prediction")), 1);
    assert_int_equal(json_array_size(json_object_get(json, "curves")), 2);
    thx_eval_result_print(&text, &s, &o);
    assert_non_null(strstr(text.data, "1 items without a prediction"));
    thx_string_deinit(&text);
    json_decref(json);
    thx_eval_scores_deinit(&s);
    thx_eval_set_deinit(&set);
}

/* Boxes, answers or findings beside a text that is missing are a prediction. */
static void predictions_without_a_text(void **state)
{
    thx_eval_options o = thx_eval_options_default();
    thx_eval_scores s;
    thx_eval_set set;

    (void)state;
    o.resamples = 0;
    read_set(&set, "{\"id\":1,\"boxes\":[[0,0,1,1]],\"predicted_boxes\":[[0,0,1,1]]}\n"
                   "{\"id\":2,\"answers\":[\"a\"]}\n"
                   "{\"id\":3,\"labels\":[\"Edema\"],\"findings\":[{\"name\":\"Edema\",\"present\":true}]}\n"
                   "{\"id\":4}\n");
    assert_ok(thx_eval_score(&s, &set, &o, &err), err);
    assert_int_equal(s.failed, 1);
    thx_eval_scores_deinit(&s);
    thx_eval_set_deinit(&set);
}

/* No service is there: every record is unrated with a reason, and nothing of the texts gets out. */
static void a_judge_that_is_not_there(void **state)
{
    thx_eval_options o = thx_eval_options_default();
    thx_judge_options judge = thx_judge_options_default();
    const thx_eval_source source = { .name = "test" };
    thx_eval_scores s;
    thx_eval_set set;

    (void)state;
    judge.chat.url = "http://127.0.0.1:9";
    judge.chat.model = "m";
    judge.chat.tries = 1;
    o.metrics = "chexprompt";
    o.judge = &judge;
    read_set(&set, "{\"id\":\"a\",\"prediction\":\"secret\",\"reference\":\"secret\"}\n");
    assert_ok(thx_eval_score(&s, &set, &o, &err), err);
    assert_int_equal(s.n, 0);
    assert_int_equal(s.unrated, 1);
    assert_non_null(strstr(s.notes.data, "1 of 1 were not rated"));
    json_t *json = thx_eval_result_json(&s, &o, &source);
    json_t *record = json_array_get(json_object_get(json_array_get(json_object_get(json, "judges"), 0), "records"), 0);
    assert_string_equal(json_string_value(json_object_get(record, "id")), "a");
    assert_true(json_is_null(json_object_get(record, "score")) && json_is_object(json_object_get(record, "error")));
    char *text = json_dumps(json, 0);
    assert_null(strstr(text, "secret"));
    free(text);
    json_decref(json);
    thx_eval_scores_deinit(&s);
    thx_eval_set_deinit(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures),
        cmocka_unit_test(intervals),
        cmocka_unit_test(what_is_not_known),
        cmocka_unit_test(as_json),
        cmocka_unit_test(predictions_without_a_text),
        cmocka_unit_test(a_judge_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
