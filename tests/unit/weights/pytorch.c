/* PyTorch files: what torch writes opens, in place where it can, and what is hostile is refused by name. */
#include "check.h"
#include "archive.h"
#include "weights/weights.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

static char folder[] = "/tmp/thorax-pytorch-XXXXXX";

static const char *in(const char *name)
{
    static char     paths[4][160];
    static unsigned next;
    char           *p = paths[next++ % 4];

    snprintf(p, sizeof paths[0], "%s/%s", folder, name);
    return p;
}

static int setup(void **state)
{
    (void)state;
    return !mkdtemp(folder);
}

static int clear(void **state)
{
    char command[80];

    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'/*", folder);
    return system(command);
}

static int teardown(void **state) { return clear(state) || rmdir(folder); }

static thx_weights *opened(const char *path)
{
    thorax_error err;
    thx_weights *w;

    assert_ok(thx_weights_open(&w, path, &err), err);
    return w;
}

static const char *corpus(const char *name)
{
    static char path[200];

    snprintf(path, sizeof path, "tests/fuzz/corpus/pytorch/%s", name);
    return source_path(path);
}

static void write_archive(const char *name, const void *pickle, size_t size)
{
    archive      a = archive_of(pickle, size);
    thorax_error err;

    assert_ok(thx_file_write(in(name), a.out.data, a.out.size, &err), err);
    archive_deinit(&a);
}
#define WRITE(name, pickle) write_archive(name, pickle, sizeof(pickle) - 1)

/* ---- What opens ---- */

static void saved_files(void **state)
{
    static const struct { const char *file; size_t tensors; uint64_t owned; } cases[] = {
        { "ok-zip.bin", 12, 0 },       { "ok-legacy-types.bin", 12, 0 }, { "ok-views.bin", 6, (18 + 48 + 6 + 12) * 4 },
        { "ok-legacy.bin", 6, (18 + 48 + 6 + 12) * 4 }, { "ok-nested.pt", 6, 0 }, { "ok-parameter.bin", 2, 0 },
        { "ok-module-state.bin", 7, 0 }, { "ok-zip64.bin", 1, 0 }, { "ok-protocol4.bin", 2, 0 },
        { "ok-unaligned.bin", 1, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        thx_weights *w = opened(corpus(cases[i].file));

        if (thx_weights_count(w) != cases[i].tensors || thx_weights_owned_bytes(w) != cases[i].owned)
            fail_msg("%s: %zu tensors, %llu bytes gathered", cases[i].file, thx_weights_count(w),
                     (unsigned long long)thx_weights_owned_bytes(w));
        assert_true(thx_weights_pytorch(w, 0));
        thx_weights_close(w);
    }
}

static void types_and_names(void **state)
{
    static const struct { const char *name; thx_type type; } cases[] = {
        { "f32", THX_F32 }, { "f16", THX_F16 }, { "bf16", THX_BF16 }, { "f64", THX_F64 }, { "i64", THX_I64 },
        { "i32", THX_I32 }, { "i16", THX_I16 }, { "i8", THX_I8 },     { "u8", THX_U8 },   { "bool", THX_BOOL },
    };
    thx_weights *w = opened(corpus("ok-zip.bin"));

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_non_null(thx_weights_find(w, cases[i].name));
        assert_int_equal(thx_weights_find(w, cases[i].name)->type, cases[i].type);
    }
    assert_int_equal(thx_weights_find(w, "scalar")->rank, 0);
    assert_int_equal(thx_weights_find(w, "scalar")->count, 1);
    assert_int_equal(thx_weights_find(w, "empty")->count, 0);
    assert_int_equal(thx_weights_find(w, "empty")->shape[1], 3);
    thx_weights_close(w);

    w = opened(corpus("ok-nested.pt"));
    assert_non_null(thx_weights_find(w, "state_dict.module.a.weight"));
    assert_non_null(thx_weights_find(w, "optimizer.state.0.exp_avg"));
    assert_non_null(thx_weights_find(w, "list.1.0"));
    thx_weights_close(w);
}

