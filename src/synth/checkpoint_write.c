/* Tensors to files; see checkpoint_write.h.
 *
 * The plan says what lies where, so any piece of any tensor can be made and written by itself. The sum of an
 * archive's entry is joined from those of its blocks. */
#include "synth/checkpoint_write.h"

#include <errno.h>
#include <inttypes.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "synth/checkpoint_files.h"
#include "synth/checkpoint_zip.h"

enum {
    BLOCK = 1 << 19, /* elements a thread makes at a time    */
    STEP = 64,       /* blocks between two reports of progress */
    WIDEST = 8       /* bytes of an element                  */
};

/* A file being written. */
typedef struct target {
    const char *name;
    int         fd;
    bool        summed; /* sums of blocks are wanted */
} target;

thorax_status thx_tensor_writer_init(thx_tensor_writer *w, thx_arena *arena)
{
    const thx_checkpoint *c = w->checkpoint;
    const uint64_t        seed = c->options->seed;
    const uint32_t        n = c->options->outlier_channels;

    w->normal = thx_arena_alloc(arena, THX_NOISE_LEVELS, sizeof *w->normal);
    w->buffers = thx_arena_alloc(arena, (size_t)omp_get_max_threads() * BLOCK, WIDEST);
    w->outliers = (thx_outlier_set){ n, thx_arena_alloc(arena, n, sizeof(uint32_t)),
                                     thx_arena_alloc(arena, n, sizeof(uint32_t)) };
    w->source = (thx_value_source){ .n_channels = n, .normal = w->normal,
                                    .levels = thx_arena_alloc(arena, THX_NOISE_LEVELS, sizeof(float)) };
    if (!w->normal || !w->buffers || !w->outliers.tower || !w->outliers.text || !w->source.levels)
        return thx_fail(w->err, THORAX_NOMEM, 0, "%s: out of memory", w->folder);
    thx_normal_table(w->normal);
    thx_outlier_channels(w->outliers.tower, n, c->sizes.d, thx_value_key(seed, "outliers of the tower"));
    thx_outlier_channels(w->outliers.text, n, c->sizes.D, thx_value_key(seed, "outliers of the text"));
    return THORAX_OK;
}

static bool write_at(int fd, const void *data, size_t size, uint64_t at)
{
    for (size_t done = 0; done < size;) {
        const ssize_t n = pwrite(fd, (const char *)data + done, size - done, (off_t)(at + done));

        if (n > 0) done += (size_t)n;
        else if (n == 0 || errno != EINTR) return false;
    }
    return true;
}

static thorax_status cannot_write(thx_tensor_writer *w, const target *to, uint64_t at, int error)
{
    return thx_fail(w->err, THORAX_IO, at, "%s/%s: cannot write: %s", w->folder, to->name,
                    strerror(error ? error : EIO));
}

/* Writes a text and frees it. */
static thorax_status write_text(thx_tensor_writer *w, const target *to, thx_string *text, uint64_t at)
{
    thorax_status st = THORAX_OK;

    if (text->failed) st = thx_fail(w->err, THORAX_NOMEM, 0, "%s/%s: out of memory", w->folder, to->name);
    else if (!write_at(to->fd, text->data, text->size, at)) st = cannot_write(w, to, at, errno);
    thx_string_deinit(text);
    return st;
}

static size_t block_size(const thx_planned *t, uint64_t block)
{
    const uint64_t left = t->count - block * BLOCK;
    return left < BLOCK ? (size_t)left : BLOCK;
}

/* Makes and writes the blocks first .. last-1 of the tensor; the error number, or 0. */
static int write_blocks(thx_tensor_writer *w, const target *to, uint64_t at, uint64_t first, uint64_t last,
                        uLong sums[STEP])
{
    const thx_planned *t = w->source.tensor;
    const size_t       size = thx_type_bytes(t->type);
    int                failed = 0;

#pragma omp parallel for schedule(dynamic) if (last - first > 1)
    for (uint64_t b = first; b < last; b++) {
        const size_t   n = block_size(t, b);
        unsigned char *buffer = w->buffers + (size_t)omp_get_thread_num() * BLOCK * WIDEST;
        int            stop;

#pragma omp atomic read
        stop = failed;
        if (stop) continue;
        thx_values_fill(buffer, &w->source, b * BLOCK, n);
        if (to->summed) sums[b - first] = crc32(0, buffer, (uInt)(n * size));
        if (!write_at(to->fd, buffer, n * size, at + b * BLOCK * size)) {
#pragma omp atomic write
            failed = errno ? errno : EIO;
        }
    }
    return failed;
}

