/* Two systems on the same items, and tables of results. */
#include "check.h"

#include "eval/compare.h"
#include "eval/result.h"
#include "eval/table.h"

#include <math.h>

static thorax_error err;

static thorax_status take(void *data, const thx_eval_item *item, thorax_error *e)
{
    return thx_eval_set_add(data, "test", item, e);
}

/* n items whose answers are right except every `wrong`-th one; ids from `first` on. */
static void make_set(thx_eval_set *set, size_t first, size_t n, size_t wrong)
{
    thx_string text = { 0 };

    for (size_t i = first; i < first + n; i++)
        thx_string_printf(&text,
                          "{\"id\":\"%zu\",\"prediction\":\"%s\",\"reference\":\"small "
                          "effusion\",\"labels\":[\"Pleural Effusion\"]}\n",
                          i, i % wrong ? "small pleural effusion" : "clear");
    assert_int_equal(thx_eval_set_init(set, &err), THORAX_OK);
    assert_int_equal(thx_eval_read_text(text.data, text.size, "test", NULL, take, set, &set->problems, &err),
                     THORAX_OK);
    assert_int_equal(thx_eval_set_index(set, &err), THORAX_OK);
    thx_string_deinit(&text);
}

static const thx_eval_difference *find(const thx_eval_comparison *c, const char *metric, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (!strcmp(c->list[i].a->metric, metric) && !strcmp(c->list[i].a->name, name) && !c->list[i].a->label)
            return &c->list[i];
    fail_msg("no figure %s", name);
    return NULL;
}

static void differences(void **state)
{
    thx_eval_options o = thx_eval_options_default();
    thx_eval_comparison c;
    thx_eval_set a, b;

    (void)state;
    o.metrics = "rouge-stem,findings";
    make_set(&a, 0, 60, 10);
    make_set(&b, 10, 60, 2);
    assert_int_equal(thx_eval_compare(&c, &a, &b, &o, &err), THORAX_OK);
    assert_int_equal(c.common, 50);
    assert_int_equal(c.only_a, 10);
    assert_int_equal(c.only_b, 10);
    const thx_eval_difference *d = find(&c, "findings", "micro_recall");
    assert_int_equal(d->n, 50);
    assert_float_equal(d->value_a, 0.9, 1e-12);
    assert_float_equal(d->value_b, 0.5, 1e-12);
    assert_true(d->low > 0 && d->low < 0.4 && d->high > 0.4);
    assert_true(d->p_bootstrap < 0.01 && d->p_randomisation < 0.01);
    assert_true(find(&c, "rouge-stem", "rougeL")->p_randomisation < 0.01);
    thx_eval_comparison_deinit(&c);
    thx_eval_set_deinit(&a);
    thx_eval_set_deinit(&b);
}

/* A system is no better than itself. */
static void the_same_twice(void **state)
{
    thx_eval_options o = thx_eval_options_default();
    thx_eval_comparison c;
    thx_eval_set a, b;

    (void)state;
    o.resamples = 50;
    make_set(&a, 0, 20, 3);
    make_set(&b, 0, 20, 3);
    assert_int_equal(thx_eval_compare(&c, &a, &b, &o, &err), THORAX_OK);
    assert_true(c.n > 0);
    for (size_t i = 0; i < c.n; i++) {
        assert_float_equal(c.list[i].difference, 0, 0);
        assert_float_equal(c.list[i].p_bootstrap, 1, 1e-12);
    }
    thx_eval_comparison_deinit(&c);
    thx_eval_set_deinit(&a);
    thx_eval_set_deinit(&b);
}

static void nothing_in_common(void **state)
{
    const thx_eval_options o = thx_eval_options_default();
    thx_eval_comparison c;
    thx_eval_set a, b;

    (void)state;
    make_set(&a, 0, 3, 2);
    make_set(&b, 5, 3, 2);
    assert_int_equal(thx_eval_compare(&c, &a, &b, &o, &err), THORAX_USAGE);
    thx_eval_comparison_deinit(&c);
    thx_eval_set_deinit(&a);
    thx_eval_set_deinit(&b);
}

/* An item without a task could belong to two of the other system: it belongs to one. */
static void one_partner_each(void **state)
{
    static const char two[] = "{\"id\":1,\"task\":\"a\",\"prediction\":\"x\",\"reference\":\"x\"}\n"
                              "{\"id\":1,\"task\":\"b\",\"prediction\":\"x\",\"reference\":\"x\"}\n";
    static const char one[] = "{\"id\":1,\"prediction\":\"x\",\"reference\":\"x\"}\n";
    const thx_eval_options o = thx_eval_options_default();
    thx_eval_comparison c;
    thx_eval_set a, b;

    (void)state;
    assert_false(thx_eval_set_init(&a, &err) || thx_eval_set_init(&b, &err));
    assert_false(thx_eval_read_text(two, strlen(two), "two", NULL, take, &a, &a.problems, &err));
    assert_false(thx_eval_read_text(one, strlen(one), "one", NULL, take, &b, &b.problems, &err));
    assert_false(thx_eval_set_index(&a, &err) || thx_eval_set_index(&b, &err));
    assert_int_equal(thx_eval_compare(&c, &a, &b, &o, &err), THORAX_OK);
    assert_int_equal(c.common, 1);
    assert_int_equal(c.only_a, 1);
    assert_int_equal(c.only_b, 0);
    thx_eval_comparison_deinit(&c);
    thx_eval_set_deinit(&a);
    thx_eval_set_deinit(&b);
}

static void tables(void **state)
{
    const thx_eval_options o = thx_eval_options_default();
    const thx_eval_source source = { .name = "a_b & c" };
    thx_string text = { 0 };
    thx_eval_scores s;
    thx_eval_set set;

    (void)state;
    make_set(&set, 0, 10, 3);
    assert_int_equal(thx_eval_score(&s, &set, &o, &err), THORAX_OK);
    const json_t *result = thx_eval_result_json(&s, &o, &source);
    thx_eval_tables(&text, &result, 1, THX_TABLE_LATEX);
    assert_non_null(strstr(text.data, "RadVLM 7B [1] & 25.4 & 51.9"));
    assert_non_null(strstr(text.data, "a\\_b \\& c & "));
    thx_string_deinit(&text);
    thx_eval_tables(&text, &result, 1, THX_TABLE_CSV);
    assert_non_null(strstr(text.data, "\"all\",\"a_b & c\",\"this evaluation\",\"/rouge-stem/rougeL/\","));
    thx_string_deinit(&text);
    json_decref((json_t *)(uintptr_t)result);
    thx_eval_scores_deinit(&s);
    thx_eval_set_deinit(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(differences),
        cmocka_unit_test(the_same_twice),
        cmocka_unit_test(nothing_in_common),
        cmocka_unit_test(one_partner_each),
        cmocka_unit_test(tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
