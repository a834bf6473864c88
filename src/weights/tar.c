/* Tar archives; see tar.h. Format: POSIX.1-2001 (ustar, pax), GNU tar's long names and large sizes. */
#include "weights/tar.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

enum { BLOCK = 512, NAME_MAX_BYTES = 4096, PAX_MAX_BYTES = 1 << 16, BUFFER = 1 << 18 };

struct thx_tar {
    gzFile      file;
    const char *path;
    uint64_t    at, most; /* bytes unpacked, and those that may be        */
    uint64_t    left;     /* of the current file                          */
    uint64_t    padding;  /* behind it, up to a whole block               */
    char        name[NAME_MAX_BYTES];
};

static thorax_status bad(const thx_tar *t, const char *what, thorax_error *err)
{
    return thx_fail(err, THORAX_FORMAT, t->at, "%s: %s", t->path, what);
}

thorax_status thx_tar_open(thx_tar **out, const char *path, uint64_t most, thorax_error *err)
{
    thx_tar *t = calloc(1, sizeof *t);

    *out = NULL;
    if (!t) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    t->path = path;
    t->most = most;
    errno = 0;
    t->file = gzopen(path, "rb");
    if (!t->file) {
        const int why = errno;
        free(t);
        return why ? thx_fail(err, THORAX_IO, 0, "%s: %s", path, strerror(why))
                   : thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    }
    gzbuffer(t->file, BUFFER);
    *out = t;
    return THORAX_OK;
}

void thx_tar_close(thx_tar *t)
{
    if (!t) return;
    gzclose(t->file);
    free(t);
}

/* ---- Bytes ---- */

/* Exactly n bytes; *none instead of an error where the archive ends before the first of them. */
static thorax_status take(thx_tar *t, void *out, size_t n, bool *none, thorax_error *err)
{
    if (none) *none = false;
    if (n > t->most - t->at)
        return thx_fail(err, THORAX_LIMIT, t->at, "%s: more than %llu bytes unpacked", t->path,
                        (unsigned long long)t->most);
    const int got = gzread(t->file, out, (unsigned)n);
    if (got < 0) return bad(t, "does not unpack", err);
    t->at += (uint64_t)got;
    if (!got && none && gzeof(t->file)) {
        int code;
        gzerror(t->file, &code);
        *none = true;
        return code == Z_OK || code == Z_STREAM_END ? THORAX_OK : bad(t, "cut short", err);
    }
    return (size_t)got == n ? THORAX_OK : bad(t, "cut short", err);
}

static thorax_status skip(thx_tar *t, uint64_t n, thorax_error *err)
{
    unsigned char block[4096];
    thorax_status st = THORAX_OK;

    for (; !st && n; n -= n < sizeof block ? n : sizeof block)
        st = take(t, block, n < sizeof block ? (size_t)n : sizeof block, NULL, err);
    return st;
}

/* ---- Headers ---- */

/* A number: octal digits, or, with its first bit set, bytes of a large one. */
static bool read_number(uint64_t *out, const unsigned char *field, size_t size)
{
    uint64_t x = 0;
    size_t   i = 0;

    if (field[0] & 0x80) {
        if (field[0] != 0x80) return false; /* negative, or beyond 64 bits */
        for (i = 1; i < size; i++) {
            if (x >> 56) return false;
            x = x << 8 | field[i];
        }
        *out = x;
        return true;
    }
    while (i < size && field[i] == ' ') i++;
    for (; i < size && field[i] >= '0' && field[i] <= '7'; i++) {
        if (x >> 61) return false;
        x = x << 3 | (uint64_t)(field[i] - '0');
    }
    *out = x;
    return i == size || !field[i] || field[i] == ' ';
}

