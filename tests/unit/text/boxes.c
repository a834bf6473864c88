/* Boxes in text: the published evaluation's answers for the strict form, own cases for the rest. */
#include "check.h"
#include "text/text.h"

#include <jansson.h>

/* ---- Against the published evaluation ---- */

static void check_sample(const char *id, const char *text, const json_t *want, bool fails)
{
    thx_box boxes[64];
    const size_t n = thx_boxes_parse(boxes, 64, text, true);

    if (fails) {
        assert_int_equal(n, SIZE_MAX);
        return;
    }
    if (n != json_array_size(want))
        fail_msg("%s: %zu boxes, expected %zu", id, n, json_array_size(want));
    for (size_t i = 0; i < n; i++) {
        const json_t *b = json_array_get(want, i);
        const double v[4] = { boxes[i].x1, boxes[i].y1, boxes[i].x2, boxes[i].y2 };
        for (size_t k = 0; k < 4; k++)
            if (v[k] != json_number_value(json_array_get(b, k)))
                fail_msg("%s: box %zu value %zu is %.17g", id, i, k, v[k]);
    }
}

static void strict_as_published(void **state)
{
    json_t *j = json_load_file(shared_path("spec/vectors/radvlm_boxes.json"), 0, NULL), *c;
    size_t i, n = 0;

    (void)state;
    json_array_foreach(json_object_get(j, "cases"), i, c) {
        const json_t *samples = json_object_get(json_object_get(c, "input"), "samples"),
                     *expected = json_object_get(c, "expected");
        const char *error = json_string_value(json_object_get(expected, "error"));
        const bool fails = error && !strcmp(error, "ValueError");
        for (size_t k = 0; k < json_array_size(samples); k++, n++)
            check_sample(json_string_value(json_object_get(c, "id")),
                         json_string_value(json_object_get(json_array_get(samples, k), "output")),
                         json_array_get(json_object_get(expected, "parsed"), k), fails);
    }
    assert_true(n >= 20);
    json_decref(j);
}

/* ---- Own cases ---- */

typedef struct box_case { const char *text; size_t strict, lenient; thx_box first; } box_case;

