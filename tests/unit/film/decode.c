/* Films in every format we read: real ones against the hashes of their samples, small ones against
 * Pillow's pictures; and files that are no films, or no longer. */
#include "check.h"

#include "base/file.h"
#include "base/hash.h"
#include "film/film.h"

/* Cuts the next cell out of a CSV line, quotes removed. */
static char *next_cell(char **line)
{
    char *p = *line, *cell = p;

    if (*p == '"') {
        cell = ++p;
        p += strcspn(p, "\"");
        *p++ = 0;
    } else {
        p += strcspn(p, ",\n");
    }
    *line = *p ? p + 1 : p;
    *p = 0;
    return cell;
}

static void expected_films(void **state)
{
    FILE    *csv = fopen(shared_path("data/cxr/expected.csv"), "r");
    char     line[2048];
    unsigned n = 0, exact = 0, other_jpeg = 0;

    (void)state;
    assert_non_null(csv);
    assert_non_null(fgets(line, sizeof line, csv));
    while (fgets(line, sizeof line, csv)) {
        char         path[512], *rest = line;
        thx_film    *film;
        thorax_error err;
        snprintf(path, sizeof path, "data/%s", next_cell(&rest));
        const char *format = next_cell(&rest);
        const unsigned width = (unsigned)atoi(next_cell(&rest)),
                       height = (unsigned)atoi(next_cell(&rest));
        const unsigned bits = (unsigned)atoi(next_cell(&rest));
        const char *decoded = next_cell(&rest), *sha256 = next_cell(&rest);

        assert_ok(thx_film_open(&film, shared_path(path), NULL, &err), err);
        assert_int_equal(film->width, width);
        assert_int_equal(film->height, height);
        assert_int_equal(film->bits, bits);
        assert_string_equal(film->format, format);
        assert_string_equal(film->decoded, decoded);
        const bool same = !strcmp(film->sha256, sha256);
        if (!same && !strncmp(format, "JPEG", 4)) {
            print_message("%s: this JPEG library decodes to other samples\n", path);
            other_jpeg++;
        } else {
            assert_string_equal(film->sha256, sha256);
        }
        exact += same;
        n++;
        thx_film_close(film);
    }
    fclose(csv);
    print_message("%u films, %u exact\n", n, exact);
    assert_true(n > 30 && other_jpeg == 0);
}

/* The SHA-256 of a picture as RGB bytes, whatever its channels. */
static void hash_rgb(const thx_picture *p, char hex[65])
{
    thx_sha256 h;

    thx_sha256_init(&h);
    for (size_t i = 0; i < (size_t)p->width * p->height; i++)
        for (size_t c = 0; c < 3; c++)
            thx_sha256_add(&h, p->data + (p->channels == 1 ? i : 3 * i + c), 1);
    thx_sha256_end(&h, hex);
}

static void pillow_pictures(void **state)
{
    FILE    *f = fopen(source_path("tests/data/films/cases.txt"), "r");
    char     line[256], name[64], want[65], got[65], path[128];
    unsigned n = 0;

    (void)state;
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        thx_film    *film;
        thx_picture  picture;
        thorax_error err;
        if (*line == '#') continue;
        assert_int_equal(sscanf(line, "%63s %*s %64s", name, want), 2);
        snprintf(path, sizeof path, "tests/fuzz/corpus/%s", name);
        assert_ok(thx_film_open(&film, source_path(path), NULL, &err), err);
        assert_ok(thx_film_render(&picture, film, THX_PROFILE_PILLOW, &err), err);
        hash_rgb(&picture, got);
        if (strcmp(got, want))
            fail_msg("%s (%s) differs from Pillow's picture", name, film->format);
        thx_picture_deinit(&picture);
        thx_film_close(film);
        n++;
    }
    fclose(f);
    assert_true(n >= 30);
}