/* Views of one storage: those in a row share its bytes, the others are gathered in the order of their shape. */
static void views(void **state)
{
    static const char *const files[] = { "ok-views.bin", "ok-legacy.bin" };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        thx_weights  *w = opened(corpus(files[i]));
        const float  *whole = thx_weights_find(w, "whole")->data; /* [6, 8] */
        const float  *columns = thx_weights_find(w, "columns")->data, *step = thx_weights_find(w, "step")->data;
        const float  *transposed = thx_weights_find(w, "transposed")->data;
        const float  *expanded = thx_weights_find(w, "expanded")->data;

        assert_ptr_equal(thx_weights_find(w, "rows")->data, whole + 8);
        for (size_t y = 0; y < 6; y++)
            for (size_t x = 0; x < 8; x++) {
                assert_memory_equal(&transposed[x * 6 + y], &whole[y * 8 + x], 4);
                if (x >= 2 && x < 5) assert_memory_equal(&columns[y * 3 + x - 2], &whole[y * 8 + x], 4);
                if (y % 2 == 0 && x % 4 == 0) assert_memory_equal(&step[y / 2 * 2 + x / 4], &whole[y * 8 + x], 4);
            }
        for (size_t k = 1; k < 12; k++) assert_memory_equal(&expanded[k], expanded, 4);
        thx_weights_close(w);
    }
}

static void small_states(void **state)
{
    thx_weights *w;

    (void)state;
    WRITE("w.bin", STATE(TENSOR));
    w = opened(in("w.bin"));
    assert_memory_equal(thx_weights_find(w, "w")->data, four, sizeof four);
    assert_int_equal((uintptr_t)thx_weights_find(w, "w")->data % 64, 0); /* mapped as it is aligned in the file */
    assert_int_equal(thx_weights_bytes(w) > sizeof four, true);
    thx_weights_close(w);

    WRITE("w.bin", "\x80\2" TENSOR "."); /* one tensor and nothing around it */
    w = opened(in("w.bin"));
    assert_non_null(thx_weights_find(w, ""));
    thx_weights_close(w);

    WRITE("w.bin", "\x80\2}(" TEXT("\1", "a") TENSOR "K\x07}K\x01" TENSOR "s" TEXT("\1", "b") "](K\1" TENSOR "e"
                   "N}N" TENSOR "su.");
    w = opened(in("w.bin"));
    assert_int_equal(thx_weights_count(w), 4);
    assert_non_null(thx_weights_find(w, "7.1"));
    assert_non_null(thx_weights_find(w, "b.1"));
    assert_non_null(thx_weights_find(w, "None.None"));
    thx_weights_close(w);

    /* a good tensor beside values that are swallowed */
    WRITE("w.bin", "\x80\2}(" TEXT("\1", "w") TENSOR TEXT("\1", "x") "cos\ngetpid\n)R"
                   TEXT("\1", "y") "G\0\0\0\0\0\0\0\0u.");
    w = opened(in("w.bin"));
    assert_int_equal(thx_weights_count(w), 1);
    thx_weights_close(w);
}

/* ---- What is refused ---- */

static void refused(const char *path, thorax_status status, const char *a, const char *b)
{
    thorax_error err = { 0 };
    thx_weights *w;

    if (thx_weights_open_file(&w, path, &err) != status)
        fail_msg("%s: status %d, wanted %d: %s", path, err.status, status, err.text);
    assert_null(w);
    if (!strstr(err.text, a) || !strstr(err.text, b)) fail_msg("expected \"%s\" and \"%s\" in: %s", a, b, err.text);
}

#define F32_4     STORAGE("FloatStorage", "0", "\4")
#define BIG(hex)  "\x8a\x08" hex
#define WITH(storage, offset, shape, strides) STATE(TENSOR_OF(storage, offset, shape, strides))

