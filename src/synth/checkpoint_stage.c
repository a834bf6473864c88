/* Building a folder under temporary names; see checkpoint_stage.h. Names of files in the folder's own folder
 * for the language model are "base/NAME".
 *
 * A real model folder holds files of the same names, and may be the only copy: nothing is replaced
 * unless the README.md says that the folder was written here. */
#include "synth/checkpoint_stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"

#define PART ".part"
#define SUB  "base"
enum { NAME_ROOM = 64, FOUND_ROOM = 256 + sizeof SUB };

typedef struct staged { char name[NAME_ROOM]; bool temporary; } staged;

struct thx_staging {
    char   *folder;
    bool    made_folder, made_sub, committed;
    staged *files;
    size_t  count, room;
};

static const char *const known_names[] = {
    "config.json", "generation_config.json", "preprocessor_config.json", "processor_config.json",
    "chat_template.json", "tokenizer.json", "tokenizer_config.json", "vocab.json", "added_tokens.json",
    "special_tokens_map.json", "model.safetensors.index.json", "README.md", "tokenizer.model",
    "pytorch_model.bin.index.json", "adapter_config.json", "adapter_model.bin", "non_lora_trainables.bin",
    "biomedclipcxr_518.json", "biomedclipcxr_518_checkpoint.pt",
};

/* Does the text of n characters begin and end so? */
static bool is_between(const char *text, size_t n, const char *begin, const char *end)
{
    const size_t b = strlen(begin), e = strlen(end);
    return n >= b + e && !memcmp(text, begin, b) && !memcmp(text + n - e, end, e);
}

/* A name that this room writes; the ending of a temporary file is ignored. */
static bool is_ours(const char *name)
{
    size_t n;

    if (!strncmp(name, SUB "/", sizeof SUB)) name += sizeof SUB;
    n = strlen(name);
    if (n > strlen(PART) && !strcmp(name + n - strlen(PART), PART)) n -= strlen(PART);
    for (size_t i = 0; i < sizeof known_names / sizeof known_names[0]; i++)
        if (strlen(known_names[i]) == n && !memcmp(name, known_names[i], n)) return true;
    return is_between(name, n, "model", ".safetensors") || is_between(name, n, "pytorch_model", ".bin");
}

static bool is_temporary(const char *name)
{
    const size_t n = strlen(name);
    return n > strlen(PART) && !strcmp(name + n - strlen(PART), PART);
}

static bool has_mark(const char *folder)
{
    char  line[sizeof THX_CHECKPOINT_MARK] = { 0 };
    char *path = thx_path_join(folder, "README.md");
    FILE *f = path ? fopen(path, "rb") : NULL;
    const bool marked = f && fgets(line, sizeof line, f) && !strcmp(line, THX_CHECKPOINT_MARK);

    if (f) fclose(f);
    free(path);
    return marked;
}

typedef bool each_name(const char *name, void *data);

/* Calls `each` for the names in the folder, with `prefix` before them, until it returns false; false if it did. */
static bool for_plain_names(const char *folder, const char *prefix, each_name *each, void *data)
{
    DIR *dir = opendir(folder);
    bool on = true;

    if (!dir) return true;
    for (struct dirent *e; on && (e = readdir(dir));) {
        char name[FOUND_ROOM];

        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        snprintf(name, sizeof name, "%s%.255s", prefix, e->d_name);
        on = each(name, data);
    }
    closedir(dir);
    return on;
}

/* The same for a model folder: files in the language model's are "base/NAME", that folder itself is passed over. */
typedef struct both { each_name *each; void *data; const char *sub; } both;

static bool pass_sub(const char *name, void *data)
{
    const both *b = data;

    if (strcmp(name, SUB) != 0 || !thx_is_folder(b->sub)) return b->each(name, b->data);
    return for_plain_names(b->sub, SUB "/", b->each, b->data);
}

static bool for_names(const char *folder, each_name *each, void *data)
{
    char      *sub = thx_path_join(folder, SUB);
    both       b = { each, data, sub };
    const bool on = sub && for_plain_names(folder, "", pass_sub, &b);

    free(sub);
    return on;
}

/* What a folder already holds. */
typedef struct found { bool marked; char stranger[FOUND_ROOM]; } found;

static bool look_at(const char *name, void *data)
{
    found *f = data;

    if (is_ours(name) && (f->marked || is_temporary(name))) return true;
    snprintf(f->stranger, sizeof f->stranger, "%s", name);
    return false;
}

static thorax_status check_folder(const char *folder, thorax_error *err)
{
    found f = { .marked = has_mark(folder) };

    if (for_names(folder, look_at, &f)) return THORAX_OK;
    return thx_fail(err, THORAX_IO, 0,
                    "%s: expected an empty folder or an earlier random checkpoint, found %.80s in it", folder,
                    f.stranger);
}

static thorax_status check_space(const char *folder, uint64_t bytes, thorax_error *err)
{
    struct statvfs fs;

    if (statvfs(folder, &fs)) return THORAX_OK; /* not known: writing will tell */
    const uint64_t free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (free_bytes >= bytes) return THORAX_OK;
    return thx_fail(err, THORAX_IO, 0, "%s: the checkpoint takes %.2f GB, the disk has %.2f GB free", folder,
                    (double)bytes * 1e-9, (double)free_bytes * 1e-9);
}

