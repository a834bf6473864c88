#include "check.h"
#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/thorax-file-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static size_t files_in(const char *path)
{
    size_t n = 0;
    DIR   *d = opendir(path);

    while (d && readdir(d)) n++;
    if (d) closedir(d);
    return n - 2;
}

static void what_is_written_is_read_and_mapped(void **state)
{
    char        *path = thx_path_join(folder, "a"), *link = thx_path_join(folder, "link"), *data;
    size_t       size;
    thx_map      map;
    thorax_error err;

    (void)state;
    assert_ok(thx_file_write(path, "old text", 8, &err), err);
    assert_ok(thx_file_write(path, "text", 4, &err), err);
    assert_int_equal(symlink(path, link), 0);
    assert_ok(thx_file_read(&data, &size, link, 4, &err), err);
    assert_int_equal(size, 4);
    assert_string_equal(data, "text");
    free(data);
    assert_ok(thx_map_open(&map, link, &err), err);
    assert_int_equal(map.size, 4);
    assert_memory_equal(map.data, "text", 4);
    thx_map_close(&map);
    thx_map_close(&map);
    assert_true(thx_file_exists(link));
    assert_false(thx_is_folder(link));
    assert_int_equal(files_in(folder), 2);
    unlink(link);
    unlink(path);
    free(link);
    free(path);
}

static void an_empty_file_is_a_file(void **state)
{
    char        *path = thx_path_join(folder, "empty"), *data;
    size_t       size;
    thx_map      map;
    thorax_error err;

    (void)state;
    assert_ok(thx_file_write(path, NULL, 0, &err), err);
    assert_ok(thx_file_read(&data, &size, path, 0, &err), err);
    assert_string_equal(data, "");
    free(data);
    assert_ok(thx_map_open(&map, path, &err), err);
    assert_null(map.data);
    thx_map_close(&map);
    unlink(path);
    free(path);
}

static void what_cannot_be_read_is_named(void **state)
{
    char        *path = thx_path_join(folder, "long"), *fifo = thx_path_join(folder, "fifo"), *data;
    size_t       size;
    thx_map      map;
    thorax_error err;

    (void)state;
    assert_int_equal(thx_file_read(&data, &size, "/no/such/file", 10, &err), THORAX_IO);
    assert_non_null(strstr(err.text, "/no/such/file"));
    assert_null(data);
    assert_int_equal(thx_map_open(&map, folder, &err), THORAX_IO);
    assert_non_null(strstr(err.text, "found a folder"));
    assert_ok(thx_file_write(path, "12345", 5, &err), err);
    assert_int_equal(thx_file_read(&data, &size, path, 4, &err), THORAX_LIMIT);
    assert_null(data);
    assert_int_equal(mkfifo(fifo, 0600), 0); /* opening must not wait for a writer */
    assert_int_equal(thx_map_open(&map, fifo, &err), THORAX_IO);
    unlink(fifo);
    unlink(path);
    free(fifo);
    free(path);
}

static void a_failed_write_leaves_nothing(void **state)
{
    char        *inside = thx_path_join(folder, "sub/file"), *sub = thx_path_join(folder, "sub");
    thorax_error err;

    (void)state;
    assert_int_equal(thx_file_write(inside, "x", 1, &err), THORAX_IO);
    assert_int_equal(files_in(folder), 0);
    assert_ok(thx_folder_make(sub, &err), err);
    assert_int_equal(thx_file_write(sub, "x", 1, &err), THORAX_IO); /* a folder is in the way */
    assert_int_equal(files_in(folder), 1);
    rmdir(sub);
    free(sub);
    free(inside);
}

static void a_pipe_is_written_to(void **state)
{
    char        *fifo = thx_path_join(folder, "fifo"), text[8] = "";
    thorax_error err;

    (void)state;
    assert_int_equal(mkfifo(fifo, 0600), 0);
    const int fd = open(fifo, O_RDWR | O_NONBLOCK);
    assert_true(fd >= 0);
    assert_ok(thx_file_write(fifo, "text", 4, &err), err);
    assert_int_equal(read(fd, text, sizeof text), 4);
    assert_string_equal(text, "text");
    assert_int_equal(files_in(folder), 1);
    close(fd);
    assert_int_equal(unlink(fifo), 0);
    free(fifo);
}

static void folders_are_made_with_those_above(void **state)
{
    char        *deep = thx_path_join(folder, "a/b//c/"), *file = thx_path_join(folder, "f");
    char        *below = thx_path_join(file, "x"), *other = thx_path_join("/tmp/", "y");
    thorax_error err;

    (void)state;
    assert_string_equal(other, "/tmp/y");
    assert_ok(thx_folder_make(deep, &err), err);
    assert_ok(thx_folder_make(deep, &err), err);
    assert_true(thx_is_folder(deep));
    assert_ok(thx_file_write(file, "x", 1, &err), err);
    assert_int_equal(thx_folder_make(below, &err), THORAX_IO);
    unlink(file);
    for (const char *const *name = (const char *const[]){ "a/b/c", "a/b", "a", NULL }; *name; name++) {
        char *path = thx_path_join(folder, *name);
        rmdir(path);
        free(path);
    }
    free(other);
    free(below);
    free(file);
    free(deep);
}

static unsigned mode_of(const char *path)
{
    struct stat s;

    assert_int_equal(stat(path, &s), 0);
    return s.st_mode & 0777;
}

static void private_data_is_the_users_alone(void **state)
{
    char        *sub = thx_path_join(folder, "kept/of/mine/"), *file = thx_path_join(sub, "f");
    const mode_t before = umask(022);
    thorax_error err;

    (void)state;
    assert_ok(thx_folder_make_private(sub, &err), err);
    assert_int_equal(mode_of(sub), 0700);
    assert_ok(thx_file_write_private(file, "x", 1, &err), err);
    assert_ok(thx_file_write_private(file, "yz", 2, &err), err);
    assert_int_equal(mode_of(file), 0600);
    chmod(sub, 0750);
    assert_ok(thx_folder_make_private(sub, &err), err);
    assert_int_equal(mode_of(sub), 0750);
    assert_int_equal(thx_folder_make_private(file, &err), THORAX_IO);
    assert_int_equal(thx_folder_make_private("", &err), THORAX_IO);
    umask(before);
    unlink(file);
    for (const char *const *name = (const char *const[]){ "kept/of/mine", "kept/of", "kept", NULL }; *name; name++) {
        char *path = thx_path_join(folder, *name);
        rmdir(path);
        free(path);
    }
    free(file);
    free(sub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_and_mapped),
        cmocka_unit_test(an_empty_file_is_a_file),
        cmocka_unit_test(what_cannot_be_read_is_named),
        cmocka_unit_test(a_failed_write_leaves_nothing),
        cmocka_unit_test(a_pipe_is_written_to),
        cmocka_unit_test(folders_are_made_with_those_above),
        cmocka_unit_test(private_data_is_the_users_alone),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
