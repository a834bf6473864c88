/* Records in five kinds of files. */
#include "check.h"

#include "eval/set.h"

#include <math.h>
#include <stdio.h>

static thorax_error err;

static thorax_status take(void *data, const thx_eval_item *item, thorax_error *e)
{
    return thx_eval_set_add(data, "test", item, e);
}

static thorax_status read_named(thx_eval_set *set, const char *text, const char *name, const thx_eval_reading *reading)
{
    if (!set->arena) assert_int_equal(thx_eval_set_init(set, &err), THORAX_OK);
    return thx_eval_read_text(text, strlen(text), name, reading, take, set, &set->problems, &err);
}

static void lines_of_json(void **state)
{
    static const char text[] = "{\"id\":\"a\",\"task\":\"ground\",\"image\":\"a.png\",\"question\":\"Where?\","
                               "\"answer\":\"[0, 0, 1, 1]\",\"labels\":[\"edema\"],"
                               "\"boxes\":[{\"label\":\"heart\",\"box\":[0.1,0.2,0.3,0.4]}],\"split\":\"test\"}\n"
                               "\n{\"id\": 7, \"prediction\": \"p\", \"reference\": \"r\"}\r\nnot json\n[1]\n"
                               "{\"prediction\":\"\\u00e9\",\"labels\":{\"Edema\":NaN,\"Pneumonia\":-1,\"Fracture\":0,"
                               "\"Atelectasis\":1.0,\"Cough\":1}}";
    thx_eval_set set = { 0 };

    (void)state;
    assert_int_equal(read_named(&set, text, "x.jsonl", NULL), THORAX_OK);
    assert_int_equal(set.n, 3);
    assert_string_equal(set.items[0].id, "a");
    assert_string_equal(set.items[0].reference, "[0, 0, 1, 1]");
    assert_null(set.items[0].prediction);
    assert_int_equal(set.items[0].labels[thx_eval_finding("Edema")], THX_EVAL_YES);
    assert_int_equal(set.items[0].n_boxes, 1);
    assert_string_equal(set.items[0].boxes[0].label, "heart");
    assert_true(set.items[0].boxes[0].y2 == 0.4 && isnan(set.items[0].boxes[0].score));
    assert_string_equal(set.items[1].id, "7");
    assert_int_equal(set.items[1].line, 3);
    assert_string_equal(set.items[2].id, "#5");
    assert_int_equal(set.items[2].labels[thx_eval_finding("Edema")], THX_EVAL_BLANK);
    assert_int_equal(set.items[2].labels[thx_eval_finding("Pneumonia")], THX_EVAL_UNCERTAIN);
    assert_int_equal(set.items[2].labels[thx_eval_finding("Fracture")], THX_EVAL_NO);
    assert_int_equal(set.problems.lines, 2);
    assert_int_equal(set.problems.labels, 1);
    assert_int_equal(set.problems.values, 1);
    assert_non_null(strstr(set.problems.notes.data, "x.jsonl: line 4: not JSON\nx.jsonl: line 5: not a JSON object\n"));
    thx_eval_set_deinit(&set);
}

/* RadVLM's: a broken element costs itself alone, and lines are counted over the whole array. */
static void array_of_results(void **state)
{
    static const char text[] =
        "[\n {\"output\": \"a ] } [\", \"txt\": \"t\", \"answer\": \"x\", \"boxes\": [[0, 0, 0.5, 1.0]]},\n"
        " {\"output\": \"b\" \"c\"},\n {\"output\": \"\\\"\", \"answer\": \"d\", \"labels\": null, \"boxes\": [[1, "
        "2]]}\n]\n";
    thx_eval_set set = { 0 };

    (void)state;
    assert_int_equal(read_named(&set, text, "x.json", NULL), THORAX_OK);
    assert_int_equal(set.n, 2);
    assert_string_equal(set.items[0].prediction, "a ] } [");
    assert_string_equal(set.items[0].reference, "t");
    assert_int_equal(set.items[0].n_boxes, 1);
    assert_string_equal(set.items[1].prediction, "\"");
    assert_int_equal(set.items[1].line, 4);
    assert_true(set.items[1].has_boxes && !set.items[1].n_boxes && !set.items[1].has_labels);
    assert_int_equal(set.problems.lines, 1);
    assert_int_equal(set.problems.boxes, 1);
    assert_int_equal(set.problems.odd_boxes, 0);
    thx_eval_set_deinit(&set);
}