static bool sum_fits(const unsigned char block[BLOCK])
{
    uint64_t want, sum = 0;

    for (size_t i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? ' ' : block[i];
    return read_number(&want, block + 148, 8) && want == sum;
}

static bool is_zero(const unsigned char block[BLOCK])
{
    for (size_t i = 0; i < BLOCK; i++)
        if (block[i]) return false;
    return true;
}

/* The name in a header, with ustar's prefix before it. */
static void header_name(char out[NAME_MAX_BYTES], const unsigned char block[BLOCK])
{
    const bool ustar = !memcmp(block + 257, "ustar", 6);
    const int  before = ustar ? (int)strnlen((const char *)block + 345, 155) : 0;

    snprintf(out, NAME_MAX_BYTES, "%.*s%s%.*s", before, (const char *)block + 345, before ? "/" : "",
             (int)strnlen((const char *)block, 100), (const char *)block);
}

/* ---- Headers before headers: pax records "LENGTH KEY=VALUE\n", GNU's long names ---- */

/* Takes path and size out of the records [size]. */
static bool read_pax(const char *text, size_t size, char name[NAME_MAX_BYTES], uint64_t *bytes, bool *sized)
{
    while (size) {
        size_t length = 0, i = 0;
        for (; i < size && i < 8 && text[i] >= '0' && text[i] <= '9'; i++)
            length = length * 10 + (size_t)(text[i] - '0');
        if (!i || i >= size || text[i] != ' ' || length > size || length < i + 3 || text[length - 1] != '\n')
            return false;
        const char  *key = text + i + 1;
        const size_t n = length - i - 2; /* of "KEY=VALUE" */
        if (n > 5 && !memcmp(key, "path=", 5)) snprintf(name, NAME_MAX_BYTES, "%.*s", (int)(n - 5), key + 5);
        if (n > 5 && !memcmp(key, "size=", 5)) {
            char digits[24], *end;
            snprintf(digits, sizeof digits, "%.*s", n - 5 < 20 ? (int)(n - 5) : 0, key + 5);
            *bytes = strtoull(digits, &end, 10);
            *sized = true;
            if (end == digits || *end || digits[0] == '-') return false;
        }
        text += length;
        size -= length;
    }
    return true;
}

/* What a header of kind `type` and `size` bytes says about the next one. */
static thorax_status read_extra(thx_tar *t, char type, uint64_t size, char name[NAME_MAX_BYTES], uint64_t *bytes,
                                bool *sized, thorax_error *err)
{
    const uint64_t padding = (BLOCK - size % BLOCK) % BLOCK;

    if (size > PAX_MAX_BYTES) return bad(t, "a header of more than 64 KiB", err);
    char *text = calloc((size_t)size + 1, 1);
    if (!text) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    thorax_status st = take(t, text, (size_t)size, NULL, err);
    if (!st) st = skip(t, padding, err);
    if (!st && type == 'L') snprintf(name, NAME_MAX_BYTES, "%s", text);
    if (!st && type == 'x' && !read_pax(text, (size_t)size, name, bytes, sized))
        st = bad(t, "a broken pax header", err);
    free(text);
    return st;
}

/* ---- Files ---- */

/* The next header that is not about another one; *end where the archive ends. */
static thorax_status next_header(thx_tar *t, char *type, uint64_t *size, bool *end, thorax_error *err)
{
    unsigned char block[BLOCK];
    char          name[NAME_MAX_BYTES] = "";
    uint64_t      bytes = 0;
    bool          sized = false;
    thorax_status st;

    for (;;) {
        if ((st = take(t, block, BLOCK, end, err)) || *end) return st;
        *end = is_zero(block);
        if (*end) return THORAX_OK;
        if (!sum_fits(block) || !read_number(size, block + 124, 12))
            return bad(t, "no tar archive, or a broken header in it", err);
        *type = (char)block[156];
        if (*type != 'x' && *type != 'L' && *type != 'g' && *type != 'K') break;
        if ((st = read_extra(t, *type, *size, name, &bytes, &sized, err))) return st;
    }
    if (sized) *size = bytes;
    if (*name) memcpy(t->name, name, sizeof name);
    else header_name(t->name, block);
    return THORAX_OK;
}

thorax_status thx_tar_next(thx_tar *t, const char **name, uint64_t *size, thorax_error *err)
{
    char          type = 0;
    bool          end;
    thorax_status st;

    *name = NULL;
    for (;;) {
        if ((st = skip(t, t->left, err))) return st;
        if ((st = skip(t, t->padding, err))) return st;
        t->left = t->padding = 0;
        if ((st = next_header(t, &type, size, &end, err)) || end) return st;
        const bool plain = !type || type == '0' || type == '7';
        if (type >= '1' && type <= '6') *size = 0; /* links, devices, folders have no bytes */
        t->left = *size;
        t->padding = (BLOCK - *size % BLOCK) % BLOCK;
        if (!plain || strlen(t->name) >= THX_TAR_NAME) continue;
        *name = t->name;
        return THORAX_OK;
    }
}

thorax_status thx_tar_read(thx_tar *t, void *out, size_t n, size_t *got, thorax_error *err)
{
    const size_t size = t->left < n ? (size_t)t->left : n;

    *got = 0;
    if (!size) return THORAX_OK;
    const thorax_status st = take(t, out, size < BUFFER ? size : BUFFER, NULL, err);
    if (st) return st;
    *got = size < BUFFER ? size : BUFFER;
    t->left -= *got;
    return THORAX_OK;
}
