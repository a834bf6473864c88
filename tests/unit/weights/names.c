/* Names of files of weights, and which of two forms is taken. */
#include "check.h"
#include "base/file.h"
#include "weights/names.h"

static void becomes(const char *path, const char *want)
{
    char name[THX_WEIGHTS_NAME];

    thx_safetensors_name(name, path);
    assert_string_equal(name, want);
}

static void names(void **state)
{
    (void)state;
    becomes("folder/pytorch_model.bin", "model.safetensors");
    becomes("pytorch_model-00001-of-00002.bin", "model-00001-of-00002.safetensors");
    becomes("/a/b.c/adapter_model.bin", "adapter_model.safetensors");
    becomes("vision.v1.pt", "vision.v1.safetensors");
    becomes("x.pth", "x.safetensors");
    becomes("model.safetensors", "model.safetensors");
    becomes("no-ending", "no-ending");
}

static void located(void **state)
{
    char         folder[] = "/tmp/thorax-names-XXXXXX", *path, *old, *safe;
    thorax_error err;

    (void)state;
    assert_non_null(mkdtemp(folder));
    old = thx_path_join(folder, "adapter_model.bin");
    safe = thx_path_join(folder, "adapter_model.safetensors");
    assert_ok(thx_weights_locate(&path, folder, "adapter_model.bin", &err), err);
    assert_null(path);
    assert_ok(thx_file_write(old, "", 0, &err), err);
    assert_ok(thx_weights_locate(&path, folder, "adapter_model.bin", &err), err);
    assert_string_equal(path, old);
    free(path);
    assert_ok(thx_file_write(safe, "", 0, &err), err);
    assert_ok(thx_weights_locate(&path, folder, "adapter_model.bin", &err), err);
    assert_string_equal(path, safe);
    free(path);
    assert_int_equal(unlink(old) | unlink(safe) | rmdir(folder), 0);
    free(old), free(safe);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(names), cmocka_unit_test(located) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
