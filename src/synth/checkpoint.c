/* Writing a random checkpoint; see checkpoint.h.
 *
 * The plan says what lies where, so any piece of any tensor can be made and written by itself:
 * threads fill blocks of a megabyte and write them at their place. */
#include "synth/checkpoint.h"

#include <errno.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "synth/checkpoint_files.h"
#include "synth/checkpoint_stage.h"
#include "synth/checkpoint_values.h"

enum {
    BLOCK = 1 << 19,          /* elements a thread makes at a time                       */
    STEP = 64,                /* blocks between two reports of progress                  */
    SMALL_FILES = 40 << 20    /* bytes, more than configs and tokenizer ever take        */
};

typedef struct writer {
    const thx_checkpoint_options *options;
    const char         *folder;
    const thx_progress *progress;
    thorax_error       *err;
    thx_arena          *arena;
    thx_staging          *stage;
    thx_tensor_plan            plan;
    thx_vocabulary      vocabulary;
    thx_outlier_set     outliers;
    thx_value_source    source;  /* of the tensor being written; its tables serve all */
    float              *normal;
    unsigned char      *buffers; /* one block for each thread                         */
    uint64_t            done;    /* bytes of tensors written                          */
} writer;

static bool write_at(int fd, const unsigned char *data, size_t size, uint64_t at)
{
    for (size_t done = 0; done < size;) {
        const ssize_t n = pwrite(fd, data + done, size - done, (off_t)(at + done));

        if (n > 0) done += (size_t)n;
        else if (n == 0 || errno != EINTR) return false;
    }
    return true;
}

/* Makes and writes the blocks first .. last-1 of the tensor; the error number, or 0. */
static int write_blocks(writer *w, int fd, uint64_t data_at, uint64_t first, uint64_t last)
{
    const thx_planned *t = w->source.tensor;
    const size_t       size = thx_type_bytes(w->plan.type);
    int                failed = 0;

#pragma omp parallel for schedule(dynamic) if (last - first > 1)
    for (uint64_t b = first; b < last; b++) {
        const uint64_t from = b * BLOCK, left = t->count - from;
        const size_t   n = left < BLOCK ? (size_t)left : BLOCK;
        unsigned char *buffer = w->buffers + (size_t)omp_get_thread_num() * BLOCK * size;
        int            stop;

#pragma omp atomic read
        stop = failed;
        if (stop) continue;
        thx_values_fill(buffer, &w->source, from, n);
        if (!write_at(fd, buffer, n * size, data_at + t->begin + from * size)) {
#pragma omp atomic write
            failed = errno ? errno : EIO;
        }
    }
    return failed;
}

static thorax_status write_tensor(writer *w, const thx_planned *t, int fd, uint64_t data_at, const char *file)
{
    const uint64_t blocks = (t->count + BLOCK - 1) / BLOCK;

    w->source.tensor = t;
    w->source.key = thx_value_key(w->options->seed, t->name);
    w->source.channels = t->tower ? w->outliers.tower : w->outliers.text;
    thx_values_prepare(&w->source);
    for (uint64_t b = 0; b < blocks; b += STEP) {
        const uint64_t last = b + STEP < blocks ? b + STEP : blocks;
        const int      failed = write_blocks(w, fd, data_at, b, last);

        if (failed)
            return thx_fail(w->err, THORAX_IO, data_at + t->begin, "%s/%s: cannot write: %s", w->folder, file,
                            strerror(failed));
        const uint64_t values = (last * BLOCK < t->count ? last * BLOCK : t->count) - b * BLOCK;
        w->done += values * thx_type_bytes(w->plan.type);
        if (!thx_progress_step(w->progress, "weights", w->done, w->plan.bytes))
            return thx_fail(w->err, THORAX_CANCELLED, 0, "%s: stopped while writing", w->folder);
    }
    return THORAX_OK;
}

/* The header with its length before it; *data_at receives where the tensors begin. */
static thorax_status write_header(writer *w, uint32_t shard, int fd, uint64_t *data_at, const char *file)
{
    thx_string    header = { 0 };
    unsigned char length[8];
    thorax_status st = THORAX_OK;

    thx_checkpoint_shard_header(&header, &w->plan, shard);
    for (int i = 0; i < 8; i++) length[i] = (unsigned char)((uint64_t)header.size >> 8 * i);
    *data_at = sizeof length + header.size;
    if (header.failed) st = thx_fail(w->err, THORAX_NOMEM, 0, "%s/%s: out of memory", w->folder, file);
    else if (!write_at(fd, length, sizeof length, 0) ||
             !write_at(fd, (const unsigned char *)header.data, header.size, sizeof length))
        st = thx_fail(w->err, THORAX_IO, 0, "%s/%s: cannot write: %s", w->folder, file, strerror(errno));
    thx_string_deinit(&header);
    return st;
}

static thorax_status write_shard(writer *w, uint32_t shard)
{
    char     file[64];
    int      fd;
    uint64_t data_at = 0;

    thx_tensor_plan_file(file, &w->plan, shard);
    thorax_status st = thx_staging_create(w->stage, file, &fd, w->err);
    if (st) return st;
    st = write_header(w, shard, fd, &data_at, file);
    for (size_t i = 0; !st && i < w->plan.count; i++)
        if (w->plan.tensors[i].shard == shard) st = write_tensor(w, &w->plan.tensors[i], fd, data_at, file);
    if (close(fd) && !st)
        st = thx_fail(w->err, THORAX_IO, 0, "%s/%s: cannot write: %s", w->folder, file, strerror(errno));
    return st;
}

