/* See quantize_folder.h. */
#include "model/quantize_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"

enum {
    DEEP = 3,                      /* folders in folders that are copied         */
    COPY_MAX_BYTES = 512 << 20,    /* of one file that is no weights             */
};

struct thx_folder_maker {
    char *out, *temp; /* its name, and the one it has until it is complete */
    dev_t device;     /* which folder `temp` is: it is not copied into itself */
    ino_t inode;
    const char *but;  /* name that is not copied */
    bool  made;
};

static thorax_status no_memory(const char *path, thorax_error *err)
{
    return thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", path);
}

/* ---- Opening ---- */

/* Nothing there, or an empty folder. */
static thorax_status check_out(const char *out, thorax_error *err)
{
    DIR *dir = opendir(out);

    if (!dir && errno == ENOENT) return THORAX_OK;
    if (!dir) return thx_fail(err, THORAX_IO, 0, "%s: expected no such folder, or an empty one: %s", out, strerror(errno));
    const char *name = NULL;
    for (struct dirent *e; !name && (e = readdir(dir));)
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) name = e->d_name;
    const thorax_status st =
        name ? thx_fail(err, THORAX_IO, 0, "%s: expected no such folder, or an empty one; it holds %.80s", out, name)
             : THORAX_OK;
    closedir(dir);
    return st;
}

static thorax_status check_space(const thx_folder_maker *f, uint64_t bytes, thorax_error *err)
{
    struct statvfs fs;

    if (statvfs(f->temp, &fs)) return THORAX_OK; /* not known: writing will tell */
    const uint64_t free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (free_bytes >= bytes) return THORAX_OK;
    return thx_fail(err, THORAX_IO, 0, "%s: the folder takes %.2f GB, the disk has %.2f GB free", f->out,
                    (double)bytes * 1e-9, (double)free_bytes * 1e-9);
}

/* "out" without slashes at its end, and "out.part-123" beside it. */
static bool make_names(thx_folder_maker *f, const char *out)
{
    size_t n = strlen(out);

    while (n > 1 && out[n - 1] == '/') n--;
    f->out = strndup(out, n);
    f->temp = malloc(n + 32);
    if (f->temp) snprintf(f->temp, n + 32, "%.*s.part-%ld", (int)n, out, (long)getpid());
    return f->out && f->temp;
}

/* The folder that `out` is to lie in. */
static thorax_status make_parent(const thx_folder_maker *f, thorax_error *err)
{
    char         *parent = strdup(f->out), *slash = parent ? strrchr(parent, '/') : NULL;
    thorax_status st = parent ? THORAX_OK : no_memory(f->out, err);

    if (slash && slash != parent) {
        *slash = 0;
        st = thx_folder_make(parent, err);
    }
    free(parent);
    return st;
}

thorax_status thx_folder_open(thx_folder_maker **out_maker, const char *out, uint64_t bytes, thorax_error *err)
{
    thx_folder_maker *f = calloc(1, sizeof *f);
    struct stat       s;

    *out_maker = NULL;
    if (!f || !make_names(f, out)) {
        thx_folder_close(f);
        return no_memory(out, err);
    }
    thorax_status st = check_out(f->out, err);
    if (!st) st = make_parent(f, err);
    if (!st && mkdir(f->temp, 0777)) st = thx_fail(err, THORAX_IO, 0, "%s: cannot make the folder: %s", f->temp, strerror(errno));
    else if (!st) f->made = true;
    if (!st && stat(f->temp, &s)) st = thx_fail(err, THORAX_IO, 0, "%s: %s", f->temp, strerror(errno));
    if (!st) {
        f->device = s.st_dev;
        f->inode = s.st_ino;
        st = check_space(f, bytes, err);
    }
    if (st) thx_folder_close(f);
    else *out_maker = f;
    return st;
}

/* ---- Files ---- */

thorax_status thx_folder_create(thx_folder_maker *f, int *fd, const char *name, thorax_error *err)
{
    char *path = thx_path_join(f->temp, name);

    *fd = -1;
    if (!path) return no_memory(f->out, err);
    *fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    const thorax_status st =
        *fd < 0 ? thx_fail(err, THORAX_IO, 0, "%s: cannot write: %s", path, strerror(errno)) : THORAX_OK;
    free(path);
    return st;
}

thorax_status thx_folder_write_at(const thx_folder_maker *f, int fd, const char *name, const void *data, size_t size,
                                  uint64_t at, thorax_error *err)
{
    for (size_t done = 0; done < size;) {
        const ssize_t n = pwrite(fd, (const char *)data + done, size - done, (off_t)(at + done));

        if (n > 0) done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            return thx_fail(err, THORAX_IO, at + done, "%s/%s: cannot write: %s", f->out, name,
                            n ? strerror(errno) : "nothing was taken");
    }
    return THORAX_OK;
}

thorax_status thx_folder_put(thx_folder_maker *f, const char *name, const void *data, size_t size, thorax_error *err)
{
    int           fd;
    thorax_status st = thx_folder_create(f, &fd, name, err);

    if (!st) st = thx_folder_write_at(f, fd, name, data, size, 0, err);
    if (fd >= 0 && close(fd) && !st)
        st = thx_fail(err, THORAX_IO, 0, "%s/%s: cannot write: %s", f->out, name, strerror(errno));
    return st;
}

/* ---- What lies around the weights ---- */

