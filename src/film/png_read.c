/* PNG files to samples, by libpng.
 *
 * Samples stay as stored: 16 bits are kept; 1, 2 and 4 bits of grey are widened to fill 0..255 and
 * a palette is looked up, with an alpha channel where the file gives the palette one. Gamma, colour
 * profiles and a single transparent colour (tRNS of grey or RGB) change no sample and are ignored.
 * A wrong checksum, missing data and a missing end are errors: half a film is no film. */
#include "film/decode.h"

#include <png.h>
#include <stdio.h>
#include <string.h>

enum {
    HEADER_BYTES = 33,            /* signature and IHDR with its checksum           */
    IHDR_WIDTH = 16, IHDR_HEIGHT = 20,
    CHUNK_BYTES_MAX = 64 << 20,   /* of any chunk but image data                    */
    CHUNK_CACHE_MAX = 64,
    DEFLATE_RATIO_MAX = 1040,     /* deflate cannot pack more than 1032 bytes in one */
};

typedef struct reader {
    const thx_film_file *file;
    thx_film            *film;
    png_structp          png;
    png_infop            info;
    size_t               at;        /* next byte of the file      */
    char                 why[160];  /* libpng's own words         */
    thorax_status        status;    /* of our own failures        */
} reader;

static void read_bytes(png_structp png, png_bytep out, size_t size)
{
    reader *r = png_get_io_ptr(png);

    if (size > r->file->size - r->at) png_error(png, "the file ends too early");
    memcpy(out, r->file->data + r->at, size);
    r->at += size;
}

static void on_error(png_structp png, png_const_charp text)
{
    reader *r = png_get_error_ptr(png);

    snprintf(r->why, sizeof r->why, "%s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text) { (void)png, (void)text; }

static uint32_t big_endian_32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Looks at the size before libpng does, so that the refusal can say the numbers. */
static thorax_status check_header(const thx_film_file *file, thorax_error *err)
{
    if (file->size < HEADER_BYTES || memcmp(file->data + 12, "IHDR", 4))
        return thx_fail(err, THORAX_FILM, file->size, "%s: PNG ends within its header", file->name);
    return thx_film_check_size(file, big_endian_32(file->data + IHDR_WIDTH),
                               big_endian_32(file->data + IHDR_HEIGHT), err);
}

static void describe(thx_film *film, png_byte colour, bool transparent, bool interlaced)
{
    static const char *const names[7] = { [PNG_COLOR_TYPE_GRAY] = "gray",
                                          [PNG_COLOR_TYPE_GRAY_ALPHA] = "gray+alpha",
                                          [PNG_COLOR_TYPE_RGB] = "RGB",
                                          [PNG_COLOR_TYPE_RGB_ALPHA] = "RGBA",
                                          [PNG_COLOR_TYPE_PALETTE] = "palette" };

    snprintf(film->format, sizeof film->format, "PNG %s%s%s", names[colour],
             transparent ? " tRNS" : "", interlaced ? " Adam7" : "");
}

/* Reads up to the image data and asks libpng for the samples we keep. Jumps out on error. */
static void read_head(reader *r)
{
    thx_film   *film = r->film;
    png_structp png = r->png;

    png_set_user_limits(png, r->file->limits.side_px, r->file->limits.side_px);
    png_set_chunk_malloc_max(png, CHUNK_BYTES_MAX);
    png_set_chunk_cache_max(png, CHUNK_CACHE_MAX);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1); /* text, profiles, times */
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_set_read_fn(png, r, read_bytes);
    png_read_info(png, r->info);

    const png_byte colour = png_get_color_type(png, r->info),
                   depth = png_get_bit_depth(png, r->info);
    const bool     transparent = png_get_valid(png, r->info, PNG_INFO_tRNS) != 0;
    film->width = png_get_image_width(png, r->info);
    film->height = png_get_image_height(png, r->info);
    film->bits = depth;
    film->sample_bytes = depth == 16 ? 2 : 1;
    describe(film, colour, transparent, png_get_interlace_type(png, r->info) != PNG_INTERLACE_NONE);
    if (colour == PNG_COLOR_TYPE_PALETTE) {
        png_set_palette_to_rgb(png); /* and tRNS to alpha */
        film->layout = transparent ? THX_RGBA : THX_RGB;
    } else {
        if (depth < 8) png_set_expand_gray_1_2_4_to_8(png);
        film->layout = colour == PNG_COLOR_TYPE_GRAY         ? THX_GREY
                       : colour == PNG_COLOR_TYPE_GRAY_ALPHA ? THX_GREY_ALPHA
                       : colour == PNG_COLOR_TYPE_RGB        ? THX_RGB
                                                             : THX_RGBA;
    }
    film->channels = (uint32_t)film->layout;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (depth == 16) png_set_swap(png);
#endif
}

/* Reads the rows, as often as interlacing asks for, and the end of the file. Jumps out on error. */
static void read_rows(reader *r)
{
    const size_t row_bytes = (size_t)r->film->width * r->film->channels * r->film->sample_bytes;
    const int    passes = png_set_interlace_handling(r->png);

    png_read_update_info(r->png, r->info);
    if (png_get_rowbytes(r->png, r->info) != row_bytes)
        png_error(r->png, "rows of an unexpected length");
    for (int pass = 0; pass < passes; pass++)
        for (uint32_t y = 0; y < r->film->height; y++)
            png_read_row(r->png, (png_bytep)r->film->samples + y * row_bytes, NULL);
    png_read_end(r->png, NULL);
}

/* True when the file is long enough to hold that many pixels at all: a lie about the size costs no
 * memory. */
static bool may_hold(const thx_film_file *file, const thx_film *film, uint64_t row_bytes)
{
    return row_bytes * film->height / DEFLATE_RATIO_MAX <= file->size;
}

static thorax_status damaged(const reader *r, thorax_error *err)
{
    const bool memory = strstr(r->why, "ut of memory") || strstr(r->why, "nsufficient memory");

    return thx_fail(err, memory ? THORAX_NOMEM : THORAX_FILM, r->at,
                    "%s: PNG damaged or cut short at byte %zu of %zu: %s", r->file->name, r->at,
                    r->file->size, r->why);
}

/* False when libpng gave up (r->why) or memory for the samples could not be had (r->status). */
static bool decode(reader *r, thorax_error *err)
{
    if (setjmp(png_jmpbuf(r->png))) return false;
    read_head(r);
    if (!may_hold(r->file, r->film, png_get_rowbytes(r->png, r->info)))
        png_error(r->png, "the file is too short for its width and height");
    r->status = thx_film_take_samples(r->film, r->file->name, err);
    if (r->status) return false;
    read_rows(r);
    return true;
}

thorax_status thx_png_decode(thx_film *film, const thx_film_file *file, thorax_error *err)
{
    reader        r = { .file = file, .film = film };
    thorax_status st = check_header(file, err);

    if (st) return st;
    r.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, on_error, on_warning);
    r.info = r.png ? png_create_info_struct(r.png) : NULL;
    if (!r.info) st = thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", file->name);
    else if (!decode(&r, err)) st = r.status ? r.status : damaged(&r, err);
    png_destroy_read_struct(&r.png, &r.info, NULL);
    return st;
}
