/* A tar archive, packed or not: refused, or files whose bytes add up to what their headers say. */
#include "base/file.h"
#include "weights/tar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 1 << 22 };

static void walk(thx_tar *t)
{
    const char *name;
    uint64_t    bytes;
    char        piece[1000];

    while (!thx_tar_next(t, &name, &bytes, NULL) && name) {
        uint64_t sum = 0;
        size_t   got = 1;
        bool     failed = false;
        if (strlen(name) >= THX_TAR_NAME) abort();
        if (bytes % 3 == 0) continue; /* skipped */
        while (got && !failed) {
            failed = thx_tar_read(t, piece, sizeof piece, &got, NULL) != THORAX_OK;
            if (!failed) sum += got;
        }
        if (!failed && sum != bytes) abort();
        if (failed) return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char     path[64];
    thx_tar *t;

    snprintf(path, sizeof path, "/tmp/fuzz-tar-%ld", (long)getpid());
    if (thx_file_write(path, data, size, NULL)) return 0;
    if (!thx_tar_open(&t, path, MOST, NULL)) {
        walk(t);
        thx_tar_close(t);
    }
    unlink(path);
    return 0;
}