/* What the samples are called, and their depth. */
static void names(void **state)
{
    static const struct { const char *file, *format, *decoded; unsigned bits;
    } want[] = {
        { "png/gray1.png", "PNG gray", "gray8", 1 },
        { "png/gray2-adam7.png", "PNG gray Adam7", "gray8", 2 },
        { "png/gray8-trns.png", "PNG gray tRNS", "gray8", 8 },
        { "png/gray-alpha16.png", "PNG gray+alpha", "gray16le+alpha16le", 16 },
        { "png/rgb16.png", "PNG RGB", "rgb16le", 16 },
        { "png/rgba16-adam7.png", "PNG RGBA Adam7", "rgba16le", 16 },
        { "png/palette4.png", "PNG palette", "rgb8", 4 },
        { "png/palette8-trns-adam7.png", "PNG palette tRNS Adam7", "rgba8", 8 },
        { "jpeg/gray-exif.jpg", "JPEG baseline, 1 component, EXIF orientation 6", "gray8", 8 },
        { "jpeg/arithmetic-progressive.jpg",
          "JPEG arithmetic progressive, 3 components 2x2/1x1/1x1", "rgb8", 8 },
        { "jpeg/cmyk.jpg", "JPEG baseline, 4 components 1x1/1x1/1x1/1x1", "cmyk8", 8 },
    };
    char path[128];

    (void)state;
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        thx_film    *film;
        thorax_error err;
        snprintf(path, sizeof path, "tests/fuzz/corpus/%s", want[i].file);
        assert_ok(thx_film_open(&film, source_path(path), NULL, &err), err);
        assert_string_equal(film->format, want[i].format);
        assert_string_equal(film->decoded, want[i].decoded);
        assert_int_equal(film->bits, want[i].bits);
        thx_film_close(film);
    }
}

/* Fails with THORAX_FILM and a text that holds both the name and `named`. */
static void refused(const void *data, size_t size, const thx_film_limits *limits, const char *named)
{
    void        *exact = malloc(size ? size : 1); /* so that a sanitizer sees one byte too many */
    thx_film    *film;
    thorax_error err = { 0 };

    memcpy(exact, data, size);
    assert_int_equal(thx_film_decode(&film, exact, size, "a-film", limits, &err), THORAX_FILM);
    assert_null(film);
    assert_int_equal(err.status, THORAX_FILM);
    if (!strstr(err.text, "a-film") || !strstr(err.text, named))
        fail_msg("'%s' does not say '%s'", err.text, named);
    free(exact);
}

static void not_films(void **state)
{
    static const char lfs[] = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n";
    char              dicom[200] = { 0 };

    (void)state;
    memcpy(dicom + 128, "DICM", 4);
    refused("", 0, NULL, "empty");
    refused("Findings: none.\n", 16, NULL, "a text");
    refused(lfs, sizeof lfs - 1, NULL, "git-LFS pointer");
    refused(dicom, sizeof dicom, NULL, "DICOM");
    memset(dicom + 128, 0, 4);
    memcpy(dicom, "\x08\0\x05\0\x0a\0\0\0ISO_IR", 14);
    refused(dicom, sizeof dicom, NULL, "DICOM");
    refused("GIF89a\1\0\1\0\0", 11, NULL, "a GIF");
    refused("\x89PNG\n\x1a\n and so on", 15, NULL, "transfer as text");
    refused("\0\1\2\3\4\5\6\7", 8, NULL, "something else");
    refused("\xff\xd8\xff", 3, NULL, "JPEG");
    refused("\x89PNG\r\n\x1a\n", 8, NULL, "header");
}

static void no_files(void **state)
{
    thx_film    *film;
    thorax_error err;

    (void)state;
    assert_int_equal(thx_film_open(&film, "/no/such/film.png", NULL, &err), THORAX_IO);
    assert_null(film);
    assert_int_equal(thx_film_open(&film, source_path("tests"), NULL, &err), THORAX_IO);
    assert_non_null(strstr(err.text, "a folder"));
}

/* Every film we have, cut short at every length: never a picture, always a clear refusal. */
static void cut_short(void **state)
{
    static const char *const files[] = {
        "png/gray8.png",      "png/gray8-adam7.png",       "png/palette4.png",
        "jpeg/gray.jpg",      "jpeg/gray-progressive.jpg", "jpeg/rgb-420-restart.jpg",
        "jpeg/arithmetic.jpg"
    };
    char path[128];

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char        *data;
        size_t       size;
        thorax_error err;
        snprintf(path, sizeof path, "tests/fuzz/corpus/%s", files[i]);
        assert_ok(thx_file_read(&data, &size, source_path(path), 1 << 20, &err), err);
        for (size_t n = 0; n < size; n++) refused(data, n, NULL, "");
        free(data);
    }
}

static void wrong_checksum(void **state)
{
    char        *data;
    size_t       size;
    thorax_error err;

    (void)state;
    assert_ok(
        thx_file_read(&data, &size, source_path("tests/fuzz/corpus/png/rgb8.png"), 1 << 20, &err),
        err);
    for (size_t at = 24; at < size; at += 7) { /* header, text, data and end alike */
        data[at] ^= 0x10;
        refused(data, size, NULL, "PNG");
        data[at] ^= 0x10;
    }
    free(data);
}

