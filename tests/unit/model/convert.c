/* PyTorch files and folders as safetensors: the same tensors, each with its own bytes and a checksum; what lies
 * around is copied; and nothing is left of what could not be finished. */
#include "check.h"
#include "base/file.h"
#include "base/hash.h"
#include "model/convert.h"
#include "weights/weights.h"

#include <dirent.h>
#include <sys/stat.h>

static char root[] = "/tmp/thorax-convert-XXXXXX", source[64], out[64];

static int clear(void **state)
{
    char command[160];

    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'/*", root);
    return system(command);
}

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(root)) return 1;
    snprintf(source, sizeof source, "%s/source", root);
    snprintf(out, sizeof out, "%s/out", root);
    return 0;
}

static int teardown(void **state) { return clear(state) || rmdir(root); }

static const char *path_of(const char *folder, const char *name)
{
    static char     paths[4][200];
    static unsigned next;
    char           *p = paths[next++ % 4];

    snprintf(p, sizeof paths[0], "%s/%s", folder, name);
    return p;
}

/* A file of the corpus of the parsers. */
static const char *corpus(const char *name) { return source_path(path_of("tests/fuzz/corpus/pytorch", name)); }

static void copy(const char *from, const char *to)
{
    char        *data;
    size_t       size;
    thorax_error err;

    assert_ok(thx_file_read(&data, &size, from, 1 << 20, &err), err);
    assert_ok(thx_file_write(to, data, size, &err), err);
    free(data);
}

static void write_text(const char *name, const char *text)
{
    thorax_error err;
    assert_ok(thx_file_write(path_of(source, name), text, strlen(text), &err), err);
}

static size_t count_in(const char *folder)
{
    DIR   *dir = opendir(folder);
    size_t n = 0;

    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));) n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
    closedir(dir);
    return n;
}

/* All tensors of `from` are in `to`, value by value, with right checksums. */
static void same_tensors(const char *from, const char *to)
{
    thx_weights *a, *b;
    thorax_error err;

    assert_ok(thx_weights_open(&a, from, &err), err);
    assert_ok(thx_weights_open(&b, to, &err), err);
    assert_int_equal(thx_weights_count(a), thx_weights_count(b));
    for (size_t i = 0; i < thx_weights_count(b); i++) {
        const thx_view *v = thx_weights_at(b, i), *u = thx_weights_find(a, v->name);
        char            hex[65];

        assert_non_null(u);
        assert_int_equal(u->type, v->type);
        assert_int_equal(u->rank, v->rank);
        assert_memory_equal(u->shape, v->shape, sizeof *v->shape * v->rank);
        if (v->count) assert_memory_equal(u->data, v->data, thx_view_bytes(v));
        thx_sha256_of(v->data, thx_view_bytes(v), hex);
        assert_non_null(thx_weights_sha256(b, i));
        assert_string_equal(thx_weights_sha256(b, i), hex);
        assert_false(thx_weights_pytorch(b, i));
    }
    thx_weights_close(a), thx_weights_close(b);
}

static void files(void **state)
{
    static const char *const names[] = { "ok-zip.bin", "ok-views.bin", "ok-legacy.bin", "ok-nested.pt",
                                         "ok-protocol4.bin" };
    thorax_error err;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_ok(thx_convert(corpus(names[i]), out, 0, NULL, &err), err);
        same_tensors(corpus(names[i]), out);
        assert_int_equal(count_in(root), 1);
        clear(state);
    }
}

static void make_source(void)
{
    thorax_error err;

    assert_ok(thx_folder_make(path_of(source, "notes"), &err), err);
    write_text("config.json", "{}");
    write_text("notes/text.txt", "around");
    write_text("optimizer.pt", "left out");
    write_text("training_args.bin", "left out");
    copy(corpus("ok-zip.bin"), path_of(source, "pytorch_model-00001-of-00002.bin"));
    copy(corpus("ok-parameter.bin"), path_of(source, "pytorch_model-00002-of-00002.bin"));
    write_text("pytorch_model.bin.index.json",
               "{\"weight_map\":{\"f32\":\"pytorch_model-00001-of-00002.bin\","
               "\"p\":\"pytorch_model-00002-of-00002.bin\"}}");
    copy(corpus("ok-views.bin"), path_of(source, "mm_projector.bin"));
    copy(corpus("ok-nested.pt"), path_of(source, "vision.v1.pt"));
}

