/* Appending to an index; see index.h and layout.h.
 *
 * The new segment is written behind what counts, then synchronised, then a slot says that it counts; the other slot
 * keeps saying what counted before. What an append that broke off left behind is cut off by the next one. */
#include "base/hash.h"
#include "index/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CODE_MAX = 127, MODE = 0600 };

static const double length_max = 1.001; /* of a vector; search.c relies on it */

typedef struct appending {
    const char        *path, *model;
    int                fd;
    thx_index_head     head;
    thx_index_slot     slot;
    thx_index_kind     kind;
    const float       *vectors;
    const char *const *names;
    size_t             n, d;
} appending;

static thorax_status io_fault(const appending *a, const char *what, thorax_error *err)
{
    return thx_fail(err, THORAX_IO, 0, "%s: %s: %s", a->path, what, strerror(errno));
}

static bool write_at(int fd, const void *data, size_t size, size_t at)
{
    const char *from = data;

    while (size) {
        const ssize_t done = pwrite(fd, from, size, (off_t)at);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return false;
        from += done;
        at += (size_t)done;
        size -= (size_t)done;
    }
    return true;
}

/* ---- The file ---- */

/* Writes the slot that is not in use, and waits until it is on the disk. */
static thorax_status commit(appending *a, thx_index_slot slot, thorax_error *err)
{
    char sha256[65];

    slot.number = a->slot.number + 1;
    thx_slot_sign(sha256, &a->head, &slot);
    memcpy(slot.sha256, sha256, sizeof slot.sha256);
    if (!write_at(a->fd, &slot, sizeof slot, THX_SLOT_AT + slot.number % 2 * THX_SLOT_STEP) ||
        fdatasync(a->fd))
        return io_fault(a, "cannot be written", err);
    a->slot = slot;
    return THORAX_OK;
}

/* Puts a new file in its place, whole or not at all. One that another program put there meanwhile stays. */
static thorax_status put_file(const appending *a, const void *data, size_t size, thorax_error *err)
{
    const size_t  room = strlen(a->path) + 32;
    char         *temp = malloc(room);
    thorax_status st = temp ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", a->path);

    if (st) return st;
    snprintf(temp, room, "%s.new-%ld", a->path, (long)getpid());
    st = thx_file_write(temp, data, size, err);
    if (!st) {
        const bool made = !chmod(temp, MODE) && (!link(temp, a->path) || errno == EEXIST);
        if (!made && rename(temp, a->path)) st = io_fault(a, "cannot be made", err); /* no hard links here */
        unlink(temp);
    }
    free(temp);
    return st;
}

/* An empty index. */
static thorax_status make_file(appending *a, thorax_error *err)
{
    unsigned char  bytes[THX_HEAD_BYTES] = { 0 };
    thx_index_slot slot = { .number = 1, .bytes = THX_HEAD_BYTES };
    char           sha256[65];

    a->head = (thx_index_head){ .magic = "THXINDEX", .version = 1, .d = (uint32_t)a->d };
    memcpy(a->head.model, a->model, sizeof a->head.model);
    thx_slot_sign(sha256, &a->head, &slot);
    memcpy(slot.sha256, sha256, sizeof slot.sha256);
    memcpy(bytes, &a->head, sizeof a->head);
    memcpy(bytes + THX_SLOT_AT + THX_SLOT_STEP, &slot, sizeof slot);
    return put_file(a, bytes, sizeof bytes, err);
}

static thorax_status read_file(appending *a, thorax_error *err)
{
    unsigned char bytes[THX_HEAD_BYTES];
    struct stat   s;

    if (fstat(a->fd, &s)) return io_fault(a, "cannot be read", err);
    if (!S_ISREG(s.st_mode) || pread(a->fd, bytes, sizeof bytes, 0) != sizeof bytes)
        return thx_fail(err, THORAX_FORMAT, 0, "%s: not an index of embeddings", a->path);
    const thorax_status st = thx_head_read(&a->head, &a->slot, bytes, a->path, a->model, err);
    if (st) return st;
    if (a->head.d != a->d)
        return thx_fail(err, THORAX_USAGE, 0, "%s: index of vectors of %u values, found %zu",
                        a->path, a->head.d, a->d);
    if (a->slot.bytes > (uint64_t)s.st_size || a->slot.bytes < THX_HEAD_BYTES || a->slot.bytes % 64)
        return thx_fail(err, THORAX_FORMAT, 0, "%s: cut short: expected %llu bytes, found %llu",
                        a->path, (unsigned long long)a->slot.bytes, (unsigned long long)s.st_size);
    return ftruncate(a->fd, (off_t)a->slot.bytes) ? io_fault(a, "cannot be cut", err) : THORAX_OK;
}

/* ---- The segment ---- */

/* Rounds one vector: v = scale * code + rest; *loss is at least the length of the rest. */
static void round_row(int8_t *codes, float *scale, float *loss, const float *v, size_t d)
{
    double most = 0, rest = 0;

    for (size_t k = 0; k < d; k++) most = fmax(most, fabs((double)v[k]));
    *scale = (float)(most / CODE_MAX);
    for (size_t k = 0; k < d; k++) {
        const double code = *scale > 0 ? rint(v[k] / (double)*scale) : 0;
        codes[k] = (int8_t)(code > CODE_MAX ? CODE_MAX : code < -CODE_MAX ? -CODE_MAX : code);
        const double r = v[k] - (double)*scale * codes[k];
        rest += r * r;
    }
    *loss = nextafterf((float)(sqrt(rest) * (1 + 1e-9)), INFINITY);
}

