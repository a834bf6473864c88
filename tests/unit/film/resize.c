/* Resampling: bit for bit what Pillow gives, whatever the size, filter, channels and threads. */
#include "check.h"

#include "base/npy.h"
#include "film/film.h"

/* CRC-32 (IEEE), as zlib has it. */
static uint32_t crc32_of(const unsigned char *p, size_t n)
{
    uint32_t c = 0xffffffffu;

    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int b = 0; b < 8; b++) c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
    }
    return ~c;
}

/* p(x, y) = 7x + 13y + xy / 5, modulo 256; in every channel. */
static thx_picture pattern(uint32_t width, uint32_t height, uint32_t channels)
{
    thx_picture p = { width, height, channels, malloc((size_t)width * height * channels) };

    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t c = 0; c < channels; c++)
                p.data[((size_t)y * width + x) * channels + c] =
                    (unsigned char)(7 * x + 13 * y + x * y / 5);
    return p;
}

static void self_test(void **state)
{
    static const struct { uint32_t w, h, nw, nh, crc;
    } cases[] = {
        { 8, 6, 5, 4, 0x1739549a },         { 8, 6, 11, 9, 0x4be2e80c },
        { 160, 120, 48, 48, 0x8d98d2e3 },   { 100, 130, 96, 124, 0x20f660d0 },
        { 64, 64, 192, 192, 0xe6a1580c },   { 300, 200, 384, 256, 0x526dd4f4 },
        { 383, 384, 384, 384, 0xa6a6ada9 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (uint32_t channels = 1; channels <= 3; channels += 2) {
            thx_picture  in = pattern(cases[i].w, cases[i].h, channels), out;
            thorax_error err;
            assert_ok(thx_picture_resize(&out, &in, cases[i].nw, cases[i].nh, THX_BICUBIC, &err),
                      err);
            const size_t n = (size_t)out.width * out.height;
            for (size_t k = 0; channels == 3 && k < n; k++) { /* the channels agree; keep one */
                assert_true(out.data[3 * k] == out.data[3 * k + 1] &&
                            out.data[3 * k] == out.data[3 * k + 2]);
                out.data[k] = out.data[3 * k];
            }
            assert_int_equal(crc32_of(out.data, n), cases[i].crc);
            thx_picture_deinit(&in);
            thx_picture_deinit(&out);
        }
}

static void vertical_only(void **state)
{
    static const unsigned char want[] = { 7,  14, 21, 28, 35, 43, 50, 57, 33, 39,  47,  54,
                                          62, 70, 77, 84, 58, 65, 73, 81, 89, 97, 105, 113 };
    thx_picture  in = pattern(8, 6, 1), out;
    thorax_error err;

    (void)state;
    assert_ok(thx_picture_resize(&out, &in, 8, 3, THX_BICUBIC, &err), err);
    assert_memory_equal(out.data, want, sizeof want);
    thx_picture_deinit(&in);
    thx_picture_deinit(&out);
}

static thx_picture load(const char *folder, const char *name, const char *part, uint32_t channels)
{
    char         path[1024];
    thx_npy      a;
    thorax_error err;

    snprintf(path, sizeof path, "%s/%s.%s.npy", folder, name, part);
    assert_ok(thx_npy_read(&a, path, &err), err);
    assert_string_equal(a.type, "u1");
    return (thx_picture){ (uint32_t)a.shape[1], (uint32_t)a.shape[0], channels, a.data };
}

static void pillow_cases(void **state)
{
    const char *folder = source_path("tests/data/resize");
    char        path[1024], line[256], name[64], filter[16];
    unsigned    channels, w, h, nw, nh, n = 0;

    (void)state;
    snprintf(path, sizeof path, "%s/cases.txt", folder);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        if (*line == '#') continue;
        assert_int_equal(
            sscanf(line, "%63s %15s %u %u %u %u %u", name, filter, &channels, &w, &h, &nw, &nh), 7);
        thx_picture in = load(folder, name, "in", channels),
                    want = load(folder, name, "out", channels), out;
        thorax_error err;
        assert_true(in.width == w && in.height == h && want.width == nw && want.height == nh);
        assert_ok(thx_picture_resize(&out, &in, nw, nh,
                                     strcmp(filter, "lanczos") ? THX_BICUBIC : THX_LANCZOS, &err),
                  err);
        if (memcmp(out.data, want.data, (size_t)nw * nh * channels))
            fail_msg("%s differs from Pillow", name);
        thx_picture_deinit(&in);
        thx_picture_deinit(&want);
        thx_picture_deinit(&out);
        n++;
    }
    fclose(f);
    assert_int_equal(n, 24);
}

/* The same values by one thread and by several, and for a picture that is three equal channels. */
static void threads_agree(void **state)
{
    thx_picture  grey = pattern(1501, 1207, 1), rgb = pattern(1501, 1207, 3), a, b;
    thorax_error err;

    (void)state;
    assert_ok(thx_picture_resize(&a, &grey, 1003, 1404, THX_LANCZOS, &err), err);
    assert_ok(thx_picture_resize(&b, &rgb, 1003, 1404, THX_LANCZOS, &err), err);
    for (size_t i = 0; i < (size_t)1003 * 1404; i++) assert_int_equal(a.data[i], b.data[3 * i + 1]);
    thx_picture_deinit(&a);
    thx_picture_deinit(&b);
    thx_picture_deinit(&grey);
    thx_picture_deinit(&rgb);
}

/* Tens of thousands of weights for one pixel: the sums stay exact. Both directions must agree. */
static void long_sums(void **state)
{
    enum { LONG = 30000 };
    thx_picture  column = { 1, LONG, 1, malloc(LONG) }, row = { LONG, 1, 1, column.data }, a, b;
    thorax_error err;

    (void)state;
    for (uint32_t i = 0; i < LONG; i++) column.data[i] = (unsigned char)(i % 7 ? 255 : i);
    for (int filter = THX_BICUBIC; filter <= THX_LANCZOS; filter++) {
        assert_ok(thx_picture_resize(&a, &column, 1, 3, (thx_filter)filter, &err), err);
        assert_ok(thx_picture_resize(&b, &row, 3, 1, (thx_filter)filter, &err), err);
        assert_memory_equal(a.data, b.data, 3);
        assert_in_range(a.data[1], 230, 240); /* the mean is 237 */
        thx_picture_deinit(&a);
        thx_picture_deinit(&b);
    }
    free(column.data);
}

static void bad_input(void **state)
{
    thx_picture  in = pattern(3, 3, 1), out;
    thorax_error err;

    (void)state;
    assert_int_equal(thx_picture_resize(&out, &in, 0, 3, THX_BICUBIC, &err), THORAX_USAGE);
    in.channels = 2;
    assert_int_equal(thx_picture_resize(&out, &in, 2, 2, THX_BICUBIC, &err), THORAX_USAGE);
    assert_null(out.data);
    thx_picture_deinit(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(self_test),    cmocka_unit_test(vertical_only),
        cmocka_unit_test(pillow_cases), cmocka_unit_test(threads_agree), cmocka_unit_test(long_sums),
        cmocka_unit_test(bad_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
