/* Real films in every format we read, against the hashes of their decoded samples. */
#include "check.h"

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
        const unsigned width = (unsigned)atoi(next_cell(&rest)), height = (unsigned)atoi(next_cell(&rest));
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

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(expected_films) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
