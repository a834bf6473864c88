/* Checks golden sets that no command line shows: golden DIR [GLOB]
 *
 * Every folder of DIR whose name matches GLOB and begins with a name of the table below is one set.
 * One line a check, at the end "N passed, N failed"; exit status 0 only when nothing failed and
 * something passed. Another kind of set is one function in a file of its own, declared in golden.h,
 * and one line here. */
#include "golden.h"

#include "base/file.h"
#include "base/string.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct { const char *prefix; void (*check)(golden *g); } kinds[] = {
    { "bert-base-like", golden_encoder },
    { "bert-roberta-like", golden_encoder },
    { "bert-distil-like", golden_encoder },
    { "bert-modern-like", golden_encoder },
    { "bert-mpnet-like", golden_encoder },
    { "data-wbf", golden_wbf },
    { "bert-bertscore", golden_bertscore },
    { "bert-chexbert", golden_chexbert },
    { "bert-radcliq", golden_radcliq },
    { "llavarad-pickle", golden_pickle },
    { "llavarad-clip", golden_clip },
    { "bert-radgraph", golden_radgraph },
    { "judge-", golden_judge },
    { "bert-ratescore", golden_ratescore },
    { "radvlm-geometry", golden_geometry },
    { "radvlm-resize", golden_resize },
    { "radvlm-sampling", golden_sampling },
};

bool golden_check(golden *g, bool ok, const char *name, const char *format, ...)
{
    va_list args;

    printf("%s/%s: ", g->set, name);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf(" %s\n", ok ? "ok" : "FAILED");
    g->passed += ok;
    g->failed += !ok;
    return ok;
}

const char *golden_path(const golden *g, const char *name)
{
    static char     paths[4][1024];
    static unsigned next;
    char           *p = paths[next++ % 4];

    snprintf(p, sizeof paths[0], "%s/%s", g->folder, name);
    return p;
}

json_t *golden_json(golden *g, const char *name)
{
    json_t      *root;
    thorax_error err;

    if (!thx_json_read(&root, golden_path(g, name), (size_t)256 << 20, &err)) return root;
    golden_check(g, false, name, "%s", err.text);
    return NULL;
}

uint32_t golden_number(const json_t *object, const char *key)
{
    return (uint32_t)json_integer_value(json_object_get(object, key));
}

const char *golden_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

/* The program, which lies above this one's folder; NULL where there is none. */
static char *find_program(const char *self)
{
    const char *slash = strrchr(self, '/');
    thx_string  path = { 0 };

    if (slash) thx_string_add(&path, self, (size_t)(slash - self) + 1);
    thx_string_puts(&path, "../thorax");
    char *found = thx_string_take(&path);
    if (found && !access(found, X_OK)) return found;
    free(found);
    return NULL;
}

/* Checks one set, if its kind is known. */
static void check_set(const char *root, const char *name, const char *program, unsigned *passed, unsigned *failed)
{
    char *folder = thx_path_join(root, name);

    for (size_t i = 0; folder && thx_is_folder(folder) && i < sizeof kinds / sizeof kinds[0]; i++) {
        golden g = { .set = name, .folder = folder, .root = root, .program = program };
        if (strncmp(name, kinds[i].prefix, strlen(kinds[i].prefix))) continue;
        kinds[i].check(&g);
        *passed += g.passed;
        *failed += g.failed;
        break;
    }
    free(folder);
}

int main(int argc, char **argv)
{
    struct dirent **entries;
    unsigned        passed = 0, failed = 0;

    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: %s DIR [GLOB]\n", argv[0]);
        return 2;
    }
    char *program = find_program(argv[0]);
    const int n = scandir(argv[1], &entries, NULL, alphasort);
    if (n < 0) {
        fprintf(stderr, "%s: cannot be listed\n", argv[1]);
        free(program);
        return 1;
    }
    for (int i = 0; i < n; i++) {
        if (!fnmatch(argc == 3 ? argv[2] : "*", entries[i]->d_name, FNM_PERIOD))
            check_set(argv[1], entries[i]->d_name, program, &passed, &failed);
        free(entries[i]);
    }
    free(entries);
    free(program);
    printf("%u passed, %u failed\n", passed, failed);
    return failed || !passed;
}
