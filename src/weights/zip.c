/* Reading a zip directory; see zip.h. */
#include "weights/zip.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "weights/bytes.h"

enum {
    LOCAL_BYTES = 30, CENTRAL_BYTES = 46, END_BYTES = 22, END64_BYTES = 56, LOCATOR_BYTES = 20,
    MAX_COMMENT = 0xffff, MAX_ENTRIES = 1 << 20,
    FLAGS_ENCRYPTED = 1 | 1 << 6 | 1 << 13,
};

#define LOCAL   "PK\3\4"
#define CENTRAL "PK\1\2"
#define END     "PK\5\6"
#define END64   "PK\6\6"
#define LOCATOR "PK\6\7"

typedef struct reader {
    const unsigned char *data;
    uint64_t             size;
    uint64_t             end;  /* where the end record begins: no entry and no directory reaches it */
    uint64_t             directory, directory_bytes, count;
    thx_arena           *arena;
    const char          *path;
    thorax_error        *err;
} reader;

static bool has_mark(const reader *r, uint64_t at, uint64_t bytes, const char mark[4])
{
    return at <= r->size && bytes <= r->size - at && !memcmp(r->data + at, mark, 4);
}

bool thx_is_zip(thx_map bytes) { return bytes.size >= 4 && !memcmp(bytes.data, LOCAL, 4); }

/* ---- The end of the directory ---- */

/* The last end record whose comment reaches exactly to the end of the file. */
static thorax_status find_end(reader *r)
{
    for (uint64_t comment = 0; comment <= MAX_COMMENT && comment + END_BYTES <= r->size; comment++) {
        const uint64_t at = r->size - END_BYTES - comment;

        if (!has_mark(r, at, END_BYTES, END) || thx_le16(r->data + at + 20) != comment) continue;
        r->end = at;
        return THORAX_OK;
    }
    return thx_fail(r->err, THORAX_FORMAT, r->size, "%s: a zip archive without the directory at its end; cut short?",
                    r->path);
}

/* A number of the end record: that of the zip64 record counts, and the small one says the same or "too large". */
static bool same_number(uint64_t small, uint64_t large, uint64_t none) { return small == none || small == large; }

static thorax_status read_end64(reader *r, const unsigned char *end)
{
    const uint64_t at = thx_le64(end - LOCATOR_BYTES + 8), locator = r->end - LOCATOR_BYTES;

    if (at > locator || locator - at < END64_BYTES || !has_mark(r, at, END64_BYTES, END64))
        return thx_fail(r->err, THORAX_FORMAT, locator,
                        "%s: a zip archive whose zip64 directory end is not at byte %" PRIu64 ", as it says",
                        r->path, at);
    const unsigned char *e = r->data + at;
    const uint64_t       here = thx_le64(e + 24);
    r->count = thx_le64(e + 32);
    r->directory_bytes = thx_le64(e + 40);
    r->directory = thx_le64(e + 48);
    r->end = at;
    if (here != r->count || !same_number(thx_le16(end + 10), r->count, 0xffff) ||
        !same_number(thx_le32(end + 12), r->directory_bytes, 0xffffffff) ||
        !same_number(thx_le32(end + 16), r->directory, 0xffffffff))
        return thx_fail(r->err, THORAX_FORMAT, at, "%s: a zip archive whose two directory ends contradict each other",
                        r->path);
    return THORAX_OK;
}

static thorax_status read_end(reader *r)
{
    thorax_status st = find_end(r);

    if (st) return st;
    const unsigned char *end = r->data + r->end;
    r->count = thx_le16(end + 10);
    r->directory_bytes = thx_le32(end + 12);
    r->directory = thx_le32(end + 16);
    if (r->end >= LOCATOR_BYTES && has_mark(r, r->end - LOCATOR_BYTES, LOCATOR_BYTES, LOCATOR))
        st = read_end64(r, end);
    else if (thx_le16(end + 8) != r->count)
        st = thx_fail(r->err, THORAX_FORMAT, r->end, "%s: a zip archive in several parts", r->path);
    if (st) return st;
    if (r->directory > r->end || r->directory_bytes > r->end - r->directory)
        return thx_fail(r->err, THORAX_FORMAT, r->directory,
                        "%s: a zip archive whose directory (%" PRIu64 " bytes at %" PRIu64 ") is not inside the file",
                        r->path, r->directory_bytes, r->directory);
    if (r->count > r->directory_bytes / CENTRAL_BYTES)
        return thx_fail(r->err, THORAX_FORMAT, r->directory,
                        "%s: a zip archive of %" PRIu64 " entries, but its directory has %" PRIu64 " bytes", r->path,
                        r->count, r->directory_bytes);
    if (r->count > MAX_ENTRIES)
        return thx_fail(r->err, THORAX_LIMIT, r->directory, "%s: %" PRIu64 " entries in the archive, the limit is %d",
                        r->path, r->count, MAX_ENTRIES);
    return THORAX_OK;
}

/* ---- Entries ---- */

/* What does not fit 32 bits stands in the extra field of kind 1, in this order. */
static bool take_large(uint64_t *value, const unsigned char **at, const unsigned char *end)
{
    if (*value != 0xffffffff) return true;
    if (end - *at < 8) return false;
    *value = thx_le64(*at);
    *at += 8;
    return true;
}

static bool read_large(uint64_t *size, uint64_t *packed, uint64_t *header, const unsigned char *extra, size_t bytes)
{
    const unsigned char *at = NULL, *end = NULL;

    for (size_t i = 0; i + 4 <= bytes && !at;) {
        const size_t n = thx_le16(extra + i + 2);

        if (n > bytes - i - 4) return false;
        if (thx_le16(extra + i) == 1) {
            at = extra + i + 4;
            end = at + n;
        }
        i += 4 + n;
    }
    if (!at) return *size != 0xffffffff && *packed != 0xffffffff && *header != 0xffffffff;
    return take_large(size, &at, end) && take_large(packed, &at, end) && take_large(header, &at, end);
}