/* Headers that promise more than may be, without the data. Nothing large is taken for them. */
static void too_large(void **state)
{
    unsigned char png[33] =
        "\x89PNG\r\n\x1a\n\0\0\0\15IHDR\0\1\x86\xa0\0\1\x86\xa0\10"; /* 100,000 x 100,000 */
    const thx_film_limits tight = { .file_bytes = 1 << 20, .side_px = 18, .pixels = 1 << 20 };
    const thx_film_limits few = { .file_bytes = 1 << 20, .side_px = 100, .pixels = 200 };
    const thx_film_limits small = { .file_bytes = 100, .side_px = 100, .pixels = 10000 };
    char        *data;
    size_t       size;
    thorax_error err;
    thx_film    *film;

    (void)state;
    refused(png, sizeof png, NULL, "100000x100000");
    assert_ok(
        thx_file_read(&data, &size, source_path("tests/fuzz/corpus/png/gray8.png"), 1 << 20, &err),
        err);
    refused(data, size, &tight, "19x13 pixels, the limit is 18");
    refused(data, size, &few, "the limit is 200");
    refused(data, size, &small, "the limit is 100");
    free(data);
    assert_int_equal(
        thx_film_open(&film, source_path("tests/fuzz/corpus/png/gray8.png"), &small, &err),
        THORAX_FILM);
    assert_ok(
        thx_file_read(&data, &size, source_path("tests/fuzz/corpus/jpeg/gray.jpg"), 1 << 20, &err),
        err);
    for (size_t at = 2; at + 9 < size; at++) /* the frame header's height and width */
        if ((unsigned char)data[at] == 0xff && (unsigned char)data[at + 1] == 0xc0) {
            memcpy(data + at + 5, "\x32\xc8\x4e\x20", 4);
            break;
        }
    refused(data, size, NULL, "too short for 20000x13000");
    free(data);
}

static void profiles(void **state)
{
    const uint16_t samples[6] = { 1000, 1001, 1500, 2001, 2999, 3000 };
    const uint16_t flat[4] = { 700, 1, 700, 65535 };
    const unsigned char display[6] = { 0, 0, 64, 128, 255, 255 };
    thx_film    *film;
    thx_picture  p;
    thorax_error err;
    thx_profile  profile;

    (void)state;
    assert_true(thx_profile_parse(&profile, "pillow") && profile == THX_PROFILE_PILLOW);
    assert_true(thx_profile_parse(&profile, thx_profile_name(THX_PROFILE_DISPLAY)) &&
                profile == THX_PROFILE_DISPLAY);
    assert_false(thx_profile_parse(&profile, "window"));

    assert_ok(thx_film_from_samples(&film, samples, 3, 2, THX_GREY, 2, NULL, &err), err);
    assert_string_equal(film->decoded, "gray16le");
    assert_ok(thx_film_render(&p, film, THX_PROFILE_DISPLAY, &err), err);
    assert_memory_equal(p.data, display, sizeof display);
    thx_picture_deinit(&p);
    assert_ok(thx_film_render(&p, film, THX_PROFILE_PILLOW, &err), err);
    for (int i = 0; i < 6; i++) assert_int_equal(p.data[i], 255);
    thx_picture_deinit(&p);
    thx_film_close(film);

    assert_ok(thx_film_from_samples(&film, flat, 2, 1, THX_GREY_ALPHA, 2, NULL, &err),
              err); /* alpha is no brightness */
    assert_ok(thx_film_render(&p, film, THX_PROFILE_DISPLAY, &err), err);
    assert_int_equal(p.channels, 1);
    assert_true(p.data[0] == 0 && p.data[1] == 0);
    thx_picture_deinit(&p);
    thx_film_close(film);
}

static void bad_samples(void **state)
{
    const unsigned char pixel[4] = { 1, 2, 3, 4 };
    thx_film           *film;
    thorax_error        err;

    (void)state;
    assert_int_equal(thx_film_from_samples(&film, pixel, 1, 1, (thx_layout)9, 1, NULL, &err),
                     THORAX_USAGE);
    assert_int_equal(thx_film_from_samples(&film, pixel, 1, 1, THX_GREY, 4, NULL, &err),
                     THORAX_USAGE);
    assert_int_equal(thx_film_from_samples(&film, pixel, 0, 1, THX_GREY, 1, NULL, &err),
                     THORAX_FILM);
    assert_int_equal(thx_film_from_samples(&film, pixel, 1 << 20, 1 << 20, THX_GREY, 1, NULL, &err),
                     THORAX_FILM);
    assert_null(film);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expected_films), cmocka_unit_test(pillow_pictures),
        cmocka_unit_test(names),          cmocka_unit_test(not_films),
        cmocka_unit_test(no_files),       cmocka_unit_test(cut_short),
        cmocka_unit_test(wrong_checksum), cmocka_unit_test(too_large),
        cmocka_unit_test(profiles),       cmocka_unit_test(bad_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