static thorax_status check_rows(const appending *a, size_t *names_bytes, thorax_error *err)
{
    *names_bytes = 0;
    for (size_t i = 0; i < a->n; i++) {
        const size_t size = strlen(a->names[i]);
        double       sum = 0;
        for (size_t k = 0; k < a->d; k++)
            sum += (double)a->vectors[i * a->d + k] * a->vectors[i * a->d + k];
        if (!(sqrt(sum) <= length_max))
            return thx_fail(err, THORAX_USAGE, 0,
                            "%s: row %zu: expected a vector of length 1, found %g", a->path, i,
                            sqrt(sum));
        if (size > THX_INDEX_NAME_MAX)
            return thx_fail(err, THORAX_USAGE, 0,
                            "%s: row %zu: a name of %zu bytes, the limit is %d", a->path, i, size,
                            THX_INDEX_NAME_MAX);
        *names_bytes += size;
    }
    return THORAX_OK;
}

/* Fills all parts but the vectors, which are written from where they lie. */
static void fill(const appending *a, unsigned char *base, const thx_parts *p)
{
    float    *scales = (void *)(base + p->scales), *losses = (void *)(base + p->losses);
    uint64_t *ends = (void *)(base + p->ends), end = 0;
    int8_t   *codes = (void *)(base + p->codes);

    for (size_t i = 0; i < a->n; i++) {
        const size_t size = strlen(a->names[i]);
        memcpy(base + p->names + end, a->names[i], size);
        ends[i] = end += size;
    }
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < a->n; i++)
        round_row(codes + i * a->d, &scales[i], &losses[i], a->vectors + i * a->d, a->d);
}

static void sign(const appending *a, unsigned char *base, const thx_parts *p, size_t names_bytes)
{
    static const unsigned char zeros[64];
    const size_t               bytes = 4 * a->n * a->d;
    thx_segment_head           h = { .magic = "THXROWS1",
                                     .bytes = p->bytes,
                                     .rows = a->n,
                                     .kind = a->kind,
                                     .names_bytes = names_bytes };
    char                       sha256[65];
    thx_sha256                 sum;

    thx_sha256_init(&sum);
    thx_sha256_add(&sum, base + sizeof h, p->vectors - sizeof h);
    thx_sha256_add(&sum, a->vectors, bytes);
    thx_sha256_add(&sum, zeros, p->bytes - p->vectors - bytes);
    thx_sha256_end(&sum, sha256);
    memcpy(h.parts, sha256, sizeof h.parts);
    thx_segment_sign(sha256, &h);
    memcpy(h.sha256, sha256, sizeof h.sha256);
    memcpy(base, &h, sizeof h);
}

static thorax_status write_segment(appending *a, thorax_error *err)
{
    thx_parts     p;
    size_t        names_bytes;
    thorax_status st = check_rows(a, &names_bytes, err);

    if (st) return st;
    unsigned char *base = thx_parts_plan(&p, a->n, a->d, names_bytes) ? calloc(1, p.vectors) : NULL;
    if (!base) return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for %zu rows", a->path, a->n);
    fill(a, base, &p);
    sign(a, base, &p, names_bytes);
    const size_t at = (size_t)a->slot.bytes;
    if (!write_at(a->fd, base, p.vectors, at) ||
        !write_at(a->fd, a->vectors, 4 * a->n * a->d, at + p.vectors) ||
        ftruncate(a->fd, (off_t)(at + p.bytes)) || fdatasync(a->fd))
        st = io_fault(a, "cannot be written", err);
    free(base);
    if (st) return st;
    return commit(a,
                  (thx_index_slot){ .bytes = at + p.bytes,
                                    .rows = a->slot.rows + a->n,
                                    .segments = a->slot.segments + 1 },
                  err);
}

thorax_status thx_index_append(const char *path, const char *model, thx_index_kind kind,
                               const float *vectors, const char *const *names, size_t n, size_t d,
                               thorax_error *err)
{
    appending     a = { .path = path,
                        .model = model,
                        .fd = -1,
                        .kind = kind,
                        .vectors = vectors,
                        .names = names,
                        .n = n,
                        .d = d };
    thorax_status st = THORAX_OK;

    if (!d || d > THX_INDEX_WIDTH_MAX)
        return thx_fail(err, THORAX_USAGE, 0, "%s: vectors of %zu values, expected 1 to %d", path,
                        d, THX_INDEX_WIDTH_MAX);
    if (!thx_file_exists(path)) st = make_file(&a, err);
    if (st) return st;
    a.fd = open(path, O_RDWR | O_CLOEXEC);
    if (a.fd < 0) return io_fault(&a, "cannot be opened", err);
    if (flock(a.fd, LOCK_EX | LOCK_NB))
        st = thx_fail(err, THORAX_IO, 0, "%s: another program is writing to it", path);
    if (!st) st = read_file(&a, err);
    if (!st && n) st = write_segment(&a, err);
    if (close(a.fd) && !st) st = io_fault(&a, "cannot be written", err);
    return st;
}
