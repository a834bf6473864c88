/* See names.h. */
#include "weights/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

void thx_safetensors_name(char out[THX_WEIGHTS_NAME], const char *path)
{
    static const char *const endings[] = { ".bin", ".pt", ".pth" };
    static const char        torch[] = "pytorch_model";
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');

    if (!strncmp(name, torch, sizeof torch - 1)) name += strlen("pytorch_");
    for (size_t i = 0; dot && i < sizeof endings / sizeof endings[0]; i++) {
        if (strcmp(dot, endings[i])) continue;
        snprintf(out, THX_WEIGHTS_NAME, "%.*s.safetensors", (int)(dot - name), name);
        return;
    }
    snprintf(out, THX_WEIGHTS_NAME, "%s", name);
}

thorax_status thx_weights_locate(char **path, const char *folder, const char *name, thorax_error *err)
{
    char safe[THX_WEIGHTS_NAME];

    thx_safetensors_name(safe, name);
    const char *const names[] = { safe, name };
    for (size_t i = 0; i < 2; i++) {
        *path = thx_path_join(folder, names[i]);
        if (!*path) return thx_fail(err, THORAX_NOMEM, 0, "%s: out of memory", folder);
        if (thx_file_exists(*path)) return THORAX_OK;
        free(*path);
    }
    *path = NULL;
    return THORAX_OK;
}