static void folders(void **state)
{
    thorax_error err;

    clear(state);
    make_source();
    assert_ok(thx_convert(source, out, 0, NULL, &err), err);
    assert_int_equal(count_in(out), 5); /* config, notes, model, projector, tower */
    assert_true(thx_file_exists(path_of(out, "notes/text.txt")));
    same_tensors(source, out);
    assert_true(thx_file_exists(path_of(out, "model.safetensors")));
    same_tensors(path_of(source, "mm_projector.bin"), path_of(out, "mm_projector.safetensors"));
    same_tensors(path_of(source, "vision.v1.pt"), path_of(out, "vision.v1.safetensors"));
    assert_int_equal(thx_convert(source, out, 0, NULL, &err), THORAX_IO); /* it is there */
    assert_non_null(strstr(err.text, out));
    clear(state);

    make_source();
    assert_ok(thx_convert(source, out, 60, NULL, &err), err); /* in shards, one tensor of 60 bytes in the first */
    same_tensors(source, out);
    assert_true(thx_file_exists(path_of(out, "model.safetensors.index.json")));
    assert_false(thx_file_exists(path_of(out, "model.safetensors")));
    assert_true(count_in(out) > 6);
    clear(state);
}

/* An adapter's folder has no weights of a model; safetensors beside the older form are the ones that count. */
static void adapters(void **state)
{
    thorax_error err;

    clear(state);
    assert_ok(thx_folder_make(source, &err), err);
    copy(corpus("ok-parameter.bin"), path_of(source, "adapter_model.bin"));
    copy(corpus("ok-views.bin"), path_of(source, "both.bin"));
    assert_ok(thx_convert(corpus("ok-zip.bin"), path_of(source, "both.safetensors"), 0, NULL, &err), err);
    assert_ok(thx_convert(source, out, 0, NULL, &err), err);
    assert_int_equal(count_in(out), 2);
    same_tensors(path_of(source, "adapter_model.bin"), path_of(out, "adapter_model.safetensors"));
    same_tensors(path_of(source, "both.safetensors"), path_of(out, "both.safetensors"));
    clear(state);
}

static bool stop(void *data, const char *what, size_t done, size_t total)
{
    (void)data, (void)what, (void)done, (void)total;
    return false;
}

static void refusals(void **state)
{
    thorax_error err;

    clear(state);
    assert_int_equal(thx_convert(path_of(root, "nothing"), out, 0, NULL, &err), THORAX_IO);
    assert_int_equal(thx_convert(corpus("bad-whole-module.pt"), out, 0, NULL, &err), THORAX_FORMAT);
    assert_int_equal(thx_convert(corpus("ok-zip.bin"), out, 0, &(thx_progress){ stop, NULL }, &err), THORAX_CANCELLED);
    assert_int_equal(count_in(root), 0); /* nothing is left behind */

    assert_ok(thx_convert(corpus("ok-zip.bin"), out, 0, NULL, &err), err);
    assert_int_equal(thx_convert(corpus("ok-zip.bin"), out, 0, NULL, &err), THORAX_IO);
    assert_int_equal(thx_convert(out, path_of(root, "again"), 0, NULL, &err), THORAX_MODEL); /* it is safetensors */
    assert_non_null(strstr(err.text, "expected PyTorch weights"));

    assert_ok(thx_folder_make(source, &err), err);
    write_text("config.json", "{}");
    assert_int_equal(thx_convert(source, path_of(root, "again"), 0, NULL, &err), THORAX_MODEL);
    write_text("broken.bin", "PK\3\4");
    assert_int_equal(thx_convert(source, path_of(root, "again"), 0, NULL, &err), THORAX_FORMAT);
    assert_non_null(strstr(err.text, "broken.bin"));
    copy(corpus("ok-zip.bin"), path_of(source, "broken.bin"));
    copy(corpus("ok-zip.bin"), path_of(source, "broken.pt"));
    assert_int_equal(thx_convert(source, path_of(root, "again"), 0, NULL, &err), THORAX_MODEL);
    assert_non_null(strstr(err.text, "broken.safetensors"));
    assert_int_equal(count_in(root), 2);
    clear(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files), cmocka_unit_test(folders), cmocka_unit_test(adapters), cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