/* Writes the tensor from `at` on; *sum receives its CRC-32 where the file wants sums. */
static thorax_status write_tensor(thx_tensor_writer *w, const thx_planned *t, const target *to, uint64_t at,
                                  uint32_t *sum)
{
    const uint64_t blocks = (t->count + BLOCK - 1) / BLOCK;
    uLong          sums[STEP], all = 0;

    w->source.tensor = t;
    w->source.key = thx_value_key(w->checkpoint->options->seed, t->name);
    w->source.channels = t->tower ? w->outliers.tower : w->outliers.text;
    thx_values_prepare(&w->source);
    for (uint64_t b = 0; b < blocks; b += STEP) {
        const uint64_t last = b + STEP < blocks ? b + STEP : blocks;
        const int      failed = write_blocks(w, to, at, b, last, sums);

        if (failed) return cannot_write(w, to, at, failed);
        for (uint64_t i = b; i < last; i++) {
            const size_t bytes = block_size(t, i) * thx_type_bytes(t->type);

            if (to->summed) all = i ? crc32_combine(all, sums[i - b], (z_off_t)bytes) : sums[0];
            w->done += bytes;
        }
        if (!thx_progress_step(w->progress, "weights", w->done, w->checkpoint->bytes))
            return thx_fail(w->err, THORAX_CANCELLED, 0, "%s: stopped while writing", w->folder);
    }
    if (sum) *sum = (uint32_t)all;
    return THORAX_OK;
}

/* ---- safetensors ---- */

static thorax_status write_safetensors(thx_tensor_writer *w, const thx_tensor_plan *plan, uint32_t shard,
                                       const target *to)
{
    thx_string s = { 0 }, header = { 0 };

    thx_checkpoint_shard_header(&header, plan, shard);
    const uint64_t data_at = 8 + header.size;
    for (int i = 0; i < 8; i++) {
        const char byte = (char)((uint64_t)header.size >> 8 * i & 0xff);
        thx_string_add(&s, &byte, 1);
    }
    s.failed = s.failed || header.failed;
    thorax_status st = write_text(w, to, &s, 0);
    if (!st) st = write_text(w, to, &header, 8);
    thx_string_deinit(&header);
    for (size_t i = 0; !st && i < plan->count; i++) {
        const thx_planned *t = &plan->tensors[i];

        if (t->shard == shard) st = write_tensor(w, t, to, data_at + t->begin, NULL);
    }
    return st;
}

/* ---- PyTorch archives ---- */

/* Entries beside the tensors': its structure and the order of bytes before them, its version and a number of its own
 * behind. */
enum { BEFORE = 2, TEXTS = 4 };

static void name_entry(thx_zip_entry *e, const target *to, const char *name, uint64_t size)
{
    const char *slash = strrchr(to->name, '/'), *file = slash ? slash + 1 : to->name, *dot = strrchr(file, '.');

    snprintf(e->name, sizeof e->name, "%.*s/%s", (int)(dot ? dot - file : (ptrdiff_t)strlen(file)), file, name);
    e->size = size;
}

/* An entry that is a text; frees it. */
static thorax_status write_entry_text(thx_tensor_writer *w, const target *to, thx_zip_entry *e, thx_string *text)
{
    thx_string tail = { 0 }, head = { 0 };

    if (!text->failed) e->sum = (uint32_t)crc32(0, (const unsigned char *)text->data, (uInt)text->size);
    thx_zip_header(&head, e);
    thx_zip_descriptor(&tail, e);
    thorax_status st = write_text(w, to, &head, e->header_at);
    if (!st) st = write_text(w, to, text, e->data_at);
    if (!st) st = write_text(w, to, &tail, e->data_at + e->size);
    thx_string_deinit(&head);
    thx_string_deinit(text);
    thx_string_deinit(&tail);
    return st;
}

static thorax_status write_entry_tensor(thx_tensor_writer *w, const target *to, thx_zip_entry *e, const thx_planned *t)
{
    thx_string s = { 0 };

    thx_zip_header(&s, e);
    thorax_status st = write_text(w, to, &s, e->header_at);
    if (!st) st = write_tensor(w, t, to, e->data_at, &e->sum);
    if (st) return st;
    thx_zip_descriptor(&s, e);
    return write_text(w, to, &s, e->data_at + e->size);
}