thorax_status thx_staging_open(thx_staging **out, const char *folder, uint64_t bytes, thorax_error *err)
{
    thx_staging *s = calloc(1, sizeof *s);

    *out = NULL;
    if (!s || !(s->folder = strdup(folder))) {
        thx_staging_close(s);
        return thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", folder);
    }
    s->made_folder = !thx_is_folder(folder);
    thorax_status st = thx_folder_make(folder, err);
    if (st) s->made_folder = false;
    if (!st) st = check_folder(folder, err);
    if (!st) st = check_space(folder, bytes, err);
    if (st) thx_staging_close(s);
    else *out = s;
    return st;
}

/* The path of a file of the folder, or of its temporary form; the caller frees it. */
static char *path_of(const thx_staging *s, const char *name, bool temporary)
{
    char full[NAME_ROOM + sizeof PART];

    snprintf(full, sizeof full, "%s%s", name, temporary ? PART : "");
    return thx_path_join(s->folder, full);
}

static bool list_add(thx_staging *s, const char *name)
{
    if (s->count == s->room) {
        const size_t room = s->room ? s->room * 2 : 32;
        staged *files = realloc(s->files, room * sizeof *files);

        if (!files) return false;
        s->files = files;
        s->room = room;
    }
    staged *f = &s->files[s->count++];
    snprintf(f->name, sizeof f->name, "%s", name);
    f->temporary = true;
    return true;
}

/* Makes the folder of the name, where it has one. */
static thorax_status make_sub(thx_staging *s, const char *name, thorax_error *err)
{
    char *sub = strchr(name, '/') ? thx_path_join(s->folder, SUB) : NULL;
    thorax_status st = THORAX_OK;

    if (sub && !thx_is_folder(sub)) {
        st = thx_folder_make(sub, err);
        s->made_sub = !st;
    }
    free(sub);
    return st;
}

thorax_status thx_staging_create(thx_staging *s, const char *name, int *fd, thorax_error *err)
{
    *fd = -1;
    thorax_status st = make_sub(s, name, err);
    if (st) return st;
    char *path = path_of(s, name, true);

    if (!path || !list_add(s, name)) {
        free(path);
        return thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", s->folder);
    }
    *fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (*fd < 0) st = thx_fail(err, THORAX_IO, 0, "%s: cannot write: %s", path, strerror(errno));
    free(path);
    return st;
}

thorax_status thx_staging_write(thx_staging *s, const char *name, const void *data, size_t size,
                                thorax_error *err)
{
    int fd;

    thorax_status st = thx_staging_create(s, name, &fd, err);
    for (size_t done = 0; !st && done < size;) {
        const ssize_t n = write(fd, (const char *)data + done, size - done);

        if (n >= 0) done += (size_t)n;
        else if (errno != EINTR)
            st = thx_fail(err, THORAX_IO, done, "%s/%s: cannot write: %s", s->folder, name, strerror(errno));
    }
    if (fd >= 0 && close(fd) && !st)
        st = thx_fail(err, THORAX_IO, 0, "%s/%s: cannot write: %s", s->folder, name, strerror(errno));
    return st;
}

static void unlink_in(const thx_staging *s, const char *name, bool temporary)
{
    char *path = path_of(s, name, temporary);

    if (path) unlink(path);
    free(path);
}

static thorax_status put_in_place(thx_staging *s, staged *f, thorax_error *err)
{
    char *from = path_of(s, f->name, true), *to = path_of(s, f->name, false);
    thorax_status st = THORAX_OK;

    if (!from || !to) st = thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", s->folder);
    else if (rename(from, to)) st = thx_fail(err, THORAX_IO, 0, "%s: cannot rename: %s", to, strerror(errno));
    else f->temporary = false;
    free(from);
    free(to);
    return st;
}

/* Places every file of that name, or every one but config.json (name NULL). */
static thorax_status place(thx_staging *s, const char *name, thorax_error *err)
{
    thorax_status st = THORAX_OK;

    for (size_t i = 0; !st && i < s->count; i++) {
        staged *f = &s->files[i];

        if (f->temporary && (name ? !strcmp(f->name, name) : strcmp(f->name, "config.json") != 0))
            st = put_in_place(s, f, err);
    }
    return st;
}

static bool is_staged(const thx_staging *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (!strcmp(s->files[i].name, name)) return true;
    return false;
}

/* The names of an earlier checkpoint that the new one does not have. */
static bool remove_stale(const char *name, void *data)
{
    const thx_staging *s = data;

    if (is_ours(name) && !is_staged(s, name)) {
        char *path = thx_path_join(s->folder, name);

        if (path) unlink(path);
        free(path);
    }
    return true;
}

static void remove_sub(const thx_staging *s)
{
    char *sub = thx_path_join(s->folder, SUB);

    if (sub) rmdir(sub);
    free(sub);
}

thorax_status thx_staging_commit(thx_staging *s, thorax_error *err)
{
    unlink_in(s, "config.json", false);
    thorax_status st = place(s, "README.md", err);
    if (!st) st = place(s, NULL, err);
    if (!st) st = place(s, "config.json", err);
    if (st) return st;
    s->committed = true;
    for_names(s->folder, remove_stale, s);
    remove_sub(s); /* if nothing is left in it */
    return THORAX_OK;
}

void thx_staging_close(thx_staging *s)
{
    if (!s) return;
    for (size_t i = 0; i < s->count; i++)
        if (s->files[i].temporary) unlink_in(s, s->files[i].name, true);
    if (!s->committed && s->made_sub) remove_sub(s);
    if (!s->committed && s->made_folder) rmdir(s->folder);
    free(s->files);
    free(s->folder);
    free(s);
}