static void bad_tensors(void **state)
{
    static const struct { const char *pickle; size_t size; const char *says; } cases[] = {
#define CASE(pickle, says) { pickle, sizeof(pickle) - 1, says }
        CASE(WITH(STORAGE("FloatStorage", "7", "\4"), "K\0", "K\2K\2", "K\2K\1"), "storage 7 is not in the file"),
        CASE(WITH(STORAGE("FloatStorage", "0", "\3"), "K\0", "K\2", "K\1"),
             "3 F32 values expected, its storage has 16"),
        CASE(WITH(STORAGE("HalfStorage", "0", "\4"), "K\0", "K\2", "K\1"), "4 F16 values expected"),
        CASE(WITH(STORAGE("ComplexFloatStorage", "0", "\4"), "K\0", "K\2", "K\1"), "ComplexFloatStorage"),
        CASE(WITH("K\1", "K\0", "K\2", "K\1"), "expected a storage"),
        CASE(WITH(F32_4, "J\xff\xff\xff\xff", "K\2", "K\1"), "offset"),
        CASE(WITH(F32_4, "N", "K\2", "K\1"), "offset"),
        CASE(WITH(F32_4, "cos\ngetpid\n)R", "K\2", "K\1"), "offset"),
        CASE(WITH(F32_4, "K\1", "K\2K\2", "K\2K\1"), "ends outside"),
        CASE(WITH(F32_4, "K\5", "K\0", "K\1"), "begins outside"),
        CASE(WITH(F32_4, "K\0", "K\2K\2", "K\1"), "2 dimensions, but 1 strides"),
        CASE(WITH(F32_4, "K\0", "K\2J\xff\xff\xff\xff", "K\1K\1"), "shape"),
        CASE(WITH(F32_4, "K\0", "K\2", "J\xff\xff\xff\xff"), "strides"),
        CASE(WITH(F32_4, "K\0", "G\x40\0\0\0\0\0\0\0", "K\1"), "shape"),
        CASE(WITH(F32_4, "K\0", "K\2K\2", BIG("\0\0\0\0\0\0\0\x40") BIG("\0\0\0\0\0\0\0\x40")), "ends outside"),
        CASE(WITH(F32_4, "K\0", BIG("\0\0\0\0\1\0\0\0") BIG("\0\0\0\0\1\0\0\0"), "K\0K\0"), "too large"),
        CASE(WITH(F32_4, "K\0", "K\1K\1K\1K\1K\1K\1K\1K\1K\1", "K\1K\1K\1K\1K\1K\1K\1K\1K\1"), "9 dimensions"),
        CASE(STATE("ctorch._utils\n_rebuild_tensor_v2\n(" F32_4 "K\0tR"), "2 arguments"),
        CASE(STATE("ctorch._utils\n_rebuild_tensor_v2\n(" F32_4 "K\0(K\2t(K\1t\x89N}" TEXT("\3", "neg") "\x88stR"),
             "metadata"),
        CASE(STATE("ctorch._utils\n_rebuild_tensor_v2\n(" F32_4 "K\0(K\2t(K\1tcos\ngetpid\n)RNtR"), "arguments"),
        CASE("\x80\2}(" TEXT("\1", "w") TENSOR TEXT("\1", "v")
             TENSOR_OF(STORAGE("HalfStorage", "0", "\x8"), "K\0", "K\2", "K\1") "u.", "holds F32 in another tensor"),
        CASE(STATE("ctorch._utils\n_rebuild_qtensor\n(" F32_4 "K\0tR"), "made by _rebuild_qtensor"),
        CASE("\x80\2}(" TEXT("\1", "w") TENSOR TEXT("\1", "w") TENSOR "u.", "there twice"),
        CASE("\x80\2}(" TEXT("\3", "a.b") TENSOR TEXT("\1", "a") "}" TEXT("\1", "b") TENSOR "su.", "again in"),
        CASE("\x80\2}(G\0\0\0\0\0\0\0\0" TENSOR "u.", "below a key"),
        CASE("\x80\2}(X\2\0\0\0a\0" TENSOR "u.", "below a key"),
        CASE("\x80\2}.", "no tensor"),
        CASE("\x80\2K\7.", "no tensor"),
        CASE("\x80\2cos\ngetpid\n)R.", "what getpid makes, and no tensor"),
#undef CASE
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_archive("w.bin", cases[i].pickle, cases[i].size);
        refused(in("w.bin"), THORAX_FORMAT, "w.bin", cases[i].says);
    }
}

