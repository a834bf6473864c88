/* Files of the disk cache; see cache_file.h. */
#include "engine/cache_file.h"

#include "base/hash.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VERSION = 1, DIGEST = 64, ALIGN = 64, STEP_BYTES = 1 << 20 };
static const char magic[8] = "THXCACHE";

typedef struct header {
    char     magic[8];
    uint32_t version, kind;
    uint64_t file_bytes;
    char     key[64], film[64], model[64];
    uint32_t shape[THX_ENTRY_SHAPE];
    uint32_t n_ids;
    uint32_t zero[3];
} header;
_Static_assert(sizeof(header) == 256, "the header has no gaps");

/* ---- Names ---- */

static const char *ending(thx_entry_kind kind) { return kind == THX_ENTRY_ROWS ? ".rows" : ".kv"; }

void thx_entry_name(char out[THX_ENTRY_NAME], const thx_entry *e)
{
    thx_sha256 h;
    char       hex[65];

    thx_sha256_init(&h);
    thx_sha256_add(&h, e->key->key, 64);
    thx_sha256_add(&h, e->shape, sizeof e->shape);
    if (e->n_ids) thx_sha256_add(&h, e->ids, e->n_ids * sizeof e->ids[0]);
    thx_sha256_end(&h, hex);
    snprintf(out, THX_ENTRY_NAME, "thx-%.32s%s", hex, ending(e->kind));
}

static size_t digits(const char *text)
{
    return strspn(text, "0123456789");
}

bool thx_entry_is_name(const char *name, bool *unfinished)
{
    *unfinished = false;
    if (strncmp(name, "thx-", 4) || strspn(name + 4, "0123456789abcdef") != 32) return false;
    name += 36;
    if (!strncmp(name, ".rows", 5)) name += 5;
    else if (!strncmp(name, ".kv", 3)) name += 3;
    else return false;
    if (!*name) return true;
    *unfinished = true;
    if (*name++ != '.' || !digits(name)) return false;
    name += digits(name);
    return *name == '-' && digits(name + 1) && !name[1 + digits(name + 1)];
}

/* ---- The head: header, ids, zeros ---- */

static size_t head_bytes(const thx_entry *e)
{
    return (sizeof(header) + e->n_ids * sizeof e->ids[0] + ALIGN - 1) / ALIGN * ALIGN;
}

uint64_t thx_entry_bytes(const thx_entry *e)
{
    uint64_t bytes = head_bytes(e) + DIGEST;

    for (size_t i = 0; i < e->n_pieces; i++) bytes += e->pieces[i].size;
    return bytes;
}

/* The caller frees it; NULL when memory runs out. */
static unsigned char *head_new(const thx_entry *e)
{
    unsigned char *head = calloc(1, head_bytes(e));
    header         h = { .version = VERSION, .kind = e->kind, .file_bytes = thx_entry_bytes(e), .n_ids = (uint32_t)e->n_ids };

    if (!head) return NULL;
    memcpy(h.magic, magic, sizeof h.magic);
    memcpy(h.key, e->key->key, sizeof h.key);
    memcpy(h.film, e->key->film, sizeof h.film);
    memcpy(h.model, e->key->model, sizeof h.model);
    memcpy(h.shape, e->shape, sizeof h.shape);
    memcpy(head, &h, sizeof h);
    if (e->n_ids) memcpy(head + sizeof h, e->ids, e->n_ids * sizeof e->ids[0]);
    return head;
}

/* ---- Writing ---- */

