/* The caches of an engine; see cache.h. */
#include "engine/cache.h"

#include "base/file.h"
#include "engine/cache_folder.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { JOBS_MAX = 2 }; /* entries that wait to be written: those of one film; the next ones wait for them */

/* One entry in memory, or on its way to the disk. */
typedef struct item {
    struct item    *next;
    thx_entry_kind  kind;
    thx_entry_key   key;
    int32_t        *ids;   /* [tokens] of a prefix; NULL for rows                       */
    size_t          tokens;
    thx_image_rows *rows;  /* ROWS: [tokens, width]                                     */
    size_t          width;
    thx_kv_cache    kv;    /* PREFIX                                                    */
    uint64_t        bytes;
} item;

struct thx_cache {
    thx_cache_options options;
    char             *folder;
    item             *items;     /* the one used last first   */
    _Atomic uint64_t  bytes;

    pthread_mutex_t   lock;      /* of all below              */
    pthread_cond_t    changed;
    pthread_t         writer;
    bool              started, closing;
    item             *jobs;      /* the first one is being written */
    size_t            n_jobs;
    thx_cache_status  status;
};

/* ---- Rows ---- */

thx_image_rows *thx_image_rows_new(size_t n, size_t D)
{
    thx_image_rows *rows = malloc(sizeof *rows + n * D * sizeof rows->data[0]);

    if (rows) atomic_init(&rows->owners, 1);
    return rows;
}

thx_image_rows *thx_image_rows_share(thx_image_rows *rows)
{
    if (rows) atomic_fetch_add(&rows->owners, 1);
    return rows;
}

void thx_image_rows_drop(thx_image_rows *rows)
{
    if (rows && atomic_fetch_sub(&rows->owners, 1) == 1) free(rows);
}

/* ---- Items ---- */

static void item_close(item *it)
{
    if (!it) return;
    thx_image_rows_drop(it->rows);
    if (it->kind == THX_ENTRY_PREFIX) thx_kv_cache_deinit(&it->kv);
    free(it->ids);
    free(it);
}

static item *item_of_rows(const thx_entry_key *key, thx_image_rows *rows, size_t n, size_t D)
{
    item *it = calloc(1, sizeof *it);

    if (!it) return NULL;
    *it = (item){ .kind = THX_ENTRY_ROWS, .key = *key, .tokens = n, .width = D, .rows = thx_image_rows_share(rows),
                  .bytes = n * D * sizeof rows->data[0] };
    return it;
}

/* A prefix whose blocks are still to come; `of` says their shape. */
static item *item_of_ids(const thx_entry_key *key, const int32_t *ids, size_t n, const thx_kv_cache *of)
{
    item *it = calloc(1, sizeof *it);

    if (!it) return NULL;
    it->kind = THX_ENTRY_PREFIX;
    it->key = *key;
    it->tokens = n;
    it->bytes = thx_kv_cache_bytes(of, n);
    it->ids = malloc(n * sizeof *ids);
    if (it->ids && !thx_kv_cache_init_like(&it->kv, of, NULL)) {
        memcpy(it->ids, ids, n * sizeof *ids);
        return it;
    }
    item_close(it);
    return NULL;
}

static item *item_of_prefix(const thx_entry_key *key, const int32_t *ids, size_t n, const thx_kv_cache *kv)
{
    item *it = item_of_ids(key, ids, n, kv);

    if (it && !thx_kv_cache_fork(&it->kv, kv, n, NULL)) return it;
    item_close(it);
    return NULL;
}

/* ---- As files ----
 * The last block of a prefix holds positions behind it, which are not part of the entry. */

typedef struct payload {
    thx_entry  entry;
    thx_piece *pieces;
    void      *last; /* copy of the last block; NULL when it is not needed */
} payload;

static void payload_deinit(payload *p)
{
    free(p->pieces);
    free(p->last);
}

/* The entry without its payload: enough for its name. */
static thx_entry entry_of(const item *it)
{
    thx_entry e = { .kind = it->kind, .key = &it->key };

    e.shape[0] = (uint32_t)it->tokens;
    if (it->kind == THX_ENTRY_ROWS) {
        e.shape[1] = (uint32_t)it->width;
        return e;
    }
    const thx_kv *view = it->kv.layers;
    e.shape[1] = (uint32_t)it->kv.L;
    e.shape[2] = (uint32_t)view->G;
    e.shape[3] = (uint32_t)view->E;
    e.shape[4] = (uint32_t)view->block_tokens;
    e.shape[5] = (uint32_t)view->type;
    e.ids = it->ids;
    e.n_ids = it->tokens;
    return e;
}

