/* Films: from a file or from samples to a thx_film; see film.h.
 *
 * The content decides which decoder runs, never the name. What is not a film is named as what it
 * seems to be, because the usual causes (a download pointer, a renamed document, a DICOM file) are
 * easy to mend once known. Samples are hashed once, here. */
#include "film/decode.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DICOM_MARK_AT = 128 };

static thx_film_limits limits_or_default(const thx_film_limits *limits)
{
    static const thx_film_limits usual = { .file_bytes = (uint64_t)512 << 20, .side_px = 32768,
                                           .pixels = (uint64_t)256 << 20 };

    return limits ? *limits : usual;
}

static uint32_t layout_channels(thx_layout layout)
{
    return layout == THX_CMYK ? 4 : (uint32_t)layout;
}

thorax_status thx_film_check_size(const thx_film_file *file, uint64_t width, uint64_t height,
                                  thorax_error *err)
{
    const thx_film_limits *l = &file->limits;

    if (!width || !height)
        return thx_fail(err, THORAX_FILM, 0,
                        "%s: a film of %" PRIu64 "x%" PRIu64 " pixels has nothing to see",
                        file->name, width, height);
    if (width > l->side_px || height > l->side_px)
        return thx_fail(err, THORAX_FILM, 0,
                        "%s: %" PRIu64 "x%" PRIu64 " pixels, the limit is %" PRIu32 " a side",
                        file->name, width, height, l->side_px);
    if (width * height > l->pixels)
        return thx_fail(err, THORAX_FILM, 0,
                        "%s: %" PRIu64 "x%" PRIu64 " pixels, the limit is %" PRIu64 " in all",
                        file->name, width, height, l->pixels);
    return THORAX_OK;
}

thorax_status thx_film_take_samples(thx_film *film, const char *name, thorax_error *err)
{
    size_t bytes;

    if (!thx_mul_size(&bytes, film->width, film->height) ||
        !thx_mul_size(&bytes, bytes, (size_t)film->channels * film->sample_bytes))
        return thx_fail(err, THORAX_FILM, 0, "%s: %ux%u pixels do not fit into memory", name,
                        film->width, film->height);
    film->samples = malloc(bytes);
    if (!film->samples)
        return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for %zu bytes of samples", name,
                        bytes);
    return THORAX_OK;
}

/* The hash of the samples, 16-bit ones as little endian whatever the host. */
static void hash_samples(thx_film *film)
{
    const size_t row = (size_t)film->width * film->channels;
    thx_sha256   h;

    thx_sha256_init(&h);
    for (size_t y = 0; y < film->height; y++) {
        const unsigned char *p =
            (const unsigned char *)film->samples + y * row * film->sample_bytes;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        for (size_t i = 0; film->sample_bytes == 2 && i < row; i++)
            thx_sha256_add(&h, (unsigned char[]){ p[2 * i + 1], p[2 * i] }, 2);
        if (film->sample_bytes == 1)
#endif
            thx_sha256_add(&h, p, row * film->sample_bytes);
    }
    thx_sha256_end(&h, film->sha256);
}

/* Names the decoded samples as the film's users know them. */
static void name_samples(thx_film *film)
{
    static const char *const names[6][2] = {
        [THX_GREY] = { "gray8", "gray16le" },
        [THX_GREY_ALPHA] = { "gray8+alpha8", "gray16le+alpha16le" },
        [THX_RGB] = { "rgb8", "rgb16le" },
        [THX_RGBA] = { "rgba8", "rgba16le" },
        [THX_CMYK] = { "cmyk8", "cmyk16le" },
    };

    snprintf(film->decoded, sizeof film->decoded, "%s",
             names[film->layout][film->sample_bytes - 1]);
}

static bool starts(const thx_film_file *f, size_t at, const char *mark, size_t n)
{
    return f->size >= at + n && !memcmp(f->data + at, mark, n);
}

/* True when the first bytes could be a text somebody wrote. */
static bool looks_like_text(const thx_film_file *f)
{
    const size_t n = f->size < 512 ? f->size : 512;

    for (size_t i = 0; i < n; i++)
        if (f->data[i] < 0x20 && !isspace(f->data[i])) return false;
    return true;
}

/* Old DICOM files have no preamble: they begin with an element of group 2 or 8, little endian. */
static bool starts_like_dicom(const thx_film_file *f)
{
    const unsigned char *p = f->data;

    return f->size >= DICOM_MARK_AT && (p[0] == 2 || p[0] == 8) && !p[1] && !p[3];
}

