/* Opening and checking an index; see index.h and layout.h. */
#include "base/hash.h"
#include "index/layout.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL_BYTES = 64 << 20 };

/* ---- What the file says of itself ---- */

bool thx_parts_plan(thx_parts *p, size_t rows, size_t d, size_t names_bytes)
{
    size_t  at = THX_SEGMENT_HEAD_BYTES, values;
    size_t *starts[] = { &p->scales, &p->losses, &p->ends, &p->names, &p->codes, &p->vectors };

    if (!thx_mul_size(&values, rows, d) || values > SIZE_MAX / 16) return false;
    const size_t sizes[] = { 4 * rows, 4 * rows, 8 * rows, names_bytes, values, 4 * values };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        *starts[i] = at;
        if (!thx_add_size(&at, at, sizes[i]) || !thx_add_size(&at, at, 63)) return false;
        at = at / 64 * 64;
    }
    p->bytes = at;
    return true;
}

void thx_slot_sign(char sha256[65], const thx_index_head *head, const thx_index_slot *slot)
{
    thx_sha256 h;

    thx_sha256_init(&h);
    thx_sha256_add(&h, head, sizeof *head);
    thx_sha256_add(&h, slot, offsetof(thx_index_slot, sha256));
    thx_sha256_end(&h, sha256);
}

void thx_segment_sign(char sha256[65], const thx_segment_head *head)
{
    thx_sha256_of(head, offsetof(thx_segment_head, sha256), sha256);
}

static bool slot_holds(const thx_index_head *head, const thx_index_slot *slot)
{
    char sha256[65];

    thx_slot_sign(sha256, head, slot);
    return slot->number && !memcmp(sha256, slot->sha256, sizeof slot->sha256);
}

static thorax_status check_head(const thx_index_head *h, const char *path, const char *model,
                                thorax_error *err)
{
    if (memcmp(h->magic, "THXINDEX", sizeof h->magic))
        return thx_fail(err, THORAX_FORMAT, 0, "%s: not an index of embeddings", path);
    if (h->version != 1)
        return thx_fail(err, THORAX_FORMAT, 8, "%s: index of version %u, expected 1", path,
                        h->version);
    if (!h->d || h->d > THX_INDEX_WIDTH_MAX)
        return thx_fail(err, THORAX_FORMAT, 12,
                        "%s: index of vectors of %u values, expected 1 to %d", path, h->d,
                        THX_INDEX_WIDTH_MAX);
    for (size_t i = 0; i < sizeof h->model; i++)
        if (!isxdigit((unsigned char)h->model[i]))
            return thx_fail(err, THORAX_FORMAT, 16 + i, "%s: the model's identity is damaged",
                            path);
    if (model && memcmp(h->model, model, sizeof h->model))
        return thx_fail(err, THORAX_MODEL, 16,
                        "%s: index of another model: expected %.12s..., found %.12s...", path,
                        model, h->model);
    return THORAX_OK;
}

thorax_status thx_head_read(thx_index_head *head, thx_index_slot *slot, const unsigned char *bytes,
                            const char *path, const char *model, thorax_error *err)
{
    memcpy(head, bytes, sizeof *head);
    *slot = (thx_index_slot){ 0 };
    const thorax_status st = check_head(head, path, model, err);
    if (st) return st;
    for (size_t i = 0; i < 2; i++) {
        thx_index_slot one;
        memcpy(&one, bytes + THX_SLOT_AT + i * THX_SLOT_STEP, sizeof one);
        if (slot_holds(head, &one) && one.number > slot->number) *slot = one;
    }
    return slot->number ? THORAX_OK
                        : thx_fail(err, THORAX_FORMAT, THX_SLOT_AT,
                                   "%s: no valid slot: the head is damaged", path);
}

/* ---- Segments ---- */

static thorax_status damaged(const thx_index *x, size_t at, const char *what, thorax_error *err)
{
    return thx_fail(err, THORAX_FORMAT, at, "%s: %s at byte %zu: the index is damaged", x->path,
                    what, at);
}

static bool ends_rise(const thx_segment *s, size_t names_bytes)
{
    uint64_t last = 0;

    for (size_t i = 0; i < s->rows; i++) {
        if (s->ends[i] < last || s->ends[i] > names_bytes) return false;
        last = s->ends[i];
    }
    return last == names_bytes;
}