/* Counted, and kept as they are: the originals score them. */
static void boxes_outside_or_reversed(void **state)
{
    thx_eval_set set = { 0 };

    (void)state;
    assert_int_equal(read_named(&set, "{\"boxes\":[[0.5,0,0.2,1],[0,0,1,1.5],[0,0,1,1]]}\n", "x", NULL), THORAX_OK);
    assert_int_equal(set.items[0].n_boxes, 3);
    assert_int_equal(set.problems.odd_boxes, 2);
    assert_int_equal(thx_eval_problems_all(&set.problems), 0);
    thx_eval_set_deinit(&set);
}

/* Of another kind than they should be: counted, never taken as absent in silence. */
static void values_of_other_kinds(void **state)
{
    static const char text[] = "{\"id\":7.0,\"labels\":\"Edema\",\"boxes\":\"[0, 0, 1, 1]\"}\n"
                               "{\"id\":8,\"labels\":{\"Edema\":\"yes\",\"Fracture\":null},"
                               "\"scores\":{\"Edema\":\"0.5\"}}\n";
    thx_eval_set set = { 0 };

    (void)state;
    assert_int_equal(read_named(&set, text, "x.jsonl", NULL), THORAX_OK);
    assert_string_equal(set.items[0].id, "7");
    assert_false(set.items[0].has_labels || set.items[0].has_boxes);
    assert_false(set.items[1].has_scores);
    assert_int_equal(set.problems.labels, 3);
    assert_int_equal(set.problems.boxes, 1);
    thx_eval_set_deinit(&set);
    assert_int_equal(read_named(&set, "prediction,Edema,score Edema\np,yes,\np,nan,0.5\n", "x.csv", NULL), THORAX_OK);
    assert_int_equal(set.problems.labels, 1);
    assert_int_equal(set.items[0].labels[thx_eval_finding("Edema")], THX_EVAL_BLANK);
    thx_eval_set_deinit(&set);

    char digits[500], *line = digits + sprintf(digits, "prediction,boxes\np,\"[0,0,1,");
    memset(line, '9', 400);
    strcpy(line + 400, "][0,0,1,1]\"\n");
    assert_int_equal(read_named(&set, digits, "x.csv", NULL), THORAX_OK);
    assert_int_equal(set.items[0].n_boxes, 1);
    assert_int_equal(set.problems.boxes, 1);
    thx_eval_set_deinit(&set);
}

static void lines_of_batch(void **state)
{
    static const char text[] =
        "{\"schema\":1,\"film\":{\"path\":\"f.png\"},\"task\":\"classify\",\"text\":\"edema\",\"findings\":[{\"name\":"
        "\"Edema\","
        "\"present\":true,\"score\":0.75},{\"name\":\"Fracture\",\"present\":null,\"score\":null}],\"boxes\":[]}\n"
        "{\"schema\":1,\"film\":{\"path\":\"g.png\"},\"error\":{\"code\":\"film\",\"text\":\"g.png: no\"}}\n";
    thx_eval_set set = { 0 }, records = { 0 };

    (void)state;
    assert_int_equal(read_named(&set, text, "x", NULL), THORAX_OK);
    assert_string_equal(set.items[0].id, "f.png");
    assert_string_equal(set.items[0].prediction, "edema");
    assert_true(set.items[0].has_scores && set.items[0].scores[thx_eval_finding("Edema")] == 0.75);
    assert_true(set.items[0].has_found && !set.items[0].has_boxes);
    assert_true(set.items[1].failed && !set.items[1].prediction);

    /* References by image, relative to the records' folder. */
    assert_int_equal(
        read_named(&records,
                   "{\"id\":\"1\",\"task\":\"classify\",\"image\":\"f.png\",\"answer\":\"r\",\"labels\":[]}\n", "r",
                   NULL),
        THORAX_OK);
    assert_int_equal(thx_eval_set_index(&records, &err), THORAX_OK);
    assert_int_equal(thx_eval_set_index(&set, &err), THORAX_OK);
    assert_int_equal(thx_eval_set_attach(&set, &records, ".", &err), THORAX_OK);
    assert_string_equal(thx_eval_set_find(&set, "classify", "1")->reference, "r");
    assert_int_equal(set.problems.unmatched, 1);
    thx_eval_set_deinit(&set);
    thx_eval_set_deinit(&records);
}