/* What the file is, if it is neither PNG nor JPEG. */
static const char *guess_kind(const thx_film_file *f)
{
    static const struct { size_t at, n; const char *mark, *kind; } kinds[] = {
        { DICOM_MARK_AT, 4, "DICM", "a DICOM file, which this build does not read yet" },
        { 0, 24, "version https://git-lfs.",
          "a git-LFS pointer: the film itself was not downloaded (git lfs pull)" },
        { 0, 4, "\x89PNG", "a PNG damaged by a transfer as text" },
        { 0, 4, "GIF8", "a GIF" },
        { 0, 2, "BM", "a BMP" },
        { 0, 4, "II*\0", "a TIFF" },
        { 0, 4, "MM\0*", "a TIFF" },
        { 8, 4, "WEBP", "a WebP" },
        { 4, 8, "jP  \r\n\x87\n", "a JPEG 2000" },
        { 0, 4, "\xff\x4f\xff\x51", "a JPEG 2000" },
        { 4, 4, "ftyp", "a HEIF, AVIF or video file" },
        { 0, 4, "%PDF", "a PDF" },
        { 0, 4, "PK\3\4", "a zip archive" },
        { 0, 2, "\x1f\x8b", "a gzip archive" },
        { 0, 6, "\x93NUMPY", "a NumPy array" },
    };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (starts(f, kinds[i].at, kinds[i].mark, kinds[i].n)) return kinds[i].kind;
    if (starts_like_dicom(f)) return "an old DICOM file, which this build does not read yet";
    return looks_like_text(f) ? "a text" : "something else";
}

static thorax_status decode_known(thx_film *film, const thx_film_file *file, thorax_error *err)
{
    if (!file->size)
        return thx_fail(err, THORAX_FILM, 0, "%s: expected a PNG or JPEG, found an empty file",
                        file->name);
    if (file->size > file->limits.file_bytes)
        return thx_fail(err, THORAX_FILM, 0, "%s: %zu bytes, the limit is %" PRIu64, file->name,
                        file->size, file->limits.file_bytes);
    if (starts(file, 0, "\x89PNG\r\n\x1a\n", 8)) return thx_png_decode(film, file, err);
    if (starts(file, 0, "\xff\xd8\xff", 3)) return thx_jpeg_decode(film, file, err);
    return thx_fail(err, THORAX_FILM, 0, "%s: expected a PNG or JPEG, found %s", file->name,
                    guess_kind(file));
}

thorax_status thx_film_decode(thx_film **out, const void *data, size_t size, const char *name,
                              const thx_film_limits *limits, thorax_error *err)
{
    const thx_film_file file = { data, size, name, limits_or_default(limits) };
    thx_film           *film = calloc(1, sizeof *film);

    *out = NULL;
    if (!film) return thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", name);
    const thorax_status st = decode_known(film, &file, err);
    if (st) {
        thx_film_close(film);
        return st;
    }
    name_samples(film);
    hash_samples(film);
    *out = film;
    return THORAX_OK;
}

thorax_status thx_film_open(thx_film **out, const char *path, const thx_film_limits *limits,
                            thorax_error *err)
{
    const uint64_t max = limits_or_default(limits).file_bytes;
    char          *data;
    size_t         size;

    *out = NULL;
    thorax_status st =
        thx_file_read(&data, &size, path, max > SIZE_MAX - 1 ? SIZE_MAX - 1 : (size_t)max, err);
    if (st == THORAX_LIMIT) { /* a film beyond a limit is a refused film, whichever limit it was */
        st = THORAX_FILM;
        if (err) err->status = st;
    }
    if (!st) st = thx_film_decode(out, data, size, path, limits, err);
    free(data);
    return st;
}

thorax_status thx_film_from_samples(thx_film **out, const void *samples, uint32_t width,
                                    uint32_t height, thx_layout layout, uint32_t sample_bytes,
                                    const thx_film_limits *limits, thorax_error *err)
{
    const thx_film_file none = { NULL, 0, "samples", limits_or_default(limits) };

    *out = NULL;
    if (layout < THX_GREY || layout > THX_CMYK || (sample_bytes != 1 && sample_bytes != 2))
        return thx_fail(err, THORAX_USAGE, 0,
                        "samples: layout %d with %u bytes a sample is not known", (int)layout,
                        sample_bytes);
    thorax_status st = thx_film_check_size(&none, width, height, err);
    if (st) return st;
    thx_film *film = calloc(1, sizeof *film);
    if (!film) return thx_fail(err, THORAX_NOMEM, 0, "samples: out of memory");
    *film = (thx_film){ .width = width,
                        .height = height,
                        .layout = layout,
                        .channels = layout_channels(layout),
                        .bits = 8 * sample_bytes,
                        .sample_bytes = sample_bytes,
                        .format = "samples" };
    st = thx_film_take_samples(film, none.name, err);
    if (st) {
        thx_film_close(film);
        return st;
    }
    memcpy(film->samples, samples, (size_t)width * height * film->channels * sample_bytes);
    name_samples(film);
    hash_samples(film);
    *out = film;
    return THORAX_OK;
}

void thx_film_close(thx_film *film)
{
    if (!film) return;
    free(film->samples);
    free(film);
}
