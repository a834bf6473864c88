/* Overlays: the size of the film, lines where the boxes are, the film itself elsewhere. */
#include "check.h"
#include "output/output.h"

static char path[] = "/tmp/thorax-overlay-XXXXXX";

static int setup(void **state)
{
    (void)state;
    const int fd = mkstemp(path);
    if (fd >= 0) close(fd);
    return fd < 0;
}

static int teardown(void **state)
{
    (void)state;
    return unlink(path);
}

static thx_film *draw(const thx_result *r, uint32_t width, uint32_t height)
{
    thx_picture p = {
        .width = width, .height = height, .channels = 1, .data = malloc((size_t)width * height)
    };
    thx_film *film;
    thorax_error err;

    memset(p.data, 100, (size_t)width * height);
    assert_ok(thx_result_write_overlay(r, &p, path, &err), err);
    thx_picture_deinit(&p);
    assert_ok(thx_film_open(&film, path, NULL, &err), err);
    assert_int_equal(film->width, width);
    assert_int_equal(film->height, height);
    assert_int_equal(film->layout, THX_RGB);
    return film;
}

static bool is_film(const thx_film *f, uint32_t x, uint32_t y)
{
    const unsigned char *p = (const unsigned char *)f->samples + 3 * ((size_t)y * f->width + x);
    return p[0] == 100 && p[1] == 100 && p[2] == 100;
}

static void lines_lie_on_the_box(void **state)
{
    thorax_labelled_box box = { "heart", 0.25, 0.5, 0.75, 0.75 };
    const thx_result r = { .task = "ground", .boxes = &box, .n_boxes = 1 };
    thx_film *f = draw(&r, 1000, 800);

    (void)state;
    assert_false(is_film(f, 250, 500)); /* left side   */
    assert_false(is_film(f, 750, 500)); /* right side  */
    assert_false(is_film(f, 500, 400)); /* top         */
    assert_false(is_film(f, 500, 600)); /* bottom      */
    assert_true(is_film(f, 500, 500));  /* inside      */
    assert_true(is_film(f, 900, 100));  /* outside     */
    assert_false(is_film(f, 260, 385)); /* the label's plate above the box */
    assert_false(is_film(f, 3, 796));   /* the notice  */
    thx_film_close(f);
}

static void any_size_and_any_number_of_boxes(void **state)
{
    static const uint32_t sizes[][2] = {
        { 1, 1 }, { 7, 300 }, { 300, 7 }, { 64, 64 }, { 3000, 40 }
    };
    thorax_labelled_box boxes[600];
    const thx_result r = {
        .task = "ground",
        .boxes = boxes,
        .n_boxes = 600,
        .remark =
            (char[]){
                "a remark that is a good deal longer than a small film is wide, and goes on" }
    };

    (void)state;
    for (size_t i = 0; i < 600; i++)
        boxes[i] = (thorax_labelled_box){ i % 2 ? "a label of some length" : "", 0, 0, 1,
                                          0.001 * (double)(i + 1) };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        thx_film_close(draw(&r, sizes[i][0], sizes[i][1]));
}

static void without_boxes_only_the_notice(void **state)
{
    const thx_result r = { .task = "report" };
    thx_film *f = draw(&r, 400, 400);

    (void)state;
    assert_true(is_film(f, 200, 200));
    assert_false(is_film(f, 2, 397));
    thx_film_close(f);
}

static void what_cannot_be_written(void **state)
{
    unsigned char pixel = 0;
    const thx_picture p = { .width = 1, .height = 1, .channels = 1, .data = &pixel };
    const thx_picture wide = { .width = 40000, .height = 1, .channels = 1, .data = &pixel };
    const thx_result r = { .task = "report" };
    thorax_error err;

    (void)state;
    assert_int_equal(thx_result_write_overlay(&r, &p, "/no/such/folder/o.png", &err), THORAX_IO);
    assert_int_equal(thx_result_write_overlay(&r, &wide, path, &err), THORAX_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_lie_on_the_box),
        cmocka_unit_test(any_size_and_any_number_of_boxes),
        cmocka_unit_test(without_boxes_only_the_notice),
        cmocka_unit_test(what_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
