/* What the tests of this room share: folders made for a moment, and the vectors of
 * tests/data/tokenizer (computed by the original libraries: tools/oracle/text_vectors.py). */
#ifndef TESTS_TEXT_TOKENIZERS_H
#define TESTS_TEXT_TOKENIZERS_H

#include "base/file.h"
#include "text/text.h"

#include <dirent.h>
#include <jansson.h>

static inline json_t *load_vectors(void)
{
    json_t *j =
        json_load_file(source_path("tests/data/tokenizer/vectors.json"), JSON_ALLOW_NUL, NULL);
    assert_non_null(j);
    return j;
}

/* A new folder; the caller removes it. */
static inline char *folder_make(void)
{
    char path[] = "/tmp/thorax-text-XXXXXX";

    assert_non_null(mkdtemp(path));
    return strdup(path);
}

static inline void folder_put(const char *folder, const char *name, const char *text, size_t size)
{
    char *path = thx_path_join(folder, name);
    thorax_error err;

    assert_ok(thx_file_write(path, text, size, &err), err);
    free(path);
}

static inline void folder_puts(const char *folder, const char *name, const char *text)
{
    folder_put(folder, name, text, strlen(text));
}

static inline void folder_put_json(const char *folder, const char *name, const json_t *j)
{
    char *text = json_dumps(j, JSON_ENCODE_ANY);

    folder_puts(folder, name, text);
    free(text);
}

static inline void folder_empty(const char *folder)
{
    DIR *d = opendir(folder);

    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        char *path = thx_path_join(folder, e->d_name);
        if (e->d_name[0] != '.') unlink(path);
        free(path);
    }
    closedir(d);
}

static inline void folder_remove(char *folder)
{
    folder_empty(folder);
    rmdir(folder);
    free(folder);
}

#endif