static void both_forms(void **state)
{
    static const box_case cases[] = {
        { "", 0, 0, { 0, 0, 0, 0 } },
        { "[0.1, 0.2, 0.3, 0.4]", 1, 1, { 0.1, 0.2, 0.3, 0.4 } },
        { "[0.1,\n0.2,\t0.3,0.4]", 1, 1, { 0.1, 0.2, 0.3, 0.4 } },
        { "[0.1,\xc2\xa0" "0.2, 0.3, 0.4]", 1, 1, { 0.1, 0.2, 0.3, 0.4 } },
        { "[ 0.1 , 0.2 , 0.3 , 0.4 ]", 0, 1, { 0.1, 0.2, 0.3, 0.4 } },
        { "[-0.1, +0.2, 0.3, 0.4]", 0, 1, { 0.0, 0.2, 0.3, 0.4 } },
        { "[0.1, 0.2, 1.3, 2]", 1, 1, { 0.1, 0.2, 1.0, 1.0 } },
        { "[0.3, 0.2, 0.3, 0.4]", 1, 0, { 0, 0, 0, 0 } },
        { "[0.4, 0.4, 0.3, 0.2]", 1, 0, { 0, 0, 0, 0 } },
        { "[1.2.3, 0.2, 0.3, 0.4] [0.1, 0.2, 0.3, 0.4]", SIZE_MAX, 1, { 0.1, 0.2, 0.3, 0.4 } },
        { "[., 0.2, 0.3, 0.4]", SIZE_MAX, 0, { 0, 0, 0, 0 } },
        { "[0.1, 0.2, 0.3]", 0, 0, { 0, 0, 0, 0 } },
        { "[0.1, 0.2, 0.3, 0.4, 0.5]", 0, 0, { 0, 0, 0, 0 } },
        { "[0.1 0.2 0.3 0.4]", 0, 0, { 0, 0, 0, 0 } },
        { "[[0.1, 0.2, 0.3, 0.4], [.5, .5, 1., 1]]", 2, 2, { 0.1, 0.2, 0.3, 0.4 } },
        { "[0.1, [0.1, 0.2, 0.3, 0.4]", 1, 1, { 0.1, 0.2, 0.3, 0.4 } },
        { "[0.1, 0.2, 0.3, 0.4", 0, 0, { 0, 0, 0, 0 } },
        { "[0.1, 0.2, nan, inf]", 0, 0, { 0, 0, 0, 0 } },
        /* 0.1 in Devanagari, then in mathematical digits */
        { "[\xe0\xa5\xa6.\xe0\xa5\xa7, 0.2, 0.3, 0.4]", 1, 1, { 0.1, 0.2, 0.3, 0.4 } },
        { "[\xf0\x9d\x9f\x98.\xf0\x9d\x9f\x99, 0.2, 0.3, 0.4]", 1, 1, { 0.1, 0.2, 0.3, 0.4 } },
        { "[\xff.1, 0.2, 0.3, 0.4]", 0, 0, { 0, 0, 0, 0 } },
        { "[0.1000000000000000000000000000001, 0.2, 0.3, 0.4]", 1, 1, { 0.1, 0.2, 0.3, 0.4 } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        thx_box b[4] = { { 0 } };
        assert_int_equal(thx_boxes_parse(b, 4, cases[i].text, true), cases[i].strict);
        memset(b, 0, sizeof b);
        const size_t n = thx_boxes_parse(b, 4, cases[i].text, false);
        if (n != cases[i].lenient) fail_msg("%s: %zu boxes", cases[i].text, n);
        assert_memory_equal(&b[0], &cases[i].first, sizeof *b);
    }
}

static void room_and_long_numbers(void **state)
{
    char text[2048] = "[";
    thx_box b[2];

    (void)state;
    assert_int_equal(thx_boxes_parse(b, 1, "[0, 0, 1, 1][0, 0, 0.5, 1]", true), 2);
    assert_int_equal(thx_boxes_parse(NULL, 0, "[0, 0, 1, 1][0, 0, 0.5, 1]", false), 2);
    /* zeros before the point count for nothing, 400 nines are infinite */
    memset(text + 1, '0', 1500);
    strcpy(text + 1501, ".25, 0, 1, 1]");
    assert_int_equal(thx_boxes_parse(b, 1, text, true), 1);
    assert_true(b[0].x1 == 0.25);
    memset(text + 1, '9', 400);
    strcpy(text + 401, ".5, 0, 1, 1]");
    assert_int_equal(thx_boxes_parse(b, 1, text, true), 1);
    assert_true(b[0].x1 > 1e308);
    strcpy(text, "[0.");
    memset(text + 3, '0', 400);
    strcpy(text + 403, "1, 0, 1, 1]");
    assert_int_equal(thx_boxes_parse(b, 1, text, true), 1);
    assert_true(b[0].x1 == 0.0);
}

static void prints_as_the_training_data(void **state)
{
    static const struct { thx_box boxes[3]; size_t n; const char *want; } cases[] = {
        { { { 0, 0, 0, 0 } }, 0, "" },
        { { { 0.1, 0.25, 0.5, 1 } }, 1, "[0.1, 0.25, 0.5, 1.0]" },
        /* 16.5 goes to the even 16 */
        { { { 0.074, 0.075, 0.165, 0.996 } }, 1, "[0.07, 0.08, 0.16, 1.0]" },
        { { { 0, 0.07, -0.001, 12.3456 } }, 1, "[0.0, 0.07, -0.0, 12.35]" },
        { { { 0, 0, 1, 1 }, { 0.5, 0.5, 1, 1 } },
          2,
          "[0.0, 0.0, 1.0, 1.0] and [0.5, 0.5, 1.0, 1.0]" },
        { { { 0, 0, 1, 1 }, { 0.5, 0.5, 1, 1 }, { 0.2, 0.2, 0.3, 0.3 } },
          3,
          "[0.0, 0.0, 1.0, 1.0], [0.5, 0.5, 1.0, 1.0] and [0.2, 0.2, 0.3, 0.3]" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        thx_string s = { 0 };
        thx_string_add(&s, "", 0);
        thx_boxes_print(&s, cases[i].boxes, cases[i].n);
        assert_string_equal(s.data, cases[i].want);
        thx_string_deinit(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strict_as_published),
        cmocka_unit_test(both_forms),
        cmocka_unit_test(room_and_long_numbers),
        cmocka_unit_test(prints_as_the_training_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