/* Puts the finished text into a file and frees it. */
static thorax_status write_text(writer *w, const char *name, thx_string *text)
{
    thorax_status st = text->failed
                           ? thx_fail(w->err, THORAX_NOMEM, 0, "%s/%s: out of memory", w->folder, name)
                           : thx_staging_write(w->stage, name, text->data, text->size, w->err);
    thx_string_deinit(text);
    return st;
}

static thorax_status write_configs(writer *w)
{
    thx_string    s = { 0 };
    thorax_status st;

    thx_checkpoint_readme(&s, &w->plan, w->options);
    st = write_text(w, "README.md", &s);
    if (st) return st;
    thx_checkpoint_config(&s, &w->plan, &w->vocabulary);
    st = write_text(w, "config.json", &s);
    if (st) return st;
    thx_checkpoint_generation_config(&s, &w->vocabulary);
    st = write_text(w, "generation_config.json", &s);
    if (st) return st;
    thx_checkpoint_preprocessor_config(&s);
    st = write_text(w, "preprocessor_config.json", &s);
    if (st) return st;
    thx_checkpoint_processor_config(&s);
    st = write_text(w, "processor_config.json", &s);
    if (st) return st;
    thx_checkpoint_chat_template(&s);
    return write_text(w, "chat_template.json", &s);
}

static thorax_status write_tokenizer(writer *w)
{
    thx_string    s = { 0 };
    thorax_status st;

    thx_checkpoint_tokenizer(&s, &w->vocabulary);
    st = write_text(w, "tokenizer.json", &s);
    if (st) return st;
    thx_checkpoint_vocab(&s, &w->vocabulary);
    st = write_text(w, "vocab.json", &s);
    if (st) return st;
    thx_checkpoint_added_tokens(&s, &w->vocabulary);
    st = write_text(w, "added_tokens.json", &s);
    if (st) return st;
    thx_checkpoint_special_tokens(&s);
    st = write_text(w, "special_tokens_map.json", &s);
    if (st) return st;
    thx_checkpoint_tokenizer_config(&s, &w->vocabulary);
    return write_text(w, "tokenizer_config.json", &s);
}

static thorax_status write_weights(writer *w)
{
    thorax_status st = THORAX_OK;

    for (uint32_t shard = 0; !st && shard < w->plan.n_shards; shard++) st = write_shard(w, shard);
    if (!st && w->plan.n_shards > 1) {
        thx_string s = { 0 };

        thx_checkpoint_index(&s, &w->plan);
        st = write_text(w, "model.safetensors.index.json", &s);
    }
    return st;
}

/* The vocabulary first: a larger one than the architecture's needs more rows. */
static thorax_status plan_all(writer *w)
{
    thx_checkpoint_sizes sizes;
    thx_type             type;

    thorax_status st = thx_checkpoint_sizes_of(&sizes, &type, w->options, w->err);
    if (st) return st;
    st = w->options->tokenizer_folder
             ? thx_vocabulary_read(&w->vocabulary, w->arena, w->options->tokenizer_folder, w->err)
             : thx_vocabulary_make(&w->vocabulary, w->arena, sizes.entries, w->err);
    if (st) return st;
    const uint32_t ids = w->vocabulary.n + THX_ADDED_TOKENS;
    if (ids > sizes.V) sizes.V = (ids + 63) / 64 * 64;
    return thx_tensor_plan_make(&w->plan, w->arena, &sizes, type, w->err);
}

static thorax_status alloc_tables(writer *w)
{
    const uint32_t n = w->options->outlier_channels;
    const size_t   size = thx_type_bytes(w->plan.type), threads = (size_t)omp_get_max_threads();

    w->normal = thx_arena_alloc(w->arena, THX_NOISE_LEVELS, sizeof *w->normal);
    w->buffers = thx_arena_alloc(w->arena, threads * BLOCK, size);
    w->outliers = (thx_outlier_set){ n, thx_arena_alloc(w->arena, n, sizeof(uint32_t)),
                                     thx_arena_alloc(w->arena, n, sizeof(uint32_t)) };
    w->source = (thx_value_source){ .type = w->plan.type, .n_channels = n, .normal = w->normal,
                                    .levels = thx_arena_alloc(w->arena, THX_NOISE_LEVELS, size) };
    if (!w->normal || !w->buffers || !w->outliers.tower || !w->outliers.text || !w->source.levels)
        return thx_fail(w->err, THORAX_NOMEM, 0, "%s: out of memory", w->folder);
    thx_normal_table(w->normal);
    thx_outlier_channels(w->outliers.tower, n, w->plan.sizes.d,
                         thx_value_key(w->options->seed, "outliers of the tower"));
    thx_outlier_channels(w->outliers.text, n, w->plan.sizes.D,
                         thx_value_key(w->options->seed, "outliers of the text"));
    return THORAX_OK;
}

thorax_status thx_checkpoint_write(const thx_checkpoint_options *options, const char *folder,
                                   const thx_progress *progress, thorax_error *err)
{
    writer w = { .options = options, .folder = folder, .progress = progress, .err = err };

    thorax_status st = thx_arena_open(&w.arena, 0, err);
    if (!st) st = plan_all(&w);
    if (!st) st = alloc_tables(&w);
    if (!st) st = thx_staging_open(&w.stage, folder, w.plan.bytes + SMALL_FILES, err);
    if (!st) st = write_configs(&w);
    if (!st) st = write_tokenizer(&w);
    if (!st) st = write_weights(&w);
    if (!st) st = thx_staging_commit(w.stage, err);
    thx_staging_close(w.stage);
    thx_arena_close(w.arena);
    return st;
}