static void csv(void **state)
{
    static const char text[] =
        "\xEF\xBB\xBFid,prediction,\"my ref\",other,Pleural Effusion,score:Edema,labels\r\n"
        "1,\"two\nlines, \"\"quoted\"\"\",ref,x,1.0,0.25,Edema; Fracture\r\n2,short\r\n\n3,,r,,,,\n4,p,r,x,,,\"";
    thx_eval_set set = { 0 };

    (void)state;
    assert_int_equal(read_named(&set, text, "x.csv", &(thx_eval_reading){ .columns = "reference=my ref" }), THORAX_OK);
    assert_int_equal(set.n, 2);
    assert_string_equal(set.items[0].prediction, "two\nlines, \"quoted\"");
    assert_string_equal(set.items[0].reference, "ref");
    assert_int_equal(set.items[0].labels[thx_eval_finding("Pleural Effusion")], THX_EVAL_YES);
    assert_int_equal(set.items[0].labels[thx_eval_finding("Fracture")], THX_EVAL_YES);
    assert_true(set.items[0].scores[thx_eval_finding("edema")] == 0.25);
    assert_string_equal(set.items[1].prediction, "");
    assert_int_equal(set.items[1].line, 6);
    assert_int_equal(set.problems.lines, 2);
    thx_eval_set_deinit(&set);
}

static void csv_without_columns(void **state)
{
    thx_eval_set set = { 0 };

    (void)state;
    assert_int_equal(read_named(&set, "a,b\n1,2\n", "x.csv", NULL), THORAX_FORMAT);
    assert_non_null(strstr(err.text, "x.csv: line 1"));
    thx_eval_set_deinit(&set);
}

static void two_files_of_lines(void **state)
{
    char path[] = "/tmp/thorax-lines-XXXXXX";
    const int fd = mkstemp(path);
    thx_eval_set set = { 0 };

    (void)state;
    assert_true(fd >= 0 && write(fd, "one\n\nthree\nfour\n", 16) == 16);
    close(fd);
    assert_int_equal(read_named(&set, "a\r\nb\n\n", "x.txt", &(thx_eval_reading){ .references = path }), THORAX_OK);
    unlink(path);
    assert_int_equal(set.n, 4);
    assert_string_equal(set.items[0].prediction, "a");
    assert_string_equal(set.items[1].reference, "");
    assert_string_equal(set.items[2].prediction, "");
    assert_null(set.items[3].prediction);
    assert_int_equal(set.problems.unequal, 1);
    thx_eval_set_deinit(&set);
}

/* The first that did not fail stays; keys are task and id together. */
static void ids_that_come_again(void **state)
{
    static const char text[] =
        "{\"id\":\"a\",\"task\":\"report\",\"error\":{}}\n{\"id\":\"a\",\"task\":\"report\",\"prediction\":\"1\"}\n"
        "{\"id\":\"a\",\"task\":\"report\",\"prediction\":\"2\"}\n{\"id\":\"a\",\"task\":\"ask\",\"prediction\":\"3\"}"
        "\n";
    thx_eval_set set = { 0 };

    (void)state;
    assert_int_equal(read_named(&set, text, "x", NULL), THORAX_OK);
    assert_int_equal(thx_eval_set_index(&set, &err), THORAX_OK);
    assert_int_equal(set.n, 2);
    assert_string_equal(thx_eval_set_find(&set, "report", "a")->prediction, "1");
    assert_string_equal(thx_eval_set_find(&set, "ask", "a")->prediction, "3");
    assert_null(thx_eval_set_find(&set, "ground", "a"));
    assert_int_equal(set.problems.twice, 1);
    thx_eval_set_deinit(&set);
}

static void nothing_that_can_be_read(void **state)
{
    thx_eval_set set = { 0 };

    (void)state;
    assert_int_equal(read_named(&set, "a\nb\n", "x", NULL), THORAX_FORMAT);
    assert_non_null(strstr(err.text, "none of its 2 lines"));
    assert_int_equal(read_named(&set, "", "x", NULL), THORAX_OK);
    assert_int_equal(thx_eval_read("/nowhere", NULL, take, &set, &set.problems, &err), THORAX_IO);
    thx_eval_set_deinit(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_json),
        cmocka_unit_test(array_of_results),
        cmocka_unit_test(boxes_outside_or_reversed),
        cmocka_unit_test(values_of_other_kinds),
        cmocka_unit_test(lines_of_batch),
        cmocka_unit_test(csv),
        cmocka_unit_test(csv_without_columns),
        cmocka_unit_test(two_files_of_lines),
        cmocka_unit_test(ids_that_come_again),
        cmocka_unit_test(nothing_that_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
