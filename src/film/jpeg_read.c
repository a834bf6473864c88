/* JPEG files to samples, by jpeglib: accurate integer IDCT, smooth chroma upsampling.
 *
 * Grey stays grey, YCbCr becomes RGB, CMYK and YCCK become CMYK in the usual sense (0 = no ink):
 * all writers of such files follow Adobe and store them inverted, so every one is inverted back. An
 * orientation in EXIF is named and not applied: boxes are in the frame of the stored samples.
 *
 * The library mends damage by guessing (a warning and grey blocks). A guessed film is worse than
 * none, so warnings that mean lost picture data are errors here; harmless ones (stray bytes between
 * segments, unknown revisions) are not. */
#include "film/decode.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>
#include <setjmp.h>

enum {
    SCANS_MAX = 100,             /* a progressive file of any known writer has at most 20        */
    PIXELS_PER_BYTE_MAX = 2048,  /* Huffman: at least 1 bit for 8x8 samples; 4 of room for chroma */
    ROWS_AT_ONCE = 16,
    EXIF_MARKER = JPEG_APP0 + 1,
    MARKER_BYTES_MAX = 0xffff,
};

typedef struct reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr         errors;
    struct jpeg_progress_mgr      progress;
    jmp_buf                       back;
    const thx_film_file          *file;
    thx_film                     *film;
    char                          why[JMSG_LENGTH_MAX]; /* the library's own words */
    thorax_status                 status;               /* of our own failures      */
} reader;

/* The library knows the reader by the address of its first member, or by client_data. */
static reader *reader_of(j_common_ptr jpeg) { return jpeg->client_data; }

static void on_error(j_common_ptr jpeg)
{
    reader *r = reader_of(jpeg);

    jpeg->err->format_message(jpeg, r->why);
    longjmp(r->back, 1);
}

static bool loses_picture(int code)
{
    return code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE || code == JWRN_ARITH_BAD_CODE ||
           code == JWRN_JPEG_EOF || code == JWRN_MUST_RESYNC || code == JWRN_BOGUS_PROGRESSION;
}

static void on_message(j_common_ptr jpeg, int level)
{
    if (level >= 0) return;
    jpeg->err->num_warnings++;
    if (loses_picture(jpeg->err->msg_code)) on_error(jpeg);
}

static void on_progress(j_common_ptr jpeg)
{
    reader *r = reader_of(jpeg);

    if (r->jpeg.input_scan_number <= SCANS_MAX) return;
    snprintf(r->why, sizeof r->why, "more than %d scans", SCANS_MAX);
    longjmp(r->back, 1);
}

static unsigned read_16(const unsigned char *p, bool big)
{
    return big ? p[0] << 8 | p[1] : p[1] << 8 | p[0];
}

static uint32_t read_32(const unsigned char *p, bool big)
{
    return big ? (uint32_t)read_16(p, big) << 16 | read_16(p + 2, big)
               : (uint32_t)read_16(p + 2, big) << 16 | read_16(p, big);
}

/* The orientation, 1 to 8, of an EXIF segment (a TIFF after "Exif\0\0"); 0 when it has none. */
static unsigned exif_orientation(const unsigned char *p, size_t size)
{
    enum { TAG_ORIENTATION = 0x0112, ENTRY_BYTES = 12 };

    if (size < 14 || memcmp(p, "Exif\0", 6)) return 0;
    p += 6;
    size -= 6;
    const bool big = p[0] == 'M';
    if ((!big && p[0] != 'I') || p[1] != p[0] || read_16(p + 2, big) != 42) return 0;
    const size_t at = read_32(p + 4, big);
    if (at > size || size - at < 2) return 0;
    const size_t n = read_16(p + at, big);
    for (size_t i = 0; i < n && (size - at - 2) / ENTRY_BYTES > i; i++) {
        const unsigned char *entry = p + at + 2 + i * ENTRY_BYTES;
        if (read_16(entry, big) != TAG_ORIENTATION) continue;
        const unsigned value = read_16(entry + 8, big);
        return value <= 8 ? value : 0;
    }
    return 0;
}

/* The second byte of the frame header's marker, 0xc0 for baseline; 0 when there is none. The
 * library does not tell baseline from extended files. */
static unsigned frame_marker(const thx_film_file *file)
{
    const unsigned char *p = file->data;

    for (size_t at = 2; at + 4 <= file->size;) {
        const unsigned m = p[at + 1];
        if (p[at] != 0xff || m == 0xff) at++; /* stray or fill byte */
        else if (m >= 0xc0 && m <= 0xcf && m != 0xc4 && m != 0xc8 && m != 0xcc) return m;
        else if (m <= 1 || (m >= 0xd0 && m <= 0xd8)) at += 2; /* markers without a length */
        else at += 2 + (size_t)read_16(p + at + 2, true);
    }
    return 0;
}

static const char *frame_name(unsigned marker)
{
    switch (marker) {
    case 0xc0: return "baseline";
    case 0xc2: return "progressive";
    case 0xc9: return "arithmetic";
    case 0xca: return "arithmetic progressive";
    default: return "extended";
    }
}

