/* Pictures as PNG files: 8-bit grey or RGB, 16-bit grey.
 *
 * The file is made in memory and then put into place whole, so that a reader never sees
 * half of one. Compression favours speed: noise does not shrink, and films are mostly noise. */
#include "film/film.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/string.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

enum { DEFLATE_LEVEL = 4 };

typedef struct image {
    const unsigned char *rows;  /* first row                       */
    size_t   row_bytes;
    uint32_t width, height;
    int      bits, colour;      /* as png_set_IHDR wants them      */
} image;

typedef struct sink {
    thx_string file;
    char       why[120];        /* libpng's own words on a failure */
} sink;

static void write_bytes(png_structp png, png_bytep data, size_t size)
{
    sink *s = png_get_io_ptr(png);

    thx_string_add(&s->file, (const char *)data, size);
    if (s->file.failed) png_error(png, "out of memory");
}

static void flush_nothing(png_structp png) { (void)png; }

static void on_error(png_structp png, png_const_charp text)
{
    sink *s = png_get_error_ptr(png);

    strncpy(s->why, text, sizeof s->why - 1);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text) { (void)png, (void)text; }

/* Encodes into s->file; false with s->why set when libpng gives up. */
static bool encode(sink *s, const image *im)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, s, on_error, on_warning);
    png_infop   info = png ? png_create_info_struct(png) : NULL;

    if (!info) {
        strcpy(s->why, "out of memory");
        png_destroy_write_struct(&png, NULL);
        return false;
    }
    if (setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        return false;
    }
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_write_fn(png, s, write_bytes, flush_nothing);
    png_set_IHDR(png, info, im->width, im->height, im->bits, im->colour, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_compression_level(png, DEFLATE_LEVEL);
    png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_SUB | PNG_FILTER_UP);
    png_write_info(png, info);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (im->bits == 16) png_set_swap(png);
#endif
    for (uint32_t y = 0; y < im->height; y++) png_write_row(png, im->rows + y * im->row_bytes);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    return true;
}

static thorax_status write_image(const image *im, const char *path, thorax_error *err)
{
    sink          s = { { 0 }, "" };
    thorax_status st;

    if (!im->rows || !im->width || !im->height)
        return thx_fail(err, THORAX_USAGE, 0,
                        "%s: a picture of %ux%u pixels cannot be written as PNG", path, im->width,
                        im->height);
    if (encode(&s, im)) st = thx_file_write(path, s.file.data, s.file.size, err);
    else
        st = thx_fail(err, s.file.failed ? THORAX_NOMEM : THORAX_IO, 0,
                      "%s: cannot make the PNG: %s", path, s.why);
    thx_string_deinit(&s.file);
    return st;
}

thorax_status thx_picture_write_png(const thx_picture *p, const char *path, thorax_error *err)
{
    if (p->channels != 1 && p->channels != 3)
        return thx_fail(err, THORAX_USAGE, 0, "%s: expected 1 or 3 channels, found %u", path,
                        p->channels);
    return write_image(&(image){ p->data, (size_t)p->width * p->channels, p->width, p->height, 8,
                                 p->channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY },
                       path, err);
}

thorax_status thx_png_write_grey16(const uint16_t *samples, uint32_t width, uint32_t height,
                                   const char *path, thorax_error *err)
{
    return write_image(&(image){ (const unsigned char *)samples, (size_t)width * 2, width, height,
                                 16, PNG_COLOR_TYPE_GRAY },
                       path, err);
}
