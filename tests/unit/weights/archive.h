/* PyTorch files for tests: a zip archive and the pickle of a small state, byte by byte. */
#ifndef TESTS_UNIT_WEIGHTS_ARCHIVE_H
#define TESTS_UNIT_WEIGHTS_ARCHIVE_H

#include "check.h"
#include "base/file.h"
#include "base/string.h"

typedef struct archive { thx_string out, directory; unsigned count; } archive;

static inline void put(thx_string *s, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) thx_string_add(s, &(char){ (char)(value >> 8 * i) }, 1);
}

/* A stored entry; its data begin at a multiple of 64 bytes, as torch lays them. */
static inline void archive_add(archive *a, const char *name, const void *data, size_t size)
{
    const size_t n = strlen(name), header = a->out.size, pad = (64 - (header + 30 + n + 4) % 64) % 64;

    thx_string_add(&a->out, "PK\3\4", 4);
    put(&a->out, 20, 2), put(&a->out, 0, 2 + 2 + 2 + 2), put(&a->out, 0, 4);
    put(&a->out, size, 4), put(&a->out, size, 4), put(&a->out, n, 2), put(&a->out, pad + 4, 2);
    thx_string_add(&a->out, name, n);
    thx_string_add(&a->out, "FB", 2);
    put(&a->out, pad, 2);
    for (size_t i = 0; i < pad; i++) thx_string_add(&a->out, "Z", 1);
    thx_string_add(&a->out, data, size);

    thx_string_add(&a->directory, "PK\1\2", 4);
    put(&a->directory, 20, 2), put(&a->directory, 20, 2), put(&a->directory, 0, 2 + 2 + 2 + 2);
    put(&a->directory, 0, 4);
    put(&a->directory, size, 4), put(&a->directory, size, 4), put(&a->directory, n, 2);
    put(&a->directory, 0, 2 + 2 + 2 + 2), put(&a->directory, 0, 4), put(&a->directory, header, 4);
    thx_string_add(&a->directory, name, n);
    a->count++;
}

/* The directory and its end; the whole file is then in a->out. */
static inline void archive_end(archive *a)
{
    const size_t at = a->out.size;

    thx_string_add(&a->out, a->directory.data ? a->directory.data : "", a->directory.size);
    thx_string_add(&a->out, "PK\5\6", 4);
    put(&a->out, 0, 4), put(&a->out, a->count, 2), put(&a->out, a->count, 2);
    put(&a->out, a->directory.size, 4), put(&a->out, at, 4), put(&a->out, 0, 2);
    assert_false(a->out.failed);
}

static inline void archive_deinit(archive *a) { thx_string_deinit(&a->out), thx_string_deinit(&a->directory); }

/* Parts of pickles; numbers are single bytes, written as "\x04". */
#define TEXT(size, text)        "X" size "\0\0\0" text
#define HOOKS                   "ccollections\nOrderedDict\n)R"
#define STORAGE(type, key, n) \
    "(" TEXT("\7", "storage") "ctorch\n" type "\n" TEXT("\1", key) TEXT("\3", "cpu") "K" n "tQ"
#define TENSOR_OF(storage, offset, shape, strides) \
    "ctorch._utils\n_rebuild_tensor_v2\n(" storage offset "(" shape "t(" strides "t\x89" HOOKS "tR"
#define TENSOR                  TENSOR_OF(STORAGE("FloatStorage", "0", "\4"), "K\0", "K\2K\2", "K\2K\1")
#define STATE(value)            "\x80\2}" TEXT("\1", "w") value "s."

static const float four[4] = { 1.5f, -2, 0.25f, 3 };

/* An archive of the pickle and one storage of four floats, "0". */
static inline archive archive_of(const void *pickle, size_t size)
{
    archive a = { 0 };

    archive_add(&a, "archive/data.pkl", pickle, size);
    archive_add(&a, "archive/byteorder", "little", 6);
    archive_add(&a, "archive/data/0", four, sizeof four);
    archive_add(&a, "archive/version", "3\n", 2);
    archive_end(&a);
    return a;
}

#endif
