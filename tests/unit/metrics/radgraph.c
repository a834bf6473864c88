/* Words, graphs and rewards of RadGraph. */
#include "check.h"
#include "metrics/radgraph.h"

#include <math.h>

static void words_are(const char *report, thx_radgraph_style style, const char *joined)
{
    thx_report_words    w;
    thorax_error err;
    char         text[256] = "";

    assert_ok(thx_radgraph_words(&w, report, style, &err), err);
    for (size_t i = 0; i < w.n; i++) {
        if (i) strcat(text, "|");
        strcat(text, w.at[i]);
    }
    assert_string_equal(text, joined);
    thx_report_words_deinit(&w);
}

static void test_words(void **state)
{
    (void)state;
    words_are("4.2 cm; (12-mm)", THX_RADGRAPH_V1, "4|.|2|cm;|(|12-mm|)");
    words_are("T4-T5, 2.5 cm", THX_RADGRAPH_XL, "T4|-|T5|,|2|.|5|cm");
    words_are("(see above). wow!!? 5%, e\u0301", THX_RADGRAPH_XL, "(|see|above|)|.|wow|!!?|5|%|,|e|\u0301");
    words_are("a\\nb \\\"c \\u2122", THX_RADGRAPH_XL, "a|b|``|c");
    words_are("a\xff", THX_RADGRAPH_V1, "a\ufffd");
    words_are("", THX_RADGRAPH_XL, "");
    words_are(" \n\u00a0", THX_RADGRAPH_V1, "");
}

static thx_report_words words_of(const char *text)
{
    thx_report_words    w;
    thorax_error err;

    assert_ok(thx_radgraph_words(&w, text, THX_RADGRAPH_V1, &err), err);
    return w;
}

static void test_build(void **state)
{
    thx_report_words            w = words_of("No evidence of acute left basal opacity , mild edema .");
    const thx_span_label entities[] = { { { 3, 3 }, "absent" }, { { 4, 5 }, "anatomy" }, { { 6, 6 }, "absent" } };
    const thx_span_pair pairs[] = { { { 6, 6 }, { 4, 5 }, "located_at" },
                                    { { 3, 3 }, { 6, 6 }, "modify" },
                                    { { 3, 3 }, { 9, 9 }, "modify" } };
    const thx_span_label beyond = { { 3, 99 }, "absent" };
    thx_radgraph         g;
    thorax_error         err;

    (void)state;
    assert_ok(thx_radgraph_build(&g, &w, entities, 3, pairs, 3, &err), err);
    assert_int_equal(g.n, 3);
    assert_string_equal(g.entities[1].tokens, "left basal");
    assert_int_equal(g.entities[0].n_edges, 1); /* the one whose target is an entity */
    assert_int_equal(g.entities[0].edges[0].to, 2);
    assert_string_equal(g.entities[2].edges[0].label, "located_at");
    thx_radgraph_deinit(&g);
    assert_int_equal(thx_radgraph_build(&g, &w, &beyond, 1, NULL, 0, &err), THORAX_FORMAT);
    thx_report_words_deinit(&w);
}

static thorax_status read_text(thx_radgraph *g, const char *text, thorax_error *err)
{
    json_t             *root = json_loads(text, 0, NULL);
    const thorax_status st = thx_radgraph_read(g, root, "test", err);

    json_decref(root);
    return st;
}

#define ENTITY(id, tokens, relations)                                                                                  \
    "\"" id "\":{\"tokens\":\"" tokens "\",\"label\":\"L\",\"start_ix\":0,\"end_ix\":0,\"relations\":[" relations "]}"
#define GRAPH(entities) "{\"entities\":{" entities "}}"

static void test_read(void **state)
{
    static const char *const wrong[] = { "{}",
                                         "{\"entities\":[]}",
                                         GRAPH("\"1\":3"),
                                         GRAPH(ENTITY("1", "a", "[\"modify\",\"2\"]")),
                                         GRAPH(ENTITY("1", "a", "[\"modify\"]")),
                                         GRAPH(ENTITY("1", "a", "[1,2]")) };
    thx_radgraph             g;
    thorax_error             err;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(read_text(&g, wrong[i], &err), THORAX_FORMAT);
        assert_non_null(strstr(err.text, "test: "));
    }
}

/* The worked pair of the specification, and small letters against capitals. */
static void test_reward(void **state)
{
    static const char hypothesis[] = GRAPH(
        ENTITY("1", "small", "[\"modify\",\"2\"]") "," ENTITY("2", "effusion", "[\"located_at\",\"3\"]") "," ENTITY(
            "3", "bilateral", "[\"modify\",\"4\"]") "," ENTITY("4", "pleural", ""));
    static const char reference[] = GRAPH(ENTITY("1", "effusion", "[\"located_at\",\"2\"]") "," ENTITY(
        "2", "pleural", "") "," ENTITY("3", "large", "[\"modify\",\"1\"]"));
    thx_radgraph      h, r, large, none;
    thx_f1           out[THX_RADGRAPH_LEVELS];
    thorax_error      err;

    (void)state;
    assert_ok(read_text(&h, hypothesis, &err), err);
    assert_ok(read_text(&r, reference, &err), err);
    assert_ok(read_text(&large, GRAPH(ENTITY("1", "EFFUSION", "[\"located_at\",\"2\"]") "," ENTITY("2", "Pleural", "")),
                        &err),
              err);
    assert_ok(read_text(&none, GRAPH(""), &err), err);
    assert_ok(thx_radgraph_reward(out, &h, &r, THX_RADGRAPH_AS_WRITTEN, &err), err);
    assert_true(fabs(out[THX_RADGRAPH_SIMPLE].precision - 0.5) < 1e-15 &&
                fabs(out[THX_RADGRAPH_SIMPLE].recall - 2.0 / 3) < 1e-15);
    assert_true(fabs(out[THX_RADGRAPH_PARTIAL].f1 - 4.0 / 7) < 1e-15);
    assert_true(fabs(out[THX_RADGRAPH_COMPLETE].f1 - 2.0 / 7) < 1e-15);
    assert_ok(thx_radgraph_reward(out, &large, &r, THX_RADGRAPH_AS_WRITTEN, &err), err);
    assert_true(out[THX_RADGRAPH_SIMPLE].f1 == 0 && out[THX_RADGRAPH_COMPLETE].f1 > 0);
    assert_ok(thx_radgraph_reward(out, &large, &r, THX_RADGRAPH_SMALL, &err), err);
    assert_true(out[THX_RADGRAPH_SIMPLE].precision == 1);
    assert_ok(thx_radgraph_reward(out, &none, &none, THX_RADGRAPH_SMALL, &err), err);
    assert_true(out[THX_RADGRAPH_SIMPLE].f1 == 0);
    thx_radgraph_deinit(&h);
    thx_radgraph_deinit(&r);
    thx_radgraph_deinit(&large);
    thx_radgraph_deinit(&none);
}

/* A perfect pair without relations gets a half. */
static void test_combined(void **state)
{
    thx_radgraph    g;
    thx_radgraph_f1 f1;
    thorax_error    err;

    (void)state;
    assert_ok(read_text(&g, GRAPH(ENTITY("1", "effusion", "")), &err), err);
    assert_ok(thx_radgraph_combined(&f1, &g, &g, &err), err);
    assert_true(f1.entities == 1 && f1.relations == 0 && f1.mean == 0.5);
    thx_radgraph_deinit(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_words), cmocka_unit_test(test_build),
                                        cmocka_unit_test(test_read), cmocka_unit_test(test_reward),
                                        cmocka_unit_test(test_combined) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
