/* NumPy .npy files; see npy.h. Format: numpy/lib/format.py. */
#include "base/npy.h"
#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct thx_npy_writer {
    FILE *file;
    char *path, *temp; /* the same where a device or pipe is written to */
    bool special;
    size_t left; /* bytes still to come */
};

void thx_npy_cancel(thx_npy_writer *w)
{
    if (!w) return;
    if (w->file) {
        fclose(w->file);
        if (!w->special) unlink(w->temp);
    }
    free(w->path);
    free(w->temp);
    free(w);
}

thorax_status thx_npy_begin(thx_npy_writer **out, const char *path, const char *type,
                            const size_t *shape, size_t rank, thorax_error *err)
{
    char dims[256] = "", header[400];
    size_t bytes = (size_t)(type[1] - '0');

    *out = NULL;
    for (size_t i = 0, at = 0; i < rank; i++) {
        at += (size_t)snprintf(dims + at, sizeof dims - at, "%zu,%s", shape[i], i + 1 < rank ? " " : "");
        if (!thx_mul_size(&bytes, bytes, shape[i]) || at >= sizeof dims)
            return thx_fail(err, THORAX_LIMIT, 0, "%s: array too large", path);
    }
    int n = snprintf(header, sizeof header, "{'descr': '%s%s', 'fortran_order': False, 'shape': (%s), }",
                     type[1] == '1' ? "|" : "<", type, dims);
    while ((n + 1 + 10) % 64) header[n++] = ' '; /* data starts at a multiple of 64 */
    header[n++] = '\n';
    const unsigned char magic[10] = { 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)(n & 255), (unsigned char)(n >> 8) };

    thx_npy_writer *w = calloc(1, sizeof *w);
    const size_t room = strlen(path) + 32;
    if (w) {
        w->path = strdup(path);
        w->temp = malloc(room);
        w->left = bytes;
    }
    if (!w || !w->path || !w->temp) {
        thx_npy_cancel(w);
        return thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", path);
    }
    w->special = thx_is_special(path);
    if (w->special) memcpy(w->temp, path, strlen(path) + 1);
    else snprintf(w->temp, room, "%s.part-%ld", path, (long)getpid());
    w->file = fopen(w->temp, "wb");
    if (!w->file || fwrite(magic, 1, 10, w->file) != 10 || fwrite(header, 1, (size_t)n, w->file) != (size_t)n) {
        thx_fail(err, THORAX_IO, 0, "%s: cannot write: %s", path, strerror(errno));
        thx_npy_cancel(w);
        return THORAX_IO;
    }
    *out = w;
    return THORAX_OK;
}

thorax_status thx_npy_add(thx_npy_writer *w, const void *data, size_t bytes, thorax_error *err)
{
    if (bytes > w->left) return thx_fail(err, THORAX_SHAPE, 0, "%s: more values than the shape holds", w->path);
    if (bytes && fwrite(data, 1, bytes, w->file) != bytes)
        return thx_fail(err, THORAX_IO, 0, "%s: cannot write: %s", w->path, strerror(errno));
    w->left -= bytes;
    return THORAX_OK;
}

thorax_status thx_npy_end(thx_npy_writer *w, thorax_error *err)
{
    thorax_status st = THORAX_OK;

    if (w->left) st = thx_fail(err, THORAX_SHAPE, 0, "%s: %zu bytes missing", w->path, w->left);
    if (!st) {
        const bool bad = fclose(w->file) != 0;
        w->file = NULL;
        if (bad || (!w->special && rename(w->temp, w->path))) {
            st = thx_fail(err, THORAX_IO, 0, "%s: cannot write: %s", w->path, strerror(errno));
            if (!w->special) unlink(w->temp);
        }
    }
    thx_npy_cancel(w);
    return st;
}

thorax_status thx_npy_write(const char *path, const char *type, const void *data,
                            const size_t *shape, size_t rank, thorax_error *err)
{
    thx_npy_writer *w;
    thorax_status st = thx_npy_begin(&w, path, type, shape, rank, err);
    if (st) return st;
    st = thx_npy_add(w, data, w->left, err);
    if (st) {
        thx_npy_cancel(w);
        return st;
    }
    return thx_npy_end(w, err);
}

/* Reads "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }". */
static bool parse_header(thx_npy *a, const char *text)
{
    const char *d = strstr(text, "'descr':"), *s = strstr(text, "'shape':");

    if (!d || !s || !strstr(text, "'fortran_order': False")) return false;
    d = strchr(d + 8, '\'');
    if (!d || strlen(d) < 5 || (d[1] != '<' && d[1] != '|')) return false;
    memcpy(a->type, d + 2, 2);
    static const char *const known[] = { "f4", "f8", "u1", "u2", "i4", "i8" };
    bool found = false;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) found |= !strcmp(a->type, known[i]);
    s = strchr(s, '(');
    if (!found || !s) return false;
    a->count = 1;
    for (s++; *s && *s != ')';) {
        char *end;
        if (*s == ' ' || *s == ',') { s++; continue; }
        const unsigned long long v = strtoull(s, &end, 10);
        if (end == s || *s == '-' || a->rank == 8) return false;
        a->shape[a->rank++] = (size_t)v;
        if (!thx_mul_size(&a->count, a->count, (size_t)v)) return false;
        s = end;
    }
    return *s == ')';
}

thorax_status thx_npy_read(thx_npy *out, const char *path, thorax_error *err)
{
    char *file;
    size_t size, bytes;

    *out = (thx_npy){ 0 };
    thorax_status st = thx_file_read(&file, &size, path, (size_t)1 << 33, err);
    if (st) return st;
    const unsigned char *u = (const unsigned char *)file;
    const size_t head = size >= 10 ? 10u + u[8] + 256u * u[9] : 0;
    if (size < 10 || memcmp(u, "\x93NUMPY\x01", 7) || head > size) {
        st = thx_fail(err, THORAX_FORMAT, 0, "%s: expected a NumPy 1.0 file", path);
        goto done;
    }
    char header[1024];
    snprintf(header, sizeof header, "%.*s", (int)(head - 10), file + 10);
    if (!parse_header(out, header) || !thx_mul_size(&bytes, out->count, (size_t)(out->type[1] - '0')) || bytes != size - head) {
        st = thx_fail(err, THORAX_FORMAT, 10, "%s: NumPy header not understood, or it does not fit the %zu bytes after it", path, size - head);
        goto done;
    }
    out->data = malloc(bytes ? bytes : 1);
    if (!out->data) st = thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", path);
    else memcpy(out->data, file + head, bytes);
done:
    free(file);
    if (st) thx_npy_deinit(out);
    return st;
}

void thx_npy_deinit(thx_npy *a)
{
    free(a->data);
    *a = (thx_npy){ 0 };
}
