/* The JSON of a result that was made by hand, key by key. */
#include "check.h"
#include "output/output.h"

#include <jansson.h>
#include <math.h>

static thorax_labelled_box boxes[] = { { "left lung", 0.52, 0.1, 0.93, 0.81 },
                                       { "a \"b\"\n\xff", 0, 0, 1, 1 } };

static thx_result film_result(void)
{
    static char text[] = "Gr\xc3\xb6\xc3\x9f"
                         "e",
                film_name[] = "a/b.png";
    thx_result r = { .task = "classify",
                     .text = text,
                     .complete = true,
                     .has_film = true,
                     .film_name = film_name,
                     .width = 2544,
                     .height = 3056,
                     .boxes = boxes,
                     .n_boxes = 2,
                     .n_findings = 2 };

    memset(r.film_sha256, 'a', 64);
    memset(r.provenance.model, 'b', 64);
    memset(r.provenance.prompt_sha256, 'c', 64);
    r.findings[0] = (thorax_finding){ "Edema", 1, NAN };
    r.findings[1] = (thorax_finding){ "Fracture", -1, 0.25 };
    r.provenance.family = "llava-onevision";
    r.provenance.kernels = "ref";
    r.provenance.types = 1u << THX_F16 | 1u << THX_F32;
    r.provenance.max_new_tokens = 1500;
    r.provenance.sampling.repetition_penalty = 1.05;
    return r;
}

static json_t *parse(const thx_result *r)
{
    char *line = thx_result_to_json(r);

    assert_non_null(line);
    assert_null(strchr(line, '\n'));
    json_t *j = json_loads(line, 0, NULL);
    assert_non_null(j);
    free(line);
    return j;
}

static void keys_of_a_task(void **state)
{
    static const char *const keys[] = { "schema",   "film",  "task",       "text",  "complete",
                                        "findings", "boxes", "provenance", "notice" };
    const thx_result r = film_result();
    json_t *j = parse(&r);

    (void)state;
    assert_int_equal(json_object_size(j), sizeof keys / sizeof keys[0]);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        assert_non_null(json_object_get(j, keys[i]));
    const json_t *f = json_object_get(j, "findings");
    assert_true(json_is_true(json_object_get(json_array_get(f, 0), "present")));
    assert_true(json_is_null(json_object_get(json_array_get(f, 0), "score")));
    assert_true(json_is_null(json_object_get(json_array_get(f, 1), "present")));
    assert_true(json_real_value(json_object_get(json_array_get(f, 1), "score")) == 0.25);
    json_decref(j);
}

static void boxes_come_in_both_frames(void **state)
{
    const thx_result r = film_result();
    json_t *j = parse(&r);
    const json_t *b = json_array_get(json_object_get(j, "boxes"), 0),
                 *pixels = json_object_get(b, "pixels");

    (void)state;
    assert_true(json_number_value(json_array_get(json_object_get(b, "box"), 0)) == 0.52);
    assert_true(fabs(json_number_value(json_array_get(pixels, 2)) - 0.93 * 2544) < 1e-5);
    assert_true(fabs(json_number_value(json_array_get(pixels, 3)) - 0.81 * 3056) < 1e-5);
    json_decref(j);
}

static void provenance_and_rule(void **state)
{
    thx_result r = film_result();
    json_t *j = parse(&r), *p = json_object_get(j, "provenance"),
           *d = json_object_get(p, "decoding");

    (void)state;
    assert_int_equal(json_array_size(json_object_get(p, "types")), 2);
    assert_true(json_is_null(json_object_get(p, "seed")));
    assert_true(json_is_null(json_object_get(p, "compat")));
    assert_true(json_number_value(json_object_get(d, "repetition_penalty")) == 1.05);
    assert_null(json_object_get(d, "top_k"));
    assert_string_equal(json_string_value(json_object_get(p, "rule")), "negation-aware");
    json_decref(j);

    r.provenance.sampling = (thx_sampling){ true, 0.7, 50, 0.9, 0, 1, UINT64_MAX };
    r.provenance.compat = THX_COMPAT_446;
    j = parse(&r);
    p = json_object_get(j, "provenance");
    assert_string_equal(json_string_value(json_object_get(p, "seed")), "18446744073709551615");
    assert_string_equal(json_string_value(json_object_get(p, "compat")), "transformers-4.46");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(p, "decoding"), "top_k")),
                     50);
    json_decref(j);
}

static void an_answer_without_a_film(void **state)
{
    int32_t ids[] = { 5, 7 };
    thx_result r = film_result();

    (void)state;
    r.task = "ask";
    r.has_film = false;
    r.n_findings = 0;
    r.n_boxes = 1;
    r.remark = (char[]){ "a toy" };
    r.ids = (thx_ids){ .data = ids, .size = 2 };
    json_t *j = parse(&r);
    assert_true(json_is_null(json_object_get(j, "film")));
    assert_int_equal(json_integer_value(json_array_get(json_object_get(j, "ids"), 1)), 7);
    assert_non_null(json_object_get(json_object_get(j, "usage"), "cached_tokens"));
    assert_non_null(json_object_get(json_object_get(j, "timing"), "decode_s"));
    assert_string_equal(json_string_value(json_object_get(j, "remark")), "a toy");
    assert_null(json_object_get(json_array_get(json_object_get(j, "boxes"), 0), "pixels"));
    json_decref(j);
}

static void names_of_any_bytes(void **state)
{
    thx_result r = film_result();

    (void)state;
    r.film_name = (char[]){ "a\xff\xc3" "(.png" };
    json_t *j = parse(&r);
    assert_string_equal(json_string_value(json_object_get(json_object_get(j, "film"), "path")),
                        "a?"
                        "?(.png");
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(json_object_get(j, "boxes"), 1), "label")),
        "a \"b\"\n\xef\xbf\xbd");
    json_decref(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_a_task),
        cmocka_unit_test(boxes_come_in_both_frames),
        cmocka_unit_test(provenance_and_rule),
        cmocka_unit_test(an_answer_without_a_film),
        cmocka_unit_test(names_of_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
