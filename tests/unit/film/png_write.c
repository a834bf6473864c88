/* PNG files written by us, read back by libpng's own simple reader. */
#include "check.h"

#include "film/film.h"

#include <png.h>

enum { W = 37, H = 23 };

static const char *temp_file(void)
{
    static char path[1024];

    snprintf(path, sizeof path, "%s/test-png-write-%ld.png",
             getenv("THORAX_BUILD") ? getenv("THORAX_BUILD") : "/tmp", (long)getpid());
    return path;
}

static void read_back(const char *path, png_uint_32 format, void *out)
{
    png_image im = { .version = PNG_IMAGE_VERSION };

    assert_true(png_image_begin_read_from_file(&im, path));
    assert_int_equal(im.width, W);
    assert_int_equal(im.height, H);
    im.format = format;
    assert_true(png_image_finish_read(&im, NULL, out, 0, NULL));
    unlink(path);
}

static void eight_bits(void **state)
{
    unsigned char pixels[W * H * 3], got[W * H * 3];
    thorax_error  err;

    (void)state;
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (unsigned char)(i * 31 ^ i >> 5);
    for (uint32_t c = 1; c <= 3; c += 2) {
        assert_ok(thx_picture_write_png(&(thx_picture){ W, H, c, pixels }, temp_file(), &err), err);
        read_back(temp_file(), c == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY, got);
        assert_memory_equal(got, pixels, W * H * c);
    }
}

/* Byte by byte in the file, as the simple reader would rescale 16-bit samples. */
static void sixteen_bits(void **state)
{
    uint16_t     samples[W * H], got[W * H];
    thorax_error err;

    (void)state;
    for (size_t i = 0; i < W * H; i++) samples[i] = (uint16_t)(i * 7919);
    assert_ok(thx_png_write_grey16(samples, W, H, temp_file(), &err), err);

    FILE *f = fopen(temp_file(), "rb");
    assert_non_null(f);
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop   info = png_create_info_struct(png);
    png_init_io(png, f);
    png_read_info(png, info);
    assert_int_equal(png_get_bit_depth(png, info), 16);
    for (size_t y = 0; y < H; y++) {
        png_byte row[W * 2];
        png_read_row(png, row, NULL);
        for (size_t x = 0; x < W; x++)
            got[y * W + x] = (uint16_t)(row[2 * x] << 8 | row[2 * x + 1]);
    }
    png_destroy_read_struct(&png, &info, NULL);
    fclose(f);
    unlink(temp_file());
    assert_memory_equal(got, samples, sizeof samples);
}

static void bad_input(void **state)
{
    unsigned char pixel = 0;
    thorax_error  err;

    (void)state;
    assert_int_equal(thx_picture_write_png(&(thx_picture){ 0, 1, 1, &pixel }, temp_file(), &err),
                     THORAX_USAGE);
    assert_int_equal(thx_picture_write_png(&(thx_picture){ 1, 1, 2, &pixel }, temp_file(), &err),
                     THORAX_USAGE);
    assert_int_equal(
        thx_picture_write_png(&(thx_picture){ 1, 1, 1, &pixel }, "/no/such/folder/x.png", &err),
        THORAX_IO);
    assert_int_not_equal(access(temp_file(), F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(eight_bits),
                                        cmocka_unit_test(sixteen_bits),
                                        cmocka_unit_test(bad_input) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