static thorax_status bad_entry(const reader *r, const thx_zip_entry *e, uint64_t at, const char *what)
{
    return thx_fail(r->err, THORAX_FORMAT, at, "%s: zip entry %.120s %s", r->path, e->name, what);
}

/* Where the data begin: behind the local header, whose own lengths count. */
static thorax_status read_local(const reader *r, thx_zip_entry *e, uint64_t packed)
{
    if (e->header > r->directory || r->directory - e->header < LOCAL_BYTES ||
        !has_mark(r, e->header, LOCAL_BYTES, LOCAL))
        return bad_entry(r, e, e->header, "has no header where the directory says");
    const unsigned char *p = r->data + e->header;
    const size_t         name = thx_le16(p + 26), extra = thx_le16(p + 28);
    uint64_t             left = r->directory - e->header - LOCAL_BYTES;

    if (name + extra > left) return bad_entry(r, e, e->header, "begins outside the file");
    if (name != strlen(e->name) || memcmp(p + LOCAL_BYTES, e->name, name))
        return bad_entry(r, e, e->header, "has another name in its own header");
    left -= name + extra;
    e->begin = e->header + LOCAL_BYTES + name + extra;
    if (packed > left) return bad_entry(r, e, e->begin, "is longer than the file; cut short?");
    e->end = e->begin + packed;
    return THORAX_OK;
}

/* One entry of the directory at *at, which is moved behind it. */
static thorax_status read_central(const reader *r, thx_zip_entry *e, uint64_t *at)
{
    const uint64_t       left = r->directory + r->directory_bytes - *at;
    const unsigned char *p = r->data + *at;

    if (left < CENTRAL_BYTES || memcmp(p, CENTRAL, 4))
        return thx_fail(r->err, THORAX_FORMAT, *at, "%s: a zip archive whose directory is broken", r->path);
    const size_t name = thx_le16(p + 28), extra = thx_le16(p + 30), comment = thx_le16(p + 32);
    if (name + extra + comment > left - CENTRAL_BYTES || memchr(p + CENTRAL_BYTES, 0, name))
        return thx_fail(r->err, THORAX_FORMAT, *at, "%s: a zip archive whose directory is broken", r->path);
    char *kept = thx_arena_alloc(r->arena, name + 1, 1);
    if (!kept) return thx_fail(r->err, THORAX_NOMEM, 0, "%s: no memory for the directory", r->path);
    memcpy(kept, p + CENTRAL_BYTES, name);
    kept[name] = 0;
    e->name = kept;

    uint64_t packed = thx_le32(p + 20), size = thx_le32(p + 24);
    e->header = thx_le32(p + 42);
    if (!read_large(&size, &packed, &e->header, p + CENTRAL_BYTES + name, extra))
        return bad_entry(r, e, *at, "lacks its 64-bit sizes");
    if (thx_le16(p + 8) & FLAGS_ENCRYPTED) e->refused = "encrypted";
    else if (thx_le16(p + 10)) e->refused = "compressed";
    else if (size != packed) return bad_entry(r, e, *at, "is stored as it is, but with two sizes");
    *at += CENTRAL_BYTES + name + extra + comment;
    return read_local(r, e, packed);
}

static int by_place(const void *a, const void *b)
{
    const thx_zip_entry *x = a, *y = b;
    return x->header < y->header ? -1 : x->header > y->header;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const thx_zip_entry *)a)->name, ((const thx_zip_entry *)b)->name);
}

/* Leaves the entries sorted by name. */
static thorax_status check_entries(const reader *r, thx_zip *zip)
{
    if (!zip->count) return THORAX_OK;
    qsort(zip->at, zip->count, sizeof *zip->at, by_place);
    for (size_t i = 1; i < zip->count; i++)
        if (zip->at[i].header < zip->at[i - 1].end)
            return bad_entry(r, &zip->at[i], zip->at[i].header, "overlaps another");
    qsort(zip->at, zip->count, sizeof *zip->at, by_name);
    for (size_t i = 1; i < zip->count; i++)
        if (!by_name(&zip->at[i], &zip->at[i - 1]))
            return bad_entry(r, &zip->at[i], zip->at[i].header, "is there twice");
    return THORAX_OK;
}

thorax_status thx_zip_read(thx_zip *out, thx_arena *arena, thx_map bytes, const char *path, thorax_error *err)
{
    reader r = { .data = bytes.data, .size = bytes.size, .arena = arena, .path = path, .err = err };

    *out = (thx_zip){ 0 };
    thorax_status st = read_end(&r);
    if (st) return st;
    out->at = thx_arena_zalloc(arena, (size_t)r.count, sizeof *out->at);
    if (!out->at) return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for the directory", path);

    uint64_t at = r.directory;
    for (uint64_t i = 0; !st && i < r.count; i++) {
        st = read_central(&r, &out->at[out->count], &at);
        out->count++;
    }
    if (!st && at != r.directory + r.directory_bytes)
        st = thx_fail(err, THORAX_FORMAT, at,
                      "%s: a zip archive whose directory holds more than its %" PRIu64 " entries", path,
                      r.count);
    if (!st) st = check_entries(&r, out);
    if (st) *out = (thx_zip){ 0 };
    return st;
}

const thx_zip_entry *thx_zip_find(const thx_zip *zip, const char *name)
{
    const thx_zip_entry key = { .name = name };
    return zip->count ? bsearch(&key, zip->at, zip->count, sizeof *zip->at, by_name) : NULL;
}