static bool payload_of_prefix(payload *p, const item *it, bool to_write)
{
    const size_t n = it->kv.n, bytes = it->kv.L * it->kv.layer_bytes, tail = it->tokens % THX_KV_BLOCK_TOKENS;

    p->pieces = malloc(n * sizeof *p->pieces);
    if (!p->pieces) return false;
    for (size_t i = 0; i < n; i++) p->pieces[i] = (thx_piece){ thx_kv_cache_block(&it->kv, i), bytes };
    if (to_write && tail) {
        p->last = malloc(bytes);
        if (!p->last) return false;
        thx_kv_cache_copy_block(&it->kv, n - 1, tail, p->last);
        p->pieces[n - 1].data = p->last;
    }
    p->entry.n_pieces = n;
    return true;
}

static bool payload_init(payload *p, const item *it, bool to_write)
{
    bool good = true;

    *p = (payload){ .entry = entry_of(it) };
    if (it->kind == THX_ENTRY_PREFIX) {
        good = payload_of_prefix(p, it, to_write);
    } else {
        p->pieces = malloc(sizeof *p->pieces);
        good = p->pieces != NULL;
        if (good) *p->pieces = (thx_piece){ it->rows->data, it->bytes };
        p->entry.n_pieces = 1;
    }
    p->entry.pieces = p->pieces;
    if (!good) payload_deinit(p);
    return good;
}

/* ---- The writer ---- */

static void note(thx_cache *c, thorax_status st, const thorax_error *err)
{
    pthread_mutex_lock(&c->lock);
    if (st) {
        c->status.failed++;
        memcpy(c->status.text, err->text, sizeof c->status.text);
    } else {
        c->status.stored++;
    }
    pthread_mutex_unlock(&c->lock);
}

static void write_item(thx_cache *c, const item *it)
{
    payload       p;
    thorax_error  err = { 0 };
    thorax_status st = THORAX_OK;

    if (payload_init(&p, it, true)) {
        st = thx_cache_folder_store(c->folder, c->options.folder_bytes, &p.entry, &err);
        payload_deinit(&p);
    } else {
        st = thx_fail(&err, THORAX_NOMEM, 0, "%s: no memory to write an entry", c->folder);
    }
    note(c, st, &err);
}

