/* NumPy files: header and size of thx_npy_read(), through a temporary file. */
#define _GNU_SOURCE /* memfd_create */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/mman.h>

#include "base/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char    path[64];
    thx_npy a;
    const int fd = memfd_create("npy", 0);

    if (fd < 0) return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (write(fd, data, size) == (ssize_t)size && thx_npy_read(&a, path, NULL) == THORAX_OK) thx_npy_deinit(&a);
    close(fd);
    return 0;
}
