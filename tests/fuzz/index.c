/* An index of embeddings: opened, every row looked at, searched, appended to. Damaged numbers are signed anew, so that
 * what lies behind the checksums is reached. */
#include "base/file.h"
#include "base/hash.h"
#include "index/layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const char *path)
{
    thx_index *x;
    thx_ctx   *ctx;
    thx_hit    hits[4];
    size_t     n, rank, sum = 0;
    float      score;

    if (thx_index_open(&x, path, NULL, NULL)) return;
    const size_t d = thx_index_width(x), rows = thx_index_count(x);
    for (size_t i = 0; i < rows; i++) {
        const char *name = thx_index_name(x, i, &n);
        for (size_t k = 0; k < n; k++) sum += (unsigned char)name[k];
        sum += thx_index_vector(x, i)[d - 1] > 0;
        sum += thx_index_kind_of(x, i);
    }
    float *query = calloc(d, sizeof *query);
    if (!query || thx_cpu_open(&ctx, THX_CPU_REF, THX_EXACT, 1, NULL)) abort();
    query[d - 1] = 1;
    if (!thx_index_search(ctx, x, query, 4, hits, &n, NULL) && n > rows) abort();
    if (rows && !thx_index_rank(ctx, x, query, sum % rows, &rank, &score, NULL) && (!rank || rank > rows)) abort();
    thx_cpu_close(ctx);
    free(query);
    thx_index_close(x);
}

/* Signs slots and segment heads as they are now. */
static void sign(unsigned char *data, size_t size)
{
    thx_index_head head;
    char           sha256[65];

    memcpy(&head, data, sizeof head);
    for (size_t i = 0; i < 2; i++) {
        thx_index_slot slot;
        memcpy(&slot, data + THX_SLOT_AT + i * THX_SLOT_STEP, sizeof slot);
        thx_slot_sign(sha256, &head, &slot);
        memcpy(data + THX_SLOT_AT + i * THX_SLOT_STEP + offsetof(thx_index_slot, sha256), sha256, 64);
    }
    for (size_t at = THX_HEAD_BYTES; at + THX_SEGMENT_HEAD_BYTES <= size;) {
        thx_segment_head h;
        memcpy(&h, data + at, sizeof h);
        if (h.bytes >= THX_SEGMENT_HEAD_BYTES && h.bytes <= size - at) {
            thx_sha256_of(data + at + sizeof h, (size_t)h.bytes - sizeof h, sha256);
            memcpy(h.parts, sha256, 64);
        }
        thx_segment_sign(sha256, &h);
        memcpy(h.sha256, sha256, 64);
        memcpy(data + at, &h, sizeof h);
        if (h.bytes < THX_SEGMENT_HEAD_BYTES || h.bytes > size - at) break;
        at += (size_t)h.bytes;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const float       one[1] = { 1 };
    static const char *const name[1] = { "x" };
    char                     path[64], model[65];
    unsigned char           *copy = malloc(size + 1);

    if (!copy) abort();
    if (size) memcpy(copy, data, size);
    snprintf(path, sizeof path, "/tmp/fuzz-index-%ld", (long)getpid());
    if (!thx_file_write(path, copy, size, NULL)) use(path);
    if (size >= THX_HEAD_BYTES) {
        sign(copy, size);
        memcpy(model, copy + offsetof(thx_index_head, model), 64);
        model[64] = 0;
        if (!thx_file_write(path, copy, size, NULL)) use(path);
        (void)!thx_index_append(path, model, THX_INDEX_TEXT, one, name, 1, 1, NULL);
        use(path);
    }
    unlink(path);
    free(copy);
    return 0;
}