static void bombs(void **state)
{
    thx_string s = { 0 };

    (void)state;
    WRITE("w.bin", WITH(F32_4, "K\0", "J\0\0\x10\0J\0\0\x20\0", "K\0K\0")); /* 2^41 values from one */
    refused(in("w.bin"), THORAX_LIMIT, "tensor w", "gathering");

    thx_string_add(&s, "\x80\2]q\0", 5); /* a list that contains itself */
    thx_string_add(&s, "h\0a.", 4);
    write_archive("w.bin", s.data, s.size);
    refused(in("w.bin"), THORAX_LIMIT, "w.bin", "256 containers deep");

    s.size = 0;
    thx_string_add(&s, "\x80\2" TENSOR, sizeof "\x80\2" TENSOR - 1);
    for (int i = 0; i < 40; i++) { /* 2^40 ways to one tensor */
        thx_string_add(&s, "q", 1), put(&s, (uint64_t)i, 1);
        thx_string_add(&s, "h", 1), put(&s, (uint64_t)i, 1);
        thx_string_add(&s, "\x86", 1);
    }
    thx_string_add(&s, ".", 1);
    write_archive("w.bin", s.data, s.size);
    refused(in("w.bin"), THORAX_LIMIT, "w.bin", "65536 tensors");
    thx_string_deinit(&s);
}

