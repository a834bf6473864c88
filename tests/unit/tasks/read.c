/* Answers as text → what a result holds. */
#include "check.h"
#include "tasks/tasks.h"

#include <math.h>

static void strip(const char *text, const char *want)
{
    char *got = thx_text_strip(text, strlen(text));
    assert_string_equal(got, want);
    free(got);
}

static void white_space_goes(void **state)
{
    (void)state;
    strip("", "");
    strip(" \t\r\n\v\f", "");
    strip("\n a b \n", "a b");
    strip("\xc2\xa0x", "\xc2\xa0x"); /* only ASCII white space */
}

static void a_sentence_is_told_from_a_region(void **state)
{
    (void)state;
    assert_int_equal(thx_ground_task("right lung", THORAX_GROUND_AUTO), THX_TASK_GROUND_REGION);
    assert_int_equal(thx_ground_task("right  lower lobe", THORAX_GROUND_AUTO),
                     THX_TASK_GROUND_REGION);
    assert_int_equal(thx_ground_task("nodule in the lung", THORAX_GROUND_AUTO),
                     THX_TASK_GROUND_PHRASE);
    assert_int_equal(thx_ground_task("Small effusion. ", THORAX_GROUND_AUTO),
                     THX_TASK_GROUND_PHRASE);
    assert_int_equal(thx_ground_task("", THORAX_GROUND_AUTO), THX_TASK_GROUND_REGION);
    assert_int_equal(thx_ground_task("a b c d.", THORAX_GROUND_REGION), THX_TASK_GROUND_REGION);
    assert_int_equal(thx_ground_task("heart", THORAX_GROUND_PHRASE), THX_TASK_GROUND_PHRASE);
}

static thx_result *empty_result(void) { return calloc(1, sizeof(thx_result)); }

static void findings_are_14(void **state)
{
    thx_result *r = empty_result();

    (void)state;
    thx_result_read_findings(r, "There is cardiomegaly. No pleural effusion.", false);
    assert_int_equal(r->n_findings, 14);
    for (size_t i = 0; i < r->n_findings; i++) {
        const thorax_finding *f = &r->findings[i];
        assert_true(isnan(f->score));
        if (!strcmp(f->name, "Cardiomegaly")) assert_int_equal(f->present, 1);
        else if (!strcmp(f->name, "Pleural Effusion")) assert_int_equal(f->present, 0);
        else if (!strcmp(f->name, "Fracture")) assert_int_equal(f->present, -1);
    }
    thx_result_read_findings(r, "No pleural effusion.",
                             true); /* the published rule hears no "no" */
    for (size_t i = 0; i < r->n_findings; i++)
        assert_int_equal(r->findings[i].present, !strcmp(r->findings[i].name, "Pleural Effusion"));
    thx_result_close(r);
}

static void boxes_carry_labels_and_stay_inside(void **state)
{
    thx_result *r = empty_result();
    thorax_error err;

    (void)state;
    assert_ok(thx_result_read_boxes(r, "no box here", "heart", &err), err);
    assert_int_equal(r->n_boxes, 0);
    assert_ok(thx_result_read_boxes(
                  r, "at [0.1, 0.2, 0.3, 0.4] and [0.5, -0.5, 1.7, 0.9], not [0.5, 0.5, 0.4, 0.6]",
                  "heart", &err),
              err);
    assert_int_equal(r->n_boxes, 2);
    assert_string_equal(r->boxes[0].label, "heart");
    assert_true(r->boxes[1].x1 == 0.5 && r->boxes[1].y1 == 0 && r->boxes[1].x2 == 1 &&
                r->boxes[1].y2 == 0.9);
    assert_ok(thx_result_read_boxes(r, "[0.0, 0.0, 1.0, 1.0]", NULL, &err), err);
    assert_string_equal(r->boxes[2].label, "box 3");
    assert_string_equal(r->boxes[0].label, "heart");
    thx_result_close(r);
}

static void more_boxes_than_anyone_draws(void **state)
{
    thx_result *r = empty_result();
    thx_string text = { 0 };
    thorax_error err;

    (void)state;
    for (int i = 0; i < 5000; i++) thx_string_puts(&text, "[0.1, 0.1, 0.2, 0.2] ");
    assert_ok(thx_result_read_boxes(r, text.data, NULL, &err), err);
    assert_in_range(r->n_boxes, 1, 5000);
    thx_string_deinit(&text);
    thx_result_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(white_space_goes),
        cmocka_unit_test(a_sentence_is_told_from_a_region),
        cmocka_unit_test(findings_are_14),
        cmocka_unit_test(boxes_carry_labels_and_stay_inside),
        cmocka_unit_test(more_boxes_than_anyone_draws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