static void make_texts(thx_string texts[TEXTS], const thx_tensor_writer *w, const thx_tensor_plan *plan,
                       uint32_t shard, const target *to)
{
    const uint64_t seed = w->checkpoint->options->seed;

    plan->pickle(&texts[0], plan, shard);
    thx_string_puts(&texts[1], "little");
    thx_string_puts(&texts[2], "3\n");
    thx_string_printf(&texts[3], "%020" PRIu64 "%020" PRIu64, thx_value_key(seed, to->name),
                      thx_value_key(~seed, to->name));
}

/* Entry k of the texts among those of n tensors. */
static thx_zip_entry *text_entry(thx_zip_entry *entries, size_t n, size_t k)
{
    return &entries[k < BEFORE ? k : n + k];
}

static void name_entries(thx_zip_entry *entries, const target *to, const thx_string texts[TEXTS],
                         const thx_planned *first, size_t n)
{
    static const char *const names[TEXTS] = { "data.pkl", "byteorder", "version", ".data/serialization_id" };

    for (size_t k = 0; k < TEXTS; k++) name_entry(text_entry(entries, n, k), to, names[k], texts[k].size);
    for (size_t i = 0; i < n; i++) {
        char name[24];

        snprintf(name, sizeof name, "data/%zu", i);
        name_entry(&entries[BEFORE + i], to, name, first[i].end - first[i].begin);
    }
}

/* The n tensors from `first` on; room for n + TEXTS entries. */
static thorax_status write_entries(thx_tensor_writer *w, const thx_tensor_plan *plan, const thx_planned *first,
                                   size_t n, const target *to, thx_zip_entry *entries)
{
    thx_string    texts[TEXTS] = { 0 }, directory = { 0 };
    thorax_status st = THORAX_OK;

    make_texts(texts, w, plan, first->shard, to);
    name_entries(entries, to, texts, first, n);
    const uint64_t directory_at = thx_zip_place(entries, n + TEXTS);
    for (size_t k = 0; k < TEXTS; k++) {
        if (!st) st = write_entry_text(w, to, text_entry(entries, n, k), &texts[k]);
        thx_string_deinit(&texts[k]);
    }
    for (size_t i = 0; i < n && !st; i++) st = write_entry_tensor(w, to, &entries[BEFORE + i], &first[i]);
    if (st) return st;
    thx_zip_directory(&directory, entries, n + TEXTS, directory_at);
    return write_text(w, to, &directory, directory_at);
}

static thorax_status write_archive(thx_tensor_writer *w, const thx_tensor_plan *plan, uint32_t shard, const target *to)
{
    const thx_planned *first = plan->tensors;
    size_t             n = 0;

    while (first->shard != shard) first++;
    while (first + n < plan->tensors + plan->count && first[n].shard == shard) n++;
    thx_zip_entry *entries = calloc(n + TEXTS, sizeof *entries);
    if (!entries) return thx_fail(w->err, THORAX_NOMEM, 0, "%s/%s: out of memory", w->folder, to->name);
    const thorax_status st = write_entries(w, plan, first, n, to, entries);
    free(entries);
    return st;
}

/* ---- */

static thorax_status write_shard(thx_tensor_writer *w, const thx_tensor_plan *plan, uint32_t shard)
{
    char   file[64];
    target to = { .name = file, .summed = plan->pickle != NULL };

    thx_tensor_plan_file(file, plan, shard);
    thorax_status st = thx_staging_create(w->stage, file, &to.fd, w->err);
    if (st) return st;
    st = plan->pickle ? write_archive(w, plan, shard, &to) : write_safetensors(w, plan, shard, &to);
    if (close(to.fd) && !st) st = cannot_write(w, &to, 0, errno);
    return st;
}

static thorax_status write_index(thx_tensor_writer *w, const thx_tensor_plan *plan)
{
    char       name[64];
    thx_string s = { 0 };

    snprintf(name, sizeof name, "%s%s.index.json", plan->stem, plan->ending);
    thx_checkpoint_index(&s, plan);
    const thorax_status st = s.failed ? thx_fail(w->err, THORAX_NOMEM, 0, "%s/%s: out of memory", w->folder, name)
                                      : thx_staging_write(w->stage, name, s.data, s.size, w->err);
    thx_string_deinit(&s);
    return st;
}

thorax_status thx_tensor_writer_run(thx_tensor_writer *w, const thx_tensor_plan *plan)
{
    thorax_status st = THORAX_OK;

    w->source.full = plan->full;
    for (uint32_t shard = 0; !st && shard < plan->n_shards; shard++) st = write_shard(w, plan, shard);
    return !st && plan->n_shards > 1 ? write_index(w, plan) : st;
}