static void describe(thx_film *film, const thx_film_file *file,
                     const struct jpeg_decompress_struct *j)
{
    char        *text = film->format;
    const size_t room = sizeof film->format;
    unsigned     orientation = 0;
    size_t n =
        (size_t)snprintf(text, room, "JPEG %s, %d component%s", frame_name(frame_marker(file)),
                         j->num_components, j->num_components == 1 ? "" : "s");

    for (int c = 0; j->num_components > 1 && c < j->num_components && n < room; c++)
        n += (size_t)snprintf(text + n, room - n, "%s%dx%d", c ? "/" : " ",
                              j->comp_info[c].h_samp_factor, j->comp_info[c].v_samp_factor);
    if (j->restart_interval && n < room)
        n += (size_t)snprintf(text + n, room - n, ", restart %u MCU", j->restart_interval);
    for (const struct jpeg_marker_struct *m = j->marker_list; m && !orientation; m = m->next)
        if (m->marker == EXIF_MARKER) orientation = exif_orientation(m->data, m->data_length);
    if (orientation > 1 && n < room)
        snprintf(text + n, room - n, ", EXIF orientation %u", orientation);
}

/* Chooses what the samples become; false, with the reason, for an odd number of components. */
static bool choose_layout(reader *r)
{
    static const struct { thx_layout layout; J_COLOR_SPACE colour; } known[5] = {
        [1] = { THX_GREY, JCS_GRAYSCALE }, [3] = { THX_RGB, JCS_RGB }, [4] = { THX_CMYK, JCS_CMYK }
    };
    const int n = r->jpeg.num_components;

    if (n < 1 || n > 4 || n == 2) {
        snprintf(r->why, sizeof r->why, "%d components (1, 3 or 4 are read)", n);
        return false;
    }
    r->film->layout = known[n].layout;
    r->film->channels = (uint32_t)n;
    r->jpeg.out_color_space = known[n].colour;
    return true;
}

/* Reads the header and checks it before memory is taken. Jumps out on error. */
static bool read_head(reader *r, thorax_error *err)
{
    struct jpeg_decompress_struct *j = &r->jpeg;
    const thx_film_file           *file = r->file;

    jpeg_mem_src(j, file->data, (unsigned long)file->size);
    jpeg_save_markers(j, EXIF_MARKER, MARKER_BYTES_MAX);
    jpeg_read_header(j, TRUE);
    r->status = thx_film_check_size(file, j->image_width, j->image_height, err);
    if (r->status) return false;
    if (!j->arith_code &&
        (uint64_t)j->image_width * j->image_height / PIXELS_PER_BYTE_MAX > file->size) {
        snprintf(r->why, sizeof r->why, "the file is too short for %ux%u pixels", j->image_width,
                 j->image_height);
        return false;
    }
    if (!choose_layout(r)) return false;
    r->film->width = j->image_width;
    r->film->height = j->image_height;
    r->film->bits = 8;
    r->film->sample_bytes = 1;
    describe(r->film, file, j);
    return true;
}

static void invert(unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) p[i] = (unsigned char)(255 - p[i]);
}

/* Jumps out on error. */
static void read_rows(reader *r)
{
    struct jpeg_decompress_struct *j = &r->jpeg;
    unsigned char                 *samples = r->film->samples;
    const size_t                   row_bytes = (size_t)r->film->width * r->film->channels;

    j->dct_method = JDCT_ISLOW;
    j->do_fancy_upsampling = TRUE;
    jpeg_start_decompress(j);
    while (j->output_scanline < j->output_height) {
        JSAMPROW     rows[ROWS_AT_ONCE];
        unsigned     n = 0;
        const size_t first = j->output_scanline;
        for (; n < ROWS_AT_ONCE && first + n < j->output_height; n++)
            rows[n] = samples + (first + n) * row_bytes;
        jpeg_read_scanlines(j, rows, n);
    }
    jpeg_finish_decompress(j);
    if (r->film->layout == THX_CMYK) invert(samples, row_bytes * r->film->height);
}

/* False when the library gave up (r->why) or we did (r->status). */
static bool decode(reader *r, thorax_error *err)
{
    const uint64_t limit = r->file->limits.pixels;

    if (setjmp(r->back)) return false;
    jpeg_create_decompress(&r->jpeg);
    /* coefficients of progressive files: 2 bytes of up to 4 components */
    r->jpeg.mem->max_memory_to_use = limit < LONG_MAX / 8 ? (long)limit * 8 : LONG_MAX;
    r->jpeg.progress = &r->progress;
    if (!read_head(r, err)) return false;
    r->status = thx_film_take_samples(r->film, r->file->name, err);
    if (r->status) return false;
    read_rows(r);
    return true;
}

thorax_status thx_jpeg_decode(thx_film *film, const thx_film_file *file, thorax_error *err)
{
    reader        r = { .file = file, .film = film };
    thorax_status st = THORAX_OK;

    r.jpeg.err = jpeg_std_error(&r.errors);
    r.jpeg.client_data = &r;
    r.errors.error_exit = on_error;
    r.errors.emit_message = on_message;
    r.progress.progress_monitor = on_progress;
    if (!decode(&r, err)) {
        const size_t left = r.jpeg.src ? r.jpeg.src->bytes_in_buffer : 0,
                     at = left < file->size ? file->size - left : file->size;
        if (r.status) st = r.status;
        else if (r.errors.msg_code == JERR_OUT_OF_MEMORY)
            st = thx_fail(err, THORAX_NOMEM, 0, "%s: %s", file->name, r.why);
        else
            st = thx_fail(err, THORAX_FILM, at,
                          "%s: JPEG damaged, cut short or not supported, at byte %zu of %zu: %s",
                          file->name, at, file->size, r.why);
    }
    jpeg_destroy_decompress(&r.jpeg);
    return st;
}