static void *run_writer(void *cache)
{
    thx_cache *c = cache;

    pthread_mutex_lock(&c->lock);
    for (;;) {
        item *it = c->jobs;
        if (!it && c->closing) break;
        if (!it) {
            pthread_cond_wait(&c->changed, &c->lock);
            continue;
        }
        pthread_mutex_unlock(&c->lock);
        write_item(c, it);
        pthread_mutex_lock(&c->lock);
        c->jobs = it->next;
        c->n_jobs--;
        pthread_cond_broadcast(&c->changed);
        item_close(it);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* Takes the item over (NULL is fine); waits while too many are there already. */
static void hand_to_writer(thx_cache *c, item *it)
{
    if (!it) return;
    pthread_mutex_lock(&c->lock);
    if (!c->started) c->started = !pthread_create(&c->writer, NULL, run_writer, c);
    const bool started = c->started;
    while (started && c->n_jobs >= JOBS_MAX) pthread_cond_wait(&c->changed, &c->lock);
    if (started) {
        item **end = &c->jobs;
        while (*end) end = &(*end)->next;
        *end = it;
        c->n_jobs++;
        pthread_cond_broadcast(&c->changed);
    }
    pthread_mutex_unlock(&c->lock);
    if (!started) item_close(it);
}

void thx_cache_settle(thx_cache *c)
{
    pthread_mutex_lock(&c->lock);
    while (c->jobs) pthread_cond_wait(&c->changed, &c->lock);
    pthread_mutex_unlock(&c->lock);
}

/* ---- Opening ---- */

thorax_status thx_cache_open(thx_cache **out, const thx_cache_options *o, thorax_error *err)
{
    thx_cache *c = calloc(1, sizeof *c);

    *out = NULL;
    if (!c) return thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    c->options = *o;
    c->options.folder = NULL;
    thorax_status st = o->folder ? thx_folder_make_private(o->folder, err) : THORAX_OK;
    if (!st && o->folder && !(c->folder = strdup(o->folder))) st = thx_fail(err, THORAX_NOMEM, 0, "out of memory");
    if (st) thx_cache_close(c);
    else *out = c;
    return st;
}

void thx_cache_close(thx_cache *c)
{
    if (!c) return;
    if (c->started) {
        pthread_mutex_lock(&c->lock);
        c->closing = true;
        pthread_cond_broadcast(&c->changed);
        pthread_mutex_unlock(&c->lock);
        pthread_join(c->writer, NULL);
    }
    thx_cache_trim(c, 0);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c->folder);
    free(c);
}

void thx_cache_get_status(thx_cache *c, thx_cache_status *out)
{
    pthread_mutex_lock(&c->lock);
    *out = c->status;
    pthread_mutex_unlock(&c->lock);
}

/* ---- In memory ---- */

uint64_t thx_cache_bytes(const thx_cache *c) { return c->bytes; }

void thx_cache_trim(thx_cache *c, uint64_t most)
{
    while (c->bytes > most) {
        item **last = &c->items;
        while ((*last)->next) last = &(*last)->next;
        c->bytes -= (*last)->bytes;
        item_close(*last);
        *last = NULL;
    }
}

static bool is_about(const item *it, thx_entry_kind kind, const thx_entry_key *key, const int32_t *ids, size_t n)
{
    return it->kind == kind && it->tokens == n && !strcmp(it->key.key, key->key) &&
           (!ids || !memcmp(it->ids, ids, n * sizeof *ids));
}

/* The item in memory, which then is the one used last; NULL = not there. */
static item *find_item(thx_cache *c, thx_entry_kind kind, const thx_entry_key *key, const int32_t *ids, size_t n)
{
    for (item **at = &c->items; *at; at = &(*at)->next) {
        item *it = *at;
        if (!is_about(it, kind, key, ids, n)) continue;
        *at = it->next;
        it->next = c->items;
        c->items = it;
        return it;
    }
    return NULL;
}

/* Takes the item over (NULL is fine). */
static void keep_item(thx_cache *c, item *it)
{
    if (!it) return;
    if (it->bytes > c->options.memory_bytes) {
        item_close(it);
        return;
    }
    thx_cache_trim(c, c->options.memory_bytes - it->bytes);
    it->next = c->items;
    c->items = it;
    c->bytes += it->bytes;
}

static void count(thx_cache *c, uint64_t *of)
{
    pthread_mutex_lock(&c->lock);
    ++*of;
    pthread_mutex_unlock(&c->lock);
}

/* ---- From disk ---- */

/* Room for what a file holds. */
static bool make_payload_room(item *it)
{
    if (it->kind == THX_ENTRY_PREFIX) return !thx_kv_cache_fill(&it->kv, it->tokens, NULL);
    it->rows = thx_image_rows_new(it->tokens, it->width);
    return it->rows != NULL;
}

static bool load_file(thx_cache *c, item *it, int file, const char *name)
{
    payload       p;
    thorax_status st = THORAX_NOMEM;

    if (make_payload_room(it) && payload_init(&p, it, false)) {
        st = thx_entry_read(file, &p.entry, NULL);
        payload_deinit(&p);
    }
    if (st == THORAX_FORMAT) {
        thx_cache_folder_remove(c->folder, name);
        count(c, &c->status.damaged);
    }
    return !st;
}

/* Fills an item without a payload from its file; else drops it: NULL. */
static item *load_item(thx_cache *c, item *it)
{
    char name[THX_ENTRY_NAME];

    if (!it) return NULL;
    const thx_entry wanted = entry_of(it);
    thx_entry_name(name, &wanted);
    const int  file = thx_cache_folder_open(c->folder, name, true);
    const bool good = file >= 0 && load_file(c, it, file, name);
    if (file >= 0) close(file);
    if (good) {
        count(c, &c->status.from_disk);
        return it;
    }
    item_close(it);
    return NULL;
}

/* ---- Rows and prefixes ---- */

thx_image_rows *thx_cache_find_rows(thx_cache *c, const thx_entry_key *key, size_t n, size_t D)
{
    const item *held = find_item(c, THX_ENTRY_ROWS, key, NULL, n);

    if (held && held->width == D) {
        count(c, &c->status.from_memory);
        return thx_image_rows_share(held->rows);
    }
    if (!c->folder) return NULL;
    item *it = load_item(c, item_of_rows(key, NULL, n, D));
    if (!it) return NULL;
    thx_image_rows *rows = thx_image_rows_share(it->rows);
    keep_item(c, it);
    return rows;
}

void thx_cache_keep_rows(thx_cache *c, const thx_entry_key *key, thx_image_rows *rows, size_t n, size_t D)
{
    if (!find_item(c, THX_ENTRY_ROWS, key, NULL, n)) keep_item(c, item_of_rows(key, rows, n, D));
    if (c->folder) hand_to_writer(c, item_of_rows(key, rows, n, D));
}

bool thx_cache_find_prefix(thx_cache *c, const thx_entry_key *key, const int32_t *ids, size_t n, thx_kv_cache *kv)
{
    const item *held = find_item(c, THX_ENTRY_PREFIX, key, ids, n);

    if (held) {
        if (thx_kv_cache_fork(kv, &held->kv, n, NULL)) return false;
        count(c, &c->status.from_memory);
        return true;
    }
    if (!c->folder) return false;
    item *it = load_item(c, item_of_ids(key, ids, n, kv));
    if (!it) return false;
    const bool good = !thx_kv_cache_fork(kv, &it->kv, n, NULL);
    keep_item(c, it);
    return good;
}

void thx_cache_keep_prefix(thx_cache *c, const thx_entry_key *key, const int32_t *ids, size_t n, const thx_kv_cache *kv)
{
    if (!find_item(c, THX_ENTRY_PREFIX, key, ids, n)) keep_item(c, item_of_prefix(key, ids, n, kv));
    if (c->folder) hand_to_writer(c, item_of_prefix(key, ids, n, kv));
}
