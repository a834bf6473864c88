/* A zip directory: what torch writes is read, and every contradiction is named. */
#include "check.h"
#include "archive.h"
#include "weights/zip.h"

static thorax_status read_bytes(thx_zip *zip, thx_arena **arena, const char *data, size_t size, thorax_error *err)
{
    assert_ok(thx_arena_open(arena, 0, err), *err);
    return thx_zip_read(zip, *arena, (thx_map){ (const unsigned char *)data, size }, "file", err);
}

static void entries(void **state)
{
    archive      a = archive_of("N.", 2);
    thx_arena   *arena;
    thx_zip      zip;
    thorax_error err;

    (void)state;
    assert_ok(read_bytes(&zip, &arena, a.out.data, a.out.size, &err), err);
    assert_int_equal(zip.count, 4);
    const thx_zip_entry *e = thx_zip_find(&zip, "archive/data/0");
    assert_non_null(e);
    assert_int_equal(e->begin % 64, 0);
    assert_int_equal(e->end - e->begin, sizeof four);
    assert_memory_equal(a.out.data + e->begin, four, sizeof four);
    assert_null(e->refused);
    assert_null(thx_zip_find(&zip, "archive/data/1"));
    thx_arena_close(arena);

    put(&a.out, 0x1234, 2), a.out.data[a.out.size - 4] = 2; /* a comment of two bytes */
    assert_ok(read_bytes(&zip, &arena, a.out.data, a.out.size, &err), err);
    assert_int_equal(zip.count, 4);
    thx_arena_close(arena);
    archive_deinit(&a);
}

/* One byte of the archive changed: bytes `at` from the begin of the n-th entry of the directory, or from the end
 * record. */
typedef struct damage { int entry; size_t at; unsigned char value; const char *says; } damage;

static void damaged(void **state)
{
    enum { END = -1 };
    static const damage cases[] = {
        { 2, 0, 'X', "directory is broken" },
        { 2, 20, 15, "two sizes" },       /* packed size */
        { 2, 23, 0x40, "two sizes" },
        { 2, 28, 13, "another name" }, /* length of the name */
        { 2, 29, 0xff, "directory is broken" },
        { 2, 30, 0xff, "directory is broken" }, /* of the extra field */
        { 2, 42, 1, "no header" },
        { 2, 45, 0x7f, "no header" },
        { 2, 46, 'b', "another name" },
        { 2, 59, '1', "another name" },
        { END, 0, 'X', "cut short" },
        { END, 8, 3, "several parts" },
        { END, 11, 0xea, "several parts" },
        { END, 15, 0x10, "not inside the file" },
        { END, 18, 1, "" },
        { END, 19, 0x40, "not inside the file" },
        { END, 20, 1, "cut short" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        archive      a = archive_of("N.", 2);
        size_t       at = a.out.size - 22;
        thx_arena   *arena;
        thx_zip      zip;
        thorax_error err = { 0 };

        if (cases[i].entry >= 0) {
            at -= a.directory.size;
            for (int e = 0; e < cases[i].entry; e++) at += 46 + (size_t)(unsigned char)a.out.data[at + 28];
        }
        a.out.data[at + cases[i].at] = (char)cases[i].value;
        if (read_bytes(&zip, &arena, a.out.data, a.out.size, &err) != THORAX_FORMAT || !strstr(err.text, cases[i].says))
            fail_msg("case %zu: expected \"%s\": %s", i, cases[i].says, err.text);
        assert_int_equal(zip.count, 0);
        thx_arena_close(arena);
        archive_deinit(&a);
    }
}

/* Cut anywhere, it is refused. */
static void cut(void **state)
{
    archive a = archive_of("N.", 2);

    (void)state;
    for (size_t size = 0; size < a.out.size; size++) {
        thx_arena   *arena;
        thx_zip      zip;
        thorax_error err;
        char        *exact = malloc(size + !size);

        memcpy(exact, a.out.data, size);
        assert_int_equal(read_bytes(&zip, &arena, exact, size, &err), THORAX_FORMAT);
        free(exact);
        thx_arena_close(arena);
    }
    archive_deinit(&a);
}

static void refused_entries(void **state)
{
    static const struct { size_t at; unsigned char value; const char *why; } cases[] = {
        { 8, 1, "encrypted" }, { 8, 0x40, "encrypted" }, { 10, 8, "compressed" }, { 10, 99, "compressed" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        archive      a = archive_of("N.", 2);
        thx_arena   *arena;
        thx_zip      zip;
        thorax_error err;

        a.out.data[a.out.size - 22 - a.directory.size + cases[i].at] = (char)cases[i].value;
        assert_ok(read_bytes(&zip, &arena, a.out.data, a.out.size, &err), err);
        assert_string_equal(thx_zip_find(&zip, "archive/data.pkl")->refused, cases[i].why);
        thx_arena_close(arena);
        archive_deinit(&a);
    }
}

static void contradictions(void **state)
{
    thx_arena   *arena;
    thx_zip      zip;
    thorax_error err;
    archive      a = { 0 };

    (void)state;
    archive_add(&a, "a/data/0", "1234", 4);
    archive_add(&a, "a/data/0", "4321", 4);
    archive_end(&a);
    assert_int_equal(read_bytes(&zip, &arena, a.out.data, a.out.size, &err), THORAX_FORMAT);
    assert_non_null(strstr(err.text, "twice"));
    thx_arena_close(arena);
    archive_deinit(&a);

    a = (archive){ 0 };
    archive_add(&a, "a/data/0", "1234", 4);
    char again[100];
    const size_t line = a.directory.size;
    memcpy(again, a.directory.data, line);
    thx_string_add(&a.directory, again, line); /* two lines, one place */
    a.count++;
    archive_end(&a);
    assert_int_equal(read_bytes(&zip, &arena, a.out.data, a.out.size, &err), THORAX_FORMAT);
    assert_non_null(strstr(err.text, "overlaps"));
    thx_arena_close(arena);
    archive_deinit(&a);
}

/* The 64-bit forms, as large archives have them. */
static void large(void **state)
{
    thx_map      map;
    thx_arena   *arena;
    thx_zip      zip;
    thorax_error err;

    (void)state;
    assert_ok(thx_map_open(&map, source_path("tests/fuzz/corpus/pytorch/ok-zip64.bin"), &err), err);
    char *copy = malloc(map.size);
    memcpy(copy, map.data, map.size);
    assert_ok(read_bytes(&zip, &arena, copy, map.size, &err), err);
    assert_non_null(thx_zip_find(&zip, "archive/data/0"));
    thx_arena_close(arena);

    copy[map.size - 22 - 20 + 15] = 0x40; /* the locator points elsewhere */
    assert_int_equal(read_bytes(&zip, &arena, copy, map.size, &err), THORAX_FORMAT);
    assert_non_null(strstr(err.text, "zip64"));
    thx_arena_close(arena);
    memcpy(copy, map.data, map.size);
    copy[map.size - 22 + 8] = copy[map.size - 22 + 10] = 5; /* the ends count differently */
    copy[map.size - 22 + 9] = copy[map.size - 22 + 11] = 0;
    assert_int_equal(read_bytes(&zip, &arena, copy, map.size, &err), THORAX_FORMAT);
    assert_non_null(strstr(err.text, "contradict"));
    thx_arena_close(arena);
    free(copy);
    thx_map_close(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries), cmocka_unit_test(damaged), cmocka_unit_test(cut), cmocka_unit_test(refused_entries),
        cmocka_unit_test(contradictions), cmocka_unit_test(large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
