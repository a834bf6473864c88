/* The folder of the disk cache; see cache_folder.h. */
#include "engine/cache_folder.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEMPORARY_NAMES = 100, NAME_BYTES = sizeof((thx_cache_line *)0)->name };
static const char lock_name[] = "thx-lock";

/* ---- Files of ours ---- */

/* Links and other people's files are none. */
static int open_own(int folder, const char *name)
{
    struct stat s;
    const int   file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (file < 0) return -1;
    if (!fstat(file, &s) && S_ISREG(s.st_mode) && s.st_uid == geteuid()) return file;
    close(file);
    return -1;
}

static int open_folder(const char *folder) { return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC); }

int thx_cache_folder_open(const char *folder, const char *name, bool used)
{
    const int at = open_folder(folder), file = at < 0 ? -1 : open_own(at, name);

    if (file >= 0 && used) futimens(file, NULL); /* where it cannot be marked it is only forgotten sooner */
    if (at >= 0) close(at);
    return file;
}

void thx_cache_folder_remove(const char *folder, const char *name)
{
    const int at = open_folder(folder);

    if (at < 0) return;
    unlinkat(at, name, 0);
    close(at);
}

/* Held until the file is closed; where locks are not to be had (-1), work goes on without. */
static int lock_folder(int folder)
{
    const int file = openat(folder, lock_name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

    while (file >= 0 && flock(file, LOCK_EX) && errno == EINTR) {}
    return file;
}

static void unlock_folder(int lock)
{
    if (lock >= 0) close(lock);
}

/* ---- What lies in a folder ---- */

typedef struct found {
    thx_cache_line line;
    bool           unfinished, written; /* written: somebody is at it still */
} found;
typedef struct findings { found *list; size_t n, room; uint64_t bytes; } findings;

static bool add_found(findings *f, const found *one)
{
    if (f->n == f->room) {
        const size_t room = f->room ? 2 * f->room : 64;
        found       *grown = realloc(f->list, room * sizeof *grown);
        if (!grown) return false;
        f->list = grown;
        f->room = room;
    }
    f->list[f->n++] = *one;
    f->bytes += one->line.bytes;
    return true;
}

/* Opens what a directory lists and asks what it is: reading thousands of files only to count them would take long. */
static bool look_inside(found *f, int folder, const char *name)
{
    const int file = open_own(folder, name);

    if (file < 0) return false;
    thx_entry_peek(&f->line.facts, file);
    f->written = f->unfinished && flock(file, LOCK_EX | LOCK_NB);
    close(file);
    return f->line.facts.ours || (f->unfinished && !f->line.bytes);
}

/* False: it is none of ours, as far as its name and `inside` tell. */
static bool look_at(found *out, int folder, const char *name, bool inside)
{
    struct stat s;

    *out = (found){ 0 };
    if (!thx_entry_is_name(name, &out->unfinished) || strlen(name) >= NAME_BYTES) return false;
    if (fstatat(folder, name, &s, AT_SYMLINK_NOFOLLOW) || !S_ISREG(s.st_mode) || s.st_uid != geteuid()) return false;
    memcpy(out->line.name, name, strlen(name) + 1);
    out->line.bytes = (uint64_t)s.st_size;
    out->line.used = s.st_mtim;
    return (!inside && !out->unfinished) || look_inside(out, folder, name);
}

static int by_use(const void *a, const void *b)
{
    const struct timespec *x = &((const found *)a)->line.used, *y = &((const found *)b)->line.used;

    if (x->tv_sec != y->tv_sec) return x->tv_sec < y->tv_sec ? 1 : -1;
    return x->tv_nsec < y->tv_nsec ? 1 : x->tv_nsec > y->tv_nsec ? -1 : strcmp(((const found *)a)->line.name, ((const found *)b)->line.name);
}

/* Everything of ours, the one used last first. */
static thorax_status find_all(findings *out, int folder, const char *path, bool inside, thorax_error *err)
{
    const int      copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR           *dir = copy < 0 ? NULL : fdopendir(copy);
    thorax_status  st = THORAX_OK;
    struct dirent *d;
    found          one;

    *out = (findings){ 0 };
    if (!dir) {
        if (copy >= 0) close(copy);
        return thx_fail(err, THORAX_IO, 0, "%s: %s", path, strerror(errno));
    }
    while (!st && (d = readdir(dir)))
        if (look_at(&one, folder, d->d_name, inside) && !add_found(out, &one))
            st = thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for the list of entries", path);
    closedir(dir);
    if (st) free(out->list);
    else if (out->n) qsort(out->list, out->n, sizeof *out->list, by_use);
    if (st) *out = (findings){ 0 };
    return st;
}

static void drop_found(findings *all, size_t i, int folder)
{
    found *f = &all->list[i];

    if (look_inside(f, folder, f->line.name) && !unlinkat(folder, f->line.name, 0)) all->bytes -= f->line.bytes;
}

/* Removes what dead writers left, and the entries used least recently until at most `most` bytes are there. */
static thorax_status make_room(int folder, const char *path, uint64_t most, thorax_error *err)
{
    findings            all;
    const thorax_status st = find_all(&all, folder, path, false, err);

    if (st) return st;
    for (size_t i = 0; i < all.n; i++)
        if (all.list[i].unfinished && !all.list[i].written) drop_found(&all, i, folder);
    for (size_t i = all.n; i-- > 0 && all.bytes > most;)
        if (!all.list[i].unfinished) drop_found(&all, i, folder);
    free(all.list);
    return THORAX_OK;
}

/* ---- Storing ---- */

/* A new file that is locked for as long as it is open; its name tells nobody else's. -1: errno says why. */
static int open_temporary(char name[NAME_BYTES], int folder, const char *entry)
{
    for (unsigned n = 0; n < TEMPORARY_NAMES; n++) {
        snprintf(name, NAME_BYTES, "%s.%ld-%u", entry, (long)getpid(), n);
        const int file = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        while (file >= 0 && flock(file, LOCK_EX) && errno == EINTR) {}
        if (file >= 0 || errno != EEXIST) return file;
    }
    return -1;
}

/* A file to write to, and room for it; *file = -1 when the entry is there already. */
static thorax_status begin(int *file, char name[NAME_BYTES], int folder, const char *path, const char *entry,
                           uint64_t most, thorax_error *err)
{
    const int lock = lock_folder(folder), there = open_own(folder, entry);

    *file = -1;
    if (there >= 0) {
        close(there);
        unlock_folder(lock);
        return THORAX_OK;
    }
    thorax_status st = make_room(folder, path, most, err);
    if (!st && (*file = open_temporary(name, folder, entry)) < 0)
        st = thx_fail(err, THORAX_IO, 0, "%s: cannot write: %s", path, strerror(errno));
    unlock_folder(lock);
    return st;
}

/* Gives what was written its name. */
static thorax_status finish(int folder, const char *path, const char *name, const char *entry, uint64_t most,
                            thorax_error *err)
{
    const int     lock = lock_folder(folder);
    thorax_status st = make_room(folder, path, most, err); /* others may have stored meanwhile; includes this one */

    if (!st && renameat(folder, name, folder, entry))
        st = thx_fail(err, THORAX_IO, 0, "%s: cannot rename: %s", path, strerror(errno));
    unlock_folder(lock);
    return st;
}

thorax_status thx_cache_folder_store(const char *path, uint64_t limit, const thx_entry *e, thorax_error *err)
{
    const uint64_t bytes = thx_entry_bytes(e), most = limit ? limit : UINT64_MAX;
    char           entry[THX_ENTRY_NAME], name[NAME_BYTES];
    int            file;

    if (bytes > most)
        return thx_fail(err, THORAX_LIMIT, 0, "%s: an entry of %llu bytes, the limit is %llu", path,
                        (unsigned long long)bytes, (unsigned long long)limit);
    const int folder = open_folder(path);
    if (folder < 0) return thx_fail(err, THORAX_IO, 0, "%s: %s", path, strerror(errno));
    thx_entry_name(entry, e);
    thorax_status st = begin(&file, name, folder, path, entry, most - bytes, err);
    if (!st && file >= 0) {
        st = thx_entry_write(file, e, err);
        if (st) thx_error_prefix(err, path);
        if (!st && fsync(file)) st = thx_fail(err, THORAX_IO, 0, "%s: %s", path, strerror(errno));
        if (!st) st = finish(folder, path, name, entry, most, err);
        if (st) unlinkat(folder, name, 0);
        close(file);
    }
    close(folder);
    return st;
}

/* ---- For people ---- */

/* *folder = -1 where there is none, which is fine. */
static thorax_status open_listed(int *folder, const char *path, thorax_error *err)
{
    *folder = open_folder(path);
    if (*folder >= 0 || errno == ENOENT) return THORAX_OK;
    return thx_fail(err, THORAX_IO, 0, "%s: %s", path, strerror(errno));
}

thorax_status thx_cache_folder_list(thx_cache_listing *out, const char *path, thorax_error *err)
{
    findings      all = { 0 };
    int           folder;
    thorax_status st = open_listed(&folder, path, err);

    *out = (thx_cache_listing){ 0 };
    if (!st && folder >= 0) st = find_all(&all, folder, path, true, err);
    if (!st && all.n && !(out->lines = malloc(all.n * sizeof *out->lines)))
        st = thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for the list of entries", path);
    for (size_t i = 0; !st && i < all.n; i++)
        if (!all.list[i].unfinished) out->lines[out->n++] = all.list[i].line;
    free(all.list);
    if (folder >= 0) close(folder);
    return st;
}

void thx_cache_listing_deinit(thx_cache_listing *l)
{
    free(l->lines);
    *l = (thx_cache_listing){ 0 };
}

thorax_status thx_cache_folder_clear(const char *path, size_t *removed, uint64_t *bytes, thorax_error *err)
{
    findings      all = { 0 };
    int           folder;
    thorax_status st = open_listed(&folder, path, err);

    *removed = 0;
    *bytes = 0;
    if (st || folder < 0) return st;
    const int lock = lock_folder(folder);
    st = find_all(&all, folder, path, true, err);
    for (size_t i = 0; i < all.n && !st; i++) {
        if (unlinkat(folder, all.list[i].line.name, 0) && errno != ENOENT) {
            st = thx_fail(err, THORAX_IO, 0, "%s/%s: %s", path, all.list[i].line.name, strerror(errno));
            break;
        }
        ++*removed;
        *bytes += all.list[i].line.bytes;
    }
    free(all.list);
    unlock_folder(lock);
    close(folder);
    return st;
}