static thorax_status write_all(int file, const void *data, size_t size, thorax_error *err)
{
    const unsigned char *p = data;

    while (size) {
        const ssize_t n = write(file, p, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return thx_fail(err, THORAX_IO, 0, "%s", n ? strerror(errno) : "nothing more can be written");
        p += n;
        size -= (size_t)n;
    }
    return THORAX_OK;
}

/* In steps that stay in the processor's cache between hashing and copying. */
static thorax_status write_hashed(int file, thx_sha256 *h, const void *data, size_t size, thorax_error *err)
{
    thorax_status st = THORAX_OK;

    for (size_t at = 0; at < size && !st; at += STEP_BYTES) {
        const size_t n = size - at < STEP_BYTES ? size - at : STEP_BYTES;
        thx_sha256_add(h, (const unsigned char *)data + at, n);
        st = write_all(file, (const unsigned char *)data + at, n, err);
    }
    return st;
}

thorax_status thx_entry_write(int file, const thx_entry *e, thorax_error *err)
{
    unsigned char *head = head_new(e);
    thx_sha256     h;
    char           digest[DIGEST + 1];

    if (!head) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    thx_sha256_init(&h);
    thorax_status st = write_hashed(file, &h, head, head_bytes(e), err);
    for (size_t i = 0; i < e->n_pieces && !st; i++)
        st = write_hashed(file, &h, e->pieces[i].data, e->pieces[i].size, err);
    thx_sha256_end(&h, digest);
    if (!st) st = write_all(file, digest, DIGEST, err);
    free(head);
    return st;
}

/* ---- Reading ---- */

static thorax_status read_all(int file, void *data, size_t size, thorax_error *err)
{
    unsigned char *p = data;

    while (size) {
        const ssize_t n = read(file, p, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return thx_fail(err, THORAX_IO, 0, "%s", strerror(errno));
        if (!n) return thx_fail(err, THORAX_FORMAT, 0, "it ends too early");
        p += n;
        size -= (size_t)n;
    }
    return THORAX_OK;
}

static thorax_status read_hashed(int file, thx_sha256 *h, void *data, size_t size, thorax_error *err)
{
    thorax_status st = THORAX_OK;

    for (size_t at = 0; at < size && !st; at += STEP_BYTES) {
        const size_t n = size - at < STEP_BYTES ? size - at : STEP_BYTES;
        st = read_all(file, (unsigned char *)data + at, n, err);
        if (!st) thx_sha256_add(h, (const unsigned char *)data + at, n);
    }
    return st;
}

/* Is this the entry that is wanted, and as long as it must be? */
static thorax_status read_head(int file, thx_sha256 *h, const thx_entry *e, thorax_error *err)
{
    const size_t   size = head_bytes(e);
    unsigned char *want = head_new(e), *found = malloc(size);
    struct stat    s;
    thorax_status  st = want && found ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "out of memory");

    if (!st && fstat(file, &s)) st = thx_fail(err, THORAX_IO, 0, "%s", strerror(errno));
    if (!st && (uint64_t)s.st_size != thx_entry_bytes(e))
        st = thx_fail(err, THORAX_FORMAT, 0, "expected %llu bytes, found %llu",
                      (unsigned long long)thx_entry_bytes(e), (unsigned long long)s.st_size);
    if (!st) st = read_hashed(file, h, found, size, err);
    if (!st && memcmp(want, found, size)) st = thx_fail(err, THORAX_FORMAT, 0, "the header is of something else");
    free(want);
    free(found);
    return st;
}

thorax_status thx_entry_read(int file, const thx_entry *e, thorax_error *err)
{
    thx_sha256 h;
    char       digest[DIGEST + 1], found[DIGEST];

    thx_sha256_init(&h);
    thorax_status st = read_head(file, &h, e, err);
    for (size_t i = 0; i < e->n_pieces && !st; i++)
        st = read_hashed(file, &h, e->pieces[i].data, e->pieces[i].size, err);
    if (!st) st = read_all(file, found, DIGEST, err);
    thx_sha256_end(&h, digest);
    if (!st && memcmp(digest, found, DIGEST)) st = thx_fail(err, THORAX_FORMAT, 0, "the digest does not fit");
    return st;
}

/* ---- Looking at a file ---- */

static bool take_hash(char out[65], const char *from)
{
    for (size_t i = 0; i < 64; i++)
        if (!isdigit((unsigned char)from[i]) && !(from[i] >= 'a' && from[i] <= 'f')) return false;
    memcpy(out, from, 64);
    out[64] = 0;
    return true;
}

void thx_entry_peek(thx_entry_facts *out, int file)
{
    header      h;
    struct stat s;

    *out = (thx_entry_facts){ 0 };
    out->ours = !read_all(file, h.magic, sizeof h.magic, NULL) && !memcmp(h.magic, magic, sizeof magic);
    if (!out->ours || read_all(file, &h.version, sizeof h - sizeof h.magic, NULL)) return;
    if (h.version != VERSION || fstat(file, &s)) return;
    out->usable = (h.kind == THX_ENTRY_ROWS || h.kind == THX_ENTRY_PREFIX) && (uint64_t)s.st_size == h.file_bytes &&
                  take_hash(out->key.key, h.key) && take_hash(out->key.film, h.film) && take_hash(out->key.model, h.model);
    out->kind = (thx_entry_kind)h.kind;
    out->tokens = h.shape[0];
}