/* The segment at byte `at`; *next receives where it ends. */
static thorax_status read_segment(thx_index *x, thx_segment *s, size_t at, size_t *next,
                                  thorax_error *err)
{
    const size_t     left = (size_t)x->slot.bytes - at;
    thx_segment_head h;
    thx_parts        p;
    char             sha256[65];

    if (left < THX_SEGMENT_HEAD_BYTES) return damaged(x, at, "a segment cut short", err);
    memcpy(&h, x->map.data + at, sizeof h);
    thx_segment_sign(sha256, &h);
    if (memcmp(h.magic, "THXROWS1", sizeof h.magic) || memcmp(sha256, h.sha256, sizeof h.sha256))
        return damaged(x, at, "no segment", err);
    if (h.kind >= THX_INDEX_KINDS || !h.rows || h.rows > left || h.names_bytes > left ||
        !thx_parts_plan(&p, (size_t)h.rows, x->head.d, (size_t)h.names_bytes) ||
        p.bytes != h.bytes || h.bytes > left)
        return damaged(x, at, "a segment of impossible size", err);
    const unsigned char *base = x->map.data + at;
    *s = (thx_segment){ .first = x->rows,
                        .rows = (size_t)h.rows,
                        .kind = (thx_index_kind)h.kind,
                        .scales = (const void *)(base + p.scales),
                        .losses = (const void *)(base + p.losses),
                        .ends = (const void *)(base + p.ends),
                        .names = (const void *)(base + p.names),
                        .codes = (const void *)(base + p.codes),
                        .vectors = (const void *)(base + p.vectors) };
    if (!ends_rise(s, (size_t)h.names_bytes)) return damaged(x, at, "names out of order", err);
    x->rows += s->rows;
    *next = at + p.bytes;
    return THORAX_OK;
}

static thorax_status read_segments(thx_index *x, thorax_error *err)
{
    const uint64_t n = x->slot.segments;
    size_t         at = THX_HEAD_BYTES;

    if (x->slot.bytes > x->map.size || x->slot.bytes < at)
        return thx_fail(err, THORAX_FORMAT, x->map.size,
                        "%s: cut short: expected %llu bytes, found %zu", x->path,
                        (unsigned long long)x->slot.bytes, x->map.size);
    if (n > x->slot.bytes / THX_SEGMENT_HEAD_BYTES)
        return damaged(x, THX_SLOT_AT, "a count of segments", err);
    x->segments = calloc((size_t)n + 1, sizeof *x->segments);
    if (!x->segments)
        return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for the table of segments", x->path);
    for (; x->n_segments < n; x->n_segments++) {
        const thorax_status st = read_segment(x, &x->segments[x->n_segments], at, &at, err);
        if (st) return st;
    }
    if (at != x->slot.bytes || x->rows != x->slot.rows) return damaged(x, at, "the end", err);
    return THORAX_OK;
}

thorax_status thx_index_check(const thx_index *x, thorax_error *err)
{
    size_t at = THX_HEAD_BYTES;

    for (size_t i = 0; i < x->n_segments; i++) {
        thx_segment_head h;
        char             sha256[65];
        memcpy(&h, x->map.data + at, sizeof h);
        thx_sha256_of(x->map.data + at + sizeof h, (size_t)h.bytes - sizeof h, sha256);
        if (memcmp(sha256, h.parts, sizeof h.parts))
            return damaged(x, at, "a segment with another checksum", err);
        at += (size_t)h.bytes;
    }
    return THORAX_OK;
}

/* ---- Opening ---- */

static thorax_status open_file(thx_index *x, const char *path, const char *model, thorax_error *err)
{
    thorax_status st;

    x->path = strdup(path);
    if (!x->path) return thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", path);
    if ((st = thx_map_open(&x->map, path, err))) return st;
    if (x->map.size < THX_HEAD_BYTES)
        return thx_fail(err, THORAX_FORMAT, 0, "%s: not an index of embeddings (%zu bytes)", path,
                        x->map.size);
    if ((st = thx_head_read(&x->head, &x->slot, x->map.data, path, model, err))) return st;
    memcpy(x->model, x->head.model, sizeof x->head.model);
    if ((st = read_segments(x, err))) return st;
    return x->map.size <= SMALL_BYTES ? thx_index_check(x, err) : THORAX_OK;
}

thorax_status thx_index_open(thx_index **out, const char *path, const char *model,
                             thorax_error *err)
{
    thx_index *x = calloc(1, sizeof *x);

    *out = NULL;
    if (!x) return thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", path);
    const thorax_status st = open_file(x, path, model, err);
    if (st)
        thx_index_close(x);
    else
        *out = x;
    return st;
}

void thx_index_close(thx_index *x)
{
    if (!x) return;
    thx_map_close(&x->map);
    free(x->segments);
    free(x->path);
    free(x);
}

/* ---- Rows ---- */

size_t      thx_index_count(const thx_index *x) { return x->rows; }
size_t      thx_index_width(const thx_index *x) { return x->head.d; }
const char *thx_index_model(const thx_index *x) { return x->model; }

/* The segment that holds a row. */
static const thx_segment *segment_of(const thx_index *x, size_t row)
{
    size_t low = 0, high = x->n_segments;

    while (high - low > 1) {
        const size_t mid = (low + high) / 2;
        if (x->segments[mid].first <= row)
            low = mid;
        else
            high = mid;
    }
    return &x->segments[low];
}

thx_index_kind thx_index_kind_of(const thx_index *x, size_t row)
{
    return segment_of(x, row)->kind;
}

const float *thx_index_vector(const thx_index *x, size_t row)
{
    const thx_segment *s = segment_of(x, row);

    return s->vectors + (row - s->first) * x->head.d;
}

const char *thx_index_name(const thx_index *x, size_t row, size_t *size)
{
    const thx_segment *s = segment_of(x, row);
    const size_t       i = row - s->first, from = i ? (size_t)s->ends[i - 1] : 0;

    *size = (size_t)s->ends[i] - from;
    return s->names + from;
}