static void hostile_files(void **state)
{
    static const struct { const char *file; thorax_status status; const char *says; } cases[] = {
        { "bad-overlap.bin", THORAX_FORMAT, "" },
        { "bad-size-lie.bin", THORAX_FORMAT, "cut short" },
        { "bad-zip64-locator.bin", THORAX_FORMAT, "zip64" },
        { "bad-deflated-storage.bin", THORAX_FORMAT, "compressed" },
        { "bad-whole-module.pt", THORAX_FORMAT, "no tensor" },
        { "bad-numel-huge.bin", THORAX_LIMIT, "gathering" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refused(corpus(cases[i].file), cases[i].status, cases[i].file, cases[i].says);
}

static void archives(void **state)
{
    static const struct { const char *entries[4], *says; } cases[] = {
        { { "a/data/0" }, "no data.pkl" },
        { { "data.pkl" }, "no data.pkl" },
        { { "a/data.pkl", "b/data.pkl" }, "more than one data.pkl" },
        { { "a/data.pkl", "a/constants.pkl" }, "TorchScript" },
        { { "a/data.pkl", "a/byteorder" }, "little-endian" },
    };
    static const char pickle[] = STATE(TENSOR);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        archive      a = { 0 };
        thorax_error err;

        for (size_t e = 0; e < 4 && cases[i].entries[e]; e++)
            archive_add(&a, cases[i].entries[e], pickle, sizeof pickle - 1);
        archive_end(&a);
        assert_ok(thx_file_write(in("w.bin"), a.out.data, a.out.size, &err), err);
        refused(in("w.bin"), THORAX_FORMAT, "w.bin", cases[i].says);
        archive_deinit(&a);
    }
}

/* The older form cut anywhere, or beginning with another number. */
static void old_files(void **state)
{
    char        *data;
    size_t       size;
    thorax_error err;
    thx_weights *w;

    (void)state;
    assert_ok(thx_file_read(&data, &size, corpus("ok-legacy.bin"), 1 << 20, &err), err);
    for (size_t cut = 0; cut < size; cut += 1 + cut / 16) {
        assert_ok(thx_file_write(in("old.bin"), data, cut, &err), err);
        assert_int_equal(thx_weights_open(&w, in("old.bin"), &err), THORAX_FORMAT);
    }
    data[4]++;
    assert_ok(thx_file_write(in("old.bin"), data, size, &err), err);
    refused(in("old.bin"), THORAX_FORMAT, "old.bin", "pickle");
    free(data);
}

/* ---- Folders ---- */

static void copy(const char *from, const char *name)
{
    char        *data;
    size_t       size;
    thorax_error err;

    assert_ok(thx_file_read(&data, &size, from, 1 << 20, &err), err);
    assert_ok(thx_file_write(in(name), data, size, &err), err);
    free(data);
}

static void folders(void **state)
{
    static const char index[] = "{\"weight_map\":{\"f32\":\"pytorch_model-1.bin\",\"p\":\"pytorch_model-2.bin\"}}";
    static const char tensors[] = "{\"a\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}";
    thorax_error err;

    clear(state);
    copy(corpus("ok-protocol4.bin"), "pytorch_model-1.bin");
    copy(corpus("ok-parameter.bin"), "pytorch_model-2.bin");
    assert_ok(thx_file_write(in("pytorch_model.bin.index.json"), index, sizeof index - 1, &err), err);
    thx_weights *w = opened(folder);
    assert_int_equal(thx_weights_count(w), 4);
    assert_non_null(strstr(thx_weights_file(w, 3), "pytorch_model-2.bin"));
    thx_weights_close(w);

    copy(corpus("ok-zip64.bin"), "pytorch_model.bin"); /* before the index */
    w = opened(folder);
    assert_int_equal(thx_weights_count(w), 1);
    thx_weights_close(w);

    thx_string s = { 0 };
    put(&s, sizeof tensors - 1, 8);
    thx_string_add(&s, tensors, sizeof tensors); /* the 0 byte is the tensor */
    assert_ok(thx_file_write(in("model.safetensors"), s.data, s.size, &err), err);
    w = opened(folder); /* before all of them */
    assert_int_equal(thx_weights_at(w, 0)->type, THX_U8);
    assert_false(thx_weights_pytorch(w, 0));
    thx_weights_close(w);

    copy(corpus("ok-zip64.bin"), "odd.safetensors"); /* told by what is in it */
    w = opened(in("odd.safetensors"));
    assert_true(thx_weights_pytorch(w, 0));
    thx_weights_close(w);
    assert_int_equal(thx_weights_open_file(&w, folder, &err), THORAX_IO);
    thx_string_deinit(&s);
    clear(state);
}

/* Of a large file only the directory, the pickle and the headers are read: no more pages than those come into
 * memory. */
static void large_file(void **state)
{
    enum { HOLE = 128 << 20 };
    static const char pickle[] =
        STATE(TENSOR_OF("(" TEXT("\7", "storage") "ctorch\nByteStorage\n" TEXT("\1", "0") TEXT("\3", "cpu")
                        "J\0\0\0\x8tQ",
                        "K\0", "J\0\0\0\x8", "K\1"));
    archive   a = { 0 };
    thx_map   map;
    size_t    pages = 0;
    thorax_error err;

    clear(state);
    archive_add(&a, "a/data.pkl", pickle, sizeof pickle - 1);
    const size_t line = a.directory.size;
    archive_add(&a, "a/data/0", "", 0);
    const size_t at = a.out.size;
    for (int k = 20; k <= 24; k += 4) a.directory.data[line + (size_t)k + 3] = HOLE >> 24; /* both sizes */
    a.out.size = 0; /* what follows the hole is made apart */
    char *head = malloc(at);
    memcpy(head, a.out.data, at);
    archive_end(&a);
    for (int k = 0; k < 4; k++) a.out.data[a.out.size - 6 + (size_t)k] = (char)((at + HOLE) >> 8 * k);
    const int fd = open(in("large.pt"), O_RDWR | O_CREAT, 0666);
    assert_int_equal(pwrite(fd, head, at, 0), at);
    assert_int_equal(pwrite(fd, a.out.data, a.out.size, (off_t)at + HOLE), a.out.size);
    close(fd);

    thx_weights *w = opened(in("large.pt"));
    assert_int_equal(thx_weights_at(w, 0)->count, HOLE);
    assert_ok(thx_map_open(&map, in("large.pt"), &err), err);
    const size_t   page = (size_t)sysconf(_SC_PAGESIZE), n = (map.size + page - 1) / page;
    unsigned char *here = malloc(n);
    assert_int_equal(mincore((void *)(uintptr_t)map.data, map.size, here), 0);
    for (size_t i = 0; i < n; i++) pages += here[i] & 1;
    if (pages > 64) fail_msg("%zu of %zu pages were read", pages, n);
    free(here);
    free(head);
    thx_map_close(&map);
    thx_weights_close(w);
    archive_deinit(&a);
    clear(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(saved_files), cmocka_unit_test(types_and_names), cmocka_unit_test(views),
        cmocka_unit_test(small_states), cmocka_unit_test(bad_tensors), cmocka_unit_test(bombs),
        cmocka_unit_test(hostile_files), cmocka_unit_test(archives), cmocka_unit_test(old_files),
        cmocka_unit_test(folders), cmocka_unit_test(large_file),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
