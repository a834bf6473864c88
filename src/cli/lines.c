/* A file of lines that is appended to, one writer at a time; see lines.h. */
#include "cli/lines.h"

#include "base/string.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static thorax_status write_all(int fd, const char *path, const char *data, size_t size,
                               thorax_error *err)
{
    while (size) {
        const ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0)
            return thx_fail(err, THORAX_IO, 0, "%s: cannot write: %s", path, strerror(errno));
        data += n;
        size -= (size_t)n;
    }
    if (fsync(fd) && errno != EINVAL &&
        errno != EROFS) /* pipes and the like cannot be synchronised */
        return thx_fail(err, THORAX_IO, 0, "%s: cannot synchronise: %s", path, strerror(errno));
    return THORAX_OK;
}

/* Replaces the file by the lines that are kept: beside it, then renamed over it, the lock taken
 * before. */
thorax_status cli_lines_replace(cli_lines *l, const char *data, size_t size, thorax_error *err)
{
    const size_t room = strlen(l->path) + 32;
    char *temp = malloc(room);

    if (!temp) return thx_fail(err, THORAX_NOMEM, 0, "%s: no memory", l->path);
    snprintf(temp, room, "%s.part-%ld", l->path, (long)getpid());
    const int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
    thorax_status st = THORAX_OK;
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB))
        st = thx_fail(err, THORAX_IO, 0, "%s: cannot write: %s", temp, strerror(errno));
    if (!st) st = write_all(fd, temp, data ? data : "", size, err);
    if (!st && rename(temp, l->path))
        st = thx_fail(err, THORAX_IO, 0, "%s: cannot replace: %s", l->path, strerror(errno));
    if (st && fd >= 0) {
        unlink(temp);
        close(fd);
    } else if (!st) {
        close(l->fd);
        l->fd = fd;
    }
    free(temp);
    return st;
}

/* Opens and locks; a file that was replaced in between is opened anew. */
static thorax_status open_locked(cli_lines *l, thorax_error *err)
{
    for (int tries = 0; tries < 8; tries++) {
        struct stat mine, there;
        const int fd = open(l->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (fd < 0)
            return thx_fail(err, THORAX_IO, 0, "%s: cannot write: %s", l->path, strerror(errno));
        if (flock(fd, LOCK_EX | LOCK_NB)) {
            close(fd);
            return thx_fail(err, THORAX_IO, 0, "%s: another program writes this file", l->path);
        }
        if (!fstat(fd, &mine) && !stat(l->path, &there) && mine.st_ino == there.st_ino &&
            mine.st_dev == there.st_dev) {
            l->fd = fd;
            return THORAX_OK;
        }
        close(fd);
    }
    return thx_fail(err, THORAX_IO, 0, "%s: is being replaced by others", l->path);
}

thorax_status cli_lines_open(cli_lines *l, const char *path, thorax_error *err)
{
    *l = (cli_lines){ .path = strdup(path) };
    return l->path ? open_locked(l, err) : thx_fail(err, THORAX_NOMEM, 0, "%s: no memory", path);
}

thorax_status cli_lines_add(cli_lines *l, const char *line, thorax_error *err)
{
    thx_string s = { 0 };

    thx_string_printf(&s, "%s\n", line);
    const thorax_status st = s.failed ? thx_fail(err, THORAX_NOMEM, 0, "%s: no memory", l->path)
                                      : write_all(l->fd, l->path, s.data, s.size, err);
    thx_string_deinit(&s);
    return st;
}

void cli_lines_close(cli_lines *l)
{
    free(l->path);
    if (l->fd > 0) close(l->fd);
    *l = (cli_lines){ 0 };
}