/* Weights in any form, and what only tells of them. */
static bool is_weights(const char *name)
{
    static const char *const endings[] = { ".safetensors", ".safetensors.index.json", ".bin", ".bin.index.json",
                                           ".pt", ".pth", ".ckpt", ".gguf", ".h5", ".msgpack", ".onnx", ".part" };
    const size_t n = strlen(name);

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        const size_t e = strlen(endings[i]);
        if (n >= e && !strcmp(name + n - e, endings[i])) return true;
    }
    return false;
}

static thorax_status copy_file(thx_folder_maker *f, const char *from, const char *name, thorax_error *err)
{
    char  *data, *to = thx_path_join(f->temp, name);
    size_t size;

    if (!to) return no_memory(f->out, err);
    const bool there = thx_file_exists(to);
    free(to);
    if (there) return THORAX_OK;
    thorax_status st = thx_file_read(&data, &size, from, COPY_MAX_BYTES, err);
    if (!st) st = thx_folder_put(f, name, data, size, err);
    free(data);
    return st;
}

static thorax_status copy_folder(thx_folder_maker *f, const char *source, const char *inside, int depth,
                                 thorax_error *err);

/* One entry of `folder`, which is `inside` the source; other things than files and folders are left out. */
static thorax_status copy_entry(thx_folder_maker *f, const char *folder, const char *inside, const char *entry,
                                int depth, thorax_error *err)
{
    char         *from = thx_path_join(folder, entry), *name = *inside ? thx_path_join(inside, entry) : strdup(entry);
    struct stat   s;
    thorax_status st = from && name ? THORAX_OK : no_memory(folder, err);

    if (!st && !stat(from, &s)) {
        const bool itself = s.st_dev == f->device && s.st_ino == f->inode;
        if (S_ISREG(s.st_mode) && !is_weights(entry)) st = copy_file(f, from, name, err);
        else if (S_ISDIR(s.st_mode) && !itself && depth < DEEP) st = copy_folder(f, from, name, depth + 1, err);
    }
    free(from);
    free(name);
    return st;
}

static thorax_status copy_folder(thx_folder_maker *f, const char *source, const char *inside, int depth,
                                 thorax_error *err)
{
    DIR          *dir = opendir(source);
    thorax_status st = THORAX_OK;

    if (!dir) return thx_fail(err, THORAX_IO, 0, "%s: %s", source, strerror(errno));
    if (*inside) {
        char *to = thx_path_join(f->temp, inside);
        st = to ? thx_folder_make(to, err) : no_memory(source, err);
        free(to);
    }
    for (struct dirent *e; !st && (e = readdir(dir));)
        if (e->d_name[0] != '.' && !(f->but && !strcmp(e->d_name, f->but))) st = copy_entry(f, source, inside, e->d_name, depth, err);
    closedir(dir);
    return st;
}

thorax_status thx_folder_copy_around(thx_folder_maker *f, const char *source, const char *but, thorax_error *err)
{
    f->but = but;
    return copy_folder(f, source, "", 0, err);
}

thorax_status thx_folder_readme(thx_folder_maker *f, thx_type type, thorax_error *err)
{
    char *path = thx_path_join(f->temp, "README.md"), text[640];

    if (!path) return no_memory(f->out, err);
    const bool there = thx_file_exists(path);
    free(path);
    if (there) return THORAX_OK;
    snprintf(text, sizeof text,
             "# Weights rounded to %s by `thorax quantize`\n\n"
             "The matrices of the language model are stored in groups of 32 values with a scale each; norms, biases,\n"
             "vision tower and projector are as they were. The metadata of each .safetensors file tells type, shape\n"
             "and SHA-256 of every rounded tensor; `thorax verify` compares them. Only Thorax reads this form.\n",
             thx_type_name(type));
    return thx_folder_put(f, "README.md", text, strlen(text), err);
}

/* ---- The end ---- */

thorax_status thx_folder_commit(thx_folder_maker *f, thorax_error *err)
{
    if (rename(f->temp, f->out)) /* takes the place of an empty folder */
        return thx_fail(err, THORAX_IO, 0, "%s: cannot rename the finished folder: %s", f->out, strerror(errno));
    f->made = false;
    return THORAX_OK;
}

thorax_status thx_folder_commit_file(thx_folder_maker *f, const char *name, thorax_error *err)
{
    char         *path = thx_path_join(f->temp, name);
    thorax_status st = path ? THORAX_OK : no_memory(f->out, err);

    if (!st && rename(path, f->out))
        st = thx_fail(err, THORAX_IO, 0, "%s: cannot rename the finished file: %s", f->out, strerror(errno));
    free(path);
    return st;
}

static void remove_all(const char *path, int depth)
{
    DIR *dir = opendir(path);

    for (struct dirent *e; dir && (e = readdir(dir));) {
        char *inner = strcmp(e->d_name, ".") && strcmp(e->d_name, "..") ? thx_path_join(path, e->d_name) : NULL;

        if (inner && unlink(inner) && depth <= DEEP) remove_all(inner, depth + 1);
        free(inner);
    }
    if (dir) closedir(dir);
    rmdir(path);
}

void thx_folder_close(thx_folder_maker *f)
{
    if (!f) return;
    if (f->made) remove_all(f->temp, 0);
    free(f->out);
    free(f->temp);
    free(f);
}
