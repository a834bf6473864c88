/* Files; see file.h. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opens a regular file for reading; *size receives its length. */
static thorax_status open_regular(int *fd, size_t *size, const char *path, thorax_error *err)
{
    struct stat st;

    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0) return thx_fail(err, THORAX_IO, 0, "%s: %s", path, strerror(errno));
    if (fstat(*fd, &st) || !S_ISREG(st.st_mode)) {
        close(*fd);
        return thx_fail(err, THORAX_IO, 0, "%s: expected a file, found %s", path,
                        S_ISDIR(st.st_mode) ? "a folder" : "something else");
    }
    *size = (size_t)st.st_size;
    return THORAX_OK;
}

thorax_status thx_map_open(thx_map *out, const char *path, thorax_error *err)
{
    int fd;

    *out = (thx_map){ 0 };
    thorax_status st = open_regular(&fd, &out->size, path, err);
    if (st) return st;
    if (out->size) {
        void *p = mmap(NULL, out->size, PROT_READ, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED) {
            st = thx_fail(err, THORAX_IO, 0, "%s: cannot map %zu bytes: %s", path, out->size, strerror(errno));
            out->size = 0;
        } else {
            out->data = p;
        }
    }
    close(fd);
    return st;
}

void thx_map_close(thx_map *map)
{
    if (map->data) munmap((void *)(uintptr_t)map->data, map->size);
    *map = (thx_map){ 0 };
}

void thx_map_expect_random(const thx_map *map, bool random)
{
    if (map->data) madvise((void *)(uintptr_t)map->data, map->size, random ? MADV_RANDOM : MADV_NORMAL);
}

thorax_status thx_file_read(char **data, size_t *size, const char *path, size_t max_bytes, thorax_error *err)
{
    int fd;
    size_t have = 0, want;

    *data = NULL;
    *size = 0;
    thorax_status st = open_regular(&fd, &want, path, err);
    if (st) return st;
    if (want > max_bytes) {
        close(fd);
        return thx_fail(err, THORAX_LIMIT, 0, "%s: %zu bytes, the limit is %zu", path, want, max_bytes);
    }
    char *p = malloc(want + 1);
    if (!p) st = thx_fail(err, THORAX_NOMEM, 0, "%s: no memory for %zu bytes", path, want);
    while (!st && have < want) {
        const ssize_t n = read(fd, p + have, want - have);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) st = thx_fail(err, THORAX_IO, have, "%s: %s", path, n ? strerror(errno) : "file shrank while being read");
        else have += (size_t)n;
    }
    close(fd);
    if (st) {
        free(p);
        return st;
    }
    p[want] = 0;
    *data = p;
    *size = want;
    return THORAX_OK;
}

/* A new file for a temporary name; what a writer that died left under it goes. NULL: errno says why. */
static FILE *open_temporary(const char *temp, mode_t mode)
{
    unlink(temp);
    const int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    FILE     *f = fd < 0 ? NULL : fdopen(fd, "wb");

    if (fd >= 0 && !f) close(fd);
    return f;
}

bool thx_is_special(const char *path)
{
    struct stat st;
    return !stat(path, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static FILE *open_special(const char *path)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    FILE     *f = fd < 0 ? NULL : fdopen(fd, "wb");

    if (fd >= 0 && !f) close(fd);
    return f;
}

static thorax_status write_as(const char *path, const void *data, size_t size, mode_t mode, thorax_error *err)
{
    const size_t room = strlen(path) + 32;
    const bool special = thx_is_special(path);
    char *temp = malloc(room);

    if (!temp) return thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", path);
    snprintf(temp, room, "%s.part-%ld", path, (long)getpid());
    FILE *f = special ? open_special(path) : open_temporary(temp, mode);
    bool ok = f && (!size || fwrite(data, 1, size, f) == size);
    const int write_error = errno;
    if (f && fclose(f)) ok = false;
    if (ok && !special && rename(temp, path)) ok = false;
    thorax_status st = THORAX_OK;
    if (!ok) {
        st = thx_fail(err, THORAX_IO, 0, "%s: cannot write: %s", path, strerror(errno ? errno : write_error));
        if (f && !special) unlink(temp);
    }
    free(temp);
    return st;
}

thorax_status thx_file_write(const char *path, const void *data, size_t size, thorax_error *err)
{
    return write_as(path, data, size, 0666, err);
}

thorax_status thx_file_write_private(const char *path, const void *data, size_t size, thorax_error *err)
{
    return write_as(path, data, size, 0600, err);
}

bool thx_file_exists(const char *path)
{
    struct stat st;
    return !stat(path, &st) && !S_ISDIR(st.st_mode);
}

bool thx_is_folder(const char *path)
{
    struct stat st;
    return !stat(path, &st) && S_ISDIR(st.st_mode);
}

thorax_status thx_folder_make(const char *path, thorax_error *err)
{
    char *copy = strdup(path);

    if (!copy) return thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", path);
    for (char *c = copy + 1; *copy; c++) {
        const char keep = *c;
        if (keep && keep != '/') continue;
        *c = 0;
        if (mkdir(copy, 0777) && errno != EEXIST) break;
        *c = keep;
        if (!keep) break;
    }
    free(copy);
    if (!thx_is_folder(path)) return thx_fail(err, THORAX_IO, 0, "%s: cannot make the folder: %s", path, strerror(errno));
    return THORAX_OK;
}

thorax_status thx_folder_make_private(const char *path, thorax_error *err)
{
    char         *above = strdup(path);
    thorax_status st = above ? THORAX_OK : thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", path);

    if (!st && !*path) st = thx_fail(err, THORAX_IO, 0, "a folder has no name");
    if (!st && !thx_is_folder(path)) {
        size_t n = strlen(above);
        while (n > 1 && above[n - 1] == '/') above[--n] = 0;
        char *slash = strrchr(above, '/');
        if (slash && slash > above) {
            *slash = 0;
            st = thx_folder_make(above, err);
        }
        if (!st && mkdir(path, 0700) && !(errno == EEXIST && thx_is_folder(path)))
            st = thx_fail(err, THORAX_IO, 0, "%s: cannot make the folder: %s", path, strerror(errno));
    }
    free(above);
    return st;
}

char *thx_path_join(const char *folder, const char *name)
{
    const size_t n = strlen(folder) + strlen(name) + 2;
    char *p = malloc(n);
    const bool slash = *folder && folder[strlen(folder) - 1] == '/';
    if (p) snprintf(p, n, "%s%s%s", folder, slash ? "" : "/", name);
    return p;
}
