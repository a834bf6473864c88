/* Kept answers: what is stored is found, what is torn is dropped. */
#include "check.h"

#include "base/file.h"
#include "net/answers.h"

#include <sys/stat.h>
#include <sys/wait.h>

static char folder[64], store[96];
static char key[65], other[65];

static int make(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/thx-answers-XXXXXX");
    memset(key, 'a', 64);
    memset(other, 'b', 64);
    if (!mkdtemp(folder)) return -1;
    snprintf(store, sizeof store, "%s/kept", folder);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    thx_answers_remove(store, key);
    thx_answers_remove(store, other);
    rmdir(store);
    return rmdir(folder);
}

static const char *path_of(const char *k)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s.answer", store, k);
    return path;
}

static const thx_kept said = { .text = (char *)(uintptr_t)"Overall score: 7/10 \xc3\xa9", .prompt_tokens = 5,
                               .completion_tokens = 6, .model = "m" };

static bool find(thx_kept *out, const char *k)
{
    thorax_error err;
    bool         found;

    assert_ok(thx_answers_load(out, &found, store, k, &err), err);
    return found;
}

static void what_is_kept_is_found(void **state)
{
    thorax_error err;
    struct stat  s;
    thx_kept     got;

    (void)state;
    assert_ok(thx_answers_make(store, &err), err);
    assert_ok(thx_answers_make(store, &err), err);
    assert_false(find(&got, key));
    assert_ok(thx_answers_store(store, key, &said, &err), err);
    assert_int_equal(stat(store, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0700);
    assert_int_equal(stat(path_of(key), &s), 0);
    assert_int_equal(s.st_mode & 0777, 0600);
    assert_true(find(&got, key));
    assert_string_equal(got.text, said.text);
    assert_string_equal(got.model, "m");
    assert_true(got.prompt_tokens == 5 && got.completion_tokens == 6 && !got.cut);
    free(got.text);
    assert_false(find(&got, other));
    thx_answers_remove(store, key);
    assert_false(find(&got, key));
}

static void what_is_torn_is_dropped(void **state)
{
    thorax_error err;
    thx_kept     got;
    char        *data;
    size_t       size;

    (void)state;
    assert_ok(thx_answers_store(store, key, &said, &err), err);
    assert_ok(thx_file_read(&data, &size, path_of(key), 4096, &err), err);
    for (size_t n = 0; n < size; n++) {
        assert_false(thx_answers_read(&got, key, data, n));
        data[n] ^= 1;
        if (thx_answers_read(&got, key, data, size)) { /* a change that changes nothing: schema's number */
            assert_string_equal(got.text, said.text);
            free(got.text);
        }
        data[n] ^= 1;
    }
    assert_false(thx_answers_read(&got, other, data, size));
    assert_ok(thx_file_write(path_of(key), data, size / 2, &err), err);
    assert_false(find(&got, key));
    assert_false(thx_file_exists(path_of(key)));
    free(data);
}

static void processes_share_a_folder(void **state)
{
    thx_kept got;
    pid_t    children[4];
    int      status;

    (void)state;
    for (size_t c = 0; c < 4; c++) {
        children[c] = fork();
        if (children[c]) continue;
        for (size_t i = 0; i < 200; i++) {
            bool found;
            if (thx_answers_store(store, key, &said, NULL)) _exit(1);
            if (thx_answers_load(&got, &found, store, key, NULL) || !found || strcmp(got.text, said.text)) _exit(2);
            free(got.text);
        }
        _exit(0);
    }
    for (size_t c = 0; c < 4; c++) {
        waitpid(children[c], &status, 0);
        assert_int_equal(status, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_is_found),
        cmocka_unit_test(what_is_torn_is_dropped),
        cmocka_unit_test(processes_share_a_folder),
    };
    return cmocka_run_group_tests(tests, make, clean);
}
