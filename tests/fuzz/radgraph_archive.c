/* A packed archive of RadGraph's: refused, or settings and labels within their limits. */
#include "base/file.h"
#include "model/radgraph_archive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                 path[64];
    thx_radgraph_archive a;

    snprintf(path, sizeof path, "/tmp/fuzz-archive-%ld", (long)getpid());
    if (thx_file_write(path, data, size, NULL)) return 0;
    if (!thx_radgraph_archive_open(&a, path, NULL)) {
        if (!a.entities.n || !a.relations.n || !a.weights || !a.head.max_width || !a.head.feature) abort();
        if (a.head.layers < 1 || a.head.layers > THX_DYGIE_LAYERS || a.head.entity_labels != a.entities.n) abort();
        if (a.max_length && a.max_length < 3) abort();
        thx_radgraph_archive_deinit(&a);
    }
    unlink(path);
    return 0;
}
